// SPDX-License-Identifier: MIT
#include <string.h>

#include "machine/internal.h"
#include "tests/lib/machine_chaos.h"
#include "tests/lib/rows.h"

#define SNP	SEV_FEATURE_SNP

u64 chaos_features(unsigned int cpu, unsigned int vmpl)
{
	static const u64 features[SCRIPT_CPUS][2] = {
		{ SNP | SEV_FEATURE_RESTRICTED,
		  SNP | SEV_FEATURE_ALTERNATE | SEV_FEATURE_REFLECT_VC },
		{ SNP | SEV_FEATURE_RESTRICTED,
		  SNP | SEV_FEATURE_SECURE_AVIC },
		{ SNP, SNP | SEV_FEATURE_SECURE_AVIC |
		  SEV_FEATURE_REFLECT_VC },
		{ SNP | SEV_FEATURE_SECURE_AVIC,
		  SNP | SEV_FEATURE_ALTERNATE },
	};

	return features[cpu][vmpl / 2];
}

static u32 random32(struct chaos *c)
{
	u32 value = 0;

	if (!c->data) {
		c->rng = c->rng * 6364136223846793005ull +
			 1442695040888963407ull;
		return c->rng >> 32;
	}
	for (int i = 0; i < 2 && c->left; i++, c->left--)
		value = value << 8 | *c->data++;
	return value;
}

u32 chaos_random(struct chaos *c, u32 below)
{
	return random32(c) % below;
}

static void add_vmsa(struct chaos *c, unsigned int cpu, unsigned int vmpl)
{
	u64 features = chaos_features(cpu, vmpl);
	struct vmsa *vmsa = script_vmsa(&c->s, cpu, vmpl, features);
	u32 *page;

	vmsa->rsp = CHAOS_SECRET;
	if (!(features & SEV_FEATURE_SECURE_AVIC))
		return;
	page = script_savic(&c->s, cpu, vmsa, SAVIC_CONTROL_EN);
	/* Half of the vectors are allowed: those with bit 0 clear. */
	for (unsigned int word = 0; word < 8; word++)
		page[(SAVIC_ALLOWED_IRR + 0x10 * word) / 4] =
			word ? 0x55555555 : 0;
	if (vmpl)	/* as the VMPL's owner would have it */
		rmp_flag(c->s.m, SAVIC_AT(cpu), RMP_PERM(vmpl), true);
}

void chaos_new(struct chaos *c, u64 seed, const u8 *data, size_t size)
{
	struct machine_config config = script_config();

	memset(c, 0, sizeof(*c));
	c->rng = seed;
	c->data = data;
	c->left = size;
	config.seed = seed;
	script_new(&c->s, &config);
	c->s.test = c;
	c->s.run = chaos_run;
	for (unsigned int cpu = 0; cpu < SCRIPT_CPUS; cpu++)
		for (unsigned int vmpl = 0; vmpl < 4; vmpl += 2)
			add_vmsa(c, cpu, vmpl);
	for (unsigned int i = 0; i < 4; i++) {
		u64 *word = script_private(&c->s, PRIVATE_AT +
					   2 * i * PAGE_SIZE);

		word[chaos_random(c, 512)] = CHAOS_SECRET;
	}
	hv_launch_finish(c->s.m);
}

void chaos_free(struct chaos *c)
{
	script_free(&c->s);
}

bool chaos_marks_consistent(struct chaos *c)
{
	struct machine *m = c->s.m;
	u64 want[2 * SCRIPT_CPUS];
	unsigned int wanted = 0, found = 0;

	for (unsigned int cpu = 0; cpu < SCRIPT_CPUS; cpu++) {
		struct vcpu *v = &m->vcpu[cpu];

		if (!v->vmcb)
			continue;
		want[wanted++] = rmp_index(m, v->vmsa_pa);
		if (savic_on(v))
			want[wanted++] = rmp_index(m, v->savic &
						   SAVIC_CONTROL_PAGE);
	}
	for (u64 i = 0; i < m->pages; i++) {
		if (!(rmp_load(m, i) & RMP_INUSE))
			continue;
		found++;
		for (unsigned int j = 0; j < wanted; j++)
			if (want[j] == i)
				goto next;
		return false;
next:		;
	}
	return found == wanted;
}

bool chaos_step(struct chaos *c)
{
	unsigned int cpu = chaos_random(c, SCRIPT_CPUS);

	if (hv_in_guest(c->s.m, cpu))
		chaos_guest_step(c, cpu);
	else
		machine_kicked(c->s.m, cpu);
	if (!chaos_random(c, 8))
		chaos_monitor_step(c);
	if (!chaos_random(c, 8))
		chaos_host_step(c);
	return !c->broken;
}
