// SPDX-License-Identifier: MIT
/*
 * IPIs between vCPUs: conformance rows 84 and 91 to 98 as far as
 * they are not the host's, and both kick rules of docs/testing.md.
 */
#include <pthread.h>

#include "core/mailbox.h"
#include "tests/lib/rows.h"
#include "tests/core_apic.h"

#define CPUS	8

static struct apic a[CPUS];
static struct mailbox box[CPUS];
static unsigned int kicks[CPUS];

/* IDs 12 to 19: the boundary of a logical cluster is in the middle. */
static int setup(void **state)
{
	struct apic_config config = plain_config;
	unsigned int i;

	(void)state;
	memset(box, 0, sizeof(box));
	memset(kicks, 0, sizeof(kicks));
	config.start_x2apic = config.filter = true;
	for (i = 0; i < CPUS; i++) {
		config.id = 12 + i;
		config.bsp = i == 0;
		assert_true(apic_init(&a[i], &config, NULL));
		wr(&a[i], APIC_SVR, APIC_SVR_ENABLE | 0xff);
	}
	return 0;
}

/* ICR of one vCPU, routed; the set of those that got something. */
static unsigned int send(unsigned int from, u64 icr)
{
	struct apic_effects fx = wr(&a[from], APIC_ICR, icr);
	unsigned int i, set = 0;

	for (i = 0; fx.ipi && i < CPUS; i++)
		if (apic_match(&a[i], &fx.msg, &a[from]))
			kicks[i] += mailbox_post(&box[i], &fx.msg);
	for (i = 0; i < CPUS; i++) {
		mailbox_drain(&box[i], &a[i]);
		assert_false(mailbox_notified(&box[i]));
		if (apic_pending(&a[i]) >= 0 || apic_take_nmi(&a[i]))
			set |= 1 << i;
		while (apic_pending(&a[i]) >= 0) {
			apic_ack(&a[i]);
			wr(&a[i], APIC_EOI, 0);
		}
	}
	return set;
}

static const struct dest_row {
	const char *name;
	unsigned int from;
	u64 icr;
	unsigned int set;
} dests[] = {
	{ "row 91: physical", 0, 0x0f00000041, 0x08 },
	{ "row 91: physical, to itself", 3, 0x0f00000041, 0x08 },
	{ "row 91: logical, id 15", 0, 0x0000800000000841, 0x08 },
	{ "row 91: logical, id 16", 0, 0x0001000100000841, 0x10 },
	{ "row 91: logical, one cluster", 0, 0x0000ffff00000841, 0x0f },
	{ "row 91: broadcast", 2, 0xffffffff00000041, 0xff },
	{ "row 91: broadcast, logical", 2, 0xffffffff00000841, 0xff },
	{ "row 91: self", 2, 0x40041, 0x04 },
	{ "row 91: all", 2, 0x80041, 0xff },
	{ "row 91: all but self", 2, 0xc0041, 0xfb },
	{ "row 84: NMI, physical, another", 0, 0x1100000400, 0x20 },
	{ "NMI, all but self", 0, 0xc0400, 0xfe },
	{ "NMI with a vector field", 0, 0x1100000441, 0x20 },
	{ "row 92: unknown, physical", 0, 0x4000000041, 0 },
	{ "row 92: unknown, logical", 0, 0x0009ffff00000841, 0 },
	{ "row 92: 0xff is no broadcast here", 0, 0xff00000041, 0 },
};

static void run_dest(void **state)
{
	const struct dest_row *row = *state;

	setup(NULL);
	assert_int_equal(send(row->from, row->icr), row->set);
}

/* An NMI is an NMI, not the vector that its ICR happened to hold. */
static void row84_remote_nmi(void **state)
{
	struct irq_msg msg;

	setup(state);
	assert_int_equal(apic_decode_icr(0x1100000441, true, &msg), APIC_OK);
	mailbox_post(&box[5], &msg);
	mailbox_drain(&box[5], &a[5]);
	assert_int_equal(apic_pending(&a[5]), APIC_NO_VECTOR);
	assert_true(apic_take_nmi(&a[5]));
}

static struct irq_msg fixed(u8 vector)
{
	return (struct irq_msg){ .mode = APIC_FIXED, .vector = vector };
}

static void one_kick(void **state)
{
	struct irq_msg x = fixed(0x41), y = fixed(0x42);
	struct irq_msg nmi = { .mode = APIC_NMI };

	setup(state);
	assert_false(mailbox_notified(&box[0]));
	assert_true(mailbox_post(&box[0], &x));
	assert_true(mailbox_notified(&box[0]));
	assert_false(mailbox_post(&box[0], &y));
	assert_false(mailbox_post(&box[0], &nmi));
	assert_true(mailbox_drain(&box[0], &a[0]));
	assert_false(mailbox_drain(&box[0], &a[0]));
	assert_int_equal(apic_ack(&a[0]), 0x42);
	assert_true(apic_take_nmi(&a[0]));
	assert_true(mailbox_post(&box[0], &x));
}

/* Lowest priority is fixed for the one that was chosen; the rest is not. */
static void modes(void **state)
{
	struct irq_msg msg = { .mode = APIC_LOWEST, .vector = 0x51 };

	setup(state);
	assert_true(mailbox_post(&box[0], &msg));
	mailbox_drain(&box[0], &a[0]);
	assert_int_equal(apic_pending(&a[0]), 0x51);
	msg.mode = APIC_SMI;
	assert_false(mailbox_post(&box[0], &msg));
	msg.mode = APIC_EXTINT;
	assert_false(mailbox_post(&box[0], &msg));
	assert_false(mailbox_notified(&box[0]));
}

static void init_sipi(void **state)
{
	struct irq_msg init = { .mode = APIC_INIT };
	struct irq_msg sipi = { .mode = APIC_SIPI, .vector = 0x9a };
	u8 vector = 0;

	setup(state);
	/* Both before the owner looks; the second SIPI is not the first. */
	mailbox_post(&box[1], &init);
	mailbox_post(&box[1], &sipi);
	sipi.vector = 0x55;
	mailbox_post(&box[1], &sipi);
	mailbox_drain(&box[1], &a[1]);
	assert_int_equal(apic_take_start(&a[1], &vector), APIC_START_RESET);
	assert_int_equal(apic_take_start(&a[1], &vector), APIC_START_SIPI);
	assert_int_equal(vector, 0x9a);
	assert_int_equal(apic_take_start(&a[1], &vector), APIC_START_NONE);
	/* Running: a SIPI is nothing. INIT takes back a SIPI before it. */
	mailbox_post(&box[1], &sipi);
	mailbox_post(&box[1], &init);
	mailbox_drain(&box[1], &a[1]);
	assert_int_equal(apic_take_start(&a[1], &vector), APIC_START_RESET);
	assert_int_equal(apic_take_start(&a[1], &vector), APIC_START_NONE);
	mailbox_post(&box[1], &sipi);
	mailbox_drain(&box[1], &a[1]);
	assert_int_equal(apic_take_start(&a[1], &vector), APIC_START_SIPI);
}

/* Row 94: without any kick it is found when the owner next comes by. */
static void row94_kick_dropped(void **state)
{
	struct irq_msg x = fixed(0x41);

	setup(state);
	mailbox_post(&box[0], &x);
	mailbox_drain(&box[0], &a[0]);
	assert_int_equal(apic_pending(&a[0]), 0x41);
}

/* Row 95: a kick without content has no effect. */
static void row95_kick_for_nothing(void **state)
{
	struct apic before;

	setup(state);
	before = a[0];
	assert_false(mailbox_drain(&box[0], &a[0]));
	assert_memory_equal(&before, &a[0], sizeof(before));
}

/* Row 98: it accumulates, bounded, until somebody starts the vCPU. */
static void row98_offline(void **state)
{
	struct irq_msg msg;
	unsigned int i;

	setup(state);
	for (i = 0; i < 1000; i++) {
		msg = fixed(16 + i % 240);
		assert_int_equal(mailbox_post(&box[1], &msg), i == 0);
	}
	mailbox_drain(&box[1], &a[1]);
	for (i = 1; i < 8; i++)
		assert_int_equal(a[1].irr[i], ~0u);
}

#define ROUNDS	20000

static struct mailbox shared;
static u32 sent[4], woken;

static void *poster(void *arg)
{
	unsigned int me = (uintptr_t)arg, i;
	struct irq_msg msg = fixed(0x40 + me * 16);

	for (i = 0; i < ROUNDS; i++) {
		/* A new one only after the last has arrived: count exactly. */
		while (__atomic_load_n(&sent[me], __ATOMIC_SEQ_CST) != i)
			sched_yield();
		if (mailbox_post(&shared, &msg))
			__atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

/* Row 97: three posters, one owner who drains only when kicked: all arrive. */
static void row97_storm(void **state)
{
	pthread_t t[3];
	unsigned int done = 0;
	uintptr_t i;

	setup(state);
	memset(&shared, 0, sizeof(shared));
	memset(sent, 0, sizeof(sent));
	woken = 0;
	for (i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, poster, (void *)i);
	while (done < 3 * ROUNDS) {
		if (!__atomic_load_n(&woken, __ATOMIC_SEQ_CST)) {
			sched_yield();
			continue;
		}
		__atomic_fetch_sub(&woken, 1, __ATOMIC_SEQ_CST);
		mailbox_drain(&shared, &a[0]);
		while (apic_pending(&a[0]) >= 0) {
			i = (apic_ack(&a[0]) - 0x40) / 16;
			wr(&a[0], APIC_EOI, 0);
			done++;
			__atomic_fetch_add(&sent[i], 1, __ATOMIC_SEQ_CST);
		}
	}
	for (i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < 3; i++)
		assert_int_equal(sent[i], ROUNDS);
}

#define EVERYBODY	8
#define TURNS		4000

static struct mailbox boxes[EVERYBODY];
static u32 kicked[EVERYBODY], arrived[EVERYBODY][EVERYBODY];

/* Looks only when it has been kicked, as one that sleeps does. */
static void look(unsigned int me)
{
	int v;

	if (!__atomic_exchange_n(&kicked[me], 0, __ATOMIC_SEQ_CST))
		return;
	mailbox_drain(&boxes[me], &a[me]);
	while (apic_pending(&a[me]) >= 0) {
		v = apic_ack(&a[me]);
		wr(&a[me], APIC_EOI, 0);
		__atomic_fetch_add(&arrived[me][(v - 0x40) / 16], 1,
				   __ATOMIC_SEQ_CST);
	}
}

static void *everybody(void *arg)
{
	unsigned int me = (uintptr_t)arg, to, i;
	struct irq_msg msg = fixed(0x40 + me * 16);

	for (i = 0; i < TURNS; i++) {
		for (to = 0; to < EVERYBODY; to++)
			if (to != me && mailbox_post(&boxes[to], &msg))
				__atomic_store_n(&kicked[to], 1,
						 __ATOMIC_SEQ_CST);
		/* The next round when all of them have this one. */
		for (to = 0; to < EVERYBODY; to++)
			while (to != me &&
			       __atomic_load_n(&arrived[to][me],
					       __ATOMIC_SEQ_CST) <= i) {
				look(me);
				sched_yield();
			}
	}
	/* The others may still be at it. */
	for (to = 0; to < EVERYBODY; to++)
		while (to != me && __atomic_load_n(&arrived[me][to],
						   __ATOMIC_SEQ_CST) < TURNS) {
			look(me);
			sched_yield();
		}
	return NULL;
}

/* Row 97: all to all; one lost IPI, and its sender waits for ever. */
static void row97_all_to_all(void **state)
{
	pthread_t t[EVERYBODY];
	uintptr_t i, j;

	setup(state);
	memset(boxes, 0, sizeof(boxes));
	memset(kicked, 0, sizeof(kicked));
	memset(arrived, 0, sizeof(arrived));
	for (i = 0; i < EVERYBODY; i++)
		pthread_create(&t[i], NULL, everybody, (void *)i);
	for (i = 0; i < EVERYBODY; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < EVERYBODY; i++)
		for (j = 0; j < EVERYBODY; j++)
			assert_int_equal(arrived[i][j], i == j ? 0 : TURNS);
}

int main(void)
{
	ROWS(dests, run_dest);
	ROW("row 84: a remote NMI is an NMI", row84_remote_nmi);
	ROW("one kick until the owner comes", one_kick);
	ROW("modes", modes);
	ROW("INIT and SIPI", init_sipi);
	ROW("row 94: kick dropped", row94_kick_dropped);
	ROW("row 95: kick for nothing", row95_kick_for_nothing);
	ROW("row 97: storm", row97_storm);
	ROW("row 97: all to all", row97_all_to_all);
	ROW("row 98: offline", row98_offline);
	return rows_run("core_mailbox");
}
