// SPDX-License-Identifier: MIT
/* svsm/rmp.h on the machine: through the direct map, with fixups. */
#include "svsm/insn.h"
#include "svsm/rmp.h"
#include "svsm/svsm.h"

bool guest_read(u64 gpa, void *to, u64 bytes)
{
	return insn_copy(to, guest_va(gpa), bytes);
}

bool guest_write(u64 gpa, const void *from, u64 bytes)
{
	return insn_copy(guest_va(gpa), from, bytes);
}

bool guest_zero(u64 gpa, u64 bytes)
{
	return insn_zero(guest_va(gpa), bytes);
}

bool guest_take(u64 gpa, u8 *old)
{
	*old = 0;
	return insn_swap(guest_va(gpa), old);
}

u32 rmp_validate(u64 gpa, bool large, bool validate, bool *unchanged)
{
	return insn_pvalidate(guest_va(gpa), large, validate, unchanged);
}

u32 rmp_adjust(u64 gpa, bool large, u64 attributes)
{
	return insn_rmpadjust(guest_va(gpa), large, attributes);
}
