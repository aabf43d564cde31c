// SPDX-License-Identifier: MIT
/*
 * Presentation into a VMSA, and what became of it. APM vol. 2 (24593)
 * sections 15.20 (EVENTINJ), 15.21 (V_IRQ, V_NMI) and 15.36.17.
 */
#include "core/apic_priv.h"
#include "core/present.h"

bool present_park(struct vmsa *vmsa)
{
	u64 old = __atomic_fetch_or(&vmsa->vintr_ctrl, VINTR_BUSY,
				    __ATOMIC_SEQ_CST);

	return old & VINTR_BUSY;
}

void present_unpark(struct vmsa *vmsa)
{
	__atomic_fetch_and(&vmsa->vintr_ctrl, ~VINTR_BUSY, __ATOMIC_SEQ_CST);
}

/* V_TPR has TPR's class; the rest of TPR survives while that is the same. */
static void settle_tpr(struct apic *apic, const struct vmsa *vmsa)
{
	u8 class = vmsa->vintr_ctrl & 0xf;

	if (apic_class(apic->tpr) != class)
		apic_write_cr8(apic, class);
}

static enum present_result settle_queued(struct present *p, struct apic *apic,
					 struct vmsa *vmsa)
{
	u8 queued = p->queued;
	bool taken = !(vmsa->vintr_ctrl & VINTR_V_IRQ);

	vmsa->vintr_ctrl &= ~VINTR_V_IRQ;
	p->queued = 0;
	if (!queued || !taken)
		return PRESENT_OK;
	return apic_take(apic, queued) ? PRESENT_OK : PRESENT_UNTAKEN;
}

static void eoi_lazily(struct present *p, struct apic *apic)
{
	bool served = apic_in_service(apic) != APIC_NO_VECTOR;
	u8 vector;

	if (apic_eoi(apic, &vector))
		p->level_eoi = vector;
	if (apic->count && served)
		apic->count->eoi_lazy++;
}

/*
 * With the vector still queued nothing is in service, and a byte that the
 * guest cleared ends nothing.
 */
static void settle_lazy(struct present *p, struct apic *apic, u8 *eoi)
{
	if (p->lazy && eoi && !__atomic_exchange_n(eoi, 0, __ATOMIC_SEQ_CST))
		eoi_lazily(p, apic);
	p->lazy = false;
}

/* INTn, #BP and #OF come again: RIP is still at the instruction. */
static bool runs_again(u64 event)
{
	u8 vector = event & EVENT_VECTOR;

	if (event_type(event) == EVENT_SOFT)
		return true;
	return event_type(event) == EVENT_EXCEPTION &&
	       (vector == VECTOR_BP || vector == VECTOR_OF);
}

static bool legal(u64 event)
{
	u8 vector = event & EVENT_VECTOR;

	if (event_type(event) == EVENT_EXCEPTION)
		return vector < 32 && vector != VECTOR_NMI &&
		       vector != VECTOR_HV;
	return event_type(event) == EVENT_INTR ||
	       event_type(event) == EVENT_NMI;
}

/*
 * Hardware cleared EVENTINJ when it began what EXITINTINFO says was
 * interrupted, so there is never a choice between the two. Zeroed: the host
 * may come back without having run the guest (docs/ghcb.md).
 */
static enum present_result settle_event(struct vmsa *vmsa)
{
	u64 event = vmsa->exit_int_info;

	vmsa->exit_int_info = 0;
	if (!(event & EVENT_V) || runs_again(event))
		return PRESENT_OK;
	if (!legal(event))
		return PRESENT_BAD_EVENT;
	vmsa->event_inj = event;
	return PRESENT_OK;
}

enum present_result present_settle(struct present *p, struct apic *apic,
				   struct vmsa *vmsa, u8 *eoi)
{
	enum present_result taken;

	if (p->entered)
		settle_tpr(apic, vmsa);
	p->entered = false;
	taken = settle_queued(p, apic, vmsa);
	settle_lazy(p, apic, eoi);
	if (taken != PRESENT_OK)
		return taken;
	return settle_event(vmsa);
}

/* V_NMI holds one, the APIC another: as many as a CPU latches. */
static void enter_nmi(struct apic *apic, struct vmsa *vmsa)
{
	if (!apic->nmi_pending)
		return;
	if (vmsa->vintr_ctrl & VINTR_NMI_ENABLE) {
		if (vmsa->vintr_ctrl & VINTR_V_NMI)
			return;
		vmsa->vintr_ctrl |= VINTR_V_NMI;
	} else {
		if (vmsa->event_inj & EVENT_V)
			return;
		vmsa->event_inj = event_make(EVENT_NMI, VECTOR_NMI);
	}
	apic_take_nmi(apic);
}

static bool only_one(const u32 a[8], const u32 b[8])
{
	unsigned int i, n = 0;

	for (i = 0; i < 8; i++) {
		n += a[i] ? a[i] & (a[i] - 1) ? 2 : 1 : 0;
		n += b[i] ? b[i] & (b[i] - 1) ? 2 : 1 : 0;
	}
	return n == 1;
}

/* TPR is hardware's to compare: falling, it lets V_IRQ through by itself. */
void present_enter(struct present *p, struct apic *apic, struct vmsa *vmsa,
		   u8 *eoi)
{
	u64 ctl = vmsa->vintr_ctrl & ~(VINTR_TPR | VINTR_V_IRQ | VINTR_PRIO |
				       VINTR_IGN_TPR | VINTR_VECTOR);
	int v = apic_candidate(apic);

	ctl |= VINTR_VGIF | apic_read_cr8(apic);
	p->entered = true;
	p->queued = 0;
	if (v >= 0) {
		p->queued = v;
		ctl |= VINTR_V_IRQ |
		       (u64)apic_class(v) << VINTR_PRIO_SHIFT |
		       (u64)v << VINTR_VECTOR_SHIFT;
	}
	vmsa->vintr_ctrl = ctl;
	enter_nmi(apic, vmsa);
	p->lazy = eoi && only_one(apic->irr, apic->isr);
	if (p->lazy)
		__atomic_store_n(eoi, 1, __ATOMIC_SEQ_CST);
}

bool present_exception(struct vmsa *vmsa, u8 vector)
{
	if (vmsa->event_inj & EVENT_V)
		return false;
	vmsa->event_inj = event_make(EVENT_EXCEPTION, vector);
	return true;
}

bool present_exception_code(struct vmsa *vmsa, u8 vector, u32 code)
{
	if (!present_exception(vmsa, vector))
		return false;
	vmsa->event_inj |= EVENT_EV | (u64)code << EVENT_ERROR_SHIFT;
	return true;
}

bool present_wakes(const struct apic *apic, const struct vmsa *vmsa)
{
	bool masked = vmsa->vintr_ctrl & VINTR_NMI_ENABLE &&
		      vmsa->vintr_ctrl & VINTR_NMI_MASK;

	if (vmsa->event_inj & EVENT_V)
		return true;
	if (!masked && (apic->nmi_pending || vmsa->vintr_ctrl & VINTR_V_NMI))
		return true;
	return vmsa->rflags & RFLAGS_IF && apic_pending(apic) >= 0;
}

void present_withdraw(struct apic *apic, struct vmsa *vmsa)
{
	if (vmsa->vintr_ctrl & VINTR_V_NMI)
		apic->nmi_pending = true;
	vmsa->vintr_ctrl &= ~VINTR_V_NMI;
	if (!(vmsa->event_inj & EVENT_V) ||
	    event_type(vmsa->event_inj) != EVENT_NMI)
		return;
	apic->nmi_pending = true;
	vmsa->event_inj = 0;
}
