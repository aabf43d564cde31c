// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * struct engine_ops: RAM, TLBs and interrupt requests.
 */
#include "vmsa.h"
#include "ops.h"
#include "hw/boards.h"

/* ---- RAM ----------------------------------------------------------------- */

/* All but VGA's window; C0000h to FFFFFh: see start.c. */
static bool ram_offset(u64 gpa, u64 *offset)
{
	const u64 g4 = 1ull << 32;

	if (gpa < belfry.ram_below_4g) {
		*offset = gpa;
		return gpa < 0xa0000 || gpa >= 0xc0000;
	}
	*offset = belfry.ram_below_4g + gpa - g4;
	return gpa >= g4 && gpa - g4 < belfry.ram_above_4g;
}

static void *glue_ram(void *engine, u64 gpa)
{
	u64 offset;

	if (!ram_offset(gpa & ~0xfffull, &offset))
		return NULL;
	return belfry.ram + offset;
}

/* Blocks translated from the page are of its old contents. */
static void glue_ram_changed(void *engine, u64 gpa)
{
	ram_addr_t start;
	u64 offset;

	if (!ram_offset(gpa & ~0xfffull, &offset))
		return;
	start = memory_region_get_ram_addr(current_machine->ram) + offset;
	tb_invalidate_phys_range(start, start + 0xfff);
}

/* ---- TLBs ---------------------------------------------------------------- */

#define BANK_BITS	0xff

static unsigned int bank_of(CPUX86State *env)
{
	return env->hflags & HF_VMPL_MASK ? 1 : 0;
}

static struct tlb_key key_of(CPUX86State *env)
{
	return (struct tlb_key){
		.cr0 = env->cr[0] & (CR0_PG_MASK | CR0_WP_MASK | CR0_PE_MASK),
		.cr3 = env->cr[3],
		.cr4 = env->cr[4],
		.efer = env->efer & (MSR_EFER_LMA | MSR_EFER_NXE),
		.pkru = env->pkru,
		.valid = true,
	};
}

/*
 * Between a load and the next save QEMU itself flushes where the guest
 * changes what the key holds, so the key needs to be right only here.
 */
void tlb_keep(CPUX86State *env)
{
	struct tlb_key *kept = &env->snp->bank[bank_of(env)];
	struct tlb_key now = key_of(env);

	now.vmpl = kept->vmpl;
	now.features = kept->features;
	now.vtom = kept->vtom;
	*kept = now;
}

static bool same_key(const struct tlb_key *a, const struct tlb_key *b)
{
	return a->valid && b->valid && a->cr0 == b->cr0 && a->cr3 == b->cr3 &&
	       a->cr4 == b->cr4 && a->efer == b->efer && a->pkru == b->pkru &&
	       a->vmpl == b->vmpl && a->features == b->features &&
	       a->vtom == b->vtom;
}

void tlb_take(CPUX86State *env, const struct vmsa *vmsa)
{
	unsigned int bank = bank_of(env);
	struct tlb_key *kept = &env->snp->bank[bank];
	struct tlb_key now = key_of(env);

	now.vmpl = vmsa->vmpl;
	now.features = vmsa->sev_features;
	now.vtom = vmsa->virtual_tom;
	if (!same_key(kept, &now))
		tlb_flush_by_mmuidx(env_cpu(env),
				    BANK_BITS << (bank * MMU_VMPL_BANK));
	*kept = now;
}

static void do_flush(CPUState *cs, run_on_cpu_data unused)
{
	tlb_flush(cs);
}

/* No vCPU executes now, and none that has not flushed will. */
static void do_last_flush(CPUState *cs, run_on_cpu_data unused)
{
	tlb_flush(cs);
	bql_lock();
	belfry.api->flushed(vcpu_machine());
	bql_unlock();
}

/*
 * QEMU stops all vCPUs for the last piece of work, which it does before the
 * vCPU that it is for executes another instruction. When they go on they do
 * theirs first: see belfry_exec_interrupt().
 */
static void glue_tlb_flush_all(void *engine, int vcpu)
{
	CPUState *last = vcpu < 0 ? first_cpu : belfry.cpu[vcpu];
	CPUState *cs;

	CPU_FOREACH(cs) {
		if (!belfry.started)
			tlb_flush(cs);
		else if (cs != last)
			async_run_on_cpu(cs, do_flush, RUN_ON_CPU_NULL);
	}
	if (belfry.started)
		async_safe_run_on_cpu(last, do_last_flush, RUN_ON_CPU_NULL);
	else
		belfry.api->flushed(vcpu_machine());
}

/* ---- interrupt requests -------------------------------------------------- */

static void request(unsigned int vcpu, int what)
{
	bool locked = bql_locked();

	if (!locked)
		bql_lock();
	cpu_interrupt(belfry.cpu[vcpu], what);
	if (!locked)
		bql_unlock();
}

static void glue_poll_event(void *engine, unsigned int vcpu)
{
	request(vcpu, CPU_INTERRUPT_HARD);
}

static void glue_kick(void *engine, unsigned int vcpu)
{
	request(vcpu, CPU_INTERRUPT_TGT_EXT_0);
}

const struct engine_ops glue_engine_ops = {
	.ram = glue_ram,
	.ram_changed = glue_ram_changed,
	.vmsa_save = glue_vmsa_save,
	.vmsa_load = glue_vmsa_load,
	.tlb_flush_all = glue_tlb_flush_all,
	.poll_event = glue_poll_event,
	.kick = glue_kick,
	.executed = glue_executed,
};
