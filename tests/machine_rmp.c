// SPDX-License-Identifier: MIT
/*
 * The host's RMP instructions: RMPUPDATE, PSMASH and its reverse, and what
 * they do to contents and TLBs. APM vol. 2 sections 15.36.4 and 15.36.5.
 */
#include <string.h>

#include "machine/internal.h"
#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

#define PRIV(perms)	(RMP_ASSIGNED | (u64)(perms) << RMP_PERM_SHIFT(0))
#define FRESH		PRIV(VMPL_PERM_ALL)

static u64 entry(struct script *s, u64 gpa)
{
	bool present;

	return rmp_lookup(s->m, gpa, &present);
}

static void set_raw(struct script *s, u64 gpa, u64 e)
{
	rmp_store(s->m, rmp_index(s->m, gpa), e);
}

/* What stands at LARGE_AT before the instruction. */
enum before {
	ALL_SHARED, FIRST_PRIVATE, LAST_PRIVATE, ALL_PRIVATE, LARGE, LARGE_VALID,
	IMMUTABLE, HAS_VMSA, HAS_ABSENT,
};

static void prepare(struct script *s, enum before what)
{
	switch (what) {
	case ALL_SHARED:
		return;
	case FIRST_PRIVATE:
		hv_rmpupdate(s->m, LARGE_AT, false, true);
		return;
	case LAST_PRIVATE:
		hv_rmpupdate(s->m, LARGE_AT + 511 * PAGE_SIZE, false, true);
		return;
	case ALL_PRIVATE:
		for (unsigned int i = 0; i < 512; i++)
			hv_rmpupdate(s->m, LARGE_AT + i * PAGE_SIZE, false,
				     true);
		return;
	case LARGE:
	case LARGE_VALID:
		assert_int_equal(hv_rmpupdate(s->m, LARGE_AT, true, true),
				 HV_RMP_OK);
		if (what == LARGE_VALID)
			set_raw(s, LARGE_AT, FRESH | RMP_LARGE | RMP_VALIDATED);
		return;
	case IMMUTABLE:
		set_raw(s, LARGE_AT, FRESH | RMP_IMMUTABLE);
		return;
	case HAS_VMSA:
		set_raw(s, LARGE_AT, FRESH | RMP_VALIDATED | RMP_VMSA);
		return;
	case HAS_ABSENT:
		hv_npt_present(s->m, LARGE_AT, false);
		return;
	}
}

static const struct update_row {
	const char *name;
	enum before before;
	u64 gpa;
	bool large, assigned;
	enum hv_rmp result;
	u64 after;		/* entry of gpa, if the result is OK */
} update[] = {
	{ "RMPUPDATE 4K shared -> private", ALL_SHARED, LARGE_AT, false, true,
	  HV_RMP_OK, FRESH },
	{ "RMPUPDATE 4K private -> shared", FIRST_PRIVATE, LARGE_AT, false,
	  false, HV_RMP_OK, 0 },
	{ "RMPUPDATE 4K private -> private", FIRST_PRIVATE, LARGE_AT, false,
	  true, HV_RMP_OK, FRESH },
	{ "RMPUPDATE 4K of a VMSA -> private", HAS_VMSA, LARGE_AT, false, true,
	  HV_RMP_OK, FRESH },
	{ "RMPUPDATE leaves the nested page table", HAS_ABSENT, LARGE_AT,
	  false, true, HV_RMP_OK, FRESH | RMP_ABSENT },
	{ "RMPUPDATE 4K above 4 GiB", ALL_SHARED, HIGH, false, true,
	  HV_RMP_OK, FRESH },
	{ "RMPUPDATE 4K misaligned", ALL_SHARED, LARGE_AT + 8, false, true,
	  HV_RMP_FAIL_INPUT, 0 },
	{ "RMPUPDATE 4K behind low RAM", ALL_SHARED, RAM_LOW, false, true,
	  HV_RMP_FAIL_INPUT, 0 },
	{ "RMPUPDATE 4K behind high RAM", ALL_SHARED, HIGH + RAM_HIGH, false,
	  true, HV_RMP_FAIL_INPUT, 0 },
	{ "RMPUPDATE 4K of the last GPA", ALL_SHARED, PAGE_MASK, false, true,
	  HV_RMP_FAIL_INPUT, 0 },
	{ "RMPUPDATE 2M shared -> private", ALL_SHARED, LARGE_AT, true, true,
	  HV_RMP_OK, FRESH | RMP_LARGE },
	{ "RMPUPDATE 2M private -> shared", LARGE_VALID, LARGE_AT, true, false,
	  HV_RMP_OK, 0 },
	{ "RMPUPDATE 2M over 512 equal ones", ALL_PRIVATE, LARGE_AT, true,
	  true, HV_RMP_OK, FRESH | RMP_LARGE },
	{ "RMPUPDATE 2M misaligned", ALL_SHARED, LARGE_AT + PAGE_SIZE, true,
	  true, HV_RMP_FAIL_INPUT, 0 },
	{ "RMPUPDATE 2M behind RAM", ALL_SHARED, RAM_LOW, true, true,
	  HV_RMP_FAIL_INPUT, 0 },
	{ "RMPUPDATE 4K in a 2M entry, first", LARGE, LARGE_AT, false, false,
	  HV_RMP_FAIL_OVERLAP, 0 },
	{ "RMPUPDATE 4K in a 2M entry, middle", LARGE, LARGE_AT + 0x55000,
	  false, false, HV_RMP_FAIL_OVERLAP, 0 },
	{ "RMPUPDATE 2M over first differing", FIRST_PRIVATE, LARGE_AT, true,
	  true, HV_RMP_FAIL_OVERLAP, 0 },
	{ "RMPUPDATE 2M over last differing", LAST_PRIVATE, LARGE_AT, true,
	  false, HV_RMP_FAIL_OVERLAP, 0 },
	{ "RMPUPDATE 2M over a VMSA", HAS_VMSA, LARGE_AT, true, true,
	  HV_RMP_FAIL_OVERLAP, 0 },
	{ "RMPUPDATE 4K immutable", IMMUTABLE, LARGE_AT, false, false,
	  HV_RMP_FAIL_IMMUTABLE, 0 },
};

static void run_update(void **state)
{
	const struct update_row *r = *state;
	struct machine_config c = script_config();
	struct script s;
	u64 before, flushes;

	script_new(&s, &c);
	prepare(&s, r->before);
	before = entry(&s, r->gpa);
	flushes = s.flushes;
	assert_int_equal(hv_rmpupdate(s.m, r->gpa, r->large, r->assigned),
			 r->result);
	assert_int_equal(s.flushes - flushes, r->result == HV_RMP_OK);
	assert_int_equal(entry(&s, r->gpa),
			 r->result == HV_RMP_OK ? r->after : before);
	if (r->large && r->result == HV_RMP_OK) {
		assert_int_equal(entry(&s, r->gpa + PAGE_2M - PAGE_SIZE),
				 r->after);
		assert_int_equal(entry(&s, r->gpa - PAGE_SIZE), 0);
		assert_int_equal(entry(&s, r->gpa + PAGE_2M), 0);
	}
	script_free(&s);
}

static const struct smash_row {
	const char *name;
	enum before before;
	u64 gpa;
	bool unsmash;
	enum hv_rmp result;
	u64 after;		/* of every page in the range */
} smash[] = {
	{ "PSMASH of a 2M entry", LARGE_VALID, LARGE_AT, false, HV_RMP_OK,
	  FRESH | RMP_VALIDATED },
	{ "PSMASH misaligned", LARGE, LARGE_AT + PAGE_SIZE, false,
	  HV_RMP_FAIL_INPUT, FRESH | RMP_LARGE },
	{ "PSMASH of 4K entries", ALL_PRIVATE, LARGE_AT, false,
	  HV_RMP_FAIL_INPUT, FRESH },
	{ "PSMASH behind RAM", ALL_SHARED, RAM_LOW, false, HV_RMP_FAIL_INPUT,
	  0 },
	{ "unsmash of 512 equal ones", ALL_PRIVATE, LARGE_AT, true, HV_RMP_OK,
	  FRESH | RMP_LARGE },
	{ "unsmash of a 2M entry", LARGE, LARGE_AT, true, HV_RMP_OK,
	  FRESH | RMP_LARGE },
	{ "unsmash of shared pages", ALL_SHARED, LARGE_AT, true, HV_RMP_OK,
	  0 },
	{ "unsmash misaligned", ALL_PRIVATE, LARGE_AT + PAGE_SIZE, true,
	  HV_RMP_FAIL_INPUT, FRESH },
	{ "unsmash behind RAM", ALL_SHARED, RAM_LOW, true, HV_RMP_FAIL_INPUT,
	  0 },
};

static void run_smash(void **state)
{
	const struct smash_row *r = *state;
	struct machine_config c = script_config();
	struct script s;
	unsigned int flushes;

	script_new(&s, &c);
	prepare(&s, r->before);
	flushes = s.flushes;
	assert_int_equal(r->unsmash ? hv_unsmash(s.m, r->gpa) :
			 hv_psmash(s.m, r->gpa), r->result);
	assert_int_equal(s.flushes, flushes);
	for (u64 i = 0; i < 512; i++)
		assert_int_equal(entry(&s, LARGE_AT + i * PAGE_SIZE),
				 r->after);
	assert_int_equal(hv_rmp_is_2m(s.m, LARGE_AT + 0x1000),
			 !!(r->after & RMP_LARGE));
	script_free(&s);
}

static void unsmash_of_unequal(void **state)
{
	static const u64 odd[] = {
		0, FRESH | RMP_VALIDATED, FRESH | RMP_VMSA,
		FRESH | RMP_INUSE, FRESH | RMP_ABSENT, PRIV(1),
	};
	struct machine_config c = script_config();
	struct script s;

	(void)state;
	script_new(&s, &c);
	for (unsigned int i = 0; i < ARRAY_SIZE(odd); i++)
		for (unsigned int at = 0; at < 512; at += 511) {
			prepare(&s, ALL_PRIVATE);
			set_raw(&s, LARGE_AT + at * PAGE_SIZE, odd[i]);
			assert_int_equal(hv_unsmash(s.m, LARGE_AT),
					 HV_RMP_FAIL_OVERLAP);
			assert_false(hv_rmp_is_2m(s.m, LARGE_AT));
			set_raw(&s, LARGE_AT + at * PAGE_SIZE, 0);
		}
	script_free(&s);
}

/* no_2m: RMPUPDATE of 2 MiB and unsmash do not exist. */
static void without_2m(void **state)
{
	struct machine_config c = script_config();
	struct script s;

	(void)state;
	c.no_2m = true;
	script_new(&s, &c);
	assert_int_equal(hv_rmpupdate(s.m, LARGE_AT, true, true),
			 HV_RMP_FAIL_INPUT);
	prepare(&s, ALL_PRIVATE);
	assert_int_equal(hv_unsmash(s.m, LARGE_AT), HV_RMP_FAIL_INPUT);
	assert_int_equal(hv_psmash(s.m, LARGE_AT), HV_RMP_FAIL_INPUT);
	assert_false(hv_rmp_is_2m(s.m, LARGE_AT));
	script_free(&s);
}

/* Low RAM need not end at a 2 MiB boundary. */
static void partial_range(void **state)
{
	struct machine_config c = script_config();
	struct script s;

	(void)state;
	c.ram_below_4g = RAM_LOW - PAGE_SIZE;
	script_new(&s, &c);
	assert_int_equal(hv_rmpupdate(s.m, RAM_LOW - PAGE_2M, true, true),
			 HV_RMP_FAIL_INPUT);
	assert_int_equal(hv_rmpupdate(s.m, HIGH, true, true), HV_RMP_OK);
	assert_int_equal(entry(&s, HIGH), FRESH | RMP_LARGE);
	assert_int_equal(entry(&s, HIGH + PAGE_2M - PAGE_SIZE),
			 FRESH | RMP_LARGE);
	assert_int_equal(entry(&s, HIGH + PAGE_2M), 0);
	assert_int_equal(entry(&s, RAM_LOW - 2 * PAGE_SIZE), 0);
	assert_int_equal(hv_psmash(s.m, HIGH), HV_RMP_OK);
	assert_int_equal(entry(&s, HIGH + 5 * PAGE_SIZE), FRESH);
	script_free(&s);
}

/* The hole of a PC below 1 MiB is no RAM, and in no 2 MiB entry. */
static void hole(void **state)
{
	struct machine_config c = script_config();
	struct access a = { .kind = ACCESS_READ, .paging = true };
	unsigned int prot;
	struct script s;
	u64 npf;

	(void)state;
	c.hole_start = 0xa0000;
	c.hole_end = 0x100000;
	script_new(&s, &c);
	for (u64 gpa = 0x9f000; gpa <= 0x100000; gpa += PAGE_SIZE) {
		bool ram = gpa < 0xa0000 || gpa == 0x100000;

		assert_int_equal(hv_is_ram(s.m, gpa), ram);
		assert_int_equal(machine_dma_allowed(s.m, gpa), ram);
		a.gpa = gpa + 5;
		assert_int_equal(machine_access(s.m, 0, &a, &prot, &npf),
				 ram ? ACCESS_OK : ACCESS_MMIO);
		assert_int_equal(hv_rmpupdate(s.m, gpa, false, true), ram ?
				 HV_RMP_OK : HV_RMP_FAIL_INPUT);
	}
	assert_int_equal(hv_rmpupdate(s.m, 0, true, true),
			 HV_RMP_FAIL_INPUT);
	assert_int_equal(hv_unsmash(s.m, 0), HV_RMP_FAIL_INPUT);
	assert_int_equal(hv_rmpupdate(s.m, PAGE_2M, true, true), HV_RMP_OK);
	script_free(&s);
}

/* VMRUN marks the VMSA and the backing page: APM 15.36.12. */
static void in_use(void **state)
{
	struct machine_config c = script_config();
	struct script s;
	struct vmsa *vmsa;

	(void)state;
	script_new(&s, &c);
	vmsa = script_vmsa(&s, 0, 0, SEV_FEATURE_SNP |
			   SEV_FEATURE_SECURE_AVIC);
	script_savic(&s, 0, vmsa, SAVIC_CONTROL_EN);
	assert_int_equal(script_run(&s, 0, 0), 0);
	for (int assigned = 0; assigned < 2; assigned++) {
		assert_int_equal(hv_rmpupdate(s.m, VMSA_AT(0, 0), false,
					      assigned), HV_RMP_FAIL_INUSE);
		assert_int_equal(hv_rmpupdate(s.m, SAVIC_AT(0), false,
					      assigned), HV_RMP_FAIL_INUSE);
	}
	script_leave(&s, 0);
	assert_int_equal(hv_rmpupdate(s.m, SAVIC_AT(0), false, false),
			 HV_RMP_OK);
	assert_int_equal(hv_rmpupdate(s.m, VMSA_AT(0, 0), false, false),
			 HV_RMP_OK);
	script_free(&s);
}

int main(void)
{
	ROWS(update, run_update);
	ROWS(smash, run_smash);
	ROW("unsmash of unequal entries", unsmash_of_unequal);
	ROW("no 2M mode", without_2m);
	ROW("2M entries where low RAM ends oddly", partial_range);
	ROW("a hole in low RAM", hole);
	ROW("RMPUPDATE of pages in use", in_use);
	return rows_run("machine: RMPUPDATE, PSMASH");
}
