// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * -drive driver=belfry-disk,size=BYTES: a scratch disk in memory that takes a
 * fixed virtual time for each request. Disks on files complete when the
 * operating system's threads do; under -icount no two runs would be equal.
 */
#include "qemu/osdep.h"
#include "block/block-io.h"
#include "block/block_int.h"
#include "qapi/error.h"
#include "qemu/coroutine.h"
#include "qemu/module.h"
#include "qemu/option.h"
#include "qemu/timer.h"
#include "qobject/qdict.h"
#include "system/runstate.h"

#define LATENCY_NS	50000

/* A request that waits for its time. */
struct pending {
	Coroutine *co;
	QEMUTimer *timer;
	QLIST_ENTRY(pending) next;
};

struct disk {
	uint8_t *data;
	int64_t size;
	bool drained;
	QLIST_HEAD(, pending) pending;
};

static QemuOptsList disk_opts = {
	.name = "belfry-disk",
	.head = QTAILQ_HEAD_INITIALIZER(disk_opts.head),
	.desc = {
		{ .name = BLOCK_OPT_SIZE, .type = QEMU_OPT_SIZE },
		{ }
	},
};

static int disk_open(BlockDriverState *bs, QDict *options, int flags,
		     Error **errp)
{
	struct disk *d = bs->opaque;
	QemuOpts *opts = qemu_opts_create(&disk_opts, NULL, 0, &error_abort);

	qemu_opts_absorb_qdict(opts, options, &error_abort);
	d->size = qemu_opt_get_size(opts, BLOCK_OPT_SIZE, 16 << 20);
	qemu_opts_del(opts);
	d->data = g_try_malloc0(d->size);
	if (!d->data) {
		error_setg(errp, "no memory for a disk of %" PRId64 " bytes",
			   d->size);
		return -ENOMEM;
	}
	bs->supported_write_flags = BDRV_REQ_FUA;
	return 0;
}

static void disk_close(BlockDriverState *bs)
{
	struct disk *d = bs->opaque;

	g_free(d->data);
}

static int64_t coroutine_fn disk_length(BlockDriverState *bs)
{
	struct disk *d = bs->opaque;

	return d->size;
}

static void wake(void *opaque)
{
	struct pending *p = opaque;

	timer_del(p->timer);
	QLIST_REMOVE(p, next);
	aio_co_wake(p->co);
}

/*
 * A timer of the main loop's list: under -icount those run on the vCPUs'
 * thread at an exact instruction.
 */
static void coroutine_fn take_time(struct disk *d)
{
	struct pending p = { .co = qemu_coroutine_self() };

	/* Nor does it run while QEMU looks for a geometry at start. */
	if (d->drained || !runstate_is_running())
		return;
	p.timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, wake, &p);
	QLIST_INSERT_HEAD(&d->pending, &p, next);
	timer_mod(p.timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + LATENCY_NS);
	qemu_coroutine_yield();
	timer_free(p.timer);
}

/* Virtual time stands still when QEMU stops and waits for its disks. */
static void disk_drain_begin(BlockDriverState *bs)
{
	struct disk *d = bs->opaque;

	d->drained = true;
	while (!QLIST_EMPTY(&d->pending))
		wake(QLIST_FIRST(&d->pending));
}

static void disk_drain_end(BlockDriverState *bs)
{
	struct disk *d = bs->opaque;

	d->drained = false;
}

static int coroutine_fn disk_read(BlockDriverState *bs, int64_t offset,
				  int64_t bytes, QEMUIOVector *qiov,
				  BdrvRequestFlags flags)
{
	struct disk *d = bs->opaque;

	take_time(d);
	qemu_iovec_from_buf(qiov, 0, d->data + offset, bytes);
	return 0;
}

static int coroutine_fn disk_write(BlockDriverState *bs, int64_t offset,
				   int64_t bytes, QEMUIOVector *qiov,
				   BdrvRequestFlags flags)
{
	struct disk *d = bs->opaque;

	take_time(d);
	qemu_iovec_to_buf(qiov, 0, d->data + offset, bytes);
	return 0;
}

static int coroutine_fn disk_flush(BlockDriverState *bs)
{
	take_time(bs->opaque);
	return 0;
}

static BlockDriver belfry_disk = {
	.format_name = "belfry-disk",
	.protocol_name = "belfry-disk",
	.instance_size = sizeof(struct disk),
	.bdrv_open = disk_open,
	.bdrv_close = disk_close,
	.bdrv_co_getlength = disk_length,
	.bdrv_co_preadv = disk_read,
	.bdrv_co_pwritev = disk_write,
	.bdrv_co_flush_to_disk = disk_flush,
	.bdrv_drain_begin = disk_drain_begin,
	.bdrv_drain_end = disk_drain_end,
};

static void disk_init(void)
{
	bdrv_register(&belfry_disk);
}

block_init(disk_init);
