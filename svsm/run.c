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

static void start_apics(struct vmsa *v)
{
	bool on = v->sev_features & SEV_FEATURE_ALTERNATE;

	for (u32 i = 0; i < info.cpus; i++)
		if (!guest_apic_init(i, cpu_of(i)->doorbell, on,
				     cpu_counters(i)))
			stop(MONITOR_STOP_INFO, "an APIC id that no APIC can "
			     "have", info.apic_id[i]);
	if (on)
		v->vintr_ctrl |= VINTR_VGIF | VINTR_NMI_ENABLE;
}

/* The first vCPU: its VMSA lies in the monitor's range. */
void run_boot(struct cpu *cpu)
{
	struct vmsa *v = monitor_va(info.guest_vmsa);

	guest_check(v);
	start_apics(v);
	guest_announce(cpu->apic_id, v, info.guest_vmsa);
	cpu->vcpu.ca = info.guest_ca;
	cpu->vcpu.vmsa = info.guest_vmsa;
}

/* With the vCPU's lock held, or NULL. */
static struct vmsa *vmsa_of(const struct cpu *cpu)
{
	u64 gpa = cpu->vcpu.vmsa;

	if (!gpa)
		return NULL;
	return gpa - info.base < info.size ? monitor_va(gpa) : guest_va(gpa);
}

static void serve_call(struct cpu *cpu, struct vmsa *v)
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
	if (call.leave)
		guest_apic_leave(&cpu->vcpu, v);
}

/* Any byte but 0 is "pending"; an area that is gone has no call in it. */
static bool take_call(struct cpu *cpu)
{
	u64 ca = cpu->vcpu.ca;
	u8 pending = 0;

	return ca && guest_take(ca, &pending) && pending;
}

/*
 * Why the last run ended; each end is seen once, as the host may come back
 * without another run.
 */
static u64 take_exit(struct vmsa *v)
{
	u64 code = v->exit_code;

	v->exit_code = EXIT_INTR;
	return code;
}

/* What to do next, once the lock is dropped. */
enum next { ENTER, SLEEP };

/*
 * Under Alternate Injection a HLT lasts until there is something that ends
 * it. Otherwise its HLT brought it here, and a host may wake the guest by
 * itself or may leave it to the monitor: in both cases entering it again is
 * right, since what wakes a HLT is then deliverable.
 */
static enum next present(struct vcpu *vcpu, struct vmsa *v, bool halt)
{
	if (!guest_apic_on(vcpu))
		return halt ? SLEEP : ENTER;
	if (!guest_apic_ready(vcpu, v, halt))
		return SLEEP;
	guest_apic_enter(vcpu, v);
	return ENTER;
}

static void settle(struct vcpu *vcpu, struct vmsa *v)
{
	const char *bad = NULL;

	if (guest_apic_on(vcpu))
		bad = guest_apic_settle(vcpu, v);
	if (bad)
		stop(MONITOR_STOP_INTERNAL, bad, v->exit_code);
}

static enum next look(struct cpu *cpu)
{
	struct vmsa *v = vmsa_of(cpu);
	u64 exit;

	if (!v)
		return SLEEP;
	__atomic_and_fetch(&v->efer, ~EFER_SVME, __ATOMIC_SEQ_CST);
	settle(&cpu->vcpu, v);
	exit = take_exit(v);
	if (exit == EXIT_VMGEXIT && take_call(cpu))
		serve_call(cpu, v);
	return present(&cpu->vcpu, v,
		       exit == EXIT_HLT || exit == EXIT_IDLE_HLT);
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
 * The doorbell first: what is posted after it was looked at, for this VMPL or
 * for the guest's, sets NoFurtherSignal again, and keeps this CPU from
 * entering the guest and from sleeping.
 *
 * The lock is not held in the guest and in sleep: then others may take this
 * vCPU's VMSA away or give it one. A VMSA that is ready to go has SVME set.
 */
void run_loop(struct cpu *cpu)
{
	struct vmsa *v;
	enum next next;

	if (guest_features() & SEV_FEATURE_ALTERNATE)
		hv_want_news();
	for (;;) {
		hv_poll(cpu);
		lock_take(&cpu->vcpu.lock);
		next = look(cpu);
		v = vmsa_of(cpu);
		if (v)
			__atomic_or_fetch(&v->efer, EFER_SVME,
					  __ATOMIC_SEQ_CST);
		lock_drop(&cpu->vcpu.lock);
		if (next == SLEEP)
			hv_idle(cpu, !v);
		else
			enter(cpu);
	}
}
