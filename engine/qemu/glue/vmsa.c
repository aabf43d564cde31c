// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A vCPU's registers to a VMSA and back. APM vol. 2 (24593) table B-4 and,
 * for what may be loaded, 15.5.1.
 */
#include "vmsa.h"

/* Of the type in a VMSA's attributes: a TSS that TR holds always is. */
#define TSS_BUSY	2

#define FLAGS_APART	(CC_O | CC_S | CC_Z | CC_A | CC_P | CC_C | DF_MASK)

/* In the order of QEMU's R_ES ... R_GS. */
static struct vmsa_seg *segment(struct vmsa *vmsa, int i)
{
	return &vmsa->es + i;
}

static void save_segment(struct vmsa_seg *to, const SegmentCache *from)
{
	to->selector = from->selector;
	to->attrib = (from->flags >> 8 & 0xff) | (from->flags >> 12 & 0xf00);
	to->limit = from->limit;
	to->base = from->base;
}

static uint32_t segment_flags(const struct vmsa_seg *from)
{
	return (from->attrib & 0xff) << 8 | (from->attrib & 0xf00) << 12;
}

static u64 canonical(CPUX86State *env, u64 base)
{
	int unused = 64 - cpu_x86_virtual_addr_width(env);

	return (s64)(base << unused) >> unused;
}

static void load_table(CPUX86State *env, SegmentCache *to,
		       const struct vmsa_seg *from)
{
	to->selector = from->selector;
	to->flags = segment_flags(from);
	to->limit = from->limit;
	to->base = canonical(env, from->base);
}

/* ---- save ---------------------------------------------------------------- */

static void save_gprs(CPUX86State *env, struct vmsa *vmsa)
{
	vmsa->rax = env->regs[R_EAX];
	vmsa->rcx = env->regs[R_ECX];
	vmsa->rdx = env->regs[R_EDX];
	vmsa->rbx = env->regs[R_EBX];
	vmsa->rsp = env->regs[R_ESP];
	vmsa->rbp = env->regs[R_EBP];
	vmsa->rsi = env->regs[R_ESI];
	vmsa->rdi = env->regs[R_EDI];
	for (int i = 0; i < 8; i++)
		vmsa->r8_15[i] = env->regs[8 + i];
	vmsa->rip = env->eip;
	vmsa->rflags = cpu_compute_eflags(env);
}

static void save_system(CPUX86State *env, struct vmsa *vmsa)
{
	vmsa->cr0 = env->cr[0];
	vmsa->cr2 = env->cr[2];
	vmsa->cr3 = env->cr[3];
	vmsa->cr4 = env->cr[4];
	vmsa->efer = env->efer;
	vmsa->xcr0 = env->xcr0;
	vmsa->xss = env->xss;
	vmsa->dr6 = env->dr[6];
	vmsa->dr7 = env->dr[7];
	for (int i = 0; i < 4; i++)
		vmsa->dr[i] = env->dr[i];
	vmsa->star = env->star;
	vmsa->lstar = env->lstar;
	vmsa->cstar = env->cstar;
	vmsa->sfmask = env->fmask;
	vmsa->kernel_gs_base = env->kernelgsbase;
	vmsa->sysenter_cs = env->sysenter_cs;
	vmsa->sysenter_esp = env->sysenter_esp;
	vmsa->sysenter_eip = env->sysenter_eip;
	vmsa->g_pat = env->pat;
	vmsa->spec_ctrl = env->spec_ctrl;
	vmsa->pkru = env->pkru;
	vmsa->tsc_aux = env->tsc_aux;
}

void glue_vmsa_save(void *engine, unsigned int vcpu, struct vmsa *vmsa)
{
	CPUX86State *env = cpu_env(belfry.cpu[vcpu]);

	for (int i = R_ES; i <= R_GS; i++)
		save_segment(segment(vmsa, i), &env->segs[i]);
	save_segment(&vmsa->gdtr, &env->gdt);
	save_segment(&vmsa->ldtr, &env->ldt);
	save_segment(&vmsa->idtr, &env->idt);
	save_segment(&vmsa->tr, &env->tr);
	vmsa->tr.attrib |= TSS_BUSY;
	vmsa->cpl = env->hflags & HF_CPL_MASK;
	save_gprs(env, vmsa);
	save_system(env, vmsa);
	vmsa->vintr_ctrl &= ~(VINTR_SHADOW | VINTR_NMI_MASK);
	if (env->hflags & HF_INHIBIT_IRQ_MASK)
		vmsa->vintr_ctrl |= VINTR_SHADOW;
	if (env->hflags2 & HF2_NMI_MASK)
		vmsa->vintr_ctrl |= VINTR_NMI_MASK;
	fpu_save(env, vmsa);
	if (env->snp)
		tlb_keep(env);
}

/* ---- what may be loaded -------------------------------------------------- */

static bool efer_legal(CPUX86State *env, const struct vmsa *vmsa)
{
	bool pe = vmsa->cr0 & CR0_PE_MASK;
	bool pg = vmsa->cr0 & CR0_PG_MASK;
	bool pae = vmsa->cr4 & CR4_PAE_MASK;
	bool lme = vmsa->efer & MSR_EFER_LME;
	uint32_t cs = segment_flags(&vmsa->cs);

	if (vmsa->efer & MSR_EFER_RESERVED)
		return false;
	if (!lme || !pg)
		return true;
	return pe && pae && !(cs & DESC_L_MASK && cs & DESC_B_MASK);
}

/* The illegal states of APM 15.5.1 that this processor can tell. */
static bool legal(CPUX86State *env, const struct vmsa *vmsa)
{
	if (vmsa->cr0 >> 32 || vmsa->dr6 >> 32 || vmsa->dr7 >> 32)
		return false;
	if (vmsa->cr0 & CR0_NW_MASK && !(vmsa->cr0 & CR0_CD_MASK))
		return false;
	if (vmsa->cr0 & CR0_PG_MASK && !(vmsa->cr0 & CR0_PE_MASK))
		return false;
	if (vmsa->cr4 & cr4_reserved_bits(env))
		return false;
	return efer_legal(env, vmsa);
}

/* ---- load ---------------------------------------------------------------- */

static void load_gprs(CPUX86State *env, const struct vmsa *vmsa)
{
	env->regs[R_EAX] = vmsa->rax;
	env->regs[R_ECX] = vmsa->rcx;
	env->regs[R_EDX] = vmsa->rdx;
	env->regs[R_EBX] = vmsa->rbx;
	env->regs[R_ESP] = vmsa->rsp;
	env->regs[R_EBP] = vmsa->rbp;
	env->regs[R_ESI] = vmsa->rsi;
	env->regs[R_EDI] = vmsa->rdi;
	for (int i = 0; i < 8; i++)
		env->regs[8 + i] = vmsa->r8_15[i];
	env->eip = vmsa->rip;
}

static void load_debug(CPUX86State *env, const struct vmsa *vmsa)
{
	bool same = env->dr[7] == (vmsa->dr7 | DR7_FIXED_1);

	for (int i = 0; i < 4; i++)
		same &= env->dr[i] == vmsa->dr[i];
	env->dr[6] = vmsa->dr6 | DR6_FIXED_1;
	if (same)
		return;
	/* Breakpoints are QEMU's own objects: remove, change, insert. */
	cpu_x86_update_dr7(env, DR7_FIXED_1);
	for (int i = 0; i < 4; i++)
		env->dr[i] = vmsa->dr[i];
	cpu_x86_update_dr7(env, vmsa->dr7);
}

static void load_msrs(CPUX86State *env, const struct vmsa *vmsa)
{
	env->star = vmsa->star;
	env->lstar = vmsa->lstar;
	env->cstar = vmsa->cstar;
	env->fmask = vmsa->sfmask;
	env->kernelgsbase = vmsa->kernel_gs_base;
	env->sysenter_cs = vmsa->sysenter_cs;
	env->sysenter_esp = vmsa->sysenter_esp;
	env->sysenter_eip = vmsa->sysenter_eip;
	env->pat = vmsa->g_pat;
	env->spec_ctrl = vmsa->spec_ctrl;
	env->tsc_aux = vmsa->tsc_aux;
	env->xss = vmsa->xss;
	env->xcr0 = (vmsa->xcr0 & env->features[FEAT_XSAVE_XCR0_LO]) |
		    XSTATE_FP_MASK;
	env->tsc_offset = vmsa->sev_features & SEV_FEATURE_SECURE_TSC ?
			  vmsa->tsc_offset : 0;
}

/*
 * Control registers without QEMU's update functions: those flush all TLBs,
 * and translate flags from what was loaded before. Here the flags start
 * from nothing; segments add theirs.
 */
static void load_control(CPUX86State *env, const struct vmsa *vmsa)
{
	bool lma = vmsa->efer & MSR_EFER_LME && vmsa->cr0 & CR0_PG_MASK;

	env->cr[0] = vmsa->cr0 | CR0_ET_MASK;
	env->cr[2] = vmsa->cr2;
	env->cr[3] = vmsa->cr3;
	env->cr[4] = vmsa->cr4;
	env->hflags &= HF_IOBPT_MASK;
	if (env->snp)
		env->hflags |= HF_GUEST_MASK |
			       (vmsa->vmpl ? HF_VMPL_MASK : 0);
	env->hflags |= (env->cr[0] & CR0_PE_MASK) << HF_PE_SHIFT;
	env->hflags |= (env->cr[0] << (HF_MP_SHIFT - 1)) &
		       (HF_MP_MASK | HF_EM_MASK | HF_TS_MASK);
	if (env->cr[4] & CR4_OSFXSR_MASK)
		env->hflags |= HF_OSFXSR_MASK;
	if (env->cr[4] & CR4_SMAP_MASK)
		env->hflags |= HF_SMAP_MASK;
	if (env->cr[4] & CR4_UMIP_MASK)
		env->hflags |= HF_UMIP_MASK;
	cpu_load_efer(env, (vmsa->efer & ~MSR_EFER_LMA) |
		      (lma ? MSR_EFER_LMA : 0));
}

static void load_segments(CPUX86State *env, struct vmsa *vmsa)
{
	load_table(env, &env->gdt, &vmsa->gdtr);
	load_table(env, &env->ldt, &vmsa->ldtr);
	load_table(env, &env->idt, &vmsa->idtr);
	load_table(env, &env->tr, &vmsa->tr);
	/* Only LTR looks at P. QEMU knows no busy TSS but in its descriptor. */
	env->tr.flags |= DESC_P_MASK;
	env->tr.flags &= ~DESC_TSS_BUSY_MASK;
	env->gdt.limit &= 0xffff;
	env->idt.limit &= 0xffff;
	for (int i = R_ES; i <= R_GS; i++) {
		const struct vmsa_seg *s = segment(vmsa, i);

		cpu_x86_load_seg_cache(env, i, s->selector,
				       canonical(env, s->base), s->limit,
				       segment_flags(s));
	}
	env->hflags = (env->hflags & ~HF_CPL_MASK) | (vmsa->cpl & 3);
}

bool glue_vmsa_load(void *engine, unsigned int vcpu, const struct vmsa *from)
{
	CPUX86State *env = cpu_env(belfry.cpu[vcpu]);
	struct vmsa *vmsa = (struct vmsa *)from;

	if (!legal(env, vmsa))
		return false;
	load_debug(env, vmsa);
	load_msrs(env, vmsa);
	load_control(env, vmsa);
	env->eflags = 0;
	cpu_load_eflags(env, vmsa->rflags, ~FLAGS_APART);
	load_segments(env, vmsa);
	load_gprs(env, vmsa);
	fpu_load(env, vmsa);
	env->pkru = vmsa->pkru;
	cpu_sync_avx_hflag(env);
	cpu_sync_bndcs_hflags(env);
	env->hflags2 &= ~HF2_NMI_MASK;
	if (vmsa->vintr_ctrl & VINTR_SHADOW)
		env->hflags |= HF_INHIBIT_IRQ_MASK;
	if (vmsa->vintr_ctrl & VINTR_NMI_MASK)
		env->hflags2 |= HF2_NMI_MASK;
	if (env->snp)
		tlb_take(env, vmsa);
	return true;
}
