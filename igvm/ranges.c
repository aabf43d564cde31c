// SPDX-License-Identifier: MIT
#include <string.h>

#include "igvm/ranges.h"

void boot_ram(u64 memory, struct boot_ranges *ram)
{
	u64 low = memory < BOOT_BELOW_4G_MAX ? memory : BOOT_BELOW_4G_MAX;

	ram->count = 2;
	ram->range[0] = (struct boot_range){ 0, BOOT_LOW_RAM_END };
	ram->range[1] = (struct boot_range){ BOOT_HIGH_RAM, low };
	if (memory > low) {
		ram->range[2].start = BOOT_4G;
		ram->range[2].end = BOOT_4G + memory - low;
		ram->count = 3;
	}
}

static bool insert(struct boot_ranges *set, u32 at, struct boot_range r)
{
	if (set->count == BOOT_RANGES_MAX)
		return false;
	memmove(&set->range[at + 1], &set->range[at],
		(set->count - at) * sizeof(r));
	set->range[at] = r;
	set->count++;
	return true;
}

static void drop(struct boot_ranges *set, u32 at)
{
	set->count--;
	memmove(&set->range[at], &set->range[at + 1],
		(set->count - at) * sizeof(set->range[0]));
}

bool boot_ranges_subtract(struct boot_ranges *set, u64 start, u64 end)
{
	if (start >= end)
		return true;
	for (u32 i = 0; i < set->count; i++) {
		struct boot_range *r = &set->range[i];
		struct boot_range rest = { end, r->end };

		if (end <= r->start || start >= r->end)
			continue;
		if (start > r->start && end < r->end) {
			r->end = start;
			return insert(set, i + 1, rest);
		}
		if (start > r->start)
			r->end = start;
		else if (end < r->end)
			r->start = end;
		else
			drop(set, i--);
	}
	return true;
}

bool boot_ranges_contain(const struct boot_ranges *set, u64 start, u64 end)
{
	for (u32 i = 0; i < set->count; i++)
		if (start >= set->range[i].start && end <= set->range[i].end)
			return true;
	return false;
}

/* Cut a range to [from, to); false if less than @size bytes are left. */
static bool clip(struct boot_range *r, u64 size, u64 from, u64 to)
{
	if (r->start < from)
		r->start = from;
	if (r->end > to)
		r->end = to;
	return r->end > r->start && r->end - r->start >= size;
}

u64 boot_ranges_lowest(const struct boot_ranges *set, u64 size, u64 align,
		       u64 from, u64 to)
{
	for (u32 i = 0; i < set->count; i++) {
		struct boot_range r = set->range[i];
		u64 at;

		if (!clip(&r, size, from, to))
			continue;
		at = (r.start + align - 1) & ~(align - 1);
		if (at <= r.end - size)
			return at;
	}
	return 0;
}

u64 boot_ranges_highest(const struct boot_ranges *set, u64 size, u64 align,
			u64 from, u64 to)
{
	for (u32 i = set->count; i-- > 0;) {
		struct boot_range r = set->range[i];
		u64 at;

		if (!clip(&r, size, from, to))
			continue;
		at = (r.end - size) & ~(align - 1);
		if (at >= r.start)
			return at;
	}
	return 0;
}
