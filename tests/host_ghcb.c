// SPDX-License-Identifier: MIT
/*
 * Requests through the GHCB page: what each event gives, and what happens
 * without a usable GHCB (56421 section 4.1; docs/ghcb.md).
 */
#include <string.h>

#include "tests/lib/host_rig.h"
#include "tests/lib/rows.h"

#define NO_EVENT	0x80000019u	/* not identified by anyone */
#define BUFFER		(GHCB_AT(0, 0) + 0x800)
#define BUFFER_SIZE	0x7f0

/* ---- without a usable GHCB ---------------------------------------------- */

static void not_registered(void **state)
{
	struct ghcb *g;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	rig_msr(&r, 0, SHARED_PAGE | GHCB_MSR_REGISTER_REQ);
	g = rig_event(&r, 0, EXIT_WBINVD, 0, 0);
	rig_vmgexit(&r, 0);
	assert_int_equal(g->exit_info1, 2);
	assert_int_equal(g->exit_info2, GHCB_ERR_NOT_REGISTERED);
	rig_free(&r);
}

static const struct nowhere_row {
	const char *name;
	u64 gpa;
} nowhere[] = {
	{ "GHCB at 0", 0 },
	{ "GHCB no RAM", 0xfee00000 },
	{ "GHCB private", VMSA_AT(0, 0) },
	{ "GHCB at the end of the world", ~0ull & PAGE_MASK },
};

static void run_nowhere(void **state)
{
	const struct nowhere_row *row = *state;
	struct rig r;

	rig_new(&r, &(struct rig_config){ 0 });
	assert_int_equal(rig_msr(&r, 0, row->gpa), row->gpa);
	assert_true(hv_in_guest(r.m, 0));
	assert_int_equal(r.stops, 0);
	assert_non_null(strstr(r.line, "no GHCB"));
	rig_free(&r);
}

/* Its own GHCB made private by the very request: no answer, no harm. */
static void ghcb_taken_away(void **state)
{
	struct psc_buffer *psc;
	struct ghcb *g;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	g = rig_event(&r, 0, GHCB_PSC, 0, 0);
	GHCB_SET(g, scratch, BUFFER);
	psc = (struct psc_buffer *)g->buffer;
	memset(psc, 0, sizeof(*psc));
	psc->entry[0] = 1ull << PSC_ENTRY_OP_SHIFT | GHCB_AT(0, 0);
	rig_vmgexit(&r, 0);
	assert_true(hv_is_private(r.m, GHCB_AT(0, 0)));
	assert_true(hv_in_guest(r.m, 0));
	assert_non_null(strstr(r.line, "went away"));
	rig_vmgexit(&r, 0);
	assert_non_null(strstr(r.line, "no GHCB"));
	rig_free(&r);
}

/* Six fields come back valid, whatever was asked; nothing else is touched. */
static void answer_shape(void **state)
{
	struct ghcb before, *g;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	g = rig_event(&r, 0, EXIT_WBINVD, 0, 0);
	memset(g->buffer, 0x5a, sizeof(g->buffer));
	g->rsi = 0x1234;
	before = *g;
	rig_vmgexit(&r, 0);
	memset(before.valid, 0, sizeof(before.valid));
	GHCB_SET(&before, rax, 0);
	GHCB_SET(&before, rbx, 0);
	GHCB_SET(&before, rcx, 0);
	GHCB_SET(&before, rdx, 0);
	GHCB_SET(&before, exit_info1, 0);
	GHCB_SET(&before, exit_info2, 0);
	assert_memory_equal(g, &before, sizeof(before));
	rig_free(&r);
}

/* ---- port I/O and MMIO -------------------------------------------------- */

static void port_io(void **state)
{
	struct ghcb *g;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	r.input = 0xa1a2a3a4a5a6a7a8;
	g = rig_event(&r, 0, EXIT_IOIO, 0x03f80011, 0);
	GHCB_SET(g, rax, 0x1111222233334444);
	rig_vmgexit(&r, 0);
	assert_int_equal(g->rax, 0x11112222333344a8);
	g = rig_event(&r, 0, EXIT_IOIO, 0x0cfc0041, 0);
	GHCB_SET(g, rax, 0x1111222233334444);
	rig_vmgexit(&r, 0);
	assert_int_equal(g->rax, 0xa5a6a7a8);
	g = rig_event(&r, 0, EXIT_IOIO, 0x06040020, 0);
	GHCB_SET(g, rax, 0x1111222233332000);
	rig_vmgexit(&r, 0);
	assert_int_equal(r.port.at, 0x604);
	assert_int_equal(r.port.size, 2);
	assert_int_equal(r.port.value, 0x2000);
	rig_free(&r);
}

static void string_io(void **state)
{
	struct ghcb *g;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	g = rig_event(&r, 0, EXIT_IOIO, 0x03f8001c, 3);
	GHCB_SET(g, scratch, BUFFER + 16);
	memcpy(g->buffer + 16, "xyz", 3);
	rig_vmgexit(&r, 0);
	assert_int_equal(g->exit_info1, 0);
	assert_int_equal(r.port_writes, 3);
	assert_int_equal(r.port.value, 'z');
	r.input = 0x11223344;
	g = rig_event(&r, 0, EXIT_IOIO, 0x03f8002d, BUFFER_SIZE / 2);
	GHCB_SET(g, scratch, BUFFER);
	rig_vmgexit(&r, 0);
	assert_int_equal(r.port_reads, BUFFER_SIZE / 2);
	assert_int_equal(g->buffer[BUFFER_SIZE - 2], 0x44);
	assert_int_equal(g->buffer[BUFFER_SIZE - 1], 0x33);
	rig_free(&r);
}

/* Protocol version 1: another shared page will do, a private one will not. */
static void scratch_version_1(void **state)
{
	struct ghcb *g;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	r.input = 0x55;
	g = rig_event(&r, 0, GHCB_MMIO_READ, MMIO_PAGE, 1);
	g->version = 1;
	GHCB_SET(g, scratch, SHARED_PAGE + 4095);
	rig_vmgexit(&r, 0);
	assert_int_equal(g->exit_info1, 0);
	assert_int_equal(((u8 *)script_ram(&r.s, SHARED_PAGE))[4095], 0x55);
	g = rig_event(&r, 0, GHCB_MMIO_READ, MMIO_PAGE, 2);
	g->version = 1;
	GHCB_SET(g, scratch, SHARED_PAGE + 4095);
	rig_vmgexit(&r, 0);
	assert_int_equal(g->exit_info2, GHCB_ERR_SCRATCH);
	g = rig_event(&r, 0, GHCB_MMIO_READ, MMIO_PAGE, 2);
	g->version = 1;
	GHCB_SET(g, scratch, VMSA_AT(0, 0));
	rig_vmgexit(&r, 0);
	assert_int_equal(g->exit_info2, GHCB_ERR_SCRATCH);
	rig_free(&r);
}

static const struct mmio_row {
	const char *name;
	unsigned int len, writes, last_size;
	u64 last_at;
} mmios[] = {
	{ "MMIO write, 1", 1, 1, 1, 0 }, { "MMIO write, 2", 2, 1, 2, 0 },
	{ "MMIO write, 3", 3, 2, 1, 2 }, { "MMIO write, 4", 4, 1, 4, 0 },
	{ "MMIO write, 5", 5, 2, 1, 4 }, { "MMIO write, 6", 6, 2, 2, 4 },
	{ "MMIO write, 7", 7, 3, 1, 6 }, { "MMIO write, 8", 8, 1, 8, 0 },
};

static void run_mmio(void **state)
{
	const struct mmio_row *row = *state;
	struct ghcb *g;
	struct rig r;

	rig_new(&r, &(struct rig_config){ 0 });
	g = rig_event(&r, 0, GHCB_MMIO_WRITE, MMIO_PAGE, row->len);
	GHCB_SET(g, scratch, BUFFER);
	rig_vmgexit(&r, 0);
	assert_int_equal(g->exit_info1, 0);
	assert_int_equal(r.mmio_writes, row->writes);
	assert_int_equal(r.mmio.size, row->last_size);
	assert_int_equal(r.mmio.at, MMIO_PAGE + row->last_at);
	rig_free(&r);
}

/*
 * The APIC page answers in xAPIC mode only, and for 4-byte accesses; in no
 * mode is there a device of the platform.
 */
static void xapic_page(void **state)
{
	struct ghcb *g;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ .xapic = true });
	r.input = 0xdeadbeef;
	g = rig_event(&r, 0, GHCB_MMIO_READ,
		      APIC_DEFAULT_BASE + APIC_VERSION, 4);
	GHCB_SET(g, scratch, BUFFER);
	rig_vmgexit(&r, 0);
	assert_int_equal(*(u32 *)g->buffer, APIC_VERSION_VALUE);
	g = rig_event(&r, 0, GHCB_MMIO_WRITE, APIC_DEFAULT_BASE + APIC_SVR, 4);
	GHCB_SET(g, scratch, BUFFER);
	*(u32 *)g->buffer = 0x1ff;
	rig_vmgexit(&r, 0);
	host_msi(r.h, 0xfee00000, 0x41);
	rig_pump(&r);
	assert_int_equal(script_interrupt(&r.s, 0), 0x41);
	g = rig_event(&r, 0, GHCB_MMIO_READ,
		      APIC_DEFAULT_BASE + APIC_VERSION, 2);
	GHCB_SET(g, scratch, BUFFER);
	rig_vmgexit(&r, 0);
	assert_int_equal(*(u16 *)g->buffer, 0);
	rig_free(&r);
	rig_new(&r, &(struct rig_config){ 0 });
	r.input = 0xdeadbeef;
	g = rig_event(&r, 0, GHCB_MMIO_READ,
		      APIC_DEFAULT_BASE + APIC_VERSION, 4);
	GHCB_SET(g, scratch, BUFFER);
	rig_vmgexit(&r, 0);
	assert_int_equal(*(u32 *)g->buffer, 0xffffffff);
	rig_free(&r);
}

/* ---- MSRs and instructions ---------------------------------------------- */

static const struct guest_msr_row {
	const char *name;
	u32 msr;
	bool reads;
	u64 value;
	u64 write;
	bool writes;
	u64 back;
} msrs[] = {
	{ "TSC", 0x10, true, 0, 1, false, 0 },
	{ "APIC_BASE", 0x1b, true, 0xfee00d00, 0xfee00d00, true, 0xfee00d00 },
	{ "APIC_BASE moved", 0x1b, true, 0xfee00d00, 0xfed00d00, false,
	  0xfee00d00 },
	{ "patch level", 0x8b, true, 0x0100006500000000, 1, true,
	  0x0100006500000000 },
	{ "MTRR capabilities", 0xfe, true, 0x508, 1, false, 0x508 },
	{ "MTRR variable", 0x201, true, 0, 0xfff0000800, true, 0xfff0000800 },
	{ "MTRR fixed", 0x26f, true, 0, 0x0606060606060606, true,
	  0x0606060606060606 },
	{ "MTRR default", 0x2ff, true, 0, 0xc06, true, 0xc06 },
	{ "MTRR default, reserved", 0x2ff, true, 0, 0x1000, false, 0 },
	{ "MTRR, one past", 0x210, false, 0, 0, false, 0 },
	{ "SYSCFG", 0xc0010010, true, 0, 1, false, 0 },
	{ "HWCR", 0xc0010015, true, 0x1000000, 0x1000008, true, 0x1000008 },
	{ "HWCR, reserved", 0xc0010015, true, 0x1000000, 1, false,
	  0x1000000 },
	{ "MCG_CAP", 0x179, true, 0, 1, false, 0 },
	{ "performance counters count nothing", 0xc0010007, true, 0, 5, true,
	  0 },
	{ "DE_CFG", 0xc0011029, true, 2, 2, true, 2 },
	{ "VM_CR", 0xc0010114, true, 0, 1, false, 0 },
	{ "x2APIC ID", 0x802, true, 0, 1, false, 0 },
	{ "x2APIC SVR", 0x80f, true, 0xff, 0x1ff, true, 0x1ff },
	{ "x2APIC SVR, reserved", 0x80f, true, 0xff, 1 << 20, false, 0xff },
	{ "x2APIC hole", 0x831, false, 0, 0, false, 0 },
	{ "x2APIC end", 0x8ff, false, 0, 0, false, 0 },
	{ "TSC deadline", 0x6e0, true, 0, 0, true, 0 },
	{ "KVM clock", 0x4b564d01, false, 0, 1, false, 0 },
	{ "unknown", 0x12345678, false, 0, 0, false, 0 },
	{ "SVSM_CAA is software's", MSR_SVSM_CAA, false, 0, 0, false, 0 },
	{ "GHCB itself", MSR_GHCB, false, 0, 0, false, 0 },
};

static void run_msr(void **state)
{
	const struct guest_msr_row *row = *state;
	u64 value;
	struct rig r;

	rig_new(&r, &(struct rig_config){ 0 });
	assert_int_equal(rig_rdmsr(&r, 0, row->msr, &value), row->reads);
	if (row->reads)
		assert_int_equal(value, row->value);
	else
		assert_int_equal(rig_ghcb(&r, 0)->exit_info2, 0x8000030d);
	assert_int_equal(rig_wrmsr(&r, 0, row->msr, row->write), row->writes);
	if (row->reads) {
		assert_true(rig_rdmsr(&r, 0, row->msr, &value));
		assert_int_equal(value, row->back);
	}
	rig_free(&r);
}

static void instructions(void **state)
{
	struct ghcb *g;
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	r.now = 0x123456789a;
	g = rig_event(&r, 0, EXIT_RDTSCP, 0, 0);
	rig_vmgexit(&r, 0);
	assert_int_equal(g->rax, 0x3456789a);
	assert_int_equal(g->rdx, 0x12);
	assert_int_equal(g->rcx, 0);
	g = rig_event(&r, 0, EXIT_RDTSC, 0, 0);
	rig_vmgexit(&r, 0);
	assert_int_equal(g->rdx, 0x12);
	g = rig_event(&r, 0, EXIT_DR7_READ, 0, 0);
	rig_vmgexit(&r, 0);
	assert_int_equal(g->rax, 0x400);
	g = rig_event(&r, 0, EXIT_DR7_WRITE, 0, 0);
	GHCB_SET(g, rax, 0x455);
	rig_vmgexit(&r, 0);
	g = rig_event(&r, 0, EXIT_DR7_READ, 0, 0);
	rig_vmgexit(&r, 0);
	assert_int_equal(g->rax, 0x455);
	g = rig_event(&r, 0, EXIT_VMMCALL, 0, 0);
	GHCB_SET(g, rax, 5);
	GHCB_SET(g, cpl, 0);
	rig_vmgexit(&r, 0);
	assert_int_equal(g->rax, -1000ull);
	rig_free(&r);
}

static void jump_table(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	assert_int_equal(rig_call(&r, 0, GHCB_AP_JUMP_TABLE, 0, 0x9000), 0);
	assert_int_equal(rig_call(&r, 0, GHCB_AP_JUMP_TABLE, 1, 0), 0);
	assert_int_equal(rig_ghcb(&r, 0)->exit_info2, 0x9000);
	rig_free(&r);
}

static void apic_id_list(void **state)
{
	static const u32 ids[] = { 3, 17, 64, 200 };
	struct ghcb *g;
	struct rig r;
	u32 *list;

	(void)state;
	rig_new(&r, &(struct rig_config){ .vcpus = 4, .apic_id = ids });
	g = rig_event(&r, 0, GHCB_APIC_ID_LIST, 0, 0);
	GHCB_SET(g, rax, 0);
	rig_vmgexit(&r, 0);
	assert_int_equal(g->exit_info1, 0);
	assert_int_equal(g->rax, 1);
	g = rig_event(&r, 0, GHCB_APIC_ID_LIST, SHARED_PAGE, 0);
	GHCB_SET(g, rax, 1);
	rig_vmgexit(&r, 0);
	assert_int_equal(g->rax, 1);
	list = script_ram(&r.s, SHARED_PAGE);
	assert_int_equal(list[0], 4);
	assert_memory_equal(list + 1, ids, sizeof(ids));
	rig_free(&r);
}

static void terminates(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	rig_call(&r, 0, GHCB_TERMINATE, 2 << 4 | 0, 0x10000);
	assert_string_equal(r.result, "guest-terminated");
	assert_non_null(strstr(r.reason, "SNP features not supported"));
	assert_non_null(strstr(r.reason, "data 0x10000"));
	rig_free(&r);
	rig_new(&r, &(struct rig_config){ 0 });
	rig_call(&r, 0, GHCB_UNSUPPORTED, 0x404, 0);
	assert_non_null(strstr(r.reason, "#VC code 0x404"));
	rig_free(&r);
}

/* A hostile guest can not flood the log. */
static void log_thins_out(void **state)
{
	struct rig r;

	(void)state;
	rig_new(&r, &(struct rig_config){ 0 });
	for (int i = 0; i < 5000; i++)
		rig_call(&r, 0, NO_EVENT, i, 0);
	assert_true(r.lines < 30);
	assert_non_null(strstr(r.line, "(4096 times)"));
	rig_free(&r);
}

int main(void)
{
	ROW("not registered", not_registered);
	ROWS(nowhere, run_nowhere);
	ROW("GHCB taken away", ghcb_taken_away);
	ROW("shape of an answer", answer_shape);
	ROW("port I/O", port_io);
	ROW("string I/O", string_io);
	ROW("scratch area of version 1", scratch_version_1);
	ROWS(mmios, run_mmio);
	ROW("xAPIC page", xapic_page);
	ROWS(msrs, run_msr);
	ROW("instructions", instructions);
	ROW("AP jump table", jump_table);
	ROW("APIC ID list", apic_id_list);
	ROW("termination", terminates);
	ROW("log thins out", log_thins_out);
	return rows_run("host: GHCB page");
}
