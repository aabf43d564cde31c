// SPDX-License-Identifier: MIT
/*
 * VMRUN: the decision table, which features may be combined, and the states
 * of the VMSA's page. APM vol. 2 sections 15.36.12 to 15.36.21.
 */
#include <string.h>

#include "machine/internal.h"
#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

#define SNP	SEV_FEATURE_SNP
#define VTOM	SEV_FEATURE_VTOM
#define RI	SEV_FEATURE_RESTRICTED
#define AI	SEV_FEATURE_ALTERNATE
#define SAVIC	SEV_FEATURE_SECURE_AVIC
#define GIC	SEV_FEATURE_GUEST_INTERCEPT
#define EN	ALLOWED_FEATURES_ENABLE
#define ALL	(FEATURES_ALL | EN)

#define ENTERS	.result = 0
#define INVALID	.result = EXIT_INVALID
#define BUSY	.result = EXIT_BUSY

/* One VMRUN on vCPU 0, VMPL 0; everything else is as for a good guest. */
static const struct row {
	const char *name;
	u64 features;
	u64 result;
	u64 allowed;		/* 0: all, enabled */
	u64 silicon;		/* 0: FEATURES_ALL */
	u32 int_ctl;		/* ored to the VMCB's */
	u64 vintr;		/* ored to the VMSA's */
	u64 savic;		/* SECURE_AVIC_CONTROL */
	u64 inj;		/* VMCB EVENTINJ */
	bool no_svme, strict;
	u8 vmpl;
} rows[] = {
	/* features against each other */
	{ "SNP alone", SNP, ENTERS },
	{ "no SNP bit", VTOM, INVALID },
	{ "no feature at all", 0, INVALID },
	{ "RI", SNP | RI, ENTERS },
	{ "AI", SNP | AI, ENTERS },
	{ "SAVIC", SNP | SAVIC, ENTERS },
	{ "RI + AI", SNP | RI | AI, INVALID },
	{ "RI + SAVIC", SNP | RI | SAVIC, INVALID },
	{ "AI + SAVIC", SNP | AI | SAVIC, INVALID },
	{ "RI + AI + SAVIC", SNP | RI | AI | SAVIC, INVALID },
	{ "ReflectVC + vTOM + AI", SNP | VTOM | SEV_FEATURE_REFLECT_VC | AI,
	  ENTERS },
	/* against the silicon and the host's mask */
	{ "a feature that the silicon lacks", SNP | AI, INVALID,
	  .silicon = SNP | RI },
	{ "a reserved feature bit", SNP | BIT_ULL(40), INVALID,
	  .allowed = ~0ull },
	{ "mask allows exactly this", SNP | AI, ENTERS, .allowed = EN | SNP | AI },
	{ "mask lacks vTOM", SNP | VTOM, INVALID,
	  .allowed = ALL & ~VTOM },
	{ "mask lacks SNP", SNP, INVALID, .allowed = ALL & ~SNP },
	{ "mask lacks RI", SNP | RI, INVALID, .allowed = ALL & ~RI },
	{ "mask lacks AI", SNP | AI, INVALID, .allowed = ALL & ~AI },
	{ "mask lacks SAVIC", SNP | SAVIC, INVALID,
	  .allowed = ALL & ~SAVIC },
	{ "mask disabled: SNP", SNP, ENTERS, .allowed = BIT_ULL(50) },
	{ "mask disabled: RI", SNP | RI, ENTERS, .allowed = BIT_ULL(50) },
	{ "mask disabled: AI", SNP | AI, ENTERS, .allowed = BIT_ULL(50) },
	{ "mask disabled: SAVIC", SNP | SAVIC, INVALID,
	  .allowed = BIT_ULL(50) },
	{ "mask disabled but listing SAVIC", SNP | SAVIC, INVALID,
	  .allowed = ALL & ~EN },
	{ "mask disabled: guest intercepts", SNP | GIC, INVALID,
	  .allowed = BIT_ULL(50), .silicon = FEATURES_ALL | GIC },
	{ "mask enabled: guest intercepts", SNP | GIC, ENTERS,
	  .allowed = EN | SNP | GIC, .silicon = FEATURES_ALL | GIC },
	/* AVIC of the host */
	{ "AVIC without any of them", SNP, ENTERS, .int_ctl = VINTR_AVIC },
	{ "AVIC + RI", SNP | RI, INVALID, .int_ctl = VINTR_AVIC },
	{ "AVIC + AI", SNP | AI, INVALID, .int_ctl = VINTR_AVIC },
	{ "AVIC + SAVIC", SNP | SAVIC, INVALID, .int_ctl = VINTR_AVIC },
	/* BUSY */
	{ "BUSY + AI", SNP | AI, BUSY, .vintr = VINTR_BUSY },
	{ "BUSY + SAVIC", SNP | SAVIC, BUSY, .vintr = VINTR_BUSY },
	{ "BUSY + RI, silicon with SAVIC", SNP | RI, BUSY,
	  .vintr = VINTR_BUSY },
	{ "BUSY + SNP, silicon with SAVIC", SNP, BUSY,
	  .vintr = VINTR_BUSY },
	{ "BUSY + SNP, silicon without", SNP, ENTERS, .vintr = VINTR_BUSY,
	  .silicon = FEATURES_ALL & ~SAVIC },
	{ "BUSY + RI, silicon without", SNP | RI, ENTERS, .vintr = VINTR_BUSY,
	  .silicon = FEATURES_ALL & ~SAVIC },
	{ "BUSY + AI, silicon without", SNP | AI, BUSY,
	  .vintr = VINTR_BUSY, .silicon = FEATURES_ALL & ~SAVIC },
	/* VMSA contents */
	{ "SVME clear", SNP, INVALID, .no_svme = true },
	{ "SVME clear + BUSY", SNP | AI, INVALID, .no_svme = true,
	  .vintr = VINTR_BUSY },
	{ "VMPL 3", SNP, ENTERS, .vmpl = 3 },
	{ "VMPL 4", SNP, INVALID, .vmpl = 4 },
	{ "VMPL 255", SNP, INVALID, .vmpl = 255 },
	/* Secure AVIC's page pointer */
	{ "SAVIC page in RAM", SNP | SAVIC, ENTERS,
	  .savic = SAVIC_AT(0) | SAVIC_CONTROL_EN },
	{ "SAVIC page is no GPA", SNP | SAVIC, INVALID,
	  .savic = RAM_LOW | SAVIC_CONTROL_EN },
	{ "SAVIC page is no GPA, high", SNP | SAVIC, INVALID,
	  .savic = SAVIC_CONTROL_PAGE | SAVIC_CONTROL_EN },
	{ "no GPA but not enabled", SNP | SAVIC, ENTERS, .savic = RAM_LOW },
	{ "no GPA but no SAVIC", SNP | AI, ENTERS,
	  .savic = RAM_LOW | SAVIC_CONTROL_EN },
	/* V_IRQ and V_NMI under RI: ignored, or refused by switch */
	{ "RI + V_IRQ", SNP | RI, ENTERS, .int_ctl = VINTR_V_IRQ },
	{ "RI + V_IRQ, strict", SNP | RI, INVALID,
	  .int_ctl = VINTR_V_IRQ, .strict = true },
	{ "RI + V_NMI, strict", SNP | RI, INVALID,
	  .int_ctl = VINTR_V_NMI, .strict = true },
	{ "RI + neither, strict", SNP | RI, ENTERS, .strict = true },
	{ "V_IRQ without RI, strict", SNP, ENTERS, .int_ctl = VINTR_V_IRQ,
	  .strict = true },
	{ "#HV in SNP alone", SNP, INVALID, .inj = 0x8000031c },
	{ "#HV in RI", SNP | RI, ENTERS, .inj = 0x8000031c },
};

static void run_row(void **state)
{
	const struct row *r = *state;
	struct machine_config c = script_config();
	struct vmsa *vmsa, was;
	struct vmcb *vmcb;
	struct script s;

	if (r->silicon)
		c.features = r->silicon;
	c.switches.strict_virq = r->strict;
	script_new(&s, &c);
	vmsa = script_vmsa(&s, 0, 0, r->features);
	script_private(&s, SAVIC_AT(0));
	vmcb = s.vmcb[0][0];
	vmcb->allowed_sev_features = r->allowed ? r->allowed : ALL;
	vmcb->int_ctl |= r->int_ctl;
	vmcb->event_inj = r->inj;
	vmcb->requested_irr[1] = 5;
	vmcb->update_irr = 1;
	vmsa->vintr_ctrl |= r->vintr;
	vmsa->savic_control = r->savic;
	vmsa->vmpl = r->vmpl;
	if (r->no_svme)
		vmsa->efer &= ~EFER_SVME;
	was = *vmsa;

	assert_int_equal(script_vmrun(&s, 0, vmcb), r->result);
	assert_int_equal(machine_stats(s.m, 0)->vmruns, !r->result);
	assert_int_equal(s.cpu[0].loads, !r->result);
	if (!r->result) {
		assert_int_equal(machine_features(s.m, 0), r->features);
		assert_int_equal(machine_vmpl(s.m, 0), r->vmpl);
		script_leave(&s, 0);
		/* 140h tells the host what the guest ran with. */
		assert_int_equal(vmcb->guest_sev_features, r->features);
	} else {
		/* Not entered: nothing has changed. */
		assert_memory_equal(vmsa, &was, sizeof(was));
		assert_int_equal(vmcb->requested_irr[1], 5);
		assert_int_equal(vmcb->update_irr, 1);
		assert_int_equal(vmcb->event_inj, r->inj);
		assert_int_equal(machine_stats(s.m, 0)->exits[
				 machine_code_slot(r->result)], 1);
		assert_int_equal(machine_features(s.m, 0), 0);
	}
	script_free(&s);
}

/* Every type x vector x error-code bit x valid bit of EVENTINJ. */
static const struct inject_row {
	const char *name;
	u64 features;
	bool by_vmsa;		/* where the test puts it */
	bool used;		/* where this mode takes it from */
} inject[] = {
	{ "EVENTINJ of the VMCB, normal", SNP, false, true },
	{ "EVENTINJ of the VMCB, RI", SNP | RI, false, true },
	{ "EVENTINJ of the VMCB, AI", SNP | AI, false, false },
	{ "EVENTINJ of the VMCB, SAVIC", SNP | SAVIC, false, false },
	{ "EVENTINJ of the VMSA, normal", SNP, true, false },
	{ "EVENTINJ of the VMSA, RI", SNP | RI, true, false },
	{ "EVENTINJ of the VMSA, AI", SNP | AI, true, true },
	{ "EVENTINJ of the VMSA, SAVIC", SNP | SAVIC, true, true },
};

static bool may_inject(const struct inject_row *r, unsigned int type,
		       unsigned int vector, bool ev)
{
	bool hv = type == 3 && vector == 28;

	if (!r->used)
		return true;
	if (r->features & RI)
		return hv && !ev;
	switch (type) {
	case 0: case 2: case 4:
		return true;
	case 3:
		return vector <= 31 && vector != 2 && !hv;
	default:
		return false;
	}
}

static void inject_one(struct script *s, const struct inject_row *r,
		       u64 event, bool allowed)
{
	struct vmsa *vmsa = script_ram(s, VMSA_AT(0, 0));
	struct vmcb *vmcb = s->vmcb[0][0];
	u64 *field = r->by_vmsa ? &vmsa->event_inj : &vmcb->event_inj;
	bool valid = event & EVENT_V;
	u64 got;

	*field = event;
	if (!allowed && valid) {
		assert_int_equal(script_vmrun(s, 0, vmcb), EXIT_INVALID);
		assert_int_equal(*field, event);
		return;
	}
	assert_int_equal(script_vmrun(s, 0, vmcb), 0);
	if (r->used && valid) {
		assert_int_equal(script_boundary(s, 0, &got), EVENT_DELIVER);
		assert_int_equal(got, event);
		assert_int_equal(*field, event & ~EVENT_V);
	}
	assert_int_equal(script_boundary(s, 0, &got), EVENT_NOTHING);
	script_leave(s, 0);
	/* What is ignored is not consumed either. */
	assert_int_equal(*field, r->used ? event & ~EVENT_V : event);
	assert_int_equal(script_last(s)->int_info, 0);
	s->cpu[0].regs.nmi_masked = false;
	vmsa->vintr_ctrl &= ~VINTR_NMI_MASK;
	vmcb->int_ctl &= ~VINTR_NMI_MASK;
}

static void run_inject(void **state)
{
	const struct inject_row *r = *state;
	struct machine_config c = script_config();
	struct script s;

	script_new(&s, &c);
	script_vmsa(&s, 0, 0, r->features);
	for (unsigned int i = 0; i < 8 * 256 * 4; i++) {
		u64 event = (i & 0x7ff) | (i & 0x800 ? EVENT_EV : 0) |
			    (i & 0x1000 ? EVENT_V : 0) | 0x1234ull << 32;

		inject_one(&s, r, event, may_inject(r, i >> 8 & 7, i & 0xff,
						    i & 0x800));
	}
	script_free(&s);
}

/* ---- a VMSA that another vCPU writes meanwhile ---------------------------- */

static struct vmcb *change_and_run(struct script *s, unsigned int cpu,
				   struct vmcb *exited)
{
	struct vmsa *vmsa = script_ram(s, VMSA_AT(0, 0));

	(void)cpu;
	vmsa->vmpl = (unsigned long)s->test;
	return exited ? exited : s->vmcb[0][0];
}

/* Between two VMRUNs: registers and TLBs are loaded for the new VMPL. */
static void changed_between(void **state)
{
	struct machine_config c = script_config();
	struct script s;

	(void)state;
	script_new(&s, &c);
	script_vmsa(&s, 0, 0, SNP);
	assert_int_equal(script_run(&s, 0, 0), 0);
	s.test = (void *)2;
	s.run = change_and_run;
	assert_int_equal(machine_kicked(s.m, 0), MACH_RESUME);
	assert_int_equal(machine_vmpl(s.m, 0), 2);
	assert_int_equal(s.cpu[0].loads, 2);
	assert_int_equal(s.cpu[0].saves, 1);
	s.run = NULL;
	script_free(&s);
}

/* After it was checked: what was checked is what runs. */
static void changed_under_check(void **state)
{
	struct machine_config c = script_config();
	struct vmsa *vmsa;
	struct script s;

	(void)state;
	script_new(&s, &c);
	vmsa = script_vmsa(&s, 0, 0, SNP);
	s.spoil_at_load = &vmsa->vmpl;
	assert_int_equal(script_run(&s, 0, 0), 0);
	assert_int_equal(vmsa->vmpl, 0xff);
	assert_int_equal(machine_vmpl(s.m, 0), 0);
	script_free(&s);
}

int main(void)
{
	ROW("VMSA changed between two VMRUNs", changed_between);
	ROW("VMSA changed after its check", changed_under_check);
	ROWS(rows, run_row);
	ROWS(inject, run_inject);
	return rows_run("machine: VMRUN decision table");
}
