// SPDX-License-Identifier: MIT
/*
 * Random guests against the host: no crash, no lost wake-up, no APIC in an
 * impossible state, no write to private memory. Seeds are fixed; a failure
 * names its own.
 */
#include "tests/lib/host_chaos.h"
#include "tests/lib/rows.h"

#define ROUNDS	2000
#define BYTES	1024

static u64 state64;

static u8 random_byte(void)
{
	state64 ^= state64 << 13;
	state64 ^= state64 >> 7;
	state64 ^= state64 << 17;
	return state64 >> 24;
}

static void random_guests(void **state)
{
	static u8 data[BYTES];
	struct chaos_result result, sum = { 0 };

	(void)state;
	for (unsigned int seed = 1; seed <= ROUNDS; seed++) {
		state64 = seed * 0x9e3779b97f4a7c15ull;
		for (int i = 0; i < BYTES; i++)
			data[i] = random_byte();
		host_chaos(data, BYTES, &result);
		if (result.violation)
			fail_msg("seed %u: %s", seed, result.violation);
		sum.steps += result.steps;
		sum.served += result.served;
		sum.refused += result.refused;
		sum.interrupts += result.interrupts;
	}
	print_message("%u steps, %u served, %u refused, %u interrupts\n",
		      sum.steps, sum.served, sum.refused, sum.interrupts);
	/* Or the rounds test nothing. */
	assert_true(sum.steps > ROUNDS * 10);
	assert_true(sum.served > ROUNDS);
	assert_true(sum.refused > ROUNDS);
	assert_true(sum.interrupts > ROUNDS / 4);
}

int main(void)
{
	ROW("random guests", random_guests);
	return rows_run("host: random guests");
}
