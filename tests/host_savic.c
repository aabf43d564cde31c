// SPDX-License-Identifier: MIT
/*
 * Secure AVIC, the host's half: vectors, registration, life of a vCPU.
 * APM 15.36.21 (rows named in brackets).
 */
#include <string.h>

#include "tests/lib/host_savic_rig.h"
#include "tests/lib/rows.h"

/* ---- device vectors ----------------------------------------------------- */

/* [13] */
static void allowed_is_delivered(void **state)
{
	struct rig r;

	(void)state;
	rig_savic(&r, 1, EN);
	savic_allow(&r, 0, 0x41);
	host_msi(r.h, MSI_TO(0), 0x41);
	assert_int_equal(rig_kicks(&r, 0), 1);
	machine_kicked(r.m, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	assert_true(savic_is_set(&r, 0, APIC_ISR, 0x41));
	assert_int_equal(host_stats(r.h, 0)->irr_merges, 1);
	rig_free(&r);
}

/* [14, 17] The host asks once; what was refused does not come back. */
static void refused_is_gone(void **state)
{
	struct rig r;

	(void)state;
	rig_savic(&r, 1, EN);
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	assert_int_equal(rig_ctx(&r, 0, 0)->vmcb->requested_irr[2], 0);
	assert_int_equal(rig_ctx(&r, 0, 0)->vmcb->update_irr, 0);
	savic_allow(&r, 0, 0x41);
	machine_kicked(r.m, 0);
	assert_int_equal(script_interrupt(&r.s, 0), -1);
	rig_free(&r);
}

/* [15] What arrives is exactly what was asked and allowed. */
static void random_sets(void **state)
{
	u32 seed = 12345, asked[8], allowed[8];
	struct rig r;

	(void)state;
	rig_savic(&r, 1, EN);
	for (int round = 0; round < 200; round++) {
		memset(asked, 0, sizeof(asked));
		memset(savic_page(&r, 0), 0, PAGE_SIZE);
		for (int w = 0; w < 8; w++) {
			seed = seed * 1664525 + 1013904223;
			allowed[w] = seed ^ seed >> 13;
			savic_page(&r, 0)[(SAVIC_ALLOWED_IRR + 16 * w) / 4] =
				allowed[w];
		}
		for (int n = 0; n < 40; n++) {
			seed = seed * 1664525 + 1013904223;
			u8 v = seed >> 24;

			if (v < 16)
				continue;
			host_msi(r.h, MSI_TO(0), v);
			asked[v / 32] |= BIT(v % 32);
		}
		machine_kicked(r.m, 0);
		for (int w = 0; w < 8; w++)
			assert_int_equal(
				savic_page(&r, 0)[(APIC_IRR + 16 * w) / 4],
				asked[w] & allowed[w]);
	}
	rig_free(&r);
}

/* [16] A VMRUN without anything to ask leaves UPDATE_IRR alone. */
static void nothing_to_ask(void **state)
{
	struct rig r;

	(void)state;
	rig_savic(&r, 1, EN);
	machine_kicked(r.m, 0);
	assert_int_equal(host_stats(r.h, 0)->irr_merges, 0);
	rig_free(&r);
}

/* [19] EVENTINJ is never used. */
static void no_event_injection(void **state)
{
	struct rig r;

	(void)state;
	rig_savic(&r, 1, EN);
	savic_allow(&r, 0, 0x41);
	machine_delivering(r.m, 0, EVENT_V | 0x41);
	machine_kicked(r.m, 0);
	assert_int_equal(rig_ctx(&r, 0, 0)->vmcb->event_inj, 0);
	/* hardware itself has put it back, once [63] */
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	assert_int_equal(script_interrupt(&r.s, 0), -1);
	rig_free(&r);
}

/* ---- before En ---------------------------------------------------------- */

/* Sent while the guest has neither registered nor enabled: not lost. */
static void kept_until_enabled(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ .vcpus = 1, .features = SA });
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	savic_make_page(&r, 0);
	savic_allow(&r, 0, 0x41);
	savic_allow(&r, 0, 0x51);
	machine_kicked(r.m, 0);
	assert_int_equal(rig_ctx(&r, 0, 0)->vmcb->requested_irr[2], 0);
	savic_register(&r, 0);
	/* registered, En = 0: VMRUN takes nothing, RequestedIRR holds it */
	assert_int_equal(rig_ctx(&r, 0, 0)->vmcb->requested_irr[2], BIT(1));
	host_msi(r.h, MSI_TO(0), 0x51);
	rig_pump(&r);
	assert_int_equal(rig_ctx(&r, 0, 0)->vmcb->update_irr, 1);
	savic_enable(&r, 0, EN);
	machine_kicked(r.m, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0x51);
	r.s.cpu[0].regs.rflags |= RFLAGS_IF;
	assert_true(savic_is_set(&r, 0, APIC_IRR, 0x41));
	rig_free(&r);
}

/* An unregistered vCPU that halts with something pending does not spin. */
static void halts_before_enable(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ .vcpus = 1, .features = SA });
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	assert_int_equal(rig_hlt(&r, 0), MACH_IDLE);
	assert_int_equal(machine_kicked(r.m, 0), MACH_IDLE);
	rig_free(&r);
}

/* [57] Teardown and a new page: what the old one had not taken comes. */
static void kexec(void **state)
{
	struct rig r;
	u64 gpa;

	(void)state;
	rig_savic(&r, 1, EN);
	savic_allow(&r, 0, 0x41);
	savic_enable(&r, 0, 0);
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	assert_int_equal(rig_ctx(&r, 0, 0)->vmcb->update_irr, 1);
	assert_int_equal(savic_call(&r, 0, GHCB_SAVIC_UNREGISTER,
				    GHCB_SAVIC_SELF, 0, &gpa), 0);
	assert_int_equal(gpa, SAVIC_AT(0));
	assert_int_equal(rig_ctx(&r, 0, 0)->vmcb->update_irr, 0);
	savic_register(&r, 0);
	savic_enable(&r, 0, EN);
	machine_kicked(r.m, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	assert_int_equal(host_vectors(r.h, 0, 0)->vector[0x41].presented, 1);
	rig_free(&r);
}

/* ---- 8000001Ah [55] ----------------------------------------------------- */

static const struct nae_row {
	const char *name;
	u64 op, rax, rbx;
	u64 result;
} naes[] = {
	{ "register self", 0, ~0ull, SAVIC_AT(0), 0 },
	{ "register self by APIC id", 0, 0, SAVIC_AT(0), 0 },
	{ "register another", 0, 1, SAVIC_AT(0), 0 },
	{ "unregister, never registered", 1, ~0ull, 0, 0 },
	{ "unregister another", 1, 1, 0, 0 },
	{ "misaligned", 0, ~0ull, SAVIC_AT(0) + 8, 2ull << 32 | 5 },
	{ "shared page", 0, ~0ull, SHARED_PAGE, 2ull << 32 | 5 },
	{ "no RAM", 0, ~0ull, 0xfee00000, 2ull << 32 | 5 },
	{ "unknown APIC id", 0, 9, SAVIC_AT(0), 2ull << 32 | 5 },
	{ "APIC id of 64 bits", 0, 1ull << 32, SAVIC_AT(0), 2ull << 32 | 5 },
	{ "bad operation", 2, ~0ull, SAVIC_AT(0), 2ull << 32 | 5 },
	{ "bad operation -1", ~0ull, ~0ull, SAVIC_AT(0), 2ull << 32 | 5 },
};

static void run_nae(void **state)
{
	const struct nae_row *row = *state;
	struct rig r;

	rig_new(&r, &(struct rig_config){ .features = SA });
	savic_make_page(&r, 0);
	assert_int_equal(savic_call(&r, 0, row->op, row->rax, row->rbx, NULL),
			 row->result);
	assert_int_equal(rig_ctx(&r, 0, 0)->savic.registered,
			 !row->result && !row->op && row->rax != 1);
	assert_int_equal(rig_ctx(&r, 1, 0)->savic.registered,
			 !row->result && !row->op && row->rax == 1);
	rig_free(&r);
}

static void nae_missing_registers(void **state)
{
	struct ghcb *g;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ .features = SA });
	g = rig_event(&r, 0, GHCB_SAVIC, 0, 0);
	GHCB_SET(g, rax, ~0ull);
	rig_vmgexit(&r, 0);
	assert_int_equal(g->exit_info2, GHCB_ERR_MISSING_INPUT);
	g = rig_event(&r, 0, GHCB_SAVIC, 0, 0);
	GHCB_SET(g, rbx, SAVIC_AT(0));
	rig_vmgexit(&r, 0);
	assert_int_equal(g->exit_info2, GHCB_ERR_MISSING_INPUT);
	/* unregister needs RAX alone */
	g = rig_event(&r, 0, GHCB_SAVIC, 1, 0);
	GHCB_SET(g, rax, ~0ull);
	rig_vmgexit(&r, 0);
	assert_int_equal(g->exit_info1, 0);
	rig_free(&r);
}

static void idempotent(void **state)
{
	struct rig r;
	u64 gpa;

	(void)state;
	rig_savic(&r, 1, EN);
	savic_register(&r, 0);
	savic_register(&r, 0);
	savic_call(&r, 0, 1, ~0ull, 0, &gpa);
	assert_int_equal(gpa, SAVIC_AT(0));
	assert_int_equal(savic_call(&r, 0, 1, ~0ull, 0, &gpa), 0);
	assert_int_equal(gpa, 0);
	rig_free(&r);
}

static void splits_large_entry(void **state)
{
	struct psc_buffer *psc;
	struct ghcb *g;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ .features = SA });
	g = rig_event(&r, 0, GHCB_PSC, 0, 0);
	GHCB_SET(g, scratch, GHCB_AT(0, 0) + 0x800);
	psc = (struct psc_buffer *)g->buffer;
	memset(psc, 0, sizeof(*psc));
	psc->entry[0] = 1ull << 52 | PSC_ENTRY_2M | PAGE_2M;
	rig_vmgexit(&r, 0);
	assert_true(hv_rmp_is_2m(r.m, PAGE_2M));
	assert_int_equal(savic_call(&r, 0, 0, ~0ull, PAGE_2M + 0x7000, NULL),
			 0);
	assert_false(hv_rmp_is_2m(r.m, PAGE_2M));
	rig_free(&r);
}

/* ---- life --------------------------------------------------------------- */

/* [56, 58] Offline is AP hold, online a new VMSA, the page is the same. */
static void offline_online(void **state)
{
	struct vmsa *vmsa;
	struct rig r;

	(void)state;
	rig_savic(&r, 2, EN);
	vmsa = script_ram(&r.s, VMSA_AT(1, 0));
	for (int i = 0; i < 100; i++) {
		rig_call(&r, 1, GHCB_AP_HOLD, 0, 0);
		assert_false(hv_in_guest(r.m, 1));
		vmsa->savic_control = 0;
		vmsa->rflags = RFLAGS_IF | 2;
		assert_int_equal(rig_ap_create(&r, 1, 0, SA), 0);
		assert_true(hv_in_guest(r.m, 1));
		/* nothing before it enables itself */
		host_msi(r.h, MSI_TO(1), 0x41);
		rig_pump(&r);
		assert_int_equal(script_interrupt(&r.s, 1), -1);
		savic_allow(&r, 1, 0x41);
		savic_register(&r, 1);
		savic_enable(&r, 1, EN);
		machine_kicked(r.m, 1);
		assert_int_equal(script_interrupt(&r.s, 1), 0x41);
		*savic_reg(&r, 1, APIC_ISR, 0x41) = 0;
	}
	rig_free(&r);
}

/* [5.6] The consent of the host, and what it may not use. */
static void vmcb_of_secure_avic(void **state)
{
	struct rig r;
	struct vmcb *vmcb;

	(void)state;
	rig_savic(&r, 1, EN);
	vmcb = rig_ctx(&r, 0, 0)->vmcb;
	assert_true(vmcb->allowed_sev_features & ALLOWED_FEATURES_ENABLE);
	assert_true(vmcb->allowed_sev_features & SEV_FEATURE_SECURE_AVIC);
	assert_false(vmcb->int_ctl & VINTR_AVIC);
	assert_true(vmcb->int_ctl & VINTR_MASKING);
	assert_true(vmcb->int_ctl & VINTR_VGIF_ENABLE);
	assert_true(vmcb->intercept[INTERCEPT_IDLE_HLT / 32] &
		    BIT(INTERCEPT_IDLE_HLT % 32));
	assert_false(vmcb->intercept[EXIT_HLT / 32] & BIT(EXIT_HLT % 32));
	machine_kicked(r.m, 0);
	assert_int_equal(vmcb->guest_sev_features, SA);
	rig_free(&r);
}

/* [51] The page is gone: the vCPU is dead, nothing is retried. */
static void page_taken_away(void **state)
{
	struct rig r;

	(void)state;
	rig_savic(&r, 1, EN);
	rig_msr(&r, 0, 2ull << 52 | SAVIC_AT(0) | GHCB_MSR_PSC_REQ);
	assert_int_equal(r.stops, 1);
	assert_string_equal(r.result, "rmp-fault");
	assert_non_null(strstr(r.reason, "not restartable"));
	assert_false(hv_in_guest(r.m, 0));
	rig_free(&r);
}

int main(void)
{
	ROW("[13] allowed is delivered", allowed_is_delivered);
	ROW("[14, 17] refused is gone", refused_is_gone);
	ROW("[15] random sets", random_sets);
	ROW("[16] nothing to ask", nothing_to_ask);
	ROW("[19, 63] no EVENTINJ", no_event_injection);
	ROW("kept until enabled", kept_until_enabled);
	ROW("halts before enable", halts_before_enable);
	ROW("[57] kexec", kexec);
	ROWS(naes, run_nae);
	ROW("[55] missing registers", nae_missing_registers);
	ROW("[55] idempotent", idempotent);
	ROW("splits a 2M entry", splits_large_entry);
	ROW("[56, 58] offline, online", offline_online);
	ROW("[5, 7] VMCB", vmcb_of_secure_avic);
	ROW("[51] page taken away", page_taken_away);
	return rows_run("host: Secure AVIC");
}
