// SPDX-License-Identifier: MIT
/*
 * savic-page: the backing page loses its Validated bit under the CPU. The
 * next access of hardware is #VC 406h, not restartable (AMD64 APM vol. 2,
 * 15.36.21); with the page back the CPU goes on, since this guest has not
 * been locked by a reflected exit.
 */
#include "guest/micro/micro.h"

void micro_main(void)
{
	u64 page;
	bool cf;

	irq_off();
	apic_enable();
	page = (u64)this_cpu()->page;
	check(try_wrmsr(0x808, 0x10));
	check(!pvalidate(page, false, false, &cf) && !cf);
	check(!try_wrmsr(0x808, 0x20));
	check(this_cpu()->vc.code == EXIT_NOT_RESTARTABLE);
	check(!pvalidate(page, false, true, &cf) && !cf);
	check(try_wrmsr(0x808, 0));
}
