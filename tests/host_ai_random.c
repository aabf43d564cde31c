// SPDX-License-Identifier: MIT
/*
 * Random monitors and guests, hostile ones, against the host: two vCPUs with
 * VMPL 0 under Restricted and VMPL 2 under Alternate Injection, pages that
 * change under the host's hands. Nothing crashes, no APIC is in an impossible
 * state, no wake-up is lost, no private memory is written. Seeds are fixed.
 */
#include <string.h>

#include "tests/lib/host_hv_rig.h"
#include "tests/lib/rows.h"

#define SEEDS	150
#define STEPS	600
#define CPUS	2

static u64 state64;

static u32 dice(u32 sides)
{
	state64 ^= state64 << 13;
	state64 ^= state64 >> 7;
	state64 ^= state64 << 17;
	return (state64 >> 20) % sides;
}

static const u64 codes[] = {
	GHCB_DOORBELL, GHCB_HV_IPI, GHCB_HV_TIMER, GHCB_CONFIGURE_INJECTION,
	GHCB_DISABLE_ALTERNATE, GHCB_SPECIFIC_EOI, GHCB_RUN_VMPL,
	GHCB_RUN_VMPL, GHCB_RUN_VMPL,
};

static u64 info1_of(u64 code, unsigned int cpu)
{
	switch (code) {
	case GHCB_DOORBELL:
		return dice(6);
	case GHCB_HV_IPI:
		return (u64)dice(3) << 32 | dice(4) << 18 | dice(256);
	case GHCB_HV_TIMER:
		return dice(2) * 2 << 16 | dice(4) << 8 | dice(256);
	case GHCB_CONFIGURE_INJECTION:
		return dice(256);
	case GHCB_DISABLE_ALTERNATE:
		return dice(20) ? dice(2) : 2 << 16 | dice(256) << 8;
	case GHCB_SPECIFIC_EOI:
		return 2 << 16 | dice(256);
	default:
		return cpu + 1 && dice(4) ? 2 : dice(5);
	}
}

static void event(struct rig *r, unsigned int cpu)
{
	u64 code = codes[dice(ARRAY_SIZE(codes))];
	u64 info2 = code == GHCB_DOORBELL && dice(4) ? DOORBELL_AT(cpu) :
		    dice(1u << 30);

	rig_call(r, cpu, code, info1_of(code, cpu), info2);
}

/* Anything at any place that the host reads or writes. */
static void spoil(struct rig *r, unsigned int cpu)
{
	u8 *page = (u8 *)hv_page(r, cpu);

	if (dice(2))
		page[dice(4)] = dice(256);
	else
		page[0x80 + dice(0x40)] = dice(256);
}

/* A well-behaved moment. */
static void behave(struct rig *r, unsigned int cpu)
{
	if (machine_vmpl(r->m, cpu)) {
		rig_msr(r, cpu, GHCB_MSR_RUN_VMPL_REQ);
		return;
	}
	hv_take(r, cpu);
	hv_page(r, cpu)->per_vmpl_events = 0;
	memset(hv_ext(r, cpu), 0, sizeof(struct doorbell_ext));
	if (rig_ctx(r, cpu, 0)->ghcb_registered != NO_GPA)
		rig_wrmsr(r, cpu, X2APIC(APIC_EOI), 0);
}

static void flip(struct rig *r, unsigned int cpu)
{
	bool private = hv_is_private(r->m, DOORBELL_AT(cpu));

	rig_msr(r, cpu, (private ? 2ull : 1ull) << 52 | DOORBELL_AT(cpu) |
		GHCB_MSR_PSC_REQ);
}

static void guest(struct rig *r, unsigned int cpu)
{
	u64 ev;

	if (!hv_in_guest(r->m, cpu))
		return;
	switch (dice(8)) {
	case 0 ... 2:
		return event(r, cpu);
	case 3:
		if (!hv_is_private(r->m, DOORBELL_AT(cpu)))
			spoil(r, cpu);
		return;
	case 4:
		return behave(r, cpu);
	case 5:
		rig_hlt(r, cpu);
		return;
	case 6:
		if (!dice(8))
			return flip(r, cpu);
		/* fall through */
	default:
		if (script_boundary(&r->s, cpu, &ev) == EVENT_DELIVER)
			r->s.cpu[cpu].regs.rflags |= RFLAGS_IF;
	}
}

static void world(struct rig *r)
{
	switch (dice(6)) {
	case 0 ... 1:
		return host_msi(r->h, MSI_TO(dice(CPUS)), dice(256));
	case 2:
		return host_set_gsi(r->h, dice(24), dice(2));
	case 3:
		return dice(2) ? host_nmi(r->h, dice(CPUS)) :
		       host_machine_check(r->h, dice(CPUS));
	case 4:
		return rig_advance(r, dice(300000));
	default:
		rig_pump(r);
	}
}

static bool ready(const struct host_ctx *c)
{
	return c->state == CTX_RUNNABLE ||
	       (c->state == CTX_HALTED &&
		(c->hv.look || c->present->wants(c)));
}

static void check_vcpu(struct rig *r, unsigned int cpu)
{
	struct host_vcpu *v = &r->h->vcpu[cpu];

	for (unsigned int vmpl = 0; vmpl < SNP_VMPLS; vmpl++) {
		const struct host_ctx *c = &v->ctx[vmpl];

		assert_null(apic_check(&c->apic));
		if (host_ai_active(c))
			assert_int_equal(c->vmcb->event_inj & EVENT_V, 0);
		if (v->idle && !v->kicked && vmpl <= v->current)
			assert_false(ready(c));
	}
}

static void one(unsigned int seed)
{
	u8 private[PAGE_SIZE];
	struct rig r;

	state64 = seed * 0x9e3779b97f4a7c15ull;
	rig_ai(&r, CPUS);
	for (unsigned int pin = 0; pin < 24; pin++) {
		ioapic_write(&r.h->ioapic, IOAPIC_MMIO_SELECT, 0x10 + 2 * pin);
		ioapic_write(&r.h->ioapic, IOAPIC_MMIO_WINDOW,
			     (32 + dice(224)) | IOAPIC_RTE_LEVEL);
	}
	memcpy(private, script_ram(&r.s, VMSA_AT(0, 3)), PAGE_SIZE);
	for (int i = 0; i < STEPS && !r.stops; i++) {
		if (dice(3))
			guest(&r, dice(CPUS));
		else
			world(&r);
		for (unsigned int cpu = 0; cpu < CPUS; cpu++)
			check_vcpu(&r, cpu);
	}
	assert_int_equal(r.stops, 0);
	assert_memory_equal(private, script_ram(&r.s, VMSA_AT(0, 3)),
			    PAGE_SIZE);
	rig_free(&r);
}

static void random_guests(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= SEEDS; seed++)
		one(seed);
}

int main(void)
{
	ROW("random monitors and guests", random_guests);
	return rows_run("host: random doorbells");
}
