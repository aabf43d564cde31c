/* SPDX-License-Identifier: MIT */
/*
 * What init and its loads share.
 *
 * A load is one process. It counts what must happen and what did happen in a
 * tally that lives in memory shared with init and the watchdog, so that a load
 * that hangs still leaves its numbers behind.
 */
#ifndef BELFRY_INIT_LOAD_H
#define BELFRY_INIT_LOAD_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define MAX_CPUS	512
#define NSEC		1000000000ull
#define MSEC		1000000ull
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* "mixed" runs those before LOAD_IDLE side by side, then that one */
enum load_id {
	LOAD_IPI, LOAD_TIMER, LOAD_DISK, LOAD_NET, LOAD_MSI, LOAD_IDLE,
	LOAD_FLOOD, LOADS
};

struct options {
	char load[16];		/* one name of loads.c, or mixed, shell, none */
	unsigned int scale;	/* multiplies the work of one round */
	unsigned int seconds;	/* repeat rounds until this much has passed */
	unsigned int limit;	/* seconds until the watchdog fires */
	unsigned int need;	/* bit per load_id that must not be skipped */
	unsigned int disks;	/* how many of each there must be, at least */
	unsigned int nics;
	unsigned int ports;
};

enum { KEY_LEN = 24, MAX_EXTRA = 32, REASON_LEN = 200 };

struct tally {
	_Atomic uint64_t expected;	/* events that must happen */
	_Atomic uint64_t seen;		/* events that did, each once */
	_Atomic uint64_t missing;	/* events given up on */
	_Atomic uint64_t doubled;	/* events that came again */
	_Atomic uint64_t wrong;		/* bad data, order, CPU, or too early */
	_Atomic bool started;
	_Atomic bool finished;		/* the load has printed its line */
	_Atomic bool failed;		/* reason[] is being or was written */
	char reason[REASON_LEN];
	struct {
		char key[KEY_LEN];
		uint64_t value;
	} extra[MAX_EXTRA];
};

struct context {
	const struct options *opt;
	struct tally *tally;
	uint64_t until;			/* rounds repeat until then */
	int cpus;			/* how many are online */
	int cpu[MAX_CPUS];		/* their numbers */
};

/*
 * A load runs one round. Negative: it has nothing to run on, and *why says so.
 */
typedef int load_fn(struct context *ctx, const char **why);

load_fn ipi_run, timer_run, disk_run, net_run, msi_run, idle_run, flood_run;

/* console.c */
void console_open(void);
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int file_read(const char *path, char *buf, int size);
int file_write(const char *path, const char *text);

/* options.c: false and a text when the command line makes no sense */
bool options_read(struct options *opt, char *why, int size);

/* modules.c: false and a text when a listed module does not load */
bool modules_load(char *why, int size);

/* tally.c */
void tally_fail(struct tally *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void tally_add(struct tally *t, const char *key, uint64_t value);
void tally_max(struct tally *t, const char *key, uint64_t value);
/* False, and a failure, when there are fewer of @what than there must be */
bool tally_found(struct tally *t, const char *what, int found, int least);
bool tally_ok(const struct tally *t);
int tally_print(const struct tally *t, char *buf, int size);

/* loads.c: false and a text when the result is a failure */
void loads_watch(struct context *ctx);
bool loads_run(struct context *ctx, char *why, int size);
const char *load_name(int id);
const char *load_irqs(int id);	/* rows to show when it goes wrong */
int load_find(const char *name);

/* watchdog.c */
void watchdog_start(struct context *ctx, struct tally *tallies);

/* threads.c */
uint64_t now_ns(void);
uint64_t patience_ns(const struct options *opt);
void sleep_until(uint64_t when);
/* One turn of a loop that polls; @tries counts them, from 0 */
void back_off(unsigned int *tries);
void pin_to(int cpu);
void unpin(const struct context *ctx);
void on_each_cpu(struct context *ctx, void (*fn)(struct context *, int index));
void must(bool ok, const char *what);

/* init.c */
void power_off(void) __attribute__((noreturn));	/* does not sync */

#endif
