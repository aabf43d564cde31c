// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The RMP check of devices' accesses: they see memory through an IOMMU that
 * translates nothing and refuses private pages. PCI devices are given it as
 * they should be. But there are others: ISA's DMA controller, HPET, virtio
 * without iommu_platform=on. All of those use address_space_memory, so that
 * becomes the IOMMU too; vCPUs have address spaces of their own.
 */
#include "ops.h"
#include "hw/i386/pc.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/pci/pci.h"
#include "hw/pci/pci_bus.h"

#define TYPE_BELFRY_DMA	"belfry-dma-memory-region"

static IOMMUMemoryRegion region;
static AddressSpace space;
AddressSpace board_memory;

struct refusal {
	u64 gpa;
	bool write;
};

static void tell_later(void *opaque)
{
	struct refusal *r = opaque;

	if (!belfry.stopped)
		belfry.api->dma_refused(belfry.api->host, r->gpa, r->write);
	g_free(r);
}

/* Devices may run on threads that must not wait for the machine lock. */
static void tell(u64 gpa, bool write)
{
	struct refusal *r = g_new(struct refusal, 1);

	*r = (struct refusal){ gpa, write };
	if (bql_locked())
		tell_later(r);
	else
		aio_bh_schedule_oneshot(qemu_get_aio_context(), tell_later, r);
}

static bool is_msi(hwaddr address)
{
	return address >> 20 == 0xfee;
}

static IOMMUTLBEntry translate(IOMMUMemoryRegion *iommu, hwaddr address,
			       IOMMUAccessFlags flag, int index)
{
	IOMMUTLBEntry entry = {
		.target_as = &board_memory,
		.iova = address & ~0xfffull,
		.translated_addr = address & ~0xfffull,
		.addr_mask = 0xfff,
		.perm = IOMMU_RW,
	};

	if (is_msi(address) ||
	    belfry.api->dma_allowed(vcpu_machine(), entry.iova))
		return entry;
	entry.perm = IOMMU_NONE;
	/* IOMMU_NONE is a question without an access. */
	if (flag != IOMMU_NONE)
		tell(address, flag & IOMMU_WO);
	return entry;
}

/* It copies by itself, beside all buses. Made after the RAM. */
void dma_fw_cfg(void)
{
	X86MachineState *board = X86_MACHINE(current_machine);

	if (board->fw_cfg)
		board->fw_cfg->dma_as = &space;
}

static AddressSpace *address_space_of(PCIBus *bus, void *opaque, int devfn)
{
	return &space;
}

static const PCIIOMMUOps ops = {
	.get_address_space = address_space_of,
};

/* QEMU has no call for it, but looks at the root whenever the map changes. */
static void replace_root(AddressSpace *as, MemoryRegion *root)
{
	memory_region_transaction_begin();
	as->root = root;
	memory_region_set_enabled(root, false);
	memory_region_set_enabled(root, true);
	memory_region_transaction_commit();
}

void dma_init(void)
{
	PCMachineState *pc = PC_MACHINE(current_machine);

	memory_region_init_iommu(&region, sizeof(region), TYPE_BELFRY_DMA,
				 OBJECT(pc), "belfry-dma", UINT64_MAX);
	address_space_init(&space, MEMORY_REGION(&region), "belfry-dma");
	address_space_init(&board_memory, get_system_memory(), "belfry-board");
	replace_root(&address_space_memory, MEMORY_REGION(&region));
	pci_setup_iommu(pc->pcibus, &ops, NULL);
}

static void region_class_init(ObjectClass *class, void *data)
{
	IOMMU_MEMORY_REGION_CLASS(class)->translate = translate;
}

static const TypeInfo region_type = {
	.parent = TYPE_IOMMU_MEMORY_REGION,
	.name = TYPE_BELFRY_DMA,
	.class_init = region_class_init,
};

static void register_region(void)
{
	type_register_static(&region_type);
}

type_init(register_region)
