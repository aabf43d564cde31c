// SPDX-License-Identifier: MIT
/*
 * An unaware guest on the machine: its vCPUs, and what each CPU does for
 * good. All VMSAs lie in the monitor's range; those of the other CPUs wait in
 * the state after INIT for a SIPI (APM vol. 2, table 14-1).
 *
 * A VMSA is locked by BUSY whenever its CPU is not in Run VMPL: no VMRUN of
 * it succeeds meanwhile (APM 15.36.17).
 */
#include "svsm/insn.h"
#include "svsm/paravisor.h"
#include "svsm/svsm.h"

#define UNAWARE		(SEV_FEATURE_SNP | SEV_FEATURE_VTOM |		\
			 SEV_FEATURE_REFLECT_VC | SEV_FEATURE_ALTERNATE)

_Static_assert(sizeof(struct paravisor_vcpu) <= PAGE_SIZE,
	       "a vCPU has one page");

static bool secure_avic;
static struct paravisor_vcpu *vcpus[MONITOR_CPUS_MAX];
static struct paravisor guest = {
	.ops = &paravisor_host_ops,
	.vcpu = vcpus,
};

/* The flag of the file asks; the silicon and the guest's APIC must do. */
static bool has_secure_avic(void)
{
	const struct snp_cpuid_page *page = monitor_va(info.cpuid);

	if (!(info.flags & MONITOR_SECURE_AVIC))
		return false;
	if (info.flags & MONITOR_XAPIC) {
		console_text("svsm: Secure AVIC is for an x2APIC, and this "
			     "guest has none: Alternate Injection\n");
		return false;
	}
	for (u32 i = 0; i < page->count; i++)
		if (page->row[i].eax_in == CPUID_SEV_LEAF &&
		    page->row[i].eax & CPUID_SEV_EAX_SECURE_AVIC)
			return true;
	console_text("svsm: no Secure AVIC here: Alternate Injection\n");
	return false;
}

static struct vmsa *first_vmsa(void)
{
	struct vmsa *v = monitor_va(info.guest_vmsa);

	guest_check(v);
	if ((v->sev_features & UNAWARE) != UNAWARE)
		stop(MONITOR_STOP_GUEST_VMSA, "the guest's features are not "
		     "those of an unaware guest", v->sev_features);
	v->vintr_ctrl |= VINTR_BUSY | VINTR_NMI_ENABLE;
	if (secure_avic)
		v->sev_features ^= SEV_FEATURE_ALTERNATE |
				   SEV_FEATURE_SECURE_AVIC;
	return v;
}

/* Features and vTOM as the first one; registers as INIT leaves them. */
static struct vmsa *other_vmsa(u64 gpa, const struct vmsa *first)
{
	struct vmsa *v = monitor_take(gpa);

	*v = *first;
	paravisor_init_vmsa(v);
	return v;
}

/*
 * Hardware works on it with the guest's rights, so the guest has them, too;
 * it is told of no memory here, and can do itself harm with it at most.
 */
static void make_backing(struct paravisor_vcpu *v, u32 index)
{
	u64 gpa = cpu_area(index) + AREA_BACKING;
	u64 rights = (VMPL_PERM_R | VMPL_PERM_W) << RMPADJUST_PERM_SHIFT;
	void *page = monitor_take(gpa);

	if (insn_rmpadjust(page, false, info.guest_vmpl | rights))
		stop(MONITOR_STOP_RMPADJUST, "a backing page is refused", gpa);
	backing_init(&v->backing, page);
	v->savic_gpa = gpa;
}

static void make_vcpu(u32 index, struct vmsa *vmsa, u64 vmsa_gpa)
{
	struct cpu *cpu = cpu_of(index);
	struct apic_config config =
		paravisor_host_config(cpu->apic_id, !index,
				      !(info.flags & MONITOR_XAPIC));
	struct paravisor_vcpu *v;

	v = monitor_take(cpu_area(index) + AREA_PARAVISOR);
	v->guest = &guest;
	v->vmsa = vmsa;
	v->page = cpu->doorbell;
	v->cpu = cpu;
	if (!paravisor_init(v, &config, cpu_counters(index)))
		stop(MONITOR_STOP_INFO, "an APIC id that no APIC can have",
		     cpu->apic_id);
	if (secure_avic)
		make_backing(v, index);
	vcpus[index] = v;
	guest_announce(cpu->apic_id, vmsa, vmsa_gpa);
}

void paravisor_boot(void)
{
	struct vmsa *first;
	u64 gpa;

	secure_avic = has_secure_avic();
	first = first_vmsa();
	guest.cpuid = monitor_va(info.cpuid);
	guest.cpus = info.cpus;
	guest.vmpl = info.guest_vmpl;
	guest.host_ticks = !(info.flags & MONITOR_OWN_TIMER);
	for (u32 i = 1; i < info.cpus; i++) {
		gpa = cpu_area(i) + AREA_GUEST_VMSA;
		make_vcpu(i, other_vmsa(gpa, first), gpa);
	}
	for (u32 i = 0; i < info.cpus; i++)
		if (info.apic_id[i] > guest.max_id)
			guest.max_id = info.apic_id[i];
	make_vcpu(0, first, info.guest_vmsa);
}

void paravisor_loop(struct cpu *cpu)
{
	struct paravisor_vcpu *v = vcpus[cpu->index];
	const char *reason;

	hv_want_news();
	/* So it gives what comes for the guest to us, until there is a page. */
	if (secure_avic && !paravisor_host_ops.savic(cpu, v->savic_gpa, false))
		stop(MONITOR_STOP_GHCB, "the host leaves no backing page to "
		     "the monitor", v->savic_gpa);
	do
		reason = paravisor_turn(v);
	while (!reason);
	stop(MONITOR_STOP_GUEST, reason, cpu->apic_id);
}
