/* SPDX-License-Identifier: MIT */
/*
 * IN, OUT, INS and OUTS as EXITINFO1 describes them (APM 15.10.2).
 */
#ifndef CORE_IOIO_H
#define CORE_IOIO_H

#include "core/gpr.h"

struct ioio {
	u16 port;
	u8 size;		/* of an element: 1, 2, 4 */
	u8 address_size;	/* of a string's index: 2, 4, 8 */
	u8 segment;		/* 0-5: ES CS SS DS FS GS */
	bool in;
	bool string;
	bool rep;
};

/* False: no access that hardware would describe so. */
bool ioio_decode(u64 info1, struct ioio *io);

/* IN and OUT. */
u64 ioio_value(const struct ioio *io, const struct vmsa *vmsa);
void ioio_finish(const struct ioio *io, struct vmsa *vmsa, u64 value);

/* Elements still to do: RCX with a prefix, else 1. */
u64 ioio_left(const struct ioio *io, const struct vmsa *vmsa);
/* Linear address of the element that is next. */
u64 ioio_address(const struct ioio *io, const struct vmsa *vmsa);
/* One element is done; true: so is the instruction. */
bool ioio_element(const struct ioio *io, struct vmsa *vmsa);

#endif
