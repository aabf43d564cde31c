/* SPDX-License-Identifier: MIT */
/*
 * A vCPU under Restricted Injection at VMPL 0, and below it, if asked for, one
 * under Alternate Injection at VMPL 2. The test plays both guests.
 */
#ifndef TESTS_LIB_HOST_HV_RIG_H
#define TESTS_LIB_HOST_HV_RIG_H

#include "arch/doorbell.h"
#include "tests/lib/host_rig.h"

#define RI	(SEV_FEATURE_SNP | SEV_FEATURE_RESTRICTED)
#define AI	(SEV_FEATURE_SNP | SEV_FEATURE_ALTERNATE)
#define LOWER	2
#define NOTIFY	0x50

#define DOORBELL_AT(cpu)	(0x70000ull + (cpu) * PAGE_SIZE)
#define X2APIC(reg)		X2APIC_MSR(reg)

/*
 * All @vcpus at VMPL 0 with a doorbell page and an enabled APIC; vCPU 0 has
 * the device interrupts of @devices.
 */
void rig_ri(struct rig *r, unsigned int vcpus, unsigned int devices);
/* The same, and VMPL 2 with an enabled APIC; VMPL 0 runs. */
void rig_ai(struct rig *r, unsigned int vcpus);

struct doorbell *hv_page(struct rig *r, unsigned int cpu);
struct doorbell_ext *hv_ext(struct rig *r, unsigned int cpu);

/* Is #HV delivered at this boundary? Nothing else may be. */
bool hv_taken(struct rig *r, unsigned int cpu);
/* Take byte 0 as a guest does: flags first, then the vector. 0: none. */
u8 hv_take(struct rig *r, unsigned int cpu);
/* EOI as a guest sends it: the short way if allowed. True if so. */
bool hv_eoi(struct rig *r, unsigned int cpu);
/* Any exit of no consequence. */
void hv_exit(struct rig *r, unsigned int cpu);
/* HV IPI from whatever runs on @cpu. */
u64 hv_ipi(struct rig *r, unsigned int cpu, u32 dest, u32 low);
/* NAE that must be refused with INVALID_INPUT. */
void hv_refused(struct rig *r, unsigned int cpu, u64 code, u64 info1,
		u64 info2);
void hv_run_lower(struct rig *r, unsigned int cpu);
void hv_run_top(struct rig *r, unsigned int cpu);

#endif
