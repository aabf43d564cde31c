/* SPDX-License-Identifier: MIT */
/*
 * The local APIC of a guest that knows of the monitor and runs under
 * Alternate Injection (58019, APIC protocol). core/ has the APIC and how it is
 * presented; here is what joins them for one vCPU, between two runs of it:
 *
 *	guest_apic_settle()	what happened in the last run
 *	guest_apic_serve()	calls, each on a settled APIC
 *	guest_apic_ready()	what is new; is there a reason to run?
 *	guest_apic_enter()	the best there is into the VMSA
 *
 * All of it with the vCPU's lock held and its VMSA not runnable. Others only
 * look at @on, at what addresses the APIC, and post into the mailbox.
 */
#ifndef SVSM_APIC_H
#define SVSM_APIC_H

#include "core/doorbell.h"
#include "core/mailbox.h"
#include "core/present.h"
#include "core/svsm_apic.h"

struct vcpu;
struct svsm_call;

struct guest_apic {
	struct apic apic;
	struct svsm_apic protocol;
	struct present present;
	struct mailbox box;
	struct doorbell *page;		/* of this vCPU's CPU */
	bool halted;
};

/* ---- what the host is asked for: inject.c, and native tests -------------- */

/* #HV IPI to the VMPL 0 of whom @to addresses. */
void inject_kick(const struct irq_msg *to);
/* A level-triggered vector of the host's has been ended. */
void inject_specific_eoi(u8 vector);
/* The end of Alternate Injection, 8000001Ch; does not return if refused. */
void inject_disable(u64 info1);

/* ---- life ---------------------------------------------------------------- */

/*
 * Before any CPU serves the guest: its vCPU @index, which rings @page; @on:
 * its VMSAs have Alternate Injection; @count may be NULL. False: no APIC can
 * have this id.
 */
bool guest_apic_init(u32 index, struct doorbell *page, bool on,
		     struct apic_counters *count);
/* A new VMSA for the vCPU, its V_TPR @cr8: power-up state, nothing pending. */
void guest_apic_reset(struct vcpu *v, bool on, u8 cr8);
bool guest_apic_on(const struct vcpu *v);

/* ---- around one run ------------------------------------------------------ */

/* NULL, or why this vCPU cannot go on. */
const char *guest_apic_settle(struct vcpu *v, struct vmsa *vmsa);
/* APIC protocol; @vmsa has been settled. */
u64 guest_apic_serve(struct svsm_call *call, u32 number);
/* After a call that said so: its APIC is the host's from here on. */
void guest_apic_leave(struct vcpu *v, struct vmsa *vmsa);
/* @halt: its last run ended in HLT. False: sleep, nothing wakes it yet. */
bool guest_apic_ready(struct vcpu *v, const struct vmsa *vmsa, bool halt);
void guest_apic_enter(struct vcpu *v, struct vmsa *vmsa);

#endif
