// SPDX-License-Identifier: MIT
/* Whole files in and out. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

/* More than any kernel or initramfs, less than what would hurt. */
#define FILE_MAX	(2ull << 30)

static int read_all(int fd, size_t size, struct blob *out)
{
	size_t done = 0;
	ssize_t n = 1;

	out->data = malloc(size + !size);
	if (!out->data) {
		errno = ENOMEM;
		return -1;
	}
	while (done < size && n > 0) {
		n = read(fd, (char *)out->data + done, size - done);
		if (n > 0)
			done += n;
	}
	out->size = done;
	if (n >= 0)
		return 0;
	free(out->data);
	*out = (struct blob){ 0 };
	return -1;
}

int read_file(const char *path, const char *what, struct blob *out)
{
	struct stat st;
	int fd, rc;

	*out = (struct blob){ 0 };
	/* Non-blocking: a FIFO must not hold us up before it is refused. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st)) {
		rc = fail("cannot read %s %s: %s", what, path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		rc = fail("%s %s is not a regular file", what, path);
	} else if (!st.st_size) {
		rc = fail("%s %s is empty", what, path);
	} else if ((u64)st.st_size > FILE_MAX) {
		rc = fail("%s %s is larger than 2 GiB", what, path);
	} else {
		rc = read_all(fd, st.st_size, out);
		if (rc)
			rc = fail("cannot read %s %s: %s", what, path,
				  strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

static int write_all(int fd, const void *data, size_t size)
{
	ssize_t n;

	for (size_t done = 0; done < size; done += n) {
		n = write(fd, (const char *)data + done, size - done);
		if (n < 0)
			return -1;
	}
	return 0;
}

int check_writable(const char *path)
{
	char copy[PATH_MAX];
	struct stat st;

	if (!*path || strlen(path) + 16 > sizeof(copy))
		return fail("cannot write '%s': not a usable file name", path);
	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return fail("cannot write %s: it is a directory", path);
	strcpy(copy, path);
	if (access(dirname(copy), W_OK | X_OK))
		return fail("cannot write %s: %s", path, strerror(errno));
	return 0;
}

/* A file beside @path, then its new name; errno says what went wrong. */
static int replace_file(const char *path, const void *data, size_t size)
{
	char temporary[PATH_MAX + 8];
	int fd, rc, why;
	mode_t mask;

	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -1;
	mask = umask(0);
	umask(mask);
	rc = fchmod(fd, 0666 & ~mask) || write_all(fd, data, size);
	rc = close(fd) || rc || rename(temporary, path) ? -1 : 0;
	if (!rc)
		return 0;
	why = errno;
	unlink(temporary);
	errno = why;
	return -1;
}

int write_file(const char *path, const void *data, size_t size)
{
	sigset_t all, before;
	struct stat st;
	int fd, rc;

	/* What is not a file (/dev/stdout) cannot be renamed over. */
	if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd >= 0 && !write_all(fd, data, size) && !close(fd))
			return 0;
		return fail("cannot write %s: %s", path, strerror(errno));
	}
	/* Whoever interrupts us now must not find half a file. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	rc = replace_file(path, data, size) ? errno : 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return rc ? fail("cannot write %s: %s", path, strerror(rc)) : 0;
}
