/* SPDX-License-Identifier: MIT */
/*
 * What the monitor counts of one vCPU's interrupts, in memory of its own: two
 * pages of the CPU's area, written by that CPU alone. Whoever may look into
 * the monitor's memory (a debugger, an emulator's report) finds them there;
 * the monitor itself never reads them.
 */
#ifndef SVSM_COUNTERS_H
#define SVSM_COUNTERS_H

#include "arch/monitor.h"
#include "core/apic.h"

#define COUNTERS_MAGIC		0x544e554f43594c42ull	/* "BLYCOUNT" */

struct counters {
	u64 magic;
	struct apic_counters apic;
};
_Static_assert(sizeof(struct counters) <= MONITOR_COUNTERS_BYTES,
	       "a CPU's counters have two pages");

#endif
