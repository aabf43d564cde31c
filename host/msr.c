// SPDX-License-Identifier: MIT
/*
 * MSRs that a guest reads and writes through its GHCB. The table is all there
 * is: anything else is #GP, which a guest's _safe accessors expect of MSRs
 * that a processor lacks. Values are those that KVM gives.
 */
#include "host/internal.h"

#define MSR_TSC			0x10
#define MSR_PLATFORM_ID		0x17
#define MSR_EBL_CR_POWERON	0x2a
#define MSR_PATCH_LEVEL		0x8b
#define MSR_MTRR_CAP		0xfe
#define MSR_MCG_CAP		0x179
#define MSR_MCG_STATUS		0x17a
#define MSR_DEBUGCTL		0x1d9
#define MSR_MTRR_VARIABLE	0x200
#define MSR_MTRR_FIX64K		0x250
#define MSR_MTRR_FIX16K		0x258
#define MSR_MTRR_FIX4K		0x268
#define MSR_MTRR_DEFAULT	0x2ff
#define MSR_K7_EVNTSEL		0xc0010000
#define MSR_K7_PERFCTR		0xc0010004
#define MSR_SYSCFG		0xc0010010
#define MSR_HWCR		0xc0010015
#define MSR_CLK_CTL		0xc001001b
#define MSR_NB_CFG		0xc001001f
#define MSR_PATCH_LOADER	0xc0010020
#define MSR_INT_PENDING		0xc0010055
#define MSR_MMIO_CONF_BASE	0xc0010058
#define MSR_TSEG_ADDR		0xc0010112
#define MSR_TSEG_MASK		0xc0010113
#define MSR_VM_CR		0xc0010114
#define MSR_LS_CFG		0xc0011020
#define MSR_DC_CFG		0xc0011022
#define MSR_FP_CFG		0xc0011028
#define MSR_DE_CFG		0xc0011029
#define MSR_BU_CFG2		0xc001102a

#define DE_CFG_LFENCE_SERIALIZE	BIT_ULL(1)
#define PATCH_LEVEL		0x01000065
#define MTRR_CAP		(HOST_MTRR_VARIABLE / 2 | BIT(8) | BIT(10))
#define MTRR_DEFAULT_VALID	0xcffull
#define MTRR_PHYS_VALID		0xffffffffffull
/* Bits that software of old sets and no CPU we show acts on. */
#define HWCR_VALID		(BIT_ULL(3) | BIT_ULL(6) | BIT_ULL(8) |	\
				 BIT_ULL(18) | BIT_ULL(24))

enum msr_kind {
	MSR_CONST,	/* reads as value; writes of the same are ignored */
	MSR_IGNORE,	/* reads as value; all writes are ignored */
	MSR_KEEP,	/* a variable; value is the mask of its valid bits */
	MSR_APIC,
	MSR_APICBASE,
	MSR_DEADLINE,
	MSR_CLOCK,
};

struct msr_row {
	u32 first, last;
	enum msr_kind kind;
	u64 value;
	size_t var;		/* in struct host_msrs: that of first */
};

#define ONE(msr, kind, value)	{ msr, msr, kind, value, 0 }
#define VAR(first, last, mask, field)					\
	{ first, last, MSR_KEEP, mask, offsetof(struct host_msrs, field) }

static const struct msr_row msr_rows[] = {
	ONE(MSR_TSC, MSR_CLOCK, 0),
	ONE(MSR_PLATFORM_ID, MSR_CONST, 0),
	ONE(MSR_APIC_BASE, MSR_APICBASE, 0),
	ONE(MSR_EBL_CR_POWERON, MSR_CONST, 0),
	ONE(MSR_PATCH_LEVEL, MSR_IGNORE, (u64)PATCH_LEVEL << 32),
	ONE(MSR_MTRR_CAP, MSR_CONST, MTRR_CAP),
	ONE(MSR_MCG_CAP, MSR_CONST, 0),
	VAR(MSR_MCG_STATUS, MSR_MCG_STATUS, 7, mcg_status),
	ONE(MSR_DEBUGCTL, MSR_CONST, 0),
	VAR(MSR_MTRR_VARIABLE, MSR_MTRR_VARIABLE + HOST_MTRR_VARIABLE - 1,
	    MTRR_PHYS_VALID, mtrr_variable),
	VAR(MSR_MTRR_FIX64K, MSR_MTRR_FIX64K, ~0ull, mtrr_fixed[0]),
	VAR(MSR_MTRR_FIX16K, MSR_MTRR_FIX16K + 1, ~0ull, mtrr_fixed[1]),
	VAR(MSR_MTRR_FIX4K, MSR_MTRR_FIX4K + 7, ~0ull, mtrr_fixed[3]),
	VAR(MSR_MTRR_DEFAULT, MSR_MTRR_DEFAULT, MTRR_DEFAULT_VALID,
	    mtrr_default),
	ONE(MSR_TSC_DEADLINE, MSR_DEADLINE, 0),
	{ MSR_X2APIC_FIRST, MSR_X2APIC_LAST, MSR_APIC, 0, 0 },
	{ MSR_K7_EVNTSEL, MSR_K7_PERFCTR + 3, MSR_IGNORE, 0, 0 },
	ONE(MSR_SYSCFG, MSR_CONST, 0),
	VAR(MSR_HWCR, MSR_HWCR, HWCR_VALID, hwcr),
	ONE(MSR_CLK_CTL, MSR_CONST, 0x20000000),
	ONE(MSR_NB_CFG, MSR_IGNORE, 0),
	ONE(MSR_PATCH_LOADER, MSR_IGNORE, 0),
	ONE(MSR_INT_PENDING, MSR_CONST, 0),
	ONE(MSR_MMIO_CONF_BASE, MSR_CONST, 0),
	ONE(MSR_TSEG_ADDR, MSR_CONST, 0),
	ONE(MSR_TSEG_MASK, MSR_CONST, 0),
	ONE(MSR_VM_CR, MSR_CONST, 0),
	ONE(MSR_LS_CFG, MSR_IGNORE, 0),
	ONE(MSR_DC_CFG, MSR_IGNORE, 0),
	ONE(MSR_FP_CFG, MSR_IGNORE, 0),
	ONE(MSR_DE_CFG, MSR_CONST, DE_CFG_LFENCE_SERIALIZE),
	ONE(MSR_BU_CFG2, MSR_IGNORE, 0),
};

static const struct msr_row *row_of(u32 msr)
{
	for (size_t i = 0; i < ARRAY_SIZE(msr_rows); i++)
		if (msr >= msr_rows[i].first && msr <= msr_rows[i].last)
			return &msr_rows[i];
	return NULL;
}

static u64 *variable(struct host_ctx *c, const struct msr_row *row, u32 msr)
{
	return (u64 *)((char *)&c->msrs + row->var) + (msr - row->first);
}

static bool refused(struct host_ctx *c, u32 msr, const char *how)
{
	host_log(c->vcpu->host, "MSR refused", "vCPU %u VMPL %u: %s of %#x",
		 c->vcpu->cpu, c->vmpl, how, msr);
	return false;
}

/* ---- the APIC ----------------------------------------------------------- */

static bool apic_msr_write(struct host_ctx *c, u32 offset, u64 value)
{
	struct apic_effects fx;
	u8 vector;

	if (host_ai_owns(c, offset))
		return true;
	if (host_savic_active(c) && offset == APIC_EOI) {
		if (value)
			return false;
		if (host_savic_eoi(c, &vector))
			ioapic_eoi(&c->vcpu->host->ioapic, vector);
		return true;
	}
	if (apic_write(&c->apic, APIC_VIEW_X2APIC, offset, value,
		       host_timer_now(c->vcpu->host), &fx) != APIC_OK)
		return false;
	host_savic_force_enabled(c);
	host_irq_effects(c, &fx);
	return true;
}

static bool apic_base_write(struct host_ctx *c, u64 value)
{
	struct apic_effects fx;

	if (apic_write_base(&c->apic, value, &fx) != APIC_OK)
		return false;
	host_savic_force_enabled(c);
	host_irq_effects(c, &fx);
	return true;
}

static bool deadline_write(struct host_ctx *c, u64 value)
{
	struct apic_effects fx;

	if (apic_write_deadline(&c->apic, value, host_timer_now(c->vcpu->host),
				&fx) != APIC_OK)
		return false;
	host_irq_effects(c, &fx);
	return true;
}

/* ---- access ------------------------------------------------------------- */

static bool row_read(struct host_ctx *c, const struct msr_row *row, u32 msr,
		     u64 *value)
{
	struct host *h = c->vcpu->host;

	switch (row->kind) {
	case MSR_CONST:
	case MSR_IGNORE:
		*value = row->value;
		return true;
	case MSR_KEEP:
		*value = *variable(c, row, msr);
		return true;
	case MSR_APIC:
		return apic_read(&c->apic, APIC_VIEW_X2APIC,
				 X2APIC_OFFSET(msr), host_timer_now(h),
				 value) == APIC_OK;
	case MSR_APICBASE:
		*value = apic_read_base(&c->apic);
		return true;
	case MSR_DEADLINE:
		return apic_read_deadline(&c->apic, host_timer_now(h),
					  value) == APIC_OK;
	case MSR_CLOCK:
		*value = h->ops->tsc(h->platform);
		return true;
	}
	return false;
}

static bool row_write(struct host_ctx *c, const struct msr_row *row, u32 msr,
		      u64 value)
{
	switch (row->kind) {
	case MSR_CONST:
		return value == row->value;
	case MSR_IGNORE:
		return true;
	case MSR_KEEP:
		if (value & ~row->value)
			return false;
		*variable(c, row, msr) = value;
		return true;
	case MSR_APIC:
		return apic_msr_write(c, X2APIC_OFFSET(msr), value);
	case MSR_APICBASE:
		return apic_base_write(c, value);
	case MSR_DEADLINE:
		return deadline_write(c, value);
	case MSR_CLOCK:
		return false;
	}
	return false;
}

bool host_msr_read(struct host_ctx *c, u32 msr, u64 *value)
{
	const struct msr_row *row = row_of(msr);

	if (!row || !row_read(c, row, msr, value))
		return refused(c, msr, "read");
	return true;
}

bool host_msr_write(struct host_ctx *c, u32 msr, u64 value)
{
	const struct msr_row *row = row_of(msr);

	if (!row || !row_write(c, row, msr, value))
		return refused(c, msr, "write");
	return true;
}
