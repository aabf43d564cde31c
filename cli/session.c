// SPDX-License-Identifier: MIT
/* What the library in the engine is told; engine/session.c reads it. */
#include "cli/run.h"

int session_write(const struct run *run)
{
	const struct launch *l = run->launch;
	bool native = l->guest == GUEST_PLAIN;
	const char *path = scratch_path(SESSION_FILE);
	json_t *json;
	int rc;

	json = json_pack("{s:s, s:s, s:s, s:s, s:i, s:b, s:I, s:b, s:o}",
			 "igvm", scratch_path(IGVM_FILE),
			 "report", scratch_path(RAW_REPORT),
			 "injection", injection_name(l->injection),
			 "guest", guest_name(l->guest),
			 "vmpl", l->vmpl,
			 "native", native,
			 "seed", (json_int_t)run->seed,
			 "sweep", run->sweep,
			 "switches", switches_json(&run->switches));
	if (!json)
		return fail("out of memory");
	rc = json_dump_file(json, path, JSON_SORT_KEYS | JSON_INDENT(2));
	json_decref(json);
	return rc ? fail("cannot write %s", path) : 0;
}
