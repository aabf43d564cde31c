// SPDX-License-Identifier: MIT
/*
 * A page that changes hands: its contents change once no vCPU has an old
 * translation, or when the host looks; until then nobody else may use it.
 */
#include <string.h>

#include "machine/internal.h"
#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

#define WORD	0x0123456789abcdefull

/* What the host does at the exit of vCPU 0 while vCPU 1 may still run. */
static const struct stale_row {
	const char *name;
	enum { NOTHING, ASSIGN, REVOKE, ASSIGN_2M, REVOKE_2M, UNSMASH,
	       MAP, READ, WRITE } step[4];
	bool before;		/* private, not shared, before */
	bool stale;		/* after the exit, before the flush */
	bool kept_at_exit;	/* the contents are the old ones: then ... */
	bool kept;		/* ... and after the flush */
} stale[] = {
	{ "to shared", { REVOKE }, true, true, true, false },
	{ "to private", { ASSIGN }, false, true, true, false },
	{ "nothing new", { ASSIGN }, true, false, true, true },
	{ "there and back", { REVOKE, ASSIGN }, true, false, true, true },
	{ "three times", { ASSIGN, REVOKE, ASSIGN }, false, true, true,
	  false },
	{ "the host maps it", { REVOKE, MAP }, true, false, false, false },
	{ "the host reads it", { REVOKE, READ }, true, false, false, false },
	{ "the host writes it", { REVOKE, WRITE }, true, false, false,
	  false },
	{ "back after a look", { REVOKE, MAP, ASSIGN }, true, true, false,
	  true },
	{ "2 MiB", { ASSIGN_2M }, false, true, true, false },
	{ "2 MiB there and back", { ASSIGN_2M, REVOKE_2M }, false, true,
	  false, true },
	{ "2 MiB over a page", { ASSIGN, REVOKE, ASSIGN_2M }, false, true,
	  true, false },
	{ "2 MiB over a stale page", { REVOKE, ASSIGN_2M }, true, true, false,
	  true },
	{ "one entry of stale ones", { ASSIGN_2M, UNSMASH }, false, false,
	  false, false },
};

static void take(struct script *s, int step)
{
	bool assign = step == ASSIGN || step == ASSIGN_2M;
	bool large = step == ASSIGN_2M || step == REVOKE_2M;
	enum hv_mem why;
	u64 word;

	switch (step) {
	case MAP:
		assert_non_null(hv_map(s->m, LARGE_AT, &why));
		return;
	case READ:
		assert_int_equal(hv_read(s->m, LARGE_AT, &word, 8), HV_OK);
		assert_int_not_equal(word, WORD);
		return;
	case WRITE:
		assert_int_equal(hv_write(s->m, LARGE_AT + 8, &word, 8), HV_OK);
		return;
	case UNSMASH:
		hv_psmash(s->m, LARGE_AT);
		assert_int_equal(hv_unsmash(s->m, LARGE_AT), HV_RMP_OK);
		return;
	default:
		assert_int_equal(hv_rmpupdate(s->m, LARGE_AT, large, assign),
				 HV_RMP_OK);
	}
}

static struct vmcb *change(struct script *s, unsigned int cpu,
			   struct vmcb *exited)
{
	const struct stale_row *r = s->test;

	for (unsigned int i = 0; exited && i < 4 && r->step[i]; i++)
		take(s, r->step[i]);
	return s->vmcb[cpu][0];
}

/* Nobody but the host may look, and a device need not wait. */
static void check_access(struct script *s, bool expect)
{
	struct access a = {
		.gpa = LARGE_AT, .kind = ACCESS_READ, .paging = true,
	};
	struct rmp_insn insn = { .gva = LARGE_AT, .gpa = LARGE_AT, .rdx = 1 };
	unsigned int prot;
	u64 npf;

	for (unsigned int c_bit = 0; c_bit < 2; c_bit++) {
		a.c_bit = c_bit;
		assert_int_equal(machine_access(s->m, 1, &a, &prot, &npf) ==
				 ACCESS_AGAIN, expect);
	}
	assert_int_equal(machine_fault(s->m, 1, &a, ACCESS_AGAIN, npf),
			 MACH_RESUME);
	if (!expect)
		return;
	assert_false(machine_dma_allowed(s->m, LARGE_AT));
	assert_int_equal(machine_pvalidate(s->m, 1, &insn), MACH_RESUME);
	assert_int_equal(machine_rmpadjust(s->m, 1, &insn), MACH_RESUME);
	assert_true(hv_in_guest(s->m, 1));
}

static bool is_stale(struct script *s)
{
	return rmp_load(s->m, rmp_index(s->m, LARGE_AT)) & RMP_STALE;
}

static void run_stale(void **state)
{
	const struct stale_row *r = *state;
	struct machine_config c = script_config();
	struct script s;
	u64 *word;

	script_new(&s, &c);
	script_vmsa(&s, 0, 0, SEV_FEATURE_SNP);
	script_vmsa(&s, 1, 0, SEV_FEATURE_SNP);
	if (r->before)
		hv_rmpupdate(s.m, LARGE_AT, false, true);
	hv_launch_finish(s.m);
	word = script_ram(&s, LARGE_AT);
	*word = WORD;
	assert_int_equal(script_run(&s, 1, 0), 0);
	s.test = (void *)r;
	s.run = change;
	s.flushes = 0;
	s.flush_later = true;
	assert_int_equal(machine_kicked(s.m, 0), MACH_RESUME);
	assert_int_equal(s.flushes, 0);
	assert_int_equal(machine_kicked(s.m, 0), MACH_RESUME);
	assert_true(s.flushes);
	assert_int_equal(is_stale(&s), r->stale);
	assert_int_equal(*word == WORD, r->kept_at_exit);
	check_access(&s, r->stale);
	machine_flushed(s.m);
	assert_false(is_stale(&s));
	assert_int_equal(*word == WORD, r->kept);
	check_access(&s, false);
	script_free(&s);
}

/* Pages at both ends of all memory, and each once. */
static void all_of_it(void **state)
{
	static const u64 at[] = { 0x1000, RAM_LOW - PAGE_SIZE, HIGH,
				  HIGH + RAM_HIGH - PAGE_SIZE };
	struct machine_config c = script_config();
	struct script s;

	(void)state;
	script_new(&s, &c);
	hv_launch_finish(s.m);
	s.flush_later = true;
	for (unsigned int i = 0; i < ARRAY_SIZE(at); i++) {
		*(u64 *)script_ram(&s, at[i]) = WORD;
		hv_rmpupdate(s.m, at[i], false, true);
	}
	assert_int_equal(s.changes, 0);
	machine_flushed(s.m);
	assert_int_equal(s.changes, ARRAY_SIZE(at));
	for (unsigned int i = 0; i < ARRAY_SIZE(at); i++)
		assert_int_not_equal(*(u64 *)script_ram(&s, at[i]), WORD);
	machine_flushed(s.m);
	assert_int_equal(s.changes, ARRAY_SIZE(at));
	script_free(&s);
}

static void scramble_off(void **state)
{
	struct machine_config c = script_config();
	struct script s;

	(void)state;
	c.switches.scramble_off = true;
	script_new(&s, &c);
	hv_launch_finish(s.m);
	s.flush_later = true;
	hv_rmpupdate(s.m, LARGE_AT, false, true);
	hv_rmpupdate(s.m, LARGE_AT, false, false);
	assert_false(is_stale(&s));
	assert_true(machine_dma_allowed(s.m, LARGE_AT));
	script_free(&s);
}

int main(void)
{
	ROWS(stale, run_stale);
	ROW("pages anywhere", all_of_it);
	ROW("scramble_off: nothing waits", scramble_off);
	return rows_run("machine: pages that change hands");
}
