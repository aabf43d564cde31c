/* SPDX-License-Identifier: MIT */
/*
 * Reset values that matter to an image which starts in protected or long
 * mode (APM vol. 2, table 14-1); segments and paging are the caller's.
 */
#ifndef IGVM_RESET_H
#define IGVM_RESET_H

#include <string.h>

#include "arch/vmsa.h"

static inline void vmsa_reset(struct vmsa *vmsa)
{
	memset(vmsa, 0, sizeof(*vmsa));
	vmsa->ldtr.attrib = 0x82;
	vmsa->ldtr.limit = 0xffff;
	vmsa->tr.attrib = 0x8b;
	vmsa->tr.limit = 0xffff;
	vmsa->dr6 = 0xffff0ff0;
	vmsa->dr7 = 0x400;
	vmsa->rflags = 2;
	vmsa->g_pat = 0x0007040600070406;
	vmsa->xcr0 = 1;
	vmsa->mxcsr = 0x1f80;
	vmsa->x87_fcw = 0x40;
	vmsa->x87_ftw = 0x5555;
}

#endif
