// SPDX-License-Identifier: MIT
/*
 * Walk a checked file for one platform, in file order, and hand it to a sink.
 * What QEMU's backends/igvm.c does, without a machine.
 */
#include <stdlib.h>
#include <string.h>

#include "igvm/internal.h"

struct load {
	const struct igvm_file *file;
	const struct igvm_machine *info;
	const struct igvm_sink *sink;
	void *ctx;
	struct igvm_error *err;
	unsigned int platform;
	struct igvm_areas areas;
};

static u32 platform_mask(const struct igvm_file *file, unsigned int platform)
{
	for (u32 i = 0; i < file->rows; i++) {
		const struct igvm_supported_platform *p;

		if (file->row[i].type != IGVM_SUPPORTED_PLATFORM)
			continue;
		p = (const void *)file->row[i].payload;
		if (p->platform_type == platform)
			return p->mask;
	}
	return 0;
}

bool igvm_supports(const struct igvm_file *file, unsigned int platform)
{
	return platform_mask(file, platform);
}

static int stopped(struct load *l, const char *what, u64 gpa)
{
	return igvm_fail(l->err, "the machine refused the %s at GPA 0x%llx",
			 what, (unsigned long long)gpa);
}

static int load_page(struct load *l, const struct igvm_row *row)
{
	const struct igvm_page_data *p = (const void *)row->payload;
	const u8 *data = p->file_offset ? l->file->data + p->file_offset : NULL;

	if (!l->sink->page)
		return 0;
	for (u64 at = 0; at < igvm_page_bytes(p); at += PAGE_SIZE)
		if (l->sink->page(l->ctx, p->gpa + at, p->type, p->flags,
				  data ? data + at : NULL))
			return stopped(l, "page", p->gpa + at);
	return 0;
}

static int load_area(struct load *l, const struct igvm_row *row)
{
	const struct igvm_parameter_area *a = (const void *)row->payload;
	u8 *content = calloc(1, a->bytes);

	if (!content)
		return igvm_fail(l->err, "not enough memory for a parameter "
				 "area of 0x%llx bytes",
				 (unsigned long long)a->bytes);
	if (a->file_offset)
		memcpy(content, l->file->data + a->file_offset, a->bytes);
	l->areas.area[l->areas.count++] = (struct igvm_area){
		.index = a->index,
		.bytes = a->bytes,
		.content = content,
	};
	return 0;
}

static int put(struct load *l, const struct igvm_row *row, const void *data,
	       u64 bytes)
{
	const struct igvm_parameter *p = (const void *)row->payload;
	struct igvm_area *area = igvm_area_find(&l->areas, p->index);

	if (bytes > area->bytes - p->byte_offset)
		return igvm_fail(l->err, "%s: %llu bytes do not fit into "
				 "parameter area %u at 0x%x",
				 igvm_type_name(row->type),
				 (unsigned long long)bytes, p->index,
				 p->byte_offset);
	if (bytes)
		memcpy(area->content + p->byte_offset, data, bytes);
	return 0;
}

/* The entries, and an empty one behind them if there is room for it. */
static int put_map(struct load *l, const struct igvm_row *row)
{
	const struct igvm_parameter *p = (const void *)row->payload;
	struct igvm_area *area = igvm_area_find(&l->areas, p->index);
	const u64 entry = sizeof(struct igvm_memory_map_entry);
	u64 bytes = entry * l->info->map_entries;

	if (put(l, row, l->info->map, bytes))
		return -1;
	if (area->bytes - p->byte_offset - bytes >= entry)
		memset(area->content + p->byte_offset + bytes, 0, entry);
	return 0;
}

/* Types that we have nothing to say for leave their area as it is. */
static int load_parameter(struct load *l, const struct igvm_row *row)
{
	const struct igvm_machine *info = l->info;

	switch (row->type) {
	case IGVM_VP_COUNT:
		return put(l, row, &info->vp_count, sizeof(info->vp_count));
	case IGVM_ENVIRONMENT_INFO:
		return put(l, row, &info->environment,
			   sizeof(info->environment));
	case IGVM_MEMORY_MAP:
		return put_map(l, row);
	case IGVM_MADT:
		return put(l, row, info->madt, info->madt_bytes);
	case IGVM_COMMAND_LINE:
		if (!info->command_line)
			return 0;
		return put(l, row, info->command_line,
			   strlen(info->command_line) + 1);
	default:
		return 0;
	}
}

static int load_insert(struct load *l, const struct igvm_row *row)
{
	const struct igvm_parameter_insert *p = (const void *)row->payload;
	struct igvm_area *area = igvm_area_find(&l->areas, p->index);

	if (l->sink->params &&
	    l->sink->params(l->ctx, p->gpa, area->content, area->bytes))
		return stopped(l, "parameter area", p->gpa);
	return 0;
}

static int load_context(struct load *l, const struct igvm_row *row)
{
	const struct igvm_vp_context *p = (const void *)row->payload;
	struct igvm_native_context native;
	const u8 *data = l->file->data + p->file_offset;
	struct vmsa vmsa;

	if (l->platform == IGVM_PLATFORM_SNP) {
		memcpy(&vmsa, data, sizeof(vmsa));
	} else if (l->platform == IGVM_PLATFORM_NATIVE) {
		memcpy(&native, data, sizeof(native));
		igvm_native_to_vmsa(&native, &vmsa);
	} else {
		return igvm_fail(l->err, "VP_CONTEXT: contexts for %s are not "
				 "known", igvm_platform_name(l->platform));
	}
	if (l->sink->vp_context &&
	    l->sink->vp_context(l->ctx, p->gpa, p->vp_index, &vmsa))
		return stopped(l, "VP context", p->gpa);
	return 0;
}

static int load_required(struct load *l, const struct igvm_row *row)
{
	const struct igvm_required_memory *p = (const void *)row->payload;

	if (l->sink->required &&
	    l->sink->required(l->ctx, p->gpa, p->bytes, p->flags))
		return stopped(l, "required memory", p->gpa);
	return 0;
}

static int load_policy(struct load *l, const struct igvm_row *row)
{
	const struct igvm_guest_policy *p = (const void *)row->payload;

	if (l->sink->policy && l->sink->policy(l->ctx, p->policy))
		return igvm_fail(l->err, "the machine refused the launch "
				 "policy 0x%llx",
				 (unsigned long long)p->policy);
	return 0;
}

static int load_row(struct load *l, const struct igvm_row *row)
{
	if (igvm_is_parameter(row->type))
		return load_parameter(l, row);
	switch (row->type) {
	case IGVM_GUEST_POLICY:
		return load_policy(l, row);
	case IGVM_PARAMETER_AREA:
		return load_area(l, row);
	case IGVM_PAGE_DATA:
		return load_page(l, row);
	case IGVM_PARAMETER_INSERT:
		return load_insert(l, row);
	case IGVM_VP_CONTEXT:
		return load_context(l, row);
	case IGVM_REQUIRED_MEMORY:
		return load_required(l, row);
	default:
		return 0;
	}
}

int igvm_load(const struct igvm_file *file, unsigned int platform,
	      const struct igvm_machine *info, const struct igvm_sink *sink,
	      void *ctx, struct igvm_error *err)
{
	struct load l = {
		.file = file,
		.info = info,
		.sink = sink,
		.ctx = ctx,
		.err = err,
		.platform = platform,
	};
	u32 mask = platform_mask(file, platform);
	int ret = 0;

	if (!mask)
		return igvm_fail(err, "the file is not made for %s",
				 igvm_platform_name(platform));
	for (u32 i = 0; i < file->rows && !ret; i++)
		if (igvm_row_mask(&file->row[i]) & mask)
			ret = load_row(&l, &file->row[i]);
	for (u32 i = 0; i < l.areas.count; i++)
		free(l.areas.area[i].content);
	return ret;
}
