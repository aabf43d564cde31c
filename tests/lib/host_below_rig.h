/* SPDX-License-Identifier: MIT */
/*
 * A monitor at VMPL 0 under Restricted Injection, and below it a VMPL that
 * knows nothing: ReflectVC, Secure AVIC, and a backing page that is the
 * monitor's. The test plays both.
 */
#ifndef TESTS_LIB_HOST_BELOW_RIG_H
#define TESTS_LIB_HOST_BELOW_RIG_H

#include "tests/lib/host_hv_rig.h"
#include "tests/lib/host_savic_rig.h"

#define BELOW	(SEV_FEATURE_SNP | SEV_FEATURE_SECURE_AVIC |	\
		 SEV_FEATURE_REFLECT_VC)

/* VMPL 0 runs; pages are there, with rights for VMPL 2, not registered. */
void rig_below(struct rig *r, unsigned int vcpus);
/* The same, registered by VMPL 0, and En = 1. */
void rig_below_on(struct rig *r, unsigned int vcpus);

struct vmsa *below_vmsa(struct rig *r, unsigned int cpu);
/* NAE 8000001Ah by VMPL 0 for VMPL 2: 0, or INFO1 << 32 | INFO2. */
u64 below_call(struct rig *r, unsigned int cpu, u64 op);
/* VMPL 2 halts; VMPL 0 has the CPU. */
void below_hlt(struct rig *r, unsigned int cpu);

#endif
