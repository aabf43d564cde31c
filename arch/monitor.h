/* SPDX-License-Identifier: MIT */
/*
 * What the file that launches a monitor tells it: one measured page, whose
 * address is in RDI at the entry. A format of this project's own.
 *
 * The monitor owns the GPAs [base, base + size), base at a multiple of 2 MiB,
 * and sees them from MONITOR_BASE on. It is entered in 64-bit mode with page
 * tables that lie in its own range and map its image as the ELF file says
 * (never writable and executable), the pages named below, and nothing else.
 *
 * Nothing here comes from a host: the file is measured.
 */
#ifndef ARCH_MONITOR_H
#define ARCH_MONITOR_H

#include "types.h"

#define MONITOR_BASE			0xffffffff80000000ull

#define MONITOR_MAGIC			0x4d59464c42ull	/* "BLFYM" */
#define MONITOR_VERSION			1
#define MONITOR_CPUS_MAX		256
#define MONITOR_RANGES_MAX		64
#define MONITOR_CPU_BYTES		0x10000ull	/* memory of one CPU */
/* In it: what it counts, for whoever may look into its memory. */
#define MONITOR_COUNTERS		0xe000ull
#define MONITOR_COUNTERS_BYTES		0x2000ull

struct monitor_range {
	u64 start;			/* GPA, page aligned */
	u64 end;			/* behind the last byte */
};

struct monitor_info {
	u64 magic;			/* 000 */
	u32 version;			/* 008 */
	u32 guest_vmpl;			/* 00c: 1 to 3 */
	u64 base;			/* 010: of the monitor's range */
	u64 size;			/* 018 */
	u32 c_bit;			/* 020 */
	u32 cpus;			/* 024: entries of apic_id[] */
	u64 tables;			/* 028: PML4 */
	u64 cpuid;			/* 030: the monitor's own two pages */
	u64 secrets;			/* 038 */
	u64 guest_vmsa;			/* 040: registers of the first vCPU */
	u64 cpu_area;			/* 048: cpus * MONITOR_CPU_BYTES */
	u64 guest_cpuid;		/* 050: guest memory to fill ... */
	u64 guest_secrets;		/* 058: ... 0: the guest gets none */
	u64 guest_ca;			/* 060: calling area's page */
	u32 guest_ranges;		/* 068 */
	u32 unvalidated_ranges;		/* 06c */
	/* 070: all memory of the guest; sorted, apart from each other. */
	struct monitor_range guest[MONITOR_RANGES_MAX];
	/* 470: of it, what the file does not hold. */
	struct monitor_range unvalidated[MONITOR_RANGES_MAX];
	u32 apic_id[MONITOR_CPUS_MAX];	/* 870: the first one boots */
	u32 flags;			/* c70 */
	u8 reserved_c74[4096 - 0xc74];
};
ASSERT_OFFSET(struct monitor_info, tables, 0x28);
ASSERT_OFFSET(struct monitor_info, guest_ca, 0x60);
ASSERT_OFFSET(struct monitor_info, guest, 0x70);
ASSERT_OFFSET(struct monitor_info, unvalidated, 0x470);
ASSERT_OFFSET(struct monitor_info, apic_id, 0x870);
ASSERT_OFFSET(struct monitor_info, flags, 0xc70);
ASSERT_SIZE(struct monitor_info, 4096);

/* The guest knows neither SEV nor the monitor: ReflectVC, vTOM. */
#define MONITOR_UNAWARE			BIT(0)
/* It gets no x2APIC, only the page at FEE00000h. */
#define MONITOR_XAPIC			BIT(1)
/* Its APIC shall be accelerated by Secure AVIC, if that can be. */
#define MONITOR_SECURE_AVIC		BIT(2)
/* With that: its timer's vector is the monitor's alone to post. */
#define MONITOR_OWN_TIMER		BIT(3)
#define MONITOR_FLAGS							\
	(MONITOR_UNAWARE | MONITOR_XAPIC | MONITOR_SECURE_AVIC |	\
	 MONITOR_OWN_TIMER)

/*
 * Why a monitor ends the guest: GHCB termination, reason set MONITOR_REASONS.
 * The same words are on the console.
 */
#define MONITOR_REASONS			0xc

enum monitor_reason {
	MONITOR_STOP_INFO = 1,		/* its information page is wrong */
	MONITOR_STOP_CPUID = 2,		/* its CPUID page is wrong */
	MONITOR_STOP_PROTOCOL = 3,	/* the host speaks another GHCB */
	MONITOR_STOP_FEATURES = 4,	/* the host lacks a feature */
	MONITOR_STOP_GHCB = 5,		/* a GHCB request was refused */
	MONITOR_STOP_ANSWER = 6,	/* the host's answer makes no sense */
	MONITOR_STOP_PAGE_STATE = 7,	/* page state change refused */
	MONITOR_STOP_PVALIDATE = 8,
	MONITOR_STOP_RMPADJUST = 9,
	MONITOR_STOP_EXCEPTION = 10,
	MONITOR_STOP_VC = 11,		/* #VC in the monitor */
	MONITOR_STOP_DOUBLE_FAULT = 12,
	MONITOR_STOP_MC = 13,		/* machine check on the doorbell */
	MONITOR_STOP_GUEST_VMSA = 14,	/* the first vCPU's registers */
	MONITOR_STOP_INTERNAL = 15,
	MONITOR_STOP_GUEST = 16,	/* its guest cannot go on */
};

#endif
