// SPDX-License-Identifier: MIT
/*
 * VMRUN: which combinations enter, and with which pending events.
 * APM vol. 2 (24593) sections 15.36.12, 15.36.16, 15.36.17, 15.36.20 and
 * 15.36.21; the order of the checks is this project's.
 */
#include "machine/internal.h"

static unsigned int popcount(u64 x)
{
	return __builtin_popcountll(x);
}

/* The VMSA page that @vmcb names, usable and not running elsewhere. */
static struct vmsa *vmsa_page(struct machine *m, const struct vmcb *vmcb)
{
	struct vmsa_slot *slot = vmsa_slot_find(m, vmcb->vmsa_pa);
	bool present;
	u64 entry = rmp_lookup(m, vmcb->vmsa_pa, &present);
	u64 need = RMP_ASSIGNED | RMP_VALIDATED | RMP_VMSA;

	if (vmcb->vmsa_pa & ~PAGE_MASK || !present)
		return NULL;
	if ((entry & need) != need ||
	    entry & (RMP_INUSE | RMP_LARGE | RMP_ABSENT))
		return NULL;
	return slot ? slot->page : m->ops->ram(m->engine, vmcb->vmsa_pa);
}

static bool features_allowed(const struct machine *m, const struct vmcb *vmcb,
			     u64 features)
{
	/* These need the host's mask to be enabled, not just permissive. */
	const u64 starred = SEV_FEATURE_GUEST_INTERCEPT |
			    SEV_FEATURE_SECURE_AVIC;
	u64 mask = vmcb->allowed_sev_features;

	if (!(features & SEV_FEATURE_SNP) || features & ~m->config.features)
		return false;
	if (popcount(features & SEV_FEATURES_INJECTION) > 1)
		return false;
	if (mask & ALLOWED_FEATURES_ENABLE)
		return !(features & ~mask);
	return !(features & starred);
}

/* Type and vector that EVENTINJ may hold (APM 15.20). */
static bool event_legal(u64 event)
{
	u8 vector = event & EVENT_VECTOR;

	if (!(event & EVENT_V))
		return true;
	switch (event_type(event)) {
	case EVENT_INTR:
	case EVENT_NMI:
	case EVENT_SOFT:
		return true;
	case EVENT_EXCEPTION:
		return vector < 32 && vector != VECTOR_NMI;
	default:
		return false;
	}
}

static bool is_hv(u64 event)
{
	return event_type(event) == EVENT_EXCEPTION &&
	       (event & EVENT_VECTOR) == VECTOR_HV;
}

static bool from_vmsa(u64 features)
{
	return features & (SEV_FEATURE_ALTERNATE | SEV_FEATURE_SECURE_AVIC);
}

/*
 * What VMRUN itself wants to know of a VMSA. Another vCPU may still write the
 * page, until it is marked as in use and beyond: what was checked is what
 * counts.
 */
struct control {
	u64 features, vtom, efer, vintr, event, savic;
	unsigned int vmpl;
};

static struct control control_of(const volatile struct vmsa *vmsa)
{
	return (struct control){
		.features = vmsa->sev_features,
		.vtom = vmsa->virtual_tom,
		.efer = vmsa->efer,
		.vintr = vmsa->vintr_ctrl,
		.event = vmsa->event_inj,
		.savic = vmsa->savic_control,
		.vmpl = vmsa->vmpl,
	};
}

/* Only #HV under Restricted Injection, and #HV nowhere else. */
static bool event_allowed(const struct machine *m, const struct vmcb *vmcb,
			  const struct control *c)
{
	u64 features = c->features;
	u64 event = from_vmsa(features) ? c->event : vmcb->event_inj;

	if (!event_legal(event))
		return false;
	if (!(features & SEV_FEATURE_RESTRICTED))
		return !(event & EVENT_V) || !is_hv(event);
	if (event & EVENT_V && (!is_hv(event) || event & EVENT_EV))
		return false;
	return !m->config.switches.strict_virq ||
	       !(vmcb->int_ctl & (VINTR_V_IRQ | VINTR_V_NMI));
}

static bool savic_pointer_bad(const struct machine *m, u64 features,
			      u64 control)
{
	if (!(features & SEV_FEATURE_SECURE_AVIC) ||
	    !(control & SAVIC_CONTROL_EN))
		return false;
	return rmp_index(m, control & SAVIC_CONTROL_PAGE) == NO_PAGE;
}

/* The decision table; 0 to enter, else the exit code. */
static u64 check(const struct machine *m, const struct vmcb *vmcb,
		 const struct control *c)
{
	u64 features = c->features;

	if (!(c->efer & EFER_SVME) || c->vmpl >= SNP_VMPLS)
		return EXIT_INVALID;
	if (!features_allowed(m, vmcb, features))
		return EXIT_INVALID;
	if (features & SEV_FEATURES_INJECTION && vmcb->int_ctl & VINTR_AVIC)
		return EXIT_INVALID;
	/* Older silicon knows BUSY as a part of Alternate Injection only. */
	if (c->vintr & VINTR_BUSY &&
	    (m->config.features & SEV_FEATURE_SECURE_AVIC ||
	     features & SEV_FEATURE_ALTERNATE))
		return EXIT_BUSY;
	if (savic_pointer_bad(m, features, c->savic))
		return EXIT_INVALID;
	return event_allowed(m, vmcb, c) ? 0 : EXIT_INVALID;
}

/* Put the registers that the engine still holds where they belong. */
void vcpu_unload(struct machine *m, unsigned int vcpu)
{
	struct vcpu *v = &m->vcpu[vcpu];
	u64 in_engine = VINTR_SHADOW | VINTR_NMI_MASK;
	u64 vintr;

	if (!v->loaded)
		return;
	vintr = v->loaded->vintr_ctrl;
	m->ops->vmsa_save(m->engine, vcpu, v->loaded);
	if (!from_vmsa(v->features)) {
		struct vmcb *vmcb = v->loaded_vmcb;
		u64 now = v->loaded->vintr_ctrl;

		vmcb->int_state = (vmcb->int_state & ~INT_STATE_SHADOW) |
				  (now & VINTR_SHADOW ? INT_STATE_SHADOW : 0);
		vmcb->int_ctl = (vmcb->int_ctl & ~VINTR_NMI_MASK) |
				(now & VINTR_NMI_MASK);
		v->loaded->vintr_ctrl = vintr;
	} else {
		v->loaded->vintr_ctrl = (vintr & ~in_engine) |
					(v->loaded->vintr_ctrl & in_engine);
	}
	v->loaded = NULL;
}

/* Does the engine hold the registers, and its TLBs, of what shall run? */
static bool is_loaded(const struct vcpu *v, const struct vmsa *vmsa,
		      const struct control *c)
{
	return v->loaded == vmsa && v->vmpl == c->vmpl &&
	       v->features == c->features && v->vtom == c->vtom;
}

/* Under host-owned injection, shadow and NMI mask are the VMCB's. */
static bool load(struct machine *m, unsigned int vcpu, struct vmcb *vmcb,
		 struct vmsa *vmsa, const struct control *c)
{
	struct vcpu *v = &m->vcpu[vcpu];
	struct vmsa image;
	unsigned int from = v->vmpl;

	if (is_loaded(v, vmsa, c)) {
		v->loaded_vmcb = vmcb;
		return true;
	}
	vcpu_unload(m, vcpu);
	image = *vmsa;
	image.vmpl = c->vmpl;
	image.sev_features = c->features;
	image.virtual_tom = c->vtom;
	if (!from_vmsa(c->features)) {
		image.vintr_ctrl &= ~(VINTR_SHADOW | VINTR_NMI_MASK);
		if (vmcb->int_state & INT_STATE_SHADOW)
			image.vintr_ctrl |= VINTR_SHADOW;
		image.vintr_ctrl |= vmcb->int_ctl & VINTR_NMI_MASK;
	}
	if (!m->ops->vmsa_load(m->engine, vcpu, &image))
		return false;
	if (from != c->vmpl)
		v->stats.vmpl_switches++;
	v->loaded = vmsa;
	v->loaded_vmcb = vmcb;
	return true;
}

/* EVENTINJ and virtual interrupt state from where this mode keeps them. */
static void take_events(struct vcpu *v, struct vmcb *vmcb,
			const struct control *c)
{
	u64 event;

	if (from_vmsa(v->features)) {
		v->vintr = c->vintr;
		event = c->event;
	} else {
		v->vintr = vmcb->int_ctl |
			   (u64)(vmcb->int_vector & 0xff) <<
			   VINTR_VECTOR_SHIFT;
		if (!(vmcb->int_ctl & VINTR_VGIF_ENABLE))
			v->vintr |= VINTR_VGIF;
		if (v->features & SEV_FEATURE_RESTRICTED)
			v->vintr &= ~(VINTR_V_IRQ | VINTR_V_NMI);
		event = vmcb->event_inj;
	}
	v->inj = event & EVENT_V ? event : 0;
}

/*
 * The backing page cannot be reached. If it is the guest's fault, the guest
 * enters with #VC 406h, or its higher VMPL is told; else the vCPU is dead
 * (docs/model.md). Returns the exit code, 0 to enter.
 */
static u64 page_fault(struct machine *m, unsigned int vcpu, struct vmcb *vmcb,
		      enum savic_fault fault)
{
	struct vcpu *v = &m->vcpu[vcpu];
	bool npf = fault == SAVIC_NPF;
	u64 code = npf ? EXIT_NPF : EXIT_NOT_RESTARTABLE;
	u64 info1 = npf ? savic_npf(m, vcpu) : 0;
	u64 info2 = v->savic & SAVIC_CONTROL_PAGE;

	if (!npf)
		v->stats.vc[machine_code_slot(code)]++;
	if (!npf && !(v->features & SEV_FEATURE_REFLECT_VC)) {
		v->inj = event_make(EVENT_EXCEPTION, VECTOR_VC) | EVENT_EV |
			 code << EVENT_ERROR_SHIFT;
		return 0;
	}
	v->vmsa->vintr_ctrl |= VINTR_BUSY;
	v->vmsa->exit_code = code;
	v->vmsa->exit_info1 = info1;
	v->vmsa->exit_info2 = info2;
	v->vmsa->exit_int_info = 0;
	v->vmsa->nrip = 0;
	vmcb->exit_int_info = 0;
	vmcb->guest_sev_features = v->features;
	vmcb->exit_info1 = npf ? info1 : 0;
	vmcb->exit_info2 = npf ? info2 : 0;
	return npf ? EXIT_NPF : EXIT_VC;
}

u64 vcpu_vmrun(struct machine *m, unsigned int vcpu, struct vmcb *vmcb)
{
	struct vcpu *v = &m->vcpu[vcpu];
	struct vmsa *vmsa = vmsa_page(m, vmcb);
	enum savic_fault fault;
	struct control c;
	u64 code;

	if (!vmsa)
		return EXIT_INVALID;
	c = control_of(vmsa);
	code = check(m, vmcb, &c);
	if (code)
		return code;
	if (!load(m, vcpu, vmcb, vmsa, &c))
		return EXIT_INVALID;
	v->vmsa = vmsa;
	v->features = c.features;
	v->vtom = c.vtom;
	v->vmpl = c.vmpl;
	v->savic = c.savic;
	take_events(v, vmcb, &c);
	v->stats.vmruns++;
	fault = savic_vmrun(m, vcpu, vmcb);
	if (fault != SAVIC_OK) {
		code = page_fault(m, vcpu, vmcb, fault);
		if (code)
			return code;
	}
	v->vmcb = vmcb;
	v->entered_at = vcpu_executed(m, vcpu);
	v->vmsa_pa = vmcb->vmsa_pa;
	rmp_flag(m, v->vmsa_pa, RMP_INUSE, true);
	if (savic_on(v))
		rmp_flag(m, v->savic & SAVIC_CONTROL_PAGE, RMP_INUSE, true);
	if (vcpu_event_waits(m, vcpu))
		m->ops->poll_event(m->engine, vcpu);
	return 0;
}
