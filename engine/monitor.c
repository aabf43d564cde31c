// SPDX-License-Identifier: MIT
#include <string.h>

#include "engine/monitor.h"

void monitor_look(struct session *s, const void *page)
{
	const struct monitor_info *info = page;

	if (!page || info->magic != MONITOR_MAGIC ||
	    info->version != MONITOR_VERSION ||
	    info->cpus > MONITOR_CPUS_MAX || info->cpu_area % PAGE_SIZE)
		return;
	s->monitor_area = info->cpu_area;
	s->monitor_cpus = info->cpus;
}

const struct apic_counters *monitor_counters(void *session, unsigned int vcpu)
{
	static union {
		struct counters counters;
		u8 bytes[MONITOR_COUNTERS_BYTES];
	} copy;
	struct session *s = session;
	u64 at = s->monitor_area + vcpu * MONITOR_CPU_BYTES + MONITOR_COUNTERS;
	const void *page;

	if (vcpu >= s->monitor_cpus)
		return NULL;
	for (u64 n = 0; n < sizeof(copy); n += PAGE_SIZE) {
		page = s->engine->ops->ram(s->ctx, at + n);
		if (!page)
			return NULL;
		memcpy(copy.bytes + n, page, PAGE_SIZE);
	}
	return copy.counters.magic == COUNTERS_MAGIC ? &copy.counters.apic :
						       NULL;
}
