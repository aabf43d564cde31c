// SPDX-License-Identifier: MIT
/*
 * Life of the hypervisor and of its contexts.
 */
#include <stdlib.h>
#include <string.h>

#include "host/internal.h"

/* Clock of the emulated APIC timer, as KVM's. */
#define APIC_BUS_KHZ	1000000

struct host_vcpu *host_vcpu_by_apic_id(struct host *h, u32 apic_id)
{
	for (unsigned int i = 0; i < h->config.vcpus; i++)
		if (h->vcpu[i].apic_id == apic_id)
			return &h->vcpu[i];
	return NULL;
}

bool host_ctx_has_vmsa(const struct host_ctx *c)
{
	return c->state != CTX_ABSENT && c->state != CTX_STOPPED;
}

static bool ctx_init(struct host_vcpu *v, unsigned int vmpl)
{
	struct host *h = v->host;
	struct host_ctx *c = &v->ctx[vmpl];
	struct apic_config config = {
		.id = v->apic_id,
		.bus_khz = APIC_BUS_KHZ,
		.tsc_khz = h->ops->tsc_hz(h->platform) / 1000,
		.bsp = v->cpu == 0,
		.has_x2apic = h->config.x2apic,
		.start_x2apic = h->config.x2apic,
	};

	c->vcpu = v;
	c->vmpl = vmpl;
	c->vmcb = &h->vmcbs[v->cpu * SNP_VMPLS + vmpl];
	c->present = host_presenter(0);
	c->ghcb_registered = NO_GPA;
	c->doorbell = NO_GPA;
	c->offered = APIC_NO_VECTOR;
	c->dr7 = 0x400;
	c->runner = -1;
	return apic_init(&c->apic, &config, &c->count) &&
	       host_timer_init(c) && host_hv_timer_init(c);
}

static bool vcpu_init(struct host *h, unsigned int cpu)
{
	struct host_vcpu *v = &h->vcpu[cpu];

	v->host = h;
	v->cpu = cpu;
	v->apic_id = h->config.apic_id[cpu];
	v->current = h->config.guest_vmpl;
	v->entered = v->current;
	v->idle = true;
	for (unsigned int vmpl = 0; vmpl < SNP_VMPLS; vmpl++)
		if (!ctx_init(v, vmpl))
			return false;
	return true;
}

struct host *host_new(const struct host_config *config, struct machine *m,
		      const struct host_platform *ops, void *platform)
{
	struct host *h = calloc(1, sizeof(*h));
	size_t vmcbs = (size_t)config->vcpus * SNP_VMPLS;

	if (!h)
		return NULL;
	h->config = *config;
	h->config.guest_vmpl &= SNP_VMPLS - 1;
	h->m = m;
	h->ops = ops;
	h->platform = platform;
	h->vcpu = calloc(config->vcpus, sizeof(*h->vcpu));
	h->vmcbs = aligned_alloc(PAGE_SIZE, vmcbs * sizeof(*h->vmcbs));
	if (!h->vcpu || !h->vmcbs)
		goto fail;
	memset(h->vmcbs, 0, vmcbs * sizeof(*h->vmcbs));
	for (unsigned int i = 0; i < config->vcpus; i++)
		if (!vcpu_init(h, i))
			goto fail;
	if (!host_resample_init(h))
		goto fail;
	host_irq_init(h);
	hv_attach(m, &host_hv_ops, h);
	return h;
fail:
	host_free(h);
	return NULL;
}

void host_free(struct host *h)
{
	if (!h)
		return;
	for (unsigned int i = 0; h->vcpu && i < h->config.vcpus; i++)
		for (unsigned int vmpl = 0; vmpl < SNP_VMPLS; vmpl++) {
			host_timer_free(&h->vcpu[i].ctx[vmpl]);
			host_hv_timer_free(&h->vcpu[i].ctx[vmpl]);
		}
	host_resample_free(h);
	free(h->vmcbs);
	free(h->vcpu);
	free(h);
}

/*
 * An APIC that its guest cannot reach routes from the start: with ReflectVC a
 * guest's accesses go to whoever is above it, and no GHCB event programs the
 * APIC of another VMPL (docs/ghcb.md).
 */
static void open_apic(struct host_ctx *c)
{
	if (c->features & SEV_FEATURE_REFLECT_VC)
		c->apic.svr |= APIC_SVR_ENABLE;
}

/*
 * A new VMSA starts with a new GHCB, no doorbell page and a reset APIC. Only
 * of its own VMPL: what another VMPL of this vCPU has is none of its business.
 */
void host_ctx_load(struct host_ctx *c, u64 vmsa, u64 features)
{
	c->features = features;
	c->present = host_presenter(features);
	c->ghcb_registered = NO_GPA;
	c->doorbell = NO_GPA;
	c->offered = APIC_NO_VECTOR;
	c->nmi_waits = false;
	c->reinject = 0;
	c->hv = (struct host_hv){ 0 };
	c->runner = -1;
	c->dr7 = 0x400;
	memset(&c->msrs, 0, sizeof(c->msrs));
	c->msrs.hwcr = HOST_HWCR_RESET;
	apic_reset(&c->apic, APIC_RESET_POWER_UP);
	/* It starts by VMSA: there is no INIT or SIPI to wait for. */
	c->apic.run = APIC_RUNNING;
	open_apic(c);
	host_savic_reset(c);
	host_timer_update(c);
	host_hv_timer_stop(c);
	host_ai_reset(c);
	host_vmrun_init(c);
	c->vmcb->vmsa_pa = vmsa;
}

void host_ctx_unload(struct host_ctx *c)
{
	c->state = CTX_STOPPED;
	c->ghcb_registered = NO_GPA;
	c->doorbell = NO_GPA;
	c->hv = (struct host_hv){ 0 };
	apic_reset(&c->apic, APIC_RESET_POWER_UP);
	host_savic_reset(c);
	host_timer_update(c);
	host_hv_timer_stop(c);
}

void host_set_boot_vmsa(struct host *h, unsigned int vmpl, u64 vmsa_gpa,
			u64 sev_features)
{
	struct host_vcpu *v = &h->vcpu[0];
	struct host_ctx *c = &v->ctx[vmpl & (SNP_VMPLS - 1)];

	host_ctx_load(c, vmsa_gpa, sev_features);
	c->state = CTX_RUNNABLE;
	v->current = c->vmpl;
	v->entered = c->vmpl;
	h->features[c->vmpl] = sev_features;
	h->features_known[c->vmpl] = true;
}

void host_start(struct host *h)
{
	host_firmware(h->ops, h->platform);
	host_kick(&h->vcpu[0]);
}

void host_guest_off(struct host *h, bool reset)
{
	if (reset)
		host_stop(h, "reset", "the guest reset the machine");
	else
		host_stop(h, "powered-off", "the guest powered off");
}

void host_dma_refused(struct host *h, u64 gpa, bool write)
{
	host_log(h, "dma refused", "device %s of private page at %#llx",
		 write ? "write" : "read", (unsigned long long)gpa);
}
