// SPDX-License-Identifier: MIT
/*
 * Restricted Injection, the host's half: the doorbell page and #HV.
 * 56421 section 5.5; conformance rows named in brackets.
 */
#include <string.h>

#include "tests/lib/host_hv_rig.h"
#include "tests/lib/rows.h"

#define NFS	DOORBELL_NO_FURTHER_SIGNAL

/* Post @vector to vCPU 0 from a device, and let the host see it. */
static void post(struct rig *r, u8 vector)
{
	host_msi(r->h, MSI_TO(0), vector);
	rig_pump(r);
}

static bool in_isr(struct rig *r, u8 vector)
{
	return rig_ctx(r, 0, 0)->apic.isr[vector / 32] >> vector % 32 & 1;
}

static bool in_irr(struct rig *r, u8 vector)
{
	return rig_ctx(r, 0, 0)->apic.irr[vector / 32] >> vector % 32 & 1;
}

/* ---- posting ------------------------------------------------------------- */

/* [25] It stays in IRR until byte 0 was taken. */
static void one_vector(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	host_msi(r.h, MSI_TO(0), 0x41);
	assert_int_equal(rig_kicks(&r, 0), 1);
	assert_int_equal(hv_page(&r, 0)->pending, 0);
	machine_kicked(r.m, 0);
	assert_int_equal(hv_page(&r, 0)->pending, NFS | 0x41);
	assert_true(hv_taken(&r, 0));
	assert_false(hv_taken(&r, 0));
	hv_exit(&r, 0);
	assert_false(hv_taken(&r, 0));
	assert_true(in_irr(&r, 0x41));
	assert_int_equal(hv_take(&r, 0), 0x41);
	hv_exit(&r, 0);
	assert_true(in_isr(&r, 0x41));
	assert_false(in_irr(&r, 0x41));
	assert_int_equal(hv_page(&r, 0)->pending, 0);
	assert_int_equal(host_stats(r.h, 0)->hv_events, 1);
	rig_free(&r);
}

/* [26] No second #HV, not even a kick for what can not be shown. */
static void lower_second(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	post(&r, 0x61);
	assert_true(hv_taken(&r, 0));
	host_msi(r.h, MSI_TO(0), 0x41);
	hv_exit(&r, 0);
	assert_false(hv_taken(&r, 0));
	assert_int_equal(hv_take(&r, 0), 0x61);
	assert_false(hv_eoi(&r, 0));
	/* the exit of the EOI brings the other one, NFS was clear by now */
	assert_true(hv_taken(&r, 0));
	assert_int_equal(hv_take(&r, 0), 0x41);
	assert_true(hv_eoi(&r, 0));
	rig_free(&r);
}

/* [27] */
static void higher_overwrites(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	post(&r, 0x41);
	assert_true(hv_taken(&r, 0));
	post(&r, 0x61);
	assert_int_equal(hv_page(&r, 0)->pending, NFS | 0x61);
	assert_int_equal(hv_page(&r, 0)->no_eoi_required, 0);
	assert_false(hv_taken(&r, 0));
	assert_true(in_irr(&r, 0x41));
	assert_int_equal(hv_take(&r, 0), 0x61);
	assert_false(hv_eoi(&r, 0));
	assert_int_equal(hv_take(&r, 0), 0x41);
	rig_free(&r);
}

/* The guest was faster: the lower one is in service, the higher one nests. */
static void overwrite_lost_race(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	post(&r, 0x41);
	assert_int_equal(hv_take(&r, 0), 0x41);
	post(&r, 0x61);
	assert_true(in_isr(&r, 0x41));
	assert_int_equal(hv_take(&r, 0), 0x61);
	assert_false(hv_eoi(&r, 0));
	assert_true(in_isr(&r, 0x41));
	assert_false(hv_eoi(&r, 0));
	assert_false(in_isr(&r, 0x41));
	rig_free(&r);
}

/* [28] Left by the guest: no #HV again, whatever else happens. */
static void left_for_tpr(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	post(&r, 0x41);
	assert_true(hv_taken(&r, 0));
	hv_page(&r, 0)->flags = 0;
	for (int i = 0; i < 5; i++)
		hv_exit(&r, 0);
	assert_false(hv_taken(&r, 0));
	assert_int_equal(hv_page(&r, 0)->pending, 0x41);
	post(&r, 0x41);
	assert_int_equal(hv_page(&r, 0)->pending, 0x41);
	assert_int_equal(hv_take(&r, 0), 0x41);
	rig_free(&r);
}

/* [29] IF means nothing to #HV; the host does not know it. */
static void despite_if(void **state)
{
	struct rig r;
	u64 event;

	(void)state;
	rig_ri(&r, 1, 0);
	r.s.cpu[0].regs.rflags &= ~RFLAGS_IF;
	post(&r, 0x41);
	assert_int_equal(script_boundary(&r.s, 0, &event), EVENT_DELIVER);
	assert_int_equal(event, EVENT_HV);
	assert_int_equal(hv_page(&r, 0)->pending, NFS | 0x41);
	rig_free(&r);
}

/* The same vector again after it was taken and before the host saw that. */
static void same_again(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	post(&r, 0x41);
	assert_int_equal(hv_take(&r, 0), 0x41);
	host_msi(r.h, MSI_TO(0), 0x41);
	assert_true(in_isr(&r, 0x41));
	assert_true(in_irr(&r, 0x41));
	rig_pump(&r);
	/* in service still: it waits for the EOI */
	assert_int_equal(hv_page(&r, 0)->vector, 0);
	hv_eoi(&r, 0);
	hv_exit(&r, 0);
	assert_int_equal(hv_take(&r, 0), 0x41);
	rig_free(&r);
}

/* #HV whose delivery an exit interrupted comes again; nothing else does. */
static void interrupted(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	post(&r, 0x41);
	machine_delivering(r.m, 0, EVENT_HV);
	hv_exit(&r, 0);
	assert_true(hv_taken(&r, 0));
	assert_false(hv_taken(&r, 0));
	machine_delivering(r.m, 0, event_make(EVENT_EXCEPTION, VECTOR_PF));
	hv_exit(&r, 0);
	assert_int_equal(rig_ctx(&r, 0, 0)->vmcb->event_inj & EVENT_V, 0);
	rig_free(&r);
}

/* The highest first, one class nesting in the other, and all of them. */
static void all_vectors(void **state)
{
	struct rig r;
	int last = 256, seen = 0;

	(void)state;
	rig_ri(&r, 1, 0);
	for (int v = 16; v < 256; v++)
		host_msi(r.h, MSI_TO(0), v);
	rig_pump(&r);
	for (;;) {
		int v = hv_take(&r, 0);

		if (!v)
			break;
		assert_true(v < last);
		last = v;
		seen++;
		hv_eoi(&r, 0);
	}
	assert_int_equal(seen, 240);
	rig_free(&r);
}

/* What a host can do, and the test bench's does: #HV for nothing, any time. */
static void ring(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	host_ring(r.h, 0);
	rig_pump(&r);
	assert_true(hv_taken(&r, 0));
	assert_int_equal(hv_page(&r, 0)->pending, 0);
	hv_exit(&r, 0);
	assert_false(hv_taken(&r, 0));
	/* told already, and not looked: once more */
	post(&r, 0x41);
	assert_true(hv_taken(&r, 0));
	host_ring(r.h, 0);
	rig_pump(&r);
	assert_true(hv_taken(&r, 0));
	assert_int_equal(hv_page(&r, 0)->pending, NFS | 0x41);
	/* asleep */
	hv_take(&r, 0);
	hv_eoi(&r, 0);
	assert_int_equal(rig_hlt(&r, 0), MACH_IDLE);
	assert_true(host_idle(r.h, 0));
	host_ring(r.h, 0);
	rig_pump(&r);
	assert_false(host_idle(r.h, 0));
	assert_true(hv_taken(&r, 0));
	/* nobody there */
	host_ring(r.h, 1);
	assert_false(host_idle(r.h, 1));
	rig_free(&r);
	/* no such event without Restricted Injection */
	rig_new(&r, &(struct rig_config){ .vcpus = 1 });
	host_ring(r.h, 0);
	assert_int_equal(rig_kicks(&r, 0), 0);
	rig_free(&r);
}

/* ---- flags --------------------------------------------------------------- */

/* [39] */
static void nmi_bit(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	host_nmi(r.h, 0);
	rig_pump(&r);
	assert_int_equal(hv_page(&r, 0)->pending, NFS | DOORBELL_NMI);
	assert_true(hv_taken(&r, 0));
	post(&r, 0x41);
	assert_int_equal(hv_page(&r, 0)->pending, NFS | DOORBELL_NMI | 0x41);
	assert_false(hv_taken(&r, 0));
	assert_false(rig_ctx(&r, 0, 0)->vmcb->int_ctl & VINTR_V_NMI);
	rig_free(&r);
}

/* [38] */
static void mc_bit(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	host_machine_check(r.h, 7);
	host_machine_check(r.h, 0);
	assert_int_equal(rig_kicks(&r, 0), 1);
	machine_kicked(r.m, 0);
	assert_int_equal(hv_page(&r, 0)->pending, NFS | DOORBELL_MC);
	assert_true(hv_taken(&r, 0));
	hv_exit(&r, 0);
	assert_false(hv_taken(&r, 0));
	rig_free(&r);
}

/* [37] What the guest's own threads do to the page hurts only itself. */
static void spoilt_page(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	for (unsigned int byte = 0; byte < 256; byte++) {
		memset(hv_page(&r, 0), byte, 64);
		post(&r, 0x41);
		assert_int_equal(hv_page(&r, 0)->reserved_04[0], byte);
		memset(hv_page(&r, 0), ~byte, 64);
		hv_exit(&r, 0);
		memset(hv_page(&r, 0), 0, 64);
		for (int i = 0; i < 4; i++)
			rig_wrmsr(&r, 0, X2APIC(APIC_EOI), 0);
		assert_int_equal(r.stops, 0);
	}
	memset(hv_page(&r, 0), 0, 64);
	for (int i = 0; i < 4; i++) {
		hv_take(&r, 0);
		rig_wrmsr(&r, 0, X2APIC(APIC_EOI), 0);
	}
	post(&r, 0x55);
	assert_int_equal(hv_take(&r, 0), 0x55);
	rig_free(&r);
}

/* ---- EOI ----------------------------------------------------------------- */

static const struct elide_row {
	const char *name;
	bool level, lower, service;
	bool elided;
} elisions[] = {
	{ "[40] edge alone", .elided = true },
	{ "[40] level", .level = true },
	{ "[40] something lower pending", .lower = true },
	{ "[40] something in service", .service = true },
};

static void run_elision(void **state)
{
	const struct elide_row *row = *state;
	struct rig r;

	rig_ri(&r, 1, 0);
	if (row->service) {
		post(&r, 0x35);
		hv_take(&r, 0);
		hv_exit(&r, 0);
	}
	if (row->lower)
		host_msi(r.h, MSI_TO(0), 0x31);
	if (row->level)
		apic_post(&rig_ctx(&r, 0, 0)->apic, 0x41, true);
	else
		host_msi(r.h, MSI_TO(0), 0x41);
	hv_exit(&r, 0);
	assert_int_equal(hv_page(&r, 0)->no_eoi_required, row->elided);
	assert_int_equal(hv_take(&r, 0), 0x41);
	assert_int_equal(hv_eoi(&r, 0), row->elided);
	hv_exit(&r, 0);
	assert_false(in_isr(&r, 0x41));
	assert_int_equal(rig_ctx(&r, 0, 0)->count.vector[0x41].eoi, 1);
	rig_free(&r);
}

/* [40] Something else comes before the guest has used it: recalled. */
static void recalled(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	post(&r, 0x61);
	assert_int_equal(hv_take(&r, 0), 0x61);
	assert_int_equal(hv_page(&r, 0)->no_eoi_required, 1);
	host_msi(r.h, MSI_TO(0), 0x41);
	assert_int_equal(rig_kicks(&r, 0), 0);
	assert_int_equal(hv_page(&r, 0)->no_eoi_required, 0);
	assert_false(hv_eoi(&r, 0));
	assert_int_equal(hv_take(&r, 0), 0x41);
	rig_free(&r);
}

/* ... or just after: then it is done, and the other one comes at once. */
static void used_in_time(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	post(&r, 0x61);
	assert_int_equal(hv_take(&r, 0), 0x61);
	assert_true(hv_eoi(&r, 0));
	host_msi(r.h, MSI_TO(0), 0x41);
	assert_int_equal(rig_kicks(&r, 0), 1);
	machine_kicked(r.m, 0);
	assert_false(in_isr(&r, 0x61));
	assert_int_equal(hv_take(&r, 0), 0x41);
	rig_free(&r);
}

/* [40] Cleared without taking the vector: no EOI of anything. */
static void cleared_early(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	post(&r, 0x61);
	hv_page(&r, 0)->no_eoi_required = 0;
	hv_exit(&r, 0);
	assert_true(in_irr(&r, 0x61));
	post(&r, 0x71);
	hv_exit(&r, 0);
	assert_int_equal(hv_take(&r, 0), 0x71);
	hv_eoi(&r, 0);
	assert_int_equal(hv_take(&r, 0), 0x61);
	rig_free(&r);
}

/* A level line, through the I/O APIC: EOI at the APIC frees the pin. */
static void level_line(void **state)
{
	struct rig r;

	(void)state;
	rig_ri(&r, 1, 0);
	ioapic_write(&r.h->ioapic, IOAPIC_MMIO_SELECT, 0x10 + 2 * 9);
	ioapic_write(&r.h->ioapic, IOAPIC_MMIO_WINDOW,
		     0x41 | IOAPIC_RTE_LEVEL);
	host_set_gsi(r.h, 9, true);
	rig_pump(&r);
	assert_int_equal(hv_take(&r, 0), 0x41);
	assert_false(hv_eoi(&r, 0));
	/* the line is high still */
	hv_exit(&r, 0);
	assert_int_equal(hv_take(&r, 0), 0x41);
	host_set_gsi(r.h, 9, false);
	assert_false(hv_eoi(&r, 0));
	hv_exit(&r, 0);
	assert_int_equal(hv_take(&r, 0), 0);
	rig_free(&r);
}

int main(void)
{
	ROW("[25] one vector, one #HV", one_vector);
	ROW("[26] a lower one waits", lower_second);
	ROW("[27] a higher one overwrites", higher_overwrites);
	ROW("[27] overwrite lost the race", overwrite_lost_race);
	ROW("[28] left for TPR", left_for_tpr);
	ROW("[29] IF does not matter", despite_if);
	ROW("same vector again", same_again);
	ROW("interrupted #HV", interrupted);
	ROW("all vectors", all_vectors);
	ROW("#HV for nothing", ring);
	ROW("[39] NMI", nmi_bit);
	ROW("[38] machine check", mc_bit);
	ROW("[36, 37] spoilt page", spoilt_page);
	ROWS(elisions, run_elision);
	ROW("[40] recalled", recalled);
	ROW("[40] used in time", used_in_time);
	ROW("[40] cleared early", cleared_early);
	ROW("level line", level_line);
	return rows_run("host: Restricted Injection");
}
