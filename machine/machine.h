/* SPDX-License-Identifier: MIT */
/*
 * The machine: what SEV-SNP silicon does. This is the face the engine sees.
 *
 * An engine executes instructions and calls in at the places where SNP
 * hardware would look: the end of a page walk, an intercepted instruction,
 * VMGEXIT, the RMP instructions, some MSRs, an instruction boundary with
 * something pending. The answer says what the vCPU does next.
 *
 * Locking: everything runs under one machine lock, which the engine takes
 * before calling; the exceptions say so. A vCPU's functions are called only
 * on that vCPU's own thread.
 */
#ifndef MACHINE_MACHINE_H
#define MACHINE_MACHINE_H

#include "arch/snp.h"
#include "arch/svm.h"
#include "arch/types.h"
#include "machine/engine.h"

struct machine;

/* What the engine does with the vCPU after a call. */
enum mach_next {
	MACH_NATIVE,	/* not intercepted: execute the instruction */
	MACH_DONE,	/* the machine did it: go to the next instruction */
	MACH_VC,	/* raise #VC with error code machine_vc_code() */
	MACH_GP,	/* raise #GP(0) */
	MACH_UD,	/* raise #UD */
	MACH_RESUME,	/* state may have been replaced: go on from RIP */
	MACH_IDLE,	/* nothing to run: wait for machine_kicked() */
};

/* Switches for behaviour that the specifications leave open: docs/model.md. */
struct machine_switches {
	bool strict_virq;	/* RI: V_IRQ or V_NMI in the VMCB is INVALID */
	bool savic_eoi_fault;	/* level EOI faults instead of traps */
	bool savic_ro_fault;	/* write to a read-only register: 402h, not #GP */
	bool savic_doorbell_keeps_nmi; /* doorbell does not consume NMI_REQ */
	bool savic_nmi_keeps;	/* a denied VMCB.V_NMI stays set */
	bool pvalidate_vmpl_fails; /* VMPL > 0: FAIL_PERMISSION, not #GP */
	bool scramble_off;	/* page contents survive state changes */
};

struct machine_config {
	unsigned int vcpus;
	u64 ram_below_4g;	/* bytes from GPA 0 */
	u64 ram_above_4g;	/* bytes from GPA 4 GiB */
	u64 hole_start;		/* no RAM from here ... */
	u64 hole_end;		/* ... to here, below 2 MiB; 0: no hole */
	u64 features;		/* SEV_FEATURES that this silicon has */
	bool no_2m;		/* RMP knows 4 KiB entries only */
	u64 seed;		/* scramble key, VMPCKs */
	struct machine_switches switches;
};

/* Returns NULL when out of memory. @ops and @engine outlive the machine. */
struct machine *machine_new(const struct machine_config *config,
			    const struct engine_ops *ops, void *engine);
void machine_free(struct machine *m);

/* ---- guest memory accesses: end of a page walk ------------------------- */

enum access_kind { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH };

struct access {
	u64 gpa;
	enum access_kind kind;
	bool c_bit;		/* of the leaf entry; ignored for walks */
	bool walk;		/* a page-table access of the walker */
	bool paging;		/* CR0.PG: without it everything is private */
	bool user;		/* CPL 3 */
	u64 gva;		/* for CR2 of #VC 404h; set by the engine */
};

enum access_verdict {
	ACCESS_OK,
	ACCESS_MMIO,		/* not RAM */
	ACCESS_NOT_VALIDATED,	/* #VC 404h */
	ACCESS_NPF,		/* exit to the host, see *npf */
	ACCESS_AGAIN,		/* the page is changing hands: start again */
};

#define ACCESS_PROT_R	1
#define ACCESS_PROT_W	2
#define ACCESS_PROT_X	4

/*
 * Judge @a for the VMPL that @vcpu runs. Pure: no side effect, no lock, so
 * it may be called for a probe. On ACCESS_OK, *prot holds every right the
 * RMP gives (the caller intersects it with the page tables'). On ACCESS_NPF
 * *npf holds EXITINFO1. APM vol. 2, 15.36.10, tables 15-38 to 15-41.
 */
enum access_verdict machine_access(struct machine *m, unsigned int vcpu,
				   const struct access *a, unsigned int *prot,
				   u64 *npf);

/* Carry out a verdict other than OK; RIP is at the faulting instruction. */
enum mach_next machine_fault(struct machine *m, unsigned int vcpu,
			     const struct access *a, enum access_verdict v,
			     u64 npf);

/* See engine_ops.tlb_flush_all. Under the lock. */
void machine_flushed(struct machine *m);

/* May a device access the 4 KiB page at @gpa? Shared RAM only. No lock. */
bool machine_dma_allowed(struct machine *m, u64 gpa);

/* ---- instructions ------------------------------------------------------ */

/*
 * An instruction that SVM can intercept. @nrip is the next instruction.
 * NATIVE, VC, or with ReflectVC RESUME/IDLE. APM appendix C, 15.35.5.
 */
enum mach_next machine_intercept(struct machine *m, unsigned int vcpu,
				 u64 code, u64 info1, u64 info2, u64 nrip);

/* RIP is already behind VMGEXIT. RESUME or IDLE. */
enum mach_next machine_vmgexit(struct machine *m, unsigned int vcpu);

/*
 * RIP is already behind HLT. RESUME or IDLE. @nmi_masked, @rflags and
 * @shadow as for machine_event().
 */
enum mach_next machine_hlt(struct machine *m, unsigned int vcpu, u64 rflags,
			   bool nmi_masked);

/* Triple fault. */
enum mach_next machine_shutdown(struct machine *m, unsigned int vcpu);

/*
 * RDMSR and WRMSR at CPL 0. NATIVE: not the machine's. DONE: *value is the
 * result. VC, GP, RESUME, IDLE. @nrip is the next instruction; after RESUME
 * the engine goes on from the RIP that the machine left (trap-like exits of
 * Secure AVIC are taken after the write: the machine asks for VC with
 * machine_vc_is_trap()).
 */
enum mach_next machine_rdmsr(struct machine *m, unsigned int vcpu, u32 msr,
			     u64 nrip, u64 *value);
enum mach_next machine_wrmsr(struct machine *m, unsigned int vcpu, u32 msr,
			     u64 nrip, u64 value);

/* After MACH_VC: the error code, and whether RIP must first advance. */
u32 machine_vc_code(struct machine *m, unsigned int vcpu);
bool machine_vc_is_trap(struct machine *m, unsigned int vcpu);

/* CR8, without an exit. */
u64 machine_read_cr8(struct machine *m, unsigned int vcpu);
void machine_write_cr8(struct machine *m, unsigned int vcpu, u64 value);

/*
 * The RMP instructions, at CPL 0, address already translated by a page walk
 * that raised #PF where due. DONE fills the result; GP, VC, RESUME, IDLE.
 * APM vol. 3.
 */
struct rmp_insn {
	u64 gva;		/* linear address, for the alignment rules */
	u64 gpa;
	bool c_bit;
	bool mapped_2m;		/* the guest mapping is at least 2 MiB */
	u64 rcx;
	u64 rdx;
	u64 eax;		/* out */
	bool cf;		/* out, PVALIDATE only */
};

enum mach_next machine_pvalidate(struct machine *m, unsigned int vcpu,
				 struct rmp_insn *insn);
enum mach_next machine_rmpadjust(struct machine *m, unsigned int vcpu,
				 struct rmp_insn *insn);
enum mach_next machine_rmpquery(struct machine *m, unsigned int vcpu,
				struct rmp_insn *insn);

/* ---- events ------------------------------------------------------------ */

enum mach_event {
	EVENT_NOTHING,	/* nothing pending: stop polling */
	EVENT_BLOCKED,	/* pending, but not now: poll again at each boundary */
	EVENT_DELIVER,	/* deliver *event now (EVENTINJ format) */
	EVENT_WINDOW,	/* VINTR intercept: engine calls machine_vintr() */
};

/*
 * At an instruction boundary: is an event deliverable, and which? On
 * EVENT_DELIVER the machine has committed to it: the engine delivers it at
 * once and reports with machine_delivering()/machine_delivered().
 */
enum mach_event machine_event(struct machine *m, unsigned int vcpu,
			      u64 rflags, bool shadow, bool nmi_masked,
			      u64 *event);
enum mach_next machine_vintr(struct machine *m, unsigned int vcpu);

/*
 * Bracket the delivery of any event, the guest's own exceptions and INTn
 * included: an exit in between records it in EXITINTINFO (APM 15.7.2).
 * No lock.
 */
void machine_delivering(struct machine *m, unsigned int vcpu, u64 event);
void machine_delivered(struct machine *m, unsigned int vcpu);

/*
 * Physical interrupt on the vCPU's core: INTR exit of what runs there, or
 * the host's chance to run something on an idle one. RESUME or IDLE.
 */
enum mach_next machine_kicked(struct machine *m, unsigned int vcpu);

/* ---- what an engine or a tool may ask ---------------------------------- */

/* SEV_FEATURES of the VMSA that runs, 0 if idle. No lock. */
u64 machine_features(struct machine *m, unsigned int vcpu);
/* VMPL that runs or ran last. No lock. */
unsigned int machine_vmpl(struct machine *m, unsigned int vcpu);

#endif
