// SPDX-License-Identifier: MIT
/*
 * PVALIDATE, RMPADJUST and RMPQUERY: every documented result, and what each
 * of them changes. APM vol. 3; vol. 2 sections 15.36.6 to 15.36.8.
 */
#include <string.h>

#include "machine/internal.h"
#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

#define P0(perms)	((u64)(perms) << RMP_PERM_SHIFT(0))
#define P1(perms)	((u64)(perms) << RMP_PERM_SHIFT(1))
#define P2(perms)	((u64)(perms) << RMP_PERM_SHIFT(2))
#define P3(perms)	((u64)(perms) << RMP_PERM_SHIFT(3))
#define NEW		(RMP_ASSIGNED | P0(0x1f))
#define VALID		(NEW | RMP_VALIDATED)
#define ALL_PERMS	(P0(0x1f) | P1(0x1f) | P2(0x1f) | P3(0x1f))
#define OPEN		(RMP_ASSIGNED | RMP_VALIDATED | ALL_PERMS)

enum insn { PVALIDATE, RMPADJUST, RMPQUERY };

/* RDX of RMPADJUST */
#define ADJ(vmpl, perms)	((vmpl) | (perms) << 8)
#define VMSA			0x10000

struct row {
	const char *name;
	enum insn insn;
	unsigned int vmpl;		/* who executes it */
	u64 before;			/* RMP entry at LARGE_AT */
	u64 offset;			/* of the operand from there */
	u64 rcx, rdx;
	bool map_4k;			/* guest maps it with 4 KiB pages */
	bool vmpl_fails;		/* switch pvalidate_vmpl_fails */
	enum mach_next next;
	u64 eax;			/* after DONE */
	bool cf;
	u64 after;			/* 0: unchanged */
	bool flush;
	u64 code, npf;			/* exit, or error code of #VC */
};

#define DONE(result)	.next = MACH_DONE, .eax = (result)
#define NPF(bits)	.next = MACH_IDLE, .code = EXIT_NPF,		\
			.npf = NPF_FINAL | (bits)
#define SHARED_NPF	NPF(NPF_PRESENT | NPF_RMP | NPF_ENC)
#define SIZE_NPF	NPF(NPF_PRESENT | NPF_RMP | NPF_ENC | NPF_SIZEM)
#define VC404		.next = MACH_VC, .code = EXIT_PAGE_NOT_VALIDATED

static const struct row pvalidate[] = {
	{ "PVALIDATE 4K", PVALIDATE, .before = NEW, .rdx = 1, DONE(0),
	  .after = VALID },
	{ "PVALIDATE 4K again: CF", PVALIDATE, .before = VALID, .rdx = 1,
	  DONE(0), .cf = true },
	{ "PVALIDATE rescind", PVALIDATE, .before = VALID, .rdx = 0, DONE(0),
	  .after = NEW, .flush = true },
	{ "PVALIDATE rescind again: CF", PVALIDATE, .before = NEW, .rdx = 0,
	  DONE(0), .cf = true },
	{ "PVALIDATE keeps permissions", PVALIDATE, .before = NEW | P2(3),
	  .rdx = 1, DONE(0), .after = VALID | P2(3) },
	{ "PVALIDATE 2M", PVALIDATE, .before = NEW | RMP_LARGE, .rcx = 1,
	  .rdx = 1, DONE(0), .after = VALID | RMP_LARGE },
	{ "PVALIDATE 2M again: CF", PVALIDATE, .before = VALID | RMP_LARGE,
	  .rcx = 1, .rdx = 1, DONE(0), .cf = true },
	{ "PVALIDATE 2M rescind", PVALIDATE, .before = VALID | RMP_LARGE,
	  .rcx = 1, DONE(0), .after = NEW | RMP_LARGE, .flush = true },
	{ "PVALIDATE 2M misaligned", PVALIDATE, .before = NEW | RMP_LARGE,
	  .offset = PAGE_SIZE, .rcx = 1, .rdx = 1, DONE(RMP_FAIL_INPUT) },
	{ "PVALIDATE size 2", PVALIDATE, .before = NEW, .rcx = 2, .rdx = 1,
	  DONE(RMP_FAIL_INPUT) },
	{ "PVALIDATE ignores RCX above 31", PVALIDATE, .before = NEW,
	  .rcx = BIT_ULL(32), .rdx = 1, DONE(0), .after = VALID },
	{ "PVALIDATE 2M of a 4K entry", PVALIDATE, .before = NEW, .rcx = 1,
	  .rdx = 1, DONE(RMP_FAIL_SIZEMISMATCH) },
	{ "PVALIDATE 2M through 4K mappings", PVALIDATE,
	  .before = NEW | RMP_LARGE, .rcx = 1, .rdx = 1, .map_4k = true,
	  DONE(RMP_FAIL_SIZEMISMATCH) },
	{ "PVALIDATE 4K of a 2M entry", PVALIDATE, .before = NEW | RMP_LARGE,
	  .rdx = 1, SIZE_NPF },
	{ "PVALIDATE 4K inside a 2M entry", PVALIDATE,
	  .before = NEW | RMP_LARGE, .offset = 0x7000, .rdx = 1, SIZE_NPF },
	{ "PVALIDATE immutable", PVALIDATE, .before = NEW | RMP_IMMUTABLE,
	  .rdx = 1, DONE(RMP_FAIL_INPUT) },
	{ "PVALIDATE of a VMSA", PVALIDATE, .before = VALID | RMP_VMSA,
	  .rdx = 0, DONE(RMP_FAIL_INUSE) },
	{ "PVALIDATE shared", PVALIDATE, .before = 0, .rdx = 1, SHARED_NPF },
	{ "PVALIDATE not mapped", PVALIDATE, .before = NEW | RMP_ABSENT,
	  .rdx = 1, NPF(0) },
	{ "PVALIDATE unbacked", PVALIDATE, .offset = RAM_LOW, .rdx = 1,
	  NPF(0) },
	{ "PVALIDATE at VMPL1", PVALIDATE, 1, .before = NEW, .rdx = 1,
	  .next = MACH_GP },
	{ "PVALIDATE at VMPL3", PVALIDATE, 3, .before = NEW, .rdx = 1,
	  .next = MACH_GP },
	{ "PVALIDATE at VMPL1, by switch", PVALIDATE, 1, .before = NEW,
	  .rdx = 1, .vmpl_fails = true, DONE(RMP_FAIL_PERMISSION) },
};

static const struct row rmpadjust[] = {
	{ "RMPADJUST grants", RMPADJUST, .before = VALID, .rdx = ADJ(2, 0xf),
	  DONE(0), .after = VALID | P2(0xf) },
	{ "RMPADJUST revokes", RMPADJUST, .before = VALID | P2(0xf),
	  .rdx = ADJ(2, 0), DONE(0), .after = VALID, .flush = true },
	{ "RMPADJUST takes one right", RMPADJUST, .before = VALID | P1(3),
	  .rdx = ADJ(1, 1), DONE(0), .after = VALID | P1(1), .flush = true },
	{ "RMPADJUST swaps rights", RMPADJUST, .before = VALID | P1(3),
	  .rdx = ADJ(1, 5), DONE(0), .after = VALID | P1(5), .flush = true },
	{ "RMPADJUST leaves the others", RMPADJUST, .before = OPEN,
	  .rdx = ADJ(3, 1), DONE(0),
	  .after = (OPEN & ~P3(0x1f)) | P3(1), .flush = true },
	{ "RMPADJUST without change", RMPADJUST, .before = VALID | P1(3),
	  .rdx = ADJ(1, 3), DONE(0) },
	{ "RMPADJUST 2M", RMPADJUST, .before = VALID | RMP_LARGE, .rcx = 1,
	  .rdx = ADJ(1, 0xf), DONE(0), .after = VALID | RMP_LARGE | P1(0xf) },
	{ "RMPADJUST 2M misaligned", RMPADJUST, .before = VALID | RMP_LARGE,
	  .offset = PAGE_SIZE, .rcx = 1, .rdx = ADJ(1, 1),
	  DONE(RMP_FAIL_INPUT) },
	{ "RMPADJUST size 2", RMPADJUST, .before = VALID, .rcx = 2,
	  .rdx = ADJ(1, 1), DONE(RMP_FAIL_INPUT) },
	{ "RMPADJUST VMPL4", RMPADJUST, .before = VALID, .rdx = ADJ(4, 1),
	  DONE(RMP_FAIL_INPUT) },
	{ "RMPADJUST VMPL255", RMPADJUST, .before = VALID,
	  .rdx = ADJ(255, 1), DONE(RMP_FAIL_INPUT) },
	{ "RMPADJUST unknown permission", RMPADJUST, .before = VALID,
	  .rdx = ADJ(1, 0x21), DONE(RMP_FAIL_INPUT) },
	{ "RMPADJUST reserved bit 17", RMPADJUST, .before = VALID,
	  .rdx = ADJ(1, 1) | 0x20000, DONE(RMP_FAIL_INPUT) },
	{ "RMPADJUST 2M of a 4K entry", RMPADJUST, .before = VALID, .rcx = 1,
	  .rdx = ADJ(1, 1), DONE(RMP_FAIL_SIZEMISMATCH) },
	{ "RMPADJUST 2M through 4K mappings", RMPADJUST,
	  .before = VALID | RMP_LARGE, .rcx = 1, .rdx = ADJ(1, 1),
	  .map_4k = true, DONE(RMP_FAIL_SIZEMISMATCH) },
	{ "RMPADJUST 4K of a 2M entry", RMPADJUST,
	  .before = VALID | RMP_LARGE, .rdx = ADJ(1, 1), SIZE_NPF },
	{ "RMPADJUST VMPL0 on VMPL0", RMPADJUST, .before = VALID,
	  .rdx = ADJ(0, 0xf), DONE(RMP_FAIL_PERMISSION) },
	{ "RMPADJUST VMPL2 on VMPL2", RMPADJUST, 2, .before = OPEN,
	  .rdx = ADJ(2, 0xf), DONE(RMP_FAIL_PERMISSION) },
	{ "RMPADJUST VMPL2 on VMPL3", RMPADJUST, 2, .before = OPEN,
	  .rdx = ADJ(3, 1), DONE(0),
	  .after = (OPEN & ~P3(0x1f)) | P3(1), .flush = true },
	{ "RMPADJUST VMPL3 on VMPL0", RMPADJUST, 3, .before = OPEN,
	  .rdx = ADJ(0, 0), DONE(RMP_FAIL_PERMISSION) },
	{ "RMPADJUST cannot give what it lacks", RMPADJUST, 1,
	  .before = VALID | P1(5), .rdx = ADJ(2, 3),
	  DONE(RMP_FAIL_PERMISSION) },
	{ "RMPADJUST gives what it has", RMPADJUST, 1,
	  .before = VALID | P1(5), .rdx = ADJ(2, 5), DONE(0),
	  .after = VALID | P1(5) | P2(5) },
	/* Linux: RMPADJUST(VMPL1, no rights) succeeds at VMPL 0 only. */
	{ "Linux's VMPL probe at VMPL0", RMPADJUST, .before = VALID | P1(1),
	  .rdx = ADJ(1, 0), DONE(0), .after = VALID, .flush = true },
	{ "Linux's VMPL probe at VMPL1", RMPADJUST, 1, .before = OPEN,
	  .rdx = ADJ(1, 0), DONE(RMP_FAIL_PERMISSION) },
	{ "Linux's VMPL probe at VMPL2", RMPADJUST, 2, .before = OPEN,
	  .rdx = ADJ(1, 0), DONE(RMP_FAIL_PERMISSION) },
	{ "Linux's VMPL probe at VMPL3", RMPADJUST, 3, .before = OPEN,
	  .rdx = ADJ(1, 0), DONE(RMP_FAIL_PERMISSION) },
	{ "RMPADJUST makes a VMSA", RMPADJUST, .before = VALID,
	  .rdx = ADJ(1, 1) | VMSA, DONE(0),
	  .after = VALID | P1(1) | RMP_VMSA },
	{ "RMPADJUST unmakes a VMSA", RMPADJUST, .before = VALID | RMP_VMSA,
	  .rdx = ADJ(1, 0), DONE(0), .after = VALID },
	{ "RMPADJUST VMSA from VMPL1: ignored", RMPADJUST, 1, .before = OPEN,
	  .rdx = ADJ(2, 0x1f) | VMSA, DONE(0) },
	{ "RMPADJUST from VMPL1 keeps a VMSA", RMPADJUST, 1,
	  .before = OPEN | RMP_VMSA, .rdx = ADJ(2, 0x1f), DONE(0) },
	{ "RMPADJUST VMSA of 2M", RMPADJUST, .before = VALID | RMP_LARGE,
	  .rcx = 1, .rdx = ADJ(1, 1) | VMSA, DONE(RMP_FAIL_INPUT) },
	{ "RMPADJUST in use", RMPADJUST,
	  .before = VALID | RMP_VMSA | RMP_INUSE, .rdx = ADJ(1, 0),
	  DONE(RMP_FAIL_INUSE) },
	{ "RMPADJUST not validated", RMPADJUST, .before = NEW,
	  .rdx = ADJ(1, 1), VC404 },
	{ "RMPADJUST shared", RMPADJUST, .before = 0, .rdx = ADJ(1, 1),
	  SHARED_NPF },
	{ "RMPADJUST not mapped", RMPADJUST, .before = VALID | RMP_ABSENT,
	  .rdx = ADJ(1, 1), NPF(0) },
	{ "RMPADJUST unbacked", RMPADJUST, .offset = RAM_LOW,
	  .rdx = ADJ(1, 1), NPF(0) },
};

static const struct row rmpquery[] = {
	{ "RMPQUERY of the own VMPL", RMPQUERY, .before = VALID | P1(3),
	  .rdx = 0, DONE(0) },
	{ "RMPQUERY of VMPL1", RMPQUERY, .before = VALID | P1(3), .rdx = 1,
	  DONE(0) },
	{ "RMPQUERY of a VMSA", RMPQUERY, .before = VALID | RMP_VMSA,
	  .rdx = 3, DONE(0) },
	{ "RMPQUERY of a 2M entry", RMPQUERY, .before = VALID | RMP_LARGE,
	  .offset = 0x5000, DONE(0) },
	{ "RMPQUERY VMPL4", RMPQUERY, .before = VALID, .rdx = 4,
	  DONE(RMP_FAIL_INPUT) },
	{ "RMPQUERY of a higher VMPL", RMPQUERY, 2, .before = OPEN, .rdx = 1,
	  DONE(RMP_FAIL_PERMISSION) },
	{ "RMPQUERY shared", RMPQUERY, .before = 0, SHARED_NPF },
	{ "RMPQUERY not mapped", RMPQUERY, .before = VALID | RMP_ABSENT,
	  NPF(0) },
	{ "RMPQUERY unbacked", RMPQUERY, .offset = RAM_LOW, NPF(0) },
};

static enum mach_next execute(struct script *s, const struct row *r,
			      struct rmp_insn *insn)
{
	switch (r->insn) {
	case PVALIDATE:
		return machine_pvalidate(s->m, 0, insn);
	case RMPADJUST:
		return machine_rmpadjust(s->m, 0, insn);
	default:
		return machine_rmpquery(s->m, 0, insn);
	}
}

static void check_query(const struct row *r, const struct rmp_insn *insn)
{
	unsigned int vmpl = r->rdx;

	assert_int_equal(insn->rdx & 0xff, vmpl);
	assert_int_equal(insn->rdx >> 8 & 0xff,
			 r->before >> RMP_PERM_SHIFT(vmpl) & 0xff);
	assert_int_equal(!!(insn->rdx & VMSA), !!(r->before & RMP_VMSA));
	assert_int_equal(insn->rdx >> 17, 0);
	assert_int_equal(insn->rcx, !!(r->before & RMP_LARGE));
}

static void run(void **state)
{
	const struct row *r = *state;
	struct machine_config c = script_config();
	struct script s;
	struct rmp_insn insn = {
		.gva = 0x7f0000000000ull + r->offset,
		.gpa = LARGE_AT + r->offset,
		.c_bit = true,
		.mapped_2m = !r->map_4k,
		.rcx = r->rcx,
		.rdx = r->rdx,
		.eax = ~0ull,
		.cf = true,
	};
	bool large = r->before & RMP_LARGE;

	c.switches.pvalidate_vmpl_fails = r->vmpl_fails;
	script_new(&s, &c);
	script_vmsa(&s, 0, r->vmpl, SEV_FEATURE_SNP);
	assert_int_equal(script_run(&s, 0, r->vmpl), 0);
	rmp_fill(s.m, rmp_index(s.m, LARGE_AT), large, r->before & ~RMP_LARGE);

	assert_int_equal(execute(&s, r, &insn), r->next);
	assert_int_equal(s.flushes, r->flush);
	for (u64 i = 0; i < 512; i++) {
		u64 old = large || !i ? r->before : 0;
		u64 want = r->after && (large || !i) ? r->after : old;

		assert_int_equal(rmp_load(s.m, rmp_index(s.m, LARGE_AT) + i),
				 want);
	}
	if (r->next == MACH_DONE)
		assert_int_equal(insn.eax, r->eax);
	if (r->next == MACH_DONE && r->insn == PVALIDATE)
		assert_int_equal(insn.cf, r->cf);
	if (r->next == MACH_DONE && r->insn == RMPQUERY && !r->eax)
		check_query(r, &insn);
	if (r->next == MACH_VC) {
		assert_int_equal(machine_vc_code(s.m, 0), r->code);
		assert_false(machine_vc_is_trap(s.m, 0));
	}
	if (r->next == MACH_IDLE) {
		assert_int_equal(script_last(&s)->code, r->code);
		assert_int_equal(script_last(&s)->info1, r->npf);
		assert_int_equal(script_last(&s)->info2, insn.gpa);
	}
	script_free(&s);
}

/* A page's life: what the guest may do with it at each step. */
static void life(void **state)
{
	struct machine_config c = script_config();
	struct rmp_insn insn = { .gva = LARGE_AT, .gpa = LARGE_AT,
				 .c_bit = true, .rdx = 1 };
	struct access a = { .gpa = LARGE_AT, .kind = ACCESS_WRITE,
			    .c_bit = true, .paging = true };
	unsigned int prot;
	struct script s;
	u64 npf;

	(void)state;
	script_new(&s, &c);
	script_vmsa(&s, 0, 0, SEV_FEATURE_SNP);
	script_run(&s, 0, 0);
	for (int round = 0; round < 3; round++) {
		insn.rdx = 1;
		assert_int_equal(machine_access(s.m, 0, &a, &prot, &npf),
				 ACCESS_NPF);
		hv_rmpupdate(s.m, LARGE_AT, false, true);
		assert_int_equal(machine_access(s.m, 0, &a, &prot, &npf),
				 ACCESS_NOT_VALIDATED);
		machine_pvalidate(s.m, 0, &insn);
		assert_false(insn.cf);
		assert_int_equal(machine_access(s.m, 0, &a, &prot, &npf),
				 ACCESS_OK);
		/* The host swaps it: never silently valid again. */
		hv_rmpupdate(s.m, LARGE_AT, false, false);
		hv_rmpupdate(s.m, LARGE_AT, false, true);
		assert_int_equal(machine_access(s.m, 0, &a, &prot, &npf),
				 ACCESS_NOT_VALIDATED);
		hv_rmpupdate(s.m, LARGE_AT, false, false);
	}
	assert_int_equal(machine_stats(s.m, 0)->pvalidates, 3);
	script_free(&s);
}

int main(void)
{
	ROWS(pvalidate, run);
	ROWS(rmpadjust, run);
	ROWS(rmpquery, run);
	ROW("a page's life", life);
	return rows_run("machine: PVALIDATE, RMPADJUST, RMPQUERY");
}
