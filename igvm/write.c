// SPDX-License-Identifier: MIT
/*
 * Building an IGVM file in memory. Headers and file data grow in separate
 * buffers; offsets into file data are fixed up when the file is put together,
 * because only then is the size of the headers known.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "igvm/internal.h"

struct buffer {
	u8 *data;
	size_t size;
	size_t room;
};

/* Where a file_offset lies in a section buffer. */
struct fixup {
	u32 section;
	size_t at;
};

enum { PLATFORM, INIT, DIRECTIVE, SECTIONS };

struct igvm_builder {
	struct buffer section[SECTIONS];
	struct buffer data;
	struct buffer fixups;		/* of struct fixup */
	u32 version;
	u32 areas;
	bool failed;
	struct igvm_error err;
};

static void fail(struct igvm_builder *b, const char *why)
{
	if (b->failed)
		return;
	b->failed = true;
	igvm_fail(&b->err, "%s", why);
}

/* Grows by doubling; returns where @size zero bytes were added, or NULL. */
static u8 *grow(struct igvm_builder *b, struct buffer *buf, size_t size)
{
	size_t room = buf->room ? buf->room : 4096;
	u8 *data;

	if (b->failed)
		return NULL;
	/* The format has 32 bits for every offset. */
	if (size > UINT32_MAX - buf->size) {
		fail(b, "the file would exceed 4 GiB");
		return NULL;
	}
	while (room < buf->size + size)
		room *= 2;
	if (room > buf->room) {
		data = realloc(buf->data, room);
		if (!data) {
			fail(b, "not enough memory for the file");
			return NULL;
		}
		buf->data = data;
		buf->room = room;
	}
	data = buf->data + buf->size;
	memset(data, 0, size);
	buf->size += size;
	return data;
}

struct igvm_builder *igvm_builder_new(void)
{
	struct igvm_builder *b = calloc(1, sizeof(*b));

	if (b)
		b->version = IGVM_VERSION_1;
	return b;
}

void igvm_builder_free(struct igvm_builder *b)
{
	if (!b)
		return;
	for (int i = 0; i < SECTIONS; i++)
		free(b->section[i].data);
	free(b->data.data);
	free(b->fixups.data);
	free(b);
}

static u32 section_of(u32 type)
{
	type &= ~IGVM_TYPE_OPTIONAL;
	if (type <= IGVM_TYPE_PLATFORM_LAST)
		return PLATFORM;
	return type <= IGVM_TYPE_INIT_LAST ? INIT : DIRECTIVE;
}

void igvm_add_raw(struct igvm_builder *b, u32 type, const void *payload,
		  u32 length)
{
	struct igvm_var_header h = { .type = type, .length = length };
	size_t padded = ((size_t)length + 7) & ~(size_t)7;
	u8 *at = grow(b, &b->section[section_of(type)], sizeof(h) + padded);

	if (!at)
		return;
	memcpy(at, &h, sizeof(h));
	if (length)
		memcpy(at + sizeof(h), payload, length);
}

/* A header whose u32 at @field becomes the file offset of @bytes of @data. */
static void add_with_data(struct igvm_builder *b, u32 type,
			  const void *payload, u32 length, size_t field,
			  const void *data, size_t bytes)
{
	struct buffer *section = &b->section[section_of(type)];
	struct fixup f = { .section = section_of(type) };
	u32 offset = b->data.size;
	u8 *at;

	f.at = section->size + sizeof(struct igvm_var_header) + field;
	igvm_add_raw(b, type, payload, length);
	at = grow(b, &b->data, bytes);
	if (!at)
		return;
	memcpy(at, data, bytes);
	memcpy(section->data + f.at, &offset, sizeof(offset));
	at = grow(b, &b->fixups, sizeof(f));
	if (at)
		memcpy(at, &f, sizeof(f));
}

void igvm_add_platform(struct igvm_builder *b, u32 mask, unsigned int type,
		       u8 highest_vtl, u64 shared_gpa_boundary)
{
	struct igvm_supported_platform p = {
		.mask = mask,
		.highest_vtl = highest_vtl,
		.platform_type = type,
		.platform_version = 1,
		.shared_gpa_boundary = shared_gpa_boundary,
	};

	igvm_add_raw(b, IGVM_SUPPORTED_PLATFORM, &p, sizeof(p));
}

void igvm_add_policy(struct igvm_builder *b, u32 mask, u64 policy)
{
	struct igvm_guest_policy p = { .policy = policy, .mask = mask };

	igvm_add_raw(b, IGVM_GUEST_POLICY, &p, sizeof(p));
}

void igvm_add_required(struct igvm_builder *b, u32 mask, u64 gpa, u64 bytes,
		       u32 flags)
{
	const u64 most = 2ull << 30;

	while (bytes && !b->failed) {
		struct igvm_required_memory p = {
			.gpa = gpa,
			.mask = mask,
			.bytes = bytes < most ? bytes : most,
			.flags = flags,
		};

		igvm_add_raw(b, IGVM_REQUIRED_MEMORY, &p, sizeof(p));
		gpa += p.bytes;
		bytes -= p.bytes;
	}
}

void igvm_add_page(struct igvm_builder *b, u32 mask, u64 gpa,
		   enum igvm_page_type type, u32 flags, const void *data)
{
	struct igvm_page_data p = {
		.gpa = gpa,
		.mask = mask,
		.flags = flags,
		.type = type,
	};

	if (data)
		add_with_data(b, IGVM_PAGE_DATA, &p, sizeof(p),
			      offsetof(struct igvm_page_data, file_offset),
			      data, igvm_page_bytes(&p));
	else
		igvm_add_raw(b, IGVM_PAGE_DATA, &p, sizeof(p));
}

void igvm_add_range(struct igvm_builder *b, u32 mask, u64 gpa,
		    const void *data, u64 size)
{
	static const u8 zeroes[4096];

	for (u64 at = 0; at < size && !b->failed; at += PAGE_SIZE) {
		u64 left = size - at;
		u8 page[4096] = { 0 };

		memcpy(page, (const u8 *)data + at,
		       left < PAGE_SIZE ? left : PAGE_SIZE);
		igvm_add_page(b, mask, gpa + at, IGVM_PAGE_NORMAL, 0,
			      memcmp(page, zeroes, PAGE_SIZE) ? page : NULL);
	}
}

u32 igvm_add_area(struct igvm_builder *b, u64 bytes)
{
	struct igvm_parameter_area p = {
		.bytes = bytes,
		.index = b->areas,
	};

	igvm_add_raw(b, IGVM_PARAMETER_AREA, &p, sizeof(p));
	return b->areas++;
}

void igvm_add_parameter(struct igvm_builder *b, enum igvm_type type,
			u32 index, u32 byte_offset)
{
	struct igvm_parameter p = {
		.index = index,
		.byte_offset = byte_offset,
	};

	igvm_add_raw(b, type, &p, sizeof(p));
}

void igvm_add_insert(struct igvm_builder *b, u32 mask, u32 index, u64 gpa)
{
	struct igvm_parameter_insert p = {
		.gpa = gpa,
		.mask = mask,
		.index = index,
	};

	igvm_add_raw(b, IGVM_PARAMETER_INSERT, &p, sizeof(p));
}

static void add_context(struct igvm_builder *b, u32 mask, u64 gpa,
			u16 vp_index, const void *data, size_t bytes)
{
	struct igvm_vp_context p = {
		.gpa = gpa,
		.mask = mask,
		.vp_index = vp_index,
	};

	add_with_data(b, IGVM_VP_CONTEXT, &p, sizeof(p),
		      offsetof(struct igvm_vp_context, file_offset), data,
		      bytes);
}

void igvm_add_vmsa(struct igvm_builder *b, u32 mask, u64 gpa, u16 vp_index,
		   const struct vmsa *vmsa)
{
	add_context(b, mask, gpa, vp_index, vmsa, sizeof(*vmsa));
}

void igvm_add_native_context(struct igvm_builder *b, u32 mask, u16 vp_index,
			     const struct vmsa *vmsa)
{
	struct igvm_native_context c;

	igvm_vmsa_to_native(vmsa, &c);
	b->version = IGVM_VERSION_2;
	add_context(b, mask, 0, vp_index, &c, sizeof(c));
}

static void apply_fixups(struct igvm_builder *b, u32 data_start)
{
	const struct fixup *f = (const void *)b->fixups.data;

	for (size_t i = 0; i < b->fixups.size / sizeof(*f); i++) {
		u8 *at = b->section[f[i].section].data + f[i].at;
		u32 offset;

		memcpy(&offset, at, sizeof(offset));
		offset += data_start;
		memcpy(at, &offset, sizeof(offset));
	}
}

/* @file has room for the whole file; fixed header last, for the checksum. */
static void put_together(struct igvm_builder *b, u8 *file, u32 fixed,
			 u32 headers, u32 size)
{
	struct igvm_fixed_header_v2 h = {
		.v1.magic = IGVM_MAGIC,
		.v1.version = b->version,
		.v1.header_offset = fixed,
		.v1.header_size = headers,
		.v1.file_size = size,
		.architecture = IGVM_ARCH_X64,
		.page_size = PAGE_SIZE,
	};
	u8 *at = file + fixed;

	for (int i = 0; i < SECTIONS; i++) {
		if (b->section[i].size)
			memcpy(at, b->section[i].data, b->section[i].size);
		at += b->section[i].size;
	}
	if (b->data.size)
		memcpy(at, b->data.data, b->data.size);
	memcpy(file, &h, fixed);
	h.v1.checksum = crc32(crc32(0, NULL, 0), file, fixed + headers);
	memcpy(file, &h, fixed);
}

int igvm_builder_finish(struct igvm_builder *b, void **data, size_t *size,
			struct igvm_error *err)
{
	u32 fixed = b->version == IGVM_VERSION_2 ?
		    sizeof(struct igvm_fixed_header_v2) :
		    sizeof(struct igvm_fixed_header);
	u64 headers = 0, total;

	for (int i = 0; i < SECTIONS; i++)
		headers += b->section[i].size;
	total = fixed + headers + b->data.size;
	if (total > UINT32_MAX)
		fail(b, "the file would exceed 4 GiB");
	*data = b->failed ? NULL : malloc(total);
	if (!*data)
		fail(b, "not enough memory for the file");
	if (b->failed) {
		free(*data);
		*data = NULL;
		return igvm_fail(err, "%s", b->err.text);
	}
	apply_fixups(b, fixed + headers);
	put_together(b, *data, fixed, headers, total);
	*size = total;
	fail(b, "the file was finished before");
	return 0;
}
