// SPDX-License-Identifier: MIT
/*
 * Local APIC register file: APM table 16-2 (xAPIC page) and 16.11
 * (x2APIC MSRs). The table below is the whole policy; decode consults it and
 * may refuse, apply follows and cannot fail.
 */
#include "core/apic_priv.h"

#define RD	1
#define WR	2
#define RW	(RD | WR)

#define LVT_COMMON	(APIC_LVT_VECTOR | APIC_LVT_PENDING | APIC_LVT_MASKED)
#define LVT_MODED	(LVT_COMMON | APIC_LVT_MODE)
#define LVT_PIN		(LVT_MODED | APIC_LVT_POLARITY | APIC_LVT_LEVEL | \
			 APIC_LVT_REMOTE_IRR)
#define ICR_LOW		(APIC_ICR_VECTOR | APIC_ICR_MODE | APIC_ICR_LOGICAL | \
			 APIC_ICR_BUSY | APIC_ICR_ASSERT | APIC_ICR_LEVEL | \
			 APIC_ICR_SHORTHAND)

/* Absent from both: CMCI (Intel only), the extended space, CSR holes. */
static const struct apic_rule {
	u8 xapic;		/* access; 0: no register in this view */
	u8 x2apic;
	u64 valid;		/* bits that a write may set */
} apic_rules[0x40] = {
	[APIC_ID >> 4]		= { RD, RD, 0 },
	[APIC_VERSION >> 4]	= { RD, RD, 0 },
	[APIC_TPR >> 4]		= { RW, RW, 0xff },
	[APIC_APR >> 4]		= { RD, 0, 0 },
	[APIC_PPR >> 4]		= { RD, RD, 0 },
	[APIC_EOI >> 4]		= { WR, WR, 0 },
	[APIC_RRR >> 4]		= { RD, 0, 0 },
	[APIC_LDR >> 4]		= { RW, RD, 0xff000000 },
	[APIC_DFR >> 4]		= { RW, 0, 0xf0000000 },
	[APIC_SVR >> 4]		= { RW, RW, 0x3ff },
	[APIC_ISR >> 4 ... (APIC_IRR >> 4) + 7] = { RD, RD, 0 },
	[APIC_ESR >> 4]		= { RW, RW, 0 },
	[APIC_ICR >> 4]		= { RW, RW, ICR_LOW | 0xffffffff00000000 },
	[APIC_ICR2 >> 4]	= { RW, 0, 0xff000000 },
	[APIC_LVT_TIMER >> 4]	= { RW, RW, LVT_COMMON | APIC_LVT_TIMER_MODE },
	[APIC_LVT_THERMAL >> 4]	= { RW, RW, LVT_MODED },
	[APIC_LVT_PERF >> 4]	= { RW, RW, LVT_MODED },
	[APIC_LVT_LINT0 >> 4]	= { RW, RW, LVT_PIN },
	[APIC_LVT_LINT1 >> 4]	= { RW, RW, LVT_PIN },
	[APIC_LVT_ERROR >> 4]	= { RW, RW, LVT_COMMON },
	[APIC_TMICT >> 4]	= { RW, RW, 0xffffffff },
	[APIC_TMCCT >> 4]	= { RD, RD, 0 },
	[APIC_TDCR >> 4]	= { RW, RW, 0xb },
	[APIC_SELF_IPI >> 4]	= { 0, WR, 0xff },
};

static const char *const result_names[] = {
	[APIC_OK] = "ok",
	[APIC_BAD_VIEW] = "interface-not-enabled",
	[APIC_NO_REGISTER] = "no-such-register",
	[APIC_READ_ONLY] = "read-only",
	[APIC_WRITE_ONLY] = "write-only",
	[APIC_RESERVED] = "reserved-bits",
	[APIC_BAD_IPI] = "illegal-ipi",
	[APIC_BAD_TRANSITION] = "illegal-mode-transition",
	[APIC_BAD_ADDRESS] = "apic-base-moved",
};

const char *apic_result_name(enum apic_result result)
{
	if ((unsigned int)result >= ARRAY_SIZE(result_names))
		return "unknown";
	return result_names[result];
}

static enum apic_result decode_access(const struct apic *apic,
				      enum apic_view view, u32 offset, u8 want)
{
	const struct apic_rule *rule = &apic_rules[offset >> 4 & 0x3f];
	u8 have = view == APIC_VIEW_X2APIC ? rule->x2apic : rule->xapic;

	if (view == APIC_VIEW_NONE || view != apic_mode_of(apic))
		return APIC_BAD_VIEW;
	if (offset & 0xf || offset >> 4 >= ARRAY_SIZE(apic_rules) || !have)
		return APIC_NO_REGISTER;
	if (!(have & want))
		return want == WR ? APIC_READ_ONLY : APIC_WRITE_ONLY;
	return APIC_OK;
}

/* Mode 3 is reserved, mode 2 too when CPUID shows no TSC-deadline timer. */
static enum apic_result decode_timer(const struct apic *apic, u64 value)
{
	u32 mode = value & APIC_LVT_TIMER_MODE;

	if (mode == APIC_LVT_TIMER_MODE ||
	    (mode == APIC_LVT_TIMER_DEADLINE && !apic->config.tsc_khz))
		return APIC_RESERVED;
	return APIC_OK;
}

/* Reserved bits: #GP in x2APIC (APM 16.11), ignored in the xAPIC page. */
static enum apic_result decode_write(const struct apic *apic,
				     enum apic_view view, u32 offset,
				     u64 *value)
{
	enum apic_result result = decode_access(apic, view, offset, WR);
	u64 valid;

	if (result != APIC_OK)
		return result;
	valid = apic_rules[offset >> 4].valid;
	if (view == APIC_VIEW_X2APIC && *value & ~valid)
		return APIC_RESERVED;
	*value &= valid;
	if (offset == APIC_LVT_TIMER)
		return decode_timer(apic, *value);
	return APIC_OK;
}

static enum apic_lvt lvt_of(u32 offset)
{
	return (offset - APIC_LVT_TIMER) >> 4;
}

static u64 read_id(const struct apic *apic)
{
	u32 id = apic->config.id;

	return apic_mode_of(apic) == APIC_VIEW_X2APIC ? id : id << 24;
}

static u64 read_ldr(const struct apic *apic)
{
	if (apic_mode_of(apic) == APIC_VIEW_X2APIC)
		return x2apic_ldr(apic->config.id);
	return apic->ldr;
}

static u64 read_icr(const struct apic *apic)
{
	if (apic_mode_of(apic) == APIC_VIEW_X2APIC)
		return apic->icr;
	return (u32)apic->icr;
}

static u64 apply_read(const struct apic *apic, u32 offset, struct apic_time now)
{
	switch (offset) {
	case APIC_ID:
		return read_id(apic);
	case APIC_VERSION:
		return APIC_VERSION_VALUE;
	case APIC_TPR:
		return apic->tpr;
	case APIC_APR:
		return apic_apr(apic);
	case APIC_PPR:
		return apic_ppr(apic);
	case APIC_LDR:
		return read_ldr(apic);
	case APIC_DFR:
		return apic->dfr;
	case APIC_SVR:
		return apic->svr;
	case APIC_ISR ... APIC_ISR + 0x70:
		return apic->isr[offset >> 4 & 7];
	case APIC_TMR ... APIC_TMR + 0x70:
		return apic->tmr[offset >> 4 & 7];
	case APIC_IRR ... APIC_IRR + 0x70:
		return apic->irr[offset >> 4 & 7];
	case APIC_ESR:
		return apic->esr;
	case APIC_ICR:
		return read_icr(apic);
	case APIC_ICR2:
		return apic->icr >> 32;
	case APIC_LVT_TIMER ... APIC_LVT_ERROR:
		return apic->lvt[lvt_of(offset)];
	case APIC_TMICT:
		return apic->tmict;
	case APIC_TMCCT:
		return apic_timer_count(apic, now);
	case APIC_TDCR:
		return apic->tdcr;
	default:
		return 0;	/* RRR: remote read does not exist here */
	}
}

/* APM 16.4.6: an access to no register of the page is an error. */
static void report(struct apic *apic, enum apic_view view,
		   enum apic_result result)
{
	if (view == APIC_VIEW_XAPIC && result == APIC_NO_REGISTER)
		apic_error(apic, APIC_ESR_REGISTER);
}

enum apic_result apic_read(struct apic *apic, enum apic_view view, u32 offset,
			   struct apic_time now, u64 *value)
{
	enum apic_result result = decode_access(apic, view, offset, RD);

	*value = 0;
	if (result == APIC_OK)
		*value = apply_read(apic, offset, now);
	report(apic, view, result);
	return result;
}

/* ICR is the exception in the rule: its decode lives in apic_ipi.c. */
static enum apic_result apply_icr(struct apic *apic, u32 offset, u64 value,
				  struct apic_effects *fx)
{
	if (offset == APIC_ICR2) {
		apic->icr = (u32)apic->icr | value << 32;
		return APIC_OK;
	}
	if (apic_mode_of(apic) == APIC_VIEW_XAPIC)
		value = (u32)value | (apic->icr >> 56) << 56;
	return apic_icr_write(apic, value, fx);
}

static void apply_write(struct apic *apic, u32 offset, u64 value,
			struct apic_time now, struct apic_effects *fx)
{
	switch (offset) {
	case APIC_TPR:
		apic->tpr = value;
		break;
	case APIC_EOI:
		fx->eoi = apic_eoi(apic, &fx->eoi_vector);
		break;
	case APIC_LDR:
		__atomic_store_n(&apic->ldr, value, __ATOMIC_RELAXED);
		break;
	case APIC_DFR:
		__atomic_store_n(&apic->dfr, value | 0x0fffffff,
				 __ATOMIC_RELAXED);
		break;
	case APIC_SVR:
		apic_svr_write(apic, value, now);
		break;
	case APIC_ESR:
		apic->esr = apic->errors;
		apic->errors = 0;
		break;
	case APIC_LVT_TIMER ... APIC_LVT_ERROR:
		apic_lvt_write(apic, lvt_of(offset), value, now);
		break;
	case APIC_TMICT:
		apic_timer_write_count(apic, value, now);
		break;
	case APIC_TDCR:
		apic_timer_write_divide(apic, value, now);
		break;
	case APIC_SELF_IPI:
		apic_self_ipi(apic, value);
		break;
	}
}

static bool touches_timer(u32 offset)
{
	return offset == APIC_SVR || offset == APIC_LVT_TIMER ||
	       offset == APIC_TMICT || offset == APIC_TDCR;
}

enum apic_result apic_write(struct apic *apic, enum apic_view view, u32 offset,
			    u64 value, struct apic_time now,
			    struct apic_effects *fx)
{
	enum apic_result result = decode_write(apic, view, offset, &value);

	*fx = (struct apic_effects){ .irq = true };
	report(apic, view, result);
	if (result != APIC_OK)
		return result;
	if (offset == APIC_ICR || offset == APIC_ICR2)
		return apply_icr(apic, offset, value, fx);
	apply_write(apic, offset, value, now, fx);
	fx->timer = touches_timer(offset);
	return APIC_OK;
}
