// SPDX-License-Identifier: MIT
/* svsm/apic.h on the machine: by GHCB to the host (56421, docs/ghcb.md). */
#include "svsm/apic.h"
#include "svsm/svsm.h"

void inject_kick(const struct irq_msg *to)
{
	u64 icr = hv_address(to) | VECTOR_IPI;

	if (ghcb_call(GHCB_HV_IPI, icr, 0, 0, NULL))
		stop(MONITOR_STOP_GHCB, "the host does not send an IPI", icr);
}

/* Refused: the device hangs, nobody else. */
void inject_specific_eoi(u8 vector)
{
	ghcb_call(GHCB_SPECIFIC_EOI,
		  info.guest_vmpl << SPECIFIC_EOI_VMPL_SHIFT | vector, 0, 0,
		  NULL);
}

/* The VMSA is without it already: there is no way back (C23). */
void inject_disable(u64 info1)
{
	if (ghcb_call(GHCB_DISABLE_ALTERNATE, info1, 0, 0, NULL))
		stop(MONITOR_STOP_GHCB, "the host does not take the APIC over",
		     info1);
}
