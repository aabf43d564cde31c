/* SPDX-License-Identifier: MIT */
/*
 * The paravisor: a guest that knows neither SEV nor this monitor runs at a
 * lower VMPL with ReflectVC, vTOM and Alternate Injection. What would be #VC
 * comes here as an exit that its VMSA describes and the host does not see
 * (APM 15.36.9); its local APIC is core/'s.
 *
 * Everything outside goes through struct paravisor_ops, so that the whole of
 * it runs natively against a fake. What the ops bring from the host (port
 * and MMIO data, when idle() returns, that run() returns) is the host's word;
 * the VMSA is the silicon's, guest memory the guest's.
 */
#ifndef SVSM_PARAVISOR_H
#define SVSM_PARAVISOR_H

#include "core/cpuid.h"
#include "core/doorbell.h"
#include "core/gpr.h"
#include "core/mailbox.h"
#include "core/present.h"
#include "core/backing.h"

/* Chunk of a string of port I/O: one GHCB exit if the GHCB can do it. */
#define PARAVISOR_STRING	512

struct paravisor_ops {
	/*
	 * Takes what is on the doorbell, but for the descriptor; what comes
	 * later makes run() and idle() return at once.
	 */
	void (*poll)(void *cpu);
	/* Runs the guest VMPL once. It may return without having done so. */
	void (*run)(void *cpu);
	/* Sleeps unless the doorbell has something; any reason wakes. */
	void (*idle)(void *cpu);
	struct apic_time (*now)(void *cpu);
	/* Call me (idle() or run() returns) at that ns; APIC_NEVER: do not. */
	void (*deadline)(void *cpu, u64 ns);
	/* #HV IPI to the VMPL 0 of whom msg addresses; vector, mode: ours */
	void (*kick)(void *cpu, const struct irq_msg *msg);
	void (*specific_eoi)(void *cpu, u8 vector);
	/* Guest memory: private RAM of the guest and nothing else, or false. */
	bool (*read)(void *cpu, u64 gpa, void *to, unsigned int n);
	bool (*write)(void *cpu, u64 gpa, const void *from, unsigned int n);
	/* One byte that stays mapped; NULL if it is not the guest's RAM. */
	u8 *(*byte)(void *cpu, u64 gpa);
	/* count elements of size bytes, in order; false: the host refuses. */
	bool (*port)(void *cpu, u16 port, unsigned int size, bool in,
		     void *data, unsigned int count);
	bool (*mmio)(void *cpu, u64 gpa, unsigned int size, bool write,
		     u64 *value);
	/* Backing page of this vCPU: the host asks there from now on, or not */
	bool (*savic)(void *cpu, u64 gpa, bool on);
	/* Post vector to the guest's VMPL at that ns; APIC_NEVER: do not. */
	void (*tick)(void *cpu, u64 ns, u8 vector);
	/* The vCPUs that msg addresses shall look into their pages. */
	void (*ring)(void *cpu, const struct irq_msg *msg);
	void (*note)(void *cpu, const char *text);
};

/* What the guest told devices to send: only that may come from the host. */
struct paravisor_learn {
	u64 msi_at;		/* where an MSI address was written */
	u32 config;		/* port CF8h */
	u8 ioapic_select;
};

#define PARAVISOR_PINS	24	/* of the I/O APIC */

/*
 * Where a vCPU is, for those who post to its backing page. In the monitor it
 * needs no telling: it looks again on its way out.
 */
enum paravisor_where {
	PARAVISOR_INSIDE,	/* in the monitor */
	PARAVISOR_PAGE,		/* hardware works on its page, or shall */
	PARAVISOR_LOCAL,	/* it runs or sleeps, and the page is unused */
};

struct paravisor_vcpu;

struct paravisor {
	const struct paravisor_ops *ops;
	const struct snp_cpuid_page *cpuid;
	struct paravisor_vcpu *const *vcpu;
	unsigned int cpus;
	u32 max_id;		/* highest APIC ID */
	unsigned int vmpl;
	u32 allowed[8];		/* atomic: vectors of devices, all vCPUs */
	u64 route[PARAVISOR_PINS];	/* redirection entries; Secure AVIC */
	bool host_ticks;	/* Secure AVIC: the host posts timers */
};

struct paravisor_vcpu {
	struct apic apic;
	struct present present;
	struct mailbox box;
	struct paravisor *guest;
	struct vmsa *vmsa;
	struct doorbell *page;
	void *cpu;		/* for the ops */
	u8 *eoi;		/* KVM's PV EOI, or NULL */
	u64 eoi_msr;
	u64 armed;		/* deadline that the ops know */
	bool set_again;		/* the guest has written its timer */
	struct paravisor_learn learn;
	u64 ignored;		/* exits that meant nothing, and the last */
	u64 ignored_code;
	bool halted;
	/* Secure AVIC; paravisor_savic.c */
	struct backing backing;
	u64 savic_gpa;
	bool savic_on;		/* the host knows the page */
	bool savic_refused;
	bool savic_noted;	/* that it is an xAPIC */
	u8 ticks;		/* vector that the host is to post; 0: none */
	u32 where;		/* atomic: enum paravisor_where */
};

/*
 * guest, vmsa, page and cpu are set; the VMSA has its features and its first
 * registers. False: config contradicts itself.
 */
bool paravisor_init(struct paravisor_vcpu *v, const struct apic_config *config,
		    struct apic_counters *count);
/*
 * Once around: idle or run, and serve the exit. NULL, or why this guest
 * cannot go on: a name for the console and the termination request.
 */
const char *paravisor_turn(struct paravisor_vcpu *v);

/* paravisor_host.c: on the machine. What the ops' cpu is: struct cpu. */
extern const struct paravisor_ops paravisor_host_ops;
struct apic_config paravisor_host_config(u32 apic_id, bool bsp, bool x2apic);

/* ---- between the files ---- */

/* Carry out what an APIC operation asks for. */
void paravisor_effects(struct paravisor_vcpu *v,
		       const struct apic_effects *fx);
bool paravisor_may_allow(u8 vector);
/* The host may post this vector from now on, if it is one for devices. */
void paravisor_allow(struct paravisor_vcpu *v, u8 vector);
void paravisor_learn_port(struct paravisor_vcpu *v, u16 port,
			  unsigned int size, u32 value);
void paravisor_learn_mmio(struct paravisor_vcpu *v, u64 gpa, u64 value);
/* Half of a redirection entry: which vectors are level, and where. */
void paravisor_route(struct paravisor_vcpu *v, u8 half, u32 value);
/* INIT and SIPI; true: the vCPU may run. NULL reason: none to stop. */
bool paravisor_start(struct paravisor_vcpu *v, const char **reason);
void paravisor_init_vmsa(struct vmsa *vmsa);

/* ---- Secure AVIC; without a page these do nothing ---- */

/* Does the exit leave the vectors in the page alone? */
bool paravisor_savic_stays(const struct paravisor_vcpu *v);
/* Settled: what hardware and others left in the page. */
void paravisor_savic_take(struct paravisor_vcpu *v);
/* Before it runs or sleeps: the page, if this is a time for it. */
void paravisor_savic_give(struct paravisor_vcpu *v);
/* It leaves the monitor; true: something came in between, look again. */
bool paravisor_savic_leave(struct paravisor_vcpu *v, bool sleep);
void paravisor_savic_back(struct paravisor_vcpu *v, bool slept);
/* From any vCPU: false if msg is not one for pages. */
bool paravisor_savic_post(struct paravisor_vcpu *to, const struct irq_msg *msg,
			  enum paravisor_where *where);
/* May the host post what this timer owes? Its vector, or 0. */
u8 paravisor_savic_ticks(const struct paravisor_vcpu *v);
void paravisor_savic_tick(struct paravisor_vcpu *v, u8 vector);
void paravisor_savic_allow(const struct paravisor *guest, u8 vector);

/* Exits; each returns NULL or a reason to stop. */
const char *emulate_exit(struct paravisor_vcpu *v);
const char *emulate_fault(struct paravisor_vcpu *v, u8 vector);
const char *emulate_gp(struct paravisor_vcpu *v);
const char *emulate_skip(struct paravisor_vcpu *v);
const char *emulate_cpuid(struct paravisor_vcpu *v);
const char *emulate_msr(struct paravisor_vcpu *v);
const char *emulate_ioio(struct paravisor_vcpu *v);
const char *emulate_npf(struct paravisor_vcpu *v);
const char *emulate_avic(struct paravisor_vcpu *v);

/* Guest memory by linear address, through the guest's own page tables. */
bool emulate_translate(struct paravisor_vcpu *v, u64 linear, u64 *gpa);
bool emulate_read(struct paravisor_vcpu *v, u64 linear, void *to,
		  unsigned int n);
bool emulate_write(struct paravisor_vcpu *v, u64 linear, const void *from,
		   unsigned int n);

#endif
