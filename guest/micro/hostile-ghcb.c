// SPDX-License-Identifier: MIT
/*
 * hostile-ghcb: every event with arguments that are noise, every port in
 * every size, every MSR of the windows in use, and MMIO of every length to
 * where devices are. What it asks for is refused or done; it goes on.
 *
 *	try=events|ports|msrs|native|mmio|requests|pci	seed=N rounds=N
 */
#include "guest/micro/micro.h"

static u64 state;

static u64 draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1d;
}

static u64 below(u64 limit)
{
	return (draw() >> 16) % limit;
}

static u64 value(void)
{
	u64 ghcb = (u64)this_cpu()->ghcb - SHARED_BASE;

	switch (below(8)) {
	case 0:
		return below(16);
	case 1:
		return 1ull << below(64);
	case 2:
		return ghcb + below(PAGE_SIZE);
	case 3:
		return ~0ull - below(16);
	case 4:
		return below(0x1000) << 12;
	case 5:
		return 0xfec00000 + below(0x400000);
	default:
		return draw();
	}
}

/* ---- events ------------------------------------------------------------- */

static const u64 codes[] = {
	0x27, 0x37, 0x6e, 0x6f, 0x72, 0x76, 0x7b, 0x7c, 0x81, 0x87, 0x89, 0x8a,
	0x8b, 0x400, 0x80000001, 0x80000002, 0x80000003, 0x80000005,
	0x80000010, 0x80000011, 0x80000012, 0x80000013, 0x80000014,
	0x80000015, 0x80000016, 0x80000017, 0x80000018, 0x80000019,
	0x8000001a, 0x8000001b, 0x8000001c, 0x8000001d, 0x8000fffd,
};

/* What would end the run, or change this very CPU, is not asked for. */
static bool harmless(const struct ghcb *g)
{
	u64 port = g->exit_info1 >> IOIO_PORT_SHIFT & 0xffff;

	switch (g->exit_code) {
	case EXIT_IOIO:
		return port < 0x60 || (port > 0x92 && port < 0x600);
	case GHCB_AP_CREATION:
		return g->exit_info1 >> 32 != this_cpu()->apic_id;
	case GHCB_PSC:
		return g->scratch >> 12 != (u64)g >> 12;
	default:
		return true;
	}
}

static void one_event(void)
{
	struct ghcb *g = this_cpu()->ghcb;

	g->version = below(4) ? GHCB_VERSION_MAX : below(4);
	g->usage = below(16) ? 0 : draw();
	g->valid[0] = below(3) ? ~0ull : draw();
	g->valid[1] = below(3) ? ~0ull : draw();
	g->exit_code = below(40) ? codes[below(ARRAY_SIZE(codes))] : draw();
	g->exit_info1 = value();
	g->exit_info2 = value();
	g->rax = value();
	g->rbx = value();
	g->rcx = value();
	g->rdx = value();
	g->xcr0 = value();
	g->scratch = value();
	for (u32 i = 0; i < sizeof(g->buffer) / 8; i++)
		((u64 *)g->buffer)[i] = draw();
	if (!harmless(g))
		return;
	wrmsr(MSR_GHCB, (u64)g - SHARED_BASE);
	vmgexit();
}

static void events(void)
{
	for (u64 n = option("rounds", 20000); n; n--)
		one_event();
}

/* ---- ports -------------------------------------------------------------- */

/* Power and reset, DMA and the console: they end a run, as they should. */
static const struct {
	u16 first, last;
} taboo[] = {
	{ 0x62, 0x64 }, { 0x8f, 0x92 }, { 0x3f5, 0x3ff }, { 0x601, 0x605 },
	{ 0xcf6, 0xcf9 },
};

static bool ends_the_run(u32 port)
{
	for (u32 i = 0; i < ARRAY_SIZE(taboo); i++)
		if (port >= taboo[i].first && port <= taboo[i].last)
			return true;
	return false;
}

static void ports(void)
{
	static const u8 sizes[] = { 1, 2, 4, 0, 5 };

	for (u32 port = 0; port < 0x10000; port++)
		for (u32 i = 0; i < ARRAY_SIZE(sizes) * 2; i++) {
			struct ghcb *g = this_cpu()->ghcb;
			u64 info = (u64)port << IOIO_PORT_SHIFT |
				   (u64)sizes[i / 2] << IOIO_SIZE_SHIFT |
				   (i & 1 ? IOIO_IN : 0) |
				   (below(4) ? 0 : IOIO_STRING);

			if (!(i & 1) && ends_the_run(port))
				continue;
			g->valid[0] = ~0ull;
			g->valid[1] = ~0ull;
			g->usage = 0;
			g->version = GHCB_VERSION_MAX;
			g->exit_code = EXIT_IOIO;
			g->exit_info1 = info;
			g->exit_info2 = below(40);
			g->scratch = (u64)g->buffer - SHARED_BASE;
			g->rax = draw();
			vmgexit();
		}
}

/* ---- MSRs --------------------------------------------------------------- */

static const u32 windows[] = { 0, 0x40000000, 0xc0000000, 0xc0010000 };

static void msrs(void)
{
	for (u32 w = 0; w < ARRAY_SIZE(windows); w++)
		for (u32 i = 0; i < 0x2000; i++) {
			struct ghcb *g = this_cpu()->ghcb;
			u32 msr = windows[w] + i;

			for (u32 write = 0; write < 2; write++) {
				g->valid[0] = ~0ull;
				g->valid[1] = ~0ull;
				g->usage = 0;
				g->version = GHCB_VERSION_MAX;
				g->exit_code = EXIT_MSR;
				g->exit_info1 = write;
				g->exit_info2 = 0;
				g->rcx = msr;
				g->rax = (u32)value();
				g->rdx = below(2) ? 0 : (u32)draw();
				vmgexit();
			}
		}
}

/* The registers that this program itself stands on. */
static bool mine(u32 msr)
{
	return msr == MSR_GHCB || msr == 0xc0000101 || msr == 0xc0000080;
}

static void native(void)
{
	u64 got;

	for (u32 w = 0; w < ARRAY_SIZE(windows); w++)
		for (u32 i = 0; i < 0x2000; i++) {
			u32 msr = windows[w] + i;

			try_rdmsr(msr, &got);
			if (mine(msr))
				continue;
			try_wrmsr(msr, draw());
			try_wrmsr(msr, value());
		}
}

/* ---- MMIO --------------------------------------------------------------- */

static const u64 places[] = {
	0xfec00000, 0xfee00000, 0xfed00000, 0xfed40000, 0xa0000, 0xb8000,
	0xbffff, 0xc0000000, 0xe0000000, 0xfebfffff, 0xfe000000, 0xfffff000,
	0xffffffff, 0x100000000, 0x1000000000, 0x7ffffffff000,
	0x7fffffffffffe, 0xffffffffffffffff, 0x1000, 0x100000,
};

static void one_mmio(u64 gpa, u64 length, bool write)
{
	struct ghcb *g = this_cpu()->ghcb;

	g->valid[0] = ~0ull;
	g->valid[1] = ~0ull;
	g->usage = 0;
	g->version = GHCB_VERSION_MAX;
	g->exit_code = write ? GHCB_MMIO_WRITE : GHCB_MMIO_READ;
	g->exit_info1 = gpa;
	g->exit_info2 = length;
	g->scratch = (u64)g->buffer - SHARED_BASE;
	*(u64 *)g->buffer = value();
	vmgexit();
}

static void mmio(void)
{
	for (u32 p = 0; p < ARRAY_SIZE(places); p++)
		for (u64 offset = 0; offset < 0x500; offset++)
			for (u64 length = 0; length <= 9; length++)
				one_mmio(places[p] + offset, length,
					 below(2));
}

/* The MSR protocol, with all that it leaves undefined. */
static void requests(void)
{
	struct ghcb *g = this_cpu()->ghcb;

	for (u64 n = 0; n < 20000; n++) {
		u64 code = 1 + below(0xfff);

		if (below(2))
			code = 1 + below(0x20);
		/* Not: AP hold, register, PSC, terminate, run-VMPL. */
		if (code == 0x100 || code == 6 || code == 0x12 || code == 0x14)
			continue;
		wrmsr(MSR_GHCB, code | (value() << 12));
		vmgexit();
	}
	wrmsr(MSR_GHCB, ((u64)g - SHARED_BASE) | GHCB_MSR_REGISTER_REQ);
	vmgexit();
	wrmsr(MSR_GHCB, (u64)g - SHARED_BASE);
}

/* ---- PCI ---------------------------------------------------------------- */

#define PIIX_PM		0x80000b00

static void pci_write(u32 at, u32 value)
{
	ghcb_out(0xcf8, 4, at);
	ghcb_out(0xcfc, 4, value);
}

/* BARs and bridges' windows anywhere; the way to power off is put back. */
static void pci(void)
{
	for (u64 n = option("rounds", 20000); n; n--) {
		u32 function = below(6) << 11 | below(4) << 8;

		ghcb_out(0xcf8, 4, 0x80000000 | function | below(64) << 2);
		ghcb_out(0xcfc + below(4), 1u << below(3),
			 below(2) ? value() : draw());
		if (!below(8))
			one_mmio(value(), 1 + below(8), below(2));
	}
	pci_write(PIIX_PM | 0x04, 1);
	pci_write(PIIX_PM | 0x40, 0x601);
	pci_write(PIIX_PM | 0x80, 1);
}

static const struct {
	const char *name;
	void (*fn)(void);
} tries[] = {
	{ "events", events },
	{ "ports", ports },
	{ "msrs", msrs },
	{ "native", native },
	{ "mmio", mmio },
	{ "requests", requests },
	{ "pci", pci },
};

static void nothing(struct regs *regs)
{
	(void)regs;
}

void micro_main(void)
{
	state = option("seed", 1) * 0x9e3779b97f4a7c15 + 1;
	set_handler(VECTOR_NMI, nothing);
	for (u32 i = 0; i < ARRAY_SIZE(tries); i++) {
		if (!option_is("try", tries[i].name))
			continue;
		print("hostile-ghcb: %s\n", tries[i].name);
		tries[i].fn();
		check(true);
		return;
	}
	panic("no such try", NULL);
}
