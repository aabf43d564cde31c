/* SPDX-License-Identifier: MIT */
/*
 * The first code of a directly booted guest: validate the RAM that the file
 * does not hold, then jump on. Shared by C and assembly.
 */
#ifndef IGVM_SHIM_H
#define IGVM_SHIM_H

/* struct shim_info; RBP holds its address at the entry. */
#define SHIM_ENTRY			0x00
#define SHIM_COUNT			0x08
#define SHIM_RANGES			0x10
#define SHIM_MAX_RANGES			255

/*
 * Why it terminated the guest: GHCB MSR request 0x100, reason set 0xb with
 * one of these codes (GHCB 56421, section 2.3.1).
 */
#define SHIM_REASON_SET			0xb
#define SHIM_ALREADY_VALIDATED		1	/* CF: somebody else did it */
#define SHIM_PVALIDATE_FAILED		2	/* any other result in EAX */

#ifndef __ASSEMBLER__
#include "arch/types.h"

struct shim_info {
	u64 entry;			/* where to go afterwards */
	u64 count;
	struct {
		u64 start;
		u64 end;
	} range[SHIM_MAX_RANGES];
};
ASSERT_OFFSET(struct shim_info, count, SHIM_COUNT);
ASSERT_OFFSET(struct shim_info, range, SHIM_RANGES);
ASSERT_SIZE(struct shim_info, 4096);

/* Position independent; at most a page. */
extern const u8 igvm_shim_start[], igvm_shim_end[];
#endif

#endif
