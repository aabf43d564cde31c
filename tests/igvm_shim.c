// SPDX-License-Identifier: MIT
/*
 * The shim itself, run in this process: PVALIDATE and WRMSR trap, and the
 * signal handler plays the RMP and the host. VMGEXIT alone is made a UD2: as
 * an ordinary VMMCALL it may be a hypercall of the machine that tests run on,
 * and not trap at all.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cmocka.h>

#include "arch/snp.h"
#include "igvm/shim.h"

#define PAGES			4096	/* 16 MiB of made-up memory */

/* Saves what the ABI wants saved, enters the shim, is where it jumps to. */
u64 shim_call(struct shim_info *info, const void *shim, u64 rsi, u64 rdi,
	      u64 out[2]);
extern const u8 shim_return[];

asm(".text\n"
    "shim_call:\n"
    "	push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
    "	push %r8\n"
    "	mov %rdi, %rbp\n"
    "	mov %rsi, %rax\n"
    "	mov %rdx, %rsi\n"
    "	mov %rcx, %rdi\n"
    "	jmp *%rax\n"
    "shim_return:\n"
    "	pop %r8\n"
    "	mov %rsi, (%r8)\n"
    "	mov %rdi, 8(%r8)\n"
    "	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n"
    "	ret\n");

static struct {
	bool validated[PAGES];
	bool small[PAGES / 512];	/* 2M requests do not fit this one */
	u32 fail_page;			/* PVALIDATE returns FAIL_INPUT */
	u64 msr;			/* what was written to the GHCB MSR */
	bool exited;
	unsigned int large_calls;
	unsigned int calls;
	sigjmp_buf stop;
} rmp;

static u32 pvalidate(u64 gpa, bool large, bool *carry)
{
	u64 page = gpa / PAGE_SIZE, n = large ? 512 : 1;

	rmp.calls++;
	rmp.large_calls += large;
	/* Undefined with an error code: make it as wrong as can be. */
	*carry = true;
	if (gpa % (large ? PAGE_2M : PAGE_SIZE) || page + n > PAGES ||
	    page == rmp.fail_page)
		return RMP_FAIL_INPUT;
	if (large && rmp.small[page / 512])
		return RMP_FAIL_SIZEMISMATCH;
	*carry = rmp.validated[page];
	for (u64 i = 0; i < n; i++)
		rmp.validated[page + i] = true;
	return RMP_OK;
}

static const u8 vmgexit[] = { 0xf3, 0x0f, 0x01, 0xd9 };
static const u8 ud2[] = { 0x0f, 0x0b };

static void on_trap(int signal, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
	const u8 *code = (const u8 *)r[REG_RIP];
	bool carry;

	(void)signal;
	(void)info;
	if (!memcmp(code, "\xf2\x0f\x01\xff", 4)) {
		if ((u32)r[REG_RDX] != 1)
			abort();
		r[REG_RAX] = pvalidate(r[REG_RAX], r[REG_RCX] & 1, &carry);
		r[REG_EFL] = (r[REG_EFL] & ~1ll) | carry;
		r[REG_RIP] += 4;
	} else if (!memcmp(code, "\x0f\x30", 2)) {
		if ((u32)r[REG_RCX] != MSR_GHCB)
			abort();
		rmp.msr = (u64)r[REG_RDX] << 32 | (u32)r[REG_RAX];
		r[REG_RIP] += 2;
	} else if (!memcmp(code, ud2, sizeof(ud2))) {
		rmp.exited = true;
		siglongjmp(rmp.stop, 1);
	} else {
		abort();
	}
}

static void trap_vmgexit(u8 *code, size_t size)
{
	unsigned int found = 0;

	for (size_t i = 0; i + sizeof(vmgexit) <= size; i++)
		if (!memcmp(code + i, vmgexit, sizeof(vmgexit))) {
			memcpy(code + i, ud2, sizeof(ud2));
			found++;
		}
	assert_true(found);
}

/* Returns false if the shim terminated the guest. */
static bool run(struct shim_info *info)
{
	size_t size = igvm_shim_end - igvm_shim_start;
	u64 out[2] = { 0 };
	void *shim = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sigaction sa = { .sa_flags = SA_SIGINFO | SA_NODEFER };
	struct sigaction ill, segv;
	volatile bool jumped = false;

	assert_true(size <= 4096);
	sa.sa_sigaction = on_trap;
	memcpy(shim, igvm_shim_start, size);
	trap_vmgexit(shim, size);
	mprotect(shim, 4096, PROT_READ | PROT_EXEC);
	sigaction(SIGILL, &sa, &ill);
	sigaction(SIGSEGV, &sa, &segv);
	info->entry = (u64)shim_return;
	if (!sigsetjmp(rmp.stop, 1)) {
		shim_call(info, shim, 0x90000, 0x42000, out);
		jumped = true;
	}
	sigaction(SIGILL, &ill, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	munmap(shim, 4096);
	if (jumped) {
		assert_int_equal(out[0], 0x90000);
		assert_int_equal(out[1], 0x42000);
	}
	return jumped;
}

static int reset(void **state)
{
	(void)state;
	memset(&rmp, 0, sizeof(rmp));
	rmp.fail_page = PAGES;
	return 0;
}

static void assert_validated(u64 start, u64 end)
{
	for (u64 i = 0; i < PAGES; i++)
		if (rmp.validated[i] !=
		    (i >= start / PAGE_SIZE && i < end / PAGE_SIZE))
			fail_msg("page 0x%llx", (unsigned long long)i);
}

static void nothing_to_do(void **state)
{
	struct shim_info info = { .count = 0 };

	(void)state;
	assert_true(run(&info));
	assert_int_equal(rmp.calls, 0);
}

/* 4 KiB up to a boundary, 2 MiB, 4 KiB: as few calls as can be. */
static void large_where_aligned(void **state)
{
	struct shim_info info = { .count = 1 };

	(void)state;
	info.range[0].start = PAGE_2M - 3 * PAGE_SIZE;
	info.range[0].end = 3 * PAGE_2M + 2 * PAGE_SIZE;
	assert_true(run(&info));
	assert_validated(info.range[0].start, info.range[0].end);
	assert_int_equal(rmp.large_calls, 2);
	assert_int_equal(rmp.calls, 3 + 2 + 2);
}

static void falls_back_to_4k(void **state)
{
	struct shim_info info = { .count = 1 };

	(void)state;
	rmp.small[1] = true;
	info.range[0].start = 0;
	info.range[0].end = 3 * PAGE_2M;
	assert_true(run(&info));
	assert_validated(0, 3 * PAGE_2M);
	assert_int_equal(rmp.large_calls, 3);
	assert_int_equal(rmp.calls, 3 + 512);
}

static void many_ranges(void **state)
{
	struct shim_info info = { .count = SHIM_MAX_RANGES };

	(void)state;
	for (u32 i = 0; i < SHIM_MAX_RANGES; i++) {
		info.range[i].start = 2 * i * PAGE_SIZE;
		info.range[i].end = (2 * i + 1) * PAGE_SIZE;
	}
	assert_true(run(&info));
	for (u32 i = 0; i < 2 * SHIM_MAX_RANGES; i++)
		assert_int_equal(rmp.validated[i], i % 2 == 0);
	assert_int_equal(rmp.calls, SHIM_MAX_RANGES);
}

static void stops_on_what_was_validated(void **state)
{
	struct shim_info info = { .count = 1 };

	(void)state;
	rmp.validated[5] = true;
	info.range[0].start = 0x1000;
	info.range[0].end = 0x10000;
	assert_false(run(&info));
	assert_true(rmp.exited);
	assert_int_equal(rmp.msr, 0x100 | SHIM_REASON_SET << 12 |
			 SHIM_ALREADY_VALIDATED << 16);
	assert_false(rmp.validated[6]);
}

static void stops_on_an_error(void **state)
{
	struct shim_info info = { .count = 1 };

	(void)state;
	rmp.fail_page = 512;
	info.range[0].start = 0x1000;
	info.range[0].end = 2 * PAGE_2M;
	assert_false(run(&info));
	assert_int_equal(rmp.msr, 0x100 | SHIM_REASON_SET << 12 |
			 SHIM_PVALIDATE_FAILED << 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_to_do, reset),
		cmocka_unit_test_setup(large_where_aligned, reset),
		cmocka_unit_test_setup(falls_back_to_4k, reset),
		cmocka_unit_test_setup(many_ranges, reset),
		cmocka_unit_test_setup(stops_on_what_was_validated, reset),
		cmocka_unit_test_setup(stops_on_an_error, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
