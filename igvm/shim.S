/* SPDX-License-Identifier: MIT */
/*
 * Entered at VMPL0 in 64-bit mode with VA = PA for all RAM. In: RBP = struct
 * shim_info. RSI and RDI reach the entry as they came; all others are lost.
 * No stack, no memory writes, no #VC: nothing here traps but the VMGEXIT of
 * a failure. PVALIDATE: APM vol. 3; VMGEXIT is REP VMMCALL.
 *
 *	r8	next range		r10	page to validate
 *	r9	ranges left		r11	end of the range
 */
#include "igvm/shim.h"

#define RMP_FAIL_SIZEMISMATCH	6
#define MSR_GHCB		0xc0010130
#define GHCB_TERMINATE		(0x100 | SHIM_REASON_SET << 12)
#define PAGE_4K			0x1000
#define PAGE_2M			0x200000

	.section .rodata
	.code64
	.balign	16
	.globl	igvm_shim_start, igvm_shim_end
	.type	igvm_shim_start, @object
igvm_shim_start:
	cld
	movq	SHIM_COUNT(%rbp), %r9
	leaq	SHIM_RANGES(%rbp), %r8
.Lrange:
	testq	%r9, %r9
	jz	.Ldone
	movq	(%r8), %r10
	movq	8(%r8), %r11
.Lpage:
	cmpq	%r11, %r10
	jae	.Lnext
	testl	$(PAGE_2M - 1), %r10d
	jnz	.Lsmall
	movq	%r11, %rax
	subq	%r10, %rax
	cmpq	$PAGE_2M, %rax
	jb	.Lsmall

	movq	%r10, %rax
	movl	$1, %ecx
	movl	$1, %edx
	.byte	0xf2, 0x0f, 0x01, 0xff		/* pvalidate, 2 MiB */
	setc	%bl
	cmpl	$RMP_FAIL_SIZEMISMATCH, %eax
	je	.Lsmall				/* one of 512 RMP entries */
	movl	$PAGE_2M, %r12d
	jmp	.Lcheck
.Lsmall:
	movq	%r10, %rax
	xorl	%ecx, %ecx
	movl	$1, %edx
	.byte	0xf2, 0x0f, 0x01, 0xff		/* pvalidate, 4 KiB */
	setc	%bl
	movl	$PAGE_4K, %r12d
.Lcheck:
	/* A result in EAX leaves CF undefined: look at EAX first. */
	testl	%eax, %eax
	jnz	.Lfailed
	testb	%bl, %bl
	jnz	.Lalready
	addq	%r12, %r10
	jmp	.Lpage
.Lnext:
	addq	$16, %r8
	decq	%r9
	jmp	.Lrange
.Ldone:
	movq	SHIM_ENTRY(%rbp), %rax
	jmpq	*%rax

.Lalready:
	movl	$(GHCB_TERMINATE | SHIM_ALREADY_VALIDATED << 16), %eax
	jmp	.Lterminate
.Lfailed:
	movl	$(GHCB_TERMINATE | SHIM_PVALIDATE_FAILED << 16), %eax
.Lterminate:
	xorl	%edx, %edx
	movl	$MSR_GHCB, %ecx
	wrmsr
	.byte	0xf3, 0x0f, 0x01, 0xd9		/* vmgexit */
	hlt
	jmp	.Lterminate
igvm_shim_end:
	.size	igvm_shim_start, . - igvm_shim_start

	.section .note.GNU-stack, "", @progbits
