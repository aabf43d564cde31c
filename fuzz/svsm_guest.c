// SPDX-License-Identifier: MIT
/*
 * Any bytes as what an aware guest asks of the monitor and a host writes for
 * it. Same judge as tests/svsm_random.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/svsm_world.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void world_broken(const char *what)
{
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	bytes = NULL;
	world_begin();
	bytes = data;
	bytes_left = size;
	/* byte 0: does Alternate Injection end in this one? */
	seed = size ? data[0] : 0;
	for (step = 0; step < WORLD && bytes_left; step++)
		world_step();
	world_judge();
	return 0;
}
