/* SPDX-License-Identifier: MIT */
/* What the tests of core/'s local APIC share. */
#ifndef TESTS_CORE_APIC_H
#define TESTS_CORE_APIC_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/apic.h"

#define X1	APIC_VIEW_XAPIC
#define X2	APIC_VIEW_X2APIC

static const struct apic_time t0;

/* 1 GHz bus: one count at divide-by-1 is one nanosecond. TSC at 2 GHz. */
static const struct apic_config plain_config = {
	.id = 5, .bus_khz = 1000000, .tsc_khz = 2000000, .bsp = true,
	.has_x2apic = true,
};

static inline struct apic_time at(u64 ns)
{
	return (struct apic_time){ .ns = ns, .tsc = ns * 2 };
}

static inline u64 rd_at(struct apic *a, u32 offset, u64 ns)
{
	u64 value;

	assert_int_equal(apic_read(a, apic_mode_of(a), offset, at(ns), &value),
			 APIC_OK);
	return value;
}

static inline u64 rd(struct apic *a, u32 offset)
{
	return rd_at(a, offset, 0);
}

static inline struct apic_effects wr_at(struct apic *a, u32 offset, u64 value,
					u64 ns)
{
	struct apic_effects fx;

	assert_int_equal(apic_write(a, apic_mode_of(a), offset, value, at(ns),
				    &fx), APIC_OK);
	return fx;
}

static inline struct apic_effects wr(struct apic *a, u32 offset, u64 value)
{
	return wr_at(a, offset, value, 0);
}

static inline void assert_sound(const struct apic *a)
{
	const char *violation = apic_check(a);

	if (violation)
		fail_msg("invariant: %s", violation);
}

/* Field by field: padding is nobody's business. */
static inline void assert_msg_equal(const struct irq_msg *x,
				    const struct irq_msg *y)
{
	assert_int_equal(x->dest, y->dest);
	assert_int_equal(x->vector, y->vector);
	assert_int_equal(x->mode, y->mode);
	assert_int_equal(x->shorthand, y->shorthand);
	assert_int_equal(x->logical, y->logical);
	assert_int_equal(x->level, y->level);
	assert_int_equal(x->wide, y->wide);
}

/* A software-enabled APIC in the view asked for. */
static inline void start(struct apic *a, enum apic_view view,
			 struct apic_counters *count)
{
	struct apic_config config = plain_config;

	if (count)
		memset(count, 0, sizeof(*count));
	config.start_x2apic = view == X2;
	assert_true(apic_init(a, &config, count));
	wr(a, APIC_SVR, APIC_SVR_ENABLE | 0xff);
	assert_sound(a);
}

#endif
