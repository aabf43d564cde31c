/* SPDX-License-Identifier: MIT */
/* A vCPU as the monitor has it: APIC, VMSA, doorbell page; and the silicon. */
#ifndef TESTS_CORE_PRESENT_H
#define TESTS_CORE_PRESENT_H

#include "arch/doorbell.h"
#include "arch/vmsa.h"
#include "core/doorbell.h"
#include "core/present.h"
#include "tests/core_apic.h"

#define GUEST_VMPL	2

struct rig {
	struct apic apic;
	struct apic_counters count;
	struct present present;
	struct vmsa vmsa;
	u8 eoi;				/* the guest's byte */
	unsigned int told;		/* level EOIs, lazily */
	_Alignas(64) struct doorbell page;
};

/* A filtering x2APIC that allows everything; IF set, V_NMI there. */
static inline void rig_start(struct rig *r)
{
	struct apic_config config = plain_config;

	memset(r, 0, sizeof(*r));
	config.filter = true;
	config.start_x2apic = true;
	assert_true(apic_init(&r->apic, &config, &r->count));
	wr(&r->apic, APIC_SVR, APIC_SVR_ENABLE | 0xff);
	apic_allow_all(&r->apic, true);
	r->vmsa.rflags = RFLAGS_IF;
	r->vmsa.vintr_ctrl = VINTR_NMI_ENABLE;
}

static inline struct doorbell_ext *rig_ext(struct rig *r)
{
	return &r->page.ext[GUEST_VMPL - 1];
}

/* The host has something; the monitor takes it. */
static inline bool rig_drain(struct rig *r, struct doorbell_drain *d)
{
	r->page.per_vmpl_events |= DOORBELL_EVENTS_VMPL(GUEST_VMPL);
	if (!doorbell_drain(&r->page, GUEST_VMPL, &r->apic, d))
		return false;
	doorbell_apply(d, &r->apic);
	return true;
}

static inline void rig_status(struct rig *r, u32 status)
{
	struct doorbell_drain d;

	rig_ext(r)->status = status;
	assert_true(rig_drain(r, &d));
}

static inline void settle(struct rig *r)
{
	assert_int_equal(present_settle(&r->present, &r->apic, &r->vmsa,
					&r->eoi), PRESENT_OK);
	r->told += r->present.level_eoi != 0;
	r->present.level_eoi = 0;
	assert_sound(&r->apic);
}

static inline void enter(struct rig *r)
{
	settle(r);
	present_enter(&r->present, &r->apic, &r->vmsa, &r->eoi);
}

/*
 * One instruction boundary (APM 15.20, 15.21, 15.36.17). Returns the vector
 * delivered, + 0x100 for what EVENTINJ held, + 0x200 for V_NMI; 0: nothing.
 */
static inline unsigned int silicon(struct vmsa *s)
{
	u64 ctl = s->vintr_ctrl;
	unsigned int prio = (ctl & VINTR_PRIO) >> VINTR_PRIO_SHIFT;

	if (s->event_inj & EVENT_V) {
		s->event_inj &= ~EVENT_V;
		if (event_type(s->event_inj) == EVENT_NMI)
			s->vintr_ctrl |= VINTR_NMI_MASK;
		return 0x100 | (s->event_inj & EVENT_VECTOR);
	}
	if (!(ctl & VINTR_VGIF))
		return 0;
	if (ctl & VINTR_V_NMI && ctl & VINTR_NMI_ENABLE &&
	    !(ctl & VINTR_NMI_MASK)) {
		s->vintr_ctrl = (ctl & ~VINTR_V_NMI) | VINTR_NMI_MASK;
		return 0x200 | VECTOR_NMI;
	}
	if (!(ctl & VINTR_V_IRQ) || !(s->rflags & RFLAGS_IF) ||
	    ctl & VINTR_SHADOW)
		return 0;
	if (!(ctl & VINTR_IGN_TPR) && prio <= (ctl & 0xf))
		return 0;
	s->vintr_ctrl &= ~VINTR_V_IRQ;
	return (ctl & VINTR_VECTOR) >> VINTR_VECTOR_SHIFT;
}

/* Enter and run until the boundary; an interrupt gate clears IF. */
static inline unsigned int run(struct rig *r)
{
	unsigned int event;

	enter(r);
	event = silicon(&r->vmsa);
	if (event)
		r->vmsa.rflags &= ~RFLAGS_IF;
	return event;
}

#endif
