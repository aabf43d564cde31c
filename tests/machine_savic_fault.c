// SPDX-License-Identifier: MIT
/*
 * Secure AVIC: a backing page that hardware cannot reach, at VMRUN, at an
 * access of the guest, and when the guest enables it. Rows 51 to 54 of the
 * conformance list (APM 15.36.21).
 */
#include <string.h>

#include "machine/internal.h"
#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

#define SNP	SEV_FEATURE_SNP
#define SAVIC	SEV_FEATURE_SECURE_AVIC
#define REFLECT	SEV_FEATURE_REFLECT_VC
#define EN	SAVIC_CONTROL_EN
#define CONTROL	0xc0010138
#define VALID	(RMP_ASSIGNED | RMP_VALIDATED)

static const struct row {
	const char *name;
	u64 entry;		/* RMP entry of the page */
	bool validated;		/* NPF, or 406h if not */
	u64 npf;		/* EXITINFO1 besides bit 63 */
} rows[] = {
	{ "51: not mapped", VALID | RMP_PERM(0) | RMP_ABSENT, true, 0 },
	{ "53: shared", 0, true, NPF_PRESENT | NPF_RMP },
	{ "53: no right to write", VALID | (u64)VMPL_PERM_R << 32, true,
	  NPF_PRESENT | NPF_RMP },
	{ "53: no right to read", VALID | (u64)VMPL_PERM_W << 32, true,
	  NPF_PRESENT | NPF_RMP },
	{ "53: another VMPL's", VALID | RMP_PERM(1), true,
	  NPF_PRESENT | NPF_RMP },
	{ "a VMSA", VALID | RMP_PERM(0) | RMP_VMSA, true,
	  NPF_PRESENT | NPF_RMP },
	{ "52: not validated", RMP_ASSIGNED | RMP_PERM(0), false, 0 },
};

struct rig {
	struct script s;
	struct vmsa *vmsa;
	struct vmcb *vmcb;
};

static void start(struct rig *r, u64 features, u64 control)
{
	struct machine_config c = script_config();

	script_new(&r->s, &c);
	r->vmsa = script_vmsa(&r->s, 0, 0, SNP | SAVIC | features);
	r->vmcb = r->s.vmcb[0][0];
	script_savic(&r->s, 0, r->vmsa, control);
}

static void break_page(struct rig *r, const struct row *row)
{
	u64 index = rmp_index(r->s.m, SAVIC_AT(0));
	u64 in_use = rmp_load(r->s.m, index) & RMP_INUSE;

	rmp_store(r->s.m, index, row->entry | in_use);
}

static void mend_page(struct rig *r)
{
	rmp_store(r->s.m, rmp_index(r->s.m, SAVIC_AT(0)), VALID | RMP_PERM(0));
}

/* The vCPU has left with an NPF and is dead: BUSY, for good. */
static void check_npf(struct rig *r, const struct row *row)
{
	const struct script_exit *e = script_last(&r->s);

	assert_int_equal(e->code, EXIT_NPF);
	assert_int_equal(e->info1, NPF_NOT_RESTARTABLE | row->npf);
	assert_int_equal(e->info2, SAVIC_AT(0));
	assert_int_equal(r->vmsa->exit_code, EXIT_NPF);
	assert_int_equal(r->vmsa->exit_info1, NPF_NOT_RESTARTABLE | row->npf);
	assert_int_equal(r->vmsa->vintr_ctrl & VINTR_BUSY, VINTR_BUSY);
	assert_int_equal(r->vmcb->guest_sev_features,
			 r->vmsa->sev_features);
	mend_page(r);
	assert_int_equal(script_run(&r->s, 0, 0), EXIT_BUSY);
}

static void check_406(struct rig *r, enum mach_next next)
{
	if (!(r->vmsa->sev_features & REFLECT)) {
		assert_int_equal(next, MACH_VC);
		assert_int_equal(machine_vc_code(r->s.m, 0), 0x406);
		assert_false(machine_vc_is_trap(r->s.m, 0));
		assert_int_equal(r->vmsa->vintr_ctrl & VINTR_BUSY, 0);
		return;
	}
	assert_int_equal(next, MACH_IDLE);
	assert_int_equal(script_last(&r->s)->code, EXIT_VC);
	assert_int_equal(script_last(&r->s)->info1, 0);
	assert_int_equal(r->vmsa->exit_code, 0x406);
	assert_int_equal(r->vmsa->vintr_ctrl & VINTR_BUSY, VINTR_BUSY);
}

static void check_outcome(struct rig *r, const struct row *row,
			  enum mach_next next)
{
	if (!row->validated) {
		check_406(r, next);
		return;
	}
	assert_int_equal(next, MACH_IDLE);
	check_npf(r, row);
}

/* At VMRUN. 406h without ReflectVC is a #VC that the guest enters with. */
static void at_vmrun(const struct row *row, u64 features)
{
	struct rig r;
	u64 code, event;

	start(&r, features, EN);
	break_page(&r, row);
	r.vmcb->requested_irr[2] = 1;
	r.vmcb->update_irr = 1;
	r.vmsa->event_inj = 0x80000055;
	code = script_run(&r.s, 0, 0);
	if (row->validated) {
		assert_int_equal(code, EXIT_NPF);
		check_npf(&r, row);
	} else if (features & REFLECT) {
		assert_int_equal(code, EXIT_VC);
		check_406(&r, MACH_IDLE);
	} else {
		assert_int_equal(code, 0);
		assert_int_equal(script_boundary(&r.s, 0, &event),
				 EVENT_DELIVER);
		assert_int_equal(event, 0x80000b1dull | 0x406ull << 32);
		assert_int_equal(r.vmsa->vintr_ctrl & VINTR_BUSY, 0);
		assert_int_equal(machine_stats(r.s.m, 0)->vc[
				 machine_code_slot(0x406)], 1);
	}
	/* What was asked for is not lost. */
	assert_int_equal(r.vmsa->event_inj, 0x80000055);
	assert_int_equal(r.vmcb->requested_irr[2], 1);
	assert_int_equal(r.vmcb->update_irr, 1);
	script_free(&r.s);
}

/* At an access. Each of them needs the page. */
enum access_of { READ_TPR, WRITE_TPR, WRITE_EOI, WRITE_SELF, WRITE_SVR,
		 WRITE_ICR, ACCESSES };

static enum mach_next touch(struct script *s, enum access_of which)
{
	u64 value;

	switch (which) {
	case READ_TPR:
		return machine_rdmsr(s->m, 0, 0x808, 2, &value);
	case WRITE_TPR:
		return machine_wrmsr(s->m, 0, 0x808, 2, 0x20);
	case WRITE_EOI:
		return machine_wrmsr(s->m, 0, 0x80b, 2, 0);
	case WRITE_SELF:
		return machine_wrmsr(s->m, 0, 0x83f, 2, 0x44);
	case WRITE_SVR:
		return machine_wrmsr(s->m, 0, 0x80f, 2, 0x1ff);
	default:
		return machine_wrmsr(s->m, 0, 0x830, 2, 0x40044);
	}
}

static void at_access(const struct row *row, u64 features,
		      enum access_of which)
{
	u8 was[PAGE_SIZE];
	struct rig r;

	start(&r, features, EN);
	assert_int_equal(script_run(&r.s, 0, 0), 0);
	break_page(&r, row);
	memcpy(was, script_ram(&r.s, SAVIC_AT(0)), PAGE_SIZE);
	/* Nothing is delivered from, or done to, such a page meanwhile. */
	assert_int_equal(script_interrupt(&r.s, 0), -1);
	machine_write_cr8(r.s.m, 0, 3);
	hv_doorbell(r.s.m, 0);
	check_outcome(&r, row, touch(&r.s, which));
	assert_memory_equal(was, script_ram(&r.s, SAVIC_AT(0)), PAGE_SIZE);
	script_free(&r.s);
}

/* At the WRMSR that enables. */
static void at_enable(const struct row *row, u64 features)
{
	struct rig r;

	start(&r, features, 0);
	assert_int_equal(script_run(&r.s, 0, 0), 0);
	break_page(&r, row);
	check_outcome(&r, row, machine_wrmsr(r.s.m, 0, CONTROL, 2,
					     SAVIC_AT(0) | EN));
	script_free(&r.s);
}

static void run(void **state)
{
	for (u64 features = 0; features <= REFLECT; features += REFLECT) {
		at_vmrun(*state, features);
		at_enable(*state, features);
		for (int a = 0; a < ACCESSES; a++)
			at_access(*state, features, a);
	}
}

/* 52: by the guest's own PVALIDATE, and back. */
static void rescinded(void **state)
{
	struct rmp_insn insn = { .gva = SAVIC_AT(0), .gpa = SAVIC_AT(0) };
	struct rig r;

	(void)state;
	start(&r, 0, EN);
	script_run(&r.s, 0, 0);
	machine_pvalidate(r.s.m, 0, &insn);
	check_406(&r, touch(&r.s, WRITE_TPR));
	insn.rdx = 1;
	machine_pvalidate(r.s.m, 0, &insn);
	assert_int_equal(touch(&r.s, WRITE_TPR), MACH_DONE);
	script_free(&r.s);
}

/* 51: the host unmaps it while the guest runs; remapping does not revive. */
static void unmapped(void **state)
{
	struct rig r;

	(void)state;
	start(&r, 0, EN);
	script_run(&r.s, 0, 0);
	hv_npt_present(r.s.m, SAVIC_AT(0), false);
	assert_int_equal(touch(&r.s, WRITE_SELF), MACH_IDLE);
	hv_npt_present(r.s.m, SAVIC_AT(0), true);
	assert_int_equal(script_run(&r.s, 0, 0), EXIT_BUSY);
	/* Only who may write the VMSA can. */
	r.vmsa->vintr_ctrl &= ~VINTR_BUSY;
	assert_int_equal(script_run(&r.s, 0, 0), 0);
	script_free(&r.s);
}

int main(void)
{
	ROWS(rows, run);
	ROW("52: rescinded by the guest", rescinded);
	ROW("51: unmapped while it runs", unmapped);
	return rows_run("machine: Secure AVIC page faults");
}
