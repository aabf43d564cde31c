/* SPDX-License-Identifier: MIT */
/* Checks of what the file says, and questions about it. Pure. */
#ifndef SVSM_INFO_H
#define SVSM_INFO_H

#include "arch/monitor.h"
#include "arch/snp.h"

/* The guest's memory ends below: what the direct map covers. */
#define MONITOR_GPA_END		(512ull << 30)

/* NULL, or what is wrong. */
const char *info_bad(const struct monitor_info *in);
const char *info_cpuid_bad(const struct monitor_info *in,
			   const struct snp_cpuid_page *page);

/* Does all of [gpa, gpa + bytes) belong to the guest, in one range? */
bool info_is_guest(const struct monitor_info *in, u64 gpa, u64 bytes);
/* The CPU with this APIC id. */
bool info_cpu_of(const struct monitor_info *in, u32 apic_id, u32 *index);

#endif
