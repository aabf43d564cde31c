// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nic.h"

/* For frames that are not ours, such as IPv6's */
enum { SPARE_IRQS = 16 };

uintmax_t nic_statistic(const struct nic *nic, const char *name)
{
	char path[80], text[32] = "";

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/statistics/%s",
		 nic->name, name);
	file_read(path, text, sizeof(text));
	return strtoull(text, NULL, 10);
}

/*
 * The 8390 driver has two transmit buffers. With both full it waits 200 ms
 * for an interrupt, then resets the card, which hides a lost interrupt and
 * makes one up on a machine that is merely slow. With one it waits for ever.
 * It counts a frame as sent when the interrupt says so.
 */
static bool is_8390(const struct nic *nic)
{
	char path[64], driver[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/device/driver",
		 nic->name);
	return realpath(path, driver) && strstr(driver, "/ne2k-pci");
}

bool nic_drained(struct context *ctx, struct nic *nic)
{
	uint64_t end = now_ns() + patience_ns(ctx->opt);
	unsigned int tries = 0;

	if (!nic->one_by_one)
		return true;
	while (nic_statistic(nic, "tx_packets") - nic->completed < nic->sent) {
		if (now_ns() > end)
			return false;
		back_off(&tries);
	}
	return true;
}

void nic_up(struct context *ctx, struct nic *nic)
{
	uint64_t end = now_ns() + patience_ns(ctx->opt);
	char path[64], carrier[8] = "";
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	fd = fd < 0 ? socket(AF_PACKET, SOCK_RAW, 0) : fd;
	snprintf(ifr.ifr_name, IF_NAMESIZE, "%.15s", nic->name);
	must(!ioctl(fd, SIOCGIFHWADDR, &ifr), "SIOCGIFHWADDR");
	memcpy(nic->mac, ifr.ifr_hwaddr.sa_data, ETH_ALEN);
	must(!ioctl(fd, SIOCGIFFLAGS, &ifr), "SIOCGIFFLAGS");
	ifr.ifr_flags |= IFF_UP;
	must(!ioctl(fd, SIOCSIFFLAGS, &ifr), "SIOCSIFFLAGS");
	close(fd);
	snprintf(path, sizeof(path), "/sys/class/net/%.15s/carrier", nic->name);
	while (carrier[0] != '1' && now_ns() < end) {
		sleep_until(now_ns() + MSEC);
		file_read(path, carrier, sizeof(carrier));
	}
	nic->received = nic_statistic(nic, "rx_packets");
	nic->completed = nic_statistic(nic, "tx_packets");
	nic->sent = 0;
	nic->one_by_one = is_8390(nic);
}

static int by_index(const void *a, const void *b)
{
	return ((const struct nic *)a)->index - ((const struct nic *)b)->index;
}

int nics_find(struct nic *nics)
{
	DIR *d = opendir("/sys/class/net");
	struct dirent *e;
	char path[300];
	int n = 0;

	while (d && (e = readdir(d)) && n < MAX_NICS) {
		snprintf(path, sizeof(path), "/sys/class/net/%s/device",
			 e->d_name);
		if (e->d_name[0] == '.' || access(path, F_OK))
			continue;
		snprintf(nics[n].name, IF_NAMESIZE, "%.15s", e->d_name);
		nics[n].index = if_nametoindex(nics[n].name);
		n++;
	}
	if (d)
		closedir(d);
	qsort(nics, n, sizeof(nics[0]), by_index);
	return n & ~1;
}

/*
 * A NIC interrupts at most once per frame received and once per frame sent;
 * one that sends one by one at least once per frame sent.
 */
void nic_evidence(struct context *ctx, struct nic *nic,
		  const struct interrupts *before,
		  const struct interrupts *after)
{
	struct tally *t = ctx->tally;
	char path[64], key[KEY_LEN + 8];
	struct irq_lines lines;
	uint64_t irqs, least, most;

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/device", nic->name);
	irq_lines_of(path, after, &lines);
	irqs = irq_delta_lines(before, after, &lines);
	least = nic->one_by_one && !lines.shared ? nic->sent : 1;
	most = nic_statistic(nic, "rx_packets") - nic->received + nic->sent +
	       SPARE_IRQS;
	if (irqs < least)
		tally_fail(t, "%s: %ju interrupts for at least %ju frames",
			   nic->name, (uintmax_t)irqs, (uintmax_t)least);
	else if (irqs > most && !lines.shared)
		tally_fail(t, "%s: %ju interrupts for at most %ju frames",
			   nic->name, (uintmax_t)irqs, (uintmax_t)most);
	snprintf(key, sizeof(key), "%.10s.%s", nic->name,
		 lines.shared ? "shared_irqs" : "irqs");
	tally_add(t, key, irqs);
}
