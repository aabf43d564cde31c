/* SPDX-License-Identifier: MIT */
/*
 * The few things that serving a guest's request does to its memory, by GPA.
 * Callers have checked that the range is the guest's (gpa.h); that it is
 * there, private and validated nobody can promise, hence the results.
 * access.c implements them; native tests have their own.
 */
#ifndef SVSM_RMP_H
#define SVSM_RMP_H

#include "arch/types.h"

/* In place of EAX: the instruction faulted. Nobody else's code. */
#define RMP_FAULT	0x100

/* False: could not be reached; a part may have been done. */
bool guest_read(u64 gpa, void *to, u64 bytes);
bool guest_write(u64 gpa, const void *from, u64 bytes);
bool guest_zero(u64 gpa, u64 bytes);
/* Put 0 in its place; *@old is what was there. */
bool guest_take(u64 gpa, u8 *old);

/* EAX of the instruction (enum in arch/snp.h), or RMP_FAULT. */
u32 rmp_validate(u64 gpa, bool large, bool validate, bool *unchanged);
u32 rmp_adjust(u64 gpa, bool large, u64 attributes);

#endif
