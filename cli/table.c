// SPDX-License-Identifier: MIT
/* A report as a short table, summed over vCPUs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run.h"

/* Rows that are too rare to matter are summed up in one. */
#define ROWS_MAX	12

struct row {
	u64 code;
	json_int_t count;
};

static void heading(const char *title)
{
	printf("\n%s\n", title);
}

static int by_count(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return x->code < y->code ? -1 : 1;
}

static unsigned int gather(const json_t *report, const char *key,
			   struct row *rows, unsigned int max)
{
	unsigned int n = 0, row;
	json_t *vcpu, *count;
	const char *code;
	size_t i;

	json_array_foreach(json_object_get(report, "vcpus"), i, vcpu) {
		json_object_foreach(json_object_get(vcpu, key), code, count) {
			u64 number = strtoull(code, NULL, 16);

			for (row = 0; row < n; row++)
				if (rows[row].code == number)
					break;
			if (row == max)
				continue;
			if (row == n)
				rows[n++] = (struct row){ number, 0 };
			rows[row].count += json_integer_value(count);
		}
	}
	qsort(rows, n, sizeof(*rows), by_count);
	return n;
}

static void exits(const json_t *report, const char *key, const char *title)
{
	static struct row rows[1024];
	unsigned int n = gather(report, key, rows, ARRAY_SIZE(rows));
	json_int_t rest = 0;
	const char *name;

	if (!n)
		return;
	heading(title);
	for (unsigned int i = 0; i < n; i++) {
		if (i >= ROWS_MAX) {
			rest += rows[i].count;
			continue;
		}
		name = event_name(rows[i].code);
		printf("  0x%-9llx %-24s %12lld\n",
		       (unsigned long long)rows[i].code, name ? name : "",
		       (long long)rows[i].count);
	}
	if (rest)
		printf("  %-11s %-24s %12lld\n", "others", "",
		       (long long)rest);
}

static long long count_of(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char * const *)a, *(const char * const *)b);
}

static void vectors(const json_t *report)
{
	json_t *all = json_object_get(report, "vectors"), *row;
	const char *names[256], *name;
	unsigned int n = 0;

	json_object_foreach(all, name, row)
		if (n < ARRAY_SIZE(names))
			names[n++] = name;
	if (!n)
		return;
	qsort(names, n, sizeof(*names), by_name);
	heading("  vector         posted    presented      refused          "
		"EOI");
	for (unsigned int i = 0; i < n; i++) {
		row = json_object_get(all, names[i]);
		printf("  %-8s %12lld %12lld %12lld %12lld\n", names[i],
		       count_of(row, "posted"), count_of(row, "presented"),
		       count_of(row, "refused"), count_of(row, "eoi"));
	}
}

static void violations(const json_t *report)
{
	json_t *all = json_object_get(report, "violations"), *one;
	size_t i;

	if (!json_array_size(all))
		return;
	heading("  violations");
	json_array_foreach(all, i, one)
		printf("  %-36s %12lld\n",
		       json_string_value(json_object_get(one, "name")) ?: "",
		       count_of(one, "count"));
}

void table_print(const json_t *report)
{
	const char *result = json_string_value(json_object_get(report,
							       "result"));
	json_t *instructions = json_object_get(report, "instructions");

	vectors(report);
	exits(report, "vmgexits", "  VMGEXIT");
	exits(report, "automatic_exits", "  automatic exits");
	exits(report, "vc", "  #VC");
	violations(report);
	printf("\n  %s in %.1f s", result,
	       json_real_value(json_object_get(report, "wall_seconds")));
	if (json_object_get(report, "guest_seconds"))
		printf(", guest time %.3f s",
		       json_real_value(json_object_get(report,
						       "guest_seconds")));
	if (instructions)
		printf(", %lld instructions",
		       (long long)json_integer_value(instructions));
	printf("\n");
	fflush(stdout);
}
