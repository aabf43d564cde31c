// SPDX-License-Identifier: MIT
/*
 * disk: writes and reads back stamped sectors on every disk, several requests
 * of different sizes in flight. Each must complete exactly once with the data
 * of the generation written last.
 *
 * The disk's content is destroyed; so one that holds anything but zeroes or an
 * earlier run's sectors is refused.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "disk.h"

enum { PASSES = 2 };

static struct disk disks[MAX_DISKS];

/*
 * Both channels of an IDE controller have one driver, which looks at both when
 * either interrupts: the other one's next interrupt may then meet its last
 * one still pending. So these disks take turns, or the count is not exact.
 */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void stamp(uint64_t *w, uint64_t sector, uint64_t generation)
{
	w[0] = MAGIC;
	w[1] = sector;
	w[2] = generation;
	for (int i = 3; i < WORDS; i++)
		w[i] = (sector + generation * 0x9e3779b97f4a7c15ull + i) *
		       0xbf58476d1ce4e5b9ull;
}

static uint64_t submit(struct disk *d, int slot, int write, uint64_t pos,
		       unsigned int step)
{
	static const unsigned int size[] = { 1, 8, 3, 64, 16, 128, 2, 32 };
	uint64_t len = size[step % ARRAY_SIZE(size)] * d->unit;
	struct iocb *io = &d->request[slot];

	len = len > BUFFER ? BUFFER : len;
	len = len > d->area - pos ? d->area - pos : len;
	*io = (struct iocb){
		.aio_data = slot,
		.aio_lio_opcode = write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
		.aio_fildes = d->fd,
		.aio_buf = (uintptr_t)d->buffer[slot],
		.aio_nbytes = len,
		.aio_offset = pos,
	};
	/* A read that completes without data must not find the right data */
	memset(d->buffer[slot], 0xee, len);
	for (uint64_t i = 0; write && i < len; i += SECTOR)
		stamp((uint64_t *)(d->buffer[slot] + i), (pos + i) / SECTOR,
		      d->generation);
	d->busy[slot] = true;
	d->ctx->tally->expected++;
	if (d->block)
		d->blocks += (len + d->block - 1) / d->block;
	must(syscall(SYS_io_submit, d->aio, 1, &io) == 1, "io_submit");
	return len;
}

static bool data_ok(struct disk *d, const struct iocb *io)
{
	const unsigned char *data = (void *)(uintptr_t)io->aio_buf;
	uint64_t want[WORDS];

	for (uint64_t i = 0; i < io->aio_nbytes; i += SECTOR) {
		stamp(want, (io->aio_offset + i) / SECTOR, d->generation);
		if (memcmp(data + i, want, SECTOR))
			return false;
	}
	return true;
}

/* True when it freed its slot: a second completion does not */
static bool complete(struct disk *d, const struct io_event *ev)
{
	struct iocb *io = &d->request[ev->data % WINDOW];
	struct tally *t = d->ctx->tally;

	if (!d->busy[ev->data % WINDOW]) {
		t->doubled++;
		tally_fail(t, "%s: a request completed twice", d->name);
		return false;
	}
	d->busy[ev->data % WINDOW] = false;
	d->done++;
	t->seen++;
	if (ev->res != (int64_t)io->aio_nbytes) {
		t->wrong++;
		tally_fail(t, "%s: request at %ju returned %jd", d->name,
			   (uintmax_t)io->aio_offset, (intmax_t)ev->res);
	} else if (io->aio_lio_opcode == IOCB_CMD_PREAD && !data_ok(d, io)) {
		t->wrong++;
		tally_fail(t, "%s: wrong data at %ju", d->name,
			   (uintmax_t)io->aio_offset);
	}
	return true;
}

/* Waits for requests; how many ended, 0 when none did in time */
static int events(struct disk *d, int least, uint64_t wait)
{
	struct timespec ts = { wait / NSEC, wait % NSEC };
	struct io_event ev[WINDOW];
	int n, ended = 0;

	do {
		n = syscall(SYS_io_getevents, d->aio, least, WINDOW, ev, &ts);
	} while (n < 0 && errno == EINTR);
	for (int i = 0; i < n; i++)
		ended += complete(d, &ev[i]);
	return ended;
}

/* Goes over the area once; false when requests got lost */
static bool sweep(struct disk *d, int write, unsigned int step)
{
	struct tally *t = d->ctx->tally;
	int inflight = 0, slot, n;
	uint64_t pos = 0;

	while (pos < d->area || inflight) {
		while (pos < d->area && inflight < WINDOW) {
			for (slot = 0; d->busy[slot]; slot++)
				;
			pos += submit(d, slot, write, pos, step++);
			inflight++;
		}
		n = events(d, 1, patience_ns(d->ctx->opt));
		if (n < 1) {
			t->missing += inflight;
			tally_fail(t, "%s: %d requests lost", d->name,
				   inflight);
			return false;
		}
		inflight -= n;
	}
	events(d, 0, 0);
	return true;
}

static bool pass(struct disk *d, int write, unsigned int step)
{
	bool ok;

	if (d->block)
		pthread_mutex_lock(&turn);
	ok = sweep(d, write, step);
	if (d->block)
		pthread_mutex_unlock(&turn);
	return ok;
}

static void *passes(void *arg)
{
	struct disk *d = arg;

	for (unsigned int i = 0; i < PASSES * d->ctx->opt->scale; i++) {
		d->generation++;
		/* Reads cut the area at other places than writes do */
		if (!pass(d, 1, i) || !pass(d, 0, i + 3))
			break;
	}
	return NULL;
}

int disk_run(struct context *ctx, const char **why)
{
	struct interrupts *before, *after;
	int n = disks_open(ctx, disks);

	if (!tally_found(ctx->tally, "disks", n, ctx->opt->disks))
		return 0;
	if (!n) {
		*why = "no disk";
		return -1;
	}
	for (int i = 0; i < n; i++) {
		if (disk_is_blank(&disks[i]))
			continue;
		tally_fail(ctx->tally, "%s holds something", disks[i].name);
		return 0;
	}
	before = interrupts_read();
	for (int i = 0; i < n; i++)
		must(!pthread_create(&disks[i].thread, NULL, passes,
				     &disks[i]), "pthread_create");
	for (int i = 0; i < n; i++)
		pthread_join(disks[i].thread, NULL);
	after = interrupts_read();
	disks_evidence(disks, n, before, after);
	/* Closing would wait for lost requests for ever */
	for (int i = 0; i < n && !ctx->tally->missing; i++)
		disk_close(&disks[i]);
	free(before);
	free(after);
	return 0;
}
