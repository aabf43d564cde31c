/* SPDX-License-Identifier: MIT */
/* A small IGVM file to start from, and what tests do to files. */
#ifndef TESTS_IGVM_FILE_H
#define TESTS_IGVM_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "arch/snp.h"
#include "igvm/igvm.h"

#define SAMPLE_MASK		1
#define SAMPLE_NATIVE		2

static inline struct vmsa sample_vmsa(void)
{
	struct vmsa v;

	memset(&v, 0, sizeof(v));
	v.sev_features = SEV_FEATURE_SNP;
	v.efer = EFER_SVME;
	v.rip = 0x10002;
	v.rflags = 2;
	return v;
}

/* Everything an SNP file usually has; the caller may add more. */
static inline struct igvm_builder *sample_builder(void)
{
	struct igvm_builder *b = igvm_builder_new();
	struct vmsa vmsa = sample_vmsa();
	u8 page[4096];
	u32 area;

	assert_non_null(b);
	memset(page, 0x5a, sizeof(page));
	igvm_add_platform(b, SAMPLE_MASK, IGVM_PLATFORM_SNP, 0, 0);
	igvm_add_policy(b, SAMPLE_MASK, 0x30000);
	igvm_add_required(b, SAMPLE_MASK, 0x8000000, 0x1000000, 0);
	area = igvm_add_area(b, 0x2000);
	igvm_add_parameter(b, IGVM_VP_COUNT, area, 0);
	igvm_add_parameter(b, IGVM_ENVIRONMENT_INFO, area, 4);
	igvm_add_parameter(b, IGVM_MEMORY_MAP, area, 0x1000);
	igvm_add_insert(b, SAMPLE_MASK, area, 0x20000);
	igvm_add_page(b, SAMPLE_MASK, 0x10000, IGVM_PAGE_NORMAL, 0, page);
	igvm_add_page(b, SAMPLE_MASK, 0x11000, IGVM_PAGE_NORMAL, 0, NULL);
	igvm_add_page(b, SAMPLE_MASK, 0x12000, IGVM_PAGE_SECRETS, 0, NULL);
	igvm_add_page(b, SAMPLE_MASK, 0x13000, IGVM_PAGE_CPUID_DATA, 0, page);
	igvm_add_vmsa(b, SAMPLE_MASK, IGVM_KVM_VMSA_GPA, 0, &vmsa);
	return b;
}

struct bytes {
	u8 *data;
	size_t size;
};

static inline struct bytes finish(struct igvm_builder *b)
{
	struct igvm_error err = { "" };
	struct bytes f;
	void *data;

	if (igvm_builder_finish(b, &data, &f.size, &err))
		fail_msg("%s", err.text);
	f.data = data;
	igvm_builder_free(b);
	return f;
}

static inline u32 header_end(const struct bytes *f)
{
	struct igvm_fixed_header h;

	memcpy(&h, f->data, sizeof(h));
	return h.header_offset + h.header_size;
}

/* Make the checksum right again after a header was changed. */
static inline void reseal(struct bytes *f)
{
	struct igvm_fixed_header h;
	uLong crc;

	memcpy(&h, f->data, sizeof(h));
	memset(f->data + 20, 0, 4);
	crc = crc32(0, f->data, h.version == IGVM_VERSION_2 ? 32 : 24);
	h.checksum = crc32(crc, f->data + h.header_offset, h.header_size);
	memcpy(f->data, &h, sizeof(h));
}

static inline void put32(struct bytes *f, size_t at, u32 value)
{
	memcpy(f->data + at, &value, sizeof(value));
}

static inline void assert_refused(const struct bytes *f, const char *why)
{
	struct igvm_error err = { "" };
	struct igvm_file *file;

	assert_int_equal(igvm_open(f->data, f->size, &file, &err), -1);
	assert_null(file);
	if (!strstr(err.text, why))
		fail_msg("refused by \"%s\", not by \"%s\"", err.text, why);
	assert_null(strchr(err.text, '\n'));
}

static inline struct igvm_file *assert_opens(const struct bytes *f)
{
	struct igvm_error err = { "" };
	struct igvm_file *file;

	if (igvm_open(f->data, f->size, &file, &err))
		fail_msg("refused: %s", err.text);
	return file;
}

#endif
