// SPDX-License-Identifier: MIT
/* belfry: finds the sub-command and hands over. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

const struct command commands[] = {
	{ "run", "boot a guest and report what was counted", cmd_run },
	{ "igvm", "build, show or check an IGVM file", cmd_igvm },
	{ "doctor", "what this machine has and lacks", cmd_doctor },
	{ "version", "the version of this program", cmd_version },
	{ "help", "this list, or the options of a command", cmd_help },
	{ NULL, NULL, NULL }
};

static const struct command *find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static int unknown(const char *name)
{
	return misuse("there is no command '%s'; see belfry help", name);
}

static int list(void)
{
	printf("Usage: belfry COMMAND [OPTIONS]\n\n"
	       "An emulated AMD SEV-SNP machine with secure interrupt "
	       "delivery.\n\n");
	for (const struct command *c = commands; c->name; c++)
		printf("  %-10s %s\n", c->name, c->summary);
	printf("\n`belfry COMMAND --help' lists a command's options; the "
	       "manual is belfry(1).\n");
	return finish_stdout();
}

static int run(const struct command *c, int argc, const char **argv)
{
	char name[64];

	snprintf(name, sizeof(name), "belfry %s", c->name);
	argv[0] = name;
	return c->run(argc, argv);
}

int cmd_help(int argc, const char **argv)
{
	const char *help[] = { NULL, "--help", NULL };
	const struct command *c;

	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return list();
	c = find(argv[1]);
	if (!c)
		return unknown(argv[1]);
	if (argc > 2)
		return misuse("help: one command at a time");
	return c->run == cmd_help ? list() : run(c, 2, help);
}

int main(int argc, char **argv)
{
	const char **words = (const char **)argv;
	const struct command *c;

	if (argc < 2)
		return misuse("no command; see belfry help");
	if (!strcmp(words[1], "--help") || !strcmp(words[1], "-h"))
		return list();
	if (!strcmp(words[1], "--version"))
		words[1] = "version";
	c = find(words[1]);
	return c ? run(c, argc - 1, words + 1) : unknown(words[1]);
}
