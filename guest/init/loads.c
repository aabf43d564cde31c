// SPDX-License-Identifier: MIT
/* Starts loads, one process each, and gathers their verdicts */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "interrupts.h"
#include "load.h"

enum verdict { VERDICT_NONE, VERDICT_OK, VERDICT_FAILED, VERDICT_SKIPPED };

static const struct {
	const char *name;
	load_fn *run;
	const char *irqs;	/* rows worth showing when it goes wrong */
} loads[LOADS] = {
	[LOAD_IPI] = { "ipi", ipi_run, "RES,CAL,TLB" },
	[LOAD_TIMER] = { "timer", timer_run, "LOC" },
	[LOAD_DISK] = { "disk", disk_run, "#" },
	[LOAD_NET] = { "net", net_run, "#" },
	[LOAD_MSI] = { "msi", msi_run, "#" },
	[LOAD_IDLE] = { "idle", idle_run, "LOC" },
	[LOAD_FLOOD] = { "flood", flood_run, "#" },
};

/* The read end of each running load's pipe */
static int verdicts[LOADS];

static struct tally *tallies;

const char *load_name(int id)
{
	return loads[id].name;
}

const char *load_irqs(int id)
{
	return loads[id].irqs;
}

int load_find(const char *name)
{
	for (int id = 0; id < LOADS; id++)
		if (!strcmp(loads[id].name, name))
			return id;
	return -1;
}

static enum verdict report(struct context *ctx, int id, const char *skipped)
{
	struct tally *t = ctx->tally;
	char line[800];

	tally_print(t, line, sizeof(line));
	if (skipped && !(ctx->opt->need & 1u << id)) {
		say("load %s: skipped reason: %s", loads[id].name, skipped);
		return VERDICT_SKIPPED;
	}
	if (skipped)
		tally_fail(t, "%s", skipped);
	if (tally_ok(t)) {
		say("load %s: ok %s", loads[id].name, line);
		return VERDICT_OK;
	}
	tally_fail(t, "counts differ");
	say("load %s: FAILED %s reason: %s", loads[id].name, line, t->reason);
	interrupts_say(loads[id].irqs);
	return VERDICT_FAILED;
}

/* Rounds go on until the asked time has passed or one went wrong */
static enum verdict rounds(struct context *ctx, int id)
{
	uint64_t start = now_ns();
	const char *skipped = NULL;
	unsigned int n = 0;

	do {
		if (loads[id].run(ctx, &skipped) < 0)
			break;
		n++;
	} while (now_ns() < ctx->until && !ctx->tally->failed &&
		 !ctx->tally->missing && !ctx->tally->doubled &&
		 !ctx->tally->wrong);
	tally_add(ctx->tally, "rounds", n);
	tally_add(ctx->tally, "ms", (now_ns() - start) / MSEC);
	return report(ctx, id, skipped);
}

/*
 * The verdict comes through a pipe, not as an exit status: a process with a
 * lost disk request can report, but the kernel never lets it exit.
 */
static void start(struct context *ctx, int id)
{
	char verdict;
	int fd[2];

	tallies[id].started = true;
	must(!pipe(fd), "pipe");
	switch (fork()) {
	case -1:
		must(false, "fork");
		break;
	case 0:
		close(fd[0]);
		ctx->tally = &tallies[id];
		verdict = rounds(ctx, id);
		ctx->tally->finished = true;
		must(write(fd[1], &verdict, 1) == 1, "write");
		_exit(0);
	}
	close(fd[1]);
	verdicts[id] = fd[0];
}

static bool finish(int id, char *why, int size)
{
	char verdict = VERDICT_NONE;

	/* Nothing to read: the load died before it could say why */
	if (read(verdicts[id], &verdict, 1) != 1) {
		say("load %s: FAILED reason: died", loads[id].name);
		tally_fail(&tallies[id], "died");
		tallies[id].finished = true;
	}
	close(verdicts[id]);
	if (verdict == VERDICT_OK || verdict == VERDICT_SKIPPED)
		return true;
	snprintf(why, size, "load %s: %s", loads[id].name, tallies[id].reason);
	return false;
}

/* Before modules are loaded: their devices may hang just as well */
void loads_watch(struct context *ctx)
{
	tallies = mmap(NULL, LOADS * sizeof(*tallies), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(tallies != MAP_FAILED, "mmap");
	watchdog_start(ctx, tallies);
}

bool loads_run(struct context *ctx, char *why, int size)
{
	bool mixed = !strcmp(ctx->opt->load, "mixed"), ok = true;
	int only = load_find(ctx->opt->load);

	ctx->until = now_ns() + ctx->opt->seconds * NSEC;
	if (!mixed) {
		start(ctx, only);
		return finish(only, why, size);
	}
	for (int id = 0; id < LOAD_IDLE; id++)
		start(ctx, id);
	for (int id = 0; id < LOAD_IDLE; id++)
		ok = finish(id, why, size) && ok;
	/* Idle CPUs are only idle when nothing else runs */
	if (ok) {
		start(ctx, LOAD_IDLE);
		ok = finish(LOAD_IDLE, why, size);
	}
	return ok;
}
