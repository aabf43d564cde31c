// SPDX-License-Identifier: MIT
/*
 * Direct boot of a bzImage through its 64-bit entry.
 * Source: Linux Documentation/arch/x86/boot.rst.
 */
#include <string.h>

#include "arch/linux_boot.h"
#include "arch/snp.h"
#include "igvm/boot.h"

#define SETUP_SECTS_DEFAULT		4
#define SECTOR				512

/* A decoded bzImage. */
struct kernel {
	struct linux_setup_header hdr;
	const u8 *image;		/* protected-mode part */
	u64 image_bytes;
	u64 load;
	u64 span;			/* what it needs from load on */
};

/* How long the header in this image is: byte 201 (boot.rst, "jump"). */
static u32 header_bytes(const u8 *data)
{
	u32 bytes = 0x202 + data[0x201] - LINUX_SETUP_HEADER;

	return bytes < sizeof(struct linux_setup_header) ? bytes :
	       sizeof(struct linux_setup_header);
}

static int decode_kernel(const struct linux_boot *boot, struct kernel *k,
			 struct igvm_error *err)
{
	struct linux_setup_header *h = &k->hdr;
	const u8 *data = boot->kernel;
	u64 setup;

	if (boot->kernel_bytes < 2 * SECTOR)
		return igvm_fail(err, "the kernel is too small for a bzImage");
	memset(k, 0, sizeof(*k));
	memcpy(h, data + LINUX_SETUP_HEADER, header_bytes(data));
	if (h->boot_flag != LINUX_BOOT_FLAG || h->header != LINUX_HEADER_MAGIC)
		return igvm_fail(err, "the kernel is not a bzImage");
	if (h->version < LINUX_PROTOCOL_64BIT ||
	    !(h->xloadflags & LINUX_XLF_KERNEL_64) ||
	    !(h->loadflags & LINUX_LOADED_HIGH))
		return igvm_fail(err, "the kernel has no 64-bit entry (boot "
				 "protocol %u.%u)", h->version >> 8,
				 h->version & 0xff);
	setup = ((h->setup_sects ?: SETUP_SECTS_DEFAULT) + 1) * SECTOR;
	if (boot->kernel_bytes <= setup + LINUX_ENTRY_64)
		return igvm_fail(err, "the kernel ends before its code");
	if (h->kernel_alignment < PAGE_SIZE ||
	    (h->kernel_alignment & (h->kernel_alignment - 1)))
		return igvm_fail(err, "the kernel's alignment 0x%x is not a "
				 "power of 2 of at least a page",
				 h->kernel_alignment);
	k->image = data + setup;
	k->image_bytes = boot->kernel_bytes - setup;
	k->span = h->init_size;
	if (k->span < k->image_bytes)
		k->span = k->image_bytes;
	k->span = (k->span + PAGE_SIZE - 1) & PAGE_MASK;
	return 0;
}

/* Where it wants to be, or the lowest place if there is no room. */
static int place_kernel(struct boot *c, struct kernel *k)
{
	const struct linux_setup_header *h = &k->hdr;

	if (h->pref_address >= BOOT_HIGH_RAM &&
	    h->pref_address <= BOOT_BELOW_4G_MAX &&
	    !(h->pref_address % h->kernel_alignment) &&
	    boot_ranges_contain(&c->free, h->pref_address,
				h->pref_address + k->span))
		k->load = h->pref_address;
	else if (h->relocatable_kernel)
		k->load = boot_ranges_lowest(&c->free, k->span,
					     h->kernel_alignment,
					     BOOT_HIGH_RAM, BOOT_BELOW_4G_MAX);
	if (!k->load)
		return igvm_fail(c->err, "the kernel needs %llu MiB, and the "
				 "guest's memory has no place for it",
				 (unsigned long long)(k->span >> 20));
	if (boot_place(c, "kernel", k->load, k->image, k->image_bytes))
		return -1;
	c->out->kernel = k->load;
	c->out->kernel_end = k->load + k->span;
	c->out->entry = k->load + LINUX_ENTRY_64;
	k->image_bytes = (k->image_bytes + PAGE_SIZE - 1) & PAGE_MASK;
	if (k->span == k->image_bytes)
		return 0;
	return boot_keep(c, "kernel", k->load + k->image_bytes,
			 k->span - k->image_bytes);
}

static int place_initrd(struct boot *c, const struct linux_boot *boot,
			const struct kernel *k)
{
	u64 size = (boot->initrd_bytes + PAGE_SIZE - 1) & PAGE_MASK;
	u64 top = (u64)k->hdr.initrd_addr_max + 1;

	if (!boot->initrd_bytes)
		return 0;
	c->out->initrd = boot_ranges_highest(&c->free, size, PAGE_SIZE,
					     BOOT_HIGH_RAM, top);
	if (!c->out->initrd)
		return igvm_fail(c->err, "the initrd of %zu bytes does not fit "
				 "into the guest's memory",
				 boot->initrd_bytes);
	return boot_place(c, "initrd", c->out->initrd, boot->initrd,
			  boot->initrd_bytes);
}

static int place_command_line(struct boot *c, const struct linux_boot *boot,
			      const struct kernel *k)
{
	const char *line = boot->command_line ?: "";
	size_t length = strlen(line);

	if (length > k->hdr.cmdline_size ||
	    length >= BOOT_LINUX_COMMAND_LINE_MAX)
		return igvm_fail(c->err, "the command line has %zu characters; "
				 "this kernel takes %u", length,
				 k->hdr.cmdline_size);
	return boot_place(c, "command line", BOOT_LINUX_COMMAND_LINE, line,
			  length + 1);
}

/* cc_blob, and the setup_data node through which Linux finds it. */
static int place_blob(struct boot *c)
{
	struct {
		struct cc_blob blob;
		struct linux_cc_setup_data node;
	} page = {
		.blob = {
			.magic = CC_BLOB_MAGIC,
			.secrets_phys = c->base + BOOT_SECRETS,
			.secrets_len = PAGE_SIZE,
			.cpuid_phys = c->base + BOOT_CPUID,
			.cpuid_len = PAGE_SIZE,
		},
		.node = {
			.type = LINUX_SETUP_CC_BLOB,
			.length = sizeof(u32),
			.cc_blob_address = c->base + BOOT_INFO,
		},
	};

	if (!c->aware)
		return boot_keep(c, "boot area", c->base + BOOT_INFO,
				 PAGE_SIZE);
	return boot_place(c, "cc_blob", c->base + BOOT_INFO, &page,
			  sizeof(page));
}

static void e820_add(struct linux_boot_params *p, u64 start, u64 end,
		     u32 type)
{
	u32 at = p->e820_entries;

	if (start >= end || at == LINUX_E820_MAX)
		return;
	while (at && p->e820[at - 1].addr > start) {
		p->e820[at] = p->e820[at - 1];
		at--;
	}
	p->e820[at] = (struct linux_e820_entry){ start, end - start, type };
	p->e820_entries++;
}

/*
 * ACPI tables are type 3: what is merely reserved Linux maps shared, and
 * reads garbage. a0000..fffff is no RAM and not searched for tables.
 */
static int fill_e820(struct boot *c, struct linux_boot_params *p)
{
	u64 acpi = c->base + BOOT_ACPI, acpi_end = c->base + BOOT_COMMAND_LINE;
	struct boot_ranges ram = c->out->ram;

	if (!boot_ranges_subtract(&ram, c->base, acpi_end) ||
	    !boot_ranges_subtract(&ram, c->m->monitor.start,
				  c->m->monitor.end))
		return igvm_fail(c->err, "the memory is in too many pieces");
	for (u32 i = 0; i < ram.count; i++)
		e820_add(p, ram.range[i].start, ram.range[i].end,
			 LINUX_E820_RAM);
	e820_add(p, c->base, acpi, LINUX_E820_RESERVED);
	e820_add(p, acpi, acpi_end, LINUX_E820_ACPI);
	e820_add(p, BOOT_LOW_RAM_END, BOOT_HIGH_RAM, LINUX_E820_RESERVED);
	e820_add(p, c->m->monitor.start, c->m->monitor.end,
		 LINUX_E820_RESERVED);
	return 0;
}

static int place_params(struct boot *c, const struct linux_boot *boot,
			const struct kernel *k)
{
	struct linux_boot_params p = { .hdr = k->hdr };
	struct linux_setup_header *h = &p.hdr;

	p.acpi_rsdp_addr = c->out->rsdp;
	h->type_of_loader = LINUX_LOADER_UNKNOWN;
	h->loadflags &= ~LINUX_CAN_USE_HEAP;
	h->code32_start = k->load;
	h->ramdisk_image = c->out->initrd;
	h->ramdisk_size = boot->initrd_bytes;
	h->cmd_line_ptr = BOOT_LINUX_COMMAND_LINE;
	h->setup_data = 0;
	if (c->aware)
		h->setup_data = c->base + BOOT_INFO + sizeof(struct cc_blob);
	if (fill_e820(c, &p))
		return -1;
	return boot_place(c, "boot_params", BOOT_PARAMS, &p, sizeof(p));
}

/* Linux reads words of the BIOS data area in page 0: zero is "nothing". */
static int place_page_zero(struct boot *c)
{
	static const u8 nothing[1];

	return boot_place(c, "page 0", 0, nothing, sizeof(nothing));
}

int igvm_compose_linux(const struct linux_boot *boot, struct igvm_builder *b,
		       struct boot_layout *out, struct igvm_error *err)
{
	struct boot_layout layout;
	struct boot c = {
		.m = &boot->machine,
		.b = b,
		.err = err,
		.out = out ?: &layout,
		.base = BOOT_BASE,
	};
	struct kernel k;

	if (decode_kernel(boot, &k, err) || boot_begin(&c))
		return -1;
	if (place_page_zero(&c) || boot_area(&c) || place_blob(&c) ||
	    place_command_line(&c, boot, &k) || place_kernel(&c, &k) ||
	    place_initrd(&c, boot, &k) || place_params(&c, boot, &k))
		return -1;
	boot_registers(&c, c.out->entry, &c.out->vmsa);
	c.out->vmsa.rsi = BOOT_PARAMS;
	return boot_end(&c);
}
