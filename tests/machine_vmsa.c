// SPDX-License-Identifier: MIT
/*
 * The VMSA and its page at VMRUN: page states, who else runs it, when the
 * engine loads and saves it.
 */
#include <string.h>

#include "machine/internal.h"
#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

#define SNP	SEV_FEATURE_SNP
#define SLOT	0xffffff000ull	/* where IGVM files put the first VMSA */
#define GOOD	(RMP_ASSIGNED | RMP_VALIDATED | RMP_VMSA | RMP_PERM(0))

static const struct page_row {
	const char *name;
	u64 entry;		/* RMP entry of the page */
	u64 pa;			/* 0: VMSA_AT(0, 0) */
	u64 result;
} pages[] = {
	{ "VMSA page as it should be", GOOD, 0, 0 },
	{ "VMSA page shared", 0, 0, EXIT_INVALID },
	{ "VMSA page without the VMSA bit", GOOD & ~RMP_VMSA, 0,
	  EXIT_INVALID },
	{ "VMSA page not validated", GOOD & ~RMP_VALIDATED, 0, EXIT_INVALID },
	{ "VMSA page not assigned", GOOD & ~RMP_ASSIGNED, 0, EXIT_INVALID },
	{ "VMSA page in use", GOOD | RMP_INUSE, 0, EXIT_INVALID },
	{ "VMSA page not mapped", GOOD | RMP_ABSENT, 0, EXIT_INVALID },
	{ "VMSA PA misaligned", GOOD, VMSA_AT(0, 0) + 16, EXIT_INVALID },
	{ "VMSA PA of another page", GOOD, SHARED_AT, EXIT_INVALID },
	{ "VMSA PA behind RAM", GOOD, RAM_LOW, EXIT_INVALID },
	{ "VMSA PA the last one", GOOD, PAGE_MASK, EXIT_INVALID },
	{ "VMSA PA in a slot", GOOD, SLOT, 0 },
	{ "VMSA PA in a slot, misaligned", GOOD, SLOT + 8, EXIT_INVALID },
};

static void run_page(void **state)
{
	const struct page_row *r = *state;
	struct machine_config c = script_config();
	struct script s;
	struct vmsa *vmsa;
	bool in_use;

	script_new(&s, &c);
	vmsa = script_vmsa(&s, 0, 0, SNP);
	hv_launch_page(s.m, SLOT, LAUNCH_VMSA, vmsa);
	rmp_store(s.m, rmp_index(s.m, VMSA_AT(0, 0)), r->entry);
	if (r->pa)
		s.vmcb[0][0]->vmsa_pa = r->pa;
	assert_int_equal(script_run(&s, 0, 0), r->result);
	in_use = rmp_lookup(s.m, s.vmcb[0][0]->vmsa_pa, &(bool){ 0 }) &
		 RMP_INUSE;
	assert_int_equal(in_use, !r->result || r->entry & RMP_INUSE);
	script_free(&s);
}

/* A 2 MiB entry is no VMSA, even with the bit. */
static void large_page(void **state)
{
	struct machine_config c = script_config();
	struct script s;

	(void)state;
	script_new(&s, &c);
	script_vmsa(&s, 0, 0, SNP);
	memcpy(script_ram(&s, LARGE_AT), script_ram(&s, VMSA_AT(0, 0)),
	       PAGE_SIZE);
	rmp_fill(s.m, rmp_index(s.m, LARGE_AT), true, GOOD);
	s.vmcb[0][0]->vmsa_pa = LARGE_AT;
	assert_int_equal(script_run(&s, 0, 0), EXIT_INVALID);
	script_free(&s);
}

/* Nobody runs a VMSA twice at once; not even another VMCB of this core. */
static void in_use_elsewhere(void **state)
{
	struct machine_config c = script_config();
	struct vmcb second;
	struct script s;

	(void)state;
	script_new(&s, &c);
	script_vmsa(&s, 0, 0, SNP);
	second = *s.vmcb[0][0];
	assert_int_equal(script_run(&s, 0, 0), 0);
	assert_int_equal(script_vmrun(&s, 1, &second), EXIT_INVALID);
	assert_int_equal(script_vmrun(&s, 2, s.vmcb[0][0]), EXIT_INVALID);
	script_leave(&s, 0);
	assert_int_equal(script_vmrun(&s, 1, &second), 0);
	assert_int_equal(script_run(&s, 0, 0), EXIT_INVALID);
	script_leave(&s, 1);
	assert_int_equal(script_run(&s, 0, 0), 0);
	script_free(&s);
}

/* Registers move only when another VMSA, or none, follows. */
static struct vmcb *same_again(struct script *s, unsigned int cpu,
			       struct vmcb *exited)
{
	(void)exited;
	return s->vmcb[cpu][0];
}

static void load_at_switch(void **state)
{
	struct machine_config c = script_config();
	struct vmsa *vmsa;
	struct script s;

	(void)state;
	script_new(&s, &c);
	vmsa = script_vmsa(&s, 0, 0, SNP);
	script_vmsa(&s, 0, 2, SNP);
	s.run = same_again;
	for (int i = 0; i < 5; i++)
		assert_int_equal(machine_kicked(s.m, 0), MACH_RESUME);
	assert_int_equal(s.cpu[0].loads, 1);
	assert_int_equal(s.cpu[0].saves, 0);
	s.run = NULL;
	s.cpu[0].regs.rax = 77;
	s.cpu[0].next = s.vmcb[0][2];
	assert_int_equal(machine_vmgexit(s.m, 0), MACH_RESUME);
	assert_int_equal(s.cpu[0].loads, 2);
	assert_int_equal(s.cpu[0].saves, 1);
	assert_int_equal(vmsa->rax, 77);
	assert_int_equal(s.cpu[0].regs.rip, 0x3000);
	script_leave(&s, 0);
	assert_int_equal(s.cpu[0].saves, 2);
	assert_int_equal(machine_stats(s.m, 0)->vmruns, 6);
	script_free(&s);
}

/* What VMPL 0 changes while a VMSA does not run is what it runs with. */
static void edit_between(void **state)
{
	struct machine_config c = script_config();
	struct vmsa *vmsa;
	struct script s;

	(void)state;
	script_new(&s, &c);
	script_vmsa(&s, 0, 0, SNP);
	vmsa = script_vmsa(&s, 0, 2, SNP);
	assert_int_equal(script_run(&s, 0, 2), 0);
	s.cpu[0].regs.rip = 0x4000;
	s.cpu[0].next = s.vmcb[0][0];
	machine_vmgexit(s.m, 0);
	assert_int_equal(vmsa->exit_code, EXIT_VMGEXIT);
	assert_int_equal(vmsa->rip, 0x4000);
	vmsa->rip = 0x4003;
	vmsa->rax = 99;
	s.cpu[0].next = s.vmcb[0][2];
	machine_vmgexit(s.m, 0);
	assert_int_equal(s.cpu[0].regs.rip, 0x4003);
	assert_int_equal(s.cpu[0].regs.rax, 99);
	script_free(&s);
}

static const struct switch_row {
	const char *name;
	int order[6];
	unsigned int switches;
} switches[] = {
	{ "vmpl_switches: VMPL0 only", { 0, 0, 0, -1 }, 0 },
	{ "vmpl_switches: there and back", { 0, 2, 0, -1 }, 2 },
	{ "vmpl_switches: first is VMPL2", { 2, 2, -1 }, 1 },
	{ "vmpl_switches: all", { 0, 1, 2, 3, 0, -1 }, 4 },
};

static void run_switches(void **state)
{
	const struct switch_row *r = *state;
	struct machine_config c = script_config();
	struct script s;

	script_new(&s, &c);
	for (unsigned int vmpl = 0; vmpl < SNP_VMPLS; vmpl++)
		script_vmsa(&s, 0, vmpl, SNP);
	for (int i = 0; r->order[i] >= 0; i++) {
		s.cpu[0].next = s.vmcb[0][r->order[i]];
		assert_int_equal(machine_kicked(s.m, 0), MACH_RESUME);
		assert_int_equal(machine_vmpl(s.m, 0), r->order[i]);
	}
	assert_int_equal(machine_stats(s.m, 0)->vmpl_switches, r->switches);
	script_free(&s);
}

static void slot(void **state)
{
	struct machine_config c = script_config();
	struct script s;

	(void)state;
	script_new(&s, &c);
	hv_launch_page(s.m, SLOT, LAUNCH_VMSA, script_vmsa(&s, 0, 0, SNP));
	s.vmcb[0][0]->vmsa_pa = SLOT;
	assert_int_equal(script_run(&s, 0, 0), 0);
	assert_int_equal(script_vmrun(&s, 1, s.vmcb[0][0]), EXIT_INVALID);
	s.cpu[0].regs.rax = 0x1234;
	script_leave(&s, 0);
	assert_int_equal(s.cpu[0].saves, 1);
	s.cpu[0].regs.rax = 0;
	assert_int_equal(script_vmrun(&s, 1, s.vmcb[0][0]), 0);
	assert_int_equal(s.cpu[1].regs.rax, 0x1234);
	assert_int_equal(hv_rmpupdate(s.m, SLOT, false, false),
			 HV_RMP_FAIL_INPUT);
	assert_false(hv_is_ram(s.m, SLOT));
	script_free(&s);
}

/* The engine may refuse a state: that is INVALID, and nothing is lost. */
static void refused(void **state)
{
	struct machine_config c = script_config();
	struct vmsa was[2];
	struct script s;

	(void)state;
	script_new(&s, &c);
	for (int vmpl = 0; vmpl < 2; vmpl++)
		was[vmpl] = *script_vmsa(&s, 0, vmpl, SNP);
	s.refuse_load = true;
	assert_int_equal(script_run(&s, 0, 1), EXIT_INVALID);
	s.refuse_load = false;
	for (int vmpl = 0; vmpl < 2; vmpl++) {
		assert_memory_equal(script_ram(&s, VMSA_AT(0, vmpl)),
				    &was[vmpl], PAGE_SIZE);
		assert_int_equal(script_run(&s, 0, vmpl), 0);
		script_leave(&s, 0);
	}
	script_free(&s);
}

/* Shadow and NMI mask belong to the VMCB that ran last, not to the first. */
static void two_vmcbs(void **state)
{
	struct machine_config c = script_config();
	struct vmcb *second;
	struct script s;

	(void)state;
	script_new(&s, &c);
	script_vmsa(&s, 0, 0, SNP);
	script_vmsa(&s, 0, 1, SNP);
	second = s.vmcb[0][1];
	second->vmsa_pa = VMSA_AT(0, 0);
	assert_int_equal(script_run(&s, 0, 0), 0);
	s.cpu[0].next = second;
	assert_int_equal(machine_kicked(s.m, 0), MACH_RESUME);
	s.cpu[0].regs.shadow = true;
	s.cpu[0].regs.nmi_masked = true;
	script_leave(&s, 0);
	assert_int_equal(s.vmcb[0][0]->int_state & INT_STATE_SHADOW, 0);
	assert_int_equal(s.vmcb[0][0]->int_ctl & VINTR_NMI_MASK, 0);
	assert_int_equal(second->int_state & INT_STATE_SHADOW, 1);
	assert_int_equal(second->int_ctl & VINTR_NMI_MASK, VINTR_NMI_MASK);
	script_free(&s);
}

/* Row 21: the host never gets at a VMSA. */
static void host_write(void **state)
{
	struct machine_config c = script_config();
	struct script s;
	u64 word = 0;

	(void)state;
	script_new(&s, &c);
	script_vmsa(&s, 0, 0, SNP);
	for (int running = 0; running < 2; running++) {
		assert_int_equal(hv_write(s.m, VMSA_AT(0, 0) + 0x3b8, &word,
					  8), HV_PRIVATE);
		assert_int_equal(hv_read(s.m, VMSA_AT(0, 0) + 0x3b8, &word,
					 8), HV_PRIVATE);
		if (!running)
			script_run(&s, 0, 0);
	}
	script_free(&s);
}

int main(void)
{
	ROWS(pages, run_page);
	ROW("VMSA page in a 2M entry", large_page);
	ROW("a VMSA runs once at a time", in_use_elsewhere);
	ROW("load and save only at a switch", load_at_switch);
	ROW("VMPL0 edits a VMSA between runs", edit_between);
	ROWS(switches, run_switches);
	ROW("a VMSA outside of RAM", slot);
	ROW("the engine refuses a state", refused);
	ROW("two VMCBs of one VMSA", two_vmcbs);
	ROW("row 21: the host cannot touch a VMSA", host_write);
	return rows_run("machine: VMSA pages");
}
