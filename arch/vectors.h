/* SPDX-License-Identifier: MIT */
/*
 * Exceptions and interrupts as their handler finds them: which push an error
 * code (APM 24593, table 8-2; SEV's: sections 15.35 and 15.36), stubs that make
 * all of them alike, and the frame that those leave on the stack.
 */
#ifndef ARCH_VECTORS_H
#define ARCH_VECTORS_H

#ifdef __ASSEMBLER__

/*
 * Stubs of vectors 0 to \count - 1 at \label, 16 bytes each: 0 where the CPU
 * pushes no error code, then the vector. All go on at \label_common, which
 * calls \handler(struct regs *).
 */
.macro vector_stubs label, count, handler
	.balign 16
	.globl \label
\label:
	vector = 0
	.rept \count
	.balign 16
	.if !(vector == 8 || (vector >= 10 && vector <= 14) || \
	      vector == 17 || vector == 21 || vector == 29 || vector == 30)
	pushq	$0
	.endif
	pushq	$vector
	jmp	\label\()_common
	vector = vector + 1
	.endr

\label\()_common:
	pushq	%rax
	pushq	%rbx
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%rbp
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, %rdi
	cld
	call	\handler
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rbp
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rbx
	popq	%rax
	addq	$16, %rsp
	iretq
.endm

#else

#include "arch/types.h"

#define VECTOR_STUB_SIZE	16

struct regs {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector, error, rip, cs, rflags, rsp, ss;
};

_Static_assert(offsetof(struct regs, vector) == 15 * 8, "pushed registers");
_Static_assert(offsetof(struct regs, rip) == 17 * 8, "pushed by the CPU");

#endif
#endif
