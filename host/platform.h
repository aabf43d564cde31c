/* SPDX-License-Identifier: MIT */
/*
 * What the hypervisor asks of the box around it: a clock, timers, port and
 * memory-mapped devices, the CPU's own CPUID, a console for its log, a way
 * to end the run. All calls are made under the machine lock.
 */
#ifndef HOST_PLATFORM_H
#define HOST_PLATFORM_H

#include "arch/types.h"

struct host_timer;

struct host_platform {
	/* Virtual time in nanoseconds since launch; the TSC that guests see. */
	u64 (*now)(void *platform);
	u64 (*tsc)(void *platform);
	u64 (*tsc_hz)(void *platform);

	/* One-shot timers; @fn runs under the machine lock, on any thread. */
	struct host_timer *(*timer_new)(void *platform, void (*fn)(void *arg),
					void *arg);
	void (*timer_arm)(struct host_timer *timer, u64 deadline);
	void (*timer_cancel)(struct host_timer *timer);
	void (*timer_free)(struct host_timer *timer);

	/* Devices. @size 1, 2, 4 or 8 bytes; absent devices read all ones. */
	u64 (*port_read)(void *platform, u16 port, unsigned int size);
	void (*port_write)(void *platform, u16 port, unsigned int size,
			   u64 value);
	u64 (*mmio_read)(void *platform, u64 gpa, unsigned int size);
	void (*mmio_write)(void *platform, u64 gpa, unsigned int size,
			   u64 value);

	/* The processor's own CPUID: regs are EAX, EBX, ECX, EDX. */
	void (*cpuid)(void *platform, unsigned int cpu, u32 leaf, u32 subleaf,
		      u32 regs[4]);

	/* One line of the host's log, without a newline. */
	void (*log)(void *platform, const char *line);

	/* End the run; @result and @reason as in the report. Idempotent. */
	void (*stop)(void *platform, const char *result, const char *reason);
};

#endif
