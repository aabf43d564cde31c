// SPDX-License-Identifier: MIT
/*
 * Restricted Injection: the doorbell page (56421 section 5.5).
 *
 * A vector is offered in byte 0 and stays in the emulated IRR until the guest
 * has taken it, which shows as byte 0 changed: then it is in service. So one
 * that a higher one overwrites is pending again without further ado, and so is
 * one whose page goes away. #HV is injected when NoFurtherSignal was clear;
 * when it was set, the guest owes the page a look in any case.
 *
 *	IRR --offer--> IRR and byte 0 --taken--> ISR --EOI--> done
 *	 ^                  |                     NAE 80Bh, or NoEoiRequired
 *	 '---overwritten----'                     cleared
 *
 * The page is the guest's: it may be gone at any time, and then events wait.
 */
#include "host/internal.h"

struct doorbell *host_ri_page(const struct host_ctx *c)
{
	enum hv_mem why;

	if (c->doorbell == NO_GPA)
		return NULL;
	return hv_map(c->vcpu->host->m, c->doorbell, &why);
}

/* Is anything but the vector on offer pending? */
static bool others_pending(const struct host_ctx *c)
{
	u32 bits;

	for (unsigned int w = 0; w < 8; w++) {
		bits = c->apic.irr[w];
		if (c->hv.offered && c->hv.offered / 32 == w)
			bits &= ~BIT(c->hv.offered % 32);
		if (bits)
			return true;
	}
	return false;
}

/* ---- what the guest did -------------------------------------------------- */

static void take(struct host_ctx *c, struct doorbell *page)
{
	u8 vector = __atomic_load_n(&page->vector, __ATOMIC_SEQ_CST);

	if (!c->hv.offered || vector == c->hv.offered)
		return;
	apic_take(&c->apic, c->hv.offered);
	c->hv.offered = 0;
}

/* The EOI that the guest did not have to send. */
static void end_elided(struct host_ctx *c)
{
	u8 vector;

	c->hv.elided = false;
	if (apic_eoi(&c->apic, &vector))
		ioapic_eoi(&c->vcpu->host->ioapic, vector);
}

/* Safe at any time, also while the guest runs. */
static void ri_observe(struct host_ctx *c)
{
	struct doorbell *page = host_ri_page(c);

	if (!page)
		return;
	take(c, page);
	if (!c->hv.offered && c->hv.elided &&
	    !__atomic_load_n(&page->no_eoi_required, __ATOMIC_SEQ_CST))
		end_elided(c);
}

/*
 * Now something waits for that EOI: the guest has sent it the short way, or
 * from here on must send it the long one. No EOI comes before its vector was
 * taken, whatever the byte says.
 */
static void recall_elision(struct host_ctx *c, struct doorbell *page)
{
	bool ended;

	if (!c->hv.elided)
		return;
	ended = !__atomic_exchange_n(&page->no_eoi_required, 0,
				     __ATOMIC_SEQ_CST);
	take(c, page);
	c->hv.elided = false;
	if (ended && !c->hv.offered)
		end_elided(c);
}

/* ---- posting ------------------------------------------------------------- */

/*
 * An EOI may be left out when it has no effect: an edge, nothing below it in
 * service (whose EOI it could be mistaken for), nothing else pending.
 */
static bool may_elide(const struct host_ctx *c)
{
	return apic_in_service(&c->apic) < 0 &&
	       !apic_is_level(&c->apic, c->hv.offered) && !others_pending(c);
}

/*
 * Out of the guest only: NoEoiRequired belongs to the vector beside it.
 * Returns whether the guest has to be told by #HV.
 */
static bool post_vector(struct host_ctx *c, struct doorbell *page)
{
	u16 old, new;
	int vector;

	if (others_pending(c))
		recall_elision(c, page);
	vector = apic_candidate(&c->apic);
	if (vector < 0 || vector == c->hv.offered)
		return false;
	old = __atomic_load_n(&page->pending, __ATOMIC_SEQ_CST);
	do {
		if ((old & DOORBELL_VECTOR) >= vector)
			return false;
		new = (old & ~DOORBELL_VECTOR) | vector |
		      DOORBELL_NO_FURTHER_SIGNAL;
	} while (!__atomic_compare_exchange_n(&page->pending, &old, new, false,
					      __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	if ((old & DOORBELL_VECTOR) != c->hv.offered && c->hv.offered)
		apic_take(&c->apic, c->hv.offered);
	c->hv.offered = vector;
	c->hv.elided = may_elide(c);
	__atomic_store_n(&page->no_eoi_required, c->hv.elided,
			 __ATOMIC_SEQ_CST);
	c->vcpu->stats.doorbell_posts++;
	return !(old & DOORBELL_NO_FURTHER_SIGNAL);
}

static bool post_flags(struct host_ctx *c, struct doorbell *page)
{
	u16 bits = 0;
	u16 old;

	if (apic_take_nmi(&c->apic))
		bits |= DOORBELL_NMI;
	if (c->hv.mc)
		bits |= DOORBELL_MC;
	c->hv.mc = false;
	if (!bits)
		return false;
	old = __atomic_fetch_or(&page->pending,
				bits | DOORBELL_NO_FURTHER_SIGNAL,
				__ATOMIC_SEQ_CST);
	c->vcpu->stats.doorbell_posts++;
	return !(old & DOORBELL_NO_FURTHER_SIGNAL);
}

static bool post(struct host_ctx *c)
{
	struct doorbell *page = host_ri_page(c);
	bool signal;

	if (!page)
		return false;
	signal = post_vector(c, page);
	return post_flags(c, page) || signal;
}

/*
 * What was posted and not taken is the host's again, and the page as if it
 * had never been: before another page takes its place.
 */
void host_ri_withdraw(struct host_ctx *c)
{
	struct doorbell *page = host_ri_page(c);
	u16 old;

	if (page) {
		ri_observe(c);
		recall_elision(c, page);
		old = __atomic_exchange_n(&page->pending, 0, __ATOMIC_SEQ_CST);
		if (old & DOORBELL_NMI)
			apic_post_nmi(&c->apic, APIC_FROM_HOST);
		c->hv.mc |= (old & DOORBELL_MC) != 0;
	}
	c->hv.offered = 0;
	c->hv.elided = false;
}

/* ---- the presenter ------------------------------------------------------- */

/* Of events, only #HV can have been interrupted; it comes again. */
static void ri_settle(struct host_ctx *c)
{
	u64 event = c->vmcb->exit_int_info;

	c->vmcb->exit_int_info = 0;
	c->reinject = (u32)event == EVENT_HV ? EVENT_HV : 0;
	ri_observe(c);
}

static void ri_prepare(struct host_ctx *c)
{
	struct vmcb *vmcb = c->vmcb;

	vmcb->int_ctl &= ~(u32)(VINTR_V_IRQ | VINTR_V_NMI | VINTR_PRIO);
	if (post(c) || c->hv.ring)
		c->reinject = EVENT_HV;
	c->hv.ring = false;
	if (c->reinject)
		c->vcpu->stats.hv_events++;
	vmcb->event_inj = c->reinject;
	c->reinject = 0;
}

/*
 * What the page holds already is no news: whoever halts with it has TPR
 * raised.
 */
static bool ri_wants(const struct host_ctx *c)
{
	const struct doorbell *page;
	u8 there;

	if (c->reinject || c->hv.ring)
		return true;
	page = host_ri_page(c);
	if (!page)
		return false;
	if (c->apic.nmi_pending || c->hv.mc)
		return true;
	there = __atomic_load_n(&page->vector, __ATOMIC_SEQ_CST);
	return apic_candidate(&c->apic) > there;
}

/*
 * The EOI that may be left out has an effect now. A guest that has used the
 * short way already is told what this sets free; one that has not will send
 * it the long way, and need not be disturbed.
 */
static void ri_notify(struct host_ctx *c)
{
	struct doorbell *page = host_ri_page(c);

	if (page && others_pending(c))
		recall_elision(c, page);
	host_ctx_wake(c);
}

/*
 * HLT with NoFurtherSignal set: something was posted that the guest has not
 * looked at, and no #HV will come for it. It goes on, and looks or halts
 * again (docs/ghcb.md).
 */
static bool ri_may_halt(const struct host_ctx *c)
{
	const struct doorbell *page = host_ri_page(c);

	return !page || c->vcpu->host->config.unhelpful ||
	       !(__atomic_load_n(&page->pending, __ATOMIC_SEQ_CST) &
			  DOORBELL_NO_FURTHER_SIGNAL);
}

void host_ri_ring(struct host_ctx *c)
{
	if (!(c->features & SEV_FEATURE_RESTRICTED))
		return;
	c->hv.ring = true;
	host_ctx_wake(c);
}

const struct presenter host_present_ri = {
	.settle = ri_settle,
	.prepare = ri_prepare,
	.wants = ri_wants,
	.observe = ri_observe,
	.may_halt = ri_may_halt,
	.notify = ri_notify,
};
