/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few facts that the machine wants of an intercepted instruction and that
 * QEMU's helpers are not told.
 */
#ifndef BELFRY_INSN_H
#define BELFRY_INSN_H

#include "glue.h"

struct insn {
	uint64_t next;		/* EIP behind it */
	int address_bits;	/* 16, 32, 64 */
	int segment;		/* override or DS, in QEMU's numbers */
	uint8_t modrm;		/* of the opcodes below, else 0 */
	int reg;		/* modrm.reg with REX.R */
};

/*
 * Read the instruction at EIP once more. It was just translated; if it is no
 * longer there, leaves as the fetch of it would. For opcodes without
 * immediate or memory operand, which all that are intercepted are.
 */
struct insn insn_read(CPUX86State *env);

#endif
