// SPDX-License-Identifier: MIT
/*
 * An exit at every step of the delivery of every kind of event into a guest
 * under Alternate Injection and ReflectVC: the machine as it is, the
 * monitor's presentation as it is, and a guest that counts what its handlers
 * got. Nothing is lost, nothing comes twice, whatever the exit and wherever
 * the next one.
 *
 * A point is a place where an exit may come: an instruction boundary, or
 * within a delivery, between the processor's choice of the event and the
 * first instruction of its handler. APM vol. 2, 15.20, 15.36.9, 15.36.17.
 */
#include "core/present.h"
#include "tests/core_apic.h"
#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

#define VMPL		2
#define FEATURES	(SEV_FEATURE_SNP | SEV_FEATURE_REFLECT_VC |	\
			 SEV_FEATURE_ALTERNATE)
#define EDGE		0x41
#define HIGHER		0x61
#define LEVEL		0x51
#define LATER		0x71
#define SOFT		0x30
#define POINTS		14
#define NEST		8

enum exit_kind { BY_INTR, BY_VC, BY_NPF, EXIT_KINDS };

/* At these points, counted from the exit before; POINTS: no more exits. */
struct plan {
	unsigned int at[3];
	enum exit_kind kind[3];
};

/* What the guest does in an instruction of its main program. */
enum deed { NOTHING, INT_N, INT3, UD2, TRAP };

static const struct scene {
	const char *name;
	u8 edges[2], level;
	bool nmi, no_v_nmi, gp, later;
	enum deed deed;
} scenes[] = {
	{ "one edge", .edges = { EDGE } },
	{ "one level", .level = LEVEL },
	{ "two classes", .edges = { EDGE, HIGHER } },
	{ "NMI by V_NMI, and an edge", { EDGE }, .nmi = true },
	{ "NMI by EVENTINJ, and an edge", { EDGE }, .nmi = true,
	  .no_v_nmi = true },
	{ "#GP of the monitor's, and an edge", { EDGE }, .gp = true },
	{ "#GP, NMI by EVENTINJ, two classes", { EDGE, HIGHER }, .gp = true,
	  .nmi = true, .no_v_nmi = true },
	{ "a higher one comes with each exit", { EDGE }, .later = true },
	{ "INTn, and an edge", { EDGE }, .deed = INT_N },
	{ "INT3, and a level", .level = LEVEL, .deed = INT3 },
	{ "#UD of the guest's, and an edge", { EDGE }, .deed = UD2 },
	{ "#DB behind an instruction, and an edge", { EDGE }, .deed = TRAP },
};

static struct script s;
static struct vmsa *vmsa, fresh;
static struct apic apic;
static struct apic_counters count;
static struct present present;
static u8 eoi_byte;

static struct {
	const struct scene *scene;
	const struct plan *plan;
	unsigned int exits;		/* of the plan, so far */
	unsigned int point;		/* since the last of them */
	bool more_later;
	unsigned int posted[256], taken[256], nmis, level_eois;
	/* the guest */
	struct {
		u8 vector;
		bool irq, nmi;
		unsigned int at;
	} stack[NEST];
	unsigned int depth;
	enum deed deed;
} now;

/* Exits of each kind between two instructions, and within a delivery. */
static unsigned int seen[EXIT_KINDS][2];

/* ---- the monitor --------------------------------------------------------- */

static void post(u8 vector, bool level)
{
	apic_post(&apic, vector, level);
	now.posted[vector]++;
}

static void settle(void)
{
	present_park(vmsa);
	assert_int_equal(present_settle(&present, &apic, vmsa, &eoi_byte),
			 PRESENT_OK);
	now.level_eois += present.level_eoi != 0;
	present.level_eoi = 0;
	assert_sound(&apic);
}

static void enter(void)
{
	if (now.more_later) {
		now.more_later = false;
		if (!now.posted[LATER])
			post(LATER, false);
	}
	/* The host may come back without having run it. */
	present_enter(&present, &apic, vmsa, &eoi_byte);
	settle();
	present_enter(&present, &apic, vmsa, &eoi_byte);
	/* Locked: nobody can run it while it is edited. */
	assert_int_equal(script_run(&s, 0, VMPL), EXIT_BUSY);
	present_unpark(vmsa);
	assert_int_equal(script_run(&s, 0, VMPL), 0);
}

/* ---- exits --------------------------------------------------------------- */

static void leave(enum exit_kind kind)
{
	struct access a = { .gpa = 0x1234000, .kind = ACCESS_WRITE };

	switch (kind) {
	case BY_INTR:
		machine_kicked(s.m, 0);
		break;
	case BY_VC:
		machine_fault(s.m, 0, &a, ACCESS_MMIO, 0);
		break;
	default:
		machine_fault(s.m, 0, &a, ACCESS_NPF, NPF_FINAL | NPF_WRITE);
	}
	assert_false(hv_in_guest(s.m, 0));
}

/* True: the plan had an exit here, and the guest runs again. */
static bool exited(bool delivering)
{
	const struct plan *p = now.plan;
	bool reflected;

	if (now.exits >= 3 || now.point++ != p->at[now.exits])
		return false;
	/* Interrupts are taken between instructions, never within. */
	if (delivering && p->kind[now.exits] == BY_INTR)
		return false;
	reflected = p->kind[now.exits] == BY_VC;
	leave(p->kind[now.exits]);
	seen[p->kind[now.exits]][delivering]++;
	assert_int_equal(vmsa->exit_int_info & EVENT_V,
			 delivering ? EVENT_V : 0);
	/* Then hardware has locked it, and the host may not go on by itself. */
	assert_int_equal(!!(vmsa->vintr_ctrl & VINTR_BUSY),
			 delivering && reflected);
	if (delivering && reflected)
		assert_int_equal(script_run(&s, 0, VMPL), EXIT_BUSY);
	now.exits++;
	now.point = 0;
	now.more_later = now.scene->later;
	settle();
	enter();
	return true;
}

/* ---- the guest ----------------------------------------------------------- */

static struct regs *regs(void)
{
	return &s.cpu[0].regs;
}

/* RIP is at @deed's instruction, or there is none. */
static void deliver(u64 event, enum deed deed)
{
	u8 vector = event & EVENT_VECTOR;
	bool nmi = event_type(event) == EVENT_NMI;

	machine_delivering(s.m, 0, event);
	if (nmi)
		regs()->nmi_masked = true;
	if (exited(true))
		return;
	machine_delivered(s.m, 0);
	regs()->rflags &= ~RFLAGS_IF;
	assert_true(now.depth < NEST);
	now.stack[now.depth].vector = vector;
	now.stack[now.depth].irq = event_type(event) == EVENT_INTR;
	now.stack[now.depth].nmi = nmi;
	now.stack[now.depth++].at = 0;
	if (nmi)
		now.nmis++;
	else
		now.taken[vector]++;
	/* Behind it; #UD stays at it, and its handler goes on. */
	if (deed == INT_N || deed == INT3 || vector == VECTOR_UD)
		now.deed = NOTHING;
}

static void do_deed(void)
{
	switch (now.deed) {
	case INT_N:
		return deliver(event_make(EVENT_SOFT, SOFT), INT_N);
	case INT3:
		return deliver(event_make(EVENT_EXCEPTION, VECTOR_BP), INT3);
	case UD2:
		return deliver(event_make(EVENT_EXCEPTION, VECTOR_UD), UD2);
	case TRAP:
		/* Once: the instruction before it is not executed again. */
		now.deed = NOTHING;
		return deliver(event_make(EVENT_EXCEPTION, 1), TRAP);
	default:
		return;
	}
}

static void eoi(void)
{
	struct apic_effects fx;

	if (eoi_byte) {
		eoi_byte = 0;
		return;
	}
	machine_intercept(s.m, 0, EXIT_MSR, 1, 0, 2);
	settle();
	fx = wr(&apic, APIC_EOI, 0);
	now.level_eois += fx.eoi;
	enter();
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
			eoi();
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
	what = script_ask(&s, 0, &event);
	regs()->shadow = false;
	if (what == EVENT_DELIVER)
		deliver(event, NOTHING);
	else if (now.depth)
		handler_instruction();
	else
		do_deed();
}

/* ---- one plan ------------------------------------------------------------ */

static void begin(const struct scene *scene, const struct plan *plan)
{
	struct apic_config config = plain_config;

	memset(&now, 0, sizeof(now));
	memset(&present, 0, sizeof(present));
	memset(&count, 0, sizeof(count));
	now.scene = scene;
	now.plan = plan;
	now.deed = scene->deed;
	*vmsa = fresh;
	eoi_byte = 0;
	config.filter = true;
	config.start_x2apic = true;
	assert_true(apic_init(&apic, &config, &count));
	wr(&apic, APIC_SVR, APIC_SVR_ENABLE | 0xff);
	apic_allow_all(&apic, true);
	vmsa->vintr_ctrl = scene->no_v_nmi ? 0 : VINTR_NMI_ENABLE;
	settle();
	for (unsigned int i = 0; i < 2 && scene->edges[i]; i++)
		post(scene->edges[i], false);
	if (scene->level)
		post(scene->level, true);
	if (scene->nmi)
		apic_post_nmi(&apic, APIC_FROM_GUEST);
	if (scene->gp)
		assert_true(present_exception_code(vmsa, VECTOR_GP, 5));
	enter();
}

static u8 deed_vector(const struct scene *scene)
{
	static const u8 vectors[] = { 0, SOFT, VECTOR_BP, VECTOR_UD, 1 };

	return vectors[scene->deed];
}

static void check(void)
{
	const struct scene *scene = now.scene;
	unsigned int v, want;

	for (v = 1; v < 256; v++) {
		want = now.posted[v] + (v == deed_vector(scene)) +
		       (v == VECTOR_GP && scene->gp);
		if (now.taken[v] != want)
			fail_msg("vector %#x: %u times, not %u; exits at %u "
				 "%u %u by %u %u %u", v, now.taken[v], want,
				 now.plan->at[0], now.plan->at[1],
				 now.plan->at[2], now.plan->kind[0],
				 now.plan->kind[1], now.plan->kind[2]);
		assert_int_equal(count.vector[v].presented, now.posted[v]);
		assert_int_equal(count.vector[v].eoi, now.posted[v]);
	}
	assert_int_equal(now.nmis, scene->nmi);
	assert_int_equal(now.level_eois, !!scene->level);
	assert_int_equal(apic_pending(&apic), APIC_NO_VECTOR);
	assert_int_equal(apic_in_service(&apic), APIC_NO_VECTOR);
	assert_false(apic.nmi_pending);
	assert_int_equal(vmsa->event_inj & EVENT_V, 0);
}

static void run_plan(const struct scene *scene, const struct plan *plan)
{
	unsigned int i;

	begin(scene, plan);
	for (i = 0; i < 80; i++)
		boundary();
	leave(BY_INTR);
	settle();
	check();
}

/* A last exit that never comes, so that a plan may be shorter. */
static void run_scene(void **state)
{
	const struct scene *scene = *state;
	const unsigned int ways = POINTS * EXIT_KINDS;
	struct plan p;

	memset(seen, 0, sizeof(seen));
	for (unsigned int a = 0; a < ways; a++)
		for (unsigned int b = 0; b < ways; b++) {
			p = (struct plan){
				{ a / EXIT_KINDS, b / EXIT_KINDS, ~0u },
				{ a % EXIT_KINDS, b % EXIT_KINDS } };
			run_plan(scene, &p);
		}
	for (unsigned int i = 0; i < POINTS * POINTS * POINTS; i++) {
		p = (struct plan){
			{ i % POINTS, i / POINTS % POINTS,
			  i / POINTS / POINTS },
			{ BY_VC, BY_VC, BY_VC } };
		run_plan(scene, &p);
	}
	assert_true(seen[BY_INTR][0] && seen[BY_VC][0] && seen[BY_NPF][0]);
	assert_true(seen[BY_VC][1] && seen[BY_NPF][1]);
}

int main(void)
{
	struct machine_config c = script_config();
	int failed;

	script_new(&s, &c);
	vmsa = script_vmsa(&s, 0, VMPL, FEATURES);
	fresh = *vmsa;
	ROWS(scenes, run_scene);
	failed = rows_run("exits at every step of a delivery");
	script_free(&s);
	return failed;
}
