// SPDX-License-Identifier: MIT
/*
 * Alternate Injection, the producer's side of the descriptors, and how VMPL 0
 * learns of them. 56421 section 5.5; conformance rows in
 * brackets.
 */
#include <string.h>

#include "core/doorbell.h"
#include "tests/lib/host_hv_rig.h"
#include "tests/lib/rows.h"

#define EVENTS	DOORBELL_EVENTS_VMPL(LOWER)

static void msi(struct rig *r, u8 vector)
{
	host_msi(r->h, MSI_TO(0), vector);
}

static struct apic *lower_apic(struct rig *r)
{
	return &rig_ctx(r, 0, LOWER)->apic;
}

/* A level vector, with a pin that waits for its EOI. */
static void raise_line(struct rig *r, unsigned int pin, u8 vector)
{
	ioapic_write(&r->h->ioapic, IOAPIC_MMIO_SELECT, 0x10 + 2 * pin);
	ioapic_write(&r->h->ioapic, IOAPIC_MMIO_WINDOW,
		     vector | IOAPIC_RTE_LEVEL);
	host_set_gsi(r->h, pin, true);
}

static bool in_words(struct rig *r, u8 vector)
{
	struct doorbell_ext *ext = hv_ext(r, 0);

	if (vector == 31)
		return ext->status & DOORBELL_EXT_VECTOR_31;
	return ext->irr[vector / 32 - 1] >> vector % 32 & 1;
}

/* ---- the descriptor ------------------------------------------------------ */

static const struct post_row {
	const char *name;
	u8 edges[4];
	u8 level[2];
	u32 status;
	u8 words[4];		/* these vectors and no others */
	u8 held;		/* kept in the host's IRR */
} posts[] = {
	{ "[47] one edge", { 0x41 }, .status = 0x41 },
	{ "[47] the same twice", { 0x41, 0x41 }, .status = 0x41 },
	{ "[49] vector 31 alone", { 31 }, .status = 31 },
	{ "[49] vector 31 among others", { 31, 0x41 },
	  .status = DOORBELL_EXT_MULTIPLE | DOORBELL_EXT_VECTOR_31,
	  .words = { 0x41 } },
	{ "[48] vector 16", { 16 }, .status = 0 },
	{ "[48] vector 30", { 30 }, .status = 0 },
	{ "[48] vector 30 among others", { 0x41, 30, 0x51 },
	  .status = DOORBELL_EXT_MULTIPLE, .words = { 0x41, 0x51 } },
	{ "[50] two edges", { 0x41, 0x51 },
	  .status = DOORBELL_EXT_MULTIPLE, .words = { 0x41, 0x51 } },
	{ "[50] three edges", { 0x41, 0x51, 0xff },
	  .status = DOORBELL_EXT_MULTIPLE, .words = { 0x41, 0x51, 0xff } },
	{ "[51] one level", .level = { 0x42 },
	  .status = DOORBELL_EXT_LEVEL | 0x42 },
	{ "[51] level after edge", { 0x41 }, { 0x42 },
	  .status = DOORBELL_EXT_LEVEL | DOORBELL_EXT_MULTIPLE | 0x42,
	  .words = { 0x41 } },
	{ "[51] two levels", .level = { 0x42, 0x43 },
	  .status = DOORBELL_EXT_LEVEL | 0x42, .held = 0x43 },
	{ "[50] level after two edges", { 0x41, 0x51 }, { 0x42 },
	  .status = DOORBELL_EXT_LEVEL | DOORBELL_EXT_MULTIPLE | 0x42,
	  .words = { 0x41, 0x51 } },
};

static void run_post(void **state)
{
	const struct post_row *row = *state;
	u32 words[7] = { 0 };
	struct rig r;

	rig_ai(&r, 1);
	for (int i = 0; row->edges[i]; i++)
		msi(&r, row->edges[i]);
	for (int i = 0; i < 2 && row->level[i]; i++)
		raise_line(&r, 9 + i, row->level[i]);
	assert_int_equal(hv_ext(&r, 0)->status, row->status);
	for (int i = 0; row->words[i]; i++)
		words[row->words[i] / 32 - 1] |= BIT(row->words[i] % 32);
	assert_memory_equal(hv_ext(&r, 0)->irr, words, sizeof(words));
	assert_int_equal(hv_page(&r, 0)->per_vmpl_events,
			 row->status ? EVENTS : 0);
	for (int w = 0; w < 8; w++)
		assert_int_equal(lower_apic(&r)->irr[w],
				 row->held && row->held / 32 == w ?
				 BIT(row->held % 32) : 0);
	rig_free(&r);
}

/* [51] An edge after a level vector leaves the byte to that. */
static void edge_after_level(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	raise_line(&r, 9, 0x42);
	msi(&r, 0x41);
	assert_int_equal(hv_ext(&r, 0)->status,
			 DOORBELL_EXT_LEVEL | DOORBELL_EXT_MULTIPLE | 0x42);
	assert_true(in_words(&r, 0x41));
	rig_free(&r);
}

/* [50] */
static void all_vectors(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	for (int v = 16; v < 256; v++)
		msi(&r, v);
	for (int v = 31; v < 256; v++)
		assert_true(in_words(&r, v));
	assert_int_equal(hv_ext(&r, 0)->status & ~DOORBELL_EXT_VECTOR_31,
			 DOORBELL_EXT_MULTIPLE);
	rig_free(&r);
}

/* [51] A held level vector follows when the byte is free. */
static void held_follows(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	raise_line(&r, 9, 0x42);
	raise_line(&r, 10, 0x43);
	hv_exit(&r, 0);
	assert_int_equal(hv_ext(&r, 0)->status & DOORBELL_EXT_VECTOR, 0x42);
	hv_ext(&r, 0)->status = 0;
	hv_page(&r, 0)->per_vmpl_events = 0;
	hv_exit(&r, 0);
	assert_int_equal(hv_ext(&r, 0)->status, DOORBELL_EXT_LEVEL | 0x43);
	assert_int_equal(hv_page(&r, 0)->per_vmpl_events, EVENTS);
	rig_free(&r);
}

/* Asserted while its EOI is due: VMPL 0 gets a turn now and then, to see it. */
static void line_waits(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	raise_line(&r, 9, 0x42);
	hv_exit(&r, 0);
	hv_ext(&r, 0)->status = 0;
	hv_page(&r, 0)->per_vmpl_events = 0;
	/* It gets its turn for the message itself first. */
	rig_call(&r, 0, GHCB_RUN_VMPL, LOWER, 0);
	hv_run_lower(&r, 0);
	rig_kicks(&r, 0);
	for (int i = 0; i < 2; i++) {
		rig_advance(&r, 1000000);
		assert_int_equal(rig_kicks(&r, 0), 1);
		machine_kicked(r.m, 0);
		assert_int_equal(r.h->vcpu[0].current, 0);
		hv_run_lower(&r, 0);
	}
	/* The device has been served: nothing waits. */
	host_set_gsi(r.h, 9, false);
	rig_advance(&r, 1000000);
	rig_advance(&r, 1000000);
	assert_int_equal(rig_kicks(&r, 0), 0);
	/* It comes again before the EOI, which comes in time. */
	host_set_gsi(r.h, 9, true);
	hv_run_top(&r, 0);
	assert_int_equal(rig_call(&r, 0, GHCB_SPECIFIC_EOI,
				  LOWER << SPECIFIC_EOI_VMPL_SHIFT | 0x42, 0),
			 0);
	assert_int_equal(hv_ext(&r, 0)->status, DOORBELL_EXT_LEVEL | 0x42);
	host_set_gsi(r.h, 9, false);
	rig_advance(&r, 1000000);
	rig_kicks(&r, 0);
	rig_advance(&r, 1000000);
	assert_int_equal(rig_kicks(&r, 0), 0);
	rig_free(&r);
}

/* [58] */
static void nmi_and_mc(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	host_nmi(r.h, 0);
	assert_int_equal(hv_ext(&r, 0)->status, DOORBELL_EXT_NMI);
	host_machine_check(r.h, 0);
	assert_int_equal(hv_ext(&r, 0)->status,
			 DOORBELL_EXT_NMI | DOORBELL_EXT_MC);
	assert_int_equal(hv_page(&r, 0)->per_vmpl_events, EVENTS);
	rig_free(&r);
}

/* [54, 59] A descriptor full of nonsense: nobody but its owner suffers. */
static void spoilt(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	for (u32 bit = 0; bit < 32; bit++)
		for (u32 vector = 0; vector < 256; vector += 5) {
			hv_ext(&r, 0)->status = BIT(bit) | vector;
			msi(&r, 0x41);
			raise_line(&r, 9, 0x42);
			host_set_gsi(r.h, 9, false);
			hv_exit(&r, 0);
			assert_int_equal(r.stops, 0);
		}
	rig_free(&r);
}

/* [56] Other VMPLs' parts are left alone. */
static void own_part_only(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	memset(&hv_page(&r, 0)->ext[0], 0x5a, sizeof(struct doorbell_ext));
	memset(&hv_page(&r, 0)->ext[2], 0xa5, sizeof(struct doorbell_ext));
	for (int v = 31; v < 256; v++)
		msi(&r, v);
	for (unsigned int i = 0; i < sizeof(struct doorbell_ext); i++) {
		assert_int_equal(((u8 *)&hv_page(&r, 0)->ext[0])[i], 0x5a);
		assert_int_equal(((u8 *)&hv_page(&r, 0)->ext[2])[i], 0xa5);
	}
	rig_free(&r);
}

/* No page: the host keeps them, and posts when there is one again. */
static void no_page(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	assert_int_equal(rig_call(&r, 0, GHCB_DOORBELL, DOORBELL_CLEAR, 0), 0);
	msi(&r, 0x41);
	assert_int_equal(lower_apic(&r)->irr[2], BIT(1));
	assert_int_equal(hv_ext(&r, 0)->status, 0);
	assert_int_equal(rig_call(&r, 0, GHCB_DOORBELL, DOORBELL_SET,
				  DOORBELL_AT(0)), 0);
	assert_int_equal(hv_ext(&r, 0)->status, 0x41);
	assert_int_equal(lower_apic(&r)->irr[2], 0);
	rig_free(&r);
}

/* ---- sources ------------------------------------------------------------- */

static void timer_and_ipi(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 2);
	hv_run_lower(&r, 0);
	assert_true(rig_wrmsr(&r, 0, X2APIC(APIC_LVT_TIMER), 0xec));
	assert_true(rig_wrmsr(&r, 0, X2APIC(APIC_TMICT), 1000));
	rig_advance(&r, 1000000);
	assert_int_equal(hv_ext(&r, 0)->status, 0xec);
	machine_kicked(r.m, 0);
	assert_int_equal(machine_vmpl(r.m, 0), 0);
	/* IPIs stay in the sender's VMPL */
	hv_run_lower(&r, 0);
	assert_int_equal(hv_ipi(&r, 0, 1, 0xfb), 0);
	assert_int_equal(hv_ext(&r, 1)->status, 0xfb);
	assert_int_equal(hv_page(&r, 1)->vector, 0);
	rig_free(&r);
}

/* [7.7] Registers that are the monitor's do not come here. */
static void monitors_registers(void **state)
{
	static const u32 ignored[] = { APIC_TPR, APIC_EOI, APIC_SELF_IPI };
	static const u32 refused[] = { APIC_ISR, APIC_TMR, APIC_IRR, APIC_PPR };
	struct rig r;
	u64 value;

	(void)state;
	rig_ai(&r, 1);
	raise_line(&r, 9, 0x42);
	rig_call(&r, 0, GHCB_RUN_VMPL, LOWER, 0);
	hv_run_lower(&r, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(ignored); i++)
		assert_true(rig_wrmsr(&r, 0, X2APIC(ignored[i]), 0));
	for (unsigned int i = 0; i < ARRAY_SIZE(refused); i++)
		assert_false(rig_wrmsr(&r, 0, X2APIC(refused[i]), 0));
	assert_true(rig_wrmsr(&r, 0, X2APIC(APIC_TPR), 0x50));
	assert_true(rig_rdmsr(&r, 0, X2APIC(APIC_TPR), &value));
	assert_int_equal(value, 0);
	assert_true(rig_wrmsr(&r, 0, X2APIC(APIC_SELF_IPI), 0x55));
	assert_false(in_words(&r, 0x55));
	/* the pin waits for its Specific EOI still */
	assert_true(r.h->ioapic.rte[9] & IOAPIC_RTE_REMOTE_IRR);
	rig_free(&r);
}

/* ---- who runs ------------------------------------------------------------ */

/* The lower VMPL runs: the CPU goes to VMPL 0, once. */
static void kicked_to_top(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	hv_run_lower(&r, 0);
	rig_kicks(&r, 0);
	msi(&r, 0x41);
	msi(&r, 0x51);
	assert_int_equal(rig_kicks(&r, 0), 1);
	machine_kicked(r.m, 0);
	assert_int_equal(machine_vmpl(r.m, 0), 0);
	/* control was all it needed: no #HV */
	assert_false(hv_taken(&r, 0));
	assert_int_equal(hv_page(&r, 0)->vector, 0);
	/* VMPL 0 decides when the other goes on */
	hv_run_lower(&r, 0);
	assert_int_equal(rig_kicks(&r, 0), 0);
	rig_free(&r);
}

static void set_notify(struct rig *r, unsigned int cpu, u64 vector)
{
	assert_int_equal(rig_call(r, cpu, GHCB_CONFIGURE_INJECTION, vector, 0),
			 0);
}

/* VMPL 0 runs: the vector, unless it has been told and has not looked. */
static void notified(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	set_notify(&r, 0, NOTIFY);
	rig_kicks(&r, 0);
	msi(&r, 0x41);
	assert_int_equal(rig_kicks(&r, 0), 1);
	machine_kicked(r.m, 0);
	assert_true(hv_taken(&r, 0));
	assert_int_equal(hv_page(&r, 0)->vector, NOTIFY);
	msi(&r, 0x51);
	assert_int_equal(rig_kicks(&r, 0), 0);
	assert_int_equal(host_stats(r.h, 0)->notifications, 1);
	/* it looks, and the next one is told again */
	assert_int_equal(hv_take(&r, 0), NOTIFY);
	hv_page(&r, 0)->per_vmpl_events = 0;
	hv_ext(&r, 0)->status = 0;
	hv_eoi(&r, 0);
	msi(&r, 0x41);
	assert_int_equal(rig_kicks(&r, 0), 1);
	machine_kicked(r.m, 0);
	assert_int_equal(hv_take(&r, 0), NOTIFY);
	assert_int_equal(host_stats(r.h, 0)->notifications, 2);
	rig_free(&r);
}

/* Configured when something waits already: told at once. */
static void notified_late(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	msi(&r, 0x41);
	assert_false(hv_taken(&r, 0));
	set_notify(&r, 0, NOTIFY);
	assert_true(hv_taken(&r, 0));
	assert_int_equal(hv_page(&r, 0)->vector, NOTIFY);
	rig_free(&r);
}

/* Just as VMPL 0 wants to leave: it does not, once. */
static void back_before_leaving(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	msi(&r, 0x41);
	rig_call(&r, 0, GHCB_RUN_VMPL, LOWER, 0);
	assert_int_equal(machine_vmpl(r.m, 0), 0);
	assert_int_equal(rig_ghcb(&r, 0)->exit_info1, 0);
	hv_run_lower(&r, 0);
	/* with a vector: it comes as #HV, before the other runs */
	hv_run_top(&r, 0);
	set_notify(&r, 0, NOTIFY);
	hv_take(&r, 0);
	hv_page(&r, 0)->per_vmpl_events = 0;
	hv_eoi(&r, 0);
	hv_taken(&r, 0);
	msi(&r, 0x51);
	rig_call(&r, 0, GHCB_RUN_VMPL, LOWER, 0);
	assert_int_equal(machine_vmpl(r.m, 0), 0);
	assert_true(hv_taken(&r, 0));
	rig_free(&r);
}

/* VMPL 0 idles: woken with the vector, and without one too. */
static void idle_is_woken(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	assert_int_equal(rig_hlt(&r, 0), MACH_IDLE);
	msi(&r, 0x41);
	assert_int_equal(rig_kicks(&r, 0), 1);
	machine_kicked(r.m, 0);
	assert_true(hv_in_guest(r.m, 0));
	assert_false(hv_taken(&r, 0));
	hv_page(&r, 0)->per_vmpl_events = 0;
	set_notify(&r, 0, NOTIFY);
	assert_int_equal(rig_hlt(&r, 0), MACH_IDLE);
	msi(&r, 0x51);
	assert_int_equal(rig_kicks(&r, 0), 1);
	machine_kicked(r.m, 0);
	assert_true(hv_taken(&r, 0));
	rig_free(&r);
}

/* [93] The lower VMPL halts: VMPL 0, which asked to run it, has the CPU. */
static void halt_gives_back(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	hv_run_lower(&r, 0);
	rig_hlt(&r, 0);
	assert_true(hv_in_guest(r.m, 0));
	assert_int_equal(machine_vmpl(r.m, 0), 0);
	assert_int_equal(rig_hlt(&r, 0), MACH_IDLE);
	msi(&r, 0x41);
	machine_kicked(r.m, 0);
	assert_int_equal(machine_vmpl(r.m, 0), 0);
	hv_run_lower(&r, 0);
	rig_free(&r);
}

/* A VMCB never carries anything to such a VMPL (7.8). */
static void nothing_by_vmcb(void **state)
{
	struct vmcb *vmcb;
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	vmcb = rig_ctx(&r, 0, LOWER)->vmcb;
	hv_run_lower(&r, 0);
	msi(&r, 0x41);
	host_nmi(r.h, 0);
	rig_pump(&r);
	hv_run_lower(&r, 0);
	assert_int_equal(vmcb->int_ctl & (VINTR_V_IRQ | VINTR_V_NMI |
					  VINTR_AVIC), 0);
	assert_int_equal(vmcb->event_inj, 0);
	rig_free(&r);
}

int main(void)
{
	ROWS(posts, run_post);
	ROW("[51] edge after level", edge_after_level);
	ROW("[50] all vectors", all_vectors);
	ROW("[51] a held level vector follows", held_follows);
	ROW("a line that waits for its EOI", line_waits);
	ROW("[58] NMI and machine check", nmi_and_mc);
	ROW("[54, 59] spoilt descriptor", spoilt);
	ROW("[56] own part only", own_part_only);
	ROW("no page", no_page);
	ROW("timer and IPI", timer_and_ipi);
	ROW("the monitor's registers", monitors_registers);
	ROW("a running lower VMPL is left", kicked_to_top);
	ROW("notified, once", notified);
	ROW("notified late", notified_late);
	ROW("back before leaving", back_before_leaving);
	ROW("idle VMPL 0 is woken", idle_is_woken);
	ROW("HLT gives back", halt_gives_back);
	ROW("nothing by VMCB", nothing_by_vmcb);
	return rows_run("host: Alternate Injection");
}
