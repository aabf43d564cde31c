// SPDX-License-Identifier: MIT
/*
 * The APIC timer: core/ counts, the platform's one-shot timer wakes us.
 */
#include "host/internal.h"

struct apic_time host_timer_now(struct host *h)
{
	struct apic_time now = {
		.ns = h->ops->now(h->platform),
		.tsc = h->ops->tsc(h->platform),
	};

	return now;
}

void host_timer_update(struct host_ctx *c)
{
	struct host *h = c->vcpu->host;
	u64 deadline = apic_timer_deadline(&c->apic);

	if (deadline == APIC_NEVER)
		h->ops->timer_cancel(c->timer);
	else
		h->ops->timer_arm(c->timer, deadline);
}

static void timer_fire(void *arg)
{
	struct host_ctx *c = arg;
	struct host *h = c->vcpu->host;

	if (h->stopped)
		return;
	host_ctx_observe(c);
	if (apic_timer_expire(&c->apic, host_timer_now(h)))
		host_ctx_notify(c);
	host_timer_update(c);
}

bool host_timer_init(struct host_ctx *c)
{
	struct host *h = c->vcpu->host;

	c->timer = h->ops->timer_new(h->platform, timer_fire, c);
	return c->timer;
}

void host_timer_free(struct host_ctx *c)
{
	if (c->timer)
		c->vcpu->host->ops->timer_free(c->timer);
	c->timer = NULL;
}
