// SPDX-License-Identifier: MIT
/* belfry run: one guest, from its kernel to its report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/run.h"

static struct {
	char *timeout, *seed, *gdb, *trace;
	int gdb_asked, icount, table, interactive;
} text;

static struct run run = { .launch = &launch };

enum { OPTION_SWITCH = 1, OPTION_GDB };

static const struct poptOption options[] = {
	{ NULL, 0, POPT_ARG_INCLUDE_TABLE, launch_options, 0,
	  "What is booted:", NULL },
	{ NULL, 0, POPT_ARG_INCLUDE_TABLE, launch_igvm_option, 0,
	  "or:", NULL },
	{ "seed", 0, POPT_ARG_STRING, &text.seed, 0,
	  "start of all that is random (default 0)", "N" },
	{ "icount", 0, POPT_ARG_NONE, &text.icount, 0,
	  "virtual time counts instructions: equal runs are equal to the "
	  "byte", NULL },
	{ "timeout", 0, POPT_ARG_STRING, &text.timeout, 0,
	  "wall time after which the guest is ended (default 300, and three "
	  "times --load-seconds)",
	  "SECONDS" },
	{ "report", 0, POPT_ARG_STRING, &run.report, 0,
	  "write what was counted", "FILE" },
	{ "table", 0, POPT_ARG_NONE, &text.table, 0,
	  "print the table at the end although this is no terminal", NULL },
	{ "interactive", 0, POPT_ARG_NONE, &text.interactive, 0,
	  "pass standard input to the guest's console", NULL },
	{ "gdb", 0, POPT_ARG_STRING | POPT_ARGFLAG_OPTIONAL, &text.gdb,
	  OPTION_GDB, "wait for a debugger on 127.0.0.1 (default port 1234)",
	  "PORT" },
	{ "switch", 0, POPT_ARG_STRING, NULL, OPTION_SWITCH,
	  "behaviour that the specifications leave open; see the manual",
	  "NAME=on|off" },
	{ "sweep", 0, POPT_ARG_NONE, &run.sweep, 0,
	  "with a device that has interrupts come at exact instants", NULL },
	{ "trace", 0, POPT_ARG_STRING | POPT_ARGFLAG_DOC_HIDDEN, &text.trace,
	  0, NULL, NULL },
	{ "help", 'h', POPT_ARG_NONE, NULL, 0, "this list", NULL },
	POPT_TABLEEND
};

/* ---- what was asked for ------------------------------------------------- */

static int decide_numbers(void)
{
	u64 number;
	int rc;

	rc = load_seconds(&launch);
	if (rc)
		return rc;
	/* With --icount a guest's second may take several. */
	run.timeout = run.gdb ? TIMEOUT_MAX :
				TIMEOUT_DEFAULT + 3 * launch.seconds;
	if (text.timeout) {
		rc = parse_number(text.timeout, "--timeout", 1, TIMEOUT_MAX,
				  &run.timeout);
		if (rc)
			return rc;
	}
	/* The guest's own watchdog knows more than ours: it goes first. */
	launch.limit = run.timeout > 60 ? run.timeout / 2 : 0;
	if (launch.limit && launch.limit < launch.seconds + LOAD_MARGIN)
		launch.limit = launch.seconds + LOAD_MARGIN;
	run.has_seed = text.seed;
	if (text.seed) {
		rc = parse_number(text.seed, "--seed", 0, INT64_MAX,
				  &run.seed);
		if (rc)
			return rc;
	}
	run.gdb_port = 1234;
	if (!text.gdb)
		return 0;
	rc = parse_number(text.gdb, "--gdb", 1, 65535, &number);
	run.gdb_port = number;
	return rc;
}

static int decide(void)
{
	int rc;

	run.icount = text.icount;
	if (text.trace)
		return misuse("--trace is not there yet");
	rc = decide_numbers();
	if (!rc)
		rc = launch_decide(&launch);
	if (!rc && run.sweep && launch.guest == GUEST_PLAIN)
		rc = misuse("--sweep: only an SNP guest has that device");
	if (!rc && run.report)
		rc = check_writable(run.report);
	if (!rc)
		rc = place_check(PLACE_ENGINE);
	if (!rc)
		rc = place_check(PLACE_LIBRARY);
	run.table = text.table || isatty(STDOUT_FILENO);
	run.interactive = text.interactive ||
			  (launch.load && launch.load->interactive);
	return rc;
}

/* ---- the run ------------------------------------------------------------ */

static int prepare(const struct blob *igvm)
{
	int rc;

	rc = scratch_make();
	if (!rc)
		rc = write_file(scratch_path(IGVM_FILE), igvm->data,
				igvm->size);
	if (!rc)
		rc = session_write(&run);
	return rc;
}

static int conclude(const struct watch *watch, const struct child_end *end)
{
	json_t *report = outcome_report(&run, watch, end);
	const char *result = json_string_value(json_object_get(report,
							       "result"));
	int rc = outcome_status(report);
	bool failed = rc;
	char *json;

	/* A console that stopped within a line. */
	if (watch->length && isatty(STDOUT_FILENO))
		printf("\n");
	if (end->untold && strcmp(result, "engine-failed"))
		fprintf(stderr, "%s\n", end->last_words);
	/* Whoever interrupts a run wants nothing of it. */
	if (run.report && !end->signal) {
		json = json_dumps(report, JSON_SORT_KEYS | JSON_INDENT(2) |
					  JSON_REAL_PRECISION(15));
		if (!json)
			rc = fail("out of memory");
		else if (write_file(run.report, json, strlen(json)))
			rc = EXIT_FAILED;
		free(json);
	}
	if (run.table && !end->signal && !end->output_lost)
		table_print(report);
	if (failed)
		fail("%s: %s", result,
		     json_string_value(json_object_get(report, "reason")));
	json_decref(report);
	return end->signal ? 128 + end->signal : rc;
}

static int boot(struct blob *igvm)
{
	static struct child_end end;
	static struct watch watch;
	char **arguments = NULL;
	int rc;

	watch.flood.on = launch.load && launch.load->floods;
	/* From here on a signal waits until there is something to end. */
	child_hold_signals();
	rc = prepare(igvm);
	free(igvm->data);
	if (!rc && !(arguments = arguments_make(&run)))
		rc = EXIT_FAILED;
	if (!rc && run.gdb)
		note("waiting for a debugger: target remote 127.0.0.1:%u",
		     run.gdb_port);
	if (!rc)
		rc = child_run(&run, arguments, &watch, &end);
	if (!rc)
		rc = conclude(&watch, &end);
	arguments_free(arguments);
	scratch_remove();
	return rc;
}

/* ---- entry -------------------------------------------------------------- */

static int take(int option, const char *value)
{
	if (option == OPTION_SWITCH)
		return switch_set(&run.switches, value);
	run.gdb = true;
	return 0;
}

/* What is behind "--" is the engine's and nobody's else. */
static int split(int argc, const char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--"))
			continue;
		run.extra = argv + i + 1;
		return i;
	}
	return argc;
}

int cmd_run(int argc, const char **argv)
{
	poptContext context = NULL;
	struct blob igvm;
	int rc;

	rc = options_parse(&context, split(argc, argv), argv, options,
			   "[OPTIONS] [-- ENGINE OPTIONS]", take, NULL);
	if (!rc)
		rc = decide();
	if (!rc)
		rc = launch_compose(&launch, &igvm);
	if (!rc)
		rc = boot(&igvm);
	poptFreeContext(context);
	return rc < 0 ? EXIT_OK : rc;
}
