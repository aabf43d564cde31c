// SPDX-License-Identifier: MIT
/*
 * From what the user wrote to what is booted: names and numbers, defaults,
 * and what contradicts itself. Nothing is read or made here but the places
 * of files.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arch/snp.h"
#include "cli/launch.h"
#include "igvm/compose.h"

#define CPUS_MAX	255
#define VMPL_DEFAULT	"2"
#define MEMORY_DEFAULT	(512ull << 20)
/* Linux: kernel, initramfs and 64 MiB of bounce buffers, and room to run. */
#define MEMORY_MIN	(192ull << 20)

static const char * const injections[] = {
	[INJECT_NORMAL] = "normal",
	[INJECT_RESTRICTED] = "restricted",
	[INJECT_ALTERNATE] = "alternate",
	[INJECT_SECURE_AVIC] = "secure-avic",
};

static const char * const guests[] = {
	[GUEST_VMPL0] = "vmpl0",
	[GUEST_SVSM] = "svsm",
	[GUEST_PARAVISOR] = "paravisor",
	[GUEST_PLAIN] = "plain",
};

const char *injection_name(enum injection injection)
{
	return injections[injection];
}

const char *guest_name(enum guest_kind guest)
{
	return guests[guest];
}

bool has_monitor(const struct launch *l)
{
	return l->guest == GUEST_SVSM || l->guest == GUEST_PARAVISOR;
}

/*
 * Nothing said: a stock kernel with the monitor above it. A mode that this
 * cannot have, a micro guest, a finished file: VMPL 0.
 */
static enum guest_kind default_guest(const struct launch *l)
{
	if (l->injection_text)
		return strcmp(l->injection_text, "alternate") ? GUEST_VMPL0 :
								GUEST_PARAVISOR;
	return l->micro || l->igvm ? GUEST_VMPL0 : GUEST_PARAVISOR;
}

static int decide_names(struct launch *l)
{
	static const enum injection defaults[] = {
		[GUEST_VMPL0] = INJECT_SECURE_AVIC,
		[GUEST_SVSM] = INJECT_NORMAL,
		[GUEST_PARAVISOR] = INJECT_ALTERNATE,
		[GUEST_PLAIN] = INJECT_NORMAL,
	};
	unsigned int i;

	l->guest = default_guest(l);
	if (l->guest_text) {
		for (i = 0; i < ARRAY_SIZE(guests); i++)
			if (!strcmp(l->guest_text, guests[i]))
				break;
		if (i == ARRAY_SIZE(guests))
			return misuse("--guest: '%s' is none of vmpl0, svsm, "
				      "paravisor, plain", l->guest_text);
		l->guest = i;
	}
	l->injection = defaults[l->guest];
	if (!l->injection_text)
		return 0;
	for (i = 0; i < ARRAY_SIZE(injections); i++)
		if (!strcmp(l->injection_text, injections[i]))
			break;
	if (i == ARRAY_SIZE(injections))
		return misuse("--injection: '%s' is none of normal, "
			      "restricted, alternate, secure-avic",
			      l->injection_text);
	l->injection = i;
	return 0;
}

static int decide_secure_avic(struct launch *l)
{
	const char *text = l->secure_avic_text;
	enum injection injection;

	if (!text)
		return 0;
	if (strcmp(text, "on") && strcmp(text, "off"))
		return misuse("--secure-avic: '%s' is neither on nor off",
			      text);
	if (l->guest != GUEST_PARAVISOR)
		return misuse("--secure-avic: only --guest paravisor leaves "
			      "it to the monitor");
	injection = strcmp(text, "on") ? INJECT_ALTERNATE : INJECT_SECURE_AVIC;
	if (l->injection_text && l->injection != injection)
		return misuse("--secure-avic=%s and --injection %s contradict "
			      "each other", text, l->injection_text);
	l->injection = injection;
	return 0;
}

static int decide_timer(struct launch *l)
{
	const char *text = l->timer_text;

	if (!text)
		return 0;
	if (strcmp(text, "host") && strcmp(text, "monitor"))
		return misuse("--timer: '%s' is neither host nor monitor",
			      text);
	if (l->guest != GUEST_PARAVISOR || l->injection != INJECT_SECURE_AVIC)
		return misuse("--timer: only --guest paravisor --injection "
			      "secure-avic has a choice");
	l->own_timer = !strcmp(text, "monitor");
	return 0;
}

static int decide_numbers(struct launch *l)
{
	u64 physical = (u64)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	u64 min = l->micro || l->igvm ? BOOT_MEMORY_MIN : MEMORY_MIN;
	u64 cpus = 1, vmpl = 0;
	int rc;

	if (l->cpus_text) {
		rc = parse_number(l->cpus_text, "--cpus", 1, CPUS_MAX, &cpus);
		if (rc)
			return rc;
	}
	l->cpus = cpus;
	rc = decide_apic_ids(l);
	if (rc)
		return rc;
	if (has_monitor(l)) {
		rc = parse_number(l->vmpl_text ? l->vmpl_text : VMPL_DEFAULT,
				  "--vmpl", 1, SNP_VMPLS - 1, &vmpl);
		if (rc)
			return rc;
	}
	l->vmpl = vmpl;
	l->memory = MEMORY_DEFAULT;
	if (!l->memory_text)
		return 0;
	rc = parse_size(l->memory_text, "--memory", &l->memory);
	if (rc)
		return rc;
	if (l->memory < min)
		return misuse("--memory: %s is too small; this guest needs at "
			      "least %lluM", l->memory_text,
			      (unsigned long long)(min >> 20));
	if (l->memory > BOOT_MEMORY_MAX)
		return misuse("--memory: %s is too large; a guest has at most "
			      "%lluG", l->memory_text, BOOT_MEMORY_MAX >> 30);
	if (l->memory > physical)
		return misuse("--memory: %s is more than the %lluM that this "
			      "machine has", l->memory_text,
			      (unsigned long long)(physical >> 20));
	if (l->memory & ~PAGE_MASK)
		return misuse("--memory: %s is not a multiple of 4K",
			      l->memory_text);
	return 0;
}

/* What excludes what, by name. */
static int refuse_pairs(const struct launch *l)
{
	const struct {
		const char *a, *b, *name_a, *name_b;
	} pairs[] = {
		{ l->igvm, l->kernel, "--igvm", "--kernel" },
		{ l->igvm, l->initrd, "--igvm", "--initrd" },
		{ l->igvm, l->append, "--igvm", "--append" },
		{ l->igvm, l->micro, "--igvm", "--micro" },
		{ l->micro, l->kernel, "--micro", "--kernel" },
		{ l->micro, l->initrd, "--micro", "--initrd" },
		{ l->micro, l->load_text, "--micro", "--load" },
		{ l->initrd, l->load_text, "--initrd", "--load" },
		{ l->igvm, l->seconds_text, "--igvm", "--load-seconds" },
		{ l->micro, l->seconds_text, "--micro", "--load-seconds" },
		{ l->initrd, l->seconds_text, "--initrd", "--load-seconds" },
		{ l->micro, l->devices_text, "--micro", "--devices" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(pairs); i++)
		if (pairs[i].a && pairs[i].b)
			return misuse("%s and %s contradict each other",
				      pairs[i].name_a, pairs[i].name_b);
	return 0;
}

static int refuse_paravisor(const struct launch *l)
{
	if (l->injection == INJECT_ALTERNATE ||
	    l->injection == INJECT_SECURE_AVIC)
		return 0;
	return misuse("--guest paravisor and --injection %s: this guest's "
		      "interrupts are the monitor's to present "
		      "(--injection alternate, secure-avic)",
		      injection_name(l->injection));
}

static int refuse_modes(const struct launch *l)
{
	const char *mode = injection_name(l->injection);

	if (l->guest == GUEST_PLAIN) {
		if (l->injection != INJECT_NORMAL)
			return misuse("--guest plain has no SEV-SNP, hence no "
				      "--injection %s", mode);
		if (l->igvm)
			return misuse("--guest plain and --igvm contradict "
				      "each other");
		if (l->micro)
			return misuse("--guest plain has no SEV-SNP, which "
				      "the micro guests need");
		return 0;
	}
	if (l->vmpl_text && !has_monitor(l))
		return misuse("--vmpl: only a guest below the monitor "
			      "(--guest svsm, paravisor) has a choice");
	if (l->no_x2apic && l->guest != GUEST_PARAVISOR)
		return misuse("--no-x2apic: only --guest paravisor hides "
			      "the x2APIC");
	if (l->guest == GUEST_PARAVISOR)
		return refuse_paravisor(l);
	if (l->guest == GUEST_SVSM) {
		if (l->injection == INJECT_RESTRICTED)
			return misuse("--guest svsm and --injection "
				      "restricted: only the monitor itself "
				      "has that");
		return 0;
	}
	if (l->injection == INJECT_ALTERNATE)
		return misuse("--injection alternate is refused at VMPL0: "
			      "nobody is above VMPL0 to present interrupts "
			      "to it");
	if (l->injection == INJECT_RESTRICTED && !l->micro && !l->igvm)
		return misuse("--injection restricted is refused with Linux "
			      "at VMPL0: a stock kernel refuses to boot with "
			      "it");
	return 0;
}

/* What a runtime before the kernel leaves behind. */
static int decide_handover(struct launch *l)
{
	static const char * const names[] = {
		[BOOT_HANDOVER_NONE] = "enabled",
		[BOOT_HANDOVER_LOCKED] = "locked",
		[BOOT_HANDOVER_DISABLED] = "disabled",
	};

	l->handover = BOOT_HANDOVER_NONE;
	if (!l->handover_text)
		return 0;
	if (l->guest != GUEST_SVSM || l->injection != INJECT_ALTERNATE ||
	    l->igvm)
		return misuse("--handover: only --guest svsm with --injection "
			      "alternate has anything to hand over");
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(l->handover_text, names[i])) {
			l->handover = i;
			return 0;
		}
	return misuse("--handover: '%s' is none of enabled, locked, disabled",
		      l->handover_text);
}

static int decide_load(struct launch *l)
{
	char names[128];
	int rc = load_seconds(l);

	if (rc)
		return rc;
	/* A guest of somebody else need not say how it went. */
	l->says_result = !l->initrd && !l->igvm;
	if (l->micro || l->initrd || (l->igvm && !l->load_text))
		return 0;
	l->load = load_find(l->load_text ? l->load_text : "none");
	if (l->load)
		return 0;
	load_list(names, sizeof(names));
	return misuse("--load: '%s' is none of %s", l->load_text, names);
}

static int copy_path(char to[PATH_MAX], const char *from, const char *what)
{
	if (!*from || snprintf(to, PATH_MAX, "%s", from) >= PATH_MAX)
		return misuse("%s: '%s' is not a usable file name", what, from);
	return 0;
}

static int decide_monitor(struct launch *l)
{
	int rc;

	if (!has_monitor(l) || l->igvm)
		return 0;
	rc = place_check(PLACE_MONITOR);
	return rc ? rc : copy_path(l->monitor_path, place_path(PLACE_MONITOR),
				   "monitor");
}

static int decide_micro(struct launch *l)
{
	if (!*l->micro || strchr(l->micro, '/'))
		return misuse("--micro: '%s' is not a name", l->micro);
	place_micro(l->micro, l->kernel_path);
	if (access(l->kernel_path, R_OK))
		return fail("there is no micro guest '%s' (%s); 'make micro' "
			    "makes those that there are", l->micro,
			    l->kernel_path);
	return 0;
}

/* The one that knows what it is about to get, or need not know. */
enum place kernel_place(const struct launch *l)
{
	bool aware = l->guest != GUEST_PARAVISOR;

	if (aware && l->injection == INJECT_SECURE_AVIC)
		return PLACE_KERNEL_SAVIC;
	if (aware && l->injection == INJECT_ALTERNATE)
		return PLACE_KERNEL_SVSM;
	return l->devices == DEVICES_PIO ? PLACE_KERNEL_GENERIC :
					   PLACE_KERNEL_STOCK;
}

static int decide_files(struct launch *l)
{
	enum place kernel = kernel_place(l);
	int rc;

	if (l->micro)
		return decide_micro(l);
	if (l->igvm)
		return 0;
	if (l->kernel)
		rc = copy_path(l->kernel_path, l->kernel, "--kernel");
	else if (!(rc = place_check(kernel)))
		rc = copy_path(l->kernel_path, place_path(kernel), "kernel");
	if (rc)
		return rc;
	if (l->initrd)
		return copy_path(l->initrd_path, l->initrd, "--initrd");
	rc = place_check(PLACE_INITRD);
	return rc ? rc : copy_path(l->initrd_path, place_path(PLACE_INITRD),
				   "initrd");
}

int launch_decide(struct launch *l)
{
	int rc;

	rc = refuse_pairs(l);
	if (!rc)
		rc = decide_names(l);
	if (!rc)
		rc = decide_secure_avic(l);
	if (!rc)
		rc = decide_timer(l);
	if (!rc)
		rc = refuse_modes(l);
	if (!rc)
		rc = decide_handover(l);
	if (!rc)
		rc = decide_numbers(l);
	if (!rc)
		rc = decide_load(l);
	if (!rc)
		rc = devices_decide(l);
	if (!rc)
		rc = decide_files(l);
	if (!rc)
		rc = decide_monitor(l);
	return rc ? rc : command_line_compose(l);
}
