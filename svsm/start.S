/* SPDX-License-Identifier: MIT */
/*
 * Entries of the first CPU, of the others, of exceptions, and of #HV; the
 * two pieces of code that #HV must not let go on: before a VMPL switch and
 * before HLT (56421 section 5.5).
 */
#include "arch/vectors.h"
#include "svsm/start.h"

	.section .text.start, "ax"
	.globl svsm_entry
svsm_entry:				/* RDI: struct monitor_info */
	leaq	boot_stack_end(%rip), %rsp
	xorl	%ebp, %ebp
	call	svsm_start		/* returns this CPU's struct cpu */
	movq	8(%rax), %rsp		/* cpu.stack_top */
	movq	%rax, %rdi
	call	svsm_main
	ud2

	.text
	.globl svsm_ap_entry
svsm_ap_entry:				/* VMSA: RSP, GS, RDI = struct cpu */
	xorl	%ebp, %ebp
	call	svsm_ap_main
	ud2

/* ---- VMPL switch --------------------------------------------------------- */

/*
 * The GHCB is filled in for Run VMPL. An #HV between test and VMGEXIT would
 * stay unseen for as long as the guest runs, so its handler sends whoever is
 * in the window to the cancel label. Behind VMGEXIT it is no longer needed:
 * the caller looks at the doorbell in any case.
 */
	.globl svsm_switch
svsm_switch:				/* RDI: doorbell word */
	xorl	%eax, %eax
switch_window:
	testw	$NO_FURTHER_SIGNAL, (%rdi)
	jnz	switch_cancel
	rep; vmmcall
switch_window_end:
	ret
switch_cancel:
	movl	$1, %eax
	ret

/* The same for HLT: whoever is in the window leaves it behind the HLT. */
	.globl svsm_halt
svsm_halt:				/* RDI: doorbell word, RSI: u64 */
halt_window:
	testw	$NO_FURTHER_SIGNAL, (%rdi)
	jnz	halt_window_end
	cmpq	$0, (%rsi)
	jne	halt_window_end
	hlt
halt_window_end:
	ret

/* ---- #HV ----------------------------------------------------------------- */

/*
 * Comes at any instruction, this one too, and uses the stack that there is:
 * an IST entry would be overwritten by the next one. No error code. It takes
 * nothing from the doorbell: NoFurtherSignal stays set until hv_poll(). One
 * that interrupts this code finds no window here and returns at once.
 */
	.globl svsm_hv_entry
svsm_hv_entry:
	pushq	%rax
	pushq	%rcx
	movq	16(%rsp), %rax		/* interrupted RIP */
	leaq	switch_window(%rip), %rcx
	cmpq	%rcx, %rax
	jb	1f
	leaq	switch_window_end(%rip), %rcx
	cmpq	%rcx, %rax
	jae	1f
	leaq	switch_cancel(%rip), %rcx
	movq	%rcx, 16(%rsp)
	jmp	2f
1:	leaq	halt_window(%rip), %rcx
	cmpq	%rcx, %rax
	jb	2f
	leaq	halt_window_end(%rip), %rcx
	cmpq	%rcx, %rax
	jae	2f
	movq	%rcx, 16(%rsp)
2:	popq	%rcx
	popq	%rax
	iretq

/* ---- exceptions ---------------------------------------------------------- */

	vector_stubs svsm_stubs, 32, svsm_trap

	.bss
	.balign 4096
boot_stack:
	.skip	8192
boot_stack_end:
	.section .note.GNU-stack, "", @progbits
