/* SPDX-License-Identifier: MIT */
/*
 * vCPUs as coroutines, and the monitor's operations on the real host: each
 * of them is a place where a vCPU may lose the CPU to another one.
 */
#ifndef TESTS_SAVIC_WORLD_H
#define TESTS_SAVIC_WORLD_H

#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "svsm/paravisor.h"
#include "tests/lib/host_below_rig.h"
#include "tests/lib/rows.h"

#define CPUS		2
#define STACK		(256 * 1024)
#define WAKE		0xe0
#define TICK		0xec
#define LEVEL_PIN	9
#define LEVEL_VECTOR	0x41

enum { IPI_FIRST = 0xa0, IPI_LAST = 0xaf, MSI_FIRST = 0x50, MSI_LAST = 0x5f };

struct account {
	u64 sent, taken;
	bool unseen;
};

struct co {
	ucontext_t context;
	u8 *stack;
	unsigned int cpu;
	struct paravisor_vcpu v;
	struct account of[256], nmi;
	u8 service[16];
	unsigned int depth;
	struct {
		u64 code, info1, info2;
	} rider;
	bool booted;
};

static struct rig r;
static struct paravisor guest;
static struct paravisor_vcpu *vcpus[CPUS];
static struct snp_cpuid_page cpuid;
static struct co co[CPUS];
static ucontext_t scheduler;
static u64 seed, levels_raised, ipis_sent, sleeps;
static bool line, run_dry;
static unsigned int started;

static u32 rnd(u32 below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 20) % below;
}

static void yield(struct co *c)
{
	swapcontext(&c->context, &scheduler);
}

/* Now and then somebody else is faster. */
static void maybe_yield(struct co *c)
{
	if (rnd(3) == 0)
		yield(c);
}

static void send(struct co *to, u8 v)
{
	to->of[v].sent++;
	to->of[v].unseen = true;
}

/* ---- the monitor's operations -------------------------------------------- */

static bool rung(const struct co *c)
{
	return hv_page(&r, c->cpu)->pending & DOORBELL_NO_FURTHER_SIGNAL;
}

/* #HV comes at some boundary, and only leaves its note. */
static void boundary(struct co *c)
{
	u64 event;

	assert_int_equal(machine_vmpl(r.m, c->cpu), 0);
	if (script_boundary(&r.s, c->cpu, &event) == EVENT_DELIVER)
		assert_int_equal(event, EVENT_HV);
	r.s.cpu[c->cpu].regs.rflags &= ~RFLAGS_IF;
}

static u64 call(struct co *c, u64 code, u64 info1, u64 info2)
{
	u64 result;

	maybe_yield(c);
	boundary(c);
	result = rig_call(&r, c->cpu, code, info1, info2);
	return result;
}

static void op_poll(void *cpu)
{
	struct co *c = cpu;

	maybe_yield(c);
	boundary(c);
	if (hv_take(&r, c->cpu))
		hv_eoi(&r, c->cpu);
	maybe_yield(c);
}

static void send_off(struct co *c)
{
	u64 code = c->rider.code;

	c->rider.code = 0;
	if (code)
		assert_int_equal(call(c, code, c->rider.info1,
				      c->rider.info2), 0);
}

static void request(struct co *c, u64 code, u64 info1, u64 info2)
{
	send_off(c);
	c->rider.code = code;
	c->rider.info1 = info1;
	c->rider.info2 = info2;
	if (rnd(2))
		send_off(c);
}

static bool inside(const struct co *c)
{
	return hv_in_guest(r.m, c->cpu) && machine_vmpl(r.m, c->cpu);
}

static void guest_step(struct co *c);

static void op_run(void *cpu)
{
	struct co *c = cpu;
	u64 word = c->rider.info1, info2 = c->rider.info2, info1 = LOWER;

	maybe_yield(c);
	boundary(c);
	if (rung(c))
		return;
	if (c->rider.code == GHCB_HV_IPI) {
		word = c->rider.info2;
		info2 = c->rider.info1;
	}
	if (c->rider.code)
		info1 |= (c->rider.code & 0xff) << RUN_VMPL_RIDE_SHIFT |
			 word << RUN_VMPL_WORD_SHIFT;
	c->rider.code = 0;
	assert_int_equal(rig_call(&r, c->cpu, GHCB_RUN_VMPL, info1, info2),
			 0);
	while (inside(c)) {
		yield(c);
		if (inside(c))
			guest_step(c);
	}
	while (!hv_in_guest(r.m, c->cpu))
		yield(c);
}

static void op_idle(void *cpu)
{
	struct co *c = cpu;

	send_off(c);
	maybe_yield(c);
	boundary(c);
	if (rung(c))
		return;
	sleeps++;
	rig_hlt(&r, c->cpu);
	while (!hv_in_guest(r.m, c->cpu))
		yield(c);
	assert_int_equal(machine_vmpl(r.m, c->cpu), 0);
}

static struct apic_time op_now(void *cpu)
{
	maybe_yield(cpu);
	return (struct apic_time){ .ns = r.now, .tsc = r.now };
}

static void timer(struct co *c, u64 ns, u8 vector, u64 vmpl)
{
	u64 count = ns > r.now ? ns - r.now : 0;
	u64 mode = ns == APIC_NEVER ? HV_TIMER_STOP : HV_TIMER_ONE_SHOT;

	request(c, GHCB_HV_TIMER, vector | mode << HV_TIMER_MODE_SHIFT |
		vmpl << HV_TIMER_VMPL_SHIFT, count);
}

static void op_deadline(void *cpu, u64 ns)
{
	timer(cpu, ns, WAKE, 0);
}

static void op_tick(void *cpu, u64 ns, u8 vector)
{
	timer(cpu, ns, vector, LOWER);
}

static u64 icr_of(const struct irq_msg *msg)
{
	return (u64)msg->dest << APIC_ICR_DEST_SHIFT |
	       (u64)msg->shorthand << APIC_ICR_SHORTHAND_SHIFT |
	       (msg->logical ? APIC_ICR_LOGICAL : 0);
}

static void op_kick(void *cpu, const struct irq_msg *msg)
{
	request(cpu, GHCB_HV_IPI, icr_of(msg) | WAKE, 0);
}

static void op_ring(void *cpu, const struct irq_msg *msg)
{
	request(cpu, GHCB_HV_IPI, icr_of(msg) |
		(msg->mode == APIC_NMI ? 0x400 : WAKE), LOWER);
}

static void op_eoi(void *cpu, u8 vector)
{
	assert_int_equal(vector, LEVEL_VECTOR);
	request(cpu, GHCB_SPECIFIC_EOI, LOWER << 16 | vector, 0);
}

static bool op_savic(void *cpu, u64 gpa, bool on)
{
	struct co *c = cpu;

	assert_int_equal(gpa, SAVIC_AT(c->cpu));
	maybe_yield(c);
	boundary(c);
	return !below_call(&r, c->cpu, on ? GHCB_SAVIC_REGISTER :
			   GHCB_SAVIC_UNREGISTER);
}

static void op_note(void *cpu, const char *text)
{
	(void)cpu;
	(void)text;
}

static const struct paravisor_ops ops = {
	.poll = op_poll, .run = op_run, .idle = op_idle, .now = op_now,
	.deadline = op_deadline, .tick = op_tick, .kick = op_kick,
	.ring = op_ring, .specific_eoi = op_eoi, .savic = op_savic,
	.note = op_note,
};

#endif
