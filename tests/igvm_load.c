// SPDX-License-Identifier: MIT
/* What a sink sees of a file, in which order, and what stops a load. */
#include "tests/igvm_file.h"

struct seen {
	char log[4096];
	int stop_at;			/* refuse this call, counted from 1 */
	int calls;
	u8 params[0x4000];
	struct vmsa vmsa;
	u8 first_byte[16];
	int pages;
};

static int note(struct seen *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static int note(struct seen *s, const char *format, ...)
{
	size_t used = strlen(s->log);
	va_list args;

	va_start(args, format);
	vsnprintf(s->log + used, sizeof(s->log) - used, format, args);
	va_end(args);
	return ++s->calls == s->stop_at;
}

static int on_page(void *ctx, u64 gpa, enum igvm_page_type type, u32 flags,
		   const void *data)
{
	struct seen *s = ctx;

	if (s->pages < 16)
		s->first_byte[s->pages] = data ? *(const u8 *)data : 0xff;
	s->pages++;
	/* Of a large page, only the ends. */
	if (flags & IGVM_PAGE_2MB && gpa % PAGE_2M &&
	    (gpa + PAGE_SIZE) % PAGE_2M)
		return 0;
	return note(s, "page %llx %d %x %s;", (unsigned long long)gpa, type,
		    flags, data ? "data" : "zero");
}

static int on_required(void *ctx, u64 gpa, u64 bytes, u32 flags)
{
	return note(ctx, "required %llx %llx %x;", (unsigned long long)gpa,
		    (unsigned long long)bytes, flags);
}

static int on_params(void *ctx, u64 gpa, const void *data, u64 size)
{
	struct seen *s = ctx;

	memcpy(s->params, data, size);
	return note(s, "params %llx %llx;", (unsigned long long)gpa,
		    (unsigned long long)size);
}

static int on_context(void *ctx, u64 gpa, u16 vp_index,
		      const struct vmsa *vmsa)
{
	struct seen *s = ctx;

	s->vmsa = *vmsa;
	return note(s, "vp %u %llx;", vp_index, (unsigned long long)gpa);
}

static int on_policy(void *ctx, u64 policy)
{
	return note(ctx, "policy %llx;", (unsigned long long)policy);
}

static const struct igvm_sink sink = {
	on_page, on_required, on_params, on_context, on_policy,
};

static const struct igvm_memory_map_entry map[] = {
	{ 0, 0xa0, IGVM_MEMORY_RAM, 0, 0 },
	{ 0x100, 0x7ff00, IGVM_MEMORY_RAM, 0, 0 },
};

static const struct igvm_machine machine = {
	.vp_count = 3,
	.environment = IGVM_ENV_MEMORY_SHARED,
	.map = map,
	.map_entries = 2,
};

static int load(const struct bytes *f, unsigned int platform,
		const struct igvm_machine *info, struct seen *s,
		struct igvm_error *err)
{
	struct igvm_file *file = assert_opens(f);
	int ret = igvm_load(file, platform, info, &sink, s, err);

	igvm_close(file);
	return ret;
}

static void in_file_order(void **state)
{
	struct bytes f = finish(sample_builder());
	struct seen s = { .stop_at = 0 };
	struct igvm_error err;
	u32 word;

	(void)state;
	assert_int_equal(load(&f, IGVM_PLATFORM_SNP, &machine, &s, &err), 0);
	assert_string_equal(s.log,
		"policy 30000;required 8000000 1000000 0;params 20000 2000;"
		"page 10000 0 0 data;page 11000 0 0 zero;page 12000 1 0 zero;"
		"page 13000 2 0 data;vp 0 fffffffff000;");
	assert_int_equal(s.first_byte[0], 0x5a);
	assert_int_equal(s.vmsa.rip, 0x10002);
	memcpy(&word, s.params, 4);
	assert_int_equal(word, 3);
	memcpy(&word, s.params + 4, 4);
	assert_int_equal(word, IGVM_ENV_MEMORY_SHARED);
	assert_memory_equal(s.params + 0x1000, map, sizeof(map));
	free(f.data);
}

static void each_call_can_stop(void **state)
{
	struct bytes f = finish(sample_builder());

	(void)state;
	for (int i = 1; i <= 8; i++) {
		struct seen s = { .stop_at = i };
		struct igvm_error err = { "" };

		assert_int_equal(load(&f, IGVM_PLATFORM_SNP, &machine, &s,
				      &err), -1);
		assert_int_equal(s.calls, i);
		assert_non_null(strstr(err.text, "the machine refused the"));
	}
	free(f.data);
}

static void wrong_platform(void **state)
{
	struct bytes f = finish(sample_builder());
	struct igvm_error err = { "" };
	struct seen s = { .stop_at = 0 };

	(void)state;
	assert_int_equal(load(&f, IGVM_PLATFORM_TDX, &machine, &s, &err), -1);
	assert_string_equal(err.text, "the file is not made for TDX");
	assert_int_equal(s.calls, 0);
	free(f.data);
}

/* One parameter at @offset of a one-page area; what the sink gets, or why. */
static const char *parameter(enum igvm_type type, u32 offset,
			     const struct igvm_machine *info, struct seen *s)
{
	static struct igvm_error err;
	struct igvm_builder *b = igvm_builder_new();
	struct bytes f;
	u32 area;
	int ret;

	memset(s, 0, sizeof(*s));
	err.text[0] = 0;
	igvm_add_platform(b, 1, IGVM_PLATFORM_SNP, 0, 0);
	area = igvm_add_area(b, 0x1000);
	igvm_add_parameter(b, type, area, offset);
	igvm_add_insert(b, 1, area, 0x1000);
	f = finish(b);
	ret = load(&f, IGVM_PLATFORM_SNP, info, s, &err);
	free(f.data);
	return ret ? err.text : NULL;
}

static void parameters_fit_or_are_refused(void **state)
{
	u8 madt[16] = { 'A', 'P', 'I', 'C' };
	struct igvm_machine m = machine;
	struct seen s;

	(void)state;
	m.madt = madt;
	m.madt_bytes = sizeof(madt);
	m.command_line = "quiet";
	assert_null(parameter(IGVM_MADT, 0xff0, &m, &s));
	assert_memory_equal(s.params + 0xff0, madt, 16);
	assert_non_null(strstr(parameter(IGVM_MADT, 0xff1, &m, &s),
			       "MADT: 16 bytes do not fit"));
	assert_null(parameter(IGVM_COMMAND_LINE, 0xffa, &m, &s));
	assert_string_equal((char *)s.params + 0xffa, "quiet");
	assert_non_null(strstr(parameter(IGVM_COMMAND_LINE, 0xffb, &m, &s),
			       "COMMAND_LINE: 6 bytes do not fit"));
	assert_non_null(parameter(IGVM_VP_COUNT, 0xffd, &m, &s));
	assert_non_null(parameter(IGVM_ENVIRONMENT_INFO, 0xffd, &m, &s));
	/* A map may fill its area to the last byte; no end mark then. */
	assert_null(parameter(IGVM_MEMORY_MAP, 0x1000 - 48, &m, &s));
	assert_memory_equal(s.params + 0x1000 - 48, map, 48);
	assert_non_null(parameter(IGVM_MEMORY_MAP, 0x1000 - 47, &m, &s));
	/* What the host has nothing for stays zero. */
	assert_null(parameter(IGVM_DEVICE_TREE, 0xfff, &m, &s));
	assert_int_equal(s.params[0xfff], 0);
	m.command_line = NULL;
	assert_null(parameter(IGVM_COMMAND_LINE, 0xfff, &m, &s));
}

static void large_pages_come_in_pieces(void **state)
{
	struct igvm_builder *b = igvm_builder_new();
	u8 *large = malloc(PAGE_2M);
	struct seen s = { .stop_at = 0 };
	struct igvm_error err;
	struct bytes f;

	(void)state;
	for (u64 i = 0; i < PAGE_2M; i++)
		large[i] = i >> 12;
	igvm_add_platform(b, 1, IGVM_PLATFORM_SNP, 0, 0);
	igvm_add_page(b, 1, PAGE_2M, IGVM_PAGE_NORMAL, IGVM_PAGE_2MB, large);
	igvm_add_page(b, 1, 2 * PAGE_2M, IGVM_PAGE_NORMAL,
		      IGVM_PAGE_2MB | IGVM_PAGE_UNMEASURED, NULL);
	f = finish(b);
	assert_int_equal(load(&f, IGVM_PLATFORM_SNP, &machine, &s, &err), 0);
	assert_string_equal(s.log,
		"page 200000 0 1 data;page 3ff000 0 1 data;"
		"page 400000 0 3 zero;page 5ff000 0 3 zero;");
	assert_int_equal(s.pages, 1024);
	assert_int_equal(s.first_byte[15], 15);
	free(large);
	free(f.data);
}

/* Two platforms in one file: each gets its own rows and no others. */
static void masks_choose(void **state)
{
	struct igvm_builder *b = sample_builder();
	struct vmsa vmsa = sample_vmsa();
	struct seen s = { .stop_at = 0 };
	struct igvm_error err;
	struct bytes f;

	(void)state;
	vmsa.efer = 0;
	vmsa.rip = 0x77;
	vmsa.cs.attrib = 0xa9b;
	vmsa.gdtr.limit = 31;
	igvm_add_platform(b, SAMPLE_NATIVE, IGVM_PLATFORM_NATIVE, 0, 0);
	igvm_add_page(b, SAMPLE_NATIVE, 0x10000, IGVM_PAGE_NORMAL, 0, NULL);
	igvm_add_page(b, SAMPLE_NATIVE | SAMPLE_MASK, 0x50000,
		      IGVM_PAGE_NORMAL, 0, NULL);
	igvm_add_native_context(b, SAMPLE_NATIVE, 0, &vmsa);
	f = finish(b);
	assert_int_equal(f.data[4], IGVM_VERSION_2);
	assert_int_equal(load(&f, IGVM_PLATFORM_NATIVE, &machine, &s, &err),
			 0);
	assert_string_equal(s.log, "page 10000 0 0 zero;page 50000 0 0 zero;"
			    "vp 0 0;");
	assert_int_equal(s.vmsa.rip, 0x77);
	assert_int_equal(s.vmsa.cs.attrib, 0xa9b);
	assert_int_equal(s.vmsa.gdtr.limit, 31);
	assert_int_equal(s.vmsa.mxcsr, 0x1f80);
	assert_int_equal(s.vmsa.sev_features, 0);
	memset(&s, 0, sizeof(s));
	assert_int_equal(load(&f, IGVM_PLATFORM_SNP, &machine, &s, &err), 0);
	assert_non_null(strstr(s.log, "page 50000"));
	assert_null(strstr(s.log, "vp 0 0;"));
	free(f.data);
}

static void optional_types_are_skipped(void **state)
{
	struct igvm_builder *b = sample_builder();
	struct seen s = { .stop_at = 0 };
	struct igvm_error err;
	struct bytes f;

	(void)state;
	igvm_add_raw(b, IGVM_TYPE_OPTIONAL | 0x3ff, "abc", 3);
	igvm_add_raw(b, IGVM_TYPE_OPTIONAL | 0x7777, NULL, 0);
	f = finish(b);
	assert_int_equal(load(&f, IGVM_PLATFORM_SNP, &machine, &s, &err), 0);
	assert_int_equal(s.calls, 8);
	free(f.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_file_order),
		cmocka_unit_test(each_call_can_stop),
		cmocka_unit_test(wrong_platform),
		cmocka_unit_test(parameters_fit_or_are_refused),
		cmocka_unit_test(large_pages_come_in_pieces),
		cmocka_unit_test(masks_choose),
		cmocka_unit_test(optional_types_are_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
