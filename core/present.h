/* SPDX-License-Identifier: MIT */
/*
 * Presenting interrupts to a lower VMPL: its VMSA is the only way in, and
 * VMPL 0 the only one who writes it (APM 15.36.17). All functions are pure on
 * the VMSA and the APIC; the VMSA must not be running: between two runs, with
 * BUSY set or EFER.SVME clear.
 *
 * A fixed interrupt is always queued by V_IRQ, never injected: hardware then
 * looks at IF, shadow and TPR itself, at every instruction, and V_IRQ tells
 * afterwards whether it was taken. EVENTINJ serves exceptions, events whose
 * delivery was interrupted, and NMIs where V_NMI does not exist.
 *
 * What is queued stays in IRR:
 *
 *                present_enter()              guest took it, V_IRQ = 0
 *   IRR --------------------------> QUEUED ---------------------------.
 *    ^                                |                               |
 *    '--- present_settle(): V_IRQ = 1 '     present_settle(): IRR -> ISR
 *                                                                     v
 *   (gone) <---- EOI: register, or lazy: the byte is clear ---- IN SERVICE
 *
 * Lazy EOI: while exactly one vector is in the APIC at all, in service or
 * queued, nothing has to happen at once at its EOI. Then a byte in the guest's
 * memory says that clearing it is enough (58019 APIC protocol,
 * NO_EOI_REQUIRED; KVM's PV EOI is the same idea). The guest may write the
 * byte at will: it can only end what is in service on its own vCPU. Of a
 * level-triggered vector the host learns at the next settling: until then its
 * line is not looked at again, at most until the guest halts or its timer
 * ticks.
 */
#ifndef CORE_PRESENT_H
#define CORE_PRESENT_H

#include "arch/vmsa.h"
#include "core/apic.h"

struct present {
	u8 queued;		/* in V_INTR_VECTOR; 0: nothing */
	bool lazy;		/* the byte is set, and ours */
	bool entered;		/* present_enter() since present_settle() */
	u8 level_eoi;		/* ended lazily: tell the host, then 0 */
};

enum present_result {
	PRESENT_OK,
	PRESENT_UNTAKEN,	/* V_IRQ went, IRR says otherwise: our fault */
	PRESENT_BAD_EVENT,	/* EXITINTINFO that VMRUN would refuse */
};

/* ---- who may run it: VINTR_CTRL.BUSY ---- */

/* Locks the VMSA. True: hardware had done so, an event or exit is lost. */
bool present_park(struct vmsa *vmsa);
void present_unpark(struct vmsa *vmsa);

/* ---- between two runs; eoi may be NULL: no lazy EOI ---- */

/*
 * What happened since present_enter(): takes TPR, the queued vector, the lazy
 * EOI and the interrupted event over into APIC and EVENTINJ. Afterwards
 * nothing is queued and the byte is 0, so that registers can be read and
 * written. Calling it again, without a run in between, changes nothing. Look
 * at level_eoi afterwards.
 */
enum present_result present_settle(struct present *p, struct apic *apic,
				   struct vmsa *vmsa, u8 *eoi);
/* Queues the best there is. Nothing may touch APIC or VMSA from here on. */
void present_enter(struct present *p, struct apic *apic, struct vmsa *vmsa,
		   u8 *eoi);
/* False: EVENTINJ is taken; two exceptions at once are the caller's problem. */
bool present_exception(struct vmsa *vmsa, u8 vector);
bool present_exception_code(struct vmsa *vmsa, u8 vector, u32 code);
/* Would it end a HLT? Call it settled. */
bool present_wakes(const struct apic *apic, const struct vmsa *vmsa);
/* NMIs that the VMSA still holds go back to the APIC. Call it settled. */
void present_withdraw(struct apic *apic, struct vmsa *vmsa);

#endif
