/* SPDX-License-Identifier: MIT */
/*
 * The paravisor with Secure AVIC, natively. The test plays silicon on the
 * pages of the vCPUs.
 */
#ifndef TESTS_CORE_PARAVISOR_SAVIC_H
#define TESTS_CORE_PARAVISOR_SAVIC_H

#include "tests/core_paravisor.h"

#define IOAPIC		0xfec00000ull
#define TRAP(offset)	(AVIC_NOACCEL_WRITE | (offset))

static u32 pages[WORLD_CPUS][PAGE_SIZE / 4];
static struct world_cpu *const bsp = &w.cpu[0], *const ap = &w.cpu[1];

static inline u32 *word(const struct world_cpu *c, u32 base, u8 v)
{
	return &pages[c->index][(base + 0x10 * (v / 32)) / 4];
}

static inline bool there(const struct world_cpu *c, u32 base, u8 v)
{
	return *word(c, base, v) >> v % 32 & 1;
}

static inline void put(const struct world_cpu *c, u32 base, u8 v)
{
	*word(c, base, v) |= BIT(v % 32);
}

static inline u32 reg(const struct world_cpu *c, u32 offset)
{
	return pages[c->index][offset / 4];
}

static inline void turn(struct world_cpu *c)
{
	assert_null(paravisor_turn(&c->v));
}

/* An exit that has to do with the APIC: the vectors leave the page. */
static inline void visit(struct world_cpu *c)
{
	world_rdmsr(c, MSR_APIC_BASE);
}

static inline void wrmsr(struct world_cpu *c, u32 offset, u64 value)
{
	world_wrmsr(c, X2APIC_MSR(offset), value);
	assert_false(c->vmsa.event_inj & EVENT_V);
}

/* Silicon's exits: BUSY is set, NRIP is not there. */
static inline void avic_exit(struct world_cpu *c, u64 code, u64 info1, u64 info2)
{
	c->vmsa.exit_code = code;
	c->vmsa.exit_info1 = info1;
	c->vmsa.exit_info2 = info2;
	c->vmsa.nrip = 0;
	c->vmsa.vintr_ctrl |= VINTR_BUSY;
	turn(c);
	assert_false(c->vmsa.vintr_ctrl & VINTR_BUSY);
}

/* A write that traps: page written, RIP behind it. */
static inline void trap(struct world_cpu *c, u32 offset, u64 value)
{
	pages[c->index][offset / 4] = value;
	c->vmsa.rcx = X2APIC_MSR(offset);
	c->vmsa.rax = (u32)value;
	c->vmsa.rdx = value >> 32;
	c->vmsa.rip += 2;
	avic_exit(c, EXIT_AVIC_NOACCEL, TRAP(offset), 0);
}

static inline void ipi(struct world_cpu *c, u64 icr)
{
	pages[c->index][APIC_ICR / 4] = icr;
	pages[c->index][APIC_ICR2 / 4] = icr >> 32;
	c->vmsa.rcx = X2APIC_MSR(APIC_ICR);
	c->vmsa.rax = (u32)icr;
	c->vmsa.rdx = icr >> 32;
	c->vmsa.rip += 2;
	avic_exit(c, EXIT_AVIC_INCOMPLETE_IPI, icr, 5ull << 32);
}

static inline u64 to(u32 id, u64 icr)
{
	return (u64)id << 32 | icr;
}

/* The guest accepts the vector. */
static inline void accept(struct world_cpu *c, u8 v)
{
	assert_true(there(c, APIC_IRR, v));
	*word(c, APIC_IRR, v) &= ~BIT(v % 32);
	put(c, APIC_ISR, v);
}

static inline void enable(struct world_cpu *c)
{
	world_wrmsr(c, MSR_APIC_BASE, apic_read_base(&c->v.apic) |
		    APIC_BASE_ENABLE | APIC_BASE_EXTD);
	wrmsr(c, APIC_SVR, 0x1ff);
}

static inline int setup(void **state)
{
	unsigned int i;

	(void)state;
	world_start(true);
	memset(pages, 0, sizeof(pages));
	for (i = 0; i < WORLD_CPUS; i++) {
		backing_init(&w.cpu[i].v.backing, pages[i]);
		w.cpu[i].v.savic_gpa = 0x7000000 + i * PAGE_SIZE;
	}
	enable(bsp);
	bsp->runs = 0;
	bsp->vmsa.rip = 0x1000;
	return 0;
}

static inline bool is_on(const struct world_cpu *c)
{
	return c->vmsa.savic_control == (c->v.savic_gpa | SAVIC_CONTROL_EN);
}

/* Starts the others, INIT and SIPI through 401h [68, 69]. */
static inline void start_others(void)
{
	unsigned int i;

	ipi(bsp, 0xc4500);
	ipi(bsp, 0xc4608);
	for (i = 1; i < WORLD_CPUS; i++) {
		turn(&w.cpu[i]);
		assert_int_equal(w.cpu[i].runs, 1);
		assert_int_equal(w.cpu[i].vmsa.cs.base, 0x8000);
		assert_false(is_on(&w.cpu[i]));
		enable(&w.cpu[i]);
		assert_true(is_on(&w.cpu[i]));
		w.cpu[i].v.where = PARAVISOR_INSIDE;
		w.cpu[i].vmsa.rflags = RFLAGS_IF;
	}
	bsp->kicks = bsp->rings = 0;
}

#endif
