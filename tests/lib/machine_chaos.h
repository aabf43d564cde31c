/* SPDX-License-Identifier: MIT */
/*
 * Random schedules: a hostile host and a guest that does anything, against
 * what the machine promises. Driven by a seed or by a fuzzer's bytes.
 *
 * Each vCPU has two VMPLs, so that each way of injection meets each other:
 *
 *	vCPU 0	VMPL 0 restricted	VMPL 2 alternate + ReflectVC
 *	vCPU 1	VMPL 0 restricted	VMPL 2 Secure AVIC
 *	vCPU 2	VMPL 0 host-owned	VMPL 2 Secure AVIC + ReflectVC
 *	vCPU 3	VMPL 0 Secure AVIC	VMPL 2 alternate
 *
 * The guest's software marks what it injects itself by a tag in the error
 * code, and uses few vectors, so that everything else is the host's.
 */
#ifndef TESTS_LIB_MACHINE_CHAOS_H
#define TESTS_LIB_MACHINE_CHAOS_H

#include "tests/lib/scripted.h"

#define CHAOS_TAG	0x600dull	/* error code of the guest's events */
#define CHAOS_SECRET	0x5ec2e75ec2e75ec2ull

struct chaos {
	struct script s;
	u64 rng;
	const u8 *data;		/* fuzzer's input instead of rng, or NULL */
	size_t left;
	const char *broken;	/* the first promise that was not kept */
	unsigned int tries;	/* VMRUNs since the host was called */
	/* So that a test can tell that something has happened. */
	u64 entered, refused, delivered[4], nested, faults, stolen;
};

/* Features of the VMPL that @cpu runs at @vmpl (0 or 2). */
u64 chaos_features(unsigned int cpu, unsigned int vmpl);

u32 chaos_random(struct chaos *c, u32 below);
void chaos_new(struct chaos *c, u64 seed, const u8 *data, size_t size);
void chaos_free(struct chaos *c);
/* One thing that host or guest does. False when a promise was broken. */
bool chaos_step(struct chaos *c);
/* Does every in-use mark belong to something that runs? */
bool chaos_marks_consistent(struct chaos *c);

/* machine_chaos_host.c */
struct vmcb *chaos_run(struct script *s, unsigned int cpu,
		       struct vmcb *exited);
void chaos_host_step(struct chaos *c);
/* machine_chaos_guest.c */
void chaos_guest_step(struct chaos *c, unsigned int cpu);
void chaos_monitor_step(struct chaos *c);

#define CHAOS_CHECK(c, cond)						\
	do {								\
		if (!(cond) && !(c)->broken)				\
			(c)->broken = #cond;				\
	} while (0)

#endif
