/* SPDX-License-Identifier: MIT */
/*
 * One run of the engine.
 *
 *	scratch     a private directory, gone at the end whatever happens
 *	session     the file that tells the library in the engine what to be
 *	arguments   the engine's command line
 *	child       the engine, its console, time limit, signals
 *	watch       what the console says
 *	outcome     what all that amounts to; the report
 *	table       the report for people
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <jansson.h>
#include <sys/types.h>

#include "cli/launch.h"
#include "machine/machine.h"

#define TIMEOUT_DEFAULT	300
#define TIMEOUT_MAX	1000000

struct run {
	struct launch *launch;
	u64 seed;
	bool has_seed;
	bool icount;
	u64 timeout;			/* seconds of wall time */
	char *report;			/* NULL: none */
	bool table;
	bool interactive;
	bool gdb;
	unsigned int gdb_port;
	int sweep;			/* with the device of engine/sweep.h */
	struct machine_switches switches;
	const char **extra;		/* for the engine; NULL-terminated */
};

/* scratch.c. Only one at a time. 0 or EXIT_FAILED. */
int scratch_make(void);
/* Path of @name in it, in one of a few static buffers. */
const char *scratch_path(const char *name);
/* Remove it and all in it. Harmless if there is none. */
void scratch_remove(void);

/* switches.c: "NAME=on". 0 or EXIT_USAGE. */
int switch_set(struct machine_switches *switches, const char *text);
json_t *switches_json(const struct machine_switches *switches);

/* session.c: write scratch_path("session.json"). */
int session_write(const struct run *run);
#define SESSION_FILE	"session.json"
#define IGVM_FILE	"launch.igvm"
#define RAW_REPORT	"counters.json"

/* arguments.c: NULL-terminated, to be freed by arguments_free(). */
char **arguments_make(const struct run *run);
void arguments_free(char **arguments);

/* flood.c: lines of the load "flood", which nobody but us can check. */
#define FLOOD_CPUS	512
struct flood {
	bool on;
	u64 lines;
	u32 next[FLOOD_CPUS];		/* number of the line that is due */
	char why[256];			/* a line was lost or torn; or "" */
};
void flood_feed(struct flood *f, const char *text);

/* watch.c: feed console bytes, ask what was seen. */
struct watch {
	char line[1024];
	size_t length;
	char before[1024];		/* the last line that was not empty */
	bool ok;			/* "belfry: result ok" */
	bool failed;			/* "belfry: result FAILED: ..." */
	bool panicked;
	char reason[256];		/* of whichever came first */
	struct flood flood;
};
void watch_feed(struct watch *w, const char *data, size_t size);

/* child.c */
struct child_end {
	bool timed_out;
	int signal;			/* that ended us; 0: none */
	bool output_lost;		/* our stdout is gone */
	int status;			/* of waitpid() */
	double wall_seconds;
	char last_words[512];		/* last line on its stderr */
	bool untold;			/* the user has not seen it */
};
/* Until child_run(), which acts on those that came meanwhile. */
void child_hold_signals(void);
/* 0 if it ran, with @end filled; else one sentence and EXIT_FAILED. */
int child_run(const struct run *run, char **arguments, struct watch *watch,
	      struct child_end *end);

/* terminal.c: keys as they come, ^C apart; undone by the second. */
void terminal_raw(void);
void terminal_restore(void);

/* outcome.c: the report as JSON; "result" is always there. */
json_t *outcome_report(const struct run *run, const struct watch *watch,
		       const struct child_end *end);
int outcome_status(const json_t *report);

/* table.c */
void table_print(const json_t *report);
/* names.c: of a GHCB event or an SVM exit code as in a report; or NULL. */
const char *event_name(u64 code);

#endif
