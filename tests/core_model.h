/* SPDX-License-Identifier: MIT */
/*
 * A local APIC written a second time, to differ from core/ in every choice:
 * one byte per vector instead of bitmaps, a stack of what is in service,
 * counts instead of absolute times. Slow, obvious, and by another route.
 */
#ifndef TESTS_CORE_MODEL_H
#define TESTS_CORE_MODEL_H

#include "core/apic.h"

struct model {
	u8 pending[256], level[256], allowed[256];
	u8 stack[32];
	int depth;
	enum apic_view view;
	bool enabled, nmi, filter, allow_nmi;
	u8 tpr;
	u32 esr, errors;
	u32 lvt[6];
	bool line[2], waits[2];		/* waits: remote IRR */
	/* Timer: left counts as of ns since, total to reload. */
	bool counting;
	u32 left, total, divisor;
	u64 since, deadline;
	u64 posted[256], refused[256], merged[256], gone[256], taken[256];
};

static inline bool model_masked(const struct model *m, int i)
{
	return m->lvt[i] >> 16 & 1;
}

static inline void model_reset(struct model *m)
{
	int i;

	for (i = 0; i < 256; i++) {
		m->gone[i] += m->pending[i];
		m->pending[i] = m->level[i] = 0;
	}
	for (i = 0; i < 6; i++)
		m->lvt[i] = 0x10000;
	m->depth = 0;
	m->enabled = false;
	m->tpr = 0;
	m->esr = m->errors = 0;
	m->waits[0] = m->waits[1] = false;
	m->counting = false;
	m->left = m->total = 0;
	m->divisor = 2;
	m->deadline = 0;
}

static inline bool model_put(struct model *m, int v, bool level)
{
	if (m->pending[v]) {
		m->merged[v]++;
		m->level[v] |= level;
	} else {
		m->pending[v] = 1;
		m->level[v] = level;
	}
	return true;
}

static inline void model_error(struct model *m, u32 bit)
{
	bool first = m->errors == 0;
	int v = m->lvt[5] & 0xff;

	m->errors |= bit;
	if (!first || model_masked(m, 5))
		return;
	m->posted[v]++;
	if (v > 15) {
		model_put(m, v, false);
	} else {
		m->refused[v]++;
		m->errors |= 1 << 6;
	}
}

/* True if the vector is pending afterwards because of this. */
static inline bool model_accept(struct model *m, int v, bool level)
{
	m->posted[v]++;
	if (m->enabled && v > 15)
		return model_put(m, v, level);
	m->refused[v]++;
	if (m->enabled)
		model_error(m, 1 << 6);
	return false;
}

static inline void model_post(struct model *m, int v, bool level)
{
	if (!m->filter || m->allowed[v]) {
		model_accept(m, v, level);
	} else {
		m->posted[v]++;
		m->refused[v]++;
	}
}

static inline int model_top(const struct model *m)
{
	return m->depth ? m->stack[m->depth - 1] : 0;
}

static inline int model_ppr(const struct model *m)
{
	int top = model_top(m);

	return top / 16 > m->tpr / 16 ? top / 16 * 16 : m->tpr;
}

static inline int model_pending(const struct model *m)
{
	int v = 255;

	while (v > 15 && !m->pending[v])
		v--;
	return v / 16 > model_ppr(m) / 16 ? v : -1;
}

static inline void model_take(struct model *m, int v)
{
	m->pending[v] = 0;
	m->taken[v]++;
	m->stack[m->depth++] = v;
}

static inline void model_untake(struct model *m)
{
	int v = m->stack[--m->depth];

	m->taken[v]--;
	m->merged[v] += m->pending[v];
	m->pending[v] = 1;
}

static inline void model_fire(struct model *m, int i)
{
	if (model_masked(m, i))
		return;
	if ((m->lvt[i] >> 8 & 7) == 0)
		model_accept(m, m->lvt[i] & 0xff, false);
	if ((m->lvt[i] >> 8 & 7) == 4)
		m->nmi = true;
}

static inline bool model_level_pin(const struct model *m, int pin)
{
	return (m->lvt[3 + pin] & 0x8700) == 0x8000;
}

static inline void model_pin(struct model *m, int pin)
{
	if (model_level_pin(m, pin) && m->line[pin] && !m->waits[pin] &&
	    !model_masked(m, 3 + pin))
		m->waits[pin] = model_accept(m, m->lvt[3 + pin] & 0xff, true);
}

static inline void model_line(struct model *m, int pin, bool line)
{
	bool rose = line && !m->line[pin];

	m->line[pin] = line;
	if (model_level_pin(m, pin))
		model_pin(m, pin);
	else if (rose)
		model_fire(m, 3 + pin);
}

static inline void model_eoi(struct model *m)
{
	int v, pin;

	if (!m->depth)
		return;
	v = m->stack[--m->depth];
	for (pin = 0; pin < 2; pin++) {
		if (m->waits[pin] && (m->lvt[3 + pin] & 0xff) == (u32)v) {
			m->waits[pin] = false;
			model_pin(m, pin);
		}
	}
}

static inline int model_mode(const struct model *m)
{
	return m->lvt[0] >> 17 & 3;
}

/* Count down to now; true if 0 was reached on the way, once or more often. */
static inline bool model_run(struct model *m, u64 now)
{
	bool reached = false;
	u64 steps;

	if (m->deadline && now * 2 >= m->deadline) {
		m->deadline = 0;
		return true;
	}
	if (!m->counting)
		return false;
	steps = (now - m->since) / m->divisor;
	m->since += steps * m->divisor;
	while (m->counting && steps >= m->left) {
		reached = true;
		steps -= m->left;
		m->left = m->total;
		m->counting = model_mode(m) == 1;
	}
	m->left = m->counting ? m->left - steps : 0;
	return reached;
}

static inline bool model_expire(struct model *m, u64 now)
{
	bool fired = model_run(m, now);

	if (fired)
		model_fire(m, 0);
	return fired;
}

static inline u32 model_count(struct model m, u64 now)
{
	if (model_mode(&m) == 2)
		return 0;
	model_run(&m, now);
	return m.counting ? m.left : 0;
}

static inline void model_set_total(struct model *m, u32 total, u64 now)
{
	model_expire(m, now);
	if (model_mode(m) == 2)
		return;
	m->total = m->left = total;
	m->counting = total != 0;
	m->since = now;
}

static inline void model_set_divisor(struct model *m, u32 tdcr, u64 now)
{
	static const u8 by[] = { 2, 4, 8, 16, 32, 64, 128, 1 };

	model_expire(m, now);
	m->since = now;
	m->divisor = by[(tdcr & 3) + (tdcr & 8 ? 4 : 0)];
}

static inline void model_set_deadline(struct model *m, u64 tsc, u64 now)
{
	model_expire(m, now);
	if (model_mode(m) != 2)
		return;
	m->deadline = tsc;
	model_expire(m, now);
}

static inline void model_set_lvt(struct model *m, int i, u32 value, u64 now)
{
	int before = model_mode(m);

	if (!m->enabled)
		value |= 0x10000;
	if (i == 0)
		model_expire(m, now);
	m->lvt[i] = value;
	if (i == 0 && before != model_mode(m) &&
	    (before == 2 || model_mode(m) == 2)) {
		m->counting = false;
		m->left = m->total = 0;
		m->deadline = 0;
	}
	if (i == 3 || i == 4) {
		if (!model_level_pin(m, i - 3))
			m->waits[i - 3] = false;
		model_pin(m, i - 3);
	}
}

static inline void model_set_enabled(struct model *m, bool on, u64 now)
{
	int i;

	model_expire(m, now);
	m->enabled = on;
	for (i = 0; i < 6 && !on; i++)
		m->lvt[i] |= 0x10000;
}

#endif
