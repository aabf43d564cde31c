/* SPDX-License-Identifier: MIT */
/*
 * vCPUs under Alternate Injection, seen from the monitor's run loop. The test
 * plays silicon (the VMSA), host (the descriptor) and guest (its calling
 * area). Included once in a program.
 */
#ifndef TESTS_SVSM_APIC_H
#define TESTS_SVSM_APIC_H

#include "arch/svm.h"
#include "tests/svsm_rig.h"

#define FEATURES	(SEV_FEATURE_SNP | SEV_FEATURE_ALTERNATE)
#define CA(cpu)		(0x20000ull + (cpu) * 0x1000)
#define VMSA(cpu)	(0x30000ull + (cpu) * 0x1000)
#define BYTE(cpu)	rig_memory[CA(cpu) + 2]
#define EDGE		0x41
#define HIGH		0x61
#define IPI		0xfb

static struct vmsa vmsa[RIG_CPUS];
static struct doorbell page[RIG_CPUS];
static struct apic_counters counts[RIG_CPUS];

static inline struct guest_apic *apic_of(u32 cpu)
{
	return &vcpu_of(cpu)->apic;
}

static inline int setup(void **state)
{
	rig_setup(state);
	memset(page, 0, sizeof(page));
	memset(counts, 0, sizeof(counts));
	for (u32 i = 0; i < RIG_CPUS; i++) {
		vmsa[i] = (struct vmsa){
			.rflags = RFLAGS_IF,
			.sev_features = FEATURES,
			.vintr_ctrl = VINTR_VGIF | VINTR_NMI_ENABLE,
		};
		assert_true(guest_apic_init(i, &page[i], true, &counts[i]));
		vcpu_of(i)->ca = CA(i);
		vcpu_of(i)->vmsa = VMSA(i);
	}
	return 0;
}

static inline u64 call_regs(u32 cpu, u32 protocol, u32 number, u64 *rcx,
			    u64 *rdx)
{
	struct svsm_call call = {
		.rax = (u64)protocol << 32 | number,
		.rcx = *rcx,
		.rdx = *rdx,
		.features = vmsa[cpu].sev_features,
		.cpu = cpu,
	};

	vcpu_of(cpu)->lock = 1;
	assert_null(guest_apic_settle(vcpu_of(cpu), &vmsa[cpu]));
	protocol_serve(&call);
	if (call.leave)
		guest_apic_leave(vcpu_of(cpu), &vmsa[cpu]);
	vcpu_of(cpu)->lock = 0;
	*rcx = call.rcx;
	*rdx = call.rdx;
	return call.rax;
}

static inline u64 call(u32 cpu, u32 number, u64 rcx, u64 rdx)
{
	return call_regs(cpu, SVSM_PROTOCOL_APIC, number, &rcx, &rdx);
}

static inline u64 query(u32 cpu)
{
	u64 rcx = (u64)SVSM_PROTOCOL_APIC << 32 | SVSM_APIC_VERSION, rdx = 0;

	assert_int_equal(call_regs(cpu, SVSM_PROTOCOL_CORE,
				   SVSM_CORE_QUERY_PROTOCOL, &rcx, &rdx), 0);
	return rcx;
}

static inline u64 read_reg(u32 cpu, u32 offset)
{
	u64 rcx = X2APIC_MSR(offset), rdx = 0;

	assert_int_equal(call_regs(cpu, SVSM_PROTOCOL_APIC,
				   SVSM_APIC_READ_REGISTER, &rcx, &rdx), 0);
	return rdx;
}

static inline void write_reg(u32 cpu, u32 offset, u64 value)
{
	assert_int_equal(call(cpu, SVSM_APIC_WRITE_REGISTER,
			      X2APIC_MSR(offset), value), 0);
}

static inline void allow(u32 cpu, u8 vector)
{
	assert_int_equal(call(cpu, SVSM_APIC_CONFIGURE_VECTOR,
			      vector | SVSM_APIC_VECTOR_ENABLE, 0), 0);
}

static inline void host_posts(u32 cpu, u32 status)
{
	page[cpu].ext[RIG_VMPL - 1].status = status;
	page[cpu].per_vmpl_events = DOORBELL_EVENTS_VMPL(RIG_VMPL);
}

/* One turn of the loop up to Run VMPL; false: it would sleep. */
static inline bool turn(u32 cpu, bool halt)
{
	struct vcpu *v = vcpu_of(cpu);

	assert_null(guest_apic_settle(v, &vmsa[cpu]));
	if (!guest_apic_ready(v, &vmsa[cpu], halt))
		return false;
	guest_apic_enter(v, &vmsa[cpu]);
	return true;
}

/* The silicon's part: the vector in V_IRQ, taken; 0: none. */
static inline u8 guest_takes(u32 cpu)
{
	u64 ctl = vmsa[cpu].vintr_ctrl;

	if (!(ctl & VINTR_V_IRQ) || !(ctl & VINTR_VGIF) ||
	    !(vmsa[cpu].rflags & RFLAGS_IF) ||
	    (ctl & VINTR_PRIO) >> VINTR_PRIO_SHIFT <= (ctl & VINTR_TPR))
		return 0;
	vmsa[cpu].vintr_ctrl &= ~VINTR_V_IRQ;
	return ctl >> VINTR_VECTOR_SHIFT;
}

static inline void send(u32 from, u32 dest, u32 low)
{
	write_reg(from, APIC_ICR, (u64)dest << APIC_ICR_DEST_SHIFT | low);
}

static inline bool gets(u32 cpu, u8 vector)
{
	bool got;

	assert_true(turn(cpu, false));
	got = guest_takes(cpu) == vector;
	if (got)
		write_reg(cpu, APIC_EOI, 0);
	return got;
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

#endif
