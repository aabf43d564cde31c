// SPDX-License-Identifier: MIT
/*
 * The VMCB: its constant part, and injection the normal way (APM vol. 2,
 * sections 15.20 and 15.21).
 *
 * Normal injection offers the highest vector as a virtual interrupt (V_IRQ)
 * and lets hardware compare IF, shadow and TPR: no window exits, and no need
 * to know any of the guest's registers. Whether it was taken shows in V_IRQ at
 * the next exit, and no EOI can come without an exit before it. Meanwhile the
 * vector is in service, not pending: were it still in IRR, the device's next
 * message would coalesce with one that the guest may have taken already, and
 * be lost. EVENTINJ is left for events whose delivery an exit interrupted.
 */
#include <string.h>

#include "host/internal.h"

/* VMCB words that arch/svm.h leaves in intercept[]. */
#define VMCB_ASID		(0x58 / 4)
#define VMCB_NP_ENABLE		7	/* nested paging, SEV, SEV-ES */

/* Intercept bits 60h-9fh have the numbers of the exit codes they cause. */
static const u8 intercepted[] = {
	EXIT_DR7_READ, EXIT_DR7_WRITE,
	EXIT_INTR, EXIT_NMI, EXIT_SMI, EXIT_INIT, EXIT_RDPMC, EXIT_CPUID,
	EXIT_INVD, EXIT_INVLPGA, EXIT_IOIO, EXIT_MSR, EXIT_TASK_SWITCH,
	EXIT_SHUTDOWN, EXIT_VMRUN, EXIT_VMMCALL, EXIT_VMLOAD, EXIT_VMSAVE,
	EXIT_STGI, EXIT_CLGI, EXIT_SKINIT, EXIT_WBINVD, EXIT_MONITOR,
	EXIT_MWAIT, EXIT_RDPRU,
	/*
	 * In place of the HLT intercept, which would win over it: HLT must not
	 * exit while the guest's hidden IRR holds something (APM 15.36.21).
	 */
	INTERCEPT_IDLE_HLT,
};

static void intercept(struct vmcb *vmcb, unsigned int bit, bool on)
{
	if (on)
		vmcb->intercept[bit / 32] |= BIT(bit % 32);
	else
		vmcb->intercept[bit / 32] &= ~BIT(bit % 32);
}

void host_vmrun_init(struct host_ctx *c)
{
	struct vmcb *vmcb = c->vmcb;
	bool debug_swap = c->features & SEV_FEATURE_DEBUG_SWAP;

	memset(vmcb, 0, sizeof(*vmcb));
	for (size_t i = 0; i < ARRAY_SIZE(intercepted); i++)
		intercept(vmcb, intercepted[i], true);
	intercept(vmcb, EXIT_DR7_READ, !debug_swap);
	intercept(vmcb, EXIT_DR7_WRITE, !debug_swap);
	vmcb->intercept[VMCB_ASID] = 1;
	vmcb->np_enable = VMCB_NP_ENABLE;
	vmcb->int_ctl = VINTR_MASKING | VINTR_VGIF_ENABLE | VINTR_VGIF |
			VINTR_NMI_ENABLE;
	/* KVM too clears it: only #HV exists there (APM 15.36.16). */
	if (c->features & SEV_FEATURE_RESTRICTED)
		vmcb->int_ctl &= ~(u32)VINTR_NMI_ENABLE;
	vmcb->ghcb_gpa = GHCB_MSR_RESET;
	vmcb->allowed_sev_features = c->vcpu->host->config.allowed_features |
				     ALLOWED_FEATURES_ENABLE;
}

/*
 * An exit that interrupted the delivery of an event leaves it in EXITINTINFO.
 * INTn, #BP and #OF come again when their instruction runs again; #VC is
 * nothing a host may ever raise, and comes again just so (APM 15.7.2, KVM).
 */
static u64 interrupted_event(u64 event)
{
	u8 vector = event & EVENT_VECTOR;

	if (!(event & EVENT_V))
		return 0;
	switch (event_type(event)) {
	case EVENT_INTR:
	case EVENT_NMI:
		return event;
	case EVENT_EXCEPTION:
		if (vector == VECTOR_BP || vector == VECTOR_OF ||
		    vector == VECTOR_VC)
			return 0;
		return event;
	default:
		return 0;
	}
}

/*
 * With V_INTR_MASKING, CR8 is V_TPR and changes without an exit: move it to
 * the APIC when it is not what was put there.
 */
static void sync_tpr(struct host_ctx *c)
{
	u8 cr8 = c->vmcb->int_ctl & 0xf;

	if (cr8 != apic_read_cr8(&c->apic))
		apic_write_cr8(&c->apic, cr8);
}

static void normal_settle(struct host_ctx *c)
{
	struct vmcb *vmcb = c->vmcb;

	sync_tpr(c);
	if (c->offered >= 0) {
		if (vmcb->int_ctl & VINTR_V_IRQ)
			apic_unack(&c->apic, c->offered);
		else
			c->offered = APIC_NO_VECTOR;
	}
	c->reinject = interrupted_event(vmcb->exit_int_info);
	vmcb->exit_int_info = 0;
}

static void normal_prepare(struct host_ctx *c)
{
	struct vmcb *vmcb = c->vmcb;
	u32 ctl = vmcb->int_ctl & ~(u32)(VINTR_TPR | VINTR_V_IRQ | VINTR_PRIO);
	int vector = apic_candidate(&c->apic);

	ctl |= apic_read_cr8(&c->apic);
	/* One at a time: a second NMI waits here until the first is taken. */
	if (!(ctl & VINTR_V_NMI) && apic_take_nmi(&c->apic))
		ctl |= VINTR_V_NMI;
	c->nmi_waits = c->apic.nmi_pending;
	if (vector >= 0) {
		apic_take(&c->apic, vector);
		ctl |= VINTR_V_IRQ | (u32)(vector >> 4) << VINTR_PRIO_SHIFT;
		vmcb->int_vector = vector;
	}
	c->offered = vector;
	vmcb->int_ctl = ctl;
	vmcb->event_inj = c->reinject;
	c->reinject = 0;
}

static int highest_irr(const struct host_ctx *c)
{
	for (int w = 7; w >= 0; w--)
		if (c->apic.irr[w])
			return w * 32 + 31 - __builtin_clz(c->apic.irr[w]);
	return APIC_NO_VECTOR;
}

/*
 * What V_IRQ or V_NMI held already is no news: a guest that halts with it
 * pending has IF clear, TPR raised or NMIs masked, and waking it would only
 * make it halt again. What came since then, and is higher, is.
 */
static bool normal_wants(const struct host_ctx *c)
{
	if (c->reinject || (c->apic.nmi_pending && !c->nmi_waits))
		return true;
	if (c->inside && c->offered >= 0)
		return highest_irr(c) > c->offered;
	return apic_candidate(&c->apic) > c->offered;
}

static const struct presenter present_normal = {
	.settle = normal_settle,
	.prepare = normal_prepare,
	.wants = normal_wants,
};

const struct presenter *host_presenter(u64 features)
{
	if (features & SEV_FEATURE_SECURE_AVIC)
		return &host_present_savic;
	if (features & SEV_FEATURE_RESTRICTED)
		return &host_present_ri;
	if (features & SEV_FEATURE_ALTERNATE)
		return &host_present_ai;
	return &present_normal;
}

void host_vmrun_settle(struct host_ctx *c)
{
	c->present->settle(c);
}

void host_vmrun_prepare(struct host_ctx *c)
{
	c->present->prepare(c);
	c->vcpu->stats.vmruns++;
}
