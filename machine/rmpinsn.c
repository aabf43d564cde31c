// SPDX-License-Identifier: MIT
/*
 * PVALIDATE, RMPADJUST, RMPQUERY. APM vol. 3 (24594), and vol. 2 sections
 * 15.36.6 to 15.36.8. The engine has checked CPL 0 and walked the address.
 */
#include "machine/internal.h"

#define INSN_4K		0
#define INSN_2M		1

/* What a target page that cannot be used at all raises. */
static enum mach_next target_fault(struct machine *m, unsigned int vcpu,
				   struct rmp_insn *insn, u64 bits)
{
	return vcpu_exit(m, vcpu, EXIT_NPF, NPF_FINAL | bits, insn->gpa, 0);
}

/*
 * Common to all three: size and alignment, the page is there and private,
 * entry and mapping have the requested size. Returns true to go on with
 * *index; else *next (and insn->eax) hold the outcome.
 */
static bool target(struct machine *m, unsigned int vcpu, struct rmp_insn *insn,
		   u64 *index, enum mach_next *next)
{
	u64 size = insn->rcx & 0xffffffff;
	u64 entry;

	*next = MACH_DONE;
	insn->eax = RMP_FAIL_INPUT;
	if (size > INSN_2M)
		return false;
	if (size == INSN_2M && insn->gva & (PAGE_2M - 1))
		return false;
	if (size == INSN_2M && !insn->mapped_2m) {
		insn->eax = RMP_FAIL_SIZEMISMATCH;
		return false;
	}
	*index = rmp_index(m, insn->gpa & (size == INSN_2M ?
					   ~(PAGE_2M - 1) : PAGE_MASK));
	if (*index == NO_PAGE) {
		*next = target_fault(m, vcpu, insn, 0);
		return false;
	}
	entry = rmp_load(m, *index);
	if (entry & RMP_STALE) {
		*next = MACH_RESUME;
		return false;
	}
	if (entry & RMP_ABSENT || !(entry & RMP_ASSIGNED)) {
		*next = target_fault(m, vcpu, insn, entry & RMP_ABSENT ? 0 :
				     NPF_PRESENT | NPF_RMP | NPF_ENC);
		return false;
	}
	if (size == INSN_2M && !(entry & RMP_LARGE)) {
		insn->eax = RMP_FAIL_SIZEMISMATCH;
		return false;
	}
	if (size == INSN_4K && entry & RMP_LARGE) {
		*next = target_fault(m, vcpu, insn, NPF_PRESENT | NPF_RMP |
				     NPF_ENC | NPF_SIZEM);
		return false;
	}
	return true;
}

static void put_entry(struct machine *m, u64 index, u64 entry)
{
	rmp_fill(m, index, entry & RMP_LARGE, entry & ~RMP_LARGE);
}

enum mach_next machine_pvalidate(struct machine *m, unsigned int vcpu,
				 struct rmp_insn *insn)
{
	struct vcpu *v = &m->vcpu[vcpu];
	bool validate = insn->rdx & 1;
	enum mach_next next;
	u64 index, entry;

	insn->cf = false;
	if (v->vmpl && !m->config.switches.pvalidate_vmpl_fails)
		return MACH_GP;
	if (v->vmpl) {
		insn->eax = RMP_FAIL_PERMISSION;
		return MACH_DONE;
	}
	if (!target(m, vcpu, insn, &index, &next))
		return next;
	entry = rmp_load(m, index);
	if (entry & (RMP_IMMUTABLE | RMP_VMSA)) {
		insn->eax = entry & RMP_VMSA ? RMP_FAIL_INUSE : RMP_FAIL_INPUT;
		return MACH_DONE;
	}
	v->stats.pvalidates++;
	insn->eax = RMP_OK;
	insn->cf = validate == !!(entry & RMP_VALIDATED);
	if (insn->cf)
		return MACH_DONE;
	put_entry(m, index, entry ^ RMP_VALIDATED);
	if (!validate)
		m->ops->tlb_flush_all(m->engine, vcpu);
	return MACH_DONE;
}

/*
 * The rights that the caller may hand on: its own. A page without Validated
 * raises the same as an access would.
 */
static bool adjust_target(struct machine *m, unsigned int vcpu,
			  struct rmp_insn *insn, u64 *index,
			  enum mach_next *next)
{
	if (!target(m, vcpu, insn, index, next))
		return false;
	if (rmp_load(m, *index) & RMP_VALIDATED)
		return true;
	*next = vcpu_vc(m, vcpu, EXIT_PAGE_NOT_VALIDATED, NPF_PRESENT |
			NPF_FINAL, insn->gpa, 0, false);
	return false;
}

/* VMPL 0 alone decides which pages are VMSAs (APM vol. 3, RMPADJUST). */
static u64 adjust_vmsa(const struct vcpu *v, const struct rmp_insn *insn,
		       u64 entry)
{
	if (v->vmpl)
		return entry;
	if (insn->rdx & RMPADJUST_VMSA)
		return entry | RMP_VMSA;
	return entry & ~RMP_VMSA;
}

enum mach_next machine_rmpadjust(struct machine *m, unsigned int vcpu,
				 struct rmp_insn *insn)
{
	struct vcpu *v = &m->vcpu[vcpu];
	unsigned int vmpl = insn->rdx & RMPADJUST_VMPL;
	u64 perm = insn->rdx >> RMPADJUST_PERM_SHIFT & 0xff;
	enum mach_next next;
	u64 index, old, new;

	if (!adjust_target(m, vcpu, insn, &index, &next))
		return next;
	old = rmp_load(m, index);
	insn->eax = RMP_FAIL_INPUT;
	if (vmpl >= SNP_VMPLS || perm & ~VMPL_PERM_ALL ||
	    insn->rdx >> 17)
		return MACH_DONE;
	insn->eax = RMP_FAIL_PERMISSION;
	if (vmpl <= v->vmpl || perm & ~(old >> RMP_PERM_SHIFT(v->vmpl)))
		return MACH_DONE;
	insn->eax = RMP_FAIL_INUSE;
	if (old & RMP_INUSE)
		return MACH_DONE;
	insn->eax = RMP_FAIL_INPUT;
	if (insn->rdx & RMPADJUST_VMSA && old & RMP_LARGE)
		return MACH_DONE;
	new = (old & ~RMP_PERM(vmpl)) | perm << RMP_PERM_SHIFT(vmpl);
	put_entry(m, index, adjust_vmsa(v, insn, new));
	if (old & ~new & RMP_PERM(vmpl))
		m->ops->tlb_flush_all(m->engine, vcpu);
	v->stats.rmpadjusts++;
	insn->eax = RMP_OK;
	return MACH_DONE;
}

/*
 * RMPQUERY: RDX[7:0] names the VMPL; returns its permissions in RDX[15:8],
 * the VMSA bit in RDX[16], the page size in RCX. Zen 4's register layout is
 * known from its use only.
 */
enum mach_next machine_rmpquery(struct machine *m, unsigned int vcpu,
				struct rmp_insn *insn)
{
	struct vcpu *v = &m->vcpu[vcpu];
	unsigned int vmpl = insn->rdx & RMPADJUST_VMPL;
	bool present;
	u64 entry = rmp_lookup(m, insn->gpa, &present);

	insn->eax = RMP_FAIL_INPUT;
	if (vmpl >= SNP_VMPLS)
		return MACH_DONE;
	insn->eax = RMP_FAIL_PERMISSION;
	if (vmpl < v->vmpl)
		return MACH_DONE;
	if (!present || entry & RMP_ABSENT)
		return target_fault(m, vcpu, insn, 0);
	if (!(entry & RMP_ASSIGNED))
		return target_fault(m, vcpu, insn, NPF_PRESENT | NPF_RMP |
				    NPF_ENC);
	insn->rdx = vmpl | (entry >> RMP_PERM_SHIFT(vmpl) & 0xff) <<
		    RMPADJUST_PERM_SHIFT;
	if (entry & RMP_VMSA)
		insn->rdx |= RMPADJUST_VMSA;
	insn->rcx = entry & RMP_LARGE ? INSN_2M : INSN_4K;
	insn->eax = RMP_OK;
	return MACH_DONE;
}
