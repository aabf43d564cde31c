// SPDX-License-Identifier: MIT
/*
 * GHCB MSR protocol (56421 section 2.3): a request in the MSR, the answer in
 * its place. No page is involved, so it serves a guest that has none yet.
 */
#include "arch/monitor.h"
#include "host/internal.h"

#define MSR_GPA(msr)	((msr) & PAGE_MASK & 0xfffffffffffffull)
#define MSR_NO_GPA	PAGE_MASK

static u64 req_info(struct host_ctx *c, u64 msr)
{
	(void)c;
	(void)msr;
	return GHCB_MSR_RESET;
}

static u64 req_cpuid(struct host_ctx *c, u64 msr)
{
	unsigned int reg = msr >> 30 & 3;
	u32 regs[4];

	/* Leaf D can not be asked this way: no sub-leaf and no XCR0. */
	host_cpuid(c->vcpu->host, c->vcpu->cpu, msr >> 32, 0, 1, regs);
	return (u64)regs[reg] << 32 | (u64)reg << 30 | GHCB_MSR_CPUID;
}

/* [63:12] stay 0 unless a SIPI ends the hold: host_ap_release_hold(). */
static u64 req_ap_hold(struct host_ctx *c, u64 msr)
{
	(void)msr;
	c->state = CTX_HELD;
	c->hold_by_msr = true;
	return GHCB_MSR_AP_HOLD;
}

static u64 req_preferred(struct host_ctx *c, u64 msr)
{
	(void)c;
	(void)msr;
	return MSR_NO_GPA | GHCB_MSR_PREFERRED;
}

static u64 req_register(struct host_ctx *c, u64 msr)
{
	u64 gpa = MSR_GPA(msr);

	if (gpa != (msr & PAGE_MASK) || !hv_is_ram(c->vcpu->host->m, gpa))
		return MSR_NO_GPA | GHCB_MSR_REGISTER;
	c->ghcb_registered = gpa;
	return gpa | GHCB_MSR_REGISTER;
}

static u64 req_unregister(struct host_ctx *c, u64 msr)
{
	u64 gpa = MSR_GPA(msr);
	bool match = c->ghcb_registered == gpa && gpa == (msr & PAGE_MASK);

	if (match)
		c->ghcb_registered = NO_GPA;
	return (u64)!match << 32 | GHCB_MSR_UNREGISTER;
}

static u64 req_psc(struct host_ctx *c, u64 msr)
{
	unsigned int op = msr >> PSC_ENTRY_OP_SHIFT & 0xf;
	bool ok = !(msr >> 56) &&
		  (op == PSC_OP_PRIVATE || op == PSC_OP_SHARED) &&
		  host_psc_page(c->vcpu->host, MSR_GPA(msr),
				op == PSC_OP_PRIVATE);

	if (!ok)
		host_log(c->vcpu->host, "psc refused", "MSR request %#llx",
			 (unsigned long long)msr);
	return (u64)!ok << 32 | GHCB_MSR_PSC;
}

/* The answer belongs to the caller's MSR, so it is given before the switch. */
static u64 req_run_vmpl(struct host_ctx *c, u64 msr)
{
	bool offered = c->vcpu->host->config.ghcb_features &
		       GHCB_FEATURE_MULTI_VMPL;
	bool ok = offered && !(msr >> 40) && !(msr & 0xfffff000) &&
		  host_run_vmpl(c, msr >> 32 & 0xff);

	if (!ok)
		host_log(c->vcpu->host, "run-vmpl refused", "MSR request %#llx",
			 (unsigned long long)msr);
	return (u64)!ok << 32 | GHCB_MSR_RUN_VMPL;
}

static u64 req_features(struct host_ctx *c, u64 msr)
{
	(void)msr;
	return c->vcpu->host->config.ghcb_features << 12 | GHCB_MSR_FEATURES;
}

static u64 req_terminate(struct host_ctx *c, u64 msr)
{
	host_ghcb_terminated(c, msr >> 12 & 0xf, msr >> 16 & 0xff, 0);
	return msr;
}

/* An unknown request leaves the value, as KVM does: no answer is an answer. */
static u64 req_unknown(struct host_ctx *c, u64 msr)
{
	c->vcpu->stats.refused[host_event_slot(HOST_EVENT_OTHER)]++;
	host_log(c->vcpu->host, "unknown MSR request",
		 "vCPU %u VMPL %u: %#llx", c->vcpu->cpu, c->vmpl,
		 (unsigned long long)msr);
	return msr;
}

static u64 (*request_of(u64 code))(struct host_ctx *c, u64 msr)
{
	switch (code) {
	case GHCB_MSR_INFO_REQ:
		return req_info;
	case GHCB_MSR_CPUID_REQ:
		return req_cpuid;
	case GHCB_MSR_AP_HOLD_REQ:
		return req_ap_hold;
	case GHCB_MSR_PREFERRED_REQ:
		return req_preferred;
	case GHCB_MSR_REGISTER_REQ:
		return req_register;
	case GHCB_MSR_UNREGISTER_REQ:
		return req_unregister;
	case GHCB_MSR_PSC_REQ:
		return req_psc;
	case GHCB_MSR_RUN_VMPL_REQ:
		return req_run_vmpl;
	case GHCB_MSR_FEATURES_REQ:
		return req_features;
	case GHCB_MSR_TERMINATE:
		return req_terminate;
	default:
		return req_unknown;
	}
}

void host_ghcb_msr_request(struct host_ctx *c)
{
	u64 msr = c->vmcb->ghcb_gpa;
	u64 code = msr & GHCB_MSR_CODE;
	u64 event = code <= GHCB_MSR_TERMINATE ? HOST_EVENT_MSR + code :
		    HOST_EVENT_OTHER;

	c->vcpu->stats.vmgexits[host_event_slot(event)]++;
	c->vmcb->ghcb_gpa = request_of(code)(c, msr);
}

/* ---- termination -------------------------------------------------------- */

/* 56421 section 2.3.6, and what Linux defines (asm/sev-common.h). */
static const char *const reason_general[] = {
	"general termination",
	"GHCB protocol version not supported",
	"SNP features not supported",
};

static const char *const reason_linux[] = {
	"could not register its GHCB",
	"page state change failed",
	"PVALIDATE failed",
	"not at VMPL0 and no SVSM",
	"CPUID page or value refused",
	"CPUID request refused by the host",
	"no secrets page",
	"no SVSM",
	"SVSM claims VMPL0",
	"bad SVSM calling area",
	"Secure TSC failed",
	"SVSM calling area could not be remapped",
	"Secure AVIC failed",
};

static const char *const reason_monitor[] = {
	[MONITOR_STOP_INFO] = "the monitor's information page is wrong",
	[MONITOR_STOP_CPUID] = "the CPUID page is wrong",
	[MONITOR_STOP_PROTOCOL] = "GHCB protocol version not supported",
	[MONITOR_STOP_FEATURES] = "a feature is missing",
	[MONITOR_STOP_GHCB] = "a GHCB request was refused",
	[MONITOR_STOP_ANSWER] = "an answer of the host makes no sense",
	[MONITOR_STOP_PAGE_STATE] = "page state change failed",
	[MONITOR_STOP_PVALIDATE] = "PVALIDATE failed",
	[MONITOR_STOP_RMPADJUST] = "RMPADJUST failed",
	[MONITOR_STOP_EXCEPTION] = "exception in the monitor",
	[MONITOR_STOP_VC] = "#VC in the monitor",
	[MONITOR_STOP_DOUBLE_FAULT] = "double fault in the monitor",
	[MONITOR_STOP_MC] = "machine check",
	[MONITOR_STOP_GUEST_VMSA] = "the guest's registers are wrong",
	[MONITOR_STOP_INTERNAL] = "the monitor's own mistake",
};

static const char *reason_text(unsigned int set, unsigned int code)
{
	if (set == MONITOR_REASONS && code && code < ARRAY_SIZE(reason_monitor))
		return reason_monitor[code];
	if (set == 0 && code < ARRAY_SIZE(reason_general))
		return reason_general[code];
	if (set == 1 && code < ARRAY_SIZE(reason_linux))
		return reason_linux[code];
	return set > 1 ? "reason set of the guest's own" : "unknown reason";
}

void host_ghcb_terminated(struct host_ctx *c, unsigned int set,
			  unsigned int code, u64 data)
{
	bool monitor = c->vmpl < c->vcpu->host->config.guest_vmpl;

	host_stop(c->vcpu->host, monitor ? "monitor-stopped" :
					   "guest-terminated",
		  "vCPU %u VMPL %u asked to be terminated: %s "
		  "(set %u, code %u, data %#llx)", c->vcpu->cpu, c->vmpl,
		  reason_text(set, code), set, code,
		  (unsigned long long)data);
}
