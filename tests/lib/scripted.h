/* SPDX-License-Identifier: MIT */
/*
 * A machine without an emulator: an engine that is plain memory and a dozen
 * registers, and a hypervisor that does what a test tells it.
 *
 * The test plays all roles. It stands at an instruction boundary of a vCPU,
 * calls machine_*() as an engine would, and looks at what the machine asked
 * of the engine and showed to the host.
 */
#ifndef TESTS_LIB_SCRIPTED_H
#define TESTS_LIB_SCRIPTED_H

#include "arch/apic.h"
#include "arch/snp.h"
#include "arch/svm.h"
#include "arch/vmsa.h"
#include "machine/hv.h"
#include "machine/machine.h"
#include "machine/stats.h"

#define SCRIPT_CPUS	4
#define SCRIPT_LOG	64

#define RAM_LOW		(4 * PAGE_2M)		/* at GPA 0 */
#define RAM_HIGH	(2 * PAGE_2M)		/* at 4 GiB */
#define HIGH		BIT_ULL(32)

/* GPAs with a meaning; everything else is the test's. */
#define VMSA_AT(cpu, vmpl)	(0x10000ull + ((cpu) * 4 + (vmpl)) * PAGE_SIZE)
#define SAVIC_AT(cpu)		(0x20000ull + (cpu) * PAGE_SIZE)
#define PRIVATE_AT		0x30000ull	/* validated, all to VMPL 0 */
#define SHARED_AT		0x31000ull	/* never given to the guest */
#define LARGE_AT		PAGE_2M		/* for 2 MiB tests */

#define FEATURES_ALL	(SEV_FEATURE_SNP | SEV_FEATURE_VTOM |		\
			 SEV_FEATURE_REFLECT_VC | SEV_FEATURES_INJECTION | \
			 SEV_FEATURE_DEBUG_SWAP)

/* What the engine keeps of a vCPU while its VMSA is loaded. */
struct regs {
	u64 rip, rflags, rax, rcx, rdx, rsp, cr0, cr3, efer;
	bool shadow, nmi_masked;
};

struct script_cpu {
	struct regs regs;
	bool loaded;
	unsigned int loads, saves, kicks, polls;
	/* the host's side */
	struct vmcb *next;	/* for the next VMRUN, once; then idle */
	unsigned int runs;
};

/* One call of hv_ops.run with a VMCB that has exited. */
struct script_exit {
	unsigned int cpu;
	struct vmcb *vmcb;
	u64 code, info1, info2, int_info;
};

struct script {
	struct machine *m;
	u8 *low, *high;
	struct script_cpu cpu[SCRIPT_CPUS];
	struct vmcb *vmcb[SCRIPT_CPUS][SNP_VMPLS];
	bool refuse_load;
	u8 *spoil_at_load;		/* another vCPU writes FFh there */
	unsigned int flushes;
	bool flush_later;		/* the test calls machine_flushed() */
	int flush_vcpu;
	unsigned int changes;		/* calls of ram_changed */
	u64 changed;			/* GPA of the last */
	struct script_exit log[SCRIPT_LOG];
	unsigned int logged;
	/* Instead of cpu[].next, when set. */
	struct vmcb *(*run)(struct script *s, unsigned int cpu,
			    struct vmcb *exited);
	void *test;			/* the test's own */
};

struct machine_config script_config(void);
void script_new(struct script *s, const struct machine_config *config);
void script_free(struct script *s);

/* What the guest sees at @gpa, whatever its state; NULL if no RAM. */
void *script_ram(struct script *s, u64 gpa);

/*
 * Launch a VMSA at VMSA_AT(cpu, vmpl) and a VMCB that names it. The guest
 * has IF set, and VGIF and V_NMI_ENABLE as a guest's software would. The
 * host allows exactly @features.
 */
struct vmsa *script_vmsa(struct script *s, unsigned int cpu,
			 unsigned int vmpl, u64 features);
/* Launch a zeroed backing page for @cpu and let @vmsa use it. */
u32 *script_savic(struct script *s, unsigned int cpu, struct vmsa *vmsa,
		  u64 control);
/* Launch one private page with all rights for VMPL 0. */
void *script_private(struct script *s, u64 gpa);

/*
 * The host runs the VMCB on a core that is idle. Returns 0 if it entered,
 * else the exit code.
 */
u64 script_vmrun(struct script *s, unsigned int cpu, struct vmcb *vmcb);
u64 script_run(struct script *s, unsigned int cpu, unsigned int vmpl);
/* An INTR exit; the host idles afterwards. Registers go to the VMSA. */
void script_leave(struct script *s, unsigned int cpu);
/* An INTR exit, and the same VMCB again: what VMRUN returned, 0 if entered. */
u64 script_again(struct script *s, unsigned int cpu);

/* The last exit that the host saw. */
const struct script_exit *script_last(const struct script *s);

/*
 * An instruction boundary: asks machine_event() with the vCPU's registers.
 * A delivery happens as on silicon: IF is cleared for an interrupt, NMIs
 * are masked by an NMI, the shadow ends with any instruction.
 */
enum mach_event script_boundary(struct script *s, unsigned int cpu,
				u64 *event);
/* As above, without delivering what comes back. */
enum mach_event script_ask(struct script *s, unsigned int cpu, u64 *event);
/* Vector of the interrupt that is delivered at this boundary, or -1. */
int script_interrupt(struct script *s, unsigned int cpu);

#endif
