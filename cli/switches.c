// SPDX-License-Identifier: MIT
/* What the specifications leave open, by name: struct machine_switches. */
#include <stdio.h>
#include <string.h>

#include "cli/run.h"

#define SWITCH(name) { #name, offsetof(struct machine_switches, name) }

static const struct {
	const char *name;
	size_t offset;
} table[] = {
	SWITCH(strict_virq),
	SWITCH(savic_eoi_fault),
	SWITCH(savic_ro_fault),
	SWITCH(savic_doorbell_keeps_nmi),
	SWITCH(savic_nmi_keeps),
	SWITCH(pvalidate_vmpl_fails),
	SWITCH(scramble_off),
};

_Static_assert(sizeof(struct machine_switches) == ARRAY_SIZE(table),
	       "every switch has a name");

static bool *at(struct machine_switches *switches, unsigned int i)
{
	return (bool *)((char *)switches + table[i].offset);
}

static int unknown(const char *text)
{
	char names[512] = "";
	size_t n = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++)
		n += snprintf(names + n, sizeof(names) - n, "%s%s",
			      i ? ", " : "", table[i].name);
	return misuse("--switch: '%s' names none of %s", text, names);
}

int switch_set(struct machine_switches *switches, const char *text)
{
	const char *value = strchr(text, '=');
	size_t length = value ? (size_t)(value - text) : strlen(text);

	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		if (strlen(table[i].name) != length ||
		    strncmp(table[i].name, text, length))
			continue;
		if (value && !strcmp(value, "=on"))
			*at(switches, i) = true;
		else if (value && !strcmp(value, "=off"))
			*at(switches, i) = false;
		else
			return misuse("--switch: '%s' is neither %s=on nor "
				      "%s=off", text, table[i].name,
				      table[i].name);
		return 0;
	}
	return unknown(text);
}

json_t *switches_json(const struct machine_switches *switches)
{
	struct machine_switches copy = *switches;
	json_t *out = json_object();

	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++)
		json_object_set_new(out, table[i].name,
				    json_boolean(*at(&copy, i)));
	return out;
}
