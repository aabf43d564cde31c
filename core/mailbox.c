// SPDX-License-Identifier: MIT
/*
 * IPIs between vCPUs of one guest.
 */
#include "core/apic_priv.h"
#include "core/mailbox.h"

#define SEQ		__ATOMIC_SEQ_CST

#define START_VECTOR	0xffu
#define START_INIT	BIT(8)
#define START_SIPI	BIT(9)

/* The first SIPI after an INIT counts, as in apic_deliver(). */
static void post_sipi(struct mailbox *box, u8 vector)
{
	u32 old = __atomic_load_n(&box->start, SEQ);

	while (!(old & START_SIPI))
		if (__atomic_compare_exchange_n(&box->start, &old,
						old | START_SIPI | vector,
						false, SEQ, SEQ))
			return;
}

/* By delivery mode first: an NMI's vector field means nothing (APM 16.5). */
bool mailbox_post(struct mailbox *box, const struct irq_msg *msg)
{
	switch (msg->mode) {
	case APIC_FIXED:
	case APIC_LOWEST:
		__atomic_fetch_or(&box->irr[msg->vector >> 5],
				  BIT(msg->vector & 31), SEQ);
		break;
	case APIC_NMI:
		__atomic_store_n(&box->nmi, 1, SEQ);
		break;
	case APIC_INIT:
		__atomic_store_n(&box->start, START_INIT, SEQ);
		break;
	case APIC_SIPI:
		post_sipi(box, msg->vector);
		break;
	default:
		return false;
	}
	return !__atomic_exchange_n(&box->notified, 1, SEQ);
}

static void deliver(struct apic *apic, u8 mode, u8 vector)
{
	struct irq_msg msg = { .mode = mode, .vector = vector };

	apic_deliver(apic, &msg, APIC_FROM_GUEST);
}

static void drain_word(struct mailbox *box, struct apic *apic, unsigned int i)
{
	u32 bits = __atomic_exchange_n(&box->irr[i], 0, SEQ);

	for (; bits; bits &= bits - 1)
		deliver(apic, APIC_FIXED, i * 32 + __builtin_ctz(bits));
}

/* INIT first: it resets what comes after it. */
bool mailbox_drain(struct mailbox *box, struct apic *apic)
{
	unsigned int i;
	u32 start;

	if (!__atomic_exchange_n(&box->notified, 0, SEQ))
		return false;
	start = __atomic_exchange_n(&box->start, 0, SEQ);
	if (start & START_INIT)
		deliver(apic, APIC_INIT, 0);
	if (start & START_SIPI)
		deliver(apic, APIC_SIPI, start & START_VECTOR);
	for (i = 0; i < 8; i++)
		drain_word(box, apic, i);
	if (__atomic_exchange_n(&box->nmi, 0, SEQ))
		deliver(apic, APIC_NMI, 0);
	return true;
}

bool mailbox_notified(const struct mailbox *box)
{
	return __atomic_load_n(&box->notified, SEQ);
}
