// SPDX-License-Identifier: MIT
/*
 * The information page: measured, yet checked. A file that was composed
 * wrongly stops here instead of doing harm later. Pure; tested natively.
 */
#include "svsm/info.h"

static bool page_within(u64 gpa, u64 start, u64 end)
{
	return !(gpa % PAGE_SIZE) && gpa >= start && gpa < end;
}

static bool ranges_bad(const struct monitor_range *r, u32 count)
{
	u64 last = 0;

	if (count > MONITOR_RANGES_MAX)
		return true;
	for (u32 i = 0; i < count; i++) {
		if ((r[i].start | r[i].end) % PAGE_SIZE ||
		    r[i].start >= r[i].end || r[i].start < last ||
		    r[i].end > MONITOR_GPA_END)
			return true;
		last = r[i].end;
	}
	return false;
}

bool info_is_guest(const struct monitor_info *in, u64 gpa, u64 bytes)
{
	u64 end = gpa + bytes;

	if (end < gpa)
		return false;
	for (u32 i = 0; i < in->guest_ranges; i++)
		if (gpa >= in->guest[i].start && end <= in->guest[i].end)
			return true;
	return false;
}

static const char *range_bad(const struct monitor_info *in)
{
	u64 end = in->base + in->size;

	if (in->base % PAGE_2M || in->size % PAGE_2M || !in->base ||
	    end <= in->base || end > BIT_ULL(32))
		return "its own range";
	if (ranges_bad(in->guest, in->guest_ranges) || !in->guest_ranges ||
	    ranges_bad(in->unvalidated, in->unvalidated_ranges))
		return "the guest's memory";
	for (u32 i = 0; i < in->guest_ranges; i++)
		if (in->guest[i].start < end && in->guest[i].end > in->base)
			return "a guest's range within its own";
	for (u32 i = 0; i < in->unvalidated_ranges; i++)
		if (!info_is_guest(in, in->unvalidated[i].start,
				   in->unvalidated[i].end -
				   in->unvalidated[i].start))
			return "unvalidated memory that is not the guest's";
	return NULL;
}

static const char *pages_bad(const struct monitor_info *in)
{
	u64 end = in->base + in->size;

	if (!page_within(in->tables, in->base, end) ||
	    !page_within(in->cpuid, in->base, end) ||
	    !page_within(in->secrets, in->base, end) ||
	    !page_within(in->guest_vmsa, in->base, end) ||
	    !page_within(in->cpu_area, in->base, end))
		return "a page outside of its range";
	if (in->cpu_area % MONITOR_CPU_BYTES ||
	    (end - in->cpu_area) / MONITOR_CPU_BYTES < in->cpus)
		return "the memory of its CPUs";
	if (in->flags & MONITOR_UNAWARE)
		return in->guest_cpuid || in->guest_secrets || in->guest_ca ?
		       "pages that the guest does not know of" : NULL;
	if ((in->guest_cpuid | in->guest_secrets | in->guest_ca) % PAGE_SIZE ||
	    !info_is_guest(in, in->guest_cpuid, PAGE_SIZE) ||
	    !info_is_guest(in, in->guest_secrets, PAGE_SIZE) ||
	    !info_is_guest(in, in->guest_ca, PAGE_SIZE))
		return "the guest's pages";
	return NULL;
}

static const char *cpus_bad(const struct monitor_info *in)
{
	if (!in->cpus || in->cpus > MONITOR_CPUS_MAX)
		return "the number of CPUs";
	for (u32 i = 0; i < in->cpus; i++)
		for (u32 j = 0; j < i; j++)
			if (in->apic_id[i] == in->apic_id[j])
				return "an APIC id twice";
	return NULL;
}

const char *info_bad(const struct monitor_info *in)
{
	const char *bad;

	if (in->magic != MONITOR_MAGIC || in->version != MONITOR_VERSION)
		return "magic or version";
	if (!in->guest_vmpl || in->guest_vmpl >= SNP_VMPLS)
		return "the guest's VMPL";
	if (in->c_bit < 32 || in->c_bit > 51)
		return "the C-bit";
	if (in->flags & ~MONITOR_FLAGS)
		return "unknown flags";
	bad = cpus_bad(in);
	if (!bad)
		bad = range_bad(in);
	return bad ? bad : pages_bad(in);
}

/* SEV-SNP ABI 7.1: the host's table, checked by firmware, not by shape. */
const char *info_cpuid_bad(const struct monitor_info *in,
			   const struct snp_cpuid_page *page)
{
	if (page->count > SNP_CPUID_ROWS)
		return "the CPUID page has too many rows";
	for (u32 i = 0; i < page->count; i++) {
		if (page->row[i].eax_in != CPUID_SEV_LEAF)
			continue;
		if ((page->row[i].ebx & 0x3f) != in->c_bit)
			return "the CPUID page has another C-bit";
		return NULL;
	}
	return "the CPUID page lacks leaf 8000001f";
}

bool info_cpu_of(const struct monitor_info *in, u32 apic_id, u32 *index)
{
	for (*index = 0; *index < in->cpus; ++*index)
		if (in->apic_id[*index] == apic_id)
			return true;
	return false;
}
