// SPDX-License-Identifier: MIT
/*
 * Secure AVIC for an unaware guest (APM 15.36.21): hardware presents, ends
 * and masks on a page that the monitor owns and fills. core/backing.c has the
 * page; here is when it is used and who has to be told what.
 *
 * The page serves while the vCPU runs as an x2APIC that is enabled:
 *
 *               x2APIC, SVR enabled: registered with the host, En = 1
 *      OFF  ------------------------------------------------------> ON
 *  presented by <--------------------------------------------------
 *  V_IRQ, from   INIT, APIC_BASE, SVR disabled: En = 0, unregistered
 *  the descriptor
 *
 * While it is off En is 0, and silicon presents what the VMSA says, as under
 * Alternate Injection (inferred: docs/secure-avic.md). So a guest that never
 * leaves its xAPIC is served in that way for good.
 *
 * Posting loses nothing: who posts changes the page first and then looks
 * where the target is; the target says where it goes first and then looks
 * into the page. In the guest hardware looks, at VMRUN.
 */
#include "svsm/paravisor.h"

#define SEQ	__ATOMIC_SEQ_CST

static bool has_page(const struct paravisor_vcpu *v)
{
	return v->backing.page;
}

/* Most exits of a guest under load are ports and memory of devices. */
bool paravisor_savic_stays(const struct paravisor_vcpu *v)
{
	if (!v->backing.in_page || v->halted)
		return false;
	switch (v->vmsa->exit_code) {
	case EXIT_INTR:
	case EXIT_IOIO:
	case EXIT_NPF:
	case EXIT_CPUID:
		return true;
	default:
		return false;
	}
}

void paravisor_savic_take(struct paravisor_vcpu *v)
{
	if (has_page(v))
		backing_pull(&v->backing, &v->apic, v->vmsa->vintr_ctrl & 0xf);
}

/* ---- on and off ---------------------------------------------------------- */

static bool wanted(const struct paravisor_vcpu *v)
{
	return apic_mode_of(&v->apic) == APIC_VIEW_X2APIC &&
	       apic_enabled(&v->apic) && v->apic.run == APIC_RUNNING &&
	       !v->savic_refused;
}

/*
 * The host drops the page after En = 0 and not before, or VMRUN would find it
 * missing. What it had not handed over yet comes by the descriptor.
 */
static void turn_off(struct paravisor_vcpu *v)
{
	paravisor_savic_take(v);
	v->vmsa->savic_control = 0;
	v->savic_on = false;
	v->guest->ops->savic(v->cpu, v->savic_gpa, false);
}

static void turn_on(struct paravisor_vcpu *v)
{
	v->savic_on = v->guest->ops->savic(v->cpu, v->savic_gpa, true);
	v->savic_refused = !v->savic_on;
	v->guest->ops->note(v->cpu, v->savic_on ? "Secure AVIC" :
			    "the host refuses Secure AVIC: "
			    "Alternate Injection");
}

/*
 * The guest may have written SECURE_AVIC_CONTROL, which nobody can intercept;
 * it is put right each time. What it did with it meanwhile it did to itself.
 */
static void enable(struct paravisor_vcpu *v)
{
	u64 control = v->savic_gpa | SAVIC_CONTROL_EN;

	if (v->apic.allow_nmi)
		control |= SAVIC_CONTROL_ALLOWED_NMI;
	if (!v->backing.in_page)
		backing_push(&v->backing, &v->apic);
	v->vmsa->savic_control = control;
}

/* Said once, and only of a kernel that means it. */
static void note_xapic(struct paravisor_vcpu *v)
{
	if (v->savic_noted || !apic_enabled(&v->apic) ||
	    apic_mode_of(&v->apic) != APIC_VIEW_XAPIC)
		return;
	v->savic_noted = true;
	v->guest->ops->note(v->cpu, "an xAPIC, no Secure AVIC: "
			    "Alternate Injection");
}

void paravisor_savic_give(struct paravisor_vcpu *v)
{
	if (!has_page(v))
		return;
	note_xapic(v);
	if (v->savic_on && !wanted(v))
		turn_off(v);
	else if (!v->savic_on && wanted(v))
		turn_on(v);
	if (v->savic_on)
		enable(v);
	else
		v->vmsa->savic_control = 0;
}

/* ---- on the way ---------------------------------------------------------- */

bool paravisor_savic_leave(struct paravisor_vcpu *v, bool sleep)
{
	if (!has_page(v))
		return false;
	__atomic_store_n(&v->where, v->savic_on ? PARAVISOR_PAGE :
						  PARAVISOR_LOCAL, SEQ);
	if (!v->savic_on)
		return backing_posted(&v->backing);
	return sleep && backing_wakes(&v->backing, v->vmsa);
}

/*
 * Woken from HLT with interrupts enabled: it may be for what the host asks,
 * which only VMRUN merges into the page. So the guest runs, and if the page
 * does not allow it, has been woken for nothing.
 */
void paravisor_savic_back(struct paravisor_vcpu *v, bool slept)
{
	if (!has_page(v))
		return;
	__atomic_store_n(&v->where, PARAVISOR_INSIDE, SEQ);
	if (slept && v->savic_on && v->vmsa->rflags & RFLAGS_IF)
		v->halted = false;
}

bool paravisor_savic_post(struct paravisor_vcpu *to, const struct irq_msg *msg,
			  enum paravisor_where *where)
{
	bool first;

	if (!has_page(to))
		return false;
	if (msg->mode == APIC_FIXED || msg->mode == APIC_LOWEST)
		first = backing_post(&to->backing, msg->vector);
	else if (msg->mode == APIC_NMI)
		first = backing_post_nmi(&to->backing);
	else
		return false;
	*where = first ? __atomic_load_n(&to->where, SEQ) : PARAVISOR_INSIDE;
	return true;
}

void paravisor_savic_allow(const struct paravisor *guest, u8 vector)
{
	unsigned int i;

	for (i = 0; i < guest->cpus; i++)
		if (has_page(guest->vcpu[i]))
			backing_allow(&guest->vcpu[i]->backing, vector, true);
}

/* ---- the timer ----------------------------------------------------------- */

/*
 * A periodic one stays here: the host would have to be told how fast the
 * guest's clock is.
 */
u8 paravisor_savic_ticks(const struct paravisor_vcpu *v)
{
	u32 lvt = v->apic.lvt[APIC_LVT_IDX_TIMER];
	u8 vector = lvt & APIC_LVT_VECTOR;

	if (!has_page(v) || !v->guest->host_ticks || lvt & APIC_LVT_MASKED ||
	    (lvt & APIC_LVT_TIMER_MODE) == APIC_LVT_TIMER_PERIODIC)
		return 0;
	return paravisor_may_allow(vector) ? vector : 0;
}

static bool is_device(const struct paravisor *guest, u8 vector)
{
	return __atomic_load_n(&guest->allowed[vector >> 5], SEQ) &
	       BIT(vector & 31);
}

static void allow_tick(struct paravisor_vcpu *v, u8 vector, bool allow)
{
	if (!vector || is_device(v->guest, vector))
		return;
	apic_allow(&v->apic, vector, allow);
	backing_allow(&v->backing, vector, allow);
}

/* The host may send this vector from now on, and the old one no more. */
void paravisor_savic_tick(struct paravisor_vcpu *v, u8 vector)
{
	allow_tick(v, v->ticks, false);
	allow_tick(v, vector, true);
	v->ticks = vector;
}

/* ---- level or edge ------------------------------------------------------- */

#define ROUTE_LEVEL	BIT_ULL(15)
#define ROUTE_LOGICAL	BIT_ULL(11)

static bool is_level_at(const struct paravisor_vcpu *v, u64 route, u8 vector)
{
	struct irq_msg msg = {
		.dest = route >> 56,
		.mode = route >> 8 & 7,
		.logical = route & ROUTE_LOGICAL,
	};

	return route & ROUTE_LEVEL && (route & 0xff) == vector &&
	       msg.mode <= APIC_LOWEST && apic_match(&v->apic, &msg, NULL);
}

static void update_vector(const struct paravisor *guest, u8 vector)
{
	struct paravisor_vcpu *v;
	unsigned int i, pin;
	bool level;

	for (i = 0; i < guest->cpus; i++) {
		v = guest->vcpu[i];
		level = false;
		for (pin = 0; pin < PARAVISOR_PINS; pin++)
			level |= is_level_at(v, __atomic_load_n(
					     &guest->route[pin], SEQ), vector);
		backing_set_level(&v->backing, vector, level);
	}
}

/* Masked entries count, too: they may have sent before. */
void paravisor_route(struct paravisor_vcpu *v, u8 half, u32 value)
{
	const u64 matters = 0xff000000000087ffull | ROUTE_LOGICAL;
	struct paravisor *guest = v->guest;
	u64 old, new;

	if (!has_page(v) || half / 2 >= PARAVISOR_PINS)
		return;
	old = __atomic_load_n(&guest->route[half / 2], SEQ);
	new = half & 1 ? (u32)old | (u64)value << 32 :
			 (old & ~0xffffffffull) | value;
	if (!((old ^ new) & matters))
		return;
	__atomic_store_n(&guest->route[half / 2], new, SEQ);
	update_vector(guest, old);
	update_vector(guest, new);
}
