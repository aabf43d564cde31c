// SPDX-License-Identifier: MIT
/*
 * What the hypervisor may do to memory: RMPUPDATE, PSMASH, and access to
 * shared pages. APM vol. 2 (24593) sections 15.36.4 and 15.36.5.
 */
#include "machine/internal.h"

/*
 * Translations made under the old entry must go. Inside a #VMEXIT that is
 * done once, before the vCPU goes on; else at once.
 */
static void flush(struct machine *m)
{
	if (m->current >= 0)
		m->flush = true;
	else
		m->ops->tlb_flush_all(m->engine, -1);
}

bool hv_is_ram(struct machine *m, u64 gpa)
{
	return rmp_index(m, gpa) != NO_PAGE;
}

bool hv_is_private(struct machine *m, u64 gpa)
{
	bool present;

	return rmp_lookup(m, gpa, &present) & RMP_ASSIGNED;
}

bool hv_rmp_is_2m(struct machine *m, u64 gpa)
{
	bool present;

	return rmp_lookup(m, gpa, &present) & RMP_LARGE;
}

bool machine_dma_allowed(struct machine *m, u64 gpa)
{
	bool present;

	return hv_is_ram(m, gpa) &&
	       !(rmp_lookup(m, gpa, &present) & (RMP_ASSIGNED | RMP_STALE));
}

/* 2 MiB of RAM at @gpa, without the hole? */
static bool large_is_ram(const struct machine *m, u64 gpa)
{
	return rmp_index(m, gpa) != NO_PAGE &&
	       rmp_index(m, gpa + PAGE_2M - 1) != NO_PAGE &&
	       (gpa || !m->config.hole_end);
}

/* Lest entries differ that are else alike. */
static void settle_2m(struct machine *m, u64 index)
{
	rmp_settle(m, index & ~511ull, 512);
}

static enum hv_rmp update_check(struct machine *m, u64 gpa, bool large)
{
	u64 size = large ? PAGE_2M : PAGE_SIZE;
	u64 index = rmp_index(m, gpa);
	u64 entry;

	if (gpa & (size - 1) || index == NO_PAGE ||
	    (large && !large_is_ram(m, gpa)))
		return HV_RMP_FAIL_INPUT;
	entry = rmp_load(m, index);
	if (!large && entry & RMP_LARGE)
		return HV_RMP_FAIL_OVERLAP;
	if (large && !rmp_uniform(m, index, &entry))
		return HV_RMP_FAIL_OVERLAP;
	if (entry & RMP_IMMUTABLE)
		return HV_RMP_FAIL_IMMUTABLE;
	if (entry & RMP_INUSE)
		return HV_RMP_FAIL_INUSE;
	return HV_RMP_OK;
}

enum hv_rmp hv_rmpupdate(struct machine *m, u64 gpa, bool large,
			 bool assigned)
{
	u64 index = rmp_index(m, gpa);
	enum hv_rmp err;
	u64 old, entry = 0, stale;

	if (large && m->config.no_2m)
		return HV_RMP_FAIL_INPUT;
	if (large && index != NO_PAGE)
		settle_2m(m, index);
	err = update_check(m, gpa, large);
	if (err != HV_RMP_OK)
		return err;
	old = rmp_load(m, index);
	/* On silicon #VMEXIT has long since put the registers into memory. */
	if (old & RMP_VMSA && m->current >= 0)
		vcpu_unload(m, m->current);
	if (assigned)
		entry = RMP_ASSIGNED |
			(u64)VMPL_PERM_ALL << RMP_PERM_SHIFT(0);
	/*
	 * What the launch assigns has been nobody's: its zeroes tell nothing,
	 * and most of it will never be touched.
	 */
	stale = old & RMP_STALE;
	if (assigned != !!(old & RMP_ASSIGNED) && (m->launched || !assigned))
		stale = rmp_stale(m, index, large ? 512 : 1, old);
	/* The nested page tables are another structure. */
	rmp_fill(m, index, large, entry | stale | (old & RMP_ABSENT));
	/*
	 * A shared 2 MiB range needs no large entry: hypervisor pages have
	 * no size that anyone checks.
	 */
	if (large && !assigned)
		rmp_split(m, index);
	flush(m);
	return HV_RMP_OK;
}

enum hv_rmp hv_psmash(struct machine *m, u64 gpa)
{
	u64 index = rmp_index(m, gpa);

	if (gpa & (PAGE_2M - 1) || index == NO_PAGE)
		return HV_RMP_FAIL_INPUT;
	if (!(rmp_load(m, index) & RMP_LARGE))
		return HV_RMP_FAIL_INPUT;
	rmp_split(m, index);
	return HV_RMP_OK;
}

enum hv_rmp hv_unsmash(struct machine *m, u64 gpa)
{
	u64 index = rmp_index(m, gpa);
	u64 entry;

	if (gpa & (PAGE_2M - 1) || m->config.no_2m || !large_is_ram(m, gpa))
		return HV_RMP_FAIL_INPUT;
	settle_2m(m, index);
	if (!rmp_uniform(m, index, &entry))
		return HV_RMP_FAIL_OVERLAP;
	if (entry & RMP_ASSIGNED)
		rmp_fill(m, index, true, entry);
	return HV_RMP_OK;
}

void hv_npt_present(struct machine *m, u64 gpa, bool present)
{
	rmp_flag(m, gpa & PAGE_MASK, RMP_ABSENT, !present);
	flush(m);
}

/* ---- shared memory ------------------------------------------------------ */

void *hv_map(struct machine *m, u64 gpa, enum hv_mem *why)
{
	*why = HV_OK;
	if (!hv_is_ram(m, gpa))
		*why = HV_NOT_RAM;
	else if (hv_is_private(m, gpa))
		*why = HV_PRIVATE;
	if (*why != HV_OK)
		return NULL;
	rmp_settle(m, rmp_index(m, gpa), 1);
	return m->ops->ram(m->engine, gpa & PAGE_MASK);
}

static enum hv_mem range_check(struct machine *m, u64 gpa, size_t len)
{
	enum hv_mem why = HV_OK;

	if (gpa + len < gpa)
		return HV_NOT_RAM;
	for (u64 at = gpa & PAGE_MASK; at < gpa + len; at += PAGE_SIZE)
		if (!hv_map(m, at, &why))
			return why;
	return HV_OK;
}

static void range_copy(struct machine *m, u64 gpa, u8 *buf, size_t len,
		       bool to_guest)
{
	while (len) {
		size_t chunk = PAGE_SIZE - gpa % PAGE_SIZE;
		u8 *page = m->ops->ram(m->engine, gpa & PAGE_MASK);
		u8 *at = page + gpa % PAGE_SIZE;

		if (chunk > len)
			chunk = len;
		if (to_guest)
			__builtin_memcpy(at, buf, chunk);
		else
			__builtin_memcpy(buf, at, chunk);
		gpa += chunk;
		buf += chunk;
		len -= chunk;
	}
}

enum hv_mem hv_read(struct machine *m, u64 gpa, void *buf, size_t len)
{
	enum hv_mem why = range_check(m, gpa, len);

	if (why == HV_OK)
		range_copy(m, gpa, buf, len, false);
	return why;
}

enum hv_mem hv_write(struct machine *m, u64 gpa, const void *buf, size_t len)
{
	enum hv_mem why = range_check(m, gpa, len);

	if (why == HV_OK)
		range_copy(m, gpa, (u8 *)buf, len, true);
	return why;
}
