/* SPDX-License-Identifier: MIT */
/* An ELF file that is to become a guest. */
#ifndef IGVM_IMAGE_H
#define IGVM_IMAGE_H

#include <elf.h>

#include "igvm/boot.h"

#define IMAGE_SEGMENTS_MAX		64

/* Decoded headers; those of a 32-bit file are widened. */
struct image {
	const u8 *file;
	size_t size;
	Elf64_Ehdr eh;
	Elf64_Phdr ph[IMAGE_SEGMENTS_MAX];
	u64 start;			/* page aligned */
	u64 end;
};

static inline bool image_is_64bit(const struct image *i)
{
	return i->eh.e_machine == EM_X86_64;
}

/* Foreign input: 0, or -1 with @err set. @file stays in use. */
int image_decode(const void *file, size_t size, struct image *i,
		 struct igvm_error *err);
/* Put it into the file; sets entry, kernel and kernel_end of the layout. */
int image_place(struct boot *c, const struct image *i);

#endif
