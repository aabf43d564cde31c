// SPDX-License-Identifier: MIT
/* The paravisor natively: its loop, its APIC, its processors. */
#include "tests/core_paravisor.h"

static struct world_cpu *const bsp = &w.cpu[0], *const ap = &w.cpu[1];

static int setup(void **state)
{
	(void)state;
	world_start(true);
	world_wrmsr(bsp, MSR_APIC_BASE, APIC_DEFAULT_BASE | APIC_BASE_ENABLE |
		    APIC_BASE_EXTD);
	world_wrmsr(bsp, X2APIC_MSR(APIC_SVR), 0x1ff);
	assert_false(bsp->vmsa.event_inj & EVENT_V);
	bsp->runs = 0;
	bsp->vmsa.rip = 0x1000;
	return 0;
}

static void host_posts(struct world_cpu *c, u32 status)
{
	c->page.ext[1].status |= status;
	c->page.per_vmpl_events |= DOORBELL_EVENTS_VMPL(2);
}

static bool queued(struct world_cpu *c, u8 v)
{
	return c->vmsa.vintr_ctrl & VINTR_V_IRQ &&
	       (c->vmsa.vintr_ctrl & VINTR_VECTOR) >> 32 == v;
}

/* The guest takes what is queued. */
static void take(struct world_cpu *c)
{
	c->vmsa.vintr_ctrl &= ~VINTR_V_IRQ;
}

/* The host comes back without a run: nothing is served twice. */
static void bounce(void **state)
{
	unsigned int i;

	(void)state;
	bsp->vmsa.rax = 1;
	assert_null(world_exit(bsp, EXIT_CPUID, 0, 0));
	assert_int_equal(bsp->vmsa.rip, 0x1002);
	for (i = 0; i < 1000; i++)
		assert_null(paravisor_turn(&bsp->v));
	assert_int_equal(bsp->vmsa.rip, 0x1002);
	assert_int_equal(bsp->runs, 1001);
}

static void filter(void **state)
{
	(void)state;
	host_posts(bsp, 0x41);
	assert_null(paravisor_turn(&bsp->v));
	assert_false(bsp->vmsa.vintr_ctrl & VINTR_V_IRQ);
	paravisor_allow(&bsp->v, 0x41);
	host_posts(bsp, 0x41);
	assert_null(paravisor_turn(&bsp->v));
	assert_true(queued(bsp, 0x41));
	/* Never: int 0x80's gate, and exceptions. */
	take(bsp);
	world_wrmsr(bsp, X2APIC_MSR(APIC_EOI), 0);
	paravisor_allow(&bsp->v, 0x80);
	paravisor_allow(&bsp->v, 14);
	host_posts(bsp, 0x80);
	assert_null(paravisor_turn(&bsp->v));
	host_posts(bsp, 14);
	assert_null(paravisor_turn(&bsp->v));
	assert_false(bsp->vmsa.vintr_ctrl & VINTR_V_IRQ);
	assert_int_equal(w.count.vector[0x80].refused, 1);
}

static void level(void **state)
{
	(void)state;
	paravisor_allow(&bsp->v, 0x41);
	host_posts(bsp, 0x41 | DOORBELL_EXT_LEVEL);
	assert_null(paravisor_turn(&bsp->v));
	take(bsp);
	assert_null(paravisor_turn(&bsp->v));
	assert_int_equal(bsp->eois, 0);
	world_wrmsr(bsp, X2APIC_MSR(APIC_EOI), 0);
	assert_int_equal(bsp->eois, 1);
	assert_int_equal(bsp->eoi[0], 0x41);
}

static void pv_eoi(void **state)
{
	(void)state;
	paravisor_allow(&bsp->v, 0x41);
	w.ram[0x2000] = 0xaa;
	world_wrmsr(bsp, 0x4b564d04, 0x2001);
	assert_int_equal(w.ram[0x2000], 0);
	assert_int_equal(world_rdmsr(bsp, 0x4b564d04), 0x2001);
	host_posts(bsp, 0x41);
	assert_null(paravisor_turn(&bsp->v));
	assert_int_equal(w.ram[0x2000], 1);
	take(bsp);
	w.ram[0x2000] = 0;
	assert_null(paravisor_turn(&bsp->v));
	assert_int_equal(apic_in_service(&bsp->v.apic), APIC_NO_VECTOR);
	assert_int_equal(w.count.vector[0x41].eoi, 1);
	/* Elsewhere, reserved, off. */
	world_wrmsr(bsp, 0x4b564d04, 0xfffff001);
	assert_true(world_gp(bsp));
	world_wrmsr(bsp, 0x4b564d04, 0x2003);
	assert_true(world_gp(bsp));
	assert_ptr_equal(bsp->v.eoi, w.ram + 0x2000);
	world_wrmsr(bsp, 0x4b564d04, 0);
	assert_null(bsp->v.eoi);
	host_posts(bsp, 0x41);
	assert_null(paravisor_turn(&bsp->v));
	assert_true(queued(bsp, 0x41));
	assert_int_equal(w.ram[0x2000], 0);
}

static void post_in_sleep(struct world_cpu *c)
{
	if (c->idles == 3)
		host_posts(c, 0x41);
}

static void halt(void **state)
{
	unsigned int i;

	(void)state;
	paravisor_allow(&bsp->v, 0x41);
	bsp->sleep = post_in_sleep;
	bsp->vmsa.vintr_ctrl |= VINTR_SHADOW;
	/* A trap: RIP is behind it already. */
	assert_null(world_exit(bsp, EXIT_HLT, 0, 0));
	assert_int_equal(bsp->vmsa.rip, 0x1000);
	assert_false(bsp->vmsa.vintr_ctrl & VINTR_SHADOW);
	for (i = 0; i < 3; i++)
		assert_null(paravisor_turn(&bsp->v));
	assert_int_equal(bsp->idles, 3);
	assert_int_equal(bsp->runs, 1);
	assert_true(queued(bsp, 0x41));
	/* It came before the HLT: no sleep at all. */
	take(bsp);
	world_wrmsr(bsp, X2APIC_MSR(APIC_EOI), 0);
	bsp->idles = 10;
	host_posts(bsp, 0x41);
	assert_null(world_exit(bsp, EXIT_IDLE_HLT, 0, 0));
	assert_int_equal(bsp->idles, 10);
	/* IF clear: what is pending does not wake. */
	take(bsp);
	world_wrmsr(bsp, X2APIC_MSR(APIC_EOI), 0);
	bsp->vmsa.rflags = 0;
	host_posts(bsp, 0x41);
	assert_null(world_exit(bsp, EXIT_HLT, 0, 0));
	assert_int_equal(bsp->idles, 11);
}

static void ring_once(struct world_cpu *c)
{
	c->hook = NULL;
	c->late = NULL;
	c->page.pending = DOORBELL_NO_FURTHER_SIGNAL | 0x50;
	host_posts(c, 0x41);
}

/*
 * What rings between the poll and the look is found in the same turn; behind
 * the look, there is no sleep and no run before the next one.
 */
static void rung_meanwhile(void **state)
{
	unsigned int late, halted;

	for (late = 0; late < 2; late++)
		for (halted = 0; halted < 2; halted++) {
			setup(state);
			paravisor_allow(&bsp->v, 0x41);
			/* a timer that runs: the turn looks at the clock */
			world_wrmsr(bsp, X2APIC_MSR(APIC_LVT_TIMER), 0xec);
			world_wrmsr(bsp, X2APIC_MSR(APIC_TMICT), 1000000);
			bsp->runs = 0;
			if (late)
				bsp->late = ring_once;
			else
				bsp->hook = ring_once;
			assert_null(world_exit(bsp, halted ? EXIT_HLT :
					       EXIT_INTR, 0, 0));
			assert_int_equal(bsp->idles, 0);
			assert_int_equal(bsp->runs, 0);
			assert_null(paravisor_turn(&bsp->v));
			assert_int_equal(bsp->idles, 0);
			assert_int_equal(bsp->runs, 1);
			assert_true(queued(bsp, 0x41));
		}
}

static void timer_in_sleep(struct world_cpu *c)
{
	assert_int_equal(c->deadline, 1500);
	w.now = 1500;
}

static void timer(void **state)
{
	(void)state;
	w.now = 500;
	world_wrmsr(bsp, X2APIC_MSR(APIC_TDCR), 0xb);
	world_wrmsr(bsp, X2APIC_MSR(APIC_LVT_TIMER), 0xec);
	world_wrmsr(bsp, X2APIC_MSR(APIC_TMICT), 1000);
	assert_int_equal(bsp->deadline, 1500);
	bsp->sleep = timer_in_sleep;
	bsp->runs = 0;
	assert_null(world_exit(bsp, EXIT_HLT, 0, 0));
	assert_null(paravisor_turn(&bsp->v));
	assert_true(queued(bsp, 0xec));
	assert_int_equal(bsp->runs, 1);
	/* It has come: nobody is asked to forget it. */
	assert_int_equal(bsp->deadline, 1500);
	take(bsp);
	/* TSC deadline; the TSC is twice the clock here. */
	world_wrmsr(bsp, X2APIC_MSR(APIC_EOI), 0);
	world_wrmsr(bsp, X2APIC_MSR(APIC_LVT_TIMER), 0x400ec);
	world_wrmsr(bsp, MSR_TSC_DEADLINE, 4000);
	assert_int_equal(bsp->deadline, 2000);
	assert_int_equal(world_rdmsr(bsp, MSR_TSC_DEADLINE), 4000);
	/* The host was early: the guest sets the same one again. */
	bsp->deadline = APIC_NEVER;
	world_wrmsr(bsp, MSR_TSC_DEADLINE, 4000);
	assert_int_equal(bsp->deadline, 2000);
	world_wrmsr(bsp, MSR_TSC_DEADLINE, 0);
	assert_int_equal(bsp->deadline, APIC_NEVER);
	/* The host posts the timer's vector by itself: not its to give. */
	host_posts(bsp, 0xec);
	assert_null(paravisor_turn(&bsp->v));
	assert_false(bsp->vmsa.vintr_ctrl & VINTR_V_IRQ);
}

static void icr(struct world_cpu *c, u64 value)
{
	world_wrmsr(c, X2APIC_MSR(APIC_ICR), value);
}

static void start_ap(void **state)
{
	const struct irq_msg init = { .mode = APIC_INIT };
	struct vmsa *s = &ap->vmsa;

	(void)state;
	assert_null(paravisor_turn(&ap->v));
	assert_int_equal(ap->runs, 0);
	assert_int_equal(ap->idles, 1);
	s->sev_features = 0x17;
	s->vmpl = 2;
	s->virtual_tom = 0x20000000;
	s->cr4 = 0x60;
	s->rax = 77;
	icr(bsp, 0x200004500);			/* INIT to ID 2 */
	assert_int_equal(bsp->kicks, 1);
	assert_int_equal(bsp->kick.dest, 2);
	assert_false(bsp->kick.logical);
	icr(bsp, 0x20000469a);			/* SIPI */
	assert_int_equal(bsp->kicks, 1);	/* it knows already */
	assert_null(paravisor_turn(&ap->v));
	assert_int_equal(ap->runs, 1);
	assert_int_equal(s->cs.selector, 0x9a00);
	assert_int_equal(s->cs.base, 0x9a000);
	assert_int_equal(s->rip, 0);
	assert_int_equal(s->rax, 0);
	assert_int_equal(s->cr0, 0x60000010);
	assert_int_equal(s->cr4, 0x40);
	assert_int_equal(s->efer, EFER_SVME);
	assert_int_equal(s->sev_features, 0x17);
	assert_int_equal(s->virtual_tom, 0x20000000);
	assert_int_equal(s->vmpl, 2);
	assert_true(s->vintr_ctrl & VINTR_NMI_ENABLE);
	/* A second SIPI is nothing; INIT stops it again. */
	icr(bsp, 0x200004655);
	assert_null(paravisor_turn(&ap->v));
	assert_int_equal(ap->runs, 2);
	icr(bsp, 0x200004500);
	assert_null(paravisor_turn(&ap->v));
	assert_int_equal(ap->runs, 2);
	assert_null(ap->v.eoi);
	/* The BSP has nowhere to go on. */
	mailbox_post(&bsp->v.box, &init);
	assert_string_equal(paravisor_turn(&bsp->v), "guest-reset");
}

/* All of them started, in x2APIC mode. */
static void start_all(void)
{
	struct apic_effects fx;
	unsigned int i;

	for (i = 1; i < WORLD_CPUS; i++) {
		apic_write_base(&w.cpu[i].v.apic, APIC_DEFAULT_BASE |
				APIC_BASE_ENABLE | APIC_BASE_EXTD, &fx);
		wr(&w.cpu[i].v.apic, APIC_SVR, 0x1ff);
		w.cpu[i].v.apic.run = APIC_RUNNING;
	}
}

static unsigned int got(u8 v)
{
	unsigned int i, set = 0;

	for (i = 0; i < WORLD_CPUS; i++) {
		assert_null(paravisor_turn(&w.cpu[i].v));
		if (!queued(&w.cpu[i], v))
			continue;
		set |= 1 << i;
		take(&w.cpu[i]);
		world_wrmsr(&w.cpu[i], X2APIC_MSR(APIC_EOI), 0);
	}
	return set;
}

static void ipis(void **state)
{
	(void)state;
	start_all();
	icr(bsp, 0x4000000fd);			/* physical, ID 4 */
	assert_int_equal(bsp->kick.dest, 4);
	assert_int_equal(got(0xfd), 1 << 2);
	/* Broadcasts: one exit for all. */
	bsp->kicks = 0;
	icr(bsp, 0xc00fd);
	assert_int_equal(bsp->kicks, 1);
	assert_int_equal(bsp->kick.shorthand, APIC_DEST_OTHERS);
	assert_int_equal(got(0xfd), 0xe);
	icr(bsp, 0x800fd);
	assert_int_equal(bsp->kick.shorthand, APIC_DEST_OTHERS);
	assert_int_equal(got(0xfd), 0xf);
	icr(bsp, 0x54000008fd);			/* logical: bits 2, 4, 6 */
	assert_true(bsp->kick.logical);
	assert_int_equal(bsp->kick.dest, 0x54);
	assert_int_equal(got(0xfd), 0xe);
	assert_int_equal(bsp->kicks, 3);
	/* To itself: none. Lowest priority: one. Nobody: none. */
	icr(bsp, 0x400fd);
	icr(bsp, 0xfd);
	assert_int_equal(bsp->kicks, 3);
	assert_int_equal(got(0xfd), 1);
	icr(bsp, 0x54000009fd);
	assert_int_equal(got(0xfd), 2);
	icr(bsp, 0x77000000fd);
	assert_int_equal(got(0xfd), 0);
	assert_int_equal(bsp->kicks, 4);
}

/* Only who does not know is told; if that is one, it alone. */
static void no_needless_kick(void **state)
{
	(void)state;
	start_all();
	icr(bsp, 0x2000000fd);
	icr(bsp, 0x4000000fd);
	assert_int_equal(bsp->kicks, 2);
	icr(bsp, 0x2000000fe);
	assert_int_equal(bsp->kicks, 2);
	icr(bsp, 0xc00fc);
	assert_int_equal(bsp->kicks, 3);
	assert_int_equal(bsp->kick.dest, 6);
	assert_int_equal(bsp->kick.shorthand, APIC_DEST_NONE);
}

static void nmi(void **state)
{
	(void)state;
	start_all();
	icr(ap, 0x400);				/* physical, to the BSP */
	assert_null(paravisor_turn(&bsp->v));
	assert_true(bsp->vmsa.vintr_ctrl & VINTR_V_NMI);
	assert_false(bsp->vmsa.vintr_ctrl & VINTR_V_IRQ);
	/* The host's are not wanted. */
	bsp->vmsa.vintr_ctrl &= ~VINTR_V_NMI;
	host_posts(bsp, DOORBELL_EXT_NMI);
	assert_null(paravisor_turn(&bsp->v));
	assert_false(bsp->vmsa.vintr_ctrl & VINTR_V_NMI);
}

/* What only the host can cause stops nothing. */
static void host_made_exits(void **state)
{
	static const u64 codes[] = {
		EXIT_INTR, EXIT_NMI, EXIT_SMI, EXIT_INIT, EXIT_VINTR,
		EXIT_PAUSE, EXIT_VMGEXIT, EXIT_XSETBV, 0x41, 0x60a5, 0,
		EXIT_BUSY, EXIT_INVALID,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(codes); i++)
		assert_null(world_exit(bsp, codes[i], ~0ull, ~0ull));
	assert_int_equal(bsp->vmsa.rip, 0x1000);
	assert_int_equal(bsp->v.ignored, ARRAY_SIZE(codes) - 1);
	assert_int_equal(bsp->v.ignored_code, EXIT_INVALID);
}

static void stops(void **state)
{
	(void)state;
	assert_string_equal(world_exit(bsp, EXIT_SHUTDOWN, 0, 0),
			    "guest-triple-fault");
	assert_string_equal(world_exit(bsp, EXIT_PAGE_NOT_VALIDATED, 0, 0),
			    "guest-page-not-validated");
	assert_string_equal(world_exit(bsp, EXIT_NOT_RESTARTABLE, 0, 0),
			    "guest-not-restartable");
	bsp->vmsa.exit_int_info = 0x8000031c;
	assert_string_equal(paravisor_turn(&bsp->v),
			    "illegal-event-interrupted");
	bsp->vmsa.exit_code = EXIT_WBINVD;
	bsp->vmsa.nrip = 0;
	assert_string_equal(paravisor_turn(&bsp->v), "exit-without-next-rip");
	bsp->vmsa.exit_int_info = 0x80000306;
	assert_string_equal(world_exit(bsp, EXIT_RDPMC, 0, 0),
			    "exception-while-one-waits");
	assert_string_equal(world_exit(bsp, EXIT_MWAIT, 0, 0),
			    "exception-while-one-waits");
	bsp->vmsa.event_inj = 0;
	host_posts(bsp, 0x41);
	paravisor_allow(&bsp->v, 0x41);
	assert_null(paravisor_turn(&bsp->v));
	take(bsp);
	bsp->v.apic.irr[2] = 0;
	assert_string_equal(paravisor_turn(&bsp->v),
			    "interrupt-taken-that-was-not-queued");
}

static void small_ones(void **state)
{
	(void)state;
	assert_null(world_exit(bsp, EXIT_RDPMC, 0, 0));
	assert_true(world_gp(bsp));
	assert_int_equal(bsp->vmsa.rip, 0x1000);
	assert_null(world_exit(bsp, EXIT_MONITOR, 0, 0));
	assert_int_equal(bsp->vmsa.event_inj, 0x80000306);
	bsp->vmsa.event_inj = 0;
	assert_null(world_exit(bsp, EXIT_WBINVD, 0, 0));
	assert_null(world_exit(bsp, EXIT_INVD, 0, 0));
	assert_int_equal(bsp->vmsa.rip, 0x1004);
	w.now = 0x180000000;
	bsp->vmsa.tsc_aux = 7;
	assert_null(world_exit(bsp, EXIT_RDTSC, 0, 0));
	assert_int_equal(bsp->vmsa.rax, 0);
	assert_int_equal(bsp->vmsa.rdx, 3);
	assert_null(world_exit(bsp, EXIT_RDTSCP, 0, 0));
	assert_int_equal(bsp->vmsa.rcx, 7);
	assert_null(world_exit(bsp, EXIT_VMMCALL, 0, 0));
	assert_int_equal(bsp->vmsa.rax, -1000ull);
	assert_int_equal(bsp->vmsa.rip, 0x100a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(bounce, setup),
		cmocka_unit_test_setup(filter, setup),
		cmocka_unit_test_setup(level, setup),
		cmocka_unit_test_setup(pv_eoi, setup),
		cmocka_unit_test_setup(halt, setup),
		cmocka_unit_test_setup(rung_meanwhile, setup),
		cmocka_unit_test_setup(timer, setup),
		cmocka_unit_test_setup(start_ap, setup),
		cmocka_unit_test_setup(ipis, setup),
		cmocka_unit_test_setup(no_needless_kick, setup),
		cmocka_unit_test_setup(nmi, setup),
		cmocka_unit_test_setup(host_made_exits, setup),
		cmocka_unit_test_setup(stops, setup),
		cmocka_unit_test_setup(small_ones, setup),
	};

	return cmocka_run_group_tests_name("core_paravisor", tests, NULL,
					   NULL);
}
