// SPDX-License-Identifier: MIT
/*
 * Direct boot of a multiboot ELF image: 32-bit, paging off, EAX = magic,
 * EBX = struct multiboot_info, which takes the place of struct elf_info.
 */
#include <string.h>

#include "arch/vmsa.h"
#include "igvm/image.h"
#include "igvm/multiboot.h"

#define COMMAND_LINE_MAX		4096

static const struct multiboot_header *find(const void *image, size_t bytes,
					   struct multiboot_header *h)
{
	if (bytes > MULTIBOOT_SEARCH)
		bytes = MULTIBOOT_SEARCH;
	for (size_t at = 0; at + sizeof(*h) <= bytes; at += 4) {
		memcpy(h, (const u8 *)image + at, sizeof(*h));
		if (h->magic == MULTIBOOT_HEADER_MAGIC &&
		    !(h->magic + h->flags + h->checksum))
			return h;
	}
	return NULL;
}

bool igvm_is_multiboot(const void *image, size_t bytes)
{
	struct multiboot_header h;

	return find(image, bytes, &h);
}

/*
 * Without paging every access is private, so that no device can be reached:
 * such a guest lives below a virtual top of memory, or without SEV.
 */
static int check(const struct elf_boot *boot, struct igvm_error *err)
{
	const u32 known = MULTIBOOT_ALIGN_MODULES | MULTIBOOT_WANT_MEMORY;
	struct multiboot_header h;

	if (!find(boot->image, boot->image_bytes, &h))
		return igvm_fail(err, "the image has no multiboot header");
	if (h.flags & MULTIBOOT_REQUIRED & ~known)
		return igvm_fail(err, "the multiboot image requires 0x%x, "
				 "which is not known",
				 h.flags & MULTIBOOT_REQUIRED & ~known);
	if (!boot->machine.native &&
	    !(boot->machine.vmpl && boot->machine.unaware))
		return igvm_fail(err, "a multiboot image starts without "
				 "paging: it needs the native platform, or a "
				 "paravisor above it");
	return 0;
}

static u32 fill_map(const struct boot *c, struct multiboot_mmap *map)
{
	const struct boot_range reserved[] = {
		{ c->base, c->base + BOOT_BYTES },
		{ BOOT_LOW_RAM_END, BOOT_HIGH_RAM },
		c->m->monitor,
	};
	struct boot_ranges ram = c->out->ram;
	u32 n = 0;

	/* At most five ranges: nothing can fail. */
	for (u32 i = 0; i < ARRAY_SIZE(reserved); i++)
		boot_ranges_subtract(&ram, reserved[i].start, reserved[i].end);
	for (u32 i = 0; i < ram.count; i++)
		map[n++] = (struct multiboot_mmap){
			20, ram.range[i].start,
			ram.range[i].end - ram.range[i].start, MULTIBOOT_RAM,
		};
	for (u32 i = 0; i < ARRAY_SIZE(reserved); i++)
		if (reserved[i].end > reserved[i].start)
			map[n++] = (struct multiboot_mmap){
				20, reserved[i].start,
				reserved[i].end - reserved[i].start,
				MULTIBOOT_RESERVED,
			};
	return n;
}

static int place_info(struct boot *c, const struct elf_boot *boot)
{
	u64 low_end = c->out->ram.range[1].end;
	struct {
		struct multiboot_info info;
		struct multiboot_mmap map[16];
	} page = {
		.info = {
			.flags = MULTIBOOT_INFO_MEMORY | MULTIBOOT_INFO_MMAP,
			.mem_lower = BOOT_LOW_RAM_END >> 10,
			.mem_upper = (low_end - BOOT_HIGH_RAM) >> 10,
			.mmap_addr = c->base + BOOT_INFO + sizeof(page.info),
		},
	};

	page.info.mmap_length = fill_map(c, page.map) * sizeof(page.map[0]);
	if (boot->command_line) {
		page.info.flags |= MULTIBOOT_INFO_CMDLINE;
		page.info.cmdline = c->base + BOOT_COMMAND_LINE;
	}
	return boot_place(c, "boot area", c->base + BOOT_INFO, &page,
			  sizeof(page));
}

static int place_command_line(struct boot *c, const char *line)
{
	if (!line)
		return 0;
	if (strlen(line) >= COMMAND_LINE_MAX)
		return igvm_fail(c->err, "the command line has %zu characters; "
				 "a multiboot guest takes %u", strlen(line),
				 COMMAND_LINE_MAX - 1);
	return boot_place(c, "command line", c->base + BOOT_COMMAND_LINE, line,
			  strlen(line) + 1);
}

/* Specification section 3.2; CS is the GDT's 32-bit code segment. */
static void registers(struct boot *c, struct vmsa *vmsa)
{
	boot_registers(c, c->out->entry, vmsa);
	vmsa->cs = (struct vmsa_seg){ 0x08, 0xc9b, 0xffffffff, 0 };
	vmsa->cr0 = 0x11;			/* PE, ET */
	vmsa->cr3 = 0;
	vmsa->cr4 = 0;
	vmsa->efer &= EFER_SVME;
	vmsa->rax = MULTIBOOT_BOOT_MAGIC;
	vmsa->rbx = c->base + BOOT_INFO;
}

int igvm_compose_multiboot(const struct elf_boot *boot, struct igvm_builder *b,
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

	if (check(boot, err) ||
	    image_decode(boot->image, boot->image_bytes, &i, err) ||
	    boot_begin(&c))
		return -1;
	if (boot_area(&c) || place_command_line(&c, boot->command_line) ||
	    image_place(&c, &i) || place_info(&c, boot))
		return -1;
	registers(&c, &c.out->vmsa);
	return boot_end(&c);
}
