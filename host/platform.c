// SPDX-License-Identifier: MIT
/*
 * What a firmware would do to the chipset (i440FX, PIIX3, PIIX4) before an
 * operating system starts. Nobody else does it: guests are launched without.
 */
#include "host/internal.h"

#define PCI_ADDRESS	0xcf8
#define PCI_DATA	0xcfc
#define PCI_ENABLE	BIT(31)
#define PIIX_ISA	(1u << 11)		/* 00:01.0 */
#define PIIX_IDE	(1u << 11 | 1u << 8)	/* 00:01.1 */
#define PIIX_PM		(1u << 11 | 3u << 8)	/* 00:01.3 */

#define ISA_PIRQ	0x60
#define IDE_TIMING	0x40
#define IDE_DECODE	BIT(15)
#define PM_BASE		0x40
#define PM_ENABLE	0x80
#define PM_PORT		0x600

#define ELCR1		0x4d0
#define PIC1_MASK	0x21
#define PIC2_MASK	0xa1

static void pci_write(const struct host_platform *ops, void *platform,
		      u32 function, u32 reg, unsigned int size, u64 value)
{
	ops->port_write(platform, PCI_ADDRESS, 4, PCI_ENABLE | function | reg);
	ops->port_write(platform, PCI_DATA + (reg & 3), size, value);
}

/*
 * PIRQ A and B to IRQ 10, C and D to 11, both level: the DSDT says the same.
 * Both IDE channels on: Linux looks at no disk of one that is off.
 * PM registers at 600h, where the FADT has them. Nothing may come through
 * the 8259s: interrupts take the I/O APIC.
 */
void host_firmware(const struct host_platform *ops, void *platform)
{
	pci_write(ops, platform, PIIX_ISA, ISA_PIRQ, 4, 0x0b0b0a0a);
	ops->port_write(platform, ELCR1, 1, 0);
	ops->port_write(platform, ELCR1 + 1, 1, BIT(10 - 8) | BIT(11 - 8));
	pci_write(ops, platform, PIIX_IDE, IDE_TIMING, 4,
		  IDE_DECODE << 16 | IDE_DECODE);
	pci_write(ops, platform, PIIX_PM, PM_BASE, 4, PM_PORT | 1);
	pci_write(ops, platform, PIIX_PM, PM_ENABLE, 1, 1);
	ops->port_write(platform, PIC1_MASK, 1, 0xff);
	ops->port_write(platform, PIC2_MASK, 1, 0xff);
}
