// SPDX-License-Identifier: MIT
/*
 * Requests to the host. Source: SEV-ES GHCB Standardization (56421), MSR
 * protocol: section 2.3; the page: section 4.
 *
 * The MSR holds the GHCB's address at all times but within ghcb_msr(): a
 * request through the page needs no WRMSR. IF is 0 and #HV uses no GHCB, so
 * nobody comes between filling the page and VMGEXIT.
 */
#include "svsm/insn.h"
#include "svsm/svsm.h"

u64 ghcb_msr(u64 request)
{
	u64 old = rdmsr(MSR_GHCB);
	u64 answer;

	wrmsr(MSR_GHCB, request);
	vmgexit();
	answer = rdmsr(MSR_GHCB);
	wrmsr(MSR_GHCB, old);
	return answer;
}

void ghcb_check_version(void)
{
	u64 answer = ghcb_msr(GHCB_MSR_INFO_REQ);

	if ((answer & GHCB_MSR_CODE) != GHCB_MSR_INFO ||
	    answer >> 48 < GHCB_VERSION_MAX ||
	    (answer >> 32 & 0xffff) > GHCB_VERSION_MAX)
		stop(MONITOR_STOP_PROTOCOL, "the host does not speak GHCB "
		     "version 2", answer);
}

/*
 * Injection.md C1: what is missing is a reason to stop, never one to do
 * without.
 */
void ghcb_check_features(void)
{
	u64 need = GHCB_FEATURE_SNP | GHCB_FEATURE_AP_CREATION |
		   GHCB_FEATURE_MULTI_VMPL | GHCB_FEATURE_RESTRICTED;
	u64 answer = ghcb_msr(GHCB_MSR_FEATURES_REQ);

	if (info.flags & MONITOR_UNAWARE)
		need |= GHCB_FEATURE_TIMER;
	if (guest_features() & SEV_FEATURE_ALTERNATE)
		need |= GHCB_FEATURE_EXT_INTERRUPTS;
	if ((answer & GHCB_MSR_CODE) != GHCB_MSR_FEATURES)
		stop(MONITOR_STOP_ANSWER, "the host does not tell its features",
		     answer);
	host_features = answer >> 12;
	if (need & ~(answer >> 12))
		stop(MONITOR_STOP_FEATURES, "the host lacks features that the "
		     "monitor needs", need & ~(answer >> 12));
}

/* The page is not validated: nobody has ever put anything in it. */
void ghcb_make_shared(u64 gpa)
{
	u64 answer = ghcb_msr(GHCB_MSR_PSC_REQ | gpa |
			      (u64)PSC_OP_SHARED << PSC_ENTRY_OP_SHIFT);

	if (answer != GHCB_MSR_PSC)
		stop(MONITOR_STOP_PAGE_STATE, "the host does not share a page",
		     answer);
}

void ghcb_register(struct cpu *cpu)
{
	u64 answer = ghcb_msr(GHCB_MSR_REGISTER_REQ | cpu->ghcb_gpa);

	if (answer != (GHCB_MSR_REGISTER | cpu->ghcb_gpa))
		stop(MONITOR_STOP_GHCB, "the host does not register the GHCB",
		     answer);
	wrmsr(MSR_GHCB, cpu->ghcb_gpa);
}

/* ---- the page ------------------------------------------------------------ */

static void set_valid(struct ghcb *g, unsigned int field)
{
	g->valid[field / 64] |= BIT_ULL(field % 64);
}

#define PUT(g, field, value) do {					\
	(g)->field = (value);						\
	set_valid(g, GHCB_FIELD(field));				\
} while (0)

void ghcb_prepare(struct cpu *cpu, u64 code, u64 info1, u64 info2)
{
	struct ghcb *g = cpu->ghcb;

	g->valid[0] = 0;
	g->valid[1] = 0;
	g->version = GHCB_VERSION_MAX;
	g->usage = 0;
	PUT(g, exit_code, code);
	PUT(g, exit_info1, info1);
	PUT(g, exit_info2, info2);
}

/* The host's page: read once, and only the answers that there are. */
u32 ghcb_result(struct cpu *cpu)
{
	volatile struct ghcb *g = cpu->ghcb;
	u32 field = GHCB_FIELD(exit_info1);
	u32 result = g->exit_info1;

	if (!(g->valid[field / 64] >> field % 64 & 1) ||
	    result > GHCB_RESULT_MALFORMED)
		stop(MONITOR_STOP_ANSWER, "the host's answer is malformed",
		     result);
	return result;
}

u32 ghcb_call(u64 code, u64 info1, u64 info2, u64 rax, u64 *info2_out)
{
	struct cpu *cpu = this_cpu();
	volatile struct ghcb *g = cpu->ghcb;

	ghcb_prepare(cpu, code, info1, info2);
	PUT(cpu->ghcb, rax, rax);
	vmgexit();
	if (info2_out)
		*info2_out = g->exit_info2;
	return ghcb_result(cpu);
}

static void must(u32 result, u64 code)
{
	if (result)
		stop(MONITOR_STOP_GHCB, "the host refuses a GHCB request",
		     code);
}

u64 ghcb_rdmsr(u32 msr)
{
	struct cpu *cpu = this_cpu();
	volatile struct ghcb *g = cpu->ghcb;

	ghcb_prepare(cpu, EXIT_MSR, 0, 0);
	PUT(cpu->ghcb, rcx, msr);
	vmgexit();
	must(ghcb_result(cpu), EXIT_MSR);
	return (u32)g->rax | g->rdx << 32;
}

void ghcb_wrmsr(u32 msr, u64 value)
{
	struct cpu *cpu = this_cpu();

	ghcb_prepare(cpu, EXIT_MSR, 1, 0);
	PUT(cpu->ghcb, rcx, msr);
	PUT(cpu->ghcb, rax, (u32)value);
	PUT(cpu->ghcb, rdx, value >> 32);
	vmgexit();
	must(ghcb_result(cpu), EXIT_MSR);
}

static u64 ioio(u16 port, u32 direction)
{
	return (u64)port << IOIO_PORT_SHIFT | BIT(IOIO_ADDR_SHIFT + 2) |
	       1 << IOIO_SIZE_SHIFT | direction;
}

void ghcb_out(u16 port, u8 value)
{
	must(ghcb_call(EXIT_IOIO, ioio(port, 0), 0, value, NULL), EXIT_IOIO);
}

u8 ghcb_in(u16 port)
{
	volatile struct ghcb *g = this_cpu()->ghcb;

	must(ghcb_call(EXIT_IOIO, ioio(port, IOIO_IN), 0, 0, NULL), EXIT_IOIO);
	return g->rax;
}
