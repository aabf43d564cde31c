// SPDX-License-Identifier: MIT
/*
 * Row 65 of docs/conformance.md, at random: state moves between the
 * trusted APIC and the page while machine/ works on it as hardware does, the
 * host asks, other CPUs post, and pins change between edge and level. A plain
 * APIC of core/'s, which knows nothing of any page, gets the same events one
 * by one. At each pull both are the same; nothing is lost, nothing comes
 * twice, the priority is right, each level EOI and no other is told.
 *
 * BELFRY_SEED and BELFRY_STEPS look elsewhere or longer.
 */
#include <stdlib.h>
#include <string.h>

#include "core/backing.h"
#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

#define FEATURES	(SEV_FEATURE_SNP | SEV_FEATURE_REFLECT_VC |	\
			 SEV_FEATURE_SECURE_AVIC)

static struct script s;
static struct vmsa *vmsa;
static struct vmcb *vmcb;
static struct backing b;
static struct apic apic, ref;
static u64 seed, step;
static u64 eois_due, eois_told, taken, moves;
static bool running;

static u32 rnd(u32 below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 20) % below;
}

/* Devices have even vectors, IPIs odd ones: an IPI is never level. */
static u8 device_vector(void)
{
	return 0x20 + 2 * rnd(0x68);
}

static u8 ipi_vector(void)
{
	return 0x11 + 2 * rnd(0x77);
}

static bool is_allowed(u8 v)
{
	return v % 3;
}

static bool has(const u32 map[8], u8 v)
{
	return map[v / 32] >> v % 32 & 1;
}

static void compare(void)
{
	u32 inflight;

	assert_null(apic_check(&apic));
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(apic.irr[i], ref.irr[i]);
		assert_int_equal(apic.isr[i], ref.isr[i]);
		inflight = ref.irr[i] | ref.isr[i];
		assert_int_equal(apic.tmr[i] & inflight,
				 ref.tmr[i] & inflight);
	}
	assert_int_equal(apic.tpr, ref.tpr);
	assert_int_equal(apic.nmi_pending, ref.nmi_pending);
}

/* ---- what both see ------------------------------------------------------- */

static void ref_eoi(void)
{
	u8 v;

	eois_due += apic_eoi(&ref, &v);
}

static void local_eoi(void)
{
	u8 v;

	eois_told += apic_eoi(&apic, &v);
}

/* A pin is moved to another vector, or from edge to level. */
static void change_pin(void)
{
	u8 v = device_vector();
	bool level = rnd(2);

	/* While one waits in IRR two triggers of one vector would coalesce. */
	if (has(ref.irr, v))
		return;
	backing_set_level(&b, v, level);
	/* What is in service gets its pin's TMR: an EOI more than needed. */
	if (level && has(ref.isr, v))
		ref.tmr[v / 32] |= BIT(v % 32);
}

static void someone_posts(void)
{
	u8 v = ipi_vector();

	backing_post(&b, v);
	apic_post_ipi(&ref, v);
}

/* ---- the monitor --------------------------------------------------------- */

static void leave(void)
{
	if (!running)
		return;
	script_leave(&s, 0);
	running = false;
}

static void settle(void)
{
	backing_pull(&b, &apic, vmsa->vintr_ctrl & 0xf);
	vmsa->vintr_ctrl &= ~VINTR_BUSY;
	moves++;
	compare();
}

static void enter(void)
{
	backing_push(&b, &apic);
	vmsa->vintr_ctrl = (vmsa->vintr_ctrl & ~VINTR_TPR) | ref.tpr >> 4;
	assert_int_equal(script_run(&s, 0, 0), 0);
	running = true;
}

static void local_op(void)
{
	u8 v;

	switch (rnd(6)) {
	case 0:
		v = ipi_vector();
		apic_post_ipi(&apic, v);
		apic_post_ipi(&ref, v);
		break;
	case 1:
		v = rnd(256);
		apic.tpr = ref.tpr = v;
		break;
	case 2:
		local_eoi();
		ref_eoi();
		break;
	case 3:
		v = device_vector();
		if (has(ref.irr, v) || has(b.level, v))
			break;
		apic_post(&apic, v, true);
		apic_post(&ref, v, true);
		break;
	}
}

static void visit(void)
{
	unsigned int i;

	leave();
	settle();
	for (i = rnd(4); i; i--)
		local_op();
	if (rnd(8) == 0)
		someone_posts();
	enter();
}

/* ---- host ---------------------------------------------------------------- */

static void host_asks(void)
{
	u8 v = device_vector();

	/* TMR has one bit for what is in service and what comes behind it. */
	if (has(ref.isr, v) && has(ref.tmr, v) != has(b.level, v))
		return;
	leave();
	vmcb->requested_irr[v / 32] |= BIT(v % 32);
	vmcb->update_irr = 1;
	if (is_allowed(v))
		apic_post(&ref, v, has(b.level, v));
	assert_int_equal(script_run(&s, 0, 0), 0);
	running = true;
}

/* ---- guest --------------------------------------------------------------- */

/* True: an exit that the monitor has to serve; it is still unserved. */
static bool guest_writes(u32 msr, u64 value)
{
	struct regs *r = &s.cpu[0].regs;
	enum mach_next next;

	r->rcx = msr;
	r->rax = (u32)value;
	r->rdx = value >> 32;
	next = machine_wrmsr(s.m, 0, msr, r->rip + 2, value);
	if (next == MACH_DONE) {
		r->rip += 2;
		return false;
	}
	assert_int_equal(next, MACH_IDLE);
	running = false;
	return true;
}

static void serve_eoi(u64 rip)
{
	struct backing_access a;
	u8 v = apic_in_service(&ref);

	assert_true(vmsa->vintr_ctrl & VINTR_BUSY);
	assert_int_equal(vmsa->exit_code, EXIT_AVIC_NOACCEL);
	a = backing_decode(vmsa);
	assert_int_equal(a.offset, APIC_EOI);
	assert_true(a.write && !a.fault);
	assert_int_equal(a.eoi, v);
	assert_int_equal(vmsa->rip, rip + 2);
	backing_pull(&b, &apic, vmsa->vintr_ctrl & 0xf);
	vmsa->vintr_ctrl &= ~VINTR_BUSY;
	local_eoi();
	ref_eoi();
	compare();
	enter();
}

static void guest_eoi(void)
{
	int v = apic_in_service(&ref);
	bool level = v >= 0 && apic_is_level(&ref, v);
	u64 rip = s.cpu[0].regs.rip;

	if (guest_writes(X2APIC_MSR(APIC_EOI), 0)) {
		assert_true(v >= 0);
		return serve_eoi(rip);
	}
	assert_false(level);
	ref_eoi();
}

static void guest_boundary(void)
{
	int want = apic_pending(&ref), got;

	if (!(s.cpu[0].regs.rflags & RFLAGS_IF))
		want = APIC_NO_VECTOR;
	got = script_interrupt(&s, 0);
	assert_int_equal(got, want);
	if (got < 0)
		return;
	assert_int_equal(apic_ack(&ref), got);
	taken++;
}

static void guest_op(void)
{
	u8 v;

	switch (rnd(8)) {
	case 0:
		v = ipi_vector();
		assert_false(guest_writes(X2APIC_MSR(APIC_SELF_IPI), v));
		apic_post_ipi(&ref, v);
		break;
	case 1:
		v = rnd(4) ? rnd(64) : rnd(256);
		assert_false(guest_writes(X2APIC_MSR(APIC_TPR), v));
		ref.tpr = v;
		break;
	case 2:
		v = rnd(4);
		machine_write_cr8(s.m, 0, v);
		apic_write_cr8(&ref, v);
		break;
	case 3:
		s.cpu[0].regs.rflags ^= RFLAGS_IF;
		break;
	case 4:
	case 5:
		guest_eoi();
		break;
	default:
		s.cpu[0].regs.rflags |= RFLAGS_IF;
		break;
	}
	guest_boundary();
}

static void one_step(void)
{
	switch (rnd(12)) {
	case 0:
		visit();
		break;
	case 1:
		host_asks();
		break;
	case 2:
		leave();
		settle();
		change_pin();
		enter();
		break;
	case 3:
		change_pin();
		break;
	case 4:
		if (rnd(3) == 0) {
			someone_posts();
			hv_doorbell(s.m, 0);
		}
		break;
	default:
		guest_op();
	}
}

static u64 from_env(const char *name, u64 otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

static void init(void)
{
	struct apic_config config = { .id = 3, .bus_khz = 1, .bsp = true,
				      .has_x2apic = true,
				      .start_x2apic = true };
	struct machine_config c = script_config();
	u32 *page;
	u8 v;

	script_new(&s, &c);
	vmsa = script_vmsa(&s, 0, 0, FEATURES);
	vmcb = s.vmcb[0][0];
	page = script_savic(&s, 0, vmsa, SAVIC_CONTROL_EN);
	assert_true(apic_init(&apic, &config, NULL));
	assert_true(apic_init(&ref, &config, NULL));
	apic.svr = ref.svr = 0x1ff;
	backing_init(&b, page);
	for (v = 0x20; v < 0xff; v++)
		if (is_allowed(v))
			backing_allow(&b, v, true);
	enter();
}

static void schedule(void **state)
{
	u64 steps = from_env("BELFRY_STEPS", 300000);

	(void)state;
	seed = from_env("BELFRY_SEED", 0xbac1) | 1;
	init();
	for (step = 0; step < steps; step++)
		one_step();
	leave();
	settle();
	assert_int_equal(eois_told, eois_due);
	/* It has happened, and often. */
	assert_true(eois_due > steps / 200);
	assert_true(taken > steps / 20);
	assert_true(moves > steps / 20);
	script_free(&s);
}

int main(void)
{
	ROW("schedule", schedule);
	return rows_run("core_backing_schedule");
}
