// SPDX-License-Identifier: MIT
/*
 * Interrupts the normal way: devices, IPIs, timer, NMIs, and when a vCPU
 * that halts or runs must be woken. docs/ghcb.md.
 */
#include <string.h>

#include "tests/lib/host_rig.h"
#include "tests/lib/rows.h"

#define X2APIC(reg)	X2APIC_MSR(reg)

static void edge_while_running(void **state)
{
	struct rig r;

	(void)state;
	rig_smp(&r, 2);
	host_msi(r.h, MSI_TO(0), 0x41);
	assert_int_equal(rig_kicks(&r, 0), 1);
	assert_int_equal(rig_kicks(&r, 1), 0);
	assert_int_equal(script_interrupt(&r.s, 0), -1);
	machine_kicked(r.m, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	assert_int_equal(script_interrupt(&r.s, 0), -1);
	rig_eoi(&r, 0);
	assert_int_equal(rig_count(&r, 0, 0x41)->presented, 1);
	assert_int_equal(rig_count(&r, 0, 0x41)->eoi, 1);
	rig_free(&r);
}

static void waits_for_if(void **state)
{
	struct rig r;

	(void)state;
	rig_smp(&r, 1);
	r.s.cpu[0].regs.rflags = 2;
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	assert_int_equal(script_interrupt(&r.s, 0), -1);
	r.s.cpu[0].regs.rflags |= RFLAGS_IF;
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	rig_free(&r);
}

/* No exit is needed when CR8 falls: hardware compares V_TPR. */
static void waits_for_cr8(void **state)
{
	struct rig r;
	u64 tpr;

	(void)state;
	rig_smp(&r, 1);
	machine_write_cr8(r.m, 0, 5);
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	assert_int_equal(script_interrupt(&r.s, 0), -1);
	assert_true(rig_rdmsr(&r, 0, X2APIC(APIC_TPR), &tpr));
	assert_int_equal(tpr, 0x50);
	machine_write_cr8(r.m, 0, 3);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	rig_free(&r);
}

static void tpr_write_reaches_cr8(void **state)
{
	struct rig r;
	u64 tpr;

	(void)state;
	rig_smp(&r, 1);
	assert_true(rig_wrmsr(&r, 0, X2APIC(APIC_TPR), 0x73));
	assert_int_equal(machine_read_cr8(r.m, 0), 7);
	/* the low bits, which CR8 does not have, stay */
	assert_true(rig_rdmsr(&r, 0, X2APIC(APIC_TPR), &tpr));
	assert_int_equal(tpr, 0x73);
	rig_free(&r);
}

static void higher_first_then_nested(void **state)
{
	struct rig r;

	(void)state;
	rig_smp(&r, 1);
	host_msi(r.h, MSI_TO(0), 0x41);
	host_msi(r.h, MSI_TO(0), 0x61);
	host_msi(r.h, MSI_TO(0), 0x65);
	rig_pump(&r);
	assert_int_equal(script_interrupt(&r.s, 0), 0x65);
	r.s.cpu[0].regs.rflags |= RFLAGS_IF;
	host_msi(r.h, MSI_TO(0), 0x71);
	rig_pump(&r);
	/* same class waits for EOI, a higher one does not */
	assert_int_equal(script_interrupt(&r.s, 0), 0x71);
	r.s.cpu[0].regs.rflags |= RFLAGS_IF;
	rig_eoi(&r, 0);
	assert_int_equal(script_interrupt(&r.s, 0), -1);
	rig_eoi(&r, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0x61);
	rig_eoi(&r, 0);
	r.s.cpu[0].regs.rflags |= RFLAGS_IF;
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	rig_free(&r);
}

/*
 * The guest has taken the vector, the host does not know it yet, and the
 * device sends again: the second must not coalesce with the first.
 */
static void again_while_unsettled(void **state)
{
	struct rig r;

	(void)state;
	rig_smp(&r, 1);
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	host_msi(r.h, MSI_TO(0), 0x41);
	r.s.cpu[0].regs.rflags |= RFLAGS_IF;
	rig_eoi(&r, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	assert_int_equal(rig_count(&r, 0, 0x41)->coalesced, 0);
	/* not taken: then they are one */
	rig_eoi(&r, 0);
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	machine_kicked(r.m, 0);
	assert_int_equal(rig_count(&r, 0, 0x41)->coalesced, 1);
	rig_free(&r);
}

/* A higher vector takes the place of one offered and not yet taken. */
static void offer_is_replaced(void **state)
{
	struct rig r;

	(void)state;
	rig_smp(&r, 1);
	r.s.cpu[0].regs.rflags = 2;
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	host_msi(r.h, MSI_TO(0), 0x91);
	assert_int_equal(rig_kicks(&r, 0), 1);
	machine_kicked(r.m, 0);
	host_msi(r.h, MSI_TO(0), 0x31);
	assert_int_equal(rig_kicks(&r, 0), 0);
	r.s.cpu[0].regs.rflags |= RFLAGS_IF;
	assert_int_equal(script_interrupt(&r.s, 0), 0x91);
	rig_eoi(&r, 0);
	r.s.cpu[0].regs.rflags |= RFLAGS_IF;
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	rig_free(&r);
}

static void kicked_once(void **state)
{
	struct rig r;

	(void)state;
	rig_smp(&r, 1);
	host_msi(r.h, MSI_TO(0), 0x41);
	host_msi(r.h, MSI_TO(0), 0x51);
	host_msi(r.h, MSI_TO(0), 0x61);
	assert_int_equal(rig_kicks(&r, 0), 1);
	assert_int_equal(host_stats(r.h, 0)->kicks_elided > 1, 1);
	rig_free(&r);
}

static void halt_and_wake(void **state)
{
	struct rig r;

	(void)state;
	rig_smp(&r, 1);
	assert_int_equal(rig_hlt(&r, 0), MACH_IDLE);
	assert_int_equal(rig_ctx(&r, 0, 0)->state, CTX_HALTED);
	host_msi(r.h, MSI_TO(0), 0x41);
	assert_int_equal(rig_kicks(&r, 0), 1);
	assert_int_equal(machine_kicked(r.m, 0), MACH_RESUME);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	rig_free(&r);
}

/* Kicks without a reason do not end a HLT. */
static void halt_stays(void **state)
{
	struct rig r;

	(void)state;
	rig_smp(&r, 1);
	rig_hlt(&r, 0);
	assert_int_equal(machine_kicked(r.m, 0), MACH_IDLE);
	assert_int_equal(machine_kicked(r.m, 0), MACH_IDLE);
	rig_free(&r);
}

/* Posted between the decision to halt and the exit: seen at the exit. */
static void posted_before_halt(void **state)
{
	struct rig r;

	(void)state;
	rig_smp(&r, 1);
	host_msi(r.h, MSI_TO(0), 0x41);
	assert_int_equal(rig_hlt(&r, 0), MACH_RESUME);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	/* the kick of before comes late and finds nothing to do */
	assert_int_equal(machine_kicked(r.m, 0), MACH_RESUME);
	rig_free(&r);
}

/* IF clear: halting again and again must not spin, a new vector may wake. */
static void halt_with_if_clear(void **state)
{
	struct rig r;

	(void)state;
	rig_smp(&r, 1);
	r.s.cpu[0].regs.rflags = 2;
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	assert_int_equal(rig_hlt(&r, 0), MACH_IDLE);
	assert_int_equal(machine_kicked(r.m, 0), MACH_IDLE);
	host_msi(r.h, MSI_TO(0), 0x31);
	assert_int_equal(rig_kicks(&r, 0), 0);
	host_nmi(r.h, 0);
	assert_int_equal(rig_kicks(&r, 0), 1);
	assert_int_equal(machine_kicked(r.m, 0), MACH_RESUME);
	rig_free(&r);
}

static void plain_hlt_exit_goes_on(void **state)
{
	struct rig r;
	struct host_ctx *c;

	(void)state;
	rig_smp(&r, 1);
	c = rig_ctx(&r, 0, 0);
	c->vmcb->intercept[INTERCEPT_IDLE_HLT / 32] = 0;
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	assert_int_equal(rig_hlt(&r, 0), MACH_RESUME);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	rig_eoi(&r, 0);
	assert_int_equal(rig_hlt(&r, 0), MACH_IDLE);
	rig_free(&r);
}

static void nmi_is_delivered_once(void **state)
{
	struct rig r;
	u64 event;

	(void)state;
	rig_smp(&r, 1);
	host_nmi(r.h, 0);
	host_nmi(r.h, 0);
	rig_pump(&r);
	assert_int_equal(script_boundary(&r.s, 0, &event), EVENT_DELIVER);
	assert_int_equal(event, event_make(EVENT_NMI, VECTOR_NMI));
	/* the next one waits for IRET */
	host_nmi(r.h, 0);
	rig_pump(&r);
	assert_int_equal(script_boundary(&r.s, 0, &event), EVENT_BLOCKED);
	r.s.cpu[0].regs.nmi_masked = false;
	assert_int_equal(script_boundary(&r.s, 0, &event), EVENT_DELIVER);
	host_nmi(r.h, 99);
	rig_free(&r);
}

/* A handler that halts with two more behind it: masked, so it sleeps. */
static void nmis_wait_for_iret(void **state)
{
	struct rig r;
	u64 event;

	(void)state;
	rig_smp(&r, 1);
	host_nmi(r.h, 0);
	rig_pump(&r);
	script_boundary(&r.s, 0, &event);
	host_nmi(r.h, 0);
	rig_pump(&r);
	host_nmi(r.h, 0);
	rig_pump(&r);
	assert_int_equal(rig_hlt(&r, 0), MACH_IDLE);
	assert_int_equal(machine_kicked(r.m, 0), MACH_IDLE);
	rig_free(&r);
}

/* ---- EXITINTINFO -------------------------------------------------------- */

static const struct reinject_row {
	const char *name;
	u64 event;
	bool again;
} reinjected[] = {
	{ "interrupt", EVENT_V | 0x41, true },
	{ "NMI", EVENT_V | EVENT_NMI << 8 | 2, true },
	{ "#PF with error code",
	  5ull << 32 | EVENT_V | EVENT_EV | EVENT_EXCEPTION << 8 | 14, true },
	{ "#UD", EVENT_V | EVENT_EXCEPTION << 8 | 6, true },
	{ "INTn", EVENT_V | EVENT_SOFT << 8 | 0x80, false },
	{ "#BP", EVENT_V | EVENT_EXCEPTION << 8 | 3, false },
	{ "#OF", EVENT_V | EVENT_EXCEPTION << 8 | 4, false },
	{ "#VC", EVENT_V | EVENT_EXCEPTION << 8 | 29, false },
};

static void run_reinjected(void **state)
{
	const struct reinject_row *row = *state;
	struct rig r;
	u64 event = 0;

	rig_smp(&r, 1);
	machine_delivering(r.m, 0, row->event);
	machine_kicked(r.m, 0);
	assert_int_equal(r.stops, 0);
	/* under way: no reason to ask for another exit */
	assert_false(rig_ctx(&r, 0, 0)->present->wants(rig_ctx(&r, 0, 0)));
	script_boundary(&r.s, 0, &event);
	assert_int_equal(event, row->again ? row->event : 0);
	machine_kicked(r.m, 0);
	script_boundary(&r.s, 0, &event);
	assert_int_equal(event, 0);
	rig_free(&r);
}

/* A vector taken from V_IRQ whose delivery faulted is in service already. */
static void interrupted_delivery(void **state)
{
	struct rig r;
	u64 event;

	(void)state;
	rig_smp(&r, 1);
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	assert_int_equal(script_ask(&r.s, 0, &event), EVENT_DELIVER);
	machine_delivering(r.m, 0, event);
	machine_kicked(r.m, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	r.s.cpu[0].regs.rflags |= RFLAGS_IF;
	assert_int_equal(script_interrupt(&r.s, 0), -1);
	rig_eoi(&r, 0);
	assert_int_equal(rig_count(&r, 0, 0x41)->presented, 1);
	assert_int_equal(rig_count(&r, 0, 0x41)->eoi, 1);
	rig_free(&r);
}

int main(void)
{
	ROW("edge while running", edge_while_running);
	ROW("waits for IF", waits_for_if);
	ROW("waits for CR8", waits_for_cr8);
	ROW("TPR write reaches CR8", tpr_write_reaches_cr8);
	ROW("higher first, nesting by class", higher_first_then_nested);
	ROW("again while unsettled", again_while_unsettled);
	ROW("an offer is replaced", offer_is_replaced);
	ROW("kicked once", kicked_once);
	ROW("halt and wake", halt_and_wake);
	ROW("halt stays", halt_stays);
	ROW("posted before HLT", posted_before_halt);
	ROW("halt with IF clear", halt_with_if_clear);
	ROW("plain HLT exit goes on", plain_hlt_exit_goes_on);
	ROW("NMI once, next after IRET", nmi_is_delivered_once);
	ROW("NMIs wait for IRET", nmis_wait_for_iret);
	ROWS(reinjected, run_reinjected);
	ROW("interrupted delivery", interrupted_delivery);
	return rows_run("host: interrupts");
}
