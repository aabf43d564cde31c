// SPDX-License-Identifier: MIT
/*
 * Secure AVIC, the host's half: IPIs, NMIs, EOIs, emulated registers.
 * APM 15.36.21 (rows named in brackets).
 */
#include <string.h>

#include "tests/lib/host_savic_rig.h"
#include "tests/lib/rows.h"

/* ---- IPIs --------------------------------------------------------------- */

static void icr(struct rig *r, unsigned int cpu, u64 value)
{
	assert_true(rig_wrmsr(r, cpu, X2APIC_MSR(APIC_ICR), value));
}

/* [40, 43] The guest has set IRR; the host rings and injects nothing. */
static void ipi_is_doorbell_only(void **state)
{
	struct rig r;
	unsigned int polls;

	(void)state;
	rig_savic(&r, 2, EN);
	*savic_reg(&r, 1, APIC_IRR, 0xfd) |= BIT(0xfd % 32);
	polls = r.s.cpu[1].polls;
	icr(&r, 0, 1ull << 32 | 0xfd);
	assert_int_equal(rig_kicks(&r, 1), 0);
	assert_int_equal(host_stats(r.h, 1)->doorbells, 1);
	assert_true(r.s.cpu[1].polls > polls);
	assert_int_equal(script_interrupt(&r.s, 1), 0xfd);
	/* a liar that did not set IRR gets nothing */
	r.s.cpu[1].regs.rflags |= RFLAGS_IF;
	icr(&r, 0, 1ull << 32 | 0xfc);
	machine_kicked(r.m, 1);
	assert_int_equal(script_interrupt(&r.s, 1), -1);
	assert_int_equal(host_stats(r.h, 1)->irr_merges, 0);
	rig_free(&r);
}

/* [41 c] The target halts with the bit set: hardware does not exit. */
static void ipi_before_hlt(void **state)
{
	struct rig r;

	(void)state;
	rig_savic(&r, 2, EN);
	*savic_reg(&r, 1, APIC_IRR, 0xfd) |= BIT(0xfd % 32);
	assert_int_equal(rig_hlt(&r, 1), MACH_RESUME);
	rig_free(&r);
}

/* [41 a] It halted, and the IPI comes then: a kick, and it runs. */
static void ipi_after_hlt(void **state)
{
	struct rig r;

	(void)state;
	rig_savic(&r, 2, EN);
	assert_int_equal(rig_hlt(&r, 1), MACH_IDLE);
	*savic_reg(&r, 1, APIC_IRR, 0xfd) |= BIT(0xfd % 32);
	icr(&r, 0, 1ull << 32 | 0xfd);
	assert_int_equal(host_stats(r.h, 1)->doorbells, 0);
	assert_int_equal(rig_kicks(&r, 1), 1);
	assert_int_equal(machine_kicked(r.m, 1), MACH_RESUME);
	assert_int_equal(script_interrupt(&r.s, 1), 0xfd);
	/* one IPI, at most one spurious wake */
	assert_int_equal(rig_hlt(&r, 1), MACH_IDLE);
	assert_int_equal(machine_kicked(r.m, 1), MACH_IDLE);
	rig_free(&r);
}

/* [41 b] Set after the exit, before the host looks: seen at the look. */
static void ipi_between_exit_and_block(void **state)
{
	struct rig r;
	struct host_ctx *c;

	(void)state;
	rig_savic(&r, 2, EN);
	c = rig_ctx(&r, 1, 0);
	icr(&r, 0, 1ull << 32 | 0xfd);
	c->savic.ipi = true;	/* as if it had come while exiting */
	assert_int_equal(rig_hlt(&r, 1), MACH_RESUME);
	assert_false(c->savic.ipi);
	assert_int_equal(rig_hlt(&r, 1), MACH_IDLE);
	rig_free(&r);
}

/* [42] The host forgets the kick: the next natural VMRUN delivers. */
static void ipi_without_kick(void **state)
{
	struct rig r;

	(void)state;
	rig_savic(&r, 2, EN);
	*savic_reg(&r, 1, APIC_IRR, 0xfd) |= BIT(0xfd % 32);
	rig_call(&r, 1, EXIT_WBINVD, 0, 0);
	assert_int_equal(script_interrupt(&r.s, 1), 0xfd);
	rig_free(&r);
}

/* [41, 44] Shorthands and sparse APIC ids reach the right vCPUs. */
static void ipi_targets(void **state)
{
	static const u32 ids[] = { 3, 17, 64, 200 };
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ .vcpus = 4, .features = SA,
					  .apic_id = ids });
	for (unsigned int i = 1; i < 4; i++)
		assert_int_equal(rig_ap_create(&r, i, 0, SA), 0);
	icr(&r, 0, 64ull << 32 | 0xfd);
	assert_int_equal(host_stats(r.h, 1)->doorbells, 0);
	assert_int_equal(host_stats(r.h, 2)->doorbells, 1);
	icr(&r, 0, 3ull << 18 | 0xfd);
	assert_int_equal(host_stats(r.h, 0)->doorbells, 0);
	assert_int_equal(host_stats(r.h, 1)->doorbells, 1);
	assert_int_equal(host_stats(r.h, 2)->doorbells, 2);
	assert_int_equal(host_stats(r.h, 3)->doorbells, 1);
	icr(&r, 0, 2ull << 18 | 0xfd);
	assert_int_equal(host_stats(r.h, 3)->doorbells, 2);
	assert_int_equal(host_stats(r.h, 0)->ipis, 3);
	rig_free(&r);
}

/* [4.4] INIT and SIPI are no matter of the page. */
static void init_sipi(void **state)
{
	struct rig r;

	(void)state;
	rig_savic(&r, 2, EN);
	icr(&r, 0, 1ull << 32 | 0x4500);
	assert_non_null(strstr(r.line, "INIT ignored"));
	rig_call(&r, 1, GHCB_AP_HOLD, 0, 0);
	icr(&r, 0, 1ull << 32 | 0x4608);
	rig_pump(&r);
	assert_true(hv_in_guest(r.m, 1));
	rig_free(&r);
}

/* [28] NMI_REQ is read at VMRUN: the target is kicked, not rung. */
static void nmi_ipi(void **state)
{
	struct rig r;
	u64 event;

	(void)state;
	rig_savic(&r, 2, EN_NMI);
	savic_page(&r, 1)[SAVIC_NMI_REQ / 4] = 1;
	icr(&r, 0, 1ull << 32 | 0x400);
	assert_int_equal(rig_kicks(&r, 1), 1);
	machine_kicked(r.m, 1);
	assert_int_equal(script_boundary(&r.s, 1, &event), EVENT_DELIVER);
	assert_int_equal(event_type(event), EVENT_NMI);
	rig_free(&r);
}

/* ---- NMI from the host -------------------------------------------------- */

static void host_nmi_allowed(void **state)
{
	struct rig r;
	u64 event;

	(void)state;
	rig_savic(&r, 1, EN_NMI);
	host_nmi(r.h, 0);
	rig_pump(&r);
	assert_int_equal(script_boundary(&r.s, 0, &event), EVENT_DELIVER);
	assert_int_equal(event_type(event), EVENT_NMI);
	rig_free(&r);
}

static void host_nmi_denied(void **state)
{
	struct rig r;
	u64 event;

	(void)state;
	rig_savic(&r, 1, EN);
	host_nmi(r.h, 0);
	rig_pump(&r);
	assert_int_equal(script_boundary(&r.s, 0, &event), EVENT_NOTHING);
	rig_free(&r);
}

/* ---- EOI [47, 48, 49] --------------------------------------------------- */

static void ioapic(struct rig *r, u32 offset, u32 value)
{
	struct ghcb *g = rig_event(r, 0, GHCB_MMIO_WRITE,
				   IOAPIC_BASE + offset, 4);

	GHCB_SET(g, scratch, GHCB_AT(0, 0) + 0x800);
	memcpy(g->buffer, &value, 4);
	rig_vmgexit(r, 0);
}

static void level_pin(struct rig *r, unsigned int pin, u8 vector)
{
	ioapic(r, 0, IOAPIC_REG_RTE + 2 * pin + 1);
	ioapic(r, 0x10, 0);
	ioapic(r, 0, IOAPIC_REG_RTE + 2 * pin);
	ioapic(r, 0x10, IOAPIC_RTE_LEVEL | vector);
	savic_allow(r, 0, vector);
}

static void level_eoi_by_ghcb(void **state)
{
	struct rig r;
	struct host_ctx *c;

	(void)state;
	rig_savic(&r, 1, EN);
	c = rig_ctx(&r, 0, 0);
	level_pin(&r, 4, 0x41);
	host_set_gsi(r.h, 4, true);
	rig_pump(&r);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	assert_int_equal(c->savic.level[2], BIT(1));
	*savic_reg(&r, 0, APIC_ISR, 0x41) = 0;	/* the guest's driver */
	assert_true(rig_wrmsr(&r, 0, X2APIC_MSR(APIC_EOI), 0));
	/* still high: asserted again */
	r.s.cpu[0].regs.rflags |= RFLAGS_IF;
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	host_set_gsi(r.h, 4, false);
	*savic_reg(&r, 0, APIC_ISR, 0x41) = 0;
	assert_true(rig_wrmsr(&r, 0, X2APIC_MSR(APIC_EOI), 0));
	assert_int_equal(c->savic.level[2], 0);
	assert_int_equal(r.h->ioapic.count[4].eoi, 2);
	rig_free(&r);
}

/* Linux without TMR: accelerated EOI, then the I/O APIC's EOI register. */
static void level_eoi_by_ioapic(void **state)
{
	struct rig r;
	struct host_ctx *c;

	(void)state;
	rig_savic(&r, 1, EN);
	c = rig_ctx(&r, 0, 0);
	level_pin(&r, 4, 0x41);
	host_set_gsi(r.h, 4, true);
	rig_pump(&r);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	host_set_gsi(r.h, 4, false);
	ioapic(&r, IOAPIC_MMIO_EOI, 0x41);
	assert_int_equal(r.h->ioapic.count[4].eoi, 1);
	assert_int_equal(c->savic.level[2], 0);
	/* and its vector can not be taken for another one's */
	level_pin(&r, 5, 0x31);
	host_set_gsi(r.h, 5, true);
	rig_pump(&r);
	host_set_gsi(r.h, 5, false);
	rig_wrmsr(&r, 0, X2APIC_MSR(APIC_EOI), 0);
	assert_int_equal(r.h->ioapic.count[5].eoi, 1);
	rig_free(&r);
}

/* The defect of the posted KVM series: EOI with no vector outstanding. */
static void eoi_of_nothing(void **state)
{
	struct rig r;

	(void)state;
	rig_savic(&r, 1, EN);
	assert_true(rig_wrmsr(&r, 0, X2APIC_MSR(APIC_EOI), 0));
	assert_int_equal(host_stats(r.h, 0)->spurious_eoi, 1);
	assert_false(rig_wrmsr(&r, 0, X2APIC_MSR(APIC_EOI), 1));
	rig_free(&r);
}

static void nested_levels(void **state)
{
	struct rig r;

	(void)state;
	rig_savic(&r, 1, EN);
	level_pin(&r, 4, 0x41);
	level_pin(&r, 5, 0x81);
	host_set_gsi(r.h, 4, true);
	host_set_gsi(r.h, 5, true);
	rig_pump(&r);
	host_set_gsi(r.h, 4, false);
	host_set_gsi(r.h, 5, false);
	rig_wrmsr(&r, 0, X2APIC_MSR(APIC_EOI), 0);
	assert_int_equal(r.h->ioapic.count[5].eoi, 1);
	assert_int_equal(r.h->ioapic.count[4].eoi, 0);
	rig_wrmsr(&r, 0, X2APIC_MSR(APIC_EOI), 0);
	assert_int_equal(r.h->ioapic.count[4].eoi, 1);
	rig_free(&r);
}

/* [49] The vector comes as an edge later: no level EOI is owed. */
static void level_then_edge(void **state)
{
	struct rig r;

	(void)state;
	rig_savic(&r, 1, EN);
	level_pin(&r, 4, 0x41);
	host_set_gsi(r.h, 4, true);
	rig_pump(&r);
	host_set_gsi(r.h, 4, false);
	rig_wrmsr(&r, 0, X2APIC_MSR(APIC_EOI), 0);
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	rig_wrmsr(&r, 0, X2APIC_MSR(APIC_EOI), 0);
	assert_int_equal(host_stats(r.h, 0)->spurious_eoi, 1);
	rig_free(&r);
}

/* ---- registers the host emulates [34, 35, 36] --------------------------- */

static void timer_and_lvt(void **state)
{
	struct rig r;
	u64 value;

	(void)state;
	rig_savic(&r, 1, EN);
	savic_allow(&r, 0, 0xec);
	rig_wrmsr(&r, 0, X2APIC_MSR(APIC_TDCR), 0xb);
	rig_wrmsr(&r, 0, X2APIC_MSR(APIC_LVT_TIMER), 0xec);
	assert_true(rig_rdmsr(&r, 0, X2APIC_MSR(APIC_LVT_TIMER), &value));
	assert_int_equal(value, 0xec);
	rig_wrmsr(&r, 0, X2APIC_MSR(APIC_TMICT), 1000000);
	rig_advance(&r, 400000);
	rig_rdmsr(&r, 0, X2APIC_MSR(APIC_TMCCT), &value);
	assert_int_equal(value, 600000);
	/* [62] */
	assert_int_equal(rig_hlt(&r, 0), MACH_IDLE);
	rig_advance(&r, 600000);
	assert_int_equal(rig_kicks(&r, 0), 1);
	assert_int_equal(machine_kicked(r.m, 0), MACH_RESUME);
	assert_int_equal(script_interrupt(&r.s, 0), 0xec);
	rig_free(&r);
}

/* SVR and TPR as the host sees them do not matter. */
static void svr_and_tpr_do_not_matter(void **state)
{
	struct rig r;

	(void)state;
	rig_savic(&r, 1, EN);
	savic_allow(&r, 0, 0x41);
	rig_wrmsr(&r, 0, X2APIC_MSR(APIC_SVR), 0xff);
	rig_wrmsr(&r, 0, X2APIC_MSR(APIC_TPR), 0xf0);
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	rig_free(&r);
}

int main(void)
{
	ROW("[40, 43, 45] IPI is a doorbell only", ipi_is_doorbell_only);
	ROW("[41c, 61] IPI before HLT", ipi_before_hlt);
	ROW("[41a] IPI after HLT", ipi_after_hlt);
	ROW("[41b] IPI before the block", ipi_between_exit_and_block);
	ROW("[42] IPI without kick", ipi_without_kick);
	ROW("[41, 44] IPI targets", ipi_targets);
	ROW("INIT and SIPI", init_sipi);
	ROW("[28] NMI IPI", nmi_ipi);
	ROW("host NMI, allowed", host_nmi_allowed);
	ROW("host NMI, denied", host_nmi_denied);
	ROW("[47] level EOI by GHCB", level_eoi_by_ghcb);
	ROW("[48] level EOI by I/O APIC", level_eoi_by_ioapic);
	ROW("EOI of nothing", eoi_of_nothing);
	ROW("nested levels", nested_levels);
	ROW("[49] level, then edge", level_then_edge);
	ROW("[34, 35, 62] timer and LVT", timer_and_lvt);
	ROW("[36] SVR and TPR do not matter", svr_and_tpr_do_not_matter);
	return rows_run("host: Secure AVIC, IPIs and EOI");
}
