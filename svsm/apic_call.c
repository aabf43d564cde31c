// SPDX-License-Identifier: MIT
/*
 * The APIC protocol (58019), and what its calls do beyond the caller's APIC:
 * IPIs. Whom an IPI is for and what it is stands in private memory; the host
 * learns whom to wake, and not even that if the target knows already.
 */
#include "svsm/protocol.h"
#include "svsm/vcpu.h"

/* Without a VMSA, or with its APIC at the host, it gets nothing from here. */
static bool reachable(const struct vcpu *v)
{
	return __atomic_load_n(&v->vmsa, __ATOMIC_ACQUIRE) && guest_apic_on(v);
}

/*
 * One for all who have to be told: if these are several, by the guest's own
 * addressing, which finds the same vCPUs at VMPL 0. The vector is ours.
 */
static struct irq_msg kick_for(const struct irq_msg *msg, u32 kicks, u32 last)
{
	struct irq_msg kick = *msg;

	if (kicks == 1)
		return (struct irq_msg){ .dest = last, .wide = true };
	if (msg->shorthand == APIC_DEST_ALL)
		kick.shorthand = APIC_DEST_OTHERS;
	return kick;
}

static void send(struct vcpu *from, const struct irq_msg *msg)
{
	u32 kicks = 0, last = 0;
	struct irq_msg kick;

	for (u32 i = 0; i < info.cpus; i++) {
		struct vcpu *to = vcpu_of(i);

		if (!reachable(to) ||
		    !apic_match(&to->apic.apic, msg, &from->apic.apic))
			continue;
		if (mailbox_post(&to->apic.box, msg) && to != from) {
			last = info.apic_id[i];
			kicks++;
		}
	}
	if (!kicks)
		return;
	kick = kick_for(msg, kicks, last);
	inject_kick(&kick);
}

u64 guest_apic_serve(struct svsm_call *call, u32 number)
{
	struct vcpu *v = vcpu_of(call->cpu);
	struct svsm_apic_reply reply;
	u64 result = svsm_apic_call(&v->apic.protocol, number, call->rcx,
				    call->rdx, &reply);

	call->rcx = reply.rcx;
	call->rdx = reply.rdx;
	call->leave = reply.disable;
	if (reply.fx.ipi)
		send(v, &reply.fx.msg);
	if (reply.fx.eoi)
		inject_specific_eoi(reply.fx.eoi_vector);
	return result;
}
