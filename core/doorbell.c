// SPDX-License-Identifier: MIT
/*
 * #HV doorbell page: decode what the host wrote, apply what is allowed.
 */
#include "core/apic_priv.h"
#include "core/doorbell.h"

#define RELAXED		__ATOMIC_RELAXED
#define SEQ		__ATOMIC_SEQ_CST

static bool above(u8 vector, u8 tpr)
{
	return apic_class(vector) > apic_class(tpr);
}

bool doorbell_pending(const struct doorbell *page, u8 tpr)
{
	u16 now = __atomic_load_n(&page->pending, SEQ);

	return now & DOORBELL_NO_FURTHER_SIGNAL ||
	       above(now & DOORBELL_VECTOR, tpr);
}

u8 doorbell_start(struct doorbell *page)
{
	return __atomic_exchange_n(&page->flags, 0, SEQ) &
	       (DOORBELL_FLAG_NMI | DOORBELL_FLAG_MC);
}

/* Vectors of class 0 stay where they are: above() never holds for them. */
u8 doorbell_take(struct doorbell *page, u8 tpr)
{
	u8 vector = __atomic_load_n(&page->vector, RELAXED);
	unsigned int tries;

	for (tries = 0; tries < DOORBELL_TRIES && above(vector, tpr); tries++)
		if (__atomic_compare_exchange_n(&page->vector, &vector, 0,
						false, SEQ, RELAXED))
			return vector;
	return 0;
}

/* The host lies about this byte at its own cost: it missed an EOI. */
bool doorbell_eoi(struct doorbell *page)
{
	return !__atomic_exchange_n(&page->no_eoi_required, 0, SEQ);
}

static struct doorbell_ext *descriptor(struct doorbell *page,
				       unsigned int vmpl)
{
	return &page->ext[vmpl - 1];
}

/* Vectors of word i that the host may post. */
static u32 permitted(const struct apic *apic, unsigned int i)
{
	return apic->allowed[i] & (i ? ~0u : BIT(DOORBELL_EXT_FIRST_VECTOR));
}

static void decode_vector(u8 v, bool level, const struct apic *apic,
			  struct doorbell_drain *out)
{
	if (!v)
		return;
	if (!(permitted(apic, v >> 5) & BIT(v & 31)))
		vec_set(out->refused, v);
	else if (level)
		out->level = v;
	else
		vec_set(out->edge, v);
}

static void decode_words(struct doorbell_ext *ext, const struct apic *apic,
			 struct doorbell_drain *out)
{
	unsigned int i;
	u32 bits;

	for (i = 1; i < 8; i++) {
		out->edge[i] |= (bits = __atomic_exchange_n(&ext->irr[i - 1],
							    0, SEQ)) &
				permitted(apic, i);
		out->refused[i] |= bits & ~permitted(apic, i);
	}
}

/*
 * One XCHG takes the whole status word: the level flag, above all, belongs to
 * the same moment as the vector. The words are read after MULTIPLE is clear:
 * a vector that comes later sets it, and its VMPL's event, again. The byte is
 * taken beside MULTIPLE, too, or a vector that was there first would wait.
 */
bool doorbell_drain(struct doorbell *page, unsigned int vmpl,
		    const struct apic *apic, struct doorbell_drain *out)
{
	struct doorbell_ext *ext = descriptor(page, vmpl);
	u8 events = __atomic_exchange_n(&page->per_vmpl_events, 0, SEQ);
	u32 status;

	*out = (struct doorbell_drain){ .level = APIC_NO_VECTOR };
	if (!(events & DOORBELL_EVENTS_VMPL(vmpl)))
		return false;
	status = __atomic_exchange_n(&ext->status, 0, SEQ);
	decode_vector(status & DOORBELL_EXT_VECTOR,
		      status & DOORBELL_EXT_LEVEL, apic, out);
	if (status & DOORBELL_EXT_VECTOR_31)
		decode_vector(DOORBELL_EXT_FIRST_VECTOR, false, apic, out);
	if (status & DOORBELL_EXT_MULTIPLE)
		decode_words(ext, apic, out);
	out->nmi = status & DOORBELL_EXT_NMI;
	out->mc = status & DOORBELL_EXT_MC;
	return true;
}

void doorbell_apply(const struct doorbell_drain *drain, struct apic *apic)
{
	unsigned int v;

	for (v = 0; v < APIC_VECTORS; v++) {
		if (vec_test(drain->edge, v))
			apic_post(apic, v, false);
		if (vec_test(drain->refused, v))
			apic_refuse(apic, v);
	}
	/* After the edges: if it is the same vector, it needs its EOI. */
	if (drain->level != APIC_NO_VECTOR)
		apic_post(apic, drain->level, true);
	if (drain->nmi)
		apic_post_nmi(apic, APIC_FROM_HOST);
}

/* Edge in the vector byte: it becomes one of many. Level stays there. */
static u32 move_edge(struct doorbell_ext *ext, u32 status)
{
	u8 v = status & DOORBELL_EXT_VECTOR;

	if (status & DOORBELL_EXT_LEVEL || !v)
		return status;
	if (v >= 32)
		__atomic_fetch_or(&ext->irr[(v >> 5) - 1], BIT(v & 31), SEQ);
	status &= ~DOORBELL_EXT_VECTOR;
	return v == DOORBELL_EXT_FIRST_VECTOR ?
	       status | DOORBELL_EXT_VECTOR_31 : status;
}

/* No published text has this step; the layout is what monitors use. */
bool doorbell_handoff(struct doorbell *page, unsigned int vmpl,
		      const struct apic *apic)
{
	struct doorbell_ext *ext = descriptor(page, vmpl);
	u32 status = DOORBELL_EXT_MULTIPLE;
	unsigned int i;

	status |= move_edge(ext, __atomic_exchange_n(&ext->status, 0, SEQ));
	for (i = 1; i < 8; i++)
		__atomic_fetch_or(&ext->irr[i - 1], apic->irr[i], SEQ);
	for (i = 0; i < 8; i++)
		__atomic_store_n(&ext->isr[i], apic->isr[i], SEQ);
	if (vec_test(apic->irr, DOORBELL_EXT_FIRST_VECTOR))
		status |= DOORBELL_EXT_VECTOR_31;
	if (apic->nmi_pending)
		status |= DOORBELL_EXT_NMI;
	__atomic_fetch_or(&ext->status, status, SEQ);
	return !(apic->irr[0] & ~BIT(DOORBELL_EXT_FIRST_VECTOR));
}
