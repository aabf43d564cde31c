/* SPDX-License-Identifier: MIT */
/* The engine while it runs: child.c decides, relay.c passes bytes on. */
#ifndef CLI_CHILD_H
#define CLI_CHILD_H

#include <limits.h>

#include "cli/run.h"

struct child {
	const struct run *run;
	struct watch *watch;
	struct child_end *end;
	pid_t pid;
	int out, err, in;		/* our ends; -1: closed */
	int signals;			/* signalfd */
	double started;
	double deadline;		/* of what comes next */
	bool stopping;
	bool killed;
	bool ended;
	/* Of a pipe that polls writable, PIPE_BUF bytes never block. */
	char data[PIPE_BUF];
	size_t held, sent;
	char err_line[512];
	size_t err_length;
	double words_due;
};

/* Monotonic seconds. */
double child_now(void);
/* Ask the engine to end; harmless if it was asked before. */
void child_stop(struct child *c);

/* Each is called when poll() says that its descriptor is ready. */
void relay_out(struct child *c);	/* our stdout takes bytes */
void relay_console(struct child *c);	/* the console has some */
void relay_errors(struct child *c);	/* the engine's stderr has some */
void relay_keys(struct child *c);	/* our stdin has some */
/* Tell the user what relay_errors() held back. */
void relay_words(struct child *c);

#endif
