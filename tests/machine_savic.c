// SPDX-License-Identifier: MIT
/*
 * Secure AVIC: what hardware does with the backing page. Numbers are rows
 * of the conformance list (APM 15.36.21).
 */
#include <string.h>

#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

#define SNP	SEV_FEATURE_SNP
#define SAVIC	SEV_FEATURE_SECURE_AVIC
#define EN	SAVIC_CONTROL_EN
#define ALLOW_NMI	SAVIC_CONTROL_ALLOWED_NMI
#define EOI	0x80b
#define SELF	0x83f
#define TPR	0x808

struct rig {
	struct script s;
	struct vmsa *vmsa;
	struct vmcb *vmcb;
	u32 *page;
};

static void rig_new(struct rig *r, u64 control, struct machine_switches sw)
{
	struct machine_config c = script_config();

	c.switches = sw;
	script_new(&r->s, &c);
	r->vmsa = script_vmsa(&r->s, 0, 0, SNP | SAVIC);
	r->vmcb = r->s.vmcb[0][0];
	r->page = script_savic(&r->s, 0, r->vmsa, control);
}

static void start(struct rig *r, u64 control)
{
	rig_new(r, control, (struct machine_switches) { 0 });
}

static u32 *reg(struct rig *r, u32 base, unsigned int vector)
{
	return &r->page[(base + 0x10 * (vector / 32)) / 4];
}

static void set(struct rig *r, u32 base, unsigned int vector)
{
	*reg(r, base, vector) |= BIT(vector % 32);
}

static bool test(struct rig *r, u32 base, unsigned int vector)
{
	return *reg(r, base, vector) & BIT(vector % 32);
}

static u32 ppr(struct rig *r)
{
	return r->page[APIC_PPR / 4];
}

static void request(struct rig *r, unsigned int vector)
{
	r->vmcb->requested_irr[vector / 32] |= BIT(vector % 32);
	r->vmcb->update_irr = 1;
}

static void run(struct rig *r)
{
	assert_int_equal(script_run(&r->s, 0, 0), 0);
}

static void write_msr(struct rig *r, u32 msr, u64 value)
{
	assert_int_equal(machine_wrmsr(r->s.m, 0, msr, 0x1002, value),
			 MACH_DONE);
}

static int irq(struct rig *r)
{
	return script_interrupt(&r->s, 0);
}

static void sti(struct rig *r)
{
	r->s.cpu[0].regs.rflags |= RFLAGS_IF;
}

static void no_request_left(struct rig *r)
{
	assert_int_equal(r->vmcb->update_irr, 0);
	for (int i = 0; i < 8; i++)
		assert_int_equal(r->vmcb->requested_irr[i], 0);
}

static void row13(void **state)
{
	struct rig r;

	(void)state;
	for (unsigned int v = 16; v < 256; v++) {
		start(&r, EN);
		set(&r, SAVIC_ALLOWED_IRR, v);
		request(&r, v);
		run(&r);
		no_request_left(&r);
		assert_int_equal(irq(&r), v);
		assert_true(test(&r, APIC_ISR, v));
		assert_false(test(&r, APIC_IRR, v));
		assert_int_equal(ppr(&r), v & 0xf0);
		sti(&r);
		assert_int_equal(irq(&r), -1);	/* once */
		assert_int_equal(machine_stats(r.s.m, 0)->merged, 1);
		script_free(&r.s);
	}
}

/* 14, 17: not allowed is dropped, for good. 43 is the same. */
static void row14(void **state)
{
	struct rig r;

	(void)state;
	start(&r, EN);
	for (unsigned int v = 0; v < 256; v++)
		request(&r, v);
	set(&r, SAVIC_ALLOWED_IRR, 0x70);
	run(&r);
	no_request_left(&r);
	assert_int_equal(irq(&r), 0x70);
	write_msr(&r, EOI, 0);
	sti(&r);
	assert_int_equal(irq(&r), -1);
	assert_int_equal(machine_stats(r.s.m, 0)->refused[0x80], 1);
	assert_int_equal(machine_stats(r.s.m, 0)->refused[0x70], 0);
	for (int i = 0; i < 8; i++)
		r.page[(0x204 + 0x10 * i) / 4] = ~0u;
	assert_int_equal(script_again(&r.s, 0), 0);
	assert_int_equal(irq(&r), -1);
	script_free(&r.s);
}

static void row16(void **state)
{
	struct rig r;

	(void)state;
	start(&r, EN);
	set(&r, SAVIC_ALLOWED_IRR, 0x70);
	request(&r, 0x70);
	r.vmcb->update_irr = 0;
	run(&r);
	no_request_left(&r);
	assert_int_equal(irq(&r), -1);
	script_leave(&r.s, 0);
	/* Not enabled: nothing is cleared, nothing is merged. */
	r.vmsa->savic_control = 0;
	request(&r, 0x70);
	run(&r);
	assert_int_equal(r.vmcb->update_irr, 1);
	assert_int_equal(r.vmcb->requested_irr[3], BIT(16));
	assert_false(test(&r, APIC_IRR, 0x70));
	script_free(&r.s);
}

static void row18(void **state)
{
	struct rig r;

	(void)state;
	for (int enabled = 0; enabled < 2; enabled++) {
		start(&r, enabled ? EN : 0);
		r.vmsa->vintr_ctrl |= VINTR_V_IRQ | 0xfull <<
			VINTR_PRIO_SHIFT | 0xf1ull << VINTR_VECTOR_SHIFT;
		run(&r);
		assert_int_equal(irq(&r), enabled ? -1 : 0xf1);
		script_free(&r.s);
	}
}

static void row20(void **state)
{
	struct rig r;
	u64 event;

	(void)state;
	start(&r, EN);
	r.vmsa->vintr_ctrl = VINTR_NMI_ENABLE | VINTR_V_NMI;
	set(&r, APIC_IRR, 0x51);
	run(&r);
	assert_int_equal(script_boundary(&r.s, 0, &event), EVENT_BLOCKED);
	script_leave(&r.s, 0);
	r.vmsa->vintr_ctrl |= VINTR_VGIF;
	run(&r);
	assert_int_equal(script_boundary(&r.s, 0, &event), EVENT_DELIVER);
	assert_int_equal(event, 0x80000202);
	sti(&r);
	assert_int_equal(irq(&r), 0x51);
	script_free(&r.s);
}

/* 21: IF, shadow and priority defer; no help of the host is needed. */
static void row21(void **state)
{
	struct rig r;

	(void)state;
	start(&r, EN);
	set(&r, APIC_IRR, 0x51);
	r.vmsa->rflags = 2;
	run(&r);
	assert_int_equal(irq(&r), -1);
	sti(&r);
	r.s.cpu[0].regs.shadow = true;
	assert_int_equal(irq(&r), -1);
	write_msr(&r, TPR, 0x5f);
	assert_int_equal(irq(&r), -1);
	write_msr(&r, TPR, 0x4f);
	assert_int_equal(irq(&r), 0x51);
	sti(&r);
	write_msr(&r, SELF, 0x5f);
	assert_int_equal(irq(&r), -1);	/* same class in service */
	write_msr(&r, EOI, 0);
	assert_int_equal(irq(&r), 0x5f);
	assert_int_equal(r.s.logged, 0);
	script_free(&r.s);
}

/* 22: nesting by class, PPR right at each step. */
static void row22(void **state)
{
	struct rig r;

	(void)state;
	start(&r, EN);
	set(&r, APIC_IRR, 0x31);
	set(&r, APIC_IRR, 0x35);
	set(&r, APIC_IRR, 0x62);
	run(&r);
	write_msr(&r, TPR, 0x21);
	assert_int_equal(ppr(&r), 0x21);
	assert_int_equal(irq(&r), 0x62);
	assert_int_equal(ppr(&r), 0x60);
	sti(&r);
	assert_int_equal(irq(&r), -1);
	write_msr(&r, SELF, 0x91);
	assert_int_equal(irq(&r), 0x91);
	assert_int_equal(ppr(&r), 0x90);
	write_msr(&r, TPR, 0x9c);
	assert_int_equal(ppr(&r), 0x9c);	/* equal class: TPR */
	write_msr(&r, EOI, 0);
	assert_false(test(&r, APIC_ISR, 0x91));
	assert_true(test(&r, APIC_ISR, 0x62));
	assert_int_equal(ppr(&r), 0x9c);
	write_msr(&r, TPR, 0);
	assert_int_equal(ppr(&r), 0x60);
	write_msr(&r, EOI, 0);
	assert_int_equal(ppr(&r), 0);
	sti(&r);
	assert_int_equal(irq(&r), 0x35);
	write_msr(&r, EOI, 0);
	sti(&r);
	assert_int_equal(irq(&r), 0x31);
	assert_int_equal(machine_stats(r.s.m, 0)->eoi_accelerated, 3);
	script_free(&r.s);
}

/* IRR bits 0 to 15 are no interrupts, whoever sets them. */
static void exceptions_in_irr(void **state)
{
	struct rig r;

	(void)state;
	start(&r, EN);
	for (unsigned int v = 0; v < 16; v++) {
		set(&r, SAVIC_ALLOWED_IRR, v);
		request(&r, v);
	}
	run(&r);
	assert_int_equal(irq(&r), -1);
	set(&r, APIC_IRR, 14);
	hv_doorbell(r.s.m, 0);
	assert_int_equal(irq(&r), -1);
	/* Nor is a bit of ISR there anything that an EOI could end. */
	set(&r, APIC_ISR, 14);
	write_msr(&r, EOI, 0);
	assert_true(test(&r, APIC_ISR, 14));
	assert_int_equal(machine_stats(r.s.m, 0)->eoi_accelerated, 0);
	script_free(&r.s);
}

/* 42: the host drops every kick; the IPI comes with the next VMRUN. */
static void row42(void **state)
{
	unsigned int polls;
	struct rig r;

	(void)state;
	start(&r, EN);
	run(&r);
	assert_int_equal(irq(&r), -1);
	set(&r, APIC_IRR, 0xfd);	/* by another vCPU */
	polls = r.s.cpu[0].polls;
	assert_int_equal(script_again(&r.s, 0), 0);
	assert_int_not_equal(r.s.cpu[0].polls, polls);
	assert_int_equal(irq(&r), 0xfd);
	script_free(&r.s);
}

/* 33: LDR is derived from the ID by whoever fills the page. */
static void row33(void **state)
{
	static const u32 ids[] = { 0, 1, 15, 16, 17, 255, 256, 4095 };
	struct rig r;
	u64 value;

	(void)state;
	start(&r, EN);
	run(&r);
	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
		u32 ldr = (ids[i] / 16) * 65536 + (1 << ids[i] % 16);

		assert_int_equal(x2apic_ldr(ids[i]), ldr);
		r.page[APIC_LDR / 4] = ldr;
		machine_rdmsr(r.s.m, 0, 0x80d, 2, &value);
		assert_int_equal(value, ldr);
	}
	script_free(&r.s);
}

/* 32: TPR by MSR and by CR8; neither is seen by the host (36). */
static void row32(void **state)
{
	struct rig r;
	u64 value;

	(void)state;
	start(&r, EN);
	run(&r);
	for (unsigned int tpr = 0; tpr < 256; tpr++) {
		write_msr(&r, TPR, tpr);
		assert_int_equal(r.page[APIC_TPR / 4], tpr);
		assert_int_equal(ppr(&r), tpr);
		assert_int_equal(machine_read_cr8(r.s.m, 0), tpr >> 4);
		machine_write_cr8(r.s.m, 0, tpr & 15);
		assert_int_equal(r.page[APIC_TPR / 4], (tpr & 15) << 4);
		assert_int_equal(ppr(&r), (tpr & 15) << 4);
		machine_rdmsr(r.s.m, 0, TPR, 0x1002, &value);
		assert_int_equal(value, (tpr & 15) << 4);
	}
	assert_int_equal(r.s.logged, 0);
	write_msr(&r, TPR, 0xa5);
	script_leave(&r.s, 0);
	assert_int_equal(r.vmsa->vintr_ctrl & VINTR_TPR, 0xa);
	assert_int_equal(r.vmcb->int_ctl & VINTR_TPR, 0);
	script_free(&r.s);
}

/* 45: the doorbell; it does not merge what the host asks for. */
static void row45(void **state)
{
	unsigned int polls;
	struct rig r;

	(void)state;
	start(&r, EN);
	hv_doorbell(r.s.m, 0);		/* not running: harmless */
	assert_int_equal(r.s.cpu[0].polls, 0);
	run(&r);
	polls = r.s.cpu[0].polls;
	set(&r, APIC_IRR, 0x44);	/* by another vCPU */
	hv_doorbell(r.s.m, 0);
	assert_int_equal(r.s.cpu[0].polls, polls + 1);
	assert_int_equal(irq(&r), 0x44);
	assert_int_equal(r.s.logged, 0);
	set(&r, SAVIC_ALLOWED_IRR, 0x99);
	request(&r, 0x99);
	hv_doorbell(r.s.m, 0);
	sti(&r);
	assert_int_equal(irq(&r), -1);
	assert_int_equal(script_again(&r.s, 0), 0);
	assert_int_equal(irq(&r), 0x99);
	script_free(&r.s);
}

/* 46 to 50: EOI by trigger mode. */
static const struct eoi_row {
	const char *name;
	int in_service, next;	/* vectors; -1: none */
	bool tmr, fault_switch;
	enum mach_next result;
} eois[] = {
	{ "46: edge EOI: no exit, next one comes", 0x61, 0x31, false, false,
	  MACH_DONE },
	{ "47: level EOI traps", 0x61, 0x31, true, false, MACH_VC },
	{ "47: level EOI faults, by switch", 0x61, 0x31, true, true,
	  MACH_VC },
	{ "48: level without TMR: lost", 0x61, -1, false, false, MACH_DONE },
	{ "50: EOI with empty ISR", -1, 0x31, false, false, MACH_DONE },
	{ "50: EOI with empty ISR, TMR set", -1, 0x31, true, false,
	  MACH_DONE },
};

static void run_eoi(void **state)
{
	const struct eoi_row *row = *state;
	struct rig r;
	enum mach_next next;

	rig_new(&r, EN, (struct machine_switches) {
		.savic_eoi_fault = row->fault_switch,
	});
	if (row->in_service >= 0)
		set(&r, APIC_ISR, row->in_service);
	if (row->tmr)
		for (int i = 0; i < 8; i++)
			r.page[(0x180 + 0x10 * i) / 4] = ~0u;
	if (row->next >= 0)
		set(&r, APIC_IRR, row->next);
	run(&r);
	next = machine_wrmsr(r.s.m, 0, EOI, 0x1002, 0);
	assert_int_equal(next, row->result);
	if (next == MACH_VC) {
		assert_int_equal(machine_vc_code(r.s.m, 0), 0x402);
		assert_int_equal(machine_vc_is_trap(r.s.m, 0),
				 !row->fault_switch);
		assert_true(test(&r, APIC_ISR, row->in_service));
		assert_int_equal(irq(&r), -1);
	} else {
		if (row->in_service >= 0)
			assert_false(test(&r, APIC_ISR, row->in_service));
		assert_int_equal(irq(&r), row->next);
	}
	script_free(&r.s);
}

/* 30: INFO2 of a level EOI is the vector. 49: cleared TMR is edge again. */
static void row49(void **state)
{
	struct rig r;

	(void)state;
	start(&r, EN);
	r.vmsa->sev_features |= SEV_FEATURE_REFLECT_VC;
	r.vmcb->allowed_sev_features |= SEV_FEATURE_REFLECT_VC;
	set(&r, APIC_ISR, 0x31);
	set(&r, APIC_ISR, 0xc7);
	set(&r, APIC_TMR, 0xc7);
	run(&r);
	assert_int_equal(machine_wrmsr(r.s.m, 0, EOI, 0x1002, 0), MACH_IDLE);
	assert_int_equal(r.vmsa->exit_code, 0x402);
	assert_int_equal(r.vmsa->exit_info1, 0x1000000b0);
	assert_int_equal(r.vmsa->exit_info2, 0xc7);
	*reg(&r, APIC_TMR, 0xc7) = 0;
	r.vmsa->vintr_ctrl &= ~VINTR_BUSY;
	run(&r);
	write_msr(&r, EOI, 0);
	assert_false(test(&r, APIC_ISR, 0xc7));
	assert_true(test(&r, APIC_ISR, 0x31));
	assert_int_equal(machine_stats(r.s.m, 0)->eoi[0xc7], 1);
	script_free(&r.s);
}

/* 61: HLT does not exit while the page holds something deliverable. */
static void row61(void **state)
{
	struct rig r;

	(void)state;
	start(&r, EN);
	r.vmcb->intercept[5] = BIT(6);
	set(&r, APIC_IRR, 0x51);
	run(&r);
	assert_int_equal(machine_hlt(r.s.m, 0, RFLAGS_IF, false),
			 MACH_RESUME);
	write_msr(&r, TPR, 0x50);
	assert_int_equal(machine_hlt(r.s.m, 0, RFLAGS_IF, false), MACH_IDLE);
	assert_int_equal(script_last(&r.s)->code, EXIT_IDLE_HLT);
	script_free(&r.s);
}

static void row12(void **state)
{
	u32 was[1024];
	struct rig r;

	(void)state;
	start(&r, EN);
	r.vmsa->vintr_ctrl |= VINTR_BUSY;
	for (int i = 0; i < 8; i++)
		r.page[(0x204 + 0x10 * i) / 4] = ~0u;
	r.page[SAVIC_NMI_REQ / 4] = 1;
	request(&r, 0x51);
	memcpy(was, r.page, PAGE_SIZE);
	assert_int_equal(script_run(&r.s, 0, 0), EXIT_BUSY);
	assert_memory_equal(was, r.page, PAGE_SIZE);
	assert_int_equal(r.vmcb->update_irr, 1);
	assert_int_equal(r.vmcb->requested_irr[2], BIT(17));
	script_free(&r.s);
}

int main(void)
{
	ROW("12: BUSY touches neither page nor request", row12);
	ROW("13: requested and allowed, once", row13);
	ROW("14, 17: not allowed, dropped for good", row14);
	ROW("16: no UPDATE_IRR: lost", row16);
	ROW("18: stale V_IRQ of the VMSA", row18);
	ROW("20: VGIF", row20);
	ROW("21: IF, shadow, PPR defer", row21);
	ROW("22: priority, nesting, PPR", row22);
	ROW("23: IRR bits below 16", exceptions_in_irr);
	ROW("32, 36: TPR and CR8", row32);
	ROW("33: LDR", row33);
	ROW("42: no kick: with the next VMRUN", row42);
	ROW("45: doorbell", row45);
	ROWS(eois, run_eoi);
	ROW("30, 49: level EOI, then edge", row49);
	ROW("61: Idle-HLT sees the page", row61);
	return rows_run("machine: Secure AVIC page");
}
