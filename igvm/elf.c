// SPDX-License-Identifier: MIT
/*
 * Direct boot of an ELF64 micro guest: PT_LOAD segments go to their physical
 * addresses, the entry is called in 64-bit mode with RDI = struct elf_info.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "arch/snp.h"
#include "igvm/boot.h"
#include "igvm/elf_info.h"

#define SEGMENTS_MAX			64
/* From the lowest byte to the highest one, .bss included (our limit). */
#define IMAGE_MAX			(256ull << 20)
#define COMMAND_LINE_MAX		4096

struct image {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[SEGMENTS_MAX];
	u64 start;			/* page aligned */
	u64 end;
};

static int decode_header(const struct elf_boot *boot, struct image *i,
			 struct igvm_error *err)
{
	u64 bytes;

	if (boot->image_bytes < sizeof(i->eh))
		return igvm_fail(err, "the image is too small for an ELF file");
	memcpy(&i->eh, boot->image, sizeof(i->eh));
	if (memcmp(i->eh.e_ident, ELFMAG, SELFMAG))
		return igvm_fail(err, "the image is not an ELF file");
	if (i->eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    i->eh.e_ident[EI_DATA] != ELFDATA2LSB ||
	    i->eh.e_machine != EM_X86_64)
		return igvm_fail(err, "the ELF file is not for 64-bit x86");
	if (i->eh.e_type != ET_EXEC)
		return igvm_fail(err, "the ELF file is not linked for a fixed "
				 "address");
	if (i->eh.e_phentsize != sizeof(Elf64_Phdr) || !i->eh.e_phnum ||
	    i->eh.e_phnum > SEGMENTS_MAX)
		return igvm_fail(err, "the ELF file has %u program headers of "
				 "%u bytes", i->eh.e_phnum, i->eh.e_phentsize);
	bytes = i->eh.e_phnum * sizeof(Elf64_Phdr);
	if (i->eh.e_phoff > boot->image_bytes ||
	    bytes > boot->image_bytes - i->eh.e_phoff)
		return igvm_fail(err, "the ELF file ends within its program "
				 "headers");
	memcpy(i->ph, (const u8 *)boot->image + i->eh.e_phoff, bytes);
	return 0;
}

static int check_segment(const struct elf_boot *boot, const Elf64_Phdr *p,
			 struct igvm_error *err)
{
	if (p->p_offset > boot->image_bytes ||
	    p->p_filesz > boot->image_bytes - p->p_offset)
		return igvm_fail(err, "an ELF segment reaches beyond the end "
				 "of the file");
	if (p->p_filesz > p->p_memsz)
		return igvm_fail(err, "an ELF segment has more bytes in the "
				 "file than in memory");
	if (p->p_memsz > IMAGE_MAX || p->p_paddr > BOOT_BELOW_4G_MAX)
		return igvm_fail(err, "an ELF segment of 0x%llx bytes at "
				 "0x%llx is too large or too high",
				 (unsigned long long)p->p_memsz,
				 (unsigned long long)p->p_paddr);
	return 0;
}

static bool loads(const Elf64_Phdr *p)
{
	return p->p_type == PT_LOAD && p->p_memsz;
}

static int decode_segments(const struct elf_boot *boot, struct image *i,
			   struct igvm_error *err)
{
	i->start = ~0ull;
	i->end = 0;
	for (u32 n = 0; n < i->eh.e_phnum; n++) {
		const Elf64_Phdr *p = &i->ph[n];

		if (!loads(p))
			continue;
		if (check_segment(boot, p, err))
			return -1;
		if (p->p_paddr < i->start)
			i->start = p->p_paddr & PAGE_MASK;
		if (p->p_paddr + p->p_memsz > i->end)
			i->end = p->p_paddr + p->p_memsz;
	}
	i->end = (i->end + PAGE_SIZE - 1) & PAGE_MASK;
	if (i->start >= i->end)
		return igvm_fail(err, "the ELF file has nothing to load");
	if (i->end - i->start > IMAGE_MAX)
		return igvm_fail(err, "the ELF file spreads over more than "
				 "%llu MiB", IMAGE_MAX >> 20);
	if (i->eh.e_entry < i->start || i->eh.e_entry >= i->end)
		return igvm_fail(err, "the ELF file's entry 0x%llx lies outside "
				 "of it", (unsigned long long)i->eh.e_entry);
	return 0;
}

/* Gaps between segments become zero pages; overlaps: the later one wins. */
static int place_image(struct boot *c, const struct elf_boot *boot,
		       const struct image *i)
{
	u8 *memory = calloc(1, i->end - i->start);
	int ret;

	if (!memory)
		return igvm_fail(c->err, "not enough memory for the image");
	for (u32 n = 0; n < i->eh.e_phnum; n++) {
		const Elf64_Phdr *p = &i->ph[n];

		if (loads(p))
			memcpy(memory + (p->p_paddr - i->start),
			       (const u8 *)boot->image + p->p_offset,
			       p->p_filesz);
	}
	ret = boot_place(c, "image", i->start, memory, i->end - i->start);
	free(memory);
	c->out->entry = i->eh.e_entry;
	c->out->kernel = i->start;
	c->out->kernel_end = i->end;
	return ret;
}

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

	if (decode_header(boot, &i, err) || decode_segments(boot, &i, err) ||
	    boot_begin(&c))
		return -1;
	if (boot_area(&c) || place_command_line(&c, boot) ||
	    boot_place(&c, "APIC ids", c.base + BOOT_APIC_IDS,
		       c.m->apic_ids, c.m->cpus * sizeof(u32)) ||
	    place_image(&c, boot, &i) || place_info(&c, boot))
		return -1;
	boot_registers(&c, c.out->entry, &c.out->vmsa);
	c.out->vmsa.rdi = c.base + BOOT_INFO;
	return boot_end(&c);
}
