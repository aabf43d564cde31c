/* SPDX-License-Identifier: MIT */
/* Sets of page ranges, in rising order, and the RAM of the machine. */
#ifndef IGVM_RANGES_H
#define IGVM_RANGES_H

#include "igvm/compose.h"

/* RAM as QEMU's "pc" machine with max-ram-below-4g=3G lays it out. */
void boot_ram(u64 memory, struct boot_ranges *ram);

/* Take a range out. False: more than BOOT_RANGES_MAX would be left. */
bool boot_ranges_subtract(struct boot_ranges *set, u64 start, u64 end);
/* Whether one range of the set holds all of [start, end). */
bool boot_ranges_contain(const struct boot_ranges *set, u64 start, u64 end);

/*
 * Room for @size bytes in [from, to) at a multiple of @align (a power of 2):
 * the lowest, or the highest. 0: there is none (nobody asks for page 0).
 */
u64 boot_ranges_lowest(const struct boot_ranges *set, u64 size, u64 align,
		       u64 from, u64 to);
u64 boot_ranges_highest(const struct boot_ranges *set, u64 size, u64 align,
			u64 from, u64 to);

#endif
