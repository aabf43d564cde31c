// SPDX-License-Identifier: MIT
/*
 * Invariants of struct apic, stated slowly and independently of the code that
 * keeps them. Whatever host and guest do, apic_check() is NULL.
 */
#include "core/apic_priv.h"

static const char *check_vectors(const struct apic *apic)
{
	unsigned int v, class, nested;

	if ((apic->irr[0] | apic->isr[0] | apic->tmr[0]) & 0xffff)
		return "vector-below-16";
	if (apic->allowed[0] & 0x7fffffff)
		return "exception-vector-allowed";
	/* Each nesting level is a higher class: at most one bit in each. */
	for (class = 1; class < 16; class++) {
		nested = 0;
		for (v = class << 4; v < (class + 1) << 4; v++)
			nested += vec_test(apic->isr, v);
		if (nested > 1)
			return "class-in-service-twice";
	}
	return NULL;
}

/* Nothing is deliverable that TPR or an in-service class holds back. */
static const char *check_priority(const struct apic *apic)
{
	int v, pending = apic_pending(apic), ppr = apic_ppr(apic);
	int floor = apic->tpr >> 4;

	if (apic->tpr > 0xff)
		return "tpr-range";
	for (v = 0; v < APIC_VECTORS; v++)
		if (vec_test(apic->isr, v) && v >> 4 > floor)
			floor = v >> 4;
	if (ppr >> 4 != floor)
		return "ppr-formula";
	if ((ppr & 15) && ppr != (int)apic->tpr)
		return "ppr-low-nibble";
	for (v = APIC_VECTORS - 1; v >> 4 > floor; v--)
		if (vec_test(apic->irr, v))
			return pending == v ? NULL : "highest-not-pending";
	return pending == APIC_NO_VECTOR ? NULL : "pending-below-ppr";
}

static const char *check_lvt(const struct apic *apic)
{
	unsigned int i;
	u32 lvt;

	for (i = 0; i < APIC_LVTS; i++) {
		lvt = apic->lvt[i];
		if (!(apic->svr & APIC_SVR_ENABLE) && !(lvt & APIC_LVT_MASKED))
			return "lvt-unmasked-while-disabled";
		if (lvt & APIC_LVT_REMOTE_IRR &&
		    (!lvt_is_fixed(lvt) || !(lvt & APIC_LVT_LEVEL)))
			return "remote-irr-on-edge";
	}
	return NULL;
}

static const char *check_timer(const struct apic *apic)
{
	u32 mode = timer_mode(apic);
	bool deadline = mode == APIC_LVT_TIMER_DEADLINE;

	if (mode == APIC_LVT_TIMER_MODE)
		return "timer-mode-reserved";
	if (apic->tsc_deadline && !(deadline && apic->timer_running))
		return "tsc-deadline-not-running";
	if (apic->timer_running && !(deadline ? apic->tsc_deadline :
						(u64)apic->tmict))
		return "timer-runs-on-nothing";
	return NULL;
}

static const char *check_mode(const struct apic *apic)
{
	unsigned int i;

	if (apic->base & APIC_BASE_EXTD &&
	    (!(apic->base & APIC_BASE_ENABLE) || !apic->config.has_x2apic))
		return "apic-base-illegal";
	if (apic->base & APIC_BASE_ENABLE)
		return NULL;
	for (i = 0; i < 8; i++)
		if (apic->irr[i] | apic->isr[i])
			return "vector-in-disabled-apic";
	return apic->timer_running ? "timer-in-disabled-apic" : NULL;
}

const char *apic_check(const struct apic *apic)
{
	const char *(*const checks[])(const struct apic *) = {
		check_vectors, check_priority, check_lvt, check_timer,
		check_mode,
	};
	const char *violation = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(checks) && !violation; i++)
		violation = checks[i](apic);
	return violation;
}
