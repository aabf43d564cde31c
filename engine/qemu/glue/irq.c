// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interrupts of QEMU's devices go to the host. QEMU's own 8259, I/O APIC and
 * local APICs stay where they are and never see one.
 */
#include "ops.h"

/* A PC wires ISA interrupt 0 to pin 2 of the I/O APIC; the MADT says so. */
bool belfry_set_gsi(int gsi, int level)
{
	if (!belfry_snp())
		return false;
	if (gsi == 0)
		gsi = 2;
	if (!belfry.stopped)
		belfry.api->set_gsi(belfry.api->host, gsi, level);
	return true;
}

bool belfry_msi(uint64_t address, uint32_t data)
{
	if (!belfry_snp())
		return false;
	/* QEMU's region hands over the offset in its page. */
	if (!belfry.stopped)
		belfry.api->msi(belfry.api->host, address | 0xfee00000, data);
	return true;
}

void belfry_nmi(CPUState *cs)
{
	if (!belfry.stopped)
		belfry.api->nmi(belfry.api->host, cpu_env(cs)->snp->id);
}
