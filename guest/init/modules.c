// SPDX-License-Identifier: MIT
/*
 * Loads what /lib/modules/RELEASE/modules.order lists, in that order. No file
 * means a kernel with everything built in.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "load.h"

static bool module_load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	long err;

	if (fd < 0)
		return false;
	err = syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	return !err || errno == EEXIST;
}

bool modules_load(char *why, int size)
{
	char list[4096], path[512], *save, *name;
	struct utsname uts;

	uname(&uts);
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.order",
		 uts.release);
	if (file_read(path, list, sizeof(list)) < 0)
		return true;
	for (name = strtok_r(list, "\n", &save); name;
	     name = strtok_r(NULL, "\n", &save)) {
		snprintf(path, sizeof(path), "/lib/modules/%s/%s", uts.release,
			 name);
		if (!module_load(path)) {
			snprintf(why, size, "module %s: %s", name,
				 strerror(errno));
			return false;
		}
	}
	return true;
}
