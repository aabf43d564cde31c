// SPDX-License-Identifier: MIT
/*
 * Exits of an unaware guest, by the code in its VMSA: hardware wrote it, the
 * host did not. What only the host can cause (interrupts, an interrupt window
 * it may not use, PAUSE) is no request and must not stop anything; a code
 * that is unknown is the same, and is counted.
 */
#include "svsm/paravisor.h"

#define KVM_ENOSYS	(-1000ull)

/* A second one at once is what a CPU calls a double fault: named, stopped. */
const char *emulate_fault(struct paravisor_vcpu *v, u8 vector)
{
	return present_exception(v->vmsa, vector) ? NULL :
	       "exception-while-one-waits";
}

const char *emulate_gp(struct paravisor_vcpu *v)
{
	return present_exception_code(v->vmsa, VECTOR_GP, 0) ? NULL :
	       "exception-while-one-waits";
}

const char *emulate_skip(struct paravisor_vcpu *v)
{
	return vmsa_skip(v->vmsa) ? NULL : "exit-without-next-rip";
}

const char *emulate_cpuid(struct paravisor_vcpu *v)
{
	struct vmsa *vmsa = v->vmsa;
	const struct cpuid_vcpu view = {
		.apic_id = v->apic.config.id,
		.cpus = v->guest->cpus,
		.max_id = v->guest->max_id,
		.cr4 = vmsa->cr4,
		.xcr0 = vmsa->xcr0,
		.xss = vmsa->xss,
		.apic = apic_mode_of(&v->apic) != APIC_VIEW_NONE,
		.x2apic = v->apic.config.has_x2apic,
		.deadline = v->apic.config.tsc_khz,
	};
	struct cpuid_regs regs = cpuid_answer(v->guest->cpuid, &view,
					      vmsa->rax, vmsa->rcx);

	vmsa->rax = regs.eax;
	vmsa->rbx = regs.ebx;
	vmsa->rcx = regs.ecx;
	vmsa->rdx = regs.edx;
	return emulate_skip(v);
}

/* A trap: RIP is behind HLT already (APM 15.35.4: automatic exits). */
static const char *emulate_hlt(struct paravisor_vcpu *v)
{
	v->vmsa->vintr_ctrl &= ~VINTR_SHADOW;
	v->halted = true;
	return NULL;
}

static const char *emulate_rdtsc(struct paravisor_vcpu *v, bool aux)
{
	u64 tsc = v->guest->ops->now(v->cpu).tsc;

	v->vmsa->rax = (u32)tsc;
	v->vmsa->rdx = tsc >> 32;
	if (aux)
		v->vmsa->rcx = v->vmsa->tsc_aux;
	return emulate_skip(v);
}

/* There are no hypercalls, and a guest that sees KVM expects this answer. */
static const char *emulate_vmmcall(struct paravisor_vcpu *v)
{
	v->vmsa->rax = KVM_ENOSYS;
	return emulate_skip(v);
}

static const char *ignored(struct paravisor_vcpu *v)
{
	v->ignored++;
	v->ignored_code = v->vmsa->exit_code;
	return NULL;
}

const char *emulate_exit(struct paravisor_vcpu *v)
{
	switch (v->vmsa->exit_code) {
	case EXIT_INTR:		/* also: not run at all, see preset */
		return NULL;
	case EXIT_CPUID:
		return emulate_cpuid(v);
	case EXIT_MSR:
		return emulate_msr(v);
	case EXIT_IOIO:
		return emulate_ioio(v);
	case EXIT_NPF:
		return emulate_npf(v);
	case EXIT_AVIC_INCOMPLETE_IPI:
	case EXIT_AVIC_NOACCEL:
		return emulate_avic(v);
	case EXIT_HLT:
	case EXIT_IDLE_HLT:
		return emulate_hlt(v);
	case EXIT_WBINVD:	/* private memory needs neither */
	case EXIT_INVD:
		return emulate_skip(v);
	case EXIT_RDTSC:
		return emulate_rdtsc(v, false);
	case EXIT_RDTSCP:
		return emulate_rdtsc(v, true);
	case EXIT_VMMCALL:
		return emulate_vmmcall(v);
	case EXIT_RDPMC:
		return emulate_gp(v);
	case EXIT_MONITOR:	/* CPUID has none of these */
	case EXIT_MWAIT:
	case EXIT_MWAIT_ARMED:
	case EXIT_RDPRU:
	case EXIT_INVLPGA:
	case EXIT_VMRUN:
	case EXIT_VMLOAD:
	case EXIT_VMSAVE:
	case EXIT_STGI:
	case EXIT_CLGI:
	case EXIT_SKINIT:
		return emulate_fault(v, VECTOR_UD);
	case EXIT_SHUTDOWN:
		return "guest-triple-fault";
	case EXIT_PAGE_NOT_VALIDATED:
		return "guest-page-not-validated";
	case EXIT_NOT_RESTARTABLE:
		return "guest-not-restartable";
	default:
		return ignored(v);
	}
}
