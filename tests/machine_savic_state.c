// SPDX-License-Identifier: MIT
/*
 * Secure AVIC: random pages against a reference, NMIs, the control MSR, and
 * a page that hardware cannot reach. Numbers are rows of the conformance
 * list (APM 15.36.21).
 */
#include <string.h>

#include "machine/internal.h"
#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

#define SNP	SEV_FEATURE_SNP
#define SAVIC	SEV_FEATURE_SECURE_AVIC
#define REFLECT	SEV_FEATURE_REFLECT_VC
#define EN	SAVIC_CONTROL_EN
#define ALLOW_NMI	SAVIC_CONTROL_ALLOWED_NMI
#define CONTROL	0xc0010138
#define NMI_EVENT	0x80000202

struct rig {
	struct script s;
	struct vmsa *vmsa;
	struct vmcb *vmcb;
	u32 *page;
};

static void start(struct rig *r, u64 control, u64 features,
		  struct machine_switches sw)
{
	struct machine_config c = script_config();

	c.switches = sw;
	script_new(&r->s, &c);
	r->vmsa = script_vmsa(&r->s, 0, 0, SNP | SAVIC | features);
	r->vmcb = r->s.vmcb[0][0];
	r->page = script_savic(&r->s, 0, r->vmsa, control);
}

#define PLAIN	((struct machine_switches) { 0 })

/* ---- 15: merge and choice against a reference ---------------------------- */

static u64 seed = 15;

static u32 random32(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return seed >> 32;
}

/* Few bits in most words, so that all paths get their turn. */
static u32 sparse(void)
{
	u32 bits = random32() & random32() & random32();

	return random32() & 3 ? bits & random32() & random32() : bits;
}

struct page_model {
	u8 irr[256], isr[256], allowed[256];
};

static void unpack(u8 *out, const u32 *page, u32 base)
{
	for (unsigned int v = 0; v < 256; v++)
		out[v] = page[(base + 0x10 * (v / 32)) / 4] >> v % 32 & 1;
}

/* By vectors, not by words: class of the highest, 0 if none. */
static int top(const u8 *set)
{
	for (int v = 255; v >= 16; v--)
		if (set[v])
			return v;
	return 0;
}

static void one_page(struct rig *r)
{
	struct page_model want, got;
	u32 asked[8];
	int tpr, first, in_service, expect;

	for (int i = 0; i < 8; i++) {
		asked[i] = sparse();
		r->vmcb->requested_irr[i] = asked[i];
		r->page[(0x200 + 0x10 * i) / 4] = sparse() & sparse();
		r->page[(0x204 + 0x10 * i) / 4] = random32();
		r->page[(0x100 + 0x10 * i) / 4] = sparse() & sparse() &
						  sparse();
		if (!(random32() & 7))
			r->page[(0x100 + 0x10 * i) / 4] = 0;
	}
	tpr = random32() & 0xff;
	r->page[0x80 / 4] = tpr;
	r->vmsa->vintr_ctrl = VINTR_VGIF | tpr >> 4;
	r->vmsa->rflags = RFLAGS_IF;
	r->vmcb->update_irr = random32() & 3 ? 1 : 0;

	unpack(want.irr, r->page, 0x200);
	unpack(want.isr, r->page, 0x100);
	unpack(want.allowed, r->page, 0x204);
	for (unsigned int v = 0; v < 256; v++)
		if (r->vmcb->update_irr && asked[v / 32] >> v % 32 & 1)
			want.irr[v] |= want.allowed[v];
	first = top(want.irr);
	in_service = top(want.isr);
	expect = first / 16 > in_service / 16 && first / 16 > tpr / 16 ?
		 first : -1;

	assert_int_equal(script_run(&r->s, 0, 0), 0);
	unpack(got.irr, r->page, 0x200);
	assert_memory_equal(got.irr, want.irr, 256);
	assert_int_equal(r->page[0xa0 / 4], tpr / 16 >= in_service / 16 ?
			 tpr : in_service & 0xf0);
	assert_int_equal(script_interrupt(&r->s, 0), expect);
	if (expect >= 0) {
		want.irr[expect] = 0;
		want.isr[expect] = 1;
	}
	unpack(got.irr, r->page, 0x200);
	unpack(got.isr, r->page, 0x100);
	unpack(got.allowed, r->page, 0x204);
	assert_memory_equal(&got, &want, sizeof(got));
	for (int i = 0; i < 8; i++)
		assert_int_equal(r->vmcb->requested_irr[i], 0);
	script_leave(&r->s, 0);
}

static void row15(void **state)
{
	struct rig r;

	(void)state;
	start(&r, EN, 0, PLAIN);
	for (int i = 0; i < 20000; i++)
		one_page(&r);
	script_free(&r.s);
}

/* ---- 24 to 27: NMIs ------------------------------------------------------- */

static void row24(void **state)
{
	struct rig r;
	u64 event;

	(void)state;
	for (unsigned int i = 0; i < 32; i++) {
		bool vmsa = i & 1, vmcb = i & 2, request = i & 4;
		bool allowed = i & 8, keeps = i & 16;
		bool nmi = vmsa || (vmcb && allowed) || request;

		start(&r, EN | (allowed ? ALLOW_NMI : 0), 0,
		      (struct machine_switches) { .savic_nmi_keeps = keeps });
		r.vmsa->vintr_ctrl |= vmsa ? VINTR_V_NMI : 0;
		r.vmcb->int_ctl |= vmcb ? VINTR_V_NMI : 0;
		r.page[SAVIC_NMI_REQ / 4] = request;
		assert_int_equal(script_run(&r.s, 0, 0), 0);
		assert_int_equal(r.page[SAVIC_NMI_REQ / 4], 0);	/* 25 */
		assert_int_equal(!!(r.vmcb->int_ctl & VINTR_V_NMI),
				 vmcb && !allowed && keeps);
		assert_int_equal(script_boundary(&r.s, 0, &event), nmi ?
				 EVENT_DELIVER : EVENT_NOTHING);
		if (nmi)
			assert_int_equal(event, NMI_EVENT);
		r.s.cpu[0].regs.nmi_masked = false;
		assert_int_equal(script_boundary(&r.s, 0, &event),
				 EVENT_NOTHING);
		script_free(&r.s);
	}
}

/* 26: the second one is kept over an exit and comes after IRET. */
static void row26(void **state)
{
	struct rig r;
	u64 event;

	(void)state;
	start(&r, EN | ALLOW_NMI, 0, PLAIN);
	r.page[SAVIC_NMI_REQ / 4] = 1;
	script_run(&r.s, 0, 0);
	assert_int_equal(script_boundary(&r.s, 0, &event), EVENT_DELIVER);
	r.page[SAVIC_NMI_REQ / 4] = 1;
	assert_int_equal(script_again(&r.s, 0), 0);
	assert_int_equal(script_boundary(&r.s, 0, &event), EVENT_BLOCKED);
	assert_int_equal(script_again(&r.s, 0), 0);
	assert_int_equal(script_boundary(&r.s, 0, &event), EVENT_BLOCKED);
	r.s.cpu[0].regs.nmi_masked = false;
	assert_int_equal(script_boundary(&r.s, 0, &event), EVENT_DELIVER);
	assert_int_equal(machine_stats(r.s.m, 0)->nmi_delivered, 2);
	script_free(&r.s);
}

/* 27 */
static void row27(void **state)
{
	struct rig r;
	u64 event;

	(void)state;
	start(&r, EN, 0, PLAIN);
	for (int allowed = 0; allowed < 2; allowed++) {
		r.vmcb->int_ctl |= VINTR_V_NMI;
		assert_int_equal(script_run(&r.s, 0, 0), 0);
		assert_int_equal(script_boundary(&r.s, 0, &event), allowed ?
				 EVENT_DELIVER : EVENT_NOTHING);
		machine_wrmsr(r.s.m, 0, CONTROL, 2, SAVIC_AT(0) | EN |
			      (allowed ? 0 : ALLOW_NMI));
		script_leave(&r.s, 0);
	}
	script_free(&r.s);
}

/* 1.9: whether a doorbell takes NMI_REQ is open; by switch. */
static void doorbell_nmi(void **state)
{
	struct rig r;
	u64 event;

	(void)state;
	for (int keeps = 0; keeps < 2; keeps++) {
		start(&r, EN, 0, (struct machine_switches) {
			.savic_doorbell_keeps_nmi = keeps });
		script_run(&r.s, 0, 0);
		r.page[SAVIC_NMI_REQ / 4] = 1;
		hv_doorbell(r.s.m, 0);
		assert_int_equal(r.page[SAVIC_NMI_REQ / 4], keeps);
		assert_int_equal(script_boundary(&r.s, 0, &event), keeps ?
				 EVENT_NOTHING : EVENT_DELIVER);
		script_free(&r.s);
	}
}

/* ---- 9 to 11: SECURE_AVIC_CONTROL ----------------------------------------- */

static const struct control_row {
	const char *name;
	u64 features, value;
	enum mach_next result;
} controls[] = {
	{ "9: control MSR without the feature", SNP, 0, MACH_GP },
	{ "9: control MSR under AI", SNP | SEV_FEATURE_ALTERNATE, 0,
	  MACH_GP },
	{ "10: enable", SNP | SAVIC, SAVIC_AT(0) | EN, MACH_DONE },
	{ "10: enable with NMIs", SNP | SAVIC, SAVIC_AT(0) | EN | ALLOW_NMI,
	  MACH_DONE },
	{ "10: disable", SNP | SAVIC, 0, MACH_DONE },
	{ "10: MBZ bit 2", SNP | SAVIC, SAVIC_AT(0) | EN | 4, MACH_GP },
	{ "10: MBZ bit 11", SNP | SAVIC, SAVIC_AT(0) | EN | 0x800, MACH_GP },
	{ "10: MBZ bit 52", SNP | SAVIC, SAVIC_AT(0) | EN | BIT_ULL(52),
	  MACH_GP },
	{ "10: MBZ bit 63, not enabled", SNP | SAVIC, BIT_ULL(63), MACH_GP },
	{ "10: pointer out of range", SNP | SAVIC, RAM_LOW | EN, MACH_GP },
	{ "10: pointer out of range, not enabled", SNP | SAVIC,
	  SAVIC_CONTROL_PAGE, MACH_DONE },
};

static void run_control(void **state)
{
	const struct control_row *row = *state;
	struct machine_config c = script_config();
	struct vmsa *vmsa;
	struct script s;
	u64 value;

	script_new(&s, &c);
	vmsa = script_vmsa(&s, 0, 0, row->features);
	script_private(&s, SAVIC_AT(0));
	script_run(&s, 0, 0);
	assert_int_equal(machine_rdmsr(s.m, 0, CONTROL, 2, &value),
			 row->features & SAVIC ? MACH_DONE : MACH_GP);
	assert_int_equal(machine_wrmsr(s.m, 0, CONTROL, 2, row->value),
			 row->result);
	if (row->result == MACH_DONE) {
		/* 11: there, in the VMSA, and there again. */
		machine_rdmsr(s.m, 0, CONTROL, 2, &value);
		assert_int_equal(value, row->value);
		script_leave(&s, 0);
		assert_int_equal(vmsa->savic_control, row->value);
		assert_int_equal(script_run(&s, 0, 0), 0);
		value = 0;
		machine_rdmsr(s.m, 0, CONTROL, 2, &value);
		assert_int_equal(value, row->value);
	} else {
		script_leave(&s, 0);
		assert_int_equal(vmsa->savic_control, 0);
	}
	script_free(&s);
}

/* Enabling in the guest: pending bits count at once, the page is in use. */
static void enable_running(void **state)
{
	struct rig r;

	(void)state;
	start(&r, 0, 0, PLAIN);
	r.vmsa->savic_control = 0;
	r.page[(0x200 + 0x20) / 4] = BIT(0x41 % 32);
	script_run(&r.s, 0, 0);
	assert_int_equal(script_interrupt(&r.s, 0), -1);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(machine_wrmsr(r.s.m, 0, CONTROL, 2,
					       SAVIC_AT(0) | EN), MACH_DONE);
		assert_int_equal(hv_rmpupdate(r.s.m, SAVIC_AT(0), false,
					      false), HV_RMP_FAIL_INUSE);
		assert_int_equal(script_interrupt(&r.s, 0),
				 round ? -1 : 0x41);
		machine_wrmsr(r.s.m, 0, CONTROL, 2, 0);
	}
	assert_int_equal(hv_rmpupdate(r.s.m, SAVIC_AT(0), false, false),
			 HV_RMP_OK);
	script_free(&r.s);
}

int main(void)
{
	ROW("15: merge and choice, 20000 random pages", row15);
	ROW("24, 25: NMI truth table", row24);
	ROW("26: the second NMI", row26);
	ROW("27: AllowedNmi at run time", row27);
	ROW("doorbell and NMI_REQ, by switch", doorbell_nmi);
	ROWS(controls, run_control);
	ROW("enabling in the guest", enable_running);
	return rows_run("machine: Secure AVIC state");
}
