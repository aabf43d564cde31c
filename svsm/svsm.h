/* SPDX-License-Identifier: MIT */
/*
 * The monitor, seen from within. It runs at VMPL 0 on every vCPU with IF = 0
 * all the time: no interrupt exists for it, and #HV (which knows no IF) only
 * leaves a note (hv.c).
 *
 * Memory, by virtual address:
 *
 *	MONITOR_BASE	the monitor's range: image, tables, CPU areas
 *	DIRECT_BASE	all memory of the guest, VA = DIRECT_BASE + GPA,
 *			writable, never executable
 */
#ifndef SVSM_SVSM_H
#define SVSM_SVSM_H

#include "arch/doorbell.h"
#include "arch/ghcb.h"
#include "arch/monitor.h"
#include "arch/snp.h"
#include "arch/svm.h"
#include "arch/vectors.h"
#include "arch/vmsa.h"
#include "svsm/vcpu.h"

#define DIRECT_BASE	0xffff800000000000ull

struct tss {
	u32 reserved_0;
	u64 rsp[3];
	u64 reserved_1c;
	u64 ist[7];
	u64 reserved_5c;
	u16 reserved_64;
	u16 iomap;
} __attribute__((packed));
ASSERT_SIZE(struct tss, 0x68);

#define SELECTOR_CODE	0x08
#define SELECTOR_DATA	0x10
#define SELECTOR_TSS	0x18

struct apic_counters;
struct irq_msg;

/* One page, in the CPU's own area. */
struct cpu {
	struct cpu *self;		/* 00: GS:0 */
	u64 stack_top;			/* 08: start.S */
	u32 index;
	u32 apic_id;
	struct ghcb *ghcb;
	u64 ghcb_gpa;
	struct doorbell *doorbell;
	const volatile u16 *pending;	/* its first word */
	u64 gdt[5];
	struct tss tss;
	bool speaks;			/* its GHCB works */
	u32 online;
	struct vcpu vcpu;
	struct {			/* rides on the next entry; */
		u64 code, info1, info2;	/* code 0: nothing */
	} rider;
};
ASSERT_OFFSET(struct cpu, stack_top, 8);
_Static_assert(sizeof(struct cpu) <= PAGE_SIZE, "a CPU has one page");

/* Offsets in a CPU's area; what is not named is never mapped. */
#define AREA_STACK	0x1000		/* a guard page on either side */
#define AREA_STACK_END	0x5000
#define AREA_DF_STACK	0x6000
#define AREA_CPU	0x7000
#define AREA_GHCB	0x8000		/* shared */
#define AREA_DOORBELL	0x9000		/* shared */
#define AREA_VMSA	0xa000
#define AREA_PARAVISOR	0xb000		/* unaware guest: its vCPU ... */
#define AREA_GUEST_VMSA	0xc000		/* ... the VMSA of that ... */
#define AREA_BACKING	0xd000		/* ... its page for Secure AVIC */
_Static_assert(AREA_BACKING + PAGE_SIZE <= MONITOR_COUNTERS &&
	       MONITOR_COUNTERS + MONITOR_COUNTERS_BYTES <= MONITOR_CPU_BYTES,
	       "64 KiB a CPU");

extern struct monitor_info info;	/* our copy, checked */
extern u64 own_features;		/* SEV_FEATURES at VMPL 0 */
extern u64 host_features;		/* its GHCB feature bitmap */

static inline struct cpu *this_cpu(void)
{
	struct cpu *cpu;

	asm volatile("movq %%gs:0, %0" : "=r"(cpu));
	return cpu;
}

/* ---- stop.c, console.c -------------------------------------------------- */

/* Say why on the console, then have the host end the guest. */
void stop(enum monitor_reason reason, const char *why, u64 value)
	__attribute__((noreturn));
void console_text(const char *text);
void console_hex(u64 value);

/* ---- memory.c: page tables ---------------------------------------------- */

void *monitor_va(u64 gpa);
void *guest_va(u64 gpa);
/* Map a page of the monitor's range at its place. */
enum page_kind { PAGE_PRIVATE, PAGE_SHARED };
void *monitor_map(u64 gpa, enum page_kind kind);
/* Map it, validate it, fill it with zeroes. */
void *monitor_take(u64 gpa);
void direct_map(void);

/* ---- cpu.c, trap.c ------------------------------------------------------ */

/* GPA of a CPU's area. */
u64 cpu_area(u32 index);
struct cpu *cpu_of(u32 index);
/* What this CPU counts; its pages were taken by cpu_prepare(). */
struct apic_counters *cpu_counters(u32 index);
/* Make the CPU's area; its memory has not been touched before. */
struct cpu *cpu_prepare(u32 index);
void cpu_load_tables(struct cpu *cpu);
void cpu_start(struct cpu *cpu);
void trap_init(void);
void trap_load(void);
extern u8 idt_pointer[10];

/* ---- ghcb.c ------------------------------------------------------------- */

/* The MSR protocol: @request goes out, what comes back is returned. */
u64 ghcb_msr(u64 request);
void ghcb_check_version(void);
void ghcb_check_features(void);
void ghcb_make_shared(u64 gpa);
void ghcb_register(struct cpu *cpu);
/* SW_EXITINFO1[31:0] of the answer; @info2 may be NULL. */
u32 ghcb_call(u64 code, u64 info1, u64 info2, u64 rax, u64 *info2_out);
void ghcb_prepare(struct cpu *cpu, u64 code, u64 info1, u64 info2);
u32 ghcb_result(struct cpu *cpu);
void ghcb_wrmsr(u32 msr, u64 value);
u64 ghcb_rdmsr(u32 msr);
void ghcb_out(u16 port, u8 value);
u8 ghcb_in(u16 port);

/* ---- hv.c --------------------------------------------------------------- */

void hv_start(struct cpu *cpu);
/* Have the host ring with VECTOR_NEWS, on this CPU. */
void hv_want_news(void);
/*
 * What HV IPI (56421 section 4.1.11) takes, but for mode and vector: the host
 * learns whom @to addresses, never what it is.
 */
u64 hv_address(const struct irq_msg *to);
void hv_poll(struct cpu *cpu);
/* Until #HV; with @no_vcpu also until this CPU gets a vCPU. */
void hv_idle(struct cpu *cpu, bool no_vcpu);

/* What may come in the doorbell page. */
#define VECTOR_NEWS	0x50		/* for the guest, while VMPL 0 runs */
#define VECTOR_IPI	0xe0		/* of another CPU's VMPL 0 */

/* ---- guest.c ------------------------------------------------------------ */

void guest_prepare(void);
/* SEV_FEATURES of the first vCPU as launched. */
u64 guest_features(void);
/* Stop unless the first vCPU's registers are for its VMPL. */
void guest_check(const struct vmsa *v);
/* Make the page a VMSA and tell the host whose: it waits for Run VMPL. */
void guest_announce(u32 apic_id, const struct vmsa *v, u64 gpa);

/* ---- run.c: a guest that knows of the monitor --------------------------- */

void run_boot(struct cpu *cpu);
void run_loop(struct cpu *cpu) __attribute__((noreturn));

/* ---- paravisor_boot.c: one that does not -------------------------------- */

/* Of all CPUs, after cpu_prepare(), before any of them runs. */
void paravisor_boot(void);
void paravisor_loop(struct cpu *cpu) __attribute__((noreturn));

/* ---- start.S ------------------------------------------------------------ */

void svsm_ap_entry(void);
/* 0: went there and came back; 1: not gone, there is something to see. */
u64 svsm_switch(const volatile u16 *pending);
/* Sleep until #HV unless *@pending or *@work says that there is something. */
void svsm_halt(const volatile u16 *pending, const volatile u64 *work);

#endif
