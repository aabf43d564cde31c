// SPDX-License-Identifier: MIT
#include <string.h>

#include "arch/acpi.h"
#include "arch/apic.h"
#include "igvm/acpi_build.h"
#include "igvm/aml.h"

#define PCI_SLOTS			32
#define PCI_PINS			4

/* Where the next table goes. */
struct area {
	u8 *data;
	size_t size;
	size_t room;
	u64 gpa;
	bool full;
};

static const char oem_id[6] = "BELFRY";
static const char oem_table_id[8] = "BELFRYPC";

static u8 checksum(const void *data, size_t size)
{
	const u8 *at = data;
	u8 sum = 0;

	while (size--)
		sum += *at++;
	return -sum;
}

/* @size bytes at a multiple of @align, or NULL. */
static void *take(struct area *a, size_t size, size_t align)
{
	size_t at = (a->size + align - 1) & ~(align - 1);

	if (a->full || at > a->room || size > a->room - at) {
		a->full = true;
		return NULL;
	}
	a->size = at + size;
	return a->data + at;
}

static u32 gpa_of(const struct area *a, const void *table)
{
	return table ? a->gpa + ((const u8 *)table - a->data) : 0;
}

static void seal(struct acpi_header *h, const char *signature, u8 revision,
		 u32 length)
{
	memcpy(h->signature, signature, 4);
	h->length = length;
	h->revision = revision;
	memcpy(h->oem_id, oem_id, sizeof(oem_id));
	memcpy(h->oem_table_id, oem_table_id, sizeof(oem_table_id));
	h->oem_revision = 1;
	memcpy(h->creator_id, "BLFY", 4);
	h->creator_revision = 1;
	h->checksum = 0;
	h->checksum = checksum(h, length);
}

/*
 * PIIX3 turns pin p (0: INTA) of slot s into PIRQ (s + p - 1) & 3, and
 * SeaBIOS gives PIRQ A..D the ISA interrupts 10, 10, 11, 11.
 */
static u8 pci_gsi(unsigned int slot, unsigned int pin)
{
	static const u8 pirq[4] = { 10, 10, 11, 11 };

	return pirq[(slot + pin + 3) & 3];
}

/* _PRT, ACPI 6.2.13: hard-wired GSIs, no link devices. */
static void dsdt_routes(struct aml *a)
{
	size_t table, route;

	aml_name(a, "_PRT");
	table = aml_package(a, PCI_SLOTS * PCI_PINS);
	for (unsigned int slot = 0; slot < PCI_SLOTS; slot++) {
		for (unsigned int pin = 0; pin < PCI_PINS; pin++) {
			route = aml_package(a, 4);
			aml_integer(a, slot << 16 | 0xffff);
			aml_integer(a, pin);
			aml_integer(a, 0);
			aml_integer(a, pci_gsi(slot, pin));
			aml_end(a, route);
		}
	}
	aml_end(a, table);
}

/* All I/O but the configuration ports, and the hole below the I/O APIC. */
static void dsdt_windows(struct aml *a)
{
	size_t buffer;

	aml_name(a, "_CRS");
	buffer = aml_buffer(a);
	aml_bus_numbers(a, 0x00, 0xff);
	aml_io_port(a, 0xcf8, 8);
	aml_io_window(a, 0x0000, 0x0cf7);
	aml_io_window(a, 0x0d00, 0xffff);
	aml_memory_window(a, ACPI_PCI_FIRST, ACPI_PCI_LAST);
	aml_end_tag(a);
	aml_end_buffer(a, buffer);
}

static void dsdt_body(struct aml *a)
{
	const u32 pnp0a03 = 0x030ad041;
	size_t package, scope, device;

	aml_name(a, "\\_S5_");		/* PIIX4: sleep type 0 is soft off */
	package = aml_package(a, 4);
	for (int i = 0; i < 4; i++)
		aml_integer(a, 0);
	aml_end(a, package);

	scope = aml_scope(a, "\\_SB_");
	device = aml_device(a, "PCI0");
	aml_name(a, "_HID");
	aml_integer(a, pnp0a03);
	aml_name(a, "_UID");
	aml_integer(a, 0);
	aml_name(a, "_BBN");
	aml_integer(a, 0);
	dsdt_windows(a);
	dsdt_routes(a);
	aml_end(a, device);
	aml_end(a, scope);
}

static struct acpi_header *add_dsdt(struct area *area)
{
	struct acpi_header *h = take(area, sizeof(*h), 16);
	struct aml a = {
		.data = area->data + area->size,
		.room = area->room - area->size,
	};

	if (!h)
		return NULL;
	dsdt_body(&a);
	if (a.full || !take(area, a.size, 1)) {
		area->full = true;
		return NULL;
	}
	seal(h, "DSDT", 2, sizeof(*h) + a.size);
	return h;
}

static struct acpi_facs *add_facs(struct area *area)
{
	struct acpi_facs *f = take(area, sizeof(*f), 64);

	if (!f)
		return NULL;
	memcpy(f->signature, "FACS", 4);
	f->length = sizeof(*f);
	f->version = 1;
	return f;
}

static struct acpi_gas io_register(u16 port, u8 bytes)
{
	return (struct acpi_gas){
		.space = ACPI_SPACE_IO,
		.bit_width = bytes * 8,
		.access_size = bytes == 4 ? 3 : 2,
		.address = port,
	};
}

static struct acpi_fadt *add_fadt(struct area *area, u32 facs, u32 dsdt)
{
	struct acpi_fadt *f = take(area, sizeof(*f), 16);

	if (!f)
		return NULL;
	f->facs = facs;
	f->dsdt = dsdt;
	f->x_dsdt = dsdt;
	f->sci_int = ACPI_SCI;
	f->pm1a_evt_blk = ACPI_PM_BASE;
	f->pm1_evt_len = 4;
	f->x_pm1a_evt_blk = io_register(ACPI_PM_BASE, 4);
	f->pm1a_cnt_blk = ACPI_PM1_CNT;
	f->pm1_cnt_len = 2;
	f->x_pm1a_cnt_blk = io_register(ACPI_PM1_CNT, 2);
	f->pm_tmr_blk = ACPI_PM_TIMER;
	f->pm_tmr_len = 4;
	f->x_pm_tmr_blk = io_register(ACPI_PM_TIMER, 4);
	f->p_lvl2_lat = 0xfff;		/* above 100: no C2 */
	f->p_lvl3_lat = 0xfff;		/* above 1000: no C3 */
	f->century = 0x32;
	f->boot_arch = ACPI_BOOT_LEGACY | ACPI_BOOT_8042 | ACPI_BOOT_NO_VGA;
	/* The power button is the fixed one (its flag is clear). */
	f->flags = ACPI_FADT_WBINVD | ACPI_FADT_PROC_C1 |
		   ACPI_FADT_SLEEP_BUTTON | ACPI_FADT_RTC_S4;
	seal(&f->header, "FACP", 3, sizeof(*f));
	return f;
}

/* Returns whether one of them needs an x2APIC entry (5.2.12.12). */
static bool madt_cpus(struct area *area, const u32 *apic_ids, u32 cpus)
{
	bool x2apic = false;

	for (u32 i = 0; i < cpus; i++) {
		struct acpi_madt_x2apic big = {
			ACPI_MADT_X2APIC, sizeof(big), 0, apic_ids[i],
			ACPI_MADT_ENABLED, i,
		};
		struct acpi_madt_lapic small = {
			ACPI_MADT_LAPIC, sizeof(small), i, apic_ids[i],
			ACPI_MADT_ENABLED,
		};
		bool is_big = apic_ids[i] >= 255 || i >= 255;
		size_t size = is_big ? sizeof(big) : sizeof(small);
		void *at = take(area, size, 1);

		if (at)
			memcpy(at, is_big ? (void *)&big : &small, size);
		x2apic |= is_big;
	}
	return x2apic;
}

static void madt_append(struct area *area, const void *entry, size_t size)
{
	void *at = take(area, size, 1);

	if (at)
		memcpy(at, entry, size);
}

/* What SeaBIOS tells of the same machine. */
static void madt_interrupts(struct area *area, bool x2apic)
{
	static const u8 level[] = { 5, 9, 10, 11 };
	struct acpi_madt_ioapic ioapic = {
		ACPI_MADT_IOAPIC, sizeof(ioapic), 0, 0, ACPI_IOAPIC, 0,
	};
	struct acpi_madt_override timer = {
		ACPI_MADT_OVERRIDE, sizeof(timer), 0, 0, 2, ACPI_INTI_BUS,
	};
	struct acpi_madt_lapic_nmi nmi = {
		ACPI_MADT_LAPIC_NMI, sizeof(nmi), 0xff, ACPI_INTI_BUS, 1,
	};
	struct acpi_madt_x2apic_nmi x2nmi = {
		ACPI_MADT_X2APIC_NMI, sizeof(x2nmi), ACPI_INTI_BUS, ~0u, 1,
		{ 0 },
	};

	madt_append(area, &ioapic, sizeof(ioapic));
	madt_append(area, &timer, sizeof(timer));
	for (size_t i = 0; i < sizeof(level); i++) {
		struct acpi_madt_override o = {
			ACPI_MADT_OVERRIDE, sizeof(o), 0, level[i], level[i],
			ACPI_INTI_HIGH | ACPI_INTI_LEVEL,
		};

		madt_append(area, &o, sizeof(o));
	}
	madt_append(area, &nmi, sizeof(nmi));
	if (x2apic)
		madt_append(area, &x2nmi, sizeof(x2nmi));
}

static struct acpi_madt *add_madt(struct area *area, const u32 *apic_ids,
				  u32 cpus)
{
	struct acpi_madt *m = take(area, sizeof(*m), 16);

	if (!m)
		return NULL;
	m->local_apic = APIC_DEFAULT_BASE;
	m->flags = ACPI_MADT_PCAT;
	madt_interrupts(area, madt_cpus(area, apic_ids, cpus));
	if (area->full)
		return NULL;
	seal(&m->header, "APIC", 4, area->data + area->size - (u8 *)m);
	return m;
}

static struct acpi_header *add_xsdt(struct area *area, u64 fadt, u64 madt)
{
	const u64 entry[2] = { fadt, madt };
	struct acpi_header *h = take(area, sizeof(*h) + sizeof(entry), 16);

	if (!h)
		return NULL;
	memcpy(h + 1, entry, sizeof(entry));
	seal(h, "XSDT", 1, sizeof(*h) + sizeof(entry));
	return h;
}

size_t acpi_build(u8 *data, size_t room, u64 gpa, const u32 *apic_ids,
		  u32 cpus, struct igvm_error *err)
{
	struct area area = { .data = data, .room = room, .gpa = gpa };
	struct acpi_rsdp *rsdp = take(&area, sizeof(*rsdp), 16);
	u32 facs = gpa_of(&area, add_facs(&area));
	u32 dsdt = gpa_of(&area, add_dsdt(&area));
	u32 fadt = gpa_of(&area, add_fadt(&area, facs, dsdt));
	u32 madt = gpa_of(&area, add_madt(&area, apic_ids, cpus));
	u32 xsdt = gpa_of(&area, add_xsdt(&area, fadt, madt));

	if (!rsdp || area.full) {
		igvm_fail(err, "the ACPI tables of %u CPUs do not fit into %zu "
			  "bytes", cpus, room);
		return 0;
	}
	memcpy(rsdp->signature, "RSD PTR ", 8);
	memcpy(rsdp->oem_id, oem_id, sizeof(oem_id));
	rsdp->revision = 2;
	rsdp->length = sizeof(*rsdp);
	rsdp->xsdt = xsdt;
	rsdp->checksum = checksum(rsdp, 20);
	rsdp->extended_checksum = checksum(rsdp, sizeof(*rsdp));
	return area.size;
}
