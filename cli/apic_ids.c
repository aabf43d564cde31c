// SPDX-License-Identifier: MIT
/* --apic-ids: the list, or the numbers of the CPUs themselves. */
#include <stdlib.h>
#include <string.h>

#include "cli/launch.h"

/* 255 is the broadcast of an xAPIC. */
#define ID_MAX	254

static int take_id(struct launch *l, unsigned int i, const char *text)
{
	u64 id;
	int rc = parse_number(text, "--apic-ids", 0, ID_MAX, &id);

	for (unsigned int j = 0; !rc && j < i; j++)
		if (l->apic_ids[j] == id)
			return misuse("--apic-ids: %s is there twice", text);
	l->apic_ids[i] = rc ? 0 : id;
	return rc;
}

static int take_list(struct launch *l, char *list)
{
	char *rest = NULL, *text = strtok_r(list, ",", &rest);
	unsigned int n = 0;
	int rc = 0;

	for (; text && !rc && n < l->cpus; n++) {
		rc = take_id(l, n, text);
		text = strtok_r(NULL, ",", &rest);
	}
	if (!rc && (text || n != l->cpus))
		return misuse("--apic-ids: not as many as the %u CPUs",
			      l->cpus);
	return rc;
}

int decide_apic_ids(struct launch *l)
{
	char *list;
	int rc;

	for (unsigned int i = 0; i < l->cpus; i++)
		l->apic_ids[i] = i;
	if (!l->apic_ids_text)
		return 0;
	if (l->guest == GUEST_PLAIN)
		return misuse("--apic-ids: --guest plain has those of the "
			      "emulator");
	list = strdup(l->apic_ids_text);
	if (!list)
		return fail("out of memory");
	rc = take_list(l, list);
	free(list);
	return rc;
}
