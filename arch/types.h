/* SPDX-License-Identifier: MIT */
/*
 * Integer types and the few helpers that every ABI header needs.
 *
 * Freestanding: stdint and stdbool come with the compiler, not with a libc,
 * so that arch/ and core/ build for a bare-metal monitor as well.
 */
#ifndef ARCH_TYPES_H
#define ARCH_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#define BIT(n)		(1u << (n))
#define BIT_ULL(n)	(1ull << (n))

#define PAGE_SIZE	4096ull
#define PAGE_MASK	(~(PAGE_SIZE - 1))
#define PAGE_2M		0x200000ull

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Every ABI structure states where the specification puts its fields. */
#define ASSERT_OFFSET(type, field, off)					\
	_Static_assert(offsetof(type, field) == (off),			\
		       #type "." #field " is not at " #off)
#define ASSERT_SIZE(type, size)						\
	_Static_assert(sizeof(type) == (size), #type " is not " #size " bytes")

#endif
