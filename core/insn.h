/* SPDX-License-Identifier: MIT */
/*
 * The instructions with which guests reach MMIO: MOV in all forms with one
 * memory operand, MOVZX, MOVSX, STOS. The address is not decoded: the nested
 * page fault has it. Source: AMD64 APM vol. 3, chapter 1 and appendix A.
 */
#ifndef CORE_INSN_H
#define CORE_INSN_H

#include "core/gpr.h"

#define INSN_MAX	15

enum insn_result {
	INSN_OK,
	INSN_TRUNCATED,		/* the bytes given end before it does */
	INSN_TOO_LONG,		/* more than 15 bytes: #GP */
	INSN_UNSUPPORTED,	/* legal perhaps, but not on MMIO here */
	INSN_MOVS,		/* the same, by name: two memory operands */
};

enum insn_op {
	INSN_STORE,		/* register to memory */
	INSN_STORE_IMM,
	INSN_LOAD,
	INSN_LOAD_ZX,
	INSN_LOAD_SX,
	INSN_STOS,
};

struct insn {
	enum insn_op op;
	u8 length;
	u8 size;		/* of the memory operand: 1, 2, 4, 8 */
	u8 reg_size;		/* of the register operand */
	u8 reg;			/* 0-15 */
	u8 address_size;	/* 2, 4, 8 */
	bool high;		/* AH, CH, DH, BH: bits 15:8 of reg */
	bool rep;
	u64 imm;
};

/* mode: vmsa_mode(), 2, 4 or 8. *out is written if INSN_OK. */
enum insn_result insn_decode(const u8 *bytes, unsigned int n,
			     unsigned int mode, struct insn *out);
const char *insn_result_name(enum insn_result result);

static inline bool insn_writes(const struct insn *insn)
{
	return insn->op <= INSN_STORE_IMM || insn->op == INSN_STOS;
}

/* What it stores; size bytes. */
u64 insn_value(const struct insn *insn, struct vmsa *vmsa);
/*
 * It is done: value (loads) goes to its register, RIP behind it. A repeated
 * STOS does one element and stays until RCX is 0.
 */
void insn_finish(const struct insn *insn, struct vmsa *vmsa, u64 value);

#endif
