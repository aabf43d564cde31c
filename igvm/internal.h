/* SPDX-License-Identifier: MIT */
/* What the files of igvm/ share and nobody else sees. */
#ifndef IGVM_INTERNAL_H
#define IGVM_INTERNAL_H

#include "igvm/igvm.h"

#define IGVM_MAX_AREAS			256

/* One variable header; the payload points into igvm_file.headers. */
struct igvm_row {
	u32 type;
	u32 length;
	const u8 *payload;
};

struct igvm_file {
	const u8 *data;			/* the caller's */
	u32 size;
	u32 version;
	u32 data_start;			/* where file data may begin */
	u8 *headers;			/* own copy of the variable headers */
	struct igvm_row *row;
	u32 rows;
};

/* A declared parameter area, while a walk over the rows is under way. */
struct igvm_area {
	u32 index;
	u32 file_offset;
	u64 bytes;
	u32 inserted;			/* masks it was inserted for */
	u8 *content;			/* igvm_load() only */
};

struct igvm_areas {
	u32 count;
	u64 bytes;
	struct igvm_area area[IGVM_MAX_AREAS];
};

struct igvm_area *igvm_area_find(struct igvm_areas *areas, u32 index);

static inline bool igvm_is_optional(u32 type)
{
	return type & IGVM_TYPE_OPTIONAL;
}

/* Types whose payload is struct igvm_parameter. */
bool igvm_is_parameter(u32 type);
/* The compatibility mask of a row; all ones if its type has none. */
u32 igvm_row_mask(const struct igvm_row *row);
/* Bytes of RAM that a PAGE_DATA row fills. */
static inline u64 igvm_page_bytes(const struct igvm_page_data *page)
{
	return page->flags & IGVM_PAGE_2MB ? PAGE_2M : PAGE_SIZE;
}

/* check.c: everything but the shape of headers. */
int igvm_check(const struct igvm_file *file, struct igvm_error *err);
/* overlap.c: no two rows of one platform fill the same page. */
int igvm_check_overlap(const struct igvm_file *file, u32 mask,
		       struct igvm_error *err);
/* context.c: contents of VP_CONTEXT. */
int igvm_check_vmsa(const struct vmsa *vmsa, struct igvm_error *err);
int igvm_check_native(const struct igvm_native_context *c,
		      struct igvm_error *err);
void igvm_native_to_vmsa(const struct igvm_native_context *c,
			 struct vmsa *vmsa);
void igvm_vmsa_to_native(const struct vmsa *vmsa,
			 struct igvm_native_context *c);

#endif
