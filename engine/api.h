/* SPDX-License-Identifier: MIT */
/*
 * The seam between the emulator, which is built once, and the shared library
 * that holds machine/, host/ and igvm/, which changes daily. The emulator
 * loads the library, calls belfry_attach() and from then on uses only what
 * is in these two tables: neither side needs a symbol of the other.
 */
#ifndef ENGINE_API_H
#define ENGINE_API_H

#include "host/host.h"
#include "host/platform.h"
#include "machine/engine.h"
#include "machine/machine.h"

/*
 * Counts the shapes that this header and those it includes have had. Both
 * sides put their own number first in their table and refuse any other.
 */
#define BELFRY_API_VERSION	3

/*
 * What the engine offers. @ctx of belfry_attach() is the "engine" of
 * engine_ops and the "platform" of host_platform.
 */
struct belfry_engine {
	u32 version;
	const struct engine_ops *ops;
	const struct host_platform *platform;	/* stop() is the library's */

	/* vCPUs are numbered from 0; apic_id has one entry for each. */
	unsigned int vcpus;
	const u32 *apic_id;
	u64 ram_below_4g;	/* bytes from GPA 0 */
	u64 ram_above_4g;	/* bytes from GPA 4 GiB */
	bool icount;		/* virtual time counts instructions ... */
	u64 (*instructions)(void *ctx);	/* ... this many so far; else 0 */

	/*
	 * End the process with exit status @code, soon: no vCPU executes
	 * another instruction. Under the machine lock, any thread.
	 */
	void (*quit)(void *ctx, int code);
};

enum belfry_end {
	BELFRY_OFF,	/* the guest powered off through a device */
	BELFRY_RESET,	/* the guest reset the machine through a device */
	BELFRY_QUIT,	/* the user ended the engine */
};

/*
 * What the library offers: the functions of machine.h and host.h under the
 * names they have there, with the same rules.
 */
struct belfry_api {
	u32 version;

	/*
	 * No SNP: the vCPUs run natively and the engine's own devices, boot
	 * and interrupt controllers are used. All that follows ended() is
	 * NULL.
	 */
	bool native;

	/*
	 * Load the guest and start vCPU 0. Called once, when the engine is
	 * reset and all vCPUs are idle, under the machine lock. Returns
	 * false after having said why on the log.
	 */
	bool (*start)(void);

	/* The run is over, and not because of quit(). Under the lock. */
	void (*ended)(enum belfry_end why);

	struct machine *machine;
	struct host *host;

	__typeof__(machine_access) *access;
	__typeof__(machine_fault) *fault;
	__typeof__(machine_flushed) *flushed;
	__typeof__(machine_dma_allowed) *dma_allowed;
	__typeof__(machine_intercept) *intercept;
	__typeof__(machine_vmgexit) *vmgexit;
	__typeof__(machine_hlt) *hlt;
	__typeof__(machine_shutdown) *shutdown;
	__typeof__(machine_rdmsr) *rdmsr;
	__typeof__(machine_wrmsr) *wrmsr;
	__typeof__(machine_vc_code) *vc_code;
	__typeof__(machine_vc_is_trap) *vc_is_trap;
	__typeof__(machine_read_cr8) *read_cr8;
	__typeof__(machine_write_cr8) *write_cr8;
	__typeof__(machine_pvalidate) *pvalidate;
	__typeof__(machine_rmpadjust) *rmpadjust;
	__typeof__(machine_rmpquery) *rmpquery;
	__typeof__(machine_event) *event;
	__typeof__(machine_vintr) *vintr;
	__typeof__(machine_delivering) *delivering;
	__typeof__(machine_delivered) *delivered;
	__typeof__(machine_kicked) *kicked;

	__typeof__(host_set_gsi) *set_gsi;
	__typeof__(host_msi) *msi;
	__typeof__(host_nmi) *nmi;
	__typeof__(host_dma_refused) *dma_refused;
};

/*
 * The library's only exported symbol. @engine and @ctx outlive the run.
 * Returns NULL after having said why on the log. Called once, before any
 * vCPU runs.
 */
const struct belfry_api *belfry_attach(const struct belfry_engine *engine,
				       void *ctx, const char *config_path);
typedef __typeof__(belfry_attach) belfry_attach_fn;
#define BELFRY_ATTACH		"belfry_attach"

#endif
