/* SPDX-License-Identifier: MIT */
/*
 * What the machine counts, each at the place where it happens. Written on
 * the vCPU's own thread; readers see torn totals only while it runs.
 */
#ifndef MACHINE_STATS_H
#define MACHINE_STATS_H

#include "arch/snp.h"
#include "arch/types.h"

struct machine;

/* Exit codes 00h-ffh and 400h-40fh, folded; machine_code_slot() maps them. */
#define MACHINE_CODES	0x111

struct machine_vcpu_stats {
	u64 exits[MACHINE_CODES];	/* #VMEXIT to the host, by code */
	u64 vc[MACHINE_CODES];		/* #VC raised or reflected, by code */
	u64 vmpl_switches;
	u64 vmruns;
	u64 pvalidates;
	u64 rmpadjusts;
	u64 eoi_accelerated;
	u64 self_ipi_accelerated;
	u64 tpr_accelerated;
	u64 hlt_no_exit;		/* Idle-HLT found something pending */
	u64 merged;			/* RequestedIRR bits taken */
	u64 nmi_delivered;
	u64 instructions[SNP_VMPLS];	/* if the engine counts them */
	u64 intr[256];			/* interrupts delivered, by vector */
	u64 refused[256];		/* RequestedIRR bits not allowed */
	u64 eoi[256];			/* accelerated EOIs, by vector */
};

/* Slot of an exit code in the arrays; the last one is "any other". */
unsigned int machine_code_slot(u64 code);
/* The reverse, for reports. */
u64 machine_slot_code(unsigned int slot);

const struct machine_vcpu_stats *machine_stats(const struct machine *m,
					       unsigned int vcpu);

#endif
