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
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "interrupts.h"
#include "load.h"

enum {
	MAX_DISKS = 8, WINDOW = 8, SECTOR = 512, WORDS = SECTOR / 8,
	BUFFER = 64 << 10, AREA = 512 << 10, PASSES = 2,
};
#define MAGIC	0x736b736964666c62ull

/*
 * A device interrupts at most once per completion: it has nothing else to
 * say. A few more are forgiven to level-triggered lines, which an I/O APIC may
 * deliver again when they are unmasked.
 */
enum { SPARE_IRQS = 8 };

struct disk {
	struct context *ctx;
	char name[16];
	int fd;
	unsigned int unit;		/* bytes per logical sector */
	uint64_t area;			/* bytes in use */
	uint64_t generation;
	uint64_t done;			/* completions */
	aio_context_t aio;
	struct iocb request[WINDOW];
	bool busy[WINDOW];
	unsigned char *buffer[WINDOW];
	pthread_t thread;
};

static struct disk disks[MAX_DISKS];

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
static bool pass(struct disk *d, int write, unsigned int step)
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

static bool is_ours(struct disk *d, const uint64_t *w)
{
	uint64_t any = 0;

	for (int i = 0; i < WORDS; i++)
		any |= w[i];
	if (any && w[0] != MAGIC)
		return false;
	/* An earlier boot's data must not pass for this one's */
	if (any && w[2] > d->generation)
		d->generation = w[2];
	return true;
}

static bool blank(struct disk *d)
{
	for (uint64_t pos = 0; pos < d->area; pos += BUFFER) {
		ssize_t n = pread(d->fd, d->buffer[0], BUFFER, pos);

		if (n < 0)
			return false;
		for (ssize_t i = 0; i < n; i += SECTOR)
			if (!is_ours(d, (uint64_t *)(d->buffer[0] + i)))
				return false;
	}
	return true;
}

static bool disk_open(struct context *ctx, struct disk *d, const char *name)
{
	char path[64], removable[8] = "";
	uint64_t bytes = 0;
	int unit = 0;

	memset(d, 0, sizeof(*d));
	snprintf(path, sizeof(path), "/sys/block/%s/removable", name);
	file_read(path, removable, sizeof(removable));
	snprintf(path, sizeof(path), "/dev/%s", name);
	d->fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (d->fd < 0 || removable[0] == '1')
		return false;
	d->ctx = ctx;
	snprintf(d->name, sizeof(d->name), "%s", name);
	must(!ioctl(d->fd, BLKGETSIZE64, &bytes) &&
	     !ioctl(d->fd, BLKSSZGET, &unit), name);
	d->unit = unit;
	d->area = bytes < AREA ? bytes : AREA;
	must(!syscall(SYS_io_setup, WINDOW, &d->aio), "io_setup");
	for (int i = 0; i < WINDOW; i++)
		must(!posix_memalign((void **)&d->buffer[i], 4096, BUFFER),
		     "posix_memalign");
	return true;
}

static void disk_close(struct disk *d)
{
	syscall(SYS_io_destroy, d->aio);
	for (int i = 0; i < WINDOW; i++)
		free(d->buffer[i]);
	close(d->fd);
}

static int disks_open(struct context *ctx)
{
	static const char * const kind[] = { "vd", "sd", "hd" };
	char name[8], path[32];
	int n = 0;

	for (unsigned int k = 0; k < ARRAY_SIZE(kind); k++) {
		for (char c = 'a'; c <= 'z' && n < MAX_DISKS; c++) {
			snprintf(name, sizeof(name), "%s%c", kind[k], c);
			snprintf(path, sizeof(path), "/sys/block/%s", name);
			if (!access(path, F_OK))
				n += disk_open(ctx, &disks[n], name);
		}
	}
	return n;
}

static void evidence(struct disk *d, const struct interrupts *before,
		     const struct interrupts *after)
{
	struct tally *t = d->ctx->tally;
	char path[64], key[KEY_LEN];
	struct irq_lines lines;
	uint64_t irqs;

	snprintf(path, sizeof(path), "/sys/block/%s/device", d->name);
	irq_lines_of(path, after, &lines);
	irqs = irq_delta_lines(before, after, &lines);
	if (!irqs)
		tally_fail(t, "%s: completions without an interrupt", d->name);
	else if (irqs > d->done + SPARE_IRQS && !lines.shared)
		tally_fail(t, "%s: %ju interrupts for %ju completions",
			   d->name, (uintmax_t)irqs, (uintmax_t)d->done);
	snprintf(key, sizeof(key), "%.8s.done", d->name);
	tally_add(t, key, d->done);
	snprintf(key, sizeof(key), "%.8s.%s", d->name,
		 lines.shared ? "shared_irqs" : "irqs");
	tally_add(t, key, irqs);
}

int disk_run(struct context *ctx, const char **why)
{
	struct interrupts *before, *after;
	int n = disks_open(ctx);

	if (!n) {
		*why = "no disk";
		return -1;
	}
	for (int i = 0; i < n; i++) {
		if (blank(&disks[i]))
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
	for (int i = 0; i < n; i++) {
		evidence(&disks[i], before, after);
		/* Closing would wait for lost requests for ever */
		if (!ctx->tally->missing)
			disk_close(&disks[i]);
	}
	free(before);
	free(after);
	return 0;
}
