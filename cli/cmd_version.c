// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "cli/cli.h"

static const struct poptOption options[] = {
	{ "help", 'h', POPT_ARG_NONE, NULL, 0, "this list", NULL },
	POPT_TABLEEND
};

int cmd_version(int argc, const char **argv)
{
	poptContext context = NULL;
	int rc;

	rc = options_parse(&context, argc, argv, options, "", NULL, NULL);
	poptFreeContext(context);
	if (rc)
		return rc < 0 ? EXIT_OK : rc;
	printf("belfry %s\n", BELFRY_VERSION);
	return finish_stdout();
}
