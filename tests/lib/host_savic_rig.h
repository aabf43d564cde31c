/* SPDX-License-Identifier: MIT */
/*
 * Guests with Secure AVIC: their backing pages, and the event that tells the
 * host of them.
 */
#ifndef TESTS_LIB_HOST_SAVIC_RIG_H
#define TESTS_LIB_HOST_SAVIC_RIG_H

#include "tests/lib/host_rig.h"

#define SA	(SEV_FEATURE_SNP | SEV_FEATURE_SECURE_AVIC)
#define EN	SAVIC_CONTROL_EN
#define EN_NMI	(SAVIC_CONTROL_EN | SAVIC_CONTROL_ALLOWED_NMI)

u32 *savic_page(struct rig *r, unsigned int cpu);
/* The word that holds @vector's bit of a 256-bit register. */
u32 *savic_reg(struct rig *r, unsigned int cpu, u32 base, u8 vector);
void savic_allow(struct rig *r, unsigned int cpu, u8 vector);
bool savic_is_set(struct rig *r, unsigned int cpu, u32 base, u8 vector);

/* Private and validated, as a guest would have made it. */
void savic_make_page(struct rig *r, unsigned int cpu);
/* NAE 8000001Ah: 0, or EXITINFO1 << 32 | EXITINFO2. */
u64 savic_call(struct rig *r, unsigned int cpu, u64 op, u64 rax, u64 rbx,
	       u64 *out);
void savic_register(struct rig *r, unsigned int cpu);
/* Bits of SECURE_AVIC_CONTROL; 0 writes 0. */
void savic_enable(struct rig *r, unsigned int cpu, u64 flags);
/* All vCPUs with pages, registered and enabled. */
void rig_savic(struct rig *r, unsigned int vcpus, u64 flags);

#endif
