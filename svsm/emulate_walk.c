// SPDX-License-Identifier: MIT
/*
 * Linear to physical by the guest's page tables (APM chapter 5), to fetch an
 * instruction or to reach the memory of INS and OUTS. Rights are not checked:
 * the instruction ran, so its code was executable; its data is the guest's.
 */
#include "svsm/paravisor.h"

#define CR0_PG		BIT_ULL(31)
#define CR4_PSE		BIT_ULL(4)
#define CR4_PAE		BIT_ULL(5)
#define CR4_LA57	BIT_ULL(12)
#define PTE_PRESENT	BIT_ULL(0)
#define PTE_LARGE	BIT_ULL(7)
#define PTE_ADDRESS	0x000ffffffffff000ull

struct walk {
	unsigned int levels;
	unsigned int bits;	/* of the index at each level */
	unsigned int size;	/* of an entry */
	u64 root;
	bool large4;		/* 4 MiB pages */
};

static struct walk walk_of(const struct vmsa *vmsa)
{
	if (!(vmsa->cr4 & CR4_PAE))
		return (struct walk){ 2, 10, 4, vmsa->cr3 & 0xfffff000,
				      vmsa->cr4 & CR4_PSE };
	if (!(vmsa->efer & EFER_LMA))
		return (struct walk){ 3, 9, 8, vmsa->cr3 & 0xffffffe0, false };
	return (struct walk){ vmsa->cr4 & CR4_LA57 ? 5 : 4, 9, 8,
			      vmsa->cr3 & PTE_ADDRESS, false };
}

/* Does an entry at this level map a page (level 1: always)? */
static bool is_leaf(const struct walk *w, unsigned int level, u64 entry)
{
	if (level == 1)
		return true;
	if (!(entry & PTE_LARGE))
		return false;
	return w->size == 4 ? w->large4 : level == 2 || level == 3;
}

bool emulate_translate(struct paravisor_vcpu *v, u64 linear, u64 *gpa)
{
	struct walk w = walk_of(v->vmsa);
	unsigned int level, shift;
	u64 entry, index, table = w.root;

	*gpa = linear;
	if (!(v->vmsa->cr0 & CR0_PG))
		return true;
	for (level = w.levels; level; level--) {
		shift = 12 + (level - 1) * w.bits;
		index = linear >> shift & ((1u << w.bits) - 1);
		entry = 0;
		if (!v->guest->ops->read(v->cpu, table + index * w.size,
					 &entry, w.size) ||
		    !(entry & PTE_PRESENT))
			return false;
		table = entry & PTE_ADDRESS;
		if (!is_leaf(&w, level, entry))
			continue;
		*gpa = (table & ~((1ull << shift) - 1)) |
		       (linear & ((1ull << shift) - 1));
		return true;
	}
	return false;
}

/* Bytes up to the end of the page, at most n. */
static unsigned int in_page(u64 linear, unsigned int n)
{
	unsigned int left = PAGE_SIZE - (linear & ~PAGE_MASK);

	return left < n ? left : n;
}

bool emulate_read(struct paravisor_vcpu *v, u64 linear, void *to,
		  unsigned int n)
{
	unsigned int part;
	u8 *at = to;
	u64 gpa;

	for (; n; n -= part, at += part, linear += part) {
		part = in_page(linear, n);
		if (!emulate_translate(v, linear, &gpa) ||
		    !v->guest->ops->read(v->cpu, gpa, at, part))
			return false;
	}
	return true;
}

bool emulate_write(struct paravisor_vcpu *v, u64 linear, const void *from,
		   unsigned int n)
{
	const u8 *at = from;
	unsigned int part;
	u64 gpa;

	for (; n; n -= part, at += part, linear += part) {
		part = in_page(linear, n);
		if (!emulate_translate(v, linear, &gpa) ||
		    !v->guest->ops->write(v->cpu, gpa, at, part))
			return false;
	}
	return true;
}
