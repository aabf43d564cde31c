// SPDX-License-Identifier: MIT
/*
 * MMIO of an unaware guest: a nested page fault where there is no memory. The
 * address is the fault's; the instruction is read from the guest and decoded.
 */
#include "core/insn.h"
#include "svsm/paravisor.h"

static bool is_apic(const struct paravisor_vcpu *v, u64 gpa)
{
	return apic_mode_of(&v->apic) == APIC_VIEW_XAPIC &&
	       (gpa & PAGE_MASK) == (v->apic.base & APIC_BASE_ADDR);
}

/* Reads of the page cannot fault: what is not there is 0 (APM 16.3.2). */
static bool access_apic(struct paravisor_vcpu *v, u32 offset, bool write,
			u64 *value)
{
	struct apic_time now = v->guest->ops->now(v->cpu);
	struct apic_effects fx;

	if (!write) {
		apic_read(&v->apic, APIC_VIEW_XAPIC, offset, now, value);
		return true;
	}
	apic_write(&v->apic, APIC_VIEW_XAPIC, offset, *value, now, &fx);
	paravisor_effects(v, &fx);
	return true;
}

static bool access(struct paravisor_vcpu *v, const struct insn *insn, u64 gpa,
		   u64 *value)
{
	bool write = insn_writes(insn);

	if (is_apic(v, gpa))
		return access_apic(v, gpa & ~PAGE_MASK, write, value);
	if (write)
		paravisor_learn_mmio(v, gpa, *value);
	return v->guest->ops->mmio(v->cpu, gpa, insn->size, write, value);
}

/* As much as can be read: the next page need not be there. */
static enum insn_result fetch(struct paravisor_vcpu *v, struct insn *insn)
{
	const struct vmsa *vmsa = v->vmsa;
	unsigned int mode = vmsa_mode(vmsa), n = INSN_MAX;
	u64 at = mode == 8 ? vmsa->rip : (u32)(vmsa->cs.base + vmsa->rip);
	unsigned int page = PAGE_SIZE - (at & ~PAGE_MASK);
	u8 bytes[INSN_MAX];

	if (!emulate_read(v, at, bytes, n)) {
		n = page < n ? page : 0;
		if (!emulate_read(v, at, bytes, n))
			return INSN_TRUNCATED;
	}
	return insn_decode(bytes, n, mode, insn);
}

/* Guest RAM that faulted is the host's doing and to be tried again. */
static bool is_ram(struct paravisor_vcpu *v, u64 gpa)
{
	u8 byte;

	return v->guest->ops->read(v->cpu, gpa, &byte, 1);
}

/*
 * A fault while an event was delivered is not the instruction's: the stack
 * or the IDT is on MMIO, and there is nothing to emulate.
 */
const char *emulate_npf(struct paravisor_vcpu *v)
{
	struct vmsa *vmsa = v->vmsa;
	enum insn_result result;
	struct insn insn;
	u64 value = 0;

	if (vmsa->exit_info1 & NPF_NOT_RESTARTABLE)
		return "guest-not-restartable";
	if (is_ram(v, vmsa->exit_info2))
		return NULL;
	if (vmsa->event_inj & EVENT_V)
		return "mmio-during-event-delivery";
	result = fetch(v, &insn);
	if (result != INSN_OK)
		return insn_result_name(result);
	if (insn_writes(&insn))
		value = insn_value(&insn, vmsa);
	if (!access(v, &insn, vmsa->exit_info2, &value))
		return "host-refuses-mmio";
	insn_finish(&insn, vmsa, value);
	return NULL;
}
