// SPDX-License-Identifier: MIT
/* Contents of VP_CONTEXT: VMSAs, and the native platform's register list. */
#include <string.h>

#include "arch/snp.h"
#include "igvm/internal.h"
#include "igvm/reset.h"

#define CR0_PE				BIT_ULL(0)
#define CR0_PG				BIT_ULL(31)
#define CR4_PAE				BIT_ULL(5)

static int check_paging(u64 cr0, u64 cr4, u64 efer, struct igvm_error *err)
{
	if (cr0 >> 32)
		return igvm_fail(err, "the context's CR0 has upper bits set");
	if ((cr0 & CR0_PG) && !(cr0 & CR0_PE))
		return igvm_fail(err, "the context has paging without "
				 "protected mode");
	if ((cr0 & CR0_PG) && (efer & EFER_LME) && !(cr4 & CR4_PAE))
		return igvm_fail(err, "the context has long mode without PAE");
	return 0;
}

/*
 * What VMRUN would refuse (APM vol. 2, 15.5.1 and 15.36.8), as far as one
 * VMSA alone tells it.
 */
int igvm_check_vmsa(const struct vmsa *vmsa, struct igvm_error *err)
{
	u64 injection = vmsa->sev_features & SEV_FEATURES_INJECTION;

	if (!(vmsa->sev_features & SEV_FEATURE_SNP))
		return igvm_fail(err, "the VMSA's SEV_FEATURES lacks SNP");
	if (!(vmsa->efer & EFER_SVME))
		return igvm_fail(err, "the VMSA's EFER lacks SVME");
	if (vmsa->vmpl >= SNP_VMPLS)
		return igvm_fail(err, "the VMSA's VMPL is %u", vmsa->vmpl);
	if (vmsa->cpl > 3)
		return igvm_fail(err, "the VMSA's CPL is %u", vmsa->cpl);
	if (injection & (injection - 1))
		return igvm_fail(err, "the VMSA asks for more than one of "
				 "restricted injection, alternate injection "
				 "and Secure AVIC");
	return check_paging(vmsa->cr0, vmsa->cr4, vmsa->efer, err);
}

int igvm_check_native(const struct igvm_native_context *c,
		      struct igvm_error *err)
{
	if ((c->code_attributes | c->data_attributes) & 0xf00)
		return igvm_fail(err, "the native context's segment attributes "
				 "have bits 11:8 set");
	return check_paging(c->cr0, c->cr4, c->efer, err);
}

static u16 attrib_to_vmsa(u16 attributes)
{
	return (attributes & 0xff) | (attributes >> 4 & 0xf00);
}

static u16 attrib_to_native(u16 attrib)
{
	return (attrib & 0xff) | (attrib & 0xf00) << 4;
}

void igvm_native_to_vmsa(const struct igvm_native_context *c,
			 struct vmsa *vmsa)
{
	struct vmsa_seg data = {
		.selector = c->data_selector,
		.attrib = attrib_to_vmsa(c->data_attributes),
		.limit = c->data_limit,
		.base = c->data_base,
	};

	vmsa_reset(vmsa);
	vmsa->es = vmsa->ss = vmsa->ds = vmsa->fs = vmsa->gs = data;
	vmsa->gs.base = c->gs_base;
	vmsa->cs.selector = c->code_selector;
	vmsa->cs.attrib = attrib_to_vmsa(c->code_attributes);
	vmsa->cs.limit = c->code_limit;
	vmsa->cs.base = c->code_base;
	vmsa->cpl = c->code_selector & 3;
	vmsa->gdtr.base = c->gdtr_base;
	vmsa->gdtr.limit = c->gdtr_size;
	vmsa->idtr.base = c->idtr_base;
	vmsa->idtr.limit = c->idtr_size;
	vmsa->rax = c->rax;
	vmsa->rcx = c->rcx;
	vmsa->rdx = c->rdx;
	vmsa->rbx = c->rbx;
	vmsa->rsp = c->rsp;
	vmsa->rbp = c->rbp;
	vmsa->rsi = c->rsi;
	vmsa->rdi = c->rdi;
	memcpy(vmsa->r8_15, c->r8_15, sizeof(vmsa->r8_15));
	vmsa->rip = c->rip;
	vmsa->rflags = c->rflags;
	vmsa->cr0 = c->cr0;
	vmsa->cr3 = c->cr3;
	vmsa->cr4 = c->cr4;
	vmsa->efer = c->efer;
}

void igvm_vmsa_to_native(const struct vmsa *vmsa,
			 struct igvm_native_context *c)
{
	memset(c, 0, sizeof(*c));
	c->rax = vmsa->rax;
	c->rcx = vmsa->rcx;
	c->rdx = vmsa->rdx;
	c->rbx = vmsa->rbx;
	c->rsp = vmsa->rsp;
	c->rbp = vmsa->rbp;
	c->rsi = vmsa->rsi;
	c->rdi = vmsa->rdi;
	memcpy(c->r8_15, vmsa->r8_15, sizeof(c->r8_15));
	c->rip = vmsa->rip;
	c->rflags = vmsa->rflags;
	c->idtr_base = vmsa->idtr.base;
	c->idtr_size = vmsa->idtr.limit;
	c->gdtr_base = vmsa->gdtr.base;
	c->gdtr_size = vmsa->gdtr.limit;
	c->code_selector = vmsa->cs.selector;
	c->code_attributes = attrib_to_native(vmsa->cs.attrib);
	c->code_base = vmsa->cs.base;
	c->code_limit = vmsa->cs.limit;
	c->data_selector = vmsa->ds.selector;
	c->data_attributes = attrib_to_native(vmsa->ds.attrib);
	c->data_base = vmsa->ds.base;
	c->data_limit = vmsa->ds.limit;
	c->gs_base = vmsa->gs.base;
	c->cr0 = vmsa->cr0;
	c->cr3 = vmsa->cr3;
	c->cr4 = vmsa->cr4;
	c->efer = vmsa->efer;
}
