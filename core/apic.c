// SPDX-License-Identifier: MIT
/*
 * Local APIC: reset and modes, IRR/ISR/TMR, priorities, filter.
 */
#include "core/apic_priv.h"

#define APIC_COUNT(apic, v, field, by)					\
	do {								\
		if ((apic)->count)					\
			(apic)->count->vector[v].field += (by);		\
	} while (0)

#define NMI_COUNT(apic, field)						\
	do {								\
		if ((apic)->count)					\
			(apic)->count->nmi_##field++;			\
	} while (0)

/* What reset takes away is accounted for, or it would look like a loss. */
static void count_discarded(struct apic *apic)
{
	unsigned int v;

	for (v = APIC_FIRST_VECTOR; v < APIC_VECTORS; v++) {
		if (vec_test(apic->irr, v))
			APIC_COUNT(apic, v, discarded, 1);
		if (vec_test(apic->isr, v))
			APIC_COUNT(apic, v, aborted, 1);
	}
}

/* Register values after reset: APM table 16-2. */
static void reset_registers(struct apic *apic)
{
	unsigned int i;

	count_discarded(apic);
	for (i = 0; i < 8; i++)
		apic->irr[i] = apic->isr[i] = apic->tmr[i] = 0;
	for (i = 0; i < APIC_LVTS; i++)
		apic->lvt[i] = APIC_LVT_MASKED;
	apic->tpr = 0;
	apic->svr = 0xff;
	apic->ldr = 0;
	apic->dfr = 0xffffffff;
	apic->esr = 0;
	apic->errors = 0;
	apic->icr = 0;
	apic->tmict = 0;
	apic->tdcr = 0;
	apic->tsc_deadline = 0;
	apic->timer_due = 0;
	apic->timer_running = false;
}

/*
 * INIT keeps the APIC ID, APIC_BASE and with it the mode (SDM "Local APIC
 * State After It Receives an INIT"). It keeps the filter too: which vectors
 * the host may post is the guest owner's policy, not a register, and another
 * vCPU's INIT must not be a way to change it.
 */
void apic_reset(struct apic *apic, enum apic_reset how)
{
	reset_registers(apic);
	apic->nmi_pending = false;
	if (how == APIC_RESET_INIT)
		return;
	apic->base = APIC_DEFAULT_BASE | APIC_BASE_ENABLE;
	if (apic->config.bsp)
		apic->base |= APIC_BASE_BSP;
	if (apic->config.start_x2apic)
		apic->base |= APIC_BASE_EXTD;
	apic_allow_all(apic, false);
	apic->allow_nmi = false;
	apic->lint_lines = 0;
	apic->sipi_vector = 0;
	apic->run = apic->config.bsp ? APIC_RUNNING : APIC_WAIT_SIPI;
}

bool apic_init(struct apic *apic, const struct apic_config *config,
	       struct apic_counters *count)
{
	/* The bound keeps ticks and nanoseconds within 64 bits. */
	if (!config->bus_khz || config->bus_khz > 10000000)
		return false;
	if (config->start_x2apic && !config->has_x2apic)
		return false;
	if (config->id == APIC_BROADCAST)
		return false;
	if (config->id >= 0xff && !config->start_x2apic)
		return false;
	*apic = (struct apic){ .config = *config, .count = count };
	apic_reset(apic, APIC_RESET_POWER_UP);
	return true;
}

static enum apic_view view_of_base(u64 base)
{
	if (!(base & APIC_BASE_ENABLE))
		return APIC_VIEW_NONE;
	return base & APIC_BASE_EXTD ? APIC_VIEW_X2APIC : APIC_VIEW_XAPIC;
}

enum apic_view apic_mode_of(const struct apic *apic)
{
	return view_of_base(__atomic_load_n(&apic->base, __ATOMIC_RELAXED));
}

bool apic_enabled(const struct apic *apic)
{
	return apic->base & APIC_BASE_ENABLE && apic->svr & APIC_SVR_ENABLE;
}

u64 apic_read_base(const struct apic *apic)
{
	return apic->base;
}

/* Legal changes of mode: APM 16.9; SDM "x2APIC State Transitions". */
static enum apic_result base_decode(const struct apic *apic, u64 value)
{
	enum apic_view from = apic_mode_of(apic), to = view_of_base(value);

	if (value & ~(APIC_BASE_ADDR | APIC_BASE_BSP | APIC_BASE_EXTD |
		      APIC_BASE_ENABLE))
		return APIC_RESERVED;
	if (value & APIC_BASE_EXTD && !apic->config.has_x2apic)
		return APIC_RESERVED;
	if ((value & APIC_BASE_ADDR) != APIC_DEFAULT_BASE)
		return APIC_BAD_ADDRESS;
	if (to == APIC_VIEW_NONE && value & APIC_BASE_EXTD)
		return APIC_BAD_TRANSITION;
	if (from == APIC_VIEW_NONE && to == APIC_VIEW_X2APIC)
		return APIC_BAD_TRANSITION;
	if (from == APIC_VIEW_X2APIC && to == APIC_VIEW_XAPIC)
		return APIC_BAD_TRANSITION;
	return APIC_OK;
}

enum apic_result apic_write_base(struct apic *apic, u64 value,
				 struct apic_effects *fx)
{
	enum apic_result result = base_decode(apic, value);

	*fx = (struct apic_effects){ 0 };
	if (result != APIC_OK)
		return result;
	/* BSP is read-only: who is the boot CPU is not the guest's to say. */
	__atomic_store_n(&apic->base, (value & ~APIC_BASE_BSP) |
			 (apic->base & APIC_BASE_BSP), __ATOMIC_RELAXED);
	if (apic_mode_of(apic) == APIC_VIEW_NONE)
		reset_registers(apic);
	fx->irq = true;
	fx->timer = true;
	return APIC_OK;
}

bool apic_allow(struct apic *apic, u8 vector, bool allow)
{
	if (vector < APIC_FIRST_ALLOWED)
		return false;
	if (allow)
		vec_set(apic->allowed, vector);
	else
		vec_clear(apic->allowed, vector);
	return true;
}

void apic_allow_all(struct apic *apic, bool allow)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		apic->allowed[i] = allow && i ? 0xffffffff : 0;
	if (allow)
		vec_set(apic->allowed, APIC_FIRST_ALLOWED);
}

/*
 * TMR is sampled when a vector enters IRR (APM 16.6). A level request that
 * finds its vector pending still has to be answered by an EOI broadcast, so
 * coalescing may set TMR but not clear it.
 */
static enum apic_post set_irr(struct apic *apic, u8 vector, bool level)
{
	if (level)
		vec_set(apic->tmr, vector);
	if (vec_test(apic->irr, vector)) {
		APIC_COUNT(apic, vector, coalesced, 1);
		return APIC_POST_COALESCED;
	}
	if (!level)
		vec_clear(apic->tmr, vector);
	vec_set(apic->irr, vector);
	return APIC_POST_ACCEPTED;
}

enum apic_post apic_accept(struct apic *apic, u8 vector, bool level)
{
	APIC_COUNT(apic, vector, posted, 1);
	if (apic_enabled(apic) && vector >= APIC_FIRST_VECTOR)
		return set_irr(apic, vector, level);
	APIC_COUNT(apic, vector, refused, 1);
	if (!apic_enabled(apic))
		return APIC_POST_DISABLED;
	apic_error(apic, APIC_ESR_RECV_VECTOR);
	return APIC_POST_ILLEGAL;
}

/*
 * "Set" means once until software writes ESR, which re-arms it (SDM "Error
 * Handling"): an error LVT with an illegal vector cannot feed itself.
 */
void apic_error(struct apic *apic, u32 bit)
{
	u32 lvt = apic->lvt[APIC_LVT_IDX_ERROR];
	u8 vector = lvt & APIC_LVT_VECTOR;
	bool armed = !apic->errors;

	apic->errors |= bit;
	if (!armed || lvt & APIC_LVT_MASKED)
		return;
	APIC_COUNT(apic, vector, posted, 1);
	if (vector >= APIC_FIRST_VECTOR) {
		set_irr(apic, vector, false);
		return;
	}
	APIC_COUNT(apic, vector, refused, 1);
	apic->errors |= APIC_ESR_RECV_VECTOR;
}

/* Before anything else looks at the vector: the host must not reach ESR. */
static bool filtered(const struct apic *apic, u8 vector)
{
	if (!apic->config.filter)
		return false;
	return vector < APIC_FIRST_ALLOWED || !vec_test(apic->allowed, vector);
}

void apic_refuse(struct apic *apic, u8 vector)
{
	APIC_COUNT(apic, vector, posted, 1);
	APIC_COUNT(apic, vector, refused, 1);
}

enum apic_post apic_post(struct apic *apic, u8 vector, bool level)
{
	if (!filtered(apic, vector))
		return apic_accept(apic, vector, level);
	apic_refuse(apic, vector);
	return APIC_POST_FILTERED;
}

enum apic_post apic_post_ipi(struct apic *apic, u8 vector)
{
	return apic_accept(apic, vector, false);
}

enum apic_post apic_post_nmi(struct apic *apic, enum apic_origin origin)
{
	bool filter = origin == APIC_FROM_HOST && apic->config.filter;

	NMI_COUNT(apic, posted);
	if (filter && !apic->allow_nmi) {
		NMI_COUNT(apic, refused);
		return APIC_POST_FILTERED;
	}
	if (apic->nmi_pending) {
		NMI_COUNT(apic, coalesced);
		return APIC_POST_COALESCED;
	}
	apic->nmi_pending = true;
	return APIC_POST_ACCEPTED;
}

bool apic_take_nmi(struct apic *apic)
{
	bool taken = apic->nmi_pending;

	if (taken)
		NMI_COUNT(apic, taken);
	apic->nmi_pending = false;
	return taken;
}

int apic_in_service(const struct apic *apic)
{
	return vec_highest(apic->isr);
}

bool apic_is_level(const struct apic *apic, u8 vector)
{
	return vec_test(apic->tmr, vector);
}

/* APM 16.6.4, PPR: an in-service class above TPR's hides TPR[3:0]. */
u8 apic_ppr(const struct apic *apic)
{
	int isrv = apic_in_service(apic);

	if (isrv >= 0 && apic_class(isrv) > apic_class(apic->tpr))
		return isrv & 0xf0;
	return apic->tpr;
}

/* SDM "Arbitration Priority Register"; the APM gives the same in prose. */
u8 apic_apr(const struct apic *apic)
{
	int irrv = vec_highest(apic->irr), isrv = apic_in_service(apic);
	int t = apic_class(apic->tpr);
	int r = irrv < 0 ? 0 : apic_class(irrv);
	int s = isrv < 0 ? 0 : apic_class(isrv);

	if (t >= r && t > s)
		return apic->tpr;
	return ((t & s) > r ? (t & s) : r) << 4;
}

int apic_candidate(const struct apic *apic)
{
	int irrv = vec_highest(apic->irr), isrv = apic_in_service(apic);

	if (irrv >= 0 && isrv >= 0 && apic_class(irrv) <= apic_class(isrv))
		return APIC_NO_VECTOR;
	return irrv;
}

/*
 * A software-disabled APIC holds what it has and still delivers it (APM 16.4.7
 * "Spurious interrupts": only new ones are refused). One that APIC_BASE
 * disabled has been reset and has nothing.
 */
int apic_pending(const struct apic *apic)
{
	int v = apic_candidate(apic);

	if (v >= 0 && apic_class(v) > apic_class(apic_ppr(apic)))
		return v;
	return APIC_NO_VECTOR;
}

bool apic_take(struct apic *apic, u8 vector)
{
	int isrv = apic_in_service(apic);

	if (!vec_test(apic->irr, vector))
		return false;
	if (isrv >= 0 && apic_class(vector) <= apic_class(isrv))
		return false;
	vec_clear(apic->irr, vector);
	vec_set(apic->isr, vector);
	APIC_COUNT(apic, vector, presented, 1);
	return true;
}

u8 apic_ack(struct apic *apic)
{
	int v = apic_pending(apic);

	if (v >= 0) {
		apic_take(apic, v);
		return v;
	}
	/* TPR rose after INTR: the spurious vector, which sets no ISR bit. */
	if (apic->count)
		apic->count->spurious++;
	return apic->svr & APIC_LVT_VECTOR;
}

bool apic_unack(struct apic *apic, u8 vector)
{
	if (apic_in_service(apic) != vector)
		return false;
	vec_clear(apic->isr, vector);
	APIC_COUNT(apic, vector, presented, -1);
	/* The same vector came again meanwhile: two requests become one. */
	if (vec_test(apic->irr, vector))
		APIC_COUNT(apic, vector, coalesced, 1);
	vec_set(apic->irr, vector);
	return true;
}

/* With nothing in service an EOI has no effect. */
bool apic_eoi(struct apic *apic, u8 *level_vector)
{
	int v = apic_in_service(apic);
	bool level;

	if (v < 0)
		return false;
	/* Before a LINT that is still high raises the vector again. */
	level = vec_test(apic->tmr, v);
	vec_clear(apic->isr, v);
	APIC_COUNT(apic, v, eoi, 1);
	apic_lint_eoi(apic, v);
	*level_vector = v;
	return level;
}

void apic_write_cr8(struct apic *apic, u8 cr8)
{
	apic->tpr = (cr8 & 15) << 4;
}

u8 apic_read_cr8(const struct apic *apic)
{
	return apic->tpr >> 4;
}
