/* SPDX-License-Identifier: MIT */
/* A composed file, loaded into flat memory, and kernels made by hand. */
#ifndef TESTS_IGVM_BOOT_H
#define TESTS_IGVM_BOOT_H

#include <elf.h>

#include "arch/linux_boot.h"
#include "igvm/compose.h"
#include "tests/igvm_file.h"

#define GUEST_LOW		(192ull << 20)	/* what the tests can see */

struct guest {
	u8 *memory;			/* GUEST_LOW bytes */
	u8 *held;			/* a byte a page: how often it came */
	u64 highest;
	struct vmsa vmsa;
	u64 vmsa_gpa;
	int contexts;
	u64 policy;
	u64 required;			/* bytes */
	u64 secrets, cpuid;		/* GPAs */
};

static inline int guest_page(void *ctx, u64 gpa, enum igvm_page_type type,
			     u32 flags, const void *data)
{
	struct guest *g = ctx;

	assert_int_equal(flags, 0);
	if (type == IGVM_PAGE_SECRETS)
		g->secrets = gpa;
	if (type == IGVM_PAGE_CPUID_DATA)
		g->cpuid = gpa;
	if (gpa + PAGE_SIZE > g->highest)
		g->highest = gpa + PAGE_SIZE;
	if (gpa >= GUEST_LOW)
		return 0;
	g->held[gpa / PAGE_SIZE]++;
	if (data)
		memcpy(g->memory + gpa, data, PAGE_SIZE);
	return 0;
}

static inline int guest_required(void *ctx, u64 gpa, u64 bytes, u32 flags)
{
	(void)gpa;
	(void)flags;
	((struct guest *)ctx)->required += bytes;
	return 0;
}

static inline int guest_context(void *ctx, u64 gpa, u16 vp_index,
				const struct vmsa *vmsa)
{
	struct guest *g = ctx;

	assert_int_equal(vp_index, 0);
	g->vmsa = *vmsa;
	g->vmsa_gpa = gpa;
	g->contexts++;
	return 0;
}

static inline int guest_policy(void *ctx, u64 policy)
{
	((struct guest *)ctx)->policy = policy;
	return 0;
}

static inline void guest_load(struct guest *g, struct igvm_builder *b,
			      unsigned int platform)
{
	static const struct igvm_sink sink = {
		guest_page, guest_required, NULL, guest_context, guest_policy,
	};
	struct igvm_machine info = { .vp_count = 1 };
	struct igvm_error err = { "" };
	struct bytes f = finish(b);
	struct igvm_file *file = assert_opens(&f);

	memset(g, 0, sizeof(*g));
	g->memory = calloc(1, GUEST_LOW);
	g->held = calloc(1, GUEST_LOW / PAGE_SIZE);
	if (igvm_load(file, platform, &info, &sink, g, &err))
		fail_msg("%s", err.text);
	igvm_close(file);
	free(f.data);
}

static inline void guest_free(struct guest *g)
{
	free(g->memory);
	free(g->held);
}

/*
 * The RAM of the file and @left together are @ram, page for page, once; and
 * the ROM area, which is RAM that no guest is told of.
 */
static inline void assert_complete(const struct guest *g,
				   const struct boot_ranges *ram,
				   const struct boot_ranges *left)
{
	u8 *want = calloc(1, GUEST_LOW / PAGE_SIZE);

	for (u32 i = 0; i < ram->count; i++)
		for (u64 a = ram->range[i].start;
		     a < ram->range[i].end && a < GUEST_LOW; a += PAGE_SIZE)
			want[a / PAGE_SIZE]++;
	for (u64 a = BOOT_ROM_AREA; a < BOOT_HIGH_RAM; a += PAGE_SIZE)
		want[a / PAGE_SIZE]++;
	for (u32 i = 0; i < left->count; i++)
		for (u64 a = left->range[i].start;
		     a < left->range[i].end && a < GUEST_LOW; a += PAGE_SIZE)
			want[a / PAGE_SIZE]--;
	assert_memory_equal(want, g->held, GUEST_LOW / PAGE_SIZE);
	free(want);
}

/* Walk the guest's page tables; ~0 if @va is not mapped. */
static inline u64 guest_walk(const struct guest *g, u64 va, u64 c_mask)
{
	u64 table = g->vmsa.cr3, entry;

	for (int shift = 39; shift >= 12; shift -= 9) {
		if ((table & c_mask) != c_mask)
			return ~0ull;
		table &= ~c_mask & PAGE_MASK;
		memcpy(&entry, g->memory + table + (va >> shift & 511) * 8, 8);
		if (!(entry & 1))
			return ~0ull;
		table = entry;
		if (shift == 12 || (entry & BIT_ULL(7) && shift <= 30)) {
			if ((entry & c_mask) != c_mask)
				return ~0ull;
			entry &= ~c_mask & ~((1ull << shift) - 1);
			return entry | (va & ((1ull << shift) - 1));
		}
	}
	return ~0ull;
}

/* A bzImage of @bytes whose code is 0xc0ffee... as far as anybody looks. */
static inline struct bytes bz_image(size_t bytes)
{
	struct linux_setup_header h = {
		.setup_sects = 1,
		.boot_flag = LINUX_BOOT_FLAG,
		.jump = 0xeb | 0x6a << 8,
		.header = LINUX_HEADER_MAGIC,
		.version = 0x20f,
		.loadflags = LINUX_LOADED_HIGH | LINUX_CAN_USE_HEAP,
		.initrd_addr_max = 0x7fffffff,
		.kernel_alignment = 0x200000,
		.relocatable_kernel = 1,
		.xloadflags = LINUX_XLF_KERNEL_64,
		.cmdline_size = 2047,
		.pref_address = 0x1000000,
		.init_size = 0x2000000,
	};
	struct bytes f = { malloc(bytes), bytes };

	for (size_t i = 0; i < bytes; i++)
		f.data[i] = i * 7 + (i >> 12);
	memcpy(f.data + LINUX_SETUP_HEADER, &h, sizeof(h));
	return f;
}

#endif
