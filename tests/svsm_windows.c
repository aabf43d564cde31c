// SPDX-License-Identifier: MIT
/*
 * #HV at every single instruction of the two pieces of code that must not go
 * on after it: the VMPL switch and the idle HLT (56421 section 5.5).
 *
 * The monitor's own machine code runs here, single-stepped. At a boundary the
 * test plays the processor: it pushes an interrupt frame and goes to the #HV
 * entry, whose IRET works in user mode as well. VMGEXIT and HLT it plays
 * too: it counts them and steps over them.
 *
 * What must hold: once #HV has been delivered, nobody enters the guest or
 * goes to sleep before the doorbell has been looked at; and whoever was
 * interrupted finds all registers as they were, RIP aside.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include "arch/types.h"
#include "svsm/start.h"

u64 svsm_switch(const volatile u16 *pending);
void svsm_halt(const volatile u16 *pending, const volatile u64 *work);
extern const u8 svsm_entry[], svsm_hv_entry[], svsm_stubs[];

/* What start.S calls elsewhere; nobody gets there. */
void svsm_start(void) { }
void svsm_main(void) { }
void svsm_ap_main(void) { }
void svsm_trap(void) { }

#define NEVER	(~0u)

static volatile u16 pending;
static volatile u64 work;

static struct {
	u32 outer_at;		/* boundary of the first #HV */
	u32 nested_at;		/* boundary within its handler: the second */
	u32 steps;		/* boundaries of the code under test */
	u32 hv_steps;		/* of handlers */
	bool delivered;
	bool nested;
	u32 gone;		/* VMGEXIT or HLT executed ... */
	u32 gone_after;		/* ... after #HV */
	u32 depth;		/* handlers that run */
	u32 spoilt;		/* registers that did not come back */
	greg_t before[2][NGREG];
	u64 floor[2];		/* RSP below a frame */
} run;

static const u8 vmgexit_bytes[] = { 0xf3, 0x0f, 0x01, 0xd9 };
#define HLT_BYTE	0xf4

static bool in_handler(u64 rip)
{
	return rip >= (u64)svsm_hv_entry && rip < (u64)svsm_stubs;
}

/* switch and halt lie before the #HV entry. */
static bool in_code(u64 rip)
{
	return rip >= (u64)svsm_switch && rip < (u64)svsm_hv_entry;
}

static void push(u64 *rsp, u64 value)
{
	*rsp -= 8;
	*(u64 *)*rsp = value;
}

static void deliver(greg_t *r)
{
	u64 old_rsp = r[REG_RSP], rsp = old_rsp & ~15ull;
	u64 selectors = r[REG_CSGSFS];

	push(&rsp, selectors >> 48);
	push(&rsp, old_rsp);
	push(&rsp, r[REG_EFL]);
	push(&rsp, selectors & 0xffff);
	push(&rsp, r[REG_RIP]);
	memcpy(run.before[run.depth], r, sizeof(run.before[0]));
	run.floor[run.depth++] = rsp;
	r[REG_RSP] = rsp;
	r[REG_RIP] = (u64)svsm_hv_entry;
	pending |= NO_FURTHER_SIGNAL;
	run.delivered = true;
}

/* RSP above the innermost frame: its IRET has been executed. */
static void returned(const greg_t *r)
{
	static const int kept[] = {
		REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14,
		REG_R15, REG_RDI, REG_RSI, REG_RBP, REG_RBX, REG_RDX, REG_RAX,
		REG_RCX, REG_RSP, REG_EFL,
	};
	const greg_t *before;

	if (!run.depth || (u64)r[REG_RSP] <= run.floor[run.depth - 1])
		return;
	before = run.before[--run.depth];
	for (unsigned int i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		run.spoilt += r[kept[i]] != before[kept[i]];
}

static bool step_over(greg_t *r)
{
	const u8 *at = (const u8 *)r[REG_RIP];
	u32 bytes = 0;

	if (!memcmp(at, vmgexit_bytes, sizeof(vmgexit_bytes)))
		bytes = sizeof(vmgexit_bytes);
	else if (*at == HLT_BYTE)
		bytes = 1;
	if (!bytes)
		return false;
	run.gone++;
	run.gone_after += run.delivered;
	r[REG_RIP] += bytes;
	return true;
}

static void on_step(int signal, siginfo_t *siginfo, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)signal;
	(void)siginfo;
	returned(r);
	for (;;) {
		if (in_handler(r[REG_RIP])) {
			if (run.hv_steps++ != run.nested_at || run.nested)
				return;
			run.nested = true;
			deliver(r);
			continue;
		}
		if (!in_code(r[REG_RIP]))
			return;
		if (run.steps++ == run.outer_at) {
			deliver(r);
			continue;
		}
		if (!step_over(r))
			return;
	}
}

/* Returns what svsm_switch() does; 0 for svsm_halt(). */
static u64 stepped(bool halt, u32 outer_at, u32 nested_at)
{
	u64 result = 0;

	memset(&run, 0, sizeof(run));
	run.outer_at = outer_at;
	run.nested_at = nested_at;
	asm volatile("pushfq; orl $0x100, (%%rsp); popfq" : : : "memory", "cc");
	if (halt)
		svsm_halt(&pending, &work);
	else
		result = svsm_switch(&pending);
	asm volatile("pushfq; andl $~0x100, (%%rsp); popfq"
		     : : : "memory", "cc");
	return result;
}

static int setup(void **state)
{
	struct sigaction action = {
		.sa_sigaction = on_step,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	static u8 stack[65536];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };

	(void)state;
	sigaltstack(&alternate, NULL);
	sigaction(SIGTRAP, &action, NULL);
	pending = 0;
	work = 0;
	return 0;
}

static void goes_when_nothing_is_pending(void **state)
{
	(void)state;
	assert_int_equal(stepped(false, NEVER, NEVER), 0);
	assert_int_equal(run.gone, 1);
	assert_int_equal(stepped(true, NEVER, NEVER), 0);
	assert_int_equal(run.gone, 1);
}

static void stays_when_something_is(void **state)
{
	(void)state;
	pending = NO_FURTHER_SIGNAL | 0x30;
	assert_int_equal(stepped(false, NEVER, NEVER), 1);
	assert_int_equal(run.gone, 0);
	stepped(true, NEVER, NEVER);
	assert_int_equal(run.gone, 0);
	pending = 0;
	work = 1;
	stepped(true, NEVER, NEVER);
	assert_int_equal(run.gone, 0);
	/* A vector alone is one that was left there: not a reason to stay. */
	pending = 0x0e;
	assert_int_equal(stepped(false, NEVER, NEVER), 0);
	assert_int_equal(run.gone, 1);
}

/* One #HV at each boundary, and each boundary of its handler for another. */
static void sweep(bool halt)
{
	u32 boundaries, handler, at, nested, before = 0, after = 0;
	u64 result;

	stepped(halt, NEVER, NEVER);
	boundaries = run.steps;
	assert_true(boundaries >= 4);
	for (at = 0; at < boundaries; at++) {
		pending = 0;
		stepped(halt, at, NEVER);
		handler = run.hv_steps;
		assert_true(handler >= 8);
		for (nested = 0; nested <= handler; nested++) {
			pending = 0;
			result = stepped(halt, at, nested < handler ? nested :
							NEVER);
			assert_true(run.delivered);
			assert_int_equal(run.nested, nested < handler);
			assert_int_equal(run.gone_after, 0);
			assert_int_equal(run.depth, 0);
			assert_int_equal(run.spoilt, 0);
			if (!halt)
				assert_int_equal(result, !run.gone);
			if (run.gone)
				after++;
			else
				before++;
		}
	}
	/* Both sides of VMGEXIT or HLT were there. */
	assert_true(before > 0 && after > 0);
}

static void hv_anywhere_in_the_switch(void **state)
{
	(void)state;
	sweep(false);
}

static void hv_anywhere_in_the_halt(void **state)
{
	(void)state;
	sweep(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(goes_when_nothing_is_pending, setup),
		cmocka_unit_test_setup(stays_when_something_is, setup),
		cmocka_unit_test_setup(hv_anywhere_in_the_switch, setup),
		cmocka_unit_test_setup(hv_anywhere_in_the_halt, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
