// SPDX-License-Identifier: MIT
/*
 * The monitor's part of a file: image, information page, page tables, VMSA.
 * Layout of its range, from the bottom:
 *
 *	image		text, read-only data, data: as the ELF file says
 *	info		arch/monitor.h		read only
 *	CPUID, secrets	its own			read only
 *	guest VMSA	first vCPU		writable
 *	tables		PML4, PDPT, PD, PTs	writable
 *	CPU areas	64 KiB each		not mapped, not in the file
 */
#include <stdlib.h>
#include <string.h>

#include "arch/snp.h"
#include "igvm/boot.h"
#include "igvm/internal.h"
#include "igvm/monitor.h"
#include "igvm/reset.h"

#define PTE_P				BIT_ULL(0)
#define PTE_W				BIT_ULL(1)
#define PTE_A				BIT_ULL(5)
#define PTE_D				BIT_ULL(6)
#define PTE_NX				BIT_ULL(63)

#define CR0_ON				0x80010031ull	/* PG WP NE ET PE */
#define CR4_ON				0x60ull		/* MCE PAE */

#define PT_COVERS			PAGE_2M
#define RANGE_MAX			(64ull << 20)

/* GPAs, all of them. */
struct plan {
	u64 image_end;
	u64 info;
	u64 cpuid;
	u64 secrets;
	u64 guest_vmsa;
	u64 tables;
	u64 tables_end;
	u64 cpus;
	u64 end;
};

static u64 align_up(u64 x, u64 to)
{
	return (x + to - 1) & ~(to - 1);
}

/*
 * The tables have one PT for each 2 MiB of the range, which they are part
 * of: enough is found in one step, since a PT more is less than 2 MiB.
 */
static struct plan make_plan(const struct monitor *mon, u64 base, u64 size)
{
	struct plan p = { .image_end = base + mon->image.end };

	p.info = p.image_end;
	p.cpuid = p.info + PAGE_SIZE;
	p.secrets = p.cpuid + PAGE_SIZE;
	p.guest_vmsa = p.secrets + PAGE_SIZE;
	p.tables = p.guest_vmsa + PAGE_SIZE;
	p.tables_end = p.tables + (3 + size / PT_COVERS) * PAGE_SIZE;
	p.cpus = align_up(p.tables_end, MONITOR_CPU_BYTES);
	p.end = p.cpus + mon->m->cpus * MONITOR_CPU_BYTES;
	return p;
}

/* ---- begin --------------------------------------------------------------- */

static int check_image(const struct monitor *mon)
{
	const struct image *i = &mon->image;

	if (!image_is_64bit(i))
		return igvm_fail(mon->err, "the monitor is not a 64-bit image");
	if (i->start || i->end > RANGE_MAX / 2)
		return igvm_fail(mon->err, "the monitor's image is not linked "
				 "for physical address 0");
	for (u32 n = 0; n < i->eh.e_phnum; n++) {
		const Elf64_Phdr *p = &i->ph[n];

		if (p->p_type != PT_LOAD || !p->p_memsz)
			continue;
		if (p->p_vaddr != MONITOR_BASE + p->p_paddr ||
		    p->p_paddr % PAGE_SIZE)
			return igvm_fail(mon->err, "the monitor's image has a "
					 "segment at the wrong address");
		if ((p->p_flags & (PF_W | PF_X)) == (PF_W | PF_X))
			return igvm_fail(mon->err, "the monitor's image has a "
					 "segment that is writable and "
					 "executable");
	}
	return 0;
}

/* At the top of low RAM: no kernel wants to be there. */
static int take_range(struct monitor *mon)
{
	struct boot_ranges ram;
	struct plan p;

	boot_ram(mon->m->memory, &ram);
	for (mon->size = PAGE_2M; ; mon->size += PAGE_2M) {
		p = make_plan(mon, 0, mon->size);
		if (p.end <= mon->size)
			break;
	}
	if (mon->size > RANGE_MAX)
		return igvm_fail(mon->err, "the monitor needs %llu MiB",
				 (unsigned long long)(mon->size >> 20));
	mon->base = boot_ranges_highest(&ram, mon->size, PAGE_2M,
					BOOT_HIGH_RAM, BOOT_BELOW_4G_MAX);
	if (!mon->base)
		return igvm_fail(mon->err, "the guest's memory has no place "
				 "for the monitor");
	mon->m->monitor.start = mon->base;
	mon->m->monitor.end = mon->base + mon->size;
	return 0;
}

int igvm_monitor_begin(struct monitor *mon, struct boot_machine *m,
		       const void *image, size_t image_bytes, u64 sev_features,
		       struct igvm_builder *b, struct igvm_error *err)
{
	u64 policy = m->policy;

	*mon = (struct monitor){
		.m = m,
		.b = b,
		.err = err,
		.sev_features = sev_features | SEV_FEATURE_SNP,
	};
	if (!m->vmpl || m->native)
		return igvm_fail(err, "a guest below a monitor has a VMPL "
				 "above 0");
	if (!m->cpus || m->cpus > MONITOR_CPUS_MAX)
		return igvm_fail(err, "%u CPUs are not between 1 and %u",
				 m->cpus, MONITOR_CPUS_MAX);
	if (image_decode(image, image_bytes, &mon->image, err) ||
	    check_image(mon) || take_range(mon))
		return -1;
	if (!policy)
		policy = SNP_POLICY_SMT | SNP_POLICY_RESERVED_ONE;
	igvm_add_platform(b, BOOT_MASK, IGVM_PLATFORM_SNP, 0, 0);
	igvm_add_policy(b, BOOT_MASK, policy);
	return 0;
}

/* ---- end ----------------------------------------------------------------- */

static u64 c_mask(const struct monitor *mon)
{
	return BIT_ULL(mon->m->c_bit ? mon->m->c_bit : SNP_C_BIT);
}

static int add_image(struct monitor *mon)
{
	const struct image *i = &mon->image;
	u8 *memory = calloc(1, i->end);

	if (!memory)
		return igvm_fail(mon->err, "not enough memory for the monitor");
	for (u32 n = 0; n < i->eh.e_phnum; n++)
		if (i->ph[n].p_type == PT_LOAD)
			memcpy(memory + i->ph[n].p_paddr,
			       i->file + i->ph[n].p_offset,
			       i->ph[n].p_filesz);
	igvm_add_range(mon->b, BOOT_MASK, mon->base, memory, i->end);
	free(memory);
	return 0;
}

static void map(const struct monitor *mon, u64 *pt, u64 gpa, u64 end,
		u64 flags)
{
	for (; gpa < end; gpa += PAGE_SIZE)
		pt[(gpa - mon->base) / PAGE_SIZE] = gpa | c_mask(mon) | PTE_P |
						    PTE_A | PTE_D | flags;
}

static void map_image(const struct monitor *mon, u64 *pt)
{
	for (u32 n = 0; n < mon->image.eh.e_phnum; n++) {
		const Elf64_Phdr *p = &mon->image.ph[n];
		u64 at = mon->base + p->p_paddr;

		if (p->p_type == PT_LOAD)
			map(mon, pt, at, at + p->p_memsz,
			    (p->p_flags & PF_W ? PTE_W : 0) |
			    (p->p_flags & PF_X ? 0 : PTE_NX));
	}
}

/* PML4[511], PDPT[510], one PD entry for each 2 MiB. */
static int add_tables(struct monitor *mon, const struct plan *p)
{
	u64 *t = calloc(1, p->tables_end - p->tables);
	u64 link = c_mask(mon) | PTE_P | PTE_W | PTE_A;
	u64 *pt = t + 3 * 512;

	if (!t)
		return igvm_fail(mon->err, "not enough memory for the monitor");
	t[511] = (p->tables + PAGE_SIZE) | link;
	t[512 + 510] = (p->tables + 2 * PAGE_SIZE) | link;
	for (u64 i = 0; i < mon->size / PT_COVERS; i++)
		t[2 * 512 + i] = (p->tables + (3 + i) * PAGE_SIZE) | link;
	map_image(mon, pt);
	map(mon, pt, p->info, p->guest_vmsa, PTE_NX);
	map(mon, pt, p->guest_vmsa, p->tables_end, PTE_NX | PTE_W);
	igvm_add_range(mon->b, BOOT_MASK, p->tables, t,
		       p->tables_end - p->tables);
	free(t);
	return 0;
}

static u32 copy_ranges(struct monitor_range *to, const struct boot_ranges *r)
{
	for (u32 i = 0; i < r->count; i++) {
		to[i].start = r->range[i].start;
		to[i].end = r->range[i].end;
	}
	return r->count;
}

/* RAM and what firmware would call ROM, but for the monitor's range. */
static int guest_memory(const struct monitor *mon,
			const struct boot_layout *guest,
			struct boot_ranges *all)
{
	*all = guest->ram;
	memmove(&all->range[2], &all->range[1],
		(all->count - 1) * sizeof(all->range[0]));
	all->range[1] = (struct boot_range){ BOOT_ROM_AREA, BOOT_HIGH_RAM };
	all->count++;
	if (!boot_ranges_subtract(all, mon->base, mon->base + mon->size))
		return igvm_fail(mon->err, "the memory is in too many pieces");
	return 0;
}

static int add_info(struct monitor *mon, const struct plan *p,
		    const struct boot_layout *guest)
{
	const struct boot_machine *m = mon->m;
	struct boot_ranges all;
	struct monitor_info info = {
		.magic = MONITOR_MAGIC,
		.version = MONITOR_VERSION,
		.guest_vmpl = m->vmpl,
		.base = mon->base,
		.size = mon->size,
		.c_bit = m->c_bit ? m->c_bit : SNP_C_BIT,
		.cpus = m->cpus,
		.tables = p->tables,
		.cpuid = p->cpuid,
		.secrets = p->secrets,
		.guest_vmsa = p->guest_vmsa,
		.cpu_area = p->cpus,
	};

	if (m->unaware) {
		info.flags = MONITOR_UNAWARE |
			     (m->no_x2apic ? MONITOR_XAPIC : 0) |
			     (m->secure_avic ? MONITOR_SECURE_AVIC : 0) |
			     (m->own_timer ? MONITOR_OWN_TIMER : 0);
	} else {
		info.guest_cpuid = guest->boot_base + BOOT_CPUID;
		info.guest_secrets = guest->boot_base + BOOT_SECRETS;
		info.guest_ca = guest->boot_base + BOOT_CALLING_AREA;
	}
	if (guest_memory(mon, guest, &all))
		return -1;
	info.guest_ranges = copy_ranges(info.guest, &all);
	info.unvalidated_ranges = copy_ranges(info.unvalidated,
					      &guest->unvalidated);
	memcpy(info.apic_id, m->apic_ids, m->cpus * sizeof(u32));
	igvm_add_range(mon->b, BOOT_MASK, p->info, &info, sizeof(info));
	return 0;
}

/* CS 08, data 10: what the monitor's own GDT has as well. */
static int add_vmsa(struct monitor *mon, const struct plan *p)
{
	const struct vmsa_seg data = { 0x10, 0xc93, 0xffffffff, 0 };
	struct vmsa v;

	vmsa_reset(&v);
	v.cs = (struct vmsa_seg){ 0x08, 0xa9b, 0xffffffff, 0 };
	v.es = v.ss = v.ds = v.fs = v.gs = data;
	v.cr0 = CR0_ON;
	v.cr3 = p->tables | c_mask(mon);
	v.cr4 = CR4_ON;
	v.efer = EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME;
	v.rip = MONITOR_BASE + mon->image.eh.e_entry;
	v.rdi = MONITOR_BASE + p->info - mon->base;
	v.sev_features = mon->sev_features;
	if (igvm_check_vmsa(&v, mon->err))
		return -1;
	igvm_add_vmsa(mon->b, BOOT_MASK, IGVM_KVM_VMSA_GPA, 0, &v);
	return 0;
}

int igvm_monitor_end(struct monitor *mon, const struct boot_layout *guest)
{
	struct plan p = make_plan(mon, mon->base, mon->size);

	if (add_image(mon) || add_info(mon, &p, guest))
		return -1;
	igvm_add_page(mon->b, BOOT_MASK, p.cpuid, IGVM_PAGE_CPUID_DATA, 0,
		      NULL);
	igvm_add_page(mon->b, BOOT_MASK, p.secrets, IGVM_PAGE_SECRETS, 0,
		      NULL);
	igvm_add_range(mon->b, BOOT_MASK, p.guest_vmsa, &guest->vmsa,
		       sizeof(guest->vmsa));
	if (add_tables(mon, &p))
		return -1;
	return add_vmsa(mon, &p);
}
