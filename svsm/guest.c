// SPDX-License-Identifier: MIT
/*
 * Making the guest: its memory, its secrets and CPUID pages, its first vCPU.
 * All of it from measured pages; the host has no say in it.
 */
#include "arch/svsm.h"
#include "svsm/insn.h"
#include "svsm/rmp.h"
#include "svsm/svsm.h"

/* ---- memory ------------------------------------------------------------- */

static void validate_page(u64 gpa)
{
	bool unchanged;

	if (rmp_validate(gpa, false, true, &unchanged) || unchanged)
		stop(MONITOR_STOP_PVALIDATE, "a page of the guest cannot be "
		     "validated", gpa);
}

static void grant_page(u64 gpa)
{
	if (rmp_adjust(gpa, false, info.guest_vmpl | VCPU_GUEST_ALL))
		stop(MONITOR_STOP_RMPADJUST, "a page of the guest cannot be "
		     "given to it", gpa);
}

/* False: these 2 MiB are of small pages. */
static bool validate_large(u64 gpa)
{
	bool unchanged;
	u32 eax = rmp_validate(gpa, true, true, &unchanged);

	if (eax == RMP_FAIL_SIZEMISMATCH)
		return false;
	if (eax || unchanged)
		stop(MONITOR_STOP_PVALIDATE, "memory of the guest cannot be "
		     "validated", gpa);
	return true;
}

static bool grant_large(u64 gpa)
{
	u32 eax = rmp_adjust(gpa, true, info.guest_vmpl | VCPU_GUEST_ALL);

	if (eax == RMP_FAIL_SIZEMISMATCH)
		return false;
	if (eax)
		stop(MONITOR_STOP_RMPADJUST, "memory of the guest cannot be "
		     "given to it", gpa);
	return true;
}

static void each(const struct monitor_range *r, bool (*large)(u64 gpa),
		 void (*page)(u64 gpa))
{
	u64 gpa = r->start, end;

	while (gpa < r->end) {
		if (!(gpa % PAGE_2M) && r->end - gpa >= PAGE_2M &&
		    large(gpa)) {
			gpa += PAGE_2M;
			continue;
		}
		end = (gpa & ~(PAGE_2M - 1)) + PAGE_2M;
		for (; gpa < end && gpa < r->end; gpa += PAGE_SIZE)
			page(gpa);
	}
}

/* ---- pages -------------------------------------------------------------- */

/*
 * 58019 section 4: keys of VMPLs above the guest's stay here. What is in the
 * page before is the guest's memory, unvalidated until now: all is written.
 */
static void fill_secrets(void)
{
	const struct snp_secrets *from = monitor_va(info.secrets);
	struct snp_secrets *to = guest_va(info.guest_secrets);

	*to = *from;
	for (u32 i = 0; i < info.guest_vmpl; i++)
		__builtin_memset(to->vmpck[i], 0, sizeof(to->vmpck[i]));
	to->svsm_base = info.base;
	to->svsm_size = info.size;
	to->svsm_caa = info.guest_ca;
	to->svsm_max_version = SVSM_MAX_VERSION;
	to->svsm_guest_vmpl = info.guest_vmpl;
}

static void fill_cpuid(void)
{
	const struct snp_cpuid_page *from = monitor_va(info.cpuid);
	struct snp_cpuid_page *to = guest_va(info.guest_cpuid);

	*to = *from;
	for (u32 i = 0; i < from->count; i++)
		if (from->row[i].eax_in == CPUID_SEV_LEAF)
			to->row[i].eax |= CPUID_SEV_EAX_SVSM;
}

void guest_prepare(void)
{
	for (u32 i = 0; i < info.unvalidated_ranges; i++)
		each(&info.unvalidated[i], validate_large, validate_page);
	if (info.guest_secrets) {
		fill_secrets();
		fill_cpuid();
		__builtin_memset(guest_va(info.guest_ca), 0, PAGE_SIZE);
	}
	for (u32 i = 0; i < info.guest_ranges; i++)
		each(&info.guest[i], grant_large, grant_page);
}

/* ---- vCPUs -------------------------------------------------------------- */

u64 guest_features(void)
{
	const struct vmsa *v = monitor_va(info.guest_vmsa);

	return v->sev_features;
}

void guest_check(const struct vmsa *v)
{
	if (v->vmpl != info.guest_vmpl || !(v->efer & EFER_SVME) ||
	    !(v->sev_features & SEV_FEATURE_SNP) ||
	    v->sev_features & SEV_FEATURE_RESTRICTED)
		stop(MONITOR_STOP_GUEST_VMSA, "the guest's registers are not "
		     "for its VMPL", v->vmpl);
}

/* AP creation, "when INIT comes": Run VMPL enters it. */
void guest_announce(u32 apic_id, const struct vmsa *v, u64 gpa)
{
	u64 request = (u64)apic_id << 32 | info.guest_vmpl << 16 |
		      AP_CREATE_ON_INIT;

	if (insn_rmpadjust(v, false, info.guest_vmpl | RMPADJUST_VMSA))
		stop(MONITOR_STOP_RMPADJUST, "the guest's VMSA is refused",
		     gpa);
	if (ghcb_call(GHCB_AP_CREATION, request, gpa, v->sev_features, NULL))
		stop(MONITOR_STOP_GHCB, "the host does not take the guest's "
		     "VMSA", gpa);
}
