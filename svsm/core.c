// SPDX-License-Identifier: MIT
/* The core protocol, version 1. Source: 58019 section 6. */
#include "arch/snp.h"
#include "svsm/info.h"
#include "svsm/lock.h"
#include "svsm/protocol.h"
#include "svsm/rmp.h"
#include "svsm/vcpu.h"

/*
 * After this much work a list is left incomplete, so that its vCPU gets to
 * see its interrupts; the caller comes again. Clearing 2 MiB is the most
 * expensive entry.
 */
#define PVALIDATE_WORK		256
#define PVALIDATE_WORK_2M	64

#define HEADER_BYTES		sizeof(struct svsm_pvalidate)

/* ---- PVALIDATE ---------------------------------------------------------- */

u64 pvalidate_decode(u64 entry, struct pvalidate_entry *to)
{
	u64 size = entry & SVSM_PVALIDATE_SIZE;

	if (size > SVSM_PVALIDATE_2M)
		return SVSM_ERR_INVALID_PARAMETER;
	if (entry & SVSM_PVALIDATE_RESERVED)
		return SVSM_ERR_INVALID_FORMAT;
	*to = (struct pvalidate_entry){
		.gpa = entry & SVSM_PVALIDATE_GPA,
		.bytes = size == SVSM_PVALIDATE_2M ? PAGE_2M : PAGE_SIZE,
		.validate = entry & SVSM_PVALIDATE_VALIDATE,
		.ignore_unchanged = entry & SVSM_PVALIDATE_IGNORE_CF,
	};
	return to->gpa % to->bytes ? SVSM_ERR_INVALID_PARAMETER : SVSM_SUCCESS;
}

u64 pvalidate_header(u64 gpa, const struct svsm_pvalidate *header)
{
	u64 room = PAGE_SIZE - gpa % PAGE_SIZE;

	if (gpa % 8 || room < HEADER_BYTES)
		return SVSM_ERR_INVALID_PARAMETER;
	if (header->reserved)
		return SVSM_ERR_INVALID_FORMAT;
	if (!header->entries || header->entries <= header->next ||
	    header->entries > (room - HEADER_BYTES) / sizeof(u64))
		return SVSM_ERR_INVALID_PARAMETER;
	return SVSM_SUCCESS;
}

static u64 rmp_result(u32 eax)
{
	return eax == RMP_FAULT ? SVSM_ERR_INVALID_ADDRESS :
				  SVSM_ERR_RMP(eax);
}

/* Cleared before the guest gets it: what was there may be anybody's. */
static u64 do_validate(const struct pvalidate_entry *e)
{
	bool large = e->bytes == PAGE_2M, unchanged;
	u32 eax = rmp_validate(e->gpa, large, true, &unchanged);

	if (eax)
		return rmp_result(eax);
	if (unchanged && !e->ignore_unchanged)
		return SVSM_ERR_RMP_UNCHANGED;
	if (!unchanged && !guest_zero(e->gpa, e->bytes))
		return SVSM_ERR_INVALID_ADDRESS;
	eax = rmp_adjust(e->gpa, large, info.guest_vmpl | VCPU_GUEST_ALL);
	return eax ? rmp_result(eax) : SVSM_SUCCESS;
}

/*
 * Rights of the guest first, the page afterwards. RMPADJUST faults on a page
 * that is not validated: then there is nothing to do.
 */
static u64 do_rescind(const struct pvalidate_entry *e)
{
	bool large = e->bytes == PAGE_2M, unchanged;
	u32 eax = rmp_adjust(e->gpa, large, info.guest_vmpl);

	if (eax && eax != RMP_FAULT)
		return rmp_result(eax);
	eax = rmp_validate(e->gpa, large, false, &unchanged);
	if (eax)
		return rmp_result(eax);
	return unchanged && !e->ignore_unchanged ? SVSM_ERR_RMP_UNCHANGED :
						   SVSM_SUCCESS;
}

static u64 pvalidate_one(u64 entry, u32 *work)
{
	struct pvalidate_entry e;
	u64 result = pvalidate_decode(entry, &e);

	if (result)
		return result;
	lock_take(&vcpu_rmp_lock);
	if (!vcpu_page_usable(e.gpa, e.bytes))
		result = SVSM_ERR_INVALID_ADDRESS;
	else
		result = e.validate ? do_validate(&e) : do_rescind(&e);
	lock_drop(&vcpu_rmp_lock);
	*work += e.validate && e.bytes == PAGE_2M ? PVALIDATE_WORK_2M : 1;
	return result;
}

/* header.next counts what is done; each entry is read once. */
static u64 pvalidate_list(u64 gpa, struct svsm_pvalidate *header)
{
	u64 result = SVSM_SUCCESS, entry;
	u32 work = 0;

	while (!result && header->next < header->entries) {
		if (work >= PVALIDATE_WORK)
			return SVSM_ERR_INCOMPLETE;
		if (!guest_read(gpa + HEADER_BYTES +
				header->next * sizeof(entry), &entry,
				sizeof(entry)))
			return SVSM_ERR_INVALID_ADDRESS;
		result = pvalidate_one(entry, &work);
		if (!result)
			header->next++;
	}
	return result;
}

/* The list may lie in a page that it has just taken away, or in a VMSA. */
static bool guest_progress(u64 gpa, u16 next)
{
	u64 at = gpa + offsetof(struct svsm_pvalidate, next);
	bool done;

	lock_take(&vcpu_rmp_lock);
	done = vcpu_page_usable(at & PAGE_MASK, PAGE_SIZE) &&
	       guest_write(at, &next, sizeof(next));
	lock_drop(&vcpu_rmp_lock);
	return done;
}

static u64 core_pvalidate(u64 gpa)
{
	struct svsm_pvalidate header;
	u64 result;

	if (!info_is_guest(&info, gpa, HEADER_BYTES))
		return SVSM_ERR_INVALID_PARAMETER;
	if (!guest_read(gpa, &header, sizeof(header)))
		return SVSM_ERR_INVALID_ADDRESS;
	result = pvalidate_header(gpa, &header);
	if (result)
		return result;
	result = pvalidate_list(gpa, &header);
	if (!guest_progress(gpa, header.next))
		return SVSM_ERR_INVALID_ADDRESS;
	return result;
}

/* ---- the others --------------------------------------------------------- */

/*
 * The old area has answered already: its pending byte was exchanged when the
 * call was taken, and the byte of the APIC protocol before that. No VMSA is
 * made of the page from here on: the lock is held until @ca is known.
 */
static u64 core_remap_ca(struct svsm_call *call)
{
	const struct svsm_ca none = { 0 };
	u64 ca = call->rcx;
	bool usable;

	lock_take(&vcpu_rmp_lock);
	usable = vcpu_ca_usable(ca);
	usable = usable && guest_write(ca, &none, sizeof(none));
	if (usable)
		vcpu_of(call->cpu)->ca = ca;
	lock_drop(&vcpu_rmp_lock);
	return usable ? SVSM_SUCCESS : SVSM_ERR_INVALID_ADDRESS;
}

/* There is no vTOM for a guest that knows of the monitor. */
static u64 core_configure_vtom(struct svsm_call *call)
{
	if (!(call->rcx & SVSM_VTOM_QUERY))
		return SVSM_ERR_INVALID_REQUEST;
	call->rcx = 0;
	return SVSM_SUCCESS;
}

u64 core_serve(struct svsm_call *call, u32 number)
{
	switch (number) {
	case SVSM_CORE_REMAP_CA:
		return core_remap_ca(call);
	case SVSM_CORE_PVALIDATE:
		return core_pvalidate(call->rcx);
	case SVSM_CORE_CREATE_VCPU:
		return vcpu_create(call->cpu, call->features, call->rcx,
				   call->rdx, call->r8);
	case SVSM_CORE_DELETE_VCPU:
		return vcpu_delete(call->cpu, call->rcx);
	case SVSM_CORE_QUERY_PROTOCOL:
		call->rcx = protocol_versions(call->cpu, call->rcx);
		return SVSM_SUCCESS;
	case SVSM_CORE_CONFIGURE_VTOM:
		return core_configure_vtom(call);
	default:
		/* DEPOSIT_MEM and WITHDRAW_MEM: the monitor needs none. */
		return SVSM_ERR_UNSUPPORTED_CALL;
	}
}
