// SPDX-License-Identifier: MIT
/*
 * Port I/O. What moves is what the instruction names, no other register.
 */
#include "core/ioio.h"

#define IOIO_RESERVED	(BIT(1) | 7u << 13)

bool ioio_decode(u64 info1, struct ioio *io)
{
	unsigned int size = info1 >> IOIO_SIZE_SHIFT & 7;
	unsigned int address = info1 >> IOIO_ADDR_SHIFT & 7;

	*io = (struct ioio){
		.port = info1 >> IOIO_PORT_SHIFT,
		.size = size,
		.address_size = address << 1,
		.segment = info1 >> IOIO_SEG_SHIFT & 7,
		.in = info1 & IOIO_IN,
		.string = info1 & IOIO_STRING,
		.rep = info1 & IOIO_REP,
	};
	if (info1 & IOIO_RESERVED || info1 >> 32)
		return false;
	if (size != 1 && size != 2 && size != 4)
		return false;
	if (!io->string)
		return true;
	return (address == 1 || address == 2 || address == 4) &&
	       io->segment <= 5;
}

u64 ioio_value(const struct ioio *io, const struct vmsa *vmsa)
{
	return low_bytes(vmsa->rax, io->size);
}

void ioio_finish(const struct ioio *io, struct vmsa *vmsa, u64 value)
{
	if (io->in)
		vmsa->rax = merge_bytes(vmsa->rax, value, io->size);
}

u64 ioio_left(const struct ioio *io, const struct vmsa *vmsa)
{
	return io->rep ? low_bytes(vmsa->rcx, io->address_size) : 1;
}

/* INS writes to ES always; in 64-bit mode only FS and GS have a base. */
u64 ioio_address(const struct ioio *io, const struct vmsa *vmsa)
{
	u64 index = io->in ? vmsa->rdi : vmsa->rsi;
	unsigned int segment = io->in ? 0 : io->segment;
	u64 base = (&vmsa->es)[segment].base;

	index = low_bytes(index, io->address_size);
	if (vmsa_mode(vmsa) != 8)
		return (u32)(base + index);
	return segment >= 4 ? base + index : index;
}

bool ioio_element(const struct ioio *io, struct vmsa *vmsa)
{
	u64 *index = io->in ? &vmsa->rdi : &vmsa->rsi;
	s64 by = vmsa->rflags & RFLAGS_DF ? -(s64)io->size : io->size;

	*index = merge_bytes(*index, *index + by, io->address_size);
	if (!io->rep)
		return true;
	vmsa->rcx = merge_bytes(vmsa->rcx, vmsa->rcx - 1, io->address_size);
	return !ioio_left(io, vmsa);
}
