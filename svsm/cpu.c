// SPDX-License-Identifier: MIT
/* CPUs: their memory, descriptor tables, and how the others are started. */
#include "svsm/counters.h"
#include "svsm/insn.h"
#include "svsm/svsm.h"

#define MSR_GS_BASE	0xc0000101
#define GDT_CODE	0x00af9b000000ffffull
#define GDT_DATA	0x00cf93000000ffffull

u64 cpu_area(u32 index)
{
	return info.cpu_area + index * MONITOR_CPU_BYTES;
}

struct cpu *cpu_of(u32 index)
{
	return monitor_va(cpu_area(index) + AREA_CPU);
}

struct apic_counters *cpu_counters(u32 index)
{
	struct counters *c = monitor_va(cpu_area(index) + MONITOR_COUNTERS);

	return &c->apic;
}

static void take_counters(u64 area)
{
	struct counters *c = monitor_take(area + MONITOR_COUNTERS);

	monitor_take(area + MONITOR_COUNTERS + PAGE_SIZE);
	c->magic = COUNTERS_MAGIC;
}

/* A TSS descriptor takes two slots (APM vol. 2, 4.8.3). */
static void fill_gdt(struct cpu *cpu)
{
	u64 base = (u64)&cpu->tss;

	cpu->gdt[1] = GDT_CODE;
	cpu->gdt[2] = GDT_DATA;
	cpu->gdt[3] = (sizeof(struct tss) - 1) | (base & 0xffffff) << 16 |
		      0x89ull << 40 | (base >> 24 & 0xff) << 56;
	cpu->gdt[4] = base >> 32;
}

/* Pages shared with the host are not touched before they are its own. */
static void *share(u64 gpa)
{
	void *page;

	ghcb_make_shared(gpa);
	page = monitor_map(gpa, PAGE_SHARED);
	__builtin_memset(page, 0, PAGE_SIZE);
	return page;
}

struct cpu *cpu_prepare(u32 index)
{
	u64 area = cpu_area(index);
	struct cpu *cpu = monitor_take(area + AREA_CPU);

	for (u64 at = AREA_STACK; at < AREA_STACK_END; at += PAGE_SIZE)
		monitor_take(area + at);
	monitor_take(area + AREA_DF_STACK);
	take_counters(area);
	cpu->self = cpu;
	cpu->index = index;
	cpu->apic_id = info.apic_id[index];
	cpu->stack_top = (u64)monitor_va(area + AREA_STACK_END);
	cpu->tss.ist[0] = (u64)monitor_va(area + AREA_DF_STACK) + PAGE_SIZE;
	cpu->tss.iomap = sizeof(struct tss);
	/* For the VMSA of one that is to be started. */
	fill_gdt(cpu);
	cpu->ghcb = share(area + AREA_GHCB);
	cpu->ghcb_gpa = area + AREA_GHCB;
	cpu->doorbell = share(area + AREA_DOORBELL);
	cpu->pending = &cpu->doorbell->pending;
	return cpu;
}

/* The segments that the VMSA has loaded have these descriptors already. */
void cpu_load_tables(struct cpu *cpu)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) gdtr = { sizeof(cpu->gdt) - 1,
					   (u64)cpu->gdt };

	fill_gdt(cpu);
	asm volatile("lgdt %0; ltr %w1"
		     : : "m"(gdtr), "r"(SELECTOR_TSS) : "memory");
	wrmsr(MSR_GS_BASE, (u64)cpu);
}

/* ---- the others ---------------------------------------------------------- */

static void segment(struct vmsa_seg *seg, u16 selector, u16 attrib)
{
	seg->selector = selector;
	seg->attrib = attrib;
	seg->limit = 0xffffffff;
}

static void fill_segments(struct cpu *cpu, struct vmsa *v)
{
	segment(&v->cs, SELECTOR_CODE, 0xa9b);
	segment(&v->ss, SELECTOR_DATA, 0xc93);
	segment(&v->ds, SELECTOR_DATA, 0xc93);
	segment(&v->es, SELECTOR_DATA, 0xc93);
	segment(&v->fs, SELECTOR_DATA, 0xc93);
	segment(&v->gs, SELECTOR_DATA, 0xc93);
	v->gs.base = (u64)cpu;
	segment(&v->ldtr, 0, 0x082);
	segment(&v->tr, SELECTOR_TSS, 0x08b);
	v->tr.base = (u64)&cpu->tss;
	v->tr.limit = sizeof(struct tss) - 1;
	v->gdtr.base = (u64)cpu->gdt;
	v->gdtr.limit = sizeof(cpu->gdt) - 1;
	__builtin_memcpy(&v->idtr.base, idt_pointer + 2, 8);
	v->idtr.limit = idt_pointer[0] | idt_pointer[1] << 8;
}

static void fill_vmsa(struct cpu *cpu, struct vmsa *v)
{
	u64 cr0, cr3, cr4;

	asm("movq %%cr0, %0; movq %%cr3, %1; movq %%cr4, %2"
	    : "=r"(cr0), "=r"(cr3), "=r"(cr4));
	fill_segments(cpu, v);
	v->cr0 = cr0;
	v->cr3 = cr3;
	v->cr4 = cr4;
	v->efer = rdmsr(0xc0000080) | EFER_SVME;
	v->rflags = 2;
	v->dr6 = 0xffff0ff0;
	v->dr7 = 0x400;
	v->rip = (u64)svsm_ap_entry;
	v->rsp = cpu->stack_top;
	v->rdi = (u64)cpu;
	v->g_pat = 0x0007040600070406;
	v->xcr0 = 1;
	v->mxcsr = 0x1f80;
	v->x87_fcw = 0x40;
	v->x87_ftw = 0x5555;
	v->sev_features = own_features;
}

/* AP creation, 56421 section 4.1.9; the bit VMSA needs some VMPL above 0. */
void cpu_start(struct cpu *cpu)
{
	u64 gpa = cpu_area(cpu->index) + AREA_VMSA;
	struct vmsa *v = monitor_take(gpa);

	fill_vmsa(cpu, v);
	if (insn_rmpadjust(v, false, 1 | RMPADJUST_VMSA))
		stop(MONITOR_STOP_RMPADJUST, "a VMSA of the monitor is refused",
		     gpa);
	if (ghcb_call(GHCB_AP_CREATION, (u64)cpu->apic_id << 32 | AP_CREATE,
		      gpa, own_features, NULL))
		stop(MONITOR_STOP_GHCB, "the host does not start a CPU",
		     cpu->apic_id);
	while (!__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE))
		relax();
}
