// SPDX-License-Identifier: MIT
/* Local APIC: the register file in both views, bit by bit. */
#include "tests/core_apic.h"

#define R	1
#define W	2
#define LVT	0x110ffull	/* vector, delivery status, mask */

static struct apic a;
static struct apic_effects fx;

/*
 * The specification again, by hand: access per view, the bits that a write
 * may carry, the bits that then read back.
 */
static const struct row {
	u32 offset;
	u8 x1, x2;
	u64 valid, stored;
} rows[] = {
	{ APIC_ID, R, R, 0, 0 },
	{ APIC_VERSION, R, R, 0, 0 },
	{ APIC_TPR, R | W, R | W, 0xff, 0xff },
	{ APIC_APR, R, 0, 0, 0 },
	{ APIC_PPR, R, R, 0, 0 },
	{ APIC_EOI, W, W, 0, 0 },
	{ APIC_RRR, R, 0, 0, 0 },
	{ APIC_LDR, R | W, R, 0xff000000, 0xff000000 },
	{ APIC_DFR, R | W, 0, 0xf0000000, 0xf0000000 },
	{ APIC_SVR, R | W, R | W, 0x3ff, 0x3ff },
	{ APIC_ESR, R | W, R | W, 0, 0 },
	{ APIC_ICR, R | W, R | W, 0xffffffff000cdfff, 0xffffffff000ccfff },
	{ APIC_ICR2, R | W, 0, 0xff000000, 0xff000000 },
	{ APIC_LVT_TIMER, R | W, R | W, LVT | 0x60000, 0x700ff },
	{ APIC_LVT_THERMAL, R | W, R | W, LVT | 0x700, 0x107ff },
	{ APIC_LVT_PERF, R | W, R | W, LVT | 0x700, 0x107ff },
	{ APIC_LVT_LINT0, R | W, R | W, LVT | 0xe700, 0x1a7ff },
	{ APIC_LVT_LINT1, R | W, R | W, LVT | 0xe700, 0x1a7ff },
	{ APIC_LVT_ERROR, R | W, R | W, LVT, 0x100ff },
	{ APIC_TMICT, R | W, R | W, 0xffffffff, 0xffffffff },
	{ APIC_TMCCT, R, R, 0, 0 },
	{ APIC_TDCR, R | W, R | W, 0xb, 0xb },
	{ APIC_SELF_IPI, 0, W, 0xff, 0 },
};

static struct row row_of(u32 offset)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].offset == offset)
			return rows[i];
	if (offset >= APIC_ISR && offset < APIC_IRR + 0x80 && !(offset & 15))
		return (struct row){ offset, R, R, 0, 0 };
	return (struct row){ offset, 0, 0, 0, 0 };
}

static u8 access_of(u32 offset, enum apic_view view)
{
	struct row row = row_of(offset);

	return view == X2 ? row.x2 : row.x1;
}

static void read_matrix(void **state)
{
	enum apic_result want;
	enum apic_view view;
	u32 offset;
	u64 value;
	u8 have;

	(void)state;
	for (view = X1; view <= X2; view++) {
		for (offset = 0; offset < 0x1010; offset++) {
			start(&a, view, NULL);
			have = access_of(offset, view);
			want = !have ? APIC_NO_REGISTER :
			       have & R ? APIC_OK : APIC_WRITE_ONLY;
			value = 1;
			assert_int_equal(apic_read(&a, view, offset, t0,
						   &value), want);
			if (want != APIC_OK)
				assert_int_equal(value, 0);
			wr(&a, APIC_ESR, 0);
			assert_int_equal(rd(&a, APIC_ESR),
					 view == X1 && !have ?
					 APIC_ESR_REGISTER : 0);
		}
	}
}

static void write_matrix(void **state)
{
	enum apic_result want;
	enum apic_view view;
	struct apic before;
	u32 offset;
	u8 have;

	(void)state;
	for (view = X1; view <= X2; view++) {
		for (offset = 0; offset < 0x1010; offset++) {
			start(&a, view, NULL);
			memcpy(&before, &a, sizeof(a));
			have = access_of(offset, view);
			want = !have ? APIC_NO_REGISTER :
			       have & W ? APIC_OK : APIC_READ_ONLY;
			assert_int_equal(apic_write(&a, view, offset, 0, t0,
						    &fx), want);
			if (want == APIC_OK)
				continue;
			/* A refusal changes nothing but ESR. */
			if (view == X1 && !have)
				before.errors = APIC_ESR_REGISTER;
			assert_memory_equal(&a, &before, sizeof(a));
			assert_false(fx.ipi || fx.eoi || fx.timer);
		}
	}
}

/* x2APIC: each reserved bit alone is #GP; each valid bit alone is taken. */
static void x2apic_bits(void **state)
{
	unsigned int i, bit;
	enum apic_result want;
	struct apic before;
	u64 value;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!(rows[i].x2 & W))
			continue;
		for (bit = 0; bit < 64; bit++) {
			start(&a, X2, NULL);
			memcpy(&before, &a, sizeof(a));
			value = BIT_ULL(bit);
			want = value & rows[i].valid ? APIC_OK : APIC_RESERVED;
			assert_int_equal(apic_write(&a, X2, rows[i].offset,
						    value, t0, &fx), want);
			if (want != APIC_OK)
				assert_memory_equal(&a, &before, sizeof(a));
			else if (rows[i].x2 & R)
				assert_int_equal(rd(&a, rows[i].offset),
						 value & rows[i].stored);
			assert_sound(&a);
		}
	}
}

/* xAPIC: reserved bits are ignored. */
static void xapic_bits(void **state)
{
	unsigned int i, bit;
	u64 want;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].x1 != (R | W))
			continue;
		for (bit = 0; bit < 32; bit++) {
			start(&a, X1, NULL);
			wr(&a, rows[i].offset, BIT_ULL(bit));
			want = BIT_ULL(bit) & rows[i].stored;
			if (rows[i].offset == APIC_DFR)
				want |= 0x0fffffff;
			assert_int_equal(rd(&a, rows[i].offset), want);
			assert_sound(&a);
		}
	}
}

static void wrong_view(void **state)
{
	u64 value;

	(void)state;
	start(&a, X1, NULL);
	assert_int_equal(apic_read(&a, X2, APIC_TPR, t0, &value),
			 APIC_BAD_VIEW);
	assert_int_equal(apic_read(&a, APIC_VIEW_NONE, APIC_TPR, t0, &value),
			 APIC_BAD_VIEW);
	start(&a, X2, NULL);
	assert_int_equal(apic_write(&a, X1, APIC_TPR, 0, t0, &fx),
			 APIC_BAD_VIEW);
	/* An enabled view of a disabled APIC does not exist either. */
	apic_write_base(&a, APIC_DEFAULT_BASE, &fx);
	assert_int_equal(apic_write(&a, APIC_VIEW_NONE, APIC_TPR, 0, t0, &fx),
			 APIC_BAD_VIEW);
}

/* IRR, ISR and TMR: every vector in its register and bit. */
static void vector_registers(void **state)
{
	u32 word, bit;
	int v;

	(void)state;
	for (v = APIC_FIRST_VECTOR; v < APIC_VECTORS; v++) {
		start(&a, v & 1 ? X1 : X2, NULL);
		word = v / 32 * 0x10;
		bit = 1u << v % 32;
		apic_post(&a, v, true);
		assert_int_equal(rd(&a, APIC_IRR + word), bit);
		assert_int_equal(rd(&a, APIC_TMR + word), bit);
		apic_ack(&a);
		assert_int_equal(rd(&a, APIC_IRR + word), 0);
		assert_int_equal(rd(&a, APIC_ISR + word), bit);
	}
}

static void timer_mode_encodings(void **state)
{
	struct apic_config config = plain_config;

	(void)state;
	start(&a, X2, NULL);
	assert_int_equal(apic_write(&a, X2, APIC_LVT_TIMER, 3u << 17, t0, &fx),
			 APIC_RESERVED);
	wr(&a, APIC_LVT_TIMER, 0x40030);
	config.tsc_khz = 0;
	apic_init(&a, &config, NULL);
	assert_int_equal(apic_write(&a, X1, APIC_LVT_TIMER, 2u << 17, t0, &fx),
			 APIC_RESERVED);
	assert_int_equal(rd(&a, APIC_LVT_TIMER), 0x10000);
	wr(&a, APIC_LVT_TIMER, 0x20030);
}

/* APM 16.4.7: disabling masks every entry, enabling does not unmask. */
static void lvt_mask_when_disabled(void **state)
{
	enum apic_view view;
	u32 off;

	(void)state;
	for (view = X1; view <= X2; view++) {
		start(&a, view, NULL);
		for (off = APIC_LVT_TIMER; off <= APIC_LVT_ERROR; off += 0x10)
			wr(&a, off, 0x40);
		wr(&a, APIC_SVR, 0xff);
		for (off = APIC_LVT_TIMER; off <= APIC_LVT_ERROR; off += 0x10) {
			assert_int_equal(rd(&a, off), 0x10040);
			wr(&a, off, 0x41);
			assert_int_equal(rd(&a, off), 0x10041);
		}
		wr(&a, APIC_SVR, 0x1ff);
		for (off = APIC_LVT_TIMER; off <= APIC_LVT_ERROR; off += 0x10)
			assert_int_equal(rd(&a, off), 0x10041);
		assert_sound(&a);
	}
}

/* Entry, delivery mode -> what firing it does. */
static void lvt_delivery(void **state)
{
	static const struct { u32 lvt; enum apic_post want; } modes[] = {
		{ 0x00040, APIC_POST_ACCEPTED },
		{ 0x10040, APIC_POST_DISABLED },
		{ 0x00400, APIC_POST_ACCEPTED },
		{ 0x00003, APIC_POST_ILLEGAL },
		{ 0x00100, APIC_POST_UNSUPPORTED },
		{ 0x00200, APIC_POST_UNSUPPORTED },
		{ 0x00500, APIC_POST_UNSUPPORTED },
		{ 0x00700, APIC_POST_UNSUPPORTED },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		start(&a, X2, NULL);
		wr(&a, APIC_LVT_PERF, modes[i].lvt);
		assert_int_equal(apic_fire(&a, APIC_LVT_IDX_PERF),
				 modes[i].want);
		assert_int_equal(apic_pending(&a), i == 0 ? 0x40 : -1);
		assert_int_equal(apic_take_nmi(&a), i == 2);
		assert_int_equal(apic_fire(&a, APIC_LVT_IDX_THERMAL),
				 APIC_POST_DISABLED);
	}
}

/* Write latches and clears; the read shows the latch (SDM "ESR"). */
static void esr_write_then_read(void **state)
{
	enum apic_view view;

	(void)state;
	for (view = X1; view <= X2; view++) {
		start(&a, view, NULL);
		apic_post(&a, 5, false);
		assert_int_equal(rd(&a, APIC_ESR), 0);
		wr(&a, APIC_ESR, 0);
		assert_int_equal(rd(&a, APIC_ESR), APIC_ESR_RECV_VECTOR);
		assert_int_equal(rd(&a, APIC_ESR), APIC_ESR_RECV_VECTOR);
		wr(&a, APIC_ICR, 0x4005);
		apic_post(&a, 5, false);
		wr(&a, APIC_ESR, 0);
		assert_int_equal(rd(&a, APIC_ESR), APIC_ESR_RECV_VECTOR |
				 APIC_ESR_SEND_VECTOR);
		wr(&a, APIC_ESR, 0);
		assert_int_equal(rd(&a, APIC_ESR), 0);
	}
}

static void error_lvt(void **state)
{
	struct apic_counters count;

	(void)state;
	start(&a, X2, &count);
	wr(&a, APIC_LVT_ERROR, 0xfe);
	apic_post(&a, 5, false);
	assert_int_equal(apic_ack(&a), 0xfe);
	wr(&a, APIC_EOI, 0);
	/* Once, until ESR is written. */
	apic_post(&a, 6, false);
	assert_int_equal(apic_pending(&a), APIC_NO_VECTOR);
	wr(&a, APIC_ESR, 0);
	apic_post(&a, 6, false);
	assert_int_equal(apic_pending(&a), 0xfe);
	assert_int_equal(count.vector[0xfe].posted, 2);
	/* Masked: recorded, not raised. */
	start(&a, X2, &count);
	apic_post(&a, 5, false);
	assert_int_equal(apic_pending(&a), APIC_NO_VECTOR);
	/* With an illegal vector of its own it does not feed itself. */
	wr(&a, APIC_LVT_ERROR, 0x0e);
	wr(&a, APIC_ESR, 0);
	wr(&a, APIC_SELF_IPI, 1);
	wr(&a, APIC_ESR, 0);
	assert_int_equal(rd(&a, APIC_ESR), APIC_ESR_SEND_VECTOR |
			 APIC_ESR_RECV_VECTOR);
	assert_int_equal(count.vector[0x0e].refused, 1);
	assert_sound(&a);
}

static void result_names_are_distinct(void **state)
{
	int i, j;

	(void)state;
	for (i = APIC_OK; i <= APIC_BAD_ADDRESS; i++)
		for (j = APIC_OK; j < i; j++)
			assert_string_not_equal(apic_result_name(i),
						apic_result_name(j));
	assert_string_equal(apic_result_name(99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_matrix),
		cmocka_unit_test(write_matrix),
		cmocka_unit_test(x2apic_bits),
		cmocka_unit_test(xapic_bits),
		cmocka_unit_test(wrong_view),
		cmocka_unit_test(vector_registers),
		cmocka_unit_test(timer_mode_encodings),
		cmocka_unit_test(lvt_mask_when_disabled),
		cmocka_unit_test(lvt_delivery),
		cmocka_unit_test(esr_write_then_read),
		cmocka_unit_test(error_lvt),
		cmocka_unit_test(result_names_are_distinct),
	};

	return cmocka_run_group_tests_name("core_registers", tests, NULL,
					   NULL);
}
