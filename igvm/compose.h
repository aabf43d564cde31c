/* SPDX-License-Identifier: MIT */
/*
 * From a kernel to an IGVM file: direct boot without firmware.
 *
 * The first thing that runs at VMPL0 is a shim of some hundred bytes
 * (igvm/shim.S) that PVALIDATEs all RAM which the file does not hold, then
 * jumps to the kernel. No loader has to know a trick: REQUIRED_MEMORY is
 * assigned and not validated, as on a real host.
 *
 * RAM is that of QEMU's "pc" machine: 0..0xa0000, 1 MiB up to at most 3 GiB,
 * what is left from 4 GiB on. Nothing is in a0000..bffff. What firmware would
 * make of c0000..fffff is RAM too, but no guest is told: systems look there
 * for ROMs and tables, as private memory, and find none.
 *
 * The boot area (256 KiB at @boot_base) holds, by offset:
 *
 *	00000	secrets page		reserved in e820
 *	01000	CPUID page
 *	02000	Linux: cc_blob and its setup_data; ELF: struct elf_info
 *	03000	shim; below a monitor what runs before the kernel, if anything
 *	04000	ranges for the shim; what that other one does
 *	05000	GDT
 *	06000	page tables (6 pages), VA = PA
 *	0c000	ELF: APIC ids
 *	0d000	below a monitor: its first calling area
 *	10000	ACPI tables		ACPI in e820 (Linux: 128 KiB)
 *	30000	ELF: command line
 */
#ifndef IGVM_COMPOSE_H
#define IGVM_COMPOSE_H

#include "igvm/igvm.h"

#define BOOT_BASE			0x40000ull
#define BOOT_SECRETS			0x00000
#define BOOT_CPUID			0x01000
#define BOOT_INFO			0x02000
#define BOOT_SHIM			0x03000
#define BOOT_SHIM_RANGES		0x04000
#define BOOT_GDT			0x05000
#define BOOT_PAGE_TABLES		0x06000
#define BOOT_APIC_IDS			0x0c000
#define BOOT_CALLING_AREA		0x0d000
#define BOOT_ACPI			0x10000
#define BOOT_COMMAND_LINE		0x30000
#define BOOT_BYTES			0x40000
/* Linux only, at fixed places. */
#define BOOT_PARAMS			0x90000ull
#define BOOT_LINUX_COMMAND_LINE		0x91000ull
#define BOOT_LINUX_COMMAND_LINE_MAX	0x8000

#define BOOT_LOW_RAM_END		0xa0000ull
#define BOOT_ROM_AREA			0xc0000ull
#define BOOT_HIGH_RAM			0x100000ull
#define BOOT_BELOW_4G_MAX		0xc0000000ull
#define BOOT_4G				0x100000000ull
#define BOOT_MEMORY_MIN			(16ull << 20)
#define BOOT_MEMORY_MAX			(256ull << 30)
#define BOOT_CPUS_MAX			4096

/* Half open: [start, end), page aligned. */
struct boot_range {
	u64 start;
	u64 end;
};

#define BOOT_RANGES_MAX			64

struct boot_ranges {
	u32 count;
	struct boot_range range[BOOT_RANGES_MAX];
};

/*
 * What both kinds of kernel need to know.
 * @memory:       bytes of RAM, a multiple of 4 KiB
 * @apic_ids:     @cpus of them, in vCPU order; the first one boots
 * @native:       a file for platform 0: no SEV, no C-bit, no shim
 * @unaware:      an SNP guest that does not know it (vTOM paravisor): no
 *                C-bit in its tables, no secrets or CPUID page, no cc_blob
 * @no_x2apic:    @unaware: hide the x2APIC
 * @secure_avic:  @unaware: the monitor shall use Secure AVIC
 * @own_timer:    @secure_avic: and post the timer's vector itself
 * @lazy:         no shim: only what the file holds is validated at the entry
 * @c_bit:        position of the C-bit; 0 means SNP_C_BIT
 * @vmpl:         0: a complete file. Above: only the pages, for a file whose
 *                monitor runs at VMPL0; it gets the VMSA through @out, has to
 *                fill the pages for secrets and CPUID and to validate
 *                @out->unvalidated
 * @sev_features: VMSA word 3b0; SNP is always added (but for @native)
 * @virtual_tom:  VMSA word 3c8, with SEV_FEATURE_VTOM
 * @policy:       launch policy; 0 means SMT allowed
 * @handover:     below a monitor: what a runtime before the kernel does with
 *                Alternate Injection
 * @monitor:      RAM that belongs to somebody else: reserved, not validated
 */
enum boot_handover {
	BOOT_HANDOVER_NONE,		/* there is none */
	BOOT_HANDOVER_LOCKED,		/* it registers, and stays a user */
	BOOT_HANDOVER_DISABLED,		/* it ends it */
};

struct boot_machine {
	u64 memory;
	const u32 *apic_ids;
	u32 cpus;
	bool native;
	bool unaware;
	bool no_x2apic;
	bool secure_avic;
	bool own_timer;
	bool lazy;
	u8 c_bit;
	u8 vmpl;
	u64 sev_features;
	u64 virtual_tom;
	u64 policy;
	enum boot_handover handover;
	struct boot_range monitor;
};

struct linux_boot {
	struct boot_machine machine;
	const void *kernel;		/* bzImage, boot protocol >= 2.12 */
	size_t kernel_bytes;
	const void *initrd;		/* may be NULL */
	size_t initrd_bytes;
	const char *command_line;	/* may be NULL */
};

struct elf_boot {
	struct boot_machine machine;
	const void *image;		/* ET_EXEC; ELF64 but for multiboot */
	size_t image_bytes;
	const char *command_line;	/* at most 4095 bytes; may be NULL */
	u64 boot_base;			/* of the boot area; 0: BOOT_BASE */
};

/* Where things went, and what the caller has to do with vmpl > 0. */
struct boot_layout {
	struct vmsa vmsa;		/* at the kernel's entry, no shim */
	u64 entry;
	u64 kernel;			/* first byte of the image */
	u64 kernel_end;			/* behind what it needs to unpack */
	u64 initrd;			/* 0: none */
	u64 rsdp;
	u64 boot_base;			/* of the boot area */
	struct boot_ranges ram;
	struct boot_ranges unvalidated;	/* RAM the file does not hold */
};

/*
 * Add everything for one direct boot to an empty builder (platform mask 1),
 * or, with vmpl > 0, to one that already has its platform row. @out may be
 * NULL. Returns 0, or -1 with @err set: the kernel or the machine was refused,
 * and the builder is not fit for anything but igvm_builder_free().
 *
 * Linux gets RSI = boot_params; an ELF guest gets RDI = struct elf_info
 * (igvm/elf_info.h). Both start in 64-bit mode, IF = 0, IDT and stack empty,
 * CS 0x10, data segments 0x18. Memory below 4 GiB is mapped by 2 MiB pages,
 * that above by 1 GiB pages.
 */
int igvm_compose_linux(const struct linux_boot *boot, struct igvm_builder *b,
		       struct boot_layout *out, struct igvm_error *err);
int igvm_compose_elf(const struct elf_boot *boot, struct igvm_builder *b,
		     struct boot_layout *out, struct igvm_error *err);

/*
 * The same for a multiboot ELF image (32 or 64 bit; Multiboot Specification
 * 0.6.96): 32-bit mode without paging, EAX = 0x2badb002, EBX = the boot
 * information. No modules, and no ACPI tables where such guests look for
 * them. Only for @native, or for @unaware guests with vmpl > 0.
 */
int igvm_compose_multiboot(const struct elf_boot *boot, struct igvm_builder *b,
			   struct boot_layout *out, struct igvm_error *err);
/* Whether the first 8 KiB hold a multiboot header. */
bool igvm_is_multiboot(const void *image, size_t bytes);

#endif
