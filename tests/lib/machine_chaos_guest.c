// SPDX-License-Identifier: MIT
/*
 * The guest of a random schedule, the monitor that edits VMSAs at rest, and
 * the judge of every event that the machine delivers.
 */
#include <string.h>

#include "machine/internal.h"
#include "tests/lib/machine_chaos.h"
#include "tests/lib/rows.h"

#define AI	SEV_FEATURE_ALTERNATE
#define RI	SEV_FEATURE_RESTRICTED
#define SAVIC	SEV_FEATURE_SECURE_AVIC

/* What the monitor queues as V_IRQ, and what vCPUs send each other. */
static const u8 monitor_vectors[] = { 0x31, 0x45, 0x62, 0xec };
static const u8 ipi_vectors[] = { 0x41, 0x93, 0xfb };

static bool among(u8 vector, const u8 *list, unsigned int n)
{
	return memchr(list, vector, n);
}

/* The backing page of what runs on @cpu; NULL if it has none now. */
static u32 *page_of(struct chaos *c, unsigned int cpu, unsigned int *owner)
{
	struct vcpu *v = &c->s.m->vcpu[cpu];
	u64 gpa = v->savic & SAVIC_CONTROL_PAGE;

	if (!savic_on(v))
		return NULL;
	*owner = (gpa - SAVIC_AT(0)) / PAGE_SIZE;
	return script_ram(&c->s, gpa);
}

static int highest_isr(const u32 *page)
{
	for (int v = 255; v >= 16; v--)
		if (page[(APIC_ISR + 0x10 * (v / 32)) / 4] >> v % 32 & 1)
			return v;
	return 0;
}

/* ---- the judge ----------------------------------------------------------- */

static void judge_interrupt(struct chaos *c, unsigned int cpu, u8 vector,
			    u64 tpr, int isr)
{
	const struct regs *r = &c->s.cpu[cpu].regs;

	CHAOS_CHECK(c, r->rflags & RFLAGS_IF);
	CHAOS_CHECK(c, !r->shadow);
	CHAOS_CHECK(c, vector >= 16);
	CHAOS_CHECK(c, (unsigned int)vector >> 4 > tpr);
	CHAOS_CHECK(c, vector >> 4 > isr >> 4);
	if (isr)
		c->nested++;
}

static void judge_savic(struct chaos *c, unsigned int cpu, u64 event,
			u64 tpr, int isr, unsigned int owner, bool again)
{
	u8 vector = event;

	if (event == (0x80000b1dull | 0x406ull << 32))
		return;
	if (event_type(event) == EVENT_NMI) {
		/* vCPU 1 never allows nor asks for one. */
		CHAOS_CHECK(c, owner != 1);
		return;
	}
	CHAOS_CHECK(c, event_type(event) == EVENT_INTR);
	CHAOS_CHECK(c, !(vector & 1) ||
		    among(vector, ipi_vectors, sizeof(ipi_vectors)));
	if (!again)
		judge_interrupt(c, cpu, vector, tpr, isr);
}

/*
 * @again: it comes from the VMSA's EVENTINJ, where hardware put it when its
 * first delivery was interrupted.
 */
static void judge(struct chaos *c, unsigned int cpu, u64 event, u64 tpr,
		  int isr, unsigned int owner, bool again)
{
	u64 features = machine_features(c->s.m, cpu);

	CHAOS_CHECK(c, event & EVENT_V);
	if (features & RI) {
		c->delivered[0]++;
		CHAOS_CHECK(c, event_type(event) == EVENT_EXCEPTION);
		CHAOS_CHECK(c, (event & EVENT_VECTOR) == VECTOR_HV);
		CHAOS_CHECK(c, !(event & EVENT_EV));
		return;
	}
	if (!(features & (AI | SAVIC))) {
		c->delivered[3]++;
		return;
	}
	c->delivered[features & AI ? 1 : 2]++;
	if (event >> 32 == CHAOS_TAG)
		return;
	if (features & SAVIC) {
		judge_savic(c, cpu, event, tpr, isr, owner, again);
		return;
	}
	if (event_type(event) == EVENT_NMI)
		return;		/* the monitor's V_NMI */
	CHAOS_CHECK(c, event_type(event) == EVENT_INTR);
	CHAOS_CHECK(c, among(event, monitor_vectors,
			     sizeof(monitor_vectors)));
	judge_interrupt(c, cpu, event, tpr, 0);
}

/* ---- the guest ------------------------------------------------------------ */

/* The frame of an event hits a page that is not there. */
static void fault_in_delivery(struct chaos *c, unsigned int cpu)
{
	struct access a = { .paging = true, .kind = ACCESS_WRITE };
	bool mmio = chaos_random(c, 2);

	c->faults++;
	if (machine_fault(c->s.m, cpu, &a, mmio ? ACCESS_MMIO : ACCESS_NPF,
			  NPF_RMP) == MACH_VC)
		machine_delivered(c->s.m, cpu);
}

static void boundary(struct chaos *c, unsigned int cpu)
{
	struct regs *r = &c->s.cpu[cpu].regs;
	u64 tpr = machine_read_cr8(c->s.m, cpu), event;
	unsigned int owner = 0;
	u32 *page = page_of(c, cpu, &owner);
	int isr = page ? highest_isr(page) : 0;
	u64 again = c->s.m->vcpu[cpu].vmsa->event_inj;
	enum mach_event what = script_ask(&c->s, cpu, &event);

	if (what == EVENT_WINDOW)
		machine_vintr(c->s.m, cpu);
	if (what != EVENT_DELIVER) {
		r->shadow = false;
		return;
	}
	judge(c, cpu, event, tpr, isr, owner, event == again);
	machine_delivering(c->s.m, cpu, event);
	if (!chaos_random(c, 10)) {
		fault_in_delivery(c, cpu);
		return;
	}
	r->shadow = false;
	if (event_type(event) == EVENT_NMI)
		r->nmi_masked = true;
	r->rflags &= ~RFLAGS_IF;
	machine_delivered(c->s.m, cpu);
}

static void own_event(struct chaos *c, unsigned int cpu)
{
	static const u16 events[] = { 0x303, 0x304, 0x30d, 0x30e, 0x31d,
				      0x480, 0x306 };
	u64 event = events[chaos_random(c, ARRAY_SIZE(events))];

	machine_delivering(c->s.m, cpu, EVENT_V | event | CHAOS_TAG << 32);
	if (chaos_random(c, 3))
		machine_delivered(c->s.m, cpu);
	else
		fault_in_delivery(c, cpu);
}

static u64 own_vector(struct chaos *c)
{
	return chaos_random(c, 2) ? chaos_random(c, 128) * 2 :
	       ipi_vectors[chaos_random(c, sizeof(ipi_vectors))];
}

static void msr(struct chaos *c, unsigned int cpu)
{
	u64 value = chaos_random(c, 0x400);
	u32 number = 0x800 + chaos_random(c, 0x40);

	switch (chaos_random(c, 8)) {
	case 0:
		machine_rdmsr(c->s.m, cpu, number, 2, &value);
		return;
	case 1:
		number = chaos_random(c, 2) ? 0xc0010130 : 0xc0010131;
		break;
	case 2:
		number = 0x830;
		value = 0x40000 | own_vector(c);
		break;
	case 3:
		number = 0x83f;
		value = own_vector(c);
		break;
	case 4:
	case 5:
		number = 0x80b;
		value = 0;
		break;
	case 6:
		number = 0x808;
		value = chaos_random(c, 2) ? 0 : chaos_random(c, 256);
		break;
	default:
		if (number == 0x830 || number == 0x83f)
			value &= 0xfe;
		break;
	}
	machine_wrmsr(c->s.m, cpu, number, 2, value);
}

static void control(struct chaos *c, unsigned int cpu)
{
	struct vcpu *v = &c->s.m->vcpu[cpu];
	unsigned int owner = ((v->savic & SAVIC_CONTROL_PAGE) -
			      SAVIC_AT(0)) / PAGE_SIZE;
	u64 value = v->savic & SAVIC_CONTROL_PAGE;
	u32 *page;

	if (owner >= SCRIPT_CPUS)
		return;
	page = script_ram(&c->s, value);
	switch (chaos_random(c, 4)) {
	case 0:
		/* A page that is not there, or not allowed. */
		machine_wrmsr(c->s.m, cpu, MSR_SAVIC_CONTROL, 2, EVENT_V |
			      (u64)chaos_random(c, ~0u) << 20);
		break;
	case 1:
		if (owner != 1 && savic_on(v))
			page[SAVIC_NMI_REQ / 4] = 1;
		break;
	default:
		value |= chaos_random(c, 8) ? SAVIC_CONTROL_EN : 0;
		if (owner != 1 && chaos_random(c, 2))
			value |= SAVIC_CONTROL_ALLOWED_NMI;
		machine_wrmsr(c->s.m, cpu, MSR_SAVIC_CONTROL, 2, value);
		break;
	}
}

static u64 target(struct chaos *c)
{
	/* Now and then the pages that all depends on. */
	if (!chaos_random(c, 200))
		return chaos_random(c, 0x30) * PAGE_SIZE;
	return chaos_random(c, 2) ? LARGE_AT + chaos_random(c, 600) *
	       PAGE_SIZE : PRIVATE_AT + chaos_random(c, 8) * PAGE_SIZE;
}

static void rmp_insn(struct chaos *c, unsigned int cpu)
{
	struct rmp_insn insn = { .mapped_2m = true };

	insn.gpa = target(c);
	insn.gva = insn.gpa;
	insn.rcx = chaos_random(c, 8) == 0;
	insn.rdx = chaos_random(c, 4) | chaos_random(c, 0x20) << 8;
	if (!chaos_random(c, 8))
		insn.rdx = chaos_random(c, 0x40000);
	switch (chaos_random(c, 3)) {
	case 0:
		machine_pvalidate(c->s.m, cpu, &insn);
		break;
	case 1:
		machine_rmpadjust(c->s.m, cpu, &insn);
		break;
	default:
		machine_rmpquery(c->s.m, cpu, &insn);
		break;
	}
}

static void access_page(struct chaos *c, unsigned int cpu)
{
	struct access a = {
		.gpa = chaos_random(c, 8) ? target(c) : VMSA_AT(0, 0) +
		       chaos_random(c, 16) * PAGE_SIZE,
		.kind = chaos_random(c, 3),
		.c_bit = chaos_random(c, 4),
		.paging = chaos_random(c, 8),
		.walk = !chaos_random(c, 8),
	};
	u64 npf, entry = rmp_load(c->s.m, rmp_index(c->s.m, a.gpa));
	unsigned int prot = 0;
	enum access_verdict v = machine_access(c->s.m, cpu, &a, &prot, &npf);

	if (v != ACCESS_OK) {
		if (!chaos_random(c, 8))
			machine_fault(c->s.m, cpu, &a, v, npf);
		return;
	}
	CHAOS_CHECK(c, !(entry & RMP_VMSA && entry & RMP_INUSE));
	CHAOS_CHECK(c, !(entry & RMP_ASSIGNED) || entry & RMP_VALIDATED);
	if (a.kind == ACCESS_WRITE && entry & RMP_ASSIGNED &&
	    a.gpa >= PRIVATE_AT)
		((u64 *)script_ram(&c->s, a.gpa))[chaos_random(c, 512)] =
			CHAOS_SECRET;
}

void chaos_guest_step(struct chaos *c, unsigned int cpu)
{
	struct script *s = &c->s;
	struct regs *r = &s->cpu[cpu].regs;

	CHAOS_CHECK(c, s->cpu[cpu].loaded);
	c->entered++;
	switch (chaos_random(c, 24)) {
	case 0:
		r->rflags ^= RFLAGS_IF;
		r->shadow = chaos_random(c, 2);
		break;
	case 1:
		r->nmi_masked = false;
		r->rflags |= RFLAGS_IF;
		break;
	case 2:
		control(c, cpu);
		break;
	case 3:
		machine_write_cr8(s->m, cpu, chaos_random(c, 3) ? 0 :
				  chaos_random(c, 16));
		break;
	case 4:
		own_event(c, cpu);
		break;
	case 5:
		machine_intercept(s->m, cpu, chaos_random(c, 0x100), 0, 0, 2);
		break;
	case 6:
		machine_vmgexit(s->m, cpu);
		break;
	case 7:
		machine_hlt(s->m, cpu, r->rflags, r->nmi_masked);
		break;
	case 8:
		machine_kicked(s->m, cpu);
		break;
	case 9:
		rmp_insn(c, cpu);
		break;
	case 10:
	case 11:
		access_page(c, cpu);
		break;
	case 12 ... 16:
		msr(c, cpu);
		break;
	default:
		r->rflags |= chaos_random(c, 4) ? RFLAGS_IF : 0;
		boundary(c, cpu);
		break;
	}
}

/* ---- the monitor ----------------------------------------------------------- */

static void queue(struct chaos *c, struct vmsa *vmsa)
{
	u8 vector = monitor_vectors[chaos_random(c, sizeof(monitor_vectors))];

	vmsa->vintr_ctrl = VINTR_VGIF | VINTR_NMI_ENABLE |
			   (vmsa->vintr_ctrl & VINTR_TPR);
	if (chaos_random(c, 2))
		vmsa->vintr_ctrl |= VINTR_V_IRQ |
			(u64)(vector >> 4) << VINTR_PRIO_SHIFT |
			(u64)vector << VINTR_VECTOR_SHIFT;
	if (!chaos_random(c, 8))
		vmsa->vintr_ctrl |= VINTR_V_NMI;
}

void chaos_monitor_step(struct chaos *c)
{
	unsigned int cpu = chaos_random(c, SCRIPT_CPUS);
	unsigned int vmpl = chaos_random(c, 2) * 2;
	u64 entry = rmp_load(c->s.m, rmp_index(c->s.m, VMSA_AT(cpu, vmpl)));
	u64 features = chaos_features(cpu, vmpl);
	struct vmsa *vmsa = script_ram(&c->s, VMSA_AT(cpu, vmpl));

	if (!(entry & RMP_ASSIGNED) || !(entry & RMP_VMSA) ||
	    entry & RMP_INUSE || vmsa->sev_features != features)
		return;
	vmsa->vintr_ctrl &= ~VINTR_BUSY;
	if (features & AI)
		queue(c, vmsa);
	if (features & (AI | SAVIC) && !chaos_random(c, 4))
		vmsa->event_inj = EVENT_V | CHAOS_TAG << 32 |
				  (chaos_random(c, 2) ? 0x80 : 0x30e);
}
