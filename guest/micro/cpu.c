// SPDX-License-Identifier: MIT
/*
 * CPUs of a micro guest: page tables, IDT, exceptions, #VC, AP creation.
 */
#include "guest/micro/micro.h"

#define STACK_SIZE	16384

const struct elf_info *micro_info;
struct micro_cpu micro_cpus[MICRO_CPUS];

static u64 tables[4][512] __attribute__((aligned(PAGE_SIZE)));
static struct { u64 low, high; } idt[256] __attribute__((aligned(16)));
static void (*handlers[256])(struct regs *regs);
static u8 stacks[MICRO_CPUS][STACK_SIZE] __attribute__((aligned(16)));
static u8 ghcbs[MICRO_CPUS][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
/* Two pages each: a VMSA must not start a 2 MiB page (SNP erratum). */
static u8 vmsas[MICRO_CPUS][2 * PAGE_SIZE]
	__attribute__((aligned(2 * PAGE_SIZE)));

extern u8 vector_stubs[];
void micro_ap_entry(void);

/*
 * PML4 slot 0: the first 512 GiB private, slot 1: the same shared. 1 GiB
 * pages, global mappings never change.
 */
static void map_memory(void)
{
	u64 c = micro_aware() ? 1ull << micro_info->c_bit : 0;

	for (u64 i = 0; i < 512; i++) {
		tables[1][i] = i << 30 | c | 0x83;
		tables[2][i] = i << 30 | 0x83;
	}
	tables[0][0] = (u64)tables[1] | c | 3;
	tables[0][1] = (u64)tables[2] | c | 3;
	asm volatile("movq %0, %%cr3" : : "r"((u64)tables[0] | c) : "memory");
}

void cpu_load_idt(void)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) desc = { sizeof(idt) - 1, (u64)idt };
	u16 cs;

	asm volatile("movw %%cs, %0" : "=r"(cs));
	for (unsigned int i = 0; i < 256; i++) {
		u64 at = (u64)vector_stubs + VECTOR_STUB_SIZE * i;

		idt[i].low = (at & 0xffff) | (u64)cs << 16 | 0x8e00ull << 32 |
			     (at >> 16 & 0xffff) << 48;
		idt[i].high = at >> 32;
	}
	asm volatile("lidt %0" : : "m"(desc));
}

static void cpu_init(struct micro_cpu *cpu, unsigned int index)
{
	cpu->self = cpu;
	cpu->index = index;
	cpu->apic_id = ((u32 *)micro_info->apic_ids)[index];
	cpu->ghcb = shared_view((u64)ghcbs[index]);
}

static void ghcb_register(void)
{
	u64 gpa = (u64)this_cpu()->ghcb - SHARED_BASE;

	wrmsr(MSR_GHCB, gpa | GHCB_MSR_REGISTER_REQ);
	vmgexit();
	wrmsr(MSR_GHCB, gpa);
}

void micro_start(const struct elf_info *info)
{
	micro_info = info;
	map_memory();
	cpu_load_idt();
	cpu_init(&micro_cpus[0], 0);
	wrmsr(0xc0000101, (u64)&micro_cpus[0]);
	if (micro_aware()) {
		page_share(ghcbs[0]);
		ghcb_register();
	}
	micro_cpus[0].alive = 1;
	micro_main();
	power_off();
}

/* ---- exceptions ---------------------------------------------------------- */

void set_handler(u8 vector, void (*fn)(struct regs *regs))
{
	handlers[vector] = fn;
}

void intr_default(struct regs *regs)
{
	struct micro_cpu *cpu = this_cpu();

	cpu->intr[regs->vector]++;
	cpu->last = regs->vector;
	if (regs->vector >= 32)
		apic_eoi();
}

void vc_expect(bool on)
{
	this_cpu()->vc.count = 0;
	this_cpu()->vc.code = 0;
	this_cpu()->recover = on;
}

/*
 * A faulting access that a test has announced goes on behind the two-byte
 * instruction; a trap-like #VC has already done that.
 */
static void expected(struct regs *regs)
{
	struct micro_cpu *cpu = this_cpu();
	u8 *insn = (u8 *)regs->rip;
	bool at_insn = insn[0] == 0x0f && (insn[1] == 0x30 || insn[1] == 0x32);

	if (regs->vector == VECTOR_GP) {
		cpu->gp++;
	} else {
		cpu->vc.code = regs->error;
		cpu->vc.rip = regs->rip;
		cpu->vc.count++;
	}
	if (at_insn)
		regs->rip += 2;
}

void micro_interrupt(struct regs *regs)
{
	if (handlers[regs->vector])
		handlers[regs->vector](regs);
	else
		intr_default(regs);
}

void micro_exception(struct regs *regs)
{
	u64 vector = regs->vector;

	if (handlers[vector]) {
		handlers[vector](regs);
		return;
	}
	if (this_cpu()->recover &&
	    (vector == VECTOR_GP || vector == VECTOR_VC)) {
		expected(regs);
		return;
	}
	if (vector >= 32) {
		intr_default(regs);
		return;
	}
	panic("unexpected exception", regs);
}

static bool tried(void)
{
	struct micro_cpu *cpu = this_cpu();

	return !cpu->gp && !cpu->vc.count;
}

static void try_begin(void)
{
	vc_expect(true);
	this_cpu()->gp = 0;
}

bool try_rdmsr(u32 msr, u64 *value)
{
	try_begin();
	*value = rdmsr(msr);
	this_cpu()->recover = 0;
	return tried();
}

bool try_wrmsr(u32 msr, u64 value)
{
	try_begin();
	wrmsr(msr, value);
	this_cpu()->recover = 0;
	return tried();
}

/* ---- secondary CPUs ------------------------------------------------------ */

static void copy_segment(struct vmsa_seg *seg, u16 selector, u16 attrib)
{
	seg->selector = selector;
	seg->attrib = attrib;
	seg->limit = 0xffffffff;
	seg->base = 0;
}

u64 read_cr(unsigned int n)
{
	u64 value = 0;

	if (n == 0)
		asm volatile("movq %%cr0, %0" : "=r"(value));
	if (n == 3)
		asm volatile("movq %%cr3, %0" : "=r"(value));
	if (n == 4)
		asm volatile("movq %%cr4, %0" : "=r"(value));
	return value;
}

static void table_register(struct vmsa_seg *seg, const u8 *raw)
{
	seg->limit = *(const u16 *)raw;
	__builtin_memcpy(&seg->base, raw + 2, 8);
}

void vmsa_fill(struct vmsa *v, void (*entry)(void), u64 stack_top,
	       struct micro_cpu *cpu)
{
	u8 gdtr[10], idtr[10];

	asm volatile("sgdt %0; sidt %1" : "=m"(gdtr), "=m"(idtr));
	table_register(&v->gdtr, gdtr);
	table_register(&v->idtr, idtr);
	copy_segment(&v->cs, 0x10, 0xa9b);
	copy_segment(&v->ss, 0x18, 0xc93);
	copy_segment(&v->ds, 0x18, 0xc93);
	copy_segment(&v->es, 0x18, 0xc93);
	copy_segment(&v->fs, 0x18, 0xc93);
	copy_segment(&v->gs, 0x18, 0xc93);
	v->gs.base = (u64)cpu;
	copy_segment(&v->ldtr, 0, 0x082);
	copy_segment(&v->tr, 0, 0x08b);
	v->cr0 = read_cr(0);
	v->cr3 = read_cr(3);
	v->cr4 = read_cr(4);
	v->efer = rdmsr(0xc0000080) | EFER_SVME;
	v->dr6 = 0xffff0ff0;
	v->dr7 = 0x400;
	v->rflags = 2;
	v->rip = (u64)entry;
	v->rsp = stack_top;
	v->g_pat = 0x0007040600070406;
	v->xcr0 = 1;
	v->mxcsr = 0x1f80;
	v->x87_fcw = 0x37f;
}

static void fill_secondary(struct vmsa *v, unsigned int index)
{
	vmsa_fill(v, micro_ap_entry, (u64)stacks[index] + STACK_SIZE,
		  &micro_cpus[index]);
	v->vmpl = svsm_vmpl();
	v->sev_features = rdmsr(MSR_SEV_STATUS) >> SEV_STATUS_FEATURE_SHIFT;
	if (v->sev_features & SEV_FEATURE_SECURE_AVIC)
		v->vintr_ctrl = VINTR_VGIF | VINTR_NMI_ENABLE;
}

static void create(struct micro_cpu *cpu, unsigned int index)
{
	struct vmsa *vmsa = (struct vmsa *)(vmsas[index] + PAGE_SIZE);

	page_share(ghcbs[index]);
	fill_secondary(vmsa, index);
	if (svsm_vmpl())
		check(svsm_create(index, vmsa));
	else
		check(!rmpadjust((u64)vmsa, false, 1 | RMPADJUST_VMSA));
	check(!ghcb_call_rax(GHCB_AP_CREATION, (u64)cpu->apic_id << 32 |
			     svsm_vmpl() << 16 | AP_CREATE, (u64)vmsa,
			     vmsa->sev_features, 0));
}

void cpu_start(unsigned int index)
{
	struct micro_cpu *cpu = &micro_cpus[index];

	cpu_init(cpu, index);
	if (micro_aware())
		create(cpu, index);
	else
		cpu_sipi(cpu, stacks[index] + STACK_SIZE);
	while (!cpu->alive)
		relax();
}

void micro_ap_start(void)
{
	struct micro_cpu *cpu = this_cpu();

	if (micro_aware())
		ghcb_register();
	apic_enable();
	irq_on();
	cpu->alive = 1;
	for (;;) {
		while (!cpu->work)
			relax();
		cpu->work();
		__atomic_store_n(&cpu->work, NULL, __ATOMIC_RELEASE);
	}
}

void cpu_run(unsigned int index, void (*fn)(void))
{
	__atomic_store_n(&micro_cpus[index].work, fn, __ATOMIC_RELEASE);
}

void cpu_wait(unsigned int index)
{
	while (__atomic_load_n(&micro_cpus[index].work, __ATOMIC_ACQUIRE))
		relax();
}

unsigned int cpu_count(void)
{
	return micro_info->cpus < MICRO_CPUS ? micro_info->cpus : MICRO_CPUS;
}

void wait_ticks(u64 thousands)
{
	u64 end = rdtsc() + thousands * 1000;

	while (rdtsc() < end)
		relax();
}
