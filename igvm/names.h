/* SPDX-License-Identifier: MIT */
/* The table of header types: name, payload bytes, where the mask lies. */
#ifndef IGVM_NAMES_H
#define IGVM_NAMES_H

#include "arch/types.h"

#define IGVM_NO_MASK			0xff

struct igvm_type_info {
	u32 type;
	const char *name;
	u16 length;
	u8 mask_offset;
};

/* NULL if the type is not known. */
const struct igvm_type_info *igvm_type_info(u32 type);

#endif
