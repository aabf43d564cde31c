/* SPDX-License-Identifier: MIT */
/*
 * Entered below a monitor in 64-bit mode with VA = PA. In: RBP = struct
 * handover_info. RSI and RDI reach the entry as they came; all others are
 * lost. No stack, no #VC: the GHCB MSR is never intercepted.
 *
 * CONFIGURE is call 1 of protocol 3; the MSR protocol's 016h runs VMPL 0
 * (56421 section 2.3.1). The area says 0 when the call has been seen.
 */
#include "igvm/handover.h"
#include "igvm/shim.h"

#define MSR_GHCB		0xc0010130
#define RUN_VMPL0		0x016
#define GHCB_TERMINATE		(0x100 | SHIM_REASON_SET << 12)

	.section .rodata
	.code64
	.balign	16
	.globl	igvm_handover_start, igvm_handover_end
	.type	igvm_handover_start, @object
igvm_handover_start:
	movl	$MSR_GHCB, %ecx
	rdmsr
	movl	%eax, %r12d
	movl	%edx, %r13d
	xorl	%edx, %edx
	movl	$RUN_VMPL0, %eax
	wrmsr

	movq	HANDOVER_AREA(%rbp), %rbx
	movq	HANDOVER_REQUEST(%rbp), %rcx
	movabsq	$0x300000001, %rax
	movb	$1, (%rbx)
	.byte	0xf3, 0x0f, 0x01, 0xd9		/* vmgexit */
	testq	%rax, %rax
	jnz	.Lfailed
	cmpb	$0, (%rbx)
	jne	.Lfailed

	movl	$MSR_GHCB, %ecx
	movl	%r12d, %eax
	movl	%r13d, %edx
	wrmsr
	jmpq	*HANDOVER_ENTRY(%rbp)

.Lfailed:
	movl	$(GHCB_TERMINATE | HANDOVER_FAILED << 16), %eax
	xorl	%edx, %edx
	movl	$MSR_GHCB, %ecx
	wrmsr
	.byte	0xf3, 0x0f, 0x01, 0xd9		/* vmgexit */
	hlt
	jmp	.Lfailed
igvm_handover_end:
	.size	igvm_handover_start, . - igvm_handover_start

	.section .note.GNU-stack, "", @progbits
