// SPDX-License-Identifier: MIT
/*
 * A Linux kernel refuses to run when SEV_STATUS shows a feature that needs a
 * guest's help and that it was not built for. It does so in the code that
 * unpacks the rest, so the mask is there to be read, in the clear:
 * arch/x86/boot/compressed/sev.c, snp_get_unsupported_features():
 *
 *	and $imm32, %r64	imm32, sign-extended, = all features that need
 *				help, less those that this kernel has
 *
 * A kernel whose mask we do not find is not refused here; if it cannot run,
 * it terminates the guest and the run says so.
 */
#include <libgen.h>
#include <stdio.h>
#include <string.h>

#include "arch/linux_boot.h"
#include "cli/launch.h"

/*
 * Bits of SEV_STATUS that tell the mask from any other constant: undefined
 * ones and VMPL_SSS always need help, SEV, ES, SNP and what the guest need
 * not care for never do. Linux, arch/x86/include/asm/msr-index.h.
 */
#define MASK_SET	0xff00a400u
#define MASK_CLEAR	0x00024307u

static bool is_mask(u32 imm)
{
	return (imm & MASK_SET) == MASK_SET && !(imm & MASK_CLEAR);
}

/* AND r64, imm32: REX.W 25, REX.W 81 /4. */
static bool find_mask(const u8 *code, size_t size, u64 *mask)
{
	size_t at;
	u32 imm;

	for (size_t i = 0; i + 7 <= size; i++) {
		if ((code[i] & 0xfe) != 0x48)
			continue;
		if (code[i + 1] == 0x25)
			at = i + 2;
		else if (code[i + 1] == 0x81 && (code[i + 2] & 0xf8) == 0xe0)
			at = i + 3;
		else
			continue;
		memcpy(&imm, code + at, sizeof(imm));
		if (is_mask(imm)) {
			*mask = (s64)(int32_t)imm;
			return true;
		}
	}
	return false;
}

/*
 * The configuration is beside our own kernels ("config") and beside those
 * of a distribution ("config-VERSION" for "vmlinuz-VERSION").
 */
static void read_config(const char *path, struct kernel_facts *facts)
{
	char copy[PATH_MAX], config[PATH_MAX + 32], line[256];
	const char *version;
	FILE *f;

	snprintf(copy, sizeof(copy), "%s", path);
	version = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	version = strncmp(version, "vmlinuz-", 8) ? "" : version + 7;
	snprintf(config, sizeof(config), "%s/config%s", dirname(copy), version);
	f = fopen(config, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		sscanf(line, "CONFIG_NR_CPUS=%u", &facts->max_cpus);
	fclose(f);
}

static int not_a_kernel(const char *path, const char *why)
{
	return fail("the kernel %s is not a usable bzImage: %s", path, why);
}

int kernel_examine(const char *path, const struct blob *kernel,
		   struct kernel_facts *facts)
{
	const u8 *data = kernel->data;
	struct linux_setup_header h;
	size_t setup, payload, end;

	*facts = (struct kernel_facts){ 0 };
	if (kernel->size < LINUX_SETUP_HEADER + sizeof(h))
		return not_a_kernel(path, "it has no boot header");
	memcpy(&h, data + LINUX_SETUP_HEADER, sizeof(h));
	if (h.header != LINUX_HEADER_MAGIC)
		return not_a_kernel(path, "it has no boot header");
	setup = ((h.setup_sects ? h.setup_sects : 4) + 1) * 512;
	/* A checksum at the end, where there is one, is not counted. */
	if (kernel->size < setup ||
	    kernel->size - setup + 16 < (u64)h.syssize * 16)
		return not_a_kernel(path, "it is truncated");
	payload = setup + (u64)h.payload_offset;
	end = payload + h.payload_length;
	if (end > kernel->size)
		return not_a_kernel(path, "its payload lies outside of it");
	facts->refuses_known =
		find_mask(data + setup, payload - setup, &facts->refuses) ||
		find_mask(data + end, kernel->size - end, &facts->refuses);
	read_config(path, facts);
	return 0;
}
