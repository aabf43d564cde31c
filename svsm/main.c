// SPDX-License-Identifier: MIT
/* The start, on the first CPU and on the others. */
#include "svsm/info.h"
#include "svsm/insn.h"
#include "svsm/svsm.h"

struct monitor_info info;
u64 own_features;
u64 host_features;

struct cpu *svsm_start(const struct monitor_info *from);
void svsm_main(struct cpu *cpu) __attribute__((noreturn));
void svsm_ap_main(struct cpu *cpu) __attribute__((noreturn));

/* On the stack of the image, without a GHCB: what stops here is mute. */
struct cpu *svsm_start(const struct monitor_info *from)
{
	static struct cpu nobody = { .self = &nobody };
	struct cpu *cpu;

	trap_init();
	cpu_load_tables(&nobody);
	trap_load();
	info = *from;
	own_features = rdmsr(MSR_SEV_STATUS) >> SEV_STATUS_FEATURE_SHIFT;
	if (info_bad(&info))
		stop(MONITOR_STOP_INFO, "", 0);
	ghcb_check_version();
	cpu = cpu_prepare(0);
	cpu_load_tables(cpu);
	return cpu;
}

static void check_host(void)
{
	const char *bad = info_cpuid_bad(&info, monitor_va(info.cpuid));

	if (bad)
		stop(MONITOR_STOP_CPUID, bad, 0);
	/* By the processor's own word (C2). */
	if (!(own_features & SEV_FEATURE_RESTRICTED))
		stop(MONITOR_STOP_FEATURES, "the monitor runs without "
		     "Restricted Injection", own_features);
	ghcb_check_features();
}

static void __attribute__((noreturn)) serve(struct cpu *cpu)
{
	if (info.flags & MONITOR_UNAWARE)
		paravisor_loop(cpu);
	run_loop(cpu);
}

void svsm_main(struct cpu *cpu)
{
	ghcb_register(cpu);
	cpu->speaks = true;
	check_host();
	hv_start(cpu);
	direct_map();
	guest_prepare();
	for (u32 i = 1; i < info.cpus; i++)
		cpu_prepare(i);
	if (info.flags & MONITOR_UNAWARE)
		paravisor_boot();
	else
		run_boot(cpu);
	for (u32 i = 1; i < info.cpus; i++)
		cpu_start(cpu_of(i));
	console_text("svsm: the guest runs at VMPL ");
	console_hex(info.guest_vmpl);
	console_text(", CPUs ");
	console_hex(info.cpus);
	console_text("\n");
	serve(cpu);
}

void svsm_ap_main(struct cpu *cpu)
{
	ghcb_register(cpu);
	cpu->speaks = true;
	hv_start(cpu);
	__atomic_store_n(&cpu->online, 1, __ATOMIC_RELEASE);
	serve(cpu);
}
