// SPDX-License-Identifier: MIT
/*
 * Two rows of one platform that fill the same page: the launch would refuse
 * the second one, or silently lose the first. Our rule; no file needs it.
 */
#include <stdlib.h>

#include "igvm/internal.h"

struct span {
	u64 start;
	u64 end;
	u32 type;
};

static int by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->type < y->type ? -1 : x->type > y->type;
}

static u64 area_bytes(const struct igvm_file *file, u32 index)
{
	for (u32 i = 0; i < file->rows; i++) {
		const struct igvm_parameter_area *a;

		if (file->row[i].type != IGVM_PARAMETER_AREA)
			continue;
		a = (const void *)file->row[i].payload;
		if (a->index == index)
			return a->bytes;
	}
	return 0;
}

/* False if the row fills no page. */
static bool span_of(const struct igvm_file *file, const struct igvm_row *row,
		    struct span *s)
{
	const struct igvm_parameter_insert *insert;
	const struct igvm_vp_context *context;
	const struct igvm_page_data *page;

	s->type = row->type;
	switch (row->type) {
	case IGVM_PAGE_DATA:
		page = (const void *)row->payload;
		s->start = page->gpa;
		s->end = page->gpa + igvm_page_bytes(page);
		return true;
	case IGVM_PARAMETER_INSERT:
		insert = (const void *)row->payload;
		s->start = insert->gpa;
		s->end = insert->gpa + area_bytes(file, insert->index);
		return true;
	case IGVM_VP_CONTEXT:
		context = (const void *)row->payload;
		s->start = context->gpa;
		s->end = context->gpa + PAGE_SIZE;
		return context->gpa;	/* 0: it fills no page */
	default:
		return false;
	}
}

/*
 * Hosts keep each vCPU's VMSA out of guest RAM at IGVM_KVM_VMSA_GPA, so
 * several contexts may name that one.
 */
static int check_pair(const struct span *a, const struct span *b,
		      struct igvm_error *err)
{
	if (a->type == IGVM_VP_CONTEXT && b->type == IGVM_VP_CONTEXT &&
	    a->start == IGVM_KVM_VMSA_GPA && b->start == a->start)
		return 0;
	if (b->start < a->end)
		return igvm_fail(err, "%s and %s overlap at GPA 0x%llx",
				 igvm_type_name(a->type),
				 igvm_type_name(b->type),
				 (unsigned long long)b->start);
	return 0;
}

int igvm_check_overlap(const struct igvm_file *file, u32 mask,
		       struct igvm_error *err)
{
	struct span *span = calloc(file->rows + 1, sizeof(*span));
	u32 spans = 0;
	int ret = 0;

	if (!span)
		return igvm_fail(err, "not enough memory to compare %u "
				 "headers", file->rows);
	for (u32 i = 0; i < file->rows; i++)
		if ((igvm_row_mask(&file->row[i]) & mask) &&
		    span_of(file, &file->row[i], &span[spans]))
			spans++;
	qsort(span, spans, sizeof(*span), by_start);
	for (u32 i = 1; i < spans && !ret; i++)
		ret = check_pair(&span[i - 1], &span[i], err);
	free(span);
	return ret;
}
