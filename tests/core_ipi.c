// SPDX-License-Identifier: MIT
/* Local APIC: ICR and MSI decoding, destinations, INIT and SIPI. */
#include "tests/core_apic.h"

#define SELF	((u64)APIC_DEST_SELF << APIC_ICR_SHORTHAND_SHIFT)
#define ALL	((u64)APIC_DEST_ALL << APIC_ICR_SHORTHAND_SHIFT)
#define OTHERS	((u64)APIC_DEST_OTHERS << APIC_ICR_SHORTHAND_SHIFT)
#define MODE(m)	((u64)(m) << APIC_ICR_MODE_SHIFT)

static struct apic a;

static void make(struct apic *apic, u32 id, enum apic_view view)
{
	struct apic_config config = plain_config;

	config.id = id;
	config.bsp = false;
	config.start_x2apic = view == X2;
	assert_true(apic_init(apic, &config, NULL));
	wr(apic, APIC_SVR, 0x1ff);
}

/* Delivery mode x shorthand: what may be sent (SDM "Valid Combinations"). */
static void icr_combinations(void **state)
{
	u64 mode, sh;
	struct irq_msg msg;
	enum apic_result want;

	(void)state;
	for (mode = 0; mode < 8; mode++) {
		for (sh = 0; sh < 4; sh++) {
			want = APIC_OK;
			if (mode == 3 || mode == 7)
				want = APIC_BAD_IPI;
			if ((sh == 1 || sh == 2) && mode != 0 && mode != 4)
				want = APIC_BAD_IPI;
			assert_int_equal(apic_decode_icr(sh << 18 | mode << 8 |
					 0x40, true, &msg), want);
			if (want != APIC_OK)
				continue;
			assert_int_equal(msg.mode, mode);
			assert_int_equal(msg.shorthand, sh);
			assert_int_equal(msg.vector, 0x40);
			assert_false(msg.level || msg.logical);
		}
	}
}

static void icr_bits(void **state)
{
	static const u64 reserved = 0xfff32000;
	struct irq_msg msg;
	unsigned int bit;

	(void)state;
	for (bit = 12; bit < 64; bit++) {
		if (bit == 18 || bit == 19)
			continue;
		assert_int_equal(apic_decode_icr(BIT_ULL(bit), true, &msg),
				 reserved & BIT_ULL(bit) ? APIC_RESERVED :
				 APIC_OK);
		assert_int_equal(apic_decode_icr(BIT_ULL(bit), false, &msg),
				 reserved & BIT_ULL(bit) ||
				 (bit >= 32 && bit < 56) ? APIC_RESERVED :
				 APIC_OK);
	}
	apic_decode_icr(0x12345678ull << 32 | 0x840, true, &msg);
	assert_int_equal(msg.dest, 0x12345678);
	assert_true(msg.wide && msg.logical);
	apic_decode_icr(0xffull << 56 | 0x40, false, &msg);
	assert_int_equal(msg.dest, 0xff);
	assert_false(msg.wide || msg.logical);
}

static void icr_write_x2apic(void **state)
{
	struct apic_effects fx;

	(void)state;
	start(&a, X2, NULL);
	fx = wr(&a, APIC_ICR, 7ull << 32 | 0xd041);
	assert_true(fx.ipi);
	assert_int_equal(fx.msg.dest, 7);
	assert_int_equal(fx.msg.vector, 0x41);
	/* An IPI is edge even with the level bit set. */
	assert_false(fx.msg.level);
	/* Delivery status never reads 1. */
	assert_int_equal(rd(&a, APIC_ICR), 7ull << 32 | 0xc041);
	assert_int_equal(apic_write(&a, X2, APIC_ICR, MODE(3), t0, &fx),
			 APIC_BAD_IPI);
	assert_false(fx.ipi);
	assert_int_equal(rd(&a, APIC_ICR), 7ull << 32 | 0xc041);
}

/* Writing ICR2 sends nothing; the low half sends to what ICR2 says. */
static void icr_write_xapic(void **state)
{
	struct apic_effects fx;

	(void)state;
	start(&a, X1, NULL);
	fx = wr(&a, APIC_ICR2, 0x09ffffff);
	assert_false(fx.ipi);
	assert_int_equal(rd(&a, APIC_ICR2), 0x09000000);
	fx = wr(&a, APIC_ICR, 0x4841);
	assert_true(fx.ipi);
	assert_int_equal(fx.msg.dest, 9);
	assert_true(fx.msg.logical);
	assert_false(fx.msg.wide);
	assert_int_equal(rd(&a, APIC_ICR), 0x4841);
	assert_int_equal(rd(&a, APIC_ICR2), 0x09000000);
	assert_int_equal(apic_write(&a, X1, APIC_ICR, MODE(7), t0, &fx),
			 APIC_BAD_IPI);
	assert_false(fx.ipi);
	assert_int_equal(rd(&a, APIC_ICR), 0x4841);
}

/* Vectors 0-15: ESR bit 5, nothing sent, in every way to send one. */
static void illegal_send_vectors(void **state)
{
	static const u64 how[] = { 0, SELF, ALL, OTHERS, MODE(APIC_LOWEST) };
	struct apic_effects fx;
	unsigned int i, v;

	(void)state;
	for (v = 0; v < 16; v++) {
		for (i = 0; i <= ARRAY_SIZE(how); i++) {
			start(&a, X2, NULL);
			if (i < ARRAY_SIZE(how))
				fx = wr(&a, APIC_ICR, how[i] | v);
			else
				fx = wr(&a, APIC_SELF_IPI, v);
			assert_false(fx.ipi);
			wr(&a, APIC_ESR, 0);
			assert_int_equal(rd(&a, APIC_ESR),
					 APIC_ESR_SEND_VECTOR);
			assert_int_equal(apic_candidate(&a), -1);
		}
	}
	/* Only modes that carry a vector: an NMI's is ignored. */
	assert_true(wr(&a, APIC_ICR, MODE(APIC_NMI)).ipi);
	wr(&a, APIC_ESR, 0);
	assert_int_equal(rd(&a, APIC_ESR), 0);
}

static void self_ipi(void **state)
{
	struct apic_effects fx;

	(void)state;
	start(&a, X2, NULL);
	a.config.filter = true;		/* the guest's own: not filtered */
	fx = wr(&a, APIC_SELF_IPI, 0x40);
	assert_true(fx.irq && !fx.ipi);
	fx = wr(&a, APIC_ICR, SELF | 0x90);
	assert_false(fx.ipi);
	assert_int_equal(apic_ack(&a), 0x90);
	wr(&a, APIC_EOI, 0);
	assert_int_equal(apic_ack(&a), 0x40);
	fx = wr(&a, APIC_ICR, SELF | MODE(APIC_NMI));
	assert_false(fx.ipi);
	assert_true(apic_take_nmi(&a));
}

static void init_deassert(void **state)
{
	(void)state;
	start(&a, X2, NULL);
	assert_true(wr(&a, APIC_ICR, MODE(APIC_INIT) | 0xc000).ipi);
	assert_false(wr(&a, APIC_ICR, MODE(APIC_INIT) | 0x8000).ipi);
	assert_true(wr(&a, APIC_ICR, MODE(APIC_INIT)).ipi);
}

/* view, id, ldr, dfr | wide, logical, dest -> match */
static void destinations(void **state)
{
	static const struct {
		enum apic_view view;
		u32 id, ldr, dfr;
		bool wide, logical;
		u32 dest;
		bool want;
	} rows[] = {
		/* physical */
		{ X1, 5, 0, ~0u, 0, 0, 5, 1 }, { X1, 5, 0, ~0u, 0, 0, 4, 0 },
		{ X1, 5, 0, ~0u, 1, 0, 5, 1 }, { X2, 5, 0, 0, 0, 0, 5, 1 },
		{ X2, 5, 0, 0, 1, 0, 5, 1 }, { X2, 5, 0, 0, 1, 0, 6, 0 },
		{ X2, 0x105, 0, 0, 1, 0, 0x105, 1 },
		{ X2, 0x105, 0, 0, 0, 0, 5, 0 },
		{ X1, 5, 0, ~0u, 1, 0, 0x105, 0 },
		/* broadcast: 0xff if narrow, all ones if wide, either mode */
		{ X1, 5, 0, ~0u, 0, 0, 0xff, 1 },
		{ X2, 5, 0, 0, 0, 0, 0xff, 1 },
		{ X1, 5, 0, ~0u, 0, 1, 0xff, 1 },
		{ X2, 5, 0, 0, 0, 1, 0xff, 1 },
		{ X1, 5, 0, ~0u, 1, 0, ~0u, 1 }, { X2, 5, 0, 0, 1, 0, ~0u, 1 },
		{ X2, 5, 0, 0, 1, 1, ~0u, 1 }, { X1, 5, 0, 0, 1, 1, ~0u, 1 },
		/* wide 0xff is APIC 255, or cluster 0's low eight */
		{ X2, 5, 0, 0, 1, 0, 0xff, 0 },
		{ X2, 255, 0, 0, 1, 0, 0xff, 1 },
		{ X2, 5, 0, 0, 1, 1, 0xff, 1 }, { X2, 9, 0, 0, 1, 1, 0xff, 0 },
		/* xAPIC flat */
		{ X1, 5, 0x02u << 24, ~0u, 0, 1, 0x02, 1 },
		{ X1, 5, 0x02u << 24, ~0u, 0, 1, 0x03, 1 },
		{ X1, 5, 0x02u << 24, ~0u, 0, 1, 0xfd, 0 },
		{ X1, 5, 0, ~0u, 0, 1, 0xfe, 0 },
		{ X1, 5, 0x02u << 24, ~0u, 1, 1, 0x02, 1 },
		{ X1, 5, 0x02u << 24, ~0u, 1, 1, 0x102, 0 },
		/* xAPIC cluster: 31:28 which, 27:24 members */
		{ X1, 5, 0x32u << 24, 0, 0, 1, 0x32, 1 },
		{ X1, 5, 0x32u << 24, 0, 0, 1, 0x3f, 1 },
		{ X1, 5, 0x32u << 24, 0, 0, 1, 0x31, 0 },
		{ X1, 5, 0x32u << 24, 0, 0, 1, 0x42, 0 },
		/* neither flat nor cluster: nobody */
		{ X1, 5, 0x32u << 24, 0x70000000, 0, 1, 0x32, 0 },
		/* x2APIC clusters of 16: IDs 15 and 16 are neighbours apart */
		{ X2, 15, 0, 0, 1, 1, 0x00008000, 1 },
		{ X2, 16, 0, 0, 1, 1, 0x00008000, 0 },
		{ X2, 16, 0, 0, 1, 1, 0x00010001, 1 },
		{ X2, 15, 0, 0, 1, 1, 0x00018000, 0 },
		{ X2, 31, 0, 0, 1, 1, 0x0001ffff, 1 },
		{ X2, 31, 0, 0, 1, 1, 0x00017fff, 0 },
	};
	struct irq_msg msg = { .vector = 0x40 };
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		make(&a, rows[i].id, rows[i].view);
		a.ldr = rows[i].ldr;
		a.dfr = rows[i].dfr;
		msg.wide = rows[i].wide;
		msg.logical = rows[i].logical;
		msg.dest = rows[i].dest;
		if (apic_match(&a, &msg, NULL) != rows[i].want)
			fail_msg("row %u", i);
	}
}

static void shorthands(void **state)
{
	static const bool want[4][2] = {	/* self, other */
		{ false, true }, { true, false }, { true, true },
		{ false, true },
	};
	struct irq_msg msg = { .dest = 2, .wide = true };
	struct apic_effects fx;
	struct apic b;

	(void)state;
	make(&a, 1, X2);
	make(&b, 2, X2);
	for (msg.shorthand = 0; msg.shorthand < 4; msg.shorthand++) {
		assert_int_equal(apic_match(&a, &msg, &a),
				 want[msg.shorthand][0]);
		assert_int_equal(apic_match(&b, &msg, &a),
				 want[msg.shorthand][1]);
	}
	assert_false(apic_match(&b, &msg, &a));
	/* An APIC that is off hears nothing, not even a broadcast. */
	apic_write_base(&b, APIC_DEFAULT_BASE, &fx);
	msg.shorthand = APIC_DEST_ALL;
	assert_false(apic_match(&b, &msg, &a));
}

static void msi(void **state)
{
	static const struct {
		u64 address;
		u32 data;
		bool ext;
		enum apic_result want;
		struct irq_msg msg;
	} rows[] = {
		{ 0xfee05000, 0x4041, 0, APIC_OK,
		  { .dest = 5, .vector = 0x41 } },
		{ 0xfee05004, 0x0041, 0, APIC_OK,
		  { .dest = 5, .vector = 0x41, .logical = true } },
		{ 0xfee05000, 0xc041, 0, APIC_OK,
		  { .dest = 5, .vector = 0x41, .level = true } },
		{ 0xfee05000, 0x8041, 0, APIC_RESERVED, { 0 } },
		{ 0xfee05000, 0x0141, 0, APIC_OK,
		  { .dest = 5, .vector = 0x41, .mode = APIC_LOWEST } },
		/* RH: one of several, if logical */
		{ 0xfee0500c, 0x0041, 0, APIC_OK,
		  { .dest = 5, .vector = 0x41, .mode = APIC_LOWEST,
		    .logical = true } },
		{ 0xfee05008, 0x0041, 0, APIC_OK,
		  { .dest = 5, .vector = 0x41 } },
		{ 0xfee0500c, 0x0400, 0, APIC_OK,
		  { .dest = 5, .mode = APIC_NMI, .logical = true } },
		{ 0xfee05000, 0x0500, 0, APIC_OK,
		  { .dest = 5, .mode = APIC_INIT } },
		{ 0xfee05000, 0x0600, 0, APIC_BAD_IPI, { 0 } },
		{ 0xfee05000, 0x0300, 0, APIC_BAD_IPI, { 0 } },
		/* extended destination */
		{ 0xfee05fe0, 0x0041, 1, APIC_OK,
		  { .dest = 0x7f05, .vector = 0x41, .wide = true } },
		{ 0xfee05020, 0x0041, 1, APIC_OK,
		  { .dest = 0x105, .vector = 0x41, .wide = true } },
		{ 0xfee05020, 0x0041, 0, APIC_RESERVED, { 0 } },
		{ 0xfee05010, 0x0041, 1, APIC_RESERVED, { 0 } },
		{ 0xfee05002, 0x0041, 0, APIC_RESERVED, { 0 } },
		{ 0xfec05000, 0x0041, 0, APIC_RESERVED, { 0 } },
		{ 0x1fee05000, 0x0041, 0, APIC_RESERVED, { 0 } },
		{ 0xfee05000, 0x10041, 0, APIC_RESERVED, { 0 } },
		{ 0xfee05000, 0x0841, 0, APIC_RESERVED, { 0 } },
	};
	struct irq_msg msg;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(&msg, 0, sizeof(msg));
		if (apic_decode_msi(rows[i].address, rows[i].data, rows[i].ext,
				    &msg) != rows[i].want)
			fail_msg("row %u", i);
		if (rows[i].want == APIC_OK)
			assert_msg_equal(&msg, &rows[i].msg);
	}
}

static void lowest_priority(void **state)
{
	struct apic b, off;

	(void)state;
	make(&a, 1, X2);
	make(&b, 2, X2);
	make(&off, 3, X2);
	wr(&off, APIC_SVR, 0xff);
	assert_ptr_equal(apic_lowest(NULL, &off), NULL);
	assert_ptr_equal(apic_lowest(NULL, &a), &a);
	assert_ptr_equal(apic_lowest(&a, &b), &a);
	assert_ptr_equal(apic_lowest(&a, &off), &a);
	wr(&a, APIC_TPR, 0x20);
	assert_ptr_equal(apic_lowest(&a, &b), &b);
	apic_post(&b, 0x50, false);
	assert_ptr_equal(apic_lowest(&a, &b), &a);
}

static enum apic_post deliver(u8 mode, u8 vector, enum apic_origin origin)
{
	struct irq_msg msg = { .mode = mode, .vector = vector, .level = true };

	return apic_deliver(&a, &msg, origin);
}

static void delivery(void **state)
{
	(void)state;
	make(&a, 1, X2);
	assert_int_equal(deliver(APIC_FIXED, 0x40, APIC_FROM_HOST),
			 APIC_POST_ACCEPTED);
	assert_true(apic_is_level(&a, 0x40));
	assert_int_equal(deliver(APIC_LOWEST, 0x50, APIC_FROM_GUEST),
			 APIC_POST_ACCEPTED);
	assert_false(apic_is_level(&a, 0x50));
	assert_int_equal(deliver(APIC_NMI, 0, APIC_FROM_HOST),
			 APIC_POST_ACCEPTED);
	assert_int_equal(deliver(APIC_SMI, 0, APIC_FROM_HOST),
			 APIC_POST_UNSUPPORTED);
	assert_int_equal(deliver(APIC_EXTINT, 0x40, APIC_FROM_HOST),
			 APIC_POST_UNSUPPORTED);
	/* With the filter only what is allowed comes from the host. */
	a.config.filter = true;
	assert_int_equal(deliver(APIC_FIXED, 0x60, APIC_FROM_HOST),
			 APIC_POST_FILTERED);
	assert_int_equal(deliver(APIC_NMI, 0, APIC_FROM_HOST),
			 APIC_POST_FILTERED);
	assert_int_equal(deliver(APIC_INIT, 0, APIC_FROM_HOST),
			 APIC_POST_FILTERED);
	assert_int_equal(deliver(APIC_SIPI, 8, APIC_FROM_HOST),
			 APIC_POST_FILTERED);
	assert_int_equal(deliver(APIC_FIXED, 0x60, APIC_FROM_GUEST),
			 APIC_POST_ACCEPTED);
	assert_int_equal(deliver(APIC_INIT, 0, APIC_FROM_GUEST),
			 APIC_POST_ACCEPTED);
}

enum event { INIT, SIPI, TAKE };

/* The drawing at enum apic_run, as a table. */
static void start_states(void **state)
{
	static const struct {
		bool bsp;
		enum apic_run from;
		enum event event;
		enum apic_run to;
		int result;		/* apic_post, or apic_start for TAKE */
	} rows[] = {
		{ 0, APIC_RUNNING, INIT, APIC_INIT_PENDING,
		  APIC_POST_ACCEPTED },
		{ 0, APIC_RUNNING, SIPI, APIC_RUNNING, APIC_POST_IGNORED },
		{ 0, APIC_RUNNING, TAKE, APIC_RUNNING, APIC_START_NONE },
		{ 0, APIC_INIT_PENDING, INIT, APIC_INIT_PENDING,
		  APIC_POST_COALESCED },
		{ 0, APIC_INIT_PENDING, SIPI, APIC_INIT_SIPI,
		  APIC_POST_ACCEPTED },
		{ 1, APIC_INIT_PENDING, SIPI, APIC_INIT_PENDING,
		  APIC_POST_IGNORED },
		{ 0, APIC_INIT_PENDING, TAKE, APIC_WAIT_SIPI,
		  APIC_START_RESET },
		{ 1, APIC_INIT_PENDING, TAKE, APIC_RUNNING,
		  APIC_START_RESET_BSP },
		{ 0, APIC_INIT_SIPI, INIT, APIC_INIT_PENDING,
		  APIC_POST_ACCEPTED },
		{ 0, APIC_INIT_SIPI, SIPI, APIC_INIT_SIPI, APIC_POST_IGNORED },
		{ 0, APIC_INIT_SIPI, TAKE, APIC_STARTED, APIC_START_RESET },
		{ 0, APIC_WAIT_SIPI, INIT, APIC_INIT_PENDING,
		  APIC_POST_ACCEPTED },
		{ 0, APIC_WAIT_SIPI, SIPI, APIC_STARTED, APIC_POST_ACCEPTED },
		{ 0, APIC_WAIT_SIPI, TAKE, APIC_WAIT_SIPI, APIC_START_NONE },
		{ 0, APIC_STARTED, INIT, APIC_INIT_PENDING,
		  APIC_POST_ACCEPTED },
		{ 0, APIC_STARTED, SIPI, APIC_STARTED, APIC_POST_IGNORED },
		{ 0, APIC_STARTED, TAKE, APIC_RUNNING, APIC_START_SIPI },
	};
	unsigned int i;
	u8 vector;
	int got;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		make(&a, 1, X2);
		a.config.bsp = rows[i].bsp;
		a.run = rows[i].from;
		if (rows[i].event == INIT)
			got = deliver(APIC_INIT, 0, APIC_FROM_GUEST);
		else if (rows[i].event == SIPI)
			got = deliver(APIC_SIPI, 8, APIC_FROM_GUEST);
		else
			got = apic_take_start(&a, &vector);
		if (a.run != rows[i].to || got != rows[i].result)
			fail_msg("row %u: state %d, result %d", i, a.run, got);
	}
}

/* Linux on a new CPU: INIT and two SIPIs, before the target looks. */
static void start_sequence(void **state)
{
	u8 vector = 0;

	(void)state;
	make(&a, 1, X2);
	a.run = APIC_RUNNING;
	wr(&a, APIC_TPR, 0x20);
	deliver(APIC_INIT, 0, APIC_FROM_GUEST);
	deliver(APIC_SIPI, 0x9a, APIC_FROM_GUEST);
	assert_int_equal(deliver(APIC_SIPI, 0x55, APIC_FROM_GUEST),
			 APIC_POST_IGNORED);
	assert_int_equal(apic_take_start(&a, &vector), APIC_START_RESET);
	assert_int_equal(rd(&a, APIC_TPR), 0);
	assert_int_equal(apic_take_start(&a, &vector), APIC_START_SIPI);
	assert_int_equal(vector, 0x9a);
	assert_int_equal(apic_take_start(&a, &vector), APIC_START_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(icr_combinations),
		cmocka_unit_test(icr_bits),
		cmocka_unit_test(icr_write_x2apic),
		cmocka_unit_test(icr_write_xapic),
		cmocka_unit_test(illegal_send_vectors),
		cmocka_unit_test(self_ipi),
		cmocka_unit_test(init_deassert),
		cmocka_unit_test(destinations),
		cmocka_unit_test(shorthands),
		cmocka_unit_test(msi),
		cmocka_unit_test(lowest_priority),
		cmocka_unit_test(delivery),
		cmocka_unit_test(start_states),
		cmocka_unit_test(start_sequence),
	};

	return cmocka_run_group_tests_name("core_ipi", tests, NULL, NULL);
}
