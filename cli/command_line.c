// SPDX-License-Identifier: MIT
/* The words that the guest's kernel and our initramfs are told. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/launch.h"

static bool add(struct launch *l, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool add(struct launch *l, const char *format, ...)
{
	size_t used = strlen(l->command_line);
	size_t left = sizeof(l->command_line) - used;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(l->command_line + used, left, format, ap);
	va_end(ap);
	return n >= 0 && (size_t)n < left;
}

/*
 * A load fails if one of its devices did not come up. Disks of port I/O are
 * driven without DMA; and hot-plug ports are Linux' own, without a firmware
 * that says so.
 */
static bool add_devices(struct launch *l)
{
	unsigned int disks = devices_disks(l), nics = devices_nics(l);
	unsigned int ports = devices_ports(l);
	bool fits = true;

	if (disks)
		fits = add(l, " belfry.disks=%u%s", disks,
			   l->devices == DEVICES_PIO ? " libata.dma=0" : "");
	if (nics)
		fits = fits && add(l, " belfry.nics=%u", nics);
	if (ports)
		fits = fits && add(l, " belfry.ports=%u pcie_ports=native",
				   ports);
	return fits;
}

/*
 * A guest that has gone wrong ends: an oops is a panic, a panic a reset.
 * earlyprintk shows even the death of the code that unpacks the kernel.
 */
static bool add_linux(struct launch *l)
{
	const char *need = load_need(l);
	bool fits;

	fits = add(l, "console=ttyS0 earlyprintk=ttyS0,115200 oops=panic "
		   "panic=-1");
	if (l->load)
		fits = fits && add(l, " belfry.load=%s", l->load->name);
	if (*need)
		fits = fits && add(l, " belfry.need=%s", need);
	if (l->load && l->seconds)
		fits = fits && add(l, " belfry.seconds=%llu",
				   (unsigned long long)l->seconds);
	fits = fits && add_devices(l);
	if (l->load && l->limit)
		fits = fits && add(l, " belfry.limit=%llu",
				   (unsigned long long)l->limit);
	return fits;
}

int command_line_compose(struct launch *l)
{
	bool fits = true;

	l->command_line[0] = '\0';
	if (l->igvm)
		return 0;
	if (!l->micro)
		fits = add_linux(l);
	if (l->append)
		fits = fits && add(l, "%s%s", l->micro ? "" : " ", l->append);
	for (const char *c = l->command_line; *c; c++)
		if (*c == '\n')
			return misuse("--append: a command line has one line");
	if (!fits)
		return misuse("--append: more than %zu characters",
			      sizeof(l->command_line) - 1);
	return 0;
}
