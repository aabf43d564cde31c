// SPDX-License-Identifier: MIT
/*
 * SVSM APIC protocol (58019): QUERY_FEATURES, CONFIGURE, READ_REGISTER,
 * WRITE_REGISTER, CONFIGURE_VECTOR.
 */
#include "core/apic_priv.h"
#include "core/svsm_apic.h"

#define RD	1
#define WR	2

#define VECTOR_VALID		(SVSM_APIC_VECTOR | SVSM_APIC_VECTOR_ENABLE | \
				 SVSM_APIC_VECTOR_ALL)

/* Trigger mode and level mean nothing here and may be set, as Linux does. */
#define ICR_VALID							\
	(APIC_ICR_VECTOR | APIC_ICR_MODE | APIC_ICR_LOGICAL |		\
	 APIC_ICR_ASSERT | APIC_ICR_LEVEL | APIC_ICR_SHORTHAND |	\
	 0xffffffff00000000ull)

static const struct apic_time no_time;	/* no register here needs one */

struct call {
	u32 number;
	u32 offset;		/* of the register, in the xAPIC page */
	u64 value;
};

bool svsm_apic_init(struct svsm_apic *s, struct apic *apic, u32 id,
		    u32 *users, struct apic_counters *count)
{
	const struct apic_config config = {
		.id = id, .bus_khz = 1, .has_x2apic = true,
		.start_x2apic = true, .filter = true,
	};
	struct apic_effects fx;

	if (!apic_init(apic, &config, count))
		return false;
	apic_write(apic, APIC_VIEW_X2APIC, APIC_SVR, APIC_SVR_ENABLE | 0xff,
		   no_time, &fx);
	*s = (struct svsm_apic){ .apic = apic, .users = users, .on = true };
	return true;
}

u64 svsm_apic_query(const struct svsm_apic *s, u32 version)
{
	if (!s->on || version != SVSM_APIC_VERSION)
		return 0;
	return (u64)SVSM_APIC_VERSION << 32 | SVSM_APIC_VERSION;
}

/* What the protocol has of the APIC; the rest is the host's. */
static unsigned int access_of(u32 offset)
{
	switch (offset) {
	case APIC_ID:
	case APIC_PPR:
	case APIC_LDR:
	case APIC_ISR ... APIC_IRR + 0x70:
		return RD;
	case APIC_TPR:
	case APIC_ICR:
		return RD | WR;
	case APIC_EOI:
	case APIC_SELF_IPI:
		return WR;
	default:
		return 0;
	}
}

static u64 decode_register(struct call *c, u64 msr, unsigned int want)
{
	if (msr < MSR_X2APIC_FIRST || msr > MSR_X2APIC_LAST)
		return SVSM_ERR_INVALID_ADDRESS;
	c->offset = X2APIC_OFFSET((u32)msr);
	if (!access_of(c->offset))
		return SVSM_ERR_INVALID_ADDRESS;
	if (!(access_of(c->offset) & want))
		return SVSM_ERR_INVALID_PARAMETER;
	return SVSM_SUCCESS;
}

/* Vectors 0-15 are illegal (APM 16.4.6): refused, they never reach IRR. */
static bool icr_valid(u64 icr)
{
	u64 mode = (icr & APIC_ICR_MODE) >> APIC_ICR_MODE_SHIFT;

	if (icr & ~ICR_VALID)
		return false;
	if (mode == APIC_FIXED)
		return (icr & APIC_ICR_VECTOR) >= APIC_FIRST_VECTOR;
	return mode == APIC_NMI;
}

static bool value_valid(u32 offset, u64 value)
{
	switch (offset) {
	case APIC_TPR:
		return value <= 0xff;
	case APIC_EOI:
		return !value;
	case APIC_ICR:
		return icr_valid(value);
	default:	/* SELF_IPI */
		return value >= APIC_FIRST_VECTOR && value <= 0xff;
	}
}

/* What the apic itself would refuse later: 0-30, one by one. */
static bool vector_valid(u64 rcx)
{
	return !(rcx & ~VECTOR_VALID) &&
	       (rcx & SVSM_APIC_VECTOR_ALL ||
		(rcx & SVSM_APIC_VECTOR) >= APIC_FIRST_ALLOWED);
}

static u64 decode(const struct svsm_apic *s, struct call *c, u64 rcx, u64 rdx)
{
	u64 result;

	if (!s->on)
		return SVSM_ERR_UNSUPPORTED_PROTOCOL;
	switch (c->number) {
	case SVSM_APIC_QUERY_FEATURES:
		return SVSM_SUCCESS;
	case SVSM_APIC_CONFIGURE:
		return rcx <= SVSM_APIC_REGISTER ?
		       SVSM_SUCCESS : SVSM_ERR_INVALID_PARAMETER;
	case SVSM_APIC_READ_REGISTER:
		return decode_register(c, rcx, RD);
	case SVSM_APIC_WRITE_REGISTER:
		result = decode_register(c, rcx, WR);
		if (result != SVSM_SUCCESS)
			return result;
		return value_valid(c->offset, rdx) ?
		       SVSM_SUCCESS : SVSM_ERR_INVALID_PARAMETER;
	case SVSM_APIC_CONFIGURE_VECTOR:
		return vector_valid(rcx) ?
		       SVSM_SUCCESS : SVSM_ERR_INVALID_PARAMETER;
	default:
		return SVSM_ERR_UNSUPPORTED_CALL;
	}
}

/* A decision by CAS: another vCPU's may come first, then it is made anew. */
static u64 users_change(u32 *users, bool add)
{
	u32 old = __atomic_load_n(users, __ATOMIC_SEQ_CST);

	do {
		if (old == SVSM_APIC_DISABLED)
			return add ? SVSM_ERR_APIC_CANNOT_REGISTER :
				     SVSM_SUCCESS;
		if (add && old == SVSM_APIC_MAX)
			return SVSM_ERR_APIC_CANNOT_REGISTER;
	} while (!__atomic_compare_exchange_n(users, &old,
					      add ? old + 1 : old - 1, false,
					      __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	return SVSM_SUCCESS;
}

static u64 configure(struct svsm_apic *s, u64 what,
		     struct svsm_apic_reply *reply)
{
	u64 result = SVSM_SUCCESS;

	if (what != SVSM_APIC_QUERY)
		result = users_change(s->users, what == SVSM_APIC_REGISTER);
	if (what == SVSM_APIC_REGISTER)
		return result;
	if (__atomic_load_n(s->users, __ATOMIC_SEQ_CST) == SVSM_APIC_DISABLED) {
		s->on = false;
		reply->disable = true;
	}
	return result;
}

/* A vector that is pending already was allowed when it came: it stays. */
static void configure_vector(struct apic *apic, u64 rcx)
{
	bool enable = rcx & SVSM_APIC_VECTOR_ENABLE;

	if (rcx & SVSM_APIC_VECTOR_ALL)
		apic_allow_all(apic, enable);
	else
		apic_allow(apic, rcx & SVSM_APIC_VECTOR, enable);
}

u64 svsm_apic_call(struct svsm_apic *s, u32 number, u64 rcx, u64 rdx,
		   struct svsm_apic_reply *reply)
{
	struct call c = { .number = number };
	u64 result = decode(s, &c, rcx, rdx);

	*reply = (struct svsm_apic_reply){ .rcx = rcx, .rdx = rdx };
	if (result != SVSM_SUCCESS)
		return result;
	switch (number) {
	case SVSM_APIC_QUERY_FEATURES:
		reply->rcx = 0;
		break;
	case SVSM_APIC_CONFIGURE:
		return configure(s, rcx, reply);
	case SVSM_APIC_READ_REGISTER:
		apic_read(s->apic, APIC_VIEW_X2APIC, c.offset, no_time,
			  &reply->rdx);
		break;
	case SVSM_APIC_WRITE_REGISTER:
		apic_write(s->apic, APIC_VIEW_X2APIC, c.offset, rdx, no_time,
			   &reply->fx);
		break;
	case SVSM_APIC_CONFIGURE_VECTOR:
		configure_vector(s->apic, rcx);
		break;
	}
	return SVSM_SUCCESS;
}
