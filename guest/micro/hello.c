// SPDX-License-Identifier: MIT
/* hello: the smallest micro guest; starts every CPU. */
#include "guest/micro/micro.h"

void micro_main(void)
{
	print("belfry: hello from %u CPUs, SEV_STATUS %x\n",
	      (u64)micro_info->cpus, rdmsr(MSR_SEV_STATUS));
	for (unsigned int i = 1; i < cpu_count(); i++)
		cpu_start(i);
	check(this_cpu()->index == 0);
}
