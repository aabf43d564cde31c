// SPDX-License-Identifier: MIT
/* Direct boot of a bzImage: layout, boot_params, page tables, VMSA. */
#include "arch/svsm.h"
#include "igvm/handover.h"
#include "igvm/ranges.h"
#include "igvm/shim.h"
#include "tests/igvm_boot.h"

#define KERNEL_BYTES		(0x400 + 0x5123)

static const u32 ids[] = { 0, 1, 4, 300 };

static struct bytes kernel;
static u8 initrd[0x3001];

static int setup(void **state)
{
	(void)state;
	kernel = bz_image(KERNEL_BYTES);
	memset(initrd, 0xd1, sizeof(initrd));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(kernel.data);
	return 0;
}

static struct linux_boot a_boot(void)
{
	return (struct linux_boot){
		.machine = {
			.memory = 128ull << 20,
			.apic_ids = ids,
			.cpus = ARRAY_SIZE(ids),
		},
		.kernel = kernel.data,
		.kernel_bytes = kernel.size,
		.initrd = initrd,
		.initrd_bytes = sizeof(initrd),
		.command_line = "console=ttyS0",
	};
}

static void compose(const struct linux_boot *boot, struct guest *g,
		    struct boot_layout *out)
{
	struct igvm_builder *b = igvm_builder_new();
	struct igvm_error err = { "" };

	if (igvm_compose_linux(boot, b, out, &err))
		fail_msg("%s", err.text);
	guest_load(g, b, boot->machine.native ? IGVM_PLATFORM_NATIVE :
		   IGVM_PLATFORM_SNP);
}

static void refused(const struct linux_boot *boot, const char *why)
{
	struct igvm_builder *b = igvm_builder_new();
	struct igvm_error err = { "" };

	assert_int_equal(igvm_compose_linux(boot, b, NULL, &err), -1);
	if (!strstr(err.text, why))
		fail_msg("refused by \"%s\", not by \"%s\"", err.text, why);
	igvm_builder_free(b);
}

static struct linux_boot_params params_of(const struct guest *g)
{
	struct linux_boot_params p;

	memcpy(&p, g->memory + BOOT_PARAMS, sizeof(p));
	return p;
}

static void files_and_params(void **state)
{
	struct linux_boot boot = a_boot();
	struct linux_boot_params p;
	struct boot_layout l;
	struct guest g;

	(void)state;
	compose(&boot, &g, &l);
	p = params_of(&g);
	assert_int_equal(l.kernel, 0x1000000);
	assert_int_equal(l.kernel_end, 0x3000000);
	assert_memory_equal(g.memory + l.kernel, kernel.data + 0x400, 0x5123);
	assert_int_equal(l.initrd, (128ull << 20) - 0x4000);
	assert_memory_equal(g.memory + l.initrd, initrd, sizeof(initrd));
	assert_int_equal(g.memory[l.initrd + sizeof(initrd)], 0);
	assert_int_equal(p.hdr.ramdisk_image, l.initrd);
	assert_int_equal(p.hdr.ramdisk_size, sizeof(initrd));
	assert_int_equal(p.hdr.type_of_loader, 0xff);
	assert_int_equal(p.hdr.loadflags & LINUX_CAN_USE_HEAP, 0);
	assert_int_equal(p.hdr.code32_start, l.kernel);
	assert_int_equal(p.acpi_rsdp_addr, l.rsdp);
	assert_memory_equal(g.memory + l.rsdp, "RSD PTR ", 8);
	assert_string_equal((char *)g.memory + p.hdr.cmd_line_ptr,
			    "console=ttyS0");
	for (size_t i = 0; i < sizeof(p.screen_info); i++)
		assert_int_equal(p.screen_info[i], 0);
	guest_free(&g);
}

static void secrets_and_cc_blob(void **state)
{
	struct linux_boot boot = a_boot();
	struct linux_cc_setup_data node;
	struct boot_layout l;
	struct cc_blob blob;
	struct guest g;

	(void)state;
	compose(&boot, &g, &l);
	memcpy(&node, g.memory + params_of(&g).hdr.setup_data, sizeof(node));
	assert_int_equal(node.next, 0);
	assert_int_equal(node.type, LINUX_SETUP_CC_BLOB);
	assert_int_equal(node.length, 4);
	memcpy(&blob, g.memory + node.cc_blob_address, sizeof(blob));
	assert_int_equal(blob.magic, CC_BLOB_MAGIC);
	assert_int_equal(blob.version, 0);
	assert_int_equal(blob.secrets_phys, g.secrets);
	assert_int_equal(blob.secrets_len, 4096);
	assert_int_equal(blob.cpuid_phys, g.cpuid);
	assert_int_equal(blob.cpuid_len, 4096);
	assert_int_equal(params_of(&g).cc_blob_address, 0);
	guest_free(&g);
}

static u32 e820_type(const struct linux_boot_params *p, u64 gpa)
{
	for (u32 i = 0; i < p->e820_entries; i++)
		if (gpa >= p->e820[i].addr &&
		    gpa < p->e820[i].addr + p->e820[i].size)
			return p->e820[i].type;
	return 0;
}

static void e820(void **state)
{
	struct linux_boot boot = a_boot();
	struct linux_boot_params p;
	struct boot_layout l;
	struct guest g;
	u64 ram = 0;

	(void)state;
	boot.machine.memory = 5ull << 30;
	boot.machine.monitor = (struct boot_range){ 0x4000000, 0x5000000 };
	compose(&boot, &g, &l);
	p = params_of(&g);
	for (u32 i = 0; i < p.e820_entries; i++) {
		if (i)
			assert_true(p.e820[i].addr >= p.e820[i - 1].addr +
						      p.e820[i - 1].size);
		if (p.e820[i].type == LINUX_E820_RAM)
			ram += p.e820[i].size;
	}
	assert_int_equal(ram, (5ull << 30) - 0x60000 - 0x30000 - 0x1000000);
	assert_int_equal(e820_type(&p, 0), LINUX_E820_RAM);
	assert_int_equal(e820_type(&p, g.secrets), LINUX_E820_RESERVED);
	assert_int_equal(e820_type(&p, g.cpuid), LINUX_E820_RESERVED);
	assert_int_equal(e820_type(&p, l.rsdp), LINUX_E820_ACPI);
	assert_int_equal(e820_type(&p, BOOT_PARAMS), LINUX_E820_RAM);
	assert_int_equal(e820_type(&p, 0xa0000), LINUX_E820_RESERVED);
	assert_int_equal(e820_type(&p, 0xfffff), LINUX_E820_RESERVED);
	assert_int_equal(e820_type(&p, 0x4000000), LINUX_E820_RESERVED);
	assert_int_equal(e820_type(&p, 0x4ffffff), LINUX_E820_RESERVED);
	assert_int_equal(e820_type(&p, 0xbfffffff), LINUX_E820_RAM);
	assert_int_equal(e820_type(&p, 0xc0000000), 0);
	assert_int_equal(e820_type(&p, 0x17fffffff), LINUX_E820_RAM);
	assert_int_equal(e820_type(&p, 0x180000000), 0);
	/* The monitor's RAM is not in the file and not the shim's. */
	assert_false(boot_ranges_contain(&l.unvalidated, 0x4000000,
					 0x4001000));
	assert_int_equal(g.held[0x4000000 / PAGE_SIZE], 0);
	guest_free(&g);
}

static void page_tables_cover_ram(void **state)
{
	struct linux_boot boot = a_boot();
	struct boot_layout l;
	struct guest g;

	(void)state;
	boot.machine.memory = 9ull << 30;
	compose(&boot, &g, &l);
	for (u32 i = 0; i < l.ram.count; i++)
		for (u64 a = l.ram.range[i].start; a < l.ram.range[i].end;
		     a += PAGE_2M)
			assert_int_equal(guest_walk(&g, a, SNP_C_MASK), a);
	assert_int_equal(guest_walk(&g, 0xfee00000, SNP_C_MASK), 0xfee00000);
	assert_int_equal(guest_walk(&g, 11ull << 30, SNP_C_MASK), ~0ull);
	guest_free(&g);
}

static void registers(void **state)
{
	struct linux_boot boot = a_boot();
	struct boot_layout l;
	struct guest g;
	u64 gdt[4];

	(void)state;
	boot.machine.sev_features = SEV_FEATURE_SECURE_AVIC;
	compose(&boot, &g, &l);
	assert_int_equal(g.contexts, 1);
	assert_int_equal(g.vmsa_gpa, IGVM_KVM_VMSA_GPA);
	assert_int_equal(g.policy, 0x30000);
	assert_int_equal(g.vmsa.rsi, BOOT_PARAMS);
	assert_int_equal(g.vmsa.efer, 0x1d01);
	assert_int_equal(g.vmsa.sev_features, 0x10001);
	assert_int_equal(g.vmsa.vintr_ctrl, 0x4000200);
	assert_int_equal(g.vmsa.rflags, 2);
	assert_int_equal(g.vmsa.cs.selector, 0x10);
	assert_int_equal(g.vmsa.cs.attrib & 0x200, 0x200);	/* L */
	assert_int_equal(g.vmsa.ss.selector, 0x18);
	memcpy(gdt, g.memory + g.vmsa.gdtr.base, sizeof(gdt));
	assert_int_equal(g.vmsa.gdtr.limit, sizeof(gdt) - 1);
	assert_int_equal(gdt[2] >> 53 & 1, 1);			/* L */
	assert_int_equal(gdt[3] >> 41 & 1, 1);			/* writable */
	/* The VMSA starts the shim; the layout tells of the kernel. */
	assert_memory_equal(g.memory + g.vmsa.rip, igvm_shim_start,
			    igvm_shim_end - igvm_shim_start);
	assert_int_equal(l.vmsa.rip, l.kernel + 0x200);
	guest_free(&g);
}

static void shim_validates_the_rest(void **state)
{
	struct linux_boot boot = a_boot();
	struct boot_layout l;
	struct shim_info info;
	struct guest g;

	(void)state;
	compose(&boot, &g, &l);
	memcpy(&info, g.memory + g.vmsa.rbp, sizeof(info));
	assert_int_equal(info.entry, l.kernel + 0x200);
	assert_int_equal(info.count, l.unvalidated.count);
	assert_memory_equal(info.range, l.unvalidated.range,
			    info.count * sizeof(info.range[0]));
	assert_complete(&g, &l.ram, &l.unvalidated);
	assert_int_equal(g.required, (128ull << 20) - 0x20000);
	guest_free(&g);
}

static void native_has_no_sev(void **state)
{
	struct linux_boot boot = a_boot();
	struct boot_layout l;
	struct guest g;

	(void)state;
	boot.machine.native = true;
	compose(&boot, &g, &l);
	assert_int_equal(g.vmsa.rip, l.kernel + 0x200);
	assert_int_equal(g.vmsa.rsi, BOOT_PARAMS);
	assert_int_equal(g.vmsa.efer, 0xd01);
	assert_int_equal(g.vmsa.cs.attrib, l.vmsa.cs.attrib);
	assert_int_equal(g.secrets, 0);
	assert_int_equal(params_of(&g).hdr.setup_data, 0);
	assert_int_equal(guest_walk(&g, 0x1000000, 0), 0x1000000);
	assert_int_equal(guest_walk(&g, 0x1000000, SNP_C_MASK), ~0ull);
	guest_free(&g);
}

/* For a monitor: pages only; the monitor brings platform and VMSA. */
static void under_a_monitor(void **state)
{
	struct linux_boot boot = a_boot();
	struct igvm_builder *b = igvm_builder_new();
	struct igvm_error err = { "" };
	struct boot_layout l;
	struct guest g;

	(void)state;
	boot.machine.vmpl = 2;
	igvm_add_platform(b, 1, IGVM_PLATFORM_SNP, 0, 0);
	assert_int_equal(igvm_compose_linux(&boot, b, &l, &err), 0);
	guest_load(&g, b, IGVM_PLATFORM_SNP);
	assert_int_equal(g.contexts, 0);
	assert_int_equal(g.secrets, 0);
	assert_int_equal(l.vmsa.vmpl, 2);
	assert_int_equal(l.vmsa.rip, l.kernel + 0x200);
	assert_true(boot_ranges_contain(&l.unvalidated,
					BOOT_BASE + BOOT_SECRETS,
					BOOT_BASE + BOOT_CPUID + PAGE_SIZE));
	assert_complete(&g, &l.ram, &l.unvalidated);
	guest_free(&g);
	boot.machine.unaware = true;
	refused(&boot, "needs a virtual top of memory");
}

/* The first vCPU starts in what ran before, which knows where to go on. */
static void after_another_runtime(void **state)
{
	struct linux_boot boot = a_boot();
	struct igvm_builder *b = igvm_builder_new();
	struct igvm_error err = { "" };
	struct handover_info info;
	struct boot_layout l;
	struct guest g;

	(void)state;
	boot.machine.vmpl = 2;
	boot.machine.sev_features = SEV_FEATURE_ALTERNATE;
	boot.machine.handover = BOOT_HANDOVER_LOCKED;
	igvm_add_platform(b, 1, IGVM_PLATFORM_SNP, 0, 0);
	assert_int_equal(igvm_compose_linux(&boot, b, &l, &err), 0);
	guest_load(&g, b, IGVM_PLATFORM_SNP);
	assert_complete(&g, &l.ram, &l.unvalidated);
	assert_memory_equal(g.memory + l.vmsa.rip, igvm_handover_start,
			    igvm_handover_end - igvm_handover_start);
	memcpy(&info, g.memory + l.vmsa.rbp, sizeof(info));
	assert_int_equal(info.entry, l.kernel + 0x200);
	assert_int_equal(info.area, BOOT_BASE + BOOT_CALLING_AREA);
	assert_int_equal(info.request, SVSM_APIC_REGISTER);
	assert_int_equal(l.vmsa.rsi, BOOT_PARAMS);
	guest_free(&g);
}

static void handovers_refused(void **state)
{
	struct linux_boot boot = a_boot();

	(void)state;
	boot.machine.handover = BOOT_HANDOVER_DISABLED;
	refused(&boot, "nothing before the kernel has Alternate Injection");
	boot.machine.vmpl = 2;
	refused(&boot, "nothing before the kernel has Alternate Injection");
}

static void equal_inputs_equal_bytes(void **state)
{
	struct linux_boot boot = a_boot();
	struct bytes f[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct igvm_builder *b = igvm_builder_new();
		struct igvm_error err;

		assert_int_equal(igvm_compose_linux(&boot, b, NULL, &err), 0);
		f[i] = finish(b);
	}
	assert_int_equal(f[0].size, f[1].size);
	assert_memory_equal(f[0].data, f[1].data, f[0].size);
	free(f[0].data);
	free(f[1].data);
}

static void other_places(void **state)
{
	struct linux_setup_header *h =
		(void *)(kernel.data + LINUX_SETUP_HEADER);
	struct linux_boot boot = a_boot();
	struct boot_layout l;
	struct guest g;

	(void)state;
	/* 40 MiB: 16M + 32M do not fit, 2M + 32M do. */
	boot.machine.memory = 40ull << 20;
	compose(&boot, &g, &l);
	assert_int_equal(l.kernel, 0x200000);
	guest_free(&g);
	h->relocatable_kernel = 0;
	refused(&boot, "has no place for it");
	h->relocatable_kernel = 1;
	h->initrd_addr_max = 0x3ffffff;
	boot.machine.memory = 4ull << 30;
	compose(&boot, &g, &l);
	assert_int_equal(l.initrd, 0x4000000 - 0x4000);
	guest_free(&g);
}

static void kernels_refused(void **state)
{
	struct linux_setup_header *h =
		(void *)(kernel.data + LINUX_SETUP_HEADER);
	struct linux_setup_header good = *h;
	struct linux_boot boot = a_boot();

	(void)state;
	boot.kernel_bytes = 1023;
	refused(&boot, "too small for a bzImage");
	boot.kernel_bytes = 0x400 + 0x200;
	refused(&boot, "ends before its code");
	boot.kernel_bytes = kernel.size;
	h->boot_flag = 0;
	refused(&boot, "not a bzImage");
	*h = good;
	h->header++;
	refused(&boot, "not a bzImage");
	*h = good;
	h->version = 0x20b;
	refused(&boot, "no 64-bit entry (boot protocol 2.11)");
	*h = good;
	h->xloadflags = 0;
	refused(&boot, "no 64-bit entry");
	*h = good;
	h->kernel_alignment = 0;
	refused(&boot, "alignment 0x0 is not a power of 2");
	h->kernel_alignment = 0x300000;
	refused(&boot, "alignment 0x300000 is not a power of 2");
	*h = good;
	h->init_size = ~0u;
	refused(&boot, "the kernel needs 4096 MiB");
	*h = good;
	h->pref_address = ~0ull << 21;
	h->relocatable_kernel = 0;
	refused(&boot, "has no place for it");
	*h = good;
	h->setup_sects = 255;
	refused(&boot, "ends before its code");
	*h = good;
	h->cmdline_size = 12;
	refused(&boot, "the command line has 13 characters; this kernel takes");
	*h = good;
}

static void machines_refused(void **state)
{
	struct linux_boot boot = a_boot();

	(void)state;
	boot.initrd_bytes = 1ull << 40;
	refused(&boot, "initrd of 1099511627776 bytes does not fit");
	boot = a_boot();
	boot.machine.memory = 15ull << 20;
	refused(&boot, "is not between 16 MiB and 256 GiB");
	boot.machine.memory = (64ull << 20) + 1;
	refused(&boot, "is not between 16 MiB and 256 GiB");
	boot = a_boot();
	boot.machine.cpus = 0;
	refused(&boot, "0 CPUs are not between");
	boot.machine.cpus = BOOT_CPUS_MAX + 1;
	refused(&boot, "4097 CPUs are not between");
	boot = a_boot();
	boot.machine.vmpl = 4;
	refused(&boot, "VMPL 4 is not one of");
	boot = a_boot();
	boot.machine.c_bit = 31;
	refused(&boot, "the C-bit cannot be bit 31");
	boot = a_boot();
	boot.machine.native = true;
	boot.machine.sev_features = SEV_FEATURE_SNP;
	refused(&boot, "a native guest has no VMPL");
	boot = a_boot();
	boot.machine.sev_features = SEV_FEATURES_INJECTION;
	refused(&boot, "more than one of restricted injection");
	boot = a_boot();
	boot.machine.monitor = (struct boot_range){ 0x1000, 0x2000 };
	refused(&boot, "the monitor's range is not whole pages above 1 MiB");
	boot.machine.monitor = (struct boot_range){ 0x7000000, 0x9000000 };
	refused(&boot, "the monitor's range is not RAM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_and_params, setup,
						teardown),
		cmocka_unit_test_setup_teardown(secrets_and_cc_blob, setup,
						teardown),
		cmocka_unit_test_setup_teardown(e820, setup, teardown),
		cmocka_unit_test_setup_teardown(page_tables_cover_ram, setup,
						teardown),
		cmocka_unit_test_setup_teardown(registers, setup, teardown),
		cmocka_unit_test_setup_teardown(shim_validates_the_rest, setup,
						teardown),
		cmocka_unit_test_setup_teardown(native_has_no_sev, setup,
						teardown),
		cmocka_unit_test_setup_teardown(under_a_monitor, setup,
						teardown),
		cmocka_unit_test_setup_teardown(after_another_runtime, setup,
						teardown),
		cmocka_unit_test_setup_teardown(handovers_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(equal_inputs_equal_bytes,
						setup, teardown),
		cmocka_unit_test_setup_teardown(other_places, setup, teardown),
		cmocka_unit_test_setup_teardown(kernels_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(machines_refused, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
