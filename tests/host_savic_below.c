// SPDX-License-Identifier: MIT
/*
 * Secure AVIC below a monitor, the host's side: VMPL 0 registers the page of
 * another VMPL, rings for it, ends its level interrupts, and gets what comes
 * while there is no page. docs/ghcb.md; rows in brackets.
 */
#include "tests/lib/host_below_rig.h"
#include "tests/lib/rows.h"

static void bad(u64 result)
{
	assert_int_equal(result, 2ull << 32 | GHCB_ERR_INVALID_INPUT);
}

static u64 call(struct rig *r, unsigned int cpu, u64 op, u64 info2, u64 rax,
		u64 rbx)
{
	struct ghcb *g = rig_event(r, cpu, GHCB_SAVIC, op, info2);

	GHCB_SET(g, rax, rax);
	GHCB_SET(g, rbx, rbx);
	rig_vmgexit(r, cpu);
	return g->exit_info1 ? g->exit_info1 << 32 | g->exit_info2 : 0;
}

/* [55] Strict about who speaks for whom. */
static void registration(void **state)
{
	struct rig r;
	u64 at = SAVIC_AT(0);

	(void)state;
	rig_below(&r, 2);
	bad(call(&r, 0, 0, 4, GHCB_SAVIC_SELF, at));
	bad(call(&r, 0, 0, LOWER | 1ull << 32, GHCB_SAVIC_SELF, at));
	bad(call(&r, 0, 0, LOWER, 17, at));
	bad(call(&r, 0, 0, LOWER, GHCB_SAVIC_SELF, at + 8));
	bad(call(&r, 0, 0, LOWER, GHCB_SAVIC_SELF, SHARED_PAGE));
	bad(call(&r, 0, 2, LOWER, GHCB_SAVIC_SELF, at));
	/* its own VMPL, and one without Secure AVIC */
	assert_int_equal(call(&r, 0, 0, 0, GHCB_SAVIC_SELF, at),
			 2ull << 32 | GHCB_ERR_INVALID_EVENT);
	assert_int_equal(call(&r, 0, 0, 1, GHCB_SAVIC_SELF, at),
			 2ull << 32 | GHCB_ERR_INVALID_EVENT);
	assert_false(rig_ctx(&r, 0, LOWER)->savic.registered);
	assert_int_equal(call(&r, 0, 0, LOWER, GHCB_SAVIC_SELF, at), 0);
	assert_true(rig_ctx(&r, 0, LOWER)->savic.registered);
	/* another vCPU's, as a boot CPU may */
	assert_int_equal(call(&r, 0, 0, LOWER, 1, SAVIC_AT(1)), 0);
	assert_int_equal(rig_ctx(&r, 1, LOWER)->savic.gpa, SAVIC_AT(1));
	assert_int_equal(call(&r, 0, 1, LOWER, GHCB_SAVIC_SELF, 0), 0);
	assert_int_equal(call(&r, 0, 1, LOWER, GHCB_SAVIC_SELF, 0), 0);
	assert_false(rig_ctx(&r, 0, LOWER)->savic.registered);
	rig_free(&r);
}

/* From below nobody speaks for others. */
static void not_from_below(void **state)
{
	struct rig r;

	(void)state;
	rig_below(&r, 1);
	hv_run_lower(&r, 0);
	rig_register(&r, 0);
	bad(call(&r, 0, 0, 1, GHCB_SAVIC_SELF, SAVIC_AT(0)));
	bad(call(&r, 0, 0, LOWER, GHCB_SAVIC_SELF, SAVIC_AT(0)));
	assert_int_equal(call(&r, 0, 0, 0, GHCB_SAVIC_SELF, SAVIC_AT(0)), 0);
	rig_free(&r);
}

/* Edge to a running vCPU: no VMGEXIT, no switch of VMPLs. */
static void edge(void **state)
{
	struct rig r;
	u64 switches;

	(void)state;
	rig_below_on(&r, 1);
	savic_allow(&r, 0, 0x41);
	hv_run_lower(&r, 0);
	switches = host_stats(r.h, 0)->vmpl_switches;
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	assert_int_equal(machine_vmpl(r.m, 0), LOWER);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	assert_int_equal(host_stats(r.h, 0)->vmpl_switches, switches);
	/* what is not allowed is dropped by silicon [14] */
	r.s.cpu[0].regs.rflags |= RFLAGS_IF;
	host_msi(r.h, MSI_TO(0), 0x81);
	rig_pump(&r);
	assert_int_equal(script_interrupt(&r.s, 0), -1);
	assert_int_equal(machine_stats(r.m, 0)->refused[0x81], 1);
	rig_free(&r);
}

/* While VMPL 0 runs it waits for the next entry, without a kick. */
static void edge_waits(void **state)
{
	struct rig r;

	(void)state;
	rig_below_on(&r, 1);
	savic_allow(&r, 0, 0x41);
	host_msi(r.h, MSI_TO(0), 0x41);
	assert_int_equal(rig_kicks(&r, 0), 0);
	assert_int_equal(hv_page(&r, 0)->per_vmpl_events, 0);
	hv_run_lower(&r, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	rig_free(&r);
}

/* [61, 62] Both halted: VMPL 0 is woken, once for the same thing. */
static void wakes_monitor_once(void **state)
{
	struct rig r;

	(void)state;
	rig_below_on(&r, 1);
	savic_allow(&r, 0, 0x41);
	hv_run_lower(&r, 0);
	below_hlt(&r, 0);
	assert_int_equal(rig_hlt(&r, 0), MACH_IDLE);
	host_msi(r.h, MSI_TO(0), 0x41);
	assert_int_equal(rig_kicks(&r, 0), 1);
	machine_kicked(r.m, 0);
	assert_int_equal(machine_vmpl(r.m, 0), 0);
	/* It does not run it: IF was clear there. */
	assert_int_equal(rig_hlt(&r, 0), MACH_IDLE);
	rig_pump(&r);
	assert_false(hv_in_guest(r.m, 0));
	/* A second one is news again; then it runs it. */
	host_msi(r.h, MSI_TO(0), 0x42);
	assert_int_equal(rig_kicks(&r, 0), 1);
	machine_kicked(r.m, 0);
	hv_run_lower(&r, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	rig_free(&r);
}

/* ... and if it came before VMPL 0 halted, it does not halt. */
static void no_lost_wake(void **state)
{
	struct rig r;

	(void)state;
	rig_below_on(&r, 1);
	hv_run_lower(&r, 0);
	below_hlt(&r, 0);
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_hlt(&r, 0);
	assert_true(hv_in_guest(r.m, 0));
	rig_free(&r);
}

static u64 ring(struct rig *r, unsigned int cpu, u64 icr)
{
	return rig_call(r, cpu, GHCB_HV_IPI, icr, LOWER);
}

/* [40, 45] A running target: a doorbell, and no exit. */
static void rings(void **state)
{
	struct rig r;

	(void)state;
	rig_below_on(&r, 2);
	hv_run_lower(&r, 1);
	*savic_reg(&r, 1, APIC_IRR, 0xfd) |= BIT(0xfd % 32);
	assert_int_equal(ring(&r, 0, 1ull << 32 | 0xe0), 0);
	assert_int_equal(rig_kicks(&r, 1), 0);
	assert_int_equal(host_stats(r.h, 1)->doorbells, 1);
	assert_int_equal(script_interrupt(&r.s, 1), 0xfd);
	/* [43] the vector in the call injects nothing */
	r.s.cpu[1].regs.rflags |= RFLAGS_IF;
	assert_int_equal(ring(&r, 0, 1ull << 32 | 0xfc), 0);
	assert_int_equal(script_interrupt(&r.s, 1), -1);
	/* [28] an NMI goes through VMRUN, not through VMPL 0 */
	savic_page(&r, 1)[SAVIC_NMI_REQ / 4] = 1;
	assert_int_equal(ring(&r, 0, 1ull << 32 | 0x400), 0);
	assert_int_equal(rig_kicks(&r, 1), 1);
	machine_kicked(r.m, 1);
	assert_int_equal(machine_vmpl(r.m, 1), LOWER);
	assert_int_equal(savic_page(&r, 1)[SAVIC_NMI_REQ / 4], 0);
	rig_free(&r);
}

/* A halted target: its VMPL 0 wakes. [41] */
static void rings_halted(void **state)
{
	struct rig r;

	(void)state;
	rig_below_on(&r, 2);
	hv_run_lower(&r, 1);
	below_hlt(&r, 1);
	*savic_reg(&r, 1, APIC_IRR, 0xfd) |= BIT(0xfd % 32);
	assert_int_equal(ring(&r, 0, 1ull << 32 | 0xe0), 0);
	/* it was about to halt: it does not */
	assert_int_equal(rig_hlt(&r, 1), MACH_RESUME);
	assert_int_equal(machine_vmpl(r.m, 1), 0);
	hv_run_lower(&r, 1);
	assert_int_equal(script_interrupt(&r.s, 1), 0xfd);
	below_hlt(&r, 1);
	assert_int_equal(rig_hlt(&r, 1), MACH_IDLE);
	assert_int_equal(ring(&r, 0, 3ull << 18 | 0xe0), 0);
	rig_pump(&r);
	assert_true(hv_in_guest(r.m, 1));
	assert_int_equal(machine_vmpl(r.m, 1), 0);
	rig_free(&r);
}

static void ring_refused(void **state)
{
	struct rig r;

	(void)state;
	rig_below_on(&r, 1);
	hv_refused(&r, 0, GHCB_HV_IPI, 0xe0, 1);
	hv_refused(&r, 0, GHCB_HV_IPI, 0xe0, 4);
	hv_refused(&r, 0, GHCB_HV_IPI, 0xe0, LOWER | 1ull << 40);
	hv_refused(&r, 0, GHCB_HV_IPI, BIT(20), LOWER);
	hv_run_lower(&r, 0);
	rig_register(&r, 0);
	hv_refused(&r, 0, GHCB_HV_IPI, 0xe0, LOWER);
	rig_free(&r);
}

static void write_ioapic(struct rig *r, u32 index, u32 value)
{
	ioapic_write(&r->h->ioapic, 0, index);
	ioapic_write(&r->h->ioapic, 0x10, value);
}

/* [47] Level: handed over, ended by VMPL 0, asserted again if still high. */
static void level(void **state)
{
	struct rig r;

	(void)state;
	rig_below_on(&r, 1);
	savic_allow(&r, 0, 0x41);
	write_ioapic(&r, 0x10 + 2 * 9, 0x8041);
	host_set_gsi(r.h, 9, true);
	hv_run_lower(&r, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	assert_true(rig_ctx(&r, 0, LOWER)->savic.level[2] & BIT(1));
	hv_run_top(&r, 0);
	assert_int_equal(rig_call(&r, 0, GHCB_SPECIFIC_EOI,
				  LOWER << 16 | 0x41, 0), 0);
	assert_int_equal(rig_ctx(&r, 0, LOWER)->count.vector[0x41].eoi, 1);
	/* the line is high: it comes again, and only then goes low */
	assert_true(rig_ctx(&r, 0, LOWER)->apic.irr[2] & BIT(1));
	host_set_gsi(r.h, 9, false);
	assert_int_equal(rig_call(&r, 0, GHCB_SPECIFIC_EOI,
				  LOWER << 16 | 0x41, 0), 0);
	assert_int_equal(rig_ctx(&r, 0, LOWER)->savic.level[2], 0);
	/* Alternate Injection is not there to be ended. */
	hv_refused(&r, 0, GHCB_DISABLE_ALTERNATE, LOWER << 16, 0);
	rig_free(&r);
}

/* Without a page, VMPL 0 gets it: before it registers one ... */
static void descriptor(void **state)
{
	struct rig r;

	(void)state;
	rig_below(&r, 1);
	/* nobody has said so: it waits for the VMPL's own registration */
	host_msi(r.h, MSI_TO(0), 0x41);
	assert_int_equal(hv_page(&r, 0)->per_vmpl_events, 0);
	assert_int_equal(below_call(&r, 0, GHCB_SAVIC_UNREGISTER), 0);
	assert_int_equal(hv_page(&r, 0)->per_vmpl_events,
			 DOORBELL_EVENTS_VMPL(LOWER));
	assert_int_equal(hv_ext(&r, 0)->status & 0xff, 0x41);
	hv_page(&r, 0)->per_vmpl_events = 0;
	hv_ext(&r, 0)->status = 0;
	/* it has been announced: VMPL 0 looks once more before it leaves */
	rig_call(&r, 0, GHCB_RUN_VMPL, LOWER, 0);
	assert_int_equal(machine_vmpl(r.m, 0), 0);
	/* a lower VMPL that runs makes way for VMPL 0 */
	hv_run_lower(&r, 0);
	host_msi(r.h, MSI_TO(0), 0x42);
	rig_pump(&r);
	assert_int_equal(machine_vmpl(r.m, 0), 0);
	assert_int_equal(hv_ext(&r, 0)->status & 0xff, 0x42);
	rig_free(&r);
}

/* ... and what is not merged yet when it takes the page away. */
static void handed_back(void **state)
{
	struct rig r;
	struct host_ctx *c;

	(void)state;
	rig_below_on(&r, 1);
	c = rig_ctx(&r, 0, LOWER);
	host_msi(r.h, MSI_TO(0), 0x41);
	c->vmcb->requested_irr[3] = BIT(2);	/* asked, and not run since */
	c->vmcb->update_irr = 1;
	assert_int_equal(below_call(&r, 0, GHCB_SAVIC_UNREGISTER), 0);
	assert_true(hv_ext(&r, 0)->status & DOORBELL_EXT_MULTIPLE);
	assert_int_equal(hv_ext(&r, 0)->irr[1], BIT(1));
	assert_int_equal(hv_ext(&r, 0)->irr[2], BIT(2));
	assert_int_equal(c->vmcb->update_irr, 0);
	rig_free(&r);
}

/* A guest that has its own driver is nobody's: its host keeps it. */
static void own_driver(void **state)
{
	struct rig r;

	(void)state;
	rig_below(&r, 1);
	assert_int_equal(below_call(&r, 0, GHCB_SAVIC_UNREGISTER), 0);
	hv_run_lower(&r, 0);
	rig_register(&r, 0);
	assert_int_equal(call(&r, 0, 0, 0, GHCB_SAVIC_SELF, SAVIC_AT(0)), 0);
	assert_int_equal(call(&r, 0, 1, 0, GHCB_SAVIC_SELF, 0), 0);
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	assert_int_equal(machine_vmpl(r.m, 0), LOWER);
	assert_int_equal(hv_page(&r, 0)->per_vmpl_events, 0);
	rig_free(&r);
}

/*
 * The page is reached with the guest's rights: the monitor's memory is not
 * reached through SECURE_AVIC_CONTROL, whatever the guest writes there.
 */
static void rights(void **state)
{
	struct rig r;

	(void)state;
	rig_below_on(&r, 1);
	hv_run_lower(&r, 0);
	/* VMPL 2 has no right to this one */
	assert_int_equal(machine_wrmsr(r.m, 0, MSR_SAVIC_CONTROL, 0,
				       SAVIC_AT(3) | EN), MACH_IDLE);
	assert_int_equal(r.stops, 1);
	assert_string_equal(r.result, "rmp-fault");
	rig_free(&r);
}

/* ---- what rides on Run VMPL ---------------------------------------------- */

#define FEATURES							\
	(GHCB_FEATURES_ALL | GHCB_FEATURE_TIMER |			\
	 GHCB_FEATURE_EXT_INTERRUPTS | GHCB_FEATURE_RIDE)

static u64 ride(struct rig *r, unsigned int cpu, u64 code, u64 word, u64 info2)
{
	return rig_call(r, cpu, GHCB_RUN_VMPL, LOWER | (code & 0xff) << 32 |
			word << 40, info2);
}

/* Served, and entered, with one VMGEXIT. */
static void rides(void **state)
{
	struct rig r;
	struct host_ctx *c;

	(void)state;
	rig_below_on(&r, 2);
	r.h->config.ghcb_features = FEATURES;
	c = rig_ctx(&r, 0, LOWER);
	hv_run_lower(&r, 1);
	assert_int_equal(ride(&r, 0, GHCB_HV_IPI, LOWER, 1ull << 32 | 0xe0),
			 0);
	assert_int_equal(machine_vmpl(r.m, 0), LOWER);
	assert_int_equal(host_stats(r.h, 1)->doorbells, 1);
	hv_run_top(&r, 0);
	c->savic.level[2] = BIT(1);
	assert_int_equal(ride(&r, 0, GHCB_SPECIFIC_EOI, LOWER << 16 | 0x41, 0),
			 0);
	assert_int_equal(c->savic.level[2], 0);
	assert_int_equal(c->count.vector[0x41].eoi, 1);
	hv_run_top(&r, 0);
	savic_allow(&r, 0, 0xec);
	assert_int_equal(ride(&r, 0, GHCB_HV_TIMER, LOWER << 16 | 0x1ec, 500),
			 0);
	assert_int_equal(machine_vmpl(r.m, 0), LOWER);
	rig_advance(&r, 500);
	rig_pump(&r);
	assert_int_equal(machine_vmpl(r.m, 0), LOWER);
	assert_int_equal(script_interrupt(&r.s, 0), 0xec);
	rig_free(&r);
}

/* Refused: nothing has been done, neither the one nor the other. */
static void ride_refused(void **state)
{
	static const struct {
		u64 code, word, info2;
	} bad[] = {
		{ 0, 1, 0 },				/* a word, no event */
		{ GHCB_SAVIC, 0, 0 },			/* not one of them */
		{ GHCB_RUN_VMPL, 0, 0 },
		{ GHCB_HV_IPI, 1, 0xe0 },		/* no Secure AVIC */
		{ GHCB_HV_IPI, LOWER, BIT(20) },	/* no ICR */
		{ GHCB_HV_TIMER, LOWER << 16 | 0x11e, 1 },
		{ GHCB_SPECIFIC_EOI, 0x41, 0 },		/* no VMPL */
	};
	struct rig r;

	(void)state;
	rig_below_on(&r, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		r.h->config.ghcb_features = FEATURES;
		assert_int_equal(ride(&r, 0, bad[i].code, bad[i].word,
				      bad[i].info2), 2);
		assert_int_equal(rig_ghcb(&r, 0)->exit_info2,
				 GHCB_ERR_INVALID_INPUT);
		assert_int_equal(machine_vmpl(r.m, 0), 0);
	}
	/* not offered; no such VMPL, and the EOI has not happened */
	r.h->config.ghcb_features = FEATURES & ~GHCB_FEATURE_RIDE;
	assert_int_equal(ride(&r, 0, GHCB_SPECIFIC_EOI, LOWER << 16 | 0x41,
			      0), 2);
	r.h->config.ghcb_features = FEATURES;
	assert_int_equal(rig_call(&r, 0, GHCB_RUN_VMPL, 1 | 0x1dull << 32 |
				  (LOWER << 16 | 0x41ull) << 40, 0), 2);
	assert_int_equal(rig_ctx(&r, 0, LOWER)->count.vector[0x41].eoi, 0);
	rig_free(&r);
}

/* A timer that is due is not lost to the next one [62]. */
static void tick_not_lost(void **state)
{
	struct rig r;
	u64 word = LOWER << 16 | 0x1ec;

	(void)state;
	rig_below_on(&r, 1);
	savic_allow(&r, 0, 0xec);
	assert_int_equal(rig_call(&r, 0, GHCB_HV_TIMER, word, 500), 0);
	r.now += 500;			/* due, and not noticed yet */
	assert_int_equal(rig_call(&r, 0, GHCB_HV_TIMER, word, 5000), 0);
	hv_run_lower(&r, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0xec);
	/* not due: replaced; stopped: none */
	hv_run_top(&r, 0);
	assert_int_equal(rig_call(&r, 0, GHCB_HV_TIMER, LOWER << 16, 0), 0);
	hv_run_lower(&r, 0);
	rig_advance(&r, 10000);
	rig_pump(&r);
	r.s.cpu[0].regs.rflags |= RFLAGS_IF;
	assert_int_equal(rig_ctx(&r, 0, LOWER)->count.vector[0xec].posted, 1);
	rig_free(&r);
}

int main(void)
{
	ROW("registration", registration);
	ROW("not from below", not_from_below);
	ROW("edge", edge);
	ROW("edge waits", edge_waits);
	ROW("wakes the monitor once", wakes_monitor_once);
	ROW("no lost wake", no_lost_wake);
	ROW("rings", rings);
	ROW("rings halted", rings_halted);
	ROW("ring refused", ring_refused);
	ROW("level", level);
	ROW("descriptor", descriptor);
	ROW("handed back", handed_back);
	ROW("own driver", own_driver);
	ROW("rights", rights);
	ROW("rides", rides);
	ROW("ride refused", ride_refused);
	ROW("tick not lost", tick_not_lost);
	return rows_run("host_savic_below");
}
