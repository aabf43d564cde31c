// SPDX-License-Identifier: MIT
/*
 * Secure AVIC, the host's side (APM 15.36.21). The guest's own
 * page decides what is delivered; the host can ask through RequestedIRR and
 * V_NMI and is never answered. The core APIC of the VMPL serves as soft IRR
 * and for what hardware does not do: LVTs and the timer.
 *
 *	OFF --register--> REGISTERED --VMRUN with En = 1--> handing over
 *	 ^--------------------unregister------------------------+
 *
 * Until the guest has registered its page, the soft IRR keeps everything: a
 * VMRUN with En = 0 takes nothing. After that the host still can not see En,
 * but UPDATE_IRR tells: hardware clears it when it has merged, and what it
 * has not merged stays in RequestedIRR.
 */
#include "host/ghcb.h"

static unsigned int highest(const u32 *words)
{
	for (int w = 7; w >= 0; w--)
		if (words[w])
			return w * 32 + 31 - __builtin_clz(words[w]);
	return APIC_VECTORS;
}

static bool any(const u32 *words)
{
	return highest(words) != APIC_VECTORS;
}

bool host_savic_active(const struct host_ctx *c)
{
	return c->features & SEV_FEATURE_SECURE_AVIC;
}

/*
 * The guest keeps SVR and TPR in its page and never shows them: the soft APIC
 * is enabled whatever it thinks, and masks nothing.
 */
void host_savic_force_enabled(struct host_ctx *c)
{
	if (!host_savic_active(c))
		return;
	c->apic.svr |= APIC_SVR_ENABLE;
	c->apic.tpr = 0;
}

void host_savic_reset(struct host_ctx *c)
{
	c->savic = (struct host_savic){ .gpa = NO_GPA };
	host_savic_force_enabled(c);
}

/* ---- presenting --------------------------------------------------------- */

static void savic_settle(struct host_ctx *c)
{
	/* Hardware itself puts interrupted events back (1.8). */
	c->vmcb->exit_int_info = 0;
}

/* Soft IRR to RequestedIRR. Hardware never tells what became of it. */
static void hand_over(struct host_ctx *c, unsigned int w)
{
	u32 bits = c->apic.irr[w];

	c->apic.irr[w] = 0;
	c->vmcb->requested_irr[w] |= bits;
	c->savic.level[w] |= bits & c->apic.tmr[w];
	for (; bits; bits &= bits - 1) {
		c->count.vector[w * 32 + __builtin_ctz(bits)].presented++;
		c->vcpu->stats.irr_merges++;
	}
}

static void savic_prepare(struct host_ctx *c)
{
	struct vmcb *vmcb = c->vmcb;

	/* Before the soft state is read: 4.5, race (b). */
	c->savic.ipi = false;
	c->savic.told = false;
	vmcb->event_inj = 0;
	if (!(vmcb->int_ctl & VINTR_V_NMI) && apic_take_nmi(&c->apic))
		vmcb->int_ctl |= VINTR_V_NMI;
	if (!c->savic.registered || !any(c->apic.irr))
		return;
	for (unsigned int w = 0; w < 8; w++)
		hand_over(c, w);
	vmcb->update_irr = 1;
}

/*
 * Why a halted vCPU wakes, and why no wake-up is lost (4.5). (a) An IPI after
 * the target's exit and before it blocks: savic.ipi is set under the machine
 * lock, and blocking is decided under it. (b) Between clearing the flag and
 * VMRUN: VMRUN evaluates the page. (c) In the guest at HLT: Idle-HLT looks
 * into the page before it exits.
 *
 * A monitor that halts for it is woken once for what there is: if it does not
 * run the VMPL then, it knows why.
 */
static bool savic_wants(const struct host_ctx *c)
{
	if (c->savic.told)
		return false;
	if (c->apic.nmi_pending && !(c->vmcb->int_ctl & VINTR_V_NMI))
		return true;
	return c->savic.ipi || (c->savic.registered && any(c->apic.irr));
}

static void savic_notify(struct host_ctx *c)
{
	c->savic.told = false;
	if (host_ai_active(c))
		host_ai_notify(c);
	else
		host_ctx_wake(c);
}

const struct presenter host_present_savic = {
	.settle = savic_settle,
	.prepare = savic_prepare,
	.wants = savic_wants,
	.notify = savic_notify,
};

/* ---- IPIs and EOI ------------------------------------------------------- */

/*
 * A doorbell suffices for a running target and an IRR bit. For an NMI it is
 * not documented whether the doorbell reads NMI_REQ, so that target goes
 * through VMRUN; one that is not in the guest does so anyway.
 */
static void look(struct host_ctx *c, bool nmi)
{
	struct host_vcpu *v = c->vcpu;

	c->savic.ipi = true;
	c->savic.told = false;
	if (nmi || v->serving || v->current != c->vmpl ||
	    !hv_in_guest(v->host->m, v->cpu))
		return host_ctx_wake(c);
	v->stats.doorbells++;
	hv_doorbell(v->host->m, v->cpu);
}

/* The vector is none of our business and is not looked at (4.2). */
void host_savic_ipi(struct host_ctx *from, const struct irq_msg *msg)
{
	struct host *h = from->vcpu->host;

	for (unsigned int i = 0; i < h->config.vcpus; i++) {
		struct host_ctx *c = &h->vcpu[i].ctx[from->vmpl];

		if (!apic_match(&c->apic, msg, &from->apic))
			continue;
		if (msg->mode == APIC_INIT)
			host_ap_init_ipi(c);
		else if (msg->mode == APIC_SIPI)
			host_ap_release_hold(c);
		else
			look(c, msg->mode == APIC_NMI);
	}
}

/*
 * A guest reports level EOIs only, and EOIs nest by priority: it is the
 * highest of those handed over. None outstanding: a guest's mistake, or one
 * that has used the I/O APIC's EOI register already.
 */
bool host_savic_eoi(struct host_ctx *c, u8 *vector)
{
	unsigned int v = highest(c->savic.level);

	if (v == APIC_VECTORS) {
		c->vcpu->stats.spurious_eoi++;
		return false;
	}
	c->savic.level[v / 32] &= ~BIT(v % 32);
	c->count.vector[v].eoi++;
	*vector = v;
	return true;
}

void host_savic_specific_eoi(struct host_ctx *c, u8 vector)
{
	c->savic.level[vector / 32] &= ~BIT(vector % 32);
}

/* Linux without TMR ends level interrupts at the I/O APIC: forget them. */
void host_savic_ioapic_eoi(struct host *h, u8 vector)
{
	for (unsigned int i = 0; i < h->config.vcpus; i++) {
		struct host_ctx *c = &h->vcpu[i].ctx[h->config.guest_vmpl];

		c->savic.level[vector / 32] &= ~BIT(vector % 32);
	}
}

/* ---- 8000001Ah ---------------------------------------------------------- */

/* Not merged yet: back to the soft IRR, where it outlives the old page. */
static void take_back(struct host_ctx *c)
{
	for (unsigned int w = 0; c->vmcb->update_irr && w < 8; w++) {
		u32 bits = c->vmcb->requested_irr[w];

		c->apic.irr[w] |= bits;
		c->savic.level[w] &= ~bits;
		c->vmcb->requested_irr[w] = 0;
		for (; bits; bits &= bits - 1)
			c->count.vector[w * 32 + __builtin_ctz(bits)]
				.presented--;
	}
	c->vmcb->update_irr = 0;
}

static bool gpa_usable(struct host *h, u64 gpa)
{
	return !(gpa & ~PAGE_MASK) && hv_is_ram(h->m, gpa) &&
	       hv_is_private(h->m, gpa);
}

/*
 * The page gets a 4 KiB entry, so that no later change of its neighbours'
 * sizes takes it away under a running vCPU. Linux registers again without
 * unregistering (CPU hotplug) and unregisters twice (power-off).
 */
static void savic_register(struct ghcb_call *call, struct host_ctx *c)
{
	struct host *h = call->host;

	if (!gpa_usable(h, call->rbx))
		return host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT,
					"backing page");
	if (hv_rmp_is_2m(h->m, call->rbx) &&
	    hv_psmash(h->m, call->rbx & ~(PAGE_2M - 1)) != HV_RMP_OK)
		return host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT,
					"backing page");
	c->savic.registered = true;
	c->savic.gpa = call->rbx;
	host_savic_force_enabled(c);
	host_ctx_notify(c);
}

static void savic_unregister(struct ghcb_call *call, struct host_ctx *c)
{
	/* A page that is not there has no address: 0, as a fresh KVM vCPU. */
	call->rbx = c->savic.registered ? c->savic.gpa : 0;
	c->savic.registered = false;
	c->savic.gpa = NO_GPA;
	take_back(c);
	if (host_ai_active(c))
		host_ai_notify(c);
}

/*
 * VMPL that INFO2 names: 0 is the caller's own, as Linux has it; another one
 * only from VMPL 0 (ours).
 */
static bool vmpl_of(const struct ghcb_call *call, unsigned int *vmpl)
{
	*vmpl = call->info2 ? call->info2 : call->ctx->vmpl;
	return !call->info2 || (!call->ctx->vmpl && call->info2 < SNP_VMPLS);
}

/*
 * VMPL 0 that speaks for another VMPL gets what comes for that as long as
 * there is no page, instead of its waiting here.
 */
void host_ghcb_savic(struct ghcb_call *call)
{
	struct host_vcpu *v = call->ctx->vcpu;
	unsigned int vmpl;
	struct host_ctx *c;

	if (!vmpl_of(call, &vmpl))
		return host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT, "VMPL");
	if (!host_savic_active(&v->ctx[vmpl]))
		return host_ghcb_refuse(call, GHCB_ERR_INVALID_EVENT,
					"Secure AVIC is off");
	if (call->rax != GHCB_SAVIC_SELF)
		v = call->rax >> 32 ? NULL :
		    host_vcpu_by_apic_id(call->host, call->rax);
	c = v ? &v->ctx[vmpl] : NULL;
	if (!c || (vmpl != call->ctx->vmpl && !host_ctx_has_vmsa(c)) ||
	    call->info1 > GHCB_SAVIC_UNREGISTER)
		return host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT,
					"APIC id or operation");
	c->savic.monitored = vmpl != call->ctx->vmpl;
	if (call->info1 == GHCB_SAVIC_REGISTER)
		savic_register(call, c);
	else
		savic_unregister(call, c);
}
