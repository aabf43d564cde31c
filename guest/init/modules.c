// SPDX-License-Identifier: MIT
/*
 * Loads what /lib/modules/RELEASE/modules.order lists, in that order. No file
 * means a kernel with everything built in. Parameters come from the kernel
 * command line, MODULE.NAME=VALUE, as modprobe(8) takes them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "load.h"

/* "-" and "_" are the same in a module's name */
static bool is_for(const char *word, const char *module, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (word[i] != module[i] &&
		    !(strchr("-_", module[i]) && word[i] &&
		      strchr("-_", word[i])))
			return false;
	return word[length] == '.';
}

/* The words for the module in @file, "libata.ko", as the kernel wants them */
static void parameters(const char *file, char *out, size_t size)
{
	size_t length = strcspn(file, "."), used = 0;
	char line[4096], *save, *word;

	out[0] = '\0';
	if (file_read("/proc/cmdline", line, sizeof(line)) < 0)
		return;
	for (word = strtok_r(line, " \n", &save); word;
	     word = strtok_r(NULL, " \n", &save)) {
		if (!is_for(word, file, length) || used >= size)
			continue;
		used += snprintf(out + used, size - used, "%s ",
				 word + length + 1);
	}
}

static bool module_load(const char *path, const char *file)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char words[256];
	long err;

	if (fd < 0)
		return false;
	parameters(file, words, sizeof(words));
	err = syscall(SYS_finit_module, fd, words, 0);
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
		if (!module_load(path, name)) {
			snprintf(why, size, "module %s: %s", name,
				 strerror(errno));
			return false;
		}
	}
	return true;
}
