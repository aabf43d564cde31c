// SPDX-License-Identifier: MIT
/*
 * idle: every CPU sleeps and is woken by its own timer at times known
 * beforehand. In one-shot mode a lost timer interrupt leaves the CPU without
 * another, so it shows as a hang.
 */
#include <stdlib.h>
#include <sys/resource.h>

#include "interrupts.h"
#include "load.h"

enum { WAKES = 40 };
#define STEP (20 * MSEC)

static uint64_t blocked[MAX_CPUS], latest[MAX_CPUS];

static uint64_t switches(void)
{
	struct rusage r;

	getrusage(RUSAGE_THREAD, &r);
	return r.ru_nvcsw;
}

static void sleeper(struct context *ctx, int index)
{
	uint64_t when = now_ns() + index * MSEC, woken, before;

	for (unsigned int i = 0; i < WAKES * ctx->opt->scale; i++) {
		when += STEP;
		before = switches();
		sleep_until(when);
		woken = now_ns();
		blocked[index] += switches() != before;
		if (woken < when) {
			ctx->tally->wrong++;
			tally_fail(ctx->tally, "cpu%d woke %ju ns early",
				   ctx->cpu[index], (uintmax_t)(when - woken));
		}
		ctx->tally->seen++;
		if (woken - when > latest[index] && woken > when)
			latest[index] = woken - when;
	}
}

int idle_run(struct context *ctx, const char **why)
{
	struct interrupts *before = interrupts_read(), *after;

	(void)why;
	ctx->tally->expected += (uint64_t)ctx->cpus * WAKES * ctx->opt->scale;
	for (int i = 0; i < ctx->cpus; i++)
		blocked[i] = 0;
	on_each_cpu(ctx, sleeper);
	after = interrupts_read();
	for (int i = 0; i < ctx->cpus; i++) {
		uint64_t loc = irq_delta_cpu(before, after, "LOC", ctx->cpu[i]);

		/*
		 * One sleep at a time and timers stay on their CPU: each sleep
		 * that left the CPU was ended by an interrupt of its own.
		 */
		if (loc < blocked[i])
			tally_fail(ctx->tally, "cpu%d: %ju sleeps ended by only %ju timer interrupts",
				   ctx->cpu[i], (uintmax_t)blocked[i],
				   (uintmax_t)loc);
		tally_add(ctx->tally, "blocked", blocked[i]);
		tally_add(ctx->tally, "LOC", loc);
		tally_max(ctx->tally, "latest_us", latest[i] / 1000);
	}
	free(before);
	free(after);
	return 0;
}
