// SPDX-License-Identifier: MIT
/*
 * savic-nmi: the three sources of an NMI under Secure AVIC and what gates
 * them; NMIs coalesce to one pending (AMD64 APM vol. 2, 15.36.21.4).
 */
#include "guest/micro/edu.h"

static volatile u32 nmis, depth, deepest;
static volatile bool again;

static void set_control(bool allow)
{
	wrmsr(MSR_SAVIC_CONTROL, (u64)this_cpu()->page | SAVIC_CONTROL_EN |
	      (allow ? SAVIC_CONTROL_ALLOWED_NMI : 0));
}

/* Request one from ourselves: hardware takes it at the next VMRUN. */
static void request(void)
{
	__atomic_store_n(&this_cpu()->page[SAVIC_NMI_REQ / 4], 1,
			 __ATOMIC_SEQ_CST);
	ghcb_in(0x61, 1);
}

static void on_nmi(struct regs *regs)
{
	(void)regs;
	nmis++;
	if (++depth > deepest)
		deepest = depth;
	if (again) {
		again = false;
		request();	/* stays pending until IRET */
		request();
		check(nmis == 1);
	}
	depth--;
}

/* An NMI from a device: the I/O APIC's pin in NMI mode. */
static void device_nmi(void)
{
	ioapic_route(EDU_PIN, 0, false, this_cpu()->apic_id);
	ghcb_mmio_write(0xfec00000, 0x10 + 2 * EDU_PIN);
	ghcb_mmio_write(0xfec00010, APIC_NMI << 8);
	edu_edge();
	ghcb_in(0x61, 1);
}

void micro_main(void)
{
	irq_off();
	set_handler(VECTOR_NMI, on_nmi);
	apic_enable();
	if (!edu_init())
		panic("needs -device edu,addr=4", NULL);

	request();
	check(nmis == 1);
	check(!this_cpu()->page[SAVIC_NMI_REQ / 4]);

	/* The gate is for the host's NMIs only. */
	set_control(false);
	device_nmi();
	check(nmis == 1);
	request();
	check(nmis == 2);
	set_control(true);
	device_nmi();
	check(nmis == 3);

	/* Two while one is handled make one more, after IRET. */
	nmis = 0;
	again = true;
	request();
	check(nmis == 2);
	check(deepest == 1);
}
