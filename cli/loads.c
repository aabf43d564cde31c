// SPDX-License-Identifier: MIT
/* The loads that guest/init knows, and the devices that they need. */
#include <stdio.h>
#include <string.h>

#include "cli/launch.h"

static const struct load loads[] = {
	{ .name = "idle" },
	{ .name = "ipi" },
	{ .name = "timer" },
	{ .name = "disk", .disks = true },
	{ .name = "net", .nics = true },
	{ .name = "msi", .ports = true },
	{ .name = "flood", .floods = true },
	{
		.name = "mixed", .mixed = true, .disks = true, .nics = true,
		.ports = true,
	},
	{ .name = "none" },
	{ .name = "shell", .interactive = true },
};

const struct load *load_find(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(loads); i++)
		if (!strcmp(loads[i].name, name))
			return &loads[i];
	return NULL;
}

void load_list(char *text, size_t size)
{
	size_t n = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(loads) && n < size; i++)
		n += snprintf(text + n, size - n, "%s%s", i ? ", " : "",
			      loads[i].name);
}

/* One CPU has nobody to send an IPI to. */
const char *load_need(const struct launch *l)
{
	const char *need = devices_ports(l) ?
			   "ipi,timer,disk,net,msi,idle" :
			   "ipi,timer,disk,net,idle";

	if (!l->load || !l->load->mixed)
		return "";
	return need + (l->cpus < 2 ? strlen("ipi,") : 0);
}

int load_seconds(struct launch *l)
{
	l->seconds = 0;
	if (!l->seconds_text)
		return 0;
	return parse_number(l->seconds_text, "--load-seconds", 1, 100000,
			    &l->seconds);
}
