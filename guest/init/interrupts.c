// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interrupts.h"

/* The heading names the CPU of each column: offline ones have none */
static int heading(char *line, int *column)
{
	int n = 0;

	for (char *p = strstr(line, "CPU"); p; p = strstr(p + 3, "CPU"))
		if (n < MAX_CPUS)
			column[n++] = atoi(p + 3);
	return n;
}

static void squeeze(char *out, int size, const char *in)
{
	int n = 0;

	while (isspace((unsigned char)*in))
		in++;
	for (; *in && n < size - 1; in++)
		if (!isspace((unsigned char)in[0]) ||
		    (in[1] && !isspace((unsigned char)in[1])))
			out[n++] = *in;
	out[n] = '\0';
}

/* "LABEL: COUNT COUNT ... what"; ERR and MIS have one count for all */
static bool row(char *line, const int *column, int columns,
		struct irq_row *r)
{
	char *colon = strchr(line, ':'), *p, *end;

	if (!colon)
		return false;
	*colon = '\0';
	memset(r, 0, sizeof(*r));
	squeeze(r->label, sizeof(r->label), line);
	p = colon + 1;
	for (int i = 0; i < columns; i++, p = end) {
		unsigned long v = strtoul(p, &end, 10);

		if (end == p)
			break;
		if (column[i] < MAX_CPUS)
			r->count[column[i]] = v;
	}
	squeeze(r->what, sizeof(r->what), p);
	return true;
}

static char *text(void)
{
	int size = 64 << 10, len;
	char *buf = NULL;

	do {
		size *= 2;
		buf = realloc(buf, size);
		must(buf, "realloc");
		len = file_read("/proc/interrupts", buf, size);
		must(len > 0, "/proc/interrupts");
	} while (len == size - 1);
	return buf;
}

struct interrupts *interrupts_read(void)
{
	struct interrupts *irqs = calloc(1, sizeof(*irqs));
	int column[MAX_CPUS], columns;
	char *buf = text(), *save, *line;

	must(irqs, "calloc");
	line = strtok_r(buf, "\n", &save);
	columns = heading(line, column);
	while ((line = strtok_r(NULL, "\n", &save)) && irqs->rows < MAX_ROWS)
		if (row(line, column, columns, &irqs->row[irqs->rows]))
			irqs->rows++;
	free(buf);
	return irqs;
}

static bool is_wanted(const char *wanted, const char *label)
{
	if (isdigit((unsigned char)label[0]))
		return strchr(wanted, '#');
	return strstr(wanted, label);
}

void interrupts_say(const char *wanted)
{
	struct interrupts *irqs = interrupts_read();

	for (int i = 0; i < irqs->rows; i++) {
		const struct irq_row *r = &irqs->row[i];
		char counts[700] = "";
		int n = 0;

		if (!is_wanted(wanted, r->label))
			continue;
		for (int c = 0; c < MAX_CPUS && n < 680; c++)
			if (r->count[c])
				n += snprintf(counts + n, sizeof(counts) - n,
					      " cpu%d=%u", c, r->count[c]);
		if (n)
			say("irq %s:%s %s", r->label, counts, r->what);
	}
	free(irqs);
}

static const struct irq_row *find(const struct interrupts *irqs,
				  const char *label)
{
	for (int i = 0; i < irqs->rows; i++)
		if (!strcmp(irqs->row[i].label, label))
			return &irqs->row[i];
	return NULL;
}

uint64_t irq_delta_cpu(const struct interrupts *before,
		       const struct interrupts *after, const char *label,
		       int cpu)
{
	const struct irq_row *b = find(before, label), *a = find(after, label);

	/* The kernel's counters are 32 bits wide and wrap */
	return a ? (uint32_t)(a->count[cpu] - (b ? b->count[cpu] : 0)) : 0;
}

uint64_t irq_delta(const struct interrupts *before,
		   const struct interrupts *after, const char *label)
{
	uint64_t sum = 0;

	for (int cpu = 0; cpu < MAX_CPUS; cpu++)
		sum += irq_delta_cpu(before, after, label, cpu);
	return sum;
}

uint64_t irq_delta_lines(const struct interrupts *before,
			 const struct interrupts *after,
			 const struct irq_lines *lines)
{
	uint64_t sum = 0;

	for (int i = 0; i < lines->lines; i++)
		sum += irq_delta(before, after, lines->label[i]);
	return sum;
}

static void line_add(struct irq_lines *lines, const struct irq_row *r)
{
	if (!r || lines->lines == MAX_LINES)
		return;
	strcpy(lines->label[lines->lines++], r->label);
	lines->shared |= strchr(r->what, ',') != NULL;
}

/* MSI and MSI-X vectors have one file each in the PCI device's msi_irqs/ */
static bool msi_lines(const char *dir, const struct interrupts *now,
		      struct irq_lines *lines)
{
	char path[PATH_MAX + 16];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/msi_irqs", dir);
	d = opendir(path);
	if (!d)
		return false;
	while ((e = readdir(d)))
		line_add(lines, find(now, e->d_name));
	closedir(d);
	return true;
}

/*
 * Legacy IDE has no PCI interrupt but a line a channel, 14 and 15. The first
 * of the controller's ports in @device, a path like .../ata1/host0/..., is
 * the primary channel.
 */
static void ide_line(const char *controller, const char *device,
		     const struct interrupts *now, struct irq_lines *lines)
{
	const char *port = strstr(device, "/ata");
	char path[PATH_MAX + 16];
	int id = port ? atoi(port + 4) : 0;

	if (id < 1)
		return;
	snprintf(path, sizeof(path), "%s/ata%d", controller, id - 1);
	line_add(lines, find(now, access(path, F_OK) ? "14" : "15"));
}

void irq_lines_of(const char *sysfs, const struct interrupts *now,
		  struct irq_lines *lines)
{
	char dir[PATH_MAX], device[PATH_MAX], path[PATH_MAX + 16], irq[16];
	char *slash;

	memset(lines, 0, sizeof(*lines));
	if (!realpath(sysfs, dir))
		return;
	strcpy(device, dir);
	/* The first ancestor with an interrupt is the PCI device */
	while ((slash = strrchr(dir, '/')) && slash != dir) {
		snprintf(path, sizeof(path), "%s/irq", dir);
		if (file_read(path, irq, sizeof(irq)) > 0)
			break;
		*slash = '\0';
	}
	if (slash == dir || msi_lines(dir, now, lines))
		return;
	irq[strcspn(irq, "\n")] = '\0';
	if (strcmp(irq, "0"))
		line_add(lines, find(now, irq));
	else
		ide_line(dir, device, now, lines);
}
