// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events. Two of QEMU's interrupt requests are used: KICK, a physical
 * interrupt of the core, which nothing masks, and HARD, "ask the machine
 * whether an event is deliverable". All others are dead for an SNP vCPU.
 */
#include "glue.h"
#include "system/cpus.h"
#include "tcg/seg_helper.h"

#define KICK	CPU_INTERRUPT_TGT_EXT_0

/*
 * A fault in the delivery of a benign exception may be one more of the same:
 * silicon loops for ever (CVE-2015-5307, CVE-2015-8104). So would QEMU, where
 * no request of another thread is seen between two deliveries. Nothing that
 * ends in a handler takes as many.
 */
#define UNDELIVERED_MAX	32

/* An idle core has no guest that could take an event. */
int belfry_pending(CPUState *cs, int request)
{
	if (belfry.stopped)
		return 0;
	return request & (cs->halted ? KICK : KICK | CPU_INTERRUPT_HARD);
}

static void deliver(CPUX86State *env, u64 event)
{
	X86CPU *cpu = env_archcpu(env);
	u8 vector = event & EVENT_VECTOR;
	bool code = exception_has_error_code(vector);

	env->snp->event = event;
	switch (event_type(event)) {
	case EVENT_NMI:
		env->hflags2 |= HF2_NMI_MASK;
		/* fall through */
	case EVENT_INTR:
		do_interrupt_all(cpu, vector, 0, 0, 0, 1);
		break;
	case EVENT_SOFT:
		do_interrupt_all(cpu, vector, 1, 0, env->eip, 0);
		break;
	default:
		/* QEMU pushes no error code for what looks like hardware. */
		do_interrupt_all(cpu, vector, 0, event >> EVENT_ERROR_SHIFT,
				 0, !(event & EVENT_EV && code));
		break;
	}
	env->old_exception = -1;
}

/* Returns whether the vCPU's state changed. */
static bool poll_event(CPUState *cs)
{
	CPUX86State *env = cpu_env(cs);
	unsigned int id = env->snp->id;
	bool changed = false;

	for (;;) {
		u64 event = 0;

		cs->interrupt_request &= ~CPU_INTERRUPT_HARD;
		switch (belfry.api->event(vcpu_machine(), id,
					  cpu_compute_eflags(env),
					  env->hflags & HF_INHIBIT_IRQ_MASK,
					  env->hflags2 & HF2_NMI_MASK,
					  &event)) {
		case EVENT_NOTHING:
			return changed;
		case EVENT_BLOCKED:
			/* What unblocks it ends a block and returns here. */
			cs->interrupt_request |= CPU_INTERRUPT_HARD;
			return changed;
		case EVENT_DELIVER:
			/* If delivery faults, the next one is still due. */
			cs->interrupt_request |= CPU_INTERRUPT_HARD;
			deliver(env, event);
			changed = true;
			break;
		case EVENT_WINDOW:
			vcpu_leave(env, belfry.api->vintr(vcpu_machine(), id));
		}
	}
}

/* Between two blocks, under the lock; cpu_loop_exit() drops it. */
bool belfry_exec_interrupt(CPUState *cs, int request)
{
	CPUX86State *env = cpu_env(cs);
	bool changed = false;
	enum mach_next next;

	if (belfry.stopped)
		vcpu_leave(env, MACH_IDLE);
	if (request & KICK) {
		cpu_reset_interrupt(cs, KICK);
		next = belfry.api->kicked(vcpu_machine(), env->snp->id);
		if (next != MACH_RESUME || belfry.stopped)
			vcpu_leave(env, next);
		changed = true;
	}
	/*
	 * A flush waits: no event is delivered through what it takes away. A
	 * kick cannot wait as well: an idle core that was woken for it has
	 * nothing to execute before it has been to the host.
	 */
	if (cs->interrupt_request & CPU_INTERRUPT_HARD &&
	    cpu_work_list_empty(cs))
		changed |= poll_event(cs);
	return changed;
}

/*
 * What is being delivered, in EVENTINJ format: the machine's own event as it
 * gave it, else an exception or INTn of the guest.
 */
void belfry_delivering(CPUX86State *env, int vector, int is_int,
		       int error_code, int is_hw, int real_mode)
{
	u64 event = env->snp->event;

	env->snp->event = 0;
	if (env->snp->undelivered++ == UNDELIVERED_MAX)
		belfry_vmexit(env, SVM_EXIT_SHUTDOWN, 0);
	if (!event) {
		event = event_make(is_int ? EVENT_SOFT : EVENT_EXCEPTION,
				   vector);
		if (!is_int && !is_hw && !real_mode &&
		    exception_has_error_code(vector))
			event |= EVENT_EV | (u64)(u32)error_code <<
				 EVENT_ERROR_SHIFT;
	}
	belfry.api->delivering(vcpu_machine(), env->snp->id, event);
}

void belfry_delivered(CPUX86State *env)
{
	env->snp->undelivered = 0;
	belfry.api->delivered(vcpu_machine(), env->snp->id);
}
