// SPDX-License-Identifier: MIT
/* The guest, its plans, and what it must have seen at the end. */
#include <string.h>

#include "tests/lib/rows.h"
#include "tests/lib/steps.h"

#define POINTS		14
#define NEST		8
#define BOUNDARIES	80	/* enough for all handlers to have ended */
#define SOFT		0x30
#define VECTOR_DB	1

enum exit_kind { BY_INTR, BY_VC, BY_NPF, EXIT_KINDS };

/* At these points, counted from the exit before. */
struct plan {
	unsigned int at[3];
	enum exit_kind kind[3];
};

const struct steps_scene steps_scenes[] = {
	{ "one edge", .edges = { STEPS_EDGE } },
	{ "one level", .level = STEPS_LEVEL },
	{ "two classes", .edges = { STEPS_EDGE, STEPS_HIGHER } },
	{ "NMI by V_NMI, and an edge", { STEPS_EDGE }, .nmi = true },
	{ "NMI by EVENTINJ, and an edge", { STEPS_EDGE }, .nmi = true,
	  .no_v_nmi = true },
	{ "#GP of the monitor's, and an edge", { STEPS_EDGE }, .gp = true },
	{ "#GP, NMI by EVENTINJ, two classes", { STEPS_EDGE, STEPS_HIGHER },
	  .gp = true, .nmi = true, .no_v_nmi = true },
	{ "a higher one comes with each exit", { STEPS_EDGE }, .later = true },
	{ "INTn, and an edge", { STEPS_EDGE }, .deed = STEPS_INT_N },
	{ "INT3, and a level", .level = STEPS_LEVEL, .deed = STEPS_INT3 },
	{ "#UD of the guest's, and an edge", { STEPS_EDGE },
	  .deed = STEPS_UD },
	{ "#DB behind an instruction, and an edge", { STEPS_EDGE },
	  .deed = STEPS_DB },
	{ .name = NULL },
};

static const u8 deed_vectors[] = {
	[STEPS_INT_N] = SOFT, [STEPS_INT3] = VECTOR_BP, [STEPS_UD] = VECTOR_UD,
	[STEPS_DB] = VECTOR_DB,
};

struct steps steps;

static struct {
	const struct steps_backend *backend;
	const struct steps_scene *scene;
	const struct plan *plan;
	unsigned int exits;		/* of the plan, so far */
	unsigned int point;		/* since the last of them */
	struct {
		u8 vector;
		bool irq, nmi;
		unsigned int at;
	} stack[NEST];
	unsigned int depth;
	enum steps_deed deed;
} now;

/* Exits of each kind between two instructions, and within a delivery. */
static unsigned int seen[EXIT_KINDS][2];

/* ---- exits --------------------------------------------------------------- */

static void leave(enum exit_kind kind)
{
	struct access a = { .gpa = STEPS_GPA, .kind = ACCESS_WRITE };

	switch (kind) {
	case BY_INTR:
		machine_kicked(steps.s.m, 0);
		break;
	case BY_VC:
		machine_fault(steps.s.m, 0, &a, ACCESS_MMIO, 0);
		break;
	default:
		machine_fault(steps.s.m, 0, &a, ACCESS_NPF,
			      NPF_FINAL | NPF_WRITE);
	}
	assert_false(hv_in_guest(steps.s.m, 0));
}

/* True: the plan had an exit here, and the guest runs again. */
static bool exited(bool delivering)
{
	const struct plan *p = now.plan;
	enum exit_kind kind;
	bool locked;

	if (now.exits >= 3 || now.point++ != p->at[now.exits])
		return false;
	kind = p->kind[now.exits];
	/* Interrupts are taken between instructions, never within. */
	if (delivering && kind == BY_INTR)
		return false;
	leave(kind);
	seen[kind][delivering]++;
	assert_int_equal(steps.vmsa->exit_int_info & EVENT_V,
			 delivering ? EVENT_V : 0);
	/* Then the host may not go on by itself. */
	locked = now.backend->locks && delivering && kind == BY_VC;
	assert_int_equal(!!(steps.vmsa->vintr_ctrl & VINTR_BUSY), locked);
	if (locked)
		assert_int_equal(script_run(&steps.s, 0, steps.vmpl),
				 EXIT_BUSY);
	now.exits++;
	now.point = 0;
	now.backend->resume(now.scene->later);
	assert_true(hv_in_guest(steps.s.m, 0));
	return true;
}

/* ---- the guest ----------------------------------------------------------- */

static struct regs *regs(void)
{
	return &steps.s.cpu[0].regs;
}

/* RIP is at @deed's instruction, or there is none. */
static void deliver(u64 event, enum steps_deed deed)
{
	u8 vector = event & EVENT_VECTOR;
	bool nmi = event_type(event) == EVENT_NMI;

	machine_delivering(steps.s.m, 0, event);
	if (nmi)
		regs()->nmi_masked = true;
	if (exited(true))
		return;
	machine_delivered(steps.s.m, 0);
	regs()->rflags &= ~RFLAGS_IF;
	assert_true(now.depth < NEST);
	now.stack[now.depth].vector = vector;
	now.stack[now.depth].irq = event_type(event) == EVENT_INTR;
	now.stack[now.depth].nmi = nmi;
	now.stack[now.depth++].at = 0;
	if (nmi)
		steps.nmis++;
	else
		steps.taken[vector]++;
	/* Behind it; #UD stays at it, and its handler goes on. */
	if (deed == STEPS_INT_N || deed == STEPS_INT3 || vector == VECTOR_UD)
		now.deed = STEPS_NOTHING;
}

static void do_deed(void)
{
	enum steps_deed deed = now.deed;

	if (deed == STEPS_NOTHING)
		return;
	/* A trap: the instruction before it is not executed again. */
	if (deed == STEPS_DB)
		now.deed = STEPS_NOTHING;
	deliver(event_make(deed == STEPS_INT_N ? EVENT_SOFT : EVENT_EXCEPTION,
			   deed_vectors[deed]), deed);
}

/* STI, its shadow, CLI, EOI, IRET: a handler that can be interrupted. */
static void handler_instruction(void)
{
	switch (now.stack[now.depth - 1].at++) {
	case 0:
		regs()->rflags |= RFLAGS_IF;
		regs()->shadow = true;
		break;
	case 2:
		regs()->rflags &= ~RFLAGS_IF;
		break;
	case 3:
		if (now.stack[now.depth - 1].irq)
			now.backend->eoi();
		break;
	case 4:
		if (now.stack[now.depth - 1].nmi)
			regs()->nmi_masked = false;
		now.depth--;
		regs()->rflags |= RFLAGS_IF;
		break;
	default:
		break;
	}
}

static void boundary(void)
{
	enum mach_event what;
	u64 event;

	if (exited(false))
		return;
	what = script_ask(&steps.s, 0, &event);
	regs()->shadow = false;
	if (what == EVENT_DELIVER)
		deliver(event, STEPS_NOTHING);
	else if (now.depth)
		handler_instruction();
	else
		do_deed();
}

/* ---- one plan ------------------------------------------------------------ */

static void check(void)
{
	const struct steps_scene *scene = now.scene;
	const struct plan *p = now.plan;
	unsigned int want;

	for (unsigned int v = 1; v < 256; v++) {
		want = steps.posted[v] + (v == deed_vectors[scene->deed]) +
		       (v == VECTOR_GP && scene->gp);
		if (steps.taken[v] != want)
			fail_msg("vector %#x: %u times, not %u; exits at %u "
				 "%u %u by %u %u %u", v, steps.taken[v], want,
				 p->at[0], p->at[1], p->at[2], p->kind[0],
				 p->kind[1], p->kind[2]);
	}
	assert_int_equal(steps.nmis, scene->nmi);
	assert_int_equal(steps.level_eois, !!scene->level);
	assert_int_equal(now.depth, 0);
}

static void run_plan(const struct plan *plan)
{
	now.plan = plan;
	now.exits = now.point = now.depth = 0;
	now.deed = now.scene->deed;
	memset(steps.posted, 0, sizeof(steps.posted));
	memset(steps.taken, 0, sizeof(steps.taken));
	steps.level_eois = steps.nmis = 0;
	*steps.vmsa = steps.fresh;
	if (now.scene->no_v_nmi)
		steps.vmsa->vintr_ctrl &= ~VINTR_NMI_ENABLE;
	now.backend->begin(now.scene);
	for (unsigned int i = 0; i < BOUNDARIES; i++)
		boundary();
	leave(BY_INTR);
	now.backend->end();
	check();
}

/* A last exit that never comes, so that a plan may be shorter. */
void steps_run(const struct steps_backend *backend,
	       const struct steps_scene *scene)
{
	const unsigned int ways = POINTS * EXIT_KINDS;
	struct plan p;

	now.backend = backend;
	now.scene = scene;
	memset(seen, 0, sizeof(seen));
	for (unsigned int a = 0; a < ways; a++)
		for (unsigned int b = 0; b < ways; b++) {
			p = (struct plan){
				{ a / EXIT_KINDS, b / EXIT_KINDS, ~0u },
				{ a % EXIT_KINDS, b % EXIT_KINDS } };
			run_plan(&p);
		}
	for (unsigned int i = 0; i < POINTS * POINTS * POINTS; i++) {
		p = (struct plan){
			{ i % POINTS, i / POINTS % POINTS,
			  i / POINTS / POINTS },
			{ BY_VC, BY_VC, BY_VC } };
		run_plan(&p);
	}
	assert_true(seen[BY_INTR][0] && seen[BY_VC][0] && seen[BY_NPF][0]);
	assert_true(seen[BY_VC][1] && seen[BY_NPF][1]);
}

void steps_start(unsigned int vmpl, u64 features)
{
	struct machine_config c = script_config();

	script_new(&steps.s, &c);
	steps.vmpl = vmpl;
	steps.vmsa = script_vmsa(&steps.s, 0, vmpl, features);
	steps.fresh = *steps.vmsa;
}

void steps_stop(void)
{
	script_free(&steps.s);
}
