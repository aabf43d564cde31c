// SPDX-License-Identifier: MIT
/*
 * INIT and SIPI for an unaware guest: the drawing is at enum apic_run; here
 * is what they do to the registers (APM table 14-1, 15.27.8).
 */
#include "svsm/paravisor.h"

#define CR0_INIT	0x60000010ull		/* CD, NW, ET */
#define CR4_MCE		BIT_ULL(6)
#define DR6_INIT	0xffff0ff0ull
#define DR7_INIT	0x400ull
#define PAT_RESET	0x0007040600070406ull

#define SEG_CODE	0x9b
#define SEG_DATA	0x93
#define SEG_LDT		0x82
#define SEG_TSS		0x8b

static struct vmsa_seg segment(u16 attrib)
{
	return (struct vmsa_seg){ .attrib = attrib, .limit = 0xffff };
}

/*
 * What the monitor keeps in a VMSA stays: VMPL, features, vTOM, V_NMI_ENABLE
 * and BUSY; so does x87 and SSE state, as INIT leaves it. CR4.MCE must not
 * change under an SNP host.
 */
void paravisor_init_vmsa(struct vmsa *vmsa)
{
	unsigned int i;

	vmsa->es = vmsa->ss = vmsa->ds = vmsa->fs = vmsa->gs =
		segment(SEG_DATA);
	vmsa->cs = segment(SEG_CODE);
	vmsa->cs.selector = 0xf000;
	vmsa->cs.base = 0xffff0000;
	vmsa->gdtr = vmsa->idtr = segment(0);
	vmsa->ldtr = segment(SEG_LDT);
	vmsa->tr = segment(SEG_TSS);
	vmsa->cpl = 0;
	vmsa->efer = EFER_SVME;
	vmsa->cr0 = CR0_INIT;
	vmsa->cr2 = vmsa->cr3 = 0;
	vmsa->cr4 &= CR4_MCE;
	vmsa->dr6 = DR6_INIT;
	vmsa->dr7 = DR7_INIT;
	vmsa->rflags = BIT_ULL(1);
	vmsa->rip = 0xfff0;
	for (i = 0; i < 16; i++)
		*vmsa_gpr(vmsa, i) = 0;
	vmsa->g_pat = PAT_RESET;
	vmsa->xcr0 = 1;
	vmsa->event_inj = 0;
	vmsa->vintr_ctrl &= VINTR_NMI_ENABLE | VINTR_BUSY;
}

static void start_at(struct vmsa *vmsa, u8 vector)
{
	vmsa->cs.selector = vector << 8;
	vmsa->cs.base = (u64)vector << 12;
	vmsa->rip = 0;
}

bool paravisor_start(struct paravisor_vcpu *v, const char **reason)
{
	u8 vector;

	for (;;) {
		switch (apic_take_start(&v->apic, &vector)) {
		case APIC_START_RESET:
			paravisor_init_vmsa(v->vmsa);
			v->eoi = NULL;
			v->eoi_msr = 0;
			v->halted = false;
			break;
		case APIC_START_RESET_BSP:
			/* There is no firmware to go on in. */
			*reason = "guest-reset";
			return false;
		case APIC_START_SIPI:
			start_at(v->vmsa, vector);
			break;
		case APIC_START_NONE:
			return v->apic.run == APIC_RUNNING;
		}
	}
}
