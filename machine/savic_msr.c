// SPDX-License-Identifier: MIT
/*
 * Secure AVIC: what RDMSR and WRMSR of an x2APIC register do. Architectural
 * checks come first (#GP), then the permission table: accelerated, allowed,
 * trap or fault. APM vol. 2 (24593) table 15-22, sections 15.29.9, 15.29.10
 * and 15.36.21.5.
 */
#include "machine/internal.h"

enum savic_way {
	GP,		/* no such access in the architecture */
	ALLOW,		/* satisfied from the page, no exit */
	ACCEL,		/* hardware does what the register does */
	TRAP,		/* page written, then 402h with RIP advanced */
	FAULT,		/* 402h at the instruction, page untouched */
	READ_ONLY,	/* #GP, or FAULT by switch */
};

struct savic_reg {
	u16 first, last;	/* MSR numbers */
	u8 read, write;		/* enum savic_way */
	u64 legal;		/* bits that a write may set */
};

static const struct savic_reg regs[] = {
	{ 0x802, 0x803, ALLOW, READ_ONLY, 0 },		/* ID, VERSION */
	{ 0x808, 0x808, ALLOW, ACCEL, 0xff },		/* TPR */
	{ 0x80a, 0x80a, ALLOW, READ_ONLY, 0 },		/* PPR */
	{ 0x80b, 0x80b, GP, ACCEL, 0 },			/* EOI */
	{ 0x80d, 0x80d, ALLOW, READ_ONLY, 0 },		/* LDR */
	{ 0x80f, 0x80f, ALLOW, TRAP, 0x3ff },		/* SVR */
	{ 0x810, 0x827, ALLOW, READ_ONLY, 0 },		/* ISR, TMR, IRR */
	{ 0x828, 0x828, ALLOW, TRAP, 0 },		/* ESR */
	{ 0x830, 0x830, ALLOW, ACCEL, 0xffffffff000ccfff }, /* ICR */
	{ 0x832, 0x832, ALLOW, TRAP, 0x710ff },		/* LVT timer */
	{ 0x833, 0x834, ALLOW, TRAP, 0x117ff },		/* thermal, perf */
	{ 0x835, 0x836, ALLOW, TRAP, 0x1f7ff },		/* LINT0, LINT1 */
	{ 0x837, 0x837, ALLOW, TRAP, 0x110ff },		/* error */
	{ 0x838, 0x838, ALLOW, TRAP, 0xffffffff },	/* TMICT */
	{ 0x839, 0x839, FAULT, READ_ONLY, 0 },		/* TMCCT */
	{ 0x83e, 0x83e, ALLOW, TRAP, 0xb },		/* TDCR */
	{ 0x83f, 0x83f, GP, ACCEL, 0xff },		/* SELF_IPI */
	{ 0x840, 0x842, FAULT, FAULT, 0xffffffff },	/* EFEAT.. */
	{ 0x848, 0x857, FAULT, FAULT, 0xffffffff },	/* IER, ext. LVT */
};

static const struct savic_reg *find(u32 msr)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(regs); i++)
		if (msr >= regs[i].first && msr <= regs[i].last)
			return &regs[i];
	return NULL;
}

/*
 * An exit of Secure AVIC; hardware tells no NRIP for it. After a trap the
 * instruction is complete: the engine is told by machine_vc_is_trap(), but a
 * reflected one leaves the guest here, so that its RIP must move here, too.
 */
static enum mach_next savic_exit(struct machine *m, unsigned int vcpu,
				 u64 code, u64 info1, u64 info2, u64 nrip,
				 bool trap)
{
	struct vcpu *v = &m->vcpu[vcpu];

	if (trap && v->features & SEV_FEATURE_REFLECT_VC) {
		vcpu_unload(m, vcpu);
		v->vmsa->rip = nrip;
		v->vmsa->vintr_ctrl &= ~VINTR_SHADOW;
	}
	return vcpu_vc(m, vcpu, code, info1, info2, 0, trap);
}

static enum mach_next noaccel(struct machine *m, unsigned int vcpu, u32 offset,
			      bool write, u64 info2, u64 nrip, bool trap)
{
	u64 info1 = (offset & AVIC_NOACCEL_OFFSET) |
		    (write ? AVIC_NOACCEL_WRITE : 0);

	return savic_exit(m, vcpu, EXIT_AVIC_NOACCEL, info1, info2, nrip,
			  trap);
}

enum mach_next savic_rdmsr(struct machine *m, unsigned int vcpu, u32 msr,
			   u64 nrip, u64 *value)
{
	const struct savic_reg *reg = find(msr);
	u32 offset = X2APIC_OFFSET(msr);
	enum savic_fault fault;

	if (!reg || reg->read == GP)
		return MACH_GP;
	if (reg->read == FAULT)
		return noaccel(m, vcpu, offset, false, 0, nrip, false);
	fault = savic_reg_read(m, vcpu, offset, value);
	return fault == SAVIC_OK ? MACH_DONE :
	       savic_page_fault(m, vcpu, fault);
}

static enum mach_next write_eoi(struct machine *m, unsigned int vcpu, u64 nrip)
{
	enum savic_fault fault;
	bool level;
	u8 vector;

	fault = savic_eoi(m, vcpu, &vector, &level);
	if (fault != SAVIC_OK)
		return savic_page_fault(m, vcpu, fault);
	if (level)
		return noaccel(m, vcpu, APIC_EOI, true, vector, nrip,
			       !m->config.switches.savic_eoi_fault);
	m->ops->poll_event(m->engine, vcpu);
	return MACH_DONE;
}

static enum mach_next incomplete(struct machine *m, unsigned int vcpu, u64 icr,
				 u64 nrip, enum avic_ipi_failure id)
{
	return savic_exit(m, vcpu, EXIT_AVIC_INCOMPLETE_IPI, icr,
			  (u64)id << AVIC_IPI_ID_SHIFT, nrip, true);
}

static enum mach_next self_ipi(struct machine *m, unsigned int vcpu, u64 nrip,
			       u64 icr)
{
	u8 vector = icr & APIC_ICR_VECTOR;
	enum savic_fault fault;

	if (vector < 16)
		return incomplete(m, vcpu, icr, nrip, AVIC_IPI_INVALID_VECTOR);
	fault = savic_self_ipi(m, vcpu, vector);
	if (fault != SAVIC_OK)
		return savic_page_fault(m, vcpu, fault);
	m->vcpu[vcpu].stats.self_ipi_accelerated++;
	m->ops->poll_event(m->engine, vcpu);
	return MACH_DONE;
}

/* Only a fixed, edge-triggered interrupt to oneself is accelerated. */
static enum mach_next write_icr(struct machine *m, unsigned int vcpu, u64 nrip,
				u64 icr)
{
	unsigned int mode = (icr & APIC_ICR_MODE) >> APIC_ICR_MODE_SHIFT;
	bool self = (icr & APIC_ICR_SHORTHAND) >> APIC_ICR_SHORTHAND_SHIFT ==
		    APIC_DEST_SELF;

	if (!self)
		return incomplete(m, vcpu, icr, nrip, AVIC_IPI_UNACCELERATED);
	if (mode != APIC_FIXED || icr & APIC_ICR_LEVEL)
		return incomplete(m, vcpu, icr, nrip, AVIC_IPI_INVALID_TYPE);
	return self_ipi(m, vcpu, nrip, icr);
}

static enum mach_next accelerate(struct machine *m, unsigned int vcpu,
				 u32 offset, u64 nrip, u64 value)
{
	struct vcpu *v = &m->vcpu[vcpu];

	switch (offset) {
	case APIC_TPR:
		v->vintr = (v->vintr & ~VINTR_TPR) | value >> 4;
		savic_set_tpr(m, vcpu, value);
		v->stats.tpr_accelerated++;
		m->ops->poll_event(m->engine, vcpu);
		return MACH_DONE;
	case APIC_EOI:
		return write_eoi(m, vcpu, nrip);
	case APIC_ICR:
		return write_icr(m, vcpu, nrip, value);
	default:
		return self_ipi(m, vcpu, nrip, value | APIC_DEST_SELF <<
				APIC_ICR_SHORTHAND_SHIFT);
	}
}

enum mach_next savic_wrmsr(struct machine *m, unsigned int vcpu, u32 msr,
			   u64 nrip, u64 value)
{
	const struct savic_reg *reg = find(msr);
	u32 offset = X2APIC_OFFSET(msr);
	enum savic_fault fault;
	bool ro_fault = m->config.switches.savic_ro_fault;

	if (!reg || reg->write == GP || (reg->write == READ_ONLY && !ro_fault))
		return MACH_GP;
	if (reg->write != READ_ONLY && value & ~reg->legal)
		return MACH_GP;
	if (reg->write == FAULT || reg->write == READ_ONLY)
		return noaccel(m, vcpu, offset, true, 0, nrip, false);
	/* EOI and SELF_IPI have no storage; all others are written first. */
	if (offset != APIC_EOI && offset != APIC_SELF_IPI) {
		fault = savic_reg_write(m, vcpu, offset, value);
		if (fault != SAVIC_OK)
			return savic_page_fault(m, vcpu, fault);
	}
	if (reg->write == TRAP)
		return noaccel(m, vcpu, offset, true, 0, nrip, true);
	return accelerate(m, vcpu, offset, nrip, value);
}

/*
 * SECURE_AVIC_CONTROL. The pages are judged when hardware uses them, the
 * pointer here: it must name RAM. APM 15.36.21.2.
 */
enum mach_next savic_write_control(struct machine *m, unsigned int vcpu,
				   u64 value)
{
	struct vcpu *v = &m->vcpu[vcpu];
	u64 gpa = value & SAVIC_CONTROL_PAGE;
	enum savic_fault fault;

	if (!(v->features & SEV_FEATURE_SECURE_AVIC))
		return MACH_GP;
	if (value & SAVIC_CONTROL_MBZ)
		return MACH_GP;
	if (value & SAVIC_CONTROL_EN && rmp_index(m, gpa) == NO_PAGE)
		return MACH_GP;
	if (savic_on(v))
		rmp_flag(m, v->savic & SAVIC_CONTROL_PAGE, RMP_INUSE, false);
	v->savic = value;
	if (!savic_on(v))
		return MACH_DONE;
	rmp_flag(m, gpa, RMP_INUSE, true);
	fault = savic_vmrun(m, vcpu, v->vmcb);
	if (fault != SAVIC_OK)
		return savic_page_fault(m, vcpu, fault);
	m->ops->poll_event(m->engine, vcpu);
	return MACH_DONE;
}
