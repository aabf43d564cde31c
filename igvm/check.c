// SPDX-License-Identifier: MIT
/*
 * What the rows of a file say, before anything is done with them. Each rule
 * is the reference crate's unless its comment says that it is ours.
 */
#include <string.h>

#include "igvm/internal.h"

#define PLATFORM_VERSION		1

struct check {
	const struct igvm_file *file;
	u32 masks;			/* declared ones */
	u32 snp;			/* the bit of SEV-SNP, or 0 */
	u32 native;
	u32 types[8];			/* platform types seen, one bit each */
	struct igvm_areas areas;
	u8 snp_vp[8192];		/* vCPUs with a context, a bit each */
	u8 native_vp[8192];
};

struct igvm_area *igvm_area_find(struct igvm_areas *areas, u32 index)
{
	for (u32 i = 0; i < areas->count; i++)
		if (areas->area[i].index == index)
			return &areas->area[i];
	return NULL;
}

/* File data lies behind the headers: [data_start, size). */
static int check_data(const struct check *c, const char *what, u32 offset,
		      u64 bytes, struct igvm_error *err)
{
	const struct igvm_file *f = c->file;

	if (offset < f->data_start)
		return igvm_fail(err, "%s: its content at 0x%x lies in the "
				 "headers", what, offset);
	if (offset > f->size || bytes > f->size - offset)
		return igvm_fail(err, "%s: its content at 0x%x reaches beyond "
				 "the end of the file", what, offset);
	return 0;
}

/* [gpa, gpa + bytes): page aligned, not empty, below 2^52. */
static int check_gpa(const char *what, u64 gpa, u64 bytes, u64 align,
		     struct igvm_error *err)
{
	if (gpa % align)
		return igvm_fail(err, "%s: GPA 0x%llx is misaligned", what,
				 (unsigned long long)gpa);
	if (!bytes || bytes % PAGE_SIZE)
		return igvm_fail(err, "%s: 0x%llx bytes are no whole pages",
				 what, (unsigned long long)bytes);
	if (gpa >= IGVM_MAX_GPA || bytes > IGVM_MAX_GPA - gpa)
		return igvm_fail(err, "%s: GPA 0x%llx has more than 52 bits",
				 what, (unsigned long long)gpa);
	return 0;
}

/* One mask bit and, our rule, one platform type a row. */
static int check_platform(struct check *c, const struct igvm_row *row,
			  struct igvm_error *err)
{
	const struct igvm_supported_platform *p = (const void *)row->payload;
	u32 *seen = &c->types[p->platform_type / 32];

	if (!p->mask || (p->mask & (p->mask - 1)))
		return igvm_fail(err, "SUPPORTED_PLATFORM: mask 0x%x is not "
				 "one bit", p->mask);
	if (c->masks & p->mask)
		return igvm_fail(err, "SUPPORTED_PLATFORM: mask 0x%x is used "
				 "twice", p->mask);
	if (*seen & BIT(p->platform_type % 32))
		return igvm_fail(err, "SUPPORTED_PLATFORM: platform %u appears "
				 "twice", p->platform_type);
	*seen |= BIT(p->platform_type % 32);
	c->masks |= p->mask;
	if (p->platform_type == IGVM_PLATFORM_SNP)
		c->snp = p->mask;
	if (p->platform_type == IGVM_PLATFORM_NATIVE)
		c->native = p->mask;
	if (!(p->mask & (c->snp | c->native)))
		return 0;
	if (p->platform_version != PLATFORM_VERSION)
		return igvm_fail(err, "SUPPORTED_PLATFORM: version %u of %s is "
				 "not known", p->platform_version,
				 igvm_platform_name(p->platform_type));
	return 0;
}

static int check_page(const struct check *c, const struct igvm_row *row,
		      struct igvm_error *err)
{
	const struct igvm_page_data *p = (const void *)row->payload;
	u64 bytes = igvm_page_bytes(p);

	if (p->flags & ~IGVM_PAGE_FLAGS)
		return igvm_fail(err, "PAGE_DATA: flags 0x%x are not known",
				 p->flags);
	if (p->type > IGVM_PAGE_CPUID_XF)
		return igvm_fail(err, "PAGE_DATA: type %u is not known",
				 p->type);
	if (p->reserved)
		return igvm_fail(err, "PAGE_DATA: its reserved field is not "
				 "zero");
	if (p->type != IGVM_PAGE_NORMAL &&
	    (p->flags & (IGVM_PAGE_2MB | IGVM_PAGE_SHARED)))
		return igvm_fail(err, "PAGE_DATA: a secrets or CPUID page "
				 "cannot be large or shared");
	if (check_gpa("PAGE_DATA", p->gpa, bytes, bytes, err))
		return -1;
	if (!p->file_offset)
		return 0;
	return check_data(c, "PAGE_DATA", p->file_offset, bytes, err);
}

static int check_area(struct check *c, const struct igvm_row *row,
		      struct igvm_error *err)
{
	const struct igvm_parameter_area *a = (const void *)row->payload;
	struct igvm_areas *areas = &c->areas;

	if (!a->bytes || a->bytes % PAGE_SIZE)
		return igvm_fail(err, "PARAMETER_AREA: 0x%llx bytes are no "
				 "whole pages", (unsigned long long)a->bytes);
	if (a->bytes > IGVM_MAX_PARAMETER_BYTES - areas->bytes)
		return igvm_fail(err, "PARAMETER_AREA: all areas together "
				 "exceed %llu MiB",
				 IGVM_MAX_PARAMETER_BYTES >> 20);
	if (areas->count == IGVM_MAX_AREAS)
		return igvm_fail(err, "PARAMETER_AREA: more than %u areas",
				 IGVM_MAX_AREAS);
	if (igvm_area_find(areas, a->index))
		return igvm_fail(err, "PARAMETER_AREA: index %u is used twice",
				 a->index);
	if (a->file_offset && check_data(c, "PARAMETER_AREA", a->file_offset,
					 a->bytes, err))
		return -1;
	areas->bytes += a->bytes;
	areas->area[areas->count++] = (struct igvm_area){
		.index = a->index,
		.bytes = a->bytes,
	};
	return 0;
}

static int check_parameter(struct check *c, const struct igvm_row *row,
			   struct igvm_error *err)
{
	const struct igvm_parameter *p = (const void *)row->payload;
	const struct igvm_area *area = igvm_area_find(&c->areas, p->index);
	const char *name = igvm_type_name(row->type);

	if (!area)
		return igvm_fail(err, "%s: parameter area %u is not declared "
				 "before", name, p->index);
	if (area->inserted)
		return igvm_fail(err, "%s: parameter area %u was inserted "
				 "before", name, p->index);
	if (p->byte_offset >= area->bytes)
		return igvm_fail(err, "%s: offset 0x%x lies outside of "
				 "parameter area %u", name, p->byte_offset,
				 p->index);
	return 0;
}

static int check_insert(struct check *c, const struct igvm_row *row,
			struct igvm_error *err)
{
	const struct igvm_parameter_insert *p = (const void *)row->payload;
	struct igvm_area *area = igvm_area_find(&c->areas, p->index);

	if (!area)
		return igvm_fail(err, "PARAMETER_INSERT: parameter area %u is "
				 "not declared before", p->index);
	if (area->inserted & p->mask)
		return igvm_fail(err, "PARAMETER_INSERT: parameter area %u is "
				 "inserted twice", p->index);
	area->inserted |= p->mask;
	return check_gpa("PARAMETER_INSERT", p->gpa, area->bytes, PAGE_SIZE,
			 err);
}

static int check_snp_context(const struct check *c,
			     const struct igvm_vp_context *p,
			     struct igvm_error *err)
{
	struct vmsa vmsa;

	if (check_data(c, "VP_CONTEXT", p->file_offset, sizeof(vmsa), err) ||
	    check_gpa("VP_CONTEXT", p->gpa, PAGE_SIZE, PAGE_SIZE, err))
		return -1;
	memcpy(&vmsa, c->file->data + p->file_offset, sizeof(vmsa));
	return igvm_check_vmsa(&vmsa, err);
}

static int check_native_context(const struct check *c,
				const struct igvm_vp_context *p,
				struct igvm_error *err)
{
	struct igvm_native_context context;

	if (c->file->version < IGVM_VERSION_2)
		return igvm_fail(err, "VP_CONTEXT: a native context needs "
				 "format version 2");
	if (p->gpa)
		return igvm_fail(err, "VP_CONTEXT: a native context has a GPA");
	if (check_data(c, "VP_CONTEXT", p->file_offset, sizeof(context), err))
		return -1;
	memcpy(&context, c->file->data + p->file_offset, sizeof(context));
	return igvm_check_native(&context, err);
}

/* Our rule: the reference crate takes only one context in all. */
static int check_vp_index(u8 *seen, u16 vp_index, struct igvm_error *err)
{
	if (seen[vp_index / 8] & BIT(vp_index % 8))
		return igvm_fail(err, "VP_CONTEXT: vCPU %u has two contexts",
				 vp_index);
	seen[vp_index / 8] |= BIT(vp_index % 8);
	return 0;
}

/* Contexts of other platforms have contents that nobody here reads. */
static int check_context(struct check *c, const struct igvm_row *row,
			 struct igvm_error *err)
{
	const struct igvm_vp_context *p = (const void *)row->payload;

	if (p->reserved)
		return igvm_fail(err, "VP_CONTEXT: its reserved field is not "
				 "zero");
	if ((p->mask & c->snp) && (p->mask & c->native))
		return igvm_fail(err, "VP_CONTEXT: one context cannot serve "
				 "both SEV-SNP and the native platform");
	if (p->mask & c->snp)
		return check_vp_index(c->snp_vp, p->vp_index, err) ?:
		       check_snp_context(c, p, err);
	if (p->mask & c->native)
		return check_vp_index(c->native_vp, p->vp_index, err) ?:
		       check_native_context(c, p, err);
	return 0;
}

static int check_required(const struct igvm_row *row, struct igvm_error *err)
{
	const struct igvm_required_memory *p = (const void *)row->payload;

	if (p->reserved || (p->flags & ~IGVM_REQUIRED_VTL2))
		return igvm_fail(err, "REQUIRED_MEMORY: flags 0x%x are not "
				 "known", p->flags);
	return check_gpa("REQUIRED_MEMORY", p->gpa, p->bytes, PAGE_SIZE, err);
}

static int check_error_range(const struct igvm_row *row,
			     struct igvm_error *err)
{
	const struct igvm_error_range *p = (const void *)row->payload;

	return check_gpa("ERROR_RANGE", p->gpa, p->bytes, PAGE_SIZE, err);
}

static int check_policy(const struct igvm_row *row, struct igvm_error *err)
{
	const struct igvm_guest_policy *p = (const void *)row->payload;

	if (p->reserved)
		return igvm_fail(err, "GUEST_POLICY: its reserved field is not "
				 "zero");
	return 0;
}

static int check_row(struct check *c, const struct igvm_row *row,
		     struct igvm_error *err)
{
	u32 mask = igvm_row_mask(row);

	if (row->type == IGVM_SUPPORTED_PLATFORM)
		return check_platform(c, row, err);
	if (igvm_is_optional(row->type))
		return 0;
	if (!(mask & c->masks))
		return igvm_fail(err, "%s: mask 0x%x names no declared "
				 "platform", igvm_type_name(row->type), mask);
	if (igvm_is_parameter(row->type))
		return check_parameter(c, row, err);
	switch (row->type) {
	case IGVM_GUEST_POLICY:
		return check_policy(row, err);
	case IGVM_PARAMETER_AREA:
		return check_area(c, row, err);
	case IGVM_PAGE_DATA:
		return check_page(c, row, err);
	case IGVM_PARAMETER_INSERT:
		return check_insert(c, row, err);
	case IGVM_VP_CONTEXT:
		return check_context(c, row, err);
	case IGVM_REQUIRED_MEMORY:
		return check_required(row, err);
	case IGVM_ERROR_RANGE:
		return check_error_range(row, err);
	default:
		/* Relocations (we load in place), CoRIM, signatures. */
		return 0;
	}
}

int igvm_check(const struct igvm_file *file, struct igvm_error *err)
{
	struct check c = { .file = file };

	for (u32 i = 0; i < file->rows; i++)
		if (check_row(&c, &file->row[i], err))
			return -1;
	if (!c.masks)
		return igvm_fail(err, "the file names no platform");
	for (u32 bit = 0; bit < 32; bit++)
		if ((c.masks & BIT(bit)) &&
		    igvm_check_overlap(file, BIT(bit), err))
			return -1;
	return 0;
}
