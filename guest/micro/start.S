/* SPDX-License-Identifier: MIT */
/*
 * Entry of a micro guest, of its secondary CPUs, and of every exception and
 * interrupt. RDI is the GPA of struct elf_info at the entry.
 */
	.section .text.start, "ax"
	.globl micro_entry
micro_entry:
	leaq	stack_top(%rip), %rsp
	xorl	%ebp, %ebp
	call	micro_start
1:	hlt
	jmp	1b

/* A CPU made by AP creation: its VMSA has RSP, GS base and RDI set. */
	.globl micro_ap_entry
micro_ap_entry:
	xorl	%ebp, %ebp
	call	micro_ap_start
1:	hlt
	jmp	1b

/*
 * One stub a vector, 16 bytes apart: push 0 where the CPU pushes no error
 * code, then the vector.
 */
	.balign 16
	.globl vector_stubs
vector_stubs:
	vector = 0
	.rept 256
	.balign 16
	/* 8, 10-14, 17, 21, 29, 30 push an error code */
	.if !(vector == 8 || (vector >= 10 && vector <= 14) || \
	      vector == 17 || vector == 21 || vector == 29 || vector == 30)
	pushq	$0
	.endif
	pushq	$vector
	jmp	common
	vector = vector + 1
	.endr

common:
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
	call	micro_exception
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

	.bss
	.balign 4096
	.skip	16384
stack_top:
	.section .note.GNU-stack, "", @progbits
