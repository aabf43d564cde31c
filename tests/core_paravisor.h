/* SPDX-License-Identifier: MIT */
/* A guest under the paravisor, with everything around it faked. */
#ifndef TESTS_CORE_PARAVISOR_H
#define TESTS_CORE_PARAVISOR_H

#include "svsm/paravisor.h"
#include "tests/core_apic.h"

#define RAM_BYTES	0x20000
#define WORLD_CPUS	4

struct world_cpu {
	struct paravisor_vcpu v;
	struct vmsa vmsa;
	struct doorbell page;
	unsigned int index, runs, idles, kicks;
	void (*hook)(struct world_cpu *c);	/* just after the poll */
	void (*late)(struct world_cpu *c);	/* when it asks for the time */
	void (*script)(struct world_cpu *c);	/* what the guest does */
	void (*sleep)(struct world_cpu *c);	/* what happens in idle() */
	struct irq_msg kick;
	u64 deadline;
	u8 eoi[16];
	unsigned int eois;
	bool registered;
	unsigned int registrations, rings;
	struct irq_msg ring;
	const char *note;
	u64 tick;
	u8 tick_vector;
	unsigned int ticks;
};

static struct {
	struct paravisor guest;
	struct paravisor_vcpu *vcpu[WORLD_CPUS];
	struct world_cpu cpu[WORLD_CPUS];
	struct snp_cpuid_page cpuid;
	struct apic_counters count;
	u8 ram[RAM_BYTES];
	u64 now;
	/* The last access that the host saw. */
	struct {
		u64 at, value;
		unsigned int size, count, calls;
		bool write, in;
		u8 data[PARAVISOR_STRING];
	} seen;
	u8 device[PARAVISOR_STRING];	/* what devices read as */
	bool host_refuses;
} w;

static inline void world_poll(void *cpu)
{
	struct world_cpu *c = cpu;

	c->page.pending = 0;
	if (c->hook)
		c->hook(c);
}

static inline bool world_rung(const struct world_cpu *c)
{
	return c->page.flags & DOORBELL_FLAG_NO_FURTHER_SIGNAL;
}

static inline void world_run(void *cpu)
{
	struct world_cpu *c = cpu;

	if (world_rung(c))
		return;
	assert_false(c->vmsa.vintr_ctrl & VINTR_BUSY);
	assert_int_equal(c->vmsa.exit_code, EXIT_INTR);
	c->runs++;
	if (c->script)
		c->script(c);
}

static inline void world_idle(void *cpu)
{
	struct world_cpu *c = cpu;

	assert_true(c->vmsa.vintr_ctrl & VINTR_BUSY);
	if (world_rung(c))
		return;
	c->idles++;
	if (c->sleep)
		c->sleep(c);
}

static inline struct apic_time world_now(void *cpu)
{
	struct world_cpu *c = cpu;

	if (c->late)
		c->late(c);
	return at(w.now);
}

static inline void world_deadline(void *cpu, u64 ns)
{
	((struct world_cpu *)cpu)->deadline = ns;
}

static inline void world_kick(void *cpu, const struct irq_msg *msg)
{
	struct world_cpu *c = cpu;

	c->kicks++;
	c->kick = *msg;
}

static inline void world_specific_eoi(void *cpu, u8 vector)
{
	struct world_cpu *c = cpu;

	c->eoi[c->eois++ % 16] = vector;
}

static inline bool world_read(void *cpu, u64 gpa, void *to, unsigned int n)
{
	(void)cpu;
	if (gpa >= RAM_BYTES || n > RAM_BYTES - gpa)
		return false;
	memcpy(to, w.ram + gpa, n);
	return true;
}

static inline bool world_write(void *cpu, u64 gpa, const void *from,
			       unsigned int n)
{
	(void)cpu;
	if (gpa >= RAM_BYTES || n > RAM_BYTES - gpa)
		return false;
	memcpy(w.ram + gpa, from, n);
	return true;
}

static inline u8 *world_byte(void *cpu, u64 gpa)
{
	(void)cpu;
	return gpa < RAM_BYTES ? w.ram + gpa : NULL;
}

static inline bool world_port(void *cpu, u16 port, unsigned int size, bool in,
			      void *data, unsigned int count)
{
	(void)cpu;
	if (w.host_refuses)
		return false;
	w.seen.at = port;
	w.seen.size = size;
	w.seen.in = in;
	w.seen.count = count;
	w.seen.calls++;
	if (in)
		memcpy(data, w.device, size * count);
	else
		memcpy(w.seen.data, data, size * count);
	return true;
}

static inline bool world_mmio(void *cpu, u64 gpa, unsigned int size,
			      bool write, u64 *value)
{
	(void)cpu;
	if (w.host_refuses)
		return false;
	w.seen.at = gpa;
	w.seen.size = size;
	w.seen.write = write;
	w.seen.calls++;
	if (write)
		w.seen.value = *value;
	else
		memcpy(value, w.device, 8);
	return true;
}

/* ---- Secure AVIC: without a page nobody calls them ---- */

static inline bool world_savic(void *cpu, u64 gpa, bool on)
{
	struct world_cpu *c = cpu;

	assert_int_equal(gpa, c->v.savic_gpa);
	/* En = 0 before the host may drop the page (3.6). */
	assert_true(on || !c->vmsa.savic_control);
	if (w.host_refuses)
		return false;
	c->registered = on;
	c->registrations++;
	return true;
}

static inline void world_tick(void *cpu, u64 ns, u8 vector)
{
	struct world_cpu *c = cpu;

	c->tick = ns;
	c->tick_vector = vector;
	c->ticks++;
}

static inline void world_ring(void *cpu, const struct irq_msg *msg)
{
	struct world_cpu *c = cpu;

	c->rings++;
	c->ring = *msg;
}

static inline void world_note(void *cpu, const char *text)
{
	((struct world_cpu *)cpu)->note = text;
}

static const struct paravisor_ops world_ops = {
	world_poll, world_run, world_idle, world_now, world_deadline,
	world_kick, world_specific_eoi, world_read, world_write, world_byte,
	world_port, world_mmio, world_savic, world_tick, world_ring, world_note,
};

/* 64-bit code, paging off in the sense that CR0.PG is clear. */
static inline void world_cpu_start(unsigned int i, bool x2apic)
{
	struct apic_config config = plain_config;
	struct world_cpu *c = &w.cpu[i];

	config.id = i * 2;		/* an ID is not an index */
	config.bsp = i == 0;
	config.filter = true;
	config.has_x2apic = x2apic;
	c->index = i;
	c->deadline = APIC_NEVER;
	c->v.guest = &w.guest;
	c->v.vmsa = &c->vmsa;
	c->v.page = &c->page;
	c->v.cpu = c;
	c->vmsa.efer = EFER_SVME | EFER_LMA;
	c->vmsa.cs.attrib = 0x29b;
	c->vmsa.rflags = RFLAGS_IF;
	c->vmsa.rip = 0x1000;
	c->vmsa.vintr_ctrl = VINTR_NMI_ENABLE;
	w.vcpu[i] = &c->v;
	assert_true(paravisor_init(&c->v, &config, i ? NULL : &w.count));
}

static inline int world_start(bool x2apic)
{
	unsigned int i;

	memset(&w, 0, sizeof(w));
	w.guest = (struct paravisor){
		.ops = &world_ops, .cpuid = &w.cpuid, .vcpu = w.vcpu,
		.cpus = WORLD_CPUS, .vmpl = 2,
	};
	for (i = 0; i < WORLD_CPUS; i++)
		world_cpu_start(i, x2apic);
	return 0;
}

/* One turn in which the guest left by that exit before it. */
static inline const char *world_exit(struct world_cpu *c, u64 code, u64 info1,
				     u64 info2)
{
	c->vmsa.exit_code = code;
	c->vmsa.exit_info1 = info1;
	c->vmsa.exit_info2 = info2;
	c->vmsa.nrip = c->vmsa.rip + 2;
	return paravisor_turn(&c->v);
}

static inline void world_wrmsr(struct world_cpu *c, u32 msr, u64 value)
{
	c->vmsa.rcx = msr;
	c->vmsa.rax = (u32)value;
	c->vmsa.rdx = value >> 32;
	assert_null(world_exit(c, EXIT_MSR, 1, 0));
}

static inline u64 world_rdmsr(struct world_cpu *c, u32 msr)
{
	c->vmsa.rcx = msr;
	assert_null(world_exit(c, EXIT_MSR, 0, 0));
	return (u32)c->vmsa.rax | c->vmsa.rdx << 32;
}

/* Was #GP(0) raised? Takes it. */
static inline bool world_gp(struct world_cpu *c)
{
	bool gp = c->vmsa.event_inj == (EVENT_V | EVENT_EV | 0x30d);

	c->vmsa.event_inj = 0;
	return gp;
}

#endif
