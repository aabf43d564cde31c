// SPDX-License-Identifier: MIT
/*
 * Level-triggered lines of a guest under Alternate Injection.
 *
 * Its monitor may learn of an EOI from the guest's memory alone, when it runs
 * for some other reason (lazy EOI), and tells the host then. A line that is
 * asserted meanwhile, because its device has more or another one shares it,
 * would wait as long. So while a line waits for its EOI, the monitor above
 * whoever has the interrupt is given a turn now and then. A guest that is
 * served in time never costs one.
 */
#include "host/internal.h"

/* Longer than handlers take, shorter than a timer tick. */
#define RESAMPLE_NS	500000ull

static bool waits(const struct host *h, unsigned int pin)
{
	const struct ioapic *io = &h->ioapic;

	return io->rte[pin] & IOAPIC_RTE_REMOTE_IRR && io->lines & BIT(pin);
}

static void arm(struct host *h)
{
	h->resample_armed = true;
	h->ops->timer_arm(h->resample,
			  h->ops->now(h->platform) + RESAMPLE_NS);
}

/* True if somebody was given a turn. */
static bool look(struct host *h, unsigned int pin)
{
	struct irq_msg msg;
	bool any = false;

	ioapic_message(&h->ioapic, pin, &msg);
	for (unsigned int i = 0; i < h->config.vcpus; i++) {
		struct host_ctx *c = &h->vcpu[i].ctx[h->config.guest_vmpl];

		if (!host_ai_active(c) || !apic_match(&c->apic, &msg, NULL))
			continue;
		host_ai_look(c);
		any = true;
	}
	return any;
}

static void fire(void *arg)
{
	struct host *h = arg;
	bool again = false;

	h->resample_armed = false;
	if (h->stopped)
		return;
	for (unsigned int pin = 0; pin < IOAPIC_PINS; pin++)
		if (waits(h, pin))
			again |= look(h, pin);
	if (again)
		arm(h);
}

void host_resample_line(struct host *h, unsigned int pin)
{
	if (h->config.guest_vmpl && !h->resample_armed && !h->stopped &&
	    waits(h, pin))
		arm(h);
}

bool host_resample_init(struct host *h)
{
	h->resample = h->ops->timer_new(h->platform, fire, h);
	return h->resample;
}

void host_resample_free(struct host *h)
{
	if (h->resample)
		h->ops->timer_free(h->resample);
	h->resample = NULL;
}
