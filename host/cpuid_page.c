// SPDX-License-Identifier: MIT
/*
 * The CPUID page of a launch (SEV-SNP firmware ABI, 56860, section 7.1).
 */
#include <string.h>

#include "host/internal.h"

/*
 * The rows that Linux and SVSMs look for (contract 7.2). Of leaf D, rows 0
 * and 1 are for XCR0 = 1; guests recompute EBX for the XCR0 they set.
 */
static const struct {
	u32 leaf;
	u8 subleaves;
} page_rows[] = {
	{ 0x80000000, 1 }, { 0x8000001f, 1 },
	{ 0, 1 }, { 1, 1 }, { 2, 1 }, { 4, 4 }, { 5, 1 }, { 6, 1 }, { 7, 2 },
	{ 0xb, 2 }, { CPUID_XSAVE_LEAF, 3 },
	{ CPUID_HV_LEAF, 1 }, { CPUID_HV_LEAF + 1, 1 },
	{ 0x80000001, 1 }, { 0x80000002, 1 }, { 0x80000003, 1 },
	{ 0x80000004, 1 }, { 0x80000005, 1 }, { 0x80000006, 1 },
	{ 0x80000007, 1 }, { 0x80000008, 1 }, { 0x8000000a, 1 },
	{ 0x80000019, 1 }, { 0x8000001a, 1 }, { 0x8000001d, 4 },
	{ 0x8000001e, 1 },
};

static void page_row(struct host *h, struct snp_cpuid_page *page, u32 leaf,
		     u32 subleaf)
{
	struct snp_cpuid_row *row = &page->row[page->count++];
	u32 regs[4];

	host_cpuid(h, 0, leaf, subleaf, 1, regs);
	row->eax_in = leaf;
	row->ecx_in = subleaf;
	if (leaf == CPUID_XSAVE_LEAF && subleaf < 2)
		row->xcr0_in = 1;
	row->eax = regs[0];
	row->ebx = regs[1];
	row->ecx = regs[2];
	row->edx = regs[3];
}

void host_cpuid_page(struct host *h, struct snp_cpuid_page *page)
{
	bool xsave = host_has_xsave(h, 0);

	memset(page, 0, sizeof(*page));
	for (size_t i = 0; i < ARRAY_SIZE(page_rows); i++) {
		if (page_rows[i].leaf == CPUID_XSAVE_LEAF && !xsave)
			continue;
		for (u32 n = 0; n < page_rows[i].subleaves; n++)
			page_row(h, page, page_rows[i].leaf, n);
	}
}
