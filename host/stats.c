// SPDX-License-Identifier: MIT
#include "host/internal.h"

#define SLOT_GHCB	0x100
#define SLOT_HIGH	(SLOT_GHCB + 0x20)
#define SLOT_MSR	(SLOT_HIGH + 0x10)
#define SLOT_OTHER	(SLOT_MSR + 0x101)

unsigned int host_event_slot(u64 code)
{
	if (code < 0x100)
		return code;
	if (code >= 0x80000000 && code < 0x80000020)
		return SLOT_GHCB + (code - 0x80000000);
	if (code >= 0x8000fff0 && code <= 0x8000ffff)
		return SLOT_HIGH + (code - 0x8000fff0);
	if (code >= HOST_EVENT_MSR && code <= HOST_EVENT_MSR + 0x100)
		return SLOT_MSR + (code - HOST_EVENT_MSR);
	return SLOT_OTHER;
}

u64 host_slot_event(unsigned int slot)
{
	if (slot < SLOT_GHCB)
		return slot;
	if (slot < SLOT_HIGH)
		return 0x80000000ull + (slot - SLOT_GHCB);
	if (slot < SLOT_MSR)
		return 0x8000fff0ull + (slot - SLOT_HIGH);
	if (slot < SLOT_OTHER)
		return HOST_EVENT_MSR + (slot - SLOT_MSR);
	return HOST_EVENT_OTHER;
}

unsigned int host_exit_slot(u64 code)
{
	if (code < 0x100)
		return code;
	if (code >= 0x400 && code < 0x410)
		return 0x100 + (code - 0x400);
	return HOST_EXITS - 1;
}

u64 host_slot_exit(unsigned int slot)
{
	if (slot < 0x100)
		return slot;
	return slot < 0x110 ? 0x400ull + (slot - 0x100) : EXIT_INVALID;
}

const struct host_vcpu_stats *host_stats(const struct host *h,
					 unsigned int vcpu)
{
	return vcpu < h->config.vcpus ? &h->vcpu[vcpu].stats : NULL;
}

const struct apic_counters *host_vectors(const struct host *h,
					 unsigned int vcpu, unsigned int vmpl)
{
	if (vcpu >= h->config.vcpus || vmpl >= SNP_VMPLS)
		return NULL;
	return &h->vcpu[vcpu].ctx[vmpl].count;
}

const char *host_reason_name(const struct host *h, unsigned int index,
			     u64 *count)
{
	if (index >= HOST_REASONS || !h->reason[index].name)
		return NULL;
	*count = h->reason[index].count;
	return h->reason[index].name;
}
