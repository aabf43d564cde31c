// SPDX-License-Identifier: MIT
/*
 * What each CPU does for good: into the guest, back, see what it wants.
 *
 * The host decides when VMPL 0 runs, so coming back means nothing
 * (docs/monitor.md). A call is one only if the guest left by VMGEXIT and its
 * calling area says so; the area's byte is exchanged, so no call is served
 * twice. While the VMSA is being edited EFER.SVME is clear: no VMRUN of it
 * succeeds (C17).
 */
#include "svsm/insn.h"
#include "svsm/lock.h"
#include "svsm/protocol.h"
#include "svsm/rmp.h"
#include "svsm/svsm.h"

/* Between two tries to run a vCPU that the host has not got yet. */
#define RETRY_PAUSES	256

struct vcpu *vcpu_of(u32 index)
{
	return &cpu_of(index)->vcpu;
}

/* The first vCPU: its VMSA lies in the monitor's range. */
void run_boot(struct cpu *cpu)
{
	const struct vmsa *v = monitor_va(info.guest_vmsa);

	guest_check(v);
	guest_announce(cpu->apic_id, v, info.guest_vmsa);
	cpu->vcpu.ca = info.guest_ca;
	cpu->vcpu.vmsa = info.guest_vmsa;
}

/* With the vCPU's lock held, or NULL. */
static volatile struct vmsa *vmsa_of(const struct cpu *cpu)
{
	u64 gpa = cpu->vcpu.vmsa;

	if (!gpa)
		return NULL;
	return gpa - info.base < info.size ? monitor_va(gpa) : guest_va(gpa);
}

static void serve_call(struct cpu *cpu, volatile struct vmsa *v)
{
	struct svsm_call call = {
		.rax = v->rax,
		.rcx = v->rcx,
		.rdx = v->rdx,
		.r8 = v->r8_15[0],
		.r9 = v->r8_15[1],
		.features = v->sev_features,
		.cpu = cpu->index,
	};

	protocol_serve(&call);
	v->rax = call.rax;
	v->rcx = call.rcx;
	v->rdx = call.rdx;
	v->r8_15[0] = call.r8;
	v->r8_15[1] = call.r9;
}

/* Any byte but 0 is "pending"; an area that is gone has no call in it. */
static bool take_call(struct cpu *cpu)
{
	u64 ca = cpu->vcpu.ca;
	u8 pending = 0;

	return ca && guest_take(ca, &pending) && pending;
}

/*
 * Its HLT brought it here. A host may wake the guest by itself or may leave it
 * to the monitor: in both cases entering it again is right, since what wakes
 * a HLT is then deliverable. Each HLT is seen once.
 */
static bool take_halt(volatile struct vmsa *v)
{
	u64 code = v->exit_code;

	if (code != EXIT_HLT && code != EXIT_IDLE_HLT)
		return false;
	v->exit_code = 0;
	return true;
}

/* What to do next, once the lock is dropped. */
enum next { ENTER, SLEEP };

static enum next look(struct cpu *cpu)
{
	volatile struct vmsa *v = vmsa_of(cpu);

	if (!v)
		return SLEEP;
	v->efer &= ~EFER_SVME;
	if (v->exit_code == EXIT_VMGEXIT && take_call(cpu))
		serve_call(cpu, v);
	return take_halt(v) ? SLEEP : ENTER;
}

/*
 * A vCPU that the guest has created here and not yet there: Linux asks the
 * host for it next, and a host that is asked wakes this VMPL. Having been
 * woken too early is rare, and not worth sleeping again: the wake-up might
 * come in between.
 */
static void wait_for_host(void)
{
	for (unsigned int i = 0; i < RETRY_PAUSES; i++)
		relax();
}

static void enter(struct cpu *cpu)
{
	ghcb_prepare(cpu, GHCB_RUN_VMPL, info.guest_vmpl, 0);
	if (!svsm_switch(cpu->pending) && ghcb_result(cpu))
		wait_for_host();
}

/*
 * The lock is not held in the guest and in sleep: then others may take this
 * vCPU's VMSA away or give it one. A VMSA that is ready to go has SVME set.
 */
void run_loop(struct cpu *cpu)
{
	volatile struct vmsa *v;
	enum next next;

	for (;;) {
		lock_take(&cpu->vcpu.lock);
		next = look(cpu);
		v = vmsa_of(cpu);
		if (v)
			v->efer |= EFER_SVME;
		lock_drop(&cpu->vcpu.lock);
		hv_poll(cpu);
		if (next == SLEEP)
			hv_idle(cpu, !v);
		else
			enter(cpu);
	}
}
