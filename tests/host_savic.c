// SPDX-License-Identifier: MIT
/*
 * Secure AVIC, the host's half: secure-avic.md sections 4, 5 and 9 (rows
 * named in brackets).
 */
#include <string.h>

#include "tests/lib/host_rig.h"
#include "tests/lib/rows.h"

#define SA	(SEV_FEATURE_SNP | SEV_FEATURE_SECURE_AVIC)
#define MSI_TO(id)	(0xfee00000ull | (u64)(id) << 12)
#define LEVEL_DATA(v)	((v) | 0xc000)
#define EN	SAVIC_CONTROL_EN
#define EN_NMI	(SAVIC_CONTROL_EN | SAVIC_CONTROL_ALLOWED_NMI)

static u32 *page_of(struct rig *r, unsigned int cpu)
{
	return script_ram(&r->s, SAVIC_AT(cpu));
}

static u32 *reg(struct rig *r, unsigned int cpu, u32 base, u8 vector)
{
	return &page_of(r, cpu)[(base + 0x10 * (vector / 32)) / 4];
}

static void allow(struct rig *r, unsigned int cpu, u8 vector)
{
	*reg(r, cpu, SAVIC_ALLOWED_IRR, vector) |= BIT(vector % 32);
}

static bool is_set(struct rig *r, unsigned int cpu, u32 base, u8 vector)
{
	return *reg(r, cpu, base, vector) >> vector % 32 & 1;
}

/* Private and validated, as a guest would have made it. */
static void make_page(struct rig *r, unsigned int cpu)
{
	struct rmp_insn insn = {
		.gva = SAVIC_AT(cpu), .gpa = SAVIC_AT(cpu), .rdx = 1 };

	rig_msr(r, cpu, 1ull << 52 | SAVIC_AT(cpu) | GHCB_MSR_PSC_REQ);
	machine_pvalidate(r->m, cpu, &insn);
	assert_int_equal(insn.eax, RMP_OK);
	memset(page_of(r, cpu), 0, PAGE_SIZE);
}

static u64 savic(struct rig *r, unsigned int cpu, u64 op, u64 rax, u64 rbx,
		 u64 *out)
{
	struct ghcb *g = rig_event(r, cpu, GHCB_SAVIC, op, 0);

	GHCB_SET(g, rax, rax);
	GHCB_SET(g, rbx, rbx);
	rig_vmgexit(r, cpu);
	if (out)
		*out = g->rbx;
	return g->exit_info1 ? g->exit_info1 << 32 | g->exit_info2 : 0;
}

static void reg_page(struct rig *r, unsigned int cpu)
{
	assert_int_equal(savic(r, cpu, GHCB_SAVIC_REGISTER, GHCB_SAVIC_SELF,
			       SAVIC_AT(cpu), NULL), 0);
}

static void enable(struct rig *r, unsigned int cpu, u64 flags)
{
	assert_int_equal(machine_wrmsr(r->m, cpu, MSR_SAVIC_CONTROL, 0,
				       flags ? SAVIC_AT(cpu) | flags : 0),
			 MACH_DONE);
}

static void rig_savic(struct rig *r, unsigned int vcpus, u64 flags)
{
	rig_new(r, &(struct rig_config){ .vcpus = vcpus, .features = SA });
	for (unsigned int i = 0; i < vcpus; i++) {
		if (i)
			assert_int_equal(rig_ap_create(r, i, 0, SA), 0);
		make_page(r, i);
		reg_page(r, i);
		enable(r, i, flags);
	}
	for (unsigned int i = 0; i < SCRIPT_CPUS; i++)
		rig_kicks(r, i);
}

/* ---- device vectors ----------------------------------------------------- */

/* [13] */
static void allowed_is_delivered(void **state)
{
	struct rig r;

	(void)state;
	rig_savic(&r, 1, EN);
	allow(&r, 0, 0x41);
	host_msi(r.h, MSI_TO(0), 0x41);
	assert_int_equal(rig_kicks(&r, 0), 1);
	machine_kicked(r.m, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	assert_true(is_set(&r, 0, APIC_ISR, 0x41));
	assert_int_equal(host_stats(r.h, 0)->irr_merges, 1);
	rig_free(&r);
}

/* [14, 17] The host asks once; what was refused does not come back. */
static void refused_is_gone(void **state)
{
	struct rig r;

	(void)state;
	rig_savic(&r, 1, EN);
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	assert_int_equal(rig_ctx(&r, 0, 0)->vmcb->requested_irr[2], 0);
	assert_int_equal(rig_ctx(&r, 0, 0)->vmcb->update_irr, 0);
	allow(&r, 0, 0x41);
	machine_kicked(r.m, 0);
	assert_int_equal(script_interrupt(&r.s, 0), -1);
	rig_free(&r);
}

/* [15] What arrives is exactly what was asked and allowed. */
static void random_sets(void **state)
{
	u32 seed = 12345, asked[8], allowed[8];
	struct rig r;

	(void)state;
	rig_savic(&r, 1, EN);
	for (int round = 0; round < 200; round++) {
		memset(asked, 0, sizeof(asked));
		memset(page_of(&r, 0), 0, PAGE_SIZE);
		for (int w = 0; w < 8; w++) {
			seed = seed * 1664525 + 1013904223;
			allowed[w] = seed ^ seed >> 13;
			page_of(&r, 0)[(SAVIC_ALLOWED_IRR + 16 * w) / 4] =
				allowed[w];
		}
		for (int n = 0; n < 40; n++) {
			seed = seed * 1664525 + 1013904223;
			u8 v = seed >> 24;

			if (v < 16)
				continue;
			host_msi(r.h, MSI_TO(0), v);
			asked[v / 32] |= BIT(v % 32);
		}
		machine_kicked(r.m, 0);
		for (int w = 0; w < 8; w++)
			assert_int_equal(
				page_of(&r, 0)[(APIC_IRR + 16 * w) / 4],
				asked[w] & allowed[w]);
	}
	rig_free(&r);
}

/* [16] A VMRUN without anything to ask leaves UPDATE_IRR alone. */
static void nothing_to_ask(void **state)
{
	struct rig r;

	(void)state;
	rig_savic(&r, 1, EN);
	machine_kicked(r.m, 0);
	assert_int_equal(host_stats(r.h, 0)->irr_merges, 0);
	rig_free(&r);
}

/* [19] EVENTINJ is never used. */
static void no_event_injection(void **state)
{
	struct rig r;

	(void)state;
	rig_savic(&r, 1, EN);
	allow(&r, 0, 0x41);
	machine_delivering(r.m, 0, EVENT_V | 0x41);
	machine_kicked(r.m, 0);
	assert_int_equal(rig_ctx(&r, 0, 0)->vmcb->event_inj, 0);
	/* hardware itself has put it back, once [63] */
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	assert_int_equal(script_interrupt(&r.s, 0), -1);
	rig_free(&r);
}

/* ---- before En ---------------------------------------------------------- */

/* Sent while the guest has neither registered nor enabled: not lost. */
static void kept_until_enabled(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ .vcpus = 1, .features = SA });
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	make_page(&r, 0);
	allow(&r, 0, 0x41);
	allow(&r, 0, 0x51);
	machine_kicked(r.m, 0);
	assert_int_equal(rig_ctx(&r, 0, 0)->vmcb->requested_irr[2], 0);
	reg_page(&r, 0);
	/* registered, En = 0: VMRUN takes nothing, RequestedIRR holds it */
	assert_int_equal(rig_ctx(&r, 0, 0)->vmcb->requested_irr[2], BIT(1));
	host_msi(r.h, MSI_TO(0), 0x51);
	rig_pump(&r);
	assert_int_equal(rig_ctx(&r, 0, 0)->vmcb->update_irr, 1);
	enable(&r, 0, EN);
	machine_kicked(r.m, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0x51);
	r.s.cpu[0].regs.rflags |= RFLAGS_IF;
	assert_true(is_set(&r, 0, APIC_IRR, 0x41));
	rig_free(&r);
}

/* An unregistered vCPU that halts with something pending does not spin. */
static void halts_before_enable(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ .vcpus = 1, .features = SA });
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	assert_int_equal(rig_hlt(&r, 0), MACH_IDLE);
	assert_int_equal(machine_kicked(r.m, 0), MACH_IDLE);
	rig_free(&r);
}

/* [57] Teardown and a new page: what the old one had not taken comes. */
static void kexec(void **state)
{
	struct rig r;
	u64 gpa;

	(void)state;
	rig_savic(&r, 1, EN);
	allow(&r, 0, 0x41);
	enable(&r, 0, 0);
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	assert_int_equal(rig_ctx(&r, 0, 0)->vmcb->update_irr, 1);
	assert_int_equal(savic(&r, 0, GHCB_SAVIC_UNREGISTER, GHCB_SAVIC_SELF,
			       0, &gpa), 0);
	assert_int_equal(gpa, SAVIC_AT(0));
	assert_int_equal(rig_ctx(&r, 0, 0)->vmcb->update_irr, 0);
	reg_page(&r, 0);
	enable(&r, 0, EN);
	machine_kicked(r.m, 0);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	assert_int_equal(host_vectors(r.h, 0, 0)->vector[0x41].presented, 1);
	rig_free(&r);
}

/* ---- 8000001Ah [55] ----------------------------------------------------- */

static const struct nae_row {
	const char *name;
	u64 op, rax, rbx;
	u64 result;
} naes[] = {
	{ "register self", 0, ~0ull, SAVIC_AT(0), 0 },
	{ "register self by APIC id", 0, 0, SAVIC_AT(0), 0 },
	{ "register another", 0, 1, SAVIC_AT(0), 0 },
	{ "unregister, never registered", 1, ~0ull, 0, 0 },
	{ "unregister another", 1, 1, 0, 0 },
	{ "misaligned", 0, ~0ull, SAVIC_AT(0) + 8, 2ull << 32 | 5 },
	{ "shared page", 0, ~0ull, SHARED_PAGE, 2ull << 32 | 5 },
	{ "no RAM", 0, ~0ull, 0xfee00000, 2ull << 32 | 5 },
	{ "unknown APIC id", 0, 9, SAVIC_AT(0), 2ull << 32 | 5 },
	{ "APIC id of 64 bits", 0, 1ull << 32, SAVIC_AT(0), 2ull << 32 | 5 },
	{ "bad operation", 2, ~0ull, SAVIC_AT(0), 2ull << 32 | 5 },
	{ "bad operation -1", ~0ull, ~0ull, SAVIC_AT(0), 2ull << 32 | 5 },
};

static void run_nae(void **state)
{
	const struct nae_row *row = *state;
	struct rig r;

	rig_new(&r, &(struct rig_config){ .features = SA });
	make_page(&r, 0);
	assert_int_equal(savic(&r, 0, row->op, row->rax, row->rbx, NULL),
			 row->result);
	assert_int_equal(rig_ctx(&r, 0, 0)->savic.registered,
			 !row->result && !row->op && row->rax != 1);
	assert_int_equal(rig_ctx(&r, 1, 0)->savic.registered,
			 !row->result && !row->op && row->rax == 1);
	rig_free(&r);
}

static void nae_missing_registers(void **state)
{
	struct ghcb *g;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ .features = SA });
	g = rig_event(&r, 0, GHCB_SAVIC, 0, 0);
	GHCB_SET(g, rax, ~0ull);
	rig_vmgexit(&r, 0);
	assert_int_equal(g->exit_info2, GHCB_ERR_MISSING_INPUT);
	g = rig_event(&r, 0, GHCB_SAVIC, 0, 0);
	GHCB_SET(g, rbx, SAVIC_AT(0));
	rig_vmgexit(&r, 0);
	assert_int_equal(g->exit_info2, GHCB_ERR_MISSING_INPUT);
	/* unregister needs RAX alone */
	g = rig_event(&r, 0, GHCB_SAVIC, 1, 0);
	GHCB_SET(g, rax, ~0ull);
	rig_vmgexit(&r, 0);
	assert_int_equal(g->exit_info1, 0);
	rig_free(&r);
}

static void idempotent(void **state)
{
	struct rig r;
	u64 gpa;

	(void)state;
	rig_savic(&r, 1, EN);
	reg_page(&r, 0);
	reg_page(&r, 0);
	savic(&r, 0, 1, ~0ull, 0, &gpa);
	assert_int_equal(gpa, SAVIC_AT(0));
	assert_int_equal(savic(&r, 0, 1, ~0ull, 0, &gpa), 0);
	assert_int_equal(gpa, 0);
	rig_free(&r);
}

static void splits_large_entry(void **state)
{
	struct psc_buffer *psc;
	struct ghcb *g;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ .features = SA });
	g = rig_event(&r, 0, GHCB_PSC, 0, 0);
	GHCB_SET(g, scratch, GHCB_AT(0, 0) + 0x800);
	psc = (struct psc_buffer *)g->buffer;
	memset(psc, 0, sizeof(*psc));
	psc->entry[0] = 1ull << 52 | PSC_ENTRY_2M | PAGE_2M;
	rig_vmgexit(&r, 0);
	assert_true(hv_rmp_is_2m(r.m, PAGE_2M));
	assert_int_equal(savic(&r, 0, 0, ~0ull, PAGE_2M + 0x7000, NULL), 0);
	assert_false(hv_rmp_is_2m(r.m, PAGE_2M));
	rig_free(&r);
}

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
	*reg(&r, 1, APIC_IRR, 0xfd) |= BIT(0xfd % 32);
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
	*reg(&r, 1, APIC_IRR, 0xfd) |= BIT(0xfd % 32);
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
	*reg(&r, 1, APIC_IRR, 0xfd) |= BIT(0xfd % 32);
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
	*reg(&r, 1, APIC_IRR, 0xfd) |= BIT(0xfd % 32);
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
	page_of(&r, 1)[SAVIC_NMI_REQ / 4] = 1;
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
	allow(r, 0, vector);
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
	*reg(&r, 0, APIC_ISR, 0x41) = 0;	/* the guest's driver */
	assert_true(rig_wrmsr(&r, 0, X2APIC_MSR(APIC_EOI), 0));
	/* still high: asserted again */
	r.s.cpu[0].regs.rflags |= RFLAGS_IF;
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	host_set_gsi(r.h, 4, false);
	*reg(&r, 0, APIC_ISR, 0x41) = 0;
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
	allow(&r, 0, 0xec);
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
	allow(&r, 0, 0x41);
	rig_wrmsr(&r, 0, X2APIC_MSR(APIC_SVR), 0xff);
	rig_wrmsr(&r, 0, X2APIC_MSR(APIC_TPR), 0xf0);
	host_msi(r.h, MSI_TO(0), 0x41);
	rig_pump(&r);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	rig_free(&r);
}

/* ---- life --------------------------------------------------------------- */

/* [56, 58] Offline is AP hold, online a new VMSA, the page is the same. */
static void offline_online(void **state)
{
	struct vmsa *vmsa;
	struct rig r;

	(void)state;
	rig_savic(&r, 2, EN);
	vmsa = script_ram(&r.s, VMSA_AT(1, 0));
	for (int i = 0; i < 100; i++) {
		rig_call(&r, 1, GHCB_AP_HOLD, 0, 0);
		assert_false(hv_in_guest(r.m, 1));
		vmsa->savic_control = 0;
		vmsa->rflags = RFLAGS_IF | 2;
		assert_int_equal(rig_ap_create(&r, 1, 0, SA), 0);
		assert_true(hv_in_guest(r.m, 1));
		/* nothing before it enables itself */
		host_msi(r.h, MSI_TO(1), 0x41);
		rig_pump(&r);
		assert_int_equal(script_interrupt(&r.s, 1), -1);
		allow(&r, 1, 0x41);
		reg_page(&r, 1);
		enable(&r, 1, EN);
		machine_kicked(r.m, 1);
		assert_int_equal(script_interrupt(&r.s, 1), 0x41);
		*reg(&r, 1, APIC_ISR, 0x41) = 0;
	}
	rig_free(&r);
}

/* [5.6] The consent of the host, and what it may not use. */
static void vmcb_of_secure_avic(void **state)
{
	struct rig r;
	struct vmcb *vmcb;

	(void)state;
	rig_savic(&r, 1, EN);
	vmcb = rig_ctx(&r, 0, 0)->vmcb;
	assert_true(vmcb->allowed_sev_features & ALLOWED_FEATURES_ENABLE);
	assert_true(vmcb->allowed_sev_features & SEV_FEATURE_SECURE_AVIC);
	assert_false(vmcb->int_ctl & VINTR_AVIC);
	assert_true(vmcb->int_ctl & VINTR_MASKING);
	assert_true(vmcb->int_ctl & VINTR_VGIF_ENABLE);
	assert_true(vmcb->intercept[INTERCEPT_IDLE_HLT / 32] &
		    BIT(INTERCEPT_IDLE_HLT % 32));
	assert_false(vmcb->intercept[EXIT_HLT / 32] & BIT(EXIT_HLT % 32));
	machine_kicked(r.m, 0);
	assert_int_equal(vmcb->guest_sev_features, SA);
	rig_free(&r);
}

/* [51] The page is gone: the vCPU is dead, nothing is retried. */
static void page_taken_away(void **state)
{
	struct rig r;

	(void)state;
	rig_savic(&r, 1, EN);
	rig_msr(&r, 0, 2ull << 52 | SAVIC_AT(0) | GHCB_MSR_PSC_REQ);
	assert_int_equal(r.stops, 1);
	assert_string_equal(r.result, "rmp-fault");
	assert_non_null(strstr(r.reason, "not restartable"));
	assert_false(hv_in_guest(r.m, 0));
	rig_free(&r);
}

int main(void)
{
	ROW("[13] allowed is delivered", allowed_is_delivered);
	ROW("[14, 17] refused is gone", refused_is_gone);
	ROW("[15] random sets", random_sets);
	ROW("[16] nothing to ask", nothing_to_ask);
	ROW("[19, 63] no EVENTINJ", no_event_injection);
	ROW("kept until enabled", kept_until_enabled);
	ROW("halts before enable", halts_before_enable);
	ROW("[57] kexec", kexec);
	ROWS(naes, run_nae);
	ROW("[55] missing registers", nae_missing_registers);
	ROW("[55] idempotent", idempotent);
	ROW("splits a 2M entry", splits_large_entry);
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
	ROW("[56, 58] offline, online", offline_online);
	ROW("[5, 7] VMCB", vmcb_of_secure_avic);
	ROW("[51] page taken away", page_taken_away);
	return rows_run("host: Secure AVIC");
}
