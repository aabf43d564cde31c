// SPDX-License-Identifier: MIT
/*
 * What tests do again and again: launch a guest, run it, leave it, stand at
 * an instruction boundary.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

static struct vmcb *new_vmcb(u64 features, u64 vmsa_pa)
{
	struct vmcb *vmcb = calloc(1, sizeof(*vmcb));

	assert_non_null(vmcb);
	vmcb->vmsa_pa = vmsa_pa;
	vmcb->allowed_sev_features = features | ALLOWED_FEATURES_ENABLE;
	vmcb->int_ctl = VINTR_MASKING;
	return vmcb;
}

struct vmsa *script_vmsa(struct script *s, unsigned int cpu,
			 unsigned int vmpl, u64 features)
{
	u64 gpa = VMSA_AT(cpu, vmpl);
	struct vmsa *vmsa = calloc(1, sizeof(*vmsa));

	assert_non_null(vmsa);
	vmsa->vmpl = vmpl;
	vmsa->efer = EFER_SVME | EFER_LME | EFER_LMA;
	vmsa->cr0 = 0x80000001;
	vmsa->rflags = RFLAGS_IF | 2;
	vmsa->rip = 0x1000 * (vmpl + 1);
	vmsa->sev_features = features;
	if (features & (SEV_FEATURE_ALTERNATE | SEV_FEATURE_SECURE_AVIC))
		vmsa->vintr_ctrl = VINTR_VGIF | VINTR_NMI_ENABLE;
	assert_int_equal(hv_launch_page(s->m, gpa, LAUNCH_VMSA, vmsa),
			 HV_RMP_OK);
	free(vmsa);
	free(s->vmcb[cpu][vmpl]);
	s->vmcb[cpu][vmpl] = new_vmcb(features, gpa);
	return script_ram(s, gpa);
}

void *script_private(struct script *s, u64 gpa)
{
	assert_int_equal(hv_launch_page(s->m, gpa, LAUNCH_ZERO, NULL),
			 HV_RMP_OK);
	return script_ram(s, gpa);
}

u32 *script_savic(struct script *s, unsigned int cpu, struct vmsa *vmsa,
		  u64 control)
{
	vmsa->savic_control = SAVIC_AT(cpu) | control;
	return script_private(s, SAVIC_AT(cpu));
}

const struct script_exit *script_last(const struct script *s)
{
	assert_int_not_equal(s->logged, 0);
	return &s->log[(s->logged - 1) % SCRIPT_LOG];
}

u64 script_vmrun(struct script *s, unsigned int cpu, struct vmcb *vmcb)
{
	assert_false(hv_in_guest(s->m, cpu));
	s->cpu[cpu].next = vmcb;
	if (machine_kicked(s->m, cpu) == MACH_RESUME) {
		assert_true(hv_in_guest(s->m, cpu));
		return 0;
	}
	assert_false(hv_in_guest(s->m, cpu));
	assert_ptr_equal(script_last(s)->vmcb, vmcb);
	return script_last(s)->code;
}

u64 script_run(struct script *s, unsigned int cpu, unsigned int vmpl)
{
	return script_vmrun(s, cpu, s->vmcb[cpu][vmpl]);
}

void script_leave(struct script *s, unsigned int cpu)
{
	assert_true(hv_in_guest(s->m, cpu));
	s->cpu[cpu].next = NULL;
	assert_int_equal(machine_kicked(s->m, cpu), MACH_IDLE);
	assert_int_equal(script_last(s)->code, EXIT_INTR);
}

u64 script_again(struct script *s, unsigned int cpu)
{
	script_leave(s, cpu);
	return script_vmrun(s, cpu, script_last(s)->vmcb);
}

enum mach_event script_ask(struct script *s, unsigned int cpu, u64 *event)
{
	const struct regs *r = &s->cpu[cpu].regs;

	*event = 0;
	return machine_event(s->m, cpu, r->rflags, r->shadow, r->nmi_masked,
			     event);
}

enum mach_event script_boundary(struct script *s, unsigned int cpu,
				u64 *event)
{
	struct regs *r = &s->cpu[cpu].regs;
	enum mach_event what = script_ask(s, cpu, event);

	r->shadow = false;
	if (what != EVENT_DELIVER)
		return what;
	machine_delivering(s->m, cpu, *event);
	if (event_type(*event) == EVENT_NMI)
		r->nmi_masked = true;
	r->rflags &= ~RFLAGS_IF;
	machine_delivered(s->m, cpu);
	return what;
}

int script_interrupt(struct script *s, unsigned int cpu)
{
	u64 event;

	if (script_boundary(s, cpu, &event) != EVENT_DELIVER)
		return -1;
	assert_int_equal(event_type(event), EVENT_INTR);
	return event & EVENT_VECTOR;
}
