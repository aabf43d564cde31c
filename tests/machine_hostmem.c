// SPDX-License-Identifier: MIT
/*
 * What the host gets to see of memory: scrambled contents, refused accesses,
 * TLB flushes, DMA; and the registers of a VMSA that it takes away.
 */
#include <string.h>

#include "machine/internal.h"
#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

#define SECRET	0x5ec2e75ec2e75ec2ull

static void fill(u8 *page, u8 seed)
{
	for (unsigned int i = 0; i < PAGE_SIZE; i++)
		page[i] = i * 7 + seed;
}

/* How many of the page's quadwords are those that fill() wrote. */
static unsigned int same(const u8 *page, u8 seed)
{
	u8 want[PAGE_SIZE];
	unsigned int n = 0;

	fill(want, seed);
	for (unsigned int i = 0; i < PAGE_SIZE; i += 8)
		n += !memcmp(page + i, want + i, 8);
	return n;
}

enum step { END, ASSIGN, REVOKE, ASSIGN_2M, REVOKE_2M, SMASH, UNSMASH };

static const struct content_row {
	const char *name;
	enum step step[4];
	bool off;		/* switch scramble_off */
	bool kept;		/* contents are the old ones at the end */
	unsigned int changes;	/* calls of ram_changed */
} content[] = {
	{ "shared -> private scrambles", { ASSIGN }, false, false, 1 },
	{ "and back restores", { ASSIGN, REVOKE }, false, true, 2 },
	{ "three changes scramble", { ASSIGN, REVOKE, ASSIGN }, false, false,
	  3 },
	{ "private -> private keeps", { ASSIGN, ASSIGN, REVOKE }, false, true,
	  2 },
	{ "shared -> shared keeps", { REVOKE }, false, true, 0 },
	{ "2M scrambles every page", { ASSIGN_2M }, false, false, 512 },
	{ "2M and back restores", { ASSIGN_2M, REVOKE_2M }, false, true,
	  1024 },
	{ "2M, smash, 4K back", { ASSIGN_2M, SMASH, REVOKE }, false, true,
	  513 },
	{ "smash and unsmash keep", { ASSIGN_2M, SMASH, UNSMASH, REVOKE_2M },
	  false, true, 1024 },
	{ "scramble_off keeps", { ASSIGN }, true, true, 0 },
	{ "scramble_off keeps 2M", { ASSIGN_2M }, true, true, 0 },
};

static void take(struct script *s, enum step step)
{
	bool large = step == ASSIGN_2M || step == REVOKE_2M;
	bool assign = step == ASSIGN || step == ASSIGN_2M;
	enum hv_rmp err;

	if (step == SMASH)
		err = hv_psmash(s->m, LARGE_AT);
	else if (step == UNSMASH)
		err = hv_unsmash(s->m, LARGE_AT);
	else
		err = hv_rmpupdate(s->m, LARGE_AT, large, assign);
	assert_int_equal(err, HV_RMP_OK);
}

static void run_content(void **state)
{
	const struct content_row *r = *state;
	struct machine_config c = script_config();
	struct script s;
	u8 *first, *last;
	bool large = r->step[0] == ASSIGN_2M;

	c.switches.scramble_off = r->off;
	script_new(&s, &c);
	hv_launch_finish(s.m);
	first = script_ram(&s, LARGE_AT);
	last = first + PAGE_2M - PAGE_SIZE;
	fill(first, 1);
	fill(last, 2);
	for (unsigned int i = 0; i < 4 && r->step[i]; i++)
		take(&s, r->step[i]);
	assert_int_equal(same(first, 1), r->kept ? 512 : 0);
	if (large && r->changes != 513)
		assert_int_equal(same(last, 2), r->kept ? 512 : 0);
	if (!large)
		assert_int_equal(same(last, 2), 512);
	assert_int_equal(s.changes, r->changes);
	script_free(&s);
}

/* Memory that was nobody's before the launch keeps its zeroes. */
static void launch_keeps(void **state)
{
	struct machine_config c = script_config();
	struct script s;

	(void)state;
	script_new(&s, &c);
	fill(script_ram(&s, LARGE_AT), 1);
	assert_int_equal(hv_rmpupdate(s.m, LARGE_AT, true, true), HV_RMP_OK);
	assert_int_equal(same(script_ram(&s, LARGE_AT), 1), 512);
	assert_int_equal(s.changes, 0);
	script_free(&s);
}

/* Equal plain text does not look equal in two pages, nor in two guests. */
static void scramble_key(void **state)
{
	struct machine_config c = script_config();
	u8 seen[3][PAGE_SIZE];
	struct script s;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		c.seed = 1 + i / 2;
		script_new(&s, &c);
		hv_launch_finish(s.m);
		hv_rmpupdate(s.m, LARGE_AT + i % 2 * PAGE_SIZE, false, true);
		memcpy(seen[i], script_ram(&s, LARGE_AT + i % 2 * PAGE_SIZE),
		       PAGE_SIZE);
		script_free(&s);
	}
	assert_int_not_equal(memcmp(seen[0], seen[1], PAGE_SIZE), 0);
	assert_int_not_equal(memcmp(seen[0], seen[2], PAGE_SIZE), 0);
}

static const struct copy_row {
	const char *name;
	u64 gpa;
	size_t len;
	enum hv_mem result;
} copy[] = {
	{ "shared page", SHARED_AT, 4096, HV_OK },
	{ "shared, inside a page", SHARED_AT + 5, 17, HV_OK },
	{ "shared, over a page's end", SHARED_AT + 4090, 20, HV_OK },
	{ "nothing", PRIVATE_AT, 0, HV_OK },
	{ "private page", PRIVATE_AT, 8, HV_PRIVATE },
	{ "last byte of a private page", PRIVATE_AT + 4095, 1, HV_PRIVATE },
	{ "private, then shared", PRIVATE_AT + 4095, 2, HV_PRIVATE },
	{ "shared, then private", PRIVATE_AT - 1, 2, HV_PRIVATE },
	{ "shared, private in the middle", PRIVATE_AT - 8, 4112,
	  HV_PRIVATE },
	{ "a VMSA", VMSA_AT(0, 0), 8, HV_PRIVATE },
	{ "up to the end of RAM", RAM_LOW - 8, 8, HV_OK },
	{ "over the end of RAM", RAM_LOW - 8, 9, HV_NOT_RAM },
	{ "behind RAM", RAM_LOW, 1, HV_NOT_RAM },
	{ "high RAM", HIGH, 8, HV_OK },
	{ "behind high RAM", HIGH + RAM_HIGH, 1, HV_NOT_RAM },
	{ "around the address space", ~0ull - 3, 8, HV_NOT_RAM },
	{ "the last byte of it", ~0ull, 1, HV_NOT_RAM },
	{ "a VMSA outside of RAM", 0xffffff000, 8, HV_NOT_RAM },
};

/* hv_read, hv_write, hv_map and DMA agree; a refusal copies nothing. */
static void run_copy(void **state)
{
	const struct copy_row *r = *state;
	struct machine_config c = script_config();
	static u8 buf[8192], was[2][3 * PAGE_SIZE];
	struct script s;
	enum hv_mem why;
	void *page;
	bool shared;

	script_new(&s, &c);
	script_vmsa(&s, 0, 0, SEV_FEATURE_SNP);
	hv_launch_page(s.m, 0xffffff000, LAUNCH_VMSA, was[0]);
	script_private(&s, PRIVATE_AT);
	fill(script_ram(&s, PRIVATE_AT - PAGE_SIZE), 1);
	fill(script_ram(&s, PRIVATE_AT), 2);
	fill(script_ram(&s, PRIVATE_AT + PAGE_SIZE), 3);
	memcpy(was[0], script_ram(&s, PRIVATE_AT - PAGE_SIZE), sizeof(was[0]));

	memset(buf, 0xcc, sizeof(buf));
	assert_int_equal(hv_read(s.m, r->gpa, buf, r->len), r->result);
	if (r->result == HV_OK && r->len)
		assert_memory_equal(buf, script_ram(&s, r->gpa), r->len);
	else
		for (unsigned int i = 0; i < sizeof(buf); i++)
			assert_int_equal(buf[i], 0xcc);

	memset(buf, 0xaa, sizeof(buf));
	assert_int_equal(hv_write(s.m, r->gpa, buf, r->len), r->result);
	memcpy(was[1], script_ram(&s, PRIVATE_AT - PAGE_SIZE), sizeof(was[1]));
	if (r->result == HV_OK && r->len)
		assert_memory_equal(buf, script_ram(&s, r->gpa), r->len);
	else
		assert_memory_equal(was[0], was[1], sizeof(was[0]));

	if (r->len == 8) {
		page = hv_map(s.m, r->gpa, &why);
		shared = why == HV_OK;
		assert_int_equal(why, r->result);
		assert_int_equal(shared, page != NULL);
		assert_int_equal(machine_dma_allowed(s.m, r->gpa & PAGE_MASK),
				 shared);
		assert_int_equal(hv_is_ram(s.m, r->gpa), why != HV_NOT_RAM);
		if (why != HV_NOT_RAM)
			assert_int_equal(hv_is_private(s.m, r->gpa), !shared);
	}
	script_free(&s);
}

/* A flush inside of an exit is made once, before the vCPU goes on. */
static struct vmcb *change_three(struct script *s, unsigned int cpu,
				 struct vmcb *exited)
{
	(void)cpu;
	if (!exited)
		return s->vmcb[0][0];
	for (u64 i = 0; i < 3; i++)
		hv_rmpupdate(s->m, LARGE_AT + i * PAGE_SIZE, false, true);
	hv_npt_present(s->m, LARGE_AT, false);
	assert_int_equal(s->flushes, 0);
	return s->vmcb[0][0];
}

static void flush_in_exit(void **state)
{
	struct machine_config c = script_config();
	struct script s;

	(void)state;
	script_new(&s, &c);
	script_vmsa(&s, 0, 0, SEV_FEATURE_SNP);
	s.run = change_three;
	assert_int_equal(machine_kicked(s.m, 0), MACH_RESUME);
	assert_int_equal(s.flushes, 0);
	assert_int_equal(machine_kicked(s.m, 0), MACH_RESUME);
	assert_int_equal(s.flushes, 1);
	assert_int_equal(s.flush_vcpu, 0);
	/* Outside of an exit: at once, and by no vCPU. */
	hv_npt_present(s.m, LARGE_AT, true);
	assert_int_equal(s.flushes, 2);
	assert_int_equal(s.flush_vcpu, -1);
	script_free(&s);
}

/*
 * The host takes the VMSA away while the engine still has its registers:
 * they must not reach a page that the host can read.
 */
static struct vmcb *steal_vmsa(struct script *s, unsigned int cpu,
			       struct vmcb *exited)
{
	(void)cpu;
	if (!exited)
		return s->vmcb[0][0];
	assert_int_equal(hv_rmpupdate(s->m, VMSA_AT(0, 0), false, false),
			 HV_RMP_OK);
	return NULL;
}

static void stolen_vmsa(void **state)
{
	struct machine_config c = script_config();
	u64 seen[PAGE_SIZE / 8];
	struct script s;

	(void)state;
	script_new(&s, &c);
	script_vmsa(&s, 0, 0, SEV_FEATURE_SNP);
	hv_launch_finish(s.m);
	s.run = steal_vmsa;
	assert_int_equal(machine_kicked(s.m, 0), MACH_RESUME);
	s.cpu[0].regs.rax = SECRET;
	assert_int_equal(machine_kicked(s.m, 0), MACH_IDLE);
	assert_int_equal(hv_read(s.m, VMSA_AT(0, 0), seen, sizeof(seen)),
			 HV_OK);
	for (unsigned int i = 0; i < ARRAY_SIZE(seen); i++)
		assert_int_not_equal(seen[i], SECRET);
	/* As on silicon, the registers were in memory before the change. */
	hv_rmpupdate(s.m, VMSA_AT(0, 0), false, true);
	assert_int_equal(((struct vmsa *)script_ram(&s, VMSA_AT(0, 0)))->rax,
			 SECRET);
	script_free(&s);
}

int main(void)
{
	ROWS(content, run_content);
	ROW("what the launch assigns keeps", launch_keeps);
	ROW("scramble key: page and seed", scramble_key);
	ROWS(copy, run_copy);
	ROW("one flush an exit", flush_in_exit);
	ROW("a VMSA taken away shows no register", stolen_vmsa);
	return rows_run("machine: memory as the host sees it");
}
