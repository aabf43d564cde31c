// SPDX-License-Identifier: MIT
/*
 * Instructions that an SNP guest asks the host to carry out.
 */
#include "host/ghcb.h"

void host_ghcb_cpuid(struct ghcb_call *call)
{
	u32 regs[4];

	host_cpuid(call->host, call->ctx->vcpu->cpu, call->rax, call->rcx,
		   call->in.xcr0, regs);
	call->rax = regs[0];
	call->rbx = regs[1];
	call->rcx = regs[2];
	call->rdx = regs[3];
}

void host_ghcb_msr(struct ghcb_call *call)
{
	u32 msr = call->rcx;
	u64 value = (u32)call->rax | call->rdx << 32;

	if (call->info1 > 1)
		return host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT,
					"neither RDMSR nor WRMSR");
	if (call->info1) {
		if (!host_msr_write(call->ctx, msr, value))
			host_ghcb_gp(call);
		return;
	}
	if (!host_msr_read(call->ctx, msr, &value))
		return host_ghcb_gp(call);
	call->rax = (u32)value;
	call->rdx = value >> 32;
}

void host_ghcb_rdtsc(struct ghcb_call *call)
{
	u64 tsc = call->host->ops->tsc(call->host->platform);

	call->rax = (u32)tsc;
	call->rdx = tsc >> 32;
}

/* TSC_AUX is the guest's own register: the host does not know it. */
void host_ghcb_rdtscp(struct ghcb_call *call)
{
	host_ghcb_rdtsc(call);
	call->rcx = 0;
}

#define KVM_ENOSYS	1000

/* CPUID 40000001 offers no hypercalls. */
void host_ghcb_vmmcall(struct ghcb_call *call)
{
	call->rax = -(u64)KVM_ENOSYS;
}

void host_ghcb_read_dr7(struct ghcb_call *call)
{
	call->rax = call->ctx->dr7;
}

void host_ghcb_write_dr7(struct ghcb_call *call)
{
	call->ctx->dr7 = call->rax;
}
