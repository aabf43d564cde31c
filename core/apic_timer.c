// SPDX-License-Identifier: MIT
/*
 * Local APIC timer (APM 16.4.1; TSC-deadline: SDM "TSC-Deadline Mode").
 *
 * A running timer is one number, timer_due: when the count reaches 0. It is
 * kept in nanoseconds, so reading it never accumulates error. Conversions
 * round up: an interrupt may be late by less than a nanosecond, never early.
 *
 *             write TMICT != 0 (or TSC_DEADLINE != 0)
 *   STOPPED ------------------------------------------> RUNNING --.
 *      ^   write 0, change to or from deadline mode      |  ^     | due,
 *      '-------------------------------------------------'  |     | periodic
 *      ^            due, one-shot or deadline            |  '-----'
 *      '-------------------------------------------------'
 *
 * A masked timer runs on and posts nothing; nobody needs to be woken for it.
 */
#include "core/apic_priv.h"

#define NS_PER_MS	1000000ull

static u64 add_sat(u64 a, u64 b)
{
	return a + b < a ? APIC_NEVER : a + b;
}

/* TDCR bits 3, 1, 0: divide by 2, 4, ... 128; 1 is encoded as 7. */
static u64 divisor(const struct apic *apic)
{
	u32 code = (apic->tdcr & 3) | (apic->tdcr & 8) >> 1;

	return 1ull << ((code + 1) & 7);
}

/* At most 2^32 counts * 2^7 * 2^20: within 64 bits. */
static u64 counts_to_ns(const struct apic *apic, u32 counts)
{
	u64 khz = apic->config.bus_khz;

	return (counts * divisor(apic) * NS_PER_MS + khz - 1) / khz;
}

static u64 tsc_to_ns(const struct apic *apic, u64 ticks)
{
	u64 khz = apic->config.tsc_khz;

	if (ticks / khz >= APIC_NEVER / NS_PER_MS)
		return APIC_NEVER;
	return ticks / khz * NS_PER_MS +
	       (ticks % khz * NS_PER_MS + khz - 1) / khz;
}

static bool is_periodic(const struct apic *apic)
{
	return timer_mode(apic) == APIC_LVT_TIMER_PERIODIC;
}

static bool is_deadline(const struct apic *apic)
{
	return timer_mode(apic) == APIC_LVT_TIMER_DEADLINE;
}

u64 apic_timer_deadline(const struct apic *apic)
{
	if (!apic->timer_running ||
	    apic->lvt[APIC_LVT_IDX_TIMER] & APIC_LVT_MASKED)
		return APIC_NEVER;
	return apic->timer_due;
}

/* Periods that passed unnoticed are one interrupt, as IRR holds only one. */
bool apic_timer_expire(struct apic *apic, struct apic_time now)
{
	u64 period;

	if (!apic->timer_running || now.ns < apic->timer_due)
		return false;
	if (is_periodic(apic)) {
		period = counts_to_ns(apic, apic->tmict);
		apic->timer_due = add_sat(now.ns, period -
				(now.ns - apic->timer_due) % period);
	} else {
		apic->timer_running = false;
		apic->timer_due = 0;
		apic->tsc_deadline = 0;
	}
	if (!apic->timer_elsewhere)
		apic_fire(apic, APIC_LVT_IDX_TIMER);
	return true;
}

u32 apic_timer_count(const struct apic *apic, struct apic_time now)
{
	u64 left, period, counts, unit;

	if (!apic->timer_running || is_deadline(apic))
		return 0;
	period = counts_to_ns(apic, apic->tmict);
	if (now.ns < apic->timer_due)
		left = apic->timer_due - now.ns;
	else if (is_periodic(apic))
		left = period - (now.ns - apic->timer_due) % period;
	else
		return 0;
	/* Only a clock that went backwards gets past a whole period. */
	if (left >= period)
		return apic->tmict;
	unit = NS_PER_MS * divisor(apic);
	counts = (left * apic->config.bus_khz + unit - 1) / unit;
	return counts > apic->tmict ? apic->tmict : counts;
}

static void timer_start(struct apic *apic, u64 delay, struct apic_time now)
{
	apic->timer_due = add_sat(now.ns, delay);
	apic->timer_running = true;
	/* Nobody has been told of this one yet. */
	apic->timer_elsewhere = false;
}

static void timer_stop(struct apic *apic)
{
	apic->timer_running = false;
	apic->timer_due = 0;
	apic->tmict = 0;
	apic->tsc_deadline = 0;
}

/* In deadline mode the initial count is ignored (SDM). */
void apic_timer_write_count(struct apic *apic, u32 count, struct apic_time now)
{
	apic_timer_expire(apic, now);
	if (is_deadline(apic))
		return;
	timer_stop(apic);
	apic->tmict = count;
	if (count)
		timer_start(apic, counts_to_ns(apic, count), now);
}

/* A running count keeps its value and goes on at the new rate. */
void apic_timer_write_divide(struct apic *apic, u32 tdcr, struct apic_time now)
{
	u32 left;

	apic_timer_expire(apic, now);
	left = apic_timer_count(apic, now);
	apic->tdcr = tdcr;
	if (left)
		timer_start(apic, counts_to_ns(apic, left), now);
}

/* Entering or leaving deadline mode disarms the timer (SDM). */
void apic_timer_write_lvt(struct apic *apic, u32 value, struct apic_time now)
{
	bool was_deadline;

	apic_timer_expire(apic, now);
	was_deadline = is_deadline(apic);
	apic->lvt[APIC_LVT_IDX_TIMER] = value;
	if (was_deadline != is_deadline(apic))
		timer_stop(apic);
}

/* Reads 0 once the deadline has passed, whether expire() was called or not. */
enum apic_result apic_read_deadline(const struct apic *apic,
				    struct apic_time now, u64 *value)
{
	*value = 0;
	if (!apic->config.tsc_khz)
		return APIC_NO_REGISTER;
	if (!apic->timer_running || now.ns < apic->timer_due)
		*value = apic->tsc_deadline;
	return APIC_OK;
}

/* Outside deadline mode the write is ignored; 0 disarms (SDM). */
enum apic_result apic_write_deadline(struct apic *apic, u64 value,
				     struct apic_time now,
				     struct apic_effects *fx)
{
	u64 ticks;

	*fx = (struct apic_effects){ 0 };
	if (!apic->config.tsc_khz)
		return APIC_NO_REGISTER;
	apic_timer_expire(apic, now);
	fx->irq = true;
	fx->timer = true;
	if (!is_deadline(apic))
		return APIC_OK;
	timer_stop(apic);
	if (!value)
		return APIC_OK;
	ticks = value > now.tsc ? value - now.tsc : 0;
	apic->tsc_deadline = value;
	timer_start(apic, tsc_to_ns(apic, ticks), now);
	apic_timer_expire(apic, now);
	return APIC_OK;
}
