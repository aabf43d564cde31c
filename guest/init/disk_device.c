// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "disk.h"

/*
 * A device interrupts at most once per completion: it has nothing else to
 * say. A few more are forgiven to level-triggered lines, which an I/O APIC may
 * deliver again when they are unmasked.
 */
enum { SPARE_IRQS = 8 };

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

bool disk_is_blank(struct disk *d)
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

static void queue_set(const struct disk *d, const char *file, const char *text)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/block/%s/%s", d->name, file);
	file_write(path, text);
}

/*
 * An ATA disk in PIO mode interrupts once for each block of READ or WRITE
 * MULTIPLE (ATA-7, 9.6 and 9.7: reads before each block, writes after), or for
 * each sector where that is not set: words 47 and 59 of IDENTIFY DEVICE say.
 * So the count is exact, if the kernel joins no two requests.
 */
static void ata_block(struct disk *d)
{
	unsigned short id[256];
	char dma[8] = "";

	file_read("/sys/module/libata/parameters/dma", dma, sizeof(dma));
	if (dma[0] != '0' || ioctl(d->fd, HDIO_GET_IDENTITY, id))
		return;
	d->block = d->unit;
	if (id[47] >> 8 == 0x80 && (id[59] & 0x100) && (id[59] & 0xff))
		d->block *= id[59] & 0xff;
	queue_set(d, "queue/nomerges", "2");
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
	ata_block(d);
	/* SCSI gives up after 30 s and so hides a lost interrupt: not here */
	queue_set(d, "device/timeout", "100000");
	must(!syscall(SYS_io_setup, WINDOW, &d->aio), "io_setup");
	for (int i = 0; i < WINDOW; i++)
		must(!posix_memalign((void **)&d->buffer[i], 4096, BUFFER),
		     "posix_memalign");
	return true;
}

void disk_close(struct disk *d)
{
	syscall(SYS_io_destroy, d->aio);
	for (int i = 0; i < WINDOW; i++)
		free(d->buffer[i]);
	close(d->fd);
}

int disks_open(struct context *ctx, struct disk *disks)
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

static void add_key(struct disk *d, const char *what, uint64_t value)
{
	char key[KEY_LEN];

	snprintf(key, sizeof(key), "%.8s.%.14s", d->name, what);
	tally_add(d->ctx->tally, key, value);
}

/* One more or one fewer is one too many or one lost */
static void exact(struct disk *d, uint64_t irqs)
{
	struct tally *t = d->ctx->tally;

	if (irqs < d->blocks)
		t->missing += d->blocks - irqs;
	else
		t->doubled += irqs - d->blocks;
	if (irqs != d->blocks)
		tally_fail(t, "%s: %ju interrupts for %ju blocks", d->name,
			   (uintmax_t)irqs, (uintmax_t)d->blocks);
	add_key(d, "blocks", d->blocks);
}

static void bounds(struct disk *d, uint64_t irqs, bool shared)
{
	struct tally *t = d->ctx->tally;

	if (!irqs)
		tally_fail(t, "%s: completions without an interrupt", d->name);
	else if (irqs > d->done + SPARE_IRQS && !shared)
		tally_fail(t, "%s: %ju interrupts for %ju completions",
			   d->name, (uintmax_t)irqs, (uintmax_t)d->done);
}

/* Whether another disk of ours uses the same line, as on one IDE cable */
static bool is_alone(const struct disk *disks, int n, int me,
		     const struct irq_lines *mine,
		     const struct interrupts *now)
{
	struct irq_lines lines;
	char path[64];

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/sys/block/%s/device",
			 disks[i].name);
		irq_lines_of(path, now, &lines);
		if (i != me && lines.lines && mine->lines &&
		    !strcmp(lines.label[0], mine->label[0]))
			return false;
	}
	return true;
}

void disks_evidence(struct disk *disks, int n, const struct interrupts *before,
		    const struct interrupts *after)
{
	struct irq_lines lines;
	char path[64];
	uint64_t irqs;
	bool shared;

	for (int i = 0; i < n; i++) {
		struct disk *d = &disks[i];

		snprintf(path, sizeof(path), "/sys/block/%s/device", d->name);
		irq_lines_of(path, after, &lines);
		irqs = irq_delta_lines(before, after, &lines);
		shared = lines.shared ||
			 !is_alone(disks, n, i, &lines, after);
		if (d->block && !shared)
			exact(d, irqs);
		else if (!d->block)
			bounds(d, irqs, shared);
		add_key(d, "done", d->done);
		add_key(d, shared ? "shared_irqs" : "irqs", irqs);
	}
}
