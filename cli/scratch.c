// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/run.h"

static char folder[PATH_MAX];

int scratch_make(void)
{
	const char *base = getenv("TMPDIR");

	if (!base || !*base)
		base = "/tmp";
	if (snprintf(folder, sizeof(folder), "%s/belfry.XXXXXX", base) >=
	    PATH_MAX - 64) {
		folder[0] = '\0';
		return fail("TMPDIR is too long");
	}
	if (mkdtemp(folder))
		return 0;
	folder[0] = '\0';
	return fail("cannot make a directory in %s: %s", base,
		    strerror(errno));
}

const char *scratch_path(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned int next;
	char *here = path[next++ % ARRAY_SIZE(path)];

	if (snprintf(here, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
		here[0] = '\0';
	return here;
}

/* Flat: neither we nor the engine make directories in it. */
void scratch_remove(void)
{
	struct dirent *e;
	DIR *dir;

	if (!folder[0])
		return;
	dir = opendir(folder);
	while (dir && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(folder);
	folder[0] = '\0';
}
