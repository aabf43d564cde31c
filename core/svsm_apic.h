/* SPDX-License-Identifier: MIT */
/*
 * SVSM APIC protocol (58019, protocol 3, version 1): a guest that knows of
 * its monitor reads and writes its emulated APIC by calls. Decode may refuse,
 * by the exact result code; apply cannot fail.
 *
 * Everything here is the guest's own doing and concerns the guest alone; no
 * input comes from the host.
 */
#ifndef CORE_SVSM_APIC_H
#define CORE_SVSM_APIC_H

#include "arch/svsm.h"
#include "core/apic.h"

#define SVSM_ERR_APIC_CANNOT_REGISTER	SVSM_ERR_PROTOCOL

/*
 * Who uses Alternate Injection: one word for the whole guest, as each runtime
 * of a chain (firmware, loader, kernel) registers and deregisters.
 *
 *    launch, AI asked for                REGISTER
 *          |                            (below max)
 *          v          REGISTER            .---.
 *     ENABLED (1) ----------------> LOCKED (2..max)
 *      ^   |                            |   |
 *      |   |  DEREGISTER, from 2        |   '-- DEREGISTER, from 3 on --.
 *      '---|----------------------------'              (stays LOCKED) <-'
 *          | DEREGISTER
 *          v
 *     DISABLED (0): absorbing; REGISTER is refused, DEREGISTER is benign.
 *
 * Only the guest's CPL 0 moves it, from any vCPU, linearised by CAS. Each vCPU
 * leaves Alternate Injection by itself: the one whose DEREGISTER came to 0 at
 * once, the others at their next CONFIGURE (QUERY).
 */
#define SVSM_APIC_DISABLED	0u
#define SVSM_APIC_ENABLED	1u
#define SVSM_APIC_MAX		(~0u)

struct svsm_apic {
	struct apic *apic;	/* x2APIC, software-enabled, filtering */
	u32 *users;		/* the word above, shared by all vCPUs */
	bool on;		/* this vCPU still uses the protocol */
};

/* Registers of the call that go out; the rest of the VMSA stays as it is. */
struct svsm_apic_reply {
	u64 rcx, rdx;
	struct apic_effects fx;	/* IPI to route, level EOI for the host */
	bool disable;		/* hand this vCPU's APIC over to the host */
};

/* An APIC as this protocol knows it; false as apic_init(). */
bool svsm_apic_init(struct svsm_apic *s, struct apic *apic, u32 id,
		    u32 *users, struct apic_counters *count);
/*
 * One call, RAX[31:0], of the vCPU that s belongs to, settled. Returns the
 * result for RAX; anything but SVSM_SUCCESS changed nothing.
 */
u64 svsm_apic_call(struct svsm_apic *s, u32 call, u64 rcx, u64 rdx,
		   struct svsm_apic_reply *reply);
/* Core protocol, QUERY_PROTOCOL: RCX out; version is RCX[31:0] in. */
u64 svsm_apic_query(const struct svsm_apic *s, u32 version);

#endif
