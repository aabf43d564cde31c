// SPDX-License-Identifier: MIT
/*
 * The engine's half: struct engine_ops on plain memory.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

void *script_ram(struct script *s, u64 gpa)
{
	if (gpa < RAM_LOW)
		return s->low + gpa;
	if (gpa >= HIGH && gpa - HIGH < RAM_HIGH)
		return s->high + (gpa - HIGH);
	return NULL;
}

static void *op_ram(void *engine, u64 gpa)
{
	assert_int_equal(gpa % PAGE_SIZE, 0);
	return script_ram(engine, gpa);
}

static void op_ram_changed(void *engine, u64 gpa)
{
	struct script *s = engine;

	s->changes++;
	s->changed = gpa;
}

static void op_vmsa_save(void *engine, unsigned int vcpu, struct vmsa *vmsa)
{
	struct script_cpu *cpu = &((struct script *)engine)->cpu[vcpu];
	const struct regs *r = &cpu->regs;

	assert_true(cpu->loaded);
	vmsa->rip = r->rip;
	vmsa->rflags = r->rflags;
	vmsa->rax = r->rax;
	vmsa->rcx = r->rcx;
	vmsa->rdx = r->rdx;
	vmsa->rsp = r->rsp;
	vmsa->cr0 = r->cr0;
	vmsa->cr3 = r->cr3;
	vmsa->efer = r->efer;
	vmsa->vintr_ctrl &= ~(VINTR_SHADOW | VINTR_NMI_MASK);
	if (r->shadow)
		vmsa->vintr_ctrl |= VINTR_SHADOW;
	if (r->nmi_masked)
		vmsa->vintr_ctrl |= VINTR_NMI_MASK;
	cpu->saves++;
	cpu->loaded = false;
}

static bool op_vmsa_load(void *engine, unsigned int vcpu,
			 const struct vmsa *vmsa)
{
	struct script *s = engine;
	struct script_cpu *cpu = &s->cpu[vcpu];

	assert_false(cpu->loaded);
	if (s->refuse_load)
		return false;
	if (s->spoil_at_load)
		*s->spoil_at_load = 0xff;
	cpu->regs = (struct regs) {
		.rip = vmsa->rip,
		.rflags = vmsa->rflags,
		.rax = vmsa->rax,
		.rcx = vmsa->rcx,
		.rdx = vmsa->rdx,
		.rsp = vmsa->rsp,
		.cr0 = vmsa->cr0,
		.cr3 = vmsa->cr3,
		.efer = vmsa->efer,
		.shadow = vmsa->vintr_ctrl & VINTR_SHADOW,
		.nmi_masked = vmsa->vintr_ctrl & VINTR_NMI_MASK,
	};
	cpu->loads++;
	cpu->loaded = true;
	return true;
}

static void op_tlb_flush_all(void *engine, int vcpu)
{
	struct script *s = engine;

	s->flushes++;
	s->flush_vcpu = vcpu;
	if (!s->flush_later)
		machine_flushed(s->m);
}

static void op_poll_event(void *engine, unsigned int vcpu)
{
	((struct script *)engine)->cpu[vcpu].polls++;
}

static void op_kick(void *engine, unsigned int vcpu)
{
	((struct script *)engine)->cpu[vcpu].kicks++;
}

static const struct engine_ops engine_ops = {
	.ram = op_ram,
	.ram_changed = op_ram_changed,
	.vmsa_save = op_vmsa_save,
	.vmsa_load = op_vmsa_load,
	.tlb_flush_all = op_tlb_flush_all,
	.poll_event = op_poll_event,
	.kick = op_kick,
};

/* ---- the host's half ----------------------------------------------------- */

static struct vmcb *op_run(void *host, unsigned int cpu, struct vmcb *exited)
{
	struct script *s = host;
	struct vmcb *next;

	s->cpu[cpu].runs++;
	if (exited)
		s->log[s->logged++ % SCRIPT_LOG] = (struct script_exit) {
			.cpu = cpu,
			.vmcb = exited,
			.code = exited->exit_code,
			.info1 = exited->exit_info1,
			.info2 = exited->exit_info2,
			.int_info = exited->exit_int_info,
		};
	if (s->run)
		return s->run(s, cpu, exited);
	next = s->cpu[cpu].next;
	s->cpu[cpu].next = NULL;
	return next;
}

static const struct hv_ops hv_ops = { .run = op_run };

struct machine_config script_config(void)
{
	return (struct machine_config) {
		.vcpus = SCRIPT_CPUS,
		.ram_below_4g = RAM_LOW,
		.ram_above_4g = RAM_HIGH,
		.features = FEATURES_ALL,
		.seed = 1,
	};
}

void script_new(struct script *s, const struct machine_config *config)
{
	memset(s, 0, sizeof(*s));
	s->low = calloc(1, RAM_LOW);
	s->high = calloc(1, RAM_HIGH);
	assert_non_null(s->low);
	assert_non_null(s->high);
	s->m = machine_new(config, &engine_ops, s);
	assert_non_null(s->m);
	hv_attach(s->m, &hv_ops, s);
}

void script_free(struct script *s)
{
	machine_free(s->m);
	for (unsigned int cpu = 0; cpu < SCRIPT_CPUS; cpu++)
		for (unsigned int vmpl = 0; vmpl < SNP_VMPLS; vmpl++)
			free(s->vmcb[cpu][vmpl]);
	free(s->low);
	free(s->high);
}
