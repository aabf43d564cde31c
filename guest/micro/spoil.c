// SPDX-License-Identifier: MIT
/*
 * spoil: a guest whose APIC is the monitor's finds the backing page that
 * hardware works on, as SECURE_AVIC_CONTROL tells where it is, and one of its
 * CPUs writes it and that MSR at random. It harms itself: the other CPU gets
 * what it has to, exactly. `try=neighbour` writes the page behind it, which is
 * the monitor's alone. docs/secure-avic.md.
 */
#include "guest/micro/pit.h"

#define EDGE	0x41
#define SELF	0x61
#define ROUNDS	3000

static volatile bool done;
static u64 state = 88172645463325252ull;

static u32 draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 20;
}

static u64 backing(void)
{
	return rdmsr(MSR_SAVIC_CONTROL) & SAVIC_CONTROL_PAGE;
}

/* Nothing is delivered, with IF clear; all the rest happens. */
static void spoil_once(volatile u32 *page)
{
	static const u32 regs[] = {
		APIC_TPR, APIC_EOI, APIC_SVR, APIC_ESR, APIC_LVT_LINT0,
		APIC_TMICT, APIC_TDCR,
	};
	u32 reg = regs[draw() % ARRAY_SIZE(regs)];

	for (unsigned int i = draw() % 64; i; i--) {
		u32 at = draw() % (PAGE_SIZE / 4);

		if (at != SAVIC_NMI_REQ / 4)	/* IF does not hold that back */
			page[at] = draw() << 8 ^ draw();
	}
	switch (draw() % 6) {
	case 0:
		try_wrmsr(MSR_SAVIC_CONTROL, 0);
		break;
	case 1:
		try_wrmsr(MSR_SAVIC_CONTROL, (u64)page | 3);
		break;
	case 2:
		try_wrmsr(X2APIC_MSR(APIC_SELF_IPI), 32 + draw() % 224);
		break;
	default:
		try_wrmsr(X2APIC_MSR(reg), reg == APIC_SVR ? 0x1ff :
			  reg == APIC_TPR ? draw() & 0xff : 0);
	}
	/* An exit: the monitor looks. */
	ghcb_in(0x61, 1);
}

static void spoil(void)
{
	volatile u32 *page = (u32 *)backing();

	irq_off();
	for (unsigned int i = 0; i < ROUNDS; i++)
		spoil_once(page);
	done = true;
}

/* Meanwhile, each of these exactly once. */
static void undisturbed(void)
{
	u32 selves = 0, edges = 0;

	ioapic_route(PIT_PIN, EDGE, false, this_cpu()->apic_id);
	while (!done) {
		apic_write(APIC_SELF_IPI, SELF);
		selves++;
		pit_fire();
		edges++;
		while (this_cpu()->intr[EDGE] < edges)
			relax();
		pit_settle();
		check(this_cpu()->intr[SELF] == selves &&
		      this_cpu()->intr[EDGE] == edges);
	}
	ioapic_mask(PIT_PIN);
}

void micro_main(void)
{
	irq_off();
	apic_enable();
	irq_on();
	check(backing());
	if (option_is("try", "neighbour")) {
		*(volatile u32 *)(backing() + PAGE_SIZE) = 1;
		check(false);
	}
	cpu_start(1);
	cpu_run(1, spoil);
	undisturbed();
}
