// SPDX-License-Identifier: MIT
/*
 * Any bytes as a guest: GHCB pages, GHCB MSR values, AP creation, HLT, device
 * interrupts, time, against the real host on the real machine.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/host_chaos.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct chaos_result result;

	host_chaos(data, size, &result);
	if (result.violation) {
		fprintf(stderr, "violation: %s\n", result.violation);
		abort();
	}
	return 0;
}
