// SPDX-License-Identifier: MIT
/*
 * Local APIC: the local vector table, its pins, and software disable.
 */
#include "core/apic_priv.h"

static enum apic_lvt lint_lvt(unsigned int pin)
{
	return pin ? APIC_LVT_IDX_LINT1 : APIC_LVT_IDX_LINT0;
}

enum apic_post apic_fire(struct apic *apic, enum apic_lvt idx)
{
	u32 lvt = apic->lvt[idx];

	if (lvt & APIC_LVT_MASKED)
		return APIC_POST_DISABLED;
	switch ((lvt & APIC_LVT_MODE) >> 8) {
	case APIC_FIXED:
		return apic_accept(apic, lvt & APIC_LVT_VECTOR, false);
	case APIC_NMI:
		/* The guest programmed it: not subject to the filter. */
		return apic_post_nmi(apic, APIC_FROM_GUEST);
	default:
		return APIC_POST_UNSUPPORTED;
	}
}

/* Only a fixed LINT honours level; NMI is edge, ExtINT is the 8259's. */
static bool lint_is_level(u32 lvt)
{
	return lvt_is_fixed(lvt) && lvt & APIC_LVT_LEVEL;
}

/* A level pin sends once and waits for the EOI, as an I/O APIC pin does. */
static bool lint_level(struct apic *apic, unsigned int pin)
{
	u32 *lvt = &apic->lvt[lint_lvt(pin)];

	if (*lvt & (APIC_LVT_MASKED | APIC_LVT_REMOTE_IRR))
		return false;
	if (!(apic->lint_lines & BIT(pin)))
		return false;
	if (apic_accept(apic, *lvt & APIC_LVT_VECTOR, true) >
	    APIC_POST_COALESCED)
		return false;
	*lvt |= APIC_LVT_REMOTE_IRR;
	return true;
}

bool apic_set_lint(struct apic *apic, unsigned int pin, bool line)
{
	bool rising = line && !(apic->lint_lines & BIT(pin));

	apic->lint_lines &= ~BIT(pin);
	if (line)
		apic->lint_lines |= BIT(pin);
	if (lint_is_level(apic->lvt[lint_lvt(pin)]))
		return lint_level(apic, pin);
	return rising && apic_fire(apic, lint_lvt(pin)) == APIC_POST_ACCEPTED;
}

void apic_lint_eoi(struct apic *apic, u8 vector)
{
	unsigned int pin;
	u32 *lvt;

	for (pin = 0; pin < 2; pin++) {
		lvt = &apic->lvt[lint_lvt(pin)];
		if (!(*lvt & APIC_LVT_REMOTE_IRR) ||
		    (*lvt & APIC_LVT_VECTOR) != vector)
			continue;
		*lvt &= ~APIC_LVT_REMOTE_IRR;
		lint_level(apic, pin);
	}
}

bool apic_accepts_pic(const struct apic *apic)
{
	u32 lvt = apic->lvt[APIC_LVT_IDX_LINT0];

	if (apic_mode_of(apic) == APIC_VIEW_NONE)
		return true;
	return !(lvt & APIC_LVT_MASKED) &&
	       (lvt & APIC_LVT_MODE) >> 8 == APIC_EXTINT;
}

/*
 * Reserved bits are gone already. Delivery status reads 0: nothing waits on a
 * bus here. Remote IRR is read-only and has a meaning for level only.
 */
void apic_lvt_write(struct apic *apic, enum apic_lvt idx, u32 value,
		    struct apic_time now)
{
	u32 keep = apic->lvt[idx] & APIC_LVT_REMOTE_IRR;

	value &= ~(APIC_LVT_PENDING | APIC_LVT_REMOTE_IRR);
	if (!(apic->svr & APIC_SVR_ENABLE))
		value |= APIC_LVT_MASKED;
	if (idx == APIC_LVT_IDX_TIMER) {
		apic_timer_write_lvt(apic, value, now);
		return;
	}
	if (lint_is_level(value))
		value |= keep;
	apic->lvt[idx] = value;
	if (idx == APIC_LVT_IDX_LINT0 && lint_is_level(value))
		lint_level(apic, 0);
	if (idx == APIC_LVT_IDX_LINT1 && lint_is_level(value))
		lint_level(apic, 1);
}

/* Disabling masks every LVT entry until software unmasks it (APM 16.4.7). */
void apic_svr_write(struct apic *apic, u32 value, struct apic_time now)
{
	unsigned int i;

	/* What the timer owes until now is delivered under the old state. */
	apic_timer_expire(apic, now);
	apic->svr = value;
	if (value & APIC_SVR_ENABLE)
		return;
	for (i = 0; i < APIC_LVTS; i++)
		apic->lvt[i] |= APIC_LVT_MASKED;
}
