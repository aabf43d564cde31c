// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "tests/lib/rows.h"

static struct CMUnitTest *tests;
static size_t count, room;

void rows_add(const char *name, CMUnitTestFunction test, const void *row)
{
	if (count == room) {
		room = room ? 2 * room : 64;
		tests = realloc(tests, room * sizeof(*tests));
		if (!tests)
			abort();
	}
	tests[count++] = (struct CMUnitTest) {
		.name = name,
		.test_func = test,
		.initial_state = (void *)row,
	};
}

void rows_add_table(CMUnitTestFunction test, const void *table,
		    size_t rows, size_t size)
{
	const char *row = table;

	for (size_t i = 0; i < rows; i++, row += size)
		rows_add(*(const char *const *)row, test, row);
}

int rows_run(const char *group)
{
	int failed = _cmocka_run_group_tests(group, tests, count, NULL, NULL);

	free(tests);
	tests = NULL;
	count = 0;
	room = 0;
	return failed != 0;
}
