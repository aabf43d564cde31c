// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Instructions that SVM intercepts, and how a vCPU leaves one.
 */
#include "insn.h"
#include "system/cpu-timers.h"

/* accel/tcg/internal-target.h, which targets do not include. */
G_NORETURN void cpu_io_recompile(CPUState *cpu, uintptr_t retaddr);

/* ---- entering and leaving the machine ------------------------------------ */

void vcpu_enter(CPUX86State *env, uintptr_t ra)
{
	CPUState *cs = env_cpu(env);

	if (ra && icount_enabled() && !cs->neg.can_do_io)
		cpu_io_recompile(cs, ra);
	if (!bql_locked())
		bql_lock();
}

void vcpu_leave(CPUX86State *env, enum mach_next next)
{
	CPUState *cs = env_cpu(env);

	env->old_exception = -1;
	env->snp->undelivered = 0;
	cs->exception_index = -1;
	if (next == MACH_IDLE || belfry.stopped) {
		cs->halted = 1;
		cs->exception_index = EXCP_HLT;
	}
	cpu_loop_exit(cs);
}

static G_NORETURN void raise_vc(CPUX86State *env, u64 nrip, uintptr_t ra)
{
	unsigned int id = env->snp->id;
	u32 code = belfry.api->vc_code(vcpu_machine(), id);

	if (belfry.api->vc_is_trap(vcpu_machine(), id)) {
		if (ra)
			cpu_restore_state(env_cpu(env), ra);
		ra = 0;
		do_end_instruction(env);
		env->eip = nrip;
	}
	raise_exception_err_ra(env, VECTOR_VC, code, ra);
}

/* A longjmp to the CPU loop drops the lock, so does the return. */
void vcpu_follow(CPUX86State *env, enum mach_next next, u64 nrip,
		 uintptr_t ra)
{
	switch (next) {
	case MACH_NATIVE:
	case MACH_DONE:
		bql_unlock();
		return;
	case MACH_VC:
		raise_vc(env, nrip, ra);
	case MACH_GP:
		raise_exception_err_ra(env, EXCP0D_GPF, 0, ra);
	case MACH_UD:
		raise_exception_ra(env, EXCP06_ILLOP, ra);
	case MACH_RESUME:
	case MACH_IDLE:
		vcpu_leave(env, next);
	}
	g_assert_not_reached();
}

/* ---- decoding ------------------------------------------------------------ */

static int default_address_bits(CPUX86State *env)
{
	if (env->hflags & HF_CS64_MASK)
		return 64;
	return env->hflags & HF_CS32_MASK ? 32 : 16;
}

/* Takes @byte if it is a prefix. */
static bool take_prefix(CPUX86State *env, struct insn *insn, uint8_t byte,
			bool *rex_r)
{
	static const uint8_t override[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64,
					    0x65 };
	int bits = default_address_bits(env);

	*rex_r = bits == 64 && (byte & 0xf4) == 0x44;
	if (bits == 64 && (byte & 0xf0) == 0x40)
		return true;
	for (int i = 0; i < (int)ARRAY_SIZE(override); i++)
		if (byte == override[i]) {
			insn->segment = i;
			return true;
		}
	if (byte == 0x67)
		insn->address_bits = bits == 32 ? 16 : 32;
	return byte == 0x66 || byte == 0x67 || byte == 0xf0 || byte == 0xf2 ||
	       byte == 0xf3;
}

struct insn insn_read(CPUX86State *env)
{
	struct insn insn = { .segment = R_DS };
	bool wide = env->hflags & HF_CS64_MASK;
	uint64_t pc = env->eip + (wide ? 0 : env->segs[R_CS].base);
	uint64_t at = pc;
	bool rex_r = false;
	uint8_t op;

	insn.address_bits = default_address_bits(env);
	for (;;) {
		bool r;

		op = cpu_ldub_code(env, wide ? at : (uint32_t)at);
		if (at - pc == 14 || !take_prefix(env, &insn, op, &r))
			break;
		rex_r = r;
		at++;
	}
	at++;
	if (op == 0x0f) {
		op = cpu_ldub_code(env, wide ? at : (uint32_t)at);
		at++;
		/* Group 7 and MOV to and from debug registers. */
		if (op == 0x01 || op == 0x21 || op == 0x23) {
			insn.modrm = cpu_ldub_code(env, wide ? at :
						   (uint32_t)at);
			at++;
		}
	}
	insn.reg = (insn.modrm >> 3 & 7) | (rex_r ? 8 : 0);
	insn.next = env->eip + (at - pc);
	if (!wide)
		insn.next = (uint32_t)insn.next;
	return insn;
}

/* ---- intercepts ---------------------------------------------------------- */

/*
 * QEMU asks at every place where SVM can intercept. The machine decides, but
 * not about these: no SNP host intercepts them, and they are frequent.
 */
static bool worth_asking(uint32_t code)
{
	switch (code) {
	case SVM_EXIT_READ_DR0:		/* DR7 may be */
	case SVM_EXIT_WRITE_DR0:
	case SVM_EXIT_RDPMC:
	case SVM_EXIT_CPUID:
	case SVM_EXIT_INVD:
	case SVM_EXIT_INVLPGA:
	case SVM_EXIT_VMRUN ... SVM_EXIT_SKINIT:
	case EXIT_ICEBP ... EXIT_MWAIT_ARMED:
		return true;
	default:
		return false;
	}
}

void belfry_intercept(CPUX86State *env, uint32_t code, uintptr_t ra)
{
	enum mach_next next;
	struct insn insn;

	if (!worth_asking(code))
		return;
	insn = insn_read(env);
	if (code == SVM_EXIT_READ_DR0 || code == SVM_EXIT_WRITE_DR0) {
		if (insn.reg != 7)
			return;
		code += 7;
	}
	vcpu_enter(env, ra);
	next = belfry.api->intercept(vcpu_machine(), env->snp->id, code, 0, 0,
				     insn.next);
	/* There is no nested SVM: its VMCB would be at address 0. */
	if (next == MACH_NATIVE && code >= SVM_EXIT_VMRUN &&
	    code <= SVM_EXIT_SKINIT)
		next = MACH_UD;
	vcpu_follow(env, next, insn.next, ra);
}

/* @info has the low bits of EXITINFO1 up to the operand size. */
void belfry_ioio(CPUX86State *env, uint32_t port, uint32_t info, uint32_t len,
		 uintptr_t ra)
{
	struct insn insn = insn_read(env);
	u64 nrip = env->eip + len;
	enum mach_next next;

	info |= (insn.address_bits >> 4) << IOIO_ADDR_SHIFT;
	if (info & IOIO_STRING)
		info |= (info & IOIO_IN ? R_ES : insn.segment)
			<< IOIO_SEG_SHIFT;
	info |= (port & 0xffff) << IOIO_PORT_SHIFT;
	vcpu_enter(env, ra);
	next = belfry.api->intercept(vcpu_machine(), env->snp->id,
				     SVM_EXIT_IOIO, info, nrip, nrip);
	vcpu_follow(env, next, nrip, ra);
}

void belfry_vmexit(CPUX86State *env, uint64_t code, uintptr_t ra)
{
	if (code != SVM_EXIT_SHUTDOWN)
		raise_exception_err_ra(env, EXCP0D_GPF, 0, ra);
	vcpu_enter(env, ra);
	if (ra)
		cpu_restore_state(env_cpu(env), ra);
	vcpu_leave(env, belfry.api->shutdown(vcpu_machine(), env->snp->id));
}

void belfry_hlt(CPUX86State *env)
{
	enum mach_next next;

	do_end_instruction(env);
	vcpu_enter(env, 0);
	next = belfry.api->hlt(vcpu_machine(), env->snp->id,
			       cpu_compute_eflags(env),
			       env->hflags2 & HF2_NMI_MASK);
	vcpu_leave(env, next);
}
