// SPDX-License-Identifier: MIT
/* What a vCPU under Alternate Injection gets: presented, settled, sent. */
#include "tests/svsm_apic.h"

/* ---- one vCPU ----------------------------------------------------------- */

static void nothing_without_it(void **state)
{
	(void)state;
	assert_true(guest_apic_init(0, &page[0], false, NULL));
	assert_false(guest_apic_on(vcpu_of(0)));
	assert_int_equal(call(0, SVSM_APIC_QUERY_FEATURES, 0, 0),
			 SVSM_ERR_UNSUPPORTED_PROTOCOL);
	assert_int_equal(query(0), 0);
	assert_int_equal(call(0, SVSM_APIC_CONFIGURE, SVSM_APIC_REGISTER, 0),
			 SVSM_ERR_UNSUPPORTED_PROTOCOL);
}

static void presents_what_is_allowed(void **state)
{
	(void)state;
	assert_int_equal(query(0), 0x100000001);
	host_posts(0, EDGE);
	assert_true(turn(0, false));
	assert_int_equal(guest_takes(0), 0);
	allow(0, EDGE);
	host_posts(0, EDGE);
	assert_true(turn(0, false));
	assert_int_equal(BYTE(0), 1);
	assert_int_equal(guest_takes(0), EDGE);
	/* the guest's EOI is the byte */
	BYTE(0) = 0;
	assert_int_equal(read_reg(0, APIC_ISR + 0x20), 0);
	assert_int_equal(rig_asked.specific_eois, 0);
	assert_int_equal(rig_asked.kicks, 0);
}

static void untaken_goes_back(void **state)
{
	(void)state;
	vmsa[0].rflags = 0;
	write_reg(0, APIC_SELF_IPI, EDGE);
	assert_true(turn(0, false));
	assert_int_equal(guest_takes(0), 0);
	assert_int_equal(read_reg(0, APIC_IRR + 0x20), BIT(EDGE % 32));
	assert_int_equal(BYTE(0), 0);
	write_reg(0, APIC_SELF_IPI, HIGH);
	assert_true(turn(0, false));
	vmsa[0].rflags = RFLAGS_IF;
	assert_int_equal(guest_takes(0), HIGH);
	assert_true(turn(0, false));
	assert_int_equal(guest_takes(0), 0);
	assert_int_equal(BYTE(0), 0);
	write_reg(0, APIC_EOI, 0);
	assert_true(turn(0, false));
	assert_int_equal(guest_takes(0), EDGE);
}

/* A page that comes and goes: no byte, no elided EOI, and no harm. */
static void area_is_gone(void **state)
{
	(void)state;
	rig_page(CA(0))->validated = false;
	write_reg(0, APIC_SELF_IPI, EDGE);
	assert_true(turn(0, false));
	assert_false(apic_of(0)->present.lazy);
	assert_int_equal(guest_takes(0), EDGE);
	write_reg(0, APIC_EOI, 0);
	rig_page(CA(0))->validated = true;
	write_reg(0, APIC_SELF_IPI, EDGE);
	assert_true(turn(0, false));
	assert_int_equal(BYTE(0), 1);
	assert_int_equal(guest_takes(0), EDGE);
	rig_page(CA(0))->validated = false;
	assert_int_equal(read_reg(0, APIC_ISR + 0x20), BIT(EDGE % 32));
	write_reg(0, APIC_EOI, 0);
	assert_int_equal(read_reg(0, APIC_ISR + 0x20), 0);
}

/* Row 88: the old area's byte counts, the new one starts with 0. */
static void remap_settles(void **state)
{
	u64 rcx = CA(0) + 0x800, rdx = 0;

	(void)state;
	write_reg(0, APIC_SELF_IPI, EDGE);
	assert_true(turn(0, false));
	assert_int_equal(guest_takes(0), EDGE);
	BYTE(0) = 0;
	rig_memory[CA(0) + 0x802] = 1;
	assert_int_equal(call_regs(0, SVSM_PROTOCOL_CORE, SVSM_CORE_REMAP_CA,
				   &rcx, &rdx), 0);
	assert_int_equal(rig_memory[CA(0) + 0x802], 0);
	assert_int_equal(read_reg(0, APIC_ISR + 0x20), 0);
}

static void level_ends_at_the_host(void **state)
{
	(void)state;
	allow(0, EDGE);
	host_posts(0, DOORBELL_EXT_LEVEL | EDGE);
	assert_true(turn(0, false));
	assert_int_equal(guest_takes(0), EDGE);
	write_reg(0, APIC_EOI, 0);
	assert_int_equal(rig_asked.specific_eois, 1);
	assert_int_equal(rig_asked.specific_eoi, EDGE);
	write_reg(0, APIC_EOI, 0);
	assert_int_equal(rig_asked.specific_eois, 1);
	/* by the byte: the host is told as soon as the monitor runs */
	host_posts(0, DOORBELL_EXT_LEVEL | EDGE);
	assert_true(turn(0, false));
	assert_int_equal(BYTE(0), 1);
	assert_int_equal(guest_takes(0), EDGE);
	BYTE(0) = 0;
	assert_true(turn(0, false));
	assert_int_equal(rig_asked.specific_eois, 2);
	assert_true(turn(0, false));
	assert_int_equal(rig_asked.specific_eois, 2);
	/* the guest's own, of the same vector, is an edge */
	write_reg(0, APIC_SELF_IPI, EDGE);
	assert_true(turn(0, false));
	assert_int_equal(guest_takes(0), EDGE);
	write_reg(0, APIC_EOI, 0);
	assert_int_equal(rig_asked.specific_eois, 2);
}

static void halts_until_something_wakes(void **state)
{
	(void)state;
	assert_false(turn(0, true));
	assert_false(turn(0, false));
	/* refused, or held back by TPR */
	host_posts(0, EDGE);
	assert_false(turn(0, false));
	vmsa[0].vintr_ctrl |= EDGE >> 4;
	write_reg(0, APIC_TPR, EDGE & 0xf0);
	write_reg(0, APIC_SELF_IPI, EDGE);
	assert_false(turn(0, false));
	write_reg(0, APIC_SELF_IPI, HIGH);
	assert_true(turn(0, false));
	assert_int_equal(guest_takes(0), HIGH);
}

static void send_nmi(u32 cpu)
{
	write_reg(cpu, APIC_ICR, (u64)APIC_DEST_SELF <<
		  APIC_ICR_SHORTHAND_SHIFT | APIC_NMI << APIC_ICR_MODE_SHIFT);
}

static void nmi_wakes_and_waits_its_turn(void **state)
{
	(void)state;
	vmsa[0].rflags = 0;
	assert_false(turn(0, true));
	send_nmi(0);
	assert_true(turn(0, false));
	assert_true(vmsa[0].vintr_ctrl & VINTR_V_NMI);
	/* in its handler: masked, and one more waits */
	vmsa[0].vintr_ctrl &= ~VINTR_V_NMI;
	vmsa[0].vintr_ctrl |= VINTR_NMI_MASK;
	send_nmi(0);
	assert_true(turn(0, false));
	assert_true(vmsa[0].vintr_ctrl & VINTR_V_NMI);
	/* the host's own is refused */
	vmsa[0].vintr_ctrl &= ~(VINTR_V_NMI | VINTR_NMI_MASK);
	host_posts(0, DOORBELL_EXT_NMI | DOORBELL_EXT_MC);
	assert_true(turn(0, false));
	assert_false(vmsa[0].vintr_ctrl & VINTR_V_NMI);
	assert_false(vmsa[0].event_inj & EVENT_V);
}

static void interrupted_delivery_comes_again(void **state)
{
	(void)state;
	write_reg(0, APIC_SELF_IPI, EDGE);
	assert_true(turn(0, false));
	assert_int_equal(guest_takes(0), EDGE);
	vmsa[0].exit_int_info = event_make(EVENT_INTR, EDGE);
	assert_true(turn(0, false));
	assert_int_equal(vmsa[0].event_inj, event_make(EVENT_INTR, EDGE));
	assert_int_equal(vmsa[0].exit_int_info, 0);
	/* the host comes back without having run it: once */
	vmsa[0].event_inj = 0;
	assert_true(turn(0, false));
	assert_int_equal(vmsa[0].event_inj, 0);
	vmsa[0].exit_int_info = event_make(EVENT_EXCEPTION, VECTOR_HV);
	assert_non_null(guest_apic_settle(vcpu_of(0), &vmsa[0]));
}

/* Row 83: an exception comes again, an NMI and an interrupt wait beside it. */
static void exception_nmi_and_interrupt(void **state)
{
	const u64 gp = event_make(EVENT_EXCEPTION, VECTOR_GP) | EVENT_EV;

	(void)state;
	send_nmi(0);
	write_reg(0, APIC_SELF_IPI, EDGE);
	vmsa[0].exit_int_info = gp;
	assert_true(turn(0, false));
	assert_int_equal(vmsa[0].event_inj, gp);
	assert_true(vmsa[0].vintr_ctrl & VINTR_V_NMI);
	assert_true(vmsa[0].vintr_ctrl & VINTR_V_IRQ);
	vmsa[0].event_inj = 0;
	vmsa[0].vintr_ctrl &= ~VINTR_V_NMI;
	assert_int_equal(guest_takes(0), EDGE);
}

static void busy_is_undone(void **state)
{
	(void)state;
	vmsa[0].vintr_ctrl |= VINTR_BUSY;
	assert_true(turn(0, false));
	assert_false(vmsa[0].vintr_ctrl & VINTR_BUSY);
}

/* ---- several ------------------------------------------------------------ */

/* The host learns whom, by an address that is his alone to act on. */
static void one_kick(u32 dest, u8 shorthand, bool logical)
{
	assert_int_equal(rig_asked.kicks, 1);
	assert_int_equal(rig_asked.kick.dest, dest);
	assert_int_equal(rig_asked.kick.shorthand, shorthand);
	assert_int_equal(rig_asked.kick.logical, logical);
	rig_asked.kicks = 0;
}

static void ipi_to_one(void **state)
{
	(void)state;
	send(0, rig_apic_id(1), IPI);
	one_kick(rig_apic_id(1), APIC_DEST_NONE, false);
	/* told, and has not looked: not again */
	send(0, rig_apic_id(1), HIGH);
	send(2, rig_apic_id(1), HIGH);
	assert_int_equal(rig_asked.kicks, 0);
	assert_true(gets(1, IPI));
	assert_true(gets(1, HIGH));
	assert_false(gets(0, IPI));
	send(0, rig_apic_id(1), IPI);
	one_kick(rig_apic_id(1), APIC_DEST_NONE, false);
}

static void ipi_to_several(void **state)
{
	/* ids 10 13 16 19: one cluster */
	u32 two = x2apic_ldr(rig_apic_id(1)) | x2apic_ldr(rig_apic_id(3));

	(void)state;
	send(0, two, APIC_ICR_LOGICAL | IPI);
	one_kick(two, APIC_DEST_NONE, true);
	assert_true(gets(1, IPI));
	assert_false(gets(2, IPI));
	assert_true(gets(3, IPI));
	send(0, 0, APIC_DEST_OTHERS << APIC_ICR_SHORTHAND_SHIFT | IPI);
	one_kick(0, APIC_DEST_OTHERS, false);
	for (u32 i = 0; i < RIG_CPUS; i++)
		assert_int_equal(gets(i, IPI), i != 0);
	send(0, 0, APIC_DEST_ALL << APIC_ICR_SHORTHAND_SHIFT | IPI);
	one_kick(0, APIC_DEST_OTHERS, false);
	for (u32 i = 0; i < RIG_CPUS; i++)
		assert_true(gets(i, IPI));
	send(0, APIC_BROADCAST, IPI);
	assert_int_equal(rig_asked.kicks, 1);
	for (u32 i = 0; i < RIG_CPUS; i++)
		assert_true(gets(i, IPI));
}

static void ipi_to_itself_is_nobody_elses(void **state)
{
	(void)state;
	send(0, rig_apic_id(0), IPI);
	assert_true(gets(0, IPI));
	send(0, 0, APIC_DEST_SELF << APIC_ICR_SHORTHAND_SHIFT | IPI);
	assert_true(gets(0, IPI));
	assert_int_equal(rig_asked.kicks, 0);
}

static void ipi_to_nobody(void **state)
{
	(void)state;
	vcpu_of(2)->vmsa = 0;
	apic_of(3)->protocol.on = false;
	send(0, 0x7777, IPI);
	send(0, rig_apic_id(2), IPI);
	send(0, rig_apic_id(3), IPI);
	assert_int_equal(rig_asked.kicks, 0);
	assert_false(mailbox_notified(&apic_of(2)->box));
	assert_false(mailbox_notified(&apic_of(3)->box));
}

/* A remote NMI is one; its vector is none. */
static void ipi_nmi(void **state)
{
	(void)state;
	send(0, rig_apic_id(1), APIC_NMI << APIC_ICR_MODE_SHIFT | IPI);
	assert_true(turn(1, false));
	assert_true(vmsa[1].vintr_ctrl & VINTR_V_NMI);
	assert_int_equal(guest_takes(1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_without_it),
		TEST(presents_what_is_allowed),
		TEST(untaken_goes_back),
		TEST(area_is_gone),
		TEST(remap_settles),
		TEST(level_ends_at_the_host),
		TEST(halts_until_something_wakes),
		TEST(nmi_wakes_and_waits_its_turn),
		TEST(interrupted_delivery_comes_again),
		TEST(exception_nmi_and_interrupt),
		TEST(busy_is_undone),
		TEST(ipi_to_one),
		TEST(ipi_to_several),
		TEST(ipi_to_itself_is_nobody_elses),
		TEST(ipi_to_nobody),
		TEST(ipi_nmi),
	};

	return cmocka_run_group_tests_name("svsm_apic", tests, NULL, NULL);
}
