// SPDX-License-Identifier: MIT
/*
 * belfry doctor: one line for each thing that `belfry run` needs. Those that
 * a run could not do without decide about the exit status.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"

/* A guest of the default size, the engine and its translated code. */
#define MEMORY_NEEDED	(1000ull << 20)
/* An IGVM file with a kernel and an initramfs. */
#define SCRATCH_NEEDED	(128ull << 20)
/* What making everything from nothing takes at most: tools/. */
#define CACHE_NEEDED	(4000ull << 20)

static const struct poptOption options[] = {
	{ "help", 'h', POPT_ARG_NONE, NULL, 0, "this list", NULL },
	POPT_TABLEEND
};

static bool works;

static void line(const char *verdict, const char *what, const char *format,
		 ...) __attribute__((format(printf, 3, 4)));

static void line(const char *verdict, const char *what, const char *format,
		 ...)
{
	va_list ap;

	printf("%-8s %-28s ", verdict, what);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	printf("\n");
}

/* First line of what @command prints; false if it fails. */
static bool first_line(const char *command, char *text, size_t size)
{
	FILE *f = popen(command, "re");
	bool got;

	if (!f)
		return false;
	got = fgets(text, size, f);
	while (got && getc(f) != EOF)
		;
	if (got)
		text[strcspn(text, "\n")] = '\0';
	return !pclose(f) && got;
}

/* The path goes through the environment: it may hold anything. */
static bool version_of_engine(char *text, size_t size)
{
	setenv("BELFRY_ENGINE", place_path(PLACE_ENGINE), 1);
	return first_line("exec \"$BELFRY_ENGINE\" --version 2>&1", text, size);
}

static void check_places(void)
{
	char version[128];

	for (int place = 0; place < PLACES; place++) {
		const char *path = place_path(place);
		int mode = place == PLACE_ENGINE ? X_OK : R_OK;

		if (access(path, mode)) {
			line("missing", place_name(place), "make %s makes it "
			     "(%s)", place_target(place), path);
			works = false;
		} else if (place != PLACE_ENGINE) {
			line("ok", place_name(place), "%s", path);
		} else if (version_of_engine(version, sizeof(version))) {
			line("ok", place_name(place), "%s", version);
		} else {
			line("missing", place_name(place), "it does not "
			     "start; make %s makes it anew (%s)",
			     place_target(place), path);
			works = false;
		}
	}
}

static void check_machine(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned long long kib = 0;
	char text[128];
	FILE *f;

	line(cores > 1 ? "ok" : "slow", "processors", "%ld%s", cores,
	     cores > 1 ? "" : "; guests with more than one vCPU will crawl");
	f = fopen("/proc/meminfo", "re");
	while (f && fgets(text, sizeof(text), f))
		if (sscanf(text, "MemAvailable: %llu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	if (kib << 10 >= MEMORY_NEEDED) {
		line("ok", "memory", "%llu MiB available", kib >> 10);
		return;
	}
	line("missing", "memory", "%llu MiB available, %llu MiB are needed; "
	     "end something or take a smaller --memory", kib >> 10,
	     MEMORY_NEEDED >> 20);
	works = false;
}

/* @needed bytes, free for us in the file system of @path. */
static bool check_space(const char *what, const char *path, u64 needed,
			const char *remedy)
{
	struct statvfs fs;
	u64 avail;

	if (statvfs(path, &fs)) {
		line("missing", what, "%s: %s", path, strerror(errno));
		return false;
	}
	avail = (u64)fs.f_bavail * fs.f_frsize;
	if (access(path, W_OK | X_OK)) {
		line("missing", what, "%s: %s; %s", path, strerror(errno),
		     remedy);
		return false;
	}
	line(avail >= needed ? "ok" : "missing", what,
	     "%s: %llu MiB free%s%s", path, (unsigned long long)(avail >> 20),
	     avail >= needed ? "" : "; ", avail >= needed ? "" : remedy);
	return avail >= needed;
}

static void check_spaces(void)
{
	const char *temporary = getenv("TMPDIR");
	const char *cache = getenv("BELFRY_CACHE");
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char path[PATH_MAX];

	if (!temporary || !*temporary)
		temporary = "/tmp";
	if (!check_space("temporary files", temporary, SCRATCH_NEEDED,
			 "set TMPDIR to a place with 128 MiB"))
		works = false;
	if (cache && *cache)
		snprintf(path, sizeof(path), "%s", cache);
	else if (xdg && *xdg)
		snprintf(path, sizeof(path), "%s/belfry", xdg);
	else
		snprintf(path, sizeof(path), "%s/.cache/belfry",
			 home ? home : "");
	/* Needed to make what is missing, not to run what is there. */
	while (access(path, F_OK) && strrchr(path, '/') > path)
		*strrchr(path, '/') = '\0';
	check_space("cache", path, CACHE_NEEDED,
		    "set BELFRY_CACHE to a place with 4000 MiB before make");
}

/* Of the tree only: an installation needs none of them. */
static void check_packages(void)
{
	static const char command[] =
		"test -x /usr/bin/dpkg-query || exit 1; "
		"for p in $(sed -n 's/^build //p' \"$BELFRY_LIST\"); do "
		"dpkg-query -W -f '${db:Status-Status} ${Provides}' \"$p\" "
		"2>/dev/null | grep -q '^installed' || printf '%s ' \"$p\"; "
		"done; echo";
	char list[PATH_MAX + 32], text[1024];

	snprintf(list, sizeof(list), "%s", place_path(PLACE_LIBRARY));
	if (strrchr(list, '/'))
		strcpy(strrchr(list, '/'), "/../tools/packages.list");
	if (access(list, R_OK))
		return;
	setenv("BELFRY_LIST", list, 1);
	if (!first_line(command, text, sizeof(text)))
		line("unknown", "Debian packages", "this is not Debian; see "
		     "tools/packages.list");
	else if (!*text)
		line("ok", "Debian packages", "all of tools/packages.list");
	else
		line("missing", "Debian packages", "%s; make packages "
		     "installs them", text);
}

int cmd_doctor(int argc, const char **argv)
{
	poptContext context = NULL;
	int rc;

	rc = options_parse(&context, argc, argv, options, "", NULL, NULL);
	poptFreeContext(context);
	if (rc)
		return rc < 0 ? EXIT_OK : rc;
	works = true;
	check_places();
	check_packages();
	check_machine();
	check_spaces();
	printf("\n%s\n", works ? "`belfry run' will work here." :
	       "`belfry run' will not work here before what is missing is "
	       "there.");
	rc = finish_stdout();
	if (rc)
		return rc;
	return works ? EXIT_OK : EXIT_FAILED;
}
