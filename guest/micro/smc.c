// SPDX-License-Identifier: MIT
/*
 * smc: one CPU rewrites a function that the others call. What a caller gets
 * must never be older than what had been announced before the call: kernels
 * patch themselves like this. It is a test of the engine, whose translated
 * code must not outlive the bytes it was made from.
 */
#include "guest/micro/micro.h"

/* mov $imm32, %eax; ret */
static u8 code[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static volatile u32 announced;
static volatile u32 stale[MICRO_CPUS];
static volatile bool stop;

static u32 call(void)
{
	u32 (*fn)(void) = (u32 (*)(void))code;

	return fn();
}

static void caller(void)
{
	u32 least;

	while (!stop) {
		least = announced;
		if (call() < least)
			stale[this_cpu()->index]++;
	}
}

void micro_main(void)
{
	volatile u32 *imm = (u32 *)(code + 1);
	u32 count = option("count", 20000);
	unsigned int cpus = cpu_count();

	code[0] = 0xb8;
	code[5] = 0xc3;
	for (unsigned int i = 1; i < cpus; i++)
		cpu_start(i);
	for (unsigned int i = 1; i < cpus; i++)
		cpu_run(i, caller);
	for (u32 n = 1; n <= count; n++) {
		*imm = n;
		announced = n;
		for (unsigned int spin = 0; spin < 20; spin++)
			relax();
	}
	stop = true;
	for (unsigned int i = 1; i < cpus; i++) {
		cpu_wait(i);
		if (stale[i])
			print("cpu %u got %u stale values\n", (u64)i,
			      (u64)stale[i]);
		check(!stale[i]);
	}
}
