// SPDX-License-Identifier: MIT
/*
 * #VMEXIT, automatic and not. APM vol. 2 (24593) sections 15.35.4 to 15.35.6
 * and 15.36.9 (ReflectVC).
 */
#include "machine/internal.h"

unsigned int machine_code_slot(u64 code)
{
	if (code < 0x100)
		return code;
	if (code >= 0x400 && code < 0x410)
		return 0x100 + code - 0x400;
	return MACHINE_CODES - 1;
}

u64 machine_slot_code(unsigned int slot)
{
	if (slot < 0x100)
		return slot;
	return slot < 0x110 ? 0x400 + slot - 0x100 : EXIT_INVALID;
}

const struct machine_vcpu_stats *machine_stats(const struct machine *m,
					       unsigned int vcpu)
{
	return &m->vcpu[vcpu].stats;
}

static bool from_vmsa(const struct vcpu *v)
{
	return v->features & (SEV_FEATURE_ALTERNATE | SEV_FEATURE_SECURE_AVIC);
}

/* Fields of VINTR_CTRL that hardware saves (APM 15.36.17, 15.36.21). */
#define VINTR_SAVED	(VINTR_TPR | VINTR_V_IRQ | VINTR_V_NMI)

/*
 * Where interrupt state goes at an exit: VMSA under Alternate Injection and
 * Secure AVIC, VMCB otherwise. INT_SHADOW and NMI_MASK live in the engine
 * until its registers are saved.
 */
static void save_vintr(struct vcpu *v)
{
	/* Restricted Injection ignores the queue, so it leaves it alone. */
	u64 saved = v->features & SEV_FEATURE_RESTRICTED ? VINTR_TPR :
		    VINTR_SAVED;

	if (from_vmsa(v)) {
		v->vmsa->vintr_ctrl = (v->vmsa->vintr_ctrl & ~VINTR_SAVED) |
				      (v->vintr & VINTR_SAVED);
		return;
	}
	v->vmcb->int_ctl = (v->vmcb->int_ctl & ~saved) | (v->vintr & saved);
}

/*
 * Secure AVIC hardware puts an interrupted event back by itself, unless the
 * instruction that caused it will run again (APM 15.36.21; its list of
 * exceptions differs between revisions: this is the newer one).
 */
static bool copied_back(u64 event)
{
	u8 vector = event & EVENT_VECTOR;

	if (event_type(event) == EVENT_SOFT)
		return false;
	return event_type(event) != EVENT_EXCEPTION ||
	       (vector != VECTOR_BP && vector != VECTOR_OF &&
		vector != VECTOR_VC);
}

/*
 * An event whose delivery the exit interrupts. One that VMRUN took over but
 * has not yet begun to deliver (impossible on silicon, where VMRUN itself
 * delivers) counts as interrupted if it is the host's; otherwise it just
 * stays in the VMSA's EVENTINJ, since the host alone may run the VMSA next.
 */
static void save_event(struct vcpu *v, bool reflected)
{
	u64 event = v->delivering;

	if (!event && !from_vmsa(v))
		event = v->inj;
	v->delivering = 0;
	v->inj = 0;
	v->vmsa->exit_int_info = event;
	v->vmcb->exit_int_info = 0;
	if (v->features & SEV_FEATURE_SECURE_AVIC) {
		if (event && copied_back(event))
			v->vmsa->event_inj = event;
	} else if (v->features & SEV_FEATURE_ALTERNATE) {
		if (event && reflected)
			v->vmsa->vintr_ctrl |= VINTR_BUSY;
	} else {
		v->vmcb->event_inj &= ~EVENT_V;
		v->vmcb->exit_int_info = event;
	}
}

u64 vcpu_executed(const struct machine *m, unsigned int vcpu)
{
	return m->ops->executed ? m->ops->executed(m->engine, vcpu) : 0;
}

struct exit_info {
	u64 host_code;		/* what the VMCB shows */
	u64 code;		/* what the VMSA shows */
	u64 info1, info2, nrip;
};

static enum mach_next do_exit(struct machine *m, unsigned int vcpu,
			      const struct exit_info *e)
{
	struct vcpu *v = &m->vcpu[vcpu];
	struct vmcb *vmcb = v->vmcb;
	bool reflected = e->host_code != e->code;

	v->stats.exits[machine_code_slot(e->host_code)]++;
	v->stats.instructions[v->vmpl] += vcpu_executed(m, vcpu) -
					  v->entered_at;
	save_vintr(v);
	save_event(v, reflected);
	v->vmsa->exit_code = e->code;
	v->vmsa->exit_info1 = e->info1;
	v->vmsa->exit_info2 = e->info2;
	v->vmsa->nrip = e->nrip;
	v->vmsa->savic_control = v->savic;
	vmcb->exit_code = e->host_code;
	vmcb->exit_info1 = reflected ? 0 : e->info1;
	vmcb->exit_info2 = reflected ? 0 : e->info2;
	vmcb->guest_sev_features = v->features;
	rmp_flag(m, v->vmsa_pa, RMP_INUSE, false);
	if (savic_on(v))
		rmp_flag(m, v->savic & SAVIC_CONTROL_PAGE, RMP_INUSE, false);
	v->vmcb = NULL;
	return vcpu_run_host(m, vcpu, vmcb);
}

enum mach_next vcpu_exit(struct machine *m, unsigned int vcpu, u64 code,
			 u64 info1, u64 info2, u64 nrip)
{
	struct exit_info e = { code, code, info1, info2, nrip };

	return do_exit(m, vcpu, &e);
}

/*
 * A non-automatic exit: #VC in the guest, or with ReflectVC an exit that
 * tells the host nothing and a higher VMPL everything. Of those, the two of
 * Secure AVIC lock the VMSA (APM 15.36.21).
 */
enum mach_next vcpu_vc(struct machine *m, unsigned int vcpu, u64 code,
		       u64 info1, u64 info2, u64 nrip, bool trap)
{
	struct vcpu *v = &m->vcpu[vcpu];
	struct exit_info e = { EXIT_VC, code, info1, info2, nrip };

	v->stats.vc[machine_code_slot(code)]++;
	if (!(v->features & SEV_FEATURE_REFLECT_VC)) {
		v->vc_code = code;
		v->vc_trap = trap;
		return MACH_VC;
	}
	if (code == EXIT_AVIC_INCOMPLETE_IPI || code == EXIT_AVIC_NOACCEL ||
	    code == EXIT_NOT_RESTARTABLE)
		v->vmsa->vintr_ctrl |= VINTR_BUSY;
	return do_exit(m, vcpu, &e);
}

/*
 * The core is in the host's hands until VMRUN enters a guest. VMRUN that
 * fails is one more exit of the VMCB it was given.
 */
enum mach_next vcpu_run_host(struct machine *m, unsigned int vcpu,
			     struct vmcb *exited)
{
	struct vcpu *v = &m->vcpu[vcpu];
	struct vmcb *vmcb;
	u64 code;

	m->current = vcpu;
	for (;;) {
		vmcb = m->hv->run(m->host, vcpu, exited);
		if (!vmcb) {
			vcpu_unload(m, vcpu);
			break;
		}
		code = vcpu_vmrun(m, vcpu, vmcb);
		if (!code)
			break;
		v->stats.exits[machine_code_slot(code)]++;
		vmcb->exit_code = code;
		exited = vmcb;
	}
	m->current = -1;
	if (m->flush) {
		m->flush = false;
		m->ops->tlb_flush_all(m->engine, vcpu);
	}
	return vmcb ? MACH_RESUME : MACH_IDLE;
}

/* ---- the engine's reasons ------------------------------------------------ */

/*
 * Instructions that an SNP guest's host intercepts, as KVM does: the others
 * run natively although SVM could intercept them.
 */
static bool intercepted(u64 code)
{
	switch (code) {
	case EXIT_RDPMC:
	case EXIT_CPUID:
	case EXIT_INVD:
	case EXIT_INVLPGA:
	case EXIT_IOIO:
	case EXIT_MSR:
	case EXIT_TASK_SWITCH:
	case EXIT_VMRUN:
	case EXIT_VMMCALL:
	case EXIT_VMLOAD:
	case EXIT_VMSAVE:
	case EXIT_STGI:
	case EXIT_CLGI:
	case EXIT_SKINIT:
	case EXIT_WBINVD:
	case EXIT_MONITOR:
	case EXIT_MWAIT:
	case EXIT_RDPRU:
		return true;
	case EXIT_DR7_READ:
	case EXIT_DR7_WRITE:
		return false;	/* as with DebugSwap: docs/model.md */
	default:
		return false;
	}
}

enum mach_next machine_intercept(struct machine *m, unsigned int vcpu,
				 u64 code, u64 info1, u64 info2, u64 nrip)
{
	if (!intercepted(code))
		return MACH_NATIVE;
	return vcpu_vc(m, vcpu, code, info1, info2, nrip, false);
}

enum mach_next machine_vmgexit(struct machine *m, unsigned int vcpu)
{
	return vcpu_exit(m, vcpu, EXIT_VMGEXIT, 0, 0, 0);
}

enum mach_next machine_shutdown(struct machine *m, unsigned int vcpu)
{
	return vcpu_exit(m, vcpu, EXIT_SHUTDOWN, 0, 0, 0);
}

enum mach_next machine_vintr(struct machine *m, unsigned int vcpu)
{
	return vcpu_exit(m, vcpu, EXIT_VINTR, 0, 0, 0);
}

enum mach_next machine_kicked(struct machine *m, unsigned int vcpu)
{
	if (m->vcpu[vcpu].vmcb)
		return vcpu_exit(m, vcpu, EXIT_INTR, 0, 0, 0);
	return vcpu_run_host(m, vcpu, NULL);
}

u32 machine_vc_code(struct machine *m, unsigned int vcpu)
{
	return m->vcpu[vcpu].vc_code;
}

bool machine_vc_is_trap(struct machine *m, unsigned int vcpu)
{
	return m->vcpu[vcpu].vc_trap;
}

u64 machine_features(struct machine *m, unsigned int vcpu)
{
	return m->vcpu[vcpu].vmcb ? m->vcpu[vcpu].features : 0;
}

unsigned int machine_vmpl(struct machine *m, unsigned int vcpu)
{
	return m->vcpu[vcpu].vmpl;
}

void hv_kick(struct machine *m, unsigned int cpu)
{
	m->ops->kick(m->engine, cpu);
}

void hv_doorbell(struct machine *m, unsigned int cpu)
{
	if (!m->vcpu[cpu].vmcb)
		return;
	if (savic_on(&m->vcpu[cpu]) &&
	    !m->config.switches.savic_doorbell_keeps_nmi)
		savic_take_nmi_request(m, cpu);
	m->ops->poll_event(m->engine, cpu);
}

bool hv_in_guest(struct machine *m, unsigned int cpu)
{
	return m->vcpu[cpu].vmcb;
}

void hv_attach(struct machine *m, const struct hv_ops *ops, void *host)
{
	m->hv = ops;
	m->host = host;
}
