/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own state. Included by host/ and its tests only.
 *
 * Words: a context is one VMPL of one vCPU, with a VMCB, a VMSA, a GHCB and
 * an APIC of its own. At most one context of a vCPU runs at a time.
 */
#ifndef HOST_INTERNAL_H
#define HOST_INTERNAL_H

#include "arch/doorbell.h"
#include "arch/ghcb.h"
#include "host/host.h"
#include "host/ioapic.h"
#include "host/stats.h"
#include "machine/hv.h"

/*
 * What a context is doing.
 *
 *   ABSENT --create-on-INIT--> CREATED --Run VMPL, INIT--+
 *     |                                                  v
 *     +-----------------create------------------> RUNNABLE <---wake---+
 *                                                  | ^  |             |
 *                                     AP hold, MSR | |  +--HLT--> HALTED
 *                                              006 v |SIPI
 *                                                 HELD
 *
 * create and destroy come from any vCPU of the same or a higher-privileged
 * VMPL, in every state: create leads to RUNNABLE, destroy to STOPPED, from
 * where only create leads on. A VMRUN that hardware refused ends the guest.
 */
enum ctx_state {
	CTX_ABSENT,
	CTX_CREATED,
	CTX_RUNNABLE,
	CTX_HALTED,
	CTX_HELD,
	CTX_STOPPED,
};

/* A change of VMSA that waits until the context is out of the guest. */
enum ctx_next {
	NEXT_NONE,
	NEXT_CREATE,
	NEXT_ON_INIT,
	NEXT_DESTROY,
};

/* Guest-written MSRs that the host only keeps. */
#define HOST_MTRR_VARIABLE	16
#define HOST_MTRR_FIXED		11

/* TscFreqSel: the TSC counts at the frequency that P-state 0 has. */
#define HOST_HWCR_RESET		BIT_ULL(24)

struct host_msrs {
	u64 mtrr_variable[HOST_MTRR_VARIABLE];
	u64 mtrr_fixed[HOST_MTRR_FIXED];
	u64 mtrr_default;
	u64 hwcr;
	u64 mcg_status;
};

/* What the host knows of a guest's Secure AVIC: savic.c. */
struct host_savic {
	bool registered;
	u64 gpa;
	u32 level[8];		/* level vectors handed over, not EOIed */
	bool ipi;		/* its page may hold something new */
	bool monitored;		/* VMPL 0 decides about the page */
	bool told;		/* VMPL 0 was woken for what there is */
};

/*
 * Restricted Injection: what is in the doorbell page, and at VMPL 0 what the
 * VMPLs below it mean for it. ri.c, ai.c.
 */
struct host_hv {
	u8 offered;		/* byte 0; still in IRR. 0: none */
	bool elided;		/* its EOI, or it is the one in service */
	bool mc;		/* a #MC is pending */
	bool ring;		/* #HV shall come, with or without a reason */
	bool look;		/* VMPL 0 shall run: a VMPL below has news */
	u8 notify;		/* vector for the same; 0: none */
};

/* HV timer: hv_timer.c. */
struct host_hv_timer {
	struct host_timer *timer;
	u64 due;
	u64 period;		/* 0: once */
	u64 tsc;		/* not before; 0: any time */
	u8 vector;
	bool armed;
};

struct host_ctx;

/* How a context learns of interrupts; chosen by its SEV_FEATURES. */
struct presenter {
	/* After a #VMEXIT: what did hardware take? */
	void (*settle)(struct host_ctx *c);
	/* Before VMRUN: offer what is pending. */
	void (*prepare)(struct host_ctx *c);
	/* Would a VMRUN now show the guest something that it has not seen? */
	bool (*wants)(const struct host_ctx *c);
	/* The rest may be NULL. */
	/* Before the APIC is asked or told: what has a running guest done? */
	void (*observe)(struct host_ctx *c);
	/* HLT: does it know everything that is pending? */
	bool (*may_halt)(const struct host_ctx *c);
	/* Something came up, and host_ctx_wake() is not all there is to do. */
	void (*notify)(struct host_ctx *c);
};

struct host_ctx {
	struct host_vcpu *vcpu;
	unsigned int vmpl;
	enum ctx_state state;
	struct vmcb *vmcb;
	u64 features;			/* SEV_FEATURES of its VMSA */
	const struct presenter *present;

	enum ctx_next next;
	u64 next_vmsa;
	u64 next_features;

	u64 ghcb_registered;		/* GPA or NO_GPA */
	u64 doorbell;			/* GPA or NO_GPA */
	bool hold_by_msr;		/* CTX_HELD: who asked */

	struct apic apic;
	struct apic_counters count;
	struct host_timer *timer;
	bool inside;			/* between VMRUN and #VMEXIT */
	int offered;			/* in V_IRQ, not known to be taken */
	bool nmi_waits;			/* a second one, behind V_NMI */
	u64 reinject;			/* EVENTINJ of the next VMRUN */
	u64 dr7;
	struct host_msrs msrs;
	struct host_savic savic;
	struct host_hv hv;
	struct host_hv_timer hv_timer;
	int runner;			/* VMPL that asked to run it, or -1 */
};

#define NO_GPA			(~0ull)

struct host_vcpu {
	struct host *host;
	unsigned int cpu;
	u32 apic_id;
	unsigned int current;		/* VMPL that runs or is to run next */
	unsigned int entered;		/* VMPL of the last VMRUN */
	bool idle;			/* the host returned no VMCB */
	bool serving;			/* inside host_run() */
	bool kicked;			/* hv_kick() sent, host_run() to come */
	struct host_ctx ctx[SNP_VMPLS];
	struct host_vcpu_stats stats;
};

#define HOST_REASONS		64

struct host_reason {
	const char *name;
	u64 count;
};

struct host {
	struct host_config config;
	struct machine *m;
	const struct host_platform *ops;
	void *platform;
	bool stopped;
	struct host_vcpu *vcpu;
	struct vmcb *vmcbs;
	/* First features seen of each VMPL; later VMSAs must have the same. */
	u64 features[SNP_VMPLS];
	bool features_known[SNP_VMPLS];
	bool alternate_ended[SNP_VMPLS];	/* on one vCPU at least */
	u64 ap_jump_table;
	struct ioapic ioapic;
	struct host_timer *resample;
	bool resample_armed;
	struct host_reason reason[HOST_REASONS];
};

/* host.c */
struct host_vcpu *host_vcpu_by_apic_id(struct host *h, u32 apic_id);
bool host_ctx_has_vmsa(const struct host_ctx *c);
/* Out of the guest only. */
void host_ctx_load(struct host_ctx *c, u64 vmsa, u64 features);
void host_ctx_unload(struct host_ctx *c);

/* run.c */
extern const struct hv_ops host_hv_ops;
/* Something may have come up for @c: its presenter knows what to do ... */
void host_ctx_notify(struct host_ctx *c);
/* ... which mostly is this: make its vCPU look, if it must. */
void host_ctx_wake(struct host_ctx *c);
void host_kick(struct host_vcpu *v);
/* @c asks to run @vmpl next; false if it has nothing to run. */
bool host_can_run_vmpl(const struct host_ctx *c, unsigned int vmpl);
bool host_run_vmpl(struct host_ctx *c, unsigned int vmpl);

/* vmrun.c */
void host_vmrun_init(struct host_ctx *c);
void host_vmrun_settle(struct host_ctx *c);
void host_vmrun_prepare(struct host_ctx *c);
const struct presenter *host_presenter(u64 features);

/* host_ghcb_msr.c */
#define GHCB_MSR_RESET							\
	((u64)GHCB_VERSION_MAX << 48 | (u64)GHCB_VERSION_MIN << 32 |	\
	 (u64)SNP_C_BIT << 24 | GHCB_MSR_INFO)
void host_ghcb_msr_request(struct host_ctx *c);
/* ghcb.c */
void host_ghcb_page_request(struct host_ctx *c);

void host_ghcb_terminated(struct host_ctx *c, unsigned int set,
			  unsigned int code, u64 data);

/* psc.c: change one 4 KiB page; false if that can not be. */
bool host_psc_page(struct host *h, u64 gpa, bool private);

/* ap.c */
void host_ap_apply_next(struct host_ctx *c);
void host_ap_release_hold(struct host_ctx *c);
void host_ap_init_ipi(struct host_ctx *c);

/* msr.c; false: #GP */
bool host_msr_read(struct host_ctx *c, u32 msr, u64 *value);
bool host_msr_write(struct host_ctx *c, u32 msr, u64 value);

/* irq.c */
void host_irq_init(struct host *h);
void host_irq_ipi(struct host_ctx *from, const struct irq_msg *msg);
void host_irq_effects(struct host_ctx *c, const struct apic_effects *fx);
void host_ctx_observe(struct host_ctx *c);
/* An edge from the host itself; false if the APIC had no use for it. */
bool host_ctx_post(struct host_ctx *c, u8 vector);

/* timer.c */
bool host_timer_init(struct host_ctx *c);
void host_timer_free(struct host_ctx *c);
void host_timer_update(struct host_ctx *c);
struct apic_time host_timer_now(struct host *h);

/* hv_timer.c */
bool host_hv_timer_init(struct host_ctx *c);
void host_hv_timer_free(struct host_ctx *c);
void host_hv_timer_stop(struct host_ctx *c);

/* ri.c */
extern const struct presenter host_present_ri;
/* The doorbell page, or NULL: none, or not shared now. */
struct doorbell *host_ri_page(const struct host_ctx *c);
void host_ri_withdraw(struct host_ctx *c);
void host_ri_ring(struct host_ctx *c);

/* ai.c */
extern const struct presenter host_present_ai;
/* Does VMPL 0 get what comes for @c, through the descriptor? */
bool host_ai_active(const struct host_ctx *c);
void host_ai_notify(struct host_ctx *c);
bool host_ai_owns(const struct host_ctx *c, u32 offset);
void host_ai_reset(struct host_ctx *c);
void host_ai_flush(struct host_vcpu *v);
void host_ai_announce(struct host_vcpu *v);
/* VMPL 0 above @c runs once, as soon as it can. */
void host_ai_look(struct host_ctx *c);

/* resample.c */
bool host_resample_init(struct host *h);
void host_resample_free(struct host *h);
/* The pin's line, or its remote IRR, may have been set. */
void host_resample_line(struct host *h, unsigned int pin);

/* savic.c */
extern const struct presenter host_present_savic;
bool host_savic_active(const struct host_ctx *c);
void host_savic_reset(struct host_ctx *c);
void host_savic_force_enabled(struct host_ctx *c);
void host_savic_ipi(struct host_ctx *from, const struct irq_msg *msg);
bool host_savic_eoi(struct host_ctx *c, u8 *vector);
void host_savic_ioapic_eoi(struct host *h, u8 vector);
/* VMPL 0 says which vector ends. */
void host_savic_specific_eoi(struct host_ctx *c, u8 vector);

/* cpuid.c; xcr0 for leaf Dh */
#define CPUID_XSAVE_LEAF	0xd
#define CPUID_HV_LEAF		0x40000000
bool host_has_xsave(struct host *h, unsigned int cpu);
void host_cpuid(struct host *h, unsigned int cpu, u32 leaf, u32 subleaf,
		u64 xcr0, u32 regs[4]);

/* log.c: one line, rate-limited by @name, which must be a literal. */
void host_log(struct host *h, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void host_stop(struct host *h, const char *result, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
