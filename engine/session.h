/* SPDX-License-Identifier: MIT */
/* One run: what was asked for, and the parts that were made for it. */
#ifndef ENGINE_SESSION_H
#define ENGINE_SESSION_H

#include "engine/api.h"

#define SESSION_IDS	256

struct session_config {
	char *igvm;
	char *report;			/* NULL: none */
	bool native;			/* no SNP */
	enum injection injection;
	unsigned int guest_vmpl;
	bool no_2m;
	u64 features;			/* SEV_FEATURES of the silicon */
	u64 allowed_features;		/* of these, what the host allows */
	u64 ghcb_features;
	u64 seed;
	bool sweep;			/* with the device of sweep.h */
	u32 apic_id[SESSION_IDS];
	unsigned int apic_ids;		/* 0: the engine's own */
	struct machine_switches switches;
};

struct session {
	const struct belfry_engine *engine;
	void *ctx;			/* the engine's */
	struct session_config config;
	struct host_platform platform;	/* the engine's, with our stop() */
	struct machine *machine;	/* NULL if native */
	struct host *host;		/* likewise */
	bool started;
	bool stopped;
	u64 start_ns;
	u64 monitor_area;		/* GPA; monitor.c */
	u32 monitor_cpus;		/* 0: no monitor of ours */
};

/* One for each vCPU. */
const u32 *session_apic_ids(const struct session *s);

/* One line to the log; no newline. */
void session_log(struct session *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * config.c: read the JSON object in @path. Returns false after having said
 * what is wrong with it.
 */
bool config_read(struct session *s, const char *path);

/*
 * load.c: load the IGVM file into the machine, or natively into RAM and
 * vCPU 0. Returns NULL, or why not, in words.
 */
const char *load_guest(struct session *s);

/* sweep.c: add that device. Returns false when out of memory. */
bool sweep_attach(struct session *s);
/* In place of the machine's. */
void sweep_delivering(struct machine *m, unsigned int vcpu, u64 event);
void sweep_delivered(struct machine *m, unsigned int vcpu);

#endif
