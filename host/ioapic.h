/* SPDX-License-Identifier: MIT */
/*
 * I/O APIC, version 20h, 24 pins, as a pure state machine: MMIO and input
 * lines in, interrupt messages out. Source: Intel 82093AA datasheet (290566);
 * the EOI register is that of later parts (ICH, version 20h).
 */
#ifndef HOST_IOAPIC_H
#define HOST_IOAPIC_H

#include "core/apic.h"

#define IOAPIC_BASE		0xfec00000ull
#define IOAPIC_PINS		24
#define IOAPIC_VERSION		0x20

#define IOAPIC_MMIO_SELECT	0x00
#define IOAPIC_MMIO_WINDOW	0x10
#define IOAPIC_MMIO_EOI		0x40

#define IOAPIC_REG_ID		0x00
#define IOAPIC_REG_VERSION	0x01
#define IOAPIC_REG_ARB		0x02
#define IOAPIC_REG_RTE		0x10	/* two per pin, low half first */

#define IOAPIC_RTE_VECTOR	0xffull
#define IOAPIC_RTE_MODE_SHIFT	8
#define IOAPIC_RTE_MODE		(7ull << IOAPIC_RTE_MODE_SHIFT)
#define IOAPIC_RTE_LOGICAL	BIT_ULL(11)
#define IOAPIC_RTE_PENDING	BIT_ULL(12)	/* read-only */
#define IOAPIC_RTE_LOW		BIT_ULL(13)	/* kept, not honoured */
#define IOAPIC_RTE_REMOTE_IRR	BIT_ULL(14)	/* read-only */
#define IOAPIC_RTE_LEVEL	BIT_ULL(15)
#define IOAPIC_RTE_MASKED	BIT_ULL(16)
#define IOAPIC_RTE_EXT_SHIFT	49		/* destination bits 14:8 */
#define IOAPIC_RTE_EXT		(0x7full << IOAPIC_RTE_EXT_SHIFT)
#define IOAPIC_RTE_DEST_SHIFT	56
#define IOAPIC_RTE_DEST		(0xffull << IOAPIC_RTE_DEST_SHIFT)

struct ioapic_pin_count {
	u32 raised;		/* line went from low to high */
	u32 sent;		/* messages emitted */
	u32 lost_masked;	/* edges that came while masked */
	u32 held;		/* level asserts while remote IRR was set */
	u32 eoi;		/* EOIs that cleared remote IRR */
};

/* Must not call back into the same I/O APIC. */
typedef void (*ioapic_emit_fn)(void *opaque, unsigned int pin,
			       const struct irq_msg *msg);

struct ioapic {
	u64 rte[IOAPIC_PINS];
	u32 lines;		/* BIT(pin): asserted, whatever the polarity */
	u32 id;			/* bits 27:24 */
	u8 select;
	bool ext_dest;		/* RTE 55:49 extend the destination */
	ioapic_emit_fn emit;
	void *opaque;
	struct ioapic_pin_count count[IOAPIC_PINS];
};

/* All pins masked, all lines low. */
void ioapic_init(struct ioapic *io, bool ext_dest, ioapic_emit_fn emit,
		 void *opaque);
/* Registers as after power-up; lines and counters stay. */
void ioapic_reset(struct ioapic *io);

/* 32-bit MMIO, offset within the page. False: no register there, *value 0. */
bool ioapic_read(const struct ioapic *io, u32 offset, u32 *value);
bool ioapic_write(struct ioapic *io, u32 offset, u32 value);

/* A device's line; asserted means "wants service", polarity is gone here. */
void ioapic_set_line(struct ioapic *io, unsigned int pin, bool asserted);
/* EOI broadcast of a local APIC for a level vector. */
void ioapic_eoi(struct ioapic *io, u8 vector);
/* What pin would send now; for MSI routing tables. */
void ioapic_message(const struct ioapic *io, unsigned int pin,
		    struct irq_msg *msg);

#endif
