// SPDX-License-Identifier: MIT
/*
 * Creation of the machine, and the launch of a guest as the firmware does it
 * (SEV-SNP firmware ABI, 56860, section 8.17).
 */
#include <stdlib.h>
#include <string.h>

#include "machine/internal.h"

struct machine *machine_new(const struct machine_config *config,
			    const struct engine_ops *ops, void *engine)
{
	struct machine *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->config = *config;
	m->ops = ops;
	m->engine = engine;
	m->current = -1;
	m->pages = (config->ram_below_4g + config->ram_above_4g) / PAGE_SIZE;
	/* The last 2 MiB range of low RAM may be partial: see rmp_index(). */
	m->rmp = calloc(m->pages + 512, sizeof(*m->rmp));
	m->vcpu = calloc(config->vcpus, sizeof(*m->vcpu));
	m->slot = calloc(config->vcpus * SNP_VMPLS, sizeof(*m->slot));
	if (m->rmp && m->vcpu && m->slot)
		return m;
	machine_free(m);
	return NULL;
}

void machine_free(struct machine *m)
{
	if (!m)
		return;
	for (unsigned int i = 0; i < m->slots; i++)
		free(m->slot[i].page);
	free(m->slot);
	free(m->vcpu);
	free(m->rmp);
	free(m);
}

#define LAUNCHED	(RMP_ASSIGNED | RMP_VALIDATED |			\
			 (u64)VMPL_PERM_ALL << RMP_PERM_SHIFT(0))

/* A VMSA outside RAM gets a page of its own: IGVM files put it at the top. */
static enum hv_rmp launch_slot(struct machine *m, u64 gpa, const void *data)
{
	struct vmsa_slot *slot = &m->slot[m->slots];

	if (m->slots == m->config.vcpus * SNP_VMPLS || vmsa_slot_find(m, gpa))
		return HV_RMP_FAIL_INPUT;
	slot->page = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
	if (!slot->page)
		return HV_RMP_FAIL_INPUT;
	memcpy(slot->page, data, PAGE_SIZE);
	slot->gpa = gpa;
	slot->rmp = LAUNCHED | RMP_VMSA;
	m->slots++;
	return HV_RMP_OK;
}

static u64 next_key(struct machine *m)
{
	m->config.seed = m->config.seed * 6364136223846793005ull +
			 1442695040888963407ull;
	return m->config.seed;
}

/* Version 3 with random VMPCKs; the SVSM fields are the monitor's to set. */
static void fill_secrets(struct machine *m, struct snp_secrets *s)
{
	u64 key;

	memset(s, 0, sizeof(*s));
	s->version = 3;
	for (unsigned int vmpl = 0; vmpl < SNP_VMPLS; vmpl++)
		for (unsigned int i = 0; i < 32; i += 8) {
			key = next_key(m);
			memcpy(&s->vmpck[vmpl][i], &key, 8);
		}
}

/*
 * The firmware's check of the host's CPUID table: it may hide features, not
 * invent them. Checked here: the SEV leaf, which nobody else could verify.
 */
static bool cpuid_plausible(const struct machine *m,
			    const struct snp_cpuid_page *page)
{
	if (page->count > SNP_CPUID_ROWS)
		return false;
	for (unsigned int i = 0; i < page->count; i++) {
		const struct snp_cpuid_row *row = &page->row[i];

		if (row->eax_in != CPUID_SEV_LEAF)
			continue;
		if ((row->ebx & 0x3f) != SNP_C_BIT)
			return false;
		if (row->eax & CPUID_SEV_EAX_SECURE_AVIC &&
		    !(m->config.features & SEV_FEATURE_SECURE_AVIC))
			return false;
	}
	return true;
}

static enum hv_rmp launch_content(struct machine *m, u8 *page,
				  enum launch_type type, const void *data)
{
	switch (type) {
	case LAUNCH_SECRETS:
		fill_secrets(m, (struct snp_secrets *)page);
		return HV_RMP_OK;
	case LAUNCH_CPUID:
		if (!data || !cpuid_plausible(m, data))
			return HV_RMP_FAIL_INPUT;
		break;
	case LAUNCH_ZERO:
		memset(page, 0, PAGE_SIZE);
		return HV_RMP_OK;
	default:
		break;
	}
	if (!data)
		memset(page, 0, PAGE_SIZE);
	else
		memcpy(page, data, PAGE_SIZE);
	return HV_RMP_OK;
}

enum hv_rmp hv_launch_page(struct machine *m, u64 gpa, enum launch_type type,
			   const void *data)
{
	u64 index = rmp_index(m, gpa);
	enum hv_rmp err;
	u64 entry;

	if (m->launched || gpa & ~PAGE_MASK)
		return HV_RMP_FAIL_INPUT;
	if (type == LAUNCH_VMSA && !data)
		return HV_RMP_FAIL_INPUT;
	if (index == NO_PAGE)
		return type == LAUNCH_VMSA ? launch_slot(m, gpa, data) :
		       HV_RMP_FAIL_INPUT;
	entry = rmp_load(m, index);
	if (entry & RMP_VALIDATED)
		return HV_RMP_FAIL_OVERLAP;
	err = launch_content(m, m->ops->ram(m->engine, gpa), type, data);
	if (err != HV_RMP_OK)
		return err;
	m->ops->ram_changed(m->engine, gpa);
	rmp_split(m, index);
	rmp_store(m, index, LAUNCHED | (type == LAUNCH_VMSA ? RMP_VMSA : 0));
	return HV_RMP_OK;
}

void hv_launch_finish(struct machine *m)
{
	m->launched = true;
}
