// SPDX-License-Identifier: MIT
/*
 * hv_ops.run: what a physical CPU does between #VMEXIT and VMRUN. Every entry
 * settles what the guest took, serves the exit, applies what other vCPUs
 * asked of this one, and picks the VMPL that runs next.
 */
#include "host/internal.h"

/* ---- who runs next ------------------------------------------------------ */

static bool wants(const struct host_ctx *c)
{
	return c->hv.look || c->present->wants(c);
}

/*
 * A VMPL that had another one run, and halts since that one halted, is woken
 * for what has come up for the other: the host may not run that by itself, as
 * its VMSA may not be fit to.
 */
static bool below_wants(const struct host_ctx *c)
{
	for (unsigned int vmpl = c->vmpl + 1; vmpl < SNP_VMPLS; vmpl++) {
		const struct host_ctx *below = &c->vcpu->ctx[vmpl];

		if (below->runner == (int)c->vmpl &&
		    host_ctx_has_vmsa(below) && below->present->wants(below))
			return true;
	}
	return false;
}

/* It runs now: once is enough for what is there (savic_wants()). */
static void below_told(struct host_ctx *c)
{
	for (unsigned int vmpl = c->vmpl + 1; vmpl < SNP_VMPLS; vmpl++)
		if (c->vcpu->ctx[vmpl].runner == (int)c->vmpl)
			c->vcpu->ctx[vmpl].savic.told = true;
}

static bool ctx_ready(const struct host_ctx *c)
{
	if (c->state == CTX_RUNNABLE)
		return true;
	return c->state == CTX_HALTED && (wants(c) || below_wants(c));
}

/*
 * A more privileged VMPL goes first when it has something to see; a less
 * privileged one never interrupts (docs/monitor.md). When the VMPL
 * that ran has lost its VMSA, the most privileged one that can run takes over.
 * hv.look is for one entry that would not have been without it.
 */
static struct host_ctx *pick(struct host_vcpu *v)
{
	struct host_ctx *c;

	for (unsigned int vmpl = 0; vmpl < v->current; vmpl++) {
		c = &v->ctx[vmpl];
		if (!ctx_ready(c) || !wants(c))
			continue;
		c->hv.look = false;
		return c;
	}
	c = &v->ctx[v->current];
	if (host_ctx_has_vmsa(c) && c->state != CTX_CREATED) {
		if (!ctx_ready(c))
			return NULL;
		if (c->state == CTX_HALTED) {
			c->hv.look = false;
			below_told(c);
		}
		return c;
	}
	for (unsigned int vmpl = 0; vmpl < SNP_VMPLS; vmpl++)
		if (ctx_ready(&v->ctx[vmpl]))
			return &v->ctx[vmpl];
	return NULL;
}

bool host_can_run_vmpl(const struct host_ctx *from, unsigned int vmpl)
{
	const struct host_ctx *c;

	if (vmpl >= SNP_VMPLS)
		return false;
	c = &from->vcpu->ctx[vmpl];
	if (c->next == NEXT_DESTROY)
		return false;
	return host_ctx_has_vmsa(c) || c->next != NEXT_NONE;
}

bool host_run_vmpl(struct host_ctx *from, unsigned int vmpl)
{
	struct host_vcpu *v = from->vcpu;
	struct host_ctx *c;

	if (!host_can_run_vmpl(from, vmpl))
		return false;
	c = &v->ctx[vmpl];
	host_ap_apply_next(c);
	/*
	 * A halted VMPL is entered too: whoever asks may have put an interrupt
	 * into its VMSA, which the host can not see.
	 */
	if (c->state != CTX_HELD)
		c->state = CTX_RUNNABLE;
	if (from->vmpl < vmpl)
		c->runner = from->vmpl;
	v->current = vmpl;
	return true;
}

static struct vmcb *enter(struct host_vcpu *v)
{
	struct host_ctx *c;

	for (unsigned int vmpl = 0; vmpl < SNP_VMPLS; vmpl++)
		if (v->ctx[vmpl].next != NEXT_ON_INIT)
			host_ap_apply_next(&v->ctx[vmpl]);
	host_ai_flush(v);
	c = v->host->stopped ? NULL : pick(v);
	v->idle = !c;
	if (!c) {
		v->stats.idles++;
		return NULL;
	}
	if (c->vmpl != v->entered)
		v->stats.vmpl_switches++;
	v->entered = c->vmpl;
	v->current = c->vmpl;
	c->state = CTX_RUNNABLE;
	host_vmrun_prepare(c);
	c->inside = true;
	return c->vmcb;
}

/* ---- #VMEXIT ------------------------------------------------------------ */

/*
 * Whoever asked to run this VMPL knows better what its HLT means: it gets the
 * CPU, as after a Run VMPL of its own that has returned, and may halt itself.
 */
static bool hand_back(struct host_ctx *c)
{
	struct host_ctx *runner;

	if (c->runner < 0)
		return false;
	runner = &c->vcpu->ctx[c->runner];
	if (runner->state != CTX_RUNNABLE && runner->state != CTX_HALTED)
		return false;
	runner->state = CTX_RUNNABLE;
	c->vcpu->current = runner->vmpl;
	return true;
}

/*
 * Idle-HLT looks for something deliverable before it exits. A plain HLT exit
 * does not: what waits in V_IRQ, V_NMI or the guest's own page might have
 * ended the HLT at once, so the guest goes on, and halts again if not.
 */
static void exit_hlt(struct host_ctx *c, bool idle)
{
	bool may_wait = host_savic_active(c) || c->offered >= 0 ||
			c->vmcb->int_ctl & VINTR_V_NMI;

	c->vmcb->int_state &= ~INT_STATE_SHADOW;
	if (!idle && may_wait)
		return;
	if (c->present->may_halt && !c->present->may_halt(c))
		return;
	c->state = CTX_HALTED;
	hand_back(c);
}

/*
 * A 4 KiB operation on a 2 MiB entry is the host's to repair: split and run
 * the instruction again. Everything else means that the guest and the RMP
 * disagree, and no retry changes that.
 */
static void exit_npf(struct host_ctx *c)
{
	struct host *h = c->vcpu->host;
	u64 info = c->vmcb->exit_info1, gpa = c->vmcb->exit_info2;

	if (info & NPF_SIZEM && !(info & NPF_NOT_RESTARTABLE) &&
	    hv_psmash(h->m, gpa & ~(PAGE_2M - 1)) == HV_RMP_OK)
		return;
	host_stop(h, "rmp-fault",
		  "vCPU %u VMPL %u: %s%s%s%s%sfault at gpa %#llx, error %#llx",
		  c->vcpu->cpu, c->vmpl,
		  info & NPF_NOT_RESTARTABLE ? "not restartable " : "",
		  info & NPF_VMPL ? "VMPL permission " : "",
		  info & NPF_RMP ? "RMP " : "",
		  info & NPF_ENC ? "private " : "shared ",
		  info & NPF_FETCH ? "fetch " :
		  info & NPF_WRITE ? "write " : "read ",
		  (unsigned long long)gpa, (unsigned long long)info);
}

/*
 * VMRUN refused. INVALID: the VMSA or its features. BUSY: the owner of the
 * VMSA has it locked, or hardware marked it dead; the host can not tell and
 * must not spin on it (APM 15.36.21).
 */
static void exit_refused(struct host_ctx *c, const char *what)
{
	c->state = CTX_STOPPED;
	host_stop(c->vcpu->host, "vmrun-refused",
		  "vCPU %u VMPL %u: VMRUN of VMSA %#llx: %s", c->vcpu->cpu,
		  c->vmpl, (unsigned long long)c->vmcb->vmsa_pa, what);
}

/*
 * ReflectVC: the code says only that something happened; the VMSA, which the
 * host can not read, tells a more privileged VMPL what (APM 15.36.9).
 */
static void exit_reflected(struct host_ctx *c)
{
	if (hand_back(c))
		return;
	for (unsigned int vmpl = 0; vmpl < c->vmpl; vmpl++)
		if (host_run_vmpl(c, vmpl))
			return;
	host_stop(c->vcpu->host, "reflected-vc",
		  "vCPU %u VMPL %u: #VC reflected, and no VMPL above serves it",
		  c->vcpu->cpu, c->vmpl);
}

static void exit_vmgexit(struct host_ctx *c)
{
	if (c->vmcb->ghcb_gpa & GHCB_MSR_CODE)
		host_ghcb_msr_request(c);
	else
		host_ghcb_page_request(c);
}

static void serve(struct host_ctx *c)
{
	struct vmcb *vmcb = c->vmcb;

	switch (vmcb->exit_code) {
	case EXIT_VMGEXIT:
		return exit_vmgexit(c);
	case EXIT_HLT:
		return exit_hlt(c, false);
	case EXIT_IDLE_HLT:
		return exit_hlt(c, true);
	case EXIT_INTR:
	case EXIT_NMI:
	case EXIT_SMI:
	case EXIT_INIT:
	case EXIT_VINTR:
	case EXIT_PAUSE:
		return;
	case EXIT_NPF:
		return exit_npf(c);
	case EXIT_NOT_RESTARTABLE:
		return exit_refused(c, "backing page not validated");
	case EXIT_SHUTDOWN:
		return host_stop(c->vcpu->host, "guest-panic",
				 "vCPU %u VMPL %u: shutdown (triple fault)",
				 c->vcpu->cpu, c->vmpl);
	case EXIT_VC:
		return exit_reflected(c);
	case EXIT_INVALID:
		return exit_refused(c, "invalid state");
	case EXIT_BUSY:
		return exit_refused(c, "busy, its owner must release it");
	case EXIT_IDLE_REQUIRED:
		return exit_refused(c, "idle required");
	default:
		host_stop(c->vcpu->host, "unexpected-exit",
			  "vCPU %u VMPL %u: exit code %#llx", c->vcpu->cpu,
			  c->vmpl, (unsigned long long)vmcb->exit_code);
	}
}

static struct host_ctx *ctx_of(struct host_vcpu *v, const struct vmcb *vmcb)
{
	for (unsigned int vmpl = 0; vmpl < SNP_VMPLS; vmpl++)
		if (v->ctx[vmpl].vmcb == vmcb)
			return &v->ctx[vmpl];
	return NULL;
}

static struct vmcb *host_run(void *opaque, unsigned int cpu,
			     struct vmcb *exited)
{
	struct host *h = opaque;
	struct host_vcpu *v = &h->vcpu[cpu];
	struct host_ctx *c = ctx_of(v, exited);
	struct vmcb *next;

	v->serving = true;
	v->kicked = false;
	v->idle = false;
	if (c) {
		c->inside = false;
		v->stats.exits[host_exit_slot(exited->exit_code)]++;
		host_vmrun_settle(c);
		if (!h->stopped)
			serve(c);
	}
	next = enter(v);
	v->serving = false;
	return next;
}

const struct hv_ops host_hv_ops = {
	.run = host_run,
};

bool host_idle(const struct host *h, unsigned int vcpu)
{
	return vcpu < h->config.vcpus && h->vcpu[vcpu].idle;
}

/* ---- wake-ups ----------------------------------------------------------- */

/*
 * Whoever changes what a vCPU should do has the machine lock, so the vCPU is
 * in exactly one of three places: in host_run() on this very thread, where it
 * will look before it enters or idles; in the guest; or idle. A kick that is
 * on its way leads to host_run() in any case and need not be repeated.
 */
void host_kick(struct host_vcpu *v)
{
	if (v->serving || v->kicked) {
		v->stats.kicks_elided++;
		return;
	}
	v->kicked = true;
	v->stats.kicks_sent++;
	hv_kick(v->host->m, v->cpu);
}

/* One that waits for @c's sake. */
static bool wakes_runner(const struct host_ctx *c)
{
	struct host_vcpu *v = c->vcpu;

	return c->runner == (int)v->current &&
	       v->ctx[v->current].state == CTX_HALTED;
}

/*
 * Not worth a kick: a VMPL that shows nothing new, that can not run, or that
 * must wait for a more privileged one to let it.
 */
void host_ctx_wake(struct host_ctx *c)
{
	struct host_vcpu *v = c->vcpu;

	if ((c->vmpl > v->current && !wakes_runner(c)) ||
	    !c->present->wants(c) || !ctx_ready(c)) {
		v->stats.kicks_elided++;
		return;
	}
	host_kick(v);
}

void host_ctx_notify(struct host_ctx *c)
{
	if (c->present->notify)
		c->present->notify(c);
	else
		host_ctx_wake(c);
}
