/* SPDX-License-Identifier: MIT */
/*
 * The counters of one run as JSON. Every number is read where it was
 * counted: machine/stats.h for what the silicon did, host/stats.h for what
 * the hypervisor was asked. Equal runs give equal bytes: keys are sorted,
 * lists are in vCPU order, nothing comes from the wall clock.
 *
 * `belfry run` adds what only it knows (mode, wall time, the load's verdict)
 * and renames the file to where the user asked for it.
 */
#ifndef ENGINE_REPORT_H
#define ENGINE_REPORT_H

#include "arch/types.h"

struct apic_counters;
struct host;
struct machine;

struct report_run {
	const struct machine *machine;	/* NULL: no SNP, no counters */
	const struct host *host;	/* NULL: likewise */
	unsigned int vcpus;
	unsigned int guest_vmpl;	/* whose vectors are counted */
	/* What a monitor counted of a vCPU, or NULL; may be NULL itself. */
	const struct apic_counters *(*monitor)(void *session,
					       unsigned int vcpu);
	void *session;			/* for monitor() */
	const char *result;		/* "powered-off", ...; NULL: unknown */
	const char *reason;		/* one sentence; NULL: none */
	u64 guest_ns;			/* virtual time of the run */
	bool has_instructions;		/* under icount only */
	u64 instructions;
};

/*
 * Write @path, whole or not at all. Under the machine lock, when no vCPU
 * runs any more. Returns 0 or an errno.
 */
int report_write(const char *path, const struct report_run *run);

/* The same as text, to be freed; NULL when out of memory. */
char *report_text(const struct report_run *run);

#endif
