// SPDX-License-Identifier: MIT
/*
 * The other end of the load "flood" (guest/init/flood.c): its lines must come
 * whole, each CPU's in order, and as many as the load says at its end.
 */
#include <stdio.h>
#include <string.h>

#include "cli/run.h"

#define LINE	"belfry: flood "
#define END	"belfry: load flood: ok expected="

static u32 check(u32 cpu, u32 number)
{
	u32 x = (cpu + 1) * 0x9e3779b1u ^ number * 0x85ebca6bu;

	return x ^ x >> 15;
}

static bool line(struct flood *f, const char *text, char *why, size_t size)
{
	unsigned int cpu, number, sum;
	int length = 0;

	if (sscanf(text, "%u %u %8x%n", &cpu, &number, &sum, &length) != 3 ||
	    text[length] || cpu >= FLOOD_CPUS || sum != check(cpu, number)) {
		snprintf(why, size, "the console: not a whole line of the "
			 "flood: %.100s", text);
		return false;
	}
	if (number != f->next[cpu]) {
		snprintf(why, size, "the console: line %u of CPU %u where "
			 "line %u was due", number, cpu, f->next[cpu]);
		return false;
	}
	f->next[cpu]++;
	f->lines++;
	return true;
}

bool flood_feed(struct flood *f, const char *text, char *why, size_t size)
{
	unsigned long long expected;

	if (!strncmp(text, LINE, strlen(LINE)))
		return line(f, text + strlen(LINE), why, size);
	if (sscanf(text, END "%llu", &expected) != 1 || expected == f->lines)
		return true;
	snprintf(why, size, "the console: %llu of %llu lines",
		 (unsigned long long)f->lines, expected);
	return false;
}
