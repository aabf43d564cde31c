// SPDX-License-Identifier: MIT
/*
 * Any bytes as a kernel: a bzImage, an ELF file, a multiboot image. What is
 * composed must open again and name the RAM it leaves out exactly once.
 */
#include <stdlib.h>

#include "igvm/compose.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static const u32 apic_ids[] = { 0, 1 };

static void reopen(struct igvm_builder *b, const struct boot_layout *l)
{
	struct igvm_error err = { "" };
	struct igvm_file *file;
	void *bytes;
	size_t size;

	if (igvm_builder_finish(b, &bytes, &size, &err) ||
	    igvm_open(bytes, size, &file, &err))
		abort();
	for (u32 i = 1; i < l->unvalidated.count; i++)
		if (l->unvalidated.range[i].start <=
		    l->unvalidated.range[i - 1].end)
			abort();
	igvm_close(file);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	const struct boot_machine machine = {
		.memory = 64ull << 20, .apic_ids = apic_ids, .cpus = 2,
	};
	struct linux_boot linux_boot = { machine, data, size, data, size, "" };
	struct elf_boot elf_boot = { machine, data, size, "", 0 };
	struct igvm_builder *b = igvm_builder_new();
	struct igvm_error err = { "" };
	struct boot_layout l;

	if (!igvm_compose_linux(&linux_boot, b, &l, &err))
		reopen(b, &l);
	else if (!err.text[0])
		abort();
	igvm_builder_free(b);
	b = igvm_builder_new();
	err.text[0] = 0;
	if (!igvm_compose_elf(&elf_boot, b, &l, &err))
		reopen(b, &l);
	else if (!err.text[0])
		abort();
	igvm_builder_free(b);
	b = igvm_builder_new();
	err.text[0] = 0;
	elf_boot.machine.native = true;
	if (!igvm_compose_multiboot(&elf_boot, b, &l, &err))
		reopen(b, &l);
	else if (!err.text[0])
		abort();
	igvm_builder_free(b);
	return 0;
}
