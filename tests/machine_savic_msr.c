// SPDX-License-Identifier: MIT
/*
 * Secure AVIC: RDMSR and WRMSR of every x2APIC register against the table
 * of the table (APM 15.36.21), ICR forms, the control MSR.
 * Numbers are rows of its conformance list.
 */
#include <string.h>

#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

#define SNP	SEV_FEATURE_SNP
#define SAVIC	SEV_FEATURE_SECURE_AVIC
#define REFLECT	SEV_FEATURE_REFLECT_VC
#define EN	SAVIC_CONTROL_EN
#define NRIP	0x1002

struct rig {
	struct script s;
	struct vmsa *vmsa;
	u32 *page;
	u32 was[1024];
};

static void rig_start(struct rig *r, const struct machine_config *c,
		      u64 features)
{
	script_new(&r->s, c);
	r->vmsa = script_vmsa(&r->s, 0, 0, SNP | SAVIC | features);
	r->page = script_savic(&r->s, 0, r->vmsa, EN);
	for (unsigned int i = 0; i < 1024; i++)
		r->page[i] = 0x01010101u * (i % 7);
	/* Nothing in service or requested, no class masked. */
	for (unsigned int i = 0; i < 8; i++) {
		r->page[(0x100 + 0x10 * i) / 4] = 0;
		r->page[(0x200 + 0x10 * i) / 4] = 0;
	}
	r->page[0x80 / 4] = 0;
	r->page[0x278 / 4] = 0;
	assert_int_equal(script_run(&r->s, 0, 0), 0);
	memcpy(r->was, r->page, PAGE_SIZE);
}

/* What each access does: a letter for each of the 256 registers. */
enum { GP = 'g', ALLOW = 'a', ACCEL = 'x', TRAP = 't', FAULT = 'f',
       RO = 'r', IPI = 'i' };

static char read_class(u32 msr)
{
	switch (msr) {
	case 0x802: case 0x803: case 0x808: case 0x80a: case 0x80d:
	case 0x80f: case 0x810 ... 0x817: case 0x818 ... 0x81f:
	case 0x820 ... 0x827: case 0x828: case 0x830: case 0x832 ... 0x838:
	case 0x83e:
		return ALLOW;
	case 0x839:
	case 0x840: case 0x841: case 0x842:
	case 0x848 ... 0x84f: case 0x850 ... 0x857:
		return FAULT;
	default:
		return GP;
	}
}

static char write_class(u32 msr)
{
	switch (msr) {
	case 0x802: case 0x803: case 0x80a: case 0x80d:
	case 0x810 ... 0x827: case 0x839:
		return RO;
	case 0x808: case 0x80b:
		return ACCEL;
	case 0x830:	/* written with 0: no shorthand */
	case 0x83f:	/* vector 0 is none */
		return IPI;
	case 0x80f: case 0x828: case 0x832 ... 0x838: case 0x83e:
		return TRAP;
	case 0x840: case 0x841: case 0x842:
	case 0x848 ... 0x84f: case 0x850 ... 0x857:
		return FAULT;
	default:
		return GP;
	}
}

static const struct matrix_row {
	const char *name;
	u64 features;
	bool write, ro_fault;
} matrix[] = {
	{ "29: RDMSR 800h-8FFh", 0, false, false },
	{ "29: WRMSR 800h-8FFh", 0, true, false },
	{ "29: WRMSR, switch savic_ro_fault", 0, true, true },
	{ "29: RDMSR, ReflectVC", REFLECT, false, false },
	{ "29: WRMSR, ReflectVC", REFLECT, true, false },
	{ "29: WRMSR, ReflectVC, savic_ro_fault", REFLECT, true, true },
};

/* The words of the page that differ from before, apart from PPR. */
static unsigned int changed(const struct rig *r)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < 1024; i++)
		n += r->page[i] != r->was[i] && i != 0xa0 / 4;
	return n;
}

/* 30: a #VC of one of the two Secure AVIC codes. */
static void check_vc(struct rig *r, enum mach_next next, u64 code, u64 info1,
		     u64 info2, bool trap)
{
	struct vmsa *vmsa = r->vmsa;

	if (!(vmsa->sev_features & REFLECT)) {
		assert_int_equal(next, MACH_VC);
		assert_int_equal(machine_vc_code(r->s.m, 0), code);
		assert_int_equal(machine_vc_is_trap(r->s.m, 0), trap);
		return;
	}
	assert_int_equal(next, MACH_IDLE);
	assert_int_equal(script_last(&r->s)->code, EXIT_VC);
	assert_int_equal(script_last(&r->s)->info1, 0);
	assert_int_equal(vmsa->exit_code, code);
	assert_int_equal(vmsa->exit_info1, info1);
	assert_int_equal(vmsa->exit_info2, info2);
	assert_int_equal(vmsa->nrip, 0);
	assert_int_equal(vmsa->rip, trap ? NRIP : NRIP - 2);
	assert_int_equal(vmsa->vintr_ctrl & VINTR_BUSY, VINTR_BUSY);
	assert_int_equal(script_run(&r->s, 0, 0), EXIT_BUSY);
}

static void one_register(const struct matrix_row *row, u32 msr)
{
	struct machine_config c = script_config();
	u32 offset = (msr - 0x800) << 4;
	char class = row->write ? write_class(msr) : read_class(msr);
	u64 value = 0x5555, info1;
	enum mach_next next;
	struct rig r;

	c.switches.savic_ro_fault = row->ro_fault;
	rig_start(&r, &c, row->features);
	r.s.cpu[0].regs.rip = NRIP - 2;
	r.page[offset / 4] = r.was[offset / 4] = class == TRAP ? 1 : 0;
	if (class == RO)
		class = row->ro_fault ? FAULT : GP;
	next = row->write ? machine_wrmsr(r.s.m, 0, msr, NRIP, 0) :
	       machine_rdmsr(r.s.m, 0, msr, NRIP, &value);
	info1 = (offset & 0xff0) | (row->write ? BIT_ULL(32) : 0);
	switch (class) {
	case GP:
		assert_int_equal(next, MACH_GP);
		break;
	case ALLOW:
		assert_int_equal(next, MACH_DONE);
		assert_int_equal((u32)value, r.page[offset / 4]);
		break;
	case ACCEL:
		assert_int_equal(next, MACH_DONE);
		break;
	case TRAP:
		check_vc(&r, next, 0x402, info1, 0, true);
		assert_int_equal(r.page[offset / 4], 0);
		r.page[offset / 4] = 1;
		break;
	case FAULT:
		check_vc(&r, next, 0x402, info1, 0, false);
		break;
	case IPI:
		if (msr == 0x830)	/* and its high half, 310h */
			r.was[0x310 / 4] = r.page[0x310 / 4];
		check_vc(&r, next, 0x401, msr == 0x830 ? 0 : 1 << 18,
			 (msr == 0x830 ? 5ull : 4ull) << 32, true);
		break;
	}
	assert_int_equal(changed(&r), 0);
	script_free(&r.s);
}

static void run_matrix(void **state)
{
	for (u32 msr = 0x800; msr < 0x900; msr++)
		one_register(*state, msr);
}

/* 37: reserved bits are #GP before Secure AVIC looks at the write. */
static const struct bits_row {
	const char *name;
	u32 first, last;
	u64 legal;
} bits[] = {
	{ "37: reserved bits of TPR", 0x808, 0x808, 0xff },
	{ "37: reserved bits of EOI", 0x80b, 0x80b, 0 },
	{ "37: reserved bits of SVR", 0x80f, 0x80f, 0x3ff },
	{ "37: reserved bits of ESR", 0x828, 0x828, 0 },
	{ "37: reserved bits of ICR", 0x830, 0x830,
	  0xffffffff00000000ull | 0xcc000 | 0xfff },
	{ "37: reserved bits of LVTT", 0x832, 0x832, 0x710ff },
	{ "37: reserved bits of LVT thermal, perf", 0x833, 0x834, 0x117ff },
	{ "37: reserved bits of LVT0, LVT1", 0x835, 0x836, 0x1f7ff },
	{ "37: reserved bits of LVT error", 0x837, 0x837, 0x110ff },
	{ "37: reserved bits of TMICT", 0x838, 0x838, 0xffffffff },
	{ "37: reserved bits of TDCR", 0x83e, 0x83e, 0xb },
	{ "37: reserved bits of SELF_IPI", 0x83f, 0x83f, 0xff },
	{ "37: reserved bits of EFEAT..", 0x840, 0x842, 0xffffffff },
	{ "37: reserved bits of IER, ext. LVT", 0x848, 0x857, 0xffffffff },
};

static void run_bits(void **state)
{
	const struct bits_row *row = *state;
	struct machine_config c = script_config();
	enum mach_next next;
	struct rig r;

	rig_start(&r, &c, 0);
	for (u32 msr = row->first; msr <= row->last; msr++)
		for (unsigned int bit = 0; bit < 64; bit++) {
			memcpy(r.was, r.page, PAGE_SIZE);
			next = machine_wrmsr(r.s.m, 0, msr, NRIP,
					     BIT_ULL(bit));
			if (row->legal & BIT_ULL(bit)) {
				assert_int_not_equal(next, MACH_GP);
				continue;
			}
			assert_int_equal(next, MACH_GP);
			assert_int_equal(changed(&r), 0);
		}
	script_free(&r.s);
}

/* 38, 39: what ICR and SELF_IPI do. */
static const struct icr_row {
	const char *name;
	u32 msr;
	u64 value;
	int id;			/* of a 401h, or -1: accelerated */
	u64 info1;
} icr[] = {
	{ "38: SELF_IPI 31h", 0x83f, 0x31, -1, 0 },
	{ "38: SELF_IPI 10h", 0x83f, 0x10, -1, 0 },
	{ "38: SELF_IPI FFh", 0x83f, 0xff, -1, 0 },
	{ "23: SELF_IPI 0Fh", 0x83f, 0x0f, 4, 0x4000f },
	{ "23: SELF_IPI 00h", 0x83f, 0x00, 4, 0x40000 },
	{ "38: ICR to self", 0x830, 0x40031, -1, 0 },
	{ "38: ICR to self, assert", 0x830, 0x44031, -1, 0 },
	{ "38: ICR to self, with a destination", 0x830, 0x700040031, -1, 0 },
	{ "23: ICR to self, vector 0Fh", 0x830, 0x4000f, 4, 0x4000f },
	{ "23: ICR to self, vector 0Fh, other bits", 0x830, 0x70004480f, 4,
	  0x70004480f },
	{ "ICR to self, level", 0x830, 0x48031, 0, 0x48031 },
	{ "ICR to self, lowest priority", 0x830, 0x40131, 0, 0x40131 },
	{ "ICR to self, SMI", 0x830, 0x40200, 0, 0x40200 },
	{ "ICR to self, NMI", 0x830, 0x40400, 0, 0x40400 },
	{ "ICR to self, INIT", 0x830, 0x40500, 0, 0x40500 },
	{ "39: ICR, no shorthand", 0x830, 0x700000031, 5, 0x700000031 },
	{ "39: ICR, logical", 0x830, 0x700000831, 5, 0x700000831 },
	{ "39: ICR, all", 0x830, 0x80031, 5, 0x80031 },
	{ "39: ICR, all but self", 0x830, 0xc0031, 5, 0xc0031 },
	{ "39: ICR, NMI to another", 0x830, 0x100000400, 5, 0x100000400 },
	{ "39: ICR, vector 0 to another", 0x830, 0x100000000, 5,
	  0x100000000 },
};

static void run_icr(void **state)
{
	const struct icr_row *row = *state;
	struct machine_config c = script_config();
	unsigned int vector = row->value & 0xff;
	unsigned int word = (0x200 + 0x10 * (vector / 32)) / 4, polls;
	enum mach_next next;
	struct rig r;

	for (int reflect = 0; reflect < 2; reflect++) {
		rig_start(&r, &c, reflect ? REFLECT : 0);
		r.s.cpu[0].regs.rip = NRIP - 2;
		polls = r.s.cpu[0].polls;
		next = machine_wrmsr(r.s.m, 0, row->msr, NRIP, row->value);
		if (row->msr == 0x830) {
			assert_int_equal(r.page[0x300 / 4], (u32)row->value);
			assert_int_equal(r.page[0x310 / 4], row->value >> 32);
		}
		if (row->id >= 0) {
			check_vc(&r, next, 0x401, row->info1,
				 (u64)row->id << 32, true);
			assert_int_equal(r.page[word], 0);
		} else {
			assert_int_equal(next, MACH_DONE);
			assert_int_equal(r.s.logged, 0);
			assert_int_equal(r.page[word], BIT(vector % 32));
			assert_int_not_equal(r.s.cpu[0].polls, polls);
			assert_int_equal(script_interrupt(&r.s, 0), vector);
			assert_int_equal(machine_stats(r.s.m, 0)->
					 self_ipi_accelerated, 1);
		}
		script_free(&r.s);
	}
}

/* ICR reads back as 64 bits: 300h and 310h. */
static void icr_read(void **state)
{
	struct machine_config c = script_config();
	struct rig r;
	u64 value;

	(void)state;
	rig_start(&r, &c, 0);
	r.page[0x300 / 4] = 0x11223344;
	r.page[0x304 / 4] = 0xdead;
	r.page[0x310 / 4] = 0x55667788;
	assert_int_equal(machine_rdmsr(r.s.m, 0, 0x830, NRIP, &value),
			 MACH_DONE);
	assert_int_equal(value, 0x5566778811223344ull);
	script_free(&r.s);
}

/* 31: enabled, no x2APIC access is #VC 7Ch; disabled, each is. */
static void msr_intercepts(void **state)
{
	struct machine_config c = script_config();
	enum mach_next next;
	struct rig r;
	u64 value;

	(void)state;
	rig_start(&r, &c, 0);
	for (u32 msr = 0x800; msr < 0x900; msr++) {
		next = machine_rdmsr(r.s.m, 0, msr, NRIP, &value);
		assert_true(next != MACH_VC ||
			    machine_vc_code(r.s.m, 0) == 0x402);
	}
	assert_int_equal(machine_wrmsr(r.s.m, 0, 0xc0010138, NRIP, 0),
			 MACH_DONE);
	for (u32 msr = 0x800; msr < 0x900; msr++) {
		assert_int_equal(machine_rdmsr(r.s.m, 0, msr, NRIP, &value),
				 MACH_VC);
		assert_int_equal(machine_vc_code(r.s.m, 0), EXIT_MSR);
	}
	script_free(&r.s);
}

int main(void)
{
	ROWS(matrix, run_matrix);
	ROWS(bits, run_bits);
	ROWS(icr, run_icr);
	ROW("ICR reads 300h and 310h", icr_read);
	ROW("31: intercepts follow the enable bit", msr_intercepts);
	return rows_run("machine: Secure AVIC registers");
}
