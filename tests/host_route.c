// SPDX-License-Identifier: MIT
/*
 * Where interrupts go: I/O APIC, IPIs, timer, and one APIC per VMPL.
 * docs/ghcb.md.
 */
#include <string.h>

#include "tests/lib/host_rig.h"
#include "tests/lib/rows.h"

#define X2APIC(reg)	X2APIC_MSR(reg)

/* ---- I/O APIC ----------------------------------------------------------- */

static u64 mmio(struct rig *r, unsigned int cpu, u64 gpa, bool write,
		u32 value)
{
	struct ghcb *g = rig_event(r, cpu, write ? GHCB_MMIO_WRITE :
				   GHCB_MMIO_READ, gpa, 4);
	u64 out = 0;

	GHCB_SET(g, scratch, GHCB_AT(cpu, 0) + 0x800);
	memcpy(g->buffer, &value, 4);
	rig_vmgexit(r, cpu);
	assert_int_equal(g->exit_info1, 0);
	memcpy(&out, g->buffer, 4);
	return out;
}

static void rte(struct rig *r, unsigned int pin, u64 value)
{
	mmio(r, 0, IOAPIC_BASE, true, IOAPIC_REG_RTE + 2 * pin + 1);
	mmio(r, 0, IOAPIC_BASE + 0x10, true, value >> 32);
	mmio(r, 0, IOAPIC_BASE, true, IOAPIC_REG_RTE + 2 * pin);
	mmio(r, 0, IOAPIC_BASE + 0x10, true, value);
}

static void ioapic_version(void **state)
{
	struct rig r;

	(void)state;
	rig_smp(&r, 1);
	mmio(&r, 0, IOAPIC_BASE, true, IOAPIC_REG_VERSION);
	assert_int_equal(mmio(&r, 0, IOAPIC_BASE + 0x10, false, 0) & 0xff,
			 IOAPIC_VERSION);
	rig_free(&r);
}

static void level_until_eoi(void **state)
{
	struct rig r;

	(void)state;
	rig_smp(&r, 1);
	rte(&r, 4, IOAPIC_RTE_LEVEL | 0x41);
	host_set_gsi(r.h, 4, true);
	rig_pump(&r);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	r.s.cpu[0].regs.rflags |= RFLAGS_IF;
	/* still asserted: comes again after EOI, without a new edge */
	rig_eoi(&r, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	host_set_gsi(r.h, 4, false);
	r.s.cpu[0].regs.rflags |= RFLAGS_IF;
	rig_eoi(&r, 0);
	assert_int_equal(script_interrupt(&r.s, 0), -1);
	host_set_gsi(r.h, 24, true);
	rig_free(&r);
}

/* ---- routing ------------------------------------------------------------ */

static const struct route_row {
	const char *name;
	u64 icr;
	unsigned int cpus;		/* that must get 0x41 */
} routes[] = {
	{ "physical", 2ull << 32 | 0x41, BIT(2) },
	{ "nobody", 9ull << 32 | 0x41, 0 },
	{ "broadcast", 0xffffffffull << 32 | 0x41, 15 },
	{ "self", 1 << 18 | 0x41, BIT(0) },
	{ "all", 2 << 18 | 0x41, 15 },
	{ "others", 3 << 18 | 0x41, 14 },
	{ "logical 0-1", 3ull << 32 | BIT(11) | 0x41, 3 },
	{ "logical, other cluster", 0x1000full << 32 | BIT(11) | 0x41, 0 },
	{ "lowest of 2-3: one", 0xcull << 32 | BIT(11) | 0x141, BIT(2) },
};

static void run_route(void **state)
{
	const struct route_row *row = *state;
	struct rig r;

	rig_smp(&r, 4);
	assert_true(rig_wrmsr(&r, 0, X2APIC(APIC_ICR), row->icr));
	rig_pump(&r);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(script_interrupt(&r.s, i),
				 row->cpus & BIT(i) ? 0x41 : -1);
	rig_free(&r);
}

static void nmi_ipi(void **state)
{
	struct rig r;
	u64 event;

	(void)state;
	rig_smp(&r, 2);
	assert_true(rig_wrmsr(&r, 0, X2APIC(APIC_ICR), 1ull << 32 | 0x400));
	rig_pump(&r);
	assert_int_equal(script_boundary(&r.s, 1, &event), EVENT_DELIVER);
	assert_int_equal(event_type(event), EVENT_NMI);
	rig_free(&r);
}

/* Encrypted state: INIT and SIPI do nothing to a running vCPU. */
static void init_sipi_ignored(void **state)
{
	struct rig r;

	(void)state;
	rig_smp(&r, 2);
	assert_true(rig_wrmsr(&r, 0, X2APIC(APIC_ICR), 1ull << 32 | 0x4500));
	assert_non_null(strstr(r.line, "INIT ignored"));
	assert_true(rig_wrmsr(&r, 0, X2APIC(APIC_ICR), 1ull << 32 | 0x4608));
	assert_non_null(strstr(r.line, "SIPI ignored"));
	rig_pump(&r);
	assert_true(hv_in_guest(r.m, 1));
	host_msi(r.h, MSI_TO(1), 0x41);
	rig_pump(&r);
	assert_int_equal(script_interrupt(&r.s, 1), 0x41);
	rig_free(&r);
}

static void bad_msi(void **state)
{
	struct rig r;

	(void)state;
	rig_smp(&r, 1);
	host_msi(r.h, 0x1000, 0x41);
	host_msi(r.h, MSI_TO(0), 0xffffffff);
	host_msi(r.h, MSI_TO(0), 0x05);
	rig_pump(&r);
	assert_int_equal(script_interrupt(&r.s, 0), -1);
	rig_free(&r);
}

/* ---- timer -------------------------------------------------------------- */

static void timer_oneshot(void **state)
{
	struct rig r;

	(void)state;
	rig_smp(&r, 1);
	rig_wrmsr(&r, 0, X2APIC(APIC_TDCR), 0xb);
	rig_wrmsr(&r, 0, X2APIC(APIC_LVT_TIMER), 0xec);
	rig_wrmsr(&r, 0, X2APIC(APIC_TMICT), 1000000);
	assert_int_equal(rig_hlt(&r, 0), MACH_IDLE);
	rig_advance(&r, 999999);
	assert_int_equal(rig_kicks(&r, 0), 0);
	rig_advance(&r, 1);
	assert_int_equal(rig_kicks(&r, 0), 1);
	machine_kicked(r.m, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0xec);
	rig_advance(&r, 10000000);
	assert_int_equal(rig_count(&r, 0, 0xec)->posted, 1);
	rig_free(&r);
}

static void timer_periodic(void **state)
{
	struct rig r;

	(void)state;
	rig_smp(&r, 1);
	rig_wrmsr(&r, 0, X2APIC(APIC_TDCR), 0xb);
	rig_wrmsr(&r, 0, X2APIC(APIC_LVT_TIMER),
		  APIC_LVT_TIMER_PERIODIC | 0xec);
	rig_wrmsr(&r, 0, X2APIC(APIC_TMICT), 1000000);
	for (int i = 0; i < 10; i++) {
		rig_advance(&r, 1000000);
		rig_pump(&r);
		assert_int_equal(script_interrupt(&r.s, 0), 0xec);
		r.s.cpu[0].regs.rflags |= RFLAGS_IF;
		rig_eoi(&r, 0);
	}
	rig_wrmsr(&r, 0, X2APIC(APIC_TMICT), 0);
	rig_advance(&r, 100000000);
	assert_int_equal(rig_count(&r, 0, 0xec)->posted, 10);
	rig_free(&r);
}

static void timer_deadline(void **state)
{
	struct rig r;

	(void)state;
	rig_smp(&r, 1);
	rig_wrmsr(&r, 0, X2APIC(APIC_LVT_TIMER),
		  APIC_LVT_TIMER_DEADLINE | 0xec);
	assert_true(rig_wrmsr(&r, 0, MSR_TSC_DEADLINE, 5000));
	rig_advance(&r, 5000);
	rig_pump(&r);
	assert_int_equal(script_interrupt(&r.s, 0), 0xec);
	rig_free(&r);
}

/* ---- one APIC per VMPL -------------------------------------------------- */

static void vmpls_do_not_mix(void **state)
{
	struct rig r;
	u64 svr;

	(void)state;
	rig_smp(&r, 1);
	assert_int_equal(rig_ap_create(&r, 0, 2, SEV_FEATURE_SNP), 0);
	host_msi(r.h, MSI_TO(0), 0x41);
	assert_int_equal(rig_msr(&r, 0, 2ull << 32 | 0x016), 0x017);
	/* VMPL 0 owns devices and comes first */
	assert_int_equal(machine_vmpl(r.m, 0), 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	rig_eoi(&r, 0);
	assert_int_equal(rig_msr(&r, 0, 2ull << 32 | 0x016), 0x017);
	assert_int_equal(machine_vmpl(r.m, 0), 2);
	rig_register(&r, 0);
	assert_true(rig_rdmsr(&r, 0, X2APIC(APIC_SVR), &svr));
	assert_int_equal(svr, 0xff);
	/* while VMPL 2 runs, an interrupt for VMPL 0 takes the CPU back */
	rig_kicks(&r, 0);
	host_msi(r.h, MSI_TO(0), 0x51);
	assert_int_equal(rig_kicks(&r, 0), 1);
	machine_kicked(r.m, 0);
	assert_int_equal(machine_vmpl(r.m, 0), 0);
	rig_free(&r);
}

/* VMPL 2 owns devices: VMPL 0 is not disturbed, and the event waits. */
static void lower_vmpl_waits(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ .vmpl = 2 });
	assert_true(rig_wrmsr(&r, 0, X2APIC(APIC_SVR), 0x1ff));
	r.h->vcpu[0].ctx[0].next = NEXT_CREATE;
	r.h->vcpu[0].ctx[0].next_vmsa = VMSA_AT(0, 0);
	r.h->vcpu[0].ctx[0].next_features = SEV_FEATURE_SNP;
	assert_int_equal(rig_msr(&r, 0, 0x016), 0x017);
	assert_int_equal(machine_vmpl(r.m, 0), 0);
	rig_kicks(&r, 0);
	host_msi(r.h, MSI_TO(0), 0x41);
	assert_int_equal(rig_kicks(&r, 0), 0);
	rig_register(&r, 0);
	assert_int_equal(rig_call(&r, 0, GHCB_RUN_VMPL, 2, 0), 0);
	assert_int_equal(machine_vmpl(r.m, 0), 2);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	rig_free(&r);
}

/* Devices belong to VMPL 2, which an AP does not have yet: it runs VMPL 0. */
static void ap_before_its_guest(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ .devices = 2 });
	host_msi(r.h, MSI_TO(1), 0x41);
	assert_int_equal(rig_kicks(&r, 1), 0);
	assert_int_equal(rig_ap_create(&r, 1, 0, SEV_FEATURE_SNP), 0);
	assert_int_equal(machine_vmpl(r.m, 1), 0);
	assert_true(hv_in_guest(r.m, 1));
	/* its VMPL 2 is made, and waits to be run */
	assert_int_equal(rig_ap_create(&r, 1, 2, SEV_FEATURE_SNP), 0);
	assert_int_equal(machine_vmpl(r.m, 1), 0);
	rig_hlt(&r, 1);
	assert_false(hv_in_guest(r.m, 1));
	rig_free(&r);
}

/*
 * Alternate Injection: the monitor owns IRR, ISR, TPR. LVTs and timer are
 * still this host's, and nothing is put into the VMCB.
 */
static void alternate_is_sealed(void **state)
{
	const u64 ai = SEV_FEATURE_SNP | SEV_FEATURE_ALTERNATE;
	struct vmsa *vmsa;
	struct vmcb *vmcb;
	struct rig r;
	u64 value;

	(void)state;
	rig_new(&r, &(struct rig_config){ .devices = 2 });
	vmsa = script_ram(&r.s, VMSA_AT(0, 2));
	vmsa->sev_features = ai;
	vmsa->vintr_ctrl = VINTR_VGIF;
	assert_int_equal(rig_ap_create(&r, 0, 2, ai), 0);
	assert_int_equal(rig_call(&r, 0, GHCB_RUN_VMPL, 2, 0), 0);
	assert_int_equal(machine_vmpl(r.m, 0), 2);
	rig_register(&r, 0);
	vmcb = rig_ctx(&r, 0, 2)->vmcb;
	assert_true(rig_wrmsr(&r, 0, X2APIC(APIC_SVR), 0x1ff));
	assert_true(rig_wrmsr(&r, 0, X2APIC(APIC_TPR), 0x40));
	assert_true(rig_rdmsr(&r, 0, X2APIC(APIC_TPR), &value));
	assert_int_equal(value, 0);
	assert_true(rig_wrmsr(&r, 0, X2APIC(APIC_EOI), 0));
	assert_true(rig_wrmsr(&r, 0, X2APIC(APIC_LVT_TIMER), 0xec));
	assert_true(rig_rdmsr(&r, 0, X2APIC(APIC_LVT_TIMER), &value));
	assert_int_equal(value, 0xec);
	host_msi(r.h, MSI_TO(0), 0x41);
	host_nmi(r.h, 0);
	machine_kicked(r.m, 0);
	assert_false(vmcb->int_ctl & (VINTR_V_IRQ | VINTR_V_NMI));
	assert_int_equal(vmcb->event_inj, 0);
	assert_int_equal(script_interrupt(&r.s, 0), -1);
	assert_true(rig_ctx(&r, 0, 2)->apic.irr[2]);
	rig_free(&r);
}

int main(void)
{
	ROW("I/O APIC version", ioapic_version);
	ROW("level until EOI", level_until_eoi);
	ROWS(routes, run_route);
	ROW("NMI IPI", nmi_ipi);
	ROW("INIT and SIPI ignored", init_sipi_ignored);
	ROW("bad MSIs", bad_msi);
	ROW("timer: one-shot", timer_oneshot);
	ROW("timer: periodic", timer_periodic);
	ROW("timer: TSC deadline", timer_deadline);
	ROW("VMPLs do not mix", vmpls_do_not_mix);
	ROW("a lower VMPL waits", lower_vmpl_waits);
	ROW("AP before its guest", ap_before_its_guest);
	ROW("Alternate Injection is sealed", alternate_is_sealed);
	return rows_run("host: routing and timer");
}
