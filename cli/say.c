// SPDX-License-Identifier: MIT
/* What goes to the user besides the guest's console. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static void say(const char *format, va_list ap)
{
	char text[1024];

	/* One write: a sentence is not to be torn by the guest's console. */
	vsnprintf(text, sizeof(text), format, ap);
	fflush(stdout);
	fprintf(stderr, "belfry: %s\n", text);
}

int fail(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(format, ap);
	va_end(ap);
	return EXIT_FAILED;
}

int misuse(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(format, ap);
	va_end(ap);
	return EXIT_USAGE;
}

void note(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(format, ap);
	va_end(ap);
}

int finish_stdout(void)
{
	if (fflush(stdout) || ferror(stdout))
		return fail("cannot write the output: %s", strerror(errno));
	return EXIT_OK;
}
