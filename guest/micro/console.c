// SPDX-License-Identifier: MIT
/* Console on COM1, checks, the command line. */
#include <stdarg.h>

#include "guest/micro/micro.h"

#define COM1	0x3f8

static unsigned int checks, failures;

void console_putc(char c)
{
	if (c == '\n')
		console_putc('\r');
	ghcb_out(COM1, 1, (u8)c);
}

static void put_number(u64 n, unsigned int base)
{
	char digits[20];
	unsigned int len = 0;

	do {
		digits[len++] = "0123456789abcdef"[n % base];
		n /= base;
	} while (n);
	while (len)
		console_putc(digits[--len]);
}

static void put_string(const char *s)
{
	while (*s)
		console_putc(*s++);
}

void print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	for (; *format; format++) {
		if (*format != '%') {
			console_putc(*format);
			continue;
		}
		switch (*++format) {
		case 's':
			put_string(va_arg(args, const char *));
			break;
		case 'u':
			put_number(va_arg(args, u64), 10);
			break;
		case 'x':
			put_number(va_arg(args, u64), 16);
			break;
		case 'c':
			console_putc(va_arg(args, int));
			break;
		}
	}
	va_end(args);
}

void check_at(bool ok, const char *what, const char *file, unsigned int line)
{
	checks++;
	if (ok)
		return;
	failures++;
	print("belfry: check FAILED: %s (%s:%u)\n", what, file, (u64)line);
}

/* PM1a_CNT: SLP_EN with sleep type 0, which is S5 on this board. */
void power_off(void)
{
	print("belfry: checks %u failed %u\n", (u64)checks, (u64)failures);
	if (failures)
		print("belfry: result FAILED: %u of %u checks\n",
		      (u64)failures, (u64)checks);
	else
		print("belfry: result ok\n");
	ghcb_out(0x604, 2, 0x2000);
	for (;;)
		irq_on_halt();
}

void panic(const char *why, const struct regs *regs)
{
	print("belfry: result FAILED: %s\n", why);
	if (regs)
		print("vector %u error %x rip %x rflags %x cpu %u\n",
		      regs->vector, regs->error, regs->rip, regs->rflags,
		      (u64)this_cpu()->index);
	ghcb_out(0x604, 2, 0x2000);
	for (;;)
		irq_on_halt();
}

/* The text behind NAME= on the command line, or NULL. */
static const char *find(const char *name)
{
	const char *at = (const char *)micro_info->command_line;

	while (at && *at) {
		const char *n = name;

		while (*at == ' ')
			at++;
		while (*n && *at == *n) {
			at++;
			n++;
		}
		if (!*n && *at == '=')
			return at + 1;
		while (*at && *at != ' ')
			at++;
	}
	return NULL;
}

u64 option(const char *name, u64 otherwise)
{
	const char *at = find(name);
	u64 n = 0;

	if (!at || *at < '0' || *at > '9')
		return otherwise;
	while (*at >= '0' && *at <= '9')
		n = n * 10 + *at++ - '0';
	return n;
}

bool option_is(const char *name, const char *value)
{
	const char *at = find(name);

	if (!at)
		return false;
	while (*value && *at == *value) {
		at++;
		value++;
	}
	return !*value && (!*at || *at == ' ');
}
