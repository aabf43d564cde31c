// SPDX-License-Identifier: MIT
/*
 * A vCPU under Alternate Injection, seen from the monitor's run loop: what is
 * presented and settled, calls, IPIs, CREATE_VCPU, and the end. The test plays
 * silicon (the VMSA), host (the descriptor) and guest (its calling area).
 */
#include "arch/svm.h"
#include "tests/svsm_rig.h"

#define FEATURES	(SEV_FEATURE_SNP | SEV_FEATURE_ALTERNATE)
#define CA(cpu)		(0x20000ull + (cpu) * 0x1000)
#define VMSA(cpu)	(0x30000ull + (cpu) * 0x1000)
#define BYTE(cpu)	rig_memory[CA(cpu) + 2]
#define EDGE		0x41
#define HIGH		0x61
#define IPI		0xfb

static struct vmsa vmsa[RIG_CPUS];
static struct doorbell page[RIG_CPUS];
static struct apic_counters counts[RIG_CPUS];

static struct guest_apic *apic_of(u32 cpu)
{
	return &vcpu_of(cpu)->apic;
}

static int setup(void **state)
{
	rig_setup(state);
	memset(page, 0, sizeof(page));
	memset(counts, 0, sizeof(counts));
	for (u32 i = 0; i < RIG_CPUS; i++) {
		vmsa[i] = (struct vmsa){
			.rflags = RFLAGS_IF,
			.sev_features = FEATURES,
			.vintr_ctrl = VINTR_VGIF | VINTR_NMI_ENABLE,
		};
		assert_true(guest_apic_init(i, &page[i], true, &counts[i]));
		vcpu_of(i)->ca = CA(i);
		vcpu_of(i)->vmsa = VMSA(i);
	}
	return 0;
}

static u64 call_regs(u32 cpu, u32 protocol, u32 number, u64 *rcx, u64 *rdx)
{
	struct svsm_call call = {
		.rax = (u64)protocol << 32 | number,
		.rcx = *rcx,
		.rdx = *rdx,
		.features = vmsa[cpu].sev_features,
		.cpu = cpu,
	};

	vcpu_of(cpu)->lock = 1;
	assert_null(guest_apic_settle(vcpu_of(cpu), &vmsa[cpu]));
	protocol_serve(&call);
	if (call.leave)
		guest_apic_leave(vcpu_of(cpu), &vmsa[cpu]);
	vcpu_of(cpu)->lock = 0;
	*rcx = call.rcx;
	*rdx = call.rdx;
	return call.rax;
}

static u64 call(u32 cpu, u32 number, u64 rcx, u64 rdx)
{
	return call_regs(cpu, SVSM_PROTOCOL_APIC, number, &rcx, &rdx);
}

static u64 query(u32 cpu)
{
	u64 rcx = (u64)SVSM_PROTOCOL_APIC << 32 | SVSM_APIC_VERSION, rdx = 0;

	assert_int_equal(call_regs(cpu, SVSM_PROTOCOL_CORE,
				   SVSM_CORE_QUERY_PROTOCOL, &rcx, &rdx), 0);
	return rcx;
}

static u64 read_reg(u32 cpu, u32 offset)
{
	u64 rcx = X2APIC_MSR(offset), rdx = 0;

	assert_int_equal(call_regs(cpu, SVSM_PROTOCOL_APIC,
				   SVSM_APIC_READ_REGISTER, &rcx, &rdx), 0);
	return rdx;
}

static void write_reg(u32 cpu, u32 offset, u64 value)
{
	assert_int_equal(call(cpu, SVSM_APIC_WRITE_REGISTER,
			      X2APIC_MSR(offset), value), 0);
}

static void allow(u32 cpu, u8 vector)
{
	assert_int_equal(call(cpu, SVSM_APIC_CONFIGURE_VECTOR,
			      vector | SVSM_APIC_VECTOR_ENABLE, 0), 0);
}

static void host_posts(u32 cpu, u32 status)
{
	page[cpu].ext[RIG_VMPL - 1].status = status;
	page[cpu].per_vmpl_events = DOORBELL_EVENTS_VMPL(RIG_VMPL);
}

/* One turn of the loop up to Run VMPL; false: it would sleep. */
static bool turn(u32 cpu, bool halt)
{
	struct vcpu *v = vcpu_of(cpu);

	assert_null(guest_apic_settle(v, &vmsa[cpu]));
	if (!guest_apic_ready(v, &vmsa[cpu], halt))
		return false;
	guest_apic_enter(v, &vmsa[cpu]);
	return true;
}

/* The silicon's part: the vector in V_IRQ, taken; 0: none. */
static u8 guest_takes(u32 cpu)
{
	u64 ctl = vmsa[cpu].vintr_ctrl;

	if (!(ctl & VINTR_V_IRQ) || !(ctl & VINTR_VGIF) ||
	    !(vmsa[cpu].rflags & RFLAGS_IF) ||
	    (ctl & VINTR_PRIO) >> VINTR_PRIO_SHIFT <= (ctl & VINTR_TPR))
		return 0;
	vmsa[cpu].vintr_ctrl &= ~VINTR_V_IRQ;
	return ctl >> VINTR_VECTOR_SHIFT;
}

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

static void send(u32 from, u32 dest, u32 low)
{
	write_reg(from, APIC_ICR, (u64)dest << APIC_ICR_DEST_SHIFT | low);
}

static bool gets(u32 cpu, u8 vector)
{
	bool got;

	assert_true(turn(cpu, false));
	got = guest_takes(cpu) == vector;
	if (got)
		write_reg(cpu, APIC_EOI, 0);
	return got;
}

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

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

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
		TEST(creation_resets),
		TEST(creation_without_it),
		TEST(creation_spares_areas),
		TEST(leaves_with_everything),
		TEST(leaves_open),
		TEST(others_leave_when_they_ask),
	};

	return cmocka_run_group_tests_name("svsm_apic", tests, NULL, NULL);
}
