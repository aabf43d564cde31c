// SPDX-License-Identifier: MIT
/*
 * flood: numbered lines to the serial console, from every CPU at once. They go
 * through the tty, whose transmitter is fed by the serial port's interrupt, and
 * whoever has the other end of the line checks that they came whole and in
 * order:
 *
 *	belfry: flood CPU NUMBER CHECK
 *
 * NUMBER counts from 0 on each CPU, CHECK is flood_check() of both. A lost
 * interrupt stops the transmitter, and the watchdog sees the hang.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "interrupts.h"
#include "load.h"

enum { LINES = 10000 };

static int tty;

static uint32_t flood_check(uint32_t cpu, uint32_t number)
{
	uint32_t x = (cpu + 1) * 0x9e3779b1u ^ number * 0x85ebca6bu;

	return x ^ x >> 15;
}

/* Lines are shared out; the first CPUs get what is left over */
static uint32_t share(const struct context *ctx, int index)
{
	uint32_t lines = LINES * ctx->opt->scale;

	return lines / ctx->cpus + ((uint32_t)index < lines % ctx->cpus);
}

/* One line, one write: the tty takes it whole */
static void writer(struct context *ctx, int index)
{
	uint32_t cpu = ctx->cpu[index], lines = share(ctx, index);
	char line[64];
	int len;

	for (uint32_t i = 0; i < lines; i++) {
		len = snprintf(line, sizeof(line),
			       "belfry: flood %u %u %08x\r\n", cpu, i,
			       flood_check(cpu, i));
		must(write(tty, line, len) == len, "console");
		ctx->tally->seen++;
	}
}

static void tty_open(void)
{
	struct termios t;

	tty = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	must(tty >= 0 && !tcgetattr(tty, &t), "/dev/console");
	cfmakeraw(&t);
	must(!tcsetattr(tty, TCSADRAIN, &t), "/dev/console");
}

/*
 * The kernel writes its own lines in between, at the port itself, and would
 * cut ours in two.
 */
static void quiet(char old[32])
{
	static const char level[] = "/proc/sys/kernel/printk";

	if (file_read(level, old, 32) < 1)
		old[0] = '\0';
	file_write(level, "1");
}

int flood_run(struct context *ctx, const char **why)
{
	struct interrupts *before, *after;
	struct irq_lines lines;
	char level[32];
	uint64_t irqs;

	(void)why;
	quiet(level);
	tty_open();
	ctx->tally->expected += LINES * ctx->opt->scale;
	before = interrupts_read();
	on_each_cpu(ctx, writer);
	must(!tcdrain(tty), "console");
	after = interrupts_read();
	close(tty);
	irq_lines_of("/sys/class/tty/ttyS0", after, &lines);
	irqs = irq_delta_lines(before, after, &lines);
	if (!irqs)
		tally_fail(ctx->tally, "lines went out without an interrupt");
	tally_add(ctx->tally, "irqs", irqs);
	file_write("/proc/sys/kernel/printk", level);
	free(before);
	free(after);
	return 0;
}
