/* SPDX-License-Identifier: MIT */
/* /proc/interrupts: the kernel's own count, the witness for every load */
#ifndef BELFRY_INIT_INTERRUPTS_H
#define BELFRY_INIT_INTERRUPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "load.h"

enum { MAX_ROWS = 160, MAX_LINES = 40, LABEL_LEN = 12 };

struct irq_row {
	char label[LABEL_LEN];		/* "24", "LOC", ... */
	char what[80];			/* chip, trigger, actions */
	uint32_t count[MAX_CPUS];
};

struct interrupts {
	int rows;
	struct irq_row row[MAX_ROWS];
};

/* The rows that belong to one device */
struct irq_lines {
	int lines;
	char label[MAX_LINES][LABEL_LEN];
	bool shared;			/* others use one of the rows too */
};

struct interrupts *interrupts_read(void);
/* Prints rows whose label begins like one of the comma-separated wanted ones;
 * "#" stands for every numbered row */
void interrupts_say(const char *wanted);

uint64_t irq_delta_cpu(const struct interrupts *before,
		       const struct interrupts *after, const char *label,
		       int cpu);
uint64_t irq_delta(const struct interrupts *before,
		   const struct interrupts *after, const char *label);
uint64_t irq_delta_lines(const struct interrupts *before,
			 const struct interrupts *after,
			 const struct irq_lines *lines);

/* Finds the rows of the device whose sysfs folder this is */
void irq_lines_of(const char *sysfs, const struct interrupts *now,
		  struct irq_lines *lines);

#endif
