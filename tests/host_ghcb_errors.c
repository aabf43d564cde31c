// SPDX-License-Identifier: MIT
/*
 * The error words of a GHCB request, one row for each way to earn one
 * (56421 section 4.1, in KVM's order of checks).
 */
#include <string.h>

#include "tests/lib/host_rig.h"
#include "tests/lib/rows.h"

#define NO_EVENT	0x80000019u	/* not identified by anyone */
#define BUFFER		(GHCB_AT(0, 0) + 0x800)
#define BUFFER_SIZE	0x7f0

enum spoil {
	AS_IS,
	USAGE,			/* any but 0 */
	VERSION,		/* any above 2 */
	NO_CODE, NO_INFO1, NO_INFO2,
};

enum { RAX = 1, RBX = 2, RCX = 4, RDX = 8, CPL = 16, SCRATCH = 32,
       XCR0 = 64 };

static const struct error_row {
	const char *name;
	u64 code, info1, info2;
	unsigned int given;
	u64 rax, rbx, scratch;
	enum spoil spoil;
	u64 result1, result2;
} errors[] = {
	{ "usage", EXIT_WBINVD, .spoil = USAGE, .result1 = 2, .result2 = 2 },
	{ "version", EXIT_WBINVD, .spoil = VERSION,
	  .result1 = 2, .result2 = 5 },
	{ "no exit code", EXIT_WBINVD, .spoil = NO_CODE,
	  .result1 = 2, .result2 = 4 },
	{ "no info 1", EXIT_WBINVD, .spoil = NO_INFO1,
	  .result1 = 2, .result2 = 4 },
	{ "no info 2", EXIT_WBINVD, .spoil = NO_INFO2,
	  .result1 = 2, .result2 = 4 },
	{ "unknown event", NO_EVENT, .result1 = 2, .result2 = 6 },
	{ "unknown SVM code", EXIT_VMRUN, .result1 = 2, .result2 = 6 },
	{ "event 0", 0, .result1 = 2, .result2 = 6 },
	{ "64-bit event", 1ull << 32 | EXIT_WBINVD,
	  .result1 = 2, .result2 = 6 },
	{ "HV timer", GHCB_HV_TIMER, .result1 = 2, .result2 = 6 },
	{ "configure injection", GHCB_CONFIGURE_INJECTION,
	  .result1 = 2, .result2 = 6 },
	{ "disable alternate", GHCB_DISABLE_ALTERNATE,
	  .result1 = 2, .result2 = 6 },
	{ "specific EOI", GHCB_SPECIFIC_EOI, .result1 = 2, .result2 = 6 },
	{ "Secure AVIC, feature off", GHCB_SAVIC, .given = RAX | RBX,
	  .result1 = 2, .result2 = 6 },
	/* missing registers */
	{ "CPUID without RAX", EXIT_CPUID, .given = RCX,
	  .result1 = 2, .result2 = 4 },
	{ "CPUID without RCX", EXIT_CPUID, .given = RAX,
	  .result1 = 2, .result2 = 4 },
	{ "CPUID D without XCR0", EXIT_CPUID, .given = RAX | RCX, .rax = 0xd,
	  .result1 = 2, .result2 = 4 },
	{ "RDMSR without RCX", EXIT_MSR, .result1 = 2, .result2 = 4 },
	{ "WRMSR without RDX", EXIT_MSR, 1, .given = RAX | RCX,
	  .result1 = 2, .result2 = 4 },
	{ "MSR, neither", EXIT_MSR, 2, .given = RAX | RCX | RDX,
	  .result1 = 2, .result2 = 5 },
	{ "OUT without RAX", EXIT_IOIO, 0x03f80010,
	  .result1 = 2, .result2 = 4 },
	{ "OUTS without scratch", EXIT_IOIO, 0x03f80014, 1,
	  .result1 = 2, .result2 = 4 },
	{ "DR7 without RAX", EXIT_DR7_WRITE, .result1 = 2, .result2 = 4 },
	{ "RDPMC without RCX", EXIT_RDPMC, .result1 = 2, .result2 = 4 },
	{ "RDPMC: #GP", EXIT_RDPMC, .given = RCX,
	  .result1 = 1, .result2 = 0x8000030d },
	{ "VMMCALL without CPL", EXIT_VMMCALL, .given = RAX,
	  .result1 = 2, .result2 = 4 },
	{ "MONITOR without RDX", EXIT_MONITOR, .given = RAX | RCX,
	  .result1 = 2, .result2 = 4 },
	{ "MWAIT without RCX", EXIT_MWAIT, .given = RAX,
	  .result1 = 2, .result2 = 4 },
	{ "MMIO without scratch", GHCB_MMIO_READ, MMIO_PAGE, 4,
	  .result1 = 2, .result2 = 4 },
	{ "PSC without scratch", GHCB_PSC, .result1 = 2, .result2 = 4 },
	{ "AP creation without RAX", GHCB_AP_CREATION, AP_CREATE,
	  VMSA_AT(1, 0), .result1 = 2, .result2 = 4 },
	{ "APIC IDs without RAX", GHCB_APIC_ID_LIST,
	  .result1 = 2, .result2 = 4 },
	{ "extended request without RBX", GHCB_EXT_GUEST_REQUEST, .given = RAX,
	  .result1 = 2, .result2 = 4 },
	/* port I/O */
	{ "no port size", EXIT_IOIO, 0x03f80001, .result1 = 2, .result2 = 5 },
	{ "two port sizes", EXIT_IOIO, 0x03f80031, .result1 = 2,
	  .result2 = 5 },
	{ "port, high bits", EXIT_IOIO, 1ull << 32 | 0x03f80011,
	  .result1 = 2, .result2 = 5 },
	{ "string, endless", EXIT_IOIO, 0x03f80014, ~0ull, SCRATCH,
	  .scratch = BUFFER, .result1 = 2, .result2 = 3 },
	{ "string, one too many", EXIT_IOIO, 0x03f80014, BUFFER_SIZE + 1,
	  SCRATCH, .scratch = BUFFER, .result1 = 2, .result2 = 3 },
	{ "string, units count", EXIT_IOIO, 0x03f80044, BUFFER_SIZE / 4 + 1,
	  SCRATCH, .scratch = BUFFER, .result1 = 2, .result2 = 3 },
	/* scratch area */
	{ "scratch below buffer", GHCB_MMIO_READ, MMIO_PAGE, 4, SCRATCH,
	  .scratch = BUFFER - 1, .result1 = 2, .result2 = 3 },
	{ "scratch over buffer end", GHCB_MMIO_READ, MMIO_PAGE, 4, SCRATCH,
	  .scratch = BUFFER + BUFFER_SIZE - 3, .result1 = 2, .result2 = 3 },
	{ "scratch behind buffer", GHCB_MMIO_READ, MMIO_PAGE, 4, SCRATCH,
	  .scratch = BUFFER + BUFFER_SIZE + 8, .result1 = 2, .result2 = 3 },
	{ "scratch 0", GHCB_MMIO_READ, MMIO_PAGE, 4, SCRATCH,
	  .result1 = 2, .result2 = 3 },
	{ "scratch -1", GHCB_MMIO_READ, MMIO_PAGE, 4, SCRATCH,
	  .scratch = ~0ull, .result1 = 2, .result2 = 3 },
	{ "scratch in other page (version 2)", GHCB_MMIO_READ, MMIO_PAGE, 4,
	  SCRATCH, .scratch = SHARED_PAGE, .result1 = 2, .result2 = 3 },
	{ "PSC buffer not whole", GHCB_PSC, 0, 0, SCRATCH,
	  .scratch = BUFFER + 8, .result1 = 2, .result2 = 3 },
	/* MMIO */
	{ "MMIO of 0 bytes", GHCB_MMIO_READ, MMIO_PAGE, 0, SCRATCH,
	  .scratch = BUFFER, .result1 = 2, .result2 = 5 },
	{ "MMIO of 9 bytes", GHCB_MMIO_READ, MMIO_PAGE, 9, SCRATCH,
	  .scratch = BUFFER, .result1 = 2, .result2 = 5 },
	{ "MMIO of many bytes", GHCB_MMIO_WRITE, MMIO_PAGE, ~0ull, SCRATCH,
	  .scratch = BUFFER, .result1 = 2, .result2 = 5 },
	{ "MMIO of RAM", GHCB_MMIO_READ, SHARED_PAGE, 4, SCRATCH,
	  .scratch = BUFFER, .result1 = 2, .result2 = 5 },
	{ "MMIO of private RAM", GHCB_MMIO_WRITE, VMSA_AT(0, 0), 8, SCRATCH,
	  .scratch = BUFFER, .result1 = 2, .result2 = 5 },
	{ "MMIO into RAM", GHCB_MMIO_WRITE, HIGH - 4, 8, SCRATCH,
	  .scratch = BUFFER, .result1 = 2, .result2 = 5 },
	{ "MMIO out of RAM", GHCB_MMIO_WRITE, RAM_LOW - 4, 8, SCRATCH,
	  .scratch = BUFFER, .result1 = 2, .result2 = 5 },
	{ "MMIO with C-bit", GHCB_MMIO_READ, SNP_C_MASK | MMIO_PAGE, 4,
	  SCRATCH, .scratch = BUFFER, .result1 = 2, .result2 = 5 },
	{ "MMIO wraps", GHCB_MMIO_READ, ~0ull, 8, SCRATCH,
	  .scratch = BUFFER, .result1 = 2, .result2 = 5 },
	/* others */
	{ "AP jump table", GHCB_AP_JUMP_TABLE, 2, .result1 = 2, .result2 = 5 },
	{ "guest request, unaligned", GHCB_GUEST_REQUEST, 0x1001, 0x2000,
	  .result1 = 2, .result2 = 5 },
	{ "guest request, one page", GHCB_GUEST_REQUEST, 0x1000, 0x1000,
	  .result1 = 2, .result2 = 5 },
	{ "guest request, no PSP", GHCB_GUEST_REQUEST, 0x1000, 0x2000,
	  .result1 = 0, .result2 = 1ull << 63 },
	{ "extended request, no PSP", GHCB_EXT_GUEST_REQUEST, 0x1000, 0x2000,
	  RAX | RBX, .result1 = 0, .result2 = 1ull << 63 },
	{ "Run VMPL 1: no VMSA", GHCB_RUN_VMPL, 1, .result1 = 2,
	  .result2 = 5 },
	{ "Run VMPL 4", GHCB_RUN_VMPL, 4, .result1 = 2, .result2 = 5 },
	{ "Run VMPL -1", GHCB_RUN_VMPL, ~0ull, .result1 = 2, .result2 = 5 },
	{ "doorbell without RI", GHCB_DOORBELL, DOORBELL_SET, SHARED_PAGE,
	  .result1 = 2, .result2 = 5 },
	{ "HV IPI, reserved bits", GHCB_HV_IPI, 1 << 13, .result1 = 2,
	  .result2 = 5 },
	{ "APIC IDs, unaligned", GHCB_APIC_ID_LIST, SHARED_PAGE + 8,
	  .given = RAX, .rax = 1, .result1 = 2, .result2 = 5 },
	{ "APIC IDs, private", GHCB_APIC_ID_LIST, VMSA_AT(0, 0), .given = RAX,
	  .rax = 1, .result1 = 2, .result2 = 5 },
	{ "APIC IDs, no RAM", GHCB_APIC_ID_LIST, MMIO_PAGE, .given = RAX,
	  .rax = 1, .result1 = 2, .result2 = 5 },
	/* and some that are served */
	{ "WBINVD", EXIT_WBINVD, .result1 = 0 },
	{ "INVD", EXIT_INVD, .result1 = 0 },
	{ "MONITOR", EXIT_MONITOR, .given = RAX | RCX | RDX },
	{ "MWAIT", EXIT_MWAIT, .given = RAX | RCX },
	{ "NMI complete", GHCB_NMI_COMPLETE, .result1 = 0 },
	{ "version 0 passes", EXIT_WBINVD, .result1 = 0 },
	{ "features", GHCB_FEATURES, .result2 = GHCB_FEATURES_ALL },
	{ "Run VMPL 0", GHCB_RUN_VMPL, 0, .result1 = 0 },
	{ "empty string", EXIT_IOIO, 0x03f80014, 0, SCRATCH, .result1 = 0 },
};

static void run_error(void **state)
{
	const struct error_row *row = *state;
	struct ghcb *g;
	struct rig r;

	rig_new(&r, &(struct rig_config){ 0 });
	g = rig_event(&r, 0, row->code, row->info1, row->info2);
	if (row->given & RAX)
		GHCB_SET(g, rax, row->rax);
	if (row->given & RBX)
		GHCB_SET(g, rbx, row->rbx);
	if (row->given & RCX)
		GHCB_SET(g, rcx, 0);
	if (row->given & RDX)
		GHCB_SET(g, rdx, 0);
	if (row->given & SCRATCH)
		GHCB_SET(g, scratch, row->scratch);
	if (row->spoil == USAGE)
		g->usage = 1;
	if (row->spoil == VERSION)
		g->version = 3;
	if (!strcmp(row->name, "version 0 passes"))
		g->version = 0;
	if (row->spoil >= NO_CODE)
		g->valid[1] &= ~BIT_ULL(GHCB_FIELD(exit_code) - 64 +
					row->spoil - NO_CODE);
	rig_vmgexit(&r, 0);
	assert_int_equal(g->exit_info1, row->result1);
	assert_int_equal(g->exit_info2, row->result2);
	assert_int_equal(r.stops, 0);
	assert_int_equal(r.port_writes, 0);
	assert_int_equal(r.mmio_writes, 0);
	assert_true(hv_in_guest(r.m, 0));
	/* a refusal is counted and logged */
	assert_int_equal(host_stats(r.h, 0)->refused[
			 host_event_slot(row->code)],
			 row->result1 == 2 && row->spoil != NO_CODE);
	rig_free(&r);
}

/* Events of features that the host does not advertise are no events. */
static const struct gated_row {
	const char *name;
	u64 code;
	u64 feature;
} gated[] = {
	{ "PSC gated", GHCB_PSC, GHCB_FEATURE_SNP },
	{ "AP creation gated", GHCB_AP_CREATION, GHCB_FEATURE_AP_CREATION },
	{ "doorbell gated", GHCB_DOORBELL, GHCB_FEATURE_RESTRICTED },
	{ "HV IPI gated", GHCB_HV_IPI, GHCB_FEATURE_RESTRICTED },
	{ "APIC ID list gated", GHCB_APIC_ID_LIST,
	  GHCB_FEATURE_APIC_ID_LIST },
	{ "Run VMPL gated", GHCB_RUN_VMPL, GHCB_FEATURE_MULTI_VMPL },
};

static void run_gated(void **state)
{
	const struct gated_row *row = *state;
	struct rig r;

	rig_new(&r, &(struct rig_config){
		.ghcb_features = GHCB_FEATURES_ALL & ~row->feature });
	assert_int_equal(rig_call(&r, 0, row->code, 0, 0), 2);
	assert_int_equal(rig_ghcb(&r, 0)->exit_info2,
			 GHCB_ERR_INVALID_EVENT);
	rig_free(&r);
}

int main(void)
{
	ROWS(errors, run_error);
	ROWS(gated, run_gated);
	return rows_run("host: GHCB error words");
}
