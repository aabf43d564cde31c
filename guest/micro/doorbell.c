// SPDX-License-Identifier: MIT
/*
 * Restricted Injection, the guest's side (56421 section 5.5): #HV
 * comes whatever RFLAGS.IF says, so the handler itself heeds IF, and whoever
 * sets IF looks whether something was put off meanwhile. The vector in the
 * page selects among interrupt handlers only.
 */
#include "guest/micro/micro.h"

static u8 pages[MICRO_CPUS][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

extern u8 doorbell_window[], doorbell_window_hlt[], doorbell_window_end[];
void doorbell_window_enter(struct doorbell *page);

/*
 * HLT unless something is pending. #HV between the test and HLT goes on
 * behind it: on_hv().
 */
asm(".pushsection .text.window, \"ax\"\n"
    "doorbell_window_enter:\n"
    "	cli\n"
    "doorbell_window:\n"
    "	testb	$0x80, 1(%rdi)\n"
    "	jnz	doorbell_window_end\n"
    "	sti\n"
    "doorbell_window_hlt:\n"
    "	hlt\n"
    "doorbell_window_end:\n"
    "	sti\n"
    "	ret\n"
    ".popsection\n");

bool restricted_active(void)
{
	return micro_aware() &&
	       rdmsr(MSR_SEV_STATUS) >> SEV_STATUS_FEATURE_SHIFT &
	       SEV_FEATURE_RESTRICTED;
}

static void dispatch(struct micro_cpu *cpu, u8 vector)
{
	struct regs regs = { .vector = vector };

	if (vector >= 32)
		micro_interrupt(&regs);
	else
		cpu->hv.spurious++;
}

/* With IF clear: a nested #HV is put off, and found by the loop. */
static void process(struct micro_cpu *cpu)
{
	struct doorbell *page = cpu->doorbell;
	u8 flags, vector;

	do {
		flags = __atomic_fetch_and(&page->flags, 0, __ATOMIC_SEQ_CST);
		cpu->hv.nmi += !!(flags & DOORBELL_FLAG_NMI);
		cpu->hv.mc += !!(flags & DOORBELL_FLAG_MC);
		vector = __atomic_load_n(&page->vector, __ATOMIC_SEQ_CST);
		while (vector >> 4 > cpu->hv.tpr >> 4)
			if (__atomic_compare_exchange_n(&page->vector, &vector,
							0, false,
							__ATOMIC_SEQ_CST,
							__ATOMIC_SEQ_CST)) {
				dispatch(cpu, vector);
				vector = __atomic_load_n(&page->vector,
							 __ATOMIC_SEQ_CST);
			}
	} while (page->flags & DOORBELL_FLAG_NO_FURTHER_SIGNAL);
}

static void on_hv(struct regs *regs)
{
	struct micro_cpu *cpu = this_cpu();

	cpu->hv.count++;
	if (regs->rflags & RFLAGS_IF) {
		if (regs->rip == (u64)doorbell_window_hlt)
			regs->rip = (u64)doorbell_window_end;
		process(cpu);
		return;
	}
	cpu->hv.put_off++;
	if (regs->rip >= (u64)doorbell_window &&
	    regs->rip < (u64)doorbell_window_end) {
		cpu->hv.windows++;
		regs->rip = (u64)doorbell_window_end;
	}
}

/* TPR was lowered: byte 0 may hold what it held back. */
void doorbell_look(void)
{
	irq_off();
	process(this_cpu());
	irq_on();
}

void irq_opened(void)
{
	struct micro_cpu *cpu = this_cpu();

	while (cpu->doorbell &&
	       *(volatile u8 *)&cpu->doorbell->flags &
	       DOORBELL_FLAG_NO_FURTHER_SIGNAL) {
		irq_off();
		process(cpu);
		asm volatile("sti" : : : "memory");
	}
}

void irq_on_halt(void)
{
	struct micro_cpu *cpu = this_cpu();

	if (cpu->doorbell) {
		doorbell_window_enter(cpu->doorbell);
		irq_opened();
	} else {
		asm volatile("sti; hlt" : : : "memory");
	}
}

/* True if the host wants to hear of the EOI. */
bool doorbell_eoi(void)
{
	struct doorbell *page = this_cpu()->doorbell;

	return !page || !__atomic_exchange_n(&page->no_eoi_required, 0,
					     __ATOMIC_SEQ_CST);
}

void doorbell_set(void)
{
	struct micro_cpu *cpu = this_cpu();
	u64 gpa = (u64)pages[cpu->index], back;

	if (ghcb_call(GHCB_DOORBELL, DOORBELL_SET, gpa, &back) || back != gpa)
		panic("the host refused the doorbell page", NULL);
	cpu->doorbell = shared_view(gpa);
}

void doorbell_enable(void)
{
	struct micro_cpu *cpu = this_cpu();

	if (cpu->doorbell)
		return;
	set_handler(VECTOR_HV, on_hv);
	page_share(pages[cpu->index]);
	doorbell_set();
}
