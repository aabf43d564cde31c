// SPDX-License-Identifier: MIT
/*
 * ai: Alternate Injection without a monitor worth the name: VMPL 0 under
 * Restricted Injection presents to a second context at VMPL 2 what the host
 * posts in the extended descriptor (docs/ghcb.md).
 *
 * sweep=1: the host's timer comes ever later after it was started, until the
 * guest below sleeps; with instruction counting that is once at each
 * instruction on the way. try=exchange: VMPL 0 does nothing but exchange the
 * byte that the host sets.
 */
#include "guest/micro/micro.h"

#define LOWER	2
#define RWX	(VMPL_PERM_R | VMPL_PERM_W | VMPL_PERM_UX | VMPL_PERM_SX)
#define NOTIFY	0x50
#define TIMER	0x71
#define IPI	0x72
#define LVT	0x73

static u8 vmsa_pages[2 * PAGE_SIZE] __attribute__((aligned(2 * PAGE_SIZE)));
static u8 lower_stack[16384] __attribute__((aligned(16)));
static u8 lower_ghcb[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static struct micro_cpu lower_cpu;

static volatile u32 got[256];
static volatile enum { WORK, DONE } state;

/* ---- VMPL 2 -------------------------------------------------------------- */

/* EOI is by memory: this is the only CPU, and VMPL 0 looks at each entry. */
static void lower_interrupt(struct regs *regs)
{
	got[regs->vector]++;
}

static void lower_wait(u8 vector, u32 count)
{
	while (got[vector] < count) {
		irq_off();
		if (got[vector] < count)
			asm volatile("sti; hlt" : : : "memory");
	}
}

static void lower_start(void)
{
	u64 gpa = (u64)lower_ghcb;

	wrmsr(MSR_GHCB, gpa | GHCB_MSR_REGISTER_REQ);
	vmgexit();
	wrmsr(MSR_GHCB, gpa);
	ghcb_wrmsr(X2APIC_MSR(APIC_SVR), APIC_SVR_ENABLE | 0xff);
}

static void sleep_for_good(void)
{
	for (;;)
		asm volatile("hlt");
}

static void lower(void)
{
	u32 count = option("count", 50);
	bool sweep = option("sweep", 0);

	lower_start();
	if (option_is("try", "exchange"))
		sleep_for_good();
	asm volatile("sti" : : : "memory");
	/* a host's timer, its APIC's timer, an IPI: each once a round */
	ghcb_wrmsr(X2APIC_MSR(APIC_TDCR), 0xb);
	ghcb_wrmsr(X2APIC_MSR(APIC_LVT_TIMER), LVT);
	for (u32 i = 1; i <= count; i++) {
		check(!ghcb_call(GHCB_HV_TIMER,
				 HV_TIMER_ONE_SHOT << HV_TIMER_MODE_SHIFT |
				 TIMER, sweep ? i : 20000, NULL));
		lower_wait(TIMER, i);
		ghcb_wrmsr(X2APIC_MSR(APIC_TMICT), 10000);
		lower_wait(LVT, i);
		check(!ghcb_call(GHCB_HV_IPI,
				 (u64)lower_cpu.apic_id << 32 | IPI, 0, NULL));
		lower_wait(IPI, i);
	}
	/* VMPL 0's alone */
	check(ghcb_call(GHCB_CONFIGURE_INJECTION, NOTIFY, 0, NULL) ==
	      GHCB_RESULT_MALFORMED);
	state = DONE;
	sleep_for_good();
}

/* ---- VMPL 0 -------------------------------------------------------------- */

static u64 run_lower(void)
{
	u64 old = rdmsr(MSR_GHCB), answer;

	wrmsr(MSR_GHCB, GHCB_MSR_RUN_VMPL_REQ | (u64)LOWER << 32);
	vmgexit();
	answer = rdmsr(MSR_GHCB);
	wrmsr(MSR_GHCB, old);
	return answer;
}

static void grant(u64 start, u64 end)
{
	for (u64 gpa = start & PAGE_MASK; gpa < end; gpa += PAGE_SIZE)
		if (gpa != (u64)this_cpu()->ghcb - SHARED_BASE &&
		    gpa != (u64)this_cpu()->doorbell - SHARED_BASE &&
		    gpa != (u64)lower_ghcb &&
		    rmpadjust(gpa, false, LOWER | RWX << 8))
			panic("RMPADJUST refused", NULL);
}

static struct vmsa *create(void)
{
	struct vmsa *v = (struct vmsa *)(vmsa_pages + PAGE_SIZE);

	vmsa_fill(v, lower, (u64)lower_stack + sizeof(lower_stack) - 8,
		  &lower_cpu);
	v->vmpl = LOWER;
	v->sev_features = SEV_FEATURE_SNP | SEV_FEATURE_ALTERNATE;
	v->vintr_ctrl = VINTR_VGIF;
	lower_cpu.self = &lower_cpu;
	lower_cpu.apic_id = this_cpu()->apic_id;
	lower_cpu.ghcb = shared_view((u64)lower_ghcb);
	page_share(lower_ghcb);
	grant(micro_info->image_start, micro_info->image_end);
	grant(micro_info->boot_start, micro_info->boot_end);
	check(!rmpadjust((u64)v, false, LOWER | RMPADJUST_VMSA));
	check(!ghcb_call_rax(GHCB_AP_CREATION, (u64)lower_cpu.apic_id << 32 |
			     LOWER << 16 | AP_CREATE, (u64)v,
			     v->sev_features, 0));
	return v;
}

static struct {
	u32 irr[8];
	u32 queued;		/* in V_IRQ; 0: none */
	u32 presented;
} monitor;

/* Everything the host has for VMPL 2. */
static void drain(void)
{
	struct doorbell *page = this_cpu()->doorbell;
	struct doorbell_ext *ext = &page->ext[LOWER - 1];
	u32 status;

	if (!__atomic_exchange_n(&page->per_vmpl_events, 0, __ATOMIC_SEQ_CST))
		return;
	status = __atomic_exchange_n(&ext->status, 0, __ATOMIC_SEQ_CST);
	if (status & DOORBELL_EXT_VECTOR)
		monitor.irr[(status & 0xff) / 32] |= BIT(status % 32);
	for (unsigned int i = 0; i < 7; i++)
		monitor.irr[i + 1] |= __atomic_exchange_n(&ext->irr[i], 0,
							  __ATOMIC_SEQ_CST);
}

/*
 * One at a time, and no priorities: enough to see each arrive once. The rest
 * of VINTR_CTRL is the guest's: without its interrupt shadow, what came
 * between STI and HLT would be taken before the HLT that waits for it.
 */
static void present(struct vmsa *v)
{
	u64 kept = v->vintr_ctrl & ~(VINTR_VECTOR | VINTR_PRIO);

	if (v->vintr_ctrl & VINTR_V_IRQ)
		return;
	for (unsigned int i = 255; i >= 32; i--) {
		if (!(monitor.irr[i / 32] & BIT(i % 32)))
			continue;
		monitor.irr[i / 32] &= ~BIT(i % 32);
		v->vintr_ctrl = kept | VINTR_V_IRQ | VINTR_IGN_TPR |
				(u64)i << VINTR_VECTOR_SHIFT;
		monitor.presented++;
		return;
	}
}

static bool nothing_to_present(const struct vmsa *v)
{
	for (unsigned int i = 1; i < 8; i++)
		if (monitor.irr[i])
			return false;
	return !(v->vintr_ctrl & VINTR_V_IRQ);
}

/* The guest's HLT is VMPL 0's: it sleeps until the host has something. */
static void monitor_loop(struct vmsa *v)
{
	while (state != DONE) {
		irq_off();
		drain();
		present(v);
		if (v->exit_code == EXIT_IDLE_HLT && nothing_to_present(v)) {
			irq_on_halt();
			continue;
		}
		v->exit_code = 0;
		if (run_lower() != GHCB_MSR_RUN_VMPL)
			panic("Run VMPL refused", NULL);
		irq_on();
	}
}

/*
 * The guest below sleeps. A byte that the host has set and that this exchange
 * has put back to 0 ends the test by its timeout.
 */
static void exchange(const struct vmsa *v, u32 count)
{
	struct doorbell *page = this_cpu()->doorbell;
	u64 timer = (u64)LOWER << 16 | HV_TIMER_ONE_SHOT << HV_TIMER_MODE_SHIFT;

	while (v->exit_code != EXIT_IDLE_HLT)
		run_lower();
	for (u32 i = 0; i < count; i++) {
		check(!ghcb_call(GHCB_HV_TIMER, timer | TIMER, 5000, NULL));
		while (!__atomic_exchange_n(&page->per_vmpl_events, 0,
					    __ATOMIC_SEQ_CST))
			;
		check(__atomic_exchange_n(&page->ext[LOWER - 1].status, 0,
					  __ATOMIC_SEQ_CST) == TIMER);
	}
}

void micro_main(void)
{
	u32 count = option("count", 50);
	struct vmsa *v;

	irq_off();
	if (!restricted_active())
		panic("needs --injection restricted", NULL);
	apic_enable();
	set_handler(TIMER, lower_interrupt);
	set_handler(LVT, lower_interrupt);
	set_handler(IPI, lower_interrupt);
	irq_on();
	v = create();
	if (option_is("try", "exchange"))
		return exchange(v, count);
	check(!ghcb_call(GHCB_CONFIGURE_INJECTION, NOTIFY, 0, NULL));
	monitor_loop(v);
	check(got[TIMER] == count);
	check(got[LVT] == count);
	check(got[IPI] == count);
	check(monitor.presented == 3 * count);
	check(v->sev_features & SEV_FEATURE_ALTERNATE);
	print("belfry: %u presented, %u notifications, %u #HV\n",
	      (u64)monitor.presented, (u64)this_cpu()->intr[NOTIFY],
	      (u64)this_cpu()->hv.count);
}
