// SPDX-License-Identifier: MIT
/* The engine's command line. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run.h"

/*
 * Without what TCG does not have, which it would warn of line by line; with
 * x2APIC, which it has and the model under TCG does not ask for.
 */
#define CPU_MODEL	"EPYC-v4,+x2apic,-fxsr-opt,-misalignsse,-osvw,"	\
			"-topoext,-perfctr-core,-clzero,-ibpb,"		\
			"-nrip-save,-xsaves"

/* Linux puts DMA to shared memory for devices behind an IOMMU only. */
#define VIRTIO		"disable-legacy=on,iommu_platform=on"

struct list {
	char **text;
	size_t count;
	bool failed;
};

static void add(struct list *list, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct list *list, const char *format, ...)
{
	char **grown = realloc(list->text, (list->count + 2) * sizeof(char *));
	va_list ap;

	if (!grown) {
		list->failed = true;
		return;
	}
	list->text = grown;
	va_start(ap, format);
	if (vasprintf(&grown[list->count], format, ap) < 0)
		list->failed = true;
	else
		list->count++;
	va_end(ap);
	grown[list->count] = NULL;
}

/* A comma parts the engine's options; in a value it is doubled. */
static const char *quoted(const char *path)
{
	static char text[2][2 * PATH_MAX];
	static unsigned int next;
	char *here = text[next++ % ARRAY_SIZE(text)], *to = here;

	while (*path) {
		if (*path == ',')
			*to++ = ',';
		*to++ = *path++;
	}
	*to = '\0';
	return here;
}

/* "-name" and its value. */
#define option(list, name, ...) \
	(add(list, "-" name), add(list, __VA_ARGS__))

/*
 * Under --icount a device has to do its work on the vCPU's thread, at a
 * virtual time that is the same in each run: no ioeventfd, no bottom half.
 */
static void add_virtio_disks(struct list *list, const struct run *run)
{
	const char *sync = run->icount ? ",ioeventfd=off" : "";

	for (unsigned int i = 0; i < devices_disks(run->launch); i++) {
		option(list, "device", "virtio-blk-pci,drive=disk%u,addr=%u,"
		       VIRTIO "%s%s", i, 4 + i, i ? ",vectors=0" : "", sync);
	}
}

/* The second pair interrupts by level. */
static void add_virtio_nics(struct list *list, const struct run *run)
{
	const char *sync = run->icount ? ",ioeventfd=off,tx=timer" : "";

	for (unsigned int i = 0; i < devices_nics(run->launch); i++) {
		option(list, "device", "virtio-net-pci,netdev=net%u,addr=%u,"
		       "mac=52:54:00:be:1f:%02x,romfile=,"
		       VIRTIO "%s%s", i, 6 + i, i,
		       i / 2 ? ",vectors=0" : "", sync);
	}
}

/* A disk on each channel: ISA interrupts 14 and 15, edges. */
static void add_pio_disks(struct list *list, const struct launch *l)
{
	for (unsigned int i = 0; i < devices_disks(l); i++)
		option(list, "device", "ide-hd,drive=disk%u,bus=ide.%u", i, i);
}

/* NE2000 compatible, on PCI: levels, INTA of slots 4 and 5 on GSIs 11, 10. */
static void add_pio_nics(struct list *list, const struct launch *l)
{
	for (unsigned int i = 0; i < devices_nics(l); i++)
		option(list, "device", "ne2k_pci,netdev=net%u,addr=%u,"
		       "mac=52:54:00:be:1f:%02x,romfile=", i, 4 + i, i);
}

/* One with MSI in configuration space, one with an MSI-X table. */
static void add_ports(struct list *list, const struct launch *l)
{
	static const char * const models[] = { "ioh3420", "pcie-root-port" };

	for (unsigned int i = 0; i < devices_ports(l); i++)
		option(list, "device", "%s,id=port%u,chassis=%u,slot=%u,"
		       "addr=%u", models[i % 2], i, i + 1, i + 1, 10 + i);
}

/* NICs are wired back to back, by pairs. */
static void add_devices(struct list *list, const struct run *run)
{
	const struct launch *l = run->launch;

	for (unsigned int i = 0; i < devices_disks(l); i++)
		option(list, "drive", "if=none,id=disk%u,driver=belfry-disk,"
		       "size=16M", i);
	for (unsigned int i = 0; i < devices_nics(l); i++)
		option(list, "netdev", "hubport,id=net%u,hubid=%u", i, i / 2);
	if (l->devices == DEVICES_PIO) {
		add_pio_disks(list, l);
		add_pio_nics(list, l);
	} else {
		add_virtio_disks(list, run);
		add_virtio_nics(list, run);
	}
	add_ports(list, l);
}

static void add_time(struct list *list, const struct run *run)
{
	if (run->icount) {
		option(list, "accel", "tcg,thread=single");
		option(list, "icount", "shift=1,sleep=off");
		option(list, "rtc", "base=2026-01-01T00:00:00,clock=vm");
	} else {
		option(list, "accel", "tcg,thread=multi");
	}
	/* Whatever the CPU draws at random (RDRAND). */
	if (run->icount || run->has_seed)
		option(list, "seed", "%llu", (unsigned long long)run->seed);
}

static void add_machine(struct list *list, const struct launch *l)
{
	option(list, "machine", "pc,smm=off,max-ram-below-4g=3G,usb=off");
	option(list, "cpu", CPU_MODEL);
	/* A ROM for guests of other hypervisors that we do not have. */
	option(list, "global", "apic-common.vapic=off");
	option(list, "smp", "%u,sockets=1,cores=%u,threads=1", l->cpus,
	       l->cpus);
	option(list, "m", "%lluk", (unsigned long long)(l->memory >> 10));
	add(list, "-nodefaults");
	add(list, "-no-user-config");
	add(list, "-no-reboot");
	option(list, "display", "none");
	option(list, "vga", "none");
	option(list, "chardev", "stdio,id=console,signal=off");
	option(list, "serial", "chardev:console");
}

char **arguments_make(const struct run *run)
{
	struct list list = { 0 };

	add(&list, "%s", place_path(PLACE_ENGINE));
	add_machine(&list, run->launch);
	add_time(&list, run);
	option(&list, "object", "belfry,id=belfry,library=%s,config=%s",
	       quoted(place_path(PLACE_LIBRARY)),
	       quoted(scratch_path(SESSION_FILE)));
	add_devices(&list, run);
	if (run->gdb) {
		option(&list, "gdb", "tcp:127.0.0.1:%u", run->gdb_port);
		add(&list, "-S");
	}
	for (const char **extra = run->extra; extra && *extra; extra++)
		add(&list, "%s", *extra);
	if (!list.failed)
		return list.text;
	arguments_free(list.text);
	fail("out of memory");
	return NULL;
}

void arguments_free(char **arguments)
{
	for (char **text = arguments; text && *text; text++)
		free(*text);
	free(arguments);
}
