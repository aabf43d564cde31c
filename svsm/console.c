// SPDX-License-Identifier: MIT
/* COM1, and the end. Private data never goes to either. */
#include "svsm/insn.h"
#include "svsm/svsm.h"

#define COM1_DATA	0x3f8
#define COM1_STATUS	0x3fd
#define STATUS_EMPTY	BIT(5)
#define TRIES		10000

/* A host that never lets the port become empty gets its text anyway. */
static void put(char c)
{
	for (unsigned int i = 0; i < TRIES; i++)
		if (ghcb_in(COM1_STATUS) & STATUS_EMPTY)
			break;
	ghcb_out(COM1_DATA, c);
}

void console_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			put('\r');
		put(*text);
	}
}

void console_hex(u64 value)
{
	unsigned int shift = 60;

	while (shift && !(value >> shift))
		shift -= 4;
	console_text("0x");
	for (;; shift -= 4) {
		put("0123456789abcdef"[value >> shift & 0xf]);
		if (!shift)
			break;
	}
}

/*
 * The first CPU that stops says why; should saying it fail, it comes here
 * again and is silent. Without a GHCB only the request itself remains.
 */
void stop(enum monitor_reason reason, const char *why, u64 value)
{
	static u32 said;
	u64 request = GHCB_MSR_TERMINATE | MONITOR_REASONS << 12 |
		      (u64)reason << 16;

	if (this_cpu()->speaks &&
	    !__atomic_exchange_n(&said, 1, __ATOMIC_SEQ_CST)) {
		console_text("\nsvsm: stopped: ");
		console_text(why);
		console_text(" (");
		console_hex(value);
		console_text(")\n");
	}
	for (;;)
		ghcb_msr(request);
}
