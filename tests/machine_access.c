// SPDX-License-Identifier: MIT
/*
 * The RMP check of guest accesses: every cell of the matrix C-bit x page
 * state x kind x VMPL permission x paging x walk x virtual TOM, against a
 * second reading of APM vol. 2 section 15.36.10.
 */
#include <string.h>

#include "machine/internal.h"
#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

#define AT	LARGE_AT
#define VTOM	(AT + PAGE_SIZE)

enum state { NO_RAM, ABSENT, SHARED, ASSIGNED, VALIDATED };

struct expected {
	enum access_verdict verdict;
	unsigned int prot;
	u64 npf;
};

static u64 walk_bits(const struct access *a)
{
	u64 bits = a->walk ? BIT_ULL(33) : BIT_ULL(32);

	bits |= a->kind == ACCESS_WRITE ? BIT_ULL(1) : 0;
	bits |= a->user || a->walk ? BIT_ULL(2) : 0;
	return bits | (a->kind == ACCESS_FETCH ? BIT_ULL(4) : 0);
}

/*
 * Does this access use the key? Page walks, fetches and everything with
 * paging off always do; otherwise virtual TOM decides, else the C-bit.
 */
static bool with_key(const struct access *a, bool vtom)
{
	bool data = !a->walk && a->kind != ACCESS_FETCH && a->paging;

	if (!data)
		return true;
	return vtom ? a->gpa < VTOM : a->c_bit;
}

static struct expected of_private(const struct access *a, bool vtom, u8 perm)
{
	struct expected e = { .npf = walk_bits(a) | BIT_ULL(31) | BIT_ULL(34) |
				     BIT_ULL(36) | 1 };
	struct access data = *a;

	data.kind = ACCESS_READ;
	if (perm & 1)
		e.prot |= ACCESS_PROT_R;
	if ((perm & 3) == 3)
		e.prot |= ACCESS_PROT_W;
	if (perm & (a->user ? 4 : 8))
		e.prot |= ACCESS_PROT_X;
	/* A fetch through C = 0 must not let data accesses in. */
	if (a->kind == ACCESS_FETCH && !with_key(&data, vtom))
		e.prot &= ACCESS_PROT_X;
	switch (a->kind) {
	case ACCESS_READ:
		e.verdict = perm & 1 ? ACCESS_OK : ACCESS_NPF;
		break;
	case ACCESS_WRITE:
		e.verdict = (perm & 3) == 3 ? ACCESS_OK : ACCESS_NPF;
		break;
	case ACCESS_FETCH:
		e.verdict = e.prot & ACCESS_PROT_X ? ACCESS_OK : ACCESS_NPF;
		break;
	}
	return e;
}

static struct expected reference(const struct access *a, enum state state,
				 bool vtom, u8 perm)
{
	struct expected e = { .verdict = ACCESS_NPF, .npf = walk_bits(a) };

	switch (state) {
	case NO_RAM:
		e.verdict = a->walk ? ACCESS_NPF : ACCESS_MMIO;
		return e;
	case ABSENT:
		return e;
	case SHARED:
		e.npf |= BIT_ULL(31) | BIT_ULL(34) | 1;
		if (with_key(a, vtom))
			return e;
		e.verdict = ACCESS_OK;
		e.prot = ACCESS_PROT_R | ACCESS_PROT_W;
		return e;
	default:
		e.npf |= BIT_ULL(31) | 1;
		if (!with_key(a, vtom))
			return e;
		if (state == VALIDATED)
			return of_private(a, vtom, perm);
		e.verdict = ACCESS_NOT_VALIDATED;
		return e;
	}
}

static void check(struct script *s, const struct access *a, enum state state,
		  bool vtom, u8 perm)
{
	struct expected e = reference(a, state, vtom, perm);
	unsigned int prot = 0;
	u64 npf = 0;

	if (machine_access(s->m, 0, a, &prot, &npf) == e.verdict &&
	    (e.verdict != ACCESS_OK || prot == e.prot) &&
	    (e.verdict != ACCESS_NPF || npf == e.npf))
		return;
	print_error("c %d walk %d paging %d user %d kind %d gpa %#llx perm "
		    "%#x: npf %#llx, not %#llx; prot %u, not %u\n", a->c_bit,
		    a->walk, a->paging, a->user, a->kind,
		    (unsigned long long)a->gpa, perm, (unsigned long long)npf,
		    (unsigned long long)e.npf, prot, e.prot);
	fail();
}

static void set_state(struct script *s, enum state state, unsigned int vmpl,
		      u8 perm)
{
	/* Every other VMPL has what this one has not. */
	u64 others = (u8)~perm * 0x01010101ull & 0x1f1f1f1f;
	u64 perms = (others & ~(0xffull << 8 * vmpl)) |
		    (u64)perm << 8 * vmpl;
	u64 entry = 0;

	if (state == ABSENT)
		entry = RMP_ABSENT | RMP_ASSIGNED | RMP_VALIDATED;
	if (state >= ASSIGNED)
		entry = RMP_ASSIGNED | perms << 32;
	if (state == VALIDATED)
		entry |= RMP_VALIDATED;
	for (u64 gpa = AT; gpa <= VTOM; gpa += PAGE_SIZE)
		rmp_store(s->m, rmp_index(s->m, gpa), entry);
}

static void all_accesses(struct script *s, enum state state, bool vtom,
			 u8 perm)
{
	for (unsigned int bits = 0; bits < 32; bits++)
		for (enum access_kind k = ACCESS_READ; k <= ACCESS_FETCH; k++) {
			struct access a = {
				.gpa = bits & 1 ? VTOM : AT + 0x123,
				.kind = k,
				.c_bit = bits & 2,
				.walk = bits & 4,
				.paging = bits & 8,
				.user = bits & 16,
			};

			if (state == NO_RAM)
				a.gpa += RAM_LOW;
			if (state == NO_RAM && vtom)
				a.gpa -= RAM_LOW - AT;
			check(s, &a, state, vtom, perm);
		}
}

static const struct matrix_row {
	const char *name;
	enum state state;
	bool vtom;
} matrix[] = {
	{ "access: no RAM", NO_RAM, false },
	{ "access: not in the nested page table", ABSENT, false },
	{ "access: shared", SHARED, false },
	{ "access: private, not validated", ASSIGNED, false },
	{ "access: private, validated", VALIDATED, false },
	{ "access: vTOM, not in the nested page table", ABSENT, true },
	{ "access: vTOM, shared", SHARED, true },
	{ "access: vTOM, private, not validated", ASSIGNED, true },
	{ "access: vTOM, private, validated", VALIDATED, true },
};

static void run_matrix(void **state)
{
	const struct matrix_row *r = *state;
	struct machine_config c = script_config();
	struct script s;
	struct vmsa *vmsa;

	script_new(&s, &c);
	for (unsigned int vmpl = 0; vmpl < SNP_VMPLS; vmpl++) {
		vmsa = script_vmsa(&s, 0, vmpl, SEV_FEATURE_SNP |
				   (r->vtom ? SEV_FEATURE_VTOM : 0));
		vmsa->virtual_tom = VTOM;
		assert_int_equal(script_run(&s, 0, vmpl), 0);
		for (unsigned int perm = 0; perm < 32; perm++) {
			set_state(&s, r->state, vmpl, perm);
			all_accesses(&s, r->state, r->vtom, perm);
		}
		script_leave(&s, 0);
	}
	script_free(&s);
}

/* Pages that are no page of RAM, or belong to hardware at the moment. */
static const struct special_row {
	const char *name;
	u64 gpa;
	enum access_verdict verdict;
} special[] = {
	{ "access: the VMSA that runs", VMSA_AT(0, 0), ACCESS_NPF },
	{ "access: a VMSA running elsewhere", VMSA_AT(1, 0), ACCESS_NPF },
	{ "access: a VMSA that does not run", VMSA_AT(2, 0), ACCESS_OK },
	{ "access: a VMSA outside of RAM", 0xffffff000, ACCESS_MMIO },
	{ "access: high RAM", HIGH + 0x1000, ACCESS_OK },
	{ "access: behind high RAM", HIGH + RAM_HIGH, ACCESS_MMIO },
	{ "access: the last GPA", ~0ull, ACCESS_MMIO },
};

static void run_special(void **state)
{
	const struct special_row *r = *state;
	struct machine_config c = script_config();
	static u8 vmsa[PAGE_SIZE];
	struct access a = { .kind = ACCESS_READ, .c_bit = true,
			    .paging = true, .gpa = r->gpa };
	unsigned int prot;
	struct script s;
	u64 npf;

	script_new(&s, &c);
	for (unsigned int cpu = 0; cpu < 3; cpu++)
		script_vmsa(&s, cpu, 0, SEV_FEATURE_SNP);
	hv_launch_page(s.m, 0xffffff000, LAUNCH_VMSA, vmsa);
	script_private(&s, HIGH + 0x1000);
	script_run(&s, 0, 0);
	script_run(&s, 1, 0);
	assert_int_equal(machine_access(s.m, 0, &a, &prot, &npf), r->verdict);
	if (r->verdict == ACCESS_NPF)
		assert_int_equal(npf, NPF_RMP | NPF_ENC | NPF_FINAL |
				 NPF_PRESENT);
	script_free(&s);
}

/* One large entry speaks for all its pages. */
static void large_entry(void **state)
{
	struct machine_config c = script_config();
	struct access a = { .kind = ACCESS_WRITE, .c_bit = true,
			    .paging = true };
	unsigned int prot;
	struct script s;
	u64 npf;

	(void)state;
	script_new(&s, &c);
	script_vmsa(&s, 0, 0, SEV_FEATURE_SNP);
	script_run(&s, 0, 0);
	hv_rmpupdate(s.m, LARGE_AT, true, true);
	for (a.gpa = LARGE_AT; a.gpa < LARGE_AT + PAGE_2M; a.gpa += PAGE_SIZE)
		assert_int_equal(machine_access(s.m, 0, &a, &prot, &npf),
				 ACCESS_NOT_VALIDATED);
	rmp_fill(s.m, rmp_index(s.m, LARGE_AT), true, RMP_ASSIGNED |
		 RMP_VALIDATED | RMP_PERM(0));
	for (a.gpa = LARGE_AT; a.gpa < LARGE_AT + PAGE_2M; a.gpa += PAGE_SIZE)
		assert_int_equal(machine_access(s.m, 0, &a, &prot, &npf),
				 ACCESS_OK);
	assert_int_equal(machine_access(s.m, 0, &a, &prot, &npf), ACCESS_NPF);
	a.gpa = LARGE_AT - 1;
	assert_int_equal(machine_access(s.m, 0, &a, &prot, &npf), ACCESS_NPF);
	script_free(&s);
}

int main(void)
{
	ROWS(matrix, run_matrix);
	ROWS(special, run_special);
	ROW("access: every page of a 2M entry", large_entry);
	return rows_run("machine: RMP check of accesses");
}
