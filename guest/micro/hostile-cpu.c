// SPDX-License-Identifier: MIT
/*
 * hostile-cpu try=NAME: what a guest can do to the processor that runs it. A
 * try either returns, or ends the run with the reason that its row names;
 * tests/system.sh has the same table.
 */
#include "guest/micro/micro.h"

static u8 hole[2 * PAGE_SIZE] __attribute__((aligned(2 * PAGE_SIZE)));
static u8 target[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static u8 vmsa_page[2 * PAGE_SIZE] __attribute__((aligned(2 * PAGE_SIZE)));
static u64 gdt[4] __attribute__((aligned(16)));
static u8 user_code[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static void rescind(void *page)
{
	bool cf;

	pvalidate((u64)page, false, false, &cf);
}

/* #VC on a stack that is not validated is another #VC: #DF, shutdown. */
static void vc_loop(void)
{
	rescind(hole);
	asm volatile("movq %0, %%rsp; cpuid" : : "r"(hole + 64) : "memory");
}

static void nothing(struct regs *regs)
{
	(void)regs;
}

/* The frame of an exception is written over a watchpoint. */
static void watched_frame(void)
{
	u64 stack = (u64)target + PAGE_SIZE / 2;

	set_handler(1, nothing);
	set_handler(3, nothing);
	asm volatile("movq %0, %%dr0; movq %1, %%dr7; movq %%rsp, %%rbx;"
		     "leaq 8(%0), %%rsp; int3; movq %%rbx, %%rsp;"
		     "movq %2, %%dr7"
		     : : "r"(stack - 8), "r"(0xd0602ull), "r"(0x400ull)
		     : "rbx", "memory");
}

/* The gate that the host's chipset has for address line 20. */
static void a20(void)
{
	volatile u64 *odd = (u64 *)0x700000, *even = (u64 *)0x600000;

	*even = 1;
	*odd = 2;
	ghcb_out(0x92, 1, 0);
	check(*even == 1 && *odd == 2);
	*odd = 3;
	check(*even == 1);
	ghcb_out(0x92, 1, 2);
}

/* Another CPU may have to wait for a processor of the host's host. */
static bool changes(const volatile u64 *word, u64 from)
{
	for (unsigned int i = 0; i < 2000; i++) {
		if (*word != from)
			return true;
		wait_ticks(10000);
	}
	return false;
}

static volatile u64 turns;

static void turn(void)
{
	for (;;)
		turns++;
}

/* An INIT by the registers of an APIC that this guest does not have. */
static void foreign_apic(void)
{
	u64 before;

	cpu_start(1);
	cpu_run(1, turn);
	while (!turns)
		relax();
	ghcb_mmio_write(0xfee000f0, 0x1ff);
	ghcb_mmio_write(0xfee00310, micro_cpus[1].apic_id << 24);
	ghcb_mmio_write(0xfee00300, 0x4500);
	ghcb_mmio_write(0xfee00300, 0xc4500);
	wait_ticks(20000);
	before = turns;
	check(changes(&turns, before));
}

/* ---- a 32-bit CPU ------------------------------------------------------- */

static void segment(struct vmsa_seg *seg, u16 selector, u16 attrib)
{
	seg->selector = selector;
	seg->attrib = attrib;
	seg->limit = 0xffffffff;
}

#define FLAG	0x200

/* A CPU without paging, with a gate of DPL 3 for all that leads to CPL 0. */
static struct vmsa *vmsa_32(u16 tr_attrib, unsigned int cpl)
{
	struct vmsa *v = (struct vmsa *)(vmsa_page + PAGE_SIZE);
	u16 dpl = cpl << 5;
	u64 at = (u64)target + 0x100;

	segment(&v->cs, 0x10 | cpl, 0xc9b | dpl);
	segment(&v->ss, 0x18 | cpl, 0xc93 | dpl);
	segment(&v->ds, 0x18 | cpl, 0xc93 | dpl);
	segment(&v->es, 0x18 | cpl, 0xc93 | dpl);
	segment(&v->tr, 0x20, tr_attrib);
	v->tr.base = (u64)target;
	for (unsigned int i = 0; i < 32; i++)
		((u64 *)hole)[i] = 0x0000ee0000100000ull | (at & 0xffff) |
				   (at >> 16) << 48;
	v->idtr.base = (u64)hole;
	v->idtr.limit = 0xff;
	gdt[2] = 0x00cf9b000000ffff;
	gdt[3] = 0x00cf93000000ffff;
	v->gdtr.base = (u64)gdt;
	v->gdtr.limit = sizeof(gdt) - 1;
	v->cpl = cpl;
	v->cr0 = 0x33;
	v->efer = EFER_SVME;
	v->rflags = 2;
	v->dr6 = 0xffff0ff0;
	v->dr7 = 0x400;
	v->rip = (u64)user_code;
	v->rsp = (u64)user_code + PAGE_SIZE;
	v->xcr0 = 1;
	v->mxcsr = 0x1f80;
	v->sev_features = rdmsr(MSR_SEV_STATUS) >> SEV_STATUS_FEATURE_SHIFT;
	check(!rmpadjust((u64)v, false, 1 | RMPADJUST_VMSA));
	return v;
}

/* INT3 at CPL 3: true if what the gate leads to sets the flag. */
static bool start_user_32(u16 tr_attrib)
{
	struct vmsa *v = vmsa_32(tr_attrib, 3);
	u64 id = ((u32 *)micro_info->apic_ids)[1];

	user_code[0] = 0xcc;
	check(!ghcb_call_rax(GHCB_AP_CREATION, id << 32 | AP_CREATE, (u64)v,
			     v->sev_features, 0));
	return changes((u64 *)(target + FLAG), 0);
}

/* The TSS of an #INT3 from CPL 3; its handler says that it ran. */
static void tss_busy(void)
{
	static const u8 handler[] = { 0xc6, 0x05, 0, 0, 0, 0, 1, 0xeb, 0xfe };
	u32 *tss = (u32 *)target;

	__builtin_memcpy(target + 0x100, handler, sizeof(handler));
	*(u32 *)(target + 0x102) = (u64)target + FLAG;
	tss[1] = (u64)target + 0x400;
	tss[2] = 0x18;
	check(start_user_32(0x08b));
}

static void tss_type(void)
{
	start_user_32(0x082);
}

static void tss_absent(void)
{
	start_user_32(0x00b);
}

/* ---- races -------------------------------------------------------------- */

/*
 * CPU 1 translates an instruction that begins on a page and ends on the next,
 * which is not validated, again and again; the first page is taken away.
 */
static void cross(void)
{
	asm volatile("jmp *%0" : : "r"(hole + PAGE_SIZE - 1));
}

static volatile u64 crossings;

static void again(struct regs *regs)
{
	(void)regs;
	crossings++;
}

static void page_locks(void)
{
	hole[PAGE_SIZE - 1] = 0x0f;
	set_handler(VECTOR_VC, again);
	rescind(hole + PAGE_SIZE);
	cpu_start(1);
	cpu_run(1, cross);
	while (crossings < 100)
		relax();
	for (;;) {
		page_state((u64)hole, PSC_OP_SHARED);
		page_state((u64)hole, PSC_OP_PRIVATE);
	}
}

/* ---- the memory map ----------------------------------------------------- */

static void pam(u32 value)
{
	ghcb_out(0xcf8, 4, 0x80000058);
	ghcb_out(0xcfc, 4, value << 8 | value << 16 | value << 24 | 0x08);
	ghcb_out(0xcf8, 4, 0x8000005c);
	ghcb_out(0xcfc, 4, value * 0x01010101u);
}

/*
 * The chipset could put ROM, or nothing, where the RMP has RAM: C0000h to
 * FFFFFh. Data, code and page tables there; it must not.
 */
static void chipset(void)
{
	volatile u64 *word = (u64 *)0xd0000;
	u64 *table = (u64 *)0xd1000;
	u64 cr3, there;

	asm volatile("movq %%cr3, %0" : "=r"(cr3));
	there = cr3 - (cr3 & 0xfffff000) + (u64)table;
	__builtin_memcpy(table, (void *)(cr3 & 0xfffff000), PAGE_SIZE);
	*(volatile u8 *)0xd2000 = 0xc3;
	for (u32 value = 0; value < 4; value++) {
		pam(value * 0x11);
		asm volatile("movq %0, %%cr3" : : "r"(there) : "memory");
		*word = value + 1;
		check(*word == value + 1);
		asm volatile("call *%0" : : "r"(0xd2000ull));
		asm volatile("movq %0, %%cr3" : : "r"(cr3) : "memory");
	}
}

/* ---- the storm ---------------------------------------------------------- */

static u64 state;

static u64 draw(void)
{
	u64 x = __atomic_add_fetch(&state, 0x9e3779b97f4a7c15ull,
				   __ATOMIC_RELAXED);

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

/* Create, destroy, INIT, SIPI and NMI of CPU 1, which runs or does not. */
static void storm_cpu(void)
{
	u64 features = rdmsr(MSR_SEV_STATUS) >> SEV_STATUS_FEATURE_SHIFT;
	u64 id = (u64)((u32 *)micro_info->apic_ids)[1] << 32;
	u64 vmsa = (u64)vmsa_page + PAGE_SIZE;

	for (u32 i = 0; i < 5000; i++)
		if (draw() % 2)
			ghcb_call_rax(GHCB_AP_CREATION, id | draw() % 3, vmsa,
				      features, 0);
		else
			ghcb_wrmsr(0x830, id | 0x4000 | (4 + draw() % 3) << 8);
}

static void storm(void)
{
	user_code[0] = 0xeb;
	user_code[1] = 0xfe;
	target[0x100] = 0xcf;		/* the NMI's IRET */
	vmsa_32(0x08b, 0);
	cpu_start(2);
	cpu_run(2, storm_cpu);
	storm_cpu();
	cpu_wait(2);
}

static const struct {
	const char *name;
	void (*fn)(void);
	const char *end;
} tries[] = {
	{ "vc-loop", vc_loop, "guest-panic" },
	{ "watched-frame", watched_frame, NULL },
	{ "tss-busy", tss_busy, NULL },
	{ "tss-type", tss_type, "guest-panic" },
	{ "tss-absent", tss_absent, "guest-panic" },
	{ "page-locks", page_locks, "rmp-fault" },
	{ "a20", a20, NULL },
	{ "chipset", chipset, NULL },
	{ "storm", storm, NULL },
	{ "foreign-apic", foreign_apic, NULL },
};

void micro_main(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(tries); i++) {
		if (!option_is("try", tries[i].name))
			continue;
		print("hostile-cpu: %s: expect %s\n", tries[i].name,
		      tries[i].end ? tries[i].end : "to go on");
		tries[i].fn();
		check(!tries[i].end);
		return;
	}
	panic("no such try", NULL);
}
