// SPDX-License-Identifier: MIT
/* Time, and threads that stay on the CPU they were started for */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

/* How often a CPU is given away before it is slept on */
enum { YIELDS = 50 };

struct worker {
	struct context *ctx;
	void (*fn)(struct context *ctx, int index);
	int index;
	pthread_t thread;
};

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

/*
 * How long a load waits for one event before it calls it missing. Only an
 * answer to "never", so a third of the limit.
 */
uint64_t patience_ns(const struct options *opt)
{
	return opt->limit * NSEC / 3;
}

void sleep_until(uint64_t when)
{
	struct timespec ts = { when / NSEC, when % NSEC };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
		;
}

void back_off(unsigned int *tries)
{
	if ((*tries)++ < YIELDS)
		sched_yield();
	else
		sleep_until(now_ns() + MSEC);
}

/* For what only fails when a resource is gone: not a verdict on interrupts */
void must(bool ok, const char *what)
{
	if (ok)
		return;
	say("error: %s: %m", what);
	/* A load may die, init says so; init itself may not */
	if (getpid() != 1)
		abort();
	say("result FAILED: %s", what);
	power_off();
}

void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(!sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity");
}

void unpin(const struct context *ctx)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < ctx->cpus; i++)
		CPU_SET(ctx->cpu[i], &set);
	must(!sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity");
}

static void *worker(void *arg)
{
	struct worker *w = arg;

	pin_to(w->ctx->cpu[w->index]);
	w->fn(w->ctx, w->index);
	return NULL;
}

void on_each_cpu(struct context *ctx, void (*fn)(struct context *, int index))
{
	struct worker *w = calloc(ctx->cpus, sizeof(*w));
	pthread_attr_t attr;

	must(w, "calloc");
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 << 10);
	for (int i = 0; i < ctx->cpus; i++) {
		w[i] = (struct worker){ .ctx = ctx, .fn = fn, .index = i };
		must(!pthread_create(&w[i].thread, &attr, worker, &w[i]),
		     "pthread_create");
	}
	for (int i = 0; i < ctx->cpus; i++)
		pthread_join(w[i].thread, NULL);
	pthread_attr_destroy(&attr);
	free(w);
}
