// SPDX-License-Identifier: MIT
/*
 * Which event an instruction boundary delivers, and what blocks it. Numbers
 * are rows of the conformance list for the hardware (docs/testing.md).
 */
#include <string.h>

#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

#define SNP	SEV_FEATURE_SNP
#define RI	SEV_FEATURE_RESTRICTED
#define AI	SEV_FEATURE_ALTERNATE
#define SAVIC	SEV_FEATURE_SECURE_AVIC

#define IRQ(vector, prio)	(VINTR_V_IRQ |				\
				 (u64)(vector) << VINTR_VECTOR_SHIFT |	\
				 (u64)(prio) << VINTR_PRIO_SHIFT)
#define TPR(class)		((u64)(class))
#define GIF			VINTR_VGIF
#define NMI			VINTR_V_NMI
#define NMI_EN			VINTR_NMI_ENABLE
#define INTR(vector)		(0x80000000ull | (vector))
#define NMI_EVENT		0x80000202ull
#define EXCEPTION(vector)	(0x80000300ull | (vector))

#define NO_IF		1
#define SHADOW		2
#define NMI_MASKED	4

static const struct row {
	const char *name;
	u64 features;
	u64 ctl;		/* VINTR_CTRL, or its VMCB counterparts */
	u64 inj;		/* EVENTINJ, of VMSA or VMCB by mode */
	unsigned int cpu;	/* NO_IF, SHADOW, NMI_MASKED */
	u64 want[3];		/* at the first three boundaries; 0: none */
	enum mach_event rest;	/* what the boundary after the last says */
} rows[] = {
/* The same in both places: VMSA under AI, VMCB otherwise. */
#define BOTH(name, ...)							\
	{ "AI: " name, SNP | AI, __VA_ARGS__ },				\
	{ "VMCB: " name, SNP, __VA_ARGS__ }

	BOTH("nothing", .ctl = GIF),
	BOTH("8: EVENTINJ ignores IF, TPR, shadow, VGIF", .ctl = TPR(15),
	     .inj = INTR(0x33), .cpu = NO_IF | SHADOW | NMI_MASKED,
	     .want = { INTR(0x33) }),
	BOTH("EVENTINJ of an exception with error code", .ctl = GIF,
	     .inj = 0x80000b0eull | 7ull << 32,
	     .want = { 0x80000b0eull | 7ull << 32 }),
	BOTH("EVENTINJ without V", .ctl = GIF, .inj = 0x33),
	BOTH("9: V_IRQ of class 3, TPR 3", .ctl = GIF | IRQ(0x35, 3) | TPR(3),
	     .rest = EVENT_BLOCKED),
	BOTH("9: V_IRQ of class 3, TPR 2", .ctl = GIF | IRQ(0x35, 3) | TPR(2),
	     .want = { INTR(0x35) }),
	BOTH("9: V_INTR_PRIO counts, not the vector",
	     .ctl = GIF | IRQ(0x35, 9) | TPR(8), .want = { INTR(0x35) }),
	BOTH("10: IGN_TPR", .ctl = GIF | IRQ(0x35, 0) | TPR(15) |
	     VINTR_IGN_TPR, .want = { INTR(0x35) }),
	BOTH("V_IRQ with IF clear", .ctl = GIF | IRQ(0x35, 3), .cpu = NO_IF,
	     .rest = EVENT_BLOCKED),
	BOTH("11: INT_SHADOW delays one instruction",
	     .ctl = GIF | IRQ(0x35, 3), .cpu = SHADOW,
	     .want = { 0, INTR(0x35) }),
	BOTH("V_IRQ is taken once", .ctl = GIF | IRQ(0x35, 3),
	     .want = { INTR(0x35) }),
	BOTH("V_IRQ clear but a vector there", .ctl = GIF |
	     (IRQ(0x35, 3) & ~VINTR_V_IRQ)),
	BOTH("12: VGIF clear blocks V_IRQ", .ctl = IRQ(0x35, 3),
	     .rest = EVENT_BLOCKED),
	BOTH("12: VGIF clear blocks V_NMI", .ctl = NMI | NMI_EN,
	     .rest = EVENT_BLOCKED),
	BOTH("17: V_NMI without its enable", .ctl = GIF | NMI),
	BOTH("17: V_NMI", .ctl = GIF | NMI | NMI_EN, .cpu = NO_IF,
	     .want = { NMI_EVENT }),
	BOTH("17: V_NMI masked", .ctl = GIF | NMI | NMI_EN,
	     .cpu = NMI_MASKED, .rest = EVENT_BLOCKED),
	BOTH("order: EVENTINJ, NMI, IRQ", .ctl = GIF | NMI | NMI_EN |
	     IRQ(0x35, 3), .inj = EXCEPTION(13),
	     .want = { EXCEPTION(13), NMI_EVENT }, .rest = EVENT_BLOCKED),
	BOTH("order: NMI before IRQ, which is not lost", .ctl = GIF | NMI |
	     NMI_EN | IRQ(0x35, 3), .want = { NMI_EVENT },
	     .rest = EVENT_BLOCKED),
	BOTH("order: EVENTINJ of an interrupt, then V_IRQ waits for IF",
	     .ctl = GIF | IRQ(0x35, 3), .inj = INTR(0x80),
	     .want = { INTR(0x80) }, .rest = EVENT_BLOCKED),
	/* Restricted Injection: #HV, and nothing that is queued. */
	{ "RI: #HV ignores IF and has no error code", SNP | RI,
	  .ctl = GIF | TPR(15), .inj = EXCEPTION(28), .cpu = NO_IF,
	  .want = { EXCEPTION(28) } },
	{ "RI: V_IRQ and V_NMI are ignored", SNP | RI,
	  .ctl = GIF | NMI | NMI_EN | IRQ(0x35, 3) },
	/* Secure AVIC, not enabled: as AI. */
	{ "SAVIC, En = 0: V_IRQ of the VMSA", SNP | SAVIC,
	  .ctl = GIF | IRQ(0x35, 3), .want = { INTR(0x35) } },
	{ "SAVIC, En = 0: EVENTINJ of the VMSA", SNP | SAVIC,
	  .ctl = GIF, .inj = INTR(0x35), .want = { INTR(0x35) } },
};

static bool by_vmsa(u64 features)
{
	return features & (AI | SAVIC);
}

/* Put @r's control word where its mode keeps it. */
static void arrange(struct script *s, const struct row *r)
{
	struct vmsa *vmsa = script_vmsa(s, 0, 0, r->features);
	struct vmcb *vmcb = s->vmcb[0][0];
	bool shadow = r->cpu & SHADOW, masked = r->cpu & NMI_MASKED;

	if (r->cpu & NO_IF)
		vmsa->rflags &= ~RFLAGS_IF;
	if (by_vmsa(r->features)) {
		vmsa->event_inj = r->inj;
		vmsa->vintr_ctrl = r->ctl | (shadow ? VINTR_SHADOW : 0) |
				   (masked ? VINTR_NMI_MASK : 0);
		/* 6, 7: what the host puts here is not looked at. */
		vmcb->event_inj = INTR(0x80);
		vmcb->int_ctl |= NMI | NMI_EN | VINTR_V_IRQ | VINTR_IGN_TPR |
				 GIF;
		vmcb->int_vector = 0x80;
		return;
	}
	vmsa->event_inj = INTR(0x80);
	vmsa->vintr_ctrl = GIF | NMI | NMI_EN | IRQ(0x80, 8);
	vmcb->event_inj = r->inj;
	vmcb->int_ctl |= (u32)r->ctl | VINTR_VGIF_ENABLE |
			 (masked ? VINTR_NMI_MASK : 0);
	vmcb->int_vector = r->ctl >> VINTR_VECTOR_SHIFT;
	vmcb->int_state = shadow ? INT_STATE_SHADOW : 0;
}

/* What was taken is no longer pending after the exit; the rest is. */
static void check_left(struct script *s, const struct row *r)
{
	const struct vmsa *vmsa = script_ram(s, VMSA_AT(0, 0));
	u64 left = by_vmsa(r->features) ? vmsa->vintr_ctrl :
		   s->vmcb[0][0]->int_ctl;
	u64 want = r->ctl;

	for (int i = 0; i < 3; i++) {
		if (r->want[i] == NMI_EVENT)
			want &= ~NMI;
		if (r->want[i] && event_type(r->want[i]) == EVENT_INTR &&
		    r->want[i] != r->inj)
			want &= ~VINTR_V_IRQ;
	}
	assert_int_equal(left & (NMI | VINTR_V_IRQ),
			 want & (NMI | VINTR_V_IRQ));
}

static void run(void **state)
{
	const struct row *r = *state;
	struct machine_config c = script_config();
	struct script s;
	int last = -1;
	u64 event;

	script_new(&s, &c);
	arrange(&s, r);
	assert_int_equal(script_run(&s, 0, 0), 0);
	for (int i = 0; i < 3; i++)
		if (r->want[i])
			last = i;
	if (last >= 0 || r->rest == EVENT_BLOCKED)
		assert_int_not_equal(s.cpu[0].polls, 0);
	for (int i = 0; i <= last; i++) {
		enum mach_event what = script_boundary(&s, 0, &event);

		assert_int_equal(what, r->want[i] ? EVENT_DELIVER :
				 EVENT_BLOCKED);
		assert_int_equal(event, r->want[i]);
	}
	assert_int_equal(script_boundary(&s, 0, &event), r->rest);
	script_leave(&s, 0);
	assert_int_equal(script_last(&s)->int_info, 0);
	check_left(&s, r);
	script_free(&s);
}

/* 9: every V_INTR_PRIO against every V_TPR, with and without IGN_TPR. */
static void priorities(void **state)
{
	u64 features = *state ? SNP | AI : SNP;
	struct machine_config c = script_config();

	for (unsigned int i = 0; i < 512; i++) {
		unsigned int prio = i & 15, tpr = i >> 4 & 15;
		bool ignore = i >> 8, taken = ignore || prio > tpr;
		struct row r = { .features = features, .ctl = GIF |
				 IRQ(0x77, prio) | TPR(tpr) |
				 (ignore ? VINTR_IGN_TPR : 0) };
		struct vmsa *vmsa;
		struct script s;
		u64 left;

		script_new(&s, &c);
		arrange(&s, &r);
		assert_int_equal(script_run(&s, 0, 0), 0);
		assert_int_equal(machine_read_cr8(s.m, 0), tpr);
		assert_int_equal(script_interrupt(&s, 0), taken ? 0x77 : -1);
		script_leave(&s, 0);
		vmsa = script_ram(&s, VMSA_AT(0, 0));
		left = features & AI ? vmsa->vintr_ctrl :
		       s.vmcb[0][0]->int_ctl;
		assert_int_equal(left & VINTR_V_IRQ,
				 taken ? 0 : VINTR_V_IRQ);
		assert_int_equal(left & VINTR_TPR, tpr);
		script_free(&s);
	}
}

static const struct flow_row {
	const char *name;
	u64 features;
} flows[] = {
	{ "13: lowering CR8 lets V_IRQ in, AI", SNP | AI },
	{ "13: lowering CR8 lets V_IRQ in, VMCB", SNP },
};

static void run_cr8(void **state)
{
	const struct flow_row *f = *state;
	struct row r = { .features = f->features,
			 .ctl = GIF | IRQ(0x61, 6) | TPR(9) };
	struct machine_config c = script_config();
	unsigned int polls;
	struct script s;

	script_new(&s, &c);
	arrange(&s, &r);
	script_run(&s, 0, 0);
	assert_int_equal(script_interrupt(&s, 0), -1);
	machine_write_cr8(s.m, 0, 6);
	assert_int_equal(script_interrupt(&s, 0), -1);
	polls = s.cpu[0].polls;
	machine_write_cr8(s.m, 0, 5);
	assert_int_equal(machine_read_cr8(s.m, 0), 5);
	assert_int_not_equal(s.cpu[0].polls, polls);
	assert_int_equal(script_interrupt(&s, 0), 0x61);
	assert_int_equal(s.logged, 0);		/* no exit */
	assert_int_equal(machine_stats(s.m, 0)->intr[0x61], 1);
	script_free(&s);
}

/* 17: a second NMI waits for IRET. */
static void nmi_until_iret(void **state)
{
	struct row r = { .features = SNP | AI, .ctl = GIF | NMI | NMI_EN };
	struct machine_config c = script_config();
	struct script s;
	u64 event;

	(void)state;
	script_new(&s, &c);
	arrange(&s, &r);
	script_run(&s, 0, 0);
	assert_int_equal(script_boundary(&s, 0, &event), EVENT_DELIVER);
	script_leave(&s, 0);
	((struct vmsa *)script_ram(&s, VMSA_AT(0, 0)))->vintr_ctrl |= NMI;
	script_run(&s, 0, 0);
	assert_true(s.cpu[0].regs.nmi_masked);
	assert_int_equal(script_boundary(&s, 0, &event), EVENT_BLOCKED);
	s.cpu[0].regs.nmi_masked = false;	/* IRET */
	assert_int_equal(script_boundary(&s, 0, &event), EVENT_DELIVER);
	assert_int_equal(event, NMI_EVENT);
	assert_int_equal(machine_stats(s.m, 0)->nmi_delivered, 2);
	script_free(&s);
}

/* An idle core has no events. */
static void idle(void **state)
{
	struct machine_config c = script_config();
	struct script s;
	u64 event;

	(void)state;
	script_new(&s, &c);
	assert_int_equal(script_ask(&s, 0, &event), EVENT_NOTHING);
	script_free(&s);
}

/* Without VGIF mode in the VMCB there is no virtual GIF to be clear. */
static void no_vgif_mode(void **state)
{
	struct row r = { .features = SNP, .ctl = IRQ(0x61, 6) };
	struct machine_config c = script_config();
	struct script s;

	(void)state;
	script_new(&s, &c);
	arrange(&s, &r);
	s.vmcb[0][0]->int_ctl &= ~VINTR_VGIF_ENABLE;
	script_run(&s, 0, 0);
	assert_int_equal(script_interrupt(&s, 0), 0x61);
	script_free(&s);
}

int main(void)
{
	ROWS(rows, run);
	rows_add("9: every priority and TPR, AI", priorities, flows);
	rows_add("9: every priority and TPR, VMCB", priorities, NULL);
	ROWS(flows, run_cr8);
	ROW("17: the second NMI waits for IRET", nmi_until_iret);
	ROW("an idle core has no events", idle);
	ROW("VGIF without VGIF mode", no_vgif_mode);
	return rows_run("machine: events at a boundary");
}
