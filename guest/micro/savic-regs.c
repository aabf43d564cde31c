// SPDX-License-Identifier: MIT
/*
 * savic-regs: every x2APIC MSR, read and written natively with Secure AVIC
 * on, classified by what happens and compared with the register table of the
 * architecture (AMD64 APM vol. 2, table 15-22): no exit, #GP, or #VC 402h
 * before (fault) or after (trap) the instruction.
 */
#include "guest/micro/micro.h"

enum way { NONE, GP, FAULT, TRAP };

struct row {
	u16 first, last;
	u8 read, write;
	u32 value;		/* a legal one to write */
};

static const struct row rows[] = {
	{ 0x802, 0x803, NONE, GP, 0 },
	{ 0x808, 0x808, NONE, NONE, 0x20 },
	{ 0x80a, 0x80a, NONE, GP, 0 },
	{ 0x80b, 0x80b, GP, NONE, 0 },
	{ 0x80d, 0x80d, NONE, GP, 0 },
	{ 0x80f, 0x80f, NONE, TRAP, 0x1ff },
	{ 0x810, 0x827, NONE, GP, 0 },
	{ 0x828, 0x828, NONE, TRAP, 0 },
	{ 0x832, 0x834, NONE, TRAP, 0x10040 },
	{ 0x835, 0x837, NONE, TRAP, 0x10041 },
	{ 0x838, 0x838, NONE, TRAP, 0x12345 },
	{ 0x839, 0x839, FAULT, GP, 0 },
	{ 0x83e, 0x83e, NONE, TRAP, 0xb },
	{ 0x840, 0x842, FAULT, FAULT, 0 },
	{ 0x848, 0x857, FAULT, FAULT, 0 },
};

static const struct row *find(u32 msr)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++)
		if (msr >= rows[i].first && msr <= rows[i].last)
			return &rows[i];
	return NULL;
}

/* The #VC's RIP is at the instruction (fault) or behind it (trap). */
static enum way seen(bool none)
{
	const struct micro_cpu *cpu = this_cpu();
	const u8 *insn = (const u8 *)cpu->vc.rip;

	if (none)
		return NONE;
	if (cpu->gp)
		return GP;
	if (cpu->vc.code != EXIT_AVIC_NOACCEL)
		return 0xff;
	return insn[0] == 0x0f && (insn[1] == 0x30 || insn[1] == 0x32) ?
	       FAULT : TRAP;
}

static void compare(u32 msr, const char *what, enum way got, enum way want)
{
	if (got != want)
		print("%s of MSR %x: got %u, want %u\n", what, (u64)msr,
		      (u64)got, (u64)want);
	check(got == want);
}

static void one(u32 msr)
{
	const struct row *row = find(msr);
	u32 *reg = &this_cpu()->page[X2APIC_OFFSET(msr) / 4];
	u32 value = row ? row->value : 0;
	u32 before = *reg;
	enum way got;
	u64 read;

	got = seen(try_rdmsr(msr, &read));
	compare(msr, "read", got, row ? row->read : GP);
	if (got == NONE)
		check(read == before);

	got = seen(try_wrmsr(msr, value));
	compare(msr, "write", got, row ? row->write : GP);
	if (got == GP || got == FAULT)
		check(*reg == before);
	if (got == TRAP)
		check(*reg == value);

	/* Reserved bits come before any action of the AVIC. */
	if (row && row->write != GP && row->write != FAULT) {
		before = *reg;
		got = seen(try_wrmsr(msr, 0x100000000 | value));
		compare(msr, "reserved write", got, GP);
		check(*reg == before);
	}
}

void micro_main(void)
{
	u64 value;

	/* Before it is on, each access is an ordinary intercepted MSR. */
	check(!try_rdmsr(0x802, &value));
	check(this_cpu()->vc.code == EXIT_MSR);

	apic_enable();
	for (u32 msr = MSR_X2APIC_FIRST; msr < 0x880; msr++) {
		/* The ICR and SELF_IPI have a guest of their own. */
		if (msr != 0x830 && msr != 0x83f)
			one(msr);
	}
	check(!try_rdmsr(0x83f, &value) && this_cpu()->gp);
	check(this_cpu()->page[APIC_LDR / 4] ==
	      x2apic_ldr(this_cpu()->apic_id));
	check(try_wrmsr(0x808, 0));

	/* The control MSR: reserved bits and a pointer to nowhere. */
	check(rdmsr(MSR_SAVIC_CONTROL) == ((u64)this_cpu()->page | 3));
	check(!try_wrmsr(MSR_SAVIC_CONTROL, (u64)this_cpu()->page | 7));
	check(!try_wrmsr(MSR_SAVIC_CONTROL, 0xfffff00000003));
	check(!try_wrmsr(MSR_SEV_STATUS, 0));
}
