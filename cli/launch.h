/* SPDX-License-Identifier: MIT */
/*
 * What is booted, and how: what `belfry run` and `belfry igvm build` have in
 * common. Steps, in this order; each refuses with one sentence:
 *
 *	launch_options	the table for popt, filling struct launch's texts
 *	launch_decide	numbers, names, defaults, contradictions
 *	launch_compose	the IGVM file, in memory
 */
#ifndef CLI_LAUNCH_H
#define CLI_LAUNCH_H

#include "cli/cli.h"
#include "host/host.h"
#include "igvm/compose.h"

enum guest_kind { GUEST_VMPL0, GUEST_SVSM, GUEST_PARAVISOR, GUEST_PLAIN };

/* What moves the data of the loads' devices: devices.c. */
enum devices { DEVICES_VIRTIO, DEVICES_PIO };

/* What the built-in initramfs is asked to do. */
struct load {
	const char *name;
	bool mixed;		/* several, none of which may be skipped */
	bool disks;
	bool nics;
	bool ports;
	bool floods;		/* its console is to be checked */
	bool interactive;
};

/* Seconds that a guest has, beside --load-seconds, to boot and to end. */
#define LOAD_MARGIN	60

struct launch {
	/* As given; NULL where not. Owned by popt. */
	char *injection_text;
	char *guest_text;
	char *cpus_text;
	char *memory_text;
	char *kernel;
	char *initrd;
	char *append;
	char *igvm;
	char *micro;
	char *load_text;
	char *seconds_text;
	char *devices_text;
	char *vmpl_text;
	char *handover_text;
	int no_x2apic;
	char *secure_avic_text;
	char *timer_text;
	char *apic_ids_text;

	/* By launch_decide(). */
	enum injection injection;
	enum guest_kind guest;
	unsigned int vmpl;		/* 0: no monitor above it */
	enum boot_handover handover;
	unsigned int cpus;
	u32 apic_ids[BOOT_CPUS_MAX];
	bool own_timer;			/* the monitor's, with Secure AVIC */
	u64 memory;
	const struct load *load;	/* NULL: not our initramfs */
	u64 seconds;			/* it repeats so long; 0: once */
	enum devices devices;
	bool says_result;		/* the guest is one of ours */
	u64 limit;			/* guest's own watchdog, seconds; 0 */
	char kernel_path[PATH_MAX];	/* "": none (igvm) */
	char initrd_path[PATH_MAX];	/* "": none */
	char monitor_path[PATH_MAX];	/* "": none */
	char command_line[4096];
};

/* For POPT_ARG_INCLUDE_TABLE; they fill the one struct launch there is. */
extern struct launch launch;
extern struct poptOption launch_options[];
extern struct poptOption launch_igvm_option[];	/* --igvm, run only */

int launch_decide(struct launch *l);
/* With --igvm it also finds out the injection mode. */
int launch_compose(struct launch *l, struct blob *igvm);

/* Is it a guest below the monitor? */
bool has_monitor(const struct launch *l);
const char *injection_name(enum injection injection);
const char *guest_name(enum guest_kind guest);

/* apic_ids.c */
int decide_apic_ids(struct launch *l);

/* loads.c */
const struct load *load_find(const char *name);
void load_list(char *text, size_t size);
/* Which loads may not be skipped; "" if it goes without saying. */
const char *load_need(const struct launch *l);
/* l->seconds; may be called before launch_decide(). 0 or EXIT_USAGE. */
int load_seconds(struct launch *l);

/* devices.c: 0 or EXIT_USAGE; then how many there are of each. */
int devices_decide(struct launch *l);
unsigned int devices_disks(const struct launch *l);
unsigned int devices_nics(const struct launch *l);
unsigned int devices_ports(const struct launch *l);

/* The kernel that suits, unless --kernel names another. */
enum place kernel_place(const struct launch *l);

/* command_line.c: what Linux or a micro guest is told. 0 or EXIT_USAGE. */
int command_line_compose(struct launch *l);

/*
 * kernel.c: what a bzImage says of itself. @refuses holds the bits of
 * SEV_STATUS with which it would not boot; it is known only if the image has
 * SEV-SNP support at all and says so in a way we can read.
 */
struct kernel_facts {
	bool refuses_known;
	u64 refuses;
	unsigned int max_cpus;		/* 0: not known */
};
/* 0 or EXIT_FAILED: not a kernel that can be booted. */
int kernel_examine(const char *path, const struct blob *kernel,
		   struct kernel_facts *facts);

/*
 * foreign.c: does this IGVM file of somebody else suit the options? Sets
 * l->injection to what its first vCPU has. 0, EXIT_FAILED or EXIT_USAGE.
 */
int foreign_examine(struct launch *l, const struct blob *igvm);

/* initrd.c: whole and in a format that Linux unpacks? 0 or EXIT_FAILED. */
int initrd_examine(const char *path, const struct blob *initrd);

#endif
