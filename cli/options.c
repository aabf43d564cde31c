// SPDX-License-Identifier: MIT
/* Options through popt, with one sentence for whatever is wrong. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static bool asks_for_help(int argc, const char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--"))
			return false;
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	}
	return false;
}

int options_parse(poptContext *context, int argc, const char **argv,
		  const struct poptOption *table, const char *usage,
		  options_take *take, const char ***rest)
{
	const char **left;
	int rc, status;
	char *value;

	*context = poptGetContext(NULL, argc, argv, table, 0);
	if (!*context)
		return fail("out of memory");
	poptSetOtherOptionHelp(*context, usage);
	/* Before anything is judged: --help never fails. */
	if (asks_for_help(argc, argv)) {
		poptPrintHelp(*context, stdout, 0);
		rc = finish_stdout();
		return rc ? rc : -1;
	}
	while ((rc = poptGetNextOpt(*context)) > 0) {
		value = poptGetOptArg(*context);
		status = take ? take(rc, value) : 0;
		free(value);
		if (status)
			return status;
	}
	if (rc < -1)
		return misuse("%s: %s; see %s --help",
			      poptBadOption(*context, POPT_BADOPTION_NOALIAS),
			      poptStrerror(rc), argv[0]);
	left = poptGetArgs(*context);
	if (rest)
		*rest = left;
	else if (left && left[0])
		return misuse("%s: not an option; see %s --help", left[0],
			      argv[0]);
	return 0;
}

int parse_number(const char *text, const char *what, u64 min, u64 max,
		 u64 *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end)
		return misuse("%s: '%s' is not a number", what, text);
	if (errno || *out < min || *out > max)
		return misuse("%s: %s is not within %llu to %llu", what, text,
			      (unsigned long long)min,
			      (unsigned long long)max);
	return 0;
}

int parse_size(const char *text, const char *what, u64 *out)
{
	static const char units[] = "kmg";
	unsigned int shift = 0;
	const char *unit;
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9')
		return misuse("%s: '%s' is not a size", what, text);
	if (*end) {
		unit = strchr(units, *end | 0x20);
		if (!unit || end[1])
			return misuse("%s: '%s' is not a size; use a number "
				      "with K, M or G", what, text);
		shift = 10 * (unit - units + 1);
	}
	if (errno || *out > UINT64_MAX >> shift)
		return misuse("%s: %s is too large", what, text);
	*out <<= shift;
	return 0;
}
