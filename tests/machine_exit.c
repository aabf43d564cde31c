// SPDX-License-Identifier: MIT
/*
 * Exits: which instructions raise #VC, which exit by themselves, what
 * ReflectVC tells whom. APM vol. 2 sections 15.35.4 to 15.36.9.
 */
#include <string.h>

#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

#define SNP	SEV_FEATURE_SNP
#define REFLECT	SEV_FEATURE_REFLECT_VC
#define AI	SEV_FEATURE_ALTERNATE
#define RI	SEV_FEATURE_RESTRICTED
#define SAVIC	SEV_FEATURE_SECURE_AVIC

/* What KVM intercepts of an SNP guest, and is no automatic exit. */
static const u16 vc_codes[] = {
	0x6f, 0x72, 0x76, 0x7a, 0x7b, 0x7c, 0x7d, 0x80, 0x81, 0x82, 0x83,
	0x84, 0x85, 0x86, 0x89, 0x8a, 0x8b, 0x8e,
};

static bool raises_vc(u64 code)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(vc_codes); i++)
		if (vc_codes[i] == code)
			return true;
	return false;
}

static void every_code(void **state)
{
	struct machine_config c = script_config();
	struct script s;

	(void)state;
	script_new(&s, &c);
	script_vmsa(&s, 0, 0, SNP);
	script_run(&s, 0, 0);
	for (u64 code = 0; code < 0x420; code++) {
		bool vc = raises_vc(code);

		assert_int_equal(machine_intercept(s.m, 0, code, 1, 2, 3),
				 vc ? MACH_VC : MACH_NATIVE);
		assert_int_equal(machine_stats(s.m, 0)->vc[
				 machine_code_slot(code)], vc);
		if (!vc)
			continue;
		assert_int_equal(machine_vc_code(s.m, 0), code);
		assert_false(machine_vc_is_trap(s.m, 0));
	}
	assert_int_equal(s.logged, 0);
	script_free(&s);
}

/* ReflectVC: the host learns nothing, the VMSA everything. */
static void reflected(void **state)
{
	struct machine_config c = script_config();
	struct vmsa *vmsa;
	struct script s;

	(void)state;
	script_new(&s, &c);
	vmsa = script_vmsa(&s, 0, 2, SNP | REFLECT | AI);
	for (unsigned int i = 0; i < ARRAY_SIZE(vc_codes); i++) {
		u64 code = vc_codes[i];

		assert_int_equal(script_run(&s, 0, 2), 0);
		assert_int_equal(machine_intercept(s.m, 0, code, 0x11, 0x22,
						   0x33), MACH_IDLE);
		assert_int_equal(script_last(&s)->code, EXIT_VC);
		assert_int_equal(script_last(&s)->info1, 0);
		assert_int_equal(script_last(&s)->info2, 0);
		assert_int_equal(vmsa->exit_code, code);
		assert_int_equal(vmsa->exit_info1, 0x11);
		assert_int_equal(vmsa->exit_info2, 0x22);
		assert_int_equal(vmsa->nrip, 0x33);
		assert_int_equal(vmsa->exit_int_info, 0);
		assert_int_equal(vmsa->vintr_ctrl & VINTR_BUSY, 0);
	}
	assert_int_equal(machine_stats(s.m, 0)->exits[
			 machine_code_slot(EXIT_VC)], ARRAY_SIZE(vc_codes));
	script_free(&s);
}

/* Exits that no guest handler sees, in every mode (18: INTR always). */
enum reason { KICK, VMGEXIT, SHUTDOWN, HLT };

static const struct auto_row {
	const char *name;
	enum reason reason;
	u64 features, code;
} automatic[] = {
	{ "18: INTR, normal", KICK, SNP, EXIT_INTR },
	{ "18: INTR, RI", KICK, SNP | RI, EXIT_INTR },
	{ "18: INTR, AI", KICK, SNP | AI, EXIT_INTR },
	{ "18: INTR, SAVIC", KICK, SNP | SAVIC, EXIT_INTR },
	{ "INTR, ReflectVC", KICK, SNP | REFLECT, EXIT_INTR },
	{ "VMGEXIT", VMGEXIT, SNP, EXIT_VMGEXIT },
	{ "VMGEXIT, ReflectVC", VMGEXIT, SNP | REFLECT, EXIT_VMGEXIT },
	{ "SHUTDOWN", SHUTDOWN, SNP, EXIT_SHUTDOWN },
	{ "SHUTDOWN, ReflectVC", SHUTDOWN, SNP | REFLECT, EXIT_SHUTDOWN },
	{ "HLT", HLT, SNP, EXIT_HLT },
	{ "HLT, ReflectVC", HLT, SNP | REFLECT, EXIT_HLT },
};

static enum mach_next cause(struct script *s, enum reason reason)
{
	switch (reason) {
	case KICK:
		return machine_kicked(s->m, 0);
	case VMGEXIT:
		return machine_vmgexit(s->m, 0);
	case SHUTDOWN:
		return machine_shutdown(s->m, 0);
	default:
		return machine_hlt(s->m, 0, s->cpu[0].regs.rflags, false);
	}
}

static void run_automatic(void **state)
{
	const struct auto_row *r = *state;
	struct machine_config c = script_config();
	struct vmsa *vmsa;
	struct script s;

	script_new(&s, &c);
	vmsa = script_vmsa(&s, 0, 0, r->features);
	/* No intercept bit is set in the VMCB. */
	assert_int_equal(script_run(&s, 0, 0), 0);
	assert_int_equal(cause(&s, r->reason), MACH_IDLE);
	assert_int_equal(script_last(&s)->code, r->code);
	assert_int_equal(vmsa->exit_code, r->code);
	assert_int_equal(vmsa->exit_info1, 0);
	assert_int_equal(vmsa->nrip, 0);
	assert_int_equal(vmsa->vintr_ctrl & VINTR_BUSY, 0);
	assert_false(hv_in_guest(s.m, 0));
	assert_int_equal(machine_stats(s.m, 0)->exits[
			 machine_code_slot(r->code)], 1);
	script_free(&s);
}

/* Faults of accesses: NPF to the host, MMIO and 404h to the guest. */
static const struct fault_row {
	const char *name;
	enum access_verdict verdict;
	u64 features, npf;
	enum mach_next next;
	u64 code, info1;
} faults[] = {
	{ "NPF", ACCESS_NPF, SNP, NPF_RMP | NPF_ENC | NPF_FINAL, MACH_IDLE,
	  EXIT_NPF, NPF_RMP | NPF_ENC | NPF_FINAL },
	{ "NPF is automatic with ReflectVC, too", ACCESS_NPF, SNP | REFLECT,
	  NPF_RMP | NPF_TABLE, MACH_IDLE, EXIT_NPF, NPF_RMP | NPF_TABLE },
	{ "MMIO", ACCESS_MMIO, SNP, NPF_WRITE | NPF_FINAL, MACH_VC, EXIT_NPF,
	  0 },
	{ "MMIO, ReflectVC", ACCESS_MMIO, SNP | REFLECT,
	  NPF_WRITE | NPF_FINAL, MACH_IDLE, EXIT_NPF,
	  NPF_WRITE | NPF_FINAL | NPF_RESERVED | NPF_PRESENT },
	{ "404h", ACCESS_NOT_VALIDATED, SNP, NPF_FINAL, MACH_VC,
	  EXIT_PAGE_NOT_VALIDATED, 0 },
	{ "404h, ReflectVC", ACCESS_NOT_VALIDATED, SNP | REFLECT, NPF_FINAL,
	  MACH_IDLE, EXIT_PAGE_NOT_VALIDATED, NPF_FINAL },
};

static void run_fault(void **state)
{
	const struct fault_row *r = *state;
	struct machine_config c = script_config();
	struct access a = { .gpa = 0x1234567, .kind = ACCESS_WRITE };
	bool hidden = r->features & REFLECT && r->verdict != ACCESS_NPF;
	struct vmsa *vmsa;
	struct script s;

	script_new(&s, &c);
	vmsa = script_vmsa(&s, 0, 0, r->features);
	script_run(&s, 0, 0);
	assert_int_equal(machine_fault(s.m, 0, &a, r->verdict, r->npf),
			 r->next);
	if (r->next == MACH_VC) {
		assert_int_equal(machine_vc_code(s.m, 0), r->code);
		assert_false(machine_vc_is_trap(s.m, 0));
		assert_int_equal(s.logged, 0);
	} else {
		assert_int_equal(vmsa->exit_code, r->code);
		assert_int_equal(vmsa->exit_info1, r->info1);
		assert_int_equal(vmsa->exit_info2, a.gpa);
		assert_int_equal(vmsa->nrip, 0);
		assert_int_equal(script_last(&s)->code,
				 hidden ? EXIT_VC : r->code);
		assert_int_equal(script_last(&s)->info1,
				 hidden ? 0 : r->info1);
		assert_int_equal(script_last(&s)->info2, hidden ? 0 : a.gpa);
	}
	script_free(&s);
}

/* Exit codes and the slots they are counted in. */
static void slots(void **state)
{
	(void)state;
	for (u64 code = 0; code < 0x500; code++) {
		unsigned int slot = machine_code_slot(code);
		bool own = code < 0x100 || (code >= 0x400 && code < 0x410);

		assert_true(slot < MACHINE_CODES);
		assert_int_equal(slot == MACHINE_CODES - 1, !own);
		if (own)
			assert_int_equal(machine_slot_code(slot), code);
	}
	assert_int_equal(machine_code_slot(EXIT_BUSY), MACHINE_CODES - 1);
	assert_int_equal(machine_slot_code(MACHINE_CODES - 1), EXIT_INVALID);
}

/* A kick of an idle core runs the host, of a running one makes it exit. */
static void kicks(void **state)
{
	struct machine_config c = script_config();
	struct script s;

	(void)state;
	script_new(&s, &c);
	script_vmsa(&s, 0, 0, SNP);
	hv_kick(s.m, 0);
	assert_int_equal(s.cpu[0].kicks, 1);
	assert_int_equal(machine_kicked(s.m, 0), MACH_IDLE);
	assert_int_equal(s.cpu[0].runs, 1);
	assert_int_equal(s.logged, 0);
	script_run(&s, 0, 0);
	assert_true(hv_in_guest(s.m, 0));
	script_leave(&s, 0);
	assert_false(hv_in_guest(s.m, 0));
	assert_int_equal(machine_features(s.m, 0), 0);
	script_free(&s);
}

int main(void)
{
	ROW("#VC for each exit code", every_code);
	ROW("ReflectVC tells the VMSA alone", reflected);
	ROWS(automatic, run_automatic);
	ROWS(faults, run_fault);
	ROW("slots of the counters", slots);
	ROW("kicks", kicks);
	return rows_run("machine: exits");
}
