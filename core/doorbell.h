/* SPDX-License-Identifier: MIT */
/*
 * The #HV doorbell page, consumer's side.
 *
 * Every byte is the host's, at all times: it is read by one atomic operation
 * each, decided upon as a copy, and never read again for the same decision.
 * XCHG takes what it can: no loop that a writer could keep busy. The worst
 * that a host reaches is that its own events are late or lost, or allowed
 * ones that it invented (56421 section 5.5).
 *
 *   IDLE (NFS 0) --host posts--> SIGNALLED (NFS 1, #HV queued)
 *   SIGNALLED --#HV, may process: doorbell_start()--> PROCESSING (NFS 0)
 *   SIGNALLED --#HV, may not--> DEFERRED (NFS 1) --doorbell_start()-->
 *   PROCESSING --nothing left--> IDLE;  --host posts--> SIGNALLED
 */
#ifndef CORE_DOORBELL_H
#define CORE_DOORBELL_H

#include "arch/doorbell.h"
#include "core/apic.h"

/* How often one call tries again when the host changes what it reads. */
#define DOORBELL_TRIES		256

/* ---- VMPL 0's own interrupts ---- */

/* Is there a reason to call doorbell_start()? tpr as in the APIC: 8 bits. */
bool doorbell_pending(const struct doorbell *page, u8 tpr);
/*
 * Takes NMI and #MC (DOORBELL_FLAG_*) and re-arms #HV: what the host posts
 * from now on signals again, so that scanning afterwards loses nothing.
 */
u8 doorbell_start(struct doorbell *page);
/*
 * The pending vector, if its class is above tpr's: it is the caller's now.
 * 0: none. The result selects among interrupt routines; it is no IDT index.
 */
u8 doorbell_take(struct doorbell *page, u8 tpr);
/* Ends the vector taken last; true: the host wants its EOI register written. */
bool doorbell_eoi(struct doorbell *page);

/* ---- what is pending for a lower VMPL ---- */

/* Decoded: what apic's filter lets through, and apart what it does not. */
struct doorbell_drain {
	u32 edge[8];
	u32 refused[8];		/* dropped; to be counted */
	int level;		/* APIC_NO_VECTOR: none */
	bool nmi;
	bool mc;		/* the caller's policy; may be ignored */
};

/*
 * Takes all that is pending for vmpl (1-3). False: nothing was announced for
 * it, and the descriptor has not been looked at. Events of other VMPLs are
 * dropped: one guest VMPL is served.
 */
bool doorbell_drain(struct doorbell *page, unsigned int vmpl,
		    const struct apic *apic, struct doorbell_drain *out);
/* Hands it to the same APIC, which filters once more. Cannot fail. */
void doorbell_apply(const struct doorbell_drain *drain, struct apic *apic);

/*
 * For Disable Alternate Injection: the descriptor says what apic holds. False
 * if something cannot be said there: vectors 16-30, which only the guest
 * itself can have sent. Take back what the VMSA holds first.
 */
bool doorbell_handoff(struct doorbell *page, unsigned int vmpl,
		      const struct apic *apic);

#endif
