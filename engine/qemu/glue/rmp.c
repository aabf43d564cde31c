// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VMGEXIT and the RMP instructions.
 */
#include "insn.h"
#include "exec/helper-proto.h"

/* helper_snp_insn()'s @op: ModRM, and the prefix as translate.c has it. */
#define OP_F3		0x100
#define OP_F2		0x200

#define OP_VMGEXIT_F3	(0xd9 | OP_F3)
#define OP_VMGEXIT_F2	(0xd9 | OP_F2)
#define OP_RMPQUERY	(0xfd | OP_F3)
#define OP_RMPADJUST	(0xfe | OP_F3)
#define OP_INVLPGB	0xfe
#define OP_PVALIDATE	(0xff | OP_F2)
#define OP_TLBSYNC	0xff

static G_NORETURN void vmgexit(CPUX86State *env, u64 nrip)
{
	env->eip = nrip;
	do_end_instruction(env);
	vcpu_enter(env, 0);
	vcpu_leave(env, belfry.api->vmgexit(vcpu_machine(), env->snp->id));
}

/* OF, SF, ZF, AF and PF tell of EAX; CF is PVALIDATE's. APM vol. 3. */
static void set_flags(CPUX86State *env, u32 eax, bool cf)
{
	CC_SRC = (cf ? CC_C : 0) | (eax ? 0 : CC_Z) |
		 (eax >> 31 ? CC_S : 0) | (ctpop8(eax & 0xff) & 1 ? 0 : CC_P);
	CC_OP = CC_OP_EFLAGS;
}

static void rmp_insn(CPUX86State *env, uint32_t op, uintptr_t ra)
{
	bool cf = cpu_cc_compute_all(env) & CC_C;
	struct insn insn = insn_read(env);
	struct rmp_insn r = {
		.gva = env->regs[R_EAX],
		.rcx = env->regs[R_ECX],
		.rdx = env->regs[R_EDX],
	};
	unsigned int id = env->snp->id;
	enum mach_next next;
	int page_size;

	if (insn.address_bits != 64)
		r.gva = (uint32_t)r.gva;
	r.gpa = belfry_walk(env, r.gva, &r.c_bit, &page_size, ra);
	r.mapped_2m = page_size >= 2 * 1024 * 1024;
	vcpu_enter(env, ra);
	if (op == OP_PVALIDATE)
		next = belfry.api->pvalidate(vcpu_machine(), id, &r);
	else if (op == OP_RMPADJUST)
		next = belfry.api->rmpadjust(vcpu_machine(), id, &r);
	else
		next = belfry.api->rmpquery(vcpu_machine(), id, &r);
	vcpu_follow(env, next, insn.next, ra);
	env->regs[R_EAX] = r.eax;
	if (op == OP_RMPQUERY) {
		env->regs[R_ECX] = r.rcx;
		env->regs[R_EDX] = r.rdx;
	}
	set_flags(env, r.eax, op == OP_PVALIDATE ? r.cf : cf);
}

/* EIP and the flags are up to date; the block ends behind the instruction. */
void helper_snp_insn(CPUX86State *env, uint32_t op, uint32_t len)
{
	bool wide = env->hflags & HF_CS64_MASK;
	uintptr_t ra = GETPC();
	u64 nrip = env->eip + len;

	if (!env->snp)
		raise_exception_ra(env, EXCP06_ILLOP, ra);
	if (op == OP_VMGEXIT_F3 || op == OP_VMGEXIT_F2)
		vmgexit(env, wide ? nrip : (uint32_t)nrip);
	if ((op == OP_RMPADJUST || op == OP_RMPQUERY) && !wide)
		raise_exception_ra(env, EXCP06_ILLOP, ra);
	if (env->hflags & HF_CPL_MASK)
		raise_exception_err_ra(env, EXCP0D_GPF, 0, ra);
	switch (op) {
	case OP_PVALIDATE:
	case OP_RMPADJUST:
	case OP_RMPQUERY:
		rmp_insn(env, op, ra);
		break;
	case OP_INVLPGB:
		tlb_flush_all_cpus_synced(env_cpu(env));
		/* fall through */
	case OP_TLBSYNC:
		CC_SRC = cpu_cc_compute_all(env);
		CC_OP = CC_OP_EFLAGS;
		break;
	default:
		raise_exception_ra(env, EXCP06_ILLOP, ra);
	}
}
