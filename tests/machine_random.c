// SPDX-License-Identifier: MIT
/*
 * A million steps of a hostile host and a guest that does anything: nothing
 * crashes, nothing is delivered that is not allowed, with IF clear, or out
 * of order; the host reads no secret; in-use marks are right at the end.
 */
#include <stdlib.h>

#include "tests/lib/machine_chaos.h"
#include "tests/lib/rows.h"

#define STEPS	1000000
#define WORLD	4000	/* steps until a guest is beyond repair */

/* BELFRY_SEED=N, BELFRY_STEPS=N repeat or extend a run. */
static u64 setting(const char *name, u64 otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

static void add_up(struct chaos *sum, const struct chaos *c)
{
	sum->entered += c->entered;
	sum->refused += c->refused;
	sum->nested += c->nested;
	sum->faults += c->faults;
	sum->stolen += c->stolen;
	for (unsigned int i = 0; i < ARRAY_SIZE(c->delivered); i++)
		sum->delivered[i] += c->delivered[i];
}

static void schedules(void **state)
{
	static struct chaos sum, c;
	u64 seed = setting("BELFRY_SEED", 1);
	u64 steps = setting("BELFRY_STEPS", STEPS);

	(void)state;
	for (u64 done = 0; done < steps; done += WORLD, seed++) {
		chaos_new(&c, seed, NULL, 0);
		for (unsigned int i = 0; i < WORLD; i++) {
			if (chaos_step(&c) && (i % 64 ||
			    chaos_marks_consistent(&c)))
				continue;
			print_error("BELFRY_SEED=%llu step %u: %s\n",
				    (unsigned long long)seed, i, c.broken ?
				    c.broken : "in-use marks");
			fail();
		}
		assert_true(chaos_marks_consistent(&c));
		add_up(&sum, &c);
		chaos_free(&c);
	}
	print_message("entered %llu refused %llu delivered RI %llu AI %llu "
		      "SAVIC %llu host %llu nested %llu faults %llu stolen "
		      "%llu\n", (unsigned long long)sum.entered,
		      (unsigned long long)sum.refused,
		      (unsigned long long)sum.delivered[0],
		      (unsigned long long)sum.delivered[1],
		      (unsigned long long)sum.delivered[2],
		      (unsigned long long)sum.delivered[3],
		      (unsigned long long)sum.nested,
		      (unsigned long long)sum.faults,
		      (unsigned long long)sum.stolen);
	/* The schedules were not empty ones. */
	assert_true(sum.entered > steps / 4);
	for (unsigned int i = 0; i < ARRAY_SIZE(sum.delivered); i++)
		assert_true(sum.delivered[i] > steps / 1000);
	assert_true(sum.refused && sum.nested && sum.faults && sum.stolen);
}

int main(void)
{
	ROW("a million random steps", schedules);
	return rows_run("machine: random schedules");
}
