// SPDX-License-Identifier: MIT
/*
 * net: raw frames both ways between two NICs that the host has wired to each
 * other (eth0 and eth1, eth2 and eth3, ...), a window of them in flight. Each
 * must arrive exactly once and unmodified.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nic.h"

/*
 * An NE2000 has room for eight of the longest frames, less one that was sent
 * ahead, and drops what comes then.
 */
enum {
	FRAMES = 250, WINDOW = 8, SMALL_WINDOW = 4,
	MIN_LEN = 60, MAX_LEN = 1514,
	ETHERTYPE = 0x88b5,		/* IEEE 802: local experiments */
	HELLO_WAIT_MS = 100,
};
#define HELLO	UINT32_MAX		/* a sequence number that is not one */

/* One direction of one pair */
struct lane {
	struct context *ctx;
	struct nic *from, *to;
	int tx, rx;
	uint32_t frames;
	uint64_t nonce;			/* tells this round's frames */
	sem_t window;
	atomic_bool stop;
	unsigned int nudges;
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

static bool transmit(struct lane *l, const struct frame *f, int len)
{
	if (!nic_drained(l->ctx, l->from)) {
		tally_fail(l->ctx->tally, "%s: frame %ju never left",
			   l->from->name, (uintmax_t)l->from->sent);
		return false;
	}
	must(send(l->tx, f, len, 0) == len, "send");
	l->from->sent++;
	return true;
}

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
		if (!transmit(l, &f, len))
			return false;
		if (poll(&in, 1, HELLO_WAIT_MS) > 0)
			return true;
	} while (now_ns() < end);
	return false;
}

/*
 * The 8390 driver says that it has seen all frames after it has looked for the
 * last time, so one that comes in between waits for the next one to come.
 * That is no lost interrupt: the line has gone down. So another frame follows
 * the last one for as long as that does not show up. An interrupt that is lost
 * leaves its line up, and no frame helps.
 */
static void nudge(struct lane *l)
{
	struct frame f;
	int len = frame_make(l, HELLO, &f);

	for (unsigned int n = 1; l->from->one_by_one && !l->stop; n++) {
		sleep_until(now_ns() + MSEC);
		if (n % HELLO_WAIT_MS)
			continue;
		if (!transmit(l, &f, len))
			break;
		l->nudges++;
	}
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
		if (!transmit(l, &f, len))
			break;
	}
	/* The last one's interrupt belongs to this round, too */
	if (!nic_drained(l->ctx, l->from))
		tally_fail(l->ctx->tally, "%s: the last frame never left",
			   l->from->name);
	nudge(l);
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

/* What is known of those that did not come, for whoever has to find out. */
static void missed(const struct lane *l, uint32_t came)
{
	uint32_t first = 0;

	while (first < l->frames && l->count[first])
		first++;
	tally_fail(l->ctx->tally, "%s: %u of %u frames from %s, first missing "
		   "%u of %ju sent, tx %ju dropped %ju, rx %ju dropped %ju "
		   "errors %ju", l->to->name, came, l->frames, l->from->name,
		   first, (uintmax_t)l->from->sent,
		   nic_statistic(l->from, "tx_packets"),
		   nic_statistic(l->from, "tx_dropped"),
		   nic_statistic(l->to, "rx_packets"),
		   nic_statistic(l->to, "rx_dropped"),
		   nic_statistic(l->to, "rx_errors"));
}

static void *receiver(void *arg)
{
	struct lane *l = arg;
	uint64_t patience = patience_ns(l->ctx->opt), last = now_ns();
	struct frame f;
	uint32_t n = 0;
	int len;

	/* A nudge is no progress */
	while (n < l->frames && now_ns() - last < patience) {
		len = recv(l->rx, &f, sizeof(f), 0);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			break;
		if (is_hello(l, &f, len))
			continue;
		if (arrived(l, &f, len))
			n++;
		last = now_ns();
		sem_post(&l->window);
	}
	if (n < l->frames) {
		l->ctx->tally->missing += l->frames - n;
		missed(l, n);
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
	sem_init(&l->window, 0, from->one_by_one ? SMALL_WINDOW : WINDOW);
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
	tally_add(l->ctx->tally, "nudges", l->nudges);
	close(l->tx);
	close(l->rx);
	sem_destroy(&l->window);
	free(l->count);
}

int net_run(struct context *ctx, const char **why)
{
	struct interrupts *before, *after;
	struct lane lanes[MAX_NICS];
	int n = nics_find(nics);

	if (!tally_found(ctx->tally, "NICs", n, ctx->opt->nics))
		return 0;
	if (!n) {
		*why = "fewer than two NICs";
		return -1;
	}
	file_write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	/*
	 * Debian's default is fq_codel, which drops a frame on purpose, and
	 * tells nobody, when its queue has moved slowly for 100 ms.
	 */
	file_write("/proc/sys/net/core/default_qdisc", "pfifo_fast");
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
		nic_evidence(ctx, &nics[i], before, after);
	free(before);
	free(after);
	return 0;
}
