/* SPDX-License-Identifier: MIT */
/*
 * The machine as a hypervisor sees it: VMCBs, VMRUN, the RMP instructions of
 * the host, shared memory, physical interrupts. Nothing else: no register
 * and no private page of a guest is reachable through this header.
 */
#ifndef MACHINE_HV_H
#define MACHINE_HV_H

#include "arch/snp.h"
#include "arch/svm.h"
#include "arch/types.h"

struct machine;

struct hv_ops {
	/*
	 * Physical CPU @cpu is in the host's hands: after a #VMEXIT (@exited
	 * is the VMCB that ran and holds the exit code) or after a kick while
	 * it was idle (@exited is NULL). Returns the VMCB to VMRUN next or
	 * NULL to idle until the next hv_kick(). One vCPU is one physical
	 * CPU; @cpu numbers both. Under the machine lock.
	 */
	struct vmcb *(*run)(void *host, unsigned int cpu, struct vmcb *exited);
};

void hv_attach(struct machine *m, const struct hv_ops *ops, void *host);

/* ---- shared memory ----------------------------------------------------- */

enum hv_mem {
	HV_OK,
	HV_NOT_RAM,
	HV_PRIVATE,	/* RMP: the page belongs to the guest */
};

/*
 * Pointer to the shared 4 KiB page that holds @gpa, or NULL with *why.
 * Valid until the page changes state: look it up again at each use.
 */
void *hv_map(struct machine *m, u64 gpa, enum hv_mem *why);

/* Copy @len bytes; may cross pages. Nothing is copied on an error. */
enum hv_mem hv_read(struct machine *m, u64 gpa, void *buf, size_t len);
enum hv_mem hv_write(struct machine *m, u64 gpa, const void *buf, size_t len);

/* Is there RAM at @gpa, and is its page private? */
bool hv_is_ram(struct machine *m, u64 gpa);
bool hv_is_private(struct machine *m, u64 gpa);

/* ---- RMPUPDATE and PSMASH (APM 15.36.4, 15.36.5) ------------------------ */

enum hv_rmp {
	HV_RMP_OK,
	HV_RMP_FAIL_INPUT,	/* misaligned, not RAM, size and alignment */
	HV_RMP_FAIL_INUSE,	/* a running VMSA, a page being used */
	HV_RMP_FAIL_OVERLAP,	/* 2 MiB over entries of other states */
	HV_RMP_FAIL_IMMUTABLE,
};

/*
 * Give the page (4 KiB, or 2 MiB when @large) to the guest or take it back.
 * Clears Validated and all VMPL permissions; the contents are then
 * unspecified. Costs a TLB flush on every vCPU.
 */
enum hv_rmp hv_rmpupdate(struct machine *m, u64 gpa, bool large,
			 bool assigned);
/* Split a 2 MiB entry into 512 equal ones. */
enum hv_rmp hv_psmash(struct machine *m, u64 gpa);
/* The reverse, by RMPUPDATE rules: all 512 must be alike. */
enum hv_rmp hv_unsmash(struct machine *m, u64 gpa);
/* Is the entry that covers @gpa a 2 MiB one? */
bool hv_rmp_is_2m(struct machine *m, u64 gpa);
/* Map or unmap the 4 KiB page in the nested page tables. */
void hv_npt_present(struct machine *m, u64 gpa, bool present);

/* ---- launch (SNP_LAUNCH_UPDATE, SEV-SNP ABI 56860 section 8.17) ---------- */

enum launch_type {
	LAUNCH_NORMAL = 1,
	LAUNCH_VMSA = 2,
	LAUNCH_ZERO = 3,
	LAUNCH_UNMEASURED = 4,
	LAUNCH_SECRETS = 5,
	LAUNCH_CPUID = 6,
};

/*
 * Load one measured page: assigned, validated, all rights for VMPL 0 and
 * none for the others. @data is 4096 bytes; NULL for ZERO, SECRETS. For CPUID
 * @data is the host's table, which the firmware checks: HV_RMP_FAIL_INPUT if
 * it claims more than the silicon has. VMSA may lie outside RAM. Only before
 * hv_launch_finish().
 */
enum hv_rmp hv_launch_page(struct machine *m, u64 gpa, enum launch_type type,
			   const void *data);
void hv_launch_finish(struct machine *m);

/* ---- physical interrupts ------------------------------------------------ */

/* Interrupt the core: its guest exits with INTR, an idle one runs ops->run. */
void hv_kick(struct machine *m, unsigned int cpu);

/* Write of the AVIC doorbell MSR C001_011B (APM 15.29.6). */
void hv_doorbell(struct machine *m, unsigned int cpu);

/* Is @cpu executing guest code (not idle, not in the host)? */
bool hv_in_guest(struct machine *m, unsigned int cpu);

#endif
