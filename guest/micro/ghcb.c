// SPDX-License-Identifier: MIT
/*
 * What only the host can do, by GHCB calls (SEV-ES GHCB Standardization,
 * 56421, section 4). Where a monitor hides SNP from the guest, the plain
 * instructions are there for it.
 *
 * An interrupt between filling the GHCB and VMGEXIT would use the same page; so
 * every call runs with interrupts off. NMIs are the caller's business.
 */
#include "guest/micro/micro.h"

static void set_valid(struct ghcb *g, unsigned int field)
{
	g->valid[field / 64] |= BIT_ULL(field % 64);
}

#define PUT(g, field, value) do {					\
	(g)->field = (value);						\
	set_valid(g, GHCB_FIELD(field));				\
} while (0)

static struct ghcb *begin(void)
{
	struct ghcb *g = this_cpu()->ghcb;

	g->valid[0] = 0;
	g->valid[1] = 0;
	g->version = GHCB_VERSION_MAX;
	g->usage = 0;
	return g;
}

static u32 call(struct ghcb *g, u64 code, u64 info1, u64 info2)
{
	PUT(g, exit_code, code);
	PUT(g, exit_info1, info1);
	PUT(g, exit_info2, info2);
	wrmsr(MSR_GHCB, (u64)g - SHARED_BASE);
	vmgexit();
	return g->exit_info1;
}

u32 ghcb_call(u64 code, u64 info1, u64 info2, u64 *info2_out)
{
	u64 flags = irq_save();
	struct ghcb *g = begin();
	u32 result = call(g, code, info1, info2);

	if (info2_out)
		*info2_out = g->exit_info2;
	irq_restore(flags);
	return result;
}

u32 ghcb_call_rax(u64 code, u64 info1, u64 info2, u64 rax, u64 rbx)
{
	u64 flags = irq_save();
	struct ghcb *g = begin();
	u32 result;

	PUT(g, rax, rax);
	PUT(g, rbx, rbx);
	result = call(g, code, info1, info2);
	irq_restore(flags);
	return result;
}

static void must(u32 result, const char *what)
{
	if (result)
		panic(what, NULL);
}

u64 ghcb_rdmsr(u32 msr)
{
	struct ghcb *g;
	u64 flags, value;

	if (!micro_aware())
		return rdmsr(msr);
	flags = irq_save();
	g = begin();
	PUT(g, rcx, msr);
	must(call(g, EXIT_MSR, 0, 0), "the host refused RDMSR");
	value = (u32)g->rax | g->rdx << 32;
	irq_restore(flags);
	return value;
}

void ghcb_wrmsr(u32 msr, u64 value)
{
	struct ghcb *g;
	u64 flags;

	if (!micro_aware())
		return wrmsr(msr, value);
	flags = irq_save();
	g = begin();
	PUT(g, rcx, msr);
	PUT(g, rax, (u32)value);
	PUT(g, rdx, value >> 32);
	must(call(g, EXIT_MSR, 1, 0), "the host refused WRMSR");
	irq_restore(flags);
}

static u64 ioio(u16 port, unsigned int size, bool in)
{
	return (u64)port << IOIO_PORT_SHIFT | BIT(IOIO_ADDR_SHIFT + 2) |
	       size << IOIO_SIZE_SHIFT | (in ? IOIO_IN : 0);
}

static u32 plain_in(u16 port, unsigned int size)
{
	u32 value = 0;

	if (size == 1)
		asm volatile("inb %w1, %b0" : "+a"(value) : "d"(port));
	else if (size == 2)
		asm volatile("inw %w1, %w0" : "+a"(value) : "d"(port));
	else
		asm volatile("inl %w1, %0" : "=a"(value) : "d"(port));
	return value;
}

static void plain_out(u16 port, unsigned int size, u32 value)
{
	if (size == 1)
		asm volatile("outb %b0, %w1" : : "a"(value), "d"(port));
	else if (size == 2)
		asm volatile("outw %w0, %w1" : : "a"(value), "d"(port));
	else
		asm volatile("outl %0, %w1" : : "a"(value), "d"(port));
}

u32 ghcb_in(u16 port, unsigned int size)
{
	struct ghcb *g;
	u64 flags;
	u32 value;

	if (!micro_aware())
		return plain_in(port, size);
	flags = irq_save();
	g = begin();
	must(call(g, EXIT_IOIO, ioio(port, size, true), 0),
	     "the host refused IN");
	value = g->rax;
	irq_restore(flags);
	return value;
}

void ghcb_out(u16 port, unsigned int size, u32 value)
{
	struct ghcb *g;
	u64 flags;

	if (!micro_aware())
		return plain_out(port, size, value);
	flags = irq_save();
	g = begin();
	PUT(g, rax, value);
	if (call(g, EXIT_IOIO, ioio(port, size, false), 0))
		for (;;)
			irq_off();
	irq_restore(flags);
}

static u32 mmio(u64 code, u64 gpa, u32 *value)
{
	u64 flags = irq_save();
	struct ghcb *g = begin();
	u32 result;

	*(volatile u32 *)g->buffer = *value;
	PUT(g, scratch, (u64)g->buffer - SHARED_BASE);
	result = call(g, code, gpa, 4);
	*value = *(volatile u32 *)g->buffer;
	irq_restore(flags);
	return result;
}

u32 ghcb_mmio_read(u64 gpa)
{
	u32 value = 0;

	if (!micro_aware()) {
		asm volatile("movl (%1), %0" : "=r"(value) : "r"(gpa)
			     : "memory");
		return value;
	}
	must(mmio(GHCB_MMIO_READ, gpa, &value), "the host refused MMIO read");
	return value;
}

void ghcb_mmio_write(u64 gpa, u32 value)
{
	if (!micro_aware()) {
		asm volatile("movl %0, (%1)" : : "r"(value), "r"(gpa)
			     : "memory");
		return;
	}
	must(mmio(GHCB_MMIO_WRITE, gpa, &value),
	     "the host refused MMIO write");
}

/* ---- page states --------------------------------------------------------- */

/* By the MSR protocol, since the first page shared is the GHCB itself. */
void page_state(u64 gpa, unsigned int operation)
{
	u64 flags = irq_save();
	u64 old = rdmsr(MSR_GHCB);
	u64 answer;

	wrmsr(MSR_GHCB, GHCB_MSR_PSC_REQ | gpa | (u64)operation << 52);
	vmgexit();
	answer = rdmsr(MSR_GHCB);
	wrmsr(MSR_GHCB, old);
	irq_restore(flags);
	if (answer != GHCB_MSR_PSC)
		for (;;)
			irq_off();
}

void page_share(void *page)
{
	bool cf;

	if (svsm_vmpl())
		svsm_validate((u64)page, false);
	else
		pvalidate((u64)page, false, false, &cf);
	page_state((u64)page, PSC_OP_SHARED);
	for (unsigned int i = 0; i < PAGE_SIZE / 8; i++)
		((volatile u64 *)shared_view((u64)page))[i] = 0;
}
