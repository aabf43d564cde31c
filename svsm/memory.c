// SPDX-License-Identifier: MIT
/*
 * Page tables. Those of the monitor's range came with the file; here come
 * the CPU areas, and one large map of the guest's memory. No entry is ever
 * changed once it is present, so no TLB has to be flushed. Nothing added is
 * executable.
 */
#include "svsm/insn.h"
#include "svsm/rmp.h"
#include "svsm/svsm.h"

#define PTE_P		BIT_ULL(0)
#define PTE_W		BIT_ULL(1)
#define PTE_A		BIT_ULL(5)
#define PTE_D		BIT_ULL(6)
#define PTE_LARGE	BIT_ULL(7)
#define PTE_NX		BIT_ULL(63)
#define PTE_DATA	(PTE_P | PTE_W | PTE_A | PTE_D | PTE_NX)
#define PTE_LINK	(PTE_P | PTE_W | PTE_A)

#define PAGE_1G		(1ull << 30)
#define GIGABYTES_LOW	4		/* mapped by 2 MiB pages */

/* DIRECT_BASE is PML4 slot 256; one PDPT covers 512 GiB. */
#define DIRECT_SLOT	256
#define DIRECT_END	(512 * PAGE_1G)

static u64 direct_pdpt[512] __attribute__((aligned(PAGE_SIZE)));
static u64 direct_pd[GIGABYTES_LOW][512] __attribute__((aligned(PAGE_SIZE)));

static u64 c_mask(void)
{
	return BIT_ULL(info.c_bit);
}

/* GPA of something in the image. */
static u64 image_gpa(const void *at)
{
	return info.base + ((u64)at - MONITOR_BASE);
}

void *monitor_va(u64 gpa)
{
	return (void *)(MONITOR_BASE + (gpa - info.base));
}

void *guest_va(u64 gpa)
{
	return (void *)(DIRECT_BASE + gpa);
}

/* The range's PTs lie one behind the other: they are one long table. */
void *monitor_map(u64 gpa, enum page_kind kind)
{
	u64 *pt = monitor_va(info.tables + 3 * PAGE_SIZE);
	u64 *entry = &pt[(gpa - info.base) / PAGE_SIZE];

	if (*entry & PTE_P)
		stop(MONITOR_STOP_INTERNAL, "a page is mapped twice", gpa);
	*entry = gpa | PTE_DATA | (kind == PAGE_PRIVATE ? c_mask() : 0);
	return monitor_va(gpa);
}

void *monitor_take(u64 gpa)
{
	void *page = monitor_map(gpa, PAGE_PRIVATE);
	bool unchanged;
	u32 eax = insn_pvalidate(page, false, true, &unchanged);

	if (eax || unchanged)
		stop(MONITOR_STOP_PVALIDATE, "a page of the monitor cannot be "
		     "validated", gpa);
	__builtin_memset(page, 0, PAGE_SIZE);
	return page;
}

static void map_large(u64 start, u64 end)
{
	u64 gpa;

	for (gpa = start & ~(PAGE_2M - 1); gpa < end; gpa += PAGE_2M) {
		if (gpa >= GIGABYTES_LOW * PAGE_1G)
			break;
		direct_pd[gpa / PAGE_1G][gpa / PAGE_2M % 512] =
			gpa | PTE_DATA | PTE_LARGE | c_mask();
	}
	for (gpa &= ~(PAGE_1G - 1); gpa < end; gpa += PAGE_1G)
		if (gpa >= GIGABYTES_LOW * PAGE_1G)
			direct_pdpt[gpa / PAGE_1G] =
				gpa | PTE_DATA | PTE_LARGE | c_mask();
}

/*
 * info_decode() has made sure that no 2 MiB of the monitor are in here: its
 * range is whole ones, below 4 GiB, and no guest range overlaps it.
 */
void direct_map(void)
{
	u64 *pml4 = monitor_va(info.tables);

	for (u32 i = 0; i < GIGABYTES_LOW; i++)
		direct_pdpt[i] = image_gpa(direct_pd[i]) | PTE_LINK | c_mask();
	for (u32 i = 0; i < info.guest_ranges; i++)
		map_large(info.guest[i].start, info.guest[i].end);
	pml4[DIRECT_SLOT] = image_gpa(direct_pdpt) | PTE_LINK | c_mask();
}
