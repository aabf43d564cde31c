// SPDX-License-Identifier: MIT
/*
 * Requests through the GHCB page (56421 section 4.1): copy, decode, dispatch,
 * answer. The order of checks is KVM's (sev_handle_vmgexit).
 */
#include "host/ghcb.h"

/* Registers that must be valid, beside the three exit words. */
#define NEED_RAX	BIT(0)
#define NEED_RBX	BIT(1)
#define NEED_RCX	BIT(2)
#define NEED_RDX	BIT(3)
#define NEED_CPL	BIT(4)
#define NEED_SCRATCH	BIT(5)
#define NEED_XCR0	BIT(6)

struct ghcb_event_row {
	u64 code;
	u32 need;
	u64 feature;		/* refused unless the host advertises it */
	void (*serve)(struct ghcb_call *call);
};

static void nothing(struct ghcb_call *call)
{
	(void)call;
}

/* There is no PMU: CPUID shows none. */
static void rdpmc(struct ghcb_call *call)
{
	host_ghcb_gp(call);
}

/* An IRET ends the mask in hardware already; this only comes earlier. */
static void nmi_complete(struct ghcb_call *call)
{
	call->ctx->vmcb->int_ctl &= ~(u32)VINTR_NMI_MASK;
}

static void features(struct ghcb_call *call)
{
	call->result2 = call->host->config.ghcb_features;
}

static void terminate(struct ghcb_call *call)
{
	host_ghcb_terminated(call->ctx, call->info1 & 0xf,
			     call->info1 >> 4 & 0xff, call->info2);
}

static void unsupported(struct ghcb_call *call)
{
	host_stop(call->host, "guest-terminated",
		  "vCPU %u VMPL %u can not handle #VC code %#llx",
		  call->ctx->vcpu->cpu, call->ctx->vmpl,
		  (unsigned long long)call->info1);
}

/*
 * No PSP stands behind this host: the VMM error "generic" (56421 section
 * 4.1.7) lets a driver fail cleanly instead of retrying for ever.
 */
static void guest_request(struct ghcb_call *call)
{
	if (call->info1 & ~PAGE_MASK || call->info2 & ~PAGE_MASK ||
	    call->info1 == call->info2)
		return host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT,
					"guest request pages");
	call->result2 = 1ull << 63;
}

static const struct ghcb_event_row events[] = {
	{ EXIT_DR7_READ, 0, 0, host_ghcb_read_dr7 },
	{ EXIT_DR7_WRITE, NEED_RAX, 0, host_ghcb_write_dr7 },
	{ EXIT_RDTSC, 0, 0, host_ghcb_rdtsc },
	{ EXIT_RDPMC, NEED_RCX, 0, rdpmc },
	{ EXIT_CPUID, NEED_RAX | NEED_RCX, 0, host_ghcb_cpuid },
	{ EXIT_INVD, 0, 0, nothing },
	{ EXIT_IOIO, 0, 0, host_ghcb_ioio },
	{ EXIT_MSR, NEED_RCX, 0, host_ghcb_msr },
	{ EXIT_VMMCALL, NEED_RAX | NEED_CPL, 0, host_ghcb_vmmcall },
	{ EXIT_RDTSCP, 0, 0, host_ghcb_rdtscp },
	{ EXIT_WBINVD, 0, 0, nothing },
	{ EXIT_MONITOR, NEED_RAX | NEED_RCX | NEED_RDX, 0, nothing },
	{ EXIT_MWAIT, NEED_RAX | NEED_RCX, 0, nothing },
	{ GHCB_MMIO_READ, NEED_SCRATCH, 0, host_ghcb_mmio_read },
	{ GHCB_MMIO_WRITE, NEED_SCRATCH, 0, host_ghcb_mmio_write },
	{ GHCB_NMI_COMPLETE, 0, 0, nmi_complete },
	{ GHCB_AP_HOLD, 0, 0, host_ghcb_ap_hold },
	{ GHCB_AP_JUMP_TABLE, 0, 0, host_ghcb_ap_jump_table },
	{ GHCB_PSC, NEED_SCRATCH, GHCB_FEATURE_SNP, host_ghcb_psc },
	{ GHCB_GUEST_REQUEST, 0, GHCB_FEATURE_SNP, guest_request },
	{ GHCB_EXT_GUEST_REQUEST, NEED_RAX | NEED_RBX, GHCB_FEATURE_SNP,
	  guest_request },
	{ GHCB_AP_CREATION, 0, GHCB_FEATURE_AP_CREATION,
	  host_ghcb_ap_creation },
	{ GHCB_DOORBELL, 0, GHCB_FEATURE_RESTRICTED, host_ghcb_doorbell },
	{ GHCB_HV_IPI, 0, GHCB_FEATURE_RESTRICTED, host_ghcb_hv_ipi },
	{ GHCB_HV_TIMER, 0, GHCB_FEATURE_TIMER, host_ghcb_hv_timer },
	{ GHCB_APIC_ID_LIST, NEED_RAX, GHCB_FEATURE_APIC_ID_LIST,
	  host_ghcb_apic_id_list },
	{ GHCB_RUN_VMPL, 0, GHCB_FEATURE_MULTI_VMPL, host_ghcb_run_vmpl },
	{ GHCB_SAVIC, NEED_RAX, 0, host_ghcb_savic },
	{ GHCB_CONFIGURE_INJECTION, 0, GHCB_FEATURE_EXT_INTERRUPTS,
	  host_ghcb_configure_injection },
	{ GHCB_DISABLE_ALTERNATE, 0, GHCB_FEATURE_EXT_INTERRUPTS,
	  host_ghcb_disable_alternate },
	{ GHCB_SPECIFIC_EOI, 0, GHCB_FEATURE_EXT_INTERRUPTS,
	  host_ghcb_specific_eoi },
	{ GHCB_FEATURES, 0, 0, features },
	{ GHCB_TERMINATE, 0, 0, terminate },
	{ GHCB_UNSUPPORTED, 0, 0, unsupported },
};

static const struct ghcb_event_row *event_of(const struct ghcb_call *call)
{
	u64 offered = call->host->config.ghcb_features;

	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		const struct ghcb_event_row *row = &events[i];

		if (row->code == call->code)
			return row->feature & ~offered ? NULL : row;
	}
	return NULL;
}

/* ---- an event on another's back ------------------------------------------ */

static bool may_ride(u64 code)
{
	return code == GHCB_HV_IPI || code == GHCB_HV_TIMER ||
	       code == GHCB_SPECIFIC_EOI;
}

/* Two words are all that these events need. */
bool host_ghcb_ride(struct ghcb_call *call)
{
	u64 word = call->info1 >> RUN_VMPL_WORD_SHIFT;
	u8 low = call->info1 >> RUN_VMPL_RIDE_SHIFT;
	struct ghcb_call rider = *call;
	const struct ghcb_event_row *row;

	if (!low && !word)
		return true;
	rider.code = (GHCB_HV_IPI & ~0xffull) | low;
	rider.info1 = rider.code == GHCB_HV_IPI ? call->info2 : word;
	rider.info2 = rider.code == GHCB_HV_IPI ? word : call->info2;
	row = may_ride(rider.code) ? event_of(&rider) : NULL;
	if (!row || !(call->host->config.ghcb_features & GHCB_FEATURE_RIDE))
		host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT, "no rider");
	else
		row->serve(&rider);
	if (rider.result1) {
		call->result1 = rider.result1;
		call->result2 = rider.result2;
	}
	return !call->result1;
}

/* ---- the copy ----------------------------------------------------------- */

static bool valid(const struct ghcb_call *call, size_t field)
{
	return call->in.valid[field / 64] >> field % 64 & 1;
}

#define VALID(call, field)	valid(call, GHCB_FIELD(field))
#define IF_VALID(call, field)	(VALID(call, field) ? (call)->in.field : 0)

/* What an event needs beyond its row depends on what it asks for. */
static u32 needs(const struct ghcb_call *call, const struct ghcb_event_row *row)
{
	switch (call->code) {
	case EXIT_CPUID:
		return row->need | (call->rax == 0xd ? NEED_XCR0 : 0);
	case EXIT_MSR:
		return row->need | (call->info1 ? NEED_RAX | NEED_RDX : 0);
	case EXIT_IOIO:
		if (call->info1 & IOIO_STRING)
			return NEED_SCRATCH;
		return call->info1 & IOIO_IN ? 0 : NEED_RAX;
	case GHCB_AP_CREATION:
		return (call->info1 & 0xffff) == AP_DESTROY ? 0 : NEED_RAX;
	case GHCB_SAVIC:
		return row->need | (call->info1 ? 0 : NEED_RBX);
	default:
		return row->need;
	}
}

static u32 given(const struct ghcb_call *call)
{
	return (VALID(call, rax) ? NEED_RAX : 0) |
	       (VALID(call, rbx) ? NEED_RBX : 0) |
	       (VALID(call, rcx) ? NEED_RCX : 0) |
	       (VALID(call, rdx) ? NEED_RDX : 0) |
	       (VALID(call, cpl) ? NEED_CPL : 0) |
	       (VALID(call, scratch) ? NEED_SCRATCH : 0) |
	       (VALID(call, xcr0) ? NEED_XCR0 : 0);
}

static void copy_fields(struct ghcb_call *call)
{
	call->code = VALID(call, exit_code) ? call->in.exit_code :
		     HOST_EVENT_OTHER;
	call->info1 = call->in.exit_info1;
	call->info2 = call->in.exit_info2;
	call->rax = IF_VALID(call, rax);
	call->rbx = IF_VALID(call, rbx);
	call->rcx = IF_VALID(call, rcx);
	call->rdx = IF_VALID(call, rdx);
	call->in.scratch = IF_VALID(call, scratch);
	call->in.xcr0 = IF_VALID(call, xcr0);
}

/*
 * Version 0 is let pass: Linux calls through a GHCB that it has only zeroed
 * when the first event of a CPU is a direct one (AP creation, AP hold).
 */
static const struct ghcb_event_row *decode(struct ghcb_call *call)
{
	const struct ghcb_event_row *row;

	if (call->ctx->ghcb_registered != call->gpa)
		host_ghcb_refuse(call, GHCB_ERR_NOT_REGISTERED,
				 "not registered");
	else if (call->in.usage)
		host_ghcb_refuse(call, GHCB_ERR_USAGE, "usage");
	else if (call->in.version > GHCB_VERSION_MAX)
		host_ghcb_refuse(call, GHCB_ERR_INVALID_INPUT, "version");
	else if (!VALID(call, exit_code) || !VALID(call, exit_info1) ||
		 !VALID(call, exit_info2))
		host_ghcb_refuse(call, GHCB_ERR_MISSING_INPUT, "exit words");
	if (call->result1)
		return NULL;
	row = event_of(call);
	if (!row)
		host_ghcb_refuse(call, GHCB_ERR_INVALID_EVENT, "event");
	else if (needs(call, row) & ~given(call))
		host_ghcb_refuse(call, GHCB_ERR_MISSING_INPUT, "registers");
	return call->result1 ? NULL : row;
}

/* ---- the answer --------------------------------------------------------- */

void host_ghcb_refuse(struct ghcb_call *call, enum ghcb_error error,
		      const char *why)
{
	struct host_vcpu *v = call->ctx->vcpu;

	call->result1 = GHCB_RESULT_MALFORMED;
	call->result2 = error;
	v->stats.refused[host_event_slot(call->code)]++;
	host_log(call->host, "GHCB request refused",
		 "vCPU %u VMPL %u: event %#llx (%#llx, %#llx): %s, error %d",
		 v->cpu, call->ctx->vmpl, (unsigned long long)call->code,
		 (unsigned long long)call->info1,
		 (unsigned long long)call->info2, why, error);
}

void host_ghcb_gp(struct ghcb_call *call)
{
	call->result1 = GHCB_RESULT_EXCEPTION;
	call->result2 = event_make(EVENT_EXCEPTION, VECTOR_GP);
}

static void mark_valid(struct ghcb *page, size_t field)
{
	page->valid[field / 64] |= BIT_ULL(field % 64);
}

/* All completions return the same six fields, as KVM does. */
static void write_back(struct ghcb_call *call)
{
	enum hv_mem why;
	struct ghcb *page = hv_map(call->host->m, call->gpa, &why);

	if (!page) {
		host_log(call->host, "GHCB went away",
			 "gpa %#llx is no longer shared",
			 (unsigned long long)call->gpa);
		return;
	}
	page->rax = call->rax;
	page->rbx = call->rbx;
	page->rcx = call->rcx;
	page->rdx = call->rdx;
	page->exit_info1 = call->result1;
	page->exit_info2 = call->result2;
	page->valid[0] = 0;
	page->valid[1] = 0;
	mark_valid(page, GHCB_FIELD(rax));
	mark_valid(page, GHCB_FIELD(rbx));
	mark_valid(page, GHCB_FIELD(rcx));
	mark_valid(page, GHCB_FIELD(rdx));
	mark_valid(page, GHCB_FIELD(exit_info1));
	mark_valid(page, GHCB_FIELD(exit_info2));
}

/*
 * Without a GHCB that can be read there is nowhere to put an error: the guest
 * gets control back and finds nothing changed, as under KVM.
 */
void host_ghcb_page_request(struct host_ctx *c)
{
	struct ghcb_call call = {
		.ctx = c,
		.host = c->vcpu->host,
		.gpa = c->vmcb->ghcb_gpa,
	};
	const struct ghcb_event_row *row;

	if (!call.gpa || hv_read(call.host->m, call.gpa, &call.in,
				 sizeof(call.in)) != HV_OK) {
		host_log(call.host, "no GHCB", "vCPU %u VMPL %u: gpa %#llx",
			 c->vcpu->cpu, c->vmpl, (unsigned long long)call.gpa);
		return;
	}
	copy_fields(&call);
	c->vcpu->stats.vmgexits[host_event_slot(call.code)]++;
	row = decode(&call);
	if (row)
		row->serve(&call);
	write_back(&call);
}
