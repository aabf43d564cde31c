/* SPDX-License-Identifier: MIT */
/*
 * What the monitor does for its guest, without the monitor: guest memory as
 * an array, an RMP entry for each page, and svsm/rmp.h on top of them with
 * the results that the instructions have. Included once in a program.
 */
#ifndef TESTS_SVSM_RIG_H
#define TESTS_SVSM_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/snp.h"
#include "arch/vmsa.h"
#include "svsm/info.h"
#include "svsm/protocol.h"
#include "svsm/rmp.h"
#include "svsm/vcpu.h"

#define RIG_CPUS	4
#define RIG_VMPL	2
#define RIG_FEATURES	SEV_FEATURE_SNP
#define RIG_RIGHTS_ALL	(VMPL_PERM_R | VMPL_PERM_W | VMPL_PERM_UX |	\
			 VMPL_PERM_SX)

#define RIG_LIST	0x4000ull
#define RIG_LARGE	0x400000ull
#define RIG_MONITOR	0x800000ull
#define RIG_END		0xc00000ull

struct rig_page {
	bool validated;
	bool large;			/* of an RMP entry of 2 MiB */
	bool vmsa;
	bool in_use;
	u8 rights;
};

struct monitor_info info;
static struct vcpu rig_vcpus[RIG_CPUS];
static struct rig_page rig_pages[RIG_END / PAGE_SIZE];
static u8 rig_memory[RIG_END];

struct vcpu *vcpu_of(u32 index)
{
	return &rig_vcpus[index];
}

static inline u32 rig_apic_id(u32 index)
{
	return 0x10 + 3 * index;
}

static struct rig_page *rig_page(u64 gpa)
{
	assert_true(gpa < RIG_END);
	return &rig_pages[gpa / PAGE_SIZE];
}

/* ---- svsm/apic.h: what the host was asked for, until the test clears it -- */

static struct {
	u32 kicks;
	struct irq_msg kick;
	u32 specific_eois;
	u8 specific_eoi;
	u32 disabled;
	u64 disable;
} rig_asked;

void inject_kick(const struct irq_msg *to)
{
	rig_asked.kicks++;
	rig_asked.kick = *to;
}

void inject_specific_eoi(u8 vector)
{
	rig_asked.specific_eois++;
	rig_asked.specific_eoi = vector;
}

void inject_disable(u64 info1)
{
	rig_asked.disabled++;
	rig_asked.disable = info1;
}

/* ---- svsm/rmp.h --------------------------------------------------------- */

static bool reachable(u64 gpa, u64 bytes)
{
	for (u64 at = gpa & PAGE_MASK; at < gpa + bytes; at += PAGE_SIZE)
		if (!rig_page(at)->validated)
			return false;
	return true;
}

bool guest_read(u64 gpa, void *to, u64 bytes)
{
	if (!reachable(gpa, bytes))
		return false;
	memcpy(to, rig_memory + gpa, bytes);
	return true;
}

bool guest_write(u64 gpa, const void *from, u64 bytes)
{
	if (!reachable(gpa, bytes))
		return false;
	memcpy(rig_memory + gpa, from, bytes);
	return true;
}

bool guest_zero(u64 gpa, u64 bytes)
{
	if (!reachable(gpa, bytes))
		return false;
	memset(rig_memory + gpa, 0, bytes);
	return true;
}

bool guest_take(u64 gpa, u8 *old)
{
	return guest_read(gpa, old, 1) && guest_zero(gpa, 1);
}

static u64 span(bool large)
{
	return large ? PAGE_2M : PAGE_SIZE;
}

u32 rmp_validate(u64 gpa, bool large, bool validate, bool *unchanged)
{
	struct rig_page *page = rig_page(gpa);

	assert_int_equal(gpa % span(large), 0);
	assert_false(page->vmsa);
	*unchanged = false;
	if (large && !page->large)
		return RMP_FAIL_SIZEMISMATCH;
	*unchanged = page->validated == validate;
	for (u64 at = 0; at < span(large); at += PAGE_SIZE)
		rig_page(gpa + at)->validated = validate;
	return RMP_OK;
}

u32 rmp_adjust(u64 gpa, bool large, u64 attributes)
{
	struct rig_page *page = rig_page(gpa);

	assert_int_equal(attributes & RMPADJUST_VMPL, RIG_VMPL);
	if (large && !page->large)
		return RMP_FAIL_SIZEMISMATCH;
	if (!page->validated)
		return RMP_FAULT;
	if (page->in_use)
		return RMP_FAIL_INUSE;
	for (u64 at = 0; at < span(large); at += PAGE_SIZE) {
		page = rig_page(gpa + at);
		page->rights = attributes >> RMPADJUST_PERM_SHIFT & 0xff;
		page->vmsa = attributes & RMPADJUST_VMSA;
	}
	return RMP_OK;
}

/* ---- the guest ---------------------------------------------------------- */

static inline void rig_write(u64 gpa, const void *from, u64 bytes)
{
	memcpy(rig_memory + gpa, from, bytes);
}

static inline void rig_read(u64 gpa, void *to, u64 bytes)
{
	memcpy(to, rig_memory + gpa, bytes);
}

static inline void rig_fill(u64 gpa, u8 byte)
{
	memset(rig_memory + gpa, byte, PAGE_SIZE);
}

static inline bool rig_is_zero(u64 gpa)
{
	for (u64 i = 0; i < PAGE_SIZE; i++)
		if (rig_memory[gpa + i])
			return false;
	return true;
}

static inline void rig_large(u64 gpa, bool large)
{
	for (u64 at = 0; at < PAGE_2M; at += PAGE_SIZE)
		rig_page(gpa + at)->large = large;
}

static inline bool rig_monitor_untouched(void)
{
	for (u64 gpa = RIG_MONITOR; gpa < RIG_MONITOR + PAGE_2M;
	     gpa += PAGE_SIZE)
		if (!rig_page(gpa)->validated || rig_page(gpa)->vmsa ||
		    rig_page(gpa)->rights)
			return false;
	return true;
}

/* A call of CPU @cpu, whose lock the run loop has. *@rcx: in and out. */
static inline u64 rig_call(u32 cpu, u64 rax, u64 *rcx, u64 rdx, u64 r8)
{
	struct svsm_call call = {
		.rax = rax,
		.rcx = *rcx,
		.rdx = rdx,
		.r8 = r8,
		.features = RIG_FEATURES,
		.cpu = cpu,
	};
	u32 before = vcpu_of(cpu)->lock;

	vcpu_of(cpu)->lock = 1;
	protocol_serve(&call);
	assert_int_equal(vcpu_of(cpu)->lock, 1);
	vcpu_of(cpu)->lock = before;
	assert_int_equal(vcpu_rmp_lock, 0);
	*rcx = call.rcx;
	return call.rax;
}

/* The table of VMSAs is the monitor's: it forgets what is deleted. */
static inline int rig_teardown(void **state)
{
	(void)state;
	for (u64 gpa = 0; gpa < RIG_END; gpa += PAGE_SIZE) {
		rig_page(gpa)->in_use = false;
		if (rig_page(gpa)->vmsa) {
			memset(rig_vcpus, 0, sizeof(rig_vcpus));
			vcpu_delete(~0u, gpa);
		}
	}
	return 0;
}

static inline int rig_setup(void **state)
{
	(void)state;
	memset(rig_vcpus, 0, sizeof(rig_vcpus));
	memset(&rig_asked, 0, sizeof(rig_asked));
	memset(rig_memory, 0, sizeof(rig_memory));
	memset(&info, 0, sizeof(info));
	info.guest_vmpl = RIG_VMPL;
	info.base = RIG_MONITOR;
	info.size = PAGE_2M;
	info.cpus = RIG_CPUS;
	for (u32 i = 0; i < RIG_CPUS; i++)
		info.apic_id[i] = rig_apic_id(i);
	info.guest_ranges = 3;
	info.guest[0] = (struct monitor_range){ 0, 0xa0000 };
	info.guest[1] = (struct monitor_range){ 0x100000, RIG_MONITOR };
	info.guest[2] = (struct monitor_range){ RIG_MONITOR + PAGE_2M,
						RIG_END };
	for (u64 gpa = 0; gpa < RIG_END; gpa += PAGE_SIZE)
		*rig_page(gpa) = (struct rig_page){
			.validated = true,
			.rights = info_is_guest(&info, gpa, PAGE_SIZE) ?
				  RIG_RIGHTS_ALL : 0,
		};
	return 0;
}

#endif
