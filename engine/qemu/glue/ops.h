/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables that the library is given, and the parts of start-up. */
#ifndef BELFRY_OPS_H
#define BELFRY_OPS_H

#include "glue.h"

extern const struct engine_ops glue_engine_ops;		/* engine.c */
extern const struct host_platform glue_platform;	/* platform.c */

void glue_quit(void *ctx, int code);			/* platform.c */
u64 glue_instructions(void *ctx);

/* dma.c: put a check between devices and memory. */
void dma_init(void);
/* Memory and devices as they are on the board, for the host's own accesses. */
extern AddressSpace board_memory;
void dma_fw_cfg(void);

/* count.c: before any vCPU runs. */
void count_init(void);
u64 glue_executed(void *engine, unsigned int vcpu);

/* object.c: call the library; exits with a message if that fails. */
const struct belfry_api *library_attach(const struct belfry_engine *engine);

#endif
