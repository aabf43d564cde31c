// SPDX-License-Identifier: MIT
/* Which protocols there are. What is not in the table is unsupported. */
#include "svsm/protocol.h"
#include "svsm/vcpu.h"

static const struct protocol protocols[] = {
	{ SVSM_PROTOCOL_CORE, SVSM_CORE_VERSION, SVSM_CORE_VERSION,
	  core_serve },
	{ SVSM_PROTOCOL_APIC, SVSM_APIC_VERSION, SVSM_APIC_VERSION,
	  guest_apic_serve },
};

static const struct protocol *find(u32 number)
{
	for (u32 i = 0; i < ARRAY_SIZE(protocols); i++)
		if (protocols[i].number == number)
			return &protocols[i];
	return NULL;
}

/* The APIC protocol is there for as long as the caller uses it. */
u64 protocol_versions(u32 cpu, u64 rcx)
{
	const struct protocol *p = find(rcx >> 32);
	u32 version = rcx;

	if (p && p->number == SVSM_PROTOCOL_APIC &&
	    !guest_apic_on(vcpu_of(cpu)))
		return 0;
	if (!p || version < p->min || version > p->max)
		return 0;
	return (u64)p->max << 32 | p->min;
}

void protocol_serve(struct svsm_call *call)
{
	const struct protocol *p = find(call->rax >> 32);

	if (p)
		call->rax = p->serve(call, (u32)call->rax);
	else
		call->rax = SVSM_ERR_UNSUPPORTED_PROTOCOL;
}
