/* SPDX-License-Identifier: MIT */
/*
 * What the machine asks of an engine: the component that executes
 * instructions. The 4 KiB VMSA image is the only register format that
 * crosses this cut, so that any engine, or none, can stand behind it.
 *
 * Unless said otherwise these are called under the machine lock.
 */
#ifndef MACHINE_ENGINE_H
#define MACHINE_ENGINE_H

#include "arch/types.h"
#include "arch/vmsa.h"

struct engine_ops {
	/*
	 * Host pointer of the 4 KiB page at @gpa, or NULL if that is not RAM.
	 * Stable for the whole run; also called without the lock.
	 */
	void *(*ram)(void *engine, u64 gpa);

	/* The page's contents changed behind the engine's back. */
	void (*ram_changed)(void *engine, u64 gpa);

	/*
	 * Write the vCPU's architectural registers to @vmsa: everything of
	 * table B-4 from ES to XCR0 and the x87/SSE/AVX state, INT_SHADOW and
	 * NMI_MASK in vintr_ctrl; all other fields stay as they are. The vCPU
	 * is the caller's own, outside an instruction (RIP is what it will
	 * execute next).
	 */
	void (*vmsa_save)(void *engine, unsigned int vcpu, struct vmsa *vmsa);

	/*
	 * The reverse, of a VMSA that machine/ has checked. Values that the
	 * architecture forbids are made legal or refused: returns false if
	 * the engine can not enter this state (VMRUN then gives INVALID).
	 * @vmpl selects the bank of TLBs.
	 */
	bool (*vmsa_load)(void *engine, unsigned int vcpu,
			  const struct vmsa *vmsa);

	/*
	 * No vCPU may use a translation made before this call once the
	 * calling vCPU, @vcpu, continues; or soon, if @vcpu is negative: the
	 * caller is not a vCPU. When that is so the engine calls
	 * machine_flushed(), from here or later, while no vCPU executes.
	 */
	void (*tlb_flush_all)(void *engine, int vcpu);

	/*
	 * Something may be deliverable on @vcpu: have it call machine_event()
	 * at its next instruction boundary. Any thread.
	 */
	void (*poll_event)(void *engine, unsigned int vcpu);

	/*
	 * Have @vcpu call machine_kicked() at its next instruction boundary,
	 * or at once if it is idle. Any thread.
	 */
	void (*kick)(void *engine, unsigned int vcpu);

	/*
	 * Instructions that @vcpu has executed, for statistics; the caller is
	 * that vCPU at an exit or entry. May be NULL; 0 if nobody counts.
	 */
	u64 (*executed)(void *engine, unsigned int vcpu);
};

#endif
