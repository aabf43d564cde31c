/* SPDX-License-Identifier: MIT */
/* Multiboot Specification version 0.6.96: what we read and what we fill. */
#ifndef IGVM_MULTIBOOT_H
#define IGVM_MULTIBOOT_H

#include "arch/types.h"

#define MULTIBOOT_SEARCH		8192	/* the header lies in here */
#define MULTIBOOT_HEADER_MAGIC		0x1badb002
#define MULTIBOOT_BOOT_MAGIC		0x2badb002	/* EAX */
#define MULTIBOOT_ALIGN_MODULES		BIT(0)
#define MULTIBOOT_WANT_MEMORY		BIT(1)
#define MULTIBOOT_REQUIRED		0xffff

struct multiboot_header {
	u32 magic;
	u32 flags;
	u32 checksum;			/* all three add up to 0 */
};
ASSERT_SIZE(struct multiboot_header, 12);

#define MULTIBOOT_INFO_MEMORY		BIT(0)
#define MULTIBOOT_INFO_CMDLINE		BIT(2)
#define MULTIBOOT_INFO_MMAP		BIT(6)

struct multiboot_info {
	u32 flags;			/* 00 */
	u32 mem_lower;			/* 04: KiB from 0 */
	u32 mem_upper;			/* 08: KiB from 1 MiB */
	u32 boot_device;
	u32 cmdline;			/* 10 */
	u32 mods_count;
	u32 mods_addr;
	u32 syms[4];
	u32 mmap_length;		/* 2c */
	u32 mmap_addr;			/* 30 */
	u32 unused_34[9];
};
ASSERT_OFFSET(struct multiboot_info, cmdline, 0x10);
ASSERT_OFFSET(struct multiboot_info, mmap_length, 0x2c);
ASSERT_SIZE(struct multiboot_info, 0x58);

#define MULTIBOOT_RAM			1
#define MULTIBOOT_RESERVED		2

struct multiboot_mmap {
	u32 size;			/* of what follows: 20 */
	u64 addr;
	u64 length;
	u32 type;
} __attribute__((packed));
ASSERT_SIZE(struct multiboot_mmap, 24);

#endif
