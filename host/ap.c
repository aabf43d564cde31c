// SPDX-License-Identifier: MIT
/*
 * vCPUs and VMPLs come and go: AP creation (56421 section 4.1.9), AP hold,
 * Run VMPL, APIC ID list. Checks as KVM's sev_snp_ap_creation(), and one VMPL
 * more: docs/ghcb.md.
 */
#include "host/ghcb.h"

/* ---- AP creation -------------------------------------------------------- */

struct ap_request {
	unsigned int op;
	unsigned int vmpl;
	struct host_vcpu *target;
	u64 vmsa;
	u64 features;
};

/* A vCPU that comes after the end of Alternate Injection may be without. */
static bool features_differ(const struct host *h, const struct ap_request *req)
{
	u64 known = h->features[req->vmpl];

	if (!h->features_known[req->vmpl] || req->features == known)
		return false;
	return !h->alternate_ended[req->vmpl] ||
	       req->features != (known & ~SEV_FEATURE_ALTERNATE);
}

/*
 * The host can not read a VMSA, so RAX has to say what is in it. The first
 * VMSA of a VMPL settles its features for all vCPUs. Alternate Injection
 * needs someone above who presents.
 */
static const char *features_bad(const struct host *h,
				const struct ap_request *req)
{
	u64 injection = req->features & SEV_FEATURES_INJECTION;

	if (!(req->features & SEV_FEATURE_SNP) ||
	    req->features & ~h->config.allowed_features)
		return "features not allowed";
	if (injection & (injection - 1))
		return "two ways of injection";
	if (req->vmpl == 0 && injection == SEV_FEATURE_ALTERNATE)
		return "Alternate Injection at VMPL 0";
	if (features_differ(h, req))
		return "features differ from the VMPL's";
	return NULL;
}

/* 2 MiB alignment: an erratum of early SNP parts, which KVM avoids too. */
static const char *vmsa_bad(struct host *h, u64 vmsa)
{
	if (vmsa & ~PAGE_MASK)
		return "VMSA not page aligned";
	if (!(vmsa & (PAGE_2M - 1)))
		return "VMSA at a 2 MiB boundary";
	if (!hv_is_ram(h->m, vmsa) || !hv_is_private(h->m, vmsa))
		return "VMSA not in private memory";
	return NULL;
}

static const char *ap_decode(struct ghcb_call *call, struct ap_request *req)
{
	struct host *h = call->host;
	const char *bad;

	*req = (struct ap_request){
		.op = call->info1 & 0xffff,
		.vmpl = call->info1 >> 16 & 0xf,
		.target = host_vcpu_by_apic_id(h, call->info1 >> 32),
		.vmsa = call->info2,
		.features = call->rax,
	};
	if (req->op > AP_DESTROY || call->info1 & 0xfff00000)
		return "operation";
	if (!req->target)
		return "APIC id";
	if (req->vmpl >= SNP_VMPLS || req->vmpl < call->ctx->vmpl)
		return "VMPL";
	if (req->op == AP_DESTROY)
		return NULL;
	bad = features_bad(h, req);
	return bad ? bad : vmsa_bad(h, req->vmsa);
}

/*
 * The target may be in the guest with its old VMSA: it is kicked, and changes
 * over on its own way through host_run().
 */
static void ap_apply(struct host *h, const struct ap_request *req)
{
	struct host_ctx *c = &req->target->ctx[req->vmpl];

	if (req->op == AP_DESTROY) {
		c->next = NEXT_DESTROY;
		host_kick(req->target);
		return;
	}
	if (!h->features_known[req->vmpl])
		h->features[req->vmpl] = req->features;
	h->features_known[req->vmpl] = true;
	c->next_vmsa = req->vmsa;
	c->next_features = req->features;
	c->next = req->op == AP_CREATE ? NEXT_CREATE : NEXT_ON_INIT;
	if (req->op == AP_CREATE)
		host_kick(req->target);
	else if (!host_ctx_has_vmsa(c))
		host_ap_apply_next(c);
}

void host_ghcb_ap_creation(struct ghcb_call *call)
{
	struct ap_request req;
	const char *bad = ap_decode(call, &req);

	if (bad)
		return host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT, bad);
	ap_apply(call->host, &req);
}

/*
 * A vCPU that idles at VMPL 0 does not enter what was created below it; VMPL 0
 * does, by Run VMPL, and is woken to find it.
 */
static void tell_above(struct host_ctx *c)
{
	struct host_ctx *top = &c->vcpu->ctx[0];

	if (c->vmpl && top->state == CTX_HALTED)
		top->hv.look = true;
}

/* Only when @c is out of the guest. */
void host_ap_apply_next(struct host_ctx *c)
{
	enum ctx_next next = c->next;

	c->next = NEXT_NONE;
	switch (next) {
	case NEXT_NONE:
		break;
	case NEXT_CREATE:
		host_ctx_load(c, c->next_vmsa, c->next_features);
		c->state = CTX_RUNNABLE;
		tell_above(c);
		break;
	case NEXT_ON_INIT:
		host_ctx_load(c, c->next_vmsa, c->next_features);
		c->state = CTX_CREATED;
		break;
	case NEXT_DESTROY:
		if (host_ctx_has_vmsa(c))
			host_ctx_unload(c);
		break;
	}
}

/*
 * INIT means nothing to a vCPU whose registers the host can not touch; it
 * only starts one that was created to wait for it.
 */
void host_ap_init_ipi(struct host_ctx *c)
{
	struct host *h = c->vcpu->host;

	if (c->next == NEXT_ON_INIT)
		c->next = NEXT_CREATE;
	else if (c->state == CTX_CREATED)
		c->state = CTX_RUNNABLE;
	else
		return host_log(h, "INIT ignored",
				"vCPU %u VMPL %u: its state is encrypted",
				c->vcpu->cpu, c->vmpl);
	host_kick(c->vcpu);
}

/* ---- AP hold ------------------------------------------------------------ */

void host_ghcb_ap_hold(struct ghcb_call *call)
{
	call->ctx->state = CTX_HELD;
	call->ctx->hold_by_msr = false;
}

/* A SIPI ends a hold: INFO2, or the MSR's upper part, becomes non-zero. */
void host_ap_release_hold(struct host_ctx *c)
{
	struct host *h = c->vcpu->host;
	enum hv_mem why;
	struct ghcb *page;

	if (c->state != CTX_HELD)
		return host_log(h, "SIPI ignored",
				"vCPU %u VMPL %u: its state is encrypted",
				c->vcpu->cpu, c->vmpl);
	if (c->hold_by_msr) {
		c->vmcb->ghcb_gpa = 1ull << 12 | GHCB_MSR_AP_HOLD;
	} else {
		page = hv_map(h->m, c->vmcb->ghcb_gpa, &why);
		if (page)
			page->exit_info2 = 1;
	}
	c->state = CTX_RUNNABLE;
	host_kick(c->vcpu);
}

void host_ghcb_ap_jump_table(struct ghcb_call *call)
{
	switch (call->info1) {
	case 0:
		call->host->ap_jump_table = call->info2;
		break;
	case 1:
		call->result2 = call->host->ap_jump_table;
		break;
	default:
		host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT, "operation");
	}
}

/* ---- Run VMPL ----------------------------------------------------------- */

/*
 * INFO1 and INFO2 are already the answer when the caller is left. What rides
 * is served if and only if the VMPL is entered.
 */
void host_ghcb_run_vmpl(struct ghcb_call *call)
{
	u32 vmpl = call->info1;

	if (!host_can_run_vmpl(call->ctx, vmpl))
		host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT, "VMPL");
	else if (host_ghcb_ride(call))
		host_run_vmpl(call->ctx, vmpl);
}

/* ---- APIC ID list ------------------------------------------------------- */

/*
 * RAX pages at INFO1 take a count and as many IDs. Too few: RAX says how many
 * are needed and nothing is written (56421; asked with RAX = 0 first).
 */
void host_ghcb_apic_id_list(struct ghcb_call *call)
{
	struct host *h = call->host;
	u32 count = h->config.vcpus;
	u64 bytes = (count + 1) * sizeof(u32);
	u64 need = (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
	u64 at = call->info1;
	enum hv_mem why;

	if (call->rax < need) {
		call->rax = need;
		return;
	}
	for (u64 i = 0; i < need; i++)
		if (at & ~PAGE_MASK ||
		    !hv_map(h->m, at + i * PAGE_SIZE, &why))
			return host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT,
						"buffer");
	hv_write(h->m, at, &count, sizeof(count));
	for (u32 i = 0; i < count; i++)
		hv_write(h->m, at + (i + 1) * sizeof(u32),
			 &h->vcpu[i].apic_id, sizeof(u32));
}
