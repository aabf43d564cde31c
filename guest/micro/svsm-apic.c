// SPDX-License-Identifier: MIT
/*
 * svsm-apic: every call of the APIC protocol (58019) from a guest below the
 * monitor under Alternate Injection: registers, values, result codes, and
 * what makes a call one. One CPU.
 */
#include "guest/micro/micro.h"

#define READ	SVSM_APIC_READ_REGISTER
#define WRITE	SVSM_APIC_WRITE_REGISTER
#define NOBODY	(0x7777ull << APIC_ICR_DEST_SHIFT)
#define VECTOR	0x41

static u64 query(u64 version)
{
	struct svsm_regs r = { .rcx = (u64)SVSM_PROTOCOL_APIC << 32 | version };

	check(!svsm_call(SVSM_PROTOCOL_CORE, SVSM_CORE_QUERY_PROTOCOL, &r));
	return r.rcx;
}

static void reads_as(u32 offset, u64 value)
{
	check(svsm_apic_read(offset) == value);
}

/* ---- registers ---------------------------------------------------------- */

static bool readable(u32 msr)
{
	return msr == 0x802 || msr == 0x808 || msr == 0x80a || msr == 0x80d ||
	       (msr >= 0x810 && msr <= 0x827) || msr == 0x830;
}

static bool writable(u32 msr)
{
	return msr == 0x808 || msr == 0x80b || msr == 0x830 || msr == 0x83f;
}

static u64 expected(bool can, bool other)
{
	return can ? SVSM_SUCCESS : other ? SVSM_ERR_INVALID_PARAMETER :
					    SVSM_ERR_INVALID_ADDRESS;
}

/* A value that each register that can be written takes. */
static u64 harmless(u32 msr)
{
	return msr == 0x830 ? NOBODY | VECTOR : msr == 0x83f ? VECTOR : 0;
}

static void matrix(void)
{
	bool bad = false;

	for (u32 msr = 0x7f0; msr <= 0x910; msr++) {
		bad |= svsm_apic(READ, msr, 0) !=
		       expected(readable(msr), writable(msr));
		bad |= svsm_apic(WRITE, msr, harmless(msr)) !=
		       expected(writable(msr), readable(msr));
	}
	check(!bad);
	check(svsm_apic(READ, MSR_APIC_BASE, 0) == SVSM_ERR_INVALID_ADDRESS);
	check(svsm_apic(READ, 0x100000802, 0) == SVSM_ERR_INVALID_ADDRESS);
	/* SELF_IPI came through, once; its EOI may have been elided */
	check(this_cpu()->intr[VECTOR] == 1);
	reads_as(APIC_ID, this_cpu()->apic_id);
	reads_as(APIC_LDR, x2apic_ldr(this_cpu()->apic_id));
}

static void values(void)
{
	const u64 bad_icr[] = {
		BIT(12) | VECTOR, BIT(13) | VECTOR, BIT(16) | VECTOR,
		BIT(17) | VECTOR, BIT(20) | VECTOR, BIT(31) | VECTOR,
		1 << 8 | VECTOR, 2 << 8 | VECTOR, 3 << 8 | VECTOR, 5 << 8,
		6 << 8 | VECTOR, 7 << 8 | VECTOR, 0, 15,
	};
	u64 before = NOBODY | VECTOR;

	check(svsm_apic(WRITE, 0x808, 0x100) == SVSM_ERR_INVALID_PARAMETER);
	check(!svsm_apic(WRITE, 0x808, 0x35));
	reads_as(APIC_TPR, 0x35);
	reads_as(APIC_PPR, 0x35);
	check(read_cr8() == 3);
	write_cr8(2);
	reads_as(APIC_TPR, 0x20);
	write_cr8(0);
	check(svsm_apic(WRITE, 0x80b, 1) == SVSM_ERR_INVALID_PARAMETER);
	check(!svsm_apic(WRITE, 0x80b, 0));
	for (unsigned int i = 0; i < ARRAY_SIZE(bad_icr); i++)
		check(svsm_apic(WRITE, 0x830, NOBODY | bad_icr[i]) ==
		      SVSM_ERR_INVALID_PARAMETER);
	reads_as(APIC_ICR, before);
	/* trigger mode and level mean nothing */
	check(!svsm_apic(WRITE, 0x830, before | BIT(14) | BIT(15)));
	check(svsm_apic(WRITE, 0x83f, 15) == SVSM_ERR_INVALID_PARAMETER);
	check(svsm_apic(WRITE, 0x83f, 0x141) == SVSM_ERR_INVALID_PARAMETER);
}

static void vectors(void)
{
	const u64 bad[] = { 0, 2, 14, 30, BIT(10) | VECTOR, BIT_ULL(63), };
	const u32 call = SVSM_APIC_CONFIGURE_VECTOR;

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		check(svsm_apic(call, bad[i] | SVSM_APIC_VECTOR_ENABLE, 0) ==
		      SVSM_ERR_INVALID_PARAMETER);
	check(!svsm_apic(call, 31 | SVSM_APIC_VECTOR_ENABLE, 0));
	check(!svsm_apic(call, 255 | SVSM_APIC_VECTOR_ENABLE, 0));
	check(!svsm_apic(call, SVSM_APIC_VECTOR_ALL | SVSM_APIC_VECTOR_ENABLE,
			 0));
	check(!svsm_apic(call, SVSM_APIC_VECTOR_ALL, 0));
}

/* ---- calls -------------------------------------------------------------- */

static void numbers(void)
{
	struct svsm_regs r = { .rcx = 1, .rdx = 2, .r8 = 3, .r9 = 4 };

	check(svsm_apic(5, 0, 0) == SVSM_ERR_UNSUPPORTED_CALL);
	check(svsm_apic(~0u, 0, 0) == SVSM_ERR_UNSUPPORTED_CALL);
	check(query(1) == 0x100000001);
	check(!query(0));
	check(!query(2));
	check(!svsm_call(SVSM_PROTOCOL_APIC, SVSM_APIC_QUERY_FEATURES, &r));
	check(!r.rcx && r.rdx == 2 && r.r8 == 3 && r.r9 == 4);
	check(svsm_apic(SVSM_APIC_CONFIGURE, 3, 0) ==
	      SVSM_ERR_INVALID_PARAMETER);
}

/*
 * VMPL 0 runs, and nobody has asked for anything. (What makes a call one is
 * the byte and how the guest left, both of them.)
 */
static void no_call(void)
{
	u64 flags = irq_save(), old = rdmsr(MSR_GHCB);
	u64 rax = (u64)SVSM_PROTOCOL_APIC << 32 | SVSM_APIC_QUERY_FEATURES;
	u64 rcx = 99;

	svsm_area(0)->call_pending = 0;
	for (unsigned int i = 0; i < 100; i++) {
		wrmsr(MSR_GHCB, GHCB_MSR_RUN_VMPL_REQ);
		asm volatile("rep; vmmcall" : "+a"(rax), "+c"(rcx) : :
			     "memory");
	}
	wrmsr(MSR_GHCB, old);
	check(rax == ((u64)SVSM_PROTOCOL_APIC << 32));
	check(rcx == 99);
	irq_restore(flags);
}

/* Any byte but 0 is pending, and it is 0 afterwards. */
static void any_byte(void)
{
	u64 flags = irq_save(), old = rdmsr(MSR_GHCB);
	u64 rax = (u64)SVSM_PROTOCOL_APIC << 32 | SVSM_APIC_QUERY_FEATURES;
	u64 rcx = 99;

	svsm_area(0)->call_pending = 0x80;
	wrmsr(MSR_GHCB, GHCB_MSR_RUN_VMPL_REQ);
	asm volatile("rep; vmmcall" : "+a"(rax), "+c"(rcx) : : "memory");
	wrmsr(MSR_GHCB, old);
	check(!rax && !rcx);
	check(!svsm_area(0)->call_pending);
	irq_restore(flags);
}

/* The count of users: one from the launch, and as many as register. */
static void users(void)
{
	const u32 call = SVSM_APIC_CONFIGURE;

	check(!svsm_apic(call, SVSM_APIC_QUERY, 0));
	check(!svsm_apic(call, SVSM_APIC_REGISTER, 0));
	check(!svsm_apic(call, SVSM_APIC_REGISTER, 0));
	check(!svsm_apic(call, SVSM_APIC_DEREGISTER, 0));
	check(!svsm_apic(call, SVSM_APIC_DEREGISTER, 0));
	check(!svsm_apic(call, SVSM_APIC_QUERY, 0));
	check(query(1) == 0x100000001);
	check(alternate_active());
}

static void areas(void)
{
	const u32 call = SVSM_CORE_REMAP_CA;

	check(svsm_core(call, (u64)svsm_area(0) + 4, 0, 0) ==
	      SVSM_ERR_INVALID_ADDRESS);
	check(svsm_core(call, 0xfee00000, 0, 0) == SVSM_ERR_INVALID_ADDRESS);
	check(svsm_core(call, ~7ull, 0, 0) == SVSM_ERR_INVALID_ADDRESS);
	check(svsm_remap());
	check(query(1) == 0x100000001);
	/* a page that the monitor writes into becomes no VMSA */
	check(svsm_core(SVSM_CORE_CREATE_VCPU, (u64)svsm_area(0),
			(u64)svsm_area(1), 1) != SVSM_SUCCESS);
}

void micro_main(void)
{
	irq_off();
	if (!alternate_active())
		panic("needs --guest svsm --injection alternate", NULL);
	apic_enable();
	irq_on();
	matrix();
	values();
	vectors();
	numbers();
	no_call();
	any_byte();
	users();
	areas();
}
