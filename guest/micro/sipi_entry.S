/* SPDX-License-Identifier: MIT */
/*
 * Where a SIPI sends a CPU of a guest that knows nothing of SNP: real mode,
 * CS = vector << 8. Copied to low memory; the words at the end are filled in
 * by sipi.c.
 */
#define AT(label)	(label - sipi_code)

	.text
	.balign 16
	.globl sipi_code, sipi_words, sipi_end
	.code16
sipi_code:
	cli
	cld
	movw	%cs, %ax
	movw	%ax, %ds
	lgdtl	AT(sipi_gdtr)
	movl	AT(sipi_cr4), %eax
	movl	%eax, %cr4
	movl	AT(sipi_cr3), %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx
	movl	AT(sipi_efer), %eax
	xorl	%edx, %edx
	wrmsr
	movl	AT(sipi_cr0), %eax
	movl	%eax, %cr0
	ljmpl	*AT(sipi_far)

	.balign 8
sipi_words:				/* struct sipi_words */
sipi_cr0:	.long 0
sipi_cr3:	.long 0
sipi_cr4:	.long 0
sipi_efer:	.long 0
sipi_far:	.long 0
		.word 0
sipi_gdtr:	.word 0
		.long 0
sipi_end:

	.code64
	.globl sipi_64
sipi_64:
	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs
	movl	%eax, %ss
	movq	sipi_stack(%rip), %rsp
	xorl	%ebp, %ebp
	call	cpu_sipi_main
1:	hlt
	jmp	1b

	.bss
	.globl sipi_stack
	.balign 8
sipi_stack:
	.skip	8
	.section .note.GNU-stack, "", @progbits
