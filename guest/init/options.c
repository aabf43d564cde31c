// SPDX-License-Identifier: MIT
/* Reads belfry.* from the kernel command line */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

static bool number(const char *text, unsigned int max, unsigned int *out)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || v > max)
		return false;
	*out = v;
	return true;
}

static bool need(char *list, unsigned int *out)
{
	char *save, *name;
	int id;

	for (name = strtok_r(list, ",", &save); name;
	     name = strtok_r(NULL, ",", &save)) {
		id = load_find(name);
		if (id < 0)
			return false;
		*out |= 1u << id;
	}
	return true;
}

static bool load(const char *name, struct options *opt)
{
	static const char * const others[] = { "mixed", "shell", "none" };
	bool known = load_find(name) >= 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++)
		known |= !strcmp(name, others[i]);
	if (known)
		strcpy(opt->load, name);
	/* What was asked for by name must run */
	if (load_find(name) >= 0)
		opt->need |= 1u << load_find(name);
	return known;
}

static bool option(char *text, struct options *opt)
{
	char *value = strchr(text, '=');

	if (!value)
		return false;
	*value++ = '\0';
	if (!strcmp(text, "load"))
		return load(value, opt);
	if (!strcmp(text, "need"))
		return need(value, &opt->need);
	if (!strcmp(text, "scale"))
		return number(value, 10000, &opt->scale) && opt->scale;
	if (!strcmp(text, "seconds"))
		return number(value, 1000000, &opt->seconds);
	if (!strcmp(text, "limit"))
		return number(value, 1000000, &opt->limit) && opt->limit;
	if (!strcmp(text, "disks"))
		return number(value, 1000, &opt->disks);
	if (!strcmp(text, "nics"))
		return number(value, 1000, &opt->nics);
	if (!strcmp(text, "ports"))
		return number(value, 1000, &opt->ports);
	return false;
}

bool options_read(struct options *opt, char *why, int size)
{
	char line[4096], copy[64], *save, *word;

	*opt = (struct options){ .scale = 1 };
	if (file_read("/proc/cmdline", line, sizeof(line)) < 0) {
		snprintf(why, size, "no /proc/cmdline");
		return false;
	}
	for (word = strtok_r(line, " \n", &save); word;
	     word = strtok_r(NULL, " \n", &save)) {
		if (strncmp(word, "belfry.", 7))
			continue;
		snprintf(copy, sizeof(copy), "%s", word);
		if (!option(word + 7, opt)) {
			snprintf(why, size, "unknown option %s", copy);
			return false;
		}
	}
	if (!opt->load[0]) {
		snprintf(why, size, "no belfry.load= on the command line");
		return false;
	}
	if (!opt->limit)
		opt->limit = 60 + opt->seconds;
	return true;
}
