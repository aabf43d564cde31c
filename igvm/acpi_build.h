/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables for QEMU's "pc" machine (i440fx, PIIX3, PIIX4 power
 * management) without firmware. Whoever builds the machine must do what
 * firmware does: PIIX4 PMBASE 0x600 enabled, PIRQRC A..D = 10, 10, 11, 11.
 */
#ifndef IGVM_ACPI_BUILD_H
#define IGVM_ACPI_BUILD_H

#include "igvm/igvm.h"

#define ACPI_PM_BASE			0x600	/* PM1a event block */
#define ACPI_PM1_CNT			0x604
#define ACPI_PM_TIMER			0x608
#define ACPI_SCI			9
#define ACPI_IOAPIC			0xfec00000
#define ACPI_PCI_FIRST			0xc0000000
#define ACPI_PCI_LAST			0xfebfffff

/*
 * Fill @area (zeroed, @room bytes) with tables as they are at @gpa, below
 * 4 GiB; the RSDP comes first. Returns the bytes used, or 0 with @err set:
 * there is no room for so many CPUs.
 */
size_t acpi_build(u8 *area, size_t room, u64 gpa, const u32 *apic_ids,
		  u32 cpus, struct igvm_error *err);

#endif
