/* SPDX-License-Identifier: MIT */
/*
 * One request through the GHCB page. The page is copied once; handlers see
 * the copy, answer into this struct, and the answer is written back at the
 * end. Fields that the guest did not mark valid read as 0.
 */
#ifndef HOST_GHCB_CALL_H
#define HOST_GHCB_CALL_H

#include "host/internal.h"

struct ghcb_call {
	struct host_ctx *ctx;
	struct host *host;
	u64 gpa;
	struct ghcb in;			/* the copy */
	u64 code, info1, info2;
	u64 rax, rbx, rcx, rdx;		/* in, and out */
	u64 result1, result2;		/* SW_EXITINFO1, 2 on return */
};

/* Answers. Without any of them the call succeeds with result2 = 0. */
void host_ghcb_refuse(struct ghcb_call *call, enum ghcb_error error,
		      const char *why);
void host_ghcb_gp(struct ghcb_call *call);

/*
 * The scratch area: @len bytes at SW_SCRATCH, within the GHCB's own buffer,
 * or for protocol version 1 within another shared page. host_ghcb_scratch()
 * checks it and refuses the call; read and write then stay within that.
 * A write can still fail when the request itself took the page away.
 */
bool host_ghcb_scratch(struct ghcb_call *call, u64 len);
bool host_ghcb_scratch_read(struct ghcb_call *call, u32 at, void *buf, u32 len);
void host_ghcb_scratch_write(struct ghcb_call *call, u32 at, const void *buf,
			     u32 len);

/* ghcb.c: what Run VMPL carries; false: refused, nothing has been done. */
bool host_ghcb_ride(struct ghcb_call *call);

/* ghcb_cpu.c */
void host_ghcb_cpuid(struct ghcb_call *call);
void host_ghcb_msr(struct ghcb_call *call);
void host_ghcb_rdtsc(struct ghcb_call *call);
void host_ghcb_rdtscp(struct ghcb_call *call);
void host_ghcb_vmmcall(struct ghcb_call *call);
void host_ghcb_read_dr7(struct ghcb_call *call);
void host_ghcb_write_dr7(struct ghcb_call *call);

/* ghcb_io.c */
void host_ghcb_ioio(struct ghcb_call *call);
void host_ghcb_mmio_read(struct ghcb_call *call);
void host_ghcb_mmio_write(struct ghcb_call *call);

/* psc.c */
void host_ghcb_psc(struct ghcb_call *call);

/* ap.c */
void host_ghcb_ap_hold(struct ghcb_call *call);
void host_ghcb_ap_jump_table(struct ghcb_call *call);
void host_ghcb_ap_creation(struct ghcb_call *call);
void host_ghcb_apic_id_list(struct ghcb_call *call);
void host_ghcb_run_vmpl(struct ghcb_call *call);

/* doorbell.c */
void host_ghcb_doorbell(struct ghcb_call *call);
void host_ghcb_hv_ipi(struct ghcb_call *call);

/* hv_timer.c */
void host_ghcb_hv_timer(struct ghcb_call *call);

/* ai_ghcb.c */
void host_ghcb_configure_injection(struct ghcb_call *call);
void host_ghcb_disable_alternate(struct ghcb_call *call);
void host_ghcb_specific_eoi(struct ghcb_call *call);

/* savic.c */
void host_ghcb_savic(struct ghcb_call *call);

#endif
