// SPDX-License-Identifier: MIT
/* Names, masks and lengths of header types; the error sentence. */
#include <stdarg.h>

#include "igvm/internal.h"
#include "igvm/names.h"

static const struct igvm_type_info types[] = {
	{ IGVM_SUPPORTED_PLATFORM, "SUPPORTED_PLATFORM", 16, 0 },
	{ IGVM_GUEST_POLICY, "GUEST_POLICY", 16, 8 },
	{ IGVM_RELOCATABLE_REGION, "RELOCATABLE_REGION", 48, 0 },
	{ IGVM_PAGE_TABLE_RELOCATION, "PAGE_TABLE_RELOCATION", 32, 0 },
	{ IGVM_CORIM_DOCUMENT, "CORIM_DOCUMENT", 16, 0 },
	{ IGVM_CORIM_SIGNATURE, "CORIM_SIGNATURE", 16, 0 },
	{ IGVM_PARAMETER_AREA, "PARAMETER_AREA", 16, IGVM_NO_MASK },
	{ IGVM_PAGE_DATA, "PAGE_DATA", 24, 8 },
	{ IGVM_PARAMETER_INSERT, "PARAMETER_INSERT", 16, 8 },
	{ IGVM_VP_CONTEXT, "VP_CONTEXT", 20, 8 },
	{ IGVM_REQUIRED_MEMORY, "REQUIRED_MEMORY", 24, 8 },
	{ IGVM_VP_COUNT, "VP_COUNT", 8, IGVM_NO_MASK },
	{ IGVM_SRAT, "SRAT", 8, IGVM_NO_MASK },
	{ IGVM_MADT, "MADT", 8, IGVM_NO_MASK },
	{ IGVM_MMIO_RANGES, "MMIO_RANGES", 8, IGVM_NO_MASK },
	{ IGVM_SNP_ID_BLOCK, "SNP_ID_BLOCK", IGVM_ID_BLOCK_SIZE, 0 },
	{ IGVM_MEMORY_MAP, "MEMORY_MAP", 8, IGVM_NO_MASK },
	{ IGVM_ERROR_RANGE, "ERROR_RANGE", 16, 8 },
	{ IGVM_COMMAND_LINE, "COMMAND_LINE", 8, IGVM_NO_MASK },
	{ IGVM_SLIT, "SLIT", 8, IGVM_NO_MASK },
	{ IGVM_PPTT, "PPTT", 8, IGVM_NO_MASK },
	{ IGVM_VBS_MEASUREMENT, "VBS_MEASUREMENT",
	  IGVM_VBS_MEASUREMENT_SIZE, 0 },
	{ IGVM_DEVICE_TREE, "DEVICE_TREE", 8, IGVM_NO_MASK },
	{ IGVM_ENVIRONMENT_INFO, "ENVIRONMENT_INFO", 8, IGVM_NO_MASK },
};

static const char *const platforms[] = {
	[IGVM_PLATFORM_NATIVE] = "native",
	[IGVM_PLATFORM_VSM] = "VSM",
	[IGVM_PLATFORM_SNP] = "SEV-SNP",
	[IGVM_PLATFORM_TDX] = "TDX",
	[IGVM_PLATFORM_SEV] = "SEV",
	[IGVM_PLATFORM_SEV_ES] = "SEV-ES",
	[IGVM_PLATFORM_CCA] = "CCA",
};

const struct igvm_type_info *igvm_type_info(u32 type)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].type == type)
			return &types[i];
	return NULL;
}

const char *igvm_type_name(u32 type)
{
	const struct igvm_type_info *info = igvm_type_info(type);

	return info ? info->name : NULL;
}

const char *igvm_platform_name(unsigned int platform)
{
	if (platform >= ARRAY_SIZE(platforms))
		return "unknown platform";
	return platforms[platform];
}

bool igvm_is_parameter(u32 type)
{
	switch (type) {
	case IGVM_VP_COUNT:
	case IGVM_SRAT:
	case IGVM_MADT:
	case IGVM_MMIO_RANGES:
	case IGVM_MEMORY_MAP:
	case IGVM_COMMAND_LINE:
	case IGVM_SLIT:
	case IGVM_PPTT:
	case IGVM_DEVICE_TREE:
	case IGVM_ENVIRONMENT_INFO:
		return true;
	default:
		return false;
	}
}

u32 igvm_row_mask(const struct igvm_row *row)
{
	const struct igvm_type_info *info = igvm_type_info(row->type);

	if (!info || info->mask_offset == IGVM_NO_MASK)
		return ~0u;
	return *(const u32 *)(row->payload + info->mask_offset);
}

int igvm_fail(struct igvm_error *err, const char *format, ...)
{
	va_list args;

	if (!err)
		return -1;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return -1;
}
