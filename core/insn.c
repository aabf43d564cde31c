// SPDX-License-Identifier: MIT
/*
 * Decoder of MMIO instructions, on a copy of the guest's code.
 */
#include "core/insn.h"

#define REX_W	8
#define REX_R	4

struct cursor {
	const u8 *bytes;
	unsigned int n, at;
	enum insn_result result;
};

struct prefixes {
	bool operand, address, rep, lock;
	u8 rex;
};

static u8 next(struct cursor *c)
{
	if (c->at < c->n && c->at < INSN_MAX)
		return c->bytes[c->at++];
	if (c->result == INSN_OK)
		c->result = c->at < INSN_MAX ? INSN_TRUNCATED : INSN_TOO_LONG;
	return 0;
}

static u64 next_bytes(struct cursor *c, unsigned int count)
{
	u64 value = 0;
	unsigned int i;

	for (i = 0; i < count; i++)
		value |= (u64)next(c) << 8 * i;
	return value;
}

/* A legacy prefix? A segment does not matter: the address is known. */
static bool legacy_prefix(struct prefixes *p, u8 byte)
{
	switch (byte) {
	case 0x66:
		p->operand = true;
		return true;
	case 0x67:
		p->address = true;
		return true;
	case 0xf0:
		p->lock = true;
		return true;
	case 0xf2: case 0xf3:
		p->rep = true;
		return true;
	default:
		return byte == 0x26 || byte == 0x2e || byte == 0x36 ||
		       byte == 0x3e || byte == 0x64 || byte == 0x65;
	}
}

/* Returns the opcode's first byte. REX counts directly before it only. */
static u8 decode_prefixes(struct cursor *c, unsigned int mode,
			  struct prefixes *p)
{
	u8 byte = next(c);

	while (c->result == INSN_OK) {
		if (legacy_prefix(p, byte))
			p->rex = 0;
		else if (mode == 8 && (byte & 0xf0) == 0x40)
			p->rex = byte;
		else
			break;
		byte = next(c);
	}
	return byte;
}

/* Opcodes: the even one of each pair has bytes, the odd one words. */
static enum insn_result decode_opcode(struct cursor *c, u8 byte,
				      struct insn *out, bool *modrm)
{
	*modrm = true;
	out->size = byte & 1 ? out->reg_size : 1;
	switch (byte) {
	case 0x88 ... 0x89:
		out->op = INSN_STORE;
		break;
	case 0x8a ... 0x8b:
		out->op = INSN_LOAD;
		break;
	case 0xc6 ... 0xc7:
		out->op = INSN_STORE_IMM;
		break;
	case 0xa0 ... 0xa1:
	case 0xa2 ... 0xa3:
		out->op = byte < 0xa2 ? INSN_LOAD : INSN_STORE;
		*modrm = false;
		break;
	case 0xa4 ... 0xa5:
		return INSN_MOVS;
	case 0xaa ... 0xab:
		out->op = INSN_STOS;
		*modrm = false;
		break;
	case 0x0f:
		byte = next(c);
		if ((byte & 0xf6) != 0xb6)
			return INSN_UNSUPPORTED;
		out->op = byte & 8 ? INSN_LOAD_SX : INSN_LOAD_ZX;
		out->size = byte & 1 ? 2 : 1;
		return INSN_OK;
	default:
		return INSN_UNSUPPORTED;
	}
	out->reg_size = out->size;
	return INSN_OK;
}

static unsigned int displacement16(u8 mod, u8 rm)
{
	if (mod == 0)
		return rm == 6 ? 2 : 0;
	return mod;
}

static unsigned int displacement(struct cursor *c, u8 mod, u8 rm)
{
	u8 base = rm;

	if (rm == 4)
		base = next(c) & 7;	/* SIB */
	if (mod == 0)
		return base == 5 ? 4 : 0;
	return mod == 1 ? 1 : 4;
}

/* A register operand cannot have faulted on MMIO: the code has changed. */
static enum insn_result decode_modrm(struct cursor *c, u8 rex,
				     struct insn *out)
{
	u8 byte = next(c), mod = byte >> 6, rm = byte & 7;

	if (mod == 3)
		return INSN_UNSUPPORTED;
	out->reg = (byte >> 3 & 7) | (rex & REX_R ? 8 : 0);
	if (out->op == INSN_STORE_IMM && byte >> 3 & 7)
		return INSN_UNSUPPORTED;
	if (out->reg_size == 1 && !rex && out->reg >= 4) {
		out->high = true;
		out->reg -= 4;
	}
	next_bytes(c, out->address_size == 2 ? displacement16(mod, rm) :
					       displacement(c, mod, rm));
	return INSN_OK;
}

static void decode_sizes(const struct prefixes *p, unsigned int mode,
			 struct insn *out)
{
	bool wide = (mode == 2) == p->operand;

	out->reg_size = p->rex & REX_W ? 8 : wide ? 4 : 2;
	out->address_size = mode == 8 ? p->address ? 4 : 8 :
			    (mode == 2) == p->address ? 4 : 2;
	out->rep = p->rep;
}

/* In 64-bit mode an operand of 8 bytes has 4 of immediate, sign-extended. */
static u64 decode_imm(struct cursor *c, unsigned int size)
{
	u64 imm = next_bytes(c, size > 4 ? 4 : size);

	return size == 8 ? (u64)(s64)(int32_t)imm : imm;
}

enum insn_result insn_decode(const u8 *bytes, unsigned int n,
			     unsigned int mode, struct insn *out)
{
	struct cursor c = { .bytes = bytes, .n = n };
	struct prefixes p = { 0 };
	struct insn insn = { 0 };
	enum insn_result result;
	bool modrm;
	u8 byte;

	byte = decode_prefixes(&c, mode, &p);
	if (c.result != INSN_OK)
		return c.result;
	decode_sizes(&p, mode, &insn);
	result = decode_opcode(&c, byte, &insn, &modrm);
	if (result == INSN_OK && modrm)
		result = decode_modrm(&c, p.rex, &insn);
	else if (result == INSN_OK && insn.op != INSN_STOS)
		next_bytes(&c, insn.address_size);
	if (insn.op == INSN_STORE_IMM)
		insn.imm = decode_imm(&c, insn.size);
	if (c.result != INSN_OK)
		return c.result;
	if (result != INSN_OK)
		return result;
	if (p.lock)
		return INSN_UNSUPPORTED;
	insn.length = c.at;
	*out = insn;
	return INSN_OK;
}

static const char *const result_names[] = {
	[INSN_OK] = "ok",
	[INSN_TRUNCATED] = "code-not-readable",
	[INSN_TOO_LONG] = "instruction-too-long",
	[INSN_UNSUPPORTED] = "instruction-not-for-mmio",
	[INSN_MOVS] = "movs-on-mmio",
};

const char *insn_result_name(enum insn_result result)
{
	if ((unsigned int)result >= ARRAY_SIZE(result_names))
		return "unknown";
	return result_names[result];
}

u64 insn_value(const struct insn *insn, struct vmsa *vmsa)
{
	u64 value;

	if (insn->op == INSN_STORE_IMM)
		return low_bytes(insn->imm, insn->size);
	value = *vmsa_gpr(vmsa, insn->reg);
	return low_bytes(insn->high ? value >> 8 : value, insn->size);
}

static u64 extend(const struct insn *insn, u64 value)
{
	unsigned int shift = 64 - insn->size * 8;

	value = low_bytes(value, insn->size);
	if (insn->op != INSN_LOAD_SX)
		return value;
	return (u64)((s64)(value << shift) >> shift);
}

static void finish_load(const struct insn *insn, struct vmsa *vmsa, u64 value)
{
	u64 *reg = vmsa_gpr(vmsa, insn->reg);

	value = extend(insn, value);
	if (insn->high)
		*reg = (*reg & ~0xff00ull) | (value & 0xff) << 8;
	else
		*reg = merge_bytes(*reg, value, insn->reg_size);
}

/* True if RIP may move on. */
static bool finish_stos(const struct insn *insn, struct vmsa *vmsa)
{
	unsigned int size = insn->address_size;
	s64 by = vmsa->rflags & RFLAGS_DF ? -(s64)insn->size : insn->size;

	vmsa->rdi = merge_bytes(vmsa->rdi, vmsa->rdi + by, size);
	if (!insn->rep)
		return true;
	vmsa->rcx = merge_bytes(vmsa->rcx, vmsa->rcx - 1, size);
	return !low_bytes(vmsa->rcx, size);
}

void insn_finish(const struct insn *insn, struct vmsa *vmsa, u64 value)
{
	if (insn->op == INSN_STOS && !finish_stos(insn, vmsa))
		return;
	if (!insn_writes(insn))
		finish_load(insn, vmsa, value);
	vmsa_step(vmsa, insn->length);
}
