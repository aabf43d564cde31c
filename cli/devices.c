// SPDX-License-Identifier: MIT
/*
 * Which devices the loads get. virtio devices reach memory that the guest
 * shares with the host. A guest that knows nothing of SEV-SNP shares none, and
 * the RMP refuses every device its private memory: so its disks and network
 * cards are those that the processor itself moves each byte of, by port I/O.
 */
#include <string.h>

#include "cli/launch.h"

static const char * const kinds[] = {
	[DEVICES_VIRTIO] = "virtio",
	[DEVICES_PIO] = "pio",
};

static int refuse(const struct launch *l)
{
	if (l->devices == DEVICES_VIRTIO && l->guest == GUEST_PARAVISOR)
		return misuse("--devices virtio: all memory of --guest "
			      "paravisor is private, where no device may "
			      "reach");
	if (l->devices == DEVICES_PIO && !l->kernel && !l->igvm &&
	    kernel_place(l) != PLACE_KERNEL_GENERIC)
		return misuse("--devices pio: %s has no drivers for them",
			      place_name(kernel_place(l)));
	return 0;
}

int devices_decide(struct launch *l)
{
	unsigned int i;

	l->devices = l->guest == GUEST_PARAVISOR ? DEVICES_PIO :
						   DEVICES_VIRTIO;
	if (!l->devices_text)
		return 0;
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(l->devices_text, kinds[i]))
			break;
	if (i == ARRAY_SIZE(kinds))
		return misuse("--devices: '%s' is none of virtio, pio",
			      l->devices_text);
	l->devices = i;
	return refuse(l);
}

unsigned int devices_disks(const struct launch *l)
{
	return l->load && l->load->disks ? 2 : 0;
}

/* Of port-I/O ones a pair, each with a line of its own: its count is exact. */
unsigned int devices_nics(const struct launch *l)
{
	if (!l->load || !l->load->nics)
		return 0;
	return l->devices == DEVICES_PIO ? 2 : 4;
}

/* Hot-plug ports: the source of MSIs that needs no DMA. */
unsigned int devices_ports(const struct launch *l)
{
	if (!l->load || !l->load->ports)
		return 0;
	return l->load->disks && l->devices == DEVICES_VIRTIO ? 0 : 2;
}
