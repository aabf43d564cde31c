// SPDX-License-Identifier: MIT
/*
 * MSRs of an SNP guest outside of the backing page: what passes through,
 * what raises #VC, and what each VMPL has of its own. And HLT.
 */
#include <string.h>

#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

#define SNP	SEV_FEATURE_SNP
#define RI	SEV_FEATURE_RESTRICTED
#define AI	SEV_FEATURE_ALTERNATE
#define SAVIC	SEV_FEATURE_SECURE_AVIC
#define REFLECT	SEV_FEATURE_REFLECT_VC

/* KVM's direct accesses for SNP; all others are intercepted. */
static bool direct(u32 msr)
{
	static const u32 list[] = {
		0x48, 0x49, 0x174, 0x175, 0x176, 0x277, 0xda0,
		0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,
		0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(list); i++)
		if (list[i] == msr)
			return true;
	return false;
}

static bool own(u32 msr)
{
	return msr == 0xc0010130 || msr == 0xc0010131 || msr == 0xc0010138;
}

static const struct mode_row {
	const char *name;
	u64 features;
} modes[] = {
	{ "MSR list, normal", SNP },
	{ "MSR list, RI", SNP | RI },
	{ "19: MSR list, AI: x2APIC always exits", SNP | AI },
	{ "31: MSR list, SAVIC off: x2APIC always exits", SNP | SAVIC },
};

static void run_mode(void **state)
{
	static const u32 base[] = { 0, 0xc0000000, 0xc0010000 };
	const struct mode_row *r = *state;
	struct machine_config c = script_config();
	struct script s;
	u64 value;

	script_new(&s, &c);
	script_vmsa(&s, 0, 0, r->features);
	script_run(&s, 0, 0);
	for (u32 i = 0; i < 3 * 0x2000; i++) {
		u32 msr = base[i / 0x2000] + i % 0x2000;
		enum mach_next want = direct(msr) ? MACH_NATIVE : MACH_VC;

		if (own(msr))
			continue;
		assert_int_equal(machine_rdmsr(s.m, 0, msr, 2, &value), want);
		if (want == MACH_VC)
			assert_int_equal(machine_vc_code(s.m, 0), EXIT_MSR);
		assert_int_equal(machine_wrmsr(s.m, 0, msr, 2, 0), want);
		if (want == MACH_VC)
			assert_int_equal(machine_vc_code(s.m, 0), EXIT_MSR);
		assert_false(want == MACH_VC && machine_vc_is_trap(s.m, 0));
	}
	assert_int_equal(s.logged, 0);
	script_free(&s);
}

/* Reflected: INFO1 tells reads from writes, NRIP is there. */
static void reflected(void **state)
{
	struct machine_config c = script_config();
	struct vmsa *vmsa;
	struct script s;
	u64 value;

	(void)state;
	script_new(&s, &c);
	vmsa = script_vmsa(&s, 0, 0, SNP | AI | REFLECT);
	for (u64 write = 0; write < 2; write++) {
		script_run(&s, 0, 0);
		assert_int_equal(write ?
				 machine_wrmsr(s.m, 0, 0x80b, 0x77, 0) :
				 machine_rdmsr(s.m, 0, 0x80b, 0x77, &value),
				 MACH_IDLE);
		assert_int_equal(script_last(&s)->code, EXIT_VC);
		assert_int_equal(vmsa->exit_code, EXIT_MSR);
		assert_int_equal(vmsa->exit_info1, write);
		assert_int_equal(vmsa->nrip, 0x77);
	}
	script_free(&s);
}

/* 24 and 8: SEV_STATUS is that of the VMSA that executes; read-only. */
static void sev_status(void **state)
{
	static const u64 features[SNP_VMPLS] = {
		SNP | RI, SNP | AI, SNP | AI | REFLECT | SEV_FEATURE_VTOM,
		SNP | SAVIC,
	};
	static const u64 want[SNP_VMPLS] = {
		0x27, 0x47, 0x5f, 0x40007,
	};
	struct machine_config c = script_config();
	struct script s;
	u64 value;

	(void)state;
	script_new(&s, &c);
	for (unsigned int vmpl = 0; vmpl < SNP_VMPLS; vmpl++)
		script_vmsa(&s, 0, vmpl, features[vmpl]);
	for (unsigned int i = 0; i < 2 * SNP_VMPLS; i++) {
		unsigned int vmpl = i % SNP_VMPLS;

		assert_int_equal(script_run(&s, 0, vmpl), 0);
		assert_int_equal(machine_rdmsr(s.m, 0, 0xc0010131, 2, &value),
				 MACH_DONE);
		assert_int_equal(value, want[vmpl]);
		assert_int_equal(machine_wrmsr(s.m, 0, 0xc0010131, 2, value),
				 MACH_GP);
		assert_int_equal(machine_features(s.m, 0), features[vmpl]);
		script_leave(&s, 0);
	}
	script_free(&s);
}

/* The GHCB MSR lives in the VMCB: one a VMPL, and the host sees it. */
static void ghcb(void **state)
{
	struct machine_config c = script_config();
	struct script s;
	u64 value;

	(void)state;
	script_new(&s, &c);
	for (unsigned int vmpl = 0; vmpl < SNP_VMPLS; vmpl++) {
		script_vmsa(&s, 0, vmpl, SNP);
		s.vmcb[0][vmpl]->ghcb_gpa = 0x7000 + vmpl;
	}
	for (unsigned int i = 0; i < 2 * SNP_VMPLS; i++) {
		unsigned int vmpl = i % SNP_VMPLS;
		u64 was = i < SNP_VMPLS ? 0x7000 + vmpl : vmpl << 12 | 0x55;

		script_run(&s, 0, vmpl);
		assert_int_equal(machine_rdmsr(s.m, 0, 0xc0010130, 2, &value),
				 MACH_DONE);
		assert_int_equal(value, was);
		assert_int_equal(machine_wrmsr(s.m, 0, 0xc0010130, 2,
					       vmpl << 12 | 0x55), MACH_DONE);
		assert_int_equal(s.vmcb[0][vmpl]->ghcb_gpa,
				 vmpl << 12 | 0x55);
		script_leave(&s, 0);
	}
	script_free(&s);
}

/* HLT, with and without the Idle-HLT intercept (VMCB 014h, bit 6). */
#define IRQ_5	(VINTR_V_IRQ | 5ull << VINTR_PRIO_SHIFT |		\
		 0x51ull << VINTR_VECTOR_SHIFT)
#define GIF	VINTR_VGIF
#define PENDING_NMI	(VINTR_V_NMI | VINTR_NMI_ENABLE)

static const struct hlt_row {
	const char *name;
	u64 ctl, inj;
	bool plain;		/* no Idle-HLT: plain HLT intercept */
	bool no_if, masked;
	u64 code;		/* 0: no exit */
} hlt[] = {
	{ "HLT, nothing pending", .ctl = GIF, .plain = true,
	  .code = EXIT_HLT },
	{ "HLT, V_IRQ pending", .ctl = GIF | IRQ_5, .plain = true,
	  .code = EXIT_HLT },
	{ "61: Idle-HLT, nothing pending", .ctl = GIF,
	  .code = EXIT_IDLE_HLT },
	{ "61: Idle-HLT, V_IRQ pending", .ctl = GIF | IRQ_5 },
	{ "61: Idle-HLT, V_IRQ under TPR", .ctl = GIF | IRQ_5 | 5,
	  .code = EXIT_IDLE_HLT },
	{ "61: Idle-HLT, V_IRQ over TPR", .ctl = GIF | IRQ_5 | 4 },
	{ "61: Idle-HLT, V_IRQ with IF clear", .ctl = GIF | IRQ_5,
	  .no_if = true, .code = EXIT_IDLE_HLT },
	{ "61: Idle-HLT, V_IRQ with VGIF clear", .ctl = IRQ_5,
	  .code = EXIT_IDLE_HLT },
	{ "61: Idle-HLT, V_NMI", .ctl = GIF | PENDING_NMI, .no_if = true },
	{ "61: Idle-HLT, V_NMI masked", .ctl = GIF | PENDING_NMI,
	  .masked = true, .code = EXIT_IDLE_HLT },
	{ "61: Idle-HLT, V_NMI with VGIF clear", .ctl = PENDING_NMI,
	  .code = EXIT_IDLE_HLT },
	{ "61: Idle-HLT, V_NMI not enabled", .ctl = GIF | VINTR_V_NMI,
	  .code = EXIT_IDLE_HLT },
	{ "61: Idle-HLT, EVENTINJ pending", .ctl = GIF, .inj = 0x80000051,
	  .no_if = true },
};

static void run_hlt(void **state)
{
	const struct hlt_row *r = *state;
	struct machine_config c = script_config();
	struct vmsa *vmsa;
	unsigned int polls;
	struct script s;
	enum mach_next next;

	script_new(&s, &c);
	vmsa = script_vmsa(&s, 0, 0, SNP | AI);
	vmsa->vintr_ctrl = r->ctl;
	vmsa->event_inj = r->inj;
	if (!r->plain)
		s.vmcb[0][0]->intercept[5] = BIT(6);
	script_run(&s, 0, 0);
	polls = s.cpu[0].polls;
	next = machine_hlt(s.m, 0, r->no_if ? 2 : 2 | RFLAGS_IF, r->masked);
	assert_int_equal(next, r->code ? MACH_IDLE : MACH_RESUME);
	if (r->code)
		assert_int_equal(script_last(&s)->code, r->code);
	else
		assert_int_not_equal(s.cpu[0].polls, polls);
	assert_int_equal(machine_stats(s.m, 0)->hlt_no_exit, !r->code);
	script_free(&s);
}

int main(void)
{
	ROWS(modes, run_mode);
	ROW("ReflectVC of RDMSR and WRMSR", reflected);
	ROW("24: SEV_STATUS of each VMPL", sev_status);
	ROW("GHCB MSR of each VMPL", ghcb);
	ROWS(hlt, run_hlt);
	return rows_run("machine: MSRs and HLT");
}
