// SPDX-License-Identifier: MIT
/* belfry igvm: what a launch is before it is booted, as a file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/launch.h"
#include "igvm/igvm.h"

static char *output;

static const struct poptOption build_options[] = {
	{ NULL, 0, POPT_ARG_INCLUDE_TABLE, launch_options, 0,
	  "What the file boots:", NULL },
	{ "output", 'o', POPT_ARG_STRING, &output, 0, "the file to write",
	  "FILE" },
	{ "help", 'h', POPT_ARG_NONE, NULL, 0, "this list", NULL },
	POPT_TABLEEND
};

static const struct poptOption file_options[] = {
	{ "help", 'h', POPT_ARG_NONE, NULL, 0, "this list", NULL },
	POPT_TABLEEND
};

static int build(int argc, const char **argv)
{
	poptContext context = NULL;
	struct blob igvm = { 0 };
	int rc;

	rc = options_parse(&context, argc, argv, build_options,
			   "-o FILE [OPTIONS]", NULL, NULL);
	if (!rc && !output)
		rc = misuse("igvm build: -o FILE is missing");
	if (!rc)
		rc = launch_decide(&launch);
	if (!rc)
		rc = check_writable(output);
	if (!rc)
		rc = launch_compose(&launch, &igvm);
	if (!rc)
		rc = write_file(output, igvm.data, igvm.size);
	free(igvm.data);
	poptFreeContext(context);
	return rc;
}

/* show and check: exactly one file, read and parsed. */
static int open_one(const char **files, const char *command,
		    struct blob *data, struct igvm_file **file)
{
	struct igvm_error err;
	int rc;

	if (!files || !files[0])
		return misuse("%s: which file?", command);
	if (files[1])
		return misuse("%s: one file at a time", command);
	rc = read_file(files[0], "the IGVM file", data);
	if (!rc && igvm_open(data->data, data->size, file, &err))
		rc = fail("%s: %s", files[0], err.text);
	return rc;
}

static int show(int argc, const char **argv)
{
	struct igvm_file *file = NULL;
	poptContext context = NULL;
	struct blob data = { 0 };
	const char **files;
	int rc;

	rc = options_parse(&context, argc, argv, file_options, "FILE", NULL,
			   &files);
	if (!rc)
		rc = open_one(files, "igvm show", &data, &file);
	if (!rc) {
		igvm_show(file, stdout);
		rc = finish_stdout();
	}
	igvm_close(file);
	free(data.data);
	poptFreeContext(context);
	return rc;
}

static int check(int argc, const char **argv)
{
	struct igvm_file *file = NULL;
	poptContext context = NULL;
	struct blob data = { 0 };
	const char **files;
	int rc;

	rc = options_parse(&context, argc, argv, file_options, "FILE", NULL,
			   &files);
	if (!rc)
		rc = open_one(files, "igvm check", &data, &file);
	if (!rc && !igvm_supports(file, IGVM_PLATFORM_SNP) &&
	    !igvm_supports(file, IGVM_PLATFORM_NATIVE))
		rc = fail("%s: it is whole, but for no platform that we have",
			  files[0]);
	if (!rc) {
		printf("%s: ok, %zu bytes\n", files[0], data.size);
		rc = finish_stdout();
	}
	igvm_close(file);
	free(data.data);
	poptFreeContext(context);
	return rc;
}

static const struct command verbs[] = {
	{ "build", "compose a file from a kernel", build },
	{ "show", "print every header of a file", show },
	{ "check", "say whether a file is whole and correct", check },
	{ NULL, NULL, NULL }
};

static int list(void)
{
	printf("Usage: belfry igvm build -o FILE [OPTIONS]\n"
	       "       belfry igvm show FILE\n"
	       "       belfry igvm check FILE\n\n");
	for (const struct command *v = verbs; v->name; v++)
		printf("  %-10s %s\n", v->name, v->summary);
	printf("\n`belfry igvm build --help' lists its options.\n");
	return finish_stdout();
}

int cmd_igvm(int argc, const char **argv)
{
	char name[64];
	int rc;

	if (argc < 2)
		return misuse("igvm: build, show or check?");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return list();
	for (const struct command *v = verbs; v->name; v++) {
		if (strcmp(v->name, argv[1]))
			continue;
		snprintf(name, sizeof(name), "belfry igvm %s", v->name);
		argv[1] = name;
		rc = v->run(argc - 1, argv + 1);
		return rc < 0 ? EXIT_OK : rc;
	}
	return misuse("igvm: '%s' is none of build, show, check", argv[1]);
}
