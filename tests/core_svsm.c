// SPDX-License-Identifier: MIT
/*
 * SVSM APIC protocol: conformance rows 61 to 75 as far as they
 * are the protocol's own (73 and 74 are the run loop's).
 */
#include "core/svsm_apic.h"
#include "tests/core_apic.h"

static struct apic a[2];
static struct svsm_apic s[2];
static struct svsm_apic_reply reply;
static u32 users;

static int setup(void **state)
{
	(void)state;
	users = SVSM_APIC_ENABLED;
	assert_true(svsm_apic_init(&s[0], &a[0], 0x12, &users, NULL));
	assert_true(svsm_apic_init(&s[1], &a[1], 0x13, &users, NULL));
	return 0;
}

static u64 call(u32 number, u64 rcx, u64 rdx)
{
	return svsm_apic_call(&s[0], number, rcx, rdx, &reply);
}

static u64 rd_call(u64 msr)
{
	return call(SVSM_APIC_READ_REGISTER, msr, 0x1234567890);
}

static u64 wr_call(u64 msr, u64 value)
{
	return call(SVSM_APIC_WRITE_REGISTER, msr, value);
}

/* The table of 5.6 a second time, by MSR. */
static bool readable(u64 msr)
{
	return msr == 0x802 || msr == 0x808 || msr == 0x80a || msr == 0x80d ||
	       (msr >= 0x810 && msr <= 0x827) || msr == 0x830;
}

static bool writable(u64 msr)
{
	return msr == 0x808 || msr == 0x80b || msr == 0x830 || msr == 0x83f;
}

static void row61_matrix(void **state)
{
	u64 msr, value;
	u64 expected;

	(void)state;
	for (msr = 0; msr < 0x2000; msr++) {
		expected = readable(msr) ? SVSM_SUCCESS :
			   writable(msr) ? SVSM_ERR_INVALID_PARAMETER :
					   SVSM_ERR_INVALID_ADDRESS;
		assert_int_equal(rd_call(msr), expected);
		assert_int_equal(reply.rcx, msr);
		if (expected != SVSM_SUCCESS)
			assert_int_equal(reply.rdx, 0x1234567890);
		value = msr == 0x83f || msr == 0x830 ? 0x40 : 0;
		expected = writable(msr) ? SVSM_SUCCESS :
			   readable(msr) ? SVSM_ERR_INVALID_PARAMETER :
					   SVSM_ERR_INVALID_ADDRESS;
		assert_int_equal(wr_call(msr, value), expected);
	}
	assert_int_equal(rd_call(0x100000802), SVSM_ERR_INVALID_ADDRESS);
	assert_int_equal(wr_call(~0ull, 0), SVSM_ERR_INVALID_ADDRESS);
	setup(state);
	assert_int_equal(rd_call(0x802), SVSM_SUCCESS);
	assert_int_equal(reply.rdx, 0x12);
	assert_int_equal(rd_call(0x80d), SVSM_SUCCESS);
	assert_int_equal(reply.rdx, 0x10004);
}

static void row62_tpr(void **state)
{
	(void)state;
	assert_int_equal(wr_call(0x808, 0x3c), SVSM_SUCCESS);
	assert_int_equal(wr_call(0x808, 0x100), SVSM_ERR_INVALID_PARAMETER);
	assert_int_equal(wr_call(0x808, 1ull << 32),
			 SVSM_ERR_INVALID_PARAMETER);
	rd_call(0x808);
	assert_int_equal(reply.rdx, 0x3c);
	rd_call(0x80a);
	assert_int_equal(reply.rdx, 0x3c);
}

static void row63_64_eoi(void **state)
{
	(void)state;
	assert_int_equal(wr_call(0x80b, 0), SVSM_SUCCESS);
	apic_allow_all(&a[0], true);
	apic_post(&a[0], 0x41, true);
	apic_ack(&a[0]);
	assert_int_equal(wr_call(0x80b, 1), SVSM_ERR_INVALID_PARAMETER);
	assert_int_equal(apic_in_service(&a[0]), 0x41);
	assert_int_equal(wr_call(0x80b, 0), SVSM_SUCCESS);
	assert_true(reply.fx.eoi);
	assert_int_equal(reply.fx.eoi_vector, 0x41);
	assert_int_equal(wr_call(0x80b, 0), SVSM_SUCCESS);
	assert_false(reply.fx.eoi);
}

static u64 read_icr(void)
{
	assert_int_equal(rd_call(0x830), SVSM_SUCCESS);
	return reply.rdx;
}

static void row65_66_67_icr(void **state)
{
	const u64 reserved = 0xfff33000;
	u64 good = 0x1300000041, value;
	unsigned int bit, mode;

	(void)state;
	assert_int_equal(wr_call(0x830, good), SVSM_SUCCESS);
	assert_true(reply.fx.ipi);
	assert_int_equal(reply.fx.msg.dest, 0x13);
	assert_int_equal(reply.fx.msg.vector, 0x41);
	for (bit = 0; bit < 64; bit++) {
		if (!(reserved >> bit & 1))
			continue;
		value = 0x1500000055 | 1ull << bit;
		assert_int_equal(wr_call(0x830, value),
				 SVSM_ERR_INVALID_PARAMETER);
		assert_false(reply.fx.ipi);
		assert_int_equal(read_icr(), good);
	}
	for (mode = 0; mode < 8; mode++) {
		value = 0x1500000055 | mode << 8;
		assert_int_equal(wr_call(0x830, value),
				 mode == 0 || mode == 4 ? SVSM_SUCCESS :
				 SVSM_ERR_INVALID_PARAMETER);
	}
	for (bit = 14; bit < 16; bit++) {
		assert_int_equal(wr_call(0x830, good | 1ull << bit),
				 SVSM_SUCCESS);
		assert_true(reply.fx.ipi);
		assert_false(reply.fx.msg.level);
	}
	/* Illegal vectors; an NMI has none. */
	assert_int_equal(wr_call(0x830, 0x130000000f),
			 SVSM_ERR_INVALID_PARAMETER);
	assert_int_equal(wr_call(0x830, 0x1300000400), SVSM_SUCCESS);
	assert_int_equal(reply.fx.msg.mode, APIC_NMI);
	assert_int_equal(a[0].errors, 0);
}

static void icr_to_self(void **state)
{
	(void)state;
	/* The filter is for the host: nothing is allowed here. */
	assert_int_equal(wr_call(0x830, 0x40041), SVSM_SUCCESS);
	assert_false(reply.fx.ipi);
	assert_int_equal(apic_pending(&a[0]), 0x41);
	assert_int_equal(wr_call(0x830, 0x40400), SVSM_SUCCESS);
	assert_true(apic_take_nmi(&a[0]));
	assert_int_equal(wr_call(0x830, 0x80041), SVSM_SUCCESS);
	assert_int_equal(reply.fx.msg.shorthand, APIC_DEST_ALL);
	assert_int_equal(wr_call(0x830, 0xc0041), SVSM_SUCCESS);
	assert_int_equal(reply.fx.msg.shorthand, APIC_DEST_OTHERS);
}

static void row68_self_ipi(void **state)
{
	u64 v;

	(void)state;
	for (v = 0; v < 0x200; v++)
		assert_int_equal(wr_call(0x83f, v), v > 15 && v < 256 ?
				 SVSM_SUCCESS : SVSM_ERR_INVALID_PARAMETER);
	assert_int_equal(a[0].irr[0], 0xffff0000);
	assert_int_equal(apic_pending(&a[0]), 255);
}

static u64 vector(u64 rcx)
{
	return call(SVSM_APIC_CONFIGURE_VECTOR, rcx, 0);
}

static bool posts(u8 v)
{
	return apic_post(&a[0], v, false) <= APIC_POST_COALESCED;
}

static void row69_vectors(void **state)
{
	unsigned int bit, v;

	(void)state;
	for (v = 31; v < 256; v++)
		assert_false(posts(v));
	for (bit = 10; bit < 64; bit++)
		assert_int_equal(vector(0x141 | 1ull << bit),
				 SVSM_ERR_INVALID_PARAMETER);
	for (v = 0; v < 31; v++) {
		assert_int_equal(vector(0x100 | v),
				 SVSM_ERR_INVALID_PARAMETER);
		assert_int_equal(vector(v), SVSM_ERR_INVALID_PARAMETER);
	}
	for (v = 31; v < 256; v++) {
		assert_int_equal(vector(0x100 | v), SVSM_SUCCESS);
		assert_true(posts(v));
		assert_int_equal(vector(v), SVSM_SUCCESS);
		assert_false(posts(v));
	}
	/* Pending, then disallowed: it was allowed when it came. */
	assert_int_equal(apic_pending(&a[0]), 255);
	assert_int_equal(vector(0x300), SVSM_SUCCESS);
	assert_true(posts(31) && posts(32) && posts(255));
	assert_false(posts(30));
	assert_int_equal(vector(0x2ff), SVSM_SUCCESS);
	assert_false(posts(31) || posts(32) || posts(255));
	/* Each vCPU has its own set. */
	vector(0x300);
	assert_int_equal(apic_post(&a[1], 0x41, false), APIC_POST_FILTERED);
}

static void row70_calls(void **state)
{
	u64 n;

	(void)state;
	for (n = 5; n < 0x100; n++)
		assert_int_equal(call(n, 0, 0), SVSM_ERR_UNSUPPORTED_CALL);
	assert_int_equal(call(~0u, 0, 0), SVSM_ERR_UNSUPPORTED_CALL);
	assert_int_equal(svsm_apic_query(&s[0], 1), 1ull << 32 | 1);
	assert_int_equal(svsm_apic_query(&s[0], 0), 0);
	assert_int_equal(svsm_apic_query(&s[0], 2), 0);
}

static u64 configure(unsigned int cpu, u64 what)
{
	return svsm_apic_call(&s[cpu], SVSM_APIC_CONFIGURE, what, 0, &reply);
}

static void row71_configure(void **state)
{
	(void)state;
	assert_int_equal(configure(0, 3), SVSM_ERR_INVALID_PARAMETER);
	assert_int_equal(configure(0, 1ull << 32), SVSM_ERR_INVALID_PARAMETER);
	assert_int_equal(configure(0, 0), SVSM_SUCCESS);
	assert_false(reply.disable);
	/* Locked: firmware leaves, the kernel stays. */
	assert_int_equal(configure(0, 2), SVSM_SUCCESS);
	assert_int_equal(configure(1, 1), SVSM_SUCCESS);
	assert_false(reply.disable);
	assert_int_equal(users, SVSM_APIC_ENABLED);
	users = SVSM_APIC_MAX;
	assert_int_equal(configure(0, 2), SVSM_ERR_APIC_CANNOT_REGISTER);
	assert_int_equal(users, SVSM_APIC_MAX);
	assert_int_equal(configure(0, 1), SVSM_SUCCESS);
	assert_int_equal(users, SVSM_APIC_MAX - 1);
	/* Down to 0: this vCPU at once, the other at its next call. */
	users = 1;
	assert_int_equal(configure(0, 1), SVSM_SUCCESS);
	assert_true(reply.disable);
	assert_int_equal(users, SVSM_APIC_DISABLED);
	assert_int_equal(svsm_apic_query(&s[1], 1), 1ull << 32 | 1);
	assert_int_equal(configure(1, 2), SVSM_ERR_APIC_CANNOT_REGISTER);
	assert_false(reply.disable);
	assert_int_equal(svsm_apic_call(&s[1], SVSM_APIC_READ_REGISTER, 0x802,
					0, &reply), SVSM_SUCCESS);
	assert_int_equal(configure(1, 0), SVSM_SUCCESS);
	assert_true(reply.disable);
}

static void row71_benign_deregister(void **state)
{
	(void)state;
	users = 0;
	assert_int_equal(configure(0, 1), SVSM_SUCCESS);
	assert_true(reply.disable);
	assert_int_equal(users, 0);
}

static void row72_after_disable(void **state)
{
	u32 n;

	(void)state;
	assert_int_equal(configure(0, 1), SVSM_SUCCESS);
	for (n = 0; n < 6; n++)
		assert_int_equal(call(n, 0x802, 0),
				 SVSM_ERR_UNSUPPORTED_PROTOCOL);
	assert_int_equal(svsm_apic_query(&s[0], 1), 0);
}

static void row75_features(void **state)
{
	(void)state;
	assert_int_equal(call(SVSM_APIC_QUERY_FEATURES, 77, 5), SVSM_SUCCESS);
	assert_int_equal(reply.rcx, 0);
	assert_int_equal(reply.rdx, 5);
}

static void bad_id(void **state)
{
	(void)state;
	assert_false(svsm_apic_init(&s[0], &a[0], APIC_BROADCAST, &users,
				    NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(row61_matrix, setup),
		cmocka_unit_test_setup(row62_tpr, setup),
		cmocka_unit_test_setup(row63_64_eoi, setup),
		cmocka_unit_test_setup(row65_66_67_icr, setup),
		cmocka_unit_test_setup(icr_to_self, setup),
		cmocka_unit_test_setup(row68_self_ipi, setup),
		cmocka_unit_test_setup(row69_vectors, setup),
		cmocka_unit_test_setup(row70_calls, setup),
		cmocka_unit_test_setup(row71_configure, setup),
		cmocka_unit_test_setup(row71_benign_deregister, setup),
		cmocka_unit_test_setup(row72_after_disable, setup),
		cmocka_unit_test_setup(row75_features, setup),
		cmocka_unit_test_setup(bad_id, setup),
	};

	return cmocka_run_group_tests_name("core_svsm", tests, NULL, NULL);
}
