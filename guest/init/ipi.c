// SPDX-License-Identifier: MIT
/*
 * ipi: makes the kernel send every kind of inter-processor interrupt.
 *
 *   messages	a thread wakes one on another CPU and is woken back: RES, CAL
 *   shoot-down	one thread replaces a page that all others are reading: TLB
 *   migrations	a thread moves itself from CPU to CPU: RES
 *
 * Nothing here sleeps with a time limit: a timer interrupt would wake the CPU
 * that missed its IPI and hide the loss. The watchdog sees the hang.
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "interrupts.h"
#include "load.h"

/* Total work of a round, whatever the number of CPUs */
enum { MESSAGES = 240, SHOTS = 64, MIGRATIONS = 60, FEW_CPUS = 8 };

/* Two threads that send each other numbered messages in turn */
struct meeting {
	int from, to;
	int ping, pong;			/* eventfds, one count a message */
	_Atomic uint32_t ping_seq, pong_seq;
};

static struct meeting *meetings;
static int meeting_count;
static uint32_t trips;			/* per meeting, there and back */

static uint32_t *page;			/* what shots replace */
static int page_fd;			/* the pages, one per shot */
static uint32_t shots;
static _Atomic uint32_t shot;		/* how many were fired */
static _Atomic uint32_t readers;	/* of the page, since the start */

static void meet(int from, int to)
{
	struct meeting *m = &meetings[meeting_count++];

	*m = (struct meeting){ .from = from, .to = to };
	m->ping = eventfd(0, EFD_CLOEXEC);
	m->pong = eventfd(0, EFD_CLOEXEC);
	must(m->ping >= 0 && m->pong >= 0, "eventfd");
}

/* Every ordered pair; with many CPUs a ring and as many random pairs */
static void meetings_plan(struct context *ctx)
{
	int n = ctx->cpus, max = n > FEW_CPUS ? 2 * n : n * (n - 1);
	struct rlimit files = { 2 * max + 64, 2 * max + 64 };
	uint32_t random = 1;

	must(!setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
	meetings = calloc(max, sizeof(*meetings));
	must(meetings, "calloc");
	meeting_count = 0;
	for (int i = 0; n <= FEW_CPUS && i < n; i++)
		for (int j = 1; j < n; j++)
			meet(i, (i + j) % n);
	for (int i = 0; n > FEW_CPUS && i < n; i++)
		meet(i, (i + 1) % n);
	while (meeting_count < max) {
		random = random * 1664525 + 1013904223;
		meet((random >> 8) % n,
		     ((random >> 8) % n + 1 + (random >> 20) % (n - 1)) % n);
	}
	trips = MESSAGES * ctx->opt->scale / 2 / max;
	trips = trips ? trips : 1;
	ctx->tally->expected += 2ull * trips * max;
}

static void send(int fd, _Atomic uint32_t *seq, uint32_t value)
{
	const uint64_t one = 1;

	*seq = value;
	must(write(fd, &one, sizeof(one)) == sizeof(one), "eventfd write");
}

static void receive(struct tally *t, int fd, _Atomic uint32_t *seq,
		    uint32_t value)
{
	uint64_t count;

	must(read(fd, &count, sizeof(count)) == sizeof(count), "eventfd read");
	t->seen++;
	if (count != 1) {
		t->doubled += count - 1;
		tally_fail(t, "message %u came %ju times", value,
			   (uintmax_t)count);
	}
	if (*seq != value) {
		t->wrong++;
		tally_fail(t, "message %u came instead of %u", *seq, value);
	}
}

/* All follow the same plan, so pairs without a common CPU run side by side */
static void talk(struct context *ctx, int index)
{
	for (int i = 0; i < meeting_count; i++) {
		struct meeting *m = &meetings[i];

		for (uint32_t s = 1; s <= trips; s++) {
			if (index == m->from) {
				send(m->ping, &m->ping_seq, s);
				receive(ctx->tally, m->pong, &m->pong_seq, s);
			} else if (index == m->to) {
				receive(ctx->tally, m->ping, &m->ping_seq, s);
				send(m->pong, &m->pong_seq, s);
			}
		}
	}
}

static void messages(struct context *ctx)
{
	meetings_plan(ctx);
	on_each_cpu(ctx, talk);
	for (int i = 0; i < meeting_count; i++) {
		struct pollfd left[2] = {
			{ .fd = meetings[i].ping, .events = POLLIN },
			{ .fd = meetings[i].pong, .events = POLLIN },
		};

		if (poll(left, 2, 0)) {
			ctx->tally->doubled++;
			tally_fail(ctx->tally, "a message nobody sent");
		}
		close(meetings[i].ping);
		close(meetings[i].pong);
	}
	free(meetings);
}

/* Spinning keeps the CPU in user mode, where it cannot skip a shoot-down */
static void spin(uint32_t *spins)
{
	if (++*spins % 1024)
		__builtin_ia32_pause();
	else
		sched_yield();
}

static void page_map(uint32_t number)
{
	must(mmap(page, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, page_fd,
		  number * 4096ull) == page, "mmap");
}

static void shoot(uint32_t number, uint32_t others)
{
	uint32_t spins = 0;

	/* All others have the old page in their TLBs before it goes */
	while (readers < (number + 1) * others)
		spin(&spins);
	page_map(number + 1);
	shot = number + 1;
}

static void read_page(struct tally *t, uint32_t number)
{
	volatile uint32_t *p = page;
	uint32_t spins = 0, value = *p;

	if (value != number) {
		t->wrong++;
		tally_fail(t, "page %u seen before shot %u", value, number);
	}
	readers++;
	while (shot == number) {
		value = *p;
		spin(&spins);
	}
	value = *p;
	t->seen++;
	if (value != number + 1) {
		t->wrong++;
		tally_fail(t, "stale page %u after shot %u", value, number);
	}
}

static void shooter(struct context *ctx, int index)
{
	for (uint32_t i = 0; i < shots; i++) {
		if ((int)(i % ctx->cpus) == index)
			shoot(i, ctx->cpus - 1);
		else
			read_page(ctx->tally, i);
	}
}

static void shoot_downs(struct context *ctx)
{
	shots = SHOTS * ctx->opt->scale / ctx->cpus;
	/* Two at least: who fires is not hit */
	shots = shots < 2 ? 2 : shots;
	ctx->tally->expected += (uint64_t)shots * (ctx->cpus - 1);
	shot = 0;
	readers = 0;
	/* On tmpfs: a small kernel need not have memfd_create */
	page_fd = open("/tmp/page", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
		       0600);
	must(page_fd >= 0 && !ftruncate(page_fd, (shots + 1) * 4096ull),
	     "/tmp/page");
	for (uint32_t i = 0; i <= shots; i++)
		must(pwrite(page_fd, &i, sizeof(i), i * 4096ull) == sizeof(i),
		     "pwrite");
	page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, page_fd, 0);
	must(page != MAP_FAILED, "mmap");
	on_each_cpu(ctx, shooter);
	munmap(page, 4096);
	close(page_fd);
}

static void migrations(struct context *ctx)
{
	struct tally *t = ctx->tally;
	unsigned int count = MIGRATIONS * ctx->opt->scale;

	t->expected += count;
	for (unsigned int i = 0; i < count; i++) {
		int cpu = ctx->cpu[i % ctx->cpus];

		pin_to(cpu);
		t->seen++;
		if (sched_getcpu() != cpu) {
			t->wrong++;
			tally_fail(t, "on cpu%d instead of cpu%d",
				   sched_getcpu(), cpu);
		}
	}
	unpin(ctx);
}

/* That every CPU was interrupted by another one, by the kernel's own count */
static void evidence(struct context *ctx, const struct interrupts *before)
{
	static const char * const rows[] = { "RES", "CAL", "TLB" };
	struct interrupts *after = interrupts_read();

	for (int i = 0; i < ctx->cpus; i++) {
		uint64_t sum = 0;

		for (unsigned int r = 0; r < ARRAY_SIZE(rows); r++)
			sum += irq_delta_cpu(before, after, rows[r],
					     ctx->cpu[i]);
		if (!sum)
			tally_fail(ctx->tally, "cpu%d had no IPI",
				   ctx->cpu[i]);
	}
	for (unsigned int r = 0; r < ARRAY_SIZE(rows); r++)
		tally_add(ctx->tally, rows[r],
			  irq_delta(before, after, rows[r]));
	free(after);
}

int ipi_run(struct context *ctx, const char **why)
{
	struct interrupts *before;

	if (ctx->cpus < 2) {
		*why = "only one CPU";
		return -1;
	}
	before = interrupts_read();
	messages(ctx);
	shoot_downs(ctx);
	migrations(ctx);
	evidence(ctx, before);
	free(before);
	return 0;
}
