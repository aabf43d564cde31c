// SPDX-License-Identifier: MIT
/* An IGVM file for people: one header a line, runs of equal pages joined. */
#include <inttypes.h>
#include <string.h>

#include "igvm/internal.h"

static const char *const page_types[] = {
	[IGVM_PAGE_NORMAL] = "normal",
	[IGVM_PAGE_SECRETS] = "secrets",
	[IGVM_PAGE_CPUID_DATA] = "CPUID",
	[IGVM_PAGE_CPUID_XF] = "CPUID-XF",
};

static void show_platform(const struct igvm_row *row, FILE *out)
{
	const struct igvm_supported_platform *p = (const void *)row->payload;

	fprintf(out, "mask %08x  %s, version %u, highest VTL %u", p->mask,
		igvm_platform_name(p->platform_type), p->platform_version,
		p->highest_vtl);
	if (p->shared_gpa_boundary)
		fprintf(out, ", shared from %" PRIx64, p->shared_gpa_boundary);
}

/* Two pages that one line can tell: neighbours of the same kind. */
static bool joins(const struct igvm_row *a, const struct igvm_row *b)
{
	const struct igvm_page_data *p = (const void *)a->payload;
	const struct igvm_page_data *q = (const void *)b->payload;

	return b->type == IGVM_PAGE_DATA && p->mask == q->mask &&
	       p->flags == q->flags && p->type == q->type &&
	       !p->file_offset == !q->file_offset &&
	       p->gpa + igvm_page_bytes(p) == q->gpa;
}

/* Returns the index of the last row of the run. */
static u32 show_pages(const struct igvm_file *file, u32 first, FILE *out)
{
	const struct igvm_page_data *p = (const void *)file->row[first].payload;
	const struct igvm_page_data *q;
	u32 last = first;

	while (last + 1 < file->rows &&
	       joins(&file->row[last], &file->row[last + 1]))
		last++;
	q = (const void *)file->row[last].payload;
	fprintf(out, "mask %08x  gpa %" PRIx64 "..%" PRIx64
		"  %u %s%s page%s%s%s", p->mask, p->gpa,
		q->gpa + igvm_page_bytes(q) - 1,
		last - first + 1,
		p->file_offset ? "" : "zero ", page_types[p->type],
		last > first ? "s" : "",
		p->flags & IGVM_PAGE_2MB ? ", 2 MiB" : "",
		p->flags & IGVM_PAGE_UNMEASURED ? ", unmeasured" : "");
	if (p->flags & IGVM_PAGE_SHARED)
		fputs(", shared", out);
	return last;
}

static void show_vmsa(const struct vmsa *v, FILE *out)
{
	fprintf(out, "\n\tvmpl %u  features %" PRIx64 "  vintr %" PRIx64
		"\n\trip %" PRIx64 "  rsp %" PRIx64 "  rsi %" PRIx64
		"  rdi %" PRIx64 "\n\tcr0 %" PRIx64 "  cr3 %" PRIx64
		"  cr4 %" PRIx64 "  efer %" PRIx64,
		v->vmpl, v->sev_features, v->vintr_ctrl, v->rip, v->rsp,
		v->rsi, v->rdi, v->cr0, v->cr3, v->cr4, v->efer);
}

static u32 mask_of(const struct igvm_file *file, unsigned int platform)
{
	for (u32 i = 0; i < file->rows; i++) {
		const struct igvm_supported_platform *p;

		p = (const void *)file->row[i].payload;
		if (file->row[i].type == IGVM_SUPPORTED_PLATFORM &&
		    p->platform_type == platform)
			return p->mask;
	}
	return 0;
}

static void show_context(const struct igvm_file *file,
			 const struct igvm_row *row, FILE *out)
{
	const struct igvm_vp_context *p = (const void *)row->payload;
	struct igvm_native_context native;
	struct vmsa vmsa;

	fprintf(out, "mask %08x  vCPU %u  gpa %" PRIx64, p->mask, p->vp_index,
		(u64)p->gpa);
	if (p->mask & mask_of(file, IGVM_PLATFORM_SNP)) {
		memcpy(&vmsa, file->data + p->file_offset, sizeof(vmsa));
		show_vmsa(&vmsa, out);
	} else if (p->mask & mask_of(file, IGVM_PLATFORM_NATIVE)) {
		memcpy(&native, file->data + p->file_offset, sizeof(native));
		igvm_native_to_vmsa(&native, &vmsa);
		show_vmsa(&vmsa, out);
	}
}

static void show_other(const struct igvm_row *row, FILE *out)
{
	const struct igvm_parameter *param = (const void *)row->payload;
	const struct igvm_guest_policy *policy = (const void *)row->payload;
	const struct igvm_parameter_area *area = (const void *)row->payload;
	const struct igvm_parameter_insert *ins = (const void *)row->payload;
	const struct igvm_required_memory *req = (const void *)row->payload;
	const struct igvm_error_range *error = (const void *)row->payload;

	if (igvm_is_parameter(row->type)) {
		fprintf(out, "area %u, offset %x", param->index,
			param->byte_offset);
		return;
	}
	switch (row->type) {
	case IGVM_GUEST_POLICY:
		fprintf(out, "mask %08x  policy %" PRIx64, policy->mask,
			policy->policy);
		break;
	case IGVM_PARAMETER_AREA:
		fprintf(out, "area %u, %" PRIu64 " bytes%s", area->index,
			area->bytes, area->file_offset ? ", from file" : "");
		break;
	case IGVM_PARAMETER_INSERT:
		fprintf(out, "mask %08x  gpa %" PRIx64 "  area %u", ins->mask,
			ins->gpa, ins->index);
		break;
	case IGVM_REQUIRED_MEMORY:
		fprintf(out, "mask %08x  gpa %" PRIx64 "..%" PRIx64 "%s",
			req->mask, req->gpa, req->gpa + req->bytes - 1,
			req->flags ? "  VTL2-protectable" : "");
		break;
	case IGVM_ERROR_RANGE:
		fprintf(out, "mask %08x  gpa %" PRIx64 "..%" PRIx64,
			error->mask, error->gpa,
			error->gpa + error->bytes - 1);
		break;
	default:
		fprintf(out, "%u bytes, ignored", row->length);
		break;
	}
}

void igvm_show(const struct igvm_file *file, FILE *out)
{
	fprintf(out, "IGVM version %u, %u bytes, %u headers\n", file->version,
		file->size, file->rows);
	for (u32 i = 0; i < file->rows; i++) {
		const struct igvm_row *row = &file->row[i];
		const char *name = igvm_type_name(row->type);

		if (name)
			fprintf(out, "%-18s ", name);
		else
			fprintf(out, "type %08x      ", row->type);
		if (row->type == IGVM_SUPPORTED_PLATFORM)
			show_platform(row, out);
		else if (row->type == IGVM_PAGE_DATA)
			i = show_pages(file, i, out);
		else if (row->type == IGVM_VP_CONTEXT)
			show_context(file, row, out);
		else
			show_other(row, out);
		fputc('\n', out);
	}
}
