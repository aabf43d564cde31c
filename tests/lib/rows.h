/* SPDX-License-Identifier: MIT */
/*
 * Table-driven tests: each row of a table is a test of its own, so that a
 * failure is reported under the row's name.
 *
 *	static const struct tpr_row { const char *name; ... } tpr[] = ...;
 *	static void run_tpr(void **state) { const struct tpr_row *r = *state; }
 *
 *	int main(void)
 *	{
 *		ROWS(tpr, run_tpr);
 *		ROW("by hand", some_test);
 *		return rows_run("group");
 *	}
 *
 * The first member of a row is its name.
 */
#ifndef TESTS_LIB_ROWS_H
#define TESTS_LIB_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

void rows_add(const char *name, CMUnitTestFunction test, const void *row);
void rows_add_table(CMUnitTestFunction test, const void *table,
		    size_t rows, size_t size);
int rows_run(const char *group);

#define ROW(name, test)		rows_add(name, test, NULL)
#define ROWS(table, test)						\
	rows_add_table(test, table, sizeof(table) / sizeof((table)[0]),	\
		       sizeof((table)[0]))

#endif
