// SPDX-License-Identifier: MIT
/*
 * #VMEXITs that are no requests, the firmware's jobs, CPUID, and the end of
 * a run. APM 15.36.16, 56860 section 7.1.
 */
#include <stdio.h>
#include <string.h>

#include "tests/lib/host_rig.h"
#include "tests/lib/rows.h"

static struct vmcb *vmcb_of(struct rig *r)
{
	return rig_ctx(r, 0, machine_vmpl(r->m, 0))->vmcb;
}

/* An exit that no scripted instruction gives: straight into the host. */
static struct vmcb *force_exit(struct rig *r, u64 code, u64 info1, u64 info2)
{
	struct vmcb *vmcb = vmcb_of(r);

	vmcb->exit_code = code;
	vmcb->exit_info1 = info1;
	vmcb->exit_info2 = info2;
	return host_hv_ops.run(r->h, 0, vmcb);
}

static const struct stop_row {
	const char *name;
	u64 code, info1, info2;
	const char *result, *reason;
} stops[] = {
	{ "shutdown", EXIT_SHUTDOWN, 0, 0, "guest-panic", "triple fault" },
	{ "INVALID", EXIT_INVALID, 0, 0, "vmrun-refused", "invalid state" },
	{ "BUSY", EXIT_BUSY, 0, 0, "vmrun-refused", "busy" },
	{ "idle required", EXIT_IDLE_REQUIRED, 0, 0, "vmrun-refused",
	  "idle required" },
	{ "unknown exit", 0x7e, 0, 0, "unexpected-exit", "0x7e" },
	{ "exit code -100", -100ull, 0, 0, "unexpected-exit", "0xff" },
	{ "#VC of VMPL 0 reflected", EXIT_VC, 0, 0, "reflected-vc",
	  "no VMPL above" },
	{ "NPF: VMPL permission", EXIT_NPF,
	  NPF_PRESENT | NPF_WRITE | NPF_RMP | NPF_VMPL | NPF_ENC, 0x12345000,
	  "rmp-fault", "VMPL permission RMP private write fault at gpa "
	  "0x12345000, error 0x1480000003" },
	{ "NPF: shared read of private", EXIT_NPF, NPF_PRESENT | NPF_RMP,
	  0x1000, "rmp-fault", "RMP shared read fault at gpa 0x1000" },
	{ "NPF: fetch", EXIT_NPF, NPF_FETCH | NPF_ENC, 0x1000, "rmp-fault",
	  "private fetch fault" },
	{ "NPF: size, but not large", EXIT_NPF, NPF_RMP | NPF_SIZEM, 0x1000,
	  "rmp-fault", "gpa 0x1000" },
	{ "NPF: not restartable", EXIT_NPF,
	  NPF_NOT_RESTARTABLE | NPF_SIZEM | NPF_RMP, 0x1000, "rmp-fault",
	  "not restartable" },
	{ "not restartable page", EXIT_NOT_RESTARTABLE, 0, 0,
	  "vmrun-refused", "not validated" },
};

static void run_stop(void **state)
{
	const struct stop_row *row = *state;
	struct rig r;

	rig_new(&r, &(struct rig_config){ 0 });
	assert_null(force_exit(&r, row->code, row->info1, row->info2));
	assert_string_equal(r.result, row->result);
	assert_non_null(strstr(r.reason, row->reason));
	assert_non_null(strstr(r.reason, "vCPU 0 VMPL 0"));
	assert_int_equal(r.stops, 1);
	/* once stopped, nothing runs and nothing is said twice */
	assert_null(host_hv_ops.run(r.h, 0, NULL));
	host_guest_off(r.h, false);
	host_msi(r.h, 0xfee00000, 0x41);
	host_nmi(r.h, 0);
	assert_int_equal(r.stops, 1);
	rig_free(&r);
}

static const struct resume_row {
	const char *name;
	u64 code;
} resumes[] = {
	{ "INTR", EXIT_INTR }, { "NMI", EXIT_NMI }, { "SMI", EXIT_SMI },
	{ "INIT", EXIT_INIT }, { "VINTR", EXIT_VINTR },
	{ "PAUSE", EXIT_PAUSE },
};

static void run_resume(void **state)
{
	const struct resume_row *row = *state;
	struct rig r;

	rig_new(&r, &(struct rig_config){ 0 });
	assert_ptr_equal(force_exit(&r, row->code, 0, 0), vmcb_of(&r));
	assert_int_equal(r.stops, 0);
	assert_int_equal(host_stats(r.h, 0)->exits[
			 host_exit_slot(row->code)], 1);
	rig_free(&r);
}

/* A 4 KiB operation in a 2 MiB entry: split and go on. */
static void npf_size_mismatch(void **state)
{
	struct psc_buffer *psc;
	struct ghcb *g;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	g = rig_event(&r, 0, GHCB_PSC, 0, 0);
	GHCB_SET(g, scratch, GHCB_AT(0, 0) + 0x800);
	psc = (struct psc_buffer *)g->buffer;
	memset(psc, 0, sizeof(*psc));
	psc->entry[0] = 1ull << 52 | PSC_ENTRY_2M | PAGE_2M;
	rig_vmgexit(&r, 0);
	assert_ptr_equal(force_exit(&r, EXIT_NPF, NPF_PRESENT | NPF_RMP |
				    NPF_ENC | NPF_SIZEM, PAGE_2M + 0x5000),
			 vmcb_of(&r));
	assert_false(hv_rmp_is_2m(r.m, PAGE_2M));
	/* no endless repair: it is split now */
	assert_null(force_exit(&r, EXIT_NPF, NPF_RMP | NPF_SIZEM,
			       PAGE_2M + 0x5000));
	assert_string_equal(r.result, "rmp-fault");
	rig_free(&r);
}

/* A reflected #VC goes to whoever is above. */
static void reflected_to_vmpl0(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	rig_ap_create(&r, 0, 2, SEV_FEATURE_SNP);
	rig_call(&r, 0, GHCB_RUN_VMPL, 2, 0);
	assert_int_equal(machine_vmpl(r.m, 0), 2);
	assert_ptr_equal(force_exit(&r, EXIT_VC, 0, 0),
			 rig_ctx(&r, 0, 0)->vmcb);
	rig_free(&r);
}

/* BUSY set by the owner: one VMRUN, one reason, no loop. */
static void busy_is_not_retried(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	((struct vmsa *)script_ram(&r.s, VMSA_AT(1, 0)))->vintr_ctrl |=
		VINTR_BUSY;
	rig_ap_create(&r, 1, 0, SEV_FEATURE_SNP);
	assert_int_equal(r.stops, 1);
	assert_int_equal(host_stats(r.h, 1)->vmruns, 1);
	assert_int_equal(machine_kicked(r.m, 1), MACH_IDLE);
	assert_int_equal(host_stats(r.h, 1)->vmruns, 1);
	rig_free(&r);
}

static void guest_off(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	host_guest_off(r.h, false);
	assert_string_equal(r.result, "powered-off");
	assert_int_equal(rig_kicks(&r, 0), 1);
	machine_kicked(r.m, 0);
	assert_false(hv_in_guest(r.m, 0));
	rig_free(&r);
	rig_new(&r, &(struct rig_config){ 0 });
	host_guest_off(r.h, true);
	assert_string_equal(r.result, "reset");
	rig_free(&r);
}

static void dma_refused(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	host_dma_refused(r.h, 0x7000, true);
	assert_string_equal(r.line, "dma refused: device write of private "
			    "page at 0x7000");
	for (int i = 0; i < 10000; i++)
		host_dma_refused(r.h, 0x7000, false);
	assert_true(r.lines < 30);
	rig_free(&r);
}

/* Reasons that outnumber the table share its last slot. */
static void many_reasons(void **state)
{
	static char name[200][24];
	struct rig r;
	unsigned int n = 0;
	u64 count;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	for (int i = 0; i < 200; i++) {
		snprintf(name[i], sizeof(name[i]), "reason %d", i);
		host_log(r.h, name[i], "%s", "x");
	}
	while (host_reason_name(r.h, n, &count))
		n++;
	assert_int_equal(n, HOST_REASONS);
	assert_string_equal(host_reason_name(r.h, n - 1, &count),
			    "other reasons");
	assert_int_equal(count, 200 - (HOST_REASONS - 1));
	rig_free(&r);
}

static void event_slots(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < HOST_EVENTS; i++)
		assert_int_equal(host_event_slot(host_slot_event(i)), i);
	for (unsigned int i = 0; i < HOST_EXITS; i++)
		assert_int_equal(host_exit_slot(host_slot_exit(i)), i);
	assert_int_equal(host_slot_event(host_event_slot(GHCB_RUN_VMPL)),
			 GHCB_RUN_VMPL);
	assert_int_equal(host_slot_event(host_event_slot(GHCB_TERMINATE)),
			 GHCB_TERMINATE);
}

/* ---- firmware ----------------------------------------------------------- */

static void firmware(void **state)
{
	static const struct rig_io want[] = {
		{ 0xcf8, 4, 0x80000860 }, { 0xcfc, 4, 0x0b0b0a0a },
		{ 0x4d0, 1, 0x00 }, { 0x4d1, 1, 0x0c },
		{ 0xcf8, 4, 0x80000940 }, { 0xcfc, 4, 0x80008000 },
		{ 0xcf8, 4, 0x80000b40 }, { 0xcfc, 4, 0x601 },
		{ 0xcf8, 4, 0x80000b80 }, { 0xcfc, 1, 1 },
		{ 0x21, 1, 0xff }, { 0xa1, 1, 0xff },
	};
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	assert_int_equal(r.firmware_writes, ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_int_equal(r.firmware[i].at, want[i].at);
		assert_int_equal(r.firmware[i].size, want[i].size);
		assert_int_equal(r.firmware[i].value, want[i].value);
	}
	rig_free(&r);
}

/* ---- CPUID -------------------------------------------------------------- */

static const struct snp_cpuid_row *find(const struct snp_cpuid_page *page,
					u32 leaf, u32 subleaf)
{
	for (u32 i = 0; i < page->count; i++)
		if (page->row[i].eax_in == leaf &&
		    page->row[i].ecx_in == subleaf)
			return &page->row[i];
	return NULL;
}

static void cpuid_page(void **state)
{
	/* what coconut's template has (contract 7.2), and Linux needs */
	static const u32 leaves[][2] = {
		{ 0x8000001f, 0 }, { 0, 0 }, { 1, 0 }, { 2, 0 }, { 4, 0 },
		{ 4, 1 }, { 4, 2 }, { 4, 3 }, { 5, 0 }, { 6, 0 }, { 7, 0 },
		{ 7, 1 }, { 0xb, 0 }, { 0xb, 1 }, { 0xd, 0 }, { 0xd, 1 },
		{ 0xd, 2 }, { 0x40000000, 0 }, { 0x80000000, 0 },
		{ 0x80000001, 0 }, { 0x80000008, 0 }, { 0x8000000a, 0 },
		{ 0x80000019, 0 }, { 0x8000001a, 0 }, { 0x8000001d, 0 },
		{ 0x8000001d, 3 }, { 0x8000001e, 0 },
	};
	struct snp_cpuid_page page;
	const struct snp_cpuid_row *row;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	host_cpuid_page(r.h, &page);
	assert_true(page.count <= SNP_CPUID_ROWS);
	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++)
		assert_non_null(find(&page, leaves[i][0], leaves[i][1]));
	row = find(&page, 1, 0);
	assert_int_equal(row->ecx & (BIT(3) | BIT(5) | BIT(27)), 0);
	assert_int_equal(row->ecx & BIT(21), BIT(21));
	row = find(&page, 0xd, 0);
	assert_int_equal(row->xcr0_in, 1);
	assert_int_equal(row->xss_in, 0);
	assert_int_equal(row->eax, 7);
	assert_int_equal(row->ebx, 0x240);
	assert_int_equal(row->ecx, 0x340);
	row = find(&page, 0xd, 1);
	assert_int_equal(row->xcr0_in, 1);
	assert_int_equal(row->eax, 7);
	assert_int_equal(row->ebx, 0x240);
	assert_int_equal(find(&page, 0xd, 2)->xcr0_in, 0);
	row = find(&page, 0x40000000, 0);
	assert_memory_equal(&row->ebx, "KVMKVMKVM\0\0\0", 12);
	assert_int_equal(find(&page, 0x40000001, 0)->eax, 0);
	row = find(&page, 0x8000001f, 0);
	assert_int_equal(row->eax & 0x1a, 0x1a);
	assert_int_equal(row->eax & BIT(26), BIT(26));
	assert_int_equal(row->eax & BIT(28), 0);
	assert_int_equal(row->ebx & 0x3f, SNP_C_BIT);
	assert_int_equal(row->ebx >> 12 & 0xf, SNP_VMPLS);
	assert_int_equal(find(&page, 7, 0)->ecx & BIT(16), 0);
	assert_int_equal(find(&page, 0x80000001, 0)->ecx & BIT(2), 0);
	rig_free(&r);
}

/* Without XSAVEC Linux must not see XSAVE at all. */
static void cpuid_without_xsavec(void **state)
{
	struct snp_cpuid_page page;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ .xapic = true });
	r.no_xsavec = true;
	host_cpuid_page(r.h, &page);
	assert_int_equal(find(&page, 0, 0)->eax, 0xc);
	assert_null(find(&page, 0xd, 0));
	assert_int_equal(find(&page, 1, 0)->ecx & (BIT(26) | BIT(28)), 0);
	assert_int_equal(find(&page, 1, 0)->ecx & BIT(21), 0);
	rig_free(&r);
}

static void cpuid_ids(void **state)
{
	static const u32 ids[] = { 3, 17, 64, 200 };
	struct ghcb *g;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ .vcpus = 4, .apic_id = ids });
	rig_ap_create(&r, 3, 0, SEV_FEATURE_SNP);
	g = rig_event(&r, 3, EXIT_CPUID, 0, 0);
	GHCB_SET(g, rax, 0xb);
	GHCB_SET(g, rcx, 1);
	rig_vmgexit(&r, 3);
	assert_int_equal(g->rax, 8);
	assert_int_equal(g->rbx, 4);
	assert_int_equal(g->rcx, 0x201);
	assert_int_equal(g->rdx, 200);
	g = rig_event(&r, 3, EXIT_CPUID, 0, 0);
	GHCB_SET(g, rax, 1);
	GHCB_SET(g, rcx, 0);
	rig_vmgexit(&r, 3);
	assert_int_equal(g->rbx >> 24, 200);
	g = rig_event(&r, 3, EXIT_CPUID, 0, 0);
	GHCB_SET(g, rax, 0x8000001e);
	GHCB_SET(g, rcx, 0);
	rig_vmgexit(&r, 3);
	assert_int_equal(g->rax, 200);
	g = rig_event(&r, 3, EXIT_CPUID, 0, 0);
	GHCB_SET(g, rax, 0xd);
	GHCB_SET(g, rcx, 0);
	GHCB_SET(g, xcr0, 7);
	rig_vmgexit(&r, 3);
	assert_int_equal(g->rbx, 0x340);
	rig_free(&r);
}

int main(void)
{
	ROWS(stops, run_stop);
	ROWS(resumes, run_resume);
	ROW("NPF: size mismatch", npf_size_mismatch);
	ROW("#VC reflected to VMPL 0", reflected_to_vmpl0);
	ROW("BUSY is not retried", busy_is_not_retried);
	ROW("guest off", guest_off);
	ROW("DMA refused", dma_refused);
	ROW("many reasons", many_reasons);
	ROW("slots of codes", event_slots);
	ROW("firmware's jobs", firmware);
	ROW("CPUID page", cpuid_page);
	ROW("CPUID without XSAVEC", cpuid_without_xsavec);
	ROW("CPUID: ids and sizes", cpuid_ids);
	return rows_run("host: exits, CPUID, firmware");
}
