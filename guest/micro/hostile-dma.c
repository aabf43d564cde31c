// SPDX-License-Identifier: MIT
/*
 * hostile-dma: devices that are pointed at private memory, by a guest that
 * is mistaken or by a host that is curious. The access is refused and the
 * device told so; nothing else happens.
 *
 *	try=edu		-device edu,addr=4: DMA to and from a private page
 *	try=fw-cfg	fw_cfg's own copying
 *	try=virtio	-device virtio-rng-pci,addr=4,iommu_platform=on,...:
 *			a queue in private memory, or that becomes private
 */
#include "guest/micro/edu.h"

#define SECRET		0x5ec2e75ec2e75ec2ull

static u64 private_page[512] __attribute__((aligned(PAGE_SIZE)));
static u64 shared_page[512] __attribute__((aligned(PAGE_SIZE)));
static u64 ring_page[512] __attribute__((aligned(PAGE_SIZE)));

/* ---- edu ---------------------------------------------------------------- */

#define EDU_DMA		(EDU_BAR + 0x80)
#define EDU_BUFFER	0x40000
#define EDU_START	1
#define EDU_TO_RAM	2

static void edu_copy(u64 from, u64 to, u32 command)
{
	ghcb_mmio_write(EDU_DMA, from);
	ghcb_mmio_write(EDU_DMA + 4, from >> 32);
	ghcb_mmio_write(EDU_DMA + 8, to);
	ghcb_mmio_write(EDU_DMA + 12, to >> 32);
	ghcb_mmio_write(EDU_DMA + 16, 8);
	ghcb_mmio_write(EDU_DMA + 20, 0);
	ghcb_mmio_write(EDU_DMA + 24, command | EDU_START);
	while (ghcb_mmio_read(EDU_DMA + 24) & EDU_START)
		relax();
}

static void edu(void)
{
	volatile u64 *shared = shared_view((u64)shared_page);

	if (!edu_init())
		panic("no edu device", NULL);
	page_share(shared_page);
	*shared = 0x1122334455667788;
	edu_copy((u64)shared_page, EDU_BUFFER, 0);
	private_page[0] = SECRET;
	edu_copy(EDU_BUFFER, (u64)private_page, EDU_TO_RAM);
	check(*(volatile u64 *)private_page == SECRET);
	edu_copy((u64)private_page, EDU_BUFFER, 0);
	edu_copy(EDU_BUFFER, (u64)shared_page, EDU_TO_RAM);
	check(*shared != SECRET);
}

/* ---- fw_cfg ------------------------------------------------------------- */

/* Select item 0 and read 4 bytes; all is big-endian. */
static void fw_cfg_read(u64 to)
{
	volatile u64 *command = shared_view((u64)shared_page);

	command[0] = __builtin_bswap32(0x0000000a) |
		     (u64)__builtin_bswap32(4) << 32;
	command[1] = __builtin_bswap64(to);
	ghcb_out(0x514, 4, 0);
	ghcb_out(0x518, 4, __builtin_bswap32((u64)shared_page));
}

static void fw_cfg(void)
{
	volatile u64 *shared = shared_view((u64)shared_page);

	page_share(shared_page);
	fw_cfg_read((u64)&shared_page[8]);
	check((u32)shared[8] == 0x554d4551);	/* "QEMU" */
	private_page[0] = SECRET;
	fw_cfg_read((u64)private_page);
	check(*(volatile u64 *)private_page == SECRET);
	check(__builtin_bswap32((u32)shared[0]) & 1);	/* error */
	wait_ticks(1000000);				/* the log's line */
}

/* ---- virtio ------------------------------------------------------------- */

#define VIRTIO_BAR	0xd0100000ull
#define CAP_COMMON	1
#define CAP_NOTIFY	2
#define STATUS		0x14
#define QUEUE_SIZE	0x18
#define QUEUE_ENABLE	0x1c
#define QUEUE_RINGS	0x20
#define DRIVER_OK	0xf
#define NEEDS_RESET	0x40

/* Offset in BAR 4 of the structure that capability @type describes. */
static u32 structure(u32 type)
{
	u32 at = pci_read(0x34) & 0xff;

	while (at) {
		u32 head = pci_read(at);

		if ((head & 0xff) == 9 && head >> 24 == type)
			return pci_read(at + 8);
		at = head >> 8 & 0xff;
	}
	panic("no virtio structure", NULL);
}

static u64 virtio_init(void)
{
	u64 common;

	if ((pci_read(0) & 0xffff) != 0x1af4)
		panic("no virtio device", NULL);
	pci_write(0x20, VIRTIO_BAR | 0xc);
	pci_write(0x24, 0);
	pci_write(0x04, 0x6);
	common = VIRTIO_BAR + structure(CAP_COMMON);
	ghcb_mmio_write(common + STATUS, 0);
	ghcb_mmio_write(common + STATUS, 3);
	ghcb_mmio_write(common + 8, 1);		/* VERSION_1, platform */
	ghcb_mmio_write(common + 12, 3);
	ghcb_mmio_write(common + STATUS, 0xb);
	return common;
}

/* Descriptors at 0, available ring at 400h, used ring at 800h. */
static void virtio_queue(u64 common, u64 rings)
{
	for (u32 i = 0; i < 3; i++) {
		ghcb_mmio_write(common + QUEUE_RINGS + 8 * i,
				rings + 0x400 * i);
		ghcb_mmio_write(common + QUEUE_RINGS + 8 * i + 4, 0);
	}
	ghcb_mmio_write(common + QUEUE_ENABLE, 1);
	ghcb_mmio_write(common + STATUS, DRIVER_OK);
}

static void virtio_notify(void)
{
	ghcb_mmio_write(VIRTIO_BAR + structure(CAP_NOTIFY), 0);
	wait_ticks(100000);
}

static void offer(volatile u8 *rings, u64 buffer, u16 index)
{
	*(volatile u64 *)rings = buffer;
	*(volatile u64 *)(rings + 8) = 8 | 2ull << 32;	/* 8 bytes, write */
	*(volatile u16 *)(rings + 0x402) = index;
}

static u16 used(volatile u8 *rings)
{
	return *(volatile u16 *)(rings + 0x802);
}

static void virtio(void)
{
	volatile u8 *rings = shared_view((u64)ring_page);
	u64 common = virtio_init();

	/* Rings in private memory. */
	offer((u8 *)ring_page, (u64)private_page, 1);
	private_page[0] = SECRET;
	virtio_queue(common, (u64)ring_page);
	virtio_notify();
	check(!used((u8 *)ring_page));
	/* A shared one works; a buffer in private memory does not. */
	page_share(ring_page);
	page_share(shared_page);
	common = virtio_init();
	virtio_queue(common, (u64)ring_page);
	offer(rings, (u64)shared_page, 1);
	virtio_notify();
	check(used(rings) == 1);
	check(*(volatile u64 *)shared_view((u64)shared_page));
	offer(rings, (u64)private_page, 2);
	virtio_notify();
	check(*(volatile u64 *)private_page == SECRET);
	/* A ring that was shared once. */
	common = virtio_init();
	*(volatile u32 *)(rings + 0x400) = 0;
	*(volatile u32 *)(rings + 0x800) = 0;
	virtio_queue(common, (u64)ring_page);
	offer(rings, (u64)shared_page, 1);
	virtio_notify();
	check(used(rings) == 1);
	offer(rings, (u64)shared_page, 2);
	page_state((u64)ring_page, PSC_OP_PRIVATE);
	virtio_notify();
	page_state((u64)ring_page, PSC_OP_SHARED);
	check(used(rings) == 1);
	check(ghcb_mmio_read(common + STATUS) & NEEDS_RESET);
}

static const struct {
	const char *name;
	void (*fn)(void);
} tries[] = {
	{ "edu", edu },
	{ "fw-cfg", fw_cfg },
	{ "virtio", virtio },
};

void micro_main(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(tries); i++) {
		if (!option_is("try", tries[i].name))
			continue;
		print("hostile-dma: %s\n", tries[i].name);
		tries[i].fn();
		return;
	}
	panic("no such try", NULL);
}
