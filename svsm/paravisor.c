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
 * With Secure AVIC the APIC's vectors are in the page while the guest runs
 * or sleeps, and here in between: paravisor_savic.c.
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

/* Those who have to be told, and the only one of them. */
struct told {
	const struct paravisor_vcpu *only;
	unsigned int count;
};

static void tell(struct told *told, const struct paravisor_vcpu *to)
{
	told->only = to;
	told->count++;
}

/* One exit for all: if they are several, by the guest's own addressing. */
static void tell_host(struct paravisor_vcpu *v, const struct told *told,
		      const struct irq_msg *msg,
		      void (*op)(void *cpu, const struct irq_msg *msg))
{
	struct irq_msg kick = *msg;

	if (!told->count)
		return;
	if (told->count == 1)
		kick = (struct irq_msg){ .dest = told->only->apic.config.id,
					 .mode = msg->mode, .wide = true };
	else if (msg->shorthand == APIC_DEST_ALL)
		kick.shorthand = APIC_DEST_OTHERS;
	op(v->cpu, &kick);
}

/* Who knows already is not told again. */
static void send(struct paravisor_vcpu *v, const struct irq_msg *msg)
{
	const struct paravisor *guest = v->guest;
	struct told kick = { 0 }, ring = { 0 };
	enum paravisor_where where;
	struct paravisor_vcpu *to;
	unsigned int i;

	for (i = 0; i < guest->cpus; i++) {
		to = guest->vcpu[i];
		if (!apic_match(&to->apic, msg, &v->apic))
			continue;
		if (!paravisor_savic_post(to, msg, &where))
			where = mailbox_post(&to->box, msg) ? PARAVISOR_LOCAL :
							      PARAVISOR_INSIDE;
		if (to != v && where == PARAVISOR_LOCAL)
			tell(&kick, to);
		if (where == PARAVISOR_PAGE)
			tell(&ring, to);
		if (msg->mode == APIC_LOWEST)
			break;
	}
	tell_host(v, &kick, msg, guest->ops->kick);
	tell_host(v, &ring, msg, guest->ops->ring);
}

/* One that has come needs no call to forget it. */
static bool is_over(const struct paravisor_vcpu *v)
{
	return v->armed <= v->guest->ops->now(v->cpu).ns;
}

static void set_timer(struct paravisor_vcpu *v, u64 deadline)
{
	v->armed = deadline;
	if (v->ticks)
		v->guest->ops->tick(v->cpu, deadline, v->ticks);
	else
		v->guest->ops->deadline(v->cpu, deadline);
}

/* From now on, or no more, the host posts this timer's vector. */
static void set_ticks(struct paravisor_vcpu *v, u8 ticks)
{
	if (v->armed != APIC_NEVER)
		set_timer(v, APIC_NEVER);
	paravisor_savic_tick(v, ticks);
}

/* A timer that is off does not change who has it. */
static void arm(struct paravisor_vcpu *v)
{
	u64 deadline = apic_timer_deadline(&v->apic);
	u8 ticks = paravisor_savic_ticks(v);

	if (v->armed != APIC_NEVER && deadline != v->armed && is_over(v))
		v->armed = APIC_NEVER;
	if (deadline != APIC_NEVER && ticks != v->ticks)
		set_ticks(v, ticks);
	if (deadline != v->armed || (v->set_again && deadline != APIC_NEVER))
		set_timer(v, deadline);
	v->set_again = false;
	v->apic.timer_elsewhere = v->ticks && deadline != APIC_NEVER;
}

void paravisor_effects(struct paravisor_vcpu *v, const struct apic_effects *fx)
{
	if (fx->ipi)
		send(v, &fx->msg);
	if (fx->eoi)
		v->guest->ops->specific_eoi(v->cpu, fx->eoi_vector);
	/*
	 * A host that was early has nothing armed any more, and the guest sets
	 * the same deadline anew.
	 */
	v->set_again |= fx->timer;
}

/* An allowed vector stays allowed: it may be under way. */
static void take_allowed(struct paravisor_vcpu *v)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		v->apic.allowed[i] |= __atomic_load_n(&v->guest->allowed[i],
						      __ATOMIC_RELAXED);
}

static bool is_due(const struct paravisor_vcpu *v)
{
	return v->apic.timer_running &&
	       v->apic.timer_due <= v->guest->ops->now(v->cpu).ns;
}

/*
 * Vectors that hardware works on stay where they are unless there is news.
 * What comes after this look rings again: the doorbell has been polled.
 */
static bool has_news(const struct paravisor_vcpu *v)
{
	u8 events = __atomic_load_n(&v->page->per_vmpl_events,
				    __ATOMIC_SEQ_CST);

	return !v->backing.in_page || mailbox_notified(&v->box) ||
	       events & DOORBELL_EVENTS_VMPL(v->guest->vmpl) || is_due(v);
}

static void take_news(struct paravisor_vcpu *v)
{
	struct doorbell_drain drain;

	paravisor_savic_take(v);
	mailbox_drain(&v->box, &v->apic);
	if (doorbell_drain(v->page, v->guest->vmpl, &v->apic, &drain))
		doorbell_apply(&drain, &v->apic);
	if (v->apic.timer_running)
		apic_timer_expire(&v->apic, v->guest->ops->now(v->cpu));
}

static void take_new(struct paravisor_vcpu *v)
{
	v->guest->ops->poll(v->cpu);
	take_allowed(v);
	if (has_news(v))
		take_news(v);
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

static void rest(struct paravisor_vcpu *v)
{
	bool sleep = !paravisor_savic_leave(v, true);

	if (sleep)
		v->guest->ops->idle(v->cpu);
	paravisor_savic_back(v, sleep);
}

static void run(struct paravisor_vcpu *v)
{
	present_enter(&v->present, &v->apic, v->vmsa, v->eoi);
	if (!paravisor_savic_leave(v, false)) {
		present_unpark(v->vmsa);
		v->guest->ops->run(v->cpu);
	}
	paravisor_savic_back(v, false);
}

const char *paravisor_turn(struct paravisor_vcpu *v)
{
	const char *reason = settle(v);
	bool runs;

	if (!paravisor_savic_stays(v))
		paravisor_savic_take(v);
	if (!reason)
		reason = emulate_exit(v);
	/* Served: a run that does not happen must not serve it again. */
	v->vmsa->exit_code = EXIT_INTR;
	if (reason)
		return reason;
	take_new(v);
	runs = runnable(v, &reason);
	if (reason)
		return reason;
	paravisor_savic_give(v);
	if (runs)
		run(v);
	else
		rest(v);
	return NULL;
}
