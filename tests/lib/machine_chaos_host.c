// SPDX-License-Identifier: MIT
/*
 * The hostile host: VMCBs full of nonsense, pages taken and given, kicks.
 */
#include <string.h>

#include "tests/lib/machine_chaos.h"
#include "tests/lib/rows.h"

static u64 bits(struct chaos *c)
{
	return (u64)chaos_random(c, ~0u) << 32 | chaos_random(c, ~0u);
}

/* The host's events never carry the guest's tag. */
static u64 some_event(struct chaos *c)
{
	u64 event = EVENT_V | chaos_random(c, 0x1000);

	switch (chaos_random(c, 4)) {
	case 0:
		return event_make(EVENT_EXCEPTION, VECTOR_HV);
	case 1:
		return event_make(EVENT_INTR, chaos_random(c, 256));
	case 2:
		return 0;
	default:
		return event | (u64)chaos_random(c, 0x100) << 32;
	}
}

/* Back to what lets the guest run, apart from what is asked of it. */
static void make_sane(struct vmcb *vmcb, unsigned int cpu, unsigned int vmpl)
{
	vmcb->allowed_sev_features = FEATURES_ALL | ALLOWED_FEATURES_ENABLE;
	vmcb->vmsa_pa = VMSA_AT(cpu, vmpl);
	vmcb->int_ctl = VINTR_MASKING;
	vmcb->event_inj = 0;
	vmcb->intercept[3] = 0;
}

static void ask(struct chaos *c, struct vmcb *vmcb)
{
	vmcb->update_irr = chaos_random(c, 4) != 0;
	for (int i = 0; i < 8; i++)
		if (!chaos_random(c, 4))
			vmcb->requested_irr[i] |= bits(c) & bits(c);
	if (!chaos_random(c, 3))
		vmcb->event_inj = some_event(c);
	if (!chaos_random(c, 3)) {
		vmcb->int_ctl |= bits(c) & ~(u64)VINTR_AVIC;
		vmcb->int_vector = chaos_random(c, 256);
	}
	vmcb->intercept[5] = chaos_random(c, 2) ? BIT(6) : 0;
}

static void spoil(struct chaos *c, struct vmcb *vmcb)
{
	switch (chaos_random(c, 6)) {
	case 0:
		vmcb->vmsa_pa = chaos_random(c, 0x40) << 12;
		break;
	case 1:
		vmcb->vmsa_pa = bits(c);
		break;
	case 2:
		vmcb->allowed_sev_features = bits(c);
		break;
	case 3:
		vmcb->int_ctl = bits(c);
		vmcb->int_state = bits(c);
		break;
	case 4:
		vmcb->event_inj = bits(c) & 0xffffffffffull;
		break;
	default:
		vmcb->intercept[3] = bits(c);
		vmcb->intercept[5] = bits(c);
		break;
	}
}

struct vmcb *chaos_run(struct script *s, unsigned int cpu,
		       struct vmcb *exited)
{
	struct chaos *c = s->test;
	unsigned int vmpl = chaos_random(c, 2) * 2, owner = cpu;
	struct vmcb *vmcb;

	if (exited && (s64)exited->exit_code < 0) {
		c->refused++;
		/* A VMCB that could not enter is not one that runs. */
		CHAOS_CHECK(c, !hv_in_guest(s->m, cpu));
	}
	if (!chaos_random(c, 4))
		chaos_host_step(c);
	if (++c->tries > 4 || !chaos_random(c, 12)) {
		c->tries = 0;
		return NULL;
	}
	if (!chaos_random(c, 20))
		owner = chaos_random(c, SCRIPT_CPUS);
	vmcb = s->vmcb[owner][vmpl];
	/* Of a VMCB that runs the host may spoil nothing that counts. */
	if (!hv_in_guest(s->m, owner)) {
		make_sane(vmcb, owner, vmpl);
		ask(c, vmcb);
		if (!chaos_random(c, 8))
			spoil(c, vmcb);
	}
	return vmcb;
}

static u64 some_page(struct chaos *c)
{
	switch (chaos_random(c, 4)) {
	case 0:
		return LARGE_AT + chaos_random(c, 1024) * PAGE_SIZE;
	case 1:
		return PRIVATE_AT + chaos_random(c, 8) * PAGE_SIZE;
	case 2:
		return HIGH + chaos_random(c, 4) * PAGE_SIZE;
	default:
		return chaos_random(c, 0x40) * PAGE_SIZE;
	}
}

/* What the host reads is never what the guest holds in private. */
static void peek(struct chaos *c, u64 gpa)
{
	u64 page[PAGE_SIZE / 8];
	bool private = hv_is_private(c->s.m, gpa);
	enum hv_mem got = hv_read(c->s.m, gpa, page, sizeof(page));

	CHAOS_CHECK(c, !private || got == HV_PRIVATE);
	CHAOS_CHECK(c, machine_dma_allowed(c->s.m, gpa) == (got == HV_OK));
	if (got != HV_OK)
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(page); i++)
		CHAOS_CHECK(c, page[i] != CHAOS_SECRET);
}

static void change_page(struct chaos *c, u64 gpa)
{
	bool critical = gpa < LARGE_AT;
	bool large = !critical && !chaos_random(c, 400);

	/* Most of the time the guest's own pages are left to it. */
	if (critical && chaos_random(c, 150))
		return;
	switch (chaos_random(c, 5)) {
	case 0:
		hv_psmash(c->s.m, gpa & ~(PAGE_2M - 1));
		break;
	case 1:
		hv_unsmash(c->s.m, gpa & ~(PAGE_2M - 1));
		break;
	case 2:
		hv_npt_present(c->s.m, gpa, chaos_random(c, 2));
		break;
	default:
		if (large)
			gpa &= ~(PAGE_2M - 1);
		if (hv_rmpupdate(c->s.m, gpa, large, chaos_random(c, 2)) ==
		    HV_RMP_OK && critical)
			c->stolen++;
		break;
	}
}

void chaos_host_step(struct chaos *c)
{
	u64 gpa = some_page(c), word = bits(c);
	unsigned int cpu = chaos_random(c, SCRIPT_CPUS);

	switch (chaos_random(c, 6)) {
	case 0:
		hv_kick(c->s.m, cpu);
		break;
	case 1:
		hv_doorbell(c->s.m, cpu);
		break;
	case 2:
		CHAOS_CHECK(c, hv_write(c->s.m, gpa + 8, &word, 8) !=
			    HV_OK || !hv_is_private(c->s.m, gpa));
		break;
	case 3:
		change_page(c, gpa);
		break;
	default:
		peek(c, gpa);
		break;
	}
}
