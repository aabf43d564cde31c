// SPDX-License-Identifier: MIT
/* Direct boot of a 32-bit multiboot image. */
#include "igvm/multiboot.h"
#include "tests/igvm_boot.h"

struct image {
	Elf32_Ehdr eh;
	Elf32_Phdr ph[1];
	struct multiboot_header mb;
	u8 text[0x1000];
};

static struct image image;
static const u32 ids[] = { 0 };

static void set_flags(u32 flags)
{
	image.mb.magic = MULTIBOOT_HEADER_MAGIC;
	image.mb.flags = flags;
	image.mb.checksum = -(MULTIBOOT_HEADER_MAGIC + flags);
}

static int setup(void **state)
{
	(void)state;
	image = (struct image){
		.eh = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32,
				     ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_386,
			.e_entry = 0x400010,
			.e_phoff = offsetof(struct image, ph),
			.e_phentsize = sizeof(Elf32_Phdr),
			.e_phnum = 1,
		},
		.ph = {
			{ PT_LOAD, offsetof(struct image, text), 0, 0x400000,
			  0x1000, 0x3000, 7, 0x1000 },
		},
	};
	set_flags(MULTIBOOT_WANT_MEMORY);
	memset(image.text, 0x33, sizeof(image.text));
	return 0;
}

static struct elf_boot a_boot(void)
{
	return (struct elf_boot){
		.machine = {
			.memory = 4ull << 30,
			.apic_ids = ids,
			.cpus = 1,
			.native = true,
		},
		.image = &image,
		.image_bytes = sizeof(image),
		.command_line = "smp",
	};
}

static void refused(const struct elf_boot *boot, const char *why)
{
	struct igvm_builder *b = igvm_builder_new();
	struct igvm_error err = { "" };

	assert_int_equal(igvm_compose_multiboot(boot, b, NULL, &err), -1);
	if (!strstr(err.text, why))
		fail_msg("refused by \"%s\", not by \"%s\"", err.text, why);
	igvm_builder_free(b);
}

static void enters_in_32_bit_mode(void **state)
{
	struct elf_boot boot = a_boot();
	struct igvm_builder *b = igvm_builder_new();
	struct igvm_error err = { "" };
	struct boot_layout l;
	struct guest g;

	(void)state;
	assert_int_equal(igvm_compose_multiboot(&boot, b, &l, &err), 0);
	guest_load(&g, b, IGVM_PLATFORM_NATIVE);
	assert_memory_equal(g.memory + 0x400000, image.text, 0x1000);
	assert_int_equal(g.vmsa.rip, 0x400010);
	assert_int_equal(g.vmsa.rax, 0x2badb002);
	assert_int_equal(g.vmsa.cr0, 0x11);
	assert_int_equal(g.vmsa.efer, 0);
	assert_int_equal(g.vmsa.cs.attrib, 0xc9b);
	assert_int_equal(g.vmsa.cs.selector, 8);
	assert_complete(&g, &l.ram, &l.unvalidated);
	guest_free(&g);
}

static void describes_memory(void **state)
{
	struct elf_boot boot = a_boot();
	struct igvm_builder *b = igvm_builder_new();
	struct multiboot_info info;
	struct multiboot_mmap map[16];
	struct igvm_error err;
	struct guest g;
	u64 ram = 0;

	(void)state;
	assert_int_equal(igvm_compose_multiboot(&boot, b, NULL, &err), 0);
	guest_load(&g, b, IGVM_PLATFORM_NATIVE);
	memcpy(&info, g.memory + g.vmsa.rbx, sizeof(info));
	assert_int_equal(info.flags, 0x45);
	assert_int_equal(info.mem_lower, 640);
	assert_int_equal(info.mem_upper, (3 << 20) - 1024);
	assert_string_equal((char *)g.memory + info.cmdline, "smp");
	assert_int_equal(info.mmap_length % 24, 0);
	assert_true(info.mmap_length <= sizeof(map));
	memcpy(map, g.memory + info.mmap_addr, info.mmap_length);
	for (u32 i = 0; i < info.mmap_length / 24; i++) {
		assert_int_equal(map[i].size, 20);
		if (map[i].type == MULTIBOOT_RAM)
			ram += map[i].length;
		else
			assert_true(map[i].addr == BOOT_BASE ||
				    map[i].addr == 0xa0000);
	}
	assert_int_equal(ram, (4ull << 30) - 0x60000 - BOOT_BYTES);
	guest_free(&g);
}

static void under_a_paravisor(void **state)
{
	struct elf_boot boot = a_boot();
	struct igvm_builder *b = igvm_builder_new();
	struct igvm_error err;
	struct boot_layout l;

	(void)state;
	boot.machine.native = false;
	refused(&boot, "it needs the native platform, or a paravisor");
	boot.machine.vmpl = 2;
	refused(&boot, "it needs the native platform, or a paravisor");
	boot.machine.unaware = true;
	boot.machine.sev_features = SEV_FEATURE_VTOM | SEV_FEATURE_REFLECT_VC;
	boot.machine.virtual_tom = 1ull << 40;
	assert_int_equal(igvm_compose_multiboot(&boot, b, &l, &err), 0);
	assert_int_equal(l.vmsa.efer, EFER_SVME);
	assert_int_equal(l.vmsa.virtual_tom, 1ull << 40);
	assert_int_equal(l.vmsa.sev_features, 7);
	assert_int_equal(l.vmsa.cr0, 0x11);
	igvm_builder_free(b);
}

static void images_refused(void **state)
{
	struct elf_boot boot = a_boot();

	(void)state;
	assert_true(igvm_is_multiboot(&image, sizeof(image)));
	assert_false(igvm_is_multiboot(&image, offsetof(struct image, mb) + 8));
	set_flags(BIT(2));
	refused(&boot, "the multiboot image requires 0x4");
	set_flags(BIT(16));
	image.mb.checksum++;
	refused(&boot, "no multiboot header");
	set_flags(BIT(16));
	boot.image_bytes = offsetof(struct image, text) + 0xfff;
	refused(&boot, "reaches beyond the end of the file");
	boot.image_bytes = sizeof(image);
	image.eh.e_machine = EM_X86_64;
	refused(&boot, "not for x86");
	image.eh.e_machine = EM_386;
	image.eh.e_phentsize = sizeof(Elf64_Phdr);
	refused(&boot, "1 program headers of 56 bytes");
	image.eh.e_phentsize = sizeof(Elf32_Phdr);
	/* The 64-bit entry is not for it. */
	{
		struct igvm_builder *b = igvm_builder_new();
		struct igvm_error err;

		assert_int_equal(igvm_compose_elf(&boot, b, NULL, &err), -1);
		assert_non_null(strstr(err.text, "not for 64-bit x86"));
		igvm_builder_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(enters_in_32_bit_mode, setup),
		cmocka_unit_test_setup(describes_memory, setup),
		cmocka_unit_test_setup(under_a_paravisor, setup),
		cmocka_unit_test_setup(images_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
