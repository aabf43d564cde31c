// SPDX-License-Identifier: MIT
#include <string.h>

#include "tests/lib/host_savic_rig.h"
#include "tests/lib/rows.h"

u32 *savic_page(struct rig *r, unsigned int cpu)
{
	return script_ram(&r->s, SAVIC_AT(cpu));
}

u32 *savic_reg(struct rig *r, unsigned int cpu, u32 base, u8 vector)
{
	return &savic_page(r, cpu)[(base + 0x10 * (vector / 32)) / 4];
}

void savic_allow(struct rig *r, unsigned int cpu, u8 vector)
{
	*savic_reg(r, cpu, SAVIC_ALLOWED_IRR, vector) |= BIT(vector % 32);
}

bool savic_is_set(struct rig *r, unsigned int cpu, u32 base, u8 vector)
{
	return *savic_reg(r, cpu, base, vector) >> vector % 32 & 1;
}

void savic_make_page(struct rig *r, unsigned int cpu)
{
	struct rmp_insn insn = {
		.gva = SAVIC_AT(cpu), .gpa = SAVIC_AT(cpu), .rdx = 1 };

	rig_msr(r, cpu, 1ull << 52 | SAVIC_AT(cpu) | GHCB_MSR_PSC_REQ);
	machine_pvalidate(r->m, cpu, &insn);
	assert_int_equal(insn.eax, RMP_OK);
	memset(savic_page(r, cpu), 0, PAGE_SIZE);
}

u64 savic_call(struct rig *r, unsigned int cpu, u64 op, u64 rax, u64 rbx,
	       u64 *out)
{
	struct ghcb *g = rig_event(r, cpu, GHCB_SAVIC, op, 0);

	GHCB_SET(g, rax, rax);
	GHCB_SET(g, rbx, rbx);
	rig_vmgexit(r, cpu);
	if (out)
		*out = g->rbx;
	return g->exit_info1 ? g->exit_info1 << 32 | g->exit_info2 : 0;
}

void savic_register(struct rig *r, unsigned int cpu)
{
	assert_int_equal(savic_call(r, cpu, GHCB_SAVIC_REGISTER,
				    GHCB_SAVIC_SELF, SAVIC_AT(cpu), NULL),
			 0);
}

void savic_enable(struct rig *r, unsigned int cpu, u64 flags)
{
	assert_int_equal(machine_wrmsr(r->m, cpu, MSR_SAVIC_CONTROL, 0,
				       flags ? SAVIC_AT(cpu) | flags : 0),
			 MACH_DONE);
}

void rig_savic(struct rig *r, unsigned int vcpus, u64 flags)
{
	rig_new(r, &(struct rig_config){ .vcpus = vcpus, .features = SA });
	for (unsigned int i = 0; i < vcpus; i++) {
		if (i)
			assert_int_equal(rig_ap_create(r, i, 0, SA), 0);
		savic_make_page(r, i);
		savic_register(r, i);
		savic_enable(r, i, flags);
	}
	for (unsigned int i = 0; i < SCRIPT_CPUS; i++)
		rig_kicks(r, i);
}
