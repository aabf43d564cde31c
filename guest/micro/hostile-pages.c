// SPDX-License-Identifier: MIT
/*
 * hostile-pages try=NAME: RMP instructions with every operand, and the
 * ground taken away from under the guest's own feet. The latter ends the
 * run: the table says how, and tests/system.sh the same.
 */
#include "guest/micro/micro.h"

static u8 page[4 * PAGE_SIZE] __attribute__((aligned(4 * PAGE_SIZE)));
static u64 table[512] __attribute__((aligned(PAGE_SIZE)));
static u64 state = 1;

static u64 draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1d;
}

static u64 c_bit(void)
{
	return 1ull << micro_info->c_bit;
}

static u64 read_cr3(void)
{
	u64 cr3;

	asm volatile("movq %%cr3, %0" : "=r"(cr3));
	return cr3;
}

static void write_cr3(u64 value)
{
	asm volatile("movq %0, %%cr3" : : "r"(value) : "memory");
}

static void no_page(void *at)
{
	bool cf;

	pvalidate((u64)at, false, false, &cf);
	page_state((u64)at, PSC_OP_SHARED);
}

static void rescind(void *at)
{
	bool cf;

	pvalidate((u64)at, false, false, &cf);
}

/* ---- operands ----------------------------------------------------------- */

static u32 rmp_insn(unsigned int which, u64 rax, u64 rcx, u64 rdx)
{
	if (which == 0)
		asm volatile(".byte 0xf2, 0x0f, 0x01, 0xff"
			     : "+a"(rax), "+c"(rcx), "+d"(rdx) : : "cc");
	else if (which == 1)
		asm volatile(".byte 0xf3, 0x0f, 0x01, 0xfe"
			     : "+a"(rax), "+c"(rcx), "+d"(rdx) : : "cc");
	else
		asm volatile(".byte 0xf3, 0x0f, 0x01, 0xfd"
			     : "+a"(rax), "+c"(rcx), "+d"(rdx) : : "cc");
	return rax;
}

/* Only on two pages of ours; the size is wrong more often than not. */
static void operands(void)
{
	u32 answers[16] = { 0 };

	for (u32 i = 0; i < 200000; i++) {
		u64 rcx = draw() % 8 ? draw() % 2 ? 0 : draw() : 1;
		u64 rdx = draw() % 4 ? draw() & 0x1ffff : draw();
		u32 which = draw() % 3;
		u64 at = (u64)page + PAGE_SIZE + draw() % PAGE_SIZE;

		if (which == 1)
			rdx &= ~(u64)RMPADJUST_VMSA;
		/* A page that is not validated is #VC for the others. */
		if (!which)
			rdx |= 1;
		answers[rmp_insn(which, at, rcx, rdx) & 15]++;
	}
	for (u32 i = 0; i < 16; i++)
		if (answers[i])
			print("answer %u: %u times\n", (u64)i,
			      (u64)answers[i]);
	check(answers[RMP_OK]);
}

/* A VMSA page is nobody's to write or to give away while it runs. */
static void own_vmsa(void)
{
	check(rmpadjust((u64)page, false, 1 | RMPADJUST_VMSA) == RMP_OK);
	check(rmp_insn(0, (u64)page, 0, 0) != RMP_OK);
	check(rmpadjust((u64)page, false, 1) == RMP_OK);
}

/* ---- the ground --------------------------------------------------------- */

static void code_shared(void)
{
	page[0] = 0xc3;
	asm volatile("call *%0" : : "r"(page) : "memory");
	no_page(page);
	asm volatile("call *%0" : : "r"(page) : "memory");
}

static void stack_shared(void)
{
	no_page(page);
	asm volatile("movq %0, %%rsp; pushq $1" : : "r"(page + 64) : "memory");
}

static void idt_shared(void)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) desc = { 0xfff, (u64)page };

	no_page(page);
	asm volatile("lidt %0; int3" : : "m"(desc));
}

static void idt_rescinded(void)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) desc = { 0xfff, (u64)page };

	rescind(page);
	asm volatile("lidt %0; int3" : : "m"(desc));
}

static void tables_shared(void)
{
	no_page(table);
	write_cr3((u64)table | c_bit());
}

static void tables_rescinded(void)
{
	rescind(table);
	write_cr3((u64)table | c_bit());
}

/* Where there is a device, and no RAM. */
static void tables_mmio(void)
{
	write_cr3(0xfec00000);
}

/* A table that is its own next level, and maps devices and nothing. */
static void tables_odd(void)
{
	u64 old = read_cr3();

	for (u32 i = 0; i < 512; i++)
		table[i] = draw() | 1;
	table[0] = ((u64 *)(old & 0xffffffffff000ull & ~c_bit()))[0];
	table[1] = (u64)table | c_bit() | 3;
	table[2] = 0xfec00003;
	table[3] = 0xa0003;
	write_cr3((u64)table | c_bit());
	write_cr3(old);
}

static void ghcb_private(void)
{
	u64 gpa = (u64)this_cpu()->ghcb - SHARED_BASE;
	u64 answer;

	wrmsr(MSR_GHCB, GHCB_MSR_PSC_REQ | gpa | (u64)PSC_OP_PRIVATE << 52);
	vmgexit();
	wrmsr(MSR_GHCB, gpa);
	vmgexit();
	vmgexit();
	/* There is no console without it. */
	wrmsr(MSR_GHCB, GHCB_MSR_PSC_REQ | gpa | (u64)PSC_OP_SHARED << 52);
	vmgexit();
	answer = rdmsr(MSR_GHCB);
	wrmsr(MSR_GHCB, gpa);
	check(answer == GHCB_MSR_PSC);
}

/* From a shared page, across the end of a private one. */
static void cross_shared(void)
{
	page[PAGE_SIZE - 1] = 0x0f;
	no_page(page + PAGE_SIZE);
	asm volatile("jmp *%0" : : "r"(page + PAGE_SIZE - 1));
}

static void read_shared_as_private(void)
{
	no_page(page);
	(void)*(volatile u8 *)page;
}

static void halt_masked(void)
{
	irq_off();
	for (;;)
		asm volatile("hlt");
}

/* ---- prefixes ----------------------------------------------------------- */

static u64 behind;
static u32 faults;

static void skip(struct regs *regs)
{
	faults++;
	regs->rip = behind;
}

static const struct {
	u8 length;
	u8 byte[3];
} insns[] = {
	{ 3, { 0x0f, 0x01, 0xd9 } }, { 3, { 0x0f, 0x01, 0xff } },
	{ 3, { 0x0f, 0x01, 0xfe } }, { 3, { 0x0f, 0x01, 0xfd } },
	{ 3, { 0x0f, 0x01, 0xd8 } }, { 3, { 0x0f, 0x01, 0xdf } },
	{ 3, { 0x0f, 0x01, 0xc8 } }, { 3, { 0x0f, 0x01, 0xc9 } },
	{ 2, { 0x0f, 0xa2 } }, { 2, { 0x0f, 0x32 } }, { 2, { 0x0f, 0x33 } },
	{ 2, { 0x0f, 0x09 } }, { 2, { 0x0f, 0x08 } }, { 1, { 0xec } },
	{ 1, { 0xef } }, { 1, { 0x6c } }, { 1, { 0x6f } },
	{ 2, { 0xe4, 0x80 } }, { 3, { 0x0f, 0x21, 0xf8 } },
	{ 3, { 0x0f, 0x20, 0xc0 } },
};

static void run_at(u64 start)
{
	u64 a = (u64)page, c = draw() % 3, d = 1, di = a, si = a;

	asm volatile("call *%5"
		     : "+a"(a), "+c"(c), "+d"(d), "+D"(di), "+S"(si)
		     : "r"(start)
		     : "memory", "cc", "rbx", "r8", "r9", "r10", "r11", "r12",
		       "r13", "r14", "r15");
}

/* Any of our instructions behind up to 14 prefixes, at the end of a page. */
static void prefixes(void)
{
	static const u8 prefix[] = { 0xf0, 0xf2, 0xf3, 0x66, 0x67, 0x2e, 0x65,
				     0x40, 0x44, 0x48, 0x4f };

	set_handler(6, skip);
	set_handler(VECTOR_GP, skip);
	set_handler(14, skip);
	set_handler(VECTOR_VC, skip);
	for (u32 i = 0; i < 20000; i++) {
		u32 n = draw() % 4 ? draw() % 3 : draw() % 15;
		u32 which = draw() % ARRAY_SIZE(insns);
		u8 *at = page + PAGE_SIZE - draw() % 16;
		u64 start = (u64)at;

		while (n--)
			*at++ = prefix[draw() % ARRAY_SIZE(prefix)];
		for (u32 b = 0; b < insns[which].length; b++)
			*at++ = insns[which].byte[b];
		*at = 0xc3;
		behind = (u64)at;
		run_at(start);
	}
	check(faults > 1000);
}

static const struct {
	const char *name;
	void (*fn)(void);
} tries[] = {
	{ "operands", operands },
	{ "own-vmsa", own_vmsa },
	{ "code-shared", code_shared },
	{ "stack-shared", stack_shared },
	{ "idt-shared", idt_shared },
	{ "idt-rescinded", idt_rescinded },
	{ "tables-shared", tables_shared },
	{ "tables-rescinded", tables_rescinded },
	{ "tables-mmio", tables_mmio },
	{ "tables-odd", tables_odd },
	{ "ghcb-private", ghcb_private },
	{ "cross-shared", cross_shared },
	{ "read-private", read_shared_as_private },
	{ "halt-masked", halt_masked },
	{ "prefixes", prefixes },
};

void micro_main(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(tries); i++) {
		if (!option_is("try", tries[i].name))
			continue;
		print("hostile-pages: %s\n", tries[i].name);
		tries[i].fn();
		return;
	}
	panic("no such try", NULL);
}
