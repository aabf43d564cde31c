// SPDX-License-Identifier: MIT
/*
 * Any bytes as an IGVM file: open, show, load for both platforms. The
 * checksum is put right first, or nothing would get past it.
 *
 * With -DIGVM_SEEDS it is a program that writes the seed corpus into the
 * directory it is given.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "arch/snp.h"
#include "igvm/igvm.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static volatile u8 sink_byte;

static int on_page(void *ctx, u64 gpa, enum igvm_page_type type, u32 flags,
		   const void *data)
{
	(void)ctx;
	(void)type;
	(void)flags;
	if (gpa % PAGE_SIZE || gpa >= IGVM_MAX_GPA)
		abort();
	if (data)
		sink_byte = *(const u8 *)data + ((const u8 *)data)[4095];
	return 0;
}

static int on_required(void *ctx, u64 gpa, u64 bytes, u32 flags)
{
	(void)ctx;
	(void)flags;
	if ((gpa | bytes) % PAGE_SIZE || !bytes || gpa + bytes > IGVM_MAX_GPA)
		abort();
	return 0;
}

static int on_params(void *ctx, u64 gpa, const void *data, u64 size)
{
	(void)ctx;
	if ((gpa | size) % PAGE_SIZE || !size || gpa + size > IGVM_MAX_GPA)
		abort();
	sink_byte = ((const u8 *)data)[size - 1];
	return 0;
}

static int on_context(void *ctx, u64 gpa, u16 vp_index,
		      const struct vmsa *vmsa)
{
	(void)ctx;
	(void)vp_index;
	if (gpa % PAGE_SIZE)
		abort();
	sink_byte = vmsa->rip;
	return 0;
}

static u8 *sealed_copy(const u8 *data, size_t size)
{
	u8 *copy = malloc(size ?: 1);
	struct igvm_fixed_header h;
	size_t fixed = sizeof(h);
	uLong crc;

	if (!copy)
		abort();
	memcpy(copy, data, size);
	if (size < sizeof(h))
		return copy;
	memcpy(&h, copy, sizeof(h));
	h.file_size = size;
	h.checksum = 0;
	memcpy(copy, &h, sizeof(h));
	if (h.version == IGVM_VERSION_2)
		fixed = sizeof(struct igvm_fixed_header_v2);
	if (size < fixed || h.header_offset > size ||
	    h.header_size > size - h.header_offset)
		return copy;
	crc = crc32(0, copy, fixed);
	h.checksum = crc32(crc, copy + h.header_offset, h.header_size);
	memcpy(copy, &h, sizeof(h));
	return copy;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const struct igvm_memory_map_entry map[] = {
		{ 0, 0xa0, IGVM_MEMORY_RAM, 0, 0 },
		{ 0x100, 0x1000, IGVM_MEMORY_RAM, 0, 0 },
	};
	static const struct igvm_machine info = {
		.vp_count = 2, .map = map, .map_entries = 2,
		.madt = map, .madt_bytes = sizeof(map),
		.command_line = "quiet",
	};
	static const struct igvm_sink sink = {
		on_page, on_required, on_params, on_context, NULL,
	};
	static FILE *null;
	u8 *copy = sealed_copy(data, size);
	struct igvm_error err = { "" };
	struct igvm_file *file;

	if (!null)
		null = fopen("/dev/null", "w");
	if (igvm_open(copy, size, &file, &err)) {
		if (!err.text[0] || file)
			abort();
	} else {
		igvm_show(file, null);
		igvm_load(file, IGVM_PLATFORM_SNP, &info, &sink, NULL, &err);
		igvm_load(file, IGVM_PLATFORM_NATIVE, &info, &sink, NULL,
			  &err);
		igvm_close(file);
	}
	free(copy);
	return 0;
}

#ifdef IGVM_SEEDS
static void seed(const char *dir, const char *name, struct igvm_builder *b)
{
	struct igvm_error err;
	char path[4096];
	void *data;
	size_t size;
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (igvm_builder_finish(b, &data, &size, &err))
		exit(1);
	out = fopen(path, "wb");
	if (!out || fwrite(data, 1, size, out) != size || fclose(out))
		exit(1);
	free(data);
	igvm_builder_free(b);
}

static struct igvm_builder *everything(bool native)
{
	struct igvm_builder *b = igvm_builder_new();
	struct vmsa vmsa = { .sev_features = SEV_FEATURE_SNP,
			     .efer = EFER_SVME };
	u8 blob[IGVM_VBS_MEASUREMENT_SIZE] = { 1 };
	u8 page[4096] = { 1 };
	u32 area;

	igvm_add_platform(b, 1, IGVM_PLATFORM_SNP, 0, 0);
	igvm_add_policy(b, 1, 0x30000);
	igvm_add_required(b, 1, 0x8000000, 0x1000000, 0);
	area = igvm_add_area(b, 0x2000);
	for (u32 type = IGVM_VP_COUNT; type <= IGVM_ENVIRONMENT_INFO; type++)
		if (type < IGVM_SNP_ID_BLOCK || type == IGVM_MEMORY_MAP ||
		    type == IGVM_COMMAND_LINE || type > IGVM_VBS_MEASUREMENT)
			igvm_add_parameter(b, type, area, type - 0x300);
	igvm_add_insert(b, 1, area, 0x20000);
	igvm_add_raw(b, IGVM_SNP_ID_BLOCK, blob, IGVM_ID_BLOCK_SIZE);
	igvm_add_raw(b, IGVM_VBS_MEASUREMENT, blob, sizeof(blob));
	igvm_add_raw(b, IGVM_TYPE_OPTIONAL | 0x3ff, "abc", 3);
	igvm_add_page(b, 1, 0x10000, IGVM_PAGE_NORMAL, 0, page);
	igvm_add_page(b, 1, 0x12000, IGVM_PAGE_SECRETS, 0, NULL);
	igvm_add_page(b, 1, 0x13000, IGVM_PAGE_CPUID_DATA, 0, page);
	igvm_add_page(b, 1, PAGE_2M, IGVM_PAGE_NORMAL, IGVM_PAGE_2MB, NULL);
	igvm_add_vmsa(b, 1, IGVM_KVM_VMSA_GPA, 0, &vmsa);
	if (native) {
		igvm_add_platform(b, 2, IGVM_PLATFORM_NATIVE, 0, 0);
		igvm_add_page(b, 2, 0x10000, IGVM_PAGE_NORMAL, 0, NULL);
		igvm_add_native_context(b, 2, 0, &vmsa);
	}
	return b;
}

int main(int argc, char **argv)
{
	struct igvm_builder *b = igvm_builder_new();

	if (argc != 2)
		return 1;
	igvm_add_platform(b, 1, IGVM_PLATFORM_SNP, 0, 0);
	seed(argv[1], "platform", b);
	seed(argv[1], "snp", everything(false));
	seed(argv[1], "both", everything(true));
	return 0;
}
#endif
