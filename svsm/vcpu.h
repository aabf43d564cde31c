/* SPDX-License-Identifier: MIT */
/*
 * The guest's vCPUs: which page is whose VMSA. A VMSA in the guest's memory
 * is readable for the guest (Linux reads SEV_FEATURES back) and not writable.
 */
#ifndef SVSM_VCPU_H
#define SVSM_VCPU_H

#include "arch/monitor.h"
#include "arch/types.h"
#include "svsm/apic.h"

/*
 * @lock covers the rest. Its CPU holds it whenever it is neither below in
 * the guest nor idle: others may only try, and let the guest try again.
 */
struct vcpu {
	u32 lock;
	u64 vmsa;			/* GPA; 0: none yet */
	u64 ca;				/* GPA of the calling area */
	struct guest_apic apic;	/* Alternate Injection */
};

/* Ours, checked; info.c. */
extern struct monitor_info info;

/* run.c has it, and native tests. */
struct vcpu *vcpu_of(u32 index);

/*
 * Over everything that changes the rights of guest pages: between looking
 * whether a page is a VMSA and acting on it nobody may make it one.
 */
extern u32 vcpu_rmp_lock;

/* Is a VMSA in [gpa, gpa + bytes)? With vcpu_rmp_lock held. */
bool vcpu_vmsa_in(u64 gpa, u64 bytes);
/* Memory of the guest that is no VMSA: it may be told to be anything. */
bool vcpu_page_usable(u64 gpa, u64 bytes);
/* 8-byte aligned, within one page. */
bool vcpu_ca_usable(u64 gpa);
/* Is some vCPU's calling area in this page? It is written to. */
bool vcpu_ca_in(u64 page);

/*
 * CREATE_VCPU and DELETE_VCPU (58019). @self: index of the caller, whose
 * lock is held; @features: SEV_FEATURES of its VMSA. Return a result code.
 */
u64 vcpu_create(u32 self, u64 features, u64 vmsa, u64 ca, u32 apic_id);
u64 vcpu_delete(u32 self, u64 vmsa);

/* Rights of VMPL info.guest_vmpl, for rmp_adjust(). */
#define VCPU_GUEST_ALL	((VMPL_PERM_R | VMPL_PERM_W | VMPL_PERM_UX | \
			  VMPL_PERM_SX) << RMPADJUST_PERM_SHIFT)
#define VCPU_GUEST_READ	(VMPL_PERM_R << RMPADJUST_PERM_SHIFT)

#endif
