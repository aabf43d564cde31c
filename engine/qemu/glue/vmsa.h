/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of saving and loading a VMSA; see vmsa.c. */
#ifndef BELFRY_VMSA_H
#define BELFRY_VMSA_H

#include "glue.h"

void glue_vmsa_save(void *engine, unsigned int vcpu, struct vmsa *vmsa);
bool glue_vmsa_load(void *engine, unsigned int vcpu, const struct vmsa *vmsa);

/* fpu.c */
void fpu_save(CPUX86State *env, struct vmsa *vmsa);
void fpu_load(CPUX86State *env, const struct vmsa *vmsa);

/*
 * engine.c: VMPL 0 and the others have a bank of TLBs each. Remember what
 * the present bank's translations were made from; after a load, use them
 * again or drop them.
 */
void tlb_keep(CPUX86State *env);
void tlb_take(CPUX86State *env, const struct vmsa *vmsa);

#endif
