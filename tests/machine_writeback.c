// SPDX-License-Identifier: MIT
/*
 * What an exit leaves behind: the interrupt state that hardware writes back,
 * an event whose delivery was interrupted, the VINTR window, Idle-HLT.
 */
#include <string.h>

#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

#define SNP	SEV_FEATURE_SNP
#define REFLECT	SEV_FEATURE_REFLECT_VC
#define RI	SEV_FEATURE_RESTRICTED
#define AI	SEV_FEATURE_ALTERNATE
#define SAVIC	SEV_FEATURE_SECURE_AVIC

#define INTR		0x80000033ull
#define NMI		0x80000202ull
#define PF		(0x80000b0eull | 6ull << 32)
#define BP		0x80000303ull
#define OF		0x80000304ull
#define VC		(0x80000b1dull | 0x72ull << 32)
#define HV		0x8000031cull
#define SOFT		0x80000480ull

/* 16: the write-back set, with every other bit of the word 0 or 1. */
static const struct set_row {
	const char *name;
	u64 features, filler;
} sets[] = {
	{ "16: write-back, AI, zeros", SNP | AI, 0 },
	{ "16: write-back, AI, ones", SNP | AI, ~(VINTR_BUSY | VINTR_V_IRQ) },
	{ "16: write-back, SAVIC off, zeros", SNP | SAVIC, 0 },
	{ "16: write-back, SAVIC off, ones", SNP | SAVIC,
	  ~(VINTR_BUSY | VINTR_V_IRQ) },
	{ "write-back, VMCB, zeros", SNP, 0 },
	{ "write-back, VMCB, ones", SNP, ~(VINTR_V_IRQ | VINTR_V_NMI) },
	{ "write-back, RI, ones: V_IRQ and V_NMI untouched", SNP | RI, ~0ull },
};

static void run_set(void **state)
{
	const u64 engine = VINTR_SHADOW | VINTR_NMI_MASK;
	const struct set_row *r = *state;
	struct machine_config c = script_config();
	struct vmsa *vmsa;
	struct vmcb *vmcb;
	struct script s;
	bool own = r->features & (AI | SAVIC);
	u32 host;

	script_new(&s, &c);
	vmsa = script_vmsa(&s, 0, 0, r->features);
	vmcb = s.vmcb[0][0];
	host = (u32)r->filler & ~(VINTR_AVIC | VINTR_X2AVIC);
	vmsa->vintr_ctrl = own ? r->filler : 0x5ull << 45;
	vmcb->int_ctl = own ? 0x30 : host;
	vmcb->int_state = 0;
	assert_int_equal(script_run(&s, 0, 0), 0);
	for (int flip = 0; flip < 2; flip++) {
		s.cpu[0].regs.shadow = flip;
		s.cpu[0].regs.nmi_masked = flip;
		machine_write_cr8(s.m, 0, flip ? 0xa : 0x5);
		script_leave(&s, 0);
		if (own) {
			assert_int_equal(vmsa->vintr_ctrl,
					 (r->filler & ~(VINTR_TPR | engine)) |
					 (flip ? 0xa | engine : 0x5));
			assert_int_equal(vmcb->int_ctl, 0x30);
			assert_int_equal(vmcb->int_state, 0);
		} else {
			assert_int_equal(vmsa->vintr_ctrl, 0x5ull << 45);
			assert_int_equal(vmcb->int_ctl,
					 (host & ~(VINTR_TPR |
						   VINTR_NMI_MASK)) |
					 (flip ? 0xa | VINTR_NMI_MASK : 0x5));
			assert_int_equal(vmcb->int_state & INT_STATE_SHADOW,
					 flip);
		}
		script_run(&s, 0, 0);
		assert_int_equal(s.cpu[0].regs.shadow, flip);
		assert_int_equal(s.cpu[0].regs.nmi_masked, flip);
	}
	script_free(&s);
}

/*
 * An exit at some time during an event. Where does the event end up?
 */
enum when {
	BEFORE,		/* handed over by VMRUN, not yet delivered */
	DURING,		/* NPF while the frame is pushed */
	REFLECTED,	/* a #VC with ReflectVC while the frame is pushed */
	OWN,		/* NPF in the delivery of the guest's own event */
	AFTER,
};

static const struct interrupted_row {
	const char *name;
	u64 features, event;
	enum when when;
	u64 vmcb_info;		/* EXITINTINFO of the VMCB */
	u64 vmsa_info;		/* and of the VMSA */
	u64 again;		/* EVENTINJ of the VMSA afterwards */
	bool busy;
} interrupted[] = {
	{ "VMCB: interrupted", SNP, INTR, DURING, INTR, INTR, 0, false },
	{ "VMCB: interrupted exception", SNP, PF, DURING, PF, PF, 0, false },
	{ "VMCB: the guest's own", SNP, PF, OWN, PF, PF, 0, false },
	{ "VMCB: not begun", SNP, INTR, BEFORE, INTR, INTR, 0, false },
	{ "VMCB: finished", SNP, INTR, AFTER, 0, 0, 0, false },
	{ "RI: #HV interrupted", SNP | RI, HV, DURING, HV, HV, 0, false },
	{ "RI: #HV not begun", SNP | RI, HV, BEFORE, HV, HV, 0, false },
	{ "AI: interrupted", SNP | AI, INTR, DURING, 0, INTR, 0, false },
	{ "AI: interrupted NMI", SNP | AI, NMI, DURING, 0, NMI, 0, false },
	{ "AI: the guest's own", SNP | AI, PF, OWN, 0, PF, 0, false },
	{ "AI: not begun stays in EVENTINJ, once", SNP | AI, INTR, BEFORE, 0,
	  0, INTR, false },
	{ "AI: finished", SNP | AI, INTR, AFTER, 0, 0, 0, false },
	{ "15: AI + ReflectVC, #VC in delivery: BUSY", SNP | AI | REFLECT,
	  INTR, REFLECTED, 0, INTR, 0, true },
	{ "15: AI + ReflectVC, #VC in an own event: BUSY", SNP | AI | REFLECT,
	  SOFT, REFLECTED, 0, SOFT, 0, true },
	{ "AI + ReflectVC, NPF in delivery: not BUSY", SNP | AI | REFLECT,
	  INTR, DURING, 0, INTR, 0, false },
	{ "AI + ReflectVC, finished: not BUSY", SNP | AI | REFLECT, INTR,
	  AFTER, 0, 0, 0, false },
	/* Secure AVIC rows 63 and 64 */
	{ "63: SAVIC, interrupt copied back", SNP | SAVIC, INTR, DURING, 0,
	  INTR, INTR, false },
	{ "63: SAVIC, NMI copied back", SNP | SAVIC, NMI, DURING, 0, NMI,
	  NMI, false },
	{ "63: SAVIC, exception copied back", SNP | SAVIC, PF, DURING, 0, PF,
	  PF, false },
	{ "63: SAVIC, own exception copied back", SNP | SAVIC, PF, OWN, 0,
	  PF, PF, false },
	{ "64: SAVIC, INTn is not", SNP | SAVIC, SOFT, OWN, 0, SOFT, 0,
	  false },
	{ "64: SAVIC, #BP is not", SNP | SAVIC, BP, OWN, 0, BP, 0, false },
	{ "64: SAVIC, #OF is not", SNP | SAVIC, OF, OWN, 0, OF, 0, false },
	{ "64: SAVIC, #VC is not", SNP | SAVIC, VC, OWN, 0, VC, 0, false },
	{ "SAVIC: not begun stays in EVENTINJ, once", SNP | SAVIC, INTR,
	  BEFORE, 0, 0, INTR, false },
	{ "SAVIC: INTn not begun stays, too", SNP | SAVIC, SOFT, BEFORE, 0,
	  0, SOFT, false },
};

static void meet(struct script *s, const struct interrupted_row *r)
{
	u64 event;

	if (r->when == BEFORE) {
		assert_int_equal(machine_kicked(s->m, 0), MACH_IDLE);
		return;
	}
	if (r->when != OWN && !(r->when == REFLECTED && r->event == SOFT)) {
		assert_int_equal(script_ask(s, 0, &event), EVENT_DELIVER);
		assert_int_equal(event, r->event);
	}
	machine_delivering(s->m, 0, r->event);
	if (r->when == AFTER) {
		machine_delivered(s->m, 0);
		assert_int_equal(machine_kicked(s->m, 0), MACH_IDLE);
	} else if (r->when == REFLECTED) {
		struct access a = { .gpa = RAM_LOW, .paging = true };

		assert_int_equal(machine_fault(s->m, 0, &a, ACCESS_MMIO, 0),
				 MACH_IDLE);
	} else {
		struct access a = { .gpa = SHARED_AT, .paging = true };

		assert_int_equal(machine_fault(s->m, 0, &a, ACCESS_NPF,
					       NPF_RMP), MACH_IDLE);
	}
}

static void run_interrupted(void **state)
{
	const struct interrupted_row *r = *state;
	struct machine_config c = script_config();
	bool own = r->features & (AI | SAVIC);
	bool injected = r->when != OWN &&
			!(r->when == REFLECTED && r->event == SOFT);
	struct vmsa *vmsa;
	struct vmcb *vmcb;
	struct script s;
	u64 event;

	script_new(&s, &c);
	vmsa = script_vmsa(&s, 0, 0, r->features);
	vmcb = s.vmcb[0][0];
	vmcb->exit_int_info = 0x1111;	/* stale */
	vmsa->exit_int_info = 0x2222;
	if (injected)
		*(own ? &vmsa->event_inj : &vmcb->event_inj) = r->event;
	assert_int_equal(script_run(&s, 0, 0), 0);
	meet(&s, r);
	assert_int_equal(vmcb->exit_int_info, r->vmcb_info);
	assert_int_equal(vmsa->exit_int_info, r->vmsa_info);
	assert_int_equal(vmcb->event_inj & EVENT_V, 0);
	assert_int_equal(vmsa->event_inj & EVENT_V ? vmsa->event_inj : 0,
			 r->again);
	assert_int_equal(!!(vmsa->vintr_ctrl & VINTR_BUSY), r->busy);
	assert_int_equal(script_run(&s, 0, 0), r->busy ? EXIT_BUSY : 0);
	if (!r->busy) {
		assert_int_equal(script_boundary(&s, 0, &event), r->again ?
				 EVENT_DELIVER : EVENT_NOTHING);
		assert_int_equal(event, r->again);
		/* Exactly once. */
		assert_int_equal(script_again(&s, 0), 0);
		assert_int_equal(script_boundary(&s, 0, &event),
				 EVENT_NOTHING);
	}
	script_free(&s);
}

/* VINTR intercept: the host sees the window open, before the interrupt. */
static const struct window_row {
	const char *name;
	u64 features;
} windows[] = {
	{ "VINTR window, VMCB", SNP },
	{ "VINTR window, AI", SNP | AI },
};

static void run_window(void **state)
{
	const struct window_row *r = *state;
	const u64 irq = VINTR_V_IRQ | VINTR_VGIF | 4ull << VINTR_PRIO_SHIFT |
			0x41ull << VINTR_VECTOR_SHIFT;
	struct machine_config c = script_config();
	struct vmsa *vmsa;
	struct vmcb *vmcb;
	struct script s;
	u64 event;

	script_new(&s, &c);
	vmsa = script_vmsa(&s, 0, 0, r->features);
	vmcb = s.vmcb[0][0];
	vmsa->rflags &= ~RFLAGS_IF;
	vmsa->vintr_ctrl = r->features & AI ? irq : 0;
	vmcb->int_ctl |= r->features & AI ? 0 : (u32)irq;
	vmcb->int_vector = 0x41;
	vmcb->intercept[3] |= BIT(4);		/* VMCB 00Ch, bit 4 */
	script_run(&s, 0, 0);
	assert_int_equal(script_boundary(&s, 0, &event), EVENT_BLOCKED);
	s.cpu[0].regs.rflags |= RFLAGS_IF;
	assert_int_equal(script_boundary(&s, 0, &event), EVENT_WINDOW);
	assert_int_equal(machine_vintr(s.m, 0), MACH_IDLE);
	assert_int_equal(script_last(&s)->code, EXIT_VINTR);
	/* Not taken: still pending when the host stops asking. */
	vmcb->intercept[3] = 0;
	script_run(&s, 0, 0);
	assert_int_equal(script_interrupt(&s, 0), 0x41);
	script_free(&s);
}

int main(void)
{
	ROWS(sets, run_set);
	ROWS(interrupted, run_interrupted);
	ROWS(windows, run_window);
	return rows_run("machine: what an exit leaves behind");
}
