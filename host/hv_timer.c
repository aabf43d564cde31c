// SPDX-License-Identifier: MIT
/*
 * HV timer, 80000016h: a timer of each context beside that of its APIC. No
 * published text has its layout; this one is ours (docs/ghcb.md).
 *
 *	SW_EXITINFO1	[7:0] vector, [9:8] mode, [19:16] VMPL whose APIC
 *			gets the vector (0: the caller's own; another one
 *			only from VMPL 0), the rest 0
 *	SW_EXITINFO2	one-shot, periodic: nanoseconds; deadline: TSC
 */
#include "host/ghcb.h"

/* Nobody makes the host busy with nothing else; as KVM's lower bound. */
#define PERIOD_MIN	200000ull

static u64 add(u64 a, u64 b)
{
	return a + b < a ? ~0ull : a + b;
}

static void arm(struct host_ctx *c)
{
	c->hv_timer.armed = true;
	c->vcpu->host->ops->timer_arm(c->hv_timer.timer, c->hv_timer.due);
}

/*
 * When the TSC reaches @tsc; at once if it has. Its rate is known only so well:
 * a guest that is told early would set the same deadline again.
 */
static u64 deadline(struct host *h, u64 tsc)
{
	struct apic_time now = host_timer_now(h);
	u64 hz = h->ops->tsc_hz(h->platform);
	unsigned __int128 ns;

	if (tsc <= now.tsc)
		return now.ns;
	ns = ((unsigned __int128)(tsc - now.tsc) * 1000000000 + hz - 1) / hz;
	return ns >> 64 ? ~0ull : add(now.ns, ns);
}

static void fire(void *arg)
{
	struct host_ctx *c = arg;
	struct host *h = c->vcpu->host;
	u64 now = h->ops->now(h->platform);
	struct host_hv_timer *t = &c->hv_timer;

	if (h->stopped)
		return;
	if (h->ops->tsc(h->platform) < t->tsc) {
		t->due = deadline(h, t->tsc);
		return arm(c);
	}
	t->armed = false;
	host_ctx_post(c, t->vector);
	if (!t->period)
		return;
	t->due = add(t->due, t->period);
	/* Late by more than a period: those are lost, not made up for. */
	if (t->due <= now)
		t->due = add(now, t->period);
	arm(c);
}

bool host_hv_timer_init(struct host_ctx *c)
{
	struct host *h = c->vcpu->host;

	c->hv_timer.timer = h->ops->timer_new(h->platform, fire, c);
	return c->hv_timer.timer;
}

void host_hv_timer_free(struct host_ctx *c)
{
	if (c->hv_timer.timer)
		c->vcpu->host->ops->timer_free(c->hv_timer.timer);
	c->hv_timer.timer = NULL;
}

void host_hv_timer_stop(struct host_ctx *c)
{
	c->hv_timer.period = 0;
	c->hv_timer.armed = false;
	c->vcpu->host->ops->timer_cancel(c->hv_timer.timer);
}

/* Due, and only not noticed yet: it is not what the next one replaces. */
static void settle(struct host_ctx *c)
{
	struct host *h = c->vcpu->host;

	if (c->hv_timer.armed && c->hv_timer.due <= h->ops->now(h->platform))
		host_ctx_post(c, c->hv_timer.vector);
	host_hv_timer_stop(c);
}

static void start(struct host_ctx *c, unsigned int mode, u8 vector, u64 count)
{
	struct host *h = c->vcpu->host;
	struct host_hv_timer *t = &c->hv_timer;

	t->vector = vector;
	t->period = 0;
	t->tsc = 0;
	if (mode == HV_TIMER_DEADLINE) {
		t->tsc = count;
		t->due = deadline(h, count);
		return arm(c);
	}
	if (mode == HV_TIMER_PERIODIC)
		t->period = count < PERIOD_MIN ? PERIOD_MIN : count;
	t->due = add(h->ops->now(h->platform), t->period ? t->period : count);
	arm(c);
}

void host_ghcb_hv_timer(struct ghcb_call *call)
{
	u64 info1 = call->info1;
	unsigned int mode = (info1 & HV_TIMER_MODE) >> HV_TIMER_MODE_SHIFT;
	unsigned int vmpl = (info1 & HV_TIMER_VMPL) >> HV_TIMER_VMPL_SHIFT;
	u8 vector = info1 & HV_TIMER_VECTOR;
	struct host_ctx *c = call->ctx;

	if (info1 & ~(HV_TIMER_VECTOR | HV_TIMER_MODE | HV_TIMER_VMPL) ||
	    vmpl >= SNP_VMPLS || (vmpl && c->vmpl) ||
	    (mode != HV_TIMER_STOP && vector < APIC_FIRST_ALLOWED))
		return host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT,
					"vector, VMPL or reserved bits");
	if (vmpl)
		c = &c->vcpu->ctx[vmpl];
	if (!host_ctx_has_vmsa(c))
		return host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT,
					"VMPL without a VMSA");
	settle(c);
	if (mode != HV_TIMER_STOP)
		start(c, mode, vector, call->info2);
}
