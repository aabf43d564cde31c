// SPDX-License-Identifier: MIT
/*
 * Ends a guest whose load hangs. One thread sleeps on every CPU, because the
 * timer of any one of them may be what broke; the first to wake speaks.
 */
#include <dirent.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/*
 * Newer kernels print from a thread per console, "pr/ttyS0". It must not be
 * woken on the CPU that is stuck, so it is called to the one that speaks.
 */
static void call_printer(int cpu)
{
	DIR *d = opendir("/proc");
	char path[300], name[32];
	struct dirent *e;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		if (atoi(e->d_name) > 0 &&
		    file_read(path, name, sizeof(name)) > 0 &&
		    !strncmp(name, "pr/", 3))
			sched_setaffinity(atoi(e->d_name), sizeof(set), &set);
	}
	if (d)
		closedir(d);
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
	if (first < 0) {
		interrupts_say("#,LOC,RES,CAL");
		say("result FAILED: no load running after %u s",
		    ctx->opt->limit);
	} else {
		say("result FAILED: load %s hung, seen %ju of %ju in %u s",
		    load_name(first), (uintmax_t)watched[first].seen,
		    (uintmax_t)watched[first].expected, ctx->opt->limit);
	}
	power_off();
}

static void watch(struct context *ctx, int index)
{
	sleep_until(deadline);
	if (!atomic_exchange(&barked, true)) {
		call_printer(ctx->cpu[index]);
		bark(ctx);
	}
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
