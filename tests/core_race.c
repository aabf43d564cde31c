// SPDX-License-Identifier: MIT
/*
 * Both sides of the doorbell page at the same time, in threads: injection.md
 * section 12, rows 36, 53 and 57.
 */
#include <pthread.h>
#include <sched.h>

#include "tests/core_present.h"

#define SEQ	__ATOMIC_SEQ_CST
#define ROUNDS	200000

static struct rig r;
static bool stop;

static void race(void *(*thread)(void *), pthread_t *t)
{
	rig_start(&r);
	__atomic_store_n(&stop, false, SEQ);
	assert_int_equal(pthread_create(t, NULL, thread, NULL), 0);
}

static void finish(pthread_t t)
{
	__atomic_store_n(&stop, true, SEQ);
	pthread_join(t, NULL);
}

static void *flip_vector(void *arg)
{
	u8 v = 0;

	(void)arg;
	while (!__atomic_load_n(&stop, SEQ))
		__atomic_store_n(&r.page.vector, v++, SEQ);
	return NULL;
}

/* Row 36: bounded time, and what is taken is above TPR. */
static void row36_flips(void **state)
{
	unsigned int i;
	pthread_t t;
	u8 v;

	(void)state;
	race(flip_vector, &t);
	for (i = 0; i < ROUNDS; i++) {
		v = doorbell_take(&r.page, 0x40);
		assert_true(!v || v >= 0x50);
	}
	finish(t);
}

static void *flip_level(void *arg)
{
	u32 i = 0;

	(void)arg;
	while (!__atomic_load_n(&stop, SEQ)) {
		__atomic_store_n(&rig_ext(&r)->status,
				 i++ & 1 ? 0x41 | DOORBELL_EXT_LEVEL : 0x52,
				 SEQ);
		__atomic_fetch_or(&r.page.per_vmpl_events, 0xff, SEQ);
	}
	return NULL;
}

/* Row 53: 41h always comes with the flag, 52h never. */
static void row53_level_flag(void **state)
{
	struct doorbell_drain d;
	unsigned int i, seen = 0;
	pthread_t t;

	(void)state;
	race(flip_level, &t);
	for (i = 0; i < ROUNDS || !seen; i++) {
		if (!doorbell_drain(&r.page, GUEST_VMPL, &r.apic, &d))
			continue;
		assert_true(d.level == APIC_NO_VECTOR || d.level == 0x41);
		assert_int_equal(d.edge[0x41 / 32] & BIT(1), 0);
		seen += d.level == 0x41;
	}
	finish(t);
}

static u32 next_post[3];
static const u8 posted[3] = { 31, 0x41, 0xfe };

/* An honest producer: content, flag, event. One of each until it arrived. */
static void *produce(void *arg)
{
	struct doorbell_ext *ext = rig_ext(&r);
	u32 done[3] = { 0 };
	unsigned int i;

	(void)arg;
	while (!__atomic_load_n(&stop, SEQ)) {
		for (i = 0; i < 3; i++) {
			if (__atomic_load_n(&next_post[i], SEQ) != done[i])
				continue;
			done[i]++;
			if (i)
				__atomic_fetch_or(&ext->irr[posted[i] / 32 - 1],
						  BIT(posted[i] % 32), SEQ);
			__atomic_fetch_or(&ext->status, DOORBELL_EXT_MULTIPLE |
					  (i ? 0 : DOORBELL_EXT_VECTOR_31),
					  SEQ);
			__atomic_fetch_or(&r.page.per_vmpl_events,
					  DOORBELL_EVENTS_VMPL(GUEST_VMPL),
					  SEQ);
		}
		sched_yield();
	}
	return NULL;
}

/* Row 57: none is lost, or the producer would wait for ever. */
static void row57_nothing_lost(void **state)
{
	struct doorbell_drain d;
	unsigned int i, got = 0;
	pthread_t t;

	(void)state;
	memset(next_post, 0, sizeof(next_post));
	race(produce, &t);
	while (got < 30000) {
		if (!doorbell_drain(&r.page, GUEST_VMPL, &r.apic, &d)) {
			sched_yield();
			continue;
		}
		for (i = 0; i < 3; i++) {
			if (!(d.edge[posted[i] / 32] & BIT(posted[i] % 32)))
				continue;
			got++;
			__atomic_fetch_add(&next_post[i], 1, SEQ);
		}
	}
	finish(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row36_flips),
		cmocka_unit_test(row53_level_flag),
		cmocka_unit_test(row57_nothing_lost),
	};

	return cmocka_run_group_tests_name("core_race", tests, NULL, NULL);
}
