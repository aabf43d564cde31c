/* SPDX-License-Identifier: MIT */
/*
 * Exits at every step of the delivery of every kind of event, on the machine
 * as it is: a guest that takes events, runs handlers and counts, and plans of
 * where it is interrupted. What brings it back is a program's own.
 *
 * A point is a place where an exit may come: an instruction boundary, or
 * within a delivery, between the processor's choice of the event and the
 * first instruction of its handler. APM vol. 2, 15.20, 15.36.9, 15.36.17.
 */
#ifndef TESTS_LIB_STEPS_H
#define TESTS_LIB_STEPS_H

#include "tests/lib/scripted.h"

#define STEPS_EDGE	0x41
#define STEPS_HIGHER	0x61
#define STEPS_LEVEL	0x51
#define STEPS_LATER	0x71
#define STEPS_ERROR	5	/* code of the monitor's #GP */
/* What exits by MMIO or a nested page fault touch. */
#define STEPS_GPA	0x1234000ull

/* What the guest does in an instruction of its main program. */
enum steps_deed { STEPS_NOTHING, STEPS_INT_N, STEPS_INT3, STEPS_UD, STEPS_DB };

struct steps_scene {
	const char *name;
	u8 edges[2], level;
	bool nmi, no_v_nmi, gp, later;
	enum steps_deed deed;
};

/* Ends with one without a name. */
extern const struct steps_scene steps_scenes[];

/* How a guest gets in again, and what is left at the end. */
struct steps_backend {
	/* Fresh VMSA; all of the scene's events pend; the guest runs. */
	void (*begin)(const struct steps_scene *scene);
	/* It has left; @later: STEPS_LATER comes just now. It runs again. */
	void (*resume)(bool later);
	/* One instruction of the guest's; it may have left and come back. */
	void (*eoi)(void);
	/* It has left for good: is nothing left over? */
	void (*end)(void);
	/* Does silicon lock the VMSA when a delivery is reflected? */
	bool locks;
};

struct steps {
	struct script s;
	struct vmsa *vmsa;
	struct vmsa fresh;
	unsigned int vmpl;
	unsigned int posted[256];	/* by the backend */
	unsigned int level_eois;	/* likewise: the host was told */
	unsigned int taken[256], nmis;
};

extern struct steps steps;

/* A guest at @vmpl with @features. */
void steps_start(unsigned int vmpl, u64 features);
void steps_stop(void);
/* All plans of one scene. */
void steps_run(const struct steps_backend *backend,
	       const struct steps_scene *scene);

#endif
