// SPDX-License-Identifier: MIT
/*
 * Everything is found from where the executable lies: PREFIX/bin/belfry has
 * its things in PREFIX/lib/belfry and PREFIX/share/belfry, build/belfry has
 * them beside it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static const struct {
	const char *name;
	const char *target;
	const char *built;		/* from the executable's folder */
	const char *installed;
} places[PLACES] = {
	[PLACE_ENGINE] = {
		"the engine", "engine", "engine/qemu-system-x86_64",
		"../lib/belfry/qemu-system-x86_64",
	},
	[PLACE_LIBRARY] = {
		"libbelfry.so", "all", "libbelfry.so",
		"../lib/belfry/libbelfry.so",
	},
	[PLACE_KERNEL_SAVIC] = {
		"the kernel with Secure AVIC", "kernel-savic",
		"kernel/savic/bzImage", "../share/belfry/kernel/savic/bzImage",
	},
	[PLACE_KERNEL_STOCK] = {
		"Debian's cloud kernel", "kernel-stock", "kernel/stock/vmlinuz",
		"../share/belfry/kernel/stock/vmlinuz",
	},
	[PLACE_KERNEL_SVSM] = {
		"the kernel with Alternate Injection", "kernel-svsm",
		"kernel/svsm/bzImage", "../share/belfry/kernel/svsm/bzImage",
	},
	[PLACE_KERNEL_GENERIC] = {
		"Debian's kernel with drivers of port-I/O devices",
		"kernel-generic", "kernel/generic/vmlinuz",
		"../share/belfry/kernel/generic/vmlinuz",
	},
	[PLACE_INITRD] = {
		"the initramfs", "build/initrd.img", "initrd.img",
		"../share/belfry/initrd.img",
	},
	[PLACE_MONITOR] = {
		"the monitor", "all", "svsm.elf", "../share/belfry/svsm.elf",
	},
};

static char paths[PLACES][PATH_MAX];

/* The folder of this executable, with a slash; "" if /proc is not there. */
static const char *home(void)
{
	static char folder[PATH_MAX];
	ssize_t n;

	if (folder[0])
		return folder;
	n = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
	if (n < 0)
		n = 0;
	folder[n] = '\0';
	if (strrchr(folder, '/'))
		strrchr(folder, '/')[1] = '\0';
	return folder;
}

/* Installed is what lies in bin/ next to a lib/belfry. */
static bool is_installed(void)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s../lib/belfry", home());
	return !access(path, F_OK);
}

const char *place_path(enum place place)
{
	const char *below = places[place].built;
	const char *engine = getenv("BELFRY_ENGINE");

	/* Another engine, for those who build it themselves. */
	if (place == PLACE_ENGINE && engine)
		return engine;
	if (is_installed())
		below = places[place].installed;
	if (snprintf(paths[place], PATH_MAX, "%s%s", home(), below) >= PATH_MAX)
		paths[place][0] = '\0';
	return paths[place];
}

const char *place_name(enum place place)
{
	return places[place].name;
}

const char *place_target(enum place place)
{
	return places[place].target;
}

int place_check(enum place place)
{
	int mode = place == PLACE_ENGINE ? X_OK : R_OK;

	if (!access(place_path(place), mode))
		return 0;
	if (errno != ENOENT && errno != ENOTDIR)
		return fail("cannot use %s %s: %s", place_name(place),
			    place_path(place), strerror(errno));
	return fail("%s is not there (%s); 'make %s' makes it",
		    place_name(place), place_path(place), place_target(place));
}

void place_micro(const char *name, char path[PATH_MAX])
{
	const char *below = is_installed() ? "../share/belfry/micro/" :
					     "guest/micro/";

	if (snprintf(path, PATH_MAX, "%s%s%s.elf", home(), below, name) >=
	    PATH_MAX)
		path[0] = '\0';
}
