// SPDX-License-Identifier: MIT
/*
 * vmpl: a second context at VMPL 2 on the same vCPU. Checks what each level
 * may do, that registers survive switches, and measures a round trip
 * VMPL 2 -> VMPL 0 -> VMPL 2 on the ACPI timer. Run VMPL: GHCB
 * Standardization (56421), MSR protocol 016h.
 */
#include "guest/micro/micro.h"

#define LOWER	2
#define RWX	(VMPL_PERM_R | VMPL_PERM_W | VMPL_PERM_UX | VMPL_PERM_SX)

static u8 vmsa_pages[2 * PAGE_SIZE] __attribute__((aligned(2 * PAGE_SIZE)));
static u8 lower_stack[16384] __attribute__((aligned(16)));
static u8 secret[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static u8 read_only[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static volatile u64 turns, sums, bad;
static volatile u32 probe;
static volatile bool done;

static u64 run_vmpl(unsigned int vmpl)
{
	wrmsr(MSR_GHCB, GHCB_MSR_RUN_VMPL_REQ | (u64)vmpl << 32);
	vmgexit();
	return rdmsr(MSR_GHCB);
}

/*
 * What runs at VMPL 2. Its GHCB MSR is its own. A value in a callee-saved
 * register must be there again after each turn.
 */
static void lower(void)
{
	u64 expect = 0x1122334455667788;
	u64 keep = expect;
	bool cf;

	(void)cf;
	/* VMPL 2 may not change rights of VMPL 1. */
	probe = rmpadjust((u64)read_only, false, 1 | RWX << 8);
	for (;;) {
		asm volatile("" : "+r"(keep));
		if (keep != expect)
			bad++;
		sums += turns;
		run_vmpl(0);
	}
}

/* The GHCB is shared: the RMP has no rights for it. */
static void grant(u64 start, u64 end, u64 rights)
{
	u64 ghcb = (u64)this_cpu()->ghcb - SHARED_BASE;

	for (u64 gpa = start & PAGE_MASK; gpa < end; gpa += PAGE_SIZE)
		if (gpa != ghcb && rmpadjust(gpa, false, LOWER | rights << 8))
			panic("RMPADJUST refused", NULL);
}

static struct vmsa *make_vmsa(void)
{
	struct vmsa *v = (struct vmsa *)(vmsa_pages + PAGE_SIZE);

	vmsa_fill(v, lower, (u64)lower_stack + sizeof(lower_stack) - 8, NULL);
	v->vmpl = LOWER;
	v->sev_features = SEV_FEATURE_SNP;
	return v;
}

static u32 pm_timer(void)
{
	return ghcb_in(0x608, 4) & 0xffffff;
}

/* Nanoseconds per round trip, from a 3.579545 MHz counter of 24 bits. */
static u64 measure(u32 rounds)
{
	u32 start = pm_timer();

	for (u32 i = 0; i < rounds; i++) {
		turns++;
		run_vmpl(LOWER);
	}
	return (u64)((pm_timer() - start) & 0xffffff) * 1000000 /
	       (3580 * (u64)rounds);
}

void micro_main(void)
{
	struct vmsa *vmsa = make_vmsa();
	u32 rounds = option("count", 2000);
	u64 best = ~0ull, ns;

	check(run_vmpl(LOWER) >> 32 != 0);	/* nothing there yet */
	check(run_vmpl(4) >> 32 != 0);
	check(run_vmpl(0) >> 32 == 0);

	grant(micro_info->image_start, micro_info->image_end, RWX);
	grant(micro_info->boot_start, micro_info->boot_end, RWX);
	grant((u64)secret, (u64)secret + PAGE_SIZE, 0);
	grant((u64)read_only, (u64)read_only + PAGE_SIZE, VMPL_PERM_R);
	check(!rmpadjust((u64)vmsa, false, LOWER | RMPADJUST_VMSA));
	check(!ghcb_call_rax(GHCB_AP_CREATION,
			     (u64)this_cpu()->apic_id << 32 | LOWER << 16 |
			     AP_CREATE_ON_INIT, (u64)vmsa,
			     SEV_FEATURE_SNP, 0));
	turns = 1;
	check(run_vmpl(LOWER) == GHCB_MSR_RUN_VMPL);
	check(probe == RMP_FAIL_PERMISSION);
	check(sums == 1);
	check(vmsa->exit_code == EXIT_VMGEXIT);
	check(vmsa->rip > (u64)lower);

	for (unsigned int i = 0; i < 5; i++) {
		ns = measure(rounds);
		if (ns < best)
			best = ns;
	}
	check(sums == turns * (turns + 1) / 2);
	check(!bad);
	print("belfry: round trip %u ns over %u switches\n", best,
	      (u64)rounds * 2);
}
