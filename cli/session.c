// SPDX-License-Identifier: MIT
/* What the library in the engine is told; engine/session.c reads it. */
#include "cli/run.h"

/* Always said, so that the emulator's own numbers do not matter. */
static json_t *ids_json(const struct launch *l)
{
	json_t *ids = json_array();

	for (unsigned int i = 0; ids && i < l->cpus; i++)
		json_array_append_new(ids, json_integer(l->apic_ids[i]));
	return ids;
}

int session_write(const struct run *run)
{
	const struct launch *l = run->launch;
	bool native = l->guest == GUEST_PLAIN;
	const char *path = scratch_path(SESSION_FILE);
	json_t *json;
	int rc;

	json = json_pack("{s:s, s:s, s:s, s:s, s:i, s:b, s:I, s:b, s:o, s:o}",
			 "igvm", scratch_path(IGVM_FILE),
			 "report", scratch_path(RAW_REPORT),
			 "injection", injection_name(l->injection),
			 "guest", guest_name(l->guest),
			 "vmpl", l->vmpl,
			 "native", native,
			 "seed", (json_int_t)run->seed,
			 "sweep", run->sweep,
			 "apic_ids", ids_json(l),
			 "switches", switches_json(&run->switches));
	if (!json)
		return fail("out of memory");
	rc = json_dump_file(json, path, JSON_SORT_KEYS | JSON_INDENT(2));
	json_decref(json);
	return rc ? fail("cannot write %s", path) : 0;
}
