// SPDX-License-Identifier: MIT
#include "tests/lib/host_below_rig.h"
#include "tests/lib/rows.h"

struct vmsa *below_vmsa(struct rig *r, unsigned int cpu)
{
	return script_ram(&r->s, VMSA_AT(cpu, LOWER));
}

static void make_page(struct rig *r, unsigned int cpu)
{
	struct rmp_insn insn = {
		.gva = SAVIC_AT(cpu), .gpa = SAVIC_AT(cpu),
		.rdx = LOWER | (VMPL_PERM_R | VMPL_PERM_W) <<
			       RMPADJUST_PERM_SHIFT,
	};

	savic_make_page(r, cpu);
	machine_rmpadjust(r->m, cpu, &insn);
	assert_int_equal(insn.eax, RMP_OK);
}

void rig_below(struct rig *r, unsigned int vcpus)
{
	struct vmsa *vmsa;

	rig_ri(r, vcpus, LOWER);
	for (unsigned int i = 0; i < vcpus; i++) {
		make_page(r, i);
		vmsa = below_vmsa(r, i);
		vmsa->sev_features = BELOW;
		vmsa->vintr_ctrl = VINTR_VGIF | VINTR_NMI_ENABLE;
		vmsa->exit_code = EXIT_INTR;
		assert_int_equal(rig_ap_create(r, i, LOWER, BELOW), 0);
		rig_pump(r);
	}
	for (unsigned int i = 0; i < SCRIPT_CPUS; i++)
		rig_kicks(r, i);
}

u64 below_call(struct rig *r, unsigned int cpu, u64 op)
{
	struct ghcb *g = rig_event(r, cpu, GHCB_SAVIC, op, LOWER);

	GHCB_SET(g, rax, GHCB_SAVIC_SELF);
	GHCB_SET(g, rbx, SAVIC_AT(cpu));
	rig_vmgexit(r, cpu);
	return g->exit_info1 ? g->exit_info1 << 32 | g->exit_info2 : 0;
}

void rig_below_on(struct rig *r, unsigned int vcpus)
{
	rig_below(r, vcpus);
	for (unsigned int i = 0; i < vcpus; i++) {
		assert_int_equal(below_call(r, i, GHCB_SAVIC_REGISTER), 0);
		below_vmsa(r, i)->savic_control = SAVIC_AT(i) | EN;
	}
}

void below_hlt(struct rig *r, unsigned int cpu)
{
	assert_int_equal(rig_hlt(r, cpu), MACH_RESUME);
	assert_int_equal(machine_vmpl(r->m, cpu), 0);
}
