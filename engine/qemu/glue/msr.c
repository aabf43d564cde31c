// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MSRs and CR8. What the machine does not know is QEMU's.
 */
#include "insn.h"

/* Written at each context switch and never the machine's. */
static bool is_hot(uint32_t msr)
{
	return msr == MSR_FSBASE || msr == MSR_GSBASE ||
	       msr == MSR_KERNELGSBASE;
}

bool belfry_rdmsr(CPUX86State *env, uintptr_t ra)
{
	uint32_t msr = env->regs[R_ECX];
	enum mach_next next;
	struct insn insn;
	u64 value = 0;

	if (is_hot(msr))
		return false;
	insn = insn_read(env);
	vcpu_enter(env, ra);
	next = belfry.api->rdmsr(vcpu_machine(), env->snp->id, msr, insn.next,
				 &value);
	vcpu_follow(env, next, insn.next, ra);
	if (next == MACH_NATIVE)
		return false;
	env->regs[R_EAX] = (uint32_t)value;
	env->regs[R_EDX] = value >> 32;
	return true;
}

bool belfry_wrmsr(CPUX86State *env, uintptr_t ra)
{
	u64 value = (uint32_t)env->regs[R_EAX] |
		    (u64)(uint32_t)env->regs[R_EDX] << 32;
	uint32_t msr = env->regs[R_ECX];
	enum mach_next next;
	struct insn insn;

	if (is_hot(msr))
		return false;
	insn = insn_read(env);
	vcpu_enter(env, ra);
	next = belfry.api->wrmsr(vcpu_machine(), env->snp->id, msr, insn.next,
				 value);
	vcpu_follow(env, next, insn.next, ra);
	return next == MACH_DONE;
}

uint64_t belfry_read_cr8(CPUX86State *env, uintptr_t ra)
{
	uint64_t value;

	vcpu_enter(env, ra);
	value = belfry.api->read_cr8(vcpu_machine(), env->snp->id);
	bql_unlock();
	return value;
}

void belfry_write_cr8(CPUX86State *env, uint64_t value, uintptr_t ra)
{
	if (value & ~0xfull)
		raise_exception_err_ra(env, EXCP0D_GPF, 0, ra);
	vcpu_enter(env, ra);
	belfry.api->write_cr8(vcpu_machine(), env->snp->id, value);
	bql_unlock();
}
