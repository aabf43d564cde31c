// SPDX-License-Identifier: MIT
/*
 * Page state change: pages go to the guest (private) or come back (shared).
 * 56421 sections 2.3.3 and 4.1.6.
 */
#include "host/ghcb.h"

#define PSC_PAGES_2M	512

/*
 * A page that is in the wanted state already stays as it is, contents and
 * validation included: RMPUPDATE would wipe both for nothing.
 */
bool host_psc_page(struct host *h, u64 gpa, bool private)
{
	if (!hv_is_ram(h->m, gpa))
		return false;
	if (hv_is_private(h->m, gpa) == private)
		return true;
	if (hv_rmp_is_2m(h->m, gpa))
		hv_psmash(h->m, gpa & ~(PAGE_2M - 1));
	return hv_rmpupdate(h->m, gpa, false, private) == HV_RMP_OK;
}

static bool range_differs(struct host *h, u64 gpa, bool private)
{
	for (unsigned int i = 0; i < PSC_PAGES_2M; i++)
		if (hv_is_private(h->m, gpa + i * PAGE_SIZE) == private)
			return false;
	return true;
}

/* ---- the buffer --------------------------------------------------------- */

static unsigned int entry_op(u64 entry)
{
	return (entry & PSC_ENTRY_OP) >> PSC_ENTRY_OP_SHIFT;
}

static unsigned int entry_pages(u64 entry)
{
	return entry & PSC_ENTRY_2M ? PSC_PAGES_2M : 1;
}

/* Progress within a 2 MiB entry is kept where the guest sees it. */
static u64 entry_at(u64 entry, unsigned int cur)
{
	return (entry & ~PSC_ENTRY_CUR) | cur;
}

static bool entry_legal(struct host *h, u64 entry)
{
	u64 gpa = entry & PSC_ENTRY_GFN;
	u64 size = entry_pages(entry) * PAGE_SIZE;

	if (entry >> 57 || (entry & PSC_ENTRY_CUR) > entry_pages(entry))
		return false;
	if (entry_op(entry) < PSC_OP_PRIVATE ||
	    entry_op(entry) > PSC_OP_UNSMASH)
		return false;
	return !(gpa & (size - 1)) && hv_is_ram(h->m, gpa) &&
	       hv_is_ram(h->m, gpa + size - 1);
}

/*
 * 2 MiB at once if the whole range changes; else, or after partial progress,
 * page by page. False: stopped at the page that *entry then names.
 */
static bool entry_change(struct host *h, u64 *entry)
{
	bool private = entry_op(*entry) == PSC_OP_PRIVATE;
	unsigned int pages = entry_pages(*entry);
	unsigned int cur = *entry & PSC_ENTRY_CUR;
	u64 gpa = *entry & PSC_ENTRY_GFN;

	if (pages > 1 && !cur && range_differs(h, gpa, private) &&
	    hv_rmpupdate(h->m, gpa, true, private) == HV_RMP_OK)
		cur = pages;
	while (cur < pages && host_psc_page(h, gpa + cur * PAGE_SIZE, private))
		cur++;
	*entry = entry_at(*entry, cur);
	return cur == pages;
}

/* The other two are hints: what can not be done need not be. */
static bool entry_apply(struct host *h, u64 *entry)
{
	u64 gpa = *entry & PSC_ENTRY_GFN & ~(PAGE_2M - 1);

	switch (entry_op(*entry)) {
	case PSC_OP_PSMASH:
		if (hv_rmp_is_2m(h->m, gpa))
			hv_psmash(h->m, gpa);
		break;
	case PSC_OP_UNSMASH:
		hv_unsmash(h->m, gpa);
		break;
	default:
		return entry_change(h, entry);
	}
	*entry = entry_at(*entry, entry_pages(*entry));
	return true;
}

static u64 buffer_apply(struct host *h, struct psc_buffer *psc)
{
	if (psc->end_entry >= PSC_ENTRIES || psc->reserved)
		return PSC_ERR_HEADER;
	for (; psc->cur_entry <= psc->end_entry; psc->cur_entry++) {
		u64 *entry = &psc->entry[psc->cur_entry];

		if (!entry_legal(h, *entry))
			return PSC_ERR_ENTRY;
		if (!entry_apply(h, entry))
			return PSC_ERR_GENERIC;
	}
	return 0;
}

/* Bounded by the buffer: 253 entries of at most 512 pages. */
void host_ghcb_psc(struct ghcb_call *call)
{
	struct psc_buffer psc;

	if (!host_ghcb_scratch(call, sizeof(psc)))
		return;
	if (!host_ghcb_scratch_read(call, 0, &psc, sizeof(psc)))
		return host_ghcb_refuse(call, GHCB_ERR_SCRATCH, "scratch area");
	call->result2 = buffer_apply(call->host, &psc);
	if (call->result2)
		host_log(call->host, "psc refused", "entry %u: error %#llx",
			 psc.cur_entry, (unsigned long long)call->result2);
	host_ghcb_scratch_write(call, 0, &psc, sizeof(psc));
}
