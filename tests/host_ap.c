// SPDX-License-Identifier: MIT
/*
 * AP creation for any VMPL, destruction, doorbell pages, HV IPI.
 * docs/ghcb.md, rows 41-45, 98,
 * 105, 106.
 */
#include <string.h>

#include "tests/lib/host_rig.h"
#include "tests/lib/rows.h"

#define SNP	SEV_FEATURE_SNP
#define RI	(SNP | SEV_FEATURE_RESTRICTED)
#define AI	(SNP | SEV_FEATURE_ALTERNATE)
#define OK	0
#define BAD	2
#define INFO1(id, vmpl, op)	((u64)(id) << 32 | (vmpl) << 16 | (op))

static const struct create_row {
	const char *name;
	u64 info1, info2, rax;
	u64 result1;
} creations[] = {
	{ "create", INFO1(1, 0, 1), VMSA_AT(1, 0), SNP, OK },
	{ "create on INIT", INFO1(1, 0, 0), VMSA_AT(1, 0), SNP, OK },
	{ "destroy nothing", INFO1(1, 0, 2), 0, 0, OK },
	{ "destroy, junk GPA", INFO1(1, 0, 2), ~0ull, ~0ull, OK },
	{ "VMPL 3 of oneself", INFO1(0, 3, 1), VMSA_AT(0, 3), SNP, OK },
	{ "AI at VMPL 2", INFO1(0, 2, 1), VMSA_AT(0, 2), AI, OK },
	{ "AI at VMPL 0", INFO1(1, 0, 1), VMSA_AT(1, 0), AI, BAD },
	{ "operation 3", INFO1(1, 0, 3), VMSA_AT(1, 0), SNP, BAD },
	{ "operation ffff", INFO1(1, 0, 0xffff), VMSA_AT(1, 0), SNP, BAD },
	{ "reserved bits", INFO1(1, 0, 1) | 1 << 20, VMSA_AT(1, 0), SNP,
	  BAD },
	{ "VMPL 4", INFO1(1, 4, 1), VMSA_AT(1, 0), SNP, BAD },
	{ "VMPL 15", INFO1(1, 15, 1), VMSA_AT(1, 0), SNP, BAD },
	{ "no such APIC id", INFO1(2, 0, 1), VMSA_AT(1, 0), SNP, BAD },
	{ "APIC id -1", INFO1(0xffffffff, 0, 1), VMSA_AT(1, 0), SNP, BAD },
	{ "VMSA unaligned", INFO1(1, 0, 1), VMSA_AT(1, 0) + 8, SNP, BAD },
	{ "VMSA 2M aligned", INFO1(1, 0, 1), PAGE_2M, SNP, BAD },
	{ "VMSA at 0", INFO1(1, 0, 1), 0, SNP, BAD },
	{ "VMSA shared", INFO1(1, 0, 1), SHARED_PAGE, SNP, BAD },
	{ "VMSA no RAM", INFO1(1, 0, 1), 0xfee01000, SNP, BAD },
	{ "VMSA far away", INFO1(1, 0, 1), ~0ull & PAGE_MASK, SNP, BAD },
	{ "features: none", INFO1(1, 0, 1), VMSA_AT(1, 0), 0, BAD },
	{ "features: unknown", INFO1(1, 0, 1), VMSA_AT(1, 0),
	  SNP | BIT_ULL(40), BAD },
	{ "features: not allowed", INFO1(1, 0, 1), VMSA_AT(1, 0),
	  SNP | SEV_FEATURE_SECURE_TSC, BAD },
	{ "features: two injections", INFO1(0, 2, 1), VMSA_AT(0, 2),
	  AI | SEV_FEATURE_RESTRICTED, BAD },
	{ "features differ from boot's", INFO1(1, 0, 1), VMSA_AT(1, 0),
	  SNP | SEV_FEATURE_DEBUG_SWAP, BAD },
};

static u64 create(struct rig *r, unsigned int from, u64 info1, u64 info2,
		  u64 rax)
{
	struct ghcb *g = rig_event(r, from, GHCB_AP_CREATION, info1, info2);

	GHCB_SET(g, rax, rax);
	rig_vmgexit(r, from);
	if (g->exit_info1)
		assert_int_equal(g->exit_info2, GHCB_ERR_INVALID_INPUT);
	return g->exit_info1;
}

static void run_creation(void **state)
{
	const struct create_row *row = *state;
	struct rig r;

	rig_new(&r, &(struct rig_config){ 0 });
	assert_int_equal(create(&r, 0, row->info1, row->info2, row->rax),
			 row->result1);
	rig_pump(&r);
	assert_true(hv_in_guest(r.m, 0));
	assert_int_equal(r.stops, 0);
	assert_int_equal(hv_in_guest(r.m, 1),
			 !strcmp(row->name, "create"));
	rig_free(&r);
}

/* Private it would be, but an erratum of early parts forbids it. */
static void vmsa_at_2m(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	rig_msr(&r, 0, 1ull << 52 | PAGE_2M | GHCB_MSR_PSC_REQ);
	assert_true(hv_is_private(r.m, PAGE_2M));
	assert_int_equal(create(&r, 0, INFO1(1, 0, 1), PAGE_2M, SNP), BAD);
	rig_free(&r);
}

/* Not even if a launch has done it: nobody is above to present. */
static void no_alternate_at_vmpl0(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ .features = AI });
	assert_int_equal(create(&r, 0, INFO1(1, 0, 1), VMSA_AT(1, 0), AI),
			 BAD);
	assert_int_equal(create(&r, 0, INFO1(1, 1, 1), VMSA_AT(1, 1), AI),
			 OK);
	rig_free(&r);
}

static void first_features_of_a_vmpl_count(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	assert_int_equal(create(&r, 0, INFO1(0, 2, 1), VMSA_AT(0, 2), AI),
			 OK);
	assert_int_equal(create(&r, 0, INFO1(1, 2, 1), VMSA_AT(1, 2), SNP),
			 BAD);
	assert_int_equal(create(&r, 0, INFO1(1, 2, 1), VMSA_AT(1, 2), AI),
			 OK);
	assert_int_equal(create(&r, 0, INFO1(1, 1, 1), VMSA_AT(1, 1), SNP),
			 OK);
	rig_free(&r);
}

/* A guest at VMPL 2 makes VMPL 2 contexts, and none of VMPL 0. */
static void not_upwards(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ .vmpl = 2 });
	assert_int_equal(create(&r, 0, INFO1(1, 0, 1), VMSA_AT(1, 0), SNP),
			 BAD);
	assert_int_equal(create(&r, 0, INFO1(1, 1, 2), 0, 0), BAD);
	assert_int_equal(create(&r, 0, INFO1(1, 3, 1), VMSA_AT(1, 3), SNP),
			 OK);
	assert_int_equal(create(&r, 0, INFO1(1, 2, 1), VMSA_AT(1, 2), SNP),
			 OK);
	rig_pump(&r);
	assert_true(hv_in_guest(r.m, 1));
	rig_free(&r);
}

/* Linux' CPU hotplug: a new VMSA for a CPU that runs. */
static void recreate_running(void **state)
{
	struct rig r;
	struct host_ctx *c;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	c = rig_ctx(&r, 1, 0);
	assert_int_equal(rig_ap_create(&r, 1, 0, SNP), OK);
	assert_true(rig_wrmsr(&r, 1, 0x80f, 0x1ff));
	assert_int_equal(create(&r, 0, INFO1(1, 0, 1), VMSA_AT(1, 1), SNP),
			 OK);
	/* until it is out of the guest, the old one runs */
	assert_int_equal(c->vmcb->vmsa_pa, VMSA_AT(1, 0));
	((struct vmsa *)script_ram(&r.s, VMSA_AT(1, 1)))->vmpl = 0;
	rig_pump(&r);
	assert_true(hv_in_guest(r.m, 1));
	assert_int_equal(c->vmcb->vmsa_pa, VMSA_AT(1, 1));
	assert_int_equal(c->vmcb->ghcb_gpa, GHCB_MSR_RESET);
	assert_int_equal(c->ghcb_registered, NO_GPA);
	assert_int_equal(c->apic.svr, 0xff);
	assert_int_equal(c->apic.run, APIC_RUNNING);
	rig_free(&r);
}

static void recreate_held(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	rig_ap_create(&r, 1, 0, SNP);
	assert_int_equal(rig_call(&r, 1, GHCB_AP_HOLD, 0, 0), 0);
	assert_false(hv_in_guest(r.m, 1));
	assert_int_equal(rig_ap_create(&r, 1, 0, SNP), OK);
	assert_true(hv_in_guest(r.m, 1));
	rig_free(&r);
}

static void hold_ends_by_sipi(void **state)
{
	struct ghcb *g;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	rig_ap_create(&r, 1, 0, SNP);
	g = rig_ghcb(&r, 1);
	rig_call(&r, 1, GHCB_AP_HOLD, 0, 0);
	assert_int_equal(g->exit_info2, 0);
	host_msi(r.h, 0xfee01000, 0x41);
	rig_pump(&r);
	assert_false(hv_in_guest(r.m, 1));
	rig_wrmsr(&r, 0, 0x830, 1ull << 32 | 0x4608);
	rig_pump(&r);
	assert_true(hv_in_guest(r.m, 1));
	assert_int_equal(g->exit_info2, 1);
	rig_free(&r);
}

static void destroy_running(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	rig_ap_create(&r, 1, 0, SNP);
	assert_int_equal(create(&r, 0, INFO1(1, 0, 2), 0, 0), OK);
	rig_pump(&r);
	assert_false(hv_in_guest(r.m, 1));
	assert_int_equal(rig_ctx(&r, 1, 0)->state, CTX_STOPPED);
	host_nmi(r.h, 1);
	rig_wrmsr(&r, 0, 0x830, 1ull << 32 | 0x41);
	rig_wrmsr(&r, 0, 0x830, 1ull << 32 | 0x4608);
	rig_pump(&r);
	machine_kicked(r.m, 1);
	assert_false(hv_in_guest(r.m, 1));
	assert_int_equal(rig_ap_create(&r, 1, 0, SNP), OK);
	assert_true(hv_in_guest(r.m, 1));
	rig_free(&r);
}

static void destroy_oneself(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	create(&r, 0, INFO1(0, 0, 2), 0, 0);
	assert_false(hv_in_guest(r.m, 0));
	assert_int_equal(r.stops, 0);
	rig_free(&r);
}

static void on_init_waits_for_init(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	create(&r, 0, INFO1(1, 0, 0), VMSA_AT(1, 0), SNP);
	rig_pump(&r);
	assert_false(hv_in_guest(r.m, 1));
	rig_wrmsr(&r, 0, 0x830, 1ull << 32 | 0x4500);
	rig_pump(&r);
	assert_true(hv_in_guest(r.m, 1));
	rig_free(&r);
}

/* For another VMPL of one's own: there to be run, not running. */
static void on_init_then_run_vmpl(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	create(&r, 0, INFO1(0, 2, 0), VMSA_AT(0, 2), AI);
	assert_int_equal(machine_vmpl(r.m, 0), 0);
	assert_int_equal(rig_ctx(&r, 0, 2)->state, CTX_CREATED);
	assert_int_equal(rig_call(&r, 0, GHCB_RUN_VMPL, 2, 0), OK);
	assert_true(r.stops || machine_vmpl(r.m, 0) == 2);
	rig_free(&r);
}

/* The VMSA for the next INIT of a CPU that runs. */
static void on_init_of_a_running_cpu(void **state)
{
	struct rig r;
	struct host_ctx *c;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	c = rig_ctx(&r, 1, 0);
	rig_ap_create(&r, 1, 0, SNP);
	((struct vmsa *)script_ram(&r.s, VMSA_AT(1, 1)))->vmpl = 0;
	create(&r, 0, INFO1(1, 0, 0), VMSA_AT(1, 1), SNP);
	machine_kicked(r.m, 1);
	assert_int_equal(c->vmcb->vmsa_pa, VMSA_AT(1, 0));
	assert_true(hv_in_guest(r.m, 1));
	rig_wrmsr(&r, 0, 0x830, 1ull << 32 | 0x4500);
	rig_pump(&r);
	assert_true(hv_in_guest(r.m, 1));
	assert_int_equal(c->vmcb->vmsa_pa, VMSA_AT(1, 1));
	rig_free(&r);
}

/* Another vCPU destroys what this one is about to run. */
static void run_vmpl_that_is_to_go(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	rig_ap_create(&r, 1, 0, SNP);
	rig_ap_create(&r, 1, 2, SNP);
	create(&r, 0, INFO1(1, 2, 2), 0, 0);
	assert_int_equal(rig_call(&r, 1, GHCB_RUN_VMPL, 2, 0), BAD);
	assert_int_equal(machine_vmpl(r.m, 1), 0);
	assert_int_equal(rig_ctx(&r, 1, 2)->state, CTX_STOPPED);
	rig_free(&r);
}

/* A VMSA that VMRUN refuses ends the run once, with a reason. */
static void invalid_vmsa(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	((struct vmsa *)script_ram(&r.s, VMSA_AT(1, 0)))->efer = 0;
	rig_ap_create(&r, 1, 0, SNP);
	assert_string_equal(r.result, "vmrun-refused");
	assert_non_null(strstr(r.reason, "vCPU 1 VMPL 0"));
	assert_non_null(strstr(r.reason, "invalid state"));
	assert_false(hv_in_guest(r.m, 1));
	rig_free(&r);
}

/* What happens to one VMPL leaves the APICs of the others alone (#378). */
static void other_vmpls_apic_stays(void **state)
{
	struct rig r;
	u64 value;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	rig_wrmsr(&r, 0, 0x80f, 0x1ff);
	rig_wrmsr(&r, 0, 0x832, 0x3ff & ~0x300);
	rig_wrmsr(&r, 0, 0x808, 0x20);
	rig_ap_create(&r, 0, 2, SNP);
	create(&r, 0, INFO1(0, 2, 2), 0, 0);
	rig_rdmsr(&r, 0, 0x80f, &value);
	assert_int_equal(value, 0x1ff);
	rig_rdmsr(&r, 0, 0x832, &value);
	assert_int_equal(value, 0xff);
	rig_rdmsr(&r, 0, 0x808, &value);
	assert_int_equal(value, 0x20);
	rig_free(&r);
}

/* ---- doorbell page ------------------------------------------------------ */

static void ri_rig(struct rig *r)
{
	rig_new(r, &(struct rig_config){ .features = RI });
}

static u64 doorbell(struct rig *r, u64 op, u64 gpa, u64 *info2)
{
	u64 result = rig_call(r, 0, GHCB_DOORBELL, op, gpa);

	*info2 = rig_ghcb(r, 0)->exit_info2;
	return result;
}

static void doorbell_life(void **state)
{
	struct rig r;
	u64 gpa;

	(void)state;
	ri_rig(&r);
	assert_int_equal(doorbell(&r, DOORBELL_GET_PREFERRED, 0, &gpa), 0);
	assert_int_equal(gpa, ~0ull);
	assert_int_equal(doorbell(&r, DOORBELL_QUERY, 0, &gpa), 0);
	assert_int_equal(gpa, ~0ull);
	assert_int_equal(doorbell(&r, DOORBELL_SET, SHARED_PAGE, &gpa), 0);
	assert_int_equal(gpa, SHARED_PAGE);
	assert_int_equal(doorbell(&r, DOORBELL_QUERY, 0, &gpa), 0);
	assert_int_equal(gpa, SHARED_PAGE);
	/* another VMPL has none */
	assert_int_equal(rig_ctx(&r, 0, 1)->doorbell, NO_GPA);
	assert_int_equal(doorbell(&r, DOORBELL_CLEAR, 0, &gpa), 0);
	assert_int_equal(doorbell(&r, DOORBELL_QUERY, 0, &gpa), 0);
	assert_int_equal(gpa, ~0ull);
	rig_free(&r);
}

static const struct doorbell_row {
	const char *name;
	u64 op, gpa;
} bad_doorbells[] = {
	{ "SET unaligned", DOORBELL_SET, SHARED_PAGE + 64 },
	{ "SET private", DOORBELL_SET, VMSA_AT(0, 0) },
	{ "SET no RAM", DOORBELL_SET, 0xfee00000 },
	{ "SET -1", DOORBELL_SET, ~0ull },
	{ "operation 4", 4, SHARED_PAGE },
	{ "operation -1", ~0ull, SHARED_PAGE },
};

/* A refused SET and an unknown operation leave no registration. */
static void run_bad_doorbell(void **state)
{
	const struct doorbell_row *row = *state;
	struct rig r;
	u64 info2;

	ri_rig(&r);
	doorbell(&r, DOORBELL_SET, SHARED_PAGE, &info2);
	assert_int_equal(doorbell(&r, row->op, row->gpa, &info2), 2);
	assert_int_equal(info2, GHCB_ERR_INVALID_INPUT);
	assert_int_equal(rig_ctx(&r, 0, 0)->doorbell, NO_GPA);
	rig_free(&r);
}

/* The page goes private behind the host's back: nothing breaks. */
static void doorbell_goes_private(void **state)
{
	struct rig r;
	u64 info2;

	(void)state;
	ri_rig(&r);
	rig_wrmsr(&r, 0, 0x80f, 0x1ff);
	doorbell(&r, DOORBELL_SET, SHARED_PAGE, &info2);
	rig_msr(&r, 0, 1ull << 52 | SHARED_PAGE | 0x014);
	host_msi(r.h, 0xfee00000, 0x41);
	host_nmi(r.h, 0);
	rig_pump(&r);
	machine_kicked(r.m, 0);
	assert_int_equal(r.stops, 0);
	assert_true(hv_in_guest(r.m, 0));
	rig_free(&r);
}

static void doorbell_ends_with_vmsa(void **state)
{
	struct rig r;
	u64 info2;

	(void)state;
	ri_rig(&r);
	doorbell(&r, DOORBELL_SET, SHARED_PAGE, &info2);
	create(&r, 0, INFO1(0, 0, 1), VMSA_AT(0, 0), RI);
	assert_int_equal(rig_ctx(&r, 0, 0)->doorbell, NO_GPA);
	rig_free(&r);
}

/* ---- HV IPI ------------------------------------------------------------- */

static void hv_ipi(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	rig_ap_create(&r, 1, 0, SNP);
	rig_wrmsr(&r, 1, 0x80f, 0x1ff);
	assert_int_equal(rig_call(&r, 0, GHCB_HV_IPI, 1ull << 32 | 0x41, 0),
			 0);
	rig_pump(&r);
	assert_int_equal(script_interrupt(&r.s, 1), 0x41);
	rig_free(&r);
	/* the same in xAPIC mode: all 64 bits count */
	rig_new(&r, &(struct rig_config){ .xapic = true });
	rig_ap_create(&r, 1, 0, SNP);
	rig_ctx(&r, 1, 0)->apic.svr = 0x1ff;
	assert_int_equal(rig_call(&r, 0, GHCB_HV_IPI, 1ull << 32 | 0x41, 0),
			 0);
	rig_pump(&r);
	assert_int_equal(script_interrupt(&r.s, 1), 0x41);
	rig_free(&r);
}

static void ipi_to_destroyed(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	assert_int_equal(rig_call(&r, 0, GHCB_HV_IPI, 1ull << 32 | 0x41, 0),
			 0);
	assert_int_equal(rig_call(&r, 0, GHCB_HV_IPI, 7ull << 32 | 0x41, 0),
			 0);
	rig_pump(&r);
	assert_false(hv_in_guest(r.m, 1));
	rig_free(&r);
}

int main(void)
{
	ROWS(creations, run_creation);
	ROW("VMSA at 2M, private", vmsa_at_2m);
	ROW("no Alternate Injection at VMPL 0", no_alternate_at_vmpl0);
	ROW("first features of a VMPL count", first_features_of_a_vmpl_count);
	ROW("not upwards", not_upwards);
	ROW("re-create a running CPU", recreate_running);
	ROW("re-create a held CPU", recreate_held);
	ROW("hold ends by SIPI", hold_ends_by_sipi);
	ROW("destroy a running CPU", destroy_running);
	ROW("destroy oneself", destroy_oneself);
	ROW("create-on-INIT waits", on_init_waits_for_init);
	ROW("create-on-INIT, Run VMPL", on_init_then_run_vmpl);
	ROW("create-on-INIT of a running CPU", on_init_of_a_running_cpu);
	ROW("Run VMPL that is to go", run_vmpl_that_is_to_go);
	ROW("invalid VMSA", invalid_vmsa);
	ROW("other VMPLs' APIC stays", other_vmpls_apic_stays);
	ROW("doorbell: life", doorbell_life);
	ROWS(bad_doorbells, run_bad_doorbell);
	ROW("doorbell goes private", doorbell_goes_private);
	ROW("doorbell ends with the VMSA", doorbell_ends_with_vmsa);
	ROW("HV IPI", hv_ipi);
	ROW("IPI to nobody", ipi_to_destroyed);
	return rows_run("host: vCPUs and VMPLs");
}
