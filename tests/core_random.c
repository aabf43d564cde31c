// SPDX-License-Identifier: MIT
/*
 * Local APIC against the model: random operations, the whole state compared
 * after every step. Nothing is lost, nothing comes twice, no invariant falls.
 * The seed is fixed; BELFRY_SEED and BELFRY_STEPS look elsewhere or longer.
 */
#include "tests/core_apic.h"
#include "tests/core_model.h"

static struct apic a;
static struct apic_counters count;
static struct model m;
static u64 now, seed, step;

/* xorshift64: the same sequence on every libc. */
static u32 rnd(u32 below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 20) % below;
}

/* Often the same few vectors, or nothing would ever meet. */
static u8 rnd_vector(void)
{
	return rnd(4) ? 0x2e + rnd(10) * 0x11 : rnd(256);
}

static void op_vectors(void)
{
	u8 v = rnd_vector(), level_vector = 0;
	bool level = rnd(2);
	int pending = model_pending(&m);

	switch (rnd(9)) {
	case 0:
	case 1:
		apic_post(&a, v, level);
		model_post(&m, v, level);
		break;
	case 2:
		apic_post_ipi(&a, v);
		model_accept(&m, v, false);
		break;
	case 3:
	case 4:
		assert_int_equal(apic_ack(&a),
				 pending >= 0 ? (u32)pending : a.svr & 0xff);
		if (pending >= 0)
			model_take(&m, pending);
		break;
	case 5:
		assert_int_equal(apic_unack(&a, v),
				 m.depth && model_top(&m) == v);
		if (m.depth && model_top(&m) == v)
			model_untake(&m);
		break;
	case 6:
		level = m.depth && apic_take(&a, v);
		if (level)
			assert_true(m.pending[v] &&
				    v / 16 > model_top(&m) / 16);
		if (level)
			model_take(&m, v);
		break;
	default:
		level = m.depth && m.level[model_top(&m)];
		v = model_top(&m);
		model_eoi(&m);
		assert_int_equal(apic_eoi(&a, &level_vector), level);
		if (level)
			assert_int_equal(level_vector, v);
		break;
	}
}

static void op_register(void)
{
	static const u32 tdcr[] = { 0, 1, 2, 3, 8, 9, 10, 11 };
	u32 i = rnd(6), value, v = rnd_vector();

	switch (rnd(8)) {
	case 0:
		value = rnd(256);
		wr_at(&a, APIC_TPR, value & 0x3f, now);
		m.tpr = value & 0x3f;
		break;
	case 1:
		wr_at(&a, APIC_ESR, 0, now);
		m.esr = m.errors;
		m.errors = 0;
		break;
	case 2:
		value = rnd(8);
		wr_at(&a, APIC_SVR, (value ? 0x100 : 0) | v, now);
		model_set_enabled(&m, value, now);
		break;
	case 3:
		value = v | rnd(4) / 3 << 16;
		if (i == 0)
			value |= rnd(3) << 17;
		else if (i != 5)
			value |= rnd(3) / 2 * 0x400;
		if (i == 3 || i == 4)
			value |= rnd(2) << 15;
		wr_at(&a, APIC_LVT_TIMER + i * 0x10, value, now);
		model_set_lvt(&m, i, value, now);
		break;
	case 4:
		value = rnd(6) ? rnd(3000) : 0;
		wr_at(&a, APIC_TMICT, value, now);
		model_set_total(&m, value, now);
		break;
	case 5:
		value = tdcr[rnd(8)];
		wr_at(&a, APIC_TDCR, value, now);
		model_set_divisor(&m, value, now);
		break;
	case 6:
		wr_at(&a, APIC_ICR, 0x44000 | v, now);
		if (v > 15)
			model_accept(&m, v, false);
		else
			model_error(&m, 1 << 5);
		break;
	case 7:
		apic_write_cr8(&a, i);
		m.tpr = i * 16;
		break;
	}
}

static void op_sources(void)
{
	struct apic_effects fx;
	u64 tsc;
	u32 i;

	switch (rnd(7)) {
	case 0:
		i = rnd(3000);
		now += rnd(8) ? i : i * 100;
		break;
	case 1:
	case 2:
		assert_int_equal(apic_timer_expire(&a, at(now)),
				 model_expire(&m, now));
		break;
	case 3:
		tsc = rnd(6) ? now * 2 + rnd(4000) - 500 : 0;
		apic_write_deadline(&a, tsc, at(now), &fx);
		model_set_deadline(&m, tsc, now);
		break;
	case 4:
		i = rnd(2);
		tsc = rnd(2);
		apic_set_lint(&a, i, tsc);
		model_line(&m, i, tsc);
		break;
	case 5:
		apic_post_nmi(&a, APIC_FROM_HOST);
		m.nmi |= !m.filter || m.allow_nmi;
		break;
	case 6:
		assert_int_equal(apic_take_nmi(&a), m.nmi);
		m.nmi = false;
		break;
	}
}

/* Rare, because it destroys what the rest built. */
static void op_mode(void)
{
	static const u64 bits[] = { 0, APIC_BASE_ENABLE, APIC_BASE_EXTD,
				    APIC_BASE_ENABLE | APIC_BASE_EXTD };
	struct apic_effects fx;
	u32 to = rnd(4);
	int v;

	switch (rnd(3)) {
	case 0:
		if (apic_write_base(&a, APIC_DEFAULT_BASE | bits[to], &fx) !=
		    APIC_OK)
			break;
		/* 0 off, 1 xAPIC, 3 x2APIC; off resets. */
		m.view = to == 3 ? X2 : to == 1 ? X1 : APIC_VIEW_NONE;
		if (to == 0)
			model_reset(&m);
		break;
	case 1:
		apic_reset(&a, APIC_RESET_INIT);
		model_reset(&m);
		m.nmi = false;
		break;
	case 2:
		v = rnd(256);
		apic_allow(&a, v, to & 1);
		m.allowed[v] = v > 30 && to & 1;
		break;
	}
	assert_int_equal(apic_mode_of(&a), m.view);
	if (m.view != APIC_VIEW_NONE && !m.enabled && rnd(2)) {
		wr_at(&a, APIC_SVR, 0x1ff, now);
		model_set_enabled(&m, true, now);
	}
}

static void compare(void)
{
	u32 irr[8] = { 0 }, isr[8] = { 0 }, tmr[8] = { 0 };
	u32 want;
	int v, i;

	for (v = 0; v < 256; v++) {
		irr[v / 32] |= (u32)m.pending[v] << v % 32;
		tmr[v / 32] |= (u32)m.level[v] << v % 32;
	}
	for (i = 0; i < m.depth; i++)
		isr[m.stack[i] / 32] |= 1u << m.stack[i] % 32;
	assert_memory_equal(a.irr, irr, sizeof(irr));
	assert_memory_equal(a.isr, isr, sizeof(isr));
	assert_memory_equal(a.tmr, tmr, sizeof(tmr));
	assert_int_equal(a.tpr, m.tpr);
	assert_int_equal(apic_ppr(&a), model_ppr(&m));
	assert_int_equal(apic_pending(&a), model_pending(&m));
	assert_int_equal(a.esr, m.esr);
	assert_int_equal(a.errors, m.errors);
	assert_int_equal(a.nmi_pending, m.nmi);
	for (i = 0; i < 6; i++) {
		want = m.lvt[i];
		if (i == 3 || i == 4)
			want |= m.waits[i - 3] ? 0x4000 : 0;
		assert_int_equal(a.lvt[i], want);
	}
	assert_int_equal(a.tmict, m.total);
	assert_int_equal(apic_timer_count(&a, at(now)), model_count(m, now));
	assert_sound(&a);
}

/* posted = refused + coalesced + discarded + presented + pending */
static void balance(void)
{
	const struct apic_vector_count *c;
	int v;

	for (v = 0; v < 256; v++) {
		c = &count.vector[v];
		assert_int_equal(c->posted, c->refused + c->coalesced +
				 c->discarded + c->presented + m.pending[v]);
		assert_int_equal(c->posted, m.posted[v]);
		assert_int_equal(c->refused, m.refused[v]);
		assert_int_equal(c->coalesced, m.merged[v]);
		assert_int_equal(c->discarded, m.gone[v]);
		assert_int_equal(c->presented, m.taken[v]);
	}
}

static void run(bool filter, u64 steps)
{
	struct apic_config config = plain_config;
	u32 kind;

	memset(&m, 0, sizeof(m));
	memset(&count, 0, sizeof(count));
	config.filter = filter;
	assert_true(apic_init(&a, &config, &count));
	model_reset(&m);
	m.view = X1;
	m.filter = filter;
	wr(&a, APIC_SVR, 0x1ff);
	model_set_enabled(&m, true, 0);
	now = 0;
	for (step = 0; step < steps; step++) {
		kind = rnd(400);
		if (kind < 3 || m.view == APIC_VIEW_NONE)
			op_mode();
		else if (kind < 240)
			op_vectors();
		else if (kind < 320)
			op_register();
		else
			op_sources();
		compare();
		if (step % 1000 == 0)
			balance();
	}
	balance();
}

static u64 from_env(const char *name, u64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static int setup(void **state)
{
	(void)state;
	seed = from_env("BELFRY_SEED", 1) * 0x9e3779b97f4a7c15ull | 1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	print_message("last step %llu\n", (unsigned long long)step);
	return 0;
}

static void unfiltered(void **state)
{
	(void)state;
	run(false, from_env("BELFRY_STEPS", 1000000));
}

static void filtered(void **state)
{
	(void)state;
	run(true, from_env("BELFRY_STEPS", 1000000) / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(unfiltered, setup, teardown),
		cmocka_unit_test_setup_teardown(filtered, setup, teardown),
	};

	return cmocka_run_group_tests_name("core_random", tests, NULL, NULL);
}
