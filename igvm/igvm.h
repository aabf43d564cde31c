/* SPDX-License-Identifier: MIT */
/*
 * Reading, showing and writing IGVM files. Nothing here knows a machine: the
 * loader gets its pages through struct igvm_sink.
 *
 * Files are foreign input. Each function that looks at one either succeeds or
 * fills struct igvm_error with one plain sentence; nothing asserts, and no
 * allocation exceeds a small multiple of the file's own size plus
 * IGVM_MAX_PARAMETER_BYTES.
 *
 * All functions may be called from any thread; one object belongs to one
 * thread at a time.
 */
#ifndef IGVM_IGVM_H
#define IGVM_IGVM_H

#include <stdio.h>

#include "arch/igvm.h"
#include "arch/types.h"
#include "arch/vmsa.h"

struct igvm_file;
struct igvm_builder;

/* Why something was refused: one sentence, no newline. */
struct igvm_error {
	char text[200];
};

/* All parameter areas of one file together (our limit, not the format's). */
#define IGVM_MAX_PARAMETER_BYTES	(64ull << 20)
/* GPAs end below this: 52 bits, APM vol. 2 section 5.3.1. */
#define IGVM_MAX_GPA			BIT_ULL(52)

/*
 * Parse and check a whole file. @data stays the caller's and must stay
 * unchanged until igvm_close(): headers are copied, page contents are not.
 * Returns 0, or -1 with @err set (then *@file is NULL).
 */
int igvm_open(const void *data, size_t size, struct igvm_file **file,
	      struct igvm_error *err);
void igvm_close(struct igvm_file *file);

/* Whether the file has a row for this platform (enum igvm_platform_type). */
bool igvm_supports(const struct igvm_file *file, unsigned int platform);

/* What only the host knows; goes to the parameters a file asks for. */
struct igvm_machine {
	u32 vp_count;
	u32 environment;		/* IGVM_ENV_* */
	const struct igvm_memory_map_entry *map;	/* sorted */
	u32 map_entries;
	const void *madt;		/* whole ACPI table, or NULL */
	u32 madt_bytes;
	const char *command_line;	/* NULL: leave the parameter zero */
};

/*
 * Where a file goes. Each call returns 0 to go on or anything else to stop;
 * a call that is NULL is skipped. Pointers are valid during the call only.
 *
 * @page:       one page of 4 KiB, assigned, validated and (by @flags)
 *              measured; a 2 MiB page comes as 512 calls in rising order,
 *              each with IGVM_PAGE_2MB set. @data NULL: a page of zeroes.
 *              SECRETS and CPUID pages: the host supplies the content; @data
 *              is the file's template. IGVM_PAGE_SHARED: not private.
 * @required:   RAM must exist here: private, assigned, NOT validated, unless
 *              a page says otherwise (before or after). Page aligned.
 * @params:     a filled parameter area, unmeasured, private, validated; @gpa
 *              and @size are multiples of 4 KiB.
 * @vp_context: registers of vCPU @vp_index. On SNP @gpa is where the VMSA
 *              lies and may be outside of RAM (IGVM_KVM_VMSA_GPA); on the
 *              native platform @gpa is 0 and the VMSA is only a register set
 *              (no SEV_FEATURES, no SVME).
 * @policy:     the launch policy (SNP: SEV-SNP firmware ABI, 4.3).
 */
struct igvm_sink {
	int (*page)(void *ctx, u64 gpa, enum igvm_page_type type, u32 flags,
		    const void *data);
	int (*required)(void *ctx, u64 gpa, u64 bytes, u32 flags);
	int (*params)(void *ctx, u64 gpa, const void *data, u64 size);
	int (*vp_context)(void *ctx, u64 gpa, u16 vp_index,
			  const struct vmsa *vmsa);
	int (*policy)(void *ctx, u64 policy);
};

/*
 * Walk the headers of one platform in file order (IGVM 6: the loader). Host
 * parameters that @info does not have stay zero; one that does not fit its
 * area is refused. Returns 0, or -1 with @err set; the sink may then have
 * seen a part of the file.
 */
int igvm_load(const struct igvm_file *file, unsigned int platform,
	      const struct igvm_machine *info, const struct igvm_sink *sink,
	      void *ctx, struct igvm_error *err);

/* For people: every header, one a line, runs of pages joined. */
void igvm_show(const struct igvm_file *file, FILE *out);

/* "SEV-SNP", ...; never NULL. */
const char *igvm_platform_name(unsigned int platform);
/* "PAGE_DATA", ...; NULL if the type is not known. */
const char *igvm_type_name(u32 type);

/*
 * Writing. A builder remembers the first error; igvm_builder_finish() tells
 * it. Headers are written platform, initialisation, directive, each in the
 * order of the calls; equal calls give equal bytes. Sizes and GPAs are bytes.
 */
struct igvm_builder *igvm_builder_new(void);
void igvm_builder_free(struct igvm_builder *b);

void igvm_add_platform(struct igvm_builder *b, u32 mask, unsigned int type,
		       u8 highest_vtl, u64 shared_gpa_boundary);
void igvm_add_policy(struct igvm_builder *b, u32 mask, u64 policy);
/* Split into headers of at most 2 GiB (the field has 32 bits). */
void igvm_add_required(struct igvm_builder *b, u32 mask, u64 gpa, u64 bytes,
		       u32 flags);
/* @data: 4 KiB, or 2 MiB with IGVM_PAGE_2MB; NULL: zeroes. Copied. */
void igvm_add_page(struct igvm_builder *b, u32 mask, u64 gpa,
		   enum igvm_page_type type, u32 flags, const void *data);
/* Normal 4 KiB pages; the last is padded, all-zero ones become zero pages. */
void igvm_add_range(struct igvm_builder *b, u32 mask, u64 gpa,
		    const void *data, u64 size);
/* A new parameter area of zeroes; returns its index. */
u32 igvm_add_area(struct igvm_builder *b, u64 bytes);
/* @type: VP_COUNT, MADT, MEMORY_MAP, COMMAND_LINE, ENVIRONMENT_INFO, ... */
void igvm_add_parameter(struct igvm_builder *b, enum igvm_type type,
			u32 index, u32 byte_offset);
void igvm_add_insert(struct igvm_builder *b, u32 mask, u32 index, u64 gpa);
/* The VMSA as it is (SNP). */
void igvm_add_vmsa(struct igvm_builder *b, u32 mask, u64 gpa, u16 vp_index,
		   const struct vmsa *vmsa);
/* What of @vmsa a native context can hold; makes the file version 2. */
void igvm_add_native_context(struct igvm_builder *b, u32 mask, u16 vp_index,
			     const struct vmsa *vmsa);
/* A header as it is, for tests and for types not named above. */
void igvm_add_raw(struct igvm_builder *b, u32 type, const void *payload,
		  u32 length);

/*
 * The file, to be freed with free(). The builder may not be added to
 * afterwards. Returns 0, or -1 with @err set.
 */
int igvm_builder_finish(struct igvm_builder *b, void **data, size_t *size,
			struct igvm_error *err);

/* Set @err (may be NULL) and return -1. */
int igvm_fail(struct igvm_error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
