// SPDX-License-Identifier: MIT
/*
 * GHCB MSR protocol: each request and its exact answer (56421 section 2.3,
 * docs/ghcb.md).
 */
#include <string.h>

#include "tests/lib/host_rig.h"
#include "tests/lib/rows.h"

#define NONE	PAGE_MASK
#define PAGE	0x50000ull		/* shared RAM */

static const struct msr_row {
	const char *name;
	u64 request, response;
} protocol[] = {
	{ "SEV info: versions 1-2, C-bit 51", 0x002, 0x0002000133000001 },
	{ "preferred GHCB: none", 0x010, NONE | 0x011 },
	{ "register", PAGE | 0x012, PAGE | 0x013 },
	{ "register: not RAM", 0x80000000ull | 0x012, NONE | 0x013 },
	{ "register: high bits", 1ull << 60 | 0x012, NONE | 0x013 },
	{ "unregister what is not registered", 0x77000 | 0x018,
	  1ull << 32 | 0x019 },
	{ "unregister", GHCB_AT(0, 0) | 0x018, 0x019 },
	{ "PSC private", 1ull << 52 | PAGE | 0x014, 0x015 },
	{ "PSC shared, shared already", 2ull << 52 | PAGE | 0x014, 0x015 },
	{ "PSC: not RAM", 1ull << 52 | 0x90000000 | 0x014,
	  1ull << 32 | 0x015 },
	{ "PSC: operation 0", PAGE | 0x014, 1ull << 32 | 0x015 },
	{ "PSC: operation 3", 3ull << 52 | PAGE | 0x014, 1ull << 32 | 0x015 },
	{ "PSC: reserved bits", 1ull << 56 | 1ull << 52 | PAGE | 0x014,
	  1ull << 32 | 0x015 },
	{ "PSC: beyond RAM", 1ull << 52 | 0xffffffffff000 | 0x014,
	  1ull << 32 | 0x015 },
	{ "Run VMPL 0, the current one", 0x016, 0x017 },
	{ "Run VMPL 1: no VMSA", 1ull << 32 | 0x016, 1ull << 32 | 0x017 },
	{ "Run VMPL 3: no VMSA", 3ull << 32 | 0x016, 1ull << 32 | 0x017 },
	{ "Run VMPL 4: none such", 4ull << 32 | 0x016, 1ull << 32 | 0x017 },
	{ "Run VMPL 255", 255ull << 32 | 0x016, 1ull << 32 | 0x017 },
	{ "Run VMPL: reserved bits", 1ull << 40 | 0x016, 1ull << 32 | 0x017 },
	{ "features", 0x080, (u64)GHCB_FEATURES_ALL << 12 | 0x081 },
	{ "CPUID 80000000 EAX", 0x80000000ull << 32 | 0x004,
	  0x8000001full << 32 | 0x005 },
	{ "CPUID 8000001f EBX: C-bit, 4 VMPLs",
	  0x8000001full << 32 | 1ull << 30 | 0x004,
	  0x80004073ull << 32 | 1ull << 30 | 0x005 },
	{ "CPUID of no leaf", 0x7fffffffull << 32 | 3ull << 30 | 0x004,
	  3ull << 30 | 0x005 },
	{ "unknown request stays", 0xabc000 | 0x0fe, 0xabc000 | 0x0fe },
	{ "a response is no request", 0x001, 0x001 },
	{ "snp timer, unknown", 0x101, 0x101 },
};

static void run_protocol(void **state)
{
	const struct msr_row *row = *state;
	struct rig r;

	rig_new(&r, &(struct rig_config){ 0 });
	assert_int_equal(rig_msr(&r, 0, row->request), row->response);
	assert_true(hv_in_guest(r.m, 0));
	assert_int_equal(r.stops, 0);
	rig_free(&r);
}

static const struct term_row {
	const char *name;
	u64 request;
	const char *reason;
} terminations[] = {
	{ "general", 0x0100, "general termination (set 0, code 0" },
	{ "features", 0x020100, "SNP features not supported (set 0, code 2" },
	{ "Linux: not VMPL0", 0x031100, "not at VMPL0" },
	{ "Linux: Secure AVIC", 0x0c1100, "Secure AVIC failed" },
	{ "Linux: unknown", 0xff1100, "unknown reason (set 1, code 255" },
	{ "own set", 0x04f100, "reason set of the guest's own (set 15" },
};

static void run_termination(void **state)
{
	const struct term_row *row = *state;
	struct rig r;

	rig_new(&r, &(struct rig_config){ 0 });
	rig_msr(&r, 0, row->request);
	assert_string_equal(r.result, "guest-terminated");
	assert_non_null(strstr(r.reason, row->reason));
	assert_int_equal(r.stops, 1);
	assert_false(hv_in_guest(r.m, 0));
	rig_free(&r);
}

static void psc_really_changes(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	rig_msr(&r, 0, 1ull << 52 | PAGE | 0x014);
	assert_true(hv_is_private(r.m, PAGE));
	rig_msr(&r, 0, 2ull << 52 | PAGE | 0x014);
	assert_false(hv_is_private(r.m, PAGE));
	rig_free(&r);
}

/* The VMSA that runs is no page to give away. */
static void psc_of_the_running_vmsa(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	rig_msr(&r, 0, 2ull << 52 | VMSA_AT(0, 0) | 0x014);
	assert_true(r.stops || hv_in_guest(r.m, 0));
	rig_free(&r);
}

/* SIPI ends a hold with a non-zero value, nothing else does. */
static void ap_hold(void **state)
{
	struct rig r;
	struct host_ctx *c;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	assert_int_equal(rig_ap_create(&r, 1, 0, SEV_FEATURE_SNP), 0);
	c = rig_ctx(&r, 1, 0);
	assert_int_equal(rig_msr(&r, 1, 0x006), 0x007);
	assert_false(hv_in_guest(r.m, 1));
	host_nmi(r.h, 1);
	rig_pump(&r);
	assert_false(hv_in_guest(r.m, 1));
	assert_true(rig_wrmsr(&r, 0, 0x830, 1ull << 32 | 0x4600 | 8));
	rig_pump(&r);
	assert_true(hv_in_guest(r.m, 1));
	assert_int_equal(c->vmcb->ghcb_gpa, 0x1007);
	rig_free(&r);
}

/* Each VMPL answers in its own MSR, before the switch. */
static void run_vmpl_switches(void **state)
{
	struct rig r;
	struct host_ctx *c;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	c = rig_ctx(&r, 0, 0);
	assert_int_equal(rig_ap_create(&r, 0, 2, SEV_FEATURE_SNP), 0);
	assert_int_equal(machine_vmpl(r.m, 0), 0);
	assert_int_equal(rig_msr(&r, 0, 2ull << 32 | 0x016), 0x017);
	assert_int_equal(machine_vmpl(r.m, 0), 2);
	assert_int_equal(c->vmcb->ghcb_gpa, 0x017);
	assert_int_equal(rig_ctx(&r, 0, 2)->vmcb->ghcb_gpa, GHCB_MSR_RESET);
	rig_register(&r, 0);
	assert_int_equal(rig_call(&r, 0, GHCB_RUN_VMPL, 0, 0), 0);
	assert_int_equal(machine_vmpl(r.m, 0), 0);
	assert_int_equal(host_stats(r.h, 0)->vmpl_switches, 2);
	rig_free(&r);
}

static void run_vmpl_not_offered(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){
		.ghcb_features = GHCB_FEATURE_SNP | GHCB_FEATURE_AP_CREATION });
	assert_int_equal(rig_msr(&r, 0, 0x016), 1ull << 32 | 0x017);
	assert_int_equal(rig_msr(&r, 0, 0x080), 0x3081);
	rig_free(&r);
}

static void counted(void **state)
{
	struct rig r;
	const struct host_vcpu_stats *s;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	rig_msr(&r, 0, 0x080);
	rig_msr(&r, 0, 0x080);
	rig_msr(&r, 0, 0x100);
	s = host_stats(r.h, 0);
	assert_int_equal(s->vmgexits[host_event_slot(0x1080)], 2);
	assert_int_equal(s->vmgexits[host_event_slot(0x1100)], 1);
	assert_int_equal(s->exits[host_exit_slot(EXIT_VMGEXIT)], 4);
	assert_null(host_stats(r.h, 99));
	rig_free(&r);
}

int main(void)
{
	ROWS(protocol, run_protocol);
	ROWS(terminations, run_termination);
	ROW("PSC really changes", psc_really_changes);
	ROW("PSC of the running VMSA", psc_of_the_running_vmsa);
	ROW("AP hold ends by SIPI", ap_hold);
	ROW("Run VMPL switches", run_vmpl_switches);
	ROW("Run VMPL not offered", run_vmpl_not_offered);
	ROW("requests are counted", counted);
	return rows_run("host: GHCB MSR protocol");
}
