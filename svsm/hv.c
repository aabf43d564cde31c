// SPDX-License-Identifier: MIT
/*
 * Restricted Injection (APM vol. 2, 15.36.16): the host can do nothing to
 * the monitor but ring #HV and write the doorbell page.
 *
 * The monitor never sets IF, so of the windows of 56421 section 5.5 two do
 * not exist (enabling, and IRET to enabled code), and the other two are in
 * start.S. #HV itself takes nothing; NoFurtherSignal stays set until
 * hv_poll(), which runs before each entry of the guest and after each idle:
 *
 *	IDLE --host posts, #HV--> NOTED --hv_poll() clears NFS--> IDLE
 *
 * NFS is cleared before the vector is looked at: what is posted later rings
 * again, into one of the windows or before the next poll.
 *
 * A vector selects among the cases of hv_vector() and never a gate; those of
 * class 0 stay where they are. core/doorbell.h reads the page.
 */
#include "core/doorbell.h"
#include "svsm/insn.h"
#include "svsm/start.h"
#include "svsm/svsm.h"

_Static_assert(NO_FURTHER_SIGNAL == DOORBELL_NO_FURTHER_SIGNAL, "start.h");

#define SPURIOUS_ENABLE		0x1ff	/* SVR: enabled, vector ff */
#define MSR_APIC_BASE		0x1b
#define APIC_BASE_ON		(BIT_ULL(11) | BIT_ULL(10))
#define MSR_X2APIC_EOI		0x80b
#define MSR_X2APIC_SVR		0x80f
/* C7: a host that keeps refilling the byte only keeps itself waiting. */
#define POLL_MAX		256

static void enable_apic(void)
{
	u64 base = ghcb_rdmsr(MSR_APIC_BASE);

	if ((base & APIC_BASE_ON) != APIC_BASE_ON)
		ghcb_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ON);
	ghcb_wrmsr(MSR_X2APIC_SVR, SPURIOUS_ENABLE);
}

void hv_start(struct cpu *cpu)
{
	u64 gpa = cpu->ghcb_gpa + AREA_DOORBELL - AREA_GHCB;
	u64 answer;

	if (ghcb_call(GHCB_DOORBELL, DOORBELL_SET, gpa, 0, &answer) ||
	    answer != gpa)
		stop(MONITOR_STOP_GHCB, "the host does not take the doorbell "
		     "page", gpa);
	enable_apic();
}

void hv_want_news(void)
{
	if (ghcb_call(GHCB_CONFIGURE_INJECTION, VECTOR_NEWS, 0, 0, NULL))
		stop(MONITOR_STOP_GHCB, "the host takes no notification "
		     "vector", VECTOR_NEWS);
}

u64 hv_address(const struct irq_msg *to)
{
	return (u64)to->dest << APIC_ICR_DEST_SHIFT |
	       (u64)to->shorthand << APIC_ICR_SHORTHAND_SHIFT |
	       (to->logical ? APIC_ICR_LOGICAL : 0);
}

/* ---- the doorbell ------------------------------------------------------- */

/*
 * Everything is spurious but the IPI and what announces news for the guest,
 * and these have served their purpose by having woken this CPU: what they are
 * about stands in private memory, and in the descriptor of the guest's VMPL.
 */
static void hv_vector(u8 vector)
{
	switch (vector) {
	case VECTOR_IPI:
	case VECTOR_NEWS:
		break;
	default:
		break;
	}
}

/* NMIs are dropped: nobody sends one to the monitor. */
void hv_poll(struct cpu *cpu)
{
	u8 vector;

	if (doorbell_start(cpu->doorbell) & DOORBELL_FLAG_MC)
		stop(MONITOR_STOP_MC, "machine check", 0);
	for (unsigned int i = 0; i < POLL_MAX; i++) {
		vector = doorbell_take(cpu->doorbell, 0);
		if (!vector)
			break;
		hv_vector(vector);
		if (doorbell_eoi(cpu->doorbell))
			ghcb_wrmsr(MSR_X2APIC_EOI, 0);
	}
}

/* ---- sleeping and waking ------------------------------------------------ */

void hv_idle(struct cpu *cpu, bool no_vcpu)
{
	static const u64 nothing;

	svsm_halt(cpu->pending, no_vcpu ? &cpu->vcpu.vmsa : &nothing);
}
