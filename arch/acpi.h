/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables of a small PC. Source: ACPI 6.5, chapter 5; each structure
 * names its section. Packed: ACPI does not align its fields.
 */
#ifndef ARCH_ACPI_H
#define ARCH_ACPI_H

#include "types.h"

#define ACPI_PACKED			__attribute__((packed))

struct acpi_rsdp {			/* 5.2.5.3 */
	char signature[8];		/* "RSD PTR " */
	u8 checksum;			/* of the first 20 bytes */
	char oem_id[6];
	u8 revision;			/* 2 */
	u32 rsdt;
	u32 length;
	u64 xsdt;
	u8 extended_checksum;
	u8 reserved[3];
} ACPI_PACKED;
ASSERT_OFFSET(struct acpi_rsdp, xsdt, 24);
ASSERT_SIZE(struct acpi_rsdp, 36);

struct acpi_header {			/* 5.2.6 */
	char signature[4];
	u32 length;
	u8 revision;
	u8 checksum;
	char oem_id[6];
	char oem_table_id[8];
	u32 oem_revision;
	char creator_id[4];
	u32 creator_revision;
} ACPI_PACKED;
ASSERT_SIZE(struct acpi_header, 36);

struct acpi_gas {			/* 5.2.3.2 */
	u8 space;
	u8 bit_width;
	u8 bit_offset;
	u8 access_size;
	u64 address;
} ACPI_PACKED;
ASSERT_SIZE(struct acpi_gas, 12);

#define ACPI_SPACE_IO			1

#define ACPI_FADT_WBINVD		BIT(0)
#define ACPI_FADT_PROC_C1		BIT(2)
#define ACPI_FADT_POWER_BUTTON		BIT(4)
#define ACPI_FADT_SLEEP_BUTTON		BIT(5)
#define ACPI_FADT_RTC_S4		BIT(7)

#define ACPI_BOOT_LEGACY		BIT(0)
#define ACPI_BOOT_8042			BIT(1)
#define ACPI_BOOT_NO_VGA		BIT(2)

struct acpi_fadt {			/* 5.2.9, as of revision 3 */
	struct acpi_header header;
	u32 facs;			/* 036 */
	u32 dsdt;			/* 040 */
	u8 reserved_044;
	u8 pm_profile;
	u16 sci_int;			/* 046 */
	u32 smi_cmd;			/* 048: 0, ACPI mode is always on */
	u8 acpi_enable;
	u8 acpi_disable;
	u8 s4bios_req;
	u8 pstate_cnt;
	u32 pm1a_evt_blk;		/* 056 */
	u32 pm1b_evt_blk;
	u32 pm1a_cnt_blk;		/* 064 */
	u32 pm1b_cnt_blk;
	u32 pm2_cnt_blk;
	u32 pm_tmr_blk;			/* 076 */
	u32 gpe0_blk;
	u32 gpe1_blk;
	u8 pm1_evt_len;			/* 088 */
	u8 pm1_cnt_len;
	u8 pm2_cnt_len;
	u8 pm_tmr_len;
	u8 gpe0_blk_len;
	u8 gpe1_blk_len;
	u8 gpe1_base;
	u8 cst_cnt;
	u16 p_lvl2_lat;			/* 096 */
	u16 p_lvl3_lat;
	u16 flush_size;
	u16 flush_stride;
	u8 duty_offset;
	u8 duty_width;
	u8 day_alarm;
	u8 month_alarm;
	u8 century;			/* 108 */
	u16 boot_arch;			/* 109 */
	u8 reserved_111;
	u32 flags;			/* 112 */
	struct acpi_gas reset_reg;	/* 116 */
	u8 reset_value;
	u16 arm_boot_arch;
	u8 minor;
	u64 x_facs;			/* 132 */
	u64 x_dsdt;			/* 140 */
	struct acpi_gas x_pm1a_evt_blk;	/* 148 */
	struct acpi_gas x_pm1b_evt_blk;
	struct acpi_gas x_pm1a_cnt_blk;
	struct acpi_gas x_pm1b_cnt_blk;
	struct acpi_gas x_pm2_cnt_blk;
	struct acpi_gas x_pm_tmr_blk;
	struct acpi_gas x_gpe0_blk;
	struct acpi_gas x_gpe1_blk;
} ACPI_PACKED;
ASSERT_OFFSET(struct acpi_fadt, pm1a_evt_blk, 56);
ASSERT_OFFSET(struct acpi_fadt, boot_arch, 109);
ASSERT_OFFSET(struct acpi_fadt, flags, 112);
ASSERT_OFFSET(struct acpi_fadt, x_dsdt, 140);
ASSERT_SIZE(struct acpi_fadt, 244);

struct acpi_facs {			/* 5.2.10; aligned to 64 bytes */
	char signature[4];
	u32 length;
	u32 hardware_signature;
	u32 waking_vector;
	u32 global_lock;
	u32 flags;
	u64 x_waking_vector;
	u8 version;
	u8 reserved[31];
} ACPI_PACKED;
ASSERT_SIZE(struct acpi_facs, 64);

#define ACPI_MADT_PCAT			BIT(0)

struct acpi_madt {			/* 5.2.12 */
	struct acpi_header header;
	u32 local_apic;
	u32 flags;
} ACPI_PACKED;
ASSERT_SIZE(struct acpi_madt, 44);

enum acpi_madt_type {
	ACPI_MADT_LAPIC = 0,
	ACPI_MADT_IOAPIC = 1,
	ACPI_MADT_OVERRIDE = 2,
	ACPI_MADT_LAPIC_NMI = 4,
	ACPI_MADT_X2APIC = 9,
	ACPI_MADT_X2APIC_NMI = 10,
};

#define ACPI_MADT_ENABLED		BIT(0)

struct acpi_madt_lapic {		/* 5.2.12.2 */
	u8 type, length;
	u8 uid;
	u8 apic_id;
	u32 flags;
} ACPI_PACKED;
ASSERT_SIZE(struct acpi_madt_lapic, 8);

struct acpi_madt_ioapic {		/* 5.2.12.3 */
	u8 type, length;
	u8 id;
	u8 reserved;
	u32 address;
	u32 gsi_base;
} ACPI_PACKED;
ASSERT_SIZE(struct acpi_madt_ioapic, 12);

/* MPS INTI flags, table 5.26. */
#define ACPI_INTI_BUS			0x0
#define ACPI_INTI_HIGH			0x1
#define ACPI_INTI_LEVEL			0xc

struct acpi_madt_override {		/* 5.2.12.5 */
	u8 type, length;
	u8 bus;
	u8 source;
	u32 gsi;
	u16 flags;
} ACPI_PACKED;
ASSERT_SIZE(struct acpi_madt_override, 10);

struct acpi_madt_lapic_nmi {		/* 5.2.12.7 */
	u8 type, length;
	u8 uid;				/* ff: all */
	u16 flags;
	u8 lint;
} ACPI_PACKED;
ASSERT_SIZE(struct acpi_madt_lapic_nmi, 6);

struct acpi_madt_x2apic {		/* 5.2.12.12 */
	u8 type, length;
	u16 reserved;
	u32 apic_id;
	u32 flags;
	u32 uid;
} ACPI_PACKED;
ASSERT_SIZE(struct acpi_madt_x2apic, 16);

struct acpi_madt_x2apic_nmi {		/* 5.2.12.13 */
	u8 type, length;
	u16 flags;
	u32 uid;			/* ffffffff: all */
	u8 lint;
	u8 reserved[3];
} ACPI_PACKED;
ASSERT_SIZE(struct acpi_madt_x2apic_nmi, 12);

#endif
