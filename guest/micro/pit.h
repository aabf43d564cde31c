/* SPDX-License-Identifier: MIT */
/*
 * The interval timer as a device that raises one edge when asked: I/O APIC
 * pin 2 goes from low to high a few microseconds after pit_fire().
 */
#ifndef MICRO_PIT_H
#define MICRO_PIT_H

#include "guest/micro/micro.h"

#define PIT_PIN		2

static inline void pit_fire(void)
{
	ghcb_out(0x43, 1, 0x30);	/* channel 0, mode 0: low until zero */
	ghcb_out(0x40, 1, 16);
	ghcb_out(0x40, 1, 0);
}

/* Long enough for the edge to have happened, whatever the clock. */
static inline void pit_settle(void)
{
	u8 low;

	do {
		ghcb_out(0x43, 1, 0xe2);	/* read back status */
		low = ghcb_in(0x40, 1);
	} while (!(low & 0x80));
}

#endif
