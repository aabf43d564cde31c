// SPDX-License-Identifier: MIT
/*
 * The backing page between the trusted APIC and hardware: what goes in, what
 * may come out, and what others do to it meanwhile.
 */
#include "arch/svm.h"
#include "core/backing.h"
#include "tests/core_apic.h"

static u32 page[PAGE_SIZE / 4];
static struct backing b;
static struct apic apic;
static struct vmsa vmsa;

static int setup(void **state)
{
	(void)state;
	memset(page, 0xff, sizeof(page));
	memset(&vmsa, 0, sizeof(vmsa));
	vmsa.rflags = RFLAGS_IF;
	start(&apic, X2, NULL);
	backing_init(&b, page);
	return 0;
}

static u32 *word(u32 base, u8 v)
{
	return &page[(base + 0x10 * (v / 32)) / 4];
}

static bool there(u32 base, u8 v)
{
	return *word(base, v) >> v % 32 & 1;
}

static bool in(const u32 map[8], u8 v)
{
	return map[v / 32] >> v % 32 & 1;
}

static void push(void)
{
	backing_push(&b, &apic);
}

static void pull(void)
{
	backing_pull(&b, &apic, page[APIC_TPR / 4] >> 4);
	assert_sound(&apic);
}

/* [29, 33] Each register that hardware answers reads from. */
static void registers(void **state)
{
	static const u32 same[] = {
		APIC_ID, APIC_VERSION, APIC_TPR, APIC_LDR, APIC_SVR, APIC_ESR,
		APIC_ICR, APIC_LVT_TIMER, APIC_LVT_THERMAL, APIC_LVT_PERF,
		APIC_LVT_LINT0, APIC_LVT_LINT1, APIC_LVT_ERROR, APIC_TMICT,
		APIC_TDCR,
	};
	unsigned int i;

	(void)state;
	wr(&apic, APIC_TPR, 0x21);
	wr(&apic, APIC_LVT_LINT0, 0x8700);
	wr(&apic, APIC_LVT_ERROR, 0xfe);
	wr(&apic, APIC_LVT_TIMER, 0x200ec);
	wr(&apic, APIC_TDCR, 0xb);
	wr(&apic, APIC_TMICT, 12345);
	wr(&apic, APIC_ICR, 0x300000000ull | 0xc4500);
	apic_post_ipi(&apic, 0x45);
	apic_ack(&apic);
	push();
	for (i = 0; i < ARRAY_SIZE(same); i++)
		assert_int_equal(page[same[i] / 4], (u32)rd(&apic, same[i]));
	assert_int_equal(page[APIC_ICR2 / 4], 3);
	assert_int_equal(page[APIC_LDR / 4], BIT(5));
	assert_int_equal(page[APIC_PPR / 4], 0x40);
	assert_int_equal(page[APIC_TMCCT / 4], 0);
	assert_int_equal(page[SAVIC_NMI_REQ / 4], 0);
}

/* IRR and ISR are in one place at a time. */
static void moved(void **state)
{
	(void)state;
	apic_post_ipi(&apic, 0x45);
	apic_ack(&apic);
	apic_post_ipi(&apic, 0x31);
	push();
	assert_true(there(APIC_ISR, 0x45) && there(APIC_IRR, 0x31));
	assert_int_equal(apic_in_service(&apic), APIC_NO_VECTOR);
	assert_int_equal(apic_candidate(&apic), APIC_NO_VECTOR);
	pull();
	assert_false(there(APIC_ISR, 0x45) || there(APIC_IRR, 0x31));
	assert_int_equal(apic_in_service(&apic), 0x45);
	assert_true(in(apic.irr, 0x31));
}

/* What the guest could put there comes out as what an APIC can hold. */
static void nonsense(void **state)
{
	unsigned int seed, i;

	(void)state;
	for (seed = 1; seed < 2000; seed++) {
		push();
		srand(seed);
		for (i = 0; i < PAGE_SIZE / 4; i++)
			page[i] = (u32)rand() << 16 ^ rand();
		backing_pull(&b, &apic, rand() & 0xff);
		assert_sound(&apic);
		assert_int_equal(apic.config.id, 5);
		assert_int_equal(apic.svr, 0x1ff);
		apic_take_nmi(&apic);
	}
	/* Of two in a class the higher one, and no exception. */
	memset(apic.isr, 0, sizeof(apic.isr));
	push();
	*word(APIC_ISR, 0x41) = BIT(1) | BIT(9) | BIT(16);
	*word(APIC_ISR, 3) = 0xffff;
	*word(APIC_IRR, 3) = 0xffff;
	pull();
	assert_int_equal(apic.isr[2], BIT(9) | BIT(16));
	assert_int_equal(apic.isr[0] | apic.irr[0], 0);
}

/* [76] V_TPR masks; the page's low nibble belongs to the same class only. */
static void tpr(void **state)
{
	(void)state;
	push();
	page[APIC_TPR / 4] = 0x37;
	backing_pull(&b, &apic, 3);
	assert_int_equal(apic.tpr, 0x37);
	push();
	page[APIC_TPR / 4] = 0x37;
	backing_pull(&b, &apic, 5);
	assert_int_equal(apic.tpr, 0x50);
}

/* In the page only the owner's pull may make it the APIC's. */
static void post(void **state)
{
	(void)state;
	push();
	assert_true(backing_post(&b, 0x61));
	assert_false(backing_post(&b, 0x61));
	assert_true(backing_posted(&b));
	assert_true(backing_post_nmi(&b));
	assert_false(backing_post_nmi(&b));
	pull();
	assert_true(in(apic.irr, 0x61));
	assert_true(apic_take_nmi(&apic));
	assert_false(backing_posted(&b));
	/* Local: into a disabled APIC nothing comes. */
	wr(&apic, APIC_SVR, 0xff);
	backing_post(&b, 0x62);
	pull();
	assert_false(in(apic.irr, 0x62));
	assert_false(backing_posted(&b));
	wr(&apic, APIC_SVR, 0x1ff);
	backing_post(&b, 0x62);
	pull();
	assert_true(in(apic.irr, 0x62));
}

static void allow(void **state)
{
	unsigned int v;

	(void)state;
	push();
	for (v = 0; v < 256; v++)
		assert_false(there(SAVIC_ALLOWED_IRR, v));
	backing_allow(&b, 0x41, true);
	assert_true(there(SAVIC_ALLOWED_IRR, 0x41));
	backing_allow(&b, 0xec, true);
	backing_allow(&b, 0x41, false);
	pull();
	*word(SAVIC_ALLOWED_IRR, 0x80) = ~0u;	/* the guest did */
	push();
	for (v = 0; v < 256; v++)
		assert_int_equal(there(SAVIC_ALLOWED_IRR, v), v == 0xec);
}

static bool eoi_tells(void)
{
	u8 v;

	return apic_eoi(&apic, &v);
}

/* Hardware accepts it, and it comes back in service. */
static void accept(u8 v)
{
	*word(APIC_IRR, v) &= ~BIT(v % 32);
	*word(APIC_ISR, v) |= BIT(v % 32);
}

/* [47, 49] TMR follows what the pins send. */
static void level(void **state)
{
	(void)state;
	backing_set_level(&b, 0x41, true);
	push();
	assert_true(there(APIC_TMR, 0x41));
	*word(APIC_IRR, 0x41) |= BIT(1);
	accept(0x41);
	pull();
	assert_true(eoi_tells());
	/* level to edge, nothing under way */
	push();
	backing_set_level(&b, 0x41, false);
	assert_false(there(APIC_TMR, 0x41));
	*word(APIC_IRR, 0x41) |= BIT(1);
	accept(0x41);
	pull();
	assert_false(eoi_tells());
	/* edge to level */
	push();
	backing_set_level(&b, 0x41, true);
	assert_true(there(APIC_TMR, 0x41));
}

/* Under way at the change: it keeps its TMR, the next one does not. */
static void level_ends(void **state)
{
	unsigned int where;

	(void)state;
	for (where = 0; where < 3; where++) {
		backing_set_level(&b, 0x41, true);
		push();
		*word(APIC_IRR, 0x41) |= BIT(1);
		if (where)
			accept(0x41);
		if (where == 2)
			pull();		/* the change comes in between */
		backing_set_level(&b, 0x41, false);
		if (where == 2)
			push();
		assert_true(there(APIC_TMR, 0x41));
		if (!where)
			accept(0x41);
		pull();
		push();
		assert_true(there(APIC_TMR, 0x41));
		pull();
		assert_true(eoi_tells());
		push();
		assert_false(there(APIC_TMR, 0x41));
		pull();
	}
}

/* One that is level for another reason than a pin: LINT0, the descriptor. */
static void level_instance(void **state)
{
	(void)state;
	apic_post(&apic, 0x41, true);
	apic_post(&apic, 0x51, false);
	push();
	assert_true(there(APIC_TMR, 0x41));
	assert_false(there(APIC_TMR, 0x51));
	pull();
	push();
	accept(0x41);
	pull();
	assert_true(eoi_tells());
	apic_post(&apic, 0x41, false);
	push();
	assert_false(there(APIC_TMR, 0x41));
}

/* TMR in the page is not believed: the guest cannot invent host EOIs. */
static void level_invented(void **state)
{
	(void)state;
	push();
	*word(APIC_TMR, 0x41) = ~0u;
	*word(APIC_ISR, 0x41) |= BIT(1);
	pull();
	assert_false(eoi_tells());
}

static const struct wake_row {
	const char *name;
	u8 irr, isr, v_tpr, nmi;
	bool cli, nmi_masked, wakes;
} wakes[] = {
	{ "nothing", 0, 0, 0, 0, false, false, false },
	{ "irr", 0x41, 0, 0, 0, false, false, true },
	{ "irr, IF clear", 0x41, 0, 0, 0, true, false, false },
	{ "irr, TPR above", 0x41, 0, 4, 0, false, false, false },
	{ "irr, TPR below", 0x41, 0, 3, 0, false, false, true },
	{ "irr, class in service", 0x41, 0x4f, 0, 0, false, false, false },
	{ "irr, lower in service", 0x41, 0x3f, 0, 0, false, false, true },
	{ "exception's bit", 14, 0, 0, 0, false, false, false },
	{ "nmi", 0, 0, 0, 1, true, false, true },
	{ "nmi, masked", 0, 0, 0, 1, true, true, false },
	{ "nmi, other bits", 0, 0, 0, 2, true, false, false },
};

static void wake(void **state)
{
	const struct wake_row *r = wakes;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wakes); i++, r++) {
		setup(state);
		push();
		if (r->irr)
			*word(APIC_IRR, r->irr) |= BIT(r->irr % 32);
		if (r->isr)
			*word(APIC_ISR, r->isr) |= BIT(r->isr % 32);
		page[SAVIC_NMI_REQ / 4] = r->nmi;
		vmsa.rflags = r->cli ? 0 : RFLAGS_IF;
		vmsa.vintr_ctrl = r->v_tpr | VINTR_NMI_ENABLE |
				  (r->nmi_masked ? VINTR_NMI_MASK : 0);
		if (backing_wakes(&b, &vmsa) != r->wakes)
			fail_msg("%s", r->name);
	}
}

/* [66, 67] Where RIP is, and what the instruction said. */
static const struct decode_row {
	const char *name;
	u64 code, info1;
	u32 msr, offset;
	bool write, fault;
} decodes[] = {
	{ "TMCCT read", EXIT_AVIC_NOACCEL, 0x390, 0x839, APIC_TMCCT,
	  false, true },
	{ "EFEAT read", EXIT_AVIC_NOACCEL, 0x400, 0x840, APIC_EFEAT,
	  false, true },
	{ "TMICT write", EXIT_AVIC_NOACCEL, BIT_ULL(32) | 0x380, 0x838,
	  APIC_TMICT, true, false },
	{ "SVR write", EXIT_AVIC_NOACCEL, BIT_ULL(32) | 0xf0, 0x80f,
	  APIC_SVR, true, false },
	{ "EOI write", EXIT_AVIC_NOACCEL, BIT_ULL(32) | 0xb0, 0x80b,
	  APIC_EOI, true, false },
	{ "VERSION write", EXIT_AVIC_NOACCEL, BIT_ULL(32) | 0x30, 0x803,
	  APIC_VERSION, true, true },
	{ "IRR write", EXIT_AVIC_NOACCEL, BIT_ULL(32) | 0x270, 0x827,
	  APIC_IRR + 0x70, true, true },
	{ "SEOI write", EXIT_AVIC_NOACCEL, BIT_ULL(32) | 0x420, 0x842,
	  APIC_SEOI, true, true },
	{ "ICR", EXIT_AVIC_INCOMPLETE_IPI, 0xc4500, 0x830, APIC_ICR,
	  true, false },
	{ "SELF_IPI", EXIT_AVIC_INCOMPLETE_IPI, 0x4000f, 0x83f,
	  APIC_SELF_IPI, true, false },
	{ "rubbish beside", EXIT_AVIC_NOACCEL, ~0x100000ff0ull | 0x390,
	  0x839, APIC_TMCCT, false, true },
};

static void decode(void **state)
{
	const struct decode_row *r = decodes;
	struct backing_access a;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(decodes); i++, r++) {
		vmsa.exit_code = r->code;
		vmsa.exit_info1 = r->info1;
		vmsa.exit_info2 = 0x500000041;
		vmsa.rcx = 0xdead00000000ull | r->msr;
		vmsa.rax = 0xffffffff00000123;
		vmsa.rdx = 0xffffffff00000007;
		a = backing_decode(&vmsa);
		if (a.offset != r->offset || a.write != r->write ||
		    a.fault != r->fault)
			fail_msg("%s", r->name);
		assert_int_equal(a.value, 0x700000123);
		assert_int_equal(a.eoi, 0x41);
	}
}

static void back_up(void **state)
{
	(void)state;
	vmsa.efer = EFER_LMA;
	vmsa.cs.attrib = 0x29b;
	vmsa.rip = 0xffffffff80000001;
	backing_back_up(&vmsa);
	assert_int_equal(vmsa.rip, 0xffffffff7fffffff);
	vmsa.efer = 0;
	vmsa.rip = 1;
	backing_back_up(&vmsa);
	assert_int_equal(vmsa.rip, 0xffffffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(registers, setup),
		cmocka_unit_test_setup(moved, setup),
		cmocka_unit_test_setup(nonsense, setup),
		cmocka_unit_test_setup(tpr, setup),
		cmocka_unit_test_setup(post, setup),
		cmocka_unit_test_setup(allow, setup),
		cmocka_unit_test_setup(level, setup),
		cmocka_unit_test_setup(level_ends, setup),
		cmocka_unit_test_setup(level_instance, setup),
		cmocka_unit_test_setup(level_invented, setup),
		cmocka_unit_test_setup(wake, setup),
		cmocka_unit_test_setup(decode, setup),
		cmocka_unit_test_setup(back_up, setup),
	};

	return cmocka_run_group_tests_name("core_backing", tests, NULL, NULL);
}
