// SPDX-License-Identifier: MIT
/*
 * All of it at once: the monitor's paravisor on two vCPUs, the real host, the
 * real machine with Secure AVIC, and a guest that does anything. Each vCPU is
 * a coroutine that may lose the CPU at every operation of its monitor and at
 * every instruction of its guest, so posts, kicks, sleep and entries meet in
 * every order. Accounts are kept of what each vCPU has to see:
 *
 *   nothing comes that nobody sent, or more often than it was sent;
 *   after the last time it was sent, it comes once more at least;
 *   nothing of a class that TPR or ISR holds back; level EOIs reach the host.
 *
 * Rows 39, 41, 46, 47, 62, 68 to 73 and 80 of secure-avic.md section 9.
 * BELFRY_SEED and BELFRY_STEPS look elsewhere or longer.
 */
#include "tests/savic_world.h"

/* ---- the guest ----------------------------------------------------------- */

static struct regs *regs(struct co *c)
{
	return &r.s.cpu[c->cpu].regs;
}

/* False: it left by an exit, which the monitor will serve. */
static bool write_msr(struct co *c, u32 msr, u64 value)
{
	struct regs *g = regs(c);
	enum mach_next next;
	u64 rip = g->rip;

	g->rcx = msr;
	g->rax = (u32)value;
	g->rdx = value >> 32;
	next = machine_wrmsr(r.m, c->cpu, msr, rip + 2, value);
	if (next != MACH_DONE)
		return false;
	g->rip += 2;
	return true;
}

static void apic_write_reg(struct co *c, u32 reg, u64 value)
{
	write_msr(c, X2APIC_MSR(reg), value);
}

static void guest_takes(struct co *c, u8 v)
{
	struct account *a = &c->of[v];
	u8 top = c->depth ? c->service[c->depth - 1] : 0;

	if (a->taken >= a->sent)
		fail_msg("vector %#x of %u came %llu times", v, c->cpu,
			 (unsigned long long)a->taken + 1);
	assert_true(v >> 4 > top >> 4);
	a->taken++;
	a->unseen = false;
	c->service[c->depth++] = v;
}

/* The handler quiets the device before its EOI. */
static void guest_eoi(struct co *c)
{
	if (!c->depth)
		return;
	if (c->service[--c->depth] == LEVEL_VECTOR) {
		line = false;
		host_set_gsi(r.h, LEVEL_PIN, false);
	}
	apic_write_reg(c, APIC_EOI, 0);
}

static void guest_ipi(struct co *c)
{
	struct co *to = &co[rnd(CPUS)];
	u8 v = IPI_FIRST + rnd(IPI_LAST - IPI_FIRST + 1);
	u64 dest = (u64)r.apic_id[to->cpu] << 32;

	ipis_sent++;
	switch (rnd(8)) {
	case 0:
		send(c, v);
		apic_write_reg(c, APIC_SELF_IPI, v);
		return;
	case 1:
		/* Half booted: who knows if it takes it. */
		if (!co[0].booted || !co[1].booted)
			return;
		for (unsigned int i = 0; i < CPUS; i++)
			send(&co[i], v);
		apic_write_reg(c, APIC_ICR, 2ull << 18 | v);
		return;
	case 2:
		if (!to->booted)
			return;
		to->nmi.sent++;
		to->nmi.unseen = true;
		apic_write_reg(c, APIC_ICR, dest | 0x400);
		return;
	default:
		if (!to->booted)
			return;
		send(to, v);
		apic_write_reg(c, APIC_ICR, dest | v);
	}
}

static void guest_boundary(struct co *c)
{
	u64 event;

	if (script_boundary(&r.s, c->cpu, &event) != EVENT_DELIVER)
		return;
	if (event_type(event) == EVENT_NMI) {
		assert_true(c->nmi.taken < c->nmi.sent);
		c->nmi.taken++;
		c->nmi.unseen = false;
		regs(c)->rflags |= RFLAGS_IF;
		return;
	}
	assert_int_equal(event_type(event), EVENT_INTR);
	guest_takes(c, event & EVENT_VECTOR);
}

/* As a kernel does, once: APIC on; then INIT and SIPI for the others. */
static bool guest_boots(struct co *c)
{
	static const u32 steps[][2] = {
		{ APIC_SVR, 0x1ff }, { APIC_TDCR, 0xb },
		{ APIC_LVT_TIMER, TICK },
	};
	struct apic *apic = &c->v.apic;

	if (c->booted)
		return false;
	if (apic_mode_of(apic) != APIC_VIEW_X2APIC) {
		write_msr(c, MSR_APIC_BASE, apic_read_base(apic) |
			  APIC_BASE_EXTD);
		return true;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++) {
		u64 now;

		apic_read(apic, APIC_VIEW_X2APIC, steps[i][0],
			  (struct apic_time){ 0 }, &now);
		if (now != steps[i][1]) {
			apic_write_reg(c, steps[i][0], steps[i][1]);
			return true;
		}
	}
	c->booted = true;
	return false;
}

static bool guest_starts_others(struct co *c)
{
	static const u32 icr[] = { 0x4500, 0x4608 };
	u64 dest = (u64)r.apic_id[1] << 32;

	if (c->cpu || started == ARRAY_SIZE(icr))
		return false;
	apic_write_reg(c, APIC_ICR, dest | icr[started++]);
	return true;
}

static void guest_step(struct co *c)
{
	if (guest_boots(c) || guest_starts_others(c))
		return;
	switch (run_dry ? 3 + rnd(6) : rnd(14)) {
	case 0:
		guest_ipi(c);
		break;
	case 1:
		send(c, TICK);
		apic_write_reg(c, APIC_TMICT, 1 + rnd(5000));
		break;
	case 2:
		regs(c)->rflags &= ~RFLAGS_IF;
		break;
	case 3:
		regs(c)->nmi_masked = false;
		break;
	case 4:
	case 5:
		guest_eoi(c);
		break;
	case 6:
		if (!(regs(c)->rflags & RFLAGS_IF) || c->depth ||
		    regs(c)->nmi_masked)
			break;
		/* Nothing is to be held back while it sleeps. */
		apic_write_reg(c, APIC_TPR, 0);
		rig_hlt(&r, c->cpu);
		break;
	case 7:
		machine_intercept(r.m, c->cpu, EXIT_CPUID, 0, 0,
				  regs(c)->rip + 2);
		break;
	case 8:
		if (run_dry)
			break;
		apic_write_reg(c, APIC_TPR, rnd(4) ? 0 : rnd(0x60));
		break;
	default:
		regs(c)->rflags |= RFLAGS_IF;
		break;
	}
	if (!inside(c))
		return;
	if (run_dry) {
		regs(c)->rflags |= RFLAGS_IF;
		write_msr(c, X2APIC_MSR(APIC_TPR), 0);
	}
	if (inside(c))
		guest_boundary(c);
}

/* ---- the world ----------------------------------------------------------- */

static void host_step(void)
{
	struct co *c = &co[rnd(CPUS)];
	u8 v = MSI_FIRST + rnd(MSI_LAST - MSI_FIRST + 1);

	/* In the end a host that does nothing unasked: nothing else wakes. */
	switch (run_dry ? 4 : rnd(6)) {
	case 0:
		if (!c->booted)
			break;
		send(c, v);
		host_msi(r.h, MSI_TO(r.apic_id[c->cpu]), v);
		break;
	case 1:		/* nobody has allowed this one, nor an IPI's */
		host_msi(r.h, MSI_TO(r.apic_id[c->cpu]),
			 rnd(2) ? 0x70 : IPI_FIRST + rnd(16));
		break;
	case 2:
		if (line || !co[0].booted)
			break;
		line = true;
		levels_raised++;
		send(&co[0], LEVEL_VECTOR);
		host_set_gsi(r.h, LEVEL_PIN, true);
		break;
	case 3:
		host_nmi(r.h, c->cpu);
		break;
	default:
		rig_advance(&r, rnd(800));
	}
}

static void turns(unsigned int cpu)
{
	struct co *c = &co[cpu];
	const char *reason;

	for (;;) {
		reason = paravisor_turn(&c->v);
		if (reason)
			fail_msg("%s", reason);
	}
}

static void learn(u8 v)
{
	paravisor_allow(&co[0].v, v);
}

static void program_ioapic(void)
{
	const u32 half = LEVEL_VECTOR | 0x8000;

	paravisor_learn_mmio(&co[0].v, 0xfec00000, 0x10 + 2 * LEVEL_PIN);
	paravisor_learn_mmio(&co[0].v, 0xfec00010, half);
	ioapic_write(&r.h->ioapic, 0, 0x10 + 2 * LEVEL_PIN);
	ioapic_write(&r.h->ioapic, 0x10, half);
}

static void make_vcpu(unsigned int cpu)
{
	struct apic_config config = {
		.id = r.apic_id[cpu], .bus_khz = 1000000, .tsc_khz = 1000000,
		.bsp = !cpu, .has_x2apic = true, .filter = true,
	};
	struct co *c = &co[cpu];

	c->cpu = cpu;
	c->v.guest = &guest;
	c->v.vmsa = below_vmsa(&r, cpu);
	c->v.page = hv_page(&r, cpu);
	c->v.cpu = c;
	c->v.savic_gpa = SAVIC_AT(cpu);
	vcpus[cpu] = &c->v;
	assert_true(paravisor_init(&c->v, &config, NULL));
	backing_init(&c->v.backing, savic_page(&r, cpu));
	assert_int_equal(below_call(&r, cpu, GHCB_SAVIC_UNREGISTER), 0);
	if (cpu)
		paravisor_init_vmsa(c->v.vmsa);
	c->stack = malloc(STACK);
	getcontext(&c->context);
	c->context.uc_stack.ss_sp = c->stack;
	c->context.uc_stack.ss_size = STACK;
	c->context.uc_link = &scheduler;
	makecontext(&c->context, (void (*)(void))turns, 1, cpu);
}

static void begin(bool host_ticks)
{
	memset(co, 0, sizeof(co));
	memset(&guest, 0, sizeof(guest));
	line = run_dry = false;
	started = 0;
	levels_raised = ipis_sent = sleeps = 0;
	rig_below(&r, CPUS);
	r.h->config.ghcb_features |= GHCB_FEATURE_RIDE;
	guest = (struct paravisor){
		.ops = &ops, .cpuid = &cpuid, .vcpu = vcpus, .cpus = CPUS,
		.vmpl = LOWER, .host_ticks = host_ticks,
	};
	for (unsigned int i = CPUS; i--;)
		make_vcpu(i);
	for (u8 v = MSI_FIRST; v <= MSI_LAST; v++)
		learn(v);
	program_ioapic();
}

static void one_step(void)
{
	unsigned int i = rnd(CPUS);

	if (rnd(8) == 0)
		host_step();
	else if (rnd(4) == 0)
		rig_pump(&r);
	else
		swapcontext(&scheduler, &co[i].context);
}

static void check_accounts(void)
{
	for (unsigned int i = 0; i < CPUS; i++) {
		for (unsigned int v = 0; v < 256; v++)
			if (co[i].of[v].unseen)
				fail_msg("vector %#x of %u lost", v, i);
		assert_false(co[i].nmi.unseen);
		assert_int_equal(co[i].depth, 0);
		assert_int_equal(co[i].of[LEVEL_VECTOR].taken,
				 i ? 0 : levels_raised);
	}
	assert_false(r.h->ioapic.rte[LEVEL_PIN] & IOAPIC_RTE_REMOTE_IRR);
}

static u64 from_env(const char *name, u64 otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

/* Busy, then dry: whatever was lost on the way to sleep stays lost. */
static void round_of(unsigned int busy, unsigned int dry)
{
	run_dry = false;
	while (busy--)
		one_step();
	run_dry = true;
	while (dry--)
		one_step();
	check_accounts();
	assert_int_equal(r.stops, 0);
}

static void world(bool host_ticks)
{
	u64 steps = from_env("BELFRY_STEPS", 300000);

	seed = from_env("BELFRY_SEED", 0x5a71c) | 1;
	begin(host_ticks);
	for (u64 step = 0; step < steps; step += 1000)
		round_of(rnd(400), 800);
	/* It has happened, and often. */
	assert_true(co[0].booted && co[1].booted);
	assert_true(levels_raised > steps / 5000);
	assert_true(ipis_sent > steps / 1000);
	assert_true(sleeps > steps / 2000);
	assert_true(co[1].nmi.taken > 5);
	for (unsigned int i = 0; i < CPUS; i++)
		free(co[i].stack);
	rig_free(&r);
}

static void monitor_timer(void **state)
{
	(void)state;
	world(false);
}

static void host_timer(void **state)
{
	(void)state;
	world(true);
}

int main(void)
{
	ROW("timer of the monitor", monitor_timer);
	ROW("timer of the host", host_timer);
	return rows_run("paravisor_savic_world");
}
