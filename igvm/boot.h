/* SPDX-License-Identifier: MIT */
/* What composing a Linux file and composing an ELF file have in common. */
#ifndef IGVM_BOOT_H
#define IGVM_BOOT_H

#include "igvm/compose.h"
#include "igvm/ranges.h"

#define BOOT_MASK			1	/* of our one platform */

struct boot {
	const struct boot_machine *m;
	struct igvm_builder *b;
	struct igvm_error *err;
	struct boot_layout *out;	/* never NULL */
	struct boot_ranges free;	/* not spoken for */
	u64 base;			/* of the boot area */
	u64 c_mask;			/* C-bit in page tables, or 0 */
	bool aware;			/* gets secrets and CPUID pages */
	bool shim;
};

/* Refuse the machine or start the file: platform, policy, required memory. */
int boot_begin(struct boot *c);
/* Secrets, CPUID, GDT, page tables, ACPI. */
int boot_area(struct boot *c);
/* Put @size bytes at @gpa: RAM that nobody else has. @what is for people. */
int boot_place(struct boot *c, const char *what, u64 gpa, const void *data,
	       u64 size);
/* Keep [gpa, gpa + size) free of later boot_find()s without filling it. */
int boot_keep(struct boot *c, const char *what, u64 gpa, u64 size);
/* The kernel's registers; then shim and VP_CONTEXT, last of all. */
void boot_registers(struct boot *c, u64 entry, struct vmsa *vmsa);
int boot_end(struct boot *c);

#endif
