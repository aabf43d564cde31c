// SPDX-License-Identifier: MIT
/*
 * Any bytes as RMPUPDATE, PSMASH, PVALIDATE and RMPADJUST, compared with a
 * model that keeps each 4 KiB page by itself and knows no packed entries.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/internal.h"
#include "tests/lib/scripted.h"

#define PAGES	1024		/* two 2 MiB ranges from LARGE_AT */

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

struct page {
	bool assigned, validated, vmsa;
	u8 perm[SNP_VMPLS];
};

static struct page page[PAGES];
static bool large[PAGES / 512];
static struct script s;

#define EXPECT(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "line %d: %s\n", __LINE__, #cond); \
			abort();					\
		}							\
	} while (0)

static bool range_alike(unsigned int first)
{
	for (unsigned int i = 1; i < 512; i++)
		if (memcmp(&page[first], &page[first + i], sizeof(*page)))
			return false;
	return true;
}

static void rmpupdate(unsigned int n, bool two_mb, bool assign)
{
	unsigned int first = two_mb ? n & ~511u : n;
	enum hv_rmp want = HV_RMP_OK;

	if (!two_mb && large[n / 512])
		want = HV_RMP_FAIL_OVERLAP;
	if (two_mb && !large[n / 512] &&
	    (!range_alike(first) || page[first].vmsa))
		want = HV_RMP_FAIL_OVERLAP;
	EXPECT(hv_rmpupdate(s.m, LARGE_AT + first * PAGE_SIZE, two_mb,
			    assign) == want);
	if (want != HV_RMP_OK)
		return;
	for (unsigned int i = first; i < first + (two_mb ? 512 : 1); i++) {
		memset(&page[i], 0, sizeof(*page));
		page[i].assigned = assign;
		page[i].perm[0] = assign ? VMPL_PERM_ALL : 0;
	}
	if (two_mb)
		large[n / 512] = assign;
}

static void smash(unsigned int n, bool back)
{
	unsigned int first = n & ~511u;
	u64 gpa = LARGE_AT + first * PAGE_SIZE;
	bool can = range_alike(first) && !page[first].vmsa;

	if (!back) {
		EXPECT((hv_psmash(s.m, gpa) == HV_RMP_OK) == large[n / 512]);
		large[n / 512] = false;
		return;
	}
	EXPECT((hv_unsmash(s.m, gpa) == HV_RMP_OK) == (large[n / 512] || can));
	if (can && page[first].assigned)
		large[n / 512] = true;
}

/* EAX, -1 for an exit or fault instead of a result. */
static int target(unsigned int n, bool two_mb)
{
	if (!page[n].assigned)
		return -1;
	if (two_mb && !large[n / 512])
		return RMP_FAIL_SIZEMISMATCH;
	return !two_mb && large[n / 512] ? -1 : RMP_OK;
}

static void each(unsigned int n, bool two_mb,
		 void (*change)(struct page *p, const void *arg),
		 const void *arg)
{
	unsigned int first = two_mb ? n & ~511u : n;

	for (unsigned int i = first; i < first + (two_mb ? 512 : 1); i++)
		change(&page[i], arg);
}

static void set_validated(struct page *p, const void *arg)
{
	p->validated = *(const bool *)arg;
}

static void run_again(unsigned int vmpl)
{
	if (hv_in_guest(s.m, vmpl))
		return;
	s.cpu[vmpl].next = s.vmcb[vmpl][vmpl];
	EXPECT(machine_kicked(s.m, vmpl) == MACH_RESUME);
}

static void pvalidate(unsigned int n, bool two_mb, bool validate)
{
	struct rmp_insn insn = { .mapped_2m = true, .rcx = two_mb,
				 .rdx = validate };
	int want;

	n = two_mb ? n & ~511u : n;
	insn.gpa = insn.gva = LARGE_AT + n * PAGE_SIZE;
	want = target(n, two_mb);
	if (want == RMP_OK && page[n].vmsa)
		want = RMP_FAIL_INUSE;
	EXPECT((machine_pvalidate(s.m, 0, &insn) == MACH_DONE) ==
	       (want >= 0));
	run_again(0);
	if (want >= 0)
		EXPECT(insn.eax == (u64)want);
	if (want != RMP_OK)
		return;
	EXPECT(insn.cf == (page[n].validated == validate));
	each(n, two_mb, set_validated, &validate);
}

struct adjust {
	unsigned int by, vmpl;
	u8 perm;
	bool vmsa;
};

static void set_rights(struct page *p, const void *arg)
{
	const struct adjust *a = arg;

	p->perm[a->vmpl] = a->perm;
	if (!a->by)
		p->vmsa = a->vmsa;
}

static void rmpadjust(unsigned int n, bool two_mb, const struct adjust *a)
{
	struct rmp_insn insn = {
		.mapped_2m = true, .rcx = two_mb,
		.rdx = a->vmpl | a->perm << 8 | (u64)a->vmsa << 16,
	};
	int want;

	n = two_mb ? n & ~511u : n;
	insn.gpa = insn.gva = LARGE_AT + n * PAGE_SIZE;
	want = target(n, two_mb);
	if (want == RMP_OK && !page[n].validated)
		want = -1;
	else if (want == RMP_OK && (a->vmpl <= a->by ||
				    a->perm & ~page[n].perm[a->by]))
		want = RMP_FAIL_PERMISSION;
	else if (want == RMP_OK && a->vmsa && large[n / 512])
		want = RMP_FAIL_INPUT;
	EXPECT((machine_rmpadjust(s.m, a->by, &insn) == MACH_DONE) ==
	       (want >= 0));
	run_again(a->by);
	if (want >= 0)
		EXPECT(insn.eax == (u64)want);
	if (want == RMP_OK)
		each(n, two_mb, set_rights, a);
}

static void compare(unsigned int n)
{
	u64 entry = rmp_load(s.m, rmp_index(s.m, LARGE_AT) + n);

	EXPECT(!!(entry & RMP_ASSIGNED) == page[n].assigned);
	EXPECT(!!(entry & RMP_VALIDATED) == page[n].validated);
	EXPECT(!!(entry & RMP_VMSA) == page[n].vmsa);
	EXPECT(!!(entry & RMP_LARGE) == large[n / 512]);
	for (unsigned int vmpl = 0; vmpl < SNP_VMPLS; vmpl++)
		EXPECT((u8)(entry >> RMP_PERM_SHIFT(vmpl)) ==
		       page[n].perm[vmpl]);
}

static void operate(const u8 *op)
{
	unsigned int n = (op[1] & 7) * 128 + (op[2] & 3) * 127 / 3;
	struct adjust a = { op[2] >> 6, op[2] >> 4 & 3, op[3] & 0x1f,
			    op[3] >> 7 };
	bool two_mb = op[1] & 0x80, flag = op[1] & 0x40;

	switch (op[0] % 6) {
	case 0:
		rmpupdate(n, two_mb, flag);
		break;
	case 1:
		smash(n, flag);
		break;
	case 2:
	case 3:
		pvalidate(n, two_mb, flag);
		break;
	default:
		rmpadjust(n, two_mb, &a);
		break;
	}
	compare(n);
	compare(n & ~511u);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct machine_config c = script_config();

	c.switches.scramble_off = true;
	memset(page, 0, sizeof(page));
	memset(large, 0, sizeof(large));
	script_new(&s, &c);
	for (unsigned int vmpl = 0; vmpl < SNP_VMPLS; vmpl++) {
		script_vmsa(&s, vmpl, vmpl, SEV_FEATURE_SNP);
		run_again(vmpl);
	}
	for (; size >= 4; data += 4, size -= 4)
		operate(data);
	for (unsigned int n = 0; n < PAGES; n++)
		compare(n);
	script_free(&s);
	return 0;
}
