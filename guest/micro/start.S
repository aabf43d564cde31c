/* SPDX-License-Identifier: MIT */
/*
 * Entry of a micro guest, of its secondary CPUs, and of every exception and
 * interrupt. RDI is the GPA of struct elf_info at the entry.
 */
#include "arch/vectors.h"

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

	vector_stubs vector_stubs, 256, micro_exception

	.bss
	.balign 4096
	.skip	16384
stack_top:
	.section .note.GNU-stack, "", @progbits
