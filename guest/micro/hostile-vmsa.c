// SPDX-License-Identifier: MIT
/*
 * hostile-vmsa: creates CPU 1 again and again with a VMSA that is legal but
 * for a few words, in each mode a processor has, and with instructions that
 * are mostly noise. Most of them end in an exception that nobody can take:
 * the run may then stop with a named reason, and the process may not abort.
 *
 *	seed=N rounds=N		what to try; equal seeds try the same
 */
#include "guest/micro/micro.h"

#define CODE_SIZE	256

enum mode { LONG, REAL, FLAT, PAGED, PAE, MODES };

static const char * const mode_names[] = {
	"long", "real", "32-bit flat", "32-bit paged", "PAE",
};

static u8 code[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static u8 stack[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static u8 vmsas[2][2 * PAGE_SIZE] __attribute__((aligned(2 * PAGE_SIZE)));
static u32 directory[1024] __attribute__((aligned(PAGE_SIZE)));
static u64 pdpt[512] __attribute__((aligned(PAGE_SIZE)));
static u64 pae_directory[512] __attribute__((aligned(PAGE_SIZE)));
static u64 state;

static u64 draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1d;
}

static u64 below(u64 limit)
{
	return (draw() >> 16) % limit;
}

static u64 c_bit(void)
{
	return 1ull << micro_info->c_bit;
}

static void make_tables(void)
{
	for (u32 i = 0; i < 1024; i++)
		directory[i] = i << 22 | 0x87;
	for (u64 i = 0; i < 512; i++)
		pae_directory[i] = i << 21 | c_bit() | 0x87;
	for (u64 i = 0; i < 4; i++)
		pdpt[i] = (u64)pae_directory | c_bit() | 1;
}

/* ---- what it executes --------------------------------------------------- */

/* One instruction or prefix a row; what follows is operand enough. */
static const char * const snippets[] = {
	"\x0f\x01\xd9", "\xf3\x0f\x01\xd9", "\xf2\x0f\x01\xd9",	/* VMGEXIT */
	"\xf2\x0f\x01\xff", "\xf3\x0f\x01\xfe", "\xf3\x0f\x01\xfd",
	"\x0f\x01\xfe", "\x0f\x01\xff",		/* INVLPGB, TLBSYNC */
	"\x0f\x01\xd8", "\x0f\x01\xda", "\x0f\x01\xdb", "\x0f\x01\xdc",
	"\x0f\x01\xdd", "\x0f\x01\xde", "\x0f\x01\xdf",
	"\x0f\x30", "\x0f\x32", "\x0f\xa2", "\x0f\x33", "\x0f\x31",
	"\x0f\x01\xf9", "\x0f\x01\xfd", "\x0f\x01\xd1", "\x0f\x01\xc8",
	"\x0f\x01\xc9", "\x0f\x09", "\x0f\x08", "\xf4", "\xcc", "\xf1",
	"\xcd\x80", "\xcd\x03", "\xce", "\xcf", "\x48\xcf", "\xcb", "\xca",
	"\x0f\x05", "\x0f\x07", "\x0f\x34", "\x0f\x35", "\xee", "\xec", "\xef",
	"\xed", "\x6c", "\x6f", "\xf3\x6c", "\xf3\x6f", "\xe4", "\xe7",
	"\x0f\x20\xc0", "\x0f\x22\xc0", "\x0f\x22\xd8", "\x0f\x22\xe0",
	"\x44\x0f\x20\xc0", "\x44\x0f\x22\xc0", "\x0f\x21\xf8", "\x0f\x23\xf8",
	"\x0f\x23\xc0", "\x0f\x00\xd8", "\x0f\x00\xd0", "\x0f\x01\x10",
	"\x0f\x01\x18", "\x0f\x01\xf0", "\x0f\x06", "\x0f\x0b", "\x9d", "\x9c",
	"\x8e\xd0", "\x8e\xd8", "\x8e\xe8", "\x17", "\x1f", "\x0f\xb2",
	"\xff\x28", "\xff\x18", "\xea", "\x9a", "\xfa", "\xfb", "\x0f\xae\x00",
	"\x0f\xae\x08", "\x0f\xae\x20", "\x0f\xae\x28", "\x0f\xc7\x08",
	"\x48\x0f\xc7\x08", "\xf0\x48\x0f\xc7\x08", "\xf0\x01\x00",
	"\x48\x89\x04\x24", "\xa4", "\xf3\xa4", "\xf3\xaa", "\x50", "\x58",
	"\xf0", "\x66", "\x67", "\x48", "\x4f", "\xf2", "\xf3", "\x2e", "\x65",
	"\x0f\x38\x82", "\x66\x0f\x38\x82", "\x0f\x01\xee", "\x0f\x01\xef",
};

/* Strings end at a zero; those that hold one are only shorter. */
static u32 put_snippet(u32 at)
{
	const char *s = snippets[below(ARRAY_SIZE(snippets))];

	while (*s && at < CODE_SIZE)
		code[at++] = *s++;
	return at;
}

static void make_code(void)
{
	u32 at = 0;

	while (at < CODE_SIZE)
		if (below(6))
			at = put_snippet(at);
		else
			code[at++] = draw();
	code[CODE_SIZE] = 0xeb;
	code[CODE_SIZE + 1] = 0xfe;
}

/* ---- what it starts with ------------------------------------------------ */

static u64 value(void)
{
	static const u32 msrs[] = { 0x10, 0x1b, 0xc0000080, 0xc0010130,
				    0xc0010131, 0xc0010138, 0x277, 0xda0,
				    0x48, 0x808, 0x80b, 0x830, 0x83f };

	switch (below(10)) {
	case 0:
		return 0;
	case 1:
		return ~0ull;
	case 2:
		return (u64)code + below(PAGE_SIZE);
	case 3:
		return (u64)stack + below(PAGE_SIZE);
	case 4:
		return 1ull << below(64);
	case 5:
		return msrs[below(ARRAY_SIZE(msrs))];
	case 6:
		return below(0x10000);
	case 7:
		return (u64)vmsas[0] + below(4 * PAGE_SIZE);
	case 8:
		return below(8) * 0x20000000 + below(PAGE_SIZE);
	default:
		return draw();
	}
}

static void segment(struct vmsa_seg *seg, u16 selector, u16 attrib, u64 base)
{
	seg->selector = selector;
	seg->attrib = attrib;
	seg->limit = 0xffffffff;
	seg->base = base;
}

static void segments(struct vmsa *v, enum mode mode)
{
	u16 data = mode == REAL ? 0x093 : 0xc93;
	u16 text = mode == LONG ? 0xa9b : mode == REAL ? 0x09b : 0xc9b;

	segment(&v->cs, mode == REAL ? (u64)code >> 4 : 0x10, text,
		mode == REAL ? (u64)code : 0);
	segment(&v->ss, 0x18, data, 0);
	segment(&v->ds, 0x18, data, 0);
	segment(&v->es, 0x18, data, 0);
	segment(&v->fs, 0x18, data, 0);
	segment(&v->gs, 0x18, data, 0);
	segment(&v->ldtr, 0, 0x082, 0);
	segment(&v->tr, 0, 0x08b, 0);
}

static void control(struct vmsa *v, enum mode mode)
{
	static const u64 cr0[] = { 0x80000033, 0x10, 0x33, 0x80000033,
				   0x80000033 };
	static const u64 cr4[] = { 0x6b0, 0, 0, 0x10, 0x20 };

	v->cr0 = cr0[mode];
	v->cr4 = cr4[mode];
	if (mode == LONG)
		asm("movq %%cr3, %0" : "=r"(v->cr3));
	else if (mode == PAGED)
		v->cr3 = (u64)directory;
	else if (mode == PAE)
		v->cr3 = (u64)pdpt;
	v->efer = EFER_SVME | (mode == LONG ? 0x500 : 0) | 1;
}

static void tables(struct vmsa *v)
{
	u8 raw[10];

	asm("sgdt %0" : "=m"(raw));
	v->gdtr.limit = *(u16 *)raw;
	__builtin_memcpy(&v->gdtr.base, raw + 2, 8);
	asm("sidt %0" : "=m"(raw));
	v->idtr.limit = *(u16 *)raw;
	__builtin_memcpy(&v->idtr.base, raw + 2, 8);
}

/* Any word of the register part, except what VMRUN looks at first. */
static void spoil(struct vmsa *v)
{
	u64 offset = below(0x400 / 8) * 8;

	if (offset == offsetof(struct vmsa, sev_features) && below(8))
		return;
	if (offset == offsetof(struct vmsa, efer) || offset == 0xc8)
		return;
	if (offset < 0xa0 && below(2))
		((u16 *)v)[offset / 2 + 1] ^= 1 << below(12);
	else if (below(2))
		((u64 *)v)[offset / 8] ^= 1ull << below(64);
	else
		((u64 *)v)[offset / 8] = value();
}

static void make_vmsa(struct vmsa *v, enum mode mode)
{
	__builtin_memset(v, 0, sizeof(*v));
	segments(v, mode);
	control(v, mode);
	if (mode == LONG || below(2))
		tables(v);
	for (u64 *reg = &v->rcx; reg <= &v->r8_15[7]; reg++)
		*reg = value();
	v->rax = value();
	v->savic_control = 0;
	v->rip = mode == REAL ? 0 : (u64)code;
	v->rsp = (u64)stack + PAGE_SIZE - 64;
	v->rflags = 2;
	v->dr6 = 0xffff0ff0;
	v->dr7 = 0x400;
	v->g_pat = 0x0007040600070406;
	v->xcr0 = 1;
	v->mxcsr = 0x1f80;
	v->x87_fcw = 0x37f;
	v->sev_features = rdmsr(MSR_SEV_STATUS) >> SEV_STATUS_FEATURE_SHIFT;
	if (v->sev_features & SEV_FEATURE_SECURE_AVIC)
		v->vintr_ctrl = VINTR_VGIF | VINTR_NMI_ENABLE;
	if (!below(3)) {
		v->cpl = 3;
		v->cs.attrib |= 0x60;
		v->ss.attrib |= 0x60;
	}
	if (!below(8))
		v->rflags |= draw() & 0x3f7fd7;
	for (u64 n = below(5); n; n--)
		spoil(v);
}

/* ---- the rounds --------------------------------------------------------- */

static void stay(struct regs *regs)
{
	(void)regs;
	for (;;)
		asm volatile("hlt");
}

static u64 apic_id_of_1(void)
{
	return ((u32 *)micro_info->apic_ids)[1];
}

static void one_round(u64 n)
{
	struct vmsa *v = (struct vmsa *)(vmsas[n & 1] + PAGE_SIZE);
	enum mode mode = below(MODES);
	u64 features;

	print("hostile-vmsa: round %u, %s\n", n, mode_names[mode]);
	make_code();
	rmpadjust((u64)v, false, 1);
	make_vmsa(v, mode);
	features = v->sev_features;
	rmpadjust((u64)v, false, 1 | RMPADJUST_VMSA);
	ghcb_call_rax(GHCB_AP_CREATION, apic_id_of_1() << 32 | AP_CREATE,
		      (u64)v, features, 0);
	wait_ticks(3000);
	ghcb_call(GHCB_AP_CREATION, apic_id_of_1() << 32 | AP_DESTROY, 0,
		  NULL);
	wait_ticks(300);
}

void micro_main(void)
{
	u64 rounds = option("rounds", 20);

	state = option("seed", 1) * 0x9e3779b97f4a7c15 + 1;
	make_tables();
	for (unsigned int i = 0; i < 32; i++)
		set_handler(i, stay);
	for (u64 n = 0; n < rounds; n++)
		one_round(n);
}
