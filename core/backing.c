// SPDX-License-Identifier: MIT
/*
 * The backing page of Secure AVIC (APM 15.29.3, 15.36.21.3): words are
 * changed atomically, as hardware and other CPUs write the same page.
 */
#include "core/apic_priv.h"
#include "core/gpr.h"
#include "core/backing.h"

#define SEQ		__ATOMIC_SEQ_CST
#define RELAXED		__ATOMIC_RELAXED

/* Vectors 0-15 are no interrupts, whoever sets their bits. */
#define LEGAL(word)	((word) ? ~0u : 0xffff0000u)

static u32 *reg(const struct backing *s, u32 offset)
{
	return &s->page[offset / 4];
}

static u32 *word(const struct backing *s, u32 base, unsigned int i)
{
	return reg(s, base + 0x10 * i);
}

static u32 get(const struct backing *s, u32 offset)
{
	return __atomic_load_n(reg(s, offset), SEQ);
}

static void put(struct backing *s, u32 offset, u32 value)
{
	__atomic_store_n(reg(s, offset), value, SEQ);
}

static void load_words(const struct backing *s, u32 base, u32 out[8])
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		out[i] = __atomic_load_n(word(s, base, i), SEQ) & LEGAL(i);
}

/* What is there is taken; what comes later stays for the next time. */
static void take_words(struct backing *s, u32 base, u32 out[8])
{
	unsigned int i;

	for (i = 0; i < 8; i++) {
		out[i] = 0;
		if (__atomic_load_n(word(s, base, i), RELAXED))
			out[i] = __atomic_exchange_n(word(s, base, i), 0,
						     SEQ) & LEGAL(i);
	}
}

void backing_init(struct backing *s, u32 *page)
{
	unsigned int i;

	*s = (struct backing){ .page = page };
	for (i = 0; page && i < PAGE_SIZE / 4; i++)
		page[i] = 0;
}

/* ---- into the page ------------------------------------------------------- */

static void copy_lvts(struct backing *s, const struct apic *apic)
{
	unsigned int i;

	for (i = 0; i < APIC_LVTS; i++)
		put(s, APIC_LVT_TIMER + 0x10 * i, apic->lvt[i]);
}

/*
 * Made anew from what other CPUs may be changing: they change the source
 * first, then the page, so a source that is still the same was not missed.
 */
static void copy_map(u32 *to, const u32 *from, u32 more)
{
	u32 bits;

	do {
		bits = __atomic_load_n(from, SEQ);
		__atomic_store_n(to, bits | more, SEQ);
	} while (__atomic_load_n(from, SEQ) != bits);
}

/* TMR decides which EOIs come to the monitor. */
static void copy_maps(struct backing *s)
{
	unsigned int i;

	for (i = 0; i < 8; i++) {
		copy_map(word(s, SAVIC_ALLOWED_IRR, i), &s->allowed[i], 0);
		copy_map(word(s, APIC_TMR, i), &s->level[i], s->instance[i]);
	}
}

/* PPR of what is in the page: the APIC does not have ISR then. */
static u8 page_ppr(const struct backing *s, u8 tpr)
{
	u32 isr[8];
	int v;

	load_words(s, APIC_ISR, isr);
	v = vec_highest(isr);
	return v >= 0 && apic_class(v) > apic_class(tpr) ? v & 0xf0 : tpr;
}

static void copy_registers(struct backing *s, const struct apic *apic)
{
	put(s, APIC_ID, apic->config.id);
	put(s, APIC_VERSION, APIC_VERSION_VALUE);
	put(s, APIC_TPR, apic->tpr);
	put(s, APIC_PPR, page_ppr(s, apic->tpr));
	put(s, APIC_LDR, x2apic_ldr(apic->config.id));
	put(s, APIC_SVR, apic->svr);
	put(s, APIC_ESR, apic->esr);
	put(s, APIC_ICR, apic->icr);
	put(s, APIC_ICR2, apic->icr >> 32);
	copy_lvts(s, apic);
	put(s, APIC_TMICT, apic->tmict);
	put(s, APIC_TDCR, apic->tdcr);
}

void backing_push(struct backing *s, struct apic *apic)
{
	unsigned int i;

	for (i = 0; i < 8; i++) {
		s->instance[i] = apic->tmr[i] & (apic->irr[i] | apic->isr[i]) &
				 ~__atomic_load_n(&s->level[i], SEQ);
		if (apic->irr[i])
			__atomic_fetch_or(word(s, APIC_IRR, i), apic->irr[i],
					  SEQ);
		__atomic_store_n(word(s, APIC_ISR, i), apic->isr[i], SEQ);
		apic->irr[i] = apic->isr[i] = 0;
	}
	copy_registers(s, apic);
	copy_maps(s);
	s->in_page = true;
}

/* ---- out of the page ----------------------------------------------------- */

/* At most one vector of a class is in service: the highest (APM 16.6.3). */
static void one_a_class(u32 isr[8])
{
	unsigned int class;
	u32 bits, top;

	for (class = 1; class < 16; class++) {
		bits = isr[class / 2] >> 16 * (class % 2) & 0xffff;
		if (!(bits & (bits - 1)))
			continue;
		top = BIT(31 - __builtin_clz(bits));
		isr[class / 2] &= ~((bits ^ top) << 16 * (class % 2));
	}
}

/* V_TPR is what hardware masks by; the page has the rest of TPR. */
static u8 decode_tpr(const struct backing *s, u8 v_tpr)
{
	u8 tpr = get(s, APIC_TPR);

	return apic_class(tpr) == (v_tpr & 0xf) ? tpr : v_tpr << 4;
}

static void post_words(struct apic *apic, const u32 irr[8])
{
	unsigned int i;
	u32 bits;

	for (i = 0; i < 8; i++)
		for (bits = irr[i]; bits; bits &= bits - 1)
			apic_post_ipi(apic, i * 32 + __builtin_ctz(bits));
}

static void take_nmi(struct backing *s, struct apic *apic)
{
	if (get(s, SAVIC_NMI_REQ) &&
	    __atomic_exchange_n(reg(s, SAVIC_NMI_REQ), 0, SEQ) & 1)
		apic_post_nmi(apic, APIC_FROM_GUEST);
}

/* The pins' vectors, and whatever else under way needs an EOI. */
static u32 level_now(struct backing *s, unsigned int i, u32 under_way)
{
	u32 ending = __atomic_exchange_n(&s->ending[i], 0, SEQ);

	return (__atomic_load_n(&s->level[i], SEQ) & LEGAL(i)) |
	       ((s->instance[i] | ending) & under_way);
}

void backing_pull(struct backing *s, struct apic *apic, u8 v_tpr)
{
	u32 irr[8], isr[8];
	unsigned int i;

	take_words(s, APIC_IRR, irr);
	take_nmi(s, apic);
	if (!s->in_page) {
		post_words(apic, irr);
		return;
	}
	take_words(s, APIC_ISR, isr);
	one_a_class(isr);
	for (i = 0; i < 8; i++) {
		apic->irr[i] |= irr[i];
		apic->isr[i] = isr[i];
		apic->tmr[i] = level_now(s, i, apic->irr[i] | isr[i]);
	}
	apic->tpr = decode_tpr(s, v_tpr);
	s->in_page = false;
}

/* ---- without moving anything --------------------------------------------- */

bool backing_wakes(const struct backing *s, const struct vmsa *vmsa)
{
	bool masked = vmsa->vintr_ctrl & VINTR_NMI_ENABLE &&
		      vmsa->vintr_ctrl & VINTR_NMI_MASK;
	u8 ppr = page_ppr(s, (vmsa->vintr_ctrl & 0xf) << 4);
	u32 irr[8];
	int v;

	if (get(s, SAVIC_NMI_REQ) & 1 && !masked)
		return true;
	load_words(s, APIC_IRR, irr);
	v = vec_highest(irr);
	return vmsa->rflags & RFLAGS_IF && v >= 0 &&
	       apic_class(v) > apic_class(ppr);
}

bool backing_posted(const struct backing *s)
{
	u32 irr[8];

	load_words(s, APIC_IRR, irr);
	return vec_highest(irr) >= 0 || get(s, SAVIC_NMI_REQ) & 1;
}

/* ---- from any CPU -------------------------------------------------------- */

bool backing_post(struct backing *s, u8 vector)
{
	u32 bit = BIT(vector & 31);

	return !(__atomic_fetch_or(word(s, APIC_IRR, vector >> 5), bit, SEQ) &
		 bit);
}

bool backing_post_nmi(struct backing *s)
{
	return !(__atomic_exchange_n(reg(s, SAVIC_NMI_REQ), 1, SEQ) & 1);
}

static void change(u32 *at, u32 bit, bool set)
{
	if (set)
		__atomic_fetch_or(at, bit, SEQ);
	else
		__atomic_fetch_and(at, ~bit, SEQ);
}

void backing_allow(struct backing *s, u8 vector, bool allow)
{
	unsigned int i = vector >> 5;

	change(&s->allowed[i], BIT(vector & 31), allow);
	change(word(s, SAVIC_ALLOWED_IRR, i), BIT(vector & 31), allow);
}

/*
 * Edge to level: TMR before the device can send. Level to edge: one that is
 * still under way keeps its bit until it has come back from the page, as a
 * real APIC samples TMR at acceptance. IRR is read first: that is the way.
 */
void backing_set_level(struct backing *s, u8 vector, bool level)
{
	u32 bit = BIT(vector & 31), busy;
	unsigned int i = vector >> 5;

	busy = __atomic_load_n(word(s, APIC_IRR, i), SEQ);
	busy |= __atomic_load_n(word(s, APIC_ISR, i), SEQ);
	if (!level && busy & bit & __atomic_load_n(&s->level[i], SEQ))
		change(&s->ending[i], bit, true);
	change(&s->level[i], bit, level);
	if (level || !(busy & bit))
		change(word(s, APIC_TMR, i), bit, level);
}

/* ---- exits --------------------------------------------------------------- */

/*
 * Table 15-22, where it agrees with itself and with what implementations
 * found: registers that software cannot write fault, as does the extended
 * space; of reads only those get here that fault.
 */
static bool write_faults(u32 offset)
{
	switch (offset) {
	case APIC_ID:
	case APIC_VERSION:
	case APIC_APR:
	case APIC_PPR:
	case APIC_LDR:
	case APIC_ISR ... APIC_IRR + 0x70:
	case APIC_TMCCT:
		return true;
	default:
		return offset >= APIC_EFEAT;
	}
}

/*
 * The value is that of the instruction, RDX:RAX; what page and EXITINFO hold
 * of it may differ (docs/secure-avic.md). 401h is said of ICR and SELF_IPI.
 */
struct backing_access backing_decode(const struct vmsa *vmsa)
{
	bool ipi = vmsa->exit_code == EXIT_AVIC_INCOMPLETE_IPI;
	struct backing_access a = {
		.offset = vmsa->exit_info1 & AVIC_NOACCEL_OFFSET,
		.write = ipi || vmsa->exit_info1 & AVIC_NOACCEL_WRITE,
		.value = (u32)vmsa->rax | vmsa->rdx << 32,
		.eoi = vmsa->exit_info2,
	};

	if (ipi)
		a.offset = (u32)vmsa->rcx == X2APIC_MSR(APIC_SELF_IPI) ?
			   APIC_SELF_IPI : APIC_ICR;
	a.fault = !a.write || (!ipi && write_faults(a.offset));
	return a;
}

void backing_back_up(struct vmsa *vmsa)
{
	u64 rip = vmsa->rip - 2;

	vmsa->rip = vmsa_mode(vmsa) == 8 ? rip : (u32)rip;
}
