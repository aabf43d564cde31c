/* SPDX-License-Identifier: MIT */
/*
 * IGVM: the file that holds a guest's launch state (measured pages, initial
 * VMSAs, and where the host is to put what it alone knows).
 * Source: the IGVM file format, igvm_defs/src/lib.rs of its reference crate.
 * All values are little endian; variable headers start at multiples of 8.
 */
#ifndef ARCH_IGVM_H
#define ARCH_IGVM_H

#include "types.h"

#define IGVM_MAGIC			0x4d564749	/* "IGVM" */
#define IGVM_VERSION_1			1
#define IGVM_VERSION_2			2
#define IGVM_ARCH_X64			0
#define IGVM_ARCH_AARCH64		1

/*
 * The checksum is CRC-32 (IEEE 802.3, reflected) over the fixed header with
 * this field zero and then all variable headers. File data is not covered.
 */
struct igvm_fixed_header {
	u32 magic;			/* 00 */
	u32 version;			/* 04 */
	u32 header_offset;		/* 08: of the variable headers */
	u32 header_size;		/* 0c */
	u32 file_size;			/* 10 */
	u32 checksum;			/* 14 */
};
ASSERT_OFFSET(struct igvm_fixed_header, header_offset, 0x08);
ASSERT_OFFSET(struct igvm_fixed_header, checksum, 0x14);
ASSERT_SIZE(struct igvm_fixed_header, 24);

struct igvm_fixed_header_v2 {
	struct igvm_fixed_header v1;
	u32 architecture;		/* 18 */
	u32 page_size;			/* 1c */
};
ASSERT_OFFSET(struct igvm_fixed_header_v2, architecture, 0x18);
ASSERT_SIZE(struct igvm_fixed_header_v2, 32);

/* The length is the payload's, without padding and without these 8 bytes. */
struct igvm_var_header {
	u32 type;
	u32 length;
};
ASSERT_SIZE(struct igvm_var_header, 8);

/* A loader that does not know such a type may skip it. */
#define IGVM_TYPE_OPTIONAL		BIT(31)

/* Sections follow each other in this order and never interleave. */
#define IGVM_TYPE_PLATFORM_FIRST	0x001
#define IGVM_TYPE_PLATFORM_LAST		0x100
#define IGVM_TYPE_INIT_FIRST		0x101
#define IGVM_TYPE_INIT_LAST		0x200
#define IGVM_TYPE_DIRECTIVE_FIRST	0x301
#define IGVM_TYPE_DIRECTIVE_LAST	0x400

enum igvm_type {
	IGVM_SUPPORTED_PLATFORM = 0x001,
	IGVM_GUEST_POLICY = 0x101,
	IGVM_RELOCATABLE_REGION = 0x102,
	IGVM_PAGE_TABLE_RELOCATION = 0x103,
	IGVM_CORIM_DOCUMENT = 0x104,
	IGVM_CORIM_SIGNATURE = 0x105,
	IGVM_PARAMETER_AREA = 0x301,
	IGVM_PAGE_DATA = 0x302,
	IGVM_PARAMETER_INSERT = 0x303,
	IGVM_VP_CONTEXT = 0x304,
	IGVM_REQUIRED_MEMORY = 0x305,
	IGVM_RESERVED_306 = 0x306,
	IGVM_VP_COUNT = 0x307,
	IGVM_SRAT = 0x308,
	IGVM_MADT = 0x309,
	IGVM_MMIO_RANGES = 0x30a,
	IGVM_SNP_ID_BLOCK = 0x30b,
	IGVM_MEMORY_MAP = 0x30c,
	IGVM_ERROR_RANGE = 0x30d,
	IGVM_COMMAND_LINE = 0x30e,
	IGVM_SLIT = 0x30f,
	IGVM_PPTT = 0x310,
	IGVM_VBS_MEASUREMENT = 0x311,
	IGVM_DEVICE_TREE = 0x312,
	IGVM_ENVIRONMENT_INFO = 0x313,
};

enum igvm_platform_type {
	IGVM_PLATFORM_NATIVE = 0,
	IGVM_PLATFORM_VSM = 1,
	IGVM_PLATFORM_SNP = 2,
	IGVM_PLATFORM_TDX = 3,
	IGVM_PLATFORM_SEV = 4,
	IGVM_PLATFORM_SEV_ES = 5,
	IGVM_PLATFORM_CCA = 6,
};

struct igvm_supported_platform {
	u32 mask;			/* exactly one bit */
	u8 highest_vtl;
	u8 platform_type;
	u16 platform_version;
	u64 shared_gpa_boundary;	/* 0: none */
};
ASSERT_OFFSET(struct igvm_supported_platform, platform_type, 0x5);
ASSERT_OFFSET(struct igvm_supported_platform, shared_gpa_boundary, 0x8);
ASSERT_SIZE(struct igvm_supported_platform, 16);

/* SNP guest policy, SEV-SNP firmware ABI (56860) section 4.3. */
#define SNP_POLICY_SMT			BIT_ULL(16)
#define SNP_POLICY_RESERVED_ONE		BIT_ULL(17)
#define SNP_POLICY_MIGRATE		BIT_ULL(18)
#define SNP_POLICY_DEBUG		BIT_ULL(19)
#define SNP_POLICY_SINGLE_SOCKET	BIT_ULL(20)

struct igvm_guest_policy {
	u64 policy;
	u32 mask;
	u32 reserved;
};
ASSERT_SIZE(struct igvm_guest_policy, 16);

struct igvm_relocatable_region {
	u32 mask;
	u16 vp_index;
	u8 vtl;
	u8 flags;
	u64 alignment;
	u64 gpa;
	u64 size;
	u64 minimum_gpa;
	u64 maximum_gpa;
};
ASSERT_SIZE(struct igvm_relocatable_region, 48);

struct igvm_page_table_relocation {
	u32 mask;
	u16 vp_index;
	u8 vtl;
	u8 reserved;
	u64 gpa;
	u64 size;
	u64 used_size;
};
ASSERT_SIZE(struct igvm_page_table_relocation, 32);

struct igvm_corim {
	u32 mask;
	u32 file_offset;
	u32 bytes;
	u32 reserved;
};
ASSERT_SIZE(struct igvm_corim, 16);

struct igvm_parameter_area {
	u64 bytes;			/* multiple of the page size */
	u32 index;
	u32 file_offset;		/* initial content; 0: zeroes */
};
ASSERT_SIZE(struct igvm_parameter_area, 16);

#define IGVM_PAGE_2MB			BIT(0)
#define IGVM_PAGE_UNMEASURED		BIT(1)
#define IGVM_PAGE_SHARED		BIT(2)
#define IGVM_PAGE_FLAGS			0x7

enum igvm_page_type {
	IGVM_PAGE_NORMAL = 0,
	IGVM_PAGE_SECRETS = 1,
	IGVM_PAGE_CPUID_DATA = 2,
	IGVM_PAGE_CPUID_XF = 3,
};

struct igvm_page_data {
	u64 gpa;
	u32 mask;
	u32 file_offset;		/* in the file; 0: zero page */
	u32 flags;
	u16 type;
	u16 reserved;
};
ASSERT_OFFSET(struct igvm_page_data, flags, 0x10);
ASSERT_OFFSET(struct igvm_page_data, type, 0x14);
ASSERT_SIZE(struct igvm_page_data, 24);

struct igvm_parameter_insert {
	u64 gpa;
	u32 mask;
	u32 index;
};
ASSERT_SIZE(struct igvm_parameter_insert, 16);

/* Twenty bytes: the only header that is no multiple of 8. */
struct igvm_vp_context {
	u64 gpa;
	u32 mask;
	u32 file_offset;
	u16 vp_index;
	u16 reserved;
} __attribute__((packed));
ASSERT_OFFSET(struct igvm_vp_context, vp_index, 0x10);
ASSERT_SIZE(struct igvm_vp_context, 20);

/* Where QEMU and KVM put the VMSA of the boot vCPU: outside of any RAM. */
#define IGVM_KVM_VMSA_GPA		0xfffffffff000ull

#define IGVM_REQUIRED_VTL2		BIT(0)

struct igvm_required_memory {
	u64 gpa;
	u32 mask;
	u32 bytes;
	u32 flags;
	u32 reserved;
};
ASSERT_OFFSET(struct igvm_required_memory, flags, 0x10);
ASSERT_SIZE(struct igvm_required_memory, 24);

/* Types 307-30a, 30c, 30e-310, 312, 313: where the host puts a value. */
struct igvm_parameter {
	u32 index;
	u32 byte_offset;
};
ASSERT_SIZE(struct igvm_parameter, 8);

#define IGVM_ID_BLOCK_SIZE		696
#define IGVM_VBS_MEASUREMENT_SIZE	864

struct igvm_error_range {
	u64 gpa;
	u32 mask;
	u32 bytes;
};
ASSERT_SIZE(struct igvm_error_range, 16);

/* What the host writes for MEMORY_MAP: sorted, ended by page_count 0. */
enum igvm_memory_type {
	IGVM_MEMORY_RAM = 0,
	IGVM_MEMORY_RESERVED = 1,
	IGVM_MEMORY_PERSISTENT = 2,
	IGVM_MEMORY_VTL2 = 3,
	IGVM_MEMORY_SPECIAL = 4,
	IGVM_MEMORY_HIDDEN = 5,
};

struct igvm_memory_map_entry {
	u64 start_page;
	u64 page_count;
	u16 type;
	u16 flags;
	u32 reserved;
};
ASSERT_SIZE(struct igvm_memory_map_entry, 24);

/* ENVIRONMENT_INFO: RAM the file does not mention starts as shared. */
#define IGVM_ENV_MEMORY_SHARED		BIT(0)

/*
 * VP_CONTEXT content for the native platform, version 2 files only. What is
 * not named here has its reset value. Attributes are descriptor bits 47:40
 * in [7:0] and 55:52 in [15:12].
 */
struct igvm_native_context {
	u64 rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;	/* 00 */
	u64 r8_15[8];					/* 40 */
	u64 rip;					/* 80 */
	u64 rflags;					/* 88 */
	u64 idtr_base;					/* 90 */
	u16 idtr_size;					/* 98 */
	u16 reserved[2];				/* 9a */
	u16 gdtr_size;					/* 9e */
	u64 gdtr_base;					/* a0 */
	u16 code_selector;				/* a8 */
	u16 code_attributes;				/* aa */
	u32 code_base;					/* ac */
	u32 code_limit;					/* b0 */
	u16 data_selector;				/* b4 */
	u16 data_attributes;				/* b6 */
	u32 data_base;					/* b8 */
	u32 data_limit;					/* bc */
	u64 gs_base;					/* c0 */
	u64 cr0, cr3, cr4, efer;			/* c8 */
};
ASSERT_OFFSET(struct igvm_native_context, rip, 0x80);
ASSERT_OFFSET(struct igvm_native_context, gdtr_size, 0x9e);
ASSERT_OFFSET(struct igvm_native_context, code_selector, 0xa8);
ASSERT_OFFSET(struct igvm_native_context, gs_base, 0xc0);
ASSERT_OFFSET(struct igvm_native_context, efer, 0xe0);
ASSERT_SIZE(struct igvm_native_context, 232);

#endif
