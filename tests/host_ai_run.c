// SPDX-License-Identifier: MIT
/*
 * Which VMPL of a vCPU runs: VMPL 0 first, the one below when VMPL 0 asks,
 * VMPL 0 again when that one halts. docs/ghcb.md; rows of
 * docs/conformance.md in brackets.
 */
#include "tests/lib/host_hv_rig.h"
#include "tests/lib/rows.h"

#define SNP	SEV_FEATURE_SNP

/* vCPU 0: VMPL 0 restricted, VMPL 2 with normal injection; VMPL 0 runs. */
static void rig_legacy(struct rig *r)
{
	struct vmsa *vmsa;

	rig_ri(r, 1, LOWER);
	vmsa = script_ram(&r->s, VMSA_AT(0, LOWER));
	vmsa->sev_features = SNP;
	assert_int_equal(rig_ap_create(r, 0, LOWER, SNP), 0);
	hv_run_lower(r, 0);
	rig_register(r, 0);
	assert_true(rig_wrmsr(r, 0, X2APIC(APIC_SVR), 0x1ff));
	hv_run_top(r, 0);
	rig_kicks(r, 0);
}

/* Directly while it runs; while VMPL 0 runs it waits. */
static void legacy_direct(void **state)
{
	struct rig r;

	(void)state;
	rig_legacy(&r);
	host_msi(r.h, MSI_TO(0), 0x41);
	assert_int_equal(rig_kicks(&r, 0), 0);
	hv_run_lower(&r, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	assert_true(rig_wrmsr(&r, 0, X2APIC(APIC_EOI), 0));
	r.s.cpu[0].regs.rflags |= RFLAGS_IF;
	host_msi(r.h, MSI_TO(0), 0x42);
	assert_int_equal(rig_kicks(&r, 0), 1);
	machine_kicked(r.m, 0);
	assert_int_equal(machine_vmpl(r.m, 0), LOWER);
	assert_int_equal(script_interrupt(&r.s, 0), 0x42);
	rig_free(&r);
}

/* VMPL 0's own come first, and do not disturb the other's. */
static void top_first(void **state)
{
	struct rig r;

	(void)state;
	rig_legacy(&r);
	hv_run_lower(&r, 0);
	host_msi(r.h, MSI_TO(0), 0x41);
	apic_post(&rig_ctx(&r, 0, 0)->apic, 0x61, false);
	host_ctx_notify(rig_ctx(&r, 0, 0));
	rig_pump(&r);
	assert_int_equal(machine_vmpl(r.m, 0), 0);
	assert_true(hv_taken(&r, 0));
	assert_int_equal(hv_take(&r, 0), 0x61);
	hv_run_lower(&r, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	rig_free(&r);
}

/* Halted below, then at VMPL 0: an interrupt for below wakes VMPL 0. */
static void legacy_halts(void **state)
{
	struct rig r;

	(void)state;
	rig_legacy(&r);
	hv_run_lower(&r, 0);
	rig_hlt(&r, 0);
	assert_int_equal(machine_vmpl(r.m, 0), 0);
	assert_int_equal(rig_hlt(&r, 0), MACH_IDLE);
	host_msi(r.h, MSI_TO(0), 0x41);
	assert_int_equal(rig_kicks(&r, 0), 1);
	machine_kicked(r.m, 0);
	assert_int_equal(machine_vmpl(r.m, 0), 0);
	assert_false(hv_taken(&r, 0));
	hv_run_lower(&r, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	rig_free(&r);
}

/* ... and if it came before VMPL 0 halted, it does not halt. */
static void legacy_no_lost_wake(void **state)
{
	struct rig r;

	(void)state;
	rig_legacy(&r);
	hv_run_lower(&r, 0);
	rig_hlt(&r, 0);
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_hlt(&r, 0);
	assert_true(hv_in_guest(r.m, 0));
	rig_free(&r);
}

/* A VMPL that nobody asked to run halts as ever. */
static void halt_without_runner(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ .vcpus = 1, .vmpl = LOWER });
	assert_int_equal(rig_hlt(&r, 0), MACH_IDLE);
	rig_free(&r);
}

/* #VC reflected from below: VMPL 0, which asked to run it, has the CPU. */
static void reflected(void **state)
{
	const u64 features = SNP | SEV_FEATURE_REFLECT_VC;
	struct vmsa *vmsa;
	struct rig r;

	(void)state;
	rig_ri(&r, 1, LOWER);
	vmsa = script_ram(&r.s, VMSA_AT(0, LOWER));
	vmsa->sev_features = features;
	assert_int_equal(rig_ap_create(&r, 0, LOWER, features), 0);
	hv_run_lower(&r, 0);
	machine_intercept(r.m, 0, EXIT_CPUID, 0, 0, 2);
	assert_true(hv_in_guest(r.m, 0));
	assert_int_equal(machine_vmpl(r.m, 0), 0);
	assert_int_equal(r.stops, 0);
	rig_free(&r);
}

/* ---- AP creation --------------------------------------------------------- */

/* The target idles at VMPL 0: it is woken, and Run VMPL enters the new one. */
static void create_below_idle(void **state)
{
	struct vmsa *vmsa;
	struct rig r;

	(void)state;
	rig_ri(&r, 2, LOWER);
	assert_int_equal(rig_hlt(&r, 1), MACH_IDLE);
	vmsa = script_ram(&r.s, VMSA_AT(1, LOWER));
	vmsa->sev_features = AI;
	vmsa->vintr_ctrl = VINTR_VGIF;
	assert_int_equal(rig_ap_create(&r, 1, LOWER, AI), 0);
	assert_true(hv_in_guest(r.m, 1));
	assert_int_equal(machine_vmpl(r.m, 1), 0);
	assert_int_equal(rig_hlt(&r, 1), MACH_IDLE);
	host_nmi(r.h, 1);
	rig_pump(&r);
	assert_int_equal(machine_vmpl(r.m, 1), 0);
	hv_run_lower(&r, 1);
	rig_free(&r);
}

/* [105] Another VMPL's APIC and doorbell page are not touched. */
static void other_vmpl_untouched(void **state)
{
	struct apic before;
	struct rig r;

	(void)state;
	rig_ai(&r, 2);
	apic_post(&rig_ctx(&r, 1, 0)->apic, 0x61, false);
	before = rig_ctx(&r, 1, 0)->apic;
	hv_ext(&r, 1)->status = 0x41;
	assert_int_equal(rig_ap_create(&r, 1, LOWER, AI), 0);
	assert_memory_equal(before.irr, rig_ctx(&r, 1, 0)->apic.irr, 32);
	assert_int_equal(rig_ctx(&r, 1, 0)->apic.svr, before.svr);
	assert_int_equal(rig_ctx(&r, 1, 0)->doorbell, DOORBELL_AT(1));
	/* what the old VMSA did not get is not for the new one */
	assert_int_equal(hv_ext(&r, 1)->status, 0);
	rig_free(&r);
}

/* [105] Alternate Injection at VMPL 0, RAX that differs from the VMPL's. */
static void refused_features(void **state)
{
	struct rig r;

	(void)state;
	rig_ai(&r, 2);
	assert_int_equal(rig_ap_create(&r, 1, 0, AI), 2);
	assert_int_equal(rig_ap_create(&r, 1, 0, SNP), 2);
	assert_int_equal(rig_ap_create(&r, 1, LOWER, SNP), 2);
	assert_int_equal(rig_ap_create(&r, 1, LOWER, RI), 2);
	assert_int_equal(rig_ctx(&r, 1, LOWER)->features, AI);
	rig_free(&r);
}

/* [106] */
static const struct run_row {
	const char *name;
	u64 vmpl;
	bool ok;
} runs[] = {
	{ "[106] VMPL 0", 0, true },
	{ "[106] VMPL 1, not created", 1, false },
	{ "[106] VMPL 2", 2, true },
	{ "[106] VMPL 3, not created", 3, false },
	{ "[106] VMPL 4", 4, false },
	{ "[106] VMPL 2^32", 1ull << 32, false },
};

static void run_run(void **state)
{
	const struct run_row *row = *state;
	struct ghcb *g;
	struct rig r;

	rig_ai(&r, 1);
	g = rig_ghcb(&r, 0);
	assert_int_equal(rig_call(&r, 0, GHCB_RUN_VMPL, row->vmpl, 0),
			 row->ok ? 0 : 2);
	if (!row->ok)
		assert_int_equal(g->exit_info2, GHCB_ERR_INVALID_INPUT);
	assert_int_equal(machine_vmpl(r.m, 0), row->ok ? row->vmpl : 0);
	rig_free(&r);
}

int main(void)
{
	ROW("normal injection below", legacy_direct);
	ROW("VMPL 0 first", top_first);
	ROW("HLT below, then at VMPL 0", legacy_halts);
	ROW("no lost wake-up", legacy_no_lost_wake);
	ROW("HLT without anyone above", halt_without_runner);
	ROW("reflected #VC", reflected);
	ROW("create below an idle VMPL 0", create_below_idle);
	ROW("[105] other VMPL untouched", other_vmpl_untouched);
	ROW("[105] refused features", refused_features);
	ROWS(runs, run_run);
	return rows_run("host: which VMPL runs");
}
