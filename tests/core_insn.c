// SPDX-License-Identifier: MIT
/* Decoders of a paravisor: MMIO instructions, port I/O, stepping. */
#include "core/insn.h"
#include "core/ioio.h"
#include "tests/core_apic.h"
#include "tests/lib/rows.h"

static struct vmsa s;

static void registers(unsigned int mode)
{
	unsigned int i;

	memset(&s, 0, sizeof(s));
	for (i = 0; i < 16; i++)
		*vmsa_gpr(&s, i) = 0x1111111111111111ull * i;
	s.rax = 0x0123456789abcdef;
	s.rip = 0xfffffff0;
	s.efer = mode == 8 ? EFER_LMA : 0;
	s.cs.attrib = mode == 8 ? 0x29b : mode == 4 ? 0x49b : 0x9b;
	s.vintr_ctrl = VINTR_SHADOW;
	s.es.base = 0x1000;
	s.ds.base = 0x2000;
	s.fs.base = 0x3000;
}

/* Loads read 0x8877665544332211. after: of the register named. */
static const struct insn_row {
	const char *name;
	u8 mode;
	u8 n;
	u8 bytes[16];
	enum insn_op op;
	u8 size, reg;
	u64 value;		/* stored, or the register after a load */
} insns[] = {
	{ "mov [rbx], al", 8, 2, { 0x88, 0x03 }, INSN_STORE, 1, 0, 0xef },
	{ "mov [rbx], eax", 8, 2, { 0x89, 0x03 }, INSN_STORE, 4, 0,
	  0x89abcdef },
	{ "mov [rbx], ax", 8, 3, { 0x66, 0x89, 0x03 }, INSN_STORE, 2, 0,
	  0xcdef },
	{ "mov [rbx], rax", 8, 3, { 0x48, 0x89, 0x03 }, INSN_STORE, 8, 0,
	  0x0123456789abcdef },
	{ "mov [rbx], ah", 8, 2, { 0x88, 0x23 }, INSN_STORE, 1, 0, 0xcd },
	{ "mov [rbx], spl", 8, 3, { 0x40, 0x88, 0x23 }, INSN_STORE, 1, 4,
	  0x44 },
	{ "mov [rbx], r9d", 8, 3, { 0x44, 0x89, 0x0b }, INSN_STORE, 4, 9,
	  0x99999999 },
	{ "mov al, [rbx]", 8, 2, { 0x8a, 0x03 }, INSN_LOAD, 1, 0,
	  0x0123456789abcd11 },
	{ "mov ah, [rbx]", 8, 2, { 0x8a, 0x23 }, INSN_LOAD, 1, 0,
	  0x0123456789ab11ef },
	{ "mov ax, [rbx]", 8, 3, { 0x66, 0x8b, 0x03 }, INSN_LOAD, 2, 0,
	  0x0123456789ab2211 },
	{ "mov eax, [rbx]", 8, 2, { 0x8b, 0x03 }, INSN_LOAD, 4, 0,
	  0x44332211 },
	{ "mov r15, [rbx]", 8, 3, { 0x4c, 0x8b, 0x3b }, INSN_LOAD, 8, 15,
	  0x8877665544332211 },
	{ "mov eax, [rip+d32]", 8, 6, { 0x8b, 0x05, 1, 2, 3, 4 }, INSN_LOAD,
	  4, 0, 0x44332211 },
	{ "mov eax, [rbx+d8]", 8, 3, { 0x8b, 0x43, 1 }, INSN_LOAD, 4, 0,
	  0x44332211 },
	{ "mov eax, [rbx+d32]", 8, 6, { 0x8b, 0x83, 1, 2, 3, 4 }, INSN_LOAD,
	  4, 0, 0x44332211 },
	{ "mov eax, [sib]", 8, 3, { 0x8b, 0x04, 0x18 }, INSN_LOAD, 4, 0,
	  0x44332211 },
	{ "mov eax, [sib, no base]", 8, 7, { 0x8b, 0x04, 0x1d, 1, 2, 3, 4 },
	  INSN_LOAD, 4, 0, 0x44332211 },
	{ "mov eax, [sib+d8]", 8, 4, { 0x8b, 0x44, 0x1d, 1 }, INSN_LOAD, 4, 0,
	  0x44332211 },
	{ "mov eax, gs:[ebx]", 8, 4, { 0x65, 0x67, 0x8b, 0x03 }, INSN_LOAD,
	  4, 0, 0x44332211 },
	{ "mov [rbx], imm8", 8, 3, { 0xc6, 0x03, 0x80 }, INSN_STORE_IMM, 1, 0,
	  0x80 },
	{ "mov [rbx], imm16", 8, 5, { 0x66, 0xc7, 0x03, 0x34, 0x92 },
	  INSN_STORE_IMM, 2, 0, 0x9234 },
	{ "mov [rbx], imm32", 8, 6, { 0xc7, 0x03, 1, 2, 3, 0x84 },
	  INSN_STORE_IMM, 4, 0, 0x84030201 },
	{ "mov qword [rbx], imm32", 8, 7, { 0x48, 0xc7, 0x03, 1, 2, 3, 0x84 },
	  INSN_STORE_IMM, 8, 0, 0xffffffff84030201 },
	{ "mov [rbx+d8], imm8", 8, 4, { 0xc6, 0x43, 7, 0x5a }, INSN_STORE_IMM,
	  1, 0, 0x5a },
	{ "movzx eax, byte", 8, 3, { 0x0f, 0xb6, 0x03 }, INSN_LOAD_ZX, 1, 0,
	  0x11 },
	{ "movzx ax, byte", 8, 4, { 0x66, 0x0f, 0xb6, 0x03 }, INSN_LOAD_ZX, 1,
	  0, 0x0123456789ab0011 },
	{ "movzx esp, byte: no high register", 8, 3, { 0x0f, 0xb6, 0x23 },
	  INSN_LOAD_ZX, 1, 4, 0x11 },
	{ "movzx rax, word", 8, 4, { 0x48, 0x0f, 0xb7, 0x03 }, INSN_LOAD_ZX,
	  2, 0, 0x2211 },
	{ "movsx eax, byte", 8, 3, { 0x0f, 0xbe, 0x03 }, INSN_LOAD_SX, 1, 0,
	  0x11 },
	{ "movsx rax, word", 8, 4, { 0x48, 0x0f, 0xbf, 0x03 }, INSN_LOAD_SX,
	  2, 0, 0x2211 },
	{ "mov al, moffs64", 8, 9, { 0xa0, 1, 2, 3, 4, 5, 6, 7, 8 },
	  INSN_LOAD, 1, 0, 0x0123456789abcd11 },
	{ "mov eax, moffs32", 8, 6, { 0x67, 0xa1, 1, 2, 3, 4 }, INSN_LOAD, 4,
	  0, 0x44332211 },
	{ "mov moffs64, al", 8, 9, { 0xa2, 1, 2, 3, 4, 5, 6, 7, 8 },
	  INSN_STORE, 1, 0, 0xef },
	{ "mov moffs64, rax", 8, 10, { 0x48, 0xa3, 1, 2, 3, 4, 5, 6, 7, 8 },
	  INSN_STORE, 8, 0, 0x0123456789abcdef },
	{ "all prefixes, rex last", 8, 10,
	  { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0xf2, 0x66, 0x44, 0x8b, 0x03 },
	  INSN_LOAD, 2, 8, 0x8888888888882211 },
	{ "rex that is not last counts not", 8, 4, { 0x4c, 0x66, 0x8b, 0x03 },
	  INSN_LOAD, 2, 0, 0x0123456789ab2211 },
	{ "32 bit: mov [ebx], eax", 4, 2, { 0x89, 0x03 }, INSN_STORE, 4, 0,
	  0x89abcdef },
	{ "32 bit: 16-bit address, d16", 4, 5, { 0x67, 0x89, 0x06, 1, 2 },
	  INSN_STORE, 4, 0, 0x89abcdef },
	{ "32 bit: mov ax, moffs16", 4, 5, { 0x66, 0x67, 0xa1, 1, 2 },
	  INSN_LOAD, 2, 0, 0x0123456789ab2211 },
	{ "16 bit: mov [bx], ax", 2, 2, { 0x89, 0x07 }, INSN_STORE, 2, 0,
	  0xcdef },
	{ "16 bit: mov [bx+d8], eax", 2, 4, { 0x66, 0x89, 0x47, 1 },
	  INSN_STORE, 4, 0, 0x89abcdef },
	{ "16 bit: mov [bx+d16], ax", 2, 4, { 0x89, 0x87, 1, 2 }, INSN_STORE,
	  2, 0, 0xcdef },
	{ "16 bit: 32-bit address", 2, 3, { 0x67, 0x89, 0x03 }, INSN_STORE, 2,
	  0, 0xcdef },
	{ "stosb", 8, 1, { 0xaa }, INSN_STOS, 1, 0, 0xef },
	{ "stosd", 8, 1, { 0xab }, INSN_STOS, 4, 0, 0x89abcdef },
};

static void run_insn(void **state)
{
	const struct insn_row *row = *state;
	struct insn insn;
	unsigned int n;
	u64 rip;

	registers(row->mode);
	assert_int_equal(vmsa_mode(&s), row->mode);
	assert_int_equal(insn_decode(row->bytes, 16, row->mode, &insn),
			 INSN_OK);
	assert_int_equal(insn.length, row->n);
	assert_int_equal(insn.op, row->op);
	assert_int_equal(insn.size, row->size);
	assert_int_equal(insn.reg, row->reg);
	if (insn_writes(&insn))
		assert_int_equal(insn_value(&insn, &s), row->value);
	rip = s.rip + row->n;
	insn_finish(&insn, &s, 0x8877665544332211);
	if (!insn_writes(&insn))
		assert_int_equal(*vmsa_gpr(&s, row->reg), row->value);
	assert_int_equal(s.rip, row->mode == 8 ? rip : (u32)rip);
	assert_false(s.vintr_ctrl & VINTR_SHADOW);
	/* Every byte is needed. */
	for (n = 0; n < row->n; n++)
		assert_int_equal(insn_decode(row->bytes, n, row->mode, &insn),
				 INSN_TRUNCATED);
}

static const struct bad_row {
	const char *name;
	u8 mode;
	u8 bytes[16];
	enum insn_result result;
} bads[] = {
	{ "register operand", 8, { 0x89, 0xc3 }, INSN_UNSUPPORTED },
	{ "register operand, C7", 8, { 0xc7, 0xc3 }, INSN_UNSUPPORTED },
	{ "C7 /1", 8, { 0xc7, 0x0b }, INSN_UNSUPPORTED },
	{ "lock mov", 8, { 0xf0, 0x89, 0x03 }, INSN_UNSUPPORTED },
	{ "add", 8, { 0x01, 0x03 }, INSN_UNSUPPORTED },
	{ "0f 0b", 8, { 0x0f, 0x0b }, INSN_UNSUPPORTED },
	{ "0f b8", 8, { 0x0f, 0xb8 }, INSN_UNSUPPORTED },
	{ "movs", 8, { 0xa4 }, INSN_MOVS },
	{ "rep movsq", 8, { 0xf3, 0x48, 0xa5 }, INSN_MOVS },
	{ "no REX in 32 bit", 4, { 0x48, 0x89, 0x03 }, INSN_UNSUPPORTED },
	{ "16 bytes", 8, { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
			   0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x89, 0x03 },
	  INSN_TOO_LONG },
};

static void run_bad(void **state)
{
	const struct bad_row *row = *state;
	struct insn insn = { .length = 77 };

	assert_int_equal(insn_decode(row->bytes, 16, row->mode, &insn),
			 row->result);
	assert_int_equal(insn.length, 77);
	assert_non_null(insn_result_name(row->result));
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(insn_result_name(INSN_MOVS), "movs-on-mmio");
	assert_string_equal(insn_result_name(99), "unknown");
}

static void movsx_negative(void **state)
{
	const u8 bytes[] = { 0x48, 0x0f, 0xbe, 0x03 };
	struct insn insn;

	(void)state;
	registers(8);
	assert_int_equal(insn_decode(bytes, 4, 8, &insn), INSN_OK);
	insn_finish(&insn, &s, 0x80);
	assert_int_equal(s.rax, 0xffffffffffffff80);
}

static void stos_repeated(void **state)
{
	const u8 bytes[] = { 0xf3, 0xab };
	struct insn insn;

	(void)state;
	registers(8);
	s.rcx = 2;
	s.rdi = 0x5000;
	assert_int_equal(insn_decode(bytes, 2, 8, &insn), INSN_OK);
	insn_finish(&insn, &s, 0);
	assert_int_equal(s.rip, 0xfffffff0);
	assert_int_equal(s.rcx, 1);
	insn_finish(&insn, &s, 0);
	assert_int_equal(s.rip, 0xfffffff2);
	assert_int_equal(s.rdi, 0x5008);
	s.rflags = RFLAGS_DF;
	s.rcx = 1;
	insn_finish(&insn, &s, 0);
	assert_int_equal(s.rdi, 0x5004);
}

static void stepping(void **state)
{
	(void)state;
	registers(8);
	s.exit_code = EXIT_CPUID;
	assert_false(vmsa_skip(&s));
	assert_int_equal(s.rip, 0xfffffff0);
	s.nrip = 0x1234;
	assert_true(vmsa_skip(&s));
	assert_int_equal(s.rip, 0x1234);
	assert_false(s.vintr_ctrl & VINTR_SHADOW);
	/* 0x402 has no NRIP: RDMSR and WRMSR are two bytes. */
	registers(8);
	s.exit_code = EXIT_AVIC_NOACCEL;
	assert_true(vmsa_skip(&s));
	assert_int_equal(s.rip, 0xfffffff2);
	assert_false(s.vintr_ctrl & VINTR_SHADOW);
}

static u64 info(u16 port, unsigned int size, unsigned int flags)
{
	return (u64)port << 16 | size << 4 | flags;
}

static void ioio_plain(void **state)
{
	struct ioio io;

	(void)state;
	registers(8);
	assert_true(ioio_decode(info(0x3f8, 1, IOIO_IN), &io));
	assert_true(io.in && !io.string && !io.rep);
	assert_int_equal(io.port, 0x3f8);
	ioio_finish(&io, &s, 0x123456);
	assert_int_equal(s.rax, 0x0123456789abcd56);
	assert_true(ioio_decode(info(0xcfc, 4, IOIO_IN), &io));
	ioio_finish(&io, &s, 0xffffffffffffffff);
	assert_int_equal(s.rax, 0xffffffff);
	assert_true(ioio_decode(info(0x1f0, 2, 0), &io));
	s.rax = 0x12345678;
	assert_int_equal(ioio_value(&io, &s), 0x5678);
	ioio_finish(&io, &s, 0xaaaa);
	assert_int_equal(s.rax, 0x12345678);
}

static void ioio_malformed(void **state)
{
	struct ioio io;
	unsigned int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		assert_int_equal(ioio_decode(info(0x80, i, 0), &io),
				 i == 1 || i == 2 || i == 4);
		assert_int_equal(ioio_decode(info(0x80, 1, IOIO_STRING |
					     i << IOIO_ADDR_SHIFT), &io),
				 i == 1 || i == 2 || i == 4);
		assert_int_equal(ioio_decode(info(0x80, 1, IOIO_STRING |
					     1 << IOIO_ADDR_SHIFT |
					     i << IOIO_SEG_SHIFT), &io), i < 6);
	}
	assert_false(ioio_decode(info(0x80, 1, BIT(1)), &io));
	for (i = 13; i < 16; i++)
		assert_false(ioio_decode(info(0x80, 1, BIT(i)), &io));
	assert_false(ioio_decode(info(0x80, 1, 0) | 1ull << 32, &io));
}

static void ioio_strings(void **state)
{
	struct ioio io;

	(void)state;
	registers(8);
	s.rcx = 2;
	s.rdi = 0x100000010;
	s.rsi = 0x200000020;
	/* rep insw, 64-bit: no base. */
	assert_true(ioio_decode(info(0x1f0, 2, IOIO_IN | IOIO_STRING |
				     IOIO_REP | 4 << IOIO_ADDR_SHIFT), &io));
	assert_int_equal(ioio_address(&io, &s), 0x100000010);
	assert_int_equal(ioio_left(&io, &s), 2);
	assert_false(ioio_element(&io, &s));
	assert_int_equal(s.rdi, 0x100000012);
	assert_true(ioio_element(&io, &s));
	assert_int_equal(s.rcx, 0);
	/* outsb fs:[esi], down. */
	assert_true(ioio_decode(info(0x3f8, 1, IOIO_STRING |
				     2 << IOIO_ADDR_SHIFT |
				     4 << IOIO_SEG_SHIFT), &io));
	s.rflags = RFLAGS_DF;
	assert_int_equal(ioio_left(&io, &s), 1);
	assert_int_equal(ioio_address(&io, &s), 0x3020);
	assert_true(ioio_element(&io, &s));
	assert_int_equal(s.rsi, 0x1f);
	/* 16 bit: the index wraps at 64 KiB, the base counts. */
	registers(2);
	s.rsi = 0x1ffff;
	assert_true(ioio_decode(info(0x3f8, 1, IOIO_STRING |
				     1 << IOIO_ADDR_SHIFT |
				     3 << IOIO_SEG_SHIFT), &io));
	assert_int_equal(ioio_address(&io, &s), 0x11fff);
	assert_true(ioio_element(&io, &s));
	assert_int_equal(s.rsi, 0x10000);
	/* INS writes to ES whatever the field says. */
	assert_true(ioio_decode(info(0x3f8, 1, IOIO_IN | IOIO_STRING |
				     2 << IOIO_ADDR_SHIFT |
				     3 << IOIO_SEG_SHIFT), &io));
	s.rdi = 4;
	assert_int_equal(ioio_address(&io, &s), 0x1004);
}

int main(void)
{
	ROWS(insns, run_insn);
	ROWS(bads, run_bad);
	ROW("names", names);
	ROW("movsx, negative", movsx_negative);
	ROW("rep stos", stos_repeated);
	ROW("skip", stepping);
	ROW("in, out", ioio_plain);
	ROW("malformed EXITINFO1", ioio_malformed);
	ROW("ins, outs", ioio_strings);
	return rows_run("core_insn");
}
