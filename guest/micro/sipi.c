// SPDX-License-Identifier: MIT
/*
 * Starting a CPU by INIT and SIPI, one at a time (APM vol. 2, 14.1 and 16.5):
 * below a monitor that hides SNP.
 */
#include "guest/micro/micro.h"

#define SIPI_VECTOR	0x08
#define SIPI_PAGE	((u8 *)(SIPI_VECTOR << 12))
#define MSR_GS_BASE	0xc0000101

struct sipi_words {
	u32 cr0, cr3, cr4, efer;
	u32 ip;
	u16 cs;
	u16 gdt_limit;
	u32 gdt_base;
} __attribute__((packed));

extern const u8 sipi_code[], sipi_words[], sipi_end[];
extern u64 sipi_stack;
void sipi_64(void);
void cpu_sipi_main(void);

static struct micro_cpu *starting;

static void fill_page(void)
{
	struct sipi_words *w = (void *)(SIPI_PAGE + (sipi_words - sipi_code));
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) gdt;

	asm volatile("sgdt %0" : "=m"(gdt));
	for (const u8 *at = sipi_code; at < sipi_end; at++)
		((volatile u8 *)SIPI_PAGE)[at - sipi_code] = *at;
	*w = (struct sipi_words){
		.cr0 = read_cr(0),
		.cr3 = read_cr(3),
		.cr4 = read_cr(4),
		/* LMA is the processor's to set. */
		.efer = rdmsr(0xc0000080) & ~EFER_LMA,
		.ip = (u64)sipi_64,
		.cs = 0x10,
		.gdt_limit = gdt.limit,
		.gdt_base = gdt.base,
	};
}

void cpu_sipi(struct micro_cpu *cpu, void *stack_end)
{
	u64 to = (u64)cpu->apic_id << APIC_ICR_DEST_SHIFT | APIC_ICR_ASSERT;

	/* ICR is an MSR of the x2APIC. */
	apic_enable();
	fill_page();
	starting = cpu;
	sipi_stack = (u64)stack_end;
	apic_write(APIC_ICR, to | (u64)APIC_INIT << APIC_ICR_MODE_SHIFT);
	apic_write(APIC_ICR, to | (u64)APIC_SIPI << APIC_ICR_MODE_SHIFT |
		   SIPI_VECTOR);
}

void cpu_sipi_main(void)
{
	wrmsr(MSR_GS_BASE, (u64)starting);
	cpu_load_idt();
	micro_ap_start();
}
