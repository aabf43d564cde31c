// SPDX-License-Identifier: MIT
/*
 * Direct boot of an ELF64 micro guest: PT_LOAD segments go to their physical
 * addresses, the entry is called in 64-bit mode with RDI = struct elf_info.
 */
#include <string.h>

#include "arch/snp.h"
#include "igvm/elf_info.h"
#include "igvm/image.h"

#define COMMAND_LINE_MAX		4096

static int place_info(struct boot *c, const struct elf_boot *boot)
{
	const struct boot_ranges *ram = &c->out->ram;
	struct elf_info info = {
		.magic = ELF_INFO_MAGIC,
		.version = ELF_INFO_VERSION,
		.memory = c->m->memory,
		.below_4g = ram->range[1].end,
		.cpus = c->m->cpus,
		.apic_ids = c->base + BOOT_APIC_IDS,
		.rsdp = c->out->rsdp,
		.boot_start = c->base,
		.boot_end = c->base + BOOT_BYTES,
		.image_start = c->out->kernel,
		.image_end = c->out->kernel_end,
	};

	if (ram->count > 2)
		info.above_4g = ram->range[2].end - BOOT_4G;
	if (c->c_mask)
		info.c_bit = __builtin_ctzll(c->c_mask);
	if (c->aware) {
		info.secrets = c->base + BOOT_SECRETS;
		info.cpuid = c->base + BOOT_CPUID;
	}
	if (boot->command_line)
		info.command_line = c->base + BOOT_COMMAND_LINE;
	return boot_place(c, "boot area", c->base + BOOT_INFO, &info,
			  sizeof(info));
}

static int place_command_line(struct boot *c, const struct elf_boot *boot)
{
	size_t length;

	if (!boot->command_line)
		return 0;
	length = strlen(boot->command_line);
	if (length >= COMMAND_LINE_MAX)
		return igvm_fail(c->err, "the command line has %zu characters; "
				 "an ELF guest takes %u", length,
				 COMMAND_LINE_MAX - 1);
	return boot_place(c, "command line", c->base + BOOT_COMMAND_LINE,
			  boot->command_line, length + 1);
}

int igvm_compose_elf(const struct elf_boot *boot, struct igvm_builder *b,
		     struct boot_layout *out, struct igvm_error *err)
{
	struct boot_layout layout;
	struct boot c = {
		.m = &boot->machine,
		.b = b,
		.err = err,
		.out = out ?: &layout,
		.base = boot->boot_base ?: BOOT_BASE,
	};
	struct image i;

	if (image_decode(boot->image, boot->image_bytes, &i, err))
		return -1;
	if (!image_is_64bit(&i))
		return igvm_fail(err, "the ELF file is not for 64-bit x86");
	if (boot_begin(&c))
		return -1;
	if (boot_area(&c) || place_command_line(&c, boot) ||
	    boot_place(&c, "APIC ids", c.base + BOOT_APIC_IDS,
		       c.m->apic_ids, c.m->cpus * sizeof(u32)) ||
	    image_place(&c, &i) || place_info(&c, boot))
		return -1;
	boot_registers(&c, c.out->entry, &c.out->vmsa);
	c.out->vmsa.rdi = c.base + BOOT_INFO;
	return boot_end(&c);
}
