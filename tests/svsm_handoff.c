// SPDX-License-Identifier: MIT
/* APICs of vCPUs that come by CREATE_VCPU, and their end. */
#include "tests/svsm_apic.h"

/* ---- CREATE_VCPU -------------------------------------------------------- */

static u64 create(u32 from, u32 cpu, u64 at, u64 ca, u64 features)
{
	struct vmsa v = {
		.vmpl = RIG_VMPL,
		.efer = EFER_SVME,
		.sev_features = features,
		.vintr_ctrl = VINTR_BUSY | VINTR_V_IRQ | VINTR_IGN_TPR | 3,
		.exit_code = EXIT_VMGEXIT,
		.exit_int_info = event_make(EVENT_EXCEPTION, VECTOR_HV),
	};
	struct svsm_call call = {
		.rax = SVSM_CORE_CREATE_VCPU,
		.rcx = at,
		.rdx = ca,
		.r8 = rig_apic_id(cpu),
		.features = features,
		.cpu = from,
	};

	rig_write(at, &v, sizeof(v));
	protocol_serve(&call);
	return call.rax;
}

static void creation_resets(void **state)
{
	struct vmsa v;

	(void)state;
	allow(1, EDGE);
	write_reg(1, APIC_SELF_IPI, EDGE);
	assert_true(turn(1, false));
	send(0, rig_apic_id(1), IPI);
	apic_of(1)->halted = true;
	assert_int_equal(create(0, 1, 0x50000, CA(1), FEATURES), 0);
	rig_read(0x50000, &v, sizeof(v));
	assert_int_equal(v.vintr_ctrl, VINTR_VGIF | VINTR_NMI_ENABLE | 3);
	assert_int_equal(v.exit_code, 0);
	assert_int_equal(v.exit_int_info, 0);
	assert_false(mailbox_notified(&apic_of(1)->box));
	assert_false(apic_of(1)->halted);
	assert_int_equal(read_reg(1, APIC_IRR + 0x20), 0);
	assert_int_equal(read_reg(1, APIC_IRR + 0x70), 0);
	assert_int_equal(read_reg(1, APIC_TPR), 0x30);
	vmsa[1].vintr_ctrl = v.vintr_ctrl;
	host_posts(1, EDGE);
	assert_false(gets(1, EDGE));
	/* the books: what was pending or on its way has been discarded */
	assert_int_equal(counts[1].vector[EDGE].discarded, 1);
	assert_int_equal(counts[1].vector[IPI].discarded, 1);
	/* what is sent from now on is for the new one */
	send(0, rig_apic_id(1), IPI);
	assert_true(gets(1, IPI));
}

static void creation_without_it(void **state)
{
	(void)state;
	assert_int_equal(create(0, 1, 0x50000, CA(1), SEV_FEATURE_SNP), 0);
	assert_false(guest_apic_on(vcpu_of(1)));
	send(0, rig_apic_id(1), IPI);
	assert_false(mailbox_notified(&apic_of(1)->box));
}

/* The monitor writes into areas, and would so write into the VMSA. */
static void creation_spares_areas(void **state)
{
	(void)state;
	for (u32 i = 0; i < RIG_CPUS; i++)
		assert_int_equal(create(0, 1, CA(i), CA(3) + 0x1000, FEATURES),
				 SVSM_ERR_INVALID_ADDRESS);
	assert_int_equal(vcpu_of(1)->vmsa, VMSA(1));
	assert_int_equal(vcpu_of(1)->ca, CA(1));
}

/* ---- the end ------------------------------------------------------------ */

static const struct doorbell_ext *descriptor(u32 cpu)
{
	return &page[cpu].ext[RIG_VMPL - 1];
}

static void leaves_with_everything(void **state)
{
	(void)state;
	write_reg(0, APIC_SELF_IPI, 0x33);
	assert_true(turn(0, false));
	assert_int_equal(guest_takes(0), 0x33);
	vmsa[0].rflags = 0;
	vmsa[0].vintr_ctrl |= VINTR_SHADOW | VINTR_V_NMI | 2;
	write_reg(0, APIC_SELF_IPI, EDGE);
	write_reg(0, APIC_SELF_IPI, 31);
	send(1, rig_apic_id(0), IPI);
	assert_int_equal(call(0, SVSM_APIC_CONFIGURE, SVSM_APIC_DEREGISTER, 0),
			 0);
	assert_int_equal(rig_asked.disabled, 1);
	assert_int_equal(rig_asked.disable,
			 RIG_VMPL << DISABLE_ALTERNATE_VMPL_SHIFT |
			 0x20 << DISABLE_ALTERNATE_TPR_SHIFT |
			 DISABLE_ALTERNATE_SHADOW);
	assert_int_equal(descriptor(0)->status, DOORBELL_EXT_MULTIPLE |
			 DOORBELL_EXT_VECTOR_31 | DOORBELL_EXT_NMI);
	assert_int_equal(descriptor(0)->irr[1], BIT(EDGE % 32));
	assert_int_equal(descriptor(0)->irr[6], BIT(IPI % 32));
	assert_int_equal(descriptor(0)->isr[1], BIT(0x33 % 32));
	assert_int_equal(vmsa[0].sev_features, SEV_FEATURE_SNP);
	assert_int_equal(vmsa[0].vintr_ctrl, 0);
	assert_int_equal(vmsa[0].event_inj, 0);
	assert_int_equal(BYTE(0), 0);
	assert_int_equal(query(0), 0);
	assert_int_equal(call(0, SVSM_APIC_QUERY_FEATURES, 0, 0),
			 SVSM_ERR_UNSUPPORTED_PROTOCOL);
	assert_int_equal(counts[0].vector[EDGE].discarded, 1);
	assert_int_equal(counts[0].vector[0x33].aborted, 1);
}

/* IF, and the refused ones: not the host's to get back. */
static void leaves_open(void **state)
{
	(void)state;
	write_reg(0, APIC_SELF_IPI, 20);
	host_posts(0, EDGE);
	assert_int_equal(call(0, SVSM_APIC_CONFIGURE, SVSM_APIC_DEREGISTER, 0),
			 0);
	assert_int_equal(rig_asked.disable,
			 RIG_VMPL << DISABLE_ALTERNATE_VMPL_SHIFT |
			 DISABLE_ALTERNATE_IF);
	assert_int_equal(descriptor(0)->status, DOORBELL_EXT_MULTIPLE);
	for (u32 i = 0; i < 7; i++)
		assert_int_equal(descriptor(0)->irr[i], 0);
}

static void others_leave_when_they_ask(void **state)
{
	(void)state;
	assert_int_equal(call(0, SVSM_APIC_CONFIGURE, SVSM_APIC_REGISTER, 0),
			 0);
	assert_int_equal(call(1, SVSM_APIC_CONFIGURE, SVSM_APIC_DEREGISTER, 0),
			 0);
	assert_int_equal(rig_asked.disabled, 0);
	assert_true(guest_apic_on(vcpu_of(1)));
	assert_int_equal(call(1, SVSM_APIC_CONFIGURE, SVSM_APIC_DEREGISTER, 0),
			 0);
	assert_int_equal(rig_asked.disabled, 1);
	assert_true(guest_apic_on(vcpu_of(0)));
	assert_int_equal(query(0), 0x100000001);
	assert_int_equal(call(0, SVSM_APIC_CONFIGURE, SVSM_APIC_REGISTER, 0),
			 SVSM_ERR_APIC_CANNOT_REGISTER);
	assert_int_equal(call(0, SVSM_APIC_CONFIGURE, SVSM_APIC_QUERY, 0), 0);
	assert_int_equal(rig_asked.disabled, 2);
	assert_false(guest_apic_on(vcpu_of(0)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(creation_resets),
		TEST(creation_without_it),
		TEST(creation_spares_areas),
		TEST(leaves_with_everything),
		TEST(leaves_open),
		TEST(others_leave_when_they_ask),
	};

	return cmocka_run_group_tests_name("svsm_handoff", tests, NULL, NULL);
}
