// SPDX-License-Identifier: MIT
/*
 * Alternate Injection: interrupts of a VMPL that only VMPL 0 can present.
 * They pass through this VMPL's own APIC, whose IRR is emptied into the
 * extended descriptor in VMPL 0's doorbell page as soon as there is one; from
 * then on they are the monitor's. ISR, TPR and EOI never come here. The rules
 * for the producer are inferred from consumers (docs/ghcb.md).
 *
 * The same way is taken below a monitor that has Secure AVIC, as long as the
 * vCPU's backing page is not registered.
 */
#include "host/internal.h"

bool host_ai_active(const struct host_ctx *c)
{
	bool no_page = c->savic.monitored && !c->savic.registered;

	if (!c->vmpl || !host_ctx_has_vmsa(c))
		return false;
	return c->features & SEV_FEATURE_ALTERNATE ||
	       (host_savic_active(c) && no_page);
}

/*
 * The monitor owns everything but LVTs, timer and the enable bits: what the
 * VMPL says about the rest is not for this APIC (docs/ghcb.md).
 */
bool host_ai_owns(const struct host_ctx *c, u32 offset)
{
	if (!(c->features & SEV_FEATURE_ALTERNATE))
		return false;
	return offset == APIC_TPR || offset == APIC_EOI ||
	       offset == APIC_SELF_IPI;
}

/* ---- the descriptor ------------------------------------------------------ */

/* Words first, then the flag that makes the monitor look at them. */
static void post_multiple(struct doorbell_ext *ext, u8 vector)
{
	u32 flags = DOORBELL_EXT_MULTIPLE;

	if (vector < DOORBELL_EXT_FIRST_VECTOR)
		return;
	if (vector == DOORBELL_EXT_FIRST_VECTOR)
		flags |= DOORBELL_EXT_VECTOR_31;
	else
		__atomic_fetch_or(&ext->irr[vector / 32 - 1],
				  BIT(vector % 32), __ATOMIC_SEQ_CST);
	__atomic_fetch_or(&ext->status, flags, __ATOMIC_SEQ_CST);
}

static bool replace(struct doorbell_ext *ext, u32 *old, u32 new)
{
	return __atomic_compare_exchange_n(&ext->status, old, new, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/*
 * Alone it goes into the byte. With others pending the words are used, and an
 * edge in the byte moves there too: beside MULTIPLE the byte counts only for
 * a level vector. Taken out first, so that it is never in both.
 */
static void post_edge(struct doorbell_ext *ext, u8 vector)
{
	u32 old = __atomic_load_n(&ext->status, __ATOMIC_SEQ_CST);
	u8 moved;

	for (;;) {
		moved = old & DOORBELL_EXT_LEVEL ? 0 : old;
		if (moved == vector && !(old & DOORBELL_EXT_MULTIPLE))
			return;
		if (old & (DOORBELL_EXT_VECTOR | DOORBELL_EXT_MULTIPLE)) {
			if (!moved ||
			    replace(ext, &old, old & ~DOORBELL_EXT_VECTOR))
				break;
		} else if (replace(ext, &old, old | vector)) {
			return;
		}
	}
	post_multiple(ext, moved);
	post_multiple(ext, vector);
}

/* False: another level vector has the byte, and this one must wait. */
static bool post_level(struct doorbell_ext *ext, u8 vector)
{
	u32 old = __atomic_load_n(&ext->status, __ATOMIC_SEQ_CST);

	do {
		if (old & DOORBELL_EXT_LEVEL)
			return (old & DOORBELL_EXT_VECTOR) == vector;
	} while (!replace(ext, &old, (old & ~DOORBELL_EXT_VECTOR) |
			  DOORBELL_EXT_LEVEL | vector));
	post_multiple(ext, old);
	return true;
}

/* ---- telling VMPL 0 ------------------------------------------------------ */

void host_ai_look(struct host_ctx *c)
{
	struct host_vcpu *v = c->vcpu;
	struct host_ctx *top = &v->ctx[0];

	top->hv.look = true;
	if (v->current || top->state == CTX_HALTED)
		host_kick(v);
}

/*
 * A lower VMPL runs: VMPL 0 gets the CPU, and looks before it gives it back.
 * VMPL 0 runs: the vector of 8000001Bh, unless it has not even looked at what
 * it was told of before. Then, and where it has configured none, it runs once
 * more when it wants to leave.
 */
static void announce(struct host_ctx *c, bool told)
{
	struct host_vcpu *v = c->vcpu;
	struct host_ctx *top = &v->ctx[0];

	if (!v->current && !told && top->hv.notify &&
	    host_ctx_post(top, top->hv.notify)) {
		v->stats.notifications++;
		return;
	}
	host_ai_look(c);
}

static bool post_one(struct host_ctx *c, struct doorbell_ext *ext, u8 vector)
{
	if (!apic_is_level(&c->apic, vector))
		post_edge(ext, vector);
	else if (!post_level(ext, vector))
		return false;
	c->count.vector[vector].presented++;
	c->vcpu->stats.ext_posts++;
	return true;
}

static bool post_flags(struct host_ctx *c, struct doorbell_ext *ext)
{
	u32 flags = 0;

	if (apic_take_nmi(&c->apic))
		flags |= DOORBELL_EXT_NMI;
	if (c->hv.mc)
		flags |= DOORBELL_EXT_MC;
	c->hv.mc = false;
	if (flags)
		__atomic_fetch_or(&ext->status, flags, __ATOMIC_SEQ_CST);
	return flags;
}

/* Exceptions' vectors are nothing that may be presented: gone. */
static void discard_illegal(struct host_ctx *c)
{
	u32 illegal = c->apic.irr[0] & (BIT(DOORBELL_EXT_FIRST_VECTOR) - 1);

	c->apic.irr[0] &= ~illegal;
	for (; illegal; illegal &= illegal - 1)
		c->count.vector[__builtin_ctz(illegal)].discarded++;
}

static bool post_vectors(struct host_ctx *c, struct doorbell_ext *ext)
{
	bool posted = false;

	discard_illegal(c);
	for (int w = 7; w >= 0; w--)
		for (u32 bits = c->apic.irr[w]; bits; ) {
			unsigned int bit = 31 - __builtin_clz(bits);

			bits &= ~BIT(bit);
			if (!post_one(c, ext, w * 32 + bit))
				continue;
			c->apic.irr[w] &= ~BIT(bit);
			posted = true;
		}
	return posted;
}

/* All that the descriptor has room for; then the bit, then the word. */
static void flush(struct host_ctx *c)
{
	struct doorbell *page = host_ri_page(&c->vcpu->ctx[0]);
	u8 bit = DOORBELL_EVENTS_VMPL(c->vmpl);
	struct doorbell_ext *ext;
	bool posted;
	u8 old;

	if (!page)
		return;
	ext = &page->ext[c->vmpl - 1];
	posted = post_vectors(c, ext);
	posted |= post_flags(c, ext);
	if (!posted)
		return;
	old = __atomic_fetch_or(&page->per_vmpl_events, bit, __ATOMIC_SEQ_CST);
	announce(c, old & bit);
}

/* A new VMSA: what the old one did not get is not for it. */
void host_ai_reset(struct host_ctx *c)
{
	struct doorbell *page = host_ri_page(&c->vcpu->ctx[0]);
	struct doorbell_ext *ext;

	if (!c->vmpl || !page || !(c->features & SEV_FEATURE_ALTERNATE))
		return;
	ext = &page->ext[c->vmpl - 1];
	__atomic_store_n(&ext->status, 0, __ATOMIC_SEQ_CST);
	for (unsigned int i = 0; i < ARRAY_SIZE(ext->irr); i++)
		__atomic_store_n(&ext->irr[i], 0, __ATOMIC_SEQ_CST);
}

/* What had no room, or no page, when it came. */
void host_ai_flush(struct host_vcpu *v)
{
	for (unsigned int vmpl = 1; vmpl < SNP_VMPLS; vmpl++)
		if (host_ai_active(&v->ctx[vmpl]))
			flush(&v->ctx[vmpl]);
}

/* VMPL 0 has just said how it wants to be told: tell it what is there. */
void host_ai_announce(struct host_vcpu *v)
{
	struct doorbell *page = host_ri_page(&v->ctx[0]);

	if (!page)
		return;
	for (unsigned int vmpl = 1; vmpl < SNP_VMPLS; vmpl++)
		if (host_ai_active(&v->ctx[vmpl]) &&
		    __atomic_load_n(&page->per_vmpl_events, __ATOMIC_SEQ_CST) &
		    DOORBELL_EVENTS_VMPL(vmpl))
			return announce(&v->ctx[vmpl], false);
}

/* ---- the presenter ------------------------------------------------------- */

static void ai_settle(struct host_ctx *c)
{
	/* Hardware leaves interrupted events in the VMSA. */
	c->vmcb->exit_int_info = 0;
}

static void ai_prepare(struct host_ctx *c)
{
	c->vmcb->int_ctl &= ~(u32)(VINTR_V_IRQ | VINTR_V_NMI | VINTR_PRIO);
	c->vmcb->event_inj = 0;
}

/* A VMRUN of its own shows it nothing. */
static bool ai_wants(const struct host_ctx *c)
{
	(void)c;
	return false;
}

void host_ai_notify(struct host_ctx *c)
{
	if (host_ai_active(c))
		flush(c);
}

const struct presenter host_present_ai = {
	.settle = ai_settle,
	.prepare = ai_prepare,
	.wants = ai_wants,
	.notify = host_ai_notify,
};
