// SPDX-License-Identifier: MIT
/*
 * What Secure AVIC does not accelerate: accesses to registers (402h) and IPIs
 * (401h). Both are RDMSR or WRMSR of an x2APIC register, and are carried out
 * on the trusted APIC, which has taken everything back from the page by now.
 *
 * A fault is at the instruction, and hardware gives no NRIP: two bytes on. A
 * trap is behind it, the page written: should the value be illegal, RIP goes
 * back to where #GP belongs, and the page is made anew anyway.
 */
#include "svsm/paravisor.h"

static const char *refuse(struct paravisor_vcpu *v,
			  const struct backing_access *a)
{
	if (!a->fault)
		backing_back_up(v->vmsa);
	return emulate_gp(v);
}

static const char *finish(struct paravisor_vcpu *v,
			  const struct backing_access *a)
{
	if (a->fault)
		return emulate_skip(v);
	v->vmsa->vintr_ctrl &= ~VINTR_SHADOW;
	return NULL;
}

static const char *read_register(struct paravisor_vcpu *v,
				 const struct backing_access *a)
{
	struct apic_time now = v->guest->ops->now(v->cpu);
	u64 value;

	if (apic_read(&v->apic, APIC_VIEW_X2APIC, a->offset, now, &value) !=
	    APIC_OK)
		return refuse(v, a);
	v->vmsa->rax = (u32)value;
	v->vmsa->rdx = value >> 32;
	return finish(v, a);
}

/*
 * Hardware left the vector in service for its EOI to be carried out. Were it
 * gone already, only the host would have to be told.
 */
static bool is_ended(const struct paravisor_vcpu *v,
		     const struct backing_access *a)
{
	return a->offset == APIC_EOI && a->eoi >= APIC_FIRST_VECTOR &&
	       !(v->apic.isr[a->eoi >> 5] & BIT(a->eoi & 31));
}

static const char *write_register(struct paravisor_vcpu *v,
				  const struct backing_access *a)
{
	struct apic_time now = v->guest->ops->now(v->cpu);
	struct apic_effects fx = { .eoi_vector = a->eoi };

	if (is_ended(v, a))
		fx.eoi = apic_is_level(&v->apic, a->eoi);
	else if (apic_write(&v->apic, APIC_VIEW_X2APIC, a->offset, a->value,
			    now, &fx) != APIC_OK)
		return refuse(v, a);
	paravisor_effects(v, &fx);
	return finish(v, a);
}

const char *emulate_avic(struct paravisor_vcpu *v)
{
	struct backing_access a = backing_decode(v->vmsa);

	return a.write ? write_register(v, &a) : read_register(v, &a);
}
