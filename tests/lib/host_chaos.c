// SPDX-License-Identifier: MIT
#include <string.h>

#include "machine/internal.h"
#include "tests/lib/host_chaos.h"
#include "tests/lib/host_rig.h"
#include "tests/lib/rows.h"

#define CANARY_AT	0x38000ull	/* private, of no interest to anyone */
#define CANARY		0x7a

struct chaos {
	struct rig r;
	const u8 *data;
	size_t left;
	unsigned int vcpus;
	struct chaos_result *result;
};

/* ---- bytes -------------------------------------------------------------- */

static u64 take(struct chaos *c, unsigned int bytes)
{
	u64 value = 0;

	for (unsigned int i = 0; i < bytes && c->left; i++, c->left--)
		value = value << 8 | *c->data++;
	return value;
}

static u64 take_gpa(struct chaos *c)
{
	static const u64 gpas[] = {
		GHCB_AT(0, 0), GHCB_AT(1, 0), SHARED_PAGE, SHARED_PAGE + 4088,
		CANARY_AT, SAVIC_AT(0), SAVIC_AT(1), VMSA_AT(0, 0),
		VMSA_AT(1, 0), VMSA_AT(1, 1), VMSA_AT(0, 2), VMSA_AT(2, 0),
		PAGE_2M, PAGE_2M + 0x5000, RAM_LOW - PAGE_SIZE, RAM_LOW, HIGH,
		IOAPIC_BASE, IOAPIC_BASE + 0x10, IOAPIC_BASE + 0x40,
		APIC_DEFAULT_BASE + 0xf0, APIC_DEFAULT_BASE + 0x300, MMIO_PAGE,
		0, ~0ull, ~0ull & PAGE_MASK,
	};
	u8 pick = take(c, 1);

	if (pick < ARRAY_SIZE(gpas))
		return gpas[pick];
	if (pick < 0x40)
		return SAVIC_AT(pick & 3);
	return pick < 0x80 ? (u64)pick << 12 : take(c, 8);
}

/* A number, an address, an operation with an address or an APIC id. */
static u64 take_word(struct chaos *c)
{
	switch (take(c, 1) & 7) {
	case 0:
	case 1:
		return take(c, 1);
	case 2:
	case 3:
		return take_gpa(c);
	case 4:
		return take_gpa(c) | (take(c, 1) & 7) << 52;
	case 5:
		return (take(c, 1) & 7) << 32 | (take(c, 1) & 7) << 16 |
		       (take(c, 1) & 3);
	case 6:
		return take(c, 4);
	default:
		return take(c, 8);
	}
}

/* ---- what a guest does -------------------------------------------------- */

static const u64 codes[] = {
	EXIT_DR7_READ, EXIT_DR7_WRITE, EXIT_RDTSC, EXIT_RDPMC, EXIT_CPUID,
	EXIT_INVD, EXIT_IOIO, EXIT_MSR, EXIT_MSR, EXIT_MSR, EXIT_VMMCALL,
	EXIT_RDTSCP, EXIT_WBINVD, EXIT_MONITOR, EXIT_MWAIT, GHCB_MMIO_READ,
	GHCB_MMIO_WRITE, GHCB_NMI_COMPLETE, GHCB_AP_HOLD, GHCB_AP_JUMP_TABLE,
	GHCB_PSC, GHCB_GUEST_REQUEST, GHCB_EXT_GUEST_REQUEST,
	GHCB_AP_CREATION, GHCB_DOORBELL, GHCB_HV_IPI, GHCB_HV_TIMER,
	GHCB_APIC_ID_LIST, GHCB_RUN_VMPL, GHCB_SAVIC,
	GHCB_CONFIGURE_INJECTION, GHCB_DISABLE_ALTERNATE, GHCB_SPECIFIC_EOI,
	GHCB_FEATURES,
};

static void fill_buffer(struct chaos *c, struct ghcb *g)
{
	struct psc_buffer *psc = (struct psc_buffer *)g->buffer;
	unsigned int n = take(c, 1) & 15;

	memset(g->buffer, 0, sizeof(g->buffer));
	psc->cur_entry = n & 1;
	psc->end_entry = n;
	for (unsigned int i = 0; i < n; i++)
		psc->entry[i] = take_word(c);
}

/* Mostly registered: a guest that is not gets one answer only. */
static void register_ghcb(struct chaos *c, unsigned int cpu)
{
	unsigned int vmpl = machine_vmpl(c->r.m, cpu);
	u64 gpa = GHCB_AT(cpu, vmpl);

	if (hv_is_private(c->r.m, gpa))
		rig_msr(&c->r, cpu, 2ull << 52 | gpa | GHCB_MSR_PSC_REQ);
	if (rig_ctx(&c->r, cpu, vmpl)->ghcb_registered != gpa)
		rig_msr(&c->r, cpu, gpa | GHCB_MSR_REGISTER_REQ);
}

static void event(struct chaos *c, unsigned int cpu)
{
	u8 pick = take(c, 1), shape = take(c, 1);
	u8 regs = shape & 0x10 ? 0x7f : take(c, 1);
	u64 code = pick < 0xf0 ? codes[pick % ARRAY_SIZE(codes)] :
		   take_word(c);
	struct ghcb *g = rig_event(&c->r, cpu, code, take_word(c),
				   take_word(c));

	if (shape & 1)
		fill_buffer(c, g);
	if (regs & 1)
		GHCB_SET(g, rax, shape & 2 ? SEV_FEATURE_SNP : take_word(c));
	if (regs & 2)
		GHCB_SET(g, rbx, take_word(c));
	if (regs & 4)
		GHCB_SET(g, rcx, shape & 4 ? 0x800 + take(c, 1) :
			 take_word(c));
	if (regs & 8)
		GHCB_SET(g, rdx, take(c, 4));
	if (regs & 16)
		GHCB_SET(g, cpl, 0);
	if (regs & 32)
		GHCB_SET(g, scratch, shape & 8 ? take_gpa(c) :
			 GHCB_AT(cpu, machine_vmpl(c->r.m, cpu)) + 0x800);
	if (regs & 64)
		GHCB_SET(g, xcr0, take(c, 1));
	g->version = shape >> 4 == 15 ? take(c, 2) : 2u - (shape >> 7);
	g->usage = shape == 0x7e;
	if (shape & 0x60)
		register_ghcb(c, cpu);
	if (!hv_in_guest(c->r.m, cpu))
		return;
	rig_vmgexit(&c->r, cpu);
	if (g->exit_info1 & 0xffffffff)
		c->result->refused++;
	else
		c->result->served++;
}

static void msr(struct chaos *c, unsigned int cpu)
{
	static const u16 requests[] = {
		0x002, 0x004, 0x006, 0x010, 0x012, 0x014, 0x014, 0x016, 0x018,
		0x080,
	};
	u8 pick = take(c, 1);
	u64 value = take_word(c);

	if (pick < 0x60)
		value = (value & ~0xfffull) |
			requests[pick % ARRAY_SIZE(requests)];
	else if (pick < 0xf0)
		value = GHCB_AT(cpu, machine_vmpl(c->r.m, cpu)) |
			GHCB_MSR_REGISTER_REQ;
	rig_msr(&c->r, cpu, value);
}

static void boundary(struct chaos *c, unsigned int cpu)
{
	struct regs *regs = &c->r.s.cpu[cpu].regs;
	u8 what = take(c, 1);
	u64 ev;

	if (script_boundary(&c->r.s, cpu, &ev) == EVENT_DELIVER)
		c->result->interrupts++;
	if (what & 1)
		regs->rflags |= RFLAGS_IF;
	if (what & 2)
		regs->nmi_masked = false;
	if (what & 4)
		machine_write_cr8(c->r.m, cpu, what >> 4);
}

static void guest_step(struct chaos *c, unsigned int cpu, u8 op)
{
	if (!hv_in_guest(c->r.m, cpu))
		return;
	switch (op & 7) {
	case 0:
	case 1:
	case 2:
		return event(c, cpu);
	case 3:
		return msr(c, cpu);
	case 4:
		if (op & 0x18)
			return boundary(c, cpu);
		rig_hlt(&c->r, cpu);
		return;
	case 5:
		machine_wrmsr(c->r.m, cpu, MSR_SAVIC_CONTROL, 0, take_word(c));
		return;
	default:
		return boundary(c, cpu);
	}
}

static void world_step(struct chaos *c, u8 op)
{
	switch (op & 7) {
	case 0:
	case 1:
		host_msi(c->r.h, 0xfee00000 | take(c, 2) << 4, take(c, 2));
		break;
	case 2:
		host_msi(c->r.h, 0xfee00000 | (op >> 3 & 3) << 12, take(c, 1));
		break;
	case 3:
		host_set_gsi(c->r.h, take(c, 1), op & 8);
		break;
	case 4:
		rig_advance(&c->r, take(c, 3));
		break;
	case 5:
		host_nmi(c->r.h, op >> 3 & 7);
		break;
	default:
		rig_pump(&c->r);
	}
}

/* ---- what must hold ----------------------------------------------------- */

static bool ready(const struct host_ctx *x)
{
	return x->state == CTX_RUNNABLE ||
	       (x->state == CTX_HALTED && x->present->wants(x));
}

static const char *check_ctx(struct chaos *c, struct host_ctx *x)
{
	bool in_guest = hv_in_guest(c->r.m, x->vcpu->cpu);
	const struct vmcb *vmcb = x->vmcb;
	const char *bad = apic_check(&x->apic);

	if (bad)
		return bad;
	if (x->inside && !in_guest)
		return "inside without a guest";
	if (vmcb->int_ctl & VINTR_AVIC)
		return "AVIC in a VMCB";
	if (vmcb->event_inj & EVENT_V &&
	    event_type(vmcb->event_inj) == EVENT_EXCEPTION &&
	    (vmcb->event_inj & EVENT_VECTOR) == VECTOR_VC)
		return "#VC injected";
	if (vmcb->update_irr && !host_savic_active(x))
		return "RequestedIRR without Secure AVIC";
	if (x->doorbell != NO_GPA &&
	    (x->doorbell & ~PAGE_MASK || !hv_is_ram(c->r.m, x->doorbell)))
		return "doorbell is no page";
	return NULL;
}

/* An idle vCPU has nothing to do, or somebody is coming to wake it. */
static const char *check_vcpu(struct chaos *c, struct host_vcpu *v)
{
	const char *bad = NULL;

	for (unsigned int vmpl = 0; vmpl < SNP_VMPLS && !bad; vmpl++)
		bad = check_ctx(c, &v->ctx[vmpl]);
	if (bad || c->r.stops)
		return bad;
	if (v->serving)
		return "serving for ever";
	if (v->idle == hv_in_guest(c->r.m, v->cpu))
		return "idle in the guest";
	if (!v->idle || v->kicked)
		return NULL;
	if (ready(&v->ctx[v->current]))
		return "lost wake-up";
	for (unsigned int vmpl = 0; vmpl < v->current; vmpl++)
		if (ready(&v->ctx[vmpl]) &&
		    v->ctx[vmpl].present->wants(&v->ctx[vmpl]))
			return "lost wake-up of a higher VMPL";
	return NULL;
}

/* Private and validated since launch: then the host can not have written. */
static const char *check_canary(struct chaos *c)
{
	bool present;
	u64 entry = rmp_lookup(c->r.m, CANARY_AT, &present);
	const u8 *page = script_ram(&c->r.s, CANARY_AT);

	if (!(entry & RMP_VALIDATED))
		return NULL;
	for (unsigned int i = 0; i < PAGE_SIZE; i++)
		if (page[i] != CANARY)
			return "private memory written";
	return NULL;
}

static const char *check(struct chaos *c)
{
	const char *bad = check_canary(c);

	for (unsigned int i = 0; i < c->vcpus && !bad; i++)
		bad = check_vcpu(c, &c->r.h->vcpu[i]);
	return bad;
}

static void start(struct chaos *c)
{
	static const u64 features[] = {
		SEV_FEATURE_SNP, SEV_FEATURE_SNP | SEV_FEATURE_SECURE_AVIC,
		SEV_FEATURE_SNP | SEV_FEATURE_RESTRICTED, SEV_FEATURE_SNP,
	};
	u8 kind = take(c, 1);
	struct rmp_insn insn = { .gva = CANARY_AT, .gpa = CANARY_AT,
				 .rdx = 1 };
	struct rig_config config = {
		.features = features[kind & 3],
		.vmpl = kind & 4 ? 2 : 0,
		.xapic = kind & 8,
		.vcpus = 1 + (kind >> 4 & 3),
	};

	c->vcpus = config.vcpus;
	rig_new(&c->r, &config);
	rig_msr(&c->r, 0, 1ull << 52 | CANARY_AT | GHCB_MSR_PSC_REQ);
	if (!config.vmpl)
		machine_pvalidate(c->r.m, 0, &insn);
	memset(script_ram(&c->r.s, CANARY_AT), CANARY, PAGE_SIZE);
	for (unsigned int i = 1; i < c->vcpus && kind & 0x80; i++)
		rig_ap_create(&c->r, i, config.vmpl, config.features);
	/* a device whose interrupts arrive */
	for (unsigned int i = 0; i < c->vcpus && kind & 0x40; i++)
		rig_ctx(&c->r, i, config.vmpl)->apic.svr |= APIC_SVR_ENABLE;
}

/* With every vCPU held or destroyed, nobody is left to do anything. */
static bool dead(struct chaos *c)
{
	for (unsigned int i = 0; i < c->vcpus; i++) {
		struct host_vcpu *v = &c->r.h->vcpu[i];

		if (!v->idle || v->kicked ||
		    v->ctx[v->current].state == CTX_HALTED)
			return false;
	}
	return true;
}

void host_chaos(const u8 *data, size_t size, struct chaos_result *result)
{
	struct chaos c = { .data = data, .left = size, .result = result };

	memset(result, 0, sizeof(*result));
	start(&c);
	while (c.left && !c.r.stops && !result->violation && !dead(&c)) {
		u8 op = take(&c, 1), cpu = take(&c, 1);

		if (op & 0x80)
			world_step(&c, op);
		else
			guest_step(&c, cpu % c.vcpus, op);
		result->violation = check(&c);
		result->steps++;
	}
	result->stopped = c.r.stops;
	rig_free(&c.r);
}
