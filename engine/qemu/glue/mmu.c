// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory: the RMP check where QEMU fills its TLB, and a debugger's view.
 */
#include "glue.h"
#include "tcg/tcg.h"

/* accel/tcg/tb-internal.h, which targets do not include. */
void tb_unlock_pages(TranslationBlock *tb);

/* The machine's rights are QEMU's, bit for bit. */
QEMU_BUILD_BUG_ON(ACCESS_PROT_R != PAGE_READ || ACCESS_PROT_W != PAGE_WRITE ||
		  ACCESS_PROT_X != PAGE_EXEC);

static enum access_kind kind_of(MMUAccessType type)
{
	switch (type) {
	case MMU_DATA_STORE:
		return ACCESS_WRITE;
	case MMU_INST_FETCH:
		return ACCESS_FETCH;
	default:
		return ACCESS_READ;
	}
}

/*
 * A fetch is part of a translation, which locks the pages that it reads; who
 * has the machine lock may wait for one of them, in glue_ram_changed().
 */
static void drop_page_locks(void)
{
	if (!tcg_ctx->gen_tb)
		return;
	tb_unlock_pages(tcg_ctx->gen_tb);
	tcg_ctx->gen_tb = NULL;
}

static G_NORETURN void fault(CPUX86State *env, const struct access *a,
			     enum access_verdict verdict, u64 npf,
			     uintptr_t ra)
{
	enum mach_next next;

	drop_page_locks();
	vcpu_enter(env, ra);
	if (ra)
		cpu_restore_state(env_cpu(env), ra);
	if (verdict == ACCESS_NOT_VALIDATED)
		env->cr[2] = a->gva;
	next = belfry.api->fault(vcpu_machine(), env->snp->id, a, verdict, npf);
	vcpu_follow(env, next, env->eip, 0);
	vcpu_leave(env, MACH_RESUME);
}

bool belfry_fill(CPUX86State *env, vaddr addr, MMUAccessType type, int mmu_idx,
		 bool probe, hwaddr gpa, bool c_bit, int *prot, uintptr_t ra)
{
	int idx = mmu_idx & ~MMU_VMPL_BANK;
	struct access a = {
		.gpa = gpa,
		.kind = kind_of(type),
		.c_bit = c_bit,
		.walk = idx == MMU_PHYS_IDX,
		.paging = env->cr[0] & CR0_PG_MASK,
		.user = idx != MMU_PHYS_IDX && is_mmu_index_user(idx),
		.gva = addr,
	};
	enum access_verdict verdict;
	unsigned int given = 0;
	u64 npf = 0;

	verdict = belfry.api->access(vcpu_machine(), env->snp->id, &a, &given,
				     &npf);
	if (verdict == ACCESS_OK) {
		*prot &= given;
		return true;
	}
	if (probe)
		return false;
	fault(env, &a, verdict, npf, ra);
}

/*
 * The probe of the walk knew that the entry is out of reach, not why. If it
 * no longer is, another vCPU changed the RMP: the instruction starts again.
 */
void belfry_walk_fault(CPUX86State *env, vaddr addr, hwaddr gpa, bool write,
		       uintptr_t ra)
{
	struct access a = {
		.gpa = gpa,
		.kind = write ? ACCESS_WRITE : ACCESS_READ,
		.walk = true,
		.paging = true,
		.gva = addr,
	};
	enum access_verdict verdict;
	unsigned int given = 0;
	u64 npf = 0;

	verdict = belfry.api->access(vcpu_machine(), env->snp->id, &a, &given,
				     &npf);
	if (verdict == ACCESS_OK) {
		if (ra)
			cpu_restore_state(env_cpu(env), ra);
		vcpu_leave(env, MACH_RESUME);
	}
	fault(env, &a, verdict, npf, ra);
}

/* ---- debugger ------------------------------------------------------------ */

/* What an entry of each paging mode looks like. */
struct paging {
	int levels;
	int index_bits;
	uint64_t root;
};

static struct paging paging_of(CPUX86State *env)
{
	uint64_t cr3 = env->cr[3] & ~belfry_c_mask(env);

	if (!(env->cr[4] & CR4_PAE_MASK))
		return (struct paging){ 2, 10, cr3 & 0xfffff000 };
	if (!(env->hflags & HF_LMA_MASK))
		return (struct paging){ 3, 9, cr3 & 0xffffffe0 };
	return (struct paging){ env->cr[4] & CR4_LA57_MASK ? 5 : 4, 9,
				cr3 & PG_ADDRESS_MASK };
}

static bool is_large(CPUX86State *env, const struct paging *p, int level,
		     uint64_t pte)
{
	if (!(pte & PG_PSE_MASK) || level == 0)
		return false;
	if (level == 1)
		return p->levels > 2 || env->cr[4] & CR4_PSE_MASK;
	return level == 2 && p->levels > 3;
}

hwaddr belfry_debug_walk(CPUState *cs, vaddr addr)
{
	CPUX86State *env = cpu_env(cs);
	struct paging p = paging_of(env);
	uint64_t table = p.root, pte, offset;
	int level, shift;

	if (!(env->cr[0] & CR0_PG_MASK))
		return addr & TARGET_PAGE_MASK;
	for (level = p.levels - 1;; level--) {
		uint64_t index;

		shift = 12 + level * p.index_bits;
		index = (addr >> shift) & ((1 << p.index_bits) - 1);
		if (p.levels == 2)
			pte = x86_ldl_phys(cs, table + index * 4);
		else
			pte = x86_ldq_phys(cs, table + index * 8);
		pte &= ~belfry_c_mask(env);
		if (!(pte & PG_PRESENT_MASK))
			return -1;
		if (level == 0 || is_large(env, &p, level, pte))
			break;
		table = pte & PG_ADDRESS_MASK;
	}
	offset = (1ull << shift) - 1;
	return (pte & PG_ADDRESS_MASK & ~offset) |
	       (addr & offset & TARGET_PAGE_MASK);
}
