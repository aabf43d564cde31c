// SPDX-License-Identifier: MIT
/*
 * Restricted Injection (APM vol. 2, 15.36.16): the host can do nothing to
 * the monitor but ring #HV and write the doorbell page.
 *
 * The monitor never sets IF, so of the windows of injection.md 3.6 two do
 * not exist (enabling, and IRET to enabled code), and the other two are in
 * start.S. #HV itself takes nothing; NoFurtherSignal stays set until
 * hv_poll(), which runs before each entry of the guest and after each idle:
 *
 *	IDLE --host posts, #HV--> NOTED --hv_poll() clears NFS--> IDLE
 *
 * NFS is cleared before the vector is looked at: what is posted later rings
 * again, into one of the windows or before the next poll.
 *
 * A vector selects among the cases of hv_vector() and never a gate. All of
 * the page is hostile; each byte is read once.
 */
#include "arch/apic.h"
#include "svsm/insn.h"
#include "svsm/start.h"
#include "svsm/svsm.h"

_Static_assert(NO_FURTHER_SIGNAL == DOORBELL_NO_FURTHER_SIGNAL, "start.h");

#define VECTOR_IPI		0xe0
#define VECTOR_FIRST		16	/* class 0 is never dispatched */
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

/* ---- the doorbell -------------------------------------------------------- */

/*
 * Everything is spurious but the IPI, and that has served its purpose by
 * having woken this CPU: what it is about stands in private memory.
 */
static void hv_vector(u8 vector)
{
	switch (vector) {
	case VECTOR_IPI:
		break;
	default:
		break;
	}
}

/* NoEoiRequired: the host wants no EOI; it can only fool itself (C8). */
static void hv_eoi(struct doorbell *db)
{
	if (!__atomic_exchange_n(&db->no_eoi_required, 0, __ATOMIC_SEQ_CST))
		ghcb_wrmsr(MSR_X2APIC_EOI, 0);
}

static bool hv_take(struct doorbell *db)
{
	u8 vector = __atomic_load_n(&db->vector, __ATOMIC_ACQUIRE);

	if (vector < VECTOR_FIRST)
		return false;
	if (!__atomic_compare_exchange_n(&db->vector, &vector, 0, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return true;
	hv_vector(vector);
	hv_eoi(db);
	return true;
}

/* NMIs are dropped: nobody sends one to the monitor. */
void hv_poll(struct cpu *cpu)
{
	struct doorbell *db = cpu->doorbell;
	u8 flags;

	flags = __atomic_fetch_and(&db->flags,
				   (u8)~(DOORBELL_FLAG_NO_FURTHER_SIGNAL |
					 DOORBELL_FLAG_NMI), __ATOMIC_SEQ_CST);
	if (flags & DOORBELL_FLAG_MC)
		stop(MONITOR_STOP_MC, "machine check", flags);
	for (unsigned int i = 0; i < POLL_MAX; i++)
		if (!hv_take(db))
			break;
}

/* ---- sleeping and waking -------------------------------------------------- */

void hv_idle(struct cpu *cpu, bool no_vcpu)
{
	static const u64 nothing;

	svsm_halt(cpu->pending, no_vcpu ? &cpu->vcpu.vmsa : &nothing);
}

/* HV IPI, 56421 section 4.1.11: INFO1 is an ICR in x2APIC format. */
void hv_ipi(struct cpu *to)
{
	if (ghcb_call(GHCB_HV_IPI, (u64)to->apic_id << 32 | VECTOR_IPI, 0, 0,
		      NULL))
		stop(MONITOR_STOP_GHCB, "the host does not send an IPI",
		     to->apic_id);
}
