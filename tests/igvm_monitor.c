// SPDX-License-Identifier: MIT
/* A monitor and a guest in one file: what each gets, and what is refused. */
#include "arch/snp.h"
#include "igvm/monitor.h"
#include "svsm/info.h"
#include "tests/igvm_boot.h"

#define MEMORY		(128ull << 20)
#define C_MASK		BIT_ULL(51)
#define W		BIT_ULL(1)
#define NX		BIT_ULL(63)

struct elf {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[3];
	u8 text[0x1800];
	u8 rodata[0x100];
	u8 data[0x10];
};

static struct elf elf;
static struct bytes kernel;
static const u32 ids[] = { 0, 8, 300 };

static Elf64_Phdr segment(u32 flags, size_t offset, u64 at, u64 file, u64 mem)
{
	return (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = flags,
		.p_offset = offset,
		.p_vaddr = MONITOR_BASE + at,
		.p_paddr = at,
		.p_filesz = file,
		.p_memsz = mem,
	};
}

static int setup(void **state)
{
	(void)state;
	elf = (struct elf){
		.eh = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64,
				     ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_entry = 0x10,
			.e_phoff = offsetof(struct elf, ph),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 3,
		},
		.ph = {
			segment(PF_R | PF_X, offsetof(struct elf, text), 0,
				0x1800, 0x1800),
			segment(PF_R, offsetof(struct elf, rodata), 0x2000,
				0x100, 0x100),
			segment(PF_R | PF_W, offsetof(struct elf, data),
				0x3000, 0x10, 0x2000),
		},
	};
	memset(elf.text, 0x11, sizeof(elf.text));
	memset(elf.rodata, 0x22, sizeof(elf.rodata));
	memset(elf.data, 0x33, sizeof(elf.data));
	return 0;
}

static int group_setup(void **state)
{
	(void)state;
	kernel = bz_image(8 << 20);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	free(kernel.data);
	return 0;
}

static struct boot_machine a_machine(void)
{
	return (struct boot_machine){
		.memory = MEMORY,
		.apic_ids = ids,
		.cpus = ARRAY_SIZE(ids),
		.vmpl = 2,
	};
}

static void compose(struct guest *g, struct boot_layout *out)
{
	struct igvm_builder *b = igvm_builder_new();
	struct boot_machine machine = a_machine();
	struct igvm_error err = { "" };
	struct monitor mon;
	struct linux_boot boot = {
		.kernel = kernel.data,
		.kernel_bytes = kernel.size,
	};

	if (igvm_monitor_begin(&mon, &machine, &elf, sizeof(elf),
			       SEV_FEATURE_RESTRICTED, b, &err))
		fail_msg("%s", err.text);
	boot.machine = machine;
	if (igvm_compose_linux(&boot, b, out, &err) ||
	    igvm_monitor_end(&mon, out))
		fail_msg("%s", err.text);
	guest_load(g, b, IGVM_PLATFORM_SNP);
}

/* The entry that maps @va, C-bit taken off; 0 if none does. */
static u64 entry_of(const struct guest *g, u64 va)
{
	u64 found = guest_walk(g, va, C_MASK);

	return found == ~0ull ? 0 : found;
}

static u64 gpa_of(const struct guest *g, u64 va)
{
	return entry_of(g, va) & 0x7ffffffffffff000ull;
}

static struct monitor_info *info_of(const struct guest *g)
{
	return (void *)(g->memory + gpa_of(g, g->vmsa.rdi));
}

static void what_the_monitor_gets(void **state)
{
	struct boot_layout out;
	struct monitor_info *in;
	struct guest g;

	(void)state;
	compose(&g, &out);
	assert_int_equal(g.contexts, 1);
	assert_int_equal(g.vmsa.vmpl, 0);
	assert_int_equal(g.vmsa.sev_features,
			 SEV_FEATURE_SNP | SEV_FEATURE_RESTRICTED);
	assert_int_equal(g.vmsa.rip, MONITOR_BASE + 0x10);
	assert_true(g.vmsa.cr0 & BIT_ULL(16));
	assert_true(g.vmsa.efer & EFER_NXE);
	assert_memory_equal(g.memory + gpa_of(&g, MONITOR_BASE), elf.text,
			    0x1000);
	/* The monitor's own check takes what igvm/ writes. */
	in = info_of(&g);
	assert_null(info_bad(in));
	assert_int_equal(in->guest_vmpl, 2);
	assert_int_equal(in->cpus, 3);
	assert_int_equal(in->apic_id[2], 300);
	assert_int_equal(in->cpuid, g.cpuid);
	assert_int_equal(in->secrets, g.secrets);
	assert_memory_equal(g.memory + in->guest_vmsa, &out.vmsa,
			    sizeof(out.vmsa));
	assert_int_equal(in->base % PAGE_2M, 0);
	assert_true(in->base + in->size <= MEMORY);
	guest_free(&g);
}

/* Every page of the range that is mapped at all. */
static void nothing_is_writable_and_executable(void **state)
{
	struct boot_layout out;
	struct monitor_info *in;
	struct guest g;
	u64 mapped = 0;

	(void)state;
	compose(&g, &out);
	in = info_of(&g);
	for (u64 at = 0; at < in->size; at += PAGE_SIZE) {
		u64 entry = entry_of(&g, MONITOR_BASE + at);

		if (!entry)
			continue;
		mapped++;
		assert_true(at < 0x2000 ? !(entry & (W | NX)) :
					  !!(entry & NX));
		if (at >= 0x2000 && at < 0x3000)
			assert_false(entry & W);
		assert_int_equal(gpa_of(&g, MONITOR_BASE + at), in->base + at);
		assert_int_equal(g.held[(in->base + at) / PAGE_SIZE], 1);
		/* CPU areas are nobody's before the monitor takes them. */
		assert_true(in->base + at < in->cpu_area);
	}
	assert_int_equal(mapped, 5 + 4 + 3 + in->size / PAGE_2M);
	assert_int_equal(guest_walk(&g, 0, C_MASK), ~0ull);
	assert_int_equal(guest_walk(&g, MONITOR_BASE + in->size, C_MASK),
			 ~0ull);
	guest_free(&g);
}

static bool overlaps(const struct boot_ranges *r, u64 start, u64 end)
{
	for (u32 i = 0; i < r->count; i++)
		if (r->range[i].start < end && r->range[i].end > start)
			return true;
	return false;
}

static void what_the_guest_gets(void **state)
{
	struct linux_boot_params *params;
	struct boot_layout out;
	struct monitor_info *in;
	bool reserved = false;
	struct guest g;
	u64 ca;

	(void)state;
	compose(&g, &out);
	in = info_of(&g);
	ca = in->guest_ca;
	params = (void *)(g.memory + BOOT_PARAMS);
	for (u32 i = 0; i < params->e820_entries; i++) {
		struct linux_e820_entry *e = &params->e820[i];

		if (e->addr == in->base && e->size == in->size)
			reserved = e->type == LINUX_E820_RESERVED;
		else
			assert_true(e->addr + e->size <= in->base ||
				    e->addr >= in->base + in->size);
	}
	assert_true(reserved);
	assert_int_equal(out.vmsa.vmpl, 2);
	assert_int_equal(out.vmsa.sev_features, SEV_FEATURE_SNP);
	/* Left to the monitor: not in the file, to be validated. */
	assert_false(g.held[in->guest_cpuid / PAGE_SIZE]);
	assert_false(g.held[in->guest_secrets / PAGE_SIZE]);
	assert_false(g.held[ca / PAGE_SIZE]);
	assert_true(overlaps(&out.unvalidated, ca, ca + PAGE_SIZE));
	assert_false(overlaps(&out.unvalidated, in->base,
			      in->base + in->size));
	guest_free(&g);
}

static void refused(struct boot_machine *machine, const char *why)
{
	struct igvm_builder *b = igvm_builder_new();
	struct igvm_error err = { "" };
	struct monitor mon;

	assert_int_equal(igvm_monitor_begin(&mon, machine, &elf, sizeof(elf),
					    0, b, &err), -1);
	if (!strstr(err.text, why))
		fail_msg("refused by \"%s\", not by \"%s\"", err.text, why);
	igvm_builder_free(b);
}

static void refuses_images(void **state)
{
	struct boot_machine machine = a_machine();

	(void)state;
	elf.ph[2].p_flags |= PF_X;
	refused(&machine, "writable and executable");
	setup(state);
	elf.ph[1].p_vaddr += PAGE_SIZE;
	refused(&machine, "wrong address");
	setup(state);
	elf.ph[1].p_paddr += 8;
	elf.ph[1].p_vaddr += 8;
	refused(&machine, "wrong address");
	setup(state);
	elf.ph[0].p_paddr = 0x1000;
	elf.eh.e_entry = 0x1010;
	refused(&machine, "physical address 0");
	setup(state);
	elf.eh.e_entry = 0x100000;
	refused(&machine, "entry");
	setup(state);
	elf.eh.e_type = ET_DYN;
	refused(&machine, "fixed address");
}

static void refuses_machines(void **state)
{
	struct boot_machine machine = a_machine();

	(void)state;
	machine.vmpl = 0;
	refused(&machine, "VMPL above 0");
	machine = a_machine();
	machine.cpus = MONITOR_CPUS_MAX + 1;
	refused(&machine, "CPUs");
	machine.cpus = 0;
	refused(&machine, "CPUs");
	machine = a_machine();
	machine.memory = 1ull << 20;
	refused(&machine, "no place for the monitor");
}

/* Memory for CPUs grows the range, in whole 2 MiB. */
static void many_cpus(void **state)
{
	struct igvm_builder *b = igvm_builder_new();
	u32 many[MONITOR_CPUS_MAX] = { 0 };
	struct boot_machine machine = a_machine();
	struct igvm_error err;
	struct monitor mon;

	(void)state;
	machine.apic_ids = many;
	machine.cpus = MONITOR_CPUS_MAX;
	assert_int_equal(igvm_monitor_begin(&mon, &machine, &elf, sizeof(elf),
					    0, b, &err), 0);
	assert_true(mon.size >= MONITOR_CPUS_MAX * MONITOR_CPU_BYTES);
	assert_int_equal(mon.size % PAGE_2M, 0);
	assert_int_equal(machine.monitor.end - machine.monitor.start,
			 mon.size);
	igvm_builder_free(b);
}

#define T(f)	cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_the_monitor_gets),
		T(nothing_is_writable_and_executable),
		T(what_the_guest_gets),
		T(refuses_images),
		T(refuses_machines),
		T(many_cpus),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
