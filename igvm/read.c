// SPDX-License-Identifier: MIT
/*
 * Shape of an IGVM file: fixed header, checksum, and the variable headers as
 * an array of rows. What the rows mean is check.c's business.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "igvm/internal.h"
#include "igvm/names.h"

enum section {
	SECTION_NONE,
	SECTION_PLATFORM,
	SECTION_INIT,
	SECTION_DIRECTIVE,
};

static const char *const section_names[] = {
	[SECTION_PLATFORM] = "platform",
	[SECTION_INIT] = "initialisation",
	[SECTION_DIRECTIVE] = "directive",
};

static enum section section_of(u32 type)
{
	type &= ~IGVM_TYPE_OPTIONAL;
	if (type >= IGVM_TYPE_PLATFORM_FIRST && type <= IGVM_TYPE_PLATFORM_LAST)
		return SECTION_PLATFORM;
	if (type >= IGVM_TYPE_INIT_FIRST && type <= IGVM_TYPE_INIT_LAST)
		return SECTION_INIT;
	if (type >= IGVM_TYPE_DIRECTIVE_FIRST &&
	    type <= IGVM_TYPE_DIRECTIVE_LAST)
		return SECTION_DIRECTIVE;
	return SECTION_NONE;
}

/* IGVM fixed header, version 2 part: only x86-64 with 4 KiB pages. */
static int decode_v2(const u8 *data, struct igvm_error *err)
{
	struct igvm_fixed_header_v2 h;

	memcpy(&h, data, sizeof(h));
	if (h.architecture != IGVM_ARCH_X64)
		return igvm_fail(err, "the file is for architecture %u, "
				 "not for x86-64", h.architecture);
	if (h.page_size != PAGE_SIZE)
		return igvm_fail(err, "the file uses pages of %u bytes, "
				 "not of 4096", h.page_size);
	return 0;
}

static int check_sum(const u8 *data, const struct igvm_fixed_header *h,
		     u32 fixed, struct igvm_error *err)
{
	u8 copy[sizeof(struct igvm_fixed_header_v2)];
	uLong crc = crc32(0, NULL, 0);

	memcpy(copy, data, fixed);
	memset(copy + offsetof(struct igvm_fixed_header, checksum), 0, 4);
	crc = crc32(crc, copy, fixed);
	crc = crc32(crc, data + h->header_offset, h->header_size);
	if (crc != h->checksum)
		return igvm_fail(err, "the checksum is 0x%08x, but the headers "
				 "give 0x%08lx", h->checksum, crc);
	return 0;
}

static int decode_fixed(struct igvm_file *f, const u8 *data, size_t size,
			struct igvm_fixed_header *h, struct igvm_error *err)
{
	u32 fixed = sizeof(*h);

	if (size < sizeof(*h))
		return igvm_fail(err, "the file ends within the fixed header");
	memcpy(h, data, sizeof(*h));
	if (h->magic != IGVM_MAGIC)
		return igvm_fail(err, "this is not an IGVM file (its magic is "
				 "0x%08x)", h->magic);
	if (h->version != IGVM_VERSION_1 && h->version != IGVM_VERSION_2)
		return igvm_fail(err, "format version %u is not known",
				 h->version);
	if (h->version == IGVM_VERSION_2) {
		fixed = sizeof(struct igvm_fixed_header_v2);
		if (size < fixed)
			return igvm_fail(err, "the file ends within the fixed "
					 "header");
		if (decode_v2(data, err))
			return -1;
	}
	if (h->file_size != size)
		return igvm_fail(err, "the file says it has %u bytes, but it "
				 "has %zu", h->file_size, size);
	if (h->header_offset < fixed || h->header_offset % 8)
		return igvm_fail(err, "the variable headers start at 0x%x, "
				 "which is misaligned or in the fixed header",
				 h->header_offset);
	if (h->header_offset > size || h->header_size > size - h->header_offset)
		return igvm_fail(err, "the variable headers reach beyond the "
				 "end of the file");
	f->data = data;
	f->size = size;
	f->version = h->version;
	f->data_start = h->header_offset + h->header_size;
	return check_sum(data, h, fixed, err);
}

static int check_type(u32 type, u32 length, u32 at, struct igvm_error *err)
{
	const struct igvm_type_info *info = igvm_type_info(type);

	if (!info && igvm_is_optional(type))
		return 0;
	if (!info)
		return igvm_fail(err, "header at 0x%x: type 0x%x is not known "
				 "and not optional", at, type);
	if (info->length != length)
		return igvm_fail(err, "header at 0x%x: %s has %u bytes instead "
				 "of %u", at, info->name, length, info->length);
	return 0;
}

static int check_order(u32 type, u32 at, enum section *now,
		       struct igvm_error *err)
{
	enum section next = section_of(type);

	if (next == SECTION_NONE)
		return 0;
	if (next < *now)
		return igvm_fail(err, "header at 0x%x: %s headers may not "
				 "follow %s headers", at, section_names[next],
				 section_names[*now]);
	*now = next;
	return 0;
}

static int check_padding(const u8 *pad, u32 bytes, u32 at,
			 struct igvm_error *err)
{
	for (u32 i = 0; i < bytes; i++)
		if (pad[i])
			return igvm_fail(err, "header at 0x%x: its padding is "
					 "not zero", at);
	return 0;
}

/* Offsets in sentences are those in the file. */
static int decode_rows(struct igvm_file *f, u32 offset, u32 size,
		       struct igvm_error *err)
{
	enum section now = SECTION_NONE;
	struct igvm_var_header h;
	u32 pos = 0;

	while (pos < size) {
		u32 at = offset + pos, left = size - pos, padded;
		struct igvm_row *row = &f->row[f->rows];

		if (left < sizeof(h))
			return igvm_fail(err, "header at 0x%x: no room for its "
					 "type and length", at);
		memcpy(&h, f->headers + pos, sizeof(h));
		left -= sizeof(h);
		if (h.length > left)
			return igvm_fail(err, "header at 0x%x: its %u bytes "
					 "reach beyond the headers", at,
					 h.length);
		if (check_type(h.type, h.length, at, err) ||
		    check_order(h.type, at, &now, err))
			return -1;
		row->type = h.type;
		row->length = h.length;
		row->payload = f->headers + pos + sizeof(h);
		f->rows++;
		/* The last header may do without padding. */
		padded = h.length % 8 ? 8 - h.length % 8 : 0;
		if (padded > left - h.length)
			padded = left - h.length;
		if (check_padding(row->payload + h.length, padded, at, err))
			return -1;
		pos += sizeof(h) + h.length + padded;
	}
	return 0;
}

static int read_file(struct igvm_file *f, const void *data, size_t size,
		     struct igvm_error *err)
{
	struct igvm_fixed_header h;

	if (decode_fixed(f, data, size, &h, err))
		return -1;
	if (!h.header_size)
		return igvm_fail(err, "the file has no variable headers");
	f->headers = malloc(h.header_size);
	f->row = calloc(h.header_size / 8 + 1, sizeof(*f->row));
	if (!f->headers || !f->row)
		return igvm_fail(err, "not enough memory for %u bytes of "
				 "headers", h.header_size);
	memcpy(f->headers, f->data + h.header_offset, h.header_size);
	if (decode_rows(f, h.header_offset, h.header_size, err))
		return -1;
	return igvm_check(f, err);
}

int igvm_open(const void *data, size_t size, struct igvm_file **file,
	      struct igvm_error *err)
{
	struct igvm_file *f = calloc(1, sizeof(*f));

	*file = NULL;
	if (!f)
		return igvm_fail(err, "not enough memory");
	if (read_file(f, data, size, err)) {
		igvm_close(f);
		return -1;
	}
	*file = f;
	return 0;
}

void igvm_close(struct igvm_file *file)
{
	if (!file)
		return;
	free(file->headers);
	free(file->row);
	free(file);
}
