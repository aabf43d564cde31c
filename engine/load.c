// SPDX-License-Identifier: MIT
/*
 * The launch: an IGVM file into the machine, as a hypervisor and the SEV
 * firmware do it, or for the native platform plainly into RAM.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/monitor.h"
#include "igvm/igvm.h"
#include "machine/hv.h"

struct load {
	struct session *s;
	bool boot_vmsa;			/* vCPU 0 has its VMSA */
	char why[320];			/* the refusal, if any */
};

static int refuse(struct load *l, u64 gpa, const char *what)
{
	snprintf(l->why, sizeof(l->why), "%s at %#llx", what,
		 (unsigned long long)gpa);
	return -1;
}

/* ---- SNP ----------------------------------------------------------------- */

static int snp_required(void *ctx, u64 gpa, u64 bytes, u32 flags)
{
	struct load *l = ctx;
	u64 end = gpa + bytes;

	(void)flags;
	while (gpa < end) {
		bool large = !(gpa & (PAGE_2M - 1)) && end - gpa >= PAGE_2M &&
			     !l->s->config.no_2m;

		if (hv_rmpupdate(l->s->machine, gpa, large, true) != HV_RMP_OK)
			return refuse(l, gpa, "the file needs RAM that is "
				      "not there");
		gpa += large ? PAGE_2M : PAGE_SIZE;
	}
	return 0;
}

static int launch(struct load *l, u64 gpa, enum launch_type type,
		  const void *data)
{
	switch (hv_launch_page(l->s->machine, gpa, type, data)) {
	case HV_RMP_OK:
		return 0;
	case HV_RMP_FAIL_OVERLAP:
		return refuse(l, gpa, "the file has two pages");
	default:
		return refuse(l, gpa, "the firmware refuses a page");
	}
}

static int shared_page(struct load *l, u64 gpa, const void *data)
{
	static const u8 zeroes[PAGE_SIZE];

	if (hv_write(l->s->machine, gpa, data ? data : zeroes, PAGE_SIZE) !=
	    HV_OK)
		return refuse(l, gpa, "a shared page cannot be");
	return 0;
}

static int cpuid_page(struct load *l, u64 gpa)
{
	static struct snp_cpuid_page page;

	memset(&page, 0, sizeof(page));
	host_cpuid_page(l->s->host, &page);
	return launch(l, gpa, LAUNCH_CPUID, &page);
}

static int snp_page(void *ctx, u64 gpa, enum igvm_page_type type, u32 flags,
		    const void *data)
{
	struct load *l = ctx;

	switch (type) {
	case IGVM_PAGE_SECRETS:
		return launch(l, gpa, LAUNCH_SECRETS, NULL);
	case IGVM_PAGE_CPUID_DATA:
		return cpuid_page(l, gpa);
	case IGVM_PAGE_NORMAL:
		break;
	default:
		return refuse(l, gpa, "a page of a type that SNP has not");
	}
	if (flags & IGVM_PAGE_SHARED)
		return shared_page(l, gpa, data);
	if (flags & IGVM_PAGE_UNMEASURED)
		return launch(l, gpa, LAUNCH_UNMEASURED, data);
	monitor_look(l->s, data);
	return launch(l, gpa, data ? LAUNCH_NORMAL : LAUNCH_ZERO, data);
}

static int snp_params(void *ctx, u64 gpa, const void *data, u64 size)
{
	for (u64 at = 0; at < size; at += PAGE_SIZE)
		if (launch(ctx, gpa + at, LAUNCH_UNMEASURED,
			   (const u8 *)data + at))
			return -1;
	return 0;
}

/* Only the first vCPU starts; what others bring is there for the guest. */
static int snp_vp_context(void *ctx, u64 gpa, u16 vp_index,
			  const struct vmsa *vmsa)
{
	struct load *l = ctx;

	if (launch(l, gpa, LAUNCH_VMSA, vmsa))
		return -1;
	if (vp_index)
		return 0;
	host_set_boot_vmsa(l->s->host, vmsa->vmpl, gpa, vmsa->sev_features);
	l->boot_vmsa = true;
	return 0;
}

/* ---- native -------------------------------------------------------------- */

static int native_copy(struct load *l, u64 gpa, const void *data)
{
	const struct belfry_engine *e = l->s->engine;
	void *page = e->ops->ram(l->s->ctx, gpa);

	if (!page)
		return refuse(l, gpa, "the file needs RAM that is not there");
	if (data)
		memcpy(page, data, PAGE_SIZE);
	else
		memset(page, 0, PAGE_SIZE);
	return 0;
}

static int native_page(void *ctx, u64 gpa, enum igvm_page_type type, u32 flags,
		       const void *data)
{
	(void)type;
	(void)flags;
	return native_copy(ctx, gpa, data);
}

static int native_params(void *ctx, u64 gpa, const void *data, u64 size)
{
	for (u64 at = 0; at < size; at += PAGE_SIZE)
		if (native_copy(ctx, gpa + at, (const u8 *)data + at))
			return -1;
	return 0;
}

static int native_vp_context(void *ctx, u64 gpa, u16 vp_index,
			     const struct vmsa *vmsa)
{
	struct load *l = ctx;
	const struct belfry_engine *e = l->s->engine;

	if (vp_index)
		return 0;
	if (!e->ops->vmsa_load(l->s->ctx, 0, vmsa))
		return refuse(l, gpa, "illegal registers");
	l->boot_vmsa = true;
	return 0;
}

/* ---- the file ------------------------------------------------------------ */

static const struct igvm_sink required_sink = {
	.required = snp_required,
};

static const struct igvm_sink snp_sink = {
	.page = snp_page,
	.params = snp_params,
	.vp_context = snp_vp_context,
};

static const struct igvm_sink native_sink = {
	.page = native_page,
	.params = native_params,
	.vp_context = native_vp_context,
};

/* What QEMU's "pc" machine has; A0000h to FFFFFh is no RAM. */
static unsigned int memory_map(const struct belfry_engine *e,
			       struct igvm_memory_map_entry map[3])
{
	map[0] = (struct igvm_memory_map_entry){
		.page_count = 0xa0,
	};
	map[1] = (struct igvm_memory_map_entry){
		.start_page = 0x100,
		.page_count = e->ram_below_4g / PAGE_SIZE - 0x100,
	};
	map[2] = (struct igvm_memory_map_entry){
		.start_page = BIT_ULL(32) / PAGE_SIZE,
		.page_count = e->ram_above_4g / PAGE_SIZE,
	};
	return e->ram_above_4g ? 3 : 2;
}

/*
 * All required memory first: it makes pages unvalidated, whichever order the
 * file has.
 */
static bool load_file(struct load *l, const struct igvm_file *file,
		      struct igvm_error *err)
{
	struct igvm_memory_map_entry map[3];
	struct igvm_machine info = {
		.vp_count = l->s->engine->vcpus,
		.environment = IGVM_ENV_MEMORY_SHARED,
		.map = map,
	};

	info.map_entries = memory_map(l->s->engine, map);
	if (l->s->config.native)
		return !igvm_load(file, IGVM_PLATFORM_NATIVE, &info,
				  &native_sink, l, err);
	return !igvm_load(file, IGVM_PLATFORM_SNP, &info, &required_sink, l,
			  err) &&
	       !igvm_load(file, IGVM_PLATFORM_SNP, &info, &snp_sink, l, err);
}

static void *read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "re");
	long length = -1;
	void *data = NULL;

	if (f && !fseek(f, 0, SEEK_END))
		length = ftell(f);
	if (length > 0)
		data = malloc(length);
	if (data) {
		rewind(f);
		*size = fread(data, 1, length, f);
		if (*size != (size_t)length) {
			free(data);
			data = NULL;
		}
	}
	if (f)
		fclose(f);
	return data;
}

const char *load_guest(struct session *s)
{
	static struct load l;
	struct igvm_error err = { "" };
	struct igvm_file *file = NULL;
	size_t size = 0;
	void *data = read_file(s->config.igvm, &size);

	l.s = s;
	if (!data) {
		snprintf(l.why, sizeof(l.why), "cannot read %s",
			 s->config.igvm);
		return l.why;
	}
	if (igvm_open(data, size, &file, &err) || !load_file(&l, file, &err)) {
		/* What the sink refuses has said so itself. */
		if (!*l.why)
			snprintf(l.why, sizeof(l.why), "%s", err.text);
	} else if (!l.boot_vmsa) {
		snprintf(l.why, sizeof(l.why), "no registers for vCPU 0");
	}
	igvm_close(file);
	free(data);
	return *l.why ? l.why : NULL;
}
