// SPDX-License-Identifier: MIT
/* ACPI tables: sums, addresses, CPUs, routes, and AML that nests right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/acpi.h"
#include "igvm/acpi_build.h"
#include "igvm/aml.h"

#define GPA			0x50000
#define ROOM			0x20000

static u8 area[ROOM];

static u8 sum(const void *data, size_t size)
{
	const u8 *at = data;
	u8 total = 0;

	while (size--)
		total += *at++;
	return total;
}

static void build(const u32 *ids, u32 cpus)
{
	struct igvm_error err = { "" };
	size_t used;

	memset(area, 0, sizeof(area));
	used = acpi_build(area, sizeof(area), GPA, ids, cpus, &err);
	assert_true(used && used <= ROOM);
}

/* The table at a GPA, its sum checked. */
static const struct acpi_header *table(u64 gpa, const char *signature)
{
	const struct acpi_header *h;

	assert_true(gpa >= GPA && gpa < GPA + ROOM - sizeof(*h));
	h = (const void *)(area + gpa - GPA);
	assert_memory_equal(h->signature, signature, 4);
	assert_true(gpa + h->length <= GPA + ROOM);
	assert_int_equal(sum(h, h->length), 0);
	return h;
}

static const struct acpi_header *listed(const char *signature)
{
	const struct acpi_rsdp *rsdp = (const void *)area;
	const struct acpi_header *xsdt = table(rsdp->xsdt, "XSDT");
	u64 gpa;

	for (u32 at = sizeof(*xsdt); at < xsdt->length; at += 8) {
		memcpy(&gpa, (const u8 *)xsdt + at, 8);
		if (!memcmp(area + gpa - GPA, signature, 4))
			return table(gpa, signature);
	}
	fail_msg("no %s", signature);
	return NULL;
}

static void root_and_fadt(void **state)
{
	const struct acpi_rsdp *rsdp = (const void *)area;
	const struct acpi_fadt *fadt;
	const u32 id = 0;

	(void)state;
	build(&id, 1);
	assert_memory_equal(rsdp->signature, "RSD PTR ", 8);
	assert_int_equal(rsdp->revision, 2);
	assert_int_equal(sum(rsdp, 20), 0);
	assert_int_equal(sum(rsdp, sizeof(*rsdp)), 0);
	fadt = (const void *)listed("FACP");
	assert_int_equal(fadt->pm1a_evt_blk, 0x600);
	assert_int_equal(fadt->pm1a_cnt_blk, 0x604);
	assert_int_equal(fadt->pm_tmr_blk, 0x608);
	assert_int_equal(fadt->smi_cmd, 0);
	assert_int_equal(fadt->sci_int, 9);
	assert_int_equal(fadt->x_dsdt, fadt->dsdt);
	assert_int_equal(fadt->facs % 64, 0);
	assert_memory_equal(area + fadt->facs - GPA, "FACS", 4);
	table(fadt->dsdt, "DSDT");
}

/* Walk the MADT; every entry has a length that leads to the next. */
static u32 count(const struct acpi_header *madt, u8 type, u32 *last_id)
{
	const u8 *at = (const u8 *)madt + sizeof(struct acpi_madt);
	const u8 *end = (const u8 *)madt + madt->length;
	u32 found = 0;

	for (; at < end; at += at[1]) {
		assert_true(at[1] >= 2 && at + at[1] <= end);
		if (at[0] != type)
			continue;
		found++;
		if (type == ACPI_MADT_LAPIC)
			*last_id = at[3];
		if (type == ACPI_MADT_X2APIC)
			memcpy(last_id, at + 4, 4);
	}
	assert_ptr_equal(at, end);
	return found;
}

static void sparse_cpus(void **state)
{
	const u32 ids[] = { 0, 2, 254, 255, 4000 };
	const struct acpi_header *madt;
	u32 last = 0;

	(void)state;
	build(ids, 5);
	madt = listed("APIC");
	assert_int_equal(count(madt, ACPI_MADT_LAPIC, &last), 3);
	assert_int_equal(last, 254);
	assert_int_equal(count(madt, ACPI_MADT_X2APIC, &last), 2);
	assert_int_equal(last, 4000);
	assert_int_equal(count(madt, ACPI_MADT_IOAPIC, &last), 1);
	assert_int_equal(count(madt, ACPI_MADT_OVERRIDE, &last), 5);
	assert_int_equal(count(madt, ACPI_MADT_LAPIC_NMI, &last), 1);
	assert_int_equal(count(madt, ACPI_MADT_X2APIC_NMI, &last), 1);
	/* A wake-up mailbox would take AP creation's place. */
	assert_int_equal(count(madt, 16, &last), 0);
	build(ids, 3);
	madt = listed("APIC");
	assert_int_equal(count(madt, ACPI_MADT_X2APIC_NMI, &last), 0);
}

static void many_cpus(void **state)
{
	struct igvm_error err = { "" };
	u32 *ids = calloc(16384, sizeof(*ids));
	u32 last;

	(void)state;
	for (u32 i = 0; i < 16384; i++)
		ids[i] = i;
	build(ids, 4096);
	assert_int_equal(count(listed("APIC"), ACPI_MADT_X2APIC, &last),
			 4096 - 255);
	assert_int_equal(acpi_build(area, ROOM, GPA, ids, 16384, &err), 0);
	assert_non_null(strstr(err.text, "ACPI tables of 16384 CPUs"));
	/* No room at all, byte for byte. */
	for (size_t room = 0; room < 2400; room++) {
		u8 *small = calloc(1, room + 1);

		acpi_build(small, room, GPA, ids, 2, NULL);
		assert_int_equal(small[room], 0);
		free(small);
	}
	free(ids);
}

/* PkgLength at @at: its value; @bytes gets how many it took. */
static size_t pkg_length(const u8 *at, size_t *bytes)
{
	size_t length = at[0] & 0x3f;

	*bytes = 1 + (at[0] >> 6);
	if (*bytes > 1)
		length = at[0] & 0xf;
	for (size_t i = 1; i < *bytes; i++)
		length |= (size_t)at[i] << (8 * i - 4);
	return length;
}

static void lengths_at_their_limits(void **state)
{
	static const size_t sizes[] = {
		0, 1, 0x3d, 0x3e, 0x3f, 0x40, 0xffc, 0xffd, 0xffe, 0x1000,
		0x8000,
	};
	static u8 buf[0x9000];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct aml a = { .data = buf, .room = sizeof(buf) };
		size_t start, bytes;

		start = aml_package(&a, 0x77);
		for (size_t n = 0; n < sizes[i]; n++)
			aml_byte(&a, 0xcc);
		aml_end(&a, start);
		assert_false(a.full);
		assert_int_equal(buf[0], 0x12);
		assert_int_equal(pkg_length(buf + 1, &bytes), a.size - 1);
		assert_int_equal(a.size, 1 + bytes + 1 + sizes[i]);
		assert_int_equal(buf[1 + bytes], 0x77);
	}
}

/* _PRT, read back: pin p of slot s is PIRQ (s + p - 1) & 3. */
static void routes(void **state)
{
	static const u8 gsi[4] = { 10, 10, 11, 11 };
	const struct acpi_fadt *fadt;
	const u8 *at, *end;
	const u32 id = 0;
	size_t bytes;

	(void)state;
	build(&id, 1);
	fadt = (const void *)listed("FACP");
	at = area + fadt->dsdt - GPA;
	end = at + ((const struct acpi_header *)at)->length;
	at = memmem(at, end - at, "_PRT", 4);
	assert_non_null(at);
	at += 4;
	assert_int_equal(*at++, 0x12);
	assert_ptr_equal(at + pkg_length(at, &bytes), end);
	at += bytes;
	assert_int_equal(*at++, 128);
	for (u32 i = 0; i < 128; i++) {
		u32 slot = i / 4, pin = i % 4, address = slot << 16 | 0xffff;
		const u8 *next;

		assert_int_equal(*at++, 0x12);
		next = at + pkg_length(at, &bytes);
		assert_int_equal(at[bytes], 4);
		at += bytes + 1;
		assert_int_equal(*at++, slot ? 0x0c : 0x0b);
		assert_memory_equal(at, &address, slot ? 4 : 2);
		at += slot ? 4 : 2;
		if (pin > 1)
			assert_int_equal(*at++, 0x0a);
		assert_int_equal(*at++, pin);
		assert_int_equal(*at++, 0);
		assert_int_equal(*at++, 0x0a);
		assert_int_equal(*at++, gsi[(slot + pin - 1) & 3]);
		assert_ptr_equal(at, next);
	}
	assert_ptr_equal(at, end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_and_fadt),
		cmocka_unit_test(sparse_cpus),
		cmocka_unit_test(many_cpus),
		cmocka_unit_test(lengths_at_their_limits),
		cmocka_unit_test(routes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
