/* SPDX-License-Identifier: MIT */
/*
 * A device of the test bench: it makes the host post an event at an exact
 * instant, so that a guest can have one at each instruction of a piece of
 * code, its monitor's included. `belfry run --sweep` adds it. An instant is
 * SWEEP_NS; with --icount that is one instruction. The host is as unhelpful
 * as it may be then (host_config), or it would hide a lost wake-up.
 *
 * Registers are 32-bit ports. Each event has a timer of its own and holds its
 * instant in bits 23:0. The first four start when they are written; the
 * other two with the next of these, so that they count from the same moment.
 */
#ifndef ENGINE_SWEEP_H
#define ENGINE_SWEEP_H

#define SWEEP_NS		2	/* icount's shift=1: cli/arguments.c */

#define SWEEP_PORT		0x5c0
#define SWEEP_PORTS		0x40

#define SWEEP_EDGE		0x00	/* 31:24: vector, by MSI */
#define SWEEP_LINE		0x04	/* 31:24: GSI, goes high */
#define SWEEP_FLAG		0x08	/* 31:24: SWEEP_FLAG_* */
#define SWEEP_SENDER		0x0c	/* as SWEEP_EDGE, but to vCPU 0 */
#define SWEEP_SECOND		0x10	/* as SWEEP_EDGE */
/*
 * #HV for nothing, at VMPL 0. Instant 0: when the next #HV has been delivered
 * and before the handler's first instruction.
 */
#define SWEEP_RING		0x14
#define SWEEP_TIMERS		6

#define SWEEP_LOWER		0x20	/* at once: GSI 7:0 goes low */
/*
 * The vCPU that all this is for, 0 or 1. With icount and one thread vCPU 0
 * goes first when it has been woken: what it sends vCPU 1 then, arrives there
 * at the instant.
 */
#define SWEEP_CPU		0x24
#define SWEEP_FIRED		0x28	/* read: how often a timer has fired */
/* read: how often one of the first four found the vCPU idle */
#define SWEEP_ASLEEP		0x2c

#define SWEEP_INSTANT		0x00ffffff
#define SWEEP_WHAT_SHIFT	24
#define SWEEP_FLAG_NMI		0
#define SWEEP_FLAG_MC		1

#endif
