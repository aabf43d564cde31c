/* SPDX-License-Identifier: MIT */
/*
 * What the hypervisor counts, each at the place where it happens. Read
 * under the machine lock.
 */
#ifndef HOST_STATS_H
#define HOST_STATS_H

#include "core/apic.h"

struct host;

/*
 * Events of VMGEXIT in an array: SVM exit codes 00h-ffh, GHCB events
 * 80000000h-8000001fh and 8000fff0h-8000ffffh, MSR protocol requests
 * 000h-0ffh and 100h (as codes 1000h + request), and one slot for any other.
 */
#define HOST_EVENTS		(0x100 + 0x20 + 0x10 + 0x101 + 1)
#define HOST_EVENT_MSR		0x1000u	/* + request */
#define HOST_EVENT_OTHER	(~0ull)

#define HOST_EXITS		(0x100 + 0x10 + 1)

struct host_vcpu_stats {
	u64 vmgexits[HOST_EVENTS];	/* host_event_slot() */
	u64 refused[HOST_EVENTS];	/* of these, answered with an error */
	u64 exits[HOST_EXITS];		/* automatic: host_exit_slot() */
	u64 vmruns;
	u64 vmpl_switches;		/* VMRUN of another VMPL than before */
	u64 idles;
	u64 kicks_sent;
	u64 kicks_elided;
	u64 doorbells;			/* AVIC doorbells rung for it */
	u64 ipis;			/* messages its ICR writes sent */
	u64 irr_merges;			/* vectors put into RequestedIRR */
	u64 spurious_eoi;		/* Secure AVIC: no level vector */
	u64 hv_events;			/* #HV injected */
	u64 doorbell_posts;		/* times a doorbell page was written */
	u64 ext_posts;			/* vectors put into a descriptor */
	u64 notifications;		/* vectors of 8000001Bh raised */
};

unsigned int host_event_slot(u64 code);
u64 host_slot_event(unsigned int slot);
unsigned int host_exit_slot(u64 code);
u64 host_slot_exit(unsigned int slot);

const struct host_vcpu_stats *host_stats(const struct host *h,
					 unsigned int vcpu);
/* Per vector of one APIC: posted, presented, refused, eoi, ... */
const struct apic_counters *host_vectors(const struct host *h,
					 unsigned int vcpu, unsigned int vmpl);

/* Named reasons that were logged, in order of appearance; NULL at the end. */
const char *host_reason_name(const struct host *h, unsigned int index,
			     u64 *count);

#endif
