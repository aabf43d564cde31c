// SPDX-License-Identifier: MIT
/* ELF files as guests: PT_LOAD segments go to their physical addresses. */
#include <stdlib.h>
#include <string.h>

#include "igvm/image.h"

/* From the lowest byte to the highest one, .bss included (our limit). */
#define IMAGE_MAX			(256ull << 20)

static bool is_32bit(const struct image *i)
{
	return i->size > EI_CLASS && i->file[EI_CLASS] == ELFCLASS32;
}

/* A 32-bit header in 64-bit fields. */
static void widen_header(struct image *i)
{
	Elf32_Ehdr h;

	memcpy(&h, i->file, sizeof(h));
	memcpy(i->eh.e_ident, h.e_ident, sizeof(h.e_ident));
	i->eh.e_type = h.e_type;
	i->eh.e_machine = h.e_machine;
	i->eh.e_entry = h.e_entry;
	i->eh.e_phoff = h.e_phoff;
	i->eh.e_phentsize = h.e_phentsize;
	i->eh.e_phnum = h.e_phnum;
}

static void widen_segment(Elf64_Phdr *to, const u8 *from)
{
	Elf32_Phdr h;

	memcpy(&h, from, sizeof(h));
	to->p_type = h.p_type;
	to->p_offset = h.p_offset;
	to->p_paddr = h.p_paddr;
	to->p_filesz = h.p_filesz;
	to->p_memsz = h.p_memsz;
}

static int decode_header(struct image *i, struct igvm_error *err)
{
	bool small = is_32bit(i);

	if (i->size < (small ? sizeof(Elf32_Ehdr) : sizeof(Elf64_Ehdr)))
		return igvm_fail(err, "the image is too small for an ELF file");
	if (memcmp(i->file, ELFMAG, SELFMAG))
		return igvm_fail(err, "the image is not an ELF file");
	if (small)
		widen_header(i);
	else
		memcpy(&i->eh, i->file, sizeof(i->eh));
	if (i->eh.e_ident[EI_DATA] != ELFDATA2LSB ||
	    i->eh.e_machine != (small ? EM_386 : EM_X86_64))
		return igvm_fail(err, "the ELF file is not for x86");
	if (i->eh.e_type != ET_EXEC)
		return igvm_fail(err, "the ELF file is not linked for a fixed "
				 "address");
	return 0;
}

static int decode_table(struct image *i, struct igvm_error *err)
{
	bool small = is_32bit(i);
	u64 each = small ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr);
	u64 bytes = i->eh.e_phnum * each;

	if (i->eh.e_phentsize != each || !i->eh.e_phnum ||
	    i->eh.e_phnum > IMAGE_SEGMENTS_MAX)
		return igvm_fail(err, "the ELF file has %u program headers of "
				 "%u bytes", i->eh.e_phnum, i->eh.e_phentsize);
	if (i->eh.e_phoff > i->size || bytes > i->size - i->eh.e_phoff)
		return igvm_fail(err, "the ELF file ends within its program "
				 "headers");
	for (u32 n = 0; n < i->eh.e_phnum; n++) {
		const u8 *from = i->file + i->eh.e_phoff + n * each;

		if (small)
			widen_segment(&i->ph[n], from);
		else
			memcpy(&i->ph[n], from, each);
	}
	return 0;
}

static int check_segment(const struct image *i, const Elf64_Phdr *p,
			 struct igvm_error *err)
{
	if (p->p_offset > i->size ||
	    p->p_filesz > i->size - p->p_offset)
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

static int decode_segments(struct image *i, struct igvm_error *err)
{
	i->start = ~0ull;
	i->end = 0;
	for (u32 n = 0; n < i->eh.e_phnum; n++) {
		const Elf64_Phdr *p = &i->ph[n];

		if (!loads(p))
			continue;
		if (check_segment(i, p, err))
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
		return igvm_fail(err, "the ELF file's entry 0x%llx lies "
				 "outside of it",
				 (unsigned long long)i->eh.e_entry);
	return 0;
}

int image_decode(const void *file, size_t size, struct image *i,
		 struct igvm_error *err)
{
	memset(i, 0, sizeof(*i));
	i->file = file;
	i->size = size;
	return decode_header(i, err) ?: decode_table(i, err) ?:
	       decode_segments(i, err);
}

/* Gaps between segments become zero pages; overlaps: the later one wins. */
int image_place(struct boot *c, const struct image *i)
{
	u8 *memory = calloc(1, i->end - i->start);
	int ret;

	if (!memory)
		return igvm_fail(c->err, "not enough memory for the image");
	for (u32 n = 0; n < i->eh.e_phnum; n++) {
		const Elf64_Phdr *p = &i->ph[n];

		if (loads(p))
			memcpy(memory + (p->p_paddr - i->start),
			       i->file + p->p_offset,
			       p->p_filesz);
	}
	ret = boot_place(c, "image", i->start, memory, i->end - i->start);
	free(memory);
	c->out->entry = i->eh.e_entry;
	c->out->kernel = i->start;
	c->out->kernel_end = i->end;
	return ret;
}
