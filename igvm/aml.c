// SPDX-License-Identifier: MIT
#include <string.h>

#include "igvm/aml.h"

enum {
	AML_NAME = 0x08,
	AML_BYTE = 0x0a,
	AML_WORD = 0x0b,
	AML_DWORD = 0x0c,
	AML_QWORD = 0x0e,
	AML_SCOPE = 0x10,
	AML_BUFFER = 0x11,
	AML_PACKAGE = 0x12,
	AML_EXT = 0x5b,
	AML_EXT_DEVICE = 0x82,
};

void aml_bytes(struct aml *a, const void *data, size_t size)
{
	if (a->full || size > a->room - a->size) {
		a->full = true;
		return;
	}
	memcpy(a->data + a->size, data, size);
	a->size += size;
}

void aml_byte(struct aml *a, u8 value)
{
	aml_bytes(a, &value, 1);
}

void aml_integer(struct aml *a, u64 value)
{
	if (value <= 1) {
		aml_byte(a, value);	/* ZeroOp, OneOp */
	} else if (value <= 0xff) {
		aml_byte(a, AML_BYTE);
		aml_bytes(a, &value, 1);
	} else if (value <= 0xffff) {
		aml_byte(a, AML_WORD);
		aml_bytes(a, &value, 2);
	} else if (value <= 0xffffffff) {
		aml_byte(a, AML_DWORD);
		aml_bytes(a, &value, 4);
	} else {
		aml_byte(a, AML_QWORD);
		aml_bytes(a, &value, 8);
	}
}

void aml_name(struct aml *a, const char *path)
{
	aml_byte(a, AML_NAME);
	aml_bytes(a, path, strlen(path));
}

size_t aml_scope(struct aml *a, const char *path)
{
	size_t start;

	aml_byte(a, AML_SCOPE);
	start = a->size;
	aml_bytes(a, path, strlen(path));
	return start;
}

size_t aml_device(struct aml *a, const char *name)
{
	size_t start;

	aml_byte(a, AML_EXT);
	aml_byte(a, AML_EXT_DEVICE);
	start = a->size;
	aml_bytes(a, name, strlen(name));
	return start;
}

size_t aml_package(struct aml *a, u8 elements)
{
	size_t start;

	aml_byte(a, AML_PACKAGE);
	start = a->size;
	aml_byte(a, elements);
	return start;
}

size_t aml_buffer(struct aml *a)
{
	aml_byte(a, AML_BUFFER);
	return a->size;
}

/* Move what came after @start up by @size bytes and put @data there. */
static void squeeze_in(struct aml *a, size_t start, const void *data,
		       size_t size)
{
	size_t tail = a->size - start;

	aml_bytes(a, data, size);
	if (a->full)
		return;
	memmove(a->data + start + size, a->data + start, tail);
	memcpy(a->data + start, data, size);
}

/* PkgLength counts itself (20.2.4); up to 64 KiB is enough here. */
void aml_end(struct aml *a, size_t start)
{
	size_t bytes = a->size - start;
	u8 length[3];

	if (bytes + 1 <= 0x3f) {
		length[0] = bytes + 1;
		squeeze_in(a, start, length, 1);
	} else if (bytes + 2 <= 0xfff) {
		bytes += 2;
		length[0] = 0x40 | (bytes & 0xf);
		length[1] = bytes >> 4;
		squeeze_in(a, start, length, 2);
	} else {
		bytes += 3;
		length[0] = 0x80 | (bytes & 0xf);
		length[1] = bytes >> 4;
		length[2] = bytes >> 12;
		squeeze_in(a, start, length, 3);
	}
}

/* A buffer states its size before its bytes. */
void aml_end_buffer(struct aml *a, size_t start)
{
	u16 bytes = a->size - start;
	u8 size[3] = { AML_WORD, bytes, bytes >> 8 };

	squeeze_in(a, start, size, sizeof(size));
	aml_end(a, start);
}

/* Address space descriptors, ACPI 6.4.3.5: fixed, producer, decoded. */
enum { RES_MEMORY, RES_IO, RES_BUS };
#define RES_FIXED			0x0c
#define RES_ENTIRE_RANGE		0x03	/* I/O: ISA and non-ISA */
#define RES_READ_WRITE			0x01	/* memory: not cacheable */

static void word_window(struct aml *a, u8 type, u8 flags, u16 first, u16 last)
{
	struct {
		u8 tag;
		u16 length;
		u8 type, general, specific;
		u16 granularity, min, max, offset, size;
	} __attribute__((packed)) d = {
		.tag = 0x88,
		.length = sizeof(d) - 3,
		.type = type,
		.general = RES_FIXED,
		.specific = flags,
		.min = first,
		.max = last,
		.size = last - first + 1,
	};

	aml_bytes(a, &d, sizeof(d));
}

void aml_bus_numbers(struct aml *a, u16 first, u16 last)
{
	word_window(a, RES_BUS, 0, first, last);
}

void aml_io_window(struct aml *a, u16 first, u16 last)
{
	word_window(a, RES_IO, RES_ENTIRE_RANGE, first, last);
}

void aml_memory_window(struct aml *a, u32 first, u32 last)
{
	struct {
		u8 tag;
		u16 length;
		u8 type, general, specific;
		u32 granularity, min, max, offset, size;
	} __attribute__((packed)) d = {
		.tag = 0x87,
		.length = sizeof(d) - 3,
		.type = RES_MEMORY,
		.general = RES_FIXED,
		.specific = RES_READ_WRITE,
		.min = first,
		.max = last,
		.size = last - first + 1,
	};

	aml_bytes(a, &d, sizeof(d));
}

/* ACPI 6.4.2.5, 16-bit decode. */
void aml_io_port(struct aml *a, u16 first, u8 count)
{
	struct {
		u8 tag, decode16;
		u16 min, max;
		u8 align, size;
	} __attribute__((packed)) d = {
		.tag = 0x47,
		.decode16 = 1,
		.min = first,
		.max = first,
		.align = 1,
		.size = count,
	};

	aml_bytes(a, &d, sizeof(d));
}

void aml_end_tag(struct aml *a)
{
	aml_byte(a, 0x79);
	aml_byte(a, 0);			/* no checksum */
}
