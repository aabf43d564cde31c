// SPDX-License-Identifier: MIT
/*
 * The other end of the load "flood" (guest/init/flood.c): its lines must come
 * whole, each CPU's in order, and as many as the load says at its end. What is
 * wrong with them decides only if the load itself says that it went well: one
 * that hangs has the kernel's own lines in between.
 */
#include <stdarg.h>
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

static void fault(struct flood *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The first one: others follow from it. */
static void fault(struct flood *f, const char *format, ...)
{
	va_list ap;

	if (f->why[0])
		return;
	va_start(ap, format);
	vsnprintf(f->why, sizeof(f->why), format, ap);
	va_end(ap);
}

static void line(struct flood *f, const char *text)
{
	unsigned int cpu, number, sum;
	int length = 0;

	if (sscanf(text, "%u %u %8x%n", &cpu, &number, &sum, &length) != 3 ||
	    text[length] || cpu >= FLOOD_CPUS || sum != check(cpu, number))
		return fault(f, "the console: not a whole line of the flood: "
			     "%.100s", text);
	if (number != f->next[cpu])
		return fault(f, "the console: line %u of CPU %u where line %u "
			     "was due", number, cpu, f->next[cpu]);
	f->next[cpu]++;
	f->lines++;
}

void flood_feed(struct flood *f, const char *text)
{
	unsigned long long expected;

	if (!strncmp(text, LINE, strlen(LINE)))
		line(f, text + strlen(LINE));
	else if (sscanf(text, END "%llu", &expected) == 1 &&
		 expected != f->lines)
		fault(f, "the console: %llu of %llu lines",
		      (unsigned long long)f->lines, expected);
}
