// SPDX-License-Identifier: MIT
/* Random guests and hosts against the monitor: tests/svsm_world.h. */
#include <stdlib.h>

#include "tests/svsm_world.h"

#define STEPS		400000

static void world_broken(const char *what)
{
	print_error("BELFRY_SEED=%llu step %u: %s\n", (unsigned long long)seed,
		    step, what);
	fail();
}

static void schedules(void **state)
{
	const char *from = getenv("BELFRY_SEED");
	const char *length = getenv("BELFRY_STEPS");
	u64 steps = length ? strtoull(length, NULL, 0) : STEPS;

	(void)state;
	seed = from ? strtoull(from, NULL, 0) : 1;
	for (u64 done = 0; done < steps; done += WORLD, seed++) {
		random_state = seed * 0x9e3779b97f4a7c15ull | 1;
		world_begin();
		for (step = 0; step < WORLD; step++) {
			world_step();
			if (!(step % 16))
				world_judge();
		}
		world_judge();
	}
	print_message("presented %u created %u refused %u after the end %u\n",
		      presented, created, refused, left);
	/* They were not empty ones. */
	assert_true(presented > steps / 100 && created > steps / 1000);
	assert_true(refused > steps / 100 && left > steps / 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(schedules) };

	return cmocka_run_group_tests_name("svsm_random", tests, NULL, NULL);
}
