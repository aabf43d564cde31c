// SPDX-License-Identifier: MIT
/*
 * The report says what was counted and nothing else: known events go into a
 * real host on a real machine, and the JSON must have exactly these.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "engine/report.h"
#include "tests/lib/host_rig.h"
#include "tests/lib/rows.h"

static struct report_run run_of(struct rig *r)
{
	return (struct report_run){
		.machine = r->m,
		.host = r->h,
		.vcpus = 2,
		.result = "powered-off",
		.reason = "done",
		.guest_ns = 1234567890,
	};
}

static json_t *report_of(struct rig *r)
{
	struct report_run run = run_of(r);
	char *text = report_text(&run);
	json_t *json;

	assert_non_null(text);
	json = json_loads(text, 0, NULL);
	assert_non_null(json);
	free(text);
	return json;
}

static json_int_t count(json_t *of, const char *key)
{
	return json_integer_value(json_object_get(of, key));
}

static json_t *vcpu(json_t *report, unsigned int id)
{
	json_t *one = json_array_get(json_object_get(report, "vcpus"), id);

	assert_int_equal(count(one, "id"), id);
	return one;
}

static void test_vmgexits(void **state)
{
	json_t *report, *events;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	for (int i = 0; i < 3; i++)
		rig_msr(&r, 0, GHCB_MSR_INFO_REQ);
	rig_call(&r, 0, GHCB_FEATURES, 0, 0);
	report = report_of(&r);
	assert_int_equal(json_array_size(json_object_get(report, "vcpus")), 2);
	events = json_object_get(vcpu(report, 0), "vmgexits");
	assert_int_equal(count(events, "0x1002"), 3);
	assert_int_equal(count(events, "0x8000fffd"), 1);
	/* The rig's own registration, and no key that counts nothing. */
	assert_int_equal(count(events, "0x1012"), 1);
	assert_int_equal(json_object_size(events), 3);
	events = json_object_get(vcpu(report, 1), "vmgexits");
	assert_int_equal(json_object_size(events), 0);
	json_decref(report);
	rig_free(&r);
}

static void test_automatic_exits(void **state)
{
	json_t *report, *exits;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	rig_msr(&r, 0, GHCB_MSR_INFO_REQ);
	rig_hlt(&r, 0);
	report = report_of(&r);
	exits = json_object_get(vcpu(report, 0), "automatic_exits");
	/* The host intercepts HLT by Idle-HLT only. */
	assert_int_equal(count(exits, "0xa6"), 1);
	assert_null(json_object_get(exits, "0x403"));
	json_decref(report);
	rig_free(&r);
}

static void test_vc(void **state)
{
	json_t *report, *vc;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	for (int i = 0; i < 5; i++)
		assert_int_equal(machine_intercept(r.m, 0, EXIT_CPUID, 0, 0,
						   0x1002), MACH_VC);
	report = report_of(&r);
	vc = json_object_get(vcpu(report, 0), "vc");
	assert_int_equal(count(vc, "0x72"), 5);
	assert_int_equal(json_object_size(vc), 1);
	json_decref(report);
	rig_free(&r);
}

static void enable_apic(struct rig *r)
{
	assert_true(rig_wrmsr(r, 0, 0x80f, 0x1ff));
}

static void test_vectors(void **state)
{
	json_t *report, *vector;
	u64 event = 0;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	enable_apic(&r);
	host_msi(r.h, 0xfee00000, 0x55);
	host_msi(r.h, 0xfee00000, 0x55);
	rig_pump(&r);
	assert_int_equal(machine_event(r.m, 0, BIT(9), false, false, &event),
			 EVENT_DELIVER);
	assert_int_equal(event & 0xff, 0x55);
	machine_delivering(r.m, 0, event);
	machine_delivered(r.m, 0);
	assert_true(rig_wrmsr(&r, 0, 0x80b, 0));
	report = report_of(&r);
	vector = json_object_get(json_object_get(report, "vectors"), "0x55");
	assert_int_equal(count(vector, "posted"), 2);
	assert_int_equal(count(vector, "presented"), 1);
	assert_int_equal(count(vector, "coalesced"), 1);
	assert_int_equal(count(vector, "refused"), 0);
	assert_int_equal(count(vector, "eoi"), 1);
	assert_int_equal(count(vcpu(report, 0), "presented"), 1);
	assert_int_equal(count(vcpu(report, 0), "eoi_explicit"), 1);
	assert_int_equal(json_object_size(json_object_get(report, "vectors")),
			 1);
	json_decref(report);
	rig_free(&r);
}

static void test_head(void **state)
{
	struct report_run run;
	struct rig r;
	json_t *json;
	char *text;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	json = report_of(&r);
	assert_string_equal(json_string_value(json_object_get(json, "result")),
			    "powered-off");
	assert_null(json_object_get(json, "instructions"));
	assert_int_equal(json_real_value(json_object_get(json,
				"guest_seconds")) * 1e9 + 0.5, 1234567890);
	assert_int_equal(json_array_size(json_object_get(json, "violations")),
			 0);
	json_decref(json);
	run = run_of(&r);
	run.has_instructions = true;
	run.instructions = 77;
	run.reason = "no \"UTF-8\" \xff";
	text = report_text(&run);
	json = json_loads(text, 0, NULL);
	assert_int_equal(count(json, "instructions"), 77);
	assert_string_equal(json_string_value(json_object_get(json, "reason")),
			    "no \"UTF-8\" ?");
	json_decref(json);
	free(text);
	rig_free(&r);
}

static void test_violations(void **state)
{
	json_t *report, *all, *one;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	host_dma_refused(r.h, 0x30000, true);
	host_dma_refused(r.h, 0x31000, true);
	report = report_of(&r);
	all = json_object_get(report, "violations");
	assert_int_equal(json_array_size(all), 1);
	one = json_array_get(all, 0);
	assert_int_equal(count(one, "count"), 2);
	assert_true(json_is_string(json_object_get(one, "name")));
	json_decref(report);
	rig_free(&r);
}

static char *text_of_one_run(void)
{
	struct report_run run;
	struct rig r;
	char *text;

	rig_new(&r, &(struct rig_config){ 0 });
	rig_msr(&r, 0, GHCB_MSR_INFO_REQ);
	host_dma_refused(r.h, 0x30000, true);
	run = run_of(&r);
	text = report_text(&run);
	rig_free(&r);
	return text;
}

static void test_equal(void **state)
{
	char *one = text_of_one_run(), *two = text_of_one_run();

	(void)state;
	assert_string_equal(one, two);
	free(one);
	free(two);
}

/* Whole or not at all, and an errno for where it cannot be. */
static void test_file(void **state)
{
	struct report_run run = { .vcpus = 1, .result = "powered-off" };
	char folder[] = "/tmp/report.XXXXXX", path[64];
	json_t *json;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/r", folder);
	assert_int_equal(report_write(path, &run), 0);
	json = json_load_file(path, 0, NULL);
	assert_non_null(json);
	assert_int_equal(json_array_size(json_object_get(json, "vcpus")), 0);
	json_decref(json);
	unlink(path);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(report_write(path, &run), ENOENT);
}

int main(void)
{
	ROW("VMGEXITs by code", test_vmgexits);
	ROW("automatic exits", test_automatic_exits);
	ROW("#VC", test_vc);
	ROW("vectors", test_vectors);
	ROW("result, time, instructions", test_head);
	ROW("violations", test_violations);
	ROW("equal runs, equal bytes", test_equal);
	ROW("file", test_file);
	return rows_run("report");
}
