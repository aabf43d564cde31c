// SPDX-License-Identifier: MIT
/*
 * Ends a guest whose load hangs. One thread sleeps on every CPU, because the
 * timer of any one of them may be what broke; the first to wake speaks.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "interrupts.h"
#include "load.h"

static struct tally *watched;
static uint64_t deadline;
static atomic_bool barked;
/* Only loads that have begun can hang; in mixed, idle begins last */
static int hung(void)
{
	for (int id = 0; id < LOADS; id++)
		if (watched[id].started && !watched[id].finished)
			return id;
	return -1;
}

static void bark(struct context *ctx)
{
	int first = hung();
	char line[800];

	for (int id = 0; id < LOADS; id++) {
		if (!watched[id].started || watched[id].finished)
			continue;
		tally_print(&watched[id], line, sizeof(line));
		say("load %s: FAILED %s reason: hung", load_name(id), line);
		interrupts_say(load_irqs(id));
	}
	if (first < 0)
		say("result FAILED: nothing runs after %u s", ctx->opt->limit);
	else
		say("result FAILED: load %s hung, seen %ju of %ju in %u s",
		    load_name(first), (uintmax_t)watched[first].seen,
		    (uintmax_t)watched[first].expected, ctx->opt->limit);
	power_off();
}

static void watch(struct context *ctx, int index)
{
	(void)index;
	sleep_until(deadline);
	if (!atomic_exchange(&barked, true))
		bark(ctx);
	/* Leaving would end the process under the one who speaks */
	for (;;)
		pause();
}

void watchdog_start(struct context *ctx, struct tally *tallies)
{
	watched = tallies;
	deadline = now_ns() + ctx->opt->limit * NSEC;
	switch (fork()) {
	case -1:
		must(false, "fork");
		break;
	case 0:
		on_each_cpu(ctx, watch);
	}
}
