// SPDX-License-Identifier: MIT
/*
 * One vCPU of an unaware guest, once around:
 *
 *   settle what the last run did       present_settle(), exit still unserved
 *   serve its exit                     emulate_exit()
 *   take what is new                   doorbell, then what it announces:
 *                                      mailbox, descriptor; timer, INIT/SIPI
 *   nothing to run for?                idle(), and look again
 *   present, preset the exit, run      present_enter(), run()
 *
 * Nothing waits unseen while the guest runs or the CPU sleeps: what is new
 * announces itself by #HV. If it came before the doorbell was taken, it is
 * looked at in this turn; if later, run() and idle() find the doorbell rung.
 */
#include "svsm/paravisor.h"

bool paravisor_init(struct paravisor_vcpu *v, const struct apic_config *config,
		    struct apic_counters *count)
{
	v->armed = APIC_NEVER;
	/* "No exit yet": the host may come back before it has run the guest. */
	v->vmsa->exit_code = EXIT_INTR;
	v->vmsa->exit_int_info = 0;
	return apic_init(&v->apic, config, count);
}

/*
 * One exit for all who have to know: if it is several, by the guest's own
 * addressing. Who knows already is not told again.
 */
static void send(struct paravisor_vcpu *v, const struct irq_msg *msg)
{
	const struct paravisor *guest = v->guest;
	struct irq_msg kick = *msg;
	struct paravisor_vcpu *to, *last = NULL;
	unsigned int i, kicks = 0;

	for (i = 0; i < guest->cpus; i++) {
		to = guest->vcpu[i];
		if (!apic_match(&to->apic, msg, &v->apic))
			continue;
		if (mailbox_post(&to->box, msg) && to != v) {
			last = to;
			kicks++;
		}
		if (msg->mode == APIC_LOWEST)
			break;
	}
	if (!kicks)
		return;
	if (kicks == 1)
		kick = (struct irq_msg){ .dest = last->apic.config.id,
					 .wide = true };
	else if (msg->shorthand == APIC_DEST_ALL)
		kick.shorthand = APIC_DEST_OTHERS;
	guest->ops->kick(v->cpu, &kick);
}

static void arm(struct paravisor_vcpu *v)
{
	u64 deadline = apic_timer_deadline(&v->apic);

	if (deadline == v->armed)
		return;
	/* One that has come needs no call to forget it. */
	if (deadline == APIC_NEVER &&
	    v->armed <= v->guest->ops->now(v->cpu).ns) {
		v->armed = deadline;
		return;
	}
	v->armed = deadline;
	v->guest->ops->deadline(v->cpu, deadline);
}

void paravisor_effects(struct paravisor_vcpu *v, const struct apic_effects *fx)
{
	if (fx->ipi)
		send(v, &fx->msg);
	if (fx->eoi)
		v->guest->ops->specific_eoi(v->cpu, fx->eoi_vector);
}

/* An allowed vector stays allowed: it may be under way. */
static void take_allowed(struct paravisor_vcpu *v)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		v->apic.allowed[i] |= __atomic_load_n(&v->guest->allowed[i],
						      __ATOMIC_RELAXED);
}

static void take_new(struct paravisor_vcpu *v)
{
	struct doorbell_drain drain;

	v->guest->ops->poll(v->cpu);
	take_allowed(v);
	mailbox_drain(&v->box, &v->apic);
	if (doorbell_drain(v->page, v->guest->vmpl, &v->apic, &drain))
		doorbell_apply(&drain, &v->apic);
	if (v->apic.timer_running)
		apic_timer_expire(&v->apic, v->guest->ops->now(v->cpu));
	arm(v);
}

static bool runnable(struct paravisor_vcpu *v, const char **reason)
{
	if (!paravisor_start(v, reason))
		return false;
	if (v->halted && present_wakes(&v->apic, v->vmsa))
		v->halted = false;
	return !v->halted;
}

/*
 * BUSY was set already if hardware set it: for a reflected exit while an
 * event was delivered. Then the event is in EXITINTINFO (APM 15.36.17).
 */
static const char *settle(struct paravisor_vcpu *v)
{
	static const char *const reasons[] = {
		[PRESENT_OK] = NULL,
		[PRESENT_UNTAKEN] = "interrupt-taken-that-was-not-queued",
		[PRESENT_BAD_EVENT] = "illegal-event-interrupted",
	};

	enum present_result result;

	present_park(v->vmsa);
	result = present_settle(&v->present, &v->apic, v->vmsa, v->eoi);
	if (v->present.level_eoi)
		v->guest->ops->specific_eoi(v->cpu, v->present.level_eoi);
	v->present.level_eoi = 0;
	return reasons[result];
}

const char *paravisor_turn(struct paravisor_vcpu *v)
{
	const struct paravisor_ops *ops = v->guest->ops;
	const char *reason = settle(v);

	if (!reason)
		reason = emulate_exit(v);
	/* Served: a run that does not happen must not serve it again. */
	v->vmsa->exit_code = EXIT_INTR;
	if (reason)
		return reason;
	take_new(v);
	if (!runnable(v, &reason)) {
		if (!reason)
			ops->idle(v->cpu);
		return reason;
	}
	present_enter(&v->present, &v->apic, v->vmsa, v->eoi);
	present_unpark(v->vmsa);
	ops->run(v->cpu);
	return NULL;
}
