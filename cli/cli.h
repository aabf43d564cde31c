/* SPDX-License-Identifier: MIT */
/*
 * What the sub-commands share: how they are found, how they speak, where
 * they find what the tree built.
 *
 * Whoever refuses something says one sentence, once, through fail() or
 * misuse(), and hands the exit status up.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <limits.h>
#include <popt.h>

#include "arch/types.h"

#define BELFRY_VERSION	"0.1"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/*
 * One file per sub-command. @run gets the arguments behind the command's
 * name, argv[0] being "belfry NAME" for messages and --help.
 */
struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, const char **argv);
};

int cmd_run(int argc, const char **argv);
int cmd_igvm(int argc, const char **argv);
int cmd_doctor(int argc, const char **argv);
int cmd_version(int argc, const char **argv);
int cmd_help(int argc, const char **argv);

extern const struct command commands[];	/* ends with a NULL name */

/* say.c: "belfry: SENTENCE" on stderr; EXIT_FAILED and EXIT_USAGE. */
int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same without a status: something the user should know. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Output that could not be written is a failure, not a detail. */
int finish_stdout(void);

/*
 * options.c: parse @argv by @table. Returns 0, the status to exit with if
 * something was wrong, or -1 if --help was asked for and given. Options of
 * the table with a value of their own go to @take, which may refuse them.
 * What is not an option is an error unless @rest is given; it then points to
 * a NULL-terminated list inside *@context (or is NULL), which the caller
 * frees with poptFreeContext() in any case.
 */
typedef int options_take(int option, const char *value);
int options_parse(poptContext *context, int argc, const char **argv,
		  const struct poptOption *table, const char *usage,
		  options_take *take, const char ***rest);
/* Decimal; @what names it in the sentence. 0 or EXIT_USAGE. */
int parse_number(const char *text, const char *what, u64 min, u64 max,
		 u64 *out);
/* Bytes, with K, M or G. */
int parse_size(const char *text, const char *what, u64 *out);

/* files.c: a whole regular file, to be freed. 0 or EXIT_FAILED. */
struct blob {
	void *data;
	size_t size;
};
int read_file(const char *path, const char *what, struct blob *out);
/* Complete or not at all: a new file, renamed over @path. */
int write_file(const char *path, const void *data, size_t size);
/* Whether write_file() would find a directory it can write to. */
int check_writable(const char *path);

/* places.c: where the tree's or the installation's things are. */
enum place {
	PLACE_ENGINE,
	PLACE_LIBRARY,
	PLACE_KERNEL_SAVIC,
	PLACE_KERNEL_STOCK,
	PLACE_KERNEL_SVSM,
	PLACE_KERNEL_GENERIC,
	PLACE_INITRD,
	PLACE_MONITOR,
	PLACES,
};
/* The path, found or not; static storage, one per place. */
const char *place_path(enum place place);
/* What it is ("the engine") and which make target makes it. */
const char *place_name(enum place place);
const char *place_target(enum place place);
/* 0 if it is there and readable; else one sentence and EXIT_FAILED. */
int place_check(enum place place);
/* build/guest/micro/NAME.elf or its installed twin, in @path. */
void place_micro(const char *name, char path[PATH_MAX]);

#endif
