// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/host_rig.h"
#include "tests/lib/rows.h"

/* ---- platform ----------------------------------------------------------- */

static u64 op_now(void *p)
{
	return ((struct rig *)p)->now;
}

static u64 op_tsc_hz(void *p)
{
	(void)p;
	return 1000000000;
}

static struct host_timer *op_timer_new(void *p, void (*fn)(void *arg),
				       void *arg)
{
	struct rig *r = p;

	for (int i = 0; i < RIG_TIMERS; i++) {
		struct host_timer *t = &r->timer[i];

		if (t->used)
			continue;
		*t = (struct host_timer){ r, fn, arg, 0, true, false };
		return t;
	}
	return NULL;
}

static void op_timer_arm(struct host_timer *t, u64 deadline)
{
	t->deadline = deadline;
	t->armed = true;
}

static void op_timer_cancel(struct host_timer *t)
{
	t->armed = false;
}

static void op_timer_free(struct host_timer *t)
{
	t->used = false;
	t->armed = false;
}

static u64 op_port_read(void *p, u16 port, unsigned int size)
{
	struct rig *r = p;

	(void)port;
	(void)size;
	r->port_reads++;
	return r->input;
}

static void op_port_write(void *p, u16 port, unsigned int size, u64 value)
{
	struct rig *r = p;

	r->port = (struct rig_io){ port, size, value };
	if (!r->m && r->firmware_writes < ARRAY_SIZE(r->firmware))
		r->firmware[r->firmware_writes++] = r->port;
	else
		r->port_writes++;
}

static u64 op_mmio_read(void *p, u64 gpa, unsigned int size)
{
	struct rig *r = p;

	(void)gpa;
	(void)size;
	return r->input;
}

static void op_mmio_write(void *p, u64 gpa, unsigned int size, u64 value)
{
	struct rig *r = p;

	r->mmio = (struct rig_io){ gpa, size, value };
	r->mmio_writes++;
}

/* A processor that claims everything: what must go, goes by the host. */
static void op_cpuid(void *p, unsigned int cpu, u32 leaf, u32 subleaf,
		     u32 regs[4])
{
	struct rig *r = p;

	(void)cpu;
	for (int i = 0; i < 4; i++)
		regs[i] = 0xffffffff;
	if (leaf == 0)
		regs[0] = 0x10;
	if (leaf == 0xd && subleaf == 0)
		regs[0] = 0x207;
	if (leaf == 0xd && subleaf == 1 && r->no_xsavec)
		regs[0] = 1;
	if (leaf == 0xd && subleaf == 2) {
		regs[0] = 0x100;
		regs[1] = 0x240;
	}
}

static void op_log(void *p, const char *line)
{
	struct rig *r = p;

	snprintf(r->line, sizeof(r->line), "%s", line);
	assert_null(strchr(line, '\n'));
	r->lines++;
}

static void op_stop(void *p, const char *result, const char *reason)
{
	struct rig *r = p;

	snprintf(r->result, sizeof(r->result), "%s", result);
	snprintf(r->reason, sizeof(r->reason), "%s", reason);
	r->stops++;
}

static const struct host_platform platform = {
	.now = op_now,
	.tsc = op_now,
	.tsc_hz = op_tsc_hz,
	.timer_new = op_timer_new,
	.timer_arm = op_timer_arm,
	.timer_cancel = op_timer_cancel,
	.timer_free = op_timer_free,
	.port_read = op_port_read,
	.port_write = op_port_write,
	.mmio_read = op_mmio_read,
	.mmio_write = op_mmio_write,
	.cpuid = op_cpuid,
	.log = op_log,
	.stop = op_stop,
};

/* ---- life --------------------------------------------------------------- */

void rig_new(struct rig *r, const struct rig_config *config)
{
	u64 features = config->features ? config->features : SEV_FEATURE_SNP;
	unsigned int vcpus = config->vcpus ? config->vcpus : 2;
	struct machine_config mc = script_config();
	struct host_config hc = {
		.vcpus = vcpus,
		.apic_id = r->apic_id,
		.ram_below_4g = RAM_LOW,
		.ram_above_4g = RAM_HIGH,
		.guest_vmpl = config->devices ? config->devices : config->vmpl,
		.allowed_features = FEATURES_ALL,
		.ghcb_features = config->ghcb_features ?
				 config->ghcb_features : GHCB_FEATURES_ALL,
		.x2apic = !config->xapic,
	};

	memset(r, 0, sizeof(*r));
	for (unsigned int i = 0; i < SCRIPT_CPUS; i++)
		r->apic_id[i] = config->apic_id ? config->apic_id[i] : i;
	script_new(&r->s, &mc);
	for (unsigned int cpu = 0; cpu < SCRIPT_CPUS; cpu++)
		for (unsigned int vmpl = 0; vmpl < SNP_VMPLS; vmpl++)
			script_vmsa(&r->s, cpu, vmpl, features);
	r->h = host_new(&hc, r->s.m, &platform, r);
	assert_non_null(r->h);
	host_set_boot_vmsa(r->h, config->vmpl, VMSA_AT(0, config->vmpl),
			   features);
	hv_launch_finish(r->s.m);
	host_start(r->h);
	r->m = r->s.m;
	rig_pump(r);
	assert_true(hv_in_guest(r->m, 0));
	rig_register(r, 0);
}

void rig_free(struct rig *r)
{
	host_free(r->h);
	script_free(&r->s);
}

struct host_ctx *rig_ctx(struct rig *r, unsigned int cpu, unsigned int vmpl)
{
	return &r->h->vcpu[cpu].ctx[vmpl];
}

unsigned int rig_kicks(struct rig *r, unsigned int cpu)
{
	unsigned int n = r->s.cpu[cpu].kicks - r->kicks_seen[cpu];

	r->kicks_seen[cpu] = r->s.cpu[cpu].kicks;
	return n;
}

void rig_pump(struct rig *r)
{
	for (unsigned int cpu = 0; cpu < SCRIPT_CPUS; cpu++)
		if (rig_kicks(r, cpu))
			machine_kicked(r->m, cpu);
}

void rig_advance(struct rig *r, u64 ns)
{
	u64 until = r->now + ns;

	for (;;) {
		struct host_timer *next = NULL;

		for (int i = 0; i < RIG_TIMERS; i++) {
			struct host_timer *t = &r->timer[i];

			if (t->armed && t->deadline <= until &&
			    (!next || t->deadline < next->deadline))
				next = t;
		}
		if (!next)
			break;
		if (next->deadline > r->now)
			r->now = next->deadline;
		next->armed = false;
		next->fn(next->arg);
	}
	r->now = until;
}

/* ---- the guest ---------------------------------------------------------- */

static struct host_ctx *running(struct rig *r, unsigned int cpu)
{
	assert_true(hv_in_guest(r->m, cpu));
	return rig_ctx(r, cpu, machine_vmpl(r->m, cpu));
}

u64 rig_msr(struct rig *r, unsigned int cpu, u64 value)
{
	struct vmcb *vmcb = running(r, cpu)->vmcb;

	machine_wrmsr(r->m, cpu, MSR_GHCB, 0, value);
	machine_vmgexit(r->m, cpu);
	return vmcb->ghcb_gpa;
}

void rig_register(struct rig *r, unsigned int cpu)
{
	u64 gpa = GHCB_AT(cpu, machine_vmpl(r->m, cpu));

	assert_int_equal(rig_msr(r, cpu, gpa | GHCB_MSR_REGISTER_REQ),
			 gpa | GHCB_MSR_REGISTER);
}

struct ghcb *rig_ghcb(struct rig *r, unsigned int cpu)
{
	return script_ram(&r->s, GHCB_AT(cpu, machine_vmpl(r->m, cpu)));
}

struct ghcb *rig_event(struct rig *r, unsigned int cpu, u64 code, u64 info1,
		       u64 info2)
{
	struct ghcb *g = rig_ghcb(r, cpu);

	g->valid[0] = g->valid[1] = 0;
	g->version = GHCB_VERSION_MAX;
	g->usage = 0;
	GHCB_SET(g, exit_code, code);
	GHCB_SET(g, exit_info1, info1);
	GHCB_SET(g, exit_info2, info2);
	return g;
}

void rig_vmgexit(struct rig *r, unsigned int cpu)
{
	u64 gpa = GHCB_AT(cpu, machine_vmpl(r->m, cpu));

	assert_true(hv_in_guest(r->m, cpu));
	machine_wrmsr(r->m, cpu, MSR_GHCB, 0, gpa);
	machine_vmgexit(r->m, cpu);
}

u64 rig_call(struct rig *r, unsigned int cpu, u64 code, u64 info1, u64 info2)
{
	struct ghcb *g = rig_event(r, cpu, code, info1, info2);

	rig_vmgexit(r, cpu);
	return g->exit_info1;
}

bool rig_rdmsr(struct rig *r, unsigned int cpu, u32 msr, u64 *value)
{
	struct ghcb *g = rig_event(r, cpu, EXIT_MSR, 0, 0);

	GHCB_SET(g, rcx, msr);
	rig_vmgexit(r, cpu);
	assert_true(g->exit_info1 <= GHCB_RESULT_EXCEPTION);
	*value = (u32)g->rax | g->rdx << 32;
	return !g->exit_info1;
}

bool rig_wrmsr(struct rig *r, unsigned int cpu, u32 msr, u64 value)
{
	struct ghcb *g = rig_event(r, cpu, EXIT_MSR, 1, 0);

	GHCB_SET(g, rcx, msr);
	GHCB_SET(g, rax, (u32)value);
	GHCB_SET(g, rdx, value >> 32);
	rig_vmgexit(r, cpu);
	assert_true(g->exit_info1 <= GHCB_RESULT_EXCEPTION);
	return !g->exit_info1;
}

u64 rig_ap_create(struct rig *r, unsigned int cpu, unsigned int vmpl,
		  u64 features)
{
	struct ghcb *g = rig_event(r, 0, GHCB_AP_CREATION,
				   (u64)r->apic_id[cpu] << 32 | vmpl << 16 |
				   AP_CREATE, VMSA_AT(cpu, vmpl));

	GHCB_SET(g, rax, features);
	rig_vmgexit(r, 0);
	if (!g->exit_info1) {
		rig_pump(r);
		if (hv_in_guest(r->m, cpu) &&
		    machine_vmpl(r->m, cpu) == vmpl)
			rig_register(r, cpu);
	}
	return g->exit_info1;
}

enum mach_next rig_hlt(struct rig *r, unsigned int cpu)
{
	return machine_hlt(r->m, cpu, r->s.cpu[cpu].regs.rflags,
			   r->s.cpu[cpu].regs.nmi_masked);
}

void rig_smp(struct rig *r, unsigned int vcpus)
{
	rig_new(r, &(struct rig_config){ .vcpus = vcpus });
	for (unsigned int i = 1; i < vcpus; i++)
		assert_int_equal(rig_ap_create(r, i, 0, SEV_FEATURE_SNP), 0);
	for (unsigned int i = 0; i < vcpus; i++)
		assert_true(rig_wrmsr(r, i, X2APIC_MSR(APIC_SVR), 0x1ff));
	for (unsigned int i = 0; i < SCRIPT_CPUS; i++)
		rig_kicks(r, i);
}

void rig_eoi(struct rig *r, unsigned int cpu)
{
	assert_true(rig_wrmsr(r, cpu, X2APIC_MSR(APIC_EOI), 0));
}

const struct apic_vector_count *rig_count(struct rig *r, unsigned int cpu,
					  u8 vector)
{
	return &host_vectors(r->h, cpu, 0)->vector[vector];
}
