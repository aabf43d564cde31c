/* SPDX-License-Identifier: MIT */
/*
 * How an x86 Linux kernel wants to be started: bzImage setup header, the
 * "zero page" boot_params, setup_data, e820.
 * Source: Linux Documentation/arch/x86/boot.rst and zero-page.rst, boot
 * protocol 2.15.
 */
#ifndef ARCH_LINUX_BOOT_H
#define ARCH_LINUX_BOOT_H

#include "types.h"

#define LINUX_BOOT_FLAG			0xaa55
#define LINUX_HEADER_MAGIC		0x53726448	/* "HdrS" */
#define LINUX_PROTOCOL_64BIT		0x020c		/* has xloadflags */
#define LINUX_SETUP_HEADER		0x1f1
#define LINUX_SETUP_HEADER_MAX		(0x290 - LINUX_SETUP_HEADER)
#define LINUX_ENTRY_64			0x200	/* after the load address */

#define LINUX_LOADED_HIGH		BIT(0)
#define LINUX_KEEP_SEGMENTS		BIT(6)
#define LINUX_CAN_USE_HEAP		BIT(7)
#define LINUX_XLF_KERNEL_64		BIT(0)
#define LINUX_LOADER_UNKNOWN		0xff

/* Selectors that the 64-bit entry expects. */
#define LINUX_BOOT_CS			0x10
#define LINUX_BOOT_DS			0x18

/* The setup header lies at 1f1 in the image and in boot_params. */
struct linux_setup_header {
	u8 setup_sects;			/* 1f1 */
	u16 root_flags;
	u32 syssize;			/* 1f4: units of 16 bytes */
	u16 ram_size;
	u16 vid_mode;
	u16 root_dev;
	u16 boot_flag;			/* 1fe */
	u16 jump;			/* 200 */
	u32 header;			/* 202 */
	u16 version;			/* 206 */
	u32 realmode_swtch;
	u16 start_sys_seg;
	u16 kernel_version;
	u8 type_of_loader;		/* 210 */
	u8 loadflags;			/* 211 */
	u16 setup_move_size;
	u32 code32_start;		/* 214 */
	u32 ramdisk_image;		/* 218 */
	u32 ramdisk_size;		/* 21c */
	u32 bootsect_kludge;
	u16 heap_end_ptr;
	u8 ext_loader_ver;
	u8 ext_loader_type;
	u32 cmd_line_ptr;		/* 228 */
	u32 initrd_addr_max;		/* 22c */
	u32 kernel_alignment;		/* 230 */
	u8 relocatable_kernel;		/* 234 */
	u8 min_alignment;
	u16 xloadflags;			/* 236 */
	u32 cmdline_size;		/* 238 */
	u32 hardware_subarch;
	u64 hardware_subarch_data;
	u32 payload_offset;
	u32 payload_length;
	u64 setup_data;			/* 250 */
	u64 pref_address;		/* 258 */
	u32 init_size;			/* 260 */
	u32 handover_offset;
	u32 kernel_info_offset;
} __attribute__((packed));
ASSERT_OFFSET(struct linux_setup_header, boot_flag, 0x1fe - 0x1f1);
ASSERT_OFFSET(struct linux_setup_header, header, 0x202 - 0x1f1);
ASSERT_OFFSET(struct linux_setup_header, code32_start, 0x214 - 0x1f1);
ASSERT_OFFSET(struct linux_setup_header, cmd_line_ptr, 0x228 - 0x1f1);
ASSERT_OFFSET(struct linux_setup_header, xloadflags, 0x236 - 0x1f1);
ASSERT_OFFSET(struct linux_setup_header, setup_data, 0x250 - 0x1f1);
ASSERT_OFFSET(struct linux_setup_header, init_size, 0x260 - 0x1f1);
ASSERT_SIZE(struct linux_setup_header, 0x26c - 0x1f1);

enum linux_e820_type {
	LINUX_E820_RAM = 1,
	LINUX_E820_RESERVED = 2,
	LINUX_E820_ACPI = 3,
	LINUX_E820_NVS = 4,
};

struct linux_e820_entry {
	u64 addr;
	u64 size;
	u32 type;
} __attribute__((packed));
ASSERT_SIZE(struct linux_e820_entry, 20);

#define LINUX_E820_MAX			128

/* Only what a loader without firmware fills; the rest stays zero. */
struct linux_boot_params {
	u8 screen_info[0x40];		/* 000 */
	u8 apm_bios_info[0x30];
	u64 acpi_rsdp_addr;		/* 070 */
	u8 unused_078[0x0c0 - 0x78];
	u32 ext_ramdisk_image;		/* 0c0 */
	u32 ext_ramdisk_size;		/* 0c4 */
	u32 ext_cmd_line_ptr;		/* 0c8 */
	u8 unused_0cc[0x13c - 0xcc];
	u32 cc_blob_address;		/* 13c */
	u8 unused_140[0x1e8 - 0x140];
	u8 e820_entries;		/* 1e8 */
	u8 unused_1e9[0x1f1 - 0x1e9];
	struct linux_setup_header hdr;	/* 1f1 */
	u8 unused_26c[0x2d0 - 0x26c];
	struct linux_e820_entry e820[LINUX_E820_MAX];	/* 2d0 */
	u8 unused_cd0[4096 - 0xcd0];
} __attribute__((packed));
ASSERT_OFFSET(struct linux_boot_params, acpi_rsdp_addr, 0x70);
ASSERT_OFFSET(struct linux_boot_params, ext_ramdisk_image, 0xc0);
ASSERT_OFFSET(struct linux_boot_params, cc_blob_address, 0x13c);
ASSERT_OFFSET(struct linux_boot_params, e820_entries, 0x1e8);
ASSERT_OFFSET(struct linux_boot_params, hdr, 0x1f1);
ASSERT_OFFSET(struct linux_boot_params, e820, 0x2d0);
ASSERT_SIZE(struct linux_boot_params, 4096);

#define LINUX_SETUP_CC_BLOB		7

/* A setup_data node whose payload is the address of the cc_blob. */
struct linux_cc_setup_data {
	u64 next;
	u32 type;
	u32 length;			/* of what follows */
	u32 cc_blob_address;
	u32 reserved_14;
};
ASSERT_OFFSET(struct linux_cc_setup_data, cc_blob_address, 0x10);

#endif
