// SPDX-License-Identifier: MIT
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/report.h"
#include "host/host.h"
#include "host/stats.h"
#include "machine/machine.h"
#include "machine/stats.h"

/* "0x60", or the two exits that have no code of their own. */
static void put_code(json_t *to, u64 code, u64 count)
{
	char key[24];

	if (!count)
		return;
	if (code >= EXIT_BUSY)
		strcpy(key, code == EXIT_INVALID ? "invalid" : "busy");
	else
		snprintf(key, sizeof(key), "0x%llx", (unsigned long long)code);
	json_object_set_new(to, key, json_integer(count));
}

static json_t *codes(const u64 *counts)
{
	json_t *out = json_object();

	for (unsigned int slot = 0; slot < MACHINE_CODES; slot++)
		put_code(out, machine_slot_code(slot), counts[slot]);
	return out;
}

/*
 * Exits that the guest did not ask for. VMGEXIT is its own question, and a
 * reflected #VC is in the list of #VC.
 */
static json_t *automatic_exits(const struct machine_vcpu_stats *s)
{
	json_t *out = json_object();
	u64 code;

	for (unsigned int slot = 0; slot < MACHINE_CODES; slot++) {
		code = machine_slot_code(slot);
		if (code != EXIT_VMGEXIT && code != EXIT_VC)
			put_code(out, code, s->exits[slot]);
	}
	return out;
}

static json_t *events(const u64 *counts)
{
	json_t *out = json_object();
	u64 code;

	for (unsigned int slot = 0; slot < HOST_EVENTS; slot++) {
		code = host_slot_event(slot);
		if (code == HOST_EVENT_OTHER && counts[slot])
			json_object_set_new(out, "other",
					    json_integer(counts[slot]));
		else
			put_code(out, code, counts[slot]);
	}
	return out;
}

/* ---- one vCPU ----------------------------------------------------------- */

static void set(json_t *to, const char *key, u64 value)
{
	json_object_set_new(to, key, json_integer(value));
}

static void put_machine(json_t *to, const struct machine_vcpu_stats *s)
{
	u64 presented = 0, refused = 0;

	for (int vector = 0; vector < 256; vector++) {
		presented += s->intr[vector];
		refused += s->refused[vector];
	}
	json_object_set_new(to, "automatic_exits", automatic_exits(s));
	json_object_set_new(to, "vc", codes(s->vc));
	set(to, "presented", presented);
	set(to, "refused", refused);
	set(to, "vmpl_switches", s->vmpl_switches);
	set(to, "vmruns", s->vmruns);
	set(to, "pvalidates", s->pvalidates);
	set(to, "rmpadjusts", s->rmpadjusts);
	set(to, "eoi_accelerated", s->eoi_accelerated);
	set(to, "self_ipi_accelerated", s->self_ipi_accelerated);
	set(to, "tpr_accelerated", s->tpr_accelerated);
	set(to, "hlt_no_exit", s->hlt_no_exit);
	set(to, "nmi_delivered", s->nmi_delivered);
}

static const struct apic_counters *monitor_of(const struct report_run *run,
					      unsigned int vcpu)
{
	return run->monitor ? run->monitor(run->session, vcpu) : NULL;
}

/* An EOI that the host saw cost the guest an exit. */
static u64 explicit_eois(const struct report_run *run, unsigned int vcpu)
{
	const struct apic_counters *c;
	u64 sum = 0;

	c = host_vectors(run->host, vcpu, run->guest_vmpl);
	for (int vector = 0; c && vector < APIC_VECTORS; vector++)
		sum += c->vector[vector].eoi;
	return sum;
}

/*
 * A monitor's guest ends its interrupts there. The host's books then have the
 * specific EOIs of level-triggered ones, which follow from these.
 */
static void put_monitor(json_t *to, const struct report_run *run,
			unsigned int vcpu)
{
	const struct apic_counters *c = monitor_of(run, vcpu);
	const struct machine_vcpu_stats *m = machine_stats(run->machine, vcpu);
	u64 eoi = 0;

	set(to, "trusted_instructions", run->guest_vmpl ?
	    m->instructions[0] : 0);
	set(to, "guest_instructions", m->instructions[run->guest_vmpl]);
	set(to, "eoi_lazy", c ? c->eoi_lazy : 0);
	if (!c)
		return set(to, "eoi_explicit", explicit_eois(run, vcpu));
	for (int vector = 0; vector < APIC_VECTORS; vector++)
		eoi += c->vector[vector].eoi;
	set(to, "eoi_explicit", eoi - c->eoi_lazy);
}

static void put_host(json_t *to, const struct report_run *run,
		     unsigned int vcpu)
{
	const struct host_vcpu_stats *s = host_stats(run->host, vcpu);
	const struct apic_counters *c = monitor_of(run, vcpu);

	json_object_set_new(to, "vmgexits", events(s->vmgexits));
	json_object_set_new(to, "vmgexits_refused", events(s->refused));
	set(to, "ipis", s->ipis + (c ? c->ipis : 0));
	set(to, "idles", s->idles);
	set(to, "kicks_sent", s->kicks_sent);
	set(to, "kicks_elided", s->kicks_elided);
	set(to, "doorbells", s->doorbells);
	set(to, "requested_irr", s->irr_merges);
	set(to, "hv_events", s->hv_events);
	set(to, "doorbell_posts", s->doorbell_posts);
	set(to, "descriptor_posts", s->ext_posts);
	set(to, "notifications", s->notifications);
}

static json_t *vcpu_json(const struct report_run *run, unsigned int vcpu)
{
	json_t *out = json_object();

	set(out, "id", vcpu);
	put_machine(out, machine_stats(run->machine, vcpu));
	put_host(out, run, vcpu);
	put_monitor(out, run, vcpu);
	return out;
}

/* ---- all vCPUs together -------------------------------------------------- */

struct vector_sum {
	u64 posted, presented, refused, eoi, coalesced, discarded;
};

/*
 * What the host handed on arrives at the monitor, which counts it as posted
 * again, together with IPIs and timers, of which the host knows nothing.
 */
static void add_monitor(struct vector_sum *sum,
			const struct apic_vector_count *host,
			const struct apic_counters *monitor, int vector)
{
	const struct apic_vector_count *c;

	if (!monitor) {
		sum->posted += host->posted;
		sum->eoi += host->eoi;
		return;
	}
	c = &monitor->vector[vector];
	sum->posted += c->posted + host->refused + host->coalesced +
		       host->discarded;
	sum->refused += c->refused;
	sum->coalesced += c->coalesced;
	sum->discarded += c->discarded;
	sum->eoi += c->eoi;
}

static void add_vector(struct vector_sum *sum, const struct report_run *run,
		       unsigned int vcpu, int vector)
{
	const struct machine_vcpu_stats *m;
	const struct apic_counters *counters;
	const struct apic_vector_count *h;

	m = machine_stats(run->machine, vcpu);
	sum->presented += m->intr[vector];
	sum->refused += m->refused[vector];
	sum->eoi += m->eoi[vector];
	counters = host_vectors(run->host, vcpu, run->guest_vmpl);
	if (!counters)
		return;
	h = &counters->vector[vector];
	sum->refused += h->refused;
	sum->coalesced += h->coalesced;
	sum->discarded += h->discarded;
	add_monitor(sum, h, monitor_of(run, vcpu), vector);
}

static json_t *vectors(const struct report_run *run)
{
	json_t *out = json_object(), *one;
	char key[8];

	for (int vector = 0; vector < 256; vector++) {
		struct vector_sum sum = { 0 };

		for (unsigned int cpu = 0; cpu < run->vcpus; cpu++)
			add_vector(&sum, run, cpu, vector);
		if (!sum.posted && !sum.presented && !sum.refused && !sum.eoi)
			continue;
		one = json_object();
		set(one, "posted", sum.posted);
		set(one, "presented", sum.presented);
		set(one, "refused", sum.refused);
		set(one, "eoi", sum.eoi);
		set(one, "coalesced", sum.coalesced);
		set(one, "discarded", sum.discarded);
		snprintf(key, sizeof(key), "0x%02x", vector);
		json_object_set_new(out, key, one);
	}
	return out;
}

/* JSON is UTF-8, and a reason may quote a guest. */
static void put_text(json_t *to, const char *key, const char *text)
{
	char clean[512];
	size_t n;

	if (!text)
		return;
	for (n = 0; text[n] && n < sizeof(clean) - 1; n++)
		clean[n] = text[n] < ' ' || text[n] > '~' ? '?' : text[n];
	clean[n] = '\0';
	json_object_set_new(to, key, json_string(clean));
}

static json_t *violations(const struct report_run *run)
{
	json_t *out = json_array(), *one;
	const char *name;
	u64 count;

	for (int i = 0; (name = host_reason_name(run->host, i, &count)); i++) {
		one = json_object();
		put_text(one, "name", name);
		set(one, "count", count);
		json_array_append_new(out, one);
	}
	return out;
}

static json_t *report_json(const struct report_run *run)
{
	json_t *out = json_object(), *vcpus = json_array();
	bool counted = run->machine && run->host;

	put_text(out, "result", run->result);
	put_text(out, "reason", run->reason);
	json_object_set_new(out, "guest_seconds",
			    json_real(run->guest_ns / 1e9));
	if (run->has_instructions)
		set(out, "instructions", run->instructions);
	for (unsigned int i = 0; counted && i < run->vcpus; i++)
		json_array_append_new(vcpus, vcpu_json(run, i));
	json_object_set_new(out, "vcpus", vcpus);
	json_object_set_new(out, "vectors",
			    counted ? vectors(run) : json_object());
	json_object_set_new(out, "violations",
			    counted ? violations(run) : json_array());
	return out;
}

/* 15 digits hold the nanoseconds of eleven days. */
char *report_text(const struct report_run *run)
{
	json_t *json = report_json(run);
	char *text;

	text = json_dumps(json, JSON_SORT_KEYS | JSON_INDENT(2) |
				JSON_REAL_PRECISION(15));
	json_decref(json);
	return text;
}

int report_write(const char *path, const struct report_run *run)
{
	char *text = report_text(run), *temporary = NULL;
	int rc = ENOMEM;
	FILE *f;

	if (!text || asprintf(&temporary, "%s.new", path) < 0) {
		free(text);
		return rc;
	}
	errno = 0;
	f = fopen(temporary, "we");
	if (f) {
		fprintf(f, "%s\n", text);
		rc = ferror(f);
		rc = fclose(f) || rc || rename(temporary, path) ? EIO : 0;
	}
	if (rc && errno)
		rc = errno;
	free(temporary);
	free(text);
	return rc;
}
