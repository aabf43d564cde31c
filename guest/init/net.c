// SPDX-License-Identifier: MIT
/*
 * net: raw frames both ways between two NICs that the host has wired to each
 * other (eth0 and eth1, eth2 and eth3, ...), a window of them in flight. Each
 * must arrive exactly once and unmodified.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "interrupts.h"
#include "load.h"

enum {
	MAX_NICS = 8, FRAMES = 250, WINDOW = 8,
	MIN_LEN = 60, MAX_LEN = 1514,
	ETHERTYPE = 0x88b5,		/* IEEE 802: local experiments */
	HELLO_WAIT_MS = 100,
};
#define HELLO	UINT32_MAX		/* a sequence number that is not one */

/*
 * A NIC interrupts at most once per frame received and once per frame sent.
 * The spare ones are for frames that are not ours, such as IPv6's.
 */
enum { SPARE_IRQS = 16 };

struct nic {
	char name[IF_NAMESIZE];
	int index;
	unsigned char mac[ETH_ALEN];
	uint64_t received;		/* the kernel's count, when we began */
	uint64_t hellos;		/* sent */
};

/* One direction of one pair */
struct lane {
	struct context *ctx;
	struct nic *from, *to;
	int tx, rx;
	uint32_t frames;
	uint64_t nonce;			/* tells this round's frames */
	sem_t window;
	atomic_bool stop;
	unsigned char *count;		/* arrivals of each frame */
	pthread_t sender, receiver;
};

struct frame {
	unsigned char to[ETH_ALEN], from[ETH_ALEN];
	uint16_t type;
	uint32_t seq;
	uint64_t nonce;
	unsigned char data[MAX_LEN - 26];
} __attribute__((packed));

static struct nic nics[MAX_NICS];

static int frame_make(const struct lane *l, uint32_t seq, struct frame *f)
{
	int len = MIN_LEN + (seq * 97) % (MAX_LEN - MIN_LEN + 1);

	memcpy(f->to, l->to->mac, ETH_ALEN);
	memcpy(f->from, l->from->mac, ETH_ALEN);
	f->type = htons(ETHERTYPE);
	f->seq = seq;
	f->nonce = l->nonce;
	for (unsigned int i = 0; i < sizeof(f->data); i++)
		f->data[i] = seq * 31 + i * 7;
	return len;
}

/*
 * A NIC that is up with a carrier still drops what it is given, and reports
 * success, until the kernel's link watch has given it a queue. So nothing is
 * counted before a first frame has come through.
 */
static bool connected(struct lane *l)
{
	struct pollfd in = { .fd = l->rx, .events = POLLIN };
	uint64_t end = now_ns() + patience_ns(l->ctx->opt);
	struct frame f;
	int len = frame_make(l, HELLO, &f);

	do {
		l->from->hellos++;
		must(send(l->tx, &f, len, 0) == len, "send");
		if (poll(&in, 1, HELLO_WAIT_MS) > 0)
			return true;
	} while (now_ns() < end);
	return false;
}

static void *sender(void *arg)
{
	struct lane *l = arg;
	struct frame f;
	int len;

	for (uint32_t seq = 0; seq < l->frames; seq++) {
		sem_wait(&l->window);
		if (l->stop)
			break;
		len = frame_make(l, seq, &f);
		must(send(l->tx, &f, len, 0) == len, "send");
	}
	return NULL;
}

static bool is_hello(const struct lane *l, const struct frame *f, int len)
{
	return len >= MIN_LEN && f->nonce == l->nonce && f->seq == HELLO;
}

/* True for a frame that is one of ours and had not come before */
static bool arrived(struct lane *l, const struct frame *f, int len)
{
	struct tally *t = l->ctx->tally;
	struct frame want;

	if (len < MIN_LEN || f->nonce != l->nonce || f->seq >= l->frames ||
	    len != frame_make(l, f->seq, &want) || memcmp(f, &want, len)) {
		t->wrong++;
		tally_fail(t, "%s: a frame that was not sent so", l->to->name);
		return false;
	}
	if (l->count[f->seq]++) {
		t->doubled++;
		tally_fail(t, "%s: frame %u came twice", l->to->name, f->seq);
		return false;
	}
	t->seen++;
	return true;
}

static void *receiver(void *arg)
{
	struct lane *l = arg;
	struct frame f;
	uint32_t n = 0;
	int len;

	while (n < l->frames) {
		len = recv(l->rx, &f, sizeof(f), 0);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			break;
		if (is_hello(l, &f, len))
			continue;
		if (arrived(l, &f, len))
			n++;
		sem_post(&l->window);
	}
	if (n < l->frames) {
		l->ctx->tally->missing += l->frames - n;
		tally_fail(l->ctx->tally, "%s: %u of %u frames from %s",
			   l->to->name, n, l->frames, l->from->name);
	}
	l->stop = true;
	sem_post(&l->window);
	return NULL;
}

static int open_socket(const struct nic *nic, int type)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(type),
		.sll_ifindex = nic->index,
	};
	/* Protocol 0 until bound: nothing from other NICs slips in */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	must(fd >= 0 && !bind(fd, (void *)&addr, sizeof(addr)), "AF_PACKET");
	return fd;
}

static void lane_start(struct context *ctx, struct lane *l, struct nic *from,
		       struct nic *to)
{
	uint64_t wait = patience_ns(ctx->opt);
	struct timeval tv = { wait / NSEC, wait % NSEC / 1000 };

	*l = (struct lane){
		.ctx = ctx, .from = from, .to = to,
		.tx = open_socket(from, 0), .rx = open_socket(to, ETHERTYPE),
		.frames = FRAMES * ctx->opt->scale, .nonce = now_ns(),
	};
	setsockopt(l->rx, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	l->count = calloc(l->frames, 1);
	must(l->count, "calloc");
	sem_init(&l->window, 0, WINDOW);
	ctx->tally->expected += l->frames;
	if (!connected(l))
		tally_fail(ctx->tally, "%s: nothing comes from %s", to->name,
			   from->name);
	must(!pthread_create(&l->receiver, NULL, receiver, l) &&
	     !pthread_create(&l->sender, NULL, sender, l), "pthread_create");
}

static void lane_finish(struct lane *l)
{
	struct frame f;
	int len;

	pthread_join(l->sender, NULL);
	pthread_join(l->receiver, NULL);
	/* One too many would be waiting here */
	while ((len = recv(l->rx, &f, sizeof(f), MSG_DONTWAIT)) > 0)
		if (!is_hello(l, &f, len))
			arrived(l, &f, len);
	close(l->tx);
	close(l->rx);
	sem_destroy(&l->window);
	free(l->count);
}

static uint64_t received(const struct nic *nic)
{
	char path[80], text[32] = "";

	snprintf(path, sizeof(path),
		 "/sys/class/net/%.15s/statistics/rx_packets", nic->name);
	file_read(path, text, sizeof(text));
	return strtoull(text, NULL, 10);
}

static void evidence(struct context *ctx, struct nic *nic,
		     const struct interrupts *before,
		     const struct interrupts *after)
{
	uint64_t sent = FRAMES * ctx->opt->scale, irqs, most;
	struct tally *t = ctx->tally;
	char path[64], key[KEY_LEN + 8];
	struct irq_lines lines;

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/device", nic->name);
	irq_lines_of(path, after, &lines);
	irqs = irq_delta_lines(before, after, &lines);
	most = received(nic) - nic->received + sent + nic->hellos + SPARE_IRQS;
	if (!irqs)
		tally_fail(t, "%s: frames without an interrupt", nic->name);
	else if (irqs > most && !lines.shared)
		tally_fail(t, "%s: %ju interrupts for at most %ju frames",
			   nic->name, (uintmax_t)irqs, (uintmax_t)most);
	snprintf(key, sizeof(key), "%.10s.%s", nic->name,
		 lines.shared ? "shared_irqs" : "irqs");
	tally_add(t, key, irqs);
}

/* Up, and with a carrier */
static void nic_up(struct context *ctx, struct nic *nic)
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
	nic->received = received(nic);
	nic->hellos = 0;
}

static int by_index(const void *a, const void *b)
{
	return ((const struct nic *)a)->index - ((const struct nic *)b)->index;
}

/* Ethernet interfaces with a device behind them, in the order of their index */
static int nics_find(void)
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

int net_run(struct context *ctx, const char **why)
{
	struct interrupts *before, *after;
	struct lane lanes[MAX_NICS];
	int n = nics_find();

	if (!n) {
		*why = "fewer than two NICs";
		return -1;
	}
	file_write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	for (int i = 0; i < n; i++)
		nic_up(ctx, &nics[i]);
	before = interrupts_read();
	/* The lane into NIC i comes from the other one of its pair */
	for (int i = 0; i < n; i++)
		lane_start(ctx, &lanes[i], &nics[i ^ 1], &nics[i]);
	for (int i = 0; i < n; i++)
		lane_finish(&lanes[i]);
	after = interrupts_read();
	for (int i = 0; i < n; i++)
		evidence(ctx, &nics[i], before, after);
	free(before);
	free(after);
	return 0;
}
