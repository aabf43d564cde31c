// SPDX-License-Identifier: MIT
/*
 * The host's log and the end of a run. A guest can provoke most lines at
 * will, so each reason is printed a few times and from then on only when
 * its count reaches a power of two. No clock is involved: equal runs give
 * equal logs.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/internal.h"

#define LOG_FREE	8	/* lines of one reason before thinning out */
#define LOG_LINE	256

static struct host_reason *reason_find(struct host *h, const char *name)
{
	for (int i = 0; i < HOST_REASONS - 1; i++) {
		struct host_reason *r = &h->reason[i];

		if (!r->name)
			r->name = name;
		if (r->name == name || !strcmp(r->name, name))
			return r;
	}
	h->reason[HOST_REASONS - 1].name = "other reasons";
	return &h->reason[HOST_REASONS - 1];
}

void host_log(struct host *h, const char *name, const char *fmt, ...)
{
	struct host_reason *r = reason_find(h, name);
	char text[LOG_LINE], line[LOG_LINE + 96];
	va_list ap;

	r->count++;
	if (r->count > LOG_FREE && r->count & (r->count - 1))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (r->count > LOG_FREE)
		snprintf(line, sizeof(line), "%s: %s (%llu times)", name, text,
			 (unsigned long long)r->count);
	else
		snprintf(line, sizeof(line), "%s: %s", name, text);
	h->ops->log(h->platform, line);
}

void host_stop(struct host *h, const char *result, const char *fmt, ...)
{
	char reason[LOG_LINE];
	va_list ap;

	if (h->stopped)
		return;
	h->stopped = true;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	h->ops->stop(h->platform, result, reason);
	for (unsigned int i = 0; i < h->config.vcpus; i++)
		if (hv_in_guest(h->m, i))
			host_kick(&h->vcpu[i]);
}
