/* SPDX-License-Identifier: MIT */
/*
 * The machine's own state. Included by machine/ only.
 */
#ifndef MACHINE_INTERNAL_H
#define MACHINE_INTERNAL_H

#include "arch/apic.h"
#include "machine/hv.h"
#include "machine/machine.h"
#include "machine/stats.h"

/*
 * RMP entry: one atomic 64-bit word, so that TLB fills read it without the
 * lock. Bits 63:32 hold a permission byte for each VMPL.
 *
 *	SHARED --RMPUPDATE--> ASSIGNED --PVALIDATE(1)--> VALIDATED
 *	   ^                     | ^                        |
 *	   +-----RMPUPDATE-------+ +------PVALIDATE(0)------+
 *	   +-----RMPUPDATE------------- (from VALIDATED too)
 *
 * LARGE is kept in the first entry of a 2 MiB range and speaks for all 512.
 * ABSENT stands for a nested page table without this page.
 *
 * STALE: the page has changed hands between SHARED and ASSIGNED, and its
 * contents have not yet. They do once no vCPU has a translation of before,
 * which would show it the new contents in the old state; or when the host
 * looks. Until then nobody else may use the page.
 */
#define RMP_ASSIGNED		BIT_ULL(0)
#define RMP_VALIDATED		BIT_ULL(1)
#define RMP_VMSA		BIT_ULL(2)
#define RMP_IMMUTABLE		BIT_ULL(3)
#define RMP_LARGE		BIT_ULL(4)
#define RMP_INUSE		BIT_ULL(5)
#define RMP_ABSENT		BIT_ULL(6)
#define RMP_STALE		BIT_ULL(7)
#define RMP_PERM_SHIFT(vmpl)	(32 + 8 * (vmpl))
#define RMP_PERM(vmpl)		(0xffull << RMP_PERM_SHIFT(vmpl))

/* A VMSA that the launch put outside RAM, as IGVM files do. */
struct vmsa_slot {
	u64 gpa;
	u64 rmp;
	struct vmsa *page;
};

/*
 * One vCPU. vmcb is set from VMRUN to #VMEXIT. The engine keeps the
 * registers of "loaded" over an exit: they go to its page only when another
 * VMSA, or none, follows, since nobody may read or write the page of a VMSA
 * that is being run. What a monitor reads there is always complete: it runs
 * on this vCPU only after a switch.
 */
struct vcpu {
	struct vmcb *vmcb;
	u64 vmsa_pa;		/* as VMRUN found it in vmcb */
	struct vmsa *vmsa;
	struct vmsa *loaded;
	struct vmcb *loaded_vmcb;
	u64 features;		/* SEV_FEATURES of vmsa */
	u64 vtom;
	unsigned int vmpl;
	u64 vintr;		/* VINTR_CTRL while it runs */
	u64 inj;		/* EVENTINJ not yet delivered */
	u64 delivering;		/* event whose delivery is under way */
	u64 savic;		/* SECURE_AVIC_CONTROL */
	u32 vc_code;
	bool vc_trap;
	u64 entered_at;		/* instructions executed at VMRUN */
	struct machine_vcpu_stats stats;
};

struct machine {
	struct machine_config config;
	const struct engine_ops *ops;
	void *engine;
	const struct hv_ops *hv;
	void *host;
	u64 *rmp;
	u64 pages;		/* entries in rmp */
	struct vmsa_slot *slot;	/* one a vCPU and VMPL at most */
	unsigned int slots;
	bool launched;
	int current;		/* vCPU whose #VMEXIT the host handles, or -1 */
	bool flush;		/* flush TLBs before it goes on */
	u64 stale_from;		/* STALE entries are from here ... */
	u64 stale_to;		/* ... to before here; equal: there are none */
	struct vcpu *vcpu;
};

/* Instructions executed on the vCPU so far; 0 if nobody counts. */
u64 vcpu_executed(const struct machine *m, unsigned int vcpu);

/* rmp.c */
#define NO_PAGE			(~0ull)
u64 rmp_index(const struct machine *m, u64 gpa);
u64 rmp_load(const struct machine *m, u64 index);
void rmp_store(struct machine *m, u64 index, u64 entry);
u64 rmp_lookup(const struct machine *m, u64 gpa, bool *present);
void rmp_split(struct machine *m, u64 index);
void rmp_fill(struct machine *m, u64 index, bool large, u64 entry);
bool rmp_uniform(const struct machine *m, u64 index, u64 *entry);
u64 rmp_stale(struct machine *m, u64 index, u64 pages, u64 old);
void rmp_settle(struct machine *m, u64 index, u64 pages);
void rmp_flag(struct machine *m, u64 gpa, u64 flag, bool on);
struct vmsa_slot *vmsa_slot_find(const struct machine *m, u64 gpa);
u32 *rmp_private_page(struct machine *m, unsigned int vmpl, u64 gpa,
		      u64 *verdict);

/* exit.c */
enum mach_next vcpu_exit(struct machine *m, unsigned int vcpu, u64 code,
			 u64 info1, u64 info2, u64 nrip);
enum mach_next vcpu_vc(struct machine *m, unsigned int vcpu, u64 code,
		       u64 info1, u64 info2, u64 nrip, bool trap);
enum mach_next vcpu_run_host(struct machine *m, unsigned int vcpu,
			     struct vmcb *exited);

/* vmrun.c */
u64 vcpu_vmrun(struct machine *m, unsigned int vcpu, struct vmcb *vmcb);
void vcpu_unload(struct machine *m, unsigned int vcpu);

/* savic.c: the backing page */
bool savic_on(const struct vcpu *v);
enum savic_fault { SAVIC_OK, SAVIC_NPF, SAVIC_UNVALIDATED };
enum savic_fault savic_vmrun(struct machine *m, unsigned int vcpu,
			     struct vmcb *vmcb);
u64 savic_npf(struct machine *m, unsigned int vcpu);
enum mach_next savic_page_fault(struct machine *m, unsigned int vcpu,
				enum savic_fault fault);
bool savic_pending(struct machine *m, unsigned int vcpu, u8 *vector);
void savic_take_nmi_request(struct machine *m, unsigned int vcpu);
void savic_accept(struct machine *m, unsigned int vcpu, u8 vector);
void savic_set_tpr(struct machine *m, unsigned int vcpu, u8 tpr);
enum savic_fault savic_reg_read(struct machine *m, unsigned int vcpu,
				u32 offset, u64 *value);
enum savic_fault savic_reg_write(struct machine *m, unsigned int vcpu,
				 u32 offset, u64 value);
enum savic_fault savic_self_ipi(struct machine *m, unsigned int vcpu,
				u8 vector);
enum savic_fault savic_eoi(struct machine *m, unsigned int vcpu, u8 *vector,
			   bool *level);

/* savic_msr.c */
enum mach_next savic_rdmsr(struct machine *m, unsigned int vcpu, u32 msr,
			   u64 nrip, u64 *value);
enum mach_next savic_wrmsr(struct machine *m, unsigned int vcpu, u32 msr,
			   u64 nrip, u64 value);
enum mach_next savic_write_control(struct machine *m, unsigned int vcpu,
				   u64 value);

/* event.c */
bool vcpu_event_waits(struct machine *m, unsigned int vcpu);

#endif
