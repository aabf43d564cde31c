// SPDX-License-Identifier: MIT
/*
 * Events at an instruction boundary: EVENTINJ first, then NMI, then the
 * highest interrupt, each subject to what blocks it. APM vol. 2 (24593)
 * sections 15.20, 15.21 and 15.36.16 to 15.36.21.
 */
#include "machine/internal.h"

static bool nmi_waits(const struct vcpu *v)
{
	return v->vintr & VINTR_V_NMI && v->vintr & VINTR_NMI_ENABLE;
}

/* The interrupt that is queued, if any, TPR aside. */
static bool irq_waits(struct machine *m, unsigned int vcpu, u8 *vector)
{
	struct vcpu *v = &m->vcpu[vcpu];

	if (savic_on(v))
		return savic_pending(m, vcpu, vector);
	*vector = v->vintr >> VINTR_VECTOR_SHIFT;
	return v->vintr & VINTR_V_IRQ;
}

static bool above_tpr(const struct vcpu *v, u8 vector)
{
	unsigned int prio = (v->vintr & VINTR_PRIO) >> VINTR_PRIO_SHIFT;

	if (savic_on(v))
		prio = vector >> 4;
	else if (v->vintr & VINTR_IGN_TPR)
		return true;
	return prio > (v->vintr & 0xf);
}

bool vcpu_event_waits(struct machine *m, unsigned int vcpu)
{
	u8 vector;

	return m->vcpu[vcpu].inj || nmi_waits(&m->vcpu[vcpu]) ||
	       irq_waits(m, vcpu, &vector);
}

static void take_irq(struct machine *m, unsigned int vcpu, u8 vector)
{
	struct vcpu *v = &m->vcpu[vcpu];

	v->stats.intr[vector]++;
	if (savic_on(v))
		savic_accept(m, vcpu, vector);
	else
		v->vintr &= ~VINTR_V_IRQ;
}

/*
 * INTERCEPT_VINTR is bit 4 of the vector at VMCB 00Ch; the host sees the
 * window open but, where it may not inject, cannot use it.
 */
static bool window_wanted(const struct vcpu *v)
{
	return !savic_on(v) && v->vmcb->intercept[3] & BIT(4);
}

static void take_injected(struct vcpu *v, u64 *event)
{
	*event = v->inj;
	v->inj = 0;
	if (!(v->features & (SEV_FEATURE_ALTERNATE | SEV_FEATURE_SECURE_AVIC)))
		v->vmcb->event_inj &= ~EVENT_V;
	else if (v->vmsa->event_inj == *event)	/* and not VMRUN's own #VC */
		v->vmsa->event_inj &= ~EVENT_V;
	if (event_type(*event) == EVENT_INTR)
		v->stats.intr[*event & EVENT_VECTOR]++;
}

enum mach_event machine_event(struct machine *m, unsigned int vcpu,
			      u64 rflags, bool shadow, bool nmi_masked,
			      u64 *event)
{
	struct vcpu *v = &m->vcpu[vcpu];
	bool vgif = v->vintr & VINTR_VGIF;
	bool nmi, irq;
	u8 vector;

	if (!v->vmcb)
		return EVENT_NOTHING;
	if (v->inj) {
		take_injected(v, event);
		return EVENT_DELIVER;
	}
	nmi = nmi_waits(v);
	if (nmi && vgif && !nmi_masked) {
		v->vintr &= ~VINTR_V_NMI;
		v->stats.nmi_delivered++;
		*event = event_make(EVENT_NMI, VECTOR_NMI);
		return EVENT_DELIVER;
	}
	irq = irq_waits(m, vcpu, &vector);
	if (irq && vgif && rflags & RFLAGS_IF && !shadow &&
	    above_tpr(v, vector)) {
		if (window_wanted(v))
			return EVENT_WINDOW;
		take_irq(m, vcpu, vector);
		*event = event_make(EVENT_INTR, vector);
		return EVENT_DELIVER;
	}
	return nmi || irq ? EVENT_BLOCKED : EVENT_NOTHING;
}

void machine_delivering(struct machine *m, unsigned int vcpu, u64 event)
{
	m->vcpu[vcpu].delivering = event;
}

void machine_delivered(struct machine *m, unsigned int vcpu)
{
	m->vcpu[vcpu].delivering = 0;
}

/*
 * With the Idle-HLT intercept HLT exits only if nothing could be delivered
 * right after it (APM 15.36.21 relies on it: the host cannot see IRR).
 */
enum mach_next machine_hlt(struct machine *m, unsigned int vcpu, u64 rflags,
			   bool nmi_masked)
{
	struct vcpu *v = &m->vcpu[vcpu];
	bool idle_only = v->vmcb->intercept[INTERCEPT_IDLE_HLT / 32] &
			 BIT(INTERCEPT_IDLE_HLT % 32);
	bool vgif = v->vintr & VINTR_VGIF;
	u8 vector;

	if (idle_only &&
	    (v->inj || (nmi_waits(v) && vgif && !nmi_masked) ||
	     (irq_waits(m, vcpu, &vector) && vgif && rflags & RFLAGS_IF &&
	      above_tpr(v, vector)))) {
		v->stats.hlt_no_exit++;
		m->ops->poll_event(m->engine, vcpu);
		return MACH_RESUME;
	}
	return vcpu_exit(m, vcpu, idle_only ? EXIT_IDLE_HLT : EXIT_HLT, 0, 0,
			 0);
}

u64 machine_read_cr8(struct machine *m, unsigned int vcpu)
{
	return m->vcpu[vcpu].vintr & 0xf;
}

void machine_write_cr8(struct machine *m, unsigned int vcpu, u64 value)
{
	struct vcpu *v = &m->vcpu[vcpu];

	v->vintr = (v->vintr & ~VINTR_TPR) | (value & 0xf);
	v->stats.tpr_accelerated++;
	if (savic_on(v))
		savic_set_tpr(m, vcpu, (value & 0xf) << 4);
	m->ops->poll_event(m->engine, vcpu);
}
