/* SPDX-License-Identifier: MIT */
/* The disks of the load "disk": found and set up here, driven by disk.c */
#ifndef BELFRY_INIT_DISK_H
#define BELFRY_INIT_DISK_H

#include <linux/aio_abi.h>
#include <pthread.h>

#include "interrupts.h"
#include "load.h"

enum {
	MAX_DISKS = 8, WINDOW = 8, SECTOR = 512, WORDS = SECTOR / 8,
	BUFFER = 64 << 10, AREA = 512 << 10,
};
#define MAGIC	0x736b736964666c62ull

struct disk {
	struct context *ctx;
	char name[16];
	int fd;
	unsigned int unit;		/* bytes per logical sector */
	unsigned int block;		/* bytes per interrupt; 0: DMA */
	uint64_t area;			/* bytes in use */
	uint64_t generation;
	uint64_t done;			/* completions */
	uint64_t blocks;		/* interrupts due, where block is set */
	aio_context_t aio;
	struct iocb request[WINDOW];
	bool busy[WINDOW];
	unsigned char *buffer[WINDOW];
	pthread_t thread;
};

/* How many there are, opened */
int disks_open(struct context *ctx, struct disk *disks);
void disk_close(struct disk *d);
/* Nothing but zeroes and an earlier run's sectors? */
bool disk_is_blank(struct disk *d);
/* Compares what /proc/interrupts says with what was due */
void disks_evidence(struct disk *disks, int n, const struct interrupts *before,
		    const struct interrupts *after);

#endif
