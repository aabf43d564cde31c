// SPDX-License-Identifier: MIT
/*
 * Row 113 of docs/conformance.md: a random host writes the descriptor, a
 * random guest runs, exits come anywhere, and an oracle that knows nothing of
 * core/ keeps account of what the guest may see. After every step:
 *
 *   (c) no vector that is not allowed, and no exception, was presented;
 *   (d) none while IF is 0 or TPR forbids it;
 *   (e) none of a class that is in service before its EOI;
 *       nothing is lost, nothing comes twice, and it is the highest.
 *
 * BELFRY_SEED and BELFRY_STEPS look elsewhere or longer.
 */
#include "tests/core_present.h"

struct oracle {
	u8 allowed[256], pending[256], level[256];
	u8 stack[16];
	int depth;
	int best;		/* what was pending at the last entry, or -1 */
	int cut;		/* delivery was cut short; -1: none */
	u64 taken[256], ended[256], level_ended, told;
	bool nmi_masked;
	unsigned int nmis;	/* owed */
};

static struct rig r;
static struct oracle o;
static u64 seed, step;
static bool tame;		/* the guest's EOIs are as they should be */
static u32 quiet;		/* one step in so many is the host's */

static u32 rnd(u32 below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 20) % below;
}

static u8 rnd_vector(void)
{
	return rnd(4) ? 0x1f + rnd(12) * 0x13 : rnd(256);
}

static int oracle_top(void)
{
	return o.depth ? o.stack[o.depth - 1] : -1;
}

static void oracle_post(unsigned int v, bool level)
{
	if (v < 31 || !o.allowed[v])
		return;
	o.level[v] = level || (o.pending[v] && o.level[v]);
	o.pending[v] = 1;
}

static void oracle_eoi(void)
{
	if (!o.depth)
		return;
	o.ended[oracle_top()]++;
	o.level_ended += o.level[oracle_top()];
	o.depth--;
}

/* ---- host ---- */

static void host_scribble(void)
{
	struct doorbell_ext *ext = rig_ext(&r);

	switch (rnd(5)) {
	case 0:
		ext->status = seed >> 16;
		break;
	case 1:
		ext->status ^= BIT(rnd(32));
		break;
	case 2:
		ext->irr[rnd(7)] = rnd(8) ? BIT(rnd(32)) : seed >> 16;
		break;
	case 3:
		ext->irr[rnd(7)] |= BIT(rnd(32));
		break;
	case 4:
		r.page.per_vmpl_events = rnd(256);
		break;
	}
}

/* An honest producer (docs/ghcb.md). */
static void host_post(void)
{
	struct doorbell_ext *ext = rig_ext(&r);
	u8 v = rnd_vector(), there = ext->status;
	bool level = rnd(3) == 0;

	if (level && ext->status & DOORBELL_EXT_LEVEL)
		return;
	if (there && !(ext->status & DOORBELL_EXT_LEVEL) && there > 31) {
		ext->irr[there / 32 - 1] |= BIT(there % 32);
		ext->status = (ext->status & ~0xffu) | DOORBELL_EXT_MULTIPLE;
	}
	if (level)
		ext->status = (ext->status & ~0xffu) | v | DOORBELL_EXT_LEVEL;
	else if (v > 31)
		ext->irr[v / 32 - 1] |= BIT(v % 32);
	if (!level)
		ext->status |= DOORBELL_EXT_MULTIPLE;
	r.page.per_vmpl_events |= DOORBELL_EVENTS_VMPL(GUEST_VMPL);
}

/* What the monitor will find there, read by another route. */
static void oracle_drain(void)
{
	struct doorbell_ext *ext = rig_ext(&r);
	bool level = ext->status >> 10 & 1;
	unsigned int v;

	if (!(r.page.per_vmpl_events >> (GUEST_VMPL - 1) & 1))
		return;
	if (ext->status >> 31)
		oracle_post(31, false);
	if (ext->status >> 14 & 1)
		for (v = 32; v < 256; v++)
			if (ext->irr[v / 32 - 1] >> v % 32 & 1)
				oracle_post(v, false);
	oracle_post(ext->status & 0xff, level);
}

/* ---- monitor ---- */

static void compare(void)
{
	u8 in_service[256] = { 0 };
	int i;

	if (!tame)
		return;
	for (i = 0; i < o.depth; i++)
		in_service[o.stack[i]] = 1;
	for (i = 0; i < 256; i++) {
		assert_int_equal(r.apic.irr[i / 32] >> i % 32 & 1,
				 o.pending[i]);
		assert_int_equal(r.apic.isr[i / 32] >> i % 32 & 1,
				 in_service[i]);
	}
}

static void monitor_settle(void)
{
	settle(&r);
	compare();
}

static void monitor_enter(void)
{
	struct doorbell_drain d;

	oracle_drain();
	if (doorbell_drain(&r.page, GUEST_VMPL, &r.apic, &d))
		doorbell_apply(&d, &r.apic);
	compare();
	present_enter(&r.present, &r.apic, &r.vmsa, &r.eoi);
	for (o.best = 255; o.best >= 0 && !o.pending[o.best]; o.best--)
		;
}

static void monitor_write(u32 reg, u64 value)
{
	struct apic_effects fx;

	monitor_settle();
	fx = wr(&r.apic, reg, value);
	if (reg == APIC_EOI) {
		oracle_eoi();
		o.told += fx.eoi;
	}
	monitor_enter();
}

/* ---- guest ---- */

static void guest_takes(u8 v)
{
	u8 tpr = r.vmsa.vintr_ctrl & 0xf;

	assert_true(v >= 31 ? o.pending[v] : v >= 16 && o.pending[v]);
	assert_true(r.vmsa.rflags & RFLAGS_IF);
	assert_true(v / 16 > tpr);
	if (!tame)
		return;
	assert_int_equal(v, o.best);
	assert_true(oracle_top() < 0 || v / 16 > oracle_top() / 16);
	o.pending[v] = 0;
	o.taken[v]++;
	o.stack[o.depth++] = v;
}

static void guest_boundary(void)
{
	unsigned int event = silicon(&r.vmsa);
	u8 v = event;

	if (!event)
		return;
	if (event & 0x200) {
		assert_false(o.nmi_masked);
		assert_true(o.nmis > 0);
		o.nmis--;
		o.nmi_masked = true;
	} else if (event & 0x100) {
		assert_int_equal(v, o.cut);
		o.cut = -1;
	} else {
		guest_takes(v);
		if (rnd(8) == 0) {
			/* A page of the handler's stack is not there. */
			r.vmsa.exit_int_info = event_make(EVENT_INTR, v);
			o.cut = v;
			monitor_settle();
			monitor_enter();
			return;
		}
	}
	r.vmsa.rflags &= ~RFLAGS_IF;
}

static void guest_eoi(void)
{
	if (tame && !o.depth)
		return;
	if (!r.eoi) {
		monitor_write(APIC_EOI, 0);
		return;
	}
	r.eoi = 0;
	oracle_eoi();
}

static void guest_op(void)
{
	u8 v;

	/* Nothing runs between an interrupted event and its delivery. */
	if (o.cut >= 0) {
		guest_boundary();
		return;
	}
	switch (rnd(10)) {
	case 0:
		r.vmsa.rflags ^= RFLAGS_IF;
		break;
	case 1:
		r.vmsa.vintr_ctrl ^= VINTR_SHADOW;
		break;
	case 2:
		r.vmsa.vintr_ctrl = (r.vmsa.vintr_ctrl & ~VINTR_TPR) | rnd(8);
		break;
	case 3:
		monitor_write(APIC_TPR, rnd(128));
		break;
	case 4:
		if (rnd(quiet / 3))
			break;
		v = 16 + rnd(240);
		monitor_settle();
		wr(&r.apic, APIC_SELF_IPI, v);
		o.level[v] = o.pending[v] && o.level[v];
		o.pending[v] = 1;
		monitor_enter();
		break;
	case 5:
		r.vmsa.vintr_ctrl &= ~VINTR_NMI_MASK;
		o.nmi_masked = false;
		if (o.nmis)
			break;
		monitor_settle();
		apic_post_nmi(&r.apic, APIC_FROM_GUEST);
		o.nmis = 1;
		monitor_enter();
		break;
	case 6:
		if (!tame)
			r.eoi = rnd(3);
		break;
	default:
		guest_eoi();
		break;
	}
	guest_boundary();
}

/* A hostile guest harms itself: the oracle's account of it is worthless. */
static void forget(void)
{
	unsigned int v;

	memset(&o, 0, sizeof(o));
	o.cut = -1;
	rig_start(&r);
	r.apic.allow_nmi = false;
	apic_allow_all(&r.apic, false);
	for (v = 0; v < 256; v++) {
		o.allowed[v] = v >= 31 && (rnd(4) || !tame);
		apic_allow(&r.apic, v, o.allowed[v]);
	}
	monitor_enter();
}

static void one_step(void)
{
	if (rnd(quiet) == 0) {
		if (rnd(2))
			host_post();
		else
			host_scribble();
	} else if (rnd(6) == 0) {
		monitor_settle();
		monitor_enter();
	} else {
		guest_op();
	}
}

/* With the host silent, everything that is pending gets to the guest. */
static void run_dry(void)
{
	unsigned int i, v;

	if (!tame)
		return;
	for (i = 0; i < 2000; i++) {
		r.vmsa.rflags |= RFLAGS_IF;
		r.vmsa.vintr_ctrl &= ~(VINTR_SHADOW | VINTR_NMI_MASK |
				       VINTR_TPR);
		o.nmi_masked = false;
		guest_boundary();
		guest_boundary();
		guest_eoi();
		monitor_settle();
		monitor_enter();
	}
	assert_int_equal(o.depth, 0);
	assert_int_equal(o.nmis, 0);
	for (v = 0; v < 256; v++) {
		assert_int_equal(o.pending[v], 0);
		assert_int_equal(r.count.vector[v].presented, o.taken[v]);
		assert_int_equal(r.count.vector[v].eoi, o.ended[v]);
		assert_int_equal(r.count.vector[v].presented,
				 r.count.vector[v].eoi);
	}
	assert_int_equal(o.told + r.told, o.level_ended);
}

static u64 from_env(const char *name, u64 otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

static void schedule(void **state)
{
	u64 steps = from_env("BELFRY_STEPS", 1000000);

	(void)state;
	seed = from_env("BELFRY_SEED", 0x5eed) | 1;
	tame = true;
	for (step = 0; step < steps; step++) {
		if (step % 20000 == 0) {
			if (step)
				run_dry();
			tame = step / 20000 % 5 != 4;
			quiet = 3 << step / 20000 % 3 * 3;
			forget();
		}
		one_step();
	}
	run_dry();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schedule),
	};

	return cmocka_run_group_tests_name("core_schedule", tests, NULL, NULL);
}
