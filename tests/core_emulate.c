// SPDX-License-Identifier: MIT
/* The paravisor natively: MSRs, port I/O, MMIO, page tables, what it learns. */
#include "tests/core_paravisor.h"

static struct world_cpu *const c = &w.cpu[0];

static int setup(void **state)
{
	(void)state;
	return world_start(true);
}

static bool allowed(u8 v)
{
	return w.guest.allowed[v / 32] >> v % 32 & 1;
}

/* ---- MSRs ---- */

static void msrs(void **state)
{
	(void)state;
	assert_int_equal(world_rdmsr(c, MSR_APIC_BASE), 0xfee00900);
	assert_int_equal(c->vmsa.rip, 0x1002);
	w.now = 21;
	assert_int_equal(world_rdmsr(c, 0x10), 42);
	assert_int_equal(world_rdmsr(c, 0x2ff), 0);
	world_wrmsr(c, 0x2ff, 0xc06);
	assert_int_equal(world_rdmsr(c, 0x2ff), 0);
	assert_int_equal(world_rdmsr(c, 0xc0010015), 0);
	assert_false(c->vmsa.event_inj & EVENT_V);
	/* Unknown; SEV's own; the x2APIC before it is on; nonsense. */
	world_rdmsr(c, 0x1234);
	assert_true(world_gp(c));
	world_wrmsr(c, 0xc0010130, 0x1000);
	assert_true(world_gp(c));
	world_rdmsr(c, 0x802);
	assert_true(world_gp(c));
	world_wrmsr(c, MSR_APIC_BASE, 0x1234);
	assert_true(world_gp(c));
	world_wrmsr(c, MSR_APIC_BASE, 0xfee00d00);
	world_wrmsr(c, 0x80f, 0x1ff);
	assert_int_equal(world_rdmsr(c, 0x80f), 0x1ff);
	world_wrmsr(c, 0x808, 0x50);
	assert_int_equal(c->vmsa.vintr_ctrl & VINTR_TPR, 5);
	world_rdmsr(c, 0x80e);
	assert_true(world_gp(c));
	world_wrmsr(c, 0x8ff, 0);
	assert_true(world_gp(c));
}

static void no_x2apic(void **state)
{
	(void)state;
	world_start(false);
	world_wrmsr(c, MSR_APIC_BASE, 0xfee00d00);
	assert_true(world_gp(c));
	w.cpuid.count = 1;
	w.cpuid.row[0] = (struct snp_cpuid_row){ .eax_in = 1 };
	c->vmsa.rax = 1;
	assert_null(world_exit(c, EXIT_CPUID, 0, 0));
	assert_false(c->vmsa.rcx & BIT(21));
	assert_int_equal(c->vmsa.rbx, 4 << 16);
}

/* ---- port I/O ---- */

static const char *io(u16 port, unsigned int size, unsigned int flags)
{
	return world_exit(c, EXIT_IOIO,
			  (u64)port << 16 | size << 4 | flags, 0);
}

static void ports(void **state)
{
	(void)state;
	c->vmsa.rax = 0x1122334455667788;
	assert_null(io(0x3f8, 1, 0));
	assert_int_equal(w.seen.at, 0x3f8);
	/* One byte of RAX went out, no more. */
	assert_memory_equal(w.seen.data, "\x88\0\0\0", 4);
	memset(w.device, 0x5a, 4);
	assert_null(io(0x3fd, 1, IOIO_IN));
	assert_int_equal(c->vmsa.rax, 0x112233445566775a);
	assert_null(io(0xcfc, 4, IOIO_IN));
	assert_int_equal(c->vmsa.rax, 0x5a5a5a5a);
	assert_int_equal(c->vmsa.rip, 0x1006);
	assert_string_equal(io(0, 3, 0), "illegal-ioio-exit");
	w.host_refuses = true;
	assert_string_equal(io(0, 1, 0), "host-refuses-port-io");
	assert_string_equal(io(0, 1, IOIO_STRING | 4 << 7),
			    "host-refuses-port-io");
}

#define INS	(IOIO_IN | IOIO_STRING | 4 << IOIO_ADDR_SHIFT)
#define OUTS	(IOIO_STRING | 4 << IOIO_ADDR_SHIFT | 3 << IOIO_SEG_SHIFT)

static void strings(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(w.device); i++)
		w.device[i] = i ^ i >> 8;
	c->vmsa.rdi = 0x2000;
	c->vmsa.rcx = 256;
	assert_null(io(0x1f0, 2, INS | IOIO_REP));
	assert_int_equal(w.seen.calls, 1);
	assert_int_equal(w.seen.count, 256);
	assert_memory_equal(w.ram + 0x2000, w.device, 512);
	assert_int_equal(c->vmsa.rcx, 0);
	assert_int_equal(c->vmsa.rdi, 0x2200);
	assert_int_equal(c->vmsa.rip, 0x1002);
	/* Longer than a chunk, over a page: RIP stays until all is done. */
	c->vmsa.rsi = 0x2f00;
	c->vmsa.rcx = 300;
	w.seen.calls = 0;
	assert_null(io(0x3f8, 1, OUTS | IOIO_REP));
	assert_int_equal(w.seen.count, 256);
	assert_int_equal(c->vmsa.rip, 0x1002);
	assert_null(io(0x3f8, 1, OUTS | IOIO_REP));
	assert_int_equal(w.seen.count, 44);
	assert_int_equal(c->vmsa.rip, 0x1004);
	assert_int_equal(c->vmsa.rsi, 0x302c);
	/* Nothing to do; one element; one over the page's end; downwards. */
	w.seen.calls = 0;
	assert_null(io(0x3f8, 1, OUTS | IOIO_REP));
	assert_int_equal(w.seen.calls, 0);
	assert_int_equal(c->vmsa.rip, 0x1006);
	assert_null(io(0x3f8, 1, OUTS));
	assert_int_equal(c->vmsa.rip, 0x1008);
	c->vmsa.rdi = 0x2ffd;
	c->vmsa.rcx = 2;
	assert_null(io(0x1f0, 4, INS | IOIO_REP));
	assert_int_equal(w.seen.count, 1);
	assert_memory_equal(w.ram + 0x2ffd, w.device, 4);
	c->vmsa.rflags |= BIT(10);
	assert_null(io(0x1f0, 4, INS | IOIO_REP));
	assert_int_equal(c->vmsa.rdi, 0x2ffd);
	assert_int_equal(c->vmsa.rip, 0x100a);
}

static void string_without_memory(void **state)
{
	(void)state;
	c->vmsa.rdi = RAM_BYTES;
	assert_string_equal(io(0x1f0, 2, INS), "string-io-memory-not-there");
	assert_int_equal(w.seen.calls, 0);
	c->vmsa.rsi = RAM_BYTES;
	assert_string_equal(io(0x1f0, 2, OUTS), "string-io-memory-not-there");
	assert_int_equal(w.seen.calls, 0);
}

/* ---- MMIO ---- */

static const char *mmio(u64 gpa, const void *code, unsigned int n)
{
	memcpy(w.ram + (c->vmsa.rip & (RAM_BYTES - 1)), code, n);
	return world_exit(c, EXIT_NPF, NPF_WRITE, gpa);
}

#define STORE	"\x89\x03"		/* mov [rbx], eax */
#define LOAD	"\x8b\x03"

static void device_memory(void **state)
{
	(void)state;
	memset(w.device, 0x77, 8);
	c->vmsa.rax = 0x1122334455667788;
	assert_null(mmio(0xfe000010, STORE, 2));
	assert_int_equal(w.seen.at, 0xfe000010);
	assert_int_equal(w.seen.value, 0x55667788);
	assert_int_equal(w.seen.size, 4);
	assert_true(w.seen.write);
	assert_int_equal(c->vmsa.rip, 0x1002);
	assert_null(mmio(0xfe000014, LOAD, 2));
	assert_false(w.seen.write);
	assert_int_equal(c->vmsa.rax, 0x77777777);
	assert_string_equal(mmio(0xfe000014, "\xa5", 1), "movs-on-mmio");
	assert_string_equal(mmio(0xfe000014, "\x01\x03", 2),
			    "instruction-not-for-mmio");
	w.host_refuses = true;
	assert_string_equal(mmio(0xfe000014, LOAD, 2), "host-refuses-mmio");
}

static void not_emulated(void **state)
{
	(void)state;
	/* RAM: the host will bring it back, or not. */
	assert_null(world_exit(c, EXIT_NPF, 0, 0x5000));
	assert_int_equal(c->vmsa.rip, 0x1000);
	assert_int_equal(w.seen.calls, 0);
	c->vmsa.exit_int_info = 0x80000041;
	assert_string_equal(world_exit(c, EXIT_NPF, 0, 0xfe000000),
			    "mmio-during-event-delivery");
	c->vmsa.event_inj = 0;
	assert_string_equal(world_exit(c, EXIT_NPF, NPF_NOT_RESTARTABLE,
				       0xfe000000), "guest-not-restartable");
	/* Code that is not there, and code whose next page is not. */
	c->vmsa.rip = RAM_BYTES;
	assert_string_equal(world_exit(c, EXIT_NPF, 0, 0xfe000000),
			    "code-not-readable");
	c->vmsa.rip = RAM_BYTES - 2;
	assert_null(mmio(0xfe000010, STORE, 2));
	c->vmsa.rip = RAM_BYTES - 1;
	assert_string_equal(mmio(0xfe000010, "\x89", 1), "code-not-readable");
}

static void xapic(void **state)
{
	(void)state;
	c->vmsa.rax = 0x1ff;
	assert_null(mmio(0xfee000f0, STORE, 2));
	assert_null(mmio(0xfee000f0, LOAD, 2));
	assert_int_equal(c->vmsa.rax, 0x1ff);
	assert_int_equal(w.seen.calls, 0);
	/* An IPI to itself, by ICR. */
	c->vmsa.rax = 0x400fd;
	assert_null(mmio(0xfee00300, STORE, 2));
	assert_true(c->vmsa.vintr_ctrl & VINTR_V_IRQ);
	/* No register: reads 0. */
	c->vmsa.rax = 1;
	assert_null(mmio(0xfee00010, LOAD, 2));
	assert_int_equal(c->vmsa.rax, 0);
	/* With x2APIC on it is the host's, like any other address. */
	world_wrmsr(c, MSR_APIC_BASE, 0xfee00d00);
	assert_null(mmio(0xfee000f0, LOAD, 2));
	assert_int_equal(w.seen.calls, 1);
}

/* ---- what the guest programs ---- */

static void store(u64 gpa, u32 value)
{
	c->vmsa.rax = value;
	assert_null(mmio(gpa, STORE, 2));
}

static void learn_ioapic(void **state)
{
	unsigned int v;

	(void)state;
	store(0xfec00000, 0x12);
	store(0xfec00010, 0x10931);
	assert_true(allowed(0x31));
	store(0xfec00000, 0x13);
	store(0xfec00010, 0x44);		/* high half: a destination */
	store(0xfec00000, 0x00);
	store(0xfec00010, 0x45);		/* its ID */
	store(0xfec00000, 0x14);
	store(0xfec00010, 0x446);		/* NMI has no vector */
	store(0xfec00010, 0x80);
	store(0xfec00010, 0x0e);
	for (v = 0; v < 256; v++)
		assert_int_equal(allowed(v), v == 0x31);
	/* All vCPUs: affinity is the guest's business. */
	assert_null(paravisor_turn(&w.cpu[1].v));
	assert_true(w.cpu[1].v.apic.allowed[1] & BIT(0x11));
}

static void learn_msi(void **state)
{
	unsigned int v;

	(void)state;
	/* MSI-X table, in memory. */
	store(0xe0000008, 0x51);
	store(0xe0000000, 0xfee00000);
	store(0xe0000004, 0);
	store(0xe0000008, 0x4052);
	store(0xe000000c, 0x53);
	assert_true(allowed(0x52));
	/* Configuration space, 32-bit form, then 64-bit form. */
	c->vmsa.rax = 0x80000854;
	assert_null(io(0xcf8, 4, 0));
	c->vmsa.rax = 0xfee01000;
	assert_null(io(0xcfc, 4, 0));
	c->vmsa.rax = 0x80000858;
	assert_null(io(0xcf8, 4, 0));
	c->vmsa.rax = 0x61;
	assert_null(io(0xcfc, 2, 0));
	assert_true(allowed(0x61));
	c->vmsa.rax = 0x8000085c;
	assert_null(io(0xcf8, 4, 0));
	c->vmsa.rax = 0x62;
	assert_null(io(0xcfc, 2, 0));
	assert_true(allowed(0x62));
	/* Another function, other ports, a byte to CF8. */
	c->vmsa.rax = 0x80001058;
	assert_null(io(0xcf8, 4, 0));
	c->vmsa.rax = 0x63;
	assert_null(io(0xcfc, 2, 0));
	assert_null(io(0x3f8, 1, 0));
	c->vmsa.rax = 0x80000858;
	assert_null(io(0xcf8, 1, 0));
	c->vmsa.rax = 0x64;
	assert_null(io(0xcfc, 2, 0));
	for (v = 0; v < 256; v++)
		assert_int_equal(allowed(v),
				 v == 0x52 || v == 0x61 || v == 0x62);
}

/* ---- page tables ---- */

static void put64(u64 at, u64 value)
{
	memcpy(w.ram + at, &value, 8);
}

static bool translates(u64 linear, u64 expected)
{
	u64 gpa = 0;

	return emulate_translate(&c->v, linear, &gpa) && gpa == expected;
}

static void four_levels(void **state)
{
	u64 gpa;

	(void)state;
	assert_true(translates(0x123456789, 0x123456789));	/* no paging */
	c->vmsa.cr0 = BIT_ULL(31);
	c->vmsa.cr4 = BIT_ULL(5);
	c->vmsa.cr3 = 0x8000 | 0x18;
	put64(0x8000 + 8 * 0x1ff, 0x9000 | 1);
	put64(0x9000 + 8 * 0x1fe, 0xa000 | 1 | BIT_ULL(63));
	put64(0xa000 + 8 * 1, 0xb000 | 1);
	put64(0xa000 + 8 * 2, 0x40000000 | 0x81);
	put64(0xb000 + 8 * 3, 0x5000 | 1);
	put64(0x9000 + 8 * 0x1fd, 0xc0000000 | 0x81);
	assert_true(translates(0xffffffff80203456, 0x5456));
	assert_true(translates(0xffffffff80412345, 0x40012345));
	assert_true(translates(0xffffffff40123456, 0xc0123456));
	assert_false(emulate_translate(&c->v, 0, &gpa));
	assert_false(emulate_translate(&c->v, 0xffffffff80204000, &gpa));
	/* "Large" where there are none, and a table outside of RAM. */
	put64(0x8000, 0x9000 | 0x81);
	put64(0x9000, 0x4000 | 1);
	assert_false(emulate_translate(&c->v, 0, &gpa));
	put64(0x8000, 0xfe000000 | 1);
	assert_false(emulate_translate(&c->v, 0, &gpa));
	/* One level more. */
	c->vmsa.cr4 |= BIT_ULL(12);
	c->vmsa.cr3 = 0xc000;
	put64(0xc000 + 8 * 0x1ff, 0x8000 | 1);
	assert_true(translates(0xffffffff80203456, 0x5456));
}

static void pae(void **state)
{
	(void)state;
	c->vmsa.efer = EFER_SVME;
	c->vmsa.cr0 = BIT_ULL(31);
	c->vmsa.cr4 = BIT_ULL(5);
	c->vmsa.cr3 = 0x8020;
	put64(0x8020 + 8 * 3, 0x9000 | 1);
	put64(0x9000 + 8 * 1, 0x600000 | 0x81);
	assert_true(translates(0xc0212345, 0x612345));
}

static void two_levels(void **state)
{
	const u32 large = 0x00800000 | 0x81, table = 0x9000 | 1, page = 0x7001;
	u64 gpa;

	(void)state;
	c->vmsa.efer = EFER_SVME;
	c->vmsa.cr0 = BIT_ULL(31);
	c->vmsa.cr4 = BIT_ULL(4);
	c->vmsa.cr3 = 0x8000;
	memcpy(w.ram + 0x8004, &large, 4);
	memcpy(w.ram + 0x8008, &table, 4);
	memcpy(w.ram + 0x9004, &page, 4);
	assert_true(translates(0x412345, 0x812345));
	assert_true(translates(0x801234, 0x7234));
	c->vmsa.cr4 = 0;			/* no PSE: it is a table */
	assert_false(emulate_translate(&c->v, 0x412345, &gpa));
	/* 16-bit code, from its segment. */
	c->vmsa.cr0 = 0;
	c->vmsa.cs.attrib = 0x9b;
	c->vmsa.cs.base = 0x3000;
	c->vmsa.rip = 0x10;
	memcpy(w.ram + 0x3010, "\x89\x07", 2);
	c->vmsa.rax = 0x1234abcd;
	assert_null(world_exit(c, EXIT_NPF, 0, 0xb8000));
	assert_int_equal(w.seen.value, 0xabcd);
	assert_int_equal(w.seen.size, 2);
	assert_int_equal(c->vmsa.rip, 0x12);
}

static void memory_over_pages(void **state)
{
	u8 x[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, y[8];

	(void)state;
	c->vmsa.cr0 = BIT_ULL(31);
	c->vmsa.cr4 = BIT_ULL(5);
	c->vmsa.cr3 = 0x8000;
	put64(0x8000, 0x9001);
	put64(0x9000, 0xa001);
	put64(0xa000, 0xb001);
	put64(0xb000, 0x5001);
	put64(0xb008, 0x2001);
	assert_true(emulate_write(&c->v, 0xffc, x, 8));
	assert_memory_equal(w.ram + 0x5ffc, x, 4);
	assert_memory_equal(w.ram + 0x2000, x + 4, 4);
	assert_true(emulate_read(&c->v, 0xffc, y, 8));
	assert_memory_equal(x, y, 8);
	assert_false(emulate_write(&c->v, 0x1ffc, x, 8));
	put64(0xb010, 0xfe000001);
	assert_false(emulate_write(&c->v, 0x1ffc, x, 8));
	assert_false(emulate_read(&c->v, 0x1ffc, y, 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(msrs, setup),
		cmocka_unit_test_setup(no_x2apic, setup),
		cmocka_unit_test_setup(ports, setup),
		cmocka_unit_test_setup(strings, setup),
		cmocka_unit_test_setup(string_without_memory, setup),
		cmocka_unit_test_setup(device_memory, setup),
		cmocka_unit_test_setup(not_emulated, setup),
		cmocka_unit_test_setup(xapic, setup),
		cmocka_unit_test_setup(learn_ioapic, setup),
		cmocka_unit_test_setup(learn_msi, setup),
		cmocka_unit_test_setup(four_levels, setup),
		cmocka_unit_test_setup(pae, setup),
		cmocka_unit_test_setup(two_levels, setup),
		cmocka_unit_test_setup(memory_over_pages, setup),
	};

	return cmocka_run_group_tests_name("core_emulate", tests, NULL, NULL);
}
