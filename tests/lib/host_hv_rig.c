// SPDX-License-Identifier: MIT
#include <string.h>

#include "tests/lib/host_hv_rig.h"
#include "tests/lib/rows.h"

#define FEATURES							\
	(GHCB_FEATURES_ALL | GHCB_FEATURE_TIMER | GHCB_FEATURE_EXT_INTERRUPTS)

struct doorbell *hv_page(struct rig *r, unsigned int cpu)
{
	return script_ram(&r->s, DOORBELL_AT(cpu));
}

struct doorbell_ext *hv_ext(struct rig *r, unsigned int cpu)
{
	return &hv_page(r, cpu)->ext[LOWER - 1];
}

static void start_top(struct rig *r, unsigned int cpu)
{
	memset(hv_page(r, cpu), 0, PAGE_SIZE);
	assert_int_equal(rig_call(r, cpu, GHCB_DOORBELL, DOORBELL_SET,
				  DOORBELL_AT(cpu)), 0);
	assert_int_equal(rig_ghcb(r, cpu)->exit_info2, DOORBELL_AT(cpu));
	assert_true(rig_wrmsr(r, cpu, X2APIC(APIC_SVR), 0x1ff));
}

void rig_ri(struct rig *r, unsigned int vcpus, unsigned int devices)
{
	rig_new(r, &(struct rig_config){
		.vcpus = vcpus, .features = RI, .devices = devices,
		.ghcb_features = FEATURES });
	for (unsigned int i = 0; i < vcpus; i++) {
		if (i)
			assert_int_equal(rig_ap_create(r, i, 0, RI), 0);
		start_top(r, i);
	}
	for (unsigned int i = 0; i < SCRIPT_CPUS; i++)
		rig_kicks(r, i);
}

void rig_ai(struct rig *r, unsigned int vcpus)
{
	struct vmsa *vmsa;

	rig_ri(r, vcpus, LOWER);
	for (unsigned int i = 0; i < vcpus; i++) {
		vmsa = script_ram(&r->s, VMSA_AT(i, LOWER));
		vmsa->sev_features = AI;
		vmsa->vintr_ctrl = VINTR_VGIF | VINTR_NMI_ENABLE;
		assert_int_equal(rig_ap_create(r, i, LOWER, AI), 0);
		hv_run_lower(r, i);
		rig_register(r, i);
		assert_true(rig_wrmsr(r, i, X2APIC(APIC_SVR), 0x1ff));
		hv_run_top(r, i);
	}
	for (unsigned int i = 0; i < SCRIPT_CPUS; i++)
		rig_kicks(r, i);
}

bool hv_taken(struct rig *r, unsigned int cpu)
{
	u64 event;

	if (script_boundary(&r->s, cpu, &event) != EVENT_DELIVER)
		return false;
	r->s.cpu[cpu].regs.rflags |= RFLAGS_IF;
	assert_int_equal(event, EVENT_HV);
	return true;
}

u8 hv_take(struct rig *r, unsigned int cpu)
{
	struct doorbell *page = hv_page(r, cpu);
	u8 vector = page->vector;

	page->flags = 0;
	page->vector = 0;
	return vector;
}

bool hv_eoi(struct rig *r, unsigned int cpu)
{
	u8 allowed = hv_page(r, cpu)->no_eoi_required;

	hv_page(r, cpu)->no_eoi_required = 0;
	if (!allowed)
		assert_true(rig_wrmsr(r, cpu, X2APIC(APIC_EOI), 0));
	return allowed;
}

void hv_exit(struct rig *r, unsigned int cpu)
{
	machine_kicked(r->m, cpu);
	assert_true(hv_in_guest(r->m, cpu));
}

u64 hv_ipi(struct rig *r, unsigned int cpu, u32 dest, u32 low)
{
	return rig_call(r, cpu, GHCB_HV_IPI,
			(u64)dest << APIC_ICR_DEST_SHIFT | low, 0);
}

void hv_refused(struct rig *r, unsigned int cpu, u64 code, u64 info1,
		u64 info2)
{
	struct ghcb *g = rig_ghcb(r, cpu);

	assert_int_equal(rig_call(r, cpu, code, info1, info2), 2);
	assert_int_equal(g->exit_info2, GHCB_ERR_INVALID_INPUT);
}

void hv_run_lower(struct rig *r, unsigned int cpu)
{
	rig_call(r, cpu, GHCB_RUN_VMPL, LOWER, 0);
	assert_int_equal(machine_vmpl(r->m, cpu), LOWER);
}

void hv_run_top(struct rig *r, unsigned int cpu)
{
	rig_msr(r, cpu, GHCB_MSR_RUN_VMPL_REQ);
	assert_int_equal(machine_vmpl(r->m, cpu), 0);
}
