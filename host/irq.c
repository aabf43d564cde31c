// SPDX-License-Identifier: MIT
/*
 * Routing: devices' messages to the APICs of the VMPL that owns devices, IPIs
 * to those of the sender's VMPL. Each vCPU and VMPL has an APIC of its own;
 * nothing crosses from one VMPL to another here.
 */
#include "host/internal.h"

void host_ctx_observe(struct host_ctx *c)
{
	if (c->present->observe)
		c->present->observe(c);
}

bool host_ctx_post(struct host_ctx *c, u8 vector)
{
	host_ctx_observe(c);
	if (apic_post(&c->apic, vector, false) != APIC_POST_ACCEPTED)
		return false;
	host_ctx_notify(c);
	return true;
}

static void deliver(struct host_ctx *c, const struct irq_msg *msg,
		    enum apic_origin origin)
{
	switch (msg->mode) {
	case APIC_INIT:
		return host_ap_init_ipi(c);
	case APIC_SIPI:
		return host_ap_release_hold(c);
	default:
		break;
	}
	host_ctx_observe(c);
	if (apic_deliver(&c->apic, msg, origin) == APIC_POST_ACCEPTED)
		host_ctx_notify(c);
}

static struct host_ctx *ctx_of_apic(struct apic *apic)
{
	return (struct host_ctx *)((char *)apic -
				   offsetof(struct host_ctx, apic));
}

/* @from is NULL for a device. */
static void route(struct host *h, unsigned int vmpl, const struct irq_msg *msg,
		  struct host_ctx *from)
{
	enum apic_origin origin = from ? APIC_FROM_GUEST : APIC_FROM_HOST;
	struct apic *sender = from ? &from->apic : NULL;
	struct apic *lowest = NULL;

	for (unsigned int i = 0; i < h->config.vcpus; i++) {
		struct host_ctx *c = &h->vcpu[i].ctx[vmpl];

		if (!apic_match(&c->apic, msg, sender))
			continue;
		if (msg->mode == APIC_LOWEST)
			lowest = apic_lowest(lowest, &c->apic);
		else
			deliver(c, msg, origin);
	}
	if (lowest)
		deliver(ctx_of_apic(lowest), msg, origin);
}

/*
 * Under Secure AVIC the vector of an IPI is already where it belongs, in the
 * target's own page; all the host is asked for is that the target looks.
 */
void host_irq_ipi(struct host_ctx *from, const struct irq_msg *msg)
{
	from->vcpu->stats.ipis++;
	if (host_savic_active(from))
		host_savic_ipi(from, msg);
	else
		route(from->vcpu->host, from->vmpl, msg, from);
}

void host_irq_effects(struct host_ctx *c, const struct apic_effects *fx)
{
	if (fx->timer)
		host_timer_update(c);
	if (fx->eoi)
		ioapic_eoi(&c->vcpu->host->ioapic, fx->eoi_vector);
	if (fx->ipi)
		host_irq_ipi(c, &fx->msg);
	if (fx->irq)
		host_ctx_notify(c);
}

static void from_device(struct host *h, const struct irq_msg *msg)
{
	if (!h->stopped)
		route(h, h->config.guest_vmpl, msg, NULL);
}

static void ioapic_message_out(void *opaque, unsigned int pin,
			       const struct irq_msg *msg)
{
	(void)pin;
	from_device(opaque, msg);
}

void host_irq_init(struct host *h)
{
	ioapic_init(&h->ioapic, false, ioapic_message_out, h);
}

void host_set_gsi(struct host *h, unsigned int gsi, bool level)
{
	if (gsi < IOAPIC_PINS)
		ioapic_set_line(&h->ioapic, gsi, level);
	if (gsi < IOAPIC_PINS && level)
		host_resample_line(h, gsi);
}

void host_msi(struct host *h, u64 address, u32 data)
{
	struct irq_msg msg;

	if (apic_decode_msi(address, data, false, &msg) != APIC_OK)
		return host_log(h, "MSI refused", "address %#llx data %#x",
				(unsigned long long)address, data);
	from_device(h, &msg);
}

void host_nmi(struct host *h, unsigned int vcpu)
{
	struct host_ctx *c;

	if (vcpu >= h->config.vcpus || h->stopped)
		return;
	c = &h->vcpu[vcpu].ctx[h->config.guest_vmpl];
	if (apic_post_nmi(&c->apic, APIC_FROM_HOST) == APIC_POST_ACCEPTED)
		host_ctx_notify(c);
}

void host_ring(struct host *h, unsigned int vcpu)
{
	if (vcpu < h->config.vcpus && !h->stopped)
		host_ri_ring(&h->vcpu[vcpu].ctx[0]);
}

void host_machine_check(struct host *h, unsigned int vcpu)
{
	struct host_ctx *c;

	if (vcpu >= h->config.vcpus || h->stopped)
		return;
	c = &h->vcpu[vcpu].ctx[h->config.guest_vmpl];
	c->hv.mc = true;
	host_ctx_notify(c);
}
