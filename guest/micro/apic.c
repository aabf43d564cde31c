// SPDX-License-Identifier: MIT
/*
 * The local APIC of a micro guest: by GHCB where the host emulates it, in the
 * backing page and by accelerated MSRs under Secure AVIC, as Linux' driver
 * does; and the I/O APIC.
 */
#include "guest/micro/micro.h"

#define IOAPIC		0xfec00000ull

static u8 page_memory[MICRO_CPUS][PAGE_SIZE]
	__attribute__((aligned(PAGE_SIZE)));

bool savic_active(void)
{
	return micro_aware() &&
	       rdmsr(MSR_SEV_STATUS) >> SEV_STATUS_FEATURE_SHIFT &
	       SEV_FEATURE_SECURE_AVIC;
}

static bool in_page(u32 offset)
{
	switch (offset) {
	case APIC_LVT_TIMER ... APIC_LVT_ERROR:
	case APIC_TMICT:
	case APIC_TMCCT:
	case APIC_TDCR:
		return false;
	default:
		return true;
	}
}

/* What the SVSM APIC protocol has; the rest stays the host's. */
static bool monitors(u32 offset)
{
	switch (offset) {
	case APIC_ID:
	case APIC_TPR:
	case APIC_PPR:
	case APIC_EOI:
	case APIC_LDR:
	case APIC_ISR ... APIC_IRR + 0x70:
	case APIC_ICR:
	case APIC_SELF_IPI:
		return true;
	default:
		return false;
	}
}

u64 apic_read(u32 offset)
{
	struct micro_cpu *cpu = this_cpu();

	if (cpu->alternate && monitors(offset))
		return svsm_apic_read(offset);
	if (cpu->savic && in_page(offset))
		return __atomic_load_n(&cpu->page[offset / 4],
				       __ATOMIC_ACQUIRE);
	return ghcb_rdmsr(X2APIC_MSR(offset));
}

void apic_write(u32 offset, u64 value)
{
	struct micro_cpu *cpu = this_cpu();

	if (cpu->alternate && monitors(offset)) {
		svsm_apic_write(offset, value);
		return;
	}
	if (!cpu->savic) {
		ghcb_wrmsr(X2APIC_MSR(offset), value);
		return;
	}
	switch (offset) {
	case APIC_TPR:
	case APIC_EOI:
	case APIC_SELF_IPI:
		wrmsr(X2APIC_MSR(offset), value);
		break;
	case APIC_SVR:
		cpu->page[offset / 4] = value;
		break;
	default:
		ghcb_wrmsr(X2APIC_MSR(offset), value);
	}
}

bool page_bit(u32 base, u8 vector)
{
	u32 word = this_cpu()->page[(base + 0x10 * (vector / 32)) / 4];

	return word & BIT(vector % 32);
}

void page_set_bit(struct micro_cpu *cpu, u32 base, u8 vector, bool on)
{
	u32 *word = &cpu->page[(base + 0x10 * (vector / 32)) / 4];

	if (on)
		__atomic_fetch_or(word, BIT(vector % 32), __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(word, ~BIT(vector % 32), __ATOMIC_SEQ_CST);
}

void vector_allow(u8 vector, bool allow)
{
	if (this_cpu()->savic)
		page_set_bit(this_cpu(), SAVIC_ALLOWED_IRR, vector, allow);
	if (this_cpu()->alternate)
		check(!svsm_apic(SVSM_APIC_CONFIGURE_VECTOR,
				 vector | (allow ?
				 SVSM_APIC_VECTOR_ENABLE : 0), 0));
}

/* A level-triggered one must be told to the host (TMR). */
/*
 * KVM's PV EOI (Linux, Documentation/virt/kvm/x86/msr.rst), which a monitor
 * offers to guests that know nothing of it: a byte says that clearing it is
 * the EOI.
 */
#define MSR_KVM_PV_EOI	0x4b564d04

static u8 eoi_byte[MICRO_CPUS][4] __attribute__((aligned(4)));

static bool pv_eoi(void)
{
	return !micro_aware() &&
	       __atomic_exchange_n(eoi_byte[this_cpu()->index], 0,
				   __ATOMIC_SEQ_CST);
}

void apic_eoi(void)
{
	struct micro_cpu *cpu = this_cpu();

	if (pv_eoi())
		return;
	if (cpu->savic) {
		for (int v = 255; v >= 16; v--) {
			if (!page_bit(APIC_ISR, v))
				continue;
			if (!page_bit(APIC_TMR, v))
				break;
			page_set_bit(cpu, APIC_ISR, v, false);
			ghcb_wrmsr(X2APIC_MSR(APIC_EOI), 0);
			return;
		}
	}
	if (cpu->alternate && __atomic_exchange_n(
			&svsm_area(cpu->index)->no_eoi_required, 0,
			__ATOMIC_SEQ_CST))
		return;
	if (doorbell_eoi())
		apic_write(APIC_EOI, 0);
}

static void savic_enable(struct micro_cpu *cpu)
{
	cpu->page = (u32 *)page_memory[cpu->index];
	cpu->page[APIC_ID / 4] = cpu->apic_id;
	cpu->page[APIC_VERSION / 4] = APIC_VERSION_VALUE;
	cpu->page[APIC_LDR / 4] = x2apic_ldr(cpu->apic_id);
	if (ghcb_call_rax(GHCB_SAVIC, GHCB_SAVIC_REGISTER, 0, GHCB_SAVIC_SELF,
			  (u64)cpu->page))
		panic("the host refused the backing page", NULL);
	wrmsr(MSR_SAVIC_CONTROL, (u64)cpu->page | SAVIC_CONTROL_EN |
	      SAVIC_CONTROL_ALLOWED_NMI);
	cpu->savic = true;
}

void apic_enable(void)
{
	struct micro_cpu *cpu = this_cpu();
	u64 base = ghcb_rdmsr(MSR_APIC_BASE);

	if (!(base & APIC_BASE_EXTD))
		ghcb_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE |
			   APIC_BASE_EXTD);
	if (savic_active())
		savic_enable(cpu);
	if (restricted_active())
		doorbell_enable();
	if (!micro_aware())
		wrmsr(MSR_KVM_PV_EOI, (u64)eoi_byte[cpu->index] | 1);
	cpu->alternate = alternate_active();
	apic_write(APIC_SVR, APIC_SVR_ENABLE | 0xff);
}

/* ---- I/O APIC ------------------------------------------------------------ */

static void ioapic_write(u32 reg, u32 value)
{
	ghcb_mmio_write(IOAPIC, reg);
	ghcb_mmio_write(IOAPIC + 0x10, value);
}

void ioapic_route(unsigned int pin, u8 vector, bool level, u32 dest)
{
	ioapic_write(0x11 + 2 * pin, dest << 24);
	ioapic_write(0x10 + 2 * pin, vector | (level ? BIT(15) : 0));
}

void ioapic_mask(unsigned int pin)
{
	ioapic_write(0x10 + 2 * pin, BIT(16));
}

void ioapic_eoi(u8 vector)
{
	ghcb_mmio_write(IOAPIC + 0x40, vector);
}
