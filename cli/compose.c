// SPDX-License-Identifier: MIT
/* The IGVM file of a launch, in memory: read, examine, compose. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/snp.h"
#include "cli/launch.h"
#include "igvm/compose.h"
#include "igvm/monitor.h"

/* Beside SNP, what the monitor itself runs with. */
#define MONITOR_FEATURES	SEV_FEATURE_RESTRICTED
/* A guest that the monitor serves without its knowledge. */
#define UNAWARE			(SEV_FEATURE_SNP | SEV_FEATURE_VTOM |	\
				 SEV_FEATURE_REFLECT_VC |		\
				 SEV_FEATURE_ALTERNATE)

static u64 features_of(const struct launch *l)
{
	if (l->guest == GUEST_PARAVISOR)
		return UNAWARE;
	switch (l->injection) {
	case INJECT_RESTRICTED:
		return SEV_FEATURE_SNP | SEV_FEATURE_RESTRICTED;
	case INJECT_ALTERNATE:
		return SEV_FEATURE_SNP | SEV_FEATURE_ALTERNATE;
	case INJECT_SECURE_AVIC:
		return SEV_FEATURE_SNP | SEV_FEATURE_SECURE_AVIC;
	case INJECT_NORMAL:
		break;
	}
	return SEV_FEATURE_SNP;
}

/* A kernel that looks at SEV_STATUS. */
static bool is_aware(const struct launch *l)
{
	return l->guest == GUEST_VMPL0 || l->guest == GUEST_SVSM;
}

/* What this kernel could not run with, before anything is booted. */
static int examine_kernel(const struct launch *l, const struct blob *kernel)
{
	u64 features = features_of(l) & ~SEV_FEATURE_SNP;
	struct kernel_facts facts;
	int rc;

	if (l->handover == BOOT_HANDOVER_DISABLED)
		features &= ~SEV_FEATURE_ALTERNATE;
	rc = kernel_examine(l->kernel_path, kernel, &facts);
	if (rc)
		return rc;
	if (facts.max_cpus && l->cpus > facts.max_cpus)
		return misuse("--cpus: %u are too many; this kernel was built "
			      "for at most %u", l->cpus, facts.max_cpus);
	if (!is_aware(l) || !facts.refuses_known ||
	    !(facts.refuses & features << SEV_STATUS_FEATURE_SHIFT))
		return 0;
	return fail("the kernel %s refuses --injection %s: it was built "
		    "without it", l->kernel_path,
		    injection_name(l->injection));
}

/* VIRTUAL_TOM counts 2 MiB; all RAM is below. */
static u64 top_of(const struct launch *l)
{
	u64 top = l->memory;

	if (top > BOOT_BELOW_4G_MAX)
		top += BOOT_4G - BOOT_BELOW_4G_MAX;
	return (top + PAGE_2M - 1) & ~(PAGE_2M - 1);
}

static struct boot_machine machine_of(const struct launch *l)
{
	return (struct boot_machine){
		.vmpl = l->vmpl,
		.memory = l->memory,
		.apic_ids = l->apic_ids,
		.cpus = l->cpus,
		.native = l->guest == GUEST_PLAIN,
		.unaware = l->guest == GUEST_PARAVISOR,
		.no_x2apic = l->no_x2apic,
		.secure_avic = l->guest == GUEST_PARAVISOR &&
			       l->injection == INJECT_SECURE_AVIC,
		.own_timer = l->own_timer,
		.handover = l->handover,
		.sev_features = l->guest == GUEST_PLAIN ? 0 : features_of(l),
		.virtual_tom = l->guest == GUEST_PARAVISOR ? top_of(l) : 0,
	};
}

static int add_linux(const struct launch *l, const struct blob *kernel,
		     const struct boot_machine *machine,
		     struct igvm_builder *b, struct boot_layout *layout)
{
	struct linux_boot boot = {
		.machine = *machine,
		.kernel = kernel->data,
		.kernel_bytes = kernel->size,
		.command_line = l->command_line,
	};
	struct blob initrd = { 0 };
	struct igvm_error err;
	int rc;

	rc = examine_kernel(l, kernel);
	if (!rc && l->initrd_path[0])
		rc = read_file(l->initrd_path, "the initrd", &initrd);
	if (!rc && initrd.data)
		rc = initrd_examine(l->initrd_path, &initrd);
	boot.initrd = initrd.data;
	boot.initrd_bytes = initrd.size;
	if (!rc && igvm_compose_linux(&boot, b, layout, &err))
		rc = fail("%s (%s)", err.text, l->kernel_path);
	free(initrd.data);
	return rc;
}

static int add_micro(const struct launch *l, const struct blob *image,
		     const struct boot_machine *machine,
		     struct igvm_builder *b, struct boot_layout *layout)
{
	struct elf_boot boot = {
		.machine = *machine,
		.image = image->data,
		.image_bytes = image->size,
		.command_line = l->command_line,
	};
	struct igvm_error err;

	if (igvm_compose_elf(&boot, b, layout, &err))
		return fail("%s (%s)", err.text, l->kernel_path);
	return 0;
}

static int add_guest(const struct launch *l, const struct blob *kernel,
		     const struct boot_machine *machine,
		     struct igvm_builder *b, struct boot_layout *layout)
{
	if (l->micro)
		return add_micro(l, kernel, machine, b, layout);
	return add_linux(l, kernel, machine, b, layout);
}

/* The guest, and the monitor around it. */
static int add_monitor(const struct launch *l, const struct blob *kernel,
		       struct boot_machine *machine, struct igvm_builder *b)
{
	struct boot_layout layout;
	struct blob image = { 0 };
	struct igvm_error err;
	struct monitor mon;
	int rc;

	rc = read_file(l->monitor_path, "the monitor", &image);
	if (!rc && igvm_monitor_begin(&mon, machine, image.data, image.size,
				      MONITOR_FEATURES, b, &err))
		rc = fail("%s (%s)", err.text, l->monitor_path);
	if (!rc)
		rc = add_guest(l, kernel, machine, b, &layout);
	if (!rc && igvm_monitor_end(&mon, &layout))
		rc = fail("%s (%s)", err.text, l->monitor_path);
	free(image.data);
	return rc;
}

static int compose(const struct launch *l, struct blob *igvm)
{
	struct igvm_builder *b = igvm_builder_new();
	struct boot_machine machine = machine_of(l);
	struct blob kernel = { 0 };
	struct igvm_error err;
	int rc;

	/* One socket of N cores has the APIC ids 0 to N - 1. */
	rc = b ? 0 : fail("out of memory");
	if (!rc)
		rc = read_file(l->kernel_path, "the kernel", &kernel);
	if (!rc && has_monitor(l))
		rc = add_monitor(l, &kernel, &machine, b);
	else if (!rc)
		rc = add_guest(l, &kernel, &machine, b, NULL);
	if (!rc && igvm_builder_finish(b, &igvm->data, &igvm->size, &err))
		rc = fail("%s", err.text);
	igvm_builder_free(b);
	free(kernel.data);
	return rc;
}

static int take(struct launch *l, struct blob *igvm)
{
	int rc = read_file(l->igvm, "the IGVM file", igvm);

	if (rc)
		return rc;
	rc = foreign_examine(l, igvm);
	if (rc) {
		free(igvm->data);
		*igvm = (struct blob){ 0 };
	}
	return rc;
}

int launch_compose(struct launch *l, struct blob *igvm)
{
	*igvm = (struct blob){ 0 };
	return l->igvm ? take(l, igvm) : compose(l, igvm);
}
