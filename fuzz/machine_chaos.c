// SPDX-License-Identifier: MIT
/*
 * Any bytes as a schedule: what host, guest and monitor do next, with what
 * VMCB contents, to which page. Same judge as tests/machine_random.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/machine_chaos.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct chaos c;

	chaos_new(&c, 1, data, size);
	while (c.left && chaos_step(&c))
		;
	CHAOS_CHECK(&c, chaos_marks_consistent(&c));
	if (c.broken) {
		fprintf(stderr, "broken: %s\n", c.broken);
		abort();
	}
	chaos_free(&c);
	return 0;
}
