// SPDX-License-Identifier: MIT
/*
 * What a run amounts to. The engine's own account, which the library writes
 * at its end, is taken as it is and gets what only we know. The first of
 * these that is true is the result:
 *
 *	interrupted	a signal ended us
 *	output-lost	nobody reads our output
 *	...		what the library says, if the guest did not end itself
 *	load-failed	the load said so
 *	guest-panic	the guest's kernel said so
 *	timeout		the time was up
 *	reset, ended	what the library says of a guest that ended itself
 *	engine-failed	the engine ended without an account
 *	load-silent	our guest powered off and did not say how it went
 *	powered-off
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/run.h"

struct verdict {
	const char *result;
	char reason[640];
};

static void set(struct verdict *v, const char *result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void set(struct verdict *v, const char *result, const char *format, ...)
{
	va_list ap;

	v->result = result;
	va_start(ap, format);
	vsnprintf(v->reason, sizeof(v->reason), format, ap);
	va_end(ap);
	/* An engine's last words may be anything. */
	for (char *c = v->reason; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

static void engine_failed(struct verdict *v, const struct child_end *end)
{
	const char *words = end->last_words;

	if (WIFSIGNALED(end->status))
		set(v, "engine-failed", "the engine was ended by signal %d "
		    "(%s)", WTERMSIG(end->status),
		    strsignal(WTERMSIG(end->status)));
	else
		set(v, "engine-failed", "the engine ended with status %d "
		    "and left no report%s%s", WEXITSTATUS(end->status),
		    *words ? "; its last words: " : "", words);
}

/* Neither the machine nor the host made an end of it. */
static bool ended_itself(const char *said)
{
	static const char * const ends[] = { "powered-off", "reset", "ended" };

	for (unsigned int i = 0; i < ARRAY_SIZE(ends); i++)
		if (!said || !strcmp(said, ends[i]))
			return true;
	return false;
}

/* What only we know; false: nothing of that kind. */
static bool from_us(struct verdict *v, const struct child_end *end)
{
	if (end->signal)
		set(v, "interrupted", "signal %d (%s)", end->signal,
		    strsignal(end->signal));
	else if (end->output_lost)
		set(v, "output-lost", "the console's reader went away");
	return end->signal || end->output_lost;
}

/* What the guest said, or did not do. */
static bool from_guest(struct verdict *v, const struct run *run,
		       const struct watch *watch, const struct child_end *end)
{
	if (watch->failed)
		set(v, "load-failed", "%s", watch->reason);
	else if (watch->panicked)
		set(v, "guest-panic", "%s", watch->reason);
	else if (end->timed_out)
		set(v, "timeout", "the guest did not end within %llu seconds",
		    (unsigned long long)run->timeout);
	return watch->failed || watch->panicked || end->timed_out;
}

/* Plain runs count nothing; their engine's good end is all there is. */
static bool ended_well(const struct run *run, const json_t *raw,
		       const struct child_end *end)
{
	const char *said = json_string_value(json_object_get(raw, "result"));

	if (said)
		return !strcmp(said, "powered-off");
	return run->launch->guest == GUEST_PLAIN &&
	       WIFEXITED(end->status) && !WEXITSTATUS(end->status);
}

static void judge(struct verdict *v, const struct run *run, const json_t *raw,
		  const struct watch *watch, const struct child_end *end)
{
	const char *said = json_string_value(json_object_get(raw, "result"));
	const char *why = json_string_value(json_object_get(raw, "reason"));

	if (from_us(v, end))
		return;
	if (!ended_itself(said))
		set(v, said, "%s", why ? why : "");
	else if (from_guest(v, run, watch, end))
		return;
	else if (said && strcmp(said, "powered-off"))
		set(v, said, "%s", why ? why : "");
	else if (!ended_well(run, raw, end))
		engine_failed(v, end);
	else if (run->launch->says_result && !watch->ok)
		set(v, "load-silent", "the guest powered off without saying "
		    "how its load went");
	else
		set(v, "powered-off", "%s", why ? why : "");
}

static void put(json_t *report, const char *key, json_t *value)
{
	json_object_set_new(report, key, value);
}

json_t *outcome_report(const struct run *run, const struct watch *watch,
		       const struct child_end *end)
{
	const struct launch *l = run->launch;
	json_t *raw = json_load_file(scratch_path(RAW_REPORT), 0, NULL);
	json_t *report = json_is_object(raw) ? json_copy(raw) : json_object();
	static const char * const lists[] = {
		"vcpus", "attacks", "violations"
	};
	struct verdict v;

	judge(&v, run, json_is_object(raw) ? raw : NULL, watch, end);
	put(report, "result", json_string(v.result));
	put(report, "reason", json_string(v.reason));
	put(report, "injection", json_string(injection_name(l->injection)));
	put(report, "guest", json_string(guest_name(l->guest)));
	put(report, "cpus", json_integer(l->cpus));
	put(report, "wall_seconds", json_real(end->wall_seconds));
	if (l->load)
		put(report, "load", json_string(l->load->name));
	for (unsigned int i = 0; i < ARRAY_SIZE(lists); i++)
		if (!json_object_get(report, lists[i]))
			put(report, lists[i], json_array());
	if (!json_object_get(report, "vectors"))
		put(report, "vectors", json_object());
	json_decref(raw);
	return report;
}

int outcome_status(const json_t *report)
{
	const char *result = json_string_value(json_object_get(report,
							       "result"));

	return result && !strcmp(result, "powered-off") ? EXIT_OK :
							  EXIT_FAILED;
}
