// SPDX-License-Identifier: MIT
/*
 * Restricted Injection: registration of the doorbell page, and the IPI that
 * goes with it. docs/ghcb.md.
 */
#include "host/ghcb.h"

static void forget(struct host_ctx *c)
{
	host_ri_withdraw(c);
	c->doorbell = NO_GPA;
}

/*
 * SET first forgets the old page, so a failed one leaves none, and so does an
 * unknown operation (as KVM). Unlike KVM, only a VMPL that runs under
 * Restricted Injection may have a doorbell page.
 */
void host_ghcb_doorbell(struct ghcb_call *call)
{
	struct host_ctx *c = call->ctx;
	enum hv_mem why;

	if (!(c->features & SEV_FEATURE_RESTRICTED))
		return host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT,
					"Restricted Injection is off");
	switch (call->info1) {
	case DOORBELL_GET_PREFERRED:
		call->result2 = NO_GPA;
		return;
	case DOORBELL_QUERY:
		call->result2 = c->doorbell;
		return;
	case DOORBELL_CLEAR:
		forget(c);
		call->result2 = call->info2;
		return;
	case DOORBELL_SET:
		forget(c);
		if (call->info2 & ~PAGE_MASK ||
		    !hv_map(call->host->m, call->info2, &why))
			break;
		c->doorbell = call->info2;
		call->result2 = call->info2;
		return;
	default:
		forget(c);
	}
	host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT, "doorbell page");
}

/*
 * Another VMPL's: only VMPL 0, and only where it makes vCPUs look into their
 * backing pages; no vector comes from here. NULL: neither.
 */
static struct host_ctx *sender(struct ghcb_call *call)
{
	struct host_ctx *c = call->ctx;

	if (!call->info2)
		return c;
	if (c->vmpl || call->info2 >= SNP_VMPLS)
		return NULL;
	c = &c->vcpu->ctx[call->info2];
	return host_ctx_has_vmsa(c) && host_savic_active(c) ? c : NULL;
}

/*
 * INFO1 is an ICR value in x2APIC format whatever mode the APIC is in: KVM
 * loses the destination in xAPIC mode, which is a defect and not a contract.
 * INFO2 is the VMPL whose vCPUs it is for, 0 the caller's own (ours).
 */
void host_ghcb_hv_ipi(struct ghcb_call *call)
{
	struct host_ctx *c = sender(call);
	struct irq_msg msg;

	if (!c)
		return host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT, "VMPL");
	if (apic_mode_of(&c->apic) == APIC_VIEW_NONE ||
	    apic_decode_icr(call->info1, true, &msg) != APIC_OK)
		return host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT, "ICR");
	host_irq_ipi(c, &msg);
}
