// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * x87, SSE and AVX state of a VMSA. The tag word is the full one that FSTENV
 * shows; that the registers are in the order of the stack, as with FXSAVE, is
 * our reading: table B-4 does not say. Nothing but the engine looks at them.
 */
#include "vmsa.h"

/* x87 status word, as in QEMU's fpu_helper.c. */
#define FPUS_SE		(1 << 7)
#define FPUS_B		(1 << 15)

enum { TAG_VALID, TAG_ZERO, TAG_SPECIAL, TAG_EMPTY };

static unsigned int tag_of(floatx80 reg)
{
	unsigned int exponent = reg.high & 0x7fff;

	if (!exponent && !reg.low)
		return TAG_ZERO;
	if (!exponent || exponent == 0x7fff || !(reg.low >> 63))
		return TAG_SPECIAL;
	return TAG_VALID;
}

static void x87_save(CPUX86State *env, struct vmsa *vmsa)
{
	vmsa->x87_fcw = env->fpuc;
	vmsa->x87_fsw = (env->fpus & ~0x3800) | (env->fpstt & 7) << 11;
	vmsa->x87_fop = env->fpop;
	vmsa->x87_ds = env->fpds;
	vmsa->x87_cs = env->fpcs;
	vmsa->x87_rip = env->fpip;
	vmsa->x87_dp = env->fpdp;
	vmsa->x87_ftw = 0;
	for (int i = 0; i < 8; i++) {
		floatx80 reg = env->fpregs[i].d;
		unsigned int tag = env->fptags[i] ? TAG_EMPTY : tag_of(reg);

		vmsa->x87_ftw |= tag << (2 * i);
		reg = env->fpregs[(env->fpstt + i) & 7].d;
		vmsa->st_mantissa[i] = reg.low;
		vmsa->st_exponent[i] = reg.high;
	}
}

static void x87_load(CPUX86State *env, const struct vmsa *vmsa)
{
	cpu_set_fpuc(env, vmsa->x87_fcw);
	env->fpstt = vmsa->x87_fsw >> 11 & 7;
	env->fpus = vmsa->x87_fsw & ~0x3800 & ~FPUS_B;
	if (env->fpus & FPUS_SE)
		env->fpus |= FPUS_B;
	env->fpop = vmsa->x87_fop;
	env->fpds = vmsa->x87_ds;
	env->fpcs = vmsa->x87_cs;
	env->fpip = vmsa->x87_rip;
	env->fpdp = vmsa->x87_dp;
	for (int i = 0; i < 8; i++) {
		floatx80 *reg = &env->fpregs[(env->fpstt + i) & 7].d;

		env->fptags[i] = (vmsa->x87_ftw >> (2 * i) & 3) == TAG_EMPTY;
		reg->low = vmsa->st_mantissa[i];
		reg->high = vmsa->st_exponent[i];
	}
}

void fpu_save(CPUX86State *env, struct vmsa *vmsa)
{
	x87_save(env, vmsa);
	update_mxcsr_from_sse_status(env);
	vmsa->mxcsr = env->mxcsr;
	for (int i = 0; i < 16; i++) {
		memcpy(vmsa->xmm[i], &env->xmm_regs[i].ZMM_Q(0), 16);
		memcpy(vmsa->ymm_hi[i], &env->xmm_regs[i].ZMM_Q(2), 16);
	}
}

void fpu_load(CPUX86State *env, const struct vmsa *vmsa)
{
	x87_load(env, vmsa);
	cpu_set_mxcsr(env, vmsa->mxcsr & 0xffff);
	for (int i = 0; i < 16; i++) {
		memcpy(&env->xmm_regs[i].ZMM_Q(0), vmsa->xmm[i], 16);
		memcpy(&env->xmm_regs[i].ZMM_Q(2), vmsa->ymm_hi[i], 16);
	}
}
