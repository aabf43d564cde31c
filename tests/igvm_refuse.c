// SPDX-License-Identifier: MIT
/* Every refusal of the reader, by its sentence. */
#include "tests/igvm_file.h"

/* Change the fixed header of the sample, word by word. */
static void fixed_header(void **state)
{
	static const struct {
		u32 at;
		u32 value;
		const char *why;
	} rows[] = {
		{ 0, 0x4d564748, "not an IGVM file" },
		{ 4, 0, "format version 0 is not known" },
		{ 4, 3, "format version 3 is not known" },
		{ 8, 16, "misaligned or in the fixed header" },
		{ 8, 28, "misaligned or in the fixed header" },
		{ 8, 0xfffffff8, "reach beyond the end of the file" },
		{ 12, 0xfffffff8, "reach beyond the end of the file" },
		{ 16, 24, "the file says it has 24 bytes" },
		{ 20, 0, "the checksum is 0x00000000" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bytes f = finish(sample_builder());

		put32(&f, rows[i].at, rows[i].value);
		assert_refused(&f, rows[i].why);
		free(f.data);
	}
}

static void version_2_header(void **state)
{
	struct vmsa vmsa = sample_vmsa();
	struct igvm_builder *b = igvm_builder_new();
	struct bytes f;

	(void)state;
	igvm_add_platform(b, 1, IGVM_PLATFORM_NATIVE, 0, 0);
	igvm_add_native_context(b, 1, 0, &vmsa);
	f = finish(b);
	put32(&f, 24, IGVM_ARCH_AARCH64);
	assert_refused(&f, "for architecture 1, not for x86-64");
	put32(&f, 24, IGVM_ARCH_X64);
	put32(&f, 28, 0x10000);
	assert_refused(&f, "pages of 65536 bytes");
	free(f.data);
}

/* A header behind the sample's, alone or followed by another. */
static void raw(u32 type, const void *payload, u32 length, const char *why)
{
	struct igvm_builder *b = sample_builder();
	struct bytes f;

	igvm_add_raw(b, type, payload, length);
	f = finish(b);
	assert_refused(&f, why);
	free(f.data);
}

static void shape(void **state)
{
	struct bytes f = finish(sample_builder());
	struct igvm_builder *b = igvm_builder_new();
	u8 zeroes[16] = { 0 };

	(void)state;
	raw(0x314, zeroes, 8, "type 0x314 is not known and not optional");
	raw(IGVM_RESERVED_306, zeroes, 8, "type 0x306 is not known");
	raw(0x500, zeroes, 8, "type 0x500 is not known");
	raw(IGVM_PAGE_DATA, zeroes, 16, "PAGE_DATA has 16 bytes instead of 24");
	/* The first header's length. */
	put32(&f, 28, 0x10000);
	reseal(&f);
	assert_refused(&f, "header at 0x18: its 65536 bytes reach beyond");
	free(f.data);
	/* Four bytes of headers. */
	f = finish(sample_builder());
	put32(&f, 12, 4);
	reseal(&f);
	assert_refused(&f, "no room for its type and length");
	put32(&f, 12, 0);
	reseal(&f);
	assert_refused(&f, "no variable headers");
	free(f.data);
	igvm_add_policy(b, 1, 0);
	f = finish(b);
	assert_refused(&f, "mask 0x1 names no declared platform");
	free(f.data);
	b = igvm_builder_new();
	igvm_add_raw(b, IGVM_TYPE_OPTIONAL | 0x3ff, NULL, 0);
	f = finish(b);
	assert_refused(&f, "names no platform");
	free(f.data);
}

/* The VP_CONTEXT is last: 20 bytes and four of padding. */
static void padding(void **state)
{
	struct bytes f = finish(sample_builder());

	(void)state;
	f.data[header_end(&f) - 1] = 1;
	reseal(&f);
	assert_refused(&f, "its padding is not zero");
	free(f.data);
}

/* Give a later header an earlier section's type. */
static void order(void **state)
{
	struct bytes f = finish(sample_builder());
	const size_t policy = 24 + 24, area = policy + 24 + 32;

	(void)state;
	put32(&f, area, IGVM_GUEST_POLICY);
	reseal(&f);
	assert_refused(&f, "initialisation headers may not follow dir");
	put32(&f, area, IGVM_SUPPORTED_PLATFORM);
	reseal(&f);
	assert_refused(&f, "platform headers may not follow directive");
	put32(&f, policy, IGVM_PARAMETER_AREA);
	put32(&f, area, IGVM_PARAMETER_AREA);
	put32(&f, policy + 24, IGVM_TYPE_OPTIONAL | 0x101);
	reseal(&f);
	assert_refused(&f, "initialisation headers may not follow dir");
	free(f.data);
}

static void platforms(void **state)
{
	struct igvm_supported_platform p = { 3, 0, IGVM_PLATFORM_TDX, 1, 0 };

	(void)state;
	raw(IGVM_SUPPORTED_PLATFORM, &p, sizeof(p), "mask 0x3 is not one bit");
	p.mask = 0;
	raw(IGVM_SUPPORTED_PLATFORM, &p, sizeof(p), "mask 0x0 is not one bit");
	p.mask = SAMPLE_MASK;
	raw(IGVM_SUPPORTED_PLATFORM, &p, sizeof(p), "mask 0x1 is used twice");
	p.mask = 2;
	p.platform_type = IGVM_PLATFORM_SNP;
	raw(IGVM_SUPPORTED_PLATFORM, &p, sizeof(p), "platform 2 appears twice");
	p.platform_type = IGVM_PLATFORM_NATIVE;
	p.platform_version = 2;
	raw(IGVM_SUPPORTED_PLATFORM, &p, sizeof(p),
	    "version 2 of native is not known");
}

static void pages(void **state)
{
	static const struct {
		struct igvm_page_data page;
		const char *why;
	} rows[] = {
		{ { 0x30000, 1, 0, 8, 0, 0 }, "flags 0x8 are not known" },
		{ { 0x30000, 1, 0, 0, 4, 0 }, "type 4 is not known" },
		{ { 0x30000, 1, 0, 0, 0, 1 }, "reserved field is not zero" },
		{ { 0x200000, 1, 0, 1, 1, 0 }, "cannot be large or shared" },
		{ { 0x30000, 1, 0, 4, 2, 0 }, "cannot be large or shared" },
		{ { 0x30800, 1, 0, 0, 0, 0 }, "GPA 0x30800 is misaligned" },
		{ { 0x30000, 1, 0, 1, 0, 0 }, "GPA 0x30000 is misaligned" },
		{ { BIT_ULL(52), 1, 0, 0, 0, 0 }, "more than 52 bits" },
		{ { 0x30000, 2, 0, 0, 0, 0 }, "mask 0x2 names no declared" },
		{ { 0x30000, 0, 0, 0, 0, 0 }, "mask 0x0 names no declared" },
		{ { 0x30000, 1, 8, 0, 0, 0 }, "at 0x8 lies in the headers" },
		{ { 0x30000, 1, 0x2ff0, 0, 0, 0 }, "beyond the end of" },
		{ { 0x30000, 1, ~0u, 0, 0, 0 }, "beyond the end of" },
		{ { 0x200000, 1, 0x1000, 1, 0, 0 }, "beyond the end of" },
		{ { 0x10000, 1, 0, 0, 0, 0 }, "PAGE_DATA and PAGE_DATA over" },
		{ { 0x21000, 1, 0, 0, 0, 0 },
		  "PARAMETER_INSERT and PAGE_DATA overlap at GPA 0x21000" },
		{ { 0, 1, 0, 1, 0, 0 }, "overlap at GPA 0x10000" },
		{ { IGVM_KVM_VMSA_GPA, 1, 0, 0, 0, 0 },
		  "PAGE_DATA and VP_CONTEXT overlap" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		raw(IGVM_PAGE_DATA, &rows[i].page, sizeof(rows[i].page),
		    rows[i].why);
}

static void parameters(void **state)
{
	struct igvm_parameter_area a = { 0x1000, 0, 0 };
	struct igvm_parameter_insert i = { 0x30000, 1, 7 };
	struct igvm_parameter p = { 7, 0 };

	(void)state;
	raw(IGVM_PARAMETER_AREA, &a, sizeof(a), "index 0 is used twice");
	a.index = 1;
	a.bytes = 0;
	raw(IGVM_PARAMETER_AREA, &a, sizeof(a), "0x0 bytes are no whole pages");
	a.bytes = 0x1001;
	raw(IGVM_PARAMETER_AREA, &a, sizeof(a), "0x1001 bytes are no whole");
	a.bytes = IGVM_MAX_PARAMETER_BYTES;
	raw(IGVM_PARAMETER_AREA, &a, sizeof(a), "together exceed 64 MiB");
	a.bytes = ~0xfffull;
	raw(IGVM_PARAMETER_AREA, &a, sizeof(a), "together exceed 64 MiB");
	a.bytes = 0x1000;
	a.file_offset = 4;
	raw(IGVM_PARAMETER_AREA, &a, sizeof(a), "lies in the headers");
	raw(IGVM_PARAMETER_INSERT, &i, sizeof(i), "area 7 is not declared");
	raw(IGVM_MADT, &p, sizeof(p), "MADT: parameter area 7 is not declared");
	p.index = 0;
	raw(IGVM_MADT, &p, sizeof(p), "MADT: parameter area 0 was inserted");
	i.index = 0;
	raw(IGVM_PARAMETER_INSERT, &i, sizeof(i), "area 0 is inserted twice");
}

/* These need an area that was not inserted. */
static void open_area(u32 type, const void *payload, u32 length,
		      const char *why)
{
	struct igvm_builder *b = igvm_builder_new();
	struct bytes f;

	igvm_add_platform(b, 1, IGVM_PLATFORM_SNP, 0, 0);
	igvm_add_area(b, 0x1000);
	igvm_add_raw(b, type, payload, length);
	f = finish(b);
	assert_refused(&f, why);
	free(f.data);
}

static void parameters_in_area(void **state)
{
	struct igvm_parameter_insert i = { 0x30001, 1, 0 };
	struct igvm_parameter p = { 0, 0x1000 };
	struct igvm_builder *b = igvm_builder_new();
	struct bytes f;

	(void)state;
	open_area(IGVM_VP_COUNT, &p, sizeof(p), "offset 0x1000 lies outside");
	open_area(IGVM_PARAMETER_INSERT, &i, sizeof(i), "30001 is misaligned");
	i.gpa = IGVM_MAX_GPA;
	open_area(IGVM_PARAMETER_INSERT, &i, sizeof(i), "more than 52 bits");
	igvm_add_platform(b, 1, IGVM_PLATFORM_SNP, 0, 0);
	for (int n = 0; n < 257; n++)
		igvm_add_area(b, 0x1000);
	f = finish(b);
	assert_refused(&f, "more than 256 areas");
	free(f.data);
}

static void ranges(void **state)
{
	struct igvm_required_memory r = { 0x1000, 1, 0, 0, 0 };
	struct igvm_error_range e = { 0x1000, 1, 0x800 };
	struct igvm_guest_policy p = { 0, 1, 1 };

	(void)state;
	raw(IGVM_REQUIRED_MEMORY, &r, sizeof(r), "0x0 bytes are no whole");
	r.bytes = 0x1000;
	r.gpa = 0x10;
	raw(IGVM_REQUIRED_MEMORY, &r, sizeof(r), "0x10 is misaligned");
	r.gpa = IGVM_MAX_GPA - 0x1000;
	r.bytes = 0x2000;
	raw(IGVM_REQUIRED_MEMORY, &r, sizeof(r), "more than 52 bits");
	r.gpa = 0;
	r.flags = 2;
	raw(IGVM_REQUIRED_MEMORY, &r, sizeof(r), "flags 0x2 are not known");
	raw(IGVM_ERROR_RANGE, &e, sizeof(e), "0x800 bytes are no whole");
	raw(IGVM_GUEST_POLICY, &p, sizeof(p), "reserved field is not zero");
}

static void vmsa(const struct vmsa *v, u64 gpa, u16 vp, const char *why)
{
	struct igvm_builder *b = sample_builder();
	struct bytes f;

	igvm_add_vmsa(b, 1, gpa, vp, v);
	f = finish(b);
	if (why)
		assert_refused(&f, why);
	else
		igvm_close(assert_opens(&f));
	free(f.data);
}

static void contexts(void **state)
{
	struct vmsa v = sample_vmsa();

	(void)state;
	vmsa(&v, IGVM_KVM_VMSA_GPA, 1, NULL);
	vmsa(&v, IGVM_KVM_VMSA_GPA, 0, "vCPU 0 has two contexts");
	vmsa(&v, 0x40000, 0, "vCPU 0 has two contexts");
	vmsa(&v, 0x10000, 1, "PAGE_DATA and VP_CONTEXT overlap");
	vmsa(&v, 0x40010, 1, "GPA 0x40010 is misaligned");
	v.sev_features = 0;
	vmsa(&v, 0x40000, 1, "SEV_FEATURES lacks SNP");
	v = sample_vmsa();
	v.efer = 0;
	vmsa(&v, 0x40000, 1, "EFER lacks SVME");
	v = sample_vmsa();
	v.vmpl = 4;
	vmsa(&v, 0x40000, 1, "VMPL is 4");
	v = sample_vmsa();
	v.cpl = 4;
	vmsa(&v, 0x40000, 1, "CPL is 4");
	v = sample_vmsa();
	v.sev_features |= SEV_FEATURE_RESTRICTED | SEV_FEATURE_SECURE_AVIC;
	vmsa(&v, 0x40000, 1, "more than one of restricted injection");
	v = sample_vmsa();
	v.cr0 = BIT_ULL(31);
	vmsa(&v, 0x40000, 1, "paging without protected mode");
	v.cr0 = BIT_ULL(31) | 1;
	v.efer |= EFER_LME;
	vmsa(&v, 0x40000, 1, "long mode without PAE");
	v.cr0 = BIT_ULL(32);
	vmsa(&v, 0x40000, 1, "CR0 has upper bits");
}

static void context_headers(void **state)
{
	struct igvm_vp_context c = { 0x40000, 1, 0, 1, 0 };

	(void)state;
	raw(IGVM_VP_CONTEXT, &c, sizeof(c), "at 0x0 lies in the headers");
	c.file_offset = 0x3000;
	raw(IGVM_VP_CONTEXT, &c, sizeof(c), "beyond the end of the file");
	c.reserved = 1;
	raw(IGVM_VP_CONTEXT, &c, sizeof(c), "reserved field is not zero");
}

static void native(u32 mask, u64 gpa, u32 version, u16 attrib,
		   const char *why)
{
	struct igvm_vp_context c = { gpa, mask, 0, 0, 0 };
	struct igvm_builder *b = igvm_builder_new();
	struct igvm_native_context n = { .code_attributes = attrib };
	struct vmsa v = sample_vmsa();
	struct bytes f;
	size_t at;

	igvm_add_platform(b, 1, IGVM_PLATFORM_SNP, 0, 0);
	igvm_add_platform(b, 2, IGVM_PLATFORM_NATIVE, 0, 0);
	if (version == IGVM_VERSION_2)
		igvm_add_native_context(b, 2, 9, &v);
	igvm_add_page(b, 1, 0x1000, IGVM_PAGE_NORMAL, 0, &(u8[4096]){ 1 });
	igvm_add_raw(b, IGVM_VP_CONTEXT, &c, sizeof(c));
	f = finish(b);
	at = header_end(&f);
	memcpy(f.data + f.size - sizeof(n), &n, sizeof(n));
	put32(&f, at - 24 + 8 + 4, f.size - sizeof(n));
	reseal(&f);
	assert_refused(&f, why);
	free(f.data);
}

static void native_contexts(void **state)
{
	(void)state;
	native(2, 0, IGVM_VERSION_1, 0, "needs format version 2");
	native(2, 0x1000, IGVM_VERSION_2, 0, "a native context has a GPA");
	native(2, 0, IGVM_VERSION_2, 0x100, "have bits 11:8 set");
	native(3, 0, IGVM_VERSION_2, 0, "cannot serve both");
}

static void builder_says_no(void **state)
{
	struct igvm_builder *b = igvm_builder_new();
	struct igvm_error err = { "" };
	void *data = b;
	size_t size;

	(void)state;
	/* Payloads are never read once the builder has given up. */
	igvm_add_raw(b, IGVM_PAGE_DATA, NULL, ~0u);
	assert_int_equal(igvm_builder_finish(b, &data, &size, &err), -1);
	assert_null(data);
	assert_string_equal(err.text, "the file would exceed 4 GiB");
	igvm_builder_free(b);
	b = sample_builder();
	assert_int_equal(igvm_builder_finish(b, &data, &size, &err), 0);
	free(data);
	assert_int_equal(igvm_builder_finish(b, &data, &size, &err), -1);
	assert_null(data);
	assert_string_equal(err.text, "the file was finished before");
	igvm_builder_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_header),
		cmocka_unit_test(version_2_header),
		cmocka_unit_test(shape),
		cmocka_unit_test(padding),
		cmocka_unit_test(order),
		cmocka_unit_test(platforms),
		cmocka_unit_test(pages),
		cmocka_unit_test(parameters),
		cmocka_unit_test(parameters_in_area),
		cmocka_unit_test(ranges),
		cmocka_unit_test(contexts),
		cmocka_unit_test(context_headers),
		cmocka_unit_test(native_contexts),
		cmocka_unit_test(builder_says_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
