// SPDX-License-Identifier: MIT
/*
 * Port I/O (EXITINFO1 as APM 15.10.2) and MMIO through the GHCB.
 */
#include "host/ghcb.h"

/* ---- port I/O ----------------------------------------------------------- */

static u64 size_mask(unsigned int size)
{
	return size >= 8 ? ~0ull : BIT_ULL(size * 8) - 1;
}

/* 0 unless exactly one size is given. */
static unsigned int port_size(u64 info1)
{
	switch (info1 >> IOIO_SIZE_SHIFT & 7) {
	case 1:
		return 1;
	case 2:
		return 2;
	case 4:
		return 4;
	default:
		return 0;
	}
}

static u64 port_in(struct host *h, u16 port, unsigned int size)
{
	return h->ops->port_read(h->platform, port, size) & size_mask(size);
}

/*
 * INS and OUTS: @count units at the scratch area. Its check bounds the count
 * to what fits a page.
 */
static void port_string(struct ghcb_call *call, u16 port, unsigned int size)
{
	struct host *h = call->host;
	u64 count = call->info2;
	u64 value;

	if (count > PAGE_SIZE)
		return host_ghcb_refuse(call, GHCB_ERR_SCRATCH,
					"string length");
	if (!count || !host_ghcb_scratch(call, count * size))
		return;
	for (u32 at = 0; at < count * size; at += size) {
		if (call->info1 & IOIO_IN) {
			value = port_in(h, port, size);
			host_ghcb_scratch_write(call, at, &value, size);
			continue;
		}
		value = 0;
		if (host_ghcb_scratch_read(call, at, &value, size))
			h->ops->port_write(h->platform, port, size, value);
	}
}

void host_ghcb_ioio(struct ghcb_call *call)
{
	struct host *h = call->host;
	u16 port = call->info1 >> IOIO_PORT_SHIFT;
	unsigned int size = port_size(call->info1);

	if (!size || call->info1 >> 32)
		return host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT,
					"port access");
	if (call->info1 & IOIO_STRING)
		return port_string(call, port, size);
	if (!(call->info1 & IOIO_IN)) {
		h->ops->port_write(h->platform, port, size,
				   call->rax & size_mask(size));
		return;
	}
	/* IN to AL or AX leaves the rest; to EAX clears the upper half. */
	if (size == 4)
		call->rax = 0;
	call->rax = (call->rax & ~size_mask(size)) | port_in(h, port, size);
}

/* ---- MMIO --------------------------------------------------------------- */

/* In x2APIC mode too: nothing is there then, least of all a device. */
static bool at_apic(u64 gpa)
{
	return (gpa & PAGE_MASK) == APIC_DEFAULT_BASE;
}

static bool is_xapic(const struct host_ctx *c)
{
	return apic_mode_of(&c->apic) == APIC_VIEW_XAPIC;
}

static bool at_ioapic(u64 gpa)
{
	return (gpa & PAGE_MASK) == IOAPIC_BASE;
}

/* Registers of both APICs are 32 bits wide; other accesses find nothing. */
static u64 read_unit(struct host_ctx *c, u64 gpa, unsigned int size)
{
	struct host *h = c->vcpu->host;
	u32 offset = gpa & ~PAGE_MASK;
	u32 word = 0;
	u64 value = 0;

	if (at_apic(gpa)) {
		if (!is_xapic(c))
			return ~0ull;
		if (size == 4)
			apic_read(&c->apic, APIC_VIEW_XAPIC, offset,
				  host_timer_now(h), &value);
		return value;
	}
	if (at_ioapic(gpa)) {
		if (size <= 4)
			ioapic_read(&h->ioapic, offset, &word);
		return word;
	}
	return h->ops->mmio_read(h->platform, gpa, size);
}

static void write_unit(struct host_ctx *c, u64 gpa, unsigned int size,
		       u64 value)
{
	struct host *h = c->vcpu->host;
	u32 offset = gpa & ~PAGE_MASK;
	struct apic_effects fx;

	if (at_apic(gpa)) {
		if (size != 4 || !is_xapic(c) || host_ai_owns(c, offset))
			return;
		apic_write(&c->apic, APIC_VIEW_XAPIC, offset, value,
			   host_timer_now(h), &fx);
		host_irq_effects(c, &fx);
		return;
	}
	if (at_ioapic(gpa)) {
		if (size > 4)
			return;
		if (offset == IOAPIC_MMIO_EOI)
			host_savic_ioapic_eoi(h, value);
		ioapic_write(&h->ioapic, offset, value);
		return;
	}
	h->ops->mmio_write(h->platform, gpa, size, value);
}

/*
 * Lengths 1 to 8, split into naturally sized units. RAM is no device: a
 * request for it is refused, shared or not, and so is the C-bit or beyond.
 */
static bool mmio_decode(struct ghcb_call *call)
{
	u64 gpa = call->info1, len = call->info2;

	if (len < 1 || len > 8 || gpa >> SNP_C_BIT ||
	    hv_is_ram(call->host->m, gpa) ||
	    hv_is_ram(call->host->m, gpa + len - 1)) {
		host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT, "MMIO range");
		return false;
	}
	return host_ghcb_scratch(call, len);
}

static unsigned int unit_size(u64 left)
{
	return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

void host_ghcb_mmio_read(struct ghcb_call *call)
{
	unsigned int size;
	u64 value;

	if (!mmio_decode(call))
		return;
	for (u32 at = 0; at < call->info2; at += size) {
		size = unit_size(call->info2 - at);
		value = read_unit(call->ctx, call->info1 + at, size);
		host_ghcb_scratch_write(call, at, &value, size);
	}
}

void host_ghcb_mmio_write(struct ghcb_call *call)
{
	unsigned int size;
	u64 value;

	if (!mmio_decode(call))
		return;
	for (u32 at = 0; at < call->info2; at += size) {
		size = unit_size(call->info2 - at);
		value = 0;
		if (host_ghcb_scratch_read(call, at, &value, size))
			write_unit(call->ctx, call->info1 + at, size, value);
	}
}
