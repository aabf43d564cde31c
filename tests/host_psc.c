// SPDX-License-Identifier: MIT
/*
 * Page state change by buffer: what is refused, and how far it came is left
 * where the guest sees it (56421 section 4.1.6; docs/ghcb.md).
 */
#include <string.h>

#include "tests/lib/host_rig.h"
#include "tests/lib/rows.h"

#define E(op, gpa)	((u64)(op) << PSC_ENTRY_OP_SHIFT | (gpa))
#define E2M(op, gpa)	(E(op, gpa) | PSC_ENTRY_2M)
#define PRIV(gpa)	E(PSC_OP_PRIVATE, gpa)
#define SHARE(gpa)	E(PSC_OP_SHARED, gpa)
#define P		0x70000ull
#define NO_RAM		0x80000000ull

static const struct psc_row {
	const char *name;
	u16 cur, end;
	u32 reserved;
	u64 entry[4];
	u64 result;
	u16 cur_after;
	u64 entry_after[4];		/* 0: as before */
} rows[] = {
	{ "one page", 0, 0, 0, { PRIV(P) }, 0, 1, { PRIV(P) | 1 } },
	{ "three pages", 0, 2, 0, { PRIV(P), PRIV(P + 0x1000),
	  SHARE(P + 0x2000) }, 0, 3, { PRIV(P) | 1, PRIV(P + 0x1000) | 1,
	  SHARE(P + 0x2000) | 1 } },
	{ "from the middle", 1, 1, 0, { NO_RAM, PRIV(P) }, 0, 2,
	  { 0, PRIV(P) | 1 } },
	{ "nothing left", 3, 2, 0, { 0 }, 0, 3, { 0 } },
	{ "done already", 0, 0, 0, { PRIV(P) | 1 }, 0, 1, { PRIV(P) | 1 } },
	{ "no RAM stops there", 0, 2, 0, { PRIV(P), PRIV(NO_RAM), PRIV(P) },
	  PSC_ERR_ENTRY, 1, { PRIV(P) | 1 } },
	{ "beyond RAM", 0, 0, 0, { PRIV(0xffffffffff000) }, PSC_ERR_ENTRY, 0,
	  { 0 } },
	{ "operation 0", 0, 0, 0, { E(0, P) }, PSC_ERR_ENTRY, 0, { 0 } },
	{ "operation 5", 0, 0, 0, { E(5, P) }, PSC_ERR_ENTRY, 0, { 0 } },
	{ "reserved bit", 0, 0, 0, { 1ull << 57 | PRIV(P) }, PSC_ERR_ENTRY, 0,
	  { 0 } },
	{ "4K progress 2", 0, 0, 0, { PRIV(P) | 2 }, PSC_ERR_ENTRY, 0,
	  { 0 } },
	{ "2M progress 513", 0, 0, 0, { E2M(1, PAGE_2M) | 513 },
	  PSC_ERR_ENTRY, 0, { 0 } },
	{ "2M misaligned", 0, 0, 0, { E2M(1, PAGE_2M + PAGE_SIZE) },
	  PSC_ERR_ENTRY, 0, { 0 } },
	{ "2M beyond RAM", 0, 0, 0, { E2M(1, RAM_LOW) }, PSC_ERR_ENTRY, 0,
	  { 0 } },
	{ "header: end 253", 0, 253, 0, { 0 }, PSC_ERR_HEADER, 0, { 0 } },
	{ "header: end ffff", 0, 0xffff, 0, { 0 }, PSC_ERR_HEADER, 0, { 0 } },
	{ "header: cur and end", 0xffff, 0xffff, 0, { 0 }, PSC_ERR_HEADER,
	  0xffff, { 0 } },
	{ "header: reserved", 0, 0, 1, { PRIV(P) }, PSC_ERR_HEADER, 0,
	  { 0 } },
	{ "2M at once", 0, 0, 0, { E2M(1, PAGE_2M) }, 0, 1,
	  { E2M(1, PAGE_2M) | 512 } },
	{ "2M resumed", 0, 0, 0, { E2M(1, PAGE_2M) | 500 }, 0, 1,
	  { E2M(1, PAGE_2M) | 512 } },
	{ "PSMASH of 4K entries", 0, 0, 0, { E(3, PAGE_2M) }, 0, 1,
	  { E(3, PAGE_2M) | 1 } },
	{ "UNSMASH", 0, 0, 0, { E2M(4, PAGE_2M) }, 0, 1,
	  { E2M(4, PAGE_2M) | 512 } },
};

static struct psc_buffer *prepare(struct rig *r)
{
	struct ghcb *g = rig_event(r, 0, GHCB_PSC, 0, 0);

	GHCB_SET(g, scratch, GHCB_AT(0, 0) + 0x800);
	memset(g->buffer, 0, sizeof(g->buffer));
	return (struct psc_buffer *)g->buffer;
}

static void run_row(void **state)
{
	const struct psc_row *row = *state;
	struct psc_buffer *psc;
	struct rig r;

	rig_new(&r, &(struct rig_config){ 0 });
	psc = prepare(&r);
	psc->cur_entry = row->cur;
	psc->end_entry = row->end;
	psc->reserved = row->reserved;
	memcpy(psc->entry, row->entry, sizeof(row->entry));
	rig_vmgexit(&r, 0);
	assert_int_equal(rig_ghcb(&r, 0)->exit_info1, 0);
	assert_int_equal(rig_ghcb(&r, 0)->exit_info2, row->result);
	assert_int_equal(psc->cur_entry, row->cur_after);
	assert_int_equal(psc->end_entry, row->end);
	for (int i = 0; i < 4; i++)
		assert_int_equal(psc->entry[i], row->entry_after[i] ?
				 row->entry_after[i] : row->entry[i]);
	assert_int_equal(r.stops, 0);
	rig_free(&r);
}

static u64 one(struct rig *r, u64 entry)
{
	struct psc_buffer *psc = prepare(r);

	psc->entry[0] = entry;
	rig_vmgexit(r, 0);
	return rig_ghcb(r, 0)->exit_info2;
}

static void large_and_back(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	assert_int_equal(one(&r, E2M(1, PAGE_2M)), 0);
	assert_true(hv_rmp_is_2m(r.m, PAGE_2M));
	assert_true(hv_is_private(r.m, PAGE_2M + 0x1ff000));
	/* one page of it: split */
	assert_int_equal(one(&r, SHARE(PAGE_2M + 0x3000)), 0);
	assert_false(hv_rmp_is_2m(r.m, PAGE_2M));
	assert_false(hv_is_private(r.m, PAGE_2M + 0x3000));
	assert_true(hv_is_private(r.m, PAGE_2M + 0x4000));
	/* the whole range from mixed states */
	assert_int_equal(one(&r, E2M(2, PAGE_2M)), 0);
	for (u64 gpa = PAGE_2M; gpa < 2 * PAGE_2M; gpa += PAGE_SIZE)
		assert_false(hv_is_private(r.m, gpa));
	rig_free(&r);
}

static void resumed_leaves_the_head(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	assert_int_equal(one(&r, E2M(1, PAGE_2M) | 500), 0);
	assert_false(hv_is_private(r.m, PAGE_2M + 499 * PAGE_SIZE));
	assert_true(hv_is_private(r.m, PAGE_2M + 500 * PAGE_SIZE));
	rig_free(&r);
}

static void psmash_splits(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	one(&r, E2M(1, PAGE_2M));
	assert_int_equal(one(&r, E(3, PAGE_2M + 0x5000)), 0);
	assert_false(hv_rmp_is_2m(r.m, PAGE_2M));
	assert_int_equal(one(&r, E2M(4, PAGE_2M)), 0);
	assert_true(hv_rmp_is_2m(r.m, PAGE_2M));
	rig_free(&r);
}

/* A page that is private already keeps its contents and validation. */
static void same_state_is_kept(void **state)
{
	struct rig r;
	u64 *vmsa;
	u64 rip;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	vmsa = script_ram(&r.s, VMSA_AT(1, 0) + 0x178);
	rip = *vmsa;
	assert_int_equal(one(&r, PRIV(VMSA_AT(1, 0))), 0);
	assert_int_equal(*vmsa, rip);
	assert_int_equal(rig_ap_create(&r, 1, 0, SEV_FEATURE_SNP), 0);
	assert_true(hv_in_guest(r.m, 1));
	rig_free(&r);
}

/* The biggest request there is: bounded, and served. */
static void whole_buffer(void **state)
{
	struct psc_buffer *psc;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	psc = prepare(&r);
	psc->end_entry = PSC_ENTRIES - 1;
	for (int i = 0; i < PSC_ENTRIES; i++)
		psc->entry[i] = E2M(1 + i % 2, PAGE_2M);
	rig_vmgexit(&r, 0);
	assert_int_equal(rig_ghcb(&r, 0)->exit_info2, 0);
	assert_int_equal(psc->cur_entry, PSC_ENTRIES);
	rig_free(&r);
}

int main(void)
{
	ROWS(rows, run_row);
	ROW("2M and back", large_and_back);
	ROW("resumed entry leaves its head", resumed_leaves_the_head);
	ROW("PSMASH splits, UNSMASH joins", psmash_splits);
	ROW("same state is kept", same_state_is_kept);
	ROW("whole buffer", whole_buffer);
	return rows_run("host: page state change");
}
