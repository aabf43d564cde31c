// SPDX-License-Identifier: MIT
/*
 * CREATE_VCPU and DELETE_VCPU. The checks are those of docs/monitor.md, in
 * this order: take the guest's right to write first, look afterwards.
 */
#include "arch/snp.h"
#include "arch/svsm.h"
#include "arch/vmsa.h"
#include "svsm/info.h"
#include "svsm/lock.h"
#include "svsm/rmp.h"
#include "svsm/vcpu.h"

/*
 * A guest creates a CPU's next VMSA before it deletes the last one. One that
 * never deletes is refused at some time: its own loss.
 */
#define VMSAS_MAX	(2 * MONITOR_CPUS_MAX)

u32 vcpu_rmp_lock;

static struct {
	u32 count;
	u64 gpa[VMSAS_MAX];
} vmsas;

bool vcpu_vmsa_in(u64 gpa, u64 bytes)
{
	for (u32 i = 0; i < vmsas.count; i++)
		if (vmsas.gpa[i] >= gpa && vmsas.gpa[i] - gpa < bytes)
			return true;
	return false;
}

static void forget(u64 gpa)
{
	for (u32 i = 0; i < vmsas.count; i++)
		if (vmsas.gpa[i] == gpa)
			vmsas.gpa[i] = vmsas.gpa[--vmsas.count];
}

bool vcpu_page_usable(u64 gpa, u64 bytes)
{
	return info_is_guest(&info, gpa, bytes) && !vcpu_vmsa_in(gpa, bytes);
}

bool vcpu_ca_usable(u64 gpa)
{
	return !(gpa % sizeof(struct svsm_ca)) &&
	       vcpu_page_usable(gpa & PAGE_MASK, PAGE_SIZE);
}

bool vcpu_ca_in(u64 page)
{
	u64 ca;

	for (u32 i = 0; i < info.cpus; i++) {
		ca = __atomic_load_n(&vcpu_of(i)->ca, __ATOMIC_RELAXED);
		if (ca && (ca & PAGE_MASK) == page)
			return true;
	}
	return false;
}

static u64 rmp_result(u32 eax)
{
	return eax == RMP_FAULT ? SVSM_ERR_INVALID_ADDRESS :
				  SVSM_ERR_RMP(eax);
}

/* ---- create -------------------------------------------------------------- */

/*
 * With the page no longer the guest's to write. What is in the other
 * registers hurts only the guest itself.
 */
static bool vmsa_acceptable(u64 gpa, u64 features)
{
	u64 efer, sev_features;
	u8 vmpl;

	return guest_read(gpa + offsetof(struct vmsa, vmpl), &vmpl,
			  sizeof(vmpl)) &&
	       guest_read(gpa + offsetof(struct vmsa, efer), &efer,
			  sizeof(efer)) &&
	       guest_read(gpa + offsetof(struct vmsa, sev_features),
			  &sev_features, sizeof(sev_features)) &&
	       vmpl == info.guest_vmpl && efer & EFER_SVME &&
	       sev_features == features;
}

static u64 make_vmsa(u64 gpa, u64 features)
{
	u32 eax;

	if (vmsas.count == VMSAS_MAX)
		return SVSM_ERR_INVALID_REQUEST;
	eax = rmp_adjust(gpa, false, info.guest_vmpl | VCPU_GUEST_READ |
			 RMPADJUST_VMSA);
	if (eax)
		return rmp_result(eax);
	if (!vmsa_acceptable(gpa, features)) {
		rmp_adjust(gpa, false, info.guest_vmpl | VCPU_GUEST_ALL);
		return SVSM_ERR_INVALID_PARAMETER;
	}
	vmsas.gpa[vmsas.count++] = gpa;
	return SVSM_SUCCESS;
}

/*
 * The guest made the page, and can no longer write it: of the fields that tell
 * what the silicon has done nothing is believed, and NMIs are tracked whatever
 * it says. Should the host take the page away just now, VMRUN will not like it.
 */
static void begin(struct vcpu *v, u64 vmsa, u64 features)
{
	u64 ctl = 0, none = 0;

	if (features & SEV_FEATURE_ALTERNATE) {
		guest_read(vmsa + offsetof(struct vmsa, vintr_ctrl), &ctl,
			   sizeof(ctl));
		ctl = (ctl & VINTR_TPR) | VINTR_VGIF | VINTR_NMI_ENABLE;
		guest_write(vmsa + offsetof(struct vmsa, vintr_ctrl), &ctl,
			    sizeof(ctl));
	}
	guest_write(vmsa + offsetof(struct vmsa, exit_code), &none,
		    sizeof(none));
	guest_write(vmsa + offsetof(struct vmsa, exit_int_info), &none,
		    sizeof(none));
	guest_apic_reset(v, features & SEV_FEATURE_ALTERNATE, ctl & 0xf);
}

static u64 create_locked(struct vcpu *v, u64 features, u64 vmsa, u64 ca)
{
	u64 result;

	if (vmsa % PAGE_SIZE || !vcpu_page_usable(vmsa, PAGE_SIZE) ||
	    vcpu_ca_in(vmsa) || !vcpu_ca_usable(ca) ||
	    (ca & PAGE_MASK) == vmsa)
		return SVSM_ERR_INVALID_ADDRESS;
	result = make_vmsa(vmsa, features);
	if (result)
		return result;
	/* Nobody sends to what is being reset. */
	__atomic_store_n(&v->vmsa, 0, __ATOMIC_RELEASE);
	begin(v, vmsa, features);
	v->ca = ca;
	__atomic_store_n(&v->vmsa, vmsa, __ATOMIC_RELEASE);
	return SVSM_SUCCESS;
}

u64 vcpu_create(u32 self, u64 features, u64 vmsa, u64 ca, u32 apic_id)
{
	u32 index;
	struct vcpu *v;
	u64 result;

	/* Its own registers a CPU gets from the monitor, not from itself. */
	if (!info_cpu_of(&info, apic_id, &index) || index == self)
		return SVSM_ERR_INVALID_PARAMETER;
	v = vcpu_of(index);
	if (!lock_try(&v->lock))
		return SVSM_ERR_BUSY;
	lock_take(&vcpu_rmp_lock);
	result = create_locked(v, features, vmsa, ca);
	lock_drop(&vcpu_rmp_lock);
	lock_drop(&v->lock);
	return result;
}

/* ---- delete -------------------------------------------------------------- */

/* The CPU that has it now, or none of them. */
static struct vcpu *owner_of(u64 vmsa, u32 *index)
{
	for (*index = 0; *index < info.cpus; ++*index) {
		struct vcpu *v = vcpu_of(*index);

		if (__atomic_load_n(&v->vmsa, __ATOMIC_ACQUIRE) == vmsa)
			return v;
	}
	return NULL;
}

/* RMPADJUST itself tells whether some CPU is just running it. */
static u64 delete_locked(u64 vmsa)
{
	u32 eax;

	if (!vcpu_vmsa_in(vmsa, 1))
		return SVSM_ERR_INVALID_PARAMETER;
	eax = rmp_adjust(vmsa, false, info.guest_vmpl | VCPU_GUEST_ALL);
	if (eax)
		return rmp_result(eax);
	forget(vmsa);
	return SVSM_SUCCESS;
}

u64 vcpu_delete(u32 self, u64 vmsa)
{
	struct vcpu *v;
	u64 result;
	u32 index;

	if (vmsa % PAGE_SIZE || !info_is_guest(&info, vmsa, PAGE_SIZE))
		return SVSM_ERR_INVALID_ADDRESS;
	v = owner_of(vmsa, &index);
	if (v && index == self)
		return SVSM_ERR_RMP(RMP_FAIL_INUSE);
	if (v && !lock_try(&v->lock))
		return SVSM_ERR_BUSY;
	lock_take(&vcpu_rmp_lock);
	result = delete_locked(vmsa);
	lock_drop(&vcpu_rmp_lock);
	if (v) {
		if (!result && v->vmsa == vmsa)
			v->vmsa = 0;
		lock_drop(&v->lock);
	}
	return result;
}
