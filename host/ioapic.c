// SPDX-License-Identifier: MIT
/*
 * I/O APIC. A pin, as the 82093AA has it:
 *
 *   edge:   line rises, unmasked -> one message. Masked: the edge is lost, it
 *           is not held for the unmask (datasheet, bit 16 of the RTE).
 *
 *   level:            line high, unmasked
 *             IDLE ------------------------> SENT (remote IRR = 1)
 *               ^   EOI for its vector          |
 *               '-------------------------------'
 *                   or switched to edge
 *
 * Back in IDLE a line that is still high sends again at once. Linux uses the
 * switch to edge and back as its EOI on parts without an EOI register.
 */
#include "host/ioapic.h"

#define RTE_LOW_WRITABLE						\
	(IOAPIC_RTE_VECTOR | IOAPIC_RTE_MODE | IOAPIC_RTE_LOGICAL |	\
	 IOAPIC_RTE_LOW | IOAPIC_RTE_LEVEL | IOAPIC_RTE_MASKED)
#define RTE_READ_ONLY	(IOAPIC_RTE_PENDING | IOAPIC_RTE_REMOTE_IRR)
#define ID_MASK		0x0f000000u

static u8 rte_mode(u64 rte)
{
	return (rte & IOAPIC_RTE_MODE) >> IOAPIC_RTE_MODE_SHIFT;
}

/* NMI, INIT, SMI and ExtINT are edge whatever the bit says (datasheet). */
static bool rte_is_level(u64 rte)
{
	u8 mode = rte_mode(rte);

	return rte & IOAPIC_RTE_LEVEL &&
	       (mode == APIC_FIXED || mode == APIC_LOWEST);
}

void ioapic_message(const struct ioapic *io, unsigned int pin,
		    struct irq_msg *msg)
{
	u64 rte = io->rte[pin];

	*msg = (struct irq_msg){
		.dest = rte >> IOAPIC_RTE_DEST_SHIFT,
		.vector = rte & IOAPIC_RTE_VECTOR,
		.mode = rte_mode(rte),
		.logical = rte & IOAPIC_RTE_LOGICAL,
		.level = rte_is_level(rte),
		.wide = io->ext_dest,
	};
	if (io->ext_dest)
		msg->dest |= (rte & IOAPIC_RTE_EXT) >>
			     IOAPIC_RTE_EXT_SHIFT << 8;
}

static void send(struct ioapic *io, unsigned int pin)
{
	struct irq_msg msg;

	ioapic_message(io, pin, &msg);
	io->count[pin].sent++;
	io->emit(io->opaque, pin, &msg);
}

/*
 * Remote IRR means "a local APIC has it". Whether one did is not asked: a
 * message that nobody took would otherwise be sent again for ever.
 */
static void evaluate_level(struct ioapic *io, unsigned int pin)
{
	u64 *rte = &io->rte[pin];

	if (!rte_is_level(*rte) || *rte & IOAPIC_RTE_MASKED)
		return;
	if (*rte & IOAPIC_RTE_REMOTE_IRR || !(io->lines & BIT(pin)))
		return;
	*rte |= IOAPIC_RTE_REMOTE_IRR;
	send(io, pin);
}

static void raise_edge(struct ioapic *io, unsigned int pin)
{
	if (io->rte[pin] & IOAPIC_RTE_MASKED)
		io->count[pin].lost_masked++;
	else
		send(io, pin);
}

void ioapic_set_line(struct ioapic *io, unsigned int pin, bool asserted)
{
	bool was;

	if (pin >= IOAPIC_PINS)
		return;
	was = io->lines & BIT(pin);
	io->lines &= ~BIT(pin);
	if (!asserted)
		return;
	io->lines |= BIT(pin);
	if (!was)
		io->count[pin].raised++;
	if (!rte_is_level(io->rte[pin])) {
		if (!was)
			raise_edge(io, pin);
		return;
	}
	if (io->rte[pin] & IOAPIC_RTE_REMOTE_IRR && !was)
		io->count[pin].held++;
	evaluate_level(io, pin);
}

void ioapic_eoi(struct ioapic *io, u8 vector)
{
	unsigned int pin;
	u64 *rte;

	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		rte = &io->rte[pin];
		if (!(*rte & IOAPIC_RTE_REMOTE_IRR) ||
		    (*rte & IOAPIC_RTE_VECTOR) != vector)
			continue;
		*rte &= ~IOAPIC_RTE_REMOTE_IRR;
		io->count[pin].eoi++;
		evaluate_level(io, pin);
	}
}

static void write_rte(struct ioapic *io, unsigned int reg, u32 value)
{
	unsigned int pin = reg >> 1;
	u64 writable, old = io->rte[pin];

	if (reg & 1) {
		writable = IOAPIC_RTE_DEST;
		if (io->ext_dest)
			writable |= IOAPIC_RTE_EXT;
		io->rte[pin] = (old & 0xffffffff) |
			       ((u64)value << 32 & writable);
		return;
	}
	io->rte[pin] = (old & ~0xffffffffull) | (old & RTE_READ_ONLY) |
		       (value & RTE_LOW_WRITABLE);
	if (!rte_is_level(io->rte[pin]))
		io->rte[pin] &= ~IOAPIC_RTE_REMOTE_IRR;
	evaluate_level(io, pin);
}

static bool read_register(const struct ioapic *io, u32 *value)
{
	unsigned int reg = io->select;

	switch (reg) {
	case IOAPIC_REG_ID:
	case IOAPIC_REG_ARB:
		*value = io->id;
		return true;
	case IOAPIC_REG_VERSION:
		*value = (IOAPIC_PINS - 1) << 16 | IOAPIC_VERSION;
		return true;
	case IOAPIC_REG_RTE ... IOAPIC_REG_RTE + 2 * IOAPIC_PINS - 1:
		reg -= IOAPIC_REG_RTE;
		*value = io->rte[reg >> 1] >> (reg & 1 ? 32 : 0);
		return true;
	default:
		return false;
	}
}

static bool write_register(struct ioapic *io, u32 value)
{
	switch (io->select) {
	case IOAPIC_REG_ID:
		io->id = value & ID_MASK;
		return true;
	case IOAPIC_REG_RTE ... IOAPIC_REG_RTE + 2 * IOAPIC_PINS - 1:
		write_rte(io, io->select - IOAPIC_REG_RTE, value);
		return true;
	default:
		return false;
	}
}

bool ioapic_read(const struct ioapic *io, u32 offset, u32 *value)
{
	*value = 0;
	if (offset == IOAPIC_MMIO_SELECT) {
		*value = io->select;
		return true;
	}
	return offset == IOAPIC_MMIO_WINDOW && read_register(io, value);
}

bool ioapic_write(struct ioapic *io, u32 offset, u32 value)
{
	switch (offset) {
	case IOAPIC_MMIO_SELECT:
		io->select = value;
		return true;
	case IOAPIC_MMIO_WINDOW:
		return write_register(io, value);
	case IOAPIC_MMIO_EOI:
		ioapic_eoi(io, value);
		return true;
	default:
		return false;
	}
}

void ioapic_reset(struct ioapic *io)
{
	unsigned int pin;

	for (pin = 0; pin < IOAPIC_PINS; pin++)
		io->rte[pin] = IOAPIC_RTE_MASKED;
	io->id = 0;
	io->select = 0;
}

void ioapic_init(struct ioapic *io, bool ext_dest, ioapic_emit_fn emit,
		 void *opaque)
{
	*io = (struct ioapic){
		.ext_dest = ext_dest,
		.emit = emit,
		.opaque = opaque,
	};
	ioapic_reset(io);
}
