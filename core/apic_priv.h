/* SPDX-License-Identifier: MIT */
/* What the apic_*.c files share and nobody else needs. */
#ifndef CORE_APIC_PRIV_H
#define CORE_APIC_PRIV_H

#include "core/apic.h"

static inline bool vec_test(const u32 map[8], u8 v)
{
	return map[v >> 5] & BIT(v & 31);
}

static inline void vec_set(u32 map[8], u8 v)
{
	map[v >> 5] |= BIT(v & 31);
}

static inline void vec_clear(u32 map[8], u8 v)
{
	map[v >> 5] &= ~BIT(v & 31);
}

static inline int vec_highest(const u32 map[8])
{
	int i;

	for (i = 7; i >= 0; i--)
		if (map[i])
			return i * 32 + 31 - __builtin_clz(map[i]);
	return APIC_NO_VECTOR;
}

/* Priority class of a vector, TPR or PPR (APM 16.6.4). */
static inline int apic_class(int v)
{
	return v >> 4;
}

static inline bool lvt_is_fixed(u32 lvt)
{
	return (lvt & APIC_LVT_MODE) == APIC_FIXED << 8;
}

static inline u32 timer_mode(const struct apic *apic)
{
	return apic->lvt[APIC_LVT_IDX_TIMER] & APIC_LVT_TIMER_MODE;
}

/* Into IRR, as from inside: no filter. Counts. */
enum apic_post apic_accept(struct apic *apic, u8 vector, bool level);
/* Count a vector that was dropped before it came this far. */
void apic_refuse(struct apic *apic, u8 vector);
/* Record an ESR bit; raises the error LVT once per write to ESR. */
void apic_error(struct apic *apic, u32 bit);
/* After an EOI: a level LINT of that vector that is still asserted. */
void apic_lint_eoi(struct apic *apic, u8 vector);
void apic_lvt_write(struct apic *apic, enum apic_lvt lvt, u32 value,
		    struct apic_time now);
void apic_svr_write(struct apic *apic, u32 value, struct apic_time now);
/* value is 64 bit in both views; reserved bits are gone in xAPIC. */
enum apic_result apic_icr_write(struct apic *apic, u64 value,
				struct apic_effects *fx);
void apic_self_ipi(struct apic *apic, u8 vector);
void apic_timer_write_count(struct apic *apic, u32 count, struct apic_time now);
void apic_timer_write_divide(struct apic *apic, u32 tdcr,
			     struct apic_time now);
void apic_timer_write_lvt(struct apic *apic, u32 value, struct apic_time now);

#endif
