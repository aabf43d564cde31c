/* SPDX-License-Identifier: MIT */
/*
 * Calls of the guest. Registers are copied from its VMSA once, decoded,
 * served, and written back; nobody below reads the VMSA again.
 */
#ifndef SVSM_PROTOCOL_H
#define SVSM_PROTOCOL_H

#include "arch/svsm.h"
#include "arch/types.h"

struct svsm_call {
	u64 rax, rcx, rdx, r8, r9;	/* in: arguments; out: results */
	u64 features;			/* SEV_FEATURES of the caller */
	u32 cpu;			/* index of the caller, lock held */
	bool leave;			/* out: Alternate Injection is over */
};

/* Serve one call; call->rax becomes its result code. */
void protocol_serve(struct svsm_call *call);

/* One protocol: @serve gets the call's number, returns the result code. */
struct protocol {
	u32 number;
	u32 min, max;			/* versions */
	u64 (*serve)(struct svsm_call *call, u32 number);
};

u64 core_serve(struct svsm_call *call, u32 number);
/* RCX of QUERY_PROTOCOL, by vCPU @cpu, out of RCX in. */
u64 protocol_versions(u32 cpu, u64 rcx);

/* ---- CORE_PVALIDATE, decoded -------------------------------------------- */

struct pvalidate_entry {
	u64 gpa;
	u64 bytes;			/* PAGE_SIZE or PAGE_2M */
	bool validate;
	bool ignore_unchanged;
};

/* Result code; @to is only set with SVSM_SUCCESS. Pure. */
u64 pvalidate_decode(u64 entry, struct pvalidate_entry *to);
/* Is a list at @gpa with this header acceptable? Result code. Pure. */
u64 pvalidate_header(u64 gpa, const struct svsm_pvalidate *header);

#endif
