// SPDX-License-Identifier: MIT
/*
 * The scratch area of a GHCB request: where data of variable length is.
 */
#include <string.h>

#include "host/ghcb.h"

/*
 * Protocol version 2 wants it in the GHCB's own buffer (KVM refuses anything
 * else); version 1 allows any shared memory, of which we take one page.
 */
bool host_ghcb_scratch(struct ghcb_call *call, u64 len)
{
	u64 at = call->in.scratch, page = at & PAGE_MASK;
	u64 from = call->gpa + offsetof(struct ghcb, buffer);
	u64 to = from + sizeof(call->in.buffer);
	enum hv_mem why;
	bool ok;

	if (page == call->gpa)
		ok = at >= from && at <= to && len <= to - at;
	else
		ok = call->in.version < 2 && at && len <= PAGE_SIZE &&
		     at - page + len <= PAGE_SIZE &&
		     hv_map(call->host->m, page, &why);
	if (!ok)
		host_ghcb_refuse(call, GHCB_ERR_SCRATCH, "scratch area");
	return ok;
}

bool host_ghcb_scratch_read(struct ghcb_call *call, u32 at, void *buf, u32 len)
{
	u64 gpa = call->in.scratch + at;

	if ((call->in.scratch & PAGE_MASK) != call->gpa)
		return hv_read(call->host->m, gpa, buf, len) == HV_OK;
	memcpy(buf, (u8 *)&call->in + (gpa - call->gpa), len);
	return true;
}

void host_ghcb_scratch_write(struct ghcb_call *call, u32 at, const void *buf,
			     u32 len)
{
	u64 gpa = call->in.scratch + at;

	if (hv_write(call->host->m, gpa, buf, len) != HV_OK)
		host_log(call->host, "scratch area went away", "gpa %#llx",
			 (unsigned long long)gpa);
}
