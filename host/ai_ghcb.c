// SPDX-License-Identifier: MIT
/*
 * What the monitor at VMPL 0 asks about Alternate Injection: the notification
 * vector, the end of it, and EOIs of level vectors (docs/ghcb.md).
 */
#include "host/ghcb.h"

/* These events are VMPL 0's alone. */
static bool from_below(struct ghcb_call *call)
{
	if (!call->ctx->vmpl)
		return false;
	host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT, "not VMPL 0");
	return true;
}

/* The context that INFO1[19:16] names, if a monitor presents there. */
static struct host_ctx *target(struct ghcb_call *call, u64 reserved)
{
	unsigned int vmpl = call->info1 >> 16 & 0xf;
	struct host_ctx *c;

	if (call->info1 & reserved || call->info1 >> 20 || !vmpl ||
	    vmpl >= SNP_VMPLS)
		goto refuse;
	c = &call->ctx->vcpu->ctx[vmpl];
	if (host_ctx_has_vmsa(c) &&
	    c->features & (SEV_FEATURE_ALTERNATE | SEV_FEATURE_SECURE_AVIC))
		return c;
refuse:
	host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT, "VMPL or reserved bits");
	return NULL;
}

/* ---- 8000001Bh ----------------------------------------------------------- */

/* 0 turns it off; 1 to 15 are no interrupt vectors. */
void host_ghcb_configure_injection(struct ghcb_call *call)
{
	struct host_ctx *c = call->ctx;

	if (from_below(call))
		return;
	if (!(c->features & SEV_FEATURE_RESTRICTED) || call->info1 >> 8 ||
	    (call->info1 && call->info1 < APIC_FIRST_VECTOR))
		return host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT,
					"notification vector");
	c->hv.notify = call->info1;
	if (c->hv.notify)
		host_ai_announce(c->vcpu);
}

/* ---- 8000001Ch ----------------------------------------------------------- */

/*
 * A vector that comes back is posted anew in the books: the monitor got it
 * presented once, and it may be one that the guest sent itself.
 */
static void pend(struct host_ctx *c, u8 vector, bool level)
{
	struct apic_vector_count *count = &c->count.vector[vector];

	if (vector < DOORBELL_EXT_FIRST_VECTOR)
		return;
	count->posted++;
	if (c->apic.irr[vector / 32] & BIT(vector % 32))
		count->coalesced++;
	c->apic.irr[vector / 32] |= BIT(vector % 32);
	if (level)
		c->apic.tmr[vector / 32] |= BIT(vector % 32);
}

/* At most one of a class can be in service: the highest. */
static void in_service(struct host_ctx *c, const u32 *words)
{
	for (unsigned int class = 1; class < 16; class++) {
		u32 bits = words[class / 2] >> 16 * (class % 2) & 0xffff;
		u8 vector;

		if (!bits)
			continue;
		vector = class * 16 + 31 - __builtin_clz(bits);
		c->apic.isr[vector / 32] |= BIT(vector % 32);
		c->count.vector[vector].posted++;
		c->count.vector[vector].presented++;
	}
}

static void take_status(struct host_ctx *c, u32 status)
{
	pend(c, status, status & DOORBELL_EXT_LEVEL);
	if (status & DOORBELL_EXT_VECTOR_31)
		pend(c, DOORBELL_EXT_FIRST_VECTOR, false);
	if (status & DOORBELL_EXT_NMI)
		apic_post_nmi(&c->apic, APIC_FROM_HOST);
	c->hv.mc |= (status & DOORBELL_EXT_MC) != 0;
}

/* The descriptor is empty afterwards. */
static void take_over(struct host_ctx *c, struct doorbell_ext *ext)
{
	u32 isr[8], bits;

	take_status(c, __atomic_exchange_n(&ext->status, 0, __ATOMIC_SEQ_CST));
	for (unsigned int w = 1; w < 8; w++) {
		bits = __atomic_exchange_n(&ext->irr[w - 1], 0,
					   __ATOMIC_SEQ_CST);
		for (; bits; bits &= bits - 1)
			pend(c, w * 32 + __builtin_ctz(bits), false);
	}
	for (unsigned int w = 0; w < 8; w++)
		isr[w] = __atomic_exchange_n(&ext->isr[w], 0,
					     __ATOMIC_SEQ_CST);
	in_service(c, isr);
}

/* The I/O APIC knows which of them wait for an EOI; TMR does not come along. */
static void find_levels(struct host_ctx *c)
{
	const struct ioapic *io = &c->vcpu->host->ioapic;

	for (unsigned int pin = 0; pin < IOAPIC_PINS; pin++) {
		u8 vector = io->rte[pin] & IOAPIC_RTE_VECTOR;
		u32 bit = BIT(vector % 32);

		if (io->rte[pin] & IOAPIC_RTE_REMOTE_IRR)
			c->apic.tmr[vector / 32] |= bit &
				(c->apic.irr[vector / 32] |
				 c->apic.isr[vector / 32]);
	}
}

/*
 * One way: only a new VMSA turns it on again. Should the VMSA still have its
 * bit, hardware ignores what the VMCB offers, which thus stays pending. IF
 * needs no attention: V_IRQ waits for it.
 */
void host_ghcb_disable_alternate(struct ghcb_call *call)
{
	struct doorbell *page = host_ri_page(call->ctx);
	struct host_ctx *c;

	if (from_below(call))
		return;
	c = target(call, 0xfc);
	if (!c)
		return;
	if (!page || apic_mode_of(&c->apic) == APIC_VIEW_NONE ||
	    host_savic_active(c))
		return host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT,
					"no doorbell page, no APIC, or "
					"Secure AVIC");
	take_over(c, &page->ext[c->vmpl - 1]);
	if (!__atomic_and_fetch(&page->per_vmpl_events,
				~DOORBELL_EVENTS_VMPL(c->vmpl),
				__ATOMIC_SEQ_CST))
		call->ctx->hv.look = false;
	if (c->vmpl == call->host->config.guest_vmpl)
		find_levels(c);
	c->apic.tpr = call->info1 >> DISABLE_ALTERNATE_TPR_SHIFT & 0xff;
	c->vmcb->int_state = call->info1 & DISABLE_ALTERNATE_SHADOW ?
			     INT_STATE_SHADOW : 0;
	c->features &= ~SEV_FEATURE_ALTERNATE;
	c->present = host_presenter(c->features);
	call->host->alternate_ended[c->vmpl] = true;
}

/* ---- 8000001Dh ----------------------------------------------------------- */

/* A line that is still asserted is delivered, and waited for, again. */
static void eoi_pins(struct host *h, u8 vector)
{
	ioapic_eoi(&h->ioapic, vector);
	for (unsigned int pin = 0; pin < IOAPIC_PINS; pin++)
		host_resample_line(h, pin);
}

/* For a vector that no pin waits with there is nothing to do. */
void host_ghcb_specific_eoi(struct ghcb_call *call)
{
	struct host_ctx *c;
	u8 vector = call->info1;

	if (from_below(call))
		return;
	c = target(call, 0xff00);
	if (!c)
		return;
	c->count.vector[vector].eoi++;
	host_savic_specific_eoi(c, vector);
	if (c->vmpl == call->host->config.guest_vmpl)
		eoi_pins(call->host, vector);
}
