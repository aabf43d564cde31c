/* SPDX-License-Identifier: MIT */
/*
 * A guest that does anything: bytes decide what each vCPU asks, when it
 * halts, and what devices and time do. After every step the host must be in
 * a state that makes sense, whoever guided the bytes.
 */
#ifndef TESTS_LIB_HOST_CHAOS_H
#define TESTS_LIB_HOST_CHAOS_H

#include <stddef.h>

#include "arch/types.h"

struct chaos_result {
	const char *violation;	/* NULL: none */
	unsigned int steps;
	unsigned int served, refused, interrupts;
	bool stopped;
};

void host_chaos(const u8 *data, size_t size, struct chaos_result *result);

#endif
