/* SPDX-License-Identifier: MIT */
/*
 * The runtime of micro guests: bare-metal programs that do what Linux never
 * does. One address space, identity mapped and private; everything appears
 * a second time, shared, at SHARED_BASE. Each CPU has its own GHCB.
 */
#ifndef MICRO_H
#define MICRO_H

#include "arch/apic.h"
#include "arch/doorbell.h"
#include "arch/ghcb.h"
#include "arch/snp.h"
#include "arch/svm.h"
#include "arch/svsm.h"
#include "arch/types.h"
#include "arch/vectors.h"
#include "arch/vmsa.h"
#include "igvm/elf_info.h"

#define MICRO_CPUS	8
#define SHARED_BASE	0x8000000000ull		/* PML4 slot 1 */

/* The last #VC that a guest asked to be told about instead of served. */
struct vc_record {
	u32 code;
	u64 rip;
	u32 count;
};

/* What #HV brought, under Restricted Injection. */
struct hv_record {
	volatile u32 count;		/* #HV taken */
	volatile u32 put_off;		/* of these with IF clear */
	volatile u32 windows;		/* of these before a HLT */
	volatile u32 nmi, mc, spurious;
	volatile u8 tpr;		/* in software, nobody else's */
};

struct micro_cpu {
	struct micro_cpu *self;		/* GS:0 */
	u32 index;
	u32 apic_id;
	struct ghcb *ghcb;		/* shared view */
	u32 *page;			/* Secure AVIC backing page */
	bool savic;			/* En = 1 */
	struct doorbell *doorbell;	/* shared view; Restricted Injection */
	struct hv_record hv;
	bool alternate;			/* the monitor has its APIC */
	bool remapped;			/* calling area of our own */
	volatile u32 alive;
	void (*volatile work)(void);	/* what a secondary CPU shall do */
	volatile u32 intr[256];		/* vectors taken */
	volatile u32 last;		/* the last one */
	struct vc_record vc;
	volatile u32 gp;		/* #GP taken where one was expected */
	u64 recover;			/* RIP to go on from after that */
};

extern const struct elf_info *micro_info;
extern struct micro_cpu micro_cpus[MICRO_CPUS];

/*
 * False under a monitor that hides SNP: then there is no GHCB, everything
 * below that is named after it executes the plain instruction, and CPUs start
 * by INIT and SIPI.
 */
static inline bool micro_aware(void)
{
	return micro_info->c_bit;
}

static inline struct micro_cpu *this_cpu(void)
{
	struct micro_cpu *cpu;

	asm volatile("movq %%gs:0, %0" : "=r"(cpu));
	return cpu;
}

/* ---- instructions ------------------------------------------------------- */

static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return lo | (u64)hi << 32;
}

static inline void wrmsr(u32 msr, u64 value)
{
	asm volatile("wrmsr" : : "c"(msr), "a"((u32)value),
		     "d"((u32)(value >> 32)) : "memory");
}

static inline u64 irq_save(void)
{
	u64 flags;

	asm volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
	return flags;
}

/* Under Restricted Injection: serve what came while IF was clear. */
void irq_opened(void);

static inline void irq_on(void)
{
	asm volatile("sti; nop" : : : "memory");
	irq_opened();
}

static inline void irq_restore(u64 flags)
{
	if (flags & RFLAGS_IF)
		irq_on();
}

static inline void irq_off(void)
{
	asm volatile("cli" : : : "memory");
}

/*
 * STI's shadow covers HLT: no wake-up is lost between the two. Under
 * Restricted Injection a window in the code does what the shadow can not.
 */
void irq_on_halt(void);

static inline void relax(void)
{
	asm volatile("pause" : : : "memory");
}

static inline void vmgexit(void)
{
	asm volatile("rep; vmmcall" : : : "memory");
}

/* CR0, CR3 or CR4; 0 for another */
u64 read_cr(unsigned int n);

static inline u64 read_cr8(void)
{
	u64 value;

	asm volatile("movq %%cr8, %0" : "=r"(value));
	return value;
}

static inline void write_cr8(u64 value)
{
	asm volatile("movq %0, %%cr8" : : "r"(value) : "memory");
}

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return lo | (u64)hi << 32;
}

/* Both return EAX; *cf as documented. */
static inline u32 pvalidate(u64 gpa, bool large, bool validate, bool *cf)
{
	u32 eax;
	u8 carry;

	asm volatile(".byte 0xf2, 0x0f, 0x01, 0xff; setc %1"
		     : "=a"(eax), "=qm"(carry)
		     : "a"(gpa), "c"((u32)large), "d"((u32)validate)
		     : "memory", "cc");
	*cf = carry;
	return eax;
}

static inline u32 rmpadjust(u64 gpa, bool large, u64 attributes)
{
	u32 eax;

	asm volatile(".byte 0xf3, 0x0f, 0x01, 0xfe"
		     : "=a"(eax)
		     : "a"(gpa), "c"((u64)large), "d"(attributes)
		     : "memory", "cc");
	return eax;
}

/* ---- runtime ------------------------------------------------------------ */

/* Each guest defines it; returns to power the machine off. */
void micro_main(void);

void console_putc(char c);
void print(const char *format, ...);	/* %s %u %x (64 bit) %c */

/* Count a check; print the failed ones. */
void check_at(bool ok, const char *what, const char *file, unsigned int line);
#define check(cond)	check_at(cond, #cond, __FILE__, __LINE__)

/* Value of NAME=N on the command line, or @otherwise. */
u64 option(const char *name, u64 otherwise);
/* Is NAME=VALUE on the command line? */
bool option_is(const char *name, const char *value);

void power_off(void) __attribute__((noreturn));
void panic(const char *why, const struct regs *regs)
	__attribute__((noreturn));

static inline void *shared_view(u64 gpa)
{
	return (void *)(SHARED_BASE + gpa);
}

/* Make a page of ours shared (it is given back nowhere). */
void page_share(void *page);
/* Ask the host to change the state of one page: enum of PSC operations. */
void page_state(u64 gpa, unsigned int operation);

/* GHCB events; return SW_EXITINFO1[31:0], *info2 if not NULL. */
u32 ghcb_call(u64 code, u64 info1, u64 info2, u64 *info2_out);
u32 ghcb_call_rax(u64 code, u64 info1, u64 info2, u64 rax, u64 rbx);
u64 ghcb_rdmsr(u32 msr);
void ghcb_wrmsr(u32 msr, u64 value);
u32 ghcb_in(u16 port, unsigned int size);
void ghcb_out(u16 port, unsigned int size, u32 value);
u32 ghcb_mmio_read(u64 gpa);
void ghcb_mmio_write(u64 gpa, u32 value);

/* APIC access that works in both modes: page, MSR, or GHCB as is right. */
u64 apic_read(u32 offset);
void apic_write(u32 offset, u64 value);
void apic_eoi(void);
void apic_enable(void);		/* x2APIC on, SVR, and Secure AVIC if active */
void vector_allow(u8 vector, bool allow);	/* on this CPU, from the host */
bool savic_active(void);	/* SEV_STATUS says so */
bool page_bit(u32 base, u8 vector);
void page_set_bit(struct micro_cpu *cpu, u32 base, u8 vector, bool on);

/* ---- below a monitor: svsm.c --------------------------------------------- */

struct svsm_regs {
	u64 rax, rcx, rdx, r8, r9;
};

unsigned int svsm_vmpl(void);	/* ours; 0: there is no monitor */
bool alternate_active(void);	/* SEV_STATUS says so */
struct svsm_ca *svsm_area(unsigned int index);
/* Once, RAX as it is; false: nobody served it. */
bool svsm_issue(struct svsm_regs *r);
/* Until it is neither busy nor incomplete; the result code. */
u64 svsm_call(u32 protocol, u32 number, struct svsm_regs *r);
u64 svsm_core(u32 number, u64 rcx, u64 rdx, u64 r8);
u64 svsm_apic(u32 number, u64 rcx, u64 rdx);
u64 svsm_apic_read(u32 offset);
void svsm_apic_write(u32 offset, u64 value);
bool svsm_validate(u64 gpa, bool validate);
bool svsm_create(unsigned int index, const struct vmsa *vmsa);
/* A calling area of our own for this CPU. */
bool svsm_remap(void);

/* Interrupt handlers; the default one counts, and sends an EOI. */
void set_handler(u8 vector, void (*fn)(struct regs *regs));
void intr_default(struct regs *regs);
/* Call the handler of an interrupt that came by another way than the IDT. */
void micro_interrupt(struct regs *regs);

/* ---- Restricted Injection ------------------------------------------------ */

bool restricted_active(void);	/* SEV_STATUS says so */
void doorbell_enable(void);	/* apic_enable() does it */
void doorbell_set(void);	/* register the page again */
void doorbell_look(void);
bool doorbell_eoi(void);

/* MSR accesses that may raise #GP or #VC; true if neither happened. */
bool try_rdmsr(u32 msr, u64 *value);
bool try_wrmsr(u32 msr, u64 value);
/* Record this #VC code (and skip the instruction) instead of panicking. */
void vc_expect(bool on);

/*
 * The registers of this CPU for another context that enters @entry, which
 * must not return; @cpu: its GS base. VMPL, features and interrupt state are
 * the caller's to set.
 */
void vmsa_fill(struct vmsa *v, void (*entry)(void), u64 stack_top,
	       struct micro_cpu *cpu);
/* Start CPU @index; it waits for work. Each work item runs once. */
void cpu_start(unsigned int index);
void cpu_load_idt(void);
/* What a secondary CPU does, for good. */
void micro_ap_start(void);
/* sipi.c: the same by INIT and SIPI. */
void cpu_sipi(struct micro_cpu *cpu, void *stack_end);
void cpu_run(unsigned int index, void (*fn)(void));
void cpu_wait(unsigned int index);	/* until it has done its work */
unsigned int cpu_count(void);

/* The I/O APIC. */
void ioapic_route(unsigned int pin, u8 vector, bool level, u32 dest);
void ioapic_mask(unsigned int pin);
void ioapic_eoi(u8 vector);

/* Busy wait on the TSC; the unit is a thousand ticks. */
void wait_ticks(u64 thousands);

#endif
