/* SPDX-License-Identifier: MIT */
/*
 * A runtime before the kernel, in some fifty bytes: it does with Alternate
 * Injection what firmware would have done, by one call of the APIC protocol
 * (58019), and jumps on. Shared by C and assembly.
 */
#ifndef IGVM_HANDOVER_H
#define IGVM_HANDOVER_H

/* struct handover_info; RBP holds its address at the entry. */
#define HANDOVER_ENTRY			0x00
#define HANDOVER_AREA			0x08
#define HANDOVER_REQUEST		0x10

/* It terminated the guest, in the shim's reason set: the call failed. */
#define HANDOVER_FAILED			3

#ifndef __ASSEMBLER__
#include "arch/types.h"

struct handover_info {
	u64 entry;			/* where to go afterwards */
	u64 area;			/* the calling area */
	u64 request;			/* RCX of CONFIGURE */
};
ASSERT_OFFSET(struct handover_info, area, HANDOVER_AREA);
ASSERT_OFFSET(struct handover_info, request, HANDOVER_REQUEST);

/* Position independent; at most a page. */
extern const u8 igvm_handover_start[], igvm_handover_end[];
#endif

#endif
