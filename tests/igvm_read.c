// SPDX-License-Identifier: MIT
/* Damaged files: none gets through, none does harm. */
#include "tests/igvm_file.h"

static void opens(void **state)
{
	struct bytes f = finish(sample_builder());
	struct igvm_file *file = assert_opens(&f);

	(void)state;
	assert_true(igvm_supports(file, IGVM_PLATFORM_SNP));
	assert_false(igvm_supports(file, IGVM_PLATFORM_NATIVE));
	igvm_close(file);
	free(f.data);
}

/* The copy has exactly the size it claims: sanitizers see any overrun. */
static void truncated_at_every_length(void **state)
{
	struct bytes f = finish(sample_builder());

	(void)state;
	for (size_t size = 0; size < f.size; size++) {
		struct bytes cut = { malloc(size + !size), size };

		memcpy(cut.data, f.data, size);
		assert_refused(&cut, size < 24 ? "ends within" : "says it has");
		free(cut.data);
	}
	free(f.data);
}

/* As above, with total_file_size and checksum put right. */
static void truncated_and_resealed(void **state)
{
	struct bytes f = finish(sample_builder());
	u32 end = header_end(&f);

	(void)state;
	for (size_t size = 24; size < f.size; size++) {
		struct bytes cut = { malloc(size), size };

		memcpy(cut.data, f.data, size);
		put32(&cut, 16, size);
		if (size >= end)
			reseal(&cut);
		assert_refused(&cut, size < end ? "variable headers reach" :
			       "beyond the end");
		free(cut.data);
	}
	free(f.data);
}

static void every_header_bit_counts(void **state)
{
	struct bytes f = finish(sample_builder());
	u32 end = header_end(&f);

	(void)state;
	for (u32 bit = 0; bit < end * 8; bit++) {
		f.data[bit / 8] ^= BIT(bit % 8);
		assert_refused(&f, "");
		f.data[bit / 8] ^= BIT(bit % 8);
	}
	igvm_close(assert_opens(&f));
	free(f.data);
}

/* With the checksum put right, no flipped bit may do worse than refuse. */
static void resealed_bit_flips(void **state)
{
	struct bytes f = finish(sample_builder());
	u32 end = header_end(&f);
	struct igvm_machine info = { .vp_count = 1 };
	struct igvm_sink sink = { .page = NULL };
	unsigned int refused = 0;

	(void)state;
	for (u32 bit = 24 * 8; bit < end * 8; bit++) {
		struct igvm_error err = { "" };
		struct igvm_file *file;

		f.data[bit / 8] ^= BIT(bit % 8);
		reseal(&f);
		if (igvm_open(f.data, f.size, &file, &err)) {
			assert_int_not_equal(err.text[0], 0);
			refused++;
		} else {
			igvm_load(file, IGVM_PLATFORM_SNP, &info, &sink, NULL,
				  &err);
			igvm_close(file);
		}
		f.data[bit / 8] ^= BIT(bit % 8);
	}
	assert_true(refused > end * 8 / 2);
	free(f.data);
}

static void equal_calls_equal_bytes(void **state)
{
	struct bytes a = finish(sample_builder());
	struct bytes b = finish(sample_builder());

	(void)state;
	assert_int_equal(a.size, b.size);
	assert_memory_equal(a.data, b.data, a.size);
	free(a.data);
	free(b.data);
}

/* The CRC of a known file, computed elsewhere from bytes packed by hand. */
static void checksum_is_crc32(void **state)
{
	struct igvm_builder *b = igvm_builder_new();
	struct bytes f;
	u32 sum;

	(void)state;
	igvm_add_platform(b, 1, IGVM_PLATFORM_SNP, 0, 0);
	f = finish(b);
	memcpy(&sum, f.data + 20, 4);
	assert_int_equal(sum, 0x67abd3e5);
	igvm_close(assert_opens(&f));
	free(f.data);
}

static void shows(void **state)
{
	struct bytes f = finish(sample_builder());
	struct igvm_file *file = assert_opens(&f);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	igvm_show(file, out);
	fclose(out);
	assert_non_null(strstr(text, "SEV-SNP"));
	assert_non_null(strstr(text, "12000..12fff  1 zero secrets page\n"));
	assert_non_null(strstr(text, "area 0, 8192 bytes\n"));
	assert_non_null(strstr(text, "rip 10002"));
	free(text);
	igvm_close(file);
	free(f.data);
}

static void shows_rare_rows(void **state)
{
	struct igvm_error_range error = { 0x70000, 1, 0x1000 };
	struct igvm_builder *b = sample_builder();
	u8 id_block[IGVM_ID_BLOCK_SIZE] = { 1 };
	struct vmsa vmsa = { .rip = 0x1234 };
	struct igvm_file *file;
	char *text = NULL;
	struct bytes f;
	size_t size;
	FILE *out;

	(void)state;
	igvm_add_platform(b, 2, IGVM_PLATFORM_NATIVE, 0, 0);
	igvm_add_platform(b, 4, 99, 0, 0x8000000000);
	igvm_add_page(b, 5, 0x60000, IGVM_PAGE_NORMAL, IGVM_PAGE_SHARED, NULL);
	igvm_add_page(b, 5, 0x61000, IGVM_PAGE_NORMAL, IGVM_PAGE_SHARED, NULL);
	igvm_add_raw(b, IGVM_ERROR_RANGE, &error, sizeof(error));
	igvm_add_raw(b, IGVM_SNP_ID_BLOCK, id_block, sizeof(id_block));
	igvm_add_raw(b, IGVM_TYPE_OPTIONAL | 0x3ff, "abc", 3);
	igvm_add_native_context(b, 2, 0, &vmsa);
	f = finish(b);
	file = assert_opens(&f);
	out = open_memstream(&text, &size);
	igvm_show(file, out);
	fclose(out);
	assert_non_null(strstr(text, "unknown platform, version 1, highest "
			       "VTL 0, shared from 8000000000\n"));
	assert_non_null(strstr(text, "gpa 60000..61fff  2 zero normal pages, "
			       "shared\n"));
	assert_non_null(strstr(text, "gpa 70000..70fff\n"));
	assert_non_null(strstr(text, "SNP_ID_BLOCK       696 bytes, ignored"));
	assert_non_null(strstr(text, "type 800003ff      3 bytes, ignored"));
	assert_non_null(strstr(text, "rip 1234 "));
	free(text);
	igvm_close(file);
	free(f.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens),
		cmocka_unit_test(truncated_at_every_length),
		cmocka_unit_test(truncated_and_resealed),
		cmocka_unit_test(every_header_bit_counts),
		cmocka_unit_test(resealed_bit_flips),
		cmocka_unit_test(equal_calls_equal_bytes),
		cmocka_unit_test(checksum_is_crc32),
		cmocka_unit_test(shows),
		cmocka_unit_test(shows_rare_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
