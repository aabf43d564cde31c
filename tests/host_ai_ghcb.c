// SPDX-License-Identifier: MIT
/*
 * The GHCB events of Alternate Injection and the HV timer. docs/ghcb.md;
 * rows 99 to 106 of docs/conformance.md in brackets.
 */
#include <string.h>

#include "core/doorbell.h"
#include "tests/lib/host_hv_rig.h"
#include "tests/lib/rows.h"

#define TO(vmpl)	((u64)(vmpl) << 16)

static struct host_ctx *lower(struct rig *r)
{
	return rig_ctx(r, 0, LOWER);
}

static bool has(const u32 *words, u8 vector)
{
	return words[vector / 32] >> vector % 32 & 1;
}

/* ---- who may ask, and what ----------------------------------------------- */

static const struct refusal_row {
	const char *name;
	u64 code, info1;
	bool from_below;
} refusals[] = {
	{ "[100] 1B from VMPL 2", GHCB_CONFIGURE_INJECTION, NOTIFY, true },
	{ "[100] 1C from VMPL 2", GHCB_DISABLE_ALTERNATE, TO(2), true },
	{ "[100] 1D from VMPL 2", GHCB_SPECIFIC_EOI, TO(2) | 0x41, true },
	{ "1B reserved bits", GHCB_CONFIGURE_INJECTION, 1 << 8 | NOTIFY,
	  false },
	{ "1B vector 15", GHCB_CONFIGURE_INJECTION, 15, false },
	{ "1C VMPL 0", GHCB_DISABLE_ALTERNATE, TO(0), false },
	{ "1C VMPL 1, no VMSA", GHCB_DISABLE_ALTERNATE, TO(1), false },
	{ "1C VMPL 4", GHCB_DISABLE_ALTERNATE, TO(4), false },
	{ "1C reserved bits", GHCB_DISABLE_ALTERNATE, TO(2) | 4, false },
	{ "1C high bits", GHCB_DISABLE_ALTERNATE, TO(2) | 1ull << 32, false },
	{ "1D VMPL 0", GHCB_SPECIFIC_EOI, TO(0) | 0x41, false },
	{ "1D VMPL 3, no VMSA", GHCB_SPECIFIC_EOI, TO(3) | 0x41, false },
	{ "1D reserved bits", GHCB_SPECIFIC_EOI, TO(2) | 1 << 8 | 0x41, false },
	{ "timer: VMPL 2 for VMPL 1", GHCB_HV_TIMER, TO(1) | 0x141, true },
	{ "timer: VMPL 4", GHCB_HV_TIMER, TO(4) | 0x141, false },
	{ "timer: VMPL 1, no VMSA", GHCB_HV_TIMER, TO(1) | 0x141, false },
	{ "timer: vector 30", GHCB_HV_TIMER, 0x11e, false },
	{ "timer: reserved bits", GHCB_HV_TIMER, 0x541, false },
	{ "timer: high bits", GHCB_HV_TIMER, 1ull << 20 | 0x141, false },
};

static void run_refusal(void **state)
{
	const struct refusal_row *row = *state;
	struct rig r;

	rig_ai(&r, 1);
	if (row->from_below)
		hv_run_lower(&r, 0);
	hv_refused(&r, 0, row->code, row->info1, 1000000);
	assert_int_equal(lower(&r)->features, AI);
	rig_free(&r);
}

/* [103, 104] */
static const struct absent_row {
	const char *name;
	u64 code, feature;
} absent[] = {
	{ "[103] 1B absent", GHCB_CONFIGURE_INJECTION,
	  GHCB_FEATURE_EXT_INTERRUPTS },
	{ "[103] 1C absent", GHCB_DISABLE_ALTERNATE,
	  GHCB_FEATURE_EXT_INTERRUPTS },
	{ "[103] 1D absent", GHCB_SPECIFIC_EOI, GHCB_FEATURE_EXT_INTERRUPTS },
	{ "[104] timer absent", GHCB_HV_TIMER, GHCB_FEATURE_TIMER },
};

static void run_absent(void **state)
{
	const struct absent_row *row = *state;
	struct rig r;

	rig_ai(&r, 1);
	r.h->config.ghcb_features &= ~row->feature;
	assert_int_equal(rig_call(&r, 0, row->code, TO(2) | 0x141, 0), 2);
	assert_int_equal(rig_ghcb(&r, 0)->exit_info2, GHCB_ERR_INVALID_EVENT);
	rig_free(&r);
}

/* ---- Disable Alternate Injection ----------------------------------------- */

/* As the monitor does it: what its APIC holds, by the page, then the call. */
static u64 disable(struct rig *r, struct apic *a, u64 flags, bool first)
{
	struct vmsa *vmsa = script_ram(&r->s, VMSA_AT(0, LOWER));

	if (a)
		assert_true(doorbell_handoff(hv_page(r, 0), LOWER, a));
	if (first)
		vmsa->sev_features &= ~SEV_FEATURE_ALTERNATE;
	return rig_call(r, 0, GHCB_DISABLE_ALTERNATE, TO(2) |
			(a ? a->tpr : 0) << DISABLE_ALTERNATE_TPR_SHIFT | flags,
			0);
}

static struct apic monitors_apic(void)
{
	struct apic_config config = {
		.bus_khz = 1000, .has_x2apic = true, .start_x2apic = true };
	struct apic a;

	assert_true(apic_init(&a, &config, NULL));
	a.svr |= APIC_SVR_ENABLE;
	return a;
}

/* [99] */
static const struct handoff_row {
	const char *name;
	u8 irr[3], isr[3];
	u8 tpr;
	bool nmi, shadow;
} handoffs[] = {
	{ .name = "[99] nothing" },
	{ "[99] IRR 31, 32, 255", .irr = { 31, 32, 255 } },
	{ "[99] ISR nested three deep", .isr = { 0x31, 0x55, 0xe0 } },
	{ "[99] NMI", .nmi = true },
	{ "[99] TPR", .irr = { 0x41 }, .tpr = 0x5a },
	{ "[99] shadow", .irr = { 0x41 }, .shadow = true },
	{ "[99] all of it", { 31, 0x41, 0xff }, { 0x31, 0x55 }, 0x20, true,
	  true },
};

static void run_handoff(void **state)
{
	const struct handoff_row *row = *state;
	struct apic a = monitors_apic(), *to;
	struct rig r;

	rig_ai(&r, 1);
	for (int i = 0; i < 3 && row->irr[i]; i++)
		a.irr[row->irr[i] / 32] |= BIT(row->irr[i] % 32);
	for (int i = 0; i < 3 && row->isr[i]; i++)
		a.isr[row->isr[i] / 32] |= BIT(row->isr[i] % 32);
	a.tpr = row->tpr;
	a.nmi_pending = row->nmi;
	assert_int_equal(disable(&r, &a, DISABLE_ALTERNATE_IF |
				 (row->shadow ? DISABLE_ALTERNATE_SHADOW : 0),
				 true), 0);
	to = &lower(&r)->apic;
	assert_memory_equal(to->irr, a.irr, sizeof(a.irr));
	assert_memory_equal(to->isr, a.isr, sizeof(a.isr));
	assert_int_equal(to->tpr, row->tpr);
	assert_int_equal(to->nmi_pending, row->nmi);
	assert_null(apic_check(to));
	assert_int_equal(lower(&r)->features, SEV_FEATURE_SNP);
	assert_int_equal(lower(&r)->vmcb->int_state & INT_STATE_SHADOW,
			 row->shadow ? INT_STATE_SHADOW : 0);
	assert_int_equal(hv_ext(&r, 0)->status, 0);
	hv_run_lower(&r, 0);
	assert_int_equal(lower(&r)->vmcb->int_ctl & VINTR_TPR, row->tpr >> 4);
	rig_free(&r);
}

/* [99] What the host had posted and the monitor not drained comes along. */
static void undrained(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	host_msi(r.h, MSI_TO(0), 0x41);
	host_msi(r.h, MSI_TO(0), 31);
	host_nmi(r.h, 0);
	assert_int_equal(disable(&r, NULL, DISABLE_ALTERNATE_IF, true), 0);
	assert_true(has(lower(&r)->apic.irr, 0x41));
	assert_true(has(lower(&r)->apic.irr, 31));
	assert_true(lower(&r)->apic.nmi_pending);
	hv_run_lower(&r, 0);
	/* by VMCB from now on: the NMI, then the vector */
	assert_true(lower(&r)->vmcb->int_ctl & VINTR_V_NMI);
	assert_int_equal(lower(&r)->vmcb->int_vector, 0x41);
	rig_free(&r);
}

/* Level vectors still are: the I/O APIC knows. Their EOI frees the pin. */
static void level_comes_along(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	ioapic_write(&r.h->ioapic, IOAPIC_MMIO_SELECT, 0x10 + 2 * 9);
	ioapic_write(&r.h->ioapic, IOAPIC_MMIO_WINDOW, 0x42 | IOAPIC_RTE_LEVEL);
	host_set_gsi(r.h, 9, true);
	host_set_gsi(r.h, 9, false);
	/* drained: in service in the monitor's APIC */
	hv_ext(&r, 0)->status = 0;
	hv_ext(&r, 0)->isr[2] = BIT(2);
	assert_int_equal(disable(&r, NULL, 0, true), 0);
	assert_true(apic_is_level(&lower(&r)->apic, 0x42));
	hv_run_lower(&r, 0);
	assert_true(rig_wrmsr(&r, 0, X2APIC(APIC_EOI), 0));
	assert_false(r.h->ioapic.rte[9] & IOAPIC_RTE_REMOTE_IRR);
	assert_false(has(lower(&r)->apic.isr, 0x42));
	rig_free(&r);
}

/* [101] The VMSA still has its bit: hardware takes nothing, all is kept. */
static void wrong_order(void **state)
{
	struct vmsa *vmsa;
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	host_msi(r.h, MSI_TO(0), 0x41);
	assert_int_equal(disable(&r, NULL, 0, false), 0);
	hv_run_lower(&r, 0);
	assert_int_equal(script_interrupt(&r.s, 0), -1);
	for (int i = 0; i < 3; i++) {
		host_msi(r.h, MSI_TO(0), 0x51 + i);
		hv_exit(&r, 0);
	}
	hv_run_top(&r, 0);
	for (int i = 0; i < 3; i++)
		assert_true(has(lower(&r)->apic.irr, 0x51 + i));
	assert_true(has(lower(&r)->apic.irr, 0x41));
	vmsa = script_ram(&r.s, VMSA_AT(0, LOWER));
	vmsa->sev_features &= ~SEV_FEATURE_ALTERNATE;
	hv_run_lower(&r, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0x53);
	rig_free(&r);
}

/* One way, on this vCPU only; a vCPU that comes later may be without. */
static void one_way(void **state)
{
	struct vmsa *vmsa;
	struct rig r;

	(void)state;
	rig_ai(&r, 2);
	assert_int_equal(disable(&r, NULL, 0, true), 0);
	hv_refused(&r, 0, GHCB_DISABLE_ALTERNATE, TO(2), 0);
	hv_refused(&r, 0, GHCB_SPECIFIC_EOI, TO(2) | 0x41, 0);
	assert_int_equal(rig_ctx(&r, 1, LOWER)->features, AI);
	assert_int_equal(rig_ap_create(&r, 1, LOWER, AI), 0);
	vmsa = script_ram(&r.s, VMSA_AT(1, LOWER));
	vmsa->sev_features = SEV_FEATURE_SNP;
	assert_int_equal(rig_ap_create(&r, 1, LOWER, SEV_FEATURE_SNP), 0);
	rig_free(&r);
}

/* ---- Specific EOI -------------------------------------------------------- */

/* [51, 102] */
static void specific_eoi(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	ioapic_write(&r.h->ioapic, IOAPIC_MMIO_SELECT, 0x10 + 2 * 9);
	ioapic_write(&r.h->ioapic, IOAPIC_MMIO_WINDOW, 0x42 | IOAPIC_RTE_LEVEL);
	for (int v = 0; v < 256; v++)
		assert_int_equal(rig_call(&r, 0, GHCB_SPECIFIC_EOI,
					  TO(2) | v, 0), 0);
	host_set_gsi(r.h, 9, true);
	assert_int_equal(hv_ext(&r, 0)->status, DOORBELL_EXT_LEVEL | 0x42);
	hv_ext(&r, 0)->status = 0;
	/* the line is high still: it comes again */
	assert_int_equal(rig_call(&r, 0, GHCB_SPECIFIC_EOI, TO(2) | 0x42, 0),
			 0);
	assert_int_equal(hv_ext(&r, 0)->status, DOORBELL_EXT_LEVEL | 0x42);
	hv_ext(&r, 0)->status = 0;
	host_set_gsi(r.h, 9, false);
	assert_int_equal(rig_call(&r, 0, GHCB_SPECIFIC_EOI, TO(2) | 0x42, 0),
			 0);
	assert_int_equal(hv_ext(&r, 0)->status, 0);
	assert_false(r.h->ioapic.rte[9] & IOAPIC_RTE_REMOTE_IRR);
	rig_free(&r);
}

/* ---- HV timer ------------------------------------------------------------ */

static u64 timer(struct rig *r, u64 mode, u64 vmpl, u64 count)
{
	return rig_call(r, 0, GHCB_HV_TIMER,
			TO(vmpl) | mode << HV_TIMER_MODE_SHIFT | 0x71, count);
}

/* [104] For VMPL 2 it is an event in the descriptor, and no more. */
static void timer_for_lower(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 1);
	assert_int_equal(timer(&r, HV_TIMER_ONE_SHOT, LOWER, 500), 0);
	rig_advance(&r, 499);
	assert_int_equal(hv_ext(&r, 0)->status, 0);
	rig_advance(&r, 1);
	assert_int_equal(hv_ext(&r, 0)->status, 0x71);
	assert_int_equal(hv_page(&r, 0)->vector, 0);
	rig_free(&r);
}

static void timer_modes(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	assert_int_equal(timer(&r, HV_TIMER_ONE_SHOT, 0, 0), 0);
	rig_advance(&r, 1);
	rig_pump(&r);
	assert_int_equal(hv_take(&r, 0), 0x71);
	hv_eoi(&r, 0);
	/* the TSC of this machine counts nanoseconds */
	assert_int_equal(timer(&r, HV_TIMER_DEADLINE, 0, r.now + 700), 0);
	rig_advance(&r, 699);
	assert_int_equal(rig_kicks(&r, 0), 0);
	rig_advance(&r, 1);
	rig_pump(&r);
	assert_int_equal(hv_take(&r, 0), 0x71);
	hv_eoi(&r, 0);
	assert_int_equal(timer(&r, HV_TIMER_PERIODIC, 0, 300000), 0);
	for (int i = 0; i < 5; i++) {
		rig_advance(&r, 300000);
		rig_pump(&r);
		assert_int_equal(hv_take(&r, 0), 0x71);
		hv_eoi(&r, 0);
	}
	assert_int_equal(timer(&r, HV_TIMER_STOP, 0, 0), 0);
	rig_advance(&r, 10000000);
	assert_int_equal(rig_kicks(&r, 0), 0);
	rig_free(&r);
}

/* A period that would keep the host busy is made longer; no overflow. */
static void timer_extremes(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	assert_int_equal(timer(&r, HV_TIMER_PERIODIC, 0, 0), 0);
	rig_advance(&r, 1000000);
	assert_int_equal(rig_ctx(&r, 0, 0)->count.vector[0x71].posted, 5);
	assert_int_equal(timer(&r, HV_TIMER_PERIODIC, 0, ~0ull), 0);
	assert_int_equal(timer(&r, HV_TIMER_ONE_SHOT, 0, ~0ull), 0);
	assert_int_equal(timer(&r, HV_TIMER_DEADLINE, 0, ~0ull), 0);
	assert_int_equal(timer(&r, HV_TIMER_DEADLINE, 0, 0), 0);
	rig_advance(&r, 1);
	assert_int_equal(rig_ctx(&r, 0, 0)->count.vector[0x71].posted, 6);
	/* a new VMSA has no timer that runs */
	assert_int_equal(timer(&r, HV_TIMER_ONE_SHOT, 0, 50), 0);
	host_ctx_unload(rig_ctx(&r, 0, 0));
	rig_advance(&r, 100);
	assert_int_equal(rig_ctx(&r, 0, 0)->count.vector[0x71].posted, 6);
	rig_free(&r);
}

int main(void)
{
	ROWS(refusals, run_refusal);
	ROWS(absent, run_absent);
	ROWS(handoffs, run_handoff);
	ROW("[99] undrained", undrained);
	ROW("[99] level comes along", level_comes_along);
	ROW("[101] wrong order", wrong_order);
	ROW("one way", one_way);
	ROW("[51, 102] Specific EOI", specific_eoi);
	ROW("[104] timer for VMPL 2", timer_for_lower);
	ROW("[104] timer modes", timer_modes);
	ROW("timer extremes", timer_extremes);
	return rows_run("host: events of Alternate Injection");
}
