/* SPDX-License-Identifier: MIT */
/*
 * What one vCPU of a guest sends another: in memory of the monitor, so that
 * the host learns that there is something, never what, and cannot add to it.
 *
 *                 first mailbox_post(): kick
 *     EMPTY ------------------------------------> NOTIFIED --.
 *       ^                                          |  ^      | further posts:
 *       '--------- mailbox_drain() by the owner ---'  '------' no kick
 *
 * The poster writes content, then the notice; the owner takes the notice,
 * then the content. A post that the owner overtakes is drained at once and
 * leaves a notice for nothing, never the other way round. A host that drops
 * the kick delays until the owner comes by for another reason.
 */
#ifndef CORE_MAILBOX_H
#define CORE_MAILBOX_H

#include "core/apic.h"

struct mailbox {
	u32 irr[8];
	u32 start;		/* INIT, SIPI and its vector */
	u32 nmi;
	u32 notified;
};

/* Any vCPU. True: the owner has to be kicked; false: it knows already. */
bool mailbox_post(struct mailbox *box, const struct irq_msg *msg);
/* The owner. Delivers everything to its APIC; true if there was something. */
bool mailbox_drain(struct mailbox *box, struct apic *apic);
/* The owner, before it sleeps. */
bool mailbox_notified(const struct mailbox *box);

#endif
