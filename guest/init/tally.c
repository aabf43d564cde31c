// SPDX-License-Identifier: MIT
/* Counts of what had to happen, and the verdict over them */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "load.h"

/* The first failure is the one worth reading: later ones follow from it */
void tally_fail(struct tally *t, const char *fmt, ...)
{
	va_list ap;

	if (atomic_exchange(&t->failed, true))
		return;
	va_start(ap, fmt);
	vsnprintf(t->reason, sizeof(t->reason), fmt, ap);
	va_end(ap);
}

static uint64_t *extra(struct tally *t, const char *key)
{
	for (int i = 0; i < MAX_EXTRA; i++) {
		if (!t->extra[i].key[0])
			snprintf(t->extra[i].key, KEY_LEN, "%s", key);
		if (!strcmp(t->extra[i].key, key))
			return &t->extra[i].value;
	}
	return NULL;
}

/* Not for threads: call these before they start or after they were joined */
void tally_add(struct tally *t, const char *key, uint64_t value)
{
	uint64_t *v = extra(t, key);

	if (v)
		*v += value;
}

void tally_max(struct tally *t, const char *key, uint64_t value)
{
	uint64_t *v = extra(t, key);

	if (v && *v < value)
		*v = value;
}

bool tally_found(struct tally *t, const char *what, int found, int least)
{
	if (found < least)
		tally_fail(t, "%d of %d %s", found, least, what);
	return found >= least;
}

bool tally_ok(const struct tally *t)
{
	return !t->failed && !t->missing && !t->doubled && !t->wrong &&
	       t->seen == t->expected && t->expected;
}

int tally_print(const struct tally *t, char *buf, int size)
{
	int n;

	n = snprintf(buf, size, "expected=%" PRIu64 " seen=%" PRIu64
		     " missing=%" PRIu64 " doubled=%" PRIu64 " wrong=%" PRIu64,
		     t->expected, t->seen, t->missing, t->doubled, t->wrong);
	for (int i = 0; i < MAX_EXTRA && t->extra[i].key[0] && n < size; i++)
		n += snprintf(buf + n, size - n, " %s=%" PRIu64,
			      t->extra[i].key, t->extra[i].value);
	return n;
}
