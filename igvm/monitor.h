/* SPDX-License-Identifier: MIT */
/*
 * A file with a monitor at VMPL 0 and a guest below it. The monitor is any
 * ELF64 image that expects what arch/monitor.h describes.
 *
 *	igvm_monitor_begin()	takes a range of RAM for the monitor
 *	igvm_compose_...()	the guest, with that boot_machine
 *	igvm_monitor_end()	the monitor's pages and VMSA
 */
#ifndef IGVM_MONITOR_H
#define IGVM_MONITOR_H

#include "arch/monitor.h"
#include "igvm/compose.h"
#include "igvm/image.h"

struct monitor {
	struct boot_machine *m;		/* the guest's */
	struct igvm_builder *b;
	struct igvm_error *err;
	struct image image;
	u64 sev_features;		/* of the monitor; SNP is added */
	u64 base;
	u64 size;
};

/*
 * @m: the guest's machine, vmpl above 0; its monitor range is filled in. @b
 * is empty and gets its platform and policy. @image stays in use until the
 * end. Returns 0, or -1 with @err set.
 */
int igvm_monitor_begin(struct monitor *mon, struct boot_machine *m,
		       const void *image, size_t image_bytes, u64 sev_features,
		       struct igvm_builder *b, struct igvm_error *err);
/* @guest: what composing the guest returned. */
int igvm_monitor_end(struct monitor *mon, const struct boot_layout *guest);

#endif
