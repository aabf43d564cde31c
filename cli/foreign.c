// SPDX-License-Identifier: MIT
/* A finished IGVM file: is it whole, for this machine, and as was asked? */
#include "arch/snp.h"
#include "cli/launch.h"
#include "igvm/compose.h"
#include "igvm/igvm.h"

struct needs {
	u64 end;			/* of the RAM it needs */
	u64 features;			/* SEV_FEATURES of its first vCPU */
};

static void reach(struct needs *n, u64 end)
{
	if (end > n->end)
		n->end = end;
}

static int on_page(void *ctx, u64 gpa, enum igvm_page_type type, u32 flags,
		   const void *data)
{
	(void)type;
	(void)flags;
	(void)data;
	reach(ctx, gpa + PAGE_SIZE);
	return 0;
}

static int on_required(void *ctx, u64 gpa, u64 bytes, u32 flags)
{
	(void)flags;
	reach(ctx, gpa + bytes);
	return 0;
}

static int on_context(void *ctx, u64 gpa, u16 vp_index,
		      const struct vmsa *vmsa)
{
	(void)gpa;
	if (!vp_index)
		((struct needs *)ctx)->features = vmsa->sev_features;
	return 0;
}

static enum injection injection_of(u64 features)
{
	if (features & SEV_FEATURE_SECURE_AVIC)
		return INJECT_SECURE_AVIC;
	if (features & SEV_FEATURE_ALTERNATE)
		return INJECT_ALTERNATE;
	return features & SEV_FEATURE_RESTRICTED ? INJECT_RESTRICTED :
						   INJECT_NORMAL;
}

/* As arguments.c has it: what exceeds 3 GiB is above 4 GiB. */
static u64 ram_end(u64 memory)
{
	return memory <= BOOT_BELOW_4G_MAX ? memory :
	       memory - BOOT_BELOW_4G_MAX + (1ull << 32);
}

static int suits(struct launch *l, const struct needs *n)
{
	enum injection injection = injection_of(n->features);

	if (n->end > ram_end(l->memory))
		return fail("the IGVM file %s needs RAM up to the address "
			    "%#llx; give the guest more --memory", l->igvm,
			    (unsigned long long)n->end);
	/* The first vCPU is a monitor's then, and its guest's mode unknown. */
	if (has_monitor(l))
		return 0;
	if (l->injection_text && l->injection != injection)
		return misuse("--injection %s contradicts the IGVM file %s, "
			      "which has %s", l->injection_text, l->igvm,
			      injection_name(injection));
	l->injection = injection;
	return 0;
}

int foreign_examine(struct launch *l, const struct blob *igvm)
{
	static const struct igvm_sink sink = {
		.page = on_page,
		.required = on_required,
		.vp_context = on_context,
	};
	const struct igvm_machine machine = { .vp_count = l->cpus };
	struct igvm_file *file = NULL;
	struct needs needs = { 0 };
	struct igvm_error err;
	int rc;

	if (igvm_open(igvm->data, igvm->size, &file, &err))
		return fail("the IGVM file %s is refused: %s", l->igvm,
			    err.text);
	if (!igvm_supports(file, IGVM_PLATFORM_SNP))
		rc = fail("the IGVM file %s is not for SEV-SNP", l->igvm);
	else if (igvm_load(file, IGVM_PLATFORM_SNP, &machine, &sink, &needs,
			   &err))
		rc = fail("the IGVM file %s is refused: %s", l->igvm,
			  err.text);
	else
		rc = suits(l, &needs);
	igvm_close(file);
	return rc;
}
