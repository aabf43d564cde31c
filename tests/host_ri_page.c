// SPDX-License-Identifier: MIT
/*
 * Registration and loss of the doorbell page, HLT, HV IPI.
 * docs/ghcb.md; conformance rows in brackets.
 */
#include <string.h>

#include "tests/lib/host_hv_rig.h"
#include "tests/lib/rows.h"

#define NFS	DOORBELL_NO_FURTHER_SIGNAL

static u64 query(struct rig *r, unsigned int cpu)
{
	assert_int_equal(rig_call(r, cpu, GHCB_DOORBELL, DOORBELL_QUERY, 0),
			 0);
	return rig_ghcb(r, cpu)->exit_info2;
}

/* ---- registration -------------------------------------------------------- */

/* [41, 42] Refused with (2, 5), and the old page is forgotten. */
static const struct set_row {
	const char *name;
	u64 op, gpa;
} sets[] = {
	{ "[41] unaligned", DOORBELL_SET, DOORBELL_AT(0) + 8 },
	{ "[41] private", DOORBELL_SET, VMSA_AT(0, 3) },
	{ "[41] not RAM", DOORBELL_SET, 0xfee00000 },
	{ "[41] beyond RAM", DOORBELL_SET, HIGH + RAM_HIGH },
	{ "[41] no address at all", DOORBELL_SET, ~0ull },
	{ "[42] operation 4", 4, DOORBELL_AT(0) },
	{ "[42] operation 2^32 + SET", 1ull << 32 | DOORBELL_SET,
	  DOORBELL_AT(0) },
};

static void run_set(void **state)
{
	const struct set_row *row = *state;
	struct rig r;

	rig_ri(&r, 1, 0);
	assert_int_equal(query(&r, 0), DOORBELL_AT(0));
	hv_refused(&r, 0, GHCB_DOORBELL, row->op, row->gpa);
	assert_int_equal(query(&r, 0), NO_GPA);
	rig_free(&r);
}

/* [42] */
static void operations(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 2, 0);
	assert_int_equal(rig_call(&r, 0, GHCB_DOORBELL,
				  DOORBELL_GET_PREFERRED, 0), 0);
	assert_int_equal(rig_ghcb(&r, 0)->exit_info2, NO_GPA);
	assert_int_equal(rig_call(&r, 0, GHCB_DOORBELL, DOORBELL_CLEAR, 7), 0);
	assert_int_equal(rig_ghcb(&r, 0)->exit_info2, 7);
	assert_int_equal(query(&r, 0), NO_GPA);
	/* one a vCPU */
	assert_int_equal(query(&r, 1), DOORBELL_AT(1));
	rig_free(&r);
}

/* [45] The host's policy: only where Restricted Injection is on. */
static void needs_restricted(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ .vcpus = 1 });
	for (u64 op = 0; op < 4; op++)
		hv_refused(&r, 0, GHCB_DOORBELL, op, DOORBELL_AT(0));
	rig_free(&r);
}

/* [44] A new VMSA starts without one. */
static void reset_clears(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 2, 0);
	assert_int_equal(rig_ap_create(&r, 1, 0, RI), 0);
	assert_int_equal(query(&r, 1), NO_GPA);
	assert_int_equal(query(&r, 0), DOORBELL_AT(0));
	rig_free(&r);
}

/* ---- loss ---------------------------------------------------------------- */

/* Sharing it goes by the host's back, so that it comes back as zeroes. */
static void make_private(struct rig *r, bool private)
{
	if (private) {
		rig_msr(r, 0, 1ull << 52 | DOORBELL_AT(0) | GHCB_MSR_PSC_REQ);
		return;
	}
	assert_int_equal(hv_rmpupdate(r->m, DOORBELL_AT(0), false, false),
			 HV_RMP_OK);
	memset(hv_page(r, 0), 0, PAGE_SIZE);
}

/* [43] Events are held, the private page is not touched. */
static void page_gone(void **state)
{
	static u8 before[PAGE_SIZE];
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	make_private(&r, true);
	memcpy(before, hv_page(&r, 0), PAGE_SIZE);
	host_msi(r.h, MSI_TO(0), 0x41);
	host_nmi(r.h, 0);
	host_machine_check(r.h, 0);
	assert_int_equal(rig_kicks(&r, 0), 0);
	hv_exit(&r, 0);
	assert_false(hv_taken(&r, 0));
	assert_memory_equal(before, hv_page(&r, 0), PAGE_SIZE);
	assert_int_equal(r.stops, 0);
	make_private(&r, false);
	hv_exit(&r, 0);
	assert_int_equal(hv_page(&r, 0)->pending,
			 NFS | DOORBELL_NMI | DOORBELL_MC | 0x41);
	assert_true(hv_taken(&r, 0));
	rig_free(&r);
}

/* [43] What was on the page when it went comes again on the next. */
static void gone_with_events(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	host_msi(r.h, MSI_TO(0), 0x41);
	hv_exit(&r, 0);
	make_private(&r, true);
	assert_int_equal(rig_call(&r, 0, GHCB_DOORBELL, DOORBELL_CLEAR, 0), 0);
	make_private(&r, false);
	assert_int_equal(rig_call(&r, 0, GHCB_DOORBELL, DOORBELL_SET,
				  DOORBELL_AT(0)), 0);
	assert_int_equal(hv_take(&r, 0), 0x41);
	rig_free(&r);
}

/* [46] Withdrawn: the page is as before, and nothing is lost. */
static void withdrawn(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	host_msi(r.h, MSI_TO(0), 0x41);
	host_nmi(r.h, 0);
	host_machine_check(r.h, 0);
	hv_exit(&r, 0);
	assert_int_equal(rig_call(&r, 0, GHCB_DOORBELL, DOORBELL_CLEAR, 0), 0);
	assert_int_equal(hv_page(&r, 0)->pending, 0);
	assert_int_equal(hv_page(&r, 0)->no_eoi_required, 0);
	assert_int_equal(rig_call(&r, 0, GHCB_DOORBELL, DOORBELL_SET,
				  DOORBELL_AT(1)), 0);
	assert_int_equal(hv_page(&r, 1)->pending,
			 NFS | DOORBELL_NMI | DOORBELL_MC | 0x41);
	assert_int_equal(hv_page(&r, 0)->pending, 0);
	assert_int_equal(hv_page(&r, 1)->no_eoi_required, 1);
	rig_free(&r);
}

/* ---- HLT ----------------------------------------------------------------- */

static void halts_and_wakes(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	assert_int_equal(rig_hlt(&r, 0), MACH_IDLE);
	host_msi(r.h, MSI_TO(0), 0x41);
	assert_int_equal(rig_kicks(&r, 0), 1);
	machine_kicked(r.m, 0);
	assert_true(hv_taken(&r, 0));
	rig_free(&r);
}

/* Told, and it has not looked: it can not sleep over it. */
static void no_sleep_over_signal(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	host_msi(r.h, MSI_TO(0), 0x41);
	hv_exit(&r, 0);
	assert_true(hv_taken(&r, 0));
	assert_int_equal(rig_hlt(&r, 0), MACH_RESUME);
	assert_true(hv_in_guest(r.m, 0));
	rig_free(&r);
}

/* But a host need not be so kind. */
static void unhelpful(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	r.h->config.unhelpful = true;
	host_msi(r.h, MSI_TO(0), 0x41);
	hv_exit(&r, 0);
	assert_true(hv_taken(&r, 0));
	assert_int_equal(rig_hlt(&r, 0), MACH_IDLE);
	rig_kicks(&r, 0);
	/* what is higher is news all the same */
	host_msi(r.h, MSI_TO(0), 0x51);
	assert_int_equal(rig_kicks(&r, 0), 1);
	rig_free(&r);
}

/* It looked, and left byte 0 for TPR: only something higher is news. */
static void sleeps_over_masked(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	host_msi(r.h, MSI_TO(0), 0x41);
	hv_exit(&r, 0);
	assert_true(hv_taken(&r, 0));
	hv_page(&r, 0)->flags = 0;
	rig_kicks(&r, 0);
	assert_int_equal(rig_hlt(&r, 0), MACH_IDLE);
	host_msi(r.h, MSI_TO(0), 0x31);
	assert_int_equal(rig_kicks(&r, 0), 0);
	host_msi(r.h, MSI_TO(0), 0x51);
	assert_int_equal(rig_kicks(&r, 0), 1);
	machine_kicked(r.m, 0);
	assert_int_equal(hv_page(&r, 0)->vector, 0x51);
	rig_free(&r);
}

/* ---- HV IPI -------------------------------------------------------------- */

static void ipis(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 3, 0);
	assert_int_equal(hv_ipi(&r, 0, 1, 0xe0), 0);
	assert_int_equal(rig_kicks(&r, 1), 1);
	machine_kicked(r.m, 1);
	assert_int_equal(hv_take(&r, 1), 0xe0);
	hv_eoi(&r, 1);
	assert_int_equal(hv_ipi(&r, 0, 0, 3 << 18 | 0xe1), 0);
	rig_pump(&r);
	assert_int_equal(hv_take(&r, 0), 0);
	assert_int_equal(hv_take(&r, 1), 0xe1);
	assert_int_equal(hv_take(&r, 2), 0xe1);
	/* to a sleeping one */
	hv_eoi(&r, 2);
	assert_true(hv_taken(&r, 2));
	assert_int_equal(rig_hlt(&r, 2), MACH_IDLE);
	assert_int_equal(hv_ipi(&r, 0, 2, 0xe2), 0);
	assert_int_equal(rig_kicks(&r, 2), 1);
	machine_kicked(r.m, 2);
	assert_true(hv_taken(&r, 2));
	rig_free(&r);
}

int main(void)
{
	ROWS(sets, run_set);
	ROW("[42] operations", operations);
	ROW("[45] Restricted Injection needed", needs_restricted);
	ROW("[44] reset clears it", reset_clears);
	ROW("[43] page gone", page_gone);
	ROW("[43] page gone with events", gone_with_events);
	ROW("[46] withdrawn", withdrawn);
	ROW("HLT and wake-up", halts_and_wakes);
	ROW("[29] no sleep over a signal", no_sleep_over_signal);
	ROW("sleep over a signal, unhelpful host", unhelpful);
	ROW("[28] sleep over what TPR masks", sleeps_over_masked);
	ROW("HV IPI", ipis);
	return rows_run("host: doorbell page");
}
