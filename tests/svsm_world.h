/* SPDX-License-Identifier: MIT */
/*
 * A guest below the monitor that calls, creates, deletes and scribbles, and a
 * host that writes its descriptors, as bytes or a seed say: what is presented
 * was allowed or sent, priorities hold, the books agree, no VMSA is written
 * but where it may be, and the monitor's own memory not at all. Included once
 * in a program, which has world_broken().
 */
#ifndef TESTS_SVSM_WORLD_H
#define TESTS_SVSM_WORLD_H

#include "arch/svm.h"
#include "tests/svsm_rig.h"

#define WORLD		2000		/* steps until it is worn out */
#define POOL		0x20000ull	/* pages that the guest plays with */
#define POOL_PAGES	8
#define FIRST_VMSA	RIG_MONITOR
#define FEATURES	(SEV_FEATURE_SNP | SEV_FEATURE_ALTERNATE)

static struct doorbell page[RIG_CPUS];
static struct apic_counters counts[RIG_CPUS];
static bool allowed[RIG_CPUS][256];	/* once, since its VMSA was made */
static bool leveled[RIG_CPUS][256];	/* the host said so, once */
static bool sent[256];
static u32 presented, left, created, refused;
static u64 seed, random_state;
static unsigned int step;

/* Bytes in place of the seed; none are left: zeroes. */
static const u8 *bytes;
static size_t bytes_left;

static void world_broken(const char *what);

#define CHECK(cond) do {						\
	if (!(cond))							\
		world_broken(#cond);					\
} while (0)

static u64 from_bytes(void)
{
	u64 value = 0;
	size_t n = bytes_left < 4 ? bytes_left : 4;

	memcpy(&value, bytes, n);
	bytes += n;
	bytes_left -= n;
	return value * 0x9e3779b97f4a7c15ull;
}

static u64 any(void)
{
	if (bytes)
		return from_bytes();
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static u32 below(u32 n)
{
	return (any() >> 11) % n;
}

static bool once_in(u32 n)
{
	return !below(n);
}

/* Vectors of few classes, so that they meet. */
static u8 some_vector(void)
{
	static const u8 often[] = {
		0, 2, 14, 15, 16, 30, 31, 32, 0x41, 0x42, 0x4f, 0x61, 0x80,
		0xec, 0xfb, 0xff,
	};

	return once_in(4) ? any() : often[below(ARRAY_SIZE(often))];
}

static u64 pool_page(void)
{
	return POOL + below(POOL_PAGES) * PAGE_SIZE;
}

static struct vmsa *vmsa_of(u32 cpu)
{
	u64 gpa = vcpu_of(cpu)->vmsa;

	return gpa ? (struct vmsa *)(rig_memory + gpa) : NULL;
}

/* ---- calls -------------------------------------------------------------- */

static void note_call(u32 cpu, u32 number, u64 rcx, u64 rdx)
{
	struct vcpu *v = vcpu_of(cpu);

	if (number == SVSM_APIC_CONFIGURE_VECTOR &&
	    rcx & SVSM_APIC_VECTOR_ENABLE)
		for (u32 i = 31; i < 256; i++)
			allowed[cpu][i] |= rcx & SVSM_APIC_VECTOR_ALL ||
					   i == (rcx & 0xff);
	if (number == SVSM_APIC_WRITE_REGISTER &&
	    (rcx == X2APIC_MSR(APIC_ICR) || rcx == X2APIC_MSR(APIC_SELF_IPI)))
		sent[rdx & 0xff] = true;
	left += !guest_apic_on(v);
}

static void apic_arguments(u32 number, u64 *rcx, u64 *rdx)
{
	static const u16 registers[] = {
		APIC_ID, APIC_TPR, APIC_PPR, APIC_EOI, APIC_LDR, APIC_ICR,
		APIC_SELF_IPI, APIC_ISR, APIC_IRR, APIC_SVR,
	};

	*rcx = any();
	*rdx = some_vector();
	switch (number) {
	case SVSM_APIC_CONFIGURE:
		/* in every fourth world it ends */
		*rcx = seed % 4 ? SVSM_APIC_QUERY :
		       once_in(8) ? SVSM_APIC_DEREGISTER : SVSM_APIC_QUERY;
		break;
	case SVSM_APIC_CONFIGURE_VECTOR:
		*rcx = some_vector() | below(2) << 8 |
		       (once_in(30) ? BIT(9) : 0);
		break;
	default:
		*rcx = X2APIC_MSR(registers[below(ARRAY_SIZE(registers))]);
		if (*rcx == X2APIC_MSR(APIC_EOI) || !once_in(4))
			*rdx = *rcx == X2APIC_MSR(APIC_TPR) ||
			       *rcx == X2APIC_MSR(APIC_EOI) ? 0 : *rdx;
		if (*rcx == X2APIC_MSR(APIC_ICR))
			*rdx |= (u64)rig_apic_id(below(RIG_CPUS + 1)) << 32 |
				(u64)below(4) << APIC_ICR_SHORTHAND_SHIFT |
				(once_in(4) ? APIC_NMI <<
				 APIC_ICR_MODE_SHIFT : 0);
	}
}

static void serve(u32 cpu, struct svsm_call *call)
{
	struct vcpu *v = vcpu_of(cpu);

	call->features = vmsa_of(cpu)->sev_features;
	call->cpu = cpu;
	v->lock = 1;
	if (guest_apic_on(v))
		CHECK(!guest_apic_settle(v, vmsa_of(cpu)));
	protocol_serve(call);
	if (call->leave)
		guest_apic_leave(v, vmsa_of(cpu));
	v->lock = 0;
	CHECK(!vcpu_rmp_lock);
	refused += call->rax != SVSM_SUCCESS;
}

static void apic_call(u32 cpu)
{
	u32 number = below(6);
	struct svsm_call call = { .rax = 3ull << 32 | number };
	u64 rcx, rdx;

	apic_arguments(number, &rcx, &rdx);
	call.rcx = rcx;
	call.rdx = rdx;
	serve(cpu, &call);
	if (call.rax == SVSM_SUCCESS)
		note_call(cpu, number, rcx, rdx);
}

/* As guests do: by the byte if it is set. */
static void end(u32 cpu)
{
	struct svsm_call call = {
		.rax = 3ull << 32 | SVSM_APIC_WRITE_REGISTER,
		.rcx = X2APIC_MSR(APIC_EOI),
	};
	u64 at = vcpu_of(cpu)->ca + 2;

	if (rig_page(at)->validated && rig_memory[at])
		rig_memory[at] = 0;
	else
		serve(cpu, &call);
}

static u64 some_area(void)
{
	return pool_page() + below(PAGE_SIZE / 8) * 8;
}

static void create(u32 cpu)
{
	struct svsm_call call = {
		.rax = SVSM_CORE_CREATE_VCPU,
		.rcx = pool_page(),
		.rdx = some_area(),
	};
	u32 target = below(RIG_CPUS);
	struct vmsa v = {
		.vmpl = RIG_VMPL,
		.efer = EFER_SVME,
		.rflags = RFLAGS_IF,
		.sev_features = vmsa_of(cpu)->sev_features,
		.vintr_ctrl = any(),
		.exit_int_info = any(),
		.exit_code = any(),
	};

	call.r8 = rig_apic_id(target);
	if (!rig_page(call.rcx)->vmsa)
		rig_write(call.rcx, &v, sizeof(v));
	serve(cpu, &call);
	if (call.rax)
		return;
	created++;
	memset(allowed[target], 0, sizeof(allowed[target]));
}

static void core_call(u32 cpu)
{
	struct svsm_call call = { .rcx = pool_page(), .rdx = any() };
	struct {
		struct svsm_pvalidate header;
		u64 entry;
	} list = { .header.entries = 1 };

	switch (below(4)) {
	case 0:
		call.rax = SVSM_CORE_REMAP_CA;
		call.rcx = some_area();
		break;
	case 1:
		call.rax = SVSM_CORE_DELETE_VCPU;
		break;
	case 2:
		call.rax = SVSM_CORE_PVALIDATE;
		call.rcx = RIG_LIST;
		list.entry = pool_page() | below(2) << 2 | BIT(3);
		rig_write(RIG_LIST, &list, sizeof(list));
		break;
	default:
		return create(cpu);
	}
	serve(cpu, &call);
}

/* ---- host and guest, without a call ------------------------------------- */

static void host_writes(u32 cpu)
{
	struct doorbell_ext *ext = &page[cpu].ext[RIG_VMPL - 1];
	u8 vector = some_vector();

	ext->status = vector | (any() & ~0xffu & (once_in(3) ? ~0u :
		      DOORBELL_EXT_LEVEL | DOORBELL_EXT_MULTIPLE));
	leveled[cpu][vector] |= ext->status & DOORBELL_EXT_LEVEL;
	ext->irr[below(7)] = any();
	page[cpu].per_vmpl_events = once_in(4) ? any() :
				    DOORBELL_EVENTS_VMPL(RIG_VMPL);
}

/* Only what is not the monitor's: neither a VMSA nor taken away. */
static void guest_scribbles(u32 cpu)
{
	u64 at = once_in(2) ? vcpu_of(cpu)->ca + below(8) :
			      pool_page() + below(PAGE_SIZE);

	if (!rig_page(at)->vmsa)
		rig_memory[at] = once_in(2) ? 0 : any();
}

static bool takes(struct vmsa *v)
{
	u64 ctl = v->vintr_ctrl;

	return ctl & VINTR_V_IRQ && v->rflags & RFLAGS_IF &&
	       (ctl & VINTR_PRIO) >> VINTR_PRIO_SHIFT > (ctl & 0xf);
}

static void silicon_runs(struct vmsa *v)
{
	u8 vector = v->vintr_ctrl >> VINTR_VECTOR_SHIFT;

	v->event_inj = 0;
	if (once_in(v->rflags & RFLAGS_IF ? 6 : 2))
		v->rflags ^= RFLAGS_IF;
	if (once_in(3))
		v->vintr_ctrl = (v->vintr_ctrl & ~0xfull) |
				(once_in(4) ? below(16) : 0);
	if (v->vintr_ctrl & VINTR_V_NMI &&
	    !(v->vintr_ctrl & VINTR_NMI_MASK))
		v->vintr_ctrl ^= VINTR_V_NMI | VINTR_NMI_MASK;
	else if (once_in(3))
		v->vintr_ctrl &= ~VINTR_NMI_MASK;
	if (!takes(v))
		return;
	v->vintr_ctrl &= ~VINTR_V_IRQ;
	if (once_in(4))
		v->exit_int_info = event_make(EVENT_INTR, vector);
	presented++;
}

static void turn(u32 cpu)
{
	struct vmsa *v = vmsa_of(cpu);
	struct guest_apic *a = &vcpu_of(cpu)->apic;
	int top;
	u8 vector;

	if (!guest_apic_on(vcpu_of(cpu)))
		return;
	CHECK(!guest_apic_settle(vcpu_of(cpu), v));
	if (!guest_apic_ready(vcpu_of(cpu), v, once_in(20)))
		return;
	guest_apic_enter(vcpu_of(cpu), v);
	vector = v->vintr_ctrl >> VINTR_VECTOR_SHIFT;
	top = apic_in_service(&a->apic);
	if (v->vintr_ctrl & VINTR_V_IRQ) {
		CHECK(vector >= 16);
		CHECK(sent[vector] || allowed[cpu][vector]);
		CHECK(top < 0 || vector >> 4 > top >> 4);
	}
	CHECK(!(v->vintr_ctrl & (VINTR_BUSY | VINTR_IGN_TPR)));
	if (!once_in(4))
		silicon_runs(v);
}

/* ---- judgement ---------------------------------------------------------- */

static void books_agree(u32 cpu, u32 i)
{
	const struct apic *a = &vcpu_of(cpu)->apic.apic;
	const struct apic_vector_count *c = &counts[cpu].vector[i];

	CHECK(c->posted == c->refused + c->coalesced + c->discarded +
	      c->presented + !!(a->irr[i / 32] & BIT(i % 32)));
	CHECK(c->presented == c->eoi + c->aborted +
	      !!(a->isr[i / 32] & BIT(i % 32)));
}

static void vmsa_intact(u32 cpu)
{
	const struct vmsa *v = vmsa_of(cpu);

	if (!v)
		return;
	CHECK(v->vmpl == RIG_VMPL);
	CHECK(v->efer == EFER_SVME);
	CHECK((v->sev_features | SEV_FEATURE_ALTERNATE) == FEATURES);
	CHECK(guest_apic_on(vcpu_of(cpu)) ==
	      (v->sev_features == FEATURES));
	CHECK(!vcpu_ca_in(vcpu_of(cpu)->vmsa));
}

static void world_judge(void)
{
	for (u32 cpu = 0; cpu < RIG_CPUS; cpu++) {
		CHECK(!apic_check(&vcpu_of(cpu)->apic.apic));
		vmsa_intact(cpu);
		for (u32 i = 0; i < 256; i++)
			books_agree(cpu, i);
	}
	if (rig_asked.specific_eois) {
		bool any_level = false;

		for (u32 cpu = 0; cpu < RIG_CPUS; cpu++)
			any_level |= leveled[cpu][rig_asked.specific_eoi];
		CHECK(any_level);
	}
	for (u64 at = FIRST_VMSA + PAGE_SIZE; at < FIRST_VMSA + 0x4000; at++)
		CHECK(rig_memory[at] == 0x5a);
}

/* ---- worlds ------------------------------------------------------------- */

static void world_begin(void)
{
	void *nothing;
	void **state = &nothing;
	struct vmsa v = {
		.vmpl = RIG_VMPL, .efer = EFER_SVME, .rflags = RFLAGS_IF,
		.sev_features = FEATURES,
		.vintr_ctrl = VINTR_VGIF | VINTR_NMI_ENABLE,
	};

	rig_teardown(state);
	rig_setup(state);
	memset(page, 0, sizeof(page));
	memset(counts, 0, sizeof(counts));
	memset(allowed, 0, sizeof(allowed));
	memset(leveled, 0, sizeof(leveled));
	memset(sent, 0, sizeof(sent));
	memset(rig_memory + FIRST_VMSA, 0x5a, 0x4000);
	rig_write(FIRST_VMSA, &v, sizeof(v));
	for (u32 i = 0; i < RIG_CPUS; i++)
		assert_true(guest_apic_init(i, &page[i], true, &counts[i]));
	vcpu_of(0)->vmsa = FIRST_VMSA;
	vcpu_of(0)->ca = POOL;
}

static void world_step(void)
{
	u32 cpu = below(RIG_CPUS);

	if (once_in(3))
		host_writes(below(RIG_CPUS));
	/* One cannot delete itself, so there is always another one. */
	while (!vmsa_of(cpu))
		cpu = (cpu + 1) % RIG_CPUS;
	/* who halts does nothing but wake up */
	if (vcpu_of(cpu)->apic.halted && once_in(10))
		vcpu_of(cpu)->apic.apic.nmi_pending = true;
	if (vcpu_of(cpu)->apic.halted)
		return turn(cpu);
	switch (below(12)) {
	case 0 ... 3:
		apic_call(cpu);
		break;
	case 4:
		core_call(cpu);
		break;
	case 5:
		guest_scribbles(cpu);
		break;
	case 6:
	case 7:
		end(cpu);
		break;
	default:
		turn(cpu);
	}
}

#endif
