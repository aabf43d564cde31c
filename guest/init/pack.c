// SPDX-License-Identifier: MIT
/*
 * Build-time tool: writes a newc cpio archive that depends on nothing but the
 * list on standard input and the files it names. cpio(1) cannot leave out link
 * counts and device numbers, nor make a device node without being root.
 *
 *	dir PATH MODE
 *	nod PATH MODE MAJOR MINOR	(character device)
 *	file PATH MODE SOURCE
 *	link PATH TARGET
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct entry {
	char path[256];
	unsigned int mode, major, minor;
	const char *data;
	unsigned int size;
};

static unsigned long written;

static void die(const char *what)
{
	fprintf(stderr, "pack: %s\n", what);
	exit(1);
}

static void put(const void *data, unsigned int size)
{
	static const char zero[4];

	fwrite(data, 1, size, stdout);
	fwrite(zero, 1, -size & 3, stdout);
	written += size + (-size & 3);
}

static void entry(const struct entry *e)
{
	static unsigned int ino;
	char head[512];
	int n;

	ino++;
	n = snprintf(head, sizeof(head), "070701%08X%08X%08X%08X%08X%08X%08X"
		     "%08X%08X%08X%08X%08X%08X%s", ino, e->mode, 0, 0, 1, 0,
		     e->size, 0, 0, e->major, e->minor,
		     (unsigned int)strlen(e->path) + 1, 0, e->path);
	/* The terminating NUL of the name belongs to it */
	put(head, n + 1);
	put(e->data, e->size);
}

static void file(struct entry *e, const char *source)
{
	FILE *f = fopen(source, "rb");
	struct stat st;
	char *data;

	if (!f || fstat(fileno(f), &st))
		die(source);
	data = malloc(st.st_size + 1);
	if (!data || fread(data, 1, st.st_size, f) != (size_t)st.st_size)
		die(source);
	fclose(f);
	e->data = data;
	e->size = st.st_size;
	entry(e);
	free(data);
}

static void line(const char *text)
{
	struct entry e = { .data = "" };
	char arg[512];

	if (sscanf(text, "dir %255s %o", e.path, &e.mode) == 2) {
		e.mode |= S_IFDIR;
		entry(&e);
	} else if (sscanf(text, "nod %255s %o %u %u", e.path, &e.mode,
			  &e.major, &e.minor) == 4) {
		e.mode |= S_IFCHR;
		entry(&e);
	} else if (sscanf(text, "file %255s %o %511s", e.path, &e.mode,
			  arg) == 3) {
		e.mode |= S_IFREG;
		file(&e, arg);
	} else if (sscanf(text, "link %255s %511s", e.path, arg) == 2) {
		e.mode = S_IFLNK | 0777;
		e.data = arg;
		e.size = strlen(arg);
		entry(&e);
	} else {
		die(text);
	}
}

int main(void)
{
	const struct entry end = { .path = "TRAILER!!!", .data = "" };
	static const char zero[512];
	char text[1024];

	while (fgets(text, sizeof(text), stdin))
		line(text);
	entry(&end);
	fwrite(zero, 1, -written & 511, stdout);
	if (fflush(stdout) || ferror(stdout))
		die("cannot write");
	return 0;
}
