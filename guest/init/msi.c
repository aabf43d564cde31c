// SPDX-License-Identifier: MIT
/*
 * msi: message-signalled interrupts of a device that needs no DMA. The slot of
 * a PCI Express root port says "command completed" by an interrupt for each
 * write of its Slot Control register (PCI Express 2.0, 6.7.3.2), and setting
 * the attention indicator is such a write. So the count is exact.
 *
 * The kernel takes slots only over if the firmware leaves them to it, or with
 * pcie_ports=native.
 *
 * On each CPU:
 *
 *	steer	the interrupt is sent there; FIRST commands, with the first of
 *		which the kernel does it
 *	burst	COMMANDS commands, from any CPU
 *
 * When the kernel moves an MSI it looks whether the new vector is pending on
 * the CPU that it runs on, and if so sends one to be sure
 * (msi_set_affinity()). That bit may be another device's. So there may be one
 * more interrupt than commands while it steers, and never in a burst.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interrupts.h"
#include "load.h"

enum {
	MAX_PORTS = 8, MAX_TARGETS = 8, COMMANDS = 20, FIRST = 2, STEERS = 50,
};

struct port {
	char slot[32];			/* name in /sys/bus/pci/slots */
	char irq[LABEL_LEN];
	unsigned int state;		/* of the attention indicator */
	unsigned int commands;
};

/* What the kernel has counted, on all CPUs and on one */
struct count {
	uint64_t all, here;
};

static struct count count(const struct port *p, int cpu)
{
	char path[64], text[16 * MAX_CPUS] = "", *save, *word;
	struct count c = { 0 };
	int i = 0;

	snprintf(path, sizeof(path), "/sys/kernel/irq/%s/per_cpu_count",
		 p->irq);
	file_read(path, text, sizeof(text));
	for (word = strtok_r(text, ",\n", &save); word;
	     word = strtok_r(NULL, ",\n", &save), i++) {
		c.all += strtoul(word, NULL, 10);
		if (i == cpu)
			c.here = strtoul(word, NULL, 10);
	}
	return c;
}

/* ---- slots --------------------------------------------------------------- */

/*
 * The port of a slot is the parent of the bus that its address names. Slots of
 * other kinds, ACPI's, have no port with an interrupt.
 */
static bool port_find(struct port *p, const char *slot,
		      const struct interrupts *now)
{
	char path[300], address[32], state[8] = "";
	struct irq_lines lines;

	snprintf(path, sizeof(path), "/sys/bus/pci/slots/%s/address", slot);
	if (slot[0] == '.' || file_read(path, address, sizeof(address)) < 0 ||
	    strlen(address) < 7)
		return false;
	address[7] = '\0';		/* 0000:01:00: the bus is enough */
	*p = (struct port){ 0 };
	snprintf(p->slot, sizeof(p->slot), "%.31s", slot);
	snprintf(path, sizeof(path), "/sys/bus/pci/slots/%s/attention", slot);
	if (file_read(path, state, sizeof(state)) < 0)
		return false;
	p->state = atoi(state);
	snprintf(path, sizeof(path), "/sys/class/pci_bus/%s", address);
	irq_lines_of(path, now, &lines);
	strcpy(p->irq, lines.label[0]);
	return lines.lines == 1;
}

static int ports_find(struct port *ports)
{
	struct interrupts *now = interrupts_read();
	DIR *d = opendir("/sys/bus/pci/slots");
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)) && n < MAX_PORTS)
		n += port_find(&ports[n], e->d_name, now);
	if (d)
		closedir(d);
	free(now);
	return n;
}

/* ---- commands ------------------------------------------------------------ */

/* Gives one and waits until there have been @due interrupts since @before */
static bool command(struct context *ctx, struct port *p,
		    const struct count *before, unsigned int due)
{
	uint64_t end = now_ns() + patience_ns(ctx->opt);
	unsigned int tries = 0;
	char path[80], state[8];

	/* Never the same twice: Intel's ports only answer to a change */
	p->state = (p->state + 1) % 3;
	snprintf(path, sizeof(path), "/sys/bus/pci/slots/%s/attention",
		 p->slot);
	snprintf(state, sizeof(state), "%u\n", p->state);
	if (file_write(path, state))
		return false;
	p->commands++;
	while (count(p, -1).all - before->all < due) {
		if (now_ns() > end)
			return false;
		back_off(&tries);
	}
	return true;
}

/*
 * What was sent to a CPU before has arrived when it has been through a timer
 * interrupt and back: device interrupts wait for nothing else.
 */
static void barrier(struct context *ctx, int cpu)
{
	pin_to(cpu);
	for (int i = 0; i < 2; i++)
		sleep_until(now_ns() + 2 * MSEC);
	unpin(ctx);
}

/* @n commands; there may be @spare interrupts more, and @cpu must get them */
static void batch(struct context *ctx, struct port *p, unsigned int n,
		  unsigned int spare, int cpu)
{
	struct count before = count(p, cpu), after;
	struct tally *t = ctx->tally;
	uint64_t irqs;

	t->expected += n;
	for (unsigned int i = 0; i < n; i++)
		if (!command(ctx, p, &before, i + 1))
			break;
	barrier(ctx, cpu);
	after = count(p, cpu);
	irqs = after.all - before.all;
	t->seen += irqs < n ? irqs : n;
	if (irqs < n)
		t->missing += n - irqs;
	else if (irqs > n + spare)
		t->doubled += irqs - n - spare;
	if (irqs < n || irqs > n + spare)
		tally_fail(t, "slot %s: %ju interrupts for %u commands",
			   p->slot, (uintmax_t)irqs, n);
	if (!spare && after.here - before.here != irqs) {
		t->wrong++;
		tally_fail(t, "slot %s: interrupts not on cpu%d", p->slot, cpu);
	}
}

/* The kernel puts it off while it still tidies up after the last time */
static bool steer(struct context *ctx, struct port *p, int cpu)
{
	char path[64], want[16], is[16] = "";

	snprintf(path, sizeof(path), "/proc/irq/%s/smp_affinity_list", p->irq);
	snprintf(want, sizeof(want), "%d\n", cpu);
	file_write(path, want);
	snprintf(path, sizeof(path), "/proc/irq/%s/effective_affinity_list",
		 p->irq);
	for (int i = 0; i < STEERS && strcmp(is, want); i++) {
		batch(ctx, p, FIRST, 1, cpu);
		file_read(path, is, sizeof(is));
	}
	return !strcmp(is, want);
}

static void commands(struct context *ctx, struct port *p)
{
	char key[KEY_LEN];
	int cpu;

	for (int i = 0; i < ctx->cpus && i < MAX_TARGETS; i++) {
		cpu = ctx->cpu[i];
		if (!steer(ctx, p, cpu))
			tally_fail(ctx->tally, "slot %s cannot be steered",
				   p->slot);
		batch(ctx, p, COMMANDS * ctx->opt->scale, 0, cpu);
		if (ctx->tally->failed)
			break;
	}
	snprintf(key, sizeof(key), "slot%.8s.commands", p->slot);
	tally_add(ctx->tally, key, p->commands);
}

int msi_run(struct context *ctx, const char **why)
{
	struct port ports[MAX_PORTS];
	int n = ports_find(ports);

	if (!tally_found(ctx->tally, "slots", n, ctx->opt->ports))
		return 0;
	if (!n) {
		*why = "no hot-plug slot";
		return -1;
	}
	for (int i = 0; i < n; i++)
		commands(ctx, &ports[i]);
	return 0;
}
