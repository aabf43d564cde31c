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
 *	try=bare	the same without iommu_platform: it has no IOMMU
 *	try=hpet	a timer that writes its message to memory
 *	try=floppy	-drive if=floppy,...: ISA's DMA controller
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

/* A host's device that the guest cannot tell what it may reach. */
static void bare(void)
{
	volatile u8 *rings = shared_view((u64)ring_page);
	u64 common = virtio_init();

	ghcb_mmio_write(common + 8, 1);
	ghcb_mmio_write(common + 12, 1);
	page_share(ring_page);
	page_share(shared_page);
	virtio_queue(common, (u64)ring_page);
	offer(rings, (u64)shared_page, 1);
	virtio_notify();
	while (used(rings) != 1)
		relax();
	private_page[0] = SECRET;
	offer(rings, (u64)private_page, 2);
	virtio_notify();
	while (used(rings) != 2)
		relax();
	check(*(volatile u64 *)private_page == SECRET);
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

/* ---- HPET ---------------------------------------------------------------- */

#define HPET		0xfed00000ull
#define HPET_CONFIG	(HPET + 0x10)
#define HPET_TIMER	(HPET + 0x100)
#define TIMER_ON	4
#define TIMER_MESSAGE	0x4000

/* At @when, the message of timer @n: @value, written to @gpa. */
static void hpet_arm(u32 n, u32 when, u64 gpa, u32 value)
{
	u64 timer = HPET_TIMER + 0x20 * n;

	ghcb_mmio_write(timer + 0x10, value);
	ghcb_mmio_write(timer + 0x14, gpa);
	ghcb_mmio_write(timer, TIMER_ON | TIMER_MESSAGE);
	ghcb_mmio_write(timer + 8, when);
}

/* The first to private memory, the second, which says that it is time, not. */
static void hpet(void)
{
	volatile u32 *shared = shared_view((u64)shared_page);

	page_share(shared_page);
	private_page[0] = SECRET;
	hpet_arm(0, 1000, (u64)private_page, 0x12345678);
	hpet_arm(1, 2000, (u64)shared_page, 0x12345678);
	ghcb_mmio_write(HPET_CONFIG, 1);
	while (*shared != 0x12345678)
		relax();
	check(*(volatile u64 *)private_page == SECRET);
}

/* ---- the floppy ---------------------------------------------------------- */

#define FDC_CONTROL	0x3f2
#define FDC_STATUS	0x3f4
#define FDC_DATA	0x3f5
#define FDC_READY	0x80
#define FDC_RESULT	0x40

static void fdc_send(const u8 *bytes, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		while (!(ghcb_in(FDC_STATUS, 1) & FDC_READY))
			relax();
		ghcb_out(FDC_DATA, 1, bytes[i]);
	}
}

static void fdc_result(u32 count)
{
	while (count--) {
		while ((ghcb_in(FDC_STATUS, 1) & (FDC_READY | FDC_RESULT)) !=
		       (FDC_READY | FDC_RESULT))
			relax();
		ghcb_in(FDC_DATA, 1);
	}
}

/* Channel 2: single transfers to memory, 512 bytes. */
static void dma_program(u64 gpa)
{
	ghcb_out(0x0a, 1, 6);
	ghcb_out(0x0c, 1, 0);
	ghcb_out(0x0b, 1, 0x46);
	ghcb_out(0x04, 1, gpa);
	ghcb_out(0x04, 1, gpa >> 8);
	ghcb_out(0x81, 1, gpa >> 16);
	ghcb_out(0x05, 1, 511 & 0xff);
	ghcb_out(0x05, 1, 511 >> 8);
	ghcb_out(0x0a, 1, 2);
}

/* The first sector, which is zeroes. */
static void fdc_read(u64 gpa)
{
	static const u8 read[] = { 0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff };

	dma_program(gpa);
	fdc_send(read, sizeof(read));
	fdc_result(7);
}

static void floppy(void)
{
	static const u8 specify[] = { 0x03, 0xdf, 0x02 };
	static const u8 recalibrate[] = { 0x07, 0 }, sense[] = { 0x08 };
	volatile u64 *shared = shared_view((u64)shared_page);

	ghcb_out(FDC_CONTROL, 1, 0);
	ghcb_out(FDC_CONTROL, 1, 0x1c);
	for (u32 i = 0; i < 4; i++) {
		fdc_send(sense, 1);
		fdc_result(2);
	}
	fdc_send(specify, 3);
	fdc_send(recalibrate, 2);
	fdc_send(sense, 1);
	fdc_result(2);
	page_share(shared_page);
	*shared = SECRET;
	fdc_read((u64)shared_page);
	check(!*shared);
	private_page[0] = SECRET;
	fdc_read((u64)private_page);
	check(*(volatile u64 *)private_page == SECRET);
}

static const struct {
	const char *name;
	void (*fn)(void);
} tries[] = {
	{ "edu", edu },
	{ "fw-cfg", fw_cfg },
	{ "virtio", virtio },
	{ "bare", bare },
	{ "hpet", hpet },
	{ "floppy", floppy },
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
