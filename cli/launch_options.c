// SPDX-License-Identifier: MIT
#include "cli/launch.h"

struct launch launch;

struct poptOption launch_options[] = {
	{ "injection", 0, POPT_ARG_STRING, &launch.injection_text, 0,
	  "how interrupts reach the guest: normal, restricted, alternate "
	  "(default), secure-avic", "MODE" },
	{ "guest", 0, POPT_ARG_STRING, &launch.guest_text, 0,
	  "paravisor (default): a kernel that knows nothing of SEV-SNP below "
	  "the monitor; svsm: one that knows both; vmpl0: one without a "
	  "monitor; plain: no SEV-SNP at all", "KIND" },
	{ "vmpl", 0, POPT_ARG_STRING, &launch.vmpl_text, 0,
	  "below the monitor: the guest's VMPL, 1 to 3 (default 2)", "N" },
	{ "handover", 0, POPT_ARG_STRING, &launch.handover_text, 0,
	  "svsm, alternate: what ran before the kernel leaves the injection "
	  "enabled (default), locked, disabled", "STATE" },
	{ "no-x2apic", 0, POPT_ARG_NONE, &launch.no_x2apic, 0,
	  "paravisor: the guest finds an xAPIC only", NULL },
	{ "secure-avic", 0, POPT_ARG_STRING, &launch.secure_avic_text, 0,
	  "paravisor: the monitor uses Secure AVIC, or not; another way to "
	  "say --injection secure-avic or alternate", "on|off" },
	{ "timer", 0, POPT_ARG_STRING, &launch.timer_text, 0,
	  "paravisor, secure-avic: who posts the timer's vector, host "
	  "(default) or monitor", "WHO" },
	{ "cpus", 0, POPT_ARG_STRING, &launch.cpus_text, 0,
	  "number of vCPUs, 1 to 255 (default 1)", "N" },
	{ "apic-ids", 0, POPT_ARG_STRING, &launch.apic_ids_text, 0,
	  "APIC IDs of the vCPUs, with commas (default 0,1,2,...)", "LIST" },
	{ "memory", 0, POPT_ARG_STRING, &launch.memory_text, 0,
	  "guest memory, with K, M or G (default 512M)", "SIZE" },
	{ "kernel", 0, POPT_ARG_STRING, &launch.kernel, 0,
	  "a bzImage (default: one that suits the injection mode)", "FILE" },
	{ "initrd", 0, POPT_ARG_STRING, &launch.initrd, 0,
	  "an initramfs (default: ours, with the loads)", "FILE" },
	{ "append", 0, POPT_ARG_STRING, &launch.append, 0,
	  "more words for the guest's command line", "WORDS" },
	{ "micro", 0, POPT_ARG_STRING, &launch.micro, 0,
	  "a bare-metal test guest instead of Linux", "NAME" },
	{ "load", 0, POPT_ARG_STRING, &launch.load_text, 0,
	  "what our initramfs does: idle, ipi, timer, disk, net, msi, flood, "
	  "mixed, none (default), shell", "NAME" },
	{ "load-seconds", 0, POPT_ARG_STRING, &launch.seconds_text, 0,
	  "repeat the load until so many seconds of the guest have passed",
	  "N" },
	{ "devices", 0, POPT_ARG_STRING, &launch.devices_text, 0,
	  "of the loads: virtio (default) or, without DMA, pio (default of "
	  "--guest paravisor)", "KIND" },
	POPT_TABLEEND
};

struct poptOption launch_igvm_option[] = {
	{ "igvm", 0, POPT_ARG_STRING, &launch.igvm, 0,
	  "a finished IGVM file instead of a kernel", "FILE" },
	POPT_TABLEEND
};
