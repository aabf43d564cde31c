// SPDX-License-Identifier: MIT
/*
 * timer: on every CPU, one-shot timers that must fire once each and never
 * early, then a periodic one whose count must match the clock.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "interrupts.h"
#include "load.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum { TIMERS = 6, SHOTS = 5, PERIODS = 100 };
#define PERIOD	(5 * MSEC)
#define SIG	SIGRTMIN

/* Per CPU: reads of the periodic timer, each of which took an interrupt */
static uint64_t reads[MAX_CPUS];

static struct timespec at(uint64_t ns)
{
	return (struct timespec){ ns / NSEC, ns % NSEC };
}

static void create(timer_t *timer, int index)
{
	struct sigevent ev = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIG,
		.sigev_value.sival_int = index,
	};

	ev.sigev_notify_thread_id = gettid();
	must(!timer_create(CLOCK_MONOTONIC, &ev, timer), "timer_create");
}

static void fired(struct context *ctx, const siginfo_t *si,
		  const uint64_t *when, unsigned int *count)
{
	struct tally *t = ctx->tally;
	int i = si->si_value.sival_int;
	uint64_t now = now_ns();

	if (i < 0 || i >= TIMERS || count[i]++ || si->si_overrun) {
		t->doubled++;
		tally_fail(t, "one-shot timer %d fired again", i);
		return;
	}
	t->seen++;
	if (now < when[i]) {
		t->wrong++;
		tally_fail(t, "one-shot timer %d fired %ju ns early", i,
			   (uintmax_t)(when[i] - now));
	}
}

static void one_shots(struct context *ctx, int index)
{
	static const struct timespec soon = { 0, 2 * MSEC };
	unsigned int count[TIMERS];
	uint64_t when[TIMERS];
	timer_t timer[TIMERS];
	siginfo_t si;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIG);
	for (int i = 0; i < TIMERS; i++)
		create(&timer[i], i);
	for (unsigned int shot = 0; shot < SHOTS * ctx->opt->scale; shot++) {
		for (int i = 0; i < TIMERS; i++) {
			struct itimerspec its = { 0 };

			count[i] = 0;
			when[i] = now_ns() + MSEC * (1 + (i * 7 + index * 3 +
							 shot) % 20);
			its.it_value = at(when[i]);
			must(!timer_settime(timer[i], TIMER_ABSTIME, &its,
					    NULL), "timer_settime");
		}
		for (int i = 0; i < TIMERS; i++) {
			must(sigwaitinfo(&set, &si) == SIG, "sigwaitinfo");
			fired(ctx, &si, when, count);
		}
	}
	/* One too many would still be on its way */
	while (sigtimedwait(&set, &si, &soon) == SIG)
		fired(ctx, &si, when, count);
	for (int i = 0; i < TIMERS; i++)
		timer_delete(timer[i]);
}

static uint64_t expired(int fd, int index)
{
	uint64_t ticks;

	must(read(fd, &ticks, sizeof(ticks)) == sizeof(ticks), "timerfd");
	reads[index]++;
	return ticks;
}

/*
 * A read returns every period that has passed since the last one. So the sum
 * lies between the periods that had passed before the last read began and
 * those that had passed when it came back: exact, however slow we are.
 */
static void periodic(struct context *ctx, int index)
{
	uint64_t start, before, after, least, most, sum = 0;
	uint64_t goal = PERIODS * ctx->opt->scale;
	struct itimerspec its = { .it_interval = at(PERIOD) };
	struct tally *t = ctx->tally;
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);

	must(fd >= 0, "timerfd_create");
	start = now_ns();
	its.it_value = at(start + PERIOD);
	timerfd_settime(fd, TFD_TIMER_ABSTIME, &its, NULL);
	while (sum < goal - 1)
		sum += expired(fd, index);
	/* The last read is late on purpose: the period before is due for sure */
	sleep_until(start + (sum + 1) * PERIOD + PERIOD / 2);
	before = now_ns();
	sum += expired(fd, index);
	after = now_ns();
	close(fd);

	least = (before - start) / PERIOD;
	most = (after - start) / PERIOD;
	t->seen += sum;
	if (sum < least) {
		t->missing += least - sum;
		tally_fail(t, "periodic timer: %ju of at least %ju",
			   (uintmax_t)sum, (uintmax_t)least);
	} else if (sum > most) {
		t->doubled += sum - most;
		tally_fail(t, "periodic timer: %ju of at most %ju",
			   (uintmax_t)sum, (uintmax_t)most);
	}
	t->expected += sum < least ? least : sum > most ? most : sum;
}

static void timers(struct context *ctx, int index)
{
	one_shots(ctx, index);
	periodic(ctx, index);
}

int timer_run(struct context *ctx, const char **why)
{
	struct interrupts *before = interrupts_read(), *after;
	sigset_t set;

	(void)why;
	/* Threads inherit the mask: signals wait until they are asked for */
	sigemptyset(&set);
	sigaddset(&set, SIG);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ctx->tally->expected += (uint64_t)ctx->cpus * TIMERS * SHOTS *
				ctx->opt->scale;
	for (int i = 0; i < ctx->cpus; i++)
		reads[i] = 0;
	on_each_cpu(ctx, timers);
	after = interrupts_read();
	for (int i = 0; i < ctx->cpus; i++) {
		uint64_t loc = irq_delta_cpu(before, after, "LOC", ctx->cpu[i]);

		/*
		 * The kernel sets a periodic timer anew only when it is read,
		 * so each read needed one timer interrupt of this CPU.
		 */
		if (loc < reads[i])
			tally_fail(ctx->tally, "cpu%d: %ju reads but %ju timer interrupts",
				   ctx->cpu[i], (uintmax_t)reads[i],
				   (uintmax_t)loc);
		tally_add(ctx->tally, "reads", reads[i]);
		tally_add(ctx->tally, "LOC", loc);
	}
	free(before);
	free(after);
	return 0;
}
