/* SPDX-License-Identifier: MIT */
/*
 * The real host on the real machine, with the scripted engine below and a
 * platform of plain variables around. The test plays the guest: it writes its
 * GHCB, executes VMGEXIT, and looks at what comes back.
 */
#ifndef TESTS_LIB_HOST_RIG_H
#define TESTS_LIB_HOST_RIG_H

#include "host/internal.h"
#include "tests/lib/scripted.h"

#define RIG_TIMERS	(2 * SCRIPT_CPUS * SNP_VMPLS + 1)
#define GHCB_AT(cpu, vmpl)	(0x40000ull + ((cpu) * 4 + (vmpl)) * PAGE_SIZE)
#define SHARED_PAGE		0x60000ull
#define MMIO_PAGE		0xfed00000ull

#define GHCB_FEATURES_ALL						\
	(GHCB_FEATURE_SNP | GHCB_FEATURE_AP_CREATION |			\
	 GHCB_FEATURE_RESTRICTED | GHCB_FEATURE_APIC_ID_LIST |		\
	 GHCB_FEATURE_MULTI_VMPL)

struct host_timer {
	struct rig *rig;
	void (*fn)(void *arg);
	void *arg;
	u64 deadline;
	bool used, armed;
};

struct rig_io {
	u64 at;
	unsigned int size;
	u64 value;
};

struct rig {
	struct script s;
	struct host *h;
	struct machine *m;
	u32 apic_id[SCRIPT_CPUS];
	u64 now;
	struct host_timer timer[RIG_TIMERS];
	unsigned int kicks_seen[SCRIPT_CPUS];
	struct rig_io port, mmio;	/* last write */
	struct rig_io firmware[16];	/* port writes before the first VMRUN */
	unsigned int firmware_writes;
	unsigned int port_writes, port_reads, mmio_writes;
	u64 input;			/* what ports and MMIO read as */
	bool no_xsavec;
	unsigned int lines;
	char line[512];
	unsigned int stops;
	char result[64], reason[512];
};

struct rig_config {
	unsigned int vcpus;		/* 0: 2 */
	unsigned int vmpl;		/* of the boot VMSA and of devices */
	unsigned int devices;		/* if not 0: that of devices */
	u64 features;			/* of all VMSAs; 0: SNP */
	u64 ghcb_features;		/* 0: all */
	const u32 *apic_id;		/* NULL: 0, 1, 2, ... */
	bool xapic;
};

/*
 * VMSAs are launched for each vCPU at VMSA_AT(cpu, 0..3); vCPU 0 runs, its
 * GHCB is registered.
 */
void rig_new(struct rig *r, const struct rig_config *config);
void rig_free(struct rig *r);

/* SNP at VMPL 0 on all of @vcpus, which run with their APICs enabled. */
void rig_smp(struct rig *r, unsigned int vcpus);

struct host_ctx *rig_ctx(struct rig *r, unsigned int cpu, unsigned int vmpl);
/* Kicks sent to @cpu since the last call. */
unsigned int rig_kicks(struct rig *r, unsigned int cpu);
/* Carry out all kicks. */
void rig_pump(struct rig *r);
void rig_advance(struct rig *r, u64 ns);

/* MSR protocol: the value after the request. */
u64 rig_msr(struct rig *r, unsigned int cpu, u64 value);
void rig_register(struct rig *r, unsigned int cpu);

/* GHCB of the VMPL that runs on @cpu. */
struct ghcb *rig_ghcb(struct rig *r, unsigned int cpu);
/* Fresh: only the exit words are valid. */
struct ghcb *rig_event(struct rig *r, unsigned int cpu, u64 code, u64 info1,
		       u64 info2);
void rig_vmgexit(struct rig *r, unsigned int cpu);
/* Both, for events without registers; returns EXITINFO1. */
u64 rig_call(struct rig *r, unsigned int cpu, u64 code, u64 info1, u64 info2);
/* RDMSR and WRMSR by GHCB; false: #GP. */
bool rig_rdmsr(struct rig *r, unsigned int cpu, u32 msr, u64 *value);
bool rig_wrmsr(struct rig *r, unsigned int cpu, u32 msr, u64 value);
/* Create @cpu's VMSA at @vmpl from vCPU 0, and let it run. */
u64 rig_ap_create(struct rig *r, unsigned int cpu, unsigned int vmpl,
		  u64 features);
enum mach_next rig_hlt(struct rig *r, unsigned int cpu);

/* At VMPL 0. */
void rig_eoi(struct rig *r, unsigned int cpu);
const struct apic_vector_count *rig_count(struct rig *r, unsigned int cpu,
					  u8 vector);

#define MSI_TO(id)	(0xfee00000ull | (u64)(id) << 12)

#define GHCB_SET(g, field, v)						\
	do {								\
		(g)->field = (v);					\
		(g)->valid[GHCB_FIELD(field) / 64] |=			\
			BIT_ULL(GHCB_FIELD(field) % 64);		\
	} while (0)

#endif
