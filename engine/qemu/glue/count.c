// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How many instructions has one vCPU executed? QEMU counts those of all vCPUs
 * together. With instruction counting one thread runs them in turns, so a
 * vCPU's own are what the counter moves by between entry and end of a turn.
 *
 * The counter is read without QEMU's own function, which insists on being
 * called at the end of a block: whoever asks here comes from an exit, where
 * what has not been executed of a block has been given back already.
 */
#include "ops.h"
#include "accel/tcg/cpu-ops.h"
#include "qemu/seqlock.h"
#include "system/cpu-timers.h"
#include "system/cpu-timers-internal.h"

static TCGCPUOps counting_ops;
static const TCGCPUOps *original_ops;

/* Only for the vCPU whose turn it is. */
static u64 counter(const CPUState *cs)
{
	return qatomic_read_i64(&timers_state.qemu_icount) +
	       cs->icount_budget -
	       (cs->neg.icount_decr.u16.low + cs->icount_extra);
}

static void turn_begins(CPUState *cs)
{
	BelfryVcpu *vcpu = cpu_env(cs)->snp;

	vcpu->turn = counter(cs);
	vcpu->in_turn = true;
	original_ops->cpu_exec_enter(cs);
}

static void turn_ends(CPUState *cs)
{
	BelfryVcpu *vcpu = cpu_env(cs)->snp;

	original_ops->cpu_exec_exit(cs);
	vcpu->executed += counter(cs) - vcpu->turn;
	vcpu->in_turn = false;
}

void count_init(void)
{
	CPUClass *class = CPU_GET_CLASS(belfry.cpu[0]);

	if (!icount_enabled())
		return;
	original_ops = class->tcg_ops;
	counting_ops = *original_ops;
	counting_ops.cpu_exec_enter = turn_begins;
	counting_ops.cpu_exec_exit = turn_ends;
	class->tcg_ops = &counting_ops;
}

u64 glue_executed(void *engine, unsigned int id)
{
	CPUState *cs = belfry.cpu[id];
	BelfryVcpu *vcpu = cpu_env(cs)->snp;

	if (!vcpu->in_turn)
		return vcpu->executed;
	return vcpu->executed + counter(cs) - vcpu->turn;
}
