// SPDX-License-Identifier: MIT
/*
 * The monitor's own doorbell page in the hands of any host: what svsm/hv.c
 * takes from it, and what it makes of that. The GHCB and HLT are played here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "svsm/svsm.h"

#define EOI_MSR		0x80b
#define GPA		0x8000000ull

static struct doorbell page;
static struct cpu cpu;
static jmp_buf stopped;
static struct {
	unsigned int eois, halts, others;
	u64 base, doorbell_gpa, doorbell_op, answer, news;
	u32 result;
	u64 svr;
	const char *why;
	enum monitor_reason reason;
	void (*on_eoi)(void);		/* the host, at once */
} host;

/* ---- what hv.c needs of the rest ----------------------------------------- */

void stop(enum monitor_reason reason, const char *why, u64 value)
{
	(void)value;
	host.reason = reason;
	host.why = why;
	longjmp(stopped, 1);
}

u32 ghcb_call(u64 code, u64 info1, u64 info2, u64 rax, u64 *info2_out)
{
	(void)rax;
	if (code == GHCB_DOORBELL) {
		host.doorbell_op = info1;
		host.doorbell_gpa = info2;
		*info2_out = host.answer;
	} else if (code == GHCB_CONFIGURE_INJECTION) {
		host.news = info1;
	} else {
		host.others++;
	}
	return host.result;
}

u64 ghcb_rdmsr(u32 msr)
{
	assert_int_equal(msr, 0x1b);
	return host.base;
}

void ghcb_wrmsr(u32 msr, u64 value)
{
	if (msr == 0x1b) {
		host.base = value;
	} else if (msr == 0x80f) {
		host.svr = value;
	} else {
		assert_int_equal(msr, EOI_MSR);
		assert_int_equal(value, 0);
		host.eois++;
		if (host.on_eoi)
			host.on_eoi();
	}
}

void svsm_halt(const volatile u16 *pending, const volatile u64 *work)
{
	assert_ptr_equal(pending, &page.pending);
	assert_non_null(work);
	host.halts++;
}

static int setup(void **state)
{
	(void)state;
	memset(&page, 0, sizeof(page));
	memset(&cpu, 0, sizeof(cpu));
	memset(&host, 0, sizeof(host));
	cpu.doorbell = &page;
	cpu.pending = &page.pending;
	cpu.ghcb_gpa = GPA + AREA_GHCB;
	cpu.apic_id = 3;
	return 0;
}

/* Does it stop the monitor? */
static bool stops(void (*what)(struct cpu *))
{
	if (setjmp(stopped))
		return true;
	what(&cpu);
	return false;
}

/* ---- start --------------------------------------------------------------- */

static void registers_its_page(void **state)
{
	(void)state;
	host.answer = GPA + AREA_DOORBELL;
	assert_false(stops(hv_start));
	assert_int_equal(host.doorbell_op, DOORBELL_SET);
	assert_int_equal(host.doorbell_gpa, GPA + AREA_DOORBELL);
	assert_int_equal(host.base, 0xc00);
	assert_int_equal(host.svr & 0x100, 0x100);
}

/* The host names another page, or takes none. */
static void wrong_answers(void **state)
{
	(void)state;
	host.answer = GPA + AREA_GHCB;
	assert_true(stops(hv_start));
	assert_int_equal(host.reason, MONITOR_STOP_GHCB);
	setup(state);
	host.answer = GPA + AREA_DOORBELL;
	host.result = 2;
	assert_true(stops(hv_start));
}

static void news(struct cpu *unused)
{
	(void)unused;
	hv_want_news();
}

/* 8000001Bh gets a vector that is one; refused, there is no going on. */
static void wants_news(void **state)
{
	(void)state;
	assert_false(stops(news));
	assert_true(host.news >= 32);
	assert_int_equal(host.others, 0);
	host.result = 2;
	assert_true(stops(news));
	assert_int_equal(host.reason, MONITOR_STOP_GHCB);
}

/* ---- the page ------------------------------------------------------------ */

/*
 * Rows 35 and 96: any vector, the guest's own ones among them, ends as one
 * EOI; below 16 not even that. Nothing else is reached.
 */
static void every_vector(void **state)
{
	for (unsigned int v = 0; v < 256; v++)
		for (unsigned int nfs = 0; nfs < 2; nfs++) {
			setup(state);
			page.vector = v;
			page.flags = nfs ? DOORBELL_FLAG_NO_FURTHER_SIGNAL : 0;
			assert_false(stops(hv_poll));
			assert_int_equal(host.eois, v >= 16);
			assert_int_equal(page.vector, v >= 16 ? 0 : v);
			assert_int_equal(page.flags, 0);
			assert_int_equal(host.others + host.halts, 0);
		}
}

static void refill(void)
{
	page.vector = 0xe0;
	page.flags = DOORBELL_FLAG_NO_FURTHER_SIGNAL;
}

/* Row 36: a byte that is full again each time does not hold the CPU. */
static void refilled(void **state)
{
	(void)state;
	host.on_eoi = refill;
	refill();
	assert_false(stops(hv_poll));
	assert_in_range(host.eois, 2, 1000);
	/* and is known to be there */
	assert_true(page.pending & DOORBELL_NO_FURTHER_SIGNAL);
}

/* Row 37: flags that mean nothing, or lie. */
static void every_flag(void **state)
{
	for (unsigned int flags = 0; flags < 256; flags++) {
		if (flags & DOORBELL_FLAG_MC)
			continue;
		setup(state);
		page.flags = flags;
		page.vector = 0x41;
		assert_false(stops(hv_poll));
		assert_int_equal(host.eois, 1);
		assert_int_equal(page.pending, 0);
	}
}

/* Rows 38 and 39: a machine check ends it by name; an NMI is nothing. */
static void machine_check_and_nmi(void **state)
{
	(void)state;
	page.flags = DOORBELL_FLAG_NMI;
	assert_false(stops(hv_poll));
	assert_int_equal(page.flags, 0);
	assert_int_equal(host.eois, 0);
	page.flags = DOORBELL_FLAG_MC;
	assert_true(stops(hv_poll));
	assert_int_equal(host.reason, MONITOR_STOP_MC);
	assert_string_equal(host.why, "machine check");
}

/* Row 40: the byte decides whether the host is told, and nothing more. */
static void no_eoi_required(void **state)
{
	for (unsigned int byte = 0; byte < 256; byte++) {
		setup(state);
		page.vector = 0xe0;
		page.no_eoi_required = byte;
		assert_false(stops(hv_poll));
		assert_int_equal(host.eois, !byte);
		assert_int_equal(page.no_eoi_required, 0);
	}
}

/* The rest of the page is not touched: it is the guest's news. */
static void leaves_the_rest(void **state)
{
	struct doorbell before;

	(void)state;
	memset(&page, 0xff, sizeof(page));
	page.flags = DOORBELL_FLAG_NO_FURTHER_SIGNAL;
	before = page;
	assert_false(stops(hv_poll));
	before.vector = before.flags = before.no_eoi_required = 0;
	assert_memory_equal(&before, &page, sizeof(page));
}

/* ---- sleep --------------------------------------------------------------- */

static void idle(void **state)
{
	(void)state;
	hv_idle(&cpu, false);
	hv_idle(&cpu, true);
	assert_int_equal(host.halts, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(registers_its_page, setup),
		cmocka_unit_test_setup(wrong_answers, setup),
		cmocka_unit_test_setup(wants_news, setup),
		cmocka_unit_test_setup(every_vector, setup),
		cmocka_unit_test_setup(refilled, setup),
		cmocka_unit_test_setup(every_flag, setup),
		cmocka_unit_test_setup(machine_check_and_nmi, setup),
		cmocka_unit_test_setup(no_eoi_required, setup),
		cmocka_unit_test_setup(leaves_the_rest, setup),
		cmocka_unit_test_setup(idle, setup),
	};

	return cmocka_run_group_tests_name("svsm_hv", tests, NULL, NULL);
}
