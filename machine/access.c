// SPDX-License-Identifier: MIT
/*
 * The RMP check at the end of a page walk, and what a failed one raises.
 * APM vol. 2 (24593) section 15.36.10, tables 15-38 to 15-41.
 */
#include "machine/internal.h"

static bool is_private(const struct vcpu *v, const struct access *a)
{
	if (a->walk || !a->paging || a->kind == ACCESS_FETCH)
		return true;
	if (v->features & SEV_FEATURE_VTOM)
		return a->gpa < v->vtom;
	return a->c_bit;
}

static u64 npf_info(const struct access *a)
{
	u64 info = NPF_PRESENT | (a->walk ? NPF_TABLE : NPF_FINAL);

	if (a->kind == ACCESS_WRITE)
		info |= NPF_WRITE;
	if (a->kind == ACCESS_FETCH)
		info |= NPF_FETCH;
	if (a->user || a->walk)
		info |= NPF_USER;
	return info;
}

static unsigned int vmpl_prot(u64 entry, unsigned int vmpl, bool user)
{
	unsigned int perm = entry >> RMP_PERM_SHIFT(vmpl);
	unsigned int prot = 0;

	if (perm & VMPL_PERM_R)
		prot |= ACCESS_PROT_R;
	if (perm & VMPL_PERM_W && perm & VMPL_PERM_R)
		prot |= ACCESS_PROT_W;
	if (perm & (user ? VMPL_PERM_UX : VMPL_PERM_SX))
		prot |= ACCESS_PROT_X;
	return prot;
}

static unsigned int needed(enum access_kind kind)
{
	switch (kind) {
	case ACCESS_WRITE:
		return ACCESS_PROT_W;
	case ACCESS_FETCH:
		return ACCESS_PROT_X;
	default:
		return ACCESS_PROT_R;
	}
}

/*
 * A page mapped with C = 0 can be fetched from only as private memory, and
 * read as shared: the rights that one check gives must not serve the other.
 */
static unsigned int same_view(const struct vcpu *v, const struct access *a,
			      unsigned int prot)
{
	struct access data = *a;

	if (a->kind != ACCESS_FETCH)
		return prot;
	data.kind = ACCESS_READ;
	return is_private(v, &data) ? prot : prot & ACCESS_PROT_X;
}

enum access_verdict machine_access(struct machine *m, unsigned int vcpu,
				   const struct access *a, unsigned int *prot,
				   u64 *npf)
{
	const struct vcpu *v = &m->vcpu[vcpu];
	bool private = is_private(v, a);
	u64 index = rmp_index(m, a->gpa);
	/* The VMSAs that a launch put outside of RAM are not reachable. */
	bool present = index != NO_PAGE;
	u64 entry = present ? rmp_load(m, index) : 0;

	*npf = npf_info(a);
	if (!present || entry & RMP_ABSENT) {
		*npf &= ~NPF_PRESENT;
		return present || a->walk ? ACCESS_NPF : ACCESS_MMIO;
	}
	if (entry & RMP_STALE)
		return ACCESS_AGAIN;
	if (private != !!(entry & RMP_ASSIGNED)) {
		*npf |= NPF_RMP | (private ? NPF_ENC : 0);
		return ACCESS_NPF;
	}
	if (!private) {
		*prot = ACCESS_PROT_R | ACCESS_PROT_W;
		return ACCESS_OK;
	}
	/* A VMSA is hardware's while it runs (APM 15.36.12). */
	if (entry & RMP_VMSA && entry & RMP_INUSE) {
		*npf |= NPF_RMP | NPF_ENC;
		return ACCESS_NPF;
	}
	if (!(entry & RMP_VALIDATED))
		return ACCESS_NOT_VALIDATED;
	*prot = same_view(v, a, vmpl_prot(entry, v->vmpl, a->user));
	if (*prot & needed(a->kind))
		return ACCESS_OK;
	*npf |= NPF_RMP | NPF_ENC | NPF_VMPL;
	return ACCESS_NPF;
}

enum mach_next machine_fault(struct machine *m, unsigned int vcpu,
			     const struct access *a, enum access_verdict v,
			     u64 npf)
{
	switch (v) {
	case ACCESS_MMIO:
		/* An NPT entry with a reserved bit: the only NAE of the NPF. */
		return vcpu_vc(m, vcpu, EXIT_NPF, npf | NPF_RESERVED |
			       NPF_PRESENT, a->gpa, 0, false);
	case ACCESS_NOT_VALIDATED:
		return vcpu_vc(m, vcpu, EXIT_PAGE_NOT_VALIDATED, npf, a->gpa,
			       0, false);
	case ACCESS_AGAIN:
		return MACH_RESUME;
	default:
		return vcpu_exit(m, vcpu, EXIT_NPF, npf, a->gpa, 0);
	}
}
