// SPDX-License-Identifier: MIT
/*
 * Secure AVIC: the guest's APIC backing page. Hardware and every vCPU of the
 * guest write it at once, so each 32-bit word is changed atomically.
 * APM vol. 2 (24593) sections 15.29.4 to 15.29.6 and 15.36.21.
 */
#include "machine/internal.h"

bool savic_on(const struct vcpu *v)
{
	return v->features & SEV_FEATURE_SECURE_AVIC &&
	       v->savic & SAVIC_CONTROL_EN;
}

/* The page, NULL with *fault if hardware cannot reach it. */
static u32 *backing_page(struct machine *m, const struct vcpu *v,
			 enum savic_fault *fault)
{
	u64 verdict;
	u32 *page = rmp_private_page(m, v->vmpl,
				     v->savic & SAVIC_CONTROL_PAGE, &verdict);

	*fault = page ? SAVIC_OK : verdict == ACCESS_NOT_VALIDATED ?
		 SAVIC_UNVALIDATED : SAVIC_NPF;
	return page;
}

static u32 reg_load(u32 *page, u32 offset)
{
	return __atomic_load_n(&page[offset / 4], __ATOMIC_ACQUIRE);
}

static void reg_store(u32 *page, u32 offset, u32 value)
{
	__atomic_store_n(&page[offset / 4], value, __ATOMIC_RELEASE);
}

static void reg_or(u32 *page, u32 offset, u32 bits)
{
	__atomic_fetch_or(&page[offset / 4], bits, __ATOMIC_ACQ_REL);
}

static void reg_clear(u32 *page, u32 offset, u32 bits)
{
	__atomic_fetch_and(&page[offset / 4], ~bits, __ATOMIC_ACQ_REL);
}

static u32 bit_offset(u32 base, u8 vector)
{
	return base + 0x10 * (vector / 32);
}

/* Highest set bit of a 256-bit register; false if none. */
static bool highest(u32 *page, u32 base, u8 *vector)
{
	for (int word = 7; word >= 0; word--) {
		u32 bits = reg_load(page, base + 0x10 * word);

		if (word == 0)
			bits &= 0xffff0000;	/* 0..15 are no interrupts */
		if (!bits)
			continue;
		*vector = 32 * word + 31 - __builtin_clz(bits);
		return true;
	}
	return false;
}

/* PPR is TPR or the class in service, whichever is higher. */
static void update_ppr(u32 *page)
{
	u32 tpr = reg_load(page, APIC_TPR) & 0xff;
	u8 isr = 0;

	highest(page, APIC_ISR, &isr);
	reg_store(page, APIC_PPR, tpr >> 4 >= isr >> 4 ? tpr : isr & 0xf0u);
}

/* EXITINFO1 of the NPF that an access of hardware to the page raises. */
u64 savic_npf(struct machine *m, unsigned int vcpu)
{
	u64 gpa = m->vcpu[vcpu].savic & SAVIC_CONTROL_PAGE;
	u64 index = rmp_index(m, gpa);

	if (index == NO_PAGE || rmp_load(m, index) & RMP_ABSENT)
		return NPF_NOT_RESTARTABLE;
	return NPF_NOT_RESTARTABLE | NPF_RMP | NPF_PRESENT;
}

/* Carries out what a page that hardware cannot reach means. */
enum mach_next savic_page_fault(struct machine *m, unsigned int vcpu,
				enum savic_fault fault)
{
	struct vcpu *v = &m->vcpu[vcpu];
	u64 gpa = v->savic & SAVIC_CONTROL_PAGE;

	if (fault == SAVIC_UNVALIDATED)
		return vcpu_vc(m, vcpu, EXIT_NOT_RESTARTABLE, 0, gpa, 0,
			       false);
	v->vmsa->vintr_ctrl |= VINTR_BUSY;
	return vcpu_exit(m, vcpu, EXIT_NPF, savic_npf(m, vcpu), gpa, 0);
}

/* Merge what the host asks for, as far as the guest allows it. */
static void merge(struct vcpu *v, u32 *page, const struct vmcb *vmcb)
{
	for (unsigned int word = 0; word < 8; word++) {
		u32 asked = vmcb->requested_irr[word];
		u32 allowed = reg_load(page, SAVIC_ALLOWED_IRR + 0x10 * word);

		if (!asked)
			continue;
		if (asked & allowed)
			reg_or(page, APIC_IRR + 0x10 * word, asked & allowed);
		v->stats.merged += __builtin_popcount(asked & allowed);
		for (u32 left = asked & ~allowed; left; left &= left - 1)
			v->stats.refused[32 * word + __builtin_ctz(left)]++;
	}
}

static void take_host_nmi(struct machine *m, struct vcpu *v,
			  struct vmcb *vmcb)
{
	if (!(vmcb->int_ctl & VINTR_V_NMI))
		return;
	if (v->savic & SAVIC_CONTROL_ALLOWED_NMI)
		v->vintr |= VINTR_V_NMI;
	else if (m->config.switches.savic_nmi_keeps)
		return;
	vmcb->int_ctl &= ~(u32)VINTR_V_NMI;
}

static void take_request(struct vcpu *v, u32 *page)
{
	if (__atomic_exchange_n(&page[SAVIC_NMI_REQ / 4], 0,
				__ATOMIC_ACQ_REL) & 1)
		v->vintr |= VINTR_V_NMI;
}

/* VMRUN with Secure AVIC: merge, evaluate, NMIs, then the clears. */
enum savic_fault savic_vmrun(struct machine *m, unsigned int vcpu,
			     struct vmcb *vmcb)
{
	struct vcpu *v = &m->vcpu[vcpu];
	enum savic_fault fault;
	u32 *page;

	if (!savic_on(v))
		return SAVIC_OK;
	page = backing_page(m, v, &fault);
	if (!page)
		return fault;
	v->vintr &= ~(VINTR_V_IRQ | VINTR_PRIO | VINTR_IGN_TPR |
		      VINTR_VECTOR);
	if (vmcb->update_irr & 1)
		merge(v, page, vmcb);
	update_ppr(page);
	take_host_nmi(m, v, vmcb);
	take_request(v, page);
	vmcb->update_irr = 0;
	for (unsigned int word = 0; word < 8; word++)
		vmcb->requested_irr[word] = 0;
	return SAVIC_OK;
}

void savic_take_nmi_request(struct machine *m, unsigned int vcpu)
{
	enum savic_fault fault;
	u32 *page = backing_page(m, &m->vcpu[vcpu], &fault);

	if (page)
		take_request(&m->vcpu[vcpu], page);
}

/*
 * The vector that would be presented, TPR aside. A page that has become
 * unreachable presents nothing: the fault is raised by the next access that
 * needs it.
 */
bool savic_pending(struct machine *m, unsigned int vcpu, u8 *vector)
{
	struct vcpu *v = &m->vcpu[vcpu];
	enum savic_fault fault;
	u32 *page = backing_page(m, v, &fault);
	u8 isr = 0;

	if (!page || !highest(page, APIC_IRR, vector))
		return false;
	highest(page, APIC_ISR, &isr);
	return *vector >> 4 > isr >> 4;
}

void savic_accept(struct machine *m, unsigned int vcpu, u8 vector)
{
	enum savic_fault fault;
	u32 *page = backing_page(m, &m->vcpu[vcpu], &fault);

	if (!page)
		return;
	reg_clear(page, bit_offset(APIC_IRR, vector), BIT(vector % 32));
	reg_or(page, bit_offset(APIC_ISR, vector), BIT(vector % 32));
	update_ppr(page);
}

/* The page's half of a TPR change; V_TPR has been set by the caller. */
void savic_set_tpr(struct machine *m, unsigned int vcpu, u8 tpr)
{
	enum savic_fault fault;
	u32 *page = backing_page(m, &m->vcpu[vcpu], &fault);

	if (!page)
		return;
	reg_store(page, APIC_TPR, tpr);
	update_ppr(page);
}

/* ---- what WRMSR and RDMSR do to the page -------------------------------- */

enum savic_fault savic_reg_read(struct machine *m, unsigned int vcpu,
				u32 offset, u64 *value)
{
	enum savic_fault fault;
	u32 *page = backing_page(m, &m->vcpu[vcpu], &fault);

	if (!page)
		return fault;
	*value = reg_load(page, offset);
	if (offset == APIC_ICR)
		*value |= (u64)reg_load(page, APIC_ICR2) << 32;
	return SAVIC_OK;
}

enum savic_fault savic_reg_write(struct machine *m, unsigned int vcpu,
				 u32 offset, u64 value)
{
	enum savic_fault fault;
	u32 *page = backing_page(m, &m->vcpu[vcpu], &fault);

	if (!page)
		return fault;
	reg_store(page, offset, value);
	if (offset == APIC_ICR)
		reg_store(page, APIC_ICR2, value >> 32);
	return SAVIC_OK;
}

enum savic_fault savic_self_ipi(struct machine *m, unsigned int vcpu,
				u8 vector)
{
	enum savic_fault fault;
	u32 *page = backing_page(m, &m->vcpu[vcpu], &fault);

	if (!page)
		return fault;
	reg_or(page, bit_offset(APIC_IRR, vector), BIT(vector % 32));
	return SAVIC_OK;
}

/*
 * EOI: *vector is the one in service; *level says that its TMR bit is set,
 * in which case nothing was done. An EOI with nothing in service is dropped.
 */
enum savic_fault savic_eoi(struct machine *m, unsigned int vcpu, u8 *vector,
			   bool *level)
{
	struct vcpu *v = &m->vcpu[vcpu];
	enum savic_fault fault;
	u32 *page = backing_page(m, v, &fault);

	*level = false;
	if (!page)
		return fault;
	if (!highest(page, APIC_ISR, vector))
		return SAVIC_OK;
	if (reg_load(page, bit_offset(APIC_TMR, *vector)) &
	    BIT(*vector % 32)) {
		*level = true;
		return SAVIC_OK;
	}
	reg_clear(page, bit_offset(APIC_ISR, *vector), BIT(*vector % 32));
	update_ppr(page);
	v->stats.eoi_accelerated++;
	v->stats.eoi[*vector]++;
	return SAVIC_OK;
}
