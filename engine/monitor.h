/* SPDX-License-Identifier: MIT */
/*
 * The counters of a monitor that keeps some (svsm/counters.h), looked up in
 * its memory as a debugger would. It is recognised by the information page of
 * its file, whoever made that; the host has no part in this.
 */
#ifndef ENGINE_MONITOR_H
#define ENGINE_MONITOR_H

#include "engine/session.h"
#include "svsm/counters.h"

/* While loading: a page of the file. */
void monitor_look(struct session *s, const void *page);

/* A copy, or NULL: no monitor, none that counts, no such vCPU. */
const struct apic_counters *monitor_counters(void *session, unsigned int vcpu);

#endif
