// SPDX-License-Identifier: MIT
/*
 * Below a monitor: calls through the calling area (58019), by the MSR protocol
 * since a guest's first call makes its GHCB shared. No interrupt comes while
 * the area is in use; a call from an NMI handler is served, too, and leaves
 * the pending byte as it found it.
 */
#include "guest/micro/micro.h"

#define TRIES	100000

static u8 areas[MICRO_CPUS][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static const struct snp_secrets *secrets(void)
{
	const struct snp_secrets *s =
		(const struct snp_secrets *)micro_info->secrets;

	return s && s->svsm_size && s->svsm_caa ? s : NULL;
}

unsigned int svsm_vmpl(void)
{
	return secrets() ? secrets()->svsm_guest_vmpl : 0;
}

bool alternate_active(void)
{
	return svsm_vmpl() && rdmsr(MSR_SEV_STATUS) >>
	       SEV_STATUS_FEATURE_SHIFT & SEV_FEATURE_ALTERNATE;
}

struct svsm_ca *svsm_area(unsigned int index)
{
	if (!index && !micro_cpus[0].remapped)
		return (struct svsm_ca *)secrets()->svsm_caa;
	return (struct svsm_ca *)areas[index];
}

/* Registers as for VMGEXIT; what comes back is in their places. */
static void issue(struct svsm_ca *ca, struct svsm_regs *r)
{
	register u64 r8 asm("r8") = r->r8;
	register u64 r9 asm("r9") = r->r9;

	asm volatile("movb $1, (%[ca])\n"
		     "rep; vmmcall"
		     : "+a"(r->rax), "+c"(r->rcx), "+d"(r->rdx), "+r"(r8),
		       "+r"(r9)
		     : [ca] "r"(ca) : "memory");
	r->r8 = r8;
	r->r9 = r9;
}

/* False: the monitor has not seen it. */
bool svsm_issue(struct svsm_regs *r)
{
	u64 flags = irq_save(), old = rdmsr(MSR_GHCB);
	struct svsm_ca *ca = svsm_area(this_cpu()->index);
	u8 before = __atomic_exchange_n(&ca->call_pending, 0,
					__ATOMIC_SEQ_CST);
	u8 pending;

	wrmsr(MSR_GHCB, GHCB_MSR_RUN_VMPL_REQ);
	issue(ca, r);
	pending = __atomic_exchange_n(&ca->call_pending, before,
				      __ATOMIC_SEQ_CST);
	wrmsr(MSR_GHCB, old);
	irq_restore(flags);
	return !pending;
}

u64 svsm_call(u32 protocol, u32 number, struct svsm_regs *r)
{
	struct svsm_regs regs;

	for (u32 i = 0; i < TRIES; i++) {
		regs = *r;
		regs.rax = (u64)protocol << 32 | number;
		if (svsm_issue(&regs) && regs.rax != SVSM_ERR_BUSY &&
		    regs.rax != SVSM_ERR_INCOMPLETE)
			break;
	}
	*r = regs;
	return regs.rax;
}

u64 svsm_core(u32 number, u64 rcx, u64 rdx, u64 r8)
{
	struct svsm_regs r = { .rcx = rcx, .rdx = rdx, .r8 = r8 };

	return svsm_call(SVSM_PROTOCOL_CORE, number, &r);
}

u64 svsm_apic(u32 number, u64 rcx, u64 rdx)
{
	struct svsm_regs r = { .rcx = rcx, .rdx = rdx };

	return svsm_call(SVSM_PROTOCOL_APIC, number, &r);
}

u64 svsm_apic_read(u32 offset)
{
	struct svsm_regs r = { .rcx = X2APIC_MSR(offset) };

	if (svsm_call(SVSM_PROTOCOL_APIC, SVSM_APIC_READ_REGISTER, &r))
		panic("the monitor refused to read a register", NULL);
	return r.rdx;
}

void svsm_apic_write(u32 offset, u64 value)
{
	if (svsm_apic(SVSM_APIC_WRITE_REGISTER, X2APIC_MSR(offset), value))
		panic("the monitor refused to write a register", NULL);
}

/* PVALIDATE of one page: not this VMPL's to do. */
bool svsm_validate(u64 gpa, bool validate)
{
	static struct {
		struct svsm_pvalidate header;
		u64 entry;
	} list __attribute__((aligned(16)));

	list.header = (struct svsm_pvalidate){ .entries = 1 };
	list.entry = gpa | (validate ? SVSM_PVALIDATE_VALIDATE : 0);
	return !svsm_core(SVSM_CORE_PVALIDATE, (u64)&list, 0, 0);
}

/* False: the first call of a vCPU's life, or the monitor, refused. */
bool svsm_create(unsigned int index, const struct vmsa *vmsa)
{
	return !svsm_core(SVSM_CORE_CREATE_VCPU, (u64)vmsa,
			  (u64)svsm_area(index), micro_cpus[index].apic_id);
}

bool svsm_remap(void)
{
	u64 to = (u64)areas[this_cpu()->index];

	if (svsm_core(SVSM_CORE_REMAP_CA, to, 0, 0))
		return false;
	this_cpu()->remapped = true;
	return true;
}
