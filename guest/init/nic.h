/* SPDX-License-Identifier: MIT */
/* The NICs of the load "net": found, set up and counted here, used by net.c */
#ifndef BELFRY_INIT_NIC_H
#define BELFRY_INIT_NIC_H

#include <net/ethernet.h>
#include <net/if.h>

#include "interrupts.h"
#include "load.h"

enum { MAX_NICS = 8 };

struct nic {
	char name[IF_NAMESIZE];
	int index;
	unsigned char mac[ETH_ALEN];
	uint64_t received, completed;	/* the kernel's count, when we began */
	uint64_t sent;			/* by us */
	bool one_by_one;		/* one frame on its way at a time */
};

/* Ethernet interfaces with a device behind them, in order of their index */
int nics_find(struct nic *nics);
/* Up, and with a carrier; counts begin */
void nic_up(struct context *ctx, struct nic *nic);
/* One of the kernel's own counts */
uintmax_t nic_statistic(const struct nic *nic, const char *name);
/* Waits until all that was sent has been reported so; false: it never was */
bool nic_drained(struct context *ctx, struct nic *nic);
/* Compares what /proc/interrupts says with the frames that went through */
void nic_evidence(struct context *ctx, struct nic *nic,
		  const struct interrupts *before,
		  const struct interrupts *after);

#endif
