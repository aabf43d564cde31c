// SPDX-License-Identifier: MIT
/* Direct boot of an ELF64 guest, and ELF files that are none. */
#include "igvm/elf_info.h"
#include "igvm/ranges.h"
#include "igvm/shim.h"
#include "tests/igvm_boot.h"

struct image {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[3];
	u8 text[0x1800];
	u8 data[0x10];
};

static struct image image;
static const u32 ids[] = { 0, 8, 300 };

static int setup(void **state)
{
	(void)state;
	image = (struct image){
		.eh = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64,
				     ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_entry = 0x200010,
			.e_phoff = offsetof(struct image, ph),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 3,
		},
		.ph = {
			{ PT_LOAD, 5, offsetof(struct image, text), ~0ull,
			  0x200000, 0x1800, 0x1800, 0x1000 },
			{ PT_NOTE, 4, ~0ull, 0, ~0ull, ~0ull, ~0ull, 1 },
			/* Shares a page with the text; .bss behind it. */
			{ PT_LOAD, 6, offsetof(struct image, data), ~0ull,
			  0x201900, 0x10, 0x2000, 1 },
		},
	};
	memset(image.text, 0x11, sizeof(image.text));
	memset(image.data, 0x22, sizeof(image.data));
	return 0;
}

static struct elf_boot a_boot(void)
{
	return (struct elf_boot){
		.machine = {
			.memory = 4ull << 30,
			.apic_ids = ids,
			.cpus = ARRAY_SIZE(ids),
		},
		.image = &image,
		.image_bytes = sizeof(image),
		.command_line = "vectors=3",
	};
}

static void refused(const struct elf_boot *boot, const char *why)
{
	struct igvm_builder *b = igvm_builder_new();
	struct igvm_error err = { "" };

	assert_int_equal(igvm_compose_elf(boot, b, NULL, &err), -1);
	if (!strstr(err.text, why))
		fail_msg("refused by \"%s\", not by \"%s\"", err.text, why);
	igvm_builder_free(b);
}

static void compose(const struct elf_boot *boot, struct guest *g,
		    struct boot_layout *out)
{
	struct igvm_builder *b = igvm_builder_new();
	struct igvm_error err = { "" };

	if (igvm_compose_elf(boot, b, out, &err))
		fail_msg("%s", err.text);
	guest_load(g, b, boot->machine.native ? IGVM_PLATFORM_NATIVE :
		   IGVM_PLATFORM_SNP);
}

static void segments(void **state)
{
	struct elf_boot boot = a_boot();
	struct boot_layout l;
	struct guest g;

	(void)state;
	compose(&boot, &g, &l);
	assert_int_equal(l.kernel, 0x200000);
	assert_int_equal(l.kernel_end, 0x204000);
	assert_int_equal(l.entry, 0x200010);
	assert_memory_equal(g.memory + 0x200000, image.text, 0x1800);
	assert_int_equal(g.memory[0x2018ff], 0);
	assert_memory_equal(g.memory + 0x201900, image.data, 0x10);
	assert_int_equal(g.memory[0x201910], 0);
	assert_int_equal(g.held[0x203], 1);
	assert_complete(&g, &l.ram, &l.unvalidated);
	guest_free(&g);
}

static struct elf_info info_of(const struct guest *g)
{
	struct elf_info info;

	memcpy(&info, g->memory + g->vmsa.rdi, sizeof(info));
	return info;
}

static void tells_the_guest(void **state)
{
	struct elf_boot boot = a_boot();
	struct elf_info info;
	struct boot_layout l;
	struct guest g;

	(void)state;
	compose(&boot, &g, &l);
	info = info_of(&g);
	assert_int_equal(info.magic, ELF_INFO_MAGIC);
	assert_int_equal(info.memory, 4ull << 30);
	assert_int_equal(info.below_4g, 3ull << 30);
	assert_int_equal(info.above_4g, 1ull << 30);
	assert_int_equal(info.cpus, 3);
	assert_int_equal(info.c_bit, SNP_C_BIT);
	assert_memory_equal(g.memory + info.apic_ids, ids, sizeof(ids));
	assert_int_equal(info.secrets, g.secrets);
	assert_int_equal(info.cpuid, g.cpuid);
	assert_string_equal((char *)g.memory + info.command_line, "vectors=3");
	assert_memory_equal(g.memory + info.rsdp, "RSD PTR ", 8);
	assert_int_equal(info.image_start, 0x200000);
	assert_int_equal(info.image_end, 0x204000);
	guest_free(&g);
}

/* A monitor's own file: elsewhere, and nothing validated for it. */
static void lazy_and_elsewhere(void **state)
{
	struct elf_boot boot = a_boot();
	struct boot_layout l;
	struct guest g;

	(void)state;
	boot.boot_base = 0x800000;
	boot.machine.lazy = true;
	boot.machine.c_bit = 47;
	compose(&boot, &g, &l);
	assert_int_equal(g.vmsa.rip, 0x200010);
	assert_int_equal(g.vmsa.rdi, 0x802000);
	assert_int_equal(info_of(&g).boot_start, 0x800000);
	assert_int_equal(info_of(&g).c_bit, 47);
	assert_int_equal(guest_walk(&g, 0x13fffffff, BIT_ULL(47)), 0x13fffffff);
	assert_int_equal(g.held[0x40000 / PAGE_SIZE], 0);
	assert_int_equal(g.held[0x803], 0);
	assert_complete(&g, &l.ram, &l.unvalidated);
	guest_free(&g);
	boot.boot_base = 0x1ff000;
	refused(&boot, "the image (16384 bytes at 0x200000) does not lie");
}

static void native(void **state)
{
	struct elf_boot boot = a_boot();
	struct boot_layout l;
	struct guest g;

	(void)state;
	boot.machine.native = true;
	compose(&boot, &g, &l);
	assert_int_equal(g.vmsa.rip, 0x200010);
	assert_int_equal(info_of(&g).c_bit, 0);
	assert_int_equal(info_of(&g).secrets, 0);
	guest_free(&g);
}

static void images_refused(void **state)
{
	struct elf_boot boot = a_boot();
	struct image good = image;

	(void)state;
	boot.image_bytes = sizeof(Elf64_Ehdr) - 1;
	refused(&boot, "too small for an ELF file");
	boot.image_bytes = sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr) - 1;
	refused(&boot, "ends within its program headers");
	boot.image_bytes = sizeof(image) - 1;
	refused(&boot, "reaches beyond the end of the file");
	boot.image_bytes = sizeof(image);
	image.eh.e_ident[0] = 0;
	refused(&boot, "not an ELF file");
	image = good;
	image.eh.e_ident[EI_CLASS] = ELFCLASS32;
	refused(&boot, "not for x86");
	image = good;
	image.eh.e_machine = EM_AARCH64;
	refused(&boot, "not for x86");
	image = good;
	image.eh.e_type = ET_DYN;
	refused(&boot, "not linked for a fixed address");
	image = good;
	image.eh.e_phentsize = 55;
	refused(&boot, "3 program headers of 55 bytes");
	image = good;
	image.eh.e_phnum = 65;
	refused(&boot, "65 program headers");
	image = good;
	image.eh.e_phoff = ~0ull - 8;
	refused(&boot, "ends within its program headers");
	image = good;
	image.ph[0].p_memsz = 1;
	refused(&boot, "more bytes in the file than in memory");
	image = good;
	image.ph[2].p_memsz = 1ull << 40;
	refused(&boot, "too large or too high");
	image = good;
	image.ph[2].p_paddr = ~0ull - 16;
	refused(&boot, "too large or too high");
	image = good;
	image.ph[2].p_paddr = 0x20000000;
	refused(&boot, "spreads over more than 256 MiB");
	image = good;
	image.ph[0].p_type = image.ph[2].p_type = PT_NULL;
	refused(&boot, "nothing to load");
	image = good;
	image.eh.e_entry = 0x204000;
	refused(&boot, "entry 0x204000 lies outside");
	image = good;
	image.ph[2].p_paddr = 0x90000;
	refused(&boot, "the image (1515520 bytes at 0x90000) does not lie in");
	image = good;
	image.ph[0].p_paddr = image.eh.e_entry = 0x40000;
	image.ph[2].p_type = PT_NULL;
	refused(&boot, "the image (8192 bytes at 0x40000) does not lie in");
	image = good;
}

static void long_command_line(void **state)
{
	struct elf_boot boot = a_boot();
	char line[4097];

	(void)state;
	memset(line, 'x', 4096);
	line[4096] = 0;
	boot.command_line = line;
	refused(&boot, "has 4096 characters");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(segments, setup),
		cmocka_unit_test_setup(tells_the_guest, setup),
		cmocka_unit_test_setup(lazy_and_elsewhere, setup),
		cmocka_unit_test_setup(native, setup),
		cmocka_unit_test_setup(images_refused, setup),
		cmocka_unit_test_setup(long_command_line, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
