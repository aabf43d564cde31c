// SPDX-License-Identifier: MIT
/* What the codes of a report are called, for the table. */
#include "arch/ghcb.h"
#include "arch/svm.h"
#include "cli/run.h"

static const struct {
	u64 code;
	const char *name;
} names[] = {
	{ EXIT_DR7_READ, "DR7 read" },
	{ EXIT_DR7_WRITE, "DR7 write" },
	{ EXIT_INTR, "INTR" },
	{ EXIT_NMI, "NMI" },
	{ EXIT_VINTR, "VINTR" },
	{ EXIT_RDTSC, "RDTSC" },
	{ EXIT_RDPMC, "RDPMC" },
	{ EXIT_CPUID, "CPUID" },
	{ EXIT_INVD, "INVD" },
	{ EXIT_PAUSE, "PAUSE" },
	{ EXIT_HLT, "HLT" },
	{ EXIT_IOIO, "IOIO" },
	{ EXIT_MSR, "MSR" },
	{ EXIT_SHUTDOWN, "SHUTDOWN" },
	{ EXIT_VMMCALL, "VMMCALL" },
	{ EXIT_RDTSCP, "RDTSCP" },
	{ EXIT_WBINVD, "WBINVD" },
	{ EXIT_MONITOR, "MONITOR" },
	{ EXIT_MWAIT, "MWAIT" },
	{ EXIT_XSETBV, "XSETBV" },
	{ EXIT_IDLE_HLT, "idle HLT" },
	{ EXIT_NPF, "NPF" },
	{ EXIT_AVIC_INCOMPLETE_IPI, "incomplete IPI" },
	{ EXIT_AVIC_NOACCEL, "not accelerated" },
	{ EXIT_PAGE_NOT_VALIDATED, "not validated" },
	{ EXIT_NOT_RESTARTABLE, "not restartable" },
	{ GHCB_MMIO_READ, "MMIO read" },
	{ GHCB_MMIO_WRITE, "MMIO write" },
	{ GHCB_NMI_COMPLETE, "NMI complete" },
	{ GHCB_AP_HOLD, "AP reset hold" },
	{ GHCB_AP_JUMP_TABLE, "AP jump table" },
	{ GHCB_PSC, "page state change" },
	{ GHCB_GUEST_REQUEST, "guest request" },
	{ GHCB_EXT_GUEST_REQUEST, "extended guest request" },
	{ GHCB_AP_CREATION, "AP creation" },
	{ GHCB_DOORBELL, "#HV doorbell page" },
	{ GHCB_HV_IPI, "#HV IPI" },
	{ GHCB_HV_TIMER, "#HV timer" },
	{ GHCB_APIC_ID_LIST, "APIC id list" },
	{ GHCB_RUN_VMPL, "run VMPL" },
	{ GHCB_SAVIC, "Secure AVIC" },
	{ GHCB_CONFIGURE_INJECTION, "configure injection" },
	{ GHCB_DISABLE_ALTERNATE, "disable alternate" },
	{ GHCB_SPECIFIC_EOI, "specific EOI" },
	{ GHCB_FEATURES, "hypervisor features" },
	{ GHCB_TERMINATE, "terminate" },
	{ GHCB_UNSUPPORTED, "unsupported" },
	/* host/stats.h: requests through the GHCB MSR */
	{ 0x1000 + GHCB_MSR_INFO_REQ, "MSR: GHCB information" },
	{ 0x1000 + GHCB_MSR_CPUID_REQ, "MSR: CPUID" },
	{ 0x1000 + GHCB_MSR_AP_HOLD_REQ, "MSR: AP reset hold" },
	{ 0x1000 + GHCB_MSR_PREFERRED_REQ, "MSR: preferred GHCB" },
	{ 0x1000 + GHCB_MSR_REGISTER_REQ, "MSR: register GHCB" },
	{ 0x1000 + GHCB_MSR_PSC_REQ, "MSR: page state change" },
	{ 0x1000 + GHCB_MSR_RUN_VMPL_REQ, "MSR: run VMPL" },
	{ 0x1000 + GHCB_MSR_FEATURES_REQ, "MSR: hypervisor features" },
	{ 0x1000 + GHCB_MSR_TERMINATE, "MSR: terminate" },
};

const char *event_name(u64 code)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].code == code)
			return names[i].name;
	return NULL;
}
