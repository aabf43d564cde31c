// SPDX-License-Identifier: MIT
/*
 * The composition root: makes the machine and the host, puts them behind the
 * engine's seam, launches the guest, ends the run. One process runs one.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/monitor.h"
#include "engine/report.h"
#include "engine/session.h"
#include "machine/hv.h"

static struct session session;

void session_log(struct session *s, const char *format, ...)
{
	char line[320];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	s->engine->platform->log(s->ctx, line);
}

/* ---- the end ------------------------------------------------------------- */

static void write_report(struct session *s, const char *result,
			 const char *reason)
{
	const struct belfry_engine *e = s->engine;
	struct report_run run = {
		.machine = s->machine,
		.host = s->host,
		.vcpus = e->vcpus,
		.guest_vmpl = s->config.guest_vmpl,
		.monitor = monitor_counters,
		.session = s,
		.result = result,
		.reason = reason,
		.guest_ns = s->platform.now(s->ctx) - s->start_ns,
		.has_instructions = e->icount,
		.instructions = e->instructions(s->ctx),
	};
	int err;

	if (!s->config.report)
		return;
	err = report_write(s->config.report, &run);
	if (err)
		session_log(s, "cannot write %s: %s", s->config.report,
			    strerror(err));
}

/* host_platform.stop; the only way a run ends in good order. */
static void stop(void *ctx, const char *result, const char *reason)
{
	struct session *s = &session;

	if (s->stopped)
		return;
	s->stopped = true;
	write_report(s, result, reason);
	s->engine->quit(ctx, strcmp(result, "powered-off") ? 1 : 0);
}

static void ended(enum belfry_end why)
{
	struct session *s = &session;

	if (why == BELFRY_QUIT)
		stop(s->ctx, "ended", "the engine was told to end");
	else if (s->host)
		host_guest_off(s->host, why == BELFRY_RESET);
	else if (why == BELFRY_RESET)
		stop(s->ctx, "reset", "the guest reset the machine");
	else
		stop(s->ctx, "powered-off", "the guest powered off");
}

/* ---- the start ----------------------------------------------------------- */

static bool start(void)
{
	struct session *s = &session;
	const char *why;

	s->start_ns = s->platform.now(s->ctx);
	why = load_guest(s);
	if (why) {
		session_log(s, "launch refused: %s", why);
		stop(s->ctx, "launch-refused", why);
		return false;
	}
	s->started = true;
	if (s->config.native) {
		host_firmware(&s->platform, s->ctx);
		return true;
	}
	hv_launch_finish(s->machine);
	host_start(s->host);
	return !s->stopped;
}

static bool make_machine(struct session *s)
{
	const struct belfry_engine *e = s->engine;
	struct machine_config config = {
		.vcpus = e->vcpus,
		.ram_below_4g = e->ram_below_4g,
		.ram_above_4g = e->ram_above_4g,
		.hole_start = 0xa0000,	/* VGA's window */
		.hole_end = 0xc0000,
		.features = s->config.features,
		.no_2m = s->config.no_2m,
		.seed = s->config.seed,
		.switches = s->config.switches,
	};

	s->machine = machine_new(&config, e->ops, s->ctx);
	return s->machine;
}

const u32 *session_apic_ids(const struct session *s)
{
	return s->config.apic_ids == s->engine->vcpus ? s->config.apic_id :
							s->engine->apic_id;
}

static bool make_host(struct session *s)
{
	const struct belfry_engine *e = s->engine;
	struct host_config config = {
		.vcpus = e->vcpus,
		.apic_id = session_apic_ids(s),
		.ram_below_4g = e->ram_below_4g,
		.ram_above_4g = e->ram_above_4g,
		.injection = s->config.injection,
		.guest_vmpl = s->config.guest_vmpl,
		.allowed_features = s->config.allowed_features,
		.ghcb_features = s->config.ghcb_features,
		.x2apic = true,
		.unhelpful = s->config.sweep,
	};

	s->host = host_new(&config, s->machine, &s->platform, s->ctx);
	return s->host;
}

/* ---- the seam ------------------------------------------------------------ */

static struct belfry_api api = {
	.version = BELFRY_API_VERSION,
	.start = start,
	.ended = ended,
};

static void fill_api(struct session *s)
{
	api.native = s->config.native;
	if (api.native)
		return;
	api.machine = s->machine;
	api.host = s->host;
	api.access = machine_access;
	api.fault = machine_fault;
	api.flushed = machine_flushed;
	api.dma_allowed = machine_dma_allowed;
	api.intercept = machine_intercept;
	api.vmgexit = machine_vmgexit;
	api.hlt = machine_hlt;
	api.shutdown = machine_shutdown;
	api.rdmsr = machine_rdmsr;
	api.wrmsr = machine_wrmsr;
	api.vc_code = machine_vc_code;
	api.vc_is_trap = machine_vc_is_trap;
	api.read_cr8 = machine_read_cr8;
	api.write_cr8 = machine_write_cr8;
	api.pvalidate = machine_pvalidate;
	api.rmpadjust = machine_rmpadjust;
	api.rmpquery = machine_rmpquery;
	api.event = machine_event;
	api.vintr = machine_vintr;
	api.delivering = s->config.sweep ? sweep_delivering :
					   machine_delivering;
	api.delivered = s->config.sweep ? sweep_delivered : machine_delivered;
	api.kicked = machine_kicked;
	api.set_gsi = host_set_gsi;
	api.msi = host_msi;
	api.nmi = host_nmi;
	api.dma_refused = host_dma_refused;
}

const struct belfry_api *belfry_attach(const struct belfry_engine *engine,
				       void *ctx, const char *config_path)
{
	struct session *s = &session;

	/* Nothing but the version may be looked at before. */
	if (engine->version != BELFRY_API_VERSION) {
		fprintf(stderr, "belfry: the emulator has API version %u, the "
			"library %u: build both from the same tree\n",
			engine->version, BELFRY_API_VERSION);
		return NULL;
	}
	s->engine = engine;
	s->ctx = ctx;
	s->platform = *engine->platform;
	s->platform.stop = stop;
	if (!config_read(s, config_path))
		return NULL;
	if (!s->config.native && (!make_machine(s) || !make_host(s) ||
				  (s->config.sweep && !sweep_attach(s)))) {
		session_log(s, "out of memory");
		return NULL;
	}
	fill_api(s);
	return &api;
}
