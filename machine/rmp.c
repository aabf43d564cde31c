// SPDX-License-Identifier: MIT
/*
 * The reverse map table: storage, lookup, and what happens to a page's
 * contents when it changes hands. APM vol. 2 (24593) section 15.36.3.
 */
#include <stdlib.h>

#include "machine/internal.h"

/* Index of the entry of @gpa, NO_PAGE if there is no RAM. */
u64 rmp_index(const struct machine *m, u64 gpa)
{
	u64 below = m->config.ram_below_4g;

	if (gpa >= m->config.hole_start && gpa < m->config.hole_end)
		return NO_PAGE;
	if (gpa < below)
		return gpa / PAGE_SIZE;
	/* A 2 MiB range has 512 aligned entries, wherever low RAM ends. */
	below = (below + PAGE_2M - 1) & ~(PAGE_2M - 1);
	if (gpa >= BIT_ULL(32) && gpa - BIT_ULL(32) < m->config.ram_above_4g)
		return (below + gpa - BIT_ULL(32)) / PAGE_SIZE;
	return NO_PAGE;
}

static u64 load_raw(const struct machine *m, u64 index)
{
	return __atomic_load_n(&m->rmp[index], __ATOMIC_ACQUIRE);
}

/* The reverse. */
static u64 gpa_of(const struct machine *m, u64 index)
{
	u64 below = m->config.ram_below_4g;
	u64 gpa = index * PAGE_SIZE;

	if (gpa < below)
		return gpa;
	return gpa - ((below + PAGE_2M - 1) & ~(PAGE_2M - 1)) + BIT_ULL(32);
}

/* The entry that speaks for page @index: its own or that of its 2 MiB. */
u64 rmp_load(const struct machine *m, u64 index)
{
	u64 large = load_raw(m, index & ~511ull);

	return large & RMP_LARGE ? large : load_raw(m, index);
}

void rmp_store(struct machine *m, u64 index, u64 entry)
{
	__atomic_store_n(&m->rmp[index], entry, __ATOMIC_RELEASE);
}

struct vmsa_slot *vmsa_slot_find(const struct machine *m, u64 gpa)
{
	for (unsigned int i = 0; i < m->slots; i++)
		if (m->slot[i].gpa == gpa)
			return &m->slot[i];
	return NULL;
}

/* Entry of @gpa; *present is false where there is neither RAM nor a slot. */
u64 rmp_lookup(const struct machine *m, u64 gpa, bool *present)
{
	u64 index = rmp_index(m, gpa);
	struct vmsa_slot *slot;

	*present = true;
	if (index != NO_PAGE)
		return rmp_load(m, index);
	slot = vmsa_slot_find(m, gpa & PAGE_MASK);
	*present = slot;
	return slot ? slot->rmp : 0;
}

/* Write one entry, or the 512 of a 2 MiB range as one large entry. */
void rmp_fill(struct machine *m, u64 index, bool large, u64 entry)
{
	if (!large) {
		rmp_store(m, index, entry);
		return;
	}
	/*
	 * The first entry last: until it says LARGE, readers see 4 KiB
	 * entries that already have the new content.
	 */
	for (u64 i = 1; i < 512; i++)
		rmp_store(m, index + i, entry);
	rmp_store(m, index, entry | RMP_LARGE);
}

/* Turn the large entry that covers @index into 512 small ones. */
void rmp_split(struct machine *m, u64 index)
{
	u64 base = index & ~511ull;
	u64 entry = load_raw(m, base);

	if (!(entry & RMP_LARGE))
		return;
	entry &= ~RMP_LARGE;
	for (u64 i = 1; i < 512; i++)
		rmp_store(m, base + i, entry);
	rmp_store(m, base, entry);
}

/* Are the 512 entries of the range alike and in no special use? */
bool rmp_uniform(const struct machine *m, u64 index, u64 *entry)
{
	u64 first = load_raw(m, index);

	*entry = first & ~RMP_LARGE;
	if (first & RMP_LARGE)
		return true;
	if (first & (RMP_VMSA | RMP_INUSE | RMP_ABSENT))
		return false;
	for (u64 i = 1; i < 512; i++)
		if (load_raw(m, index + i) != first)
			return false;
	return true;
}

void rmp_flag(struct machine *m, u64 gpa, u64 flag, bool on)
{
	struct vmsa_slot *slot = vmsa_slot_find(m, gpa);
	u64 index = rmp_index(m, gpa);

	if (slot) {
		slot->rmp = on ? slot->rmp | flag : slot->rmp & ~flag;
		return;
	}
	if (index == NO_PAGE)
		return;
	rmp_split(m, index);
	if (on)
		__atomic_fetch_or(&m->rmp[index], flag, __ATOMIC_ACQ_REL);
	else
		__atomic_fetch_and(&m->rmp[index], ~flag, __ATOMIC_ACQ_REL);
}

/* splitmix64: a fixed bijective mixer, enough to make contents useless. */
static u64 mix(u64 x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static void scramble_page(struct machine *m, u64 gpa)
{
	u64 *word = m->ops->ram(m->engine, gpa);
	u64 key = mix(gpa ^ m->config.seed);

	if (!word)
		return;
	for (unsigned int i = 0; i < PAGE_SIZE / 8; i++)
		word[i] ^= key += 0x9e3779b97f4a7c15ull;
	m->ops->ram_changed(m->engine, gpa);
}

/*
 * A page seen with the other C-bit is ciphertext, or garbage decrypted from
 * plain text. Memory here holds one view only, so the contents are mixed
 * with the page's key when its state changes; a second change restores them,
 * as on silicon with one key. Returns the flag for the new entries.
 */
u64 rmp_stale(struct machine *m, u64 index, u64 pages, u64 old)
{
	if (m->config.switches.scramble_off)
		return 0;
	if (m->stale_from == m->stale_to) {
		m->stale_from = index;
		m->stale_to = index + pages;
	}
	if (index < m->stale_from)
		m->stale_from = index;
	if (index + pages > m->stale_to)
		m->stale_to = index + pages;
	return ~old & RMP_STALE;
}

/* The flag goes last: who finds it gone finds the contents settled. */
void rmp_settle(struct machine *m, u64 index, u64 pages)
{
	for (u64 i = index; i < index + pages; i++) {
		if (!(load_raw(m, i) & RMP_STALE))
			continue;
		scramble_page(m, gpa_of(m, i));
		__atomic_fetch_and(&m->rmp[i], ~RMP_STALE, __ATOMIC_ACQ_REL);
	}
}

void machine_flushed(struct machine *m)
{
	rmp_settle(m, m->stale_from, m->stale_to - m->stale_from);
	m->stale_from = m->stale_to = 0;
}

/*
 * A page that hardware itself reads and writes for @vmpl (the backing page).
 * NULL with *verdict ACCESS_NPF or ACCESS_NOT_VALIDATED.
 */
u32 *rmp_private_page(struct machine *m, unsigned int vmpl, u64 gpa,
		      u64 *verdict)
{
	u64 index = rmp_index(m, gpa);
	u64 need = (u64)(VMPL_PERM_R | VMPL_PERM_W) << RMP_PERM_SHIFT(vmpl);
	u64 entry;

	*verdict = ACCESS_NPF;
	if (index == NO_PAGE)
		return NULL;
	entry = rmp_load(m, index);
	if (!(entry & RMP_ASSIGNED) || entry & RMP_ABSENT)
		return NULL;
	if (!(entry & RMP_VALIDATED)) {
		*verdict = ACCESS_NOT_VALIDATED;
		return NULL;
	}
	if ((entry & need) != need || entry & RMP_VMSA)
		return NULL;
	*verdict = ACCESS_OK;
	return m->ops->ram(m->engine, gpa & PAGE_MASK);
}
