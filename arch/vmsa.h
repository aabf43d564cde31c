/* SPDX-License-Identifier: MIT */
/*
 * VMSA: the save area of one VMPL of one vCPU, 4 KiB of private memory.
 * Source: AMD64 APM vol. 2 (24593) table B-4.
 */
#ifndef ARCH_VMSA_H
#define ARCH_VMSA_H

#include "types.h"

/* Attributes are packed: descriptor bits 47:40, then 55:52 in [11:8]. */
struct vmsa_seg {
	u16 selector;
	u16 attrib;
	u32 limit;
	u64 base;
};
ASSERT_SIZE(struct vmsa_seg, 16);

struct vmsa {
	struct vmsa_seg es, cs, ss, ds, fs, gs;	/* 000 */
	struct vmsa_seg gdtr, ldtr, idtr, tr;	/* 060 */
	u64 pl0_ssp, pl1_ssp, pl2_ssp, pl3_ssp;	/* 0a0 */
	u64 u_cet;				/* 0c0 */
	u8 reserved_0c8[2];
	u8 vmpl;				/* 0ca */
	u8 cpl;					/* 0cb */
	u8 reserved_0cc[4];
	u64 efer;				/* 0d0 */
	u8 reserved_0d8[0x140 - 0xd8];
	u64 xss;				/* 140 */
	u64 cr4;				/* 148 */
	u64 cr3;				/* 150 */
	u64 cr0;				/* 158 */
	u64 dr7;				/* 160 */
	u64 dr6;				/* 168 */
	u64 rflags;				/* 170 */
	u64 rip;				/* 178 */
	u64 dr[4];				/* 180 */
	u64 dr_mask[4];				/* 1a0 */
	u8 reserved_1c0[24];
	u64 rsp;				/* 1d8 */
	u64 s_cet;				/* 1e0 */
	u64 ssp;				/* 1e8 */
	u64 isst;				/* 1f0 */
	u64 rax;				/* 1f8 */
	u64 star;				/* 200 */
	u64 lstar;				/* 208 */
	u64 cstar;				/* 210 */
	u64 sfmask;				/* 218 */
	u64 kernel_gs_base;			/* 220 */
	u64 sysenter_cs;			/* 228 */
	u64 sysenter_esp;			/* 230 */
	u64 sysenter_eip;			/* 238 */
	u64 cr2;				/* 240 */
	u8 reserved_248[32];
	u64 g_pat;				/* 268 */
	u64 dbgctl;				/* 270 */
	u64 br_from;				/* 278 */
	u64 br_to;				/* 280 */
	u64 last_excp_from;			/* 288 */
	u64 last_excp_to;			/* 290 */
	u8 reserved_298[72];
	u64 spec_ctrl;				/* 2e0 */
	u32 pkru;				/* 2e8 */
	u32 tsc_aux;				/* 2ec */
	u64 tsc_scale;				/* 2f0 */
	u64 tsc_offset;				/* 2f8 */
	u64 reg_prot_nonce;			/* 300 */
	u64 rcx;				/* 308 */
	u64 rdx;				/* 310 */
	u64 rbx;				/* 318 */
	u64 savic_control;			/* 320 */
	u64 rbp;				/* 328 */
	u64 rsi;				/* 330 */
	u64 rdi;				/* 338 */
	u64 r8_15[8];				/* 340 */
	u8 reserved_380[16];
	u64 exit_info1;				/* 390 */
	u64 exit_info2;				/* 398 */
	u64 exit_int_info;			/* 3a0 */
	u64 nrip;				/* 3a8 */
	u64 sev_features;			/* 3b0 */
	u64 vintr_ctrl;				/* 3b8 */
	u64 exit_code;				/* 3c0 */
	u64 virtual_tom;			/* 3c8 */
	u64 tlb_id;				/* 3d0 */
	u64 pcpu_id;				/* 3d8 */
	u64 event_inj;				/* 3e0 */
	u64 xcr0;				/* 3e8 */
	u8 reserved_3f0[16];
	u64 x87_dp;				/* 400 */
	u32 mxcsr;				/* 408 */
	u16 x87_ftw;				/* 40c */
	u16 x87_fsw;				/* 40e */
	u16 x87_fcw;				/* 410 */
	u16 x87_fop;				/* 412 */
	u16 x87_ds;				/* 414 */
	u16 x87_cs;				/* 416 */
	u64 x87_rip;				/* 418 */
	u64 st_mantissa[8];			/* 420 */
	u16 st_exponent[8];			/* 460 */
	u8 xmm[16][16];				/* 470 */
	u8 ymm_hi[16][16];			/* 570 */
	u8 reserved_670[4096 - 0x670];
};
ASSERT_OFFSET(struct vmsa, gdtr, 0x60);
ASSERT_OFFSET(struct vmsa, vmpl, 0xca);
ASSERT_OFFSET(struct vmsa, efer, 0xd0);
ASSERT_OFFSET(struct vmsa, xss, 0x140);
ASSERT_OFFSET(struct vmsa, rip, 0x178);
ASSERT_OFFSET(struct vmsa, rsp, 0x1d8);
ASSERT_OFFSET(struct vmsa, rax, 0x1f8);
ASSERT_OFFSET(struct vmsa, cr2, 0x240);
ASSERT_OFFSET(struct vmsa, g_pat, 0x268);
ASSERT_OFFSET(struct vmsa, spec_ctrl, 0x2e0);
ASSERT_OFFSET(struct vmsa, rcx, 0x308);
ASSERT_OFFSET(struct vmsa, savic_control, 0x320);
ASSERT_OFFSET(struct vmsa, r8_15, 0x340);
ASSERT_OFFSET(struct vmsa, exit_info1, 0x390);
ASSERT_OFFSET(struct vmsa, sev_features, 0x3b0);
ASSERT_OFFSET(struct vmsa, vintr_ctrl, 0x3b8);
ASSERT_OFFSET(struct vmsa, exit_code, 0x3c0);
ASSERT_OFFSET(struct vmsa, event_inj, 0x3e0);
ASSERT_OFFSET(struct vmsa, x87_dp, 0x400);
ASSERT_OFFSET(struct vmsa, st_mantissa, 0x420);
ASSERT_OFFSET(struct vmsa, xmm, 0x470);
ASSERT_OFFSET(struct vmsa, ymm_hi, 0x570);
ASSERT_SIZE(struct vmsa, 4096);

/* VINTR_CTRL; the VMCB word at 060h has the same low 32 bits. */
#define VINTR_TPR			0xffull
#define VINTR_V_IRQ			BIT_ULL(8)
#define VINTR_VGIF			BIT_ULL(9)
#define VINTR_SHADOW			BIT_ULL(10)	/* VMSA only */
#define VINTR_V_NMI			BIT_ULL(11)
#define VINTR_NMI_MASK			BIT_ULL(12)
#define VINTR_PRIO_SHIFT		16
#define VINTR_PRIO			(0xfull << VINTR_PRIO_SHIFT)
#define VINTR_IGN_TPR			BIT_ULL(20)
#define VINTR_MASKING			BIT_ULL(24)	/* VMCB only */
#define VINTR_VGIF_ENABLE		BIT_ULL(25)	/* VMCB only */
#define VINTR_NMI_ENABLE		BIT_ULL(26)
#define VINTR_X2AVIC			BIT_ULL(30)	/* VMCB only */
#define VINTR_AVIC			BIT_ULL(31)	/* VMCB only */
#define VINTR_VECTOR_SHIFT		32
#define VINTR_VECTOR			(0xffull << VINTR_VECTOR_SHIFT)
#define VINTR_BUSY			BIT_ULL(63)	/* VMSA only */

/* EVENTINJ and EXITINTINFO (APM 15.20, figure 15-4). */
#define EVENT_VECTOR			0xffull
#define EVENT_TYPE_SHIFT		8
#define EVENT_TYPE			(7ull << EVENT_TYPE_SHIFT)
#define EVENT_INTR			0
#define EVENT_NMI			2
#define EVENT_EXCEPTION			3
#define EVENT_SOFT			4
#define EVENT_EV			BIT_ULL(11)
#define EVENT_V				BIT_ULL(31)
#define EVENT_ERROR_SHIFT		32

#define VECTOR_NMI			2
#define VECTOR_BP			3
#define VECTOR_OF			4
#define VECTOR_UD			6
#define VECTOR_DF			8
#define VECTOR_GP			13
#define VECTOR_PF			14
#define VECTOR_HV			28
#define VECTOR_VC			29

static inline u64 event_make(unsigned int type, u8 vector)
{
	return EVENT_V | (u64)type << EVENT_TYPE_SHIFT | vector;
}

static inline unsigned int event_type(u64 event)
{
	return (event & EVENT_TYPE) >> EVENT_TYPE_SHIFT;
}

#define EFER_SCE			BIT_ULL(0)
#define EFER_LME			BIT_ULL(8)
#define EFER_LMA			BIT_ULL(10)
#define EFER_NXE			BIT_ULL(11)
#define EFER_SVME			BIT_ULL(12)
#define RFLAGS_IF			BIT_ULL(9)

#endif
