/* SPDX-License-Identifier: MIT */
/*
 * The "edu" PCI device: raises its INTx line when told to, level-triggered,
 * until it is acknowledged. The host side adds it with `-device edu,addr=4`.
 */
#ifndef MICRO_EDU_H
#define MICRO_EDU_H

#include "guest/micro/micro.h"

#define EDU_SLOT	4
#define EDU_BAR		0xd0000000ull
#define EDU_RAISE	(EDU_BAR + 0x60)
#define EDU_ACK		(EDU_BAR + 0x64)
#define EDU_STATUS	(EDU_BAR + 0x24)
/* Slot 4, INTA: PIRQ D, which the firmware's jobs give to pin 11. */
#define EDU_PIN		11

static inline void pci_write(u32 reg, u32 value)
{
	ghcb_out(0xcf8, 4, 0x80000000 | EDU_SLOT << 11 | reg);
	ghcb_out(0xcfc, 4, value);
}

static inline u32 pci_read(u32 reg)
{
	ghcb_out(0xcf8, 4, 0x80000000 | EDU_SLOT << 11 | reg);
	return ghcb_in(0xcfc, 4);
}

static inline bool edu_init(void)
{
	if (pci_read(0) != 0x11e81234)
		return false;
	pci_write(0x10, EDU_BAR);
	pci_write(0x04, 0x6);
	return true;
}

static inline void edu_raise(void)
{
	ghcb_mmio_write(EDU_RAISE, 1);
}

/* Has it raised its line? */
static inline bool edu_status(void)
{
	return ghcb_mmio_read(EDU_STATUS);
}

static inline void edu_ack(void)
{
	ghcb_mmio_write(EDU_ACK, 1);
}

/*
 * One edge on the pin, over before this returns: unlike a timer's it has
 * reached the host's APIC for sure.
 */
static inline void edu_edge(void)
{
	edu_raise();
	edu_ack();
}

#endif
