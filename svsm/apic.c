// SPDX-License-Identifier: MIT
/*
 * Between two runs of a vCPU under Alternate Injection. The host has no part
 * in it but the descriptor, from which the guest's filter takes what it lets
 * through; the VMSA is written here and by the silicon, by nobody else.
 */
#include "arch/snp.h"
#include "svsm/protocol.h"
#include "svsm/rmp.h"
#include "svsm/vcpu.h"

#define CA_EOI		offsetof(struct svsm_ca, no_eoi_required)

/* Who uses Alternate Injection: the drawing is in core/svsm_apic.h. */
static u32 users;

bool guest_apic_on(const struct vcpu *v)
{
	return __atomic_load_n(&v->apic.protocol.on, __ATOMIC_RELAXED);
}

/* ---- life ---------------------------------------------------------------- */

bool guest_apic_init(u32 index, struct doorbell *page, bool on,
		     struct apic_counters *count)
{
	struct guest_apic *a = &vcpu_of(index)->apic;

	users = on ? SVSM_APIC_ENABLED : SVSM_APIC_DISABLED;
	*a = (struct guest_apic){ .page = page };
	if (!svsm_apic_init(&a->protocol, &a->apic, info.apic_id[index],
			    &users, count))
		return false;
	a->protocol.on = on;
	return true;
}

/* What was meant for the vCPU before it had this VMSA is gone, as with INIT. */
void guest_apic_reset(struct vcpu *v, bool on, u8 cr8)
{
	struct guest_apic *a = &v->apic;

	mailbox_drain(&a->box, &a->apic);
	/* For the books: what was pending has been discarded. */
	apic_reset(&a->apic, APIC_RESET_POWER_UP);
	svsm_apic_init(&a->protocol, &a->apic, a->apic.config.id, &users,
		       a->apic.count);
	apic_write_cr8(&a->apic, cr8);
	a->present = (struct present){ 0 };
	a->halted = false;
	__atomic_store_n(&a->protocol.on, on, __ATOMIC_RELAXED);
}

/* ---- around one run ------------------------------------------------------ */

/*
 * The byte in the calling area is the guest's memory, which may be gone: it
 * is exchanged here, and core/ gets a copy. Then the guest's EOI was not
 * seen, and it will send another.
 */
const char *guest_apic_settle(struct vcpu *v, struct vmsa *vmsa)
{
	static const char *const reasons[] = {
		[PRESENT_OK] = NULL,
		[PRESENT_UNTAKEN] = "an interrupt was taken that was not "
				    "queued",
		[PRESENT_BAD_EVENT] = "an illegal event was interrupted",
	};
	struct guest_apic *a = &v->apic;
	enum present_result result;
	bool there;
	u8 byte;

	there = a->present.lazy && guest_take(v->ca + CA_EOI, &byte);
	result = present_settle(&a->present, &a->apic, vmsa,
				there ? &byte : NULL);
	if (a->present.level_eoi)
		inject_specific_eoi(a->present.level_eoi);
	a->present.level_eoi = 0;
	return reasons[result];
}

static void take_new(struct guest_apic *a)
{
	struct doorbell_drain drain;

	mailbox_drain(&a->box, &a->apic);
	if (doorbell_drain(a->page, info.guest_vmpl, &a->apic, &drain))
		doorbell_apply(&drain, &a->apic);
}

bool guest_apic_ready(struct vcpu *v, const struct vmsa *vmsa, bool halt)
{
	struct guest_apic *a = &v->apic;

	a->halted |= halt;
	take_new(a);
	if (a->halted && present_wakes(&a->apic, vmsa))
		a->halted = false;
	return !a->halted;
}

/* No byte, no elided EOI. */
void guest_apic_enter(struct vcpu *v, struct vmsa *vmsa)
{
	struct guest_apic *a = &v->apic;
	u8 byte = 0;

	present_enter(&a->present, &a->apic, vmsa, &byte);
	present_unpark(vmsa);
	if (a->present.lazy && !guest_write(v->ca + CA_EOI, &byte, 1))
		a->present.lazy = false;
}

/* ---- the end ------------------------------------------------------------- */

/*
 * Everything that is pending or in service goes into the descriptor, TPR, IF
 * and the shadow into the request. The bit in the VMSA first: with it the
 * silicon would ignore what the host then offers. What cannot be said there
 * is lost: vectors 16 to 30, which only the guest can have sent itself.
 */
void guest_apic_leave(struct vcpu *v, struct vmsa *vmsa)
{
	struct guest_apic *a = &v->apic;
	u64 info1 = (u64)info.guest_vmpl << DISABLE_ALTERNATE_VMPL_SHIFT |
		    (u64)a->apic.tpr << DISABLE_ALTERNATE_TPR_SHIFT;

	__atomic_store_n(&a->protocol.on, false, __ATOMIC_RELAXED);
	take_new(a);
	present_withdraw(&a->apic, vmsa);
	doorbell_handoff(a->page, info.guest_vmpl, &a->apic);
	if (vmsa->rflags & RFLAGS_IF)
		info1 |= DISABLE_ALTERNATE_IF;
	if (vmsa->vintr_ctrl & VINTR_SHADOW)
		info1 |= DISABLE_ALTERNATE_SHADOW;
	vmsa->vintr_ctrl = 0;
	vmsa->event_inj = 0;
	vmsa->sev_features &= ~SEV_FEATURE_ALTERNATE;
	inject_disable(info1);
	/* It is in the host's books now. */
	apic_reset(&a->apic, APIC_RESET_POWER_UP);
	a->halted = false;
}
