/* SPDX-License-Identifier: MIT */
/* The little AML (ACPI 6.5, chapter 20) that a DSDT for a small PC needs. */
#ifndef IGVM_AML_H
#define IGVM_AML_H

#include "arch/types.h"

struct aml {
	u8 *data;
	size_t size;
	size_t room;
	bool full;			/* something did not fit */
};

void aml_bytes(struct aml *a, const void *data, size_t size);
void aml_byte(struct aml *a, u8 value);
/* An integer in its shortest encoding (20.2.3). */
void aml_integer(struct aml *a, u64 value);
/* Name (@path, ...): the object follows. @path is encoded AML. */
void aml_name(struct aml *a, const char *path);

/* What has a PkgLength: begin, content, end with what begin returned. */
size_t aml_scope(struct aml *a, const char *path);
size_t aml_device(struct aml *a, const char *name);
size_t aml_package(struct aml *a, u8 elements);
size_t aml_buffer(struct aml *a);
void aml_end(struct aml *a, size_t start);
void aml_end_buffer(struct aml *a, size_t start);

/* Resource descriptors (6.4), fixed ranges, inside a buffer. */
void aml_bus_numbers(struct aml *a, u16 first, u16 last);
void aml_io_window(struct aml *a, u16 first, u16 last);
void aml_memory_window(struct aml *a, u32 first, u32 last);
void aml_io_port(struct aml *a, u16 first, u8 count);
void aml_end_tag(struct aml *a);

#endif
