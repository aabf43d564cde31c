// SPDX-License-Identifier: MIT
/* The device of sweep.h: ports in front of the engine's, and its timers. */
#include "arch/svm.h"
#include "engine/session.h"
#include "engine/sweep.h"

/* There is one session, and its ports have no other argument. */
static struct session *session;

struct alarm {
	unsigned int reg;
	struct host_timer *timer;
	u32 instant;
	u8 what;
	bool waits;			/* for another one to start it */
};

static struct {
	const struct host_platform *below;
	struct alarm alarm[SWEEP_TIMERS];
	u32 fired, asleep;
	unsigned int cpu;
	bool ring_next;			/* after the next #HV */
	bool delivering;		/* #HV, to that vCPU */
} sweep;

static void post_msi(unsigned int cpu, u8 vector)
{
	u64 id = session_apic_ids(session)[cpu];

	host_msi(session->host, 0xfee00000ull | (id & 0xff) << 12, vector);
}

static void post(unsigned int reg, u8 what)
{
	struct host *h = session->host;

	switch (reg) {
	case SWEEP_EDGE:
	case SWEEP_SECOND:
		return post_msi(sweep.cpu, what);
	case SWEEP_SENDER:
		return post_msi(0, what);
	case SWEEP_LINE:
		return host_set_gsi(h, what, true);
	case SWEEP_FLAG:
		if (what == SWEEP_FLAG_NMI)
			return host_nmi(h, sweep.cpu);
		return host_machine_check(h, sweep.cpu);
	case SWEEP_RING:
		return host_ring(h, sweep.cpu);
	}
}

static void fired(void *arg)
{
	struct alarm *a = arg;

	sweep.fired++;
	if (a->reg < SWEEP_SECOND)
		sweep.asleep += host_idle(session->host, sweep.cpu);
	post(a->reg, a->what);
}

static void start(struct alarm *a, u64 now)
{
	a->waits = false;
	if (a->reg == SWEEP_RING && !a->instant) {
		sweep.ring_next = true;
		return;
	}
	sweep.below->timer_arm(a->timer, now + SWEEP_NS * a->instant);
}

static void arm(unsigned int reg, u32 value)
{
	struct alarm *a = &sweep.alarm[reg / 4];
	u64 now = sweep.below->now(session->ctx);

	a->what = value >> SWEEP_WHAT_SHIFT;
	a->instant = value & SWEEP_INSTANT;
	a->waits = reg >= SWEEP_SECOND;
	if (a->waits)
		return;
	start(a, now);
	for (a = sweep.alarm; a < sweep.alarm + SWEEP_TIMERS; a++)
		if (a->waits)
			start(a, now);
}

static void port_write(void *platform, u16 port, unsigned int size, u64 value)
{
	unsigned int reg = port - SWEEP_PORT;

	if (reg >= SWEEP_PORTS)
		return sweep.below->port_write(platform, port, size, value);
	if (size != 4 || reg % 4)
		return;
	if (reg / 4 < SWEEP_TIMERS)
		arm(reg, value);
	else if (reg == SWEEP_LOWER)
		host_set_gsi(session->host, value & 0xff, false);
	else if (reg == SWEEP_CPU && value < session->engine->vcpus)
		sweep.cpu = value;
}

static u64 port_read(void *platform, u16 port, unsigned int size)
{
	unsigned int reg = port - SWEEP_PORT;

	if (reg >= SWEEP_PORTS)
		return sweep.below->port_read(platform, port, size);
	if (reg == SWEEP_FIRED)
		return sweep.fired;
	return reg == SWEEP_ASLEEP ? sweep.asleep : ~0u;
}

void sweep_delivering(struct machine *m, unsigned int vcpu, u64 event)
{
	sweep.delivering = vcpu == sweep.cpu &&
			   event == event_make(EVENT_EXCEPTION, VECTOR_HV);
	machine_delivering(m, vcpu, event);
}

void sweep_delivered(struct machine *m, unsigned int vcpu)
{
	machine_delivered(m, vcpu);
	if (!sweep.delivering || !sweep.ring_next)
		return;
	sweep.ring_next = false;
	sweep.fired++;
	host_ring(session->host, sweep.cpu);
}

bool sweep_attach(struct session *s)
{
	sweep.below = s->engine->platform;
	session = s;
	for (unsigned int i = 0; i < SWEEP_TIMERS; i++) {
		struct alarm *a = &sweep.alarm[i];

		*a = (struct alarm){ .reg = 4 * i };
		a->timer = sweep.below->timer_new(s->ctx, fired, a);
		if (!a->timer)
			return false;
	}
	s->platform.port_write = port_write;
	s->platform.port_read = port_read;
	return true;
}
