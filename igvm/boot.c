// SPDX-License-Identifier: MIT
/* Direct boot: the parts of a file that do not depend on the kernel. */
#include <stdlib.h>
#include <string.h>

#include "arch/snp.h"
#include "arch/svsm.h"
#include "igvm/acpi_build.h"
#include "igvm/boot.h"
#include "igvm/handover.h"
#include "igvm/internal.h"
#include "igvm/reset.h"
#include "igvm/shim.h"

#define PTE_P				BIT_ULL(0)
#define PTE_W				BIT_ULL(1)
#define PTE_A				BIT_ULL(5)
#define PTE_D				BIT_ULL(6)
#define PTE_PS				BIT_ULL(7)
#define PTE_TABLE			(PTE_P | PTE_W | PTE_A)
#define PTE_LARGE			(PTE_P | PTE_W | PTE_A | PTE_D | PTE_PS)
#define PAGE_1G				(1ull << 30)

#define TABLES				6	/* PML4, PDPT, four PDs */

#define CR0_PE				BIT_ULL(0)
#define CR0_ET				BIT_ULL(4)
#define CR0_PG				BIT_ULL(31)
#define CR4_PAE				BIT_ULL(5)
#define CR4_MCE				BIT_ULL(6)

static int check_machine(const struct boot_machine *m, struct igvm_error *err)
{
	if (m->memory % PAGE_SIZE || m->memory < BOOT_MEMORY_MIN ||
	    m->memory > BOOT_MEMORY_MAX)
		return igvm_fail(err, "memory of %llu bytes is not between "
				 "%llu MiB and %llu GiB in pages of 4 KiB",
				 (unsigned long long)m->memory,
				 BOOT_MEMORY_MIN >> 20, BOOT_MEMORY_MAX >> 30);
	if (!m->cpus || m->cpus > BOOT_CPUS_MAX || !m->apic_ids)
		return igvm_fail(err, "%u CPUs are not between 1 and %u",
				 m->cpus, BOOT_CPUS_MAX);
	if (m->native && (m->vmpl || m->unaware || m->sev_features))
		return igvm_fail(err, "a native guest has no VMPL and no SEV "
				 "features");
	if (m->vmpl >= SNP_VMPLS)
		return igvm_fail(err, "VMPL %u is not one of %u", m->vmpl,
				 SNP_VMPLS);
	if (m->c_bit && (m->c_bit < 32 || m->c_bit > 51))
		return igvm_fail(err, "the C-bit cannot be bit %u", m->c_bit);
	if (m->unaware && !(m->sev_features & SEV_FEATURE_VTOM))
		return igvm_fail(err, "a guest that does not know of SEV-SNP "
				 "needs a virtual top of memory");
	if (m->monitor.start > m->monitor.end ||
	    (m->monitor.start | m->monitor.end) % PAGE_SIZE ||
	    (m->monitor.end && m->monitor.start < BOOT_HIGH_RAM))
		return igvm_fail(err, "the monitor's range is not whole pages "
				 "above 1 MiB");
	return 0;
}

static void begin_file(struct boot *c)
{
	const struct boot_machine *m = c->m;
	u64 policy = m->policy;

	if (!policy)
		policy = SNP_POLICY_SMT | SNP_POLICY_RESERVED_ONE;
	if (!m->vmpl)
		igvm_add_platform(c->b, BOOT_MASK, m->native ?
				  IGVM_PLATFORM_NATIVE : IGVM_PLATFORM_SNP,
				  0, 0);
	if (!m->vmpl && !m->native)
		igvm_add_policy(c->b, BOOT_MASK, policy);
	for (u32 i = 0; i < c->out->ram.count; i++) {
		struct boot_range *r = &c->out->ram.range[i];

		igvm_add_required(c->b, BOOT_MASK, r->start,
				  r->end - r->start, 0);
	}
	if (!m->native)
		igvm_add_required(c->b, BOOT_MASK, BOOT_ROM_AREA,
				  BOOT_HIGH_RAM - BOOT_ROM_AREA, 0);
}

/* All RAM, and the ROM area: the only range that is in no e820 as RAM. */
static void begin_unvalidated(struct boot *c)
{
	struct boot_ranges *all = &c->out->unvalidated;

	*all = c->out->ram;
	memmove(&all->range[2], &all->range[1],
		(all->count - 1) * sizeof(all->range[0]));
	all->range[1] = (struct boot_range){ BOOT_ROM_AREA, BOOT_HIGH_RAM };
	all->count++;
}

int boot_begin(struct boot *c)
{
	const struct boot_machine *m = c->m;

	if (check_machine(m, c->err))
		return -1;
	memset(c->out, 0, sizeof(*c->out));
	c->out->boot_base = c->base;
	boot_ram(m->memory, &c->out->ram);
	if (m->monitor.end && !boot_ranges_contain(&c->out->ram,
						   m->monitor.start,
						   m->monitor.end))
		return igvm_fail(c->err, "the monitor's range is not RAM");
	c->free = c->out->ram;
	boot_ranges_subtract(&c->free, m->monitor.start, m->monitor.end);
	begin_unvalidated(c);
	boot_ranges_subtract(&c->out->unvalidated, m->monitor.start,
			     m->monitor.end);
	c->aware = !m->native && !m->unaware;
	c->shim = !m->native && !m->vmpl && !m->lazy;
	c->c_mask = c->aware ? BIT_ULL(m->c_bit ? m->c_bit : SNP_C_BIT) : 0;
	begin_file(c);
	return 0;
}

int boot_keep(struct boot *c, const char *what, u64 gpa, u64 size)
{
	u64 end = gpa + ((size + PAGE_SIZE - 1) & PAGE_MASK);

	if (gpa % PAGE_SIZE || end < gpa ||
	    !boot_ranges_contain(&c->free, gpa, end))
		return igvm_fail(c->err, "the %s (%llu bytes at 0x%llx) does "
				 "not lie in free RAM", what,
				 (unsigned long long)size,
				 (unsigned long long)gpa);
	if (!boot_ranges_subtract(&c->free, gpa, end))
		return igvm_fail(c->err, "the memory is in too many pieces");
	return 0;
}

/* The file holds [gpa, gpa + size): nobody has to validate it. */
static int filled(struct boot *c, u64 gpa, u64 size)
{
	u64 end = gpa + ((size + PAGE_SIZE - 1) & PAGE_MASK);

	if (!boot_ranges_subtract(&c->out->unvalidated, gpa, end))
		return igvm_fail(c->err, "the memory is in too many pieces");
	return 0;
}

int boot_place(struct boot *c, const char *what, u64 gpa, const void *data,
	       u64 size)
{
	if (boot_keep(c, what, gpa, size))
		return -1;
	igvm_add_range(c->b, BOOT_MASK, gpa, data, size);
	return filled(c, gpa, size);
}

/* With a monitor it is the monitor that fills these two. */
static int add_snp_page(struct boot *c, u64 gpa, enum igvm_page_type type)
{
	if (!c->aware || c->m->vmpl)
		return boot_keep(c, "boot area", gpa, PAGE_SIZE);
	if (boot_keep(c, "boot area", gpa, PAGE_SIZE))
		return -1;
	igvm_add_page(c->b, BOOT_MASK, gpa, type, 0, NULL);
	return filled(c, gpa, PAGE_SIZE);
}

/*
 * 08: 32-bit code, 10: 64-bit code, 18: data. The last two are what Linux
 * wants (Documentation/arch/x86/boot.rst).
 */
static int add_gdt(struct boot *c)
{
	static const u64 gdt[] = {
		0, 0x00cf9b000000ffff, 0x00af9b000000ffff, 0x00cf93000000ffff,
	};

	return boot_place(c, "GDT", c->base + BOOT_GDT, gdt, sizeof(gdt));
}

/*
 * VA = PA. The first 4 GiB, where devices live, in 2 MiB pages; RAM above in
 * 1 GiB pages. A and D are preset: the tables are private memory, and a walk
 * that need not write is one less way to fault.
 */
static int add_tables(struct boot *c)
{
	u64 gpa = c->base + BOOT_PAGE_TABLES;
	u64 (*t)[512] = calloc(TABLES, sizeof(*t));
	const struct boot_ranges *ram = &c->out->ram;
	u64 top = ram->range[ram->count - 1].end;
	int ret;

	if (!t)
		return igvm_fail(c->err, "not enough memory for page tables");
	t[0][0] = (gpa + PAGE_SIZE) | PTE_TABLE | c->c_mask;
	for (u64 i = 0; i < 4; i++)
		t[1][i] = (gpa + (2 + i) * PAGE_SIZE) | PTE_TABLE | c->c_mask;
	for (u64 i = 0; i < 4 * 512; i++)
		t[2 + i / 512][i % 512] = i * PAGE_2M | PTE_LARGE | c->c_mask;
	for (u64 i = 4; i < 512 && i * PAGE_1G < top; i++)
		t[1][i] = i * PAGE_1G | PTE_LARGE | c->c_mask;
	ret = boot_place(c, "page tables", gpa, t, TABLES * sizeof(*t));
	free(t);
	return ret;
}

static int add_acpi(struct boot *c)
{
	const size_t room = BOOT_COMMAND_LINE - BOOT_ACPI;
	u8 *area = calloc(1, room);
	int ret = -1;

	if (!area)
		return igvm_fail(c->err, "not enough memory for ACPI tables");
	c->out->rsdp = c->base + BOOT_ACPI;
	if (acpi_build(area, room, c->out->rsdp, c->m->apic_ids, c->m->cpus,
		       c->err))
		ret = boot_place(c, "ACPI tables", c->out->rsdp, area, room);
	free(area);
	return ret;
}

int boot_area(struct boot *c)
{
	if (add_snp_page(c, c->base + BOOT_SECRETS, IGVM_PAGE_SECRETS) ||
	    add_snp_page(c, c->base + BOOT_CPUID, IGVM_PAGE_CPUID_DATA))
		return -1;
	if (c->m->vmpl && boot_keep(c, "calling area",
				    c->base + BOOT_CALLING_AREA, PAGE_SIZE))
		return -1;
	return add_gdt(c) ?: add_tables(c) ?: add_acpi(c);
}

static void set_segments(struct boot *c, struct vmsa *vmsa)
{
	const struct vmsa_seg data = { 0x18, 0xc93, 0xffffffff, 0 };

	vmsa->cs = (struct vmsa_seg){ 0x10, 0xa9b, 0xffffffff, 0 };
	vmsa->es = vmsa->ss = vmsa->ds = vmsa->fs = vmsa->gs = data;
	vmsa->gdtr.base = c->base + BOOT_GDT;
	vmsa->gdtr.limit = 4 * 8 - 1;
}

/* 64-bit entry: boot.rst "64-bit boot protocol"; VMSA: APM table B-4. */
void boot_registers(struct boot *c, u64 entry, struct vmsa *vmsa)
{
	const struct boot_machine *m = c->m;

	vmsa_reset(vmsa);
	set_segments(c, vmsa);
	vmsa->cr0 = CR0_PG | CR0_ET | CR0_PE;
	vmsa->cr3 = (c->base + BOOT_PAGE_TABLES) | c->c_mask;
	vmsa->cr4 = CR4_PAE | CR4_MCE;
	vmsa->efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
	vmsa->rip = entry;
	if (m->native)
		return;
	vmsa->efer |= EFER_SVME;
	vmsa->vmpl = m->vmpl;
	vmsa->sev_features = m->sev_features | SEV_FEATURE_SNP;
	vmsa->virtual_tom = m->virtual_tom;
	/* As KVM starts Secure AVIC vCPUs: with GIF, and NMIs virtual. */
	if (vmsa->sev_features & SEV_FEATURE_SECURE_AVIC)
		vmsa->vintr_ctrl = VINTR_VGIF | VINTR_NMI_ENABLE;
}

static int add_shim(struct boot *c)
{
	struct shim_info info = { .entry = c->out->vmsa.rip };
	const struct boot_ranges *todo;

	if (boot_place(c, "shim", c->base + BOOT_SHIM, igvm_shim_start,
		       igvm_shim_end - igvm_shim_start))
		return -1;
	if (boot_keep(c, "shim", c->base + BOOT_SHIM_RANGES, sizeof(info)) ||
	    filled(c, c->base + BOOT_SHIM_RANGES, sizeof(info)))
		return -1;
	/* Only now is it settled what the shim has to do. */
	todo = &c->out->unvalidated;
	info.count = todo->count;
	for (u32 i = 0; i < todo->count; i++) {
		info.range[i].start = todo->range[i].start;
		info.range[i].end = todo->range[i].end;
	}
	igvm_add_range(c->b, BOOT_MASK, c->base + BOOT_SHIM_RANGES, &info,
		       sizeof(info));
	return 0;
}

/* In the shim's two pages: below a monitor there is no shim. */
static int add_handover(struct boot *c)
{
	struct vmsa *vmsa = &c->out->vmsa;
	struct handover_info info = {
		.entry = vmsa->rip,
		.area = c->base + BOOT_CALLING_AREA,
		.request = c->m->handover == BOOT_HANDOVER_LOCKED ?
			   SVSM_APIC_REGISTER : SVSM_APIC_DEREGISTER,
	};

	if (!c->m->vmpl || !(vmsa->sev_features & SEV_FEATURE_ALTERNATE) ||
	    c->m->unaware)
		return igvm_fail(c->err, "nothing before the kernel has "
				 "Alternate Injection to hand over");
	vmsa->rip = c->base + BOOT_SHIM;
	vmsa->rbp = c->base + BOOT_SHIM_RANGES;
	return boot_place(c, "handover", c->base + BOOT_SHIM,
			  igvm_handover_start,
			  igvm_handover_end - igvm_handover_start) ?:
	       boot_place(c, "handover", c->base + BOOT_SHIM_RANGES, &info,
			  sizeof(info));
}

int boot_end(struct boot *c)
{
	struct vmsa vmsa;

	if (c->m->handover && add_handover(c))
		return -1;
	vmsa = c->out->vmsa;
	if (c->m->native) {
		igvm_add_native_context(c->b, BOOT_MASK, 0, &vmsa);
		return 0;
	}
	if (igvm_check_vmsa(&vmsa, c->err))
		return -1;
	if (c->shim) {
		if (add_shim(c))
			return -1;
		vmsa.rip = c->base + BOOT_SHIM;
		vmsa.rbp = c->base + BOOT_SHIM_RANGES;
	}
	if (!c->m->vmpl)
		igvm_add_vmsa(c->b, BOOT_MASK, IGVM_KVM_VMSA_GPA, 0, &vmsa);
	return 0;
}
