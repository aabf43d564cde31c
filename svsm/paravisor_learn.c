// SPDX-License-Identifier: MIT
/*
 * Which vectors may come from the host? An unaware guest does not say so by
 * any protocol, but it tells devices which to send: the I/O APIC by its
 * redirection entries, others by MSI, whose data register follows the address
 * register at once, in configuration space or in an MSI-X table. All of these
 * accesses pass through here. What was never programmed stays denied: int
 * 0x80, IPIs, the timer (core/ has that), exceptions anyway.
 *
 * It is a heuristic of the guest's own writes: a guest can only widen its own
 * set, and the host cannot write here at all.
 */
#include "svsm/paravisor.h"

#define IOAPIC_BASE	0xfec00000ull
#define IOAPIC_SELECT	0x00
#define IOAPIC_WINDOW	0x10
#define IOAPIC_ENTRY	0x10
#define PCI_ADDRESS	0xcf8
#define PCI_DATA	0xcfc

/* Port space and MMIO do not overlap in the key. */
#define PORT_KEY	BIT_ULL(63)

/* Exceptions, and int 0x80's gate, have nobody outside to come from. */
bool paravisor_may_allow(u8 vector)
{
	return vector >= 32 && vector != 0x80;
}

void paravisor_allow(struct paravisor_vcpu *v, u8 vector)
{
	if (!paravisor_may_allow(vector))
		return;
	__atomic_fetch_or(&v->guest->allowed[vector >> 5], BIT(vector & 31),
			  __ATOMIC_RELAXED);
	paravisor_savic_allow(v->guest, vector);
}

/* Address, then data 4 (32-bit form) or 8 bytes (64-bit form, MSI-X) on. */
static void learn_msi(struct paravisor_vcpu *v, u64 at, u64 value)
{
	struct paravisor_learn *learn = &v->learn;
	u64 by = at - learn->msi_at;

	if ((u32)value >> 20 == 0xfee)
		learn->msi_at = at;
	else if (learn->msi_at && (by == 4 || by == 8))
		paravisor_allow(v, value & 0xff);
}

void paravisor_learn_port(struct paravisor_vcpu *v, u16 port,
			  unsigned int size, u32 value)
{
	u32 at = v->learn.config & ~3u;

	if (port == PCI_ADDRESS && size == 4)
		v->learn.config = value;
	else if ((port & ~3u) == PCI_DATA)
		learn_msi(v, PORT_KEY | (at + (port & 3)), value);
}

/* Delivery modes with a vector: fixed and lowest priority. */
static void learn_entry(struct paravisor_vcpu *v, u8 half, u32 value)
{
	if (!(half & 1) && (value >> 8 & 7) <= APIC_LOWEST)
		paravisor_allow(v, value & 0xff);
	paravisor_route(v, half, value);
}

void paravisor_learn_mmio(struct paravisor_vcpu *v, u64 gpa, u64 value)
{
	u8 select = v->learn.ioapic_select;

	if (gpa == IOAPIC_BASE + IOAPIC_SELECT)
		v->learn.ioapic_select = value;
	else if (gpa != IOAPIC_BASE + IOAPIC_WINDOW)
		learn_msi(v, gpa, value);
	else if (select >= IOAPIC_ENTRY)
		learn_entry(v, select - IOAPIC_ENTRY, value);
}
