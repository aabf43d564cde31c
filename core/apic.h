/* SPDX-License-Identifier: MIT */
/*
 * The local APIC as a pure state machine.
 *
 * The monitor keeps one per guest vCPU, the hypervisor one per vCPU and VMPL.
 * Nothing here reads a clock, touches memory that the caller did not pass in,
 * or calls back: time comes in as an argument, what has to happen outside
 * goes out in struct apic_effects. Functions are not reentrant on one struct
 * apic; the caller serialises them, but for apic_match().
 *
 * Source: AMD64 APM vol. 2 (24593) chapter 16; Intel SDM vol. 3, "APIC", where
 * the APM is silent (TSC-deadline mode, INIT/SIPI latches, APR).
 */
#ifndef CORE_APIC_H
#define CORE_APIC_H

#include "arch/apic.h"

#define APIC_VECTORS		256
#define APIC_FIRST_VECTOR	16	/* 0-15 are illegal (APM 16.4.6) */
#define APIC_FIRST_ALLOWED	31	/* 0-30 never pass the filter */
#define APIC_NO_VECTOR		(-1)
#define APIC_NEVER		(~0ull)	/* a deadline that does not come */

/* Register interface; at the same time the mode that APIC_BASE selects. */
enum apic_view {
	APIC_VIEW_NONE,		/* APIC_BASE.EN = 0 */
	APIC_VIEW_XAPIC,
	APIC_VIEW_X2APIC,
};

/*
 * Why a register access was refused. In the x2APIC view (and for MSRs) each
 * of them is #GP. The xAPIC page cannot fault: there a refused read gives 0,
 * a refused write is dropped, and the result only serves traces.
 */
enum apic_result {
	APIC_OK,
	APIC_BAD_VIEW,		/* APIC_BASE has not enabled this interface */
	APIC_NO_REGISTER,	/* nothing at this offset */
	APIC_READ_ONLY,
	APIC_WRITE_ONLY,
	APIC_RESERVED,		/* a reserved bit or encoding is set */
	APIC_BAD_IPI,		/* no such delivery mode, or not to self */
	APIC_BAD_TRANSITION,	/* APIC_BASE: illegal change of mode */
	APIC_BAD_ADDRESS,	/* APIC_BASE: we do not move the page */
};

/* What became of something posted. */
enum apic_post {
	APIC_POST_ACCEPTED,
	APIC_POST_COALESCED,	/* was pending already */
	APIC_POST_FILTERED,	/* the guest has not allowed it */
	APIC_POST_ILLEGAL,	/* vector 0-15; ESR was told */
	APIC_POST_DISABLED,	/* by APIC_BASE, SVR or the LVT mask */
	APIC_POST_UNSUPPORTED,	/* SMI, ExtINT, remote read */
	APIC_POST_IGNORED,	/* a SIPI nobody waits for */
};

/* Who posts: what the guest's own vCPUs send passes by the filter. */
enum apic_origin {
	APIC_FROM_HOST,
	APIC_FROM_GUEST,
};

enum apic_reset {
	APIC_RESET_POWER_UP,
	APIC_RESET_INIT,	/* keeps APIC_BASE, filter and input lines */
};

/*
 * May this vCPU run? (APM 16.5, message types INIT and Startup)
 *
 *   power-up, BSP                                power-up, AP
 *        |                                            |
 *        v      INIT                take, AP          v
 *     RUNNING -------> INIT_PENDING -------------> WAIT_SIPI
 *        ^  ^           |     |                       |
 *        |  '-take, BSP-'     | SIPI, AP              | SIPI
 *        |                    v          take         v
 *        |                INIT_SIPI --------------> STARTED
 *        '----------------------take------------------'
 *
 * INIT and SIPI come from any vCPU's ICR, "take" is the vCPU itself
 * (apic_take_start()). INIT leads to INIT_PENDING from every state. A SIPI in
 * any other state is dropped; so is the second of a pair. INIT_SIPI exists as
 * Linux sends SIPI without waiting for the target to have taken the INIT.
 */
enum apic_run {
	APIC_RUNNING,
	APIC_INIT_PENDING,
	APIC_INIT_SIPI,
	APIC_WAIT_SIPI,
	APIC_STARTED,
};

/* What apic_take_start() tells the vCPU to do. */
enum apic_start {
	APIC_START_NONE,
	APIC_START_RESET,	/* INIT: reset the registers, then wait */
	APIC_START_RESET_BSP,	/* INIT: reset, go on at the reset vector */
	APIC_START_SIPI,	/* start at vector << 12 */
};

enum apic_lvt {
	APIC_LVT_IDX_TIMER,
	APIC_LVT_IDX_THERMAL,
	APIC_LVT_IDX_PERF,
	APIC_LVT_IDX_LINT0,
	APIC_LVT_IDX_LINT1,
	APIC_LVT_IDX_ERROR,
	APIC_LVTS,
};

/* One interrupt message: an IPI, an MSI, or what an I/O APIC sends. */
struct irq_msg {
	u32 dest;
	u8 vector;
	u8 mode;		/* enum apic_mode */
	u8 shorthand;		/* enum apic_shorthand; devices: NONE */
	bool logical;
	bool level;
	bool wide;		/* x2APIC dest: 0xff is no broadcast */
};

/*
 * Per vector. posted = refused + coalesced + discarded + presented + pending,
 * presented = eoi + aborted + in service: a lost interrupt shows as a gap.
 */
struct apic_vector_count {
	u32 posted;		/* offered, whatever became of it */
	u32 refused;
	u32 coalesced;
	u32 discarded;		/* pending when the APIC was reset */
	u32 presented;
	u32 eoi;
	u32 aborted;		/* in service when the APIC was reset */
};

struct apic_counters {
	struct apic_vector_count vector[APIC_VECTORS];
	u32 nmi_posted;
	u32 nmi_refused;
	u32 nmi_coalesced;
	u32 nmi_taken;
	u32 spurious;
	u32 eoi_lazy;			/* of eoi: no register was written */
	u32 ipis;			/* messages that ICR writes sent */
};

struct apic_config {
	u32 id;			/* below 255 unless start_x2apic */
	u32 bus_khz;		/* timer clock, 1 .. 10,000,000 */
	u32 tsc_khz;		/* guest TSC; 0: no TSC-deadline mode */
	bool bsp;
	bool has_x2apic;	/* guest may set APIC_BASE.EXTD */
	bool start_x2apic;	/* power-up state is x2APIC already */
	bool filter;		/* refuse what is not in allowed[] */
};

/* Now, twice: ns is any monotonic clock, tsc what the guest's RDTSC gives. */
struct apic_time {
	u64 ns;
	u64 tsc;
};

struct apic {
	struct apic_config config;
	struct apic_counters *count;	/* may be NULL */
	u64 base;			/* APIC_BASE MSR */
	u32 irr[8];
	u32 isr[8];
	u32 tmr[8];
	u32 allowed[8];			/* what the host may post */
	u32 tpr;
	u32 svr;
	u32 ldr;			/* xAPIC; x2APIC derives its own */
	u32 dfr;
	u32 esr;			/* as of the last write to ESR */
	u32 errors;			/* since then */
	u64 icr;
	u32 lvt[APIC_LVTS];
	u32 tmict;
	u32 tdcr;
	u64 tsc_deadline;
	u64 timer_due;			/* ns, when the count reaches 0 */
	bool timer_running;
	bool timer_elsewhere;		/* others post what this one owes */
	bool nmi_pending;
	bool allow_nmi;			/* filter: host may post NMIs */
	u8 lint_lines;			/* BIT(pin): LINT pin asserted */
	u8 sipi_vector;
	enum apic_run run;
};

_Static_assert(sizeof(struct apic) < 2048, "one APIC fits half a page");

/* What the caller has to do after an operation; all false: nothing. */
struct apic_effects {
	bool irq;		/* pending or NMI state may have changed */
	bool timer;		/* apic_timer_deadline() may have changed */
	bool eoi;		/* broadcast a level EOI for eoi_vector */
	bool ipi;		/* route msg with apic_match() */
	u8 eoi_vector;
	struct irq_msg msg;
};

/* ---- apic.c: life, vectors, priority ---- */

/* False, and nothing written, if the configuration is contradictory. */
bool apic_init(struct apic *apic, const struct apic_config *config,
	       struct apic_counters *count);
void apic_reset(struct apic *apic, enum apic_reset how);

enum apic_view apic_mode_of(const struct apic *apic);
bool apic_enabled(const struct apic *apic);	/* by APIC_BASE and SVR */
u64 apic_read_base(const struct apic *apic);
enum apic_result apic_write_base(struct apic *apic, u64 value,
				 struct apic_effects *fx);

/* Filter. False for vectors that can never be allowed (0-30). */
bool apic_allow(struct apic *apic, u8 vector, bool allow);
void apic_allow_all(struct apic *apic, bool allow);

/* A device vector, subject to the filter; level goes to TMR. */
enum apic_post apic_post(struct apic *apic, u8 vector, bool level);
/* A vector the guest sent itself: always edge, never filtered. */
enum apic_post apic_post_ipi(struct apic *apic, u8 vector);
enum apic_post apic_post_nmi(struct apic *apic, enum apic_origin origin);

/* Highest vector that PPR lets through now, or APIC_NO_VECTOR. */
int apic_pending(const struct apic *apic);
/* The same without regard to TPR, for hardware that compares V_TPR itself. */
int apic_candidate(const struct apic *apic);
int apic_in_service(const struct apic *apic);
bool apic_is_level(const struct apic *apic, u8 vector);
u8 apic_ppr(const struct apic *apic);
u8 apic_apr(const struct apic *apic);

/* IRR to ISR for apic_pending(); the spurious vector if there is none. */
u8 apic_ack(struct apic *apic);
/* The same for a vector that hardware took; false if it was no candidate. */
bool apic_take(struct apic *apic, u8 vector);
/* Delivery was cancelled: ISR back to IRR. False unless vector is on top. */
bool apic_unack(struct apic *apic, u8 vector);
/* True if *level_vector has to be broadcast to I/O APICs (or the host). */
bool apic_eoi(struct apic *apic, u8 *level_vector);
/* True once per pending NMI. */
bool apic_take_nmi(struct apic *apic);

void apic_write_cr8(struct apic *apic, u8 cr8);	/* clears TPR[3:0] */
u8 apic_read_cr8(const struct apic *apic);

/* ---- apic_lvt.c: local sources ---- */

/* Deliver through an LVT entry: thermal, perf (timer and LINT have theirs). */
enum apic_post apic_fire(struct apic *apic, enum apic_lvt lvt);
/*
 * LINT0 (the 8259's INTR) or LINT1 (NMI) changes; pin is 0 or 1. True if
 * something was posted. ExtINT posts nothing, see apic_accepts_pic().
 */
bool apic_set_lint(struct apic *apic, unsigned int pin, bool line);
/* Does the 8259's INTR reach this CPU (LINT0 is ExtINT, or APIC off)? */
bool apic_accepts_pic(const struct apic *apic);

/* ---- apic_reg.c: registers ---- */

/*
 * offset is the xAPIC page's, also for MSRs: X2APIC_OFFSET(msr). An xAPIC read
 * of no register sets ESR and so may raise the error LVT: look for pending
 * interrupts after a refusal.
 */
enum apic_result apic_read(struct apic *apic, enum apic_view view, u32 offset,
			   struct apic_time now, u64 *value);
/* fx is written in any case. A refusal changes nothing but ESR (xAPIC). */
enum apic_result apic_write(struct apic *apic, enum apic_view view, u32 offset,
			    u64 value, struct apic_time now,
			    struct apic_effects *fx);
const char *apic_result_name(enum apic_result result);

/* ---- apic_timer.c ---- */

/* When to call apic_timer_expire(): ns, or APIC_NEVER. */
u64 apic_timer_deadline(const struct apic *apic);
/* Posts if due (early and late calls are harmless); true: state changed. */
bool apic_timer_expire(struct apic *apic, struct apic_time now);
u32 apic_timer_count(const struct apic *apic, struct apic_time now);
enum apic_result apic_read_deadline(const struct apic *apic,
				    struct apic_time now, u64 *value);
enum apic_result apic_write_deadline(struct apic *apic, u64 value,
				     struct apic_time now,
				     struct apic_effects *fx);

/* ---- apic_ipi.c: messages ---- */

/* Shape of an ICR value (64 bit); APIC_OK: *msg is what it sends. */
enum apic_result apic_decode_icr(u64 icr, bool wide, struct irq_msg *msg);
/*
 * MSI address and data. ext: address bits 11:5 are destination bits 14:8, as
 * KVM and Hyper-V offer it; otherwise they must be 0.
 */
enum apic_result apic_decode_msi(u64 address, u32 data, bool ext,
				 struct irq_msg *msg);
/* Is apic addressed by msg? from: the sending APIC, NULL for a device. */
bool apic_match(const struct apic *apic, const struct irq_msg *msg,
		const struct apic *from);
/*
 * Lowest-priority arbitration, one pair at a time: start with best = NULL and
 * offer every APIC that matches. Disabled ones never win, ties go to best.
 */
struct apic *apic_lowest(struct apic *best, struct apic *candidate);
/* Hand msg to one APIC that it addresses. */
enum apic_post apic_deliver(struct apic *apic, const struct irq_msg *msg,
			    enum apic_origin origin);
/* Take INIT or SIPI, if any; *vector is set for APIC_START_SIPI. */
enum apic_start apic_take_start(struct apic *apic, u8 *vector);

/* ---- apic_check.c ---- */

/* Name of the first violated invariant, or NULL. For tests and monitors. */
const char *apic_check(const struct apic *apic);

#endif
