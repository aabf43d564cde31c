/* SPDX-License-Identifier: MIT */
/*
 * Secure AVIC below a monitor: the backing page that hardware works on and
 * the APIC that the monitor trusts (APM 15.36.21). IRR and ISR are in one of
 * the two at any time, never in both:
 *
 *                    backing_push()
 *      LOCAL  ------------------------>  IN PAGE     the vCPU may run
 *   all in the APIC                      IRR, ISR, TPR are hardware's
 *        ^                                |
 *        '--------- backing_pull() ---------'  settled: it does not run
 *
 * Everything else (SVR, LVTs, timer, ICR, ...) is the APIC's; the page has
 * copies for hardware to answer reads from.
 *
 * Who writes the page: hardware, while the vCPU runs; the monitor, at push
 * and pull; the monitor on any CPU, which posts (IRR, NMI_REQ) and permits
 * (ALLOWED_IRR, TMR); and the guest, should it ever find the page: hardware
 * works with the guest's rights, so it cannot be kept out. So what comes
 * back is copied once and made legal before the APIC gets it, and nothing in
 * the page says what the host has to be told: which vectors are level is
 * kept here.
 */
#ifndef CORE_BACKING_H
#define CORE_BACKING_H

#include "arch/vmsa.h"
#include "core/apic.h"

struct backing {
	u32 *page;		/* 4 KiB; NULL: no Secure AVIC for this vCPU */
	bool in_page;
	u32 instance[8];	/* level for other reasons, until they end */
	/* Atomic: what the page's ALLOWED_IRR and TMR are made of. */
	u32 allowed[8];
	u32 level[8];		/* I/O APIC pins send them as level */
	u32 ending[8];		/* were level, and under way at the change */
};

/* ---- the owner, settled ---- */

/* page: zeroed, or left by another life. */
void backing_init(struct backing *s, u32 *page);
/* All of the APIC's state into the page, but its filter: backing_allow(). */
void backing_push(struct backing *s, struct apic *apic);
/*
 * Back, with what others have posted; local already: only that, and an APIC
 * that is disabled refuses it. v_tpr: the VMSA's, which masks.
 */
void backing_pull(struct backing *s, struct apic *apic, u8 v_tpr);
/* Would what is in the page end a HLT? */
bool backing_wakes(const struct backing *s, const struct vmsa *vmsa);
/* Has anything been posted that is still there? */
bool backing_posted(const struct backing *s);

/* ---- any CPU of the monitor ---- */

/* A vector 16-255 for IRR; false: it is there already. */
bool backing_post(struct backing *s, u8 vector);
/* False: one is requested already. */
bool backing_post_nmi(struct backing *s);
/* What the host may ask for (RequestedIRR). */
void backing_allow(struct backing *s, u8 vector, bool allow);
/* EOIs of that vector have to come to the monitor, or not. */
void backing_set_level(struct backing *s, u8 vector, bool level);

/* ---- the two exits (APM 15.29.9, 15.36.21) ---- */

struct backing_access {
	u32 offset;		/* as the xAPIC page's */
	bool write;
	bool fault;		/* at the instruction, else behind it */
	u64 value;		/* of a write */
	u8 eoi;			/* of a write to EOI: the vector that ends */
};

/* exit_code is 401h or 402h; takes everything from the VMSA. */
struct backing_access backing_decode(const struct vmsa *vmsa);
/* A trapped WRMSR turns out illegal: RIP back to it, where #GP belongs. */
void backing_back_up(struct vmsa *vmsa);

#endif
