// SPDX-License-Identifier: MIT
/*
 * Interrupt messages: what ICR and MSIs say, whom they address, and what they
 * do to the APIC that they reach (APM 16.5, 16.6; SDM "Issuing IPIs").
 */
#include "core/apic_priv.h"

#define MODE_REMOTE_READ	3

#define ICR_VALID							\
	(APIC_ICR_VECTOR | APIC_ICR_MODE | APIC_ICR_LOGICAL |		\
	 APIC_ICR_BUSY | APIC_ICR_ASSERT | APIC_ICR_LEVEL |		\
	 APIC_ICR_SHORTHAND | 0xffffffff00000000ull)
#define ICR_XAPIC_RESERVED	0x00ffffff00000000ull

static bool mode_has_vector(u8 mode)
{
	return mode == APIC_FIXED || mode == APIC_LOWEST;
}

/*
 * A CPU may send itself an interrupt or an NMI; SMI, INIT, SIPI and an
 * arbitration with itself have no defined meaning (SDM "Valid Combinations").
 */
static bool ipi_allowed(const struct irq_msg *msg)
{
	if (msg->mode == MODE_REMOTE_READ || msg->mode == APIC_EXTINT)
		return false;
	if (msg->shorthand == APIC_DEST_SELF || msg->shorthand == APIC_DEST_ALL)
		return msg->mode == APIC_FIXED || msg->mode == APIC_NMI;
	return true;
}

/*
 * Level and trigger mode of an IPI mean something for INIT only: everything
 * else is edge, so a guest cannot make one need an EOI broadcast.
 */
enum apic_result apic_decode_icr(u64 icr, bool wide, struct irq_msg *msg)
{
	if (icr & ~ICR_VALID || (!wide && icr & ICR_XAPIC_RESERVED))
		return APIC_RESERVED;
	*msg = (struct irq_msg){
		.dest = wide ? icr >> APIC_ICR_DEST_SHIFT : icr >> 56,
		.vector = icr & APIC_ICR_VECTOR,
		.mode = (icr & APIC_ICR_MODE) >> APIC_ICR_MODE_SHIFT,
		.shorthand = (icr & APIC_ICR_SHORTHAND) >>
			     APIC_ICR_SHORTHAND_SHIFT,
		.logical = icr & APIC_ICR_LOGICAL,
		.wide = wide,
	};
	return ipi_allowed(msg) ? APIC_OK : APIC_BAD_IPI;
}

void apic_self_ipi(struct apic *apic, u8 vector)
{
	if (vector < APIC_FIRST_VECTOR)
		apic_error(apic, APIC_ESR_SEND_VECTOR);
	else
		apic_post_ipi(apic, vector);
}

/* The second half of the INIT protocol of old: synchronises nothing today. */
static bool is_init_deassert(u64 icr, const struct irq_msg *msg)
{
	return msg->mode == APIC_INIT && icr & APIC_ICR_LEVEL &&
	       !(icr & APIC_ICR_ASSERT);
}

enum apic_result apic_icr_write(struct apic *apic, u64 value,
				struct apic_effects *fx)
{
	bool wide = apic_mode_of(apic) == APIC_VIEW_X2APIC;
	struct irq_msg msg;
	enum apic_result result = apic_decode_icr(value, wide, &msg);

	if (result != APIC_OK)
		return result;
	/* Sent at once: delivery status never reads 1. */
	apic->icr = value & ~APIC_ICR_BUSY;
	if (mode_has_vector(msg.mode) && msg.vector < APIC_FIRST_VECTOR) {
		apic_error(apic, APIC_ESR_SEND_VECTOR);
	} else if (msg.shorthand == APIC_DEST_SELF) {
		if (msg.mode == APIC_NMI)
			apic_post_nmi(apic, APIC_FROM_GUEST);
		else
			apic_self_ipi(apic, msg.vector);
	} else if (!is_init_deassert(value, &msg)) {
		fx->ipi = true;
		fx->msg = msg;
		if (apic->count)
			apic->count->ipis++;
	}
	return APIC_OK;
}

/*
 * SDM "Message Signalled Interrupts". Address: FEEh, destination 19:12, hint
 * (RH) 3, logical 2. Data: vector, mode 10:8, level 14, trigger 15. The rest
 * is reserved, and the device that sets it gets nothing.
 */
enum apic_result apic_decode_msi(u64 address, u32 data, bool ext,
				 struct irq_msg *msg)
{
	u32 reserved = ext ? 0x013 : 0xff3;

	if (address >> 20 != 0xfee || address & reserved ||
	    data & ~0xc7ffu)
		return APIC_RESERVED;
	if (data & BIT(15) && !(data & BIT(14)))
		return APIC_RESERVED;	/* level deassert */
	*msg = (struct irq_msg){
		.dest = (address >> 12 & 0xff) | (address & 0xfe0) << 3,
		.vector = data & 0xff,
		.mode = data >> 8 & 7,
		.logical = address & BIT(2),
		.level = data & BIT(15),
		.wide = ext,
	};
	if (msg->mode == MODE_REMOTE_READ || msg->mode == APIC_SIPI)
		return APIC_BAD_IPI;
	/* The hint asks for one of several: that is arbitration. */
	if (address & BIT(3) && msg->logical && msg->mode == APIC_FIXED)
		msg->mode = APIC_LOWEST;
	return APIC_OK;
}

/*
 * APM 16.6.1, 16.14. xAPIC: flat or cluster by DFR; x2APIC: always clusters
 * of 16. An APIC in xAPIC mode knows 8 bits of logical destination.
 *
 * What addresses an APIC (ID, APIC_BASE, LDR, DFR) may be read while its own
 * vCPU changes it: single words, and either value was right a moment ago.
 */
static bool match_logical(const struct apic *apic, u32 dest)
{
	u32 dfr = __atomic_load_n(&apic->dfr, __ATOMIC_RELAXED);
	u32 ldr;

	if (apic_mode_of(apic) == APIC_VIEW_X2APIC) {
		ldr = x2apic_ldr(apic->config.id);
		return ldr >> 16 == dest >> 16 && ldr & dest & 0xffff;
	}
	ldr = __atomic_load_n(&apic->ldr, __ATOMIC_RELAXED) >> 24;
	if (dest > 0xff)
		return false;
	if (dfr >> 28 == 0xf)
		return ldr & dest;
	return dfr >> 28 == 0 && ldr >> 4 == dest >> 4 &&
	       ldr & dest & 0xf;
}

/* A broadcast reaches both modes, physical and logical. */
static bool match_dest(const struct apic *apic, const struct irq_msg *msg)
{
	if (msg->dest == (msg->wide ? APIC_BROADCAST : 0xffu))
		return true;
	if (msg->logical)
		return match_logical(apic, msg->dest);
	return msg->dest == apic->config.id;
}

bool apic_match(const struct apic *apic, const struct irq_msg *msg,
		const struct apic *from)
{
	if (apic_mode_of(apic) == APIC_VIEW_NONE)
		return false;
	switch (msg->shorthand) {
	case APIC_DEST_NONE:
		return match_dest(apic, msg);
	case APIC_DEST_SELF:
		return apic == from;
	case APIC_DEST_ALL:
		return true;
	case APIC_DEST_OTHERS:
		return apic != from;
	default:
		return false;
	}
}

struct apic *apic_lowest(struct apic *best, struct apic *candidate)
{
	if (!apic_enabled(candidate))
		return best;
	if (!best || apic_apr(candidate) < apic_apr(best))
		return candidate;
	return best;
}

/* The BSP waits for no SIPI: see the drawing at enum apic_run. */
static enum apic_post post_sipi(struct apic *apic, u8 vector)
{
	if (apic->run == APIC_WAIT_SIPI)
		apic->run = APIC_STARTED;
	else if (apic->run == APIC_INIT_PENDING && !apic->config.bsp)
		apic->run = APIC_INIT_SIPI;
	else
		return APIC_POST_IGNORED;
	apic->sipi_vector = vector;
	return APIC_POST_ACCEPTED;
}

static enum apic_post post_init(struct apic *apic)
{
	if (apic->run == APIC_INIT_PENDING)
		return APIC_POST_COALESCED;
	apic->run = APIC_INIT_PENDING;
	return APIC_POST_ACCEPTED;
}

/* A filtering APIC takes INIT and SIPI from the guest's own ICR alone. */
enum apic_post apic_deliver(struct apic *apic, const struct irq_msg *msg,
			    enum apic_origin origin)
{
	bool trusted = origin == APIC_FROM_GUEST || !apic->config.filter;

	switch (msg->mode) {
	case APIC_FIXED:
	case APIC_LOWEST:
		if (origin == APIC_FROM_GUEST)
			return apic_post_ipi(apic, msg->vector);
		return apic_post(apic, msg->vector, msg->level);
	case APIC_NMI:
		return apic_post_nmi(apic, origin);
	case APIC_INIT:
		return trusted ? post_init(apic) : APIC_POST_FILTERED;
	case APIC_SIPI:
		return trusted ? post_sipi(apic, msg->vector) :
				 APIC_POST_FILTERED;
	default:
		return APIC_POST_UNSUPPORTED;
	}
}

/* Call until it says APIC_START_NONE: after an INIT a SIPI may be waiting. */
enum apic_start apic_take_start(struct apic *apic, u8 *vector)
{
	switch (apic->run) {
	case APIC_INIT_PENDING:
		apic_reset(apic, APIC_RESET_INIT);
		apic->run = apic->config.bsp ? APIC_RUNNING : APIC_WAIT_SIPI;
		return apic->config.bsp ? APIC_START_RESET_BSP :
					  APIC_START_RESET;
	case APIC_INIT_SIPI:
		apic_reset(apic, APIC_RESET_INIT);
		apic->run = APIC_STARTED;
		return APIC_START_RESET;
	case APIC_STARTED:
		apic->run = APIC_RUNNING;
		*vector = apic->sipi_vector;
		return APIC_START_SIPI;
	case APIC_RUNNING:
	case APIC_WAIT_SIPI:
		break;
	}
	return APIC_START_NONE;
}
