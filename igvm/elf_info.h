/* SPDX-License-Identifier: MIT */
/*
 * What an ELF guest finds in RDI at its entry: the GPA of this structure.
 * Freestanding; addresses are GPAs (identity mapped), sizes bytes, 0: absent.
 */
#ifndef IGVM_ELF_INFO_H
#define IGVM_ELF_INFO_H

#include "arch/types.h"

#define ELF_INFO_MAGIC			0x59464c42	/* "BLFY" */
#define ELF_INFO_VERSION		1

struct elf_info {
	u32 magic;			/* 00 */
	u32 version;			/* 04 */
	u64 memory;			/* 08: all of it */
	u64 below_4g;			/* 10: RAM ends here below 4 GiB */
	u64 above_4g;			/* 18: bytes from 4 GiB on */
	u32 cpus;			/* 20 */
	u32 c_bit;			/* 24: position; 0: none */
	u64 apic_ids;			/* 28: u32[cpus] */
	u64 secrets;			/* 30 */
	u64 cpuid;			/* 38 */
	u64 command_line;		/* 40: ends with a zero byte */
	u64 rsdp;			/* 48 */
	u64 boot_start;			/* 50: boot area: GDT, tables */
	u64 boot_end;			/* 58 */
	u64 image_start;		/* 60 */
	u64 image_end;			/* 68 */
};
ASSERT_OFFSET(struct elf_info, apic_ids, 0x28);
ASSERT_OFFSET(struct elf_info, command_line, 0x40);
ASSERT_OFFSET(struct elf_info, image_end, 0x68);
ASSERT_SIZE(struct elf_info, 0x70);

#endif
