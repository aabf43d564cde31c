// SPDX-License-Identifier: MIT
/*
 * Both sides of the doorbell page at the same time: in threads, and with a
 * host that writes between two chosen instructions of the monitor, every pair
 * in turn (the trap flag makes it so). Rows 36, 53, 57 and 71.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <ucontext.h>

#include "core/mailbox.h"
#include "core/svsm_apic.h"
#include "tests/core_present.h"

#define SEQ	__ATOMIC_SEQ_CST
#define ROUNDS	200000

static struct rig r;
static bool stop;

static void race(void *(*thread)(void *), pthread_t *t)
{
	rig_start(&r);
	__atomic_store_n(&stop, false, SEQ);
	assert_int_equal(pthread_create(t, NULL, thread, NULL), 0);
}

static void finish(pthread_t t)
{
	__atomic_store_n(&stop, true, SEQ);
	pthread_join(t, NULL);
}

static void *flip_vector(void *arg)
{
	u8 v = 0;

	(void)arg;
	while (!__atomic_load_n(&stop, SEQ))
		__atomic_store_n(&r.page.vector, v++, SEQ);
	return NULL;
}

/* Row 36: bounded time, and what is taken is above TPR. */
static void row36_flips(void **state)
{
	unsigned int i;
	pthread_t t;
	u8 v;

	(void)state;
	race(flip_vector, &t);
	for (i = 0; i < ROUNDS; i++) {
		v = doorbell_take(&r.page, 0x40);
		assert_true(!v || v >= 0x50);
	}
	finish(t);
}

static void *flip_level(void *arg)
{
	u32 i = 0;

	(void)arg;
	while (!__atomic_load_n(&stop, SEQ)) {
		__atomic_store_n(&rig_ext(&r)->status,
				 i++ & 1 ? 0x41 | DOORBELL_EXT_LEVEL : 0x52,
				 SEQ);
		__atomic_fetch_or(&r.page.per_vmpl_events, 0xff, SEQ);
	}
	return NULL;
}

/* Row 53: 41h always comes with the flag, 52h never. */
static void row53_level_flag(void **state)
{
	struct doorbell_drain d;
	unsigned int i, seen = 0;
	pthread_t t;

	(void)state;
	race(flip_level, &t);
	for (i = 0; i < ROUNDS || !seen; i++) {
		if (!doorbell_drain(&r.page, GUEST_VMPL, &r.apic, &d))
			continue;
		assert_true(d.level == APIC_NO_VECTOR || d.level == 0x41);
		assert_int_equal(d.edge[0x41 / 32] & BIT(1), 0);
		seen += d.level == 0x41;
	}
	finish(t);
}

/* ---- between two instructions ---- */

static unsigned int steps, strike;	/* strike 0: after each one */
static void (*writer)(void);

/* Once struck the rest may run at full speed. */
static void on_step(int signal, siginfo_t *info, void *context)
{
	ucontext_t *c = context;

	(void)signal;
	(void)info;
	steps++;
	if (!strike || steps == strike)
		writer();
	if (strike && steps == strike)
		c->uc_mcontext.gregs[REG_EFL] &= ~0x100ll;
}

/* Not through memory below RSP: the red zone is the compiler's. */
#define TRAP_FLAG(change)						\
	asm volatile("lea -128(%%rsp), %%rsp\n\t"			\
		     "pushf\n\t" change ", (%%rsp)\n\tpopf\n\t"		\
		     "lea 128(%%rsp), %%rsp" : : : "memory", "cc")
#define TRAP_ON()	TRAP_FLAG("orq $0x100")
#define TRAP_OFF()	TRAP_FLAG("andq $-0x101")

static void step_start(void (*write)(void), unsigned int at)
{
	struct sigaction action = {
		.sa_sigaction = on_step, .sa_flags = SA_SIGINFO,
	};

	assert_int_equal(sigaction(SIGTRAP, &action, NULL), 0);
	writer = write;
	steps = 0;
	strike = at;
}

static struct doorbell_drain stepped;
static u32 second;

static void write_second(void)
{
	__atomic_store_n(&rig_ext(&r)->status, second, SEQ);
	__atomic_fetch_or(&r.page.per_vmpl_events, 0xff, SEQ);
}

/* True if the write came too late to matter. */
static bool drain_struck(u32 first, u32 then, unsigned int at)
{
	rig_start(&r);
	rig_ext(&r)->status = first;
	r.page.per_vmpl_events = 0xff;
	second = then;
	step_start(write_second, at);
	TRAP_ON();
	doorbell_drain(&r.page, GUEST_VMPL, &r.apic, &stepped);
	TRAP_OFF();
	return steps < at;
}

static void assert_consistent(void)
{
	assert_true(stepped.level == APIC_NO_VECTOR || stepped.level == 0x41);
	assert_int_equal(stepped.edge[2] & BIT(1), 0);
	assert_int_equal(stepped.refused[2], 0);
}

/* Row 53 at every instruction, both ways round. */
static void row53_every_instruction(void **state)
{
	const u32 level = 0x41 | DOORBELL_EXT_LEVEL, edge = 0x52;
	unsigned int at;

	(void)state;
	for (at = 1; !drain_struck(level, edge, at); at++)
		assert_consistent();
	assert_in_range(at, 20, 100000);
	for (at = 1; !drain_struck(edge, level, at); at++)
		assert_consistent();
}

static void write_honest(void)
{
	__atomic_fetch_or(&rig_ext(&r)->irr[3], BIT(1), SEQ);
	__atomic_fetch_or(&rig_ext(&r)->status, DOORBELL_EXT_MULTIPLE, SEQ);
	__atomic_fetch_or(&r.page.per_vmpl_events, 0xff, SEQ);
}

/* Row 57 at every instruction: with the next look it has arrived. */
static void row57_every_instruction(void **state)
{
	struct doorbell_drain d;
	unsigned int at = 0;

	(void)state;
	do {
		rig_start(&r);
		rig_ext(&r)->irr[2] = BIT(1);
		rig_ext(&r)->status = DOORBELL_EXT_MULTIPLE;
		r.page.per_vmpl_events = 0xff;
		step_start(write_honest, ++at);
		TRAP_ON();
		doorbell_drain(&r.page, GUEST_VMPL, &r.apic, &d);
		TRAP_OFF();
		doorbell_apply(&d, &r.apic);
		if (doorbell_drain(&r.page, GUEST_VMPL, &r.apic, &d))
			doorbell_apply(&d, &r.apic);
		assert_int_equal(r.apic.irr[3], BIT(1));
		assert_int_equal(r.apic.irr[4], steps < at ? 0 : BIT(1));
	} while (steps >= at);
}

static struct mailbox box;
static bool kicked;

static void post_second(void)
{
	const struct irq_msg msg = { .mode = APIC_FIXED, .vector = 0x81 };

	kicked = mailbox_post(&box, &msg);
}

/* Another vCPU posts meanwhile: it is there, or there is a kick for it. */
static void mailbox_every_instruction(void **state)
{
	const struct irq_msg msg = { .mode = APIC_FIXED, .vector = 0x61 };
	unsigned int at = 0;

	(void)state;
	do {
		rig_start(&r);
		memset(&box, 0, sizeof(box));
		kicked = false;
		mailbox_post(&box, &msg);
		step_start(post_second, ++at);
		TRAP_ON();
		mailbox_drain(&box, &r.apic);
		TRAP_OFF();
		if (kicked)
			mailbox_drain(&box, &r.apic);
		assert_int_equal(r.apic.irr[3], BIT(1));
		assert_int_equal(r.apic.irr[4], steps < at ? 0 : BIT(1));
	} while (steps >= at);
}

static struct svsm_apic runtime[2];
static struct apic runtime_apic[2];
static u32 users;

static u64 configure(unsigned int cpu, u64 what)
{
	struct svsm_apic_reply reply;

	return svsm_apic_call(&runtime[cpu], SVSM_APIC_CONFIGURE, what, 0,
			      &reply);
}

static void deregister_other(void)
{
	configure(1, 1);
}

/*
 * Row 71: one runtime registers while another leaves. Either the first came
 * first and stays, or Alternate Injection had ended and it is told so.
 */
static void row71_every_instruction(void **state)
{
	unsigned int at = 0, refused = 0, let_in = 0;
	u64 result;

	(void)state;
	do {
		users = SVSM_APIC_ENABLED;
		for (unsigned int i = 0; i < 2; i++)
			assert_true(svsm_apic_init(&runtime[i],
						   &runtime_apic[i], i,
						   &users, NULL));
		step_start(deregister_other, ++at);
		TRAP_ON();
		result = configure(0, 2);
		TRAP_OFF();
		if (steps < at)
			deregister_other();
		if (result == SVSM_SUCCESS) {
			let_in++;
			assert_int_equal(users, SVSM_APIC_ENABLED);
		} else {
			refused++;
			assert_int_equal(users, SVSM_APIC_DISABLED);
		}
	} while (steps >= at);
	assert_true(let_in && refused);
}

static void write_vector(void)
{
	static u8 v;

	__atomic_store_n(&r.page.vector, 0x50 | (v++ & 15), SEQ);
}

/* Row 36: a byte that changes after each instruction: an end all the same. */
static void row36_every_instruction(void **state)
{
	u8 v;

	(void)state;
	rig_start(&r);
	r.page.vector = 0x51;
	step_start(write_vector, 0);
	TRAP_ON();
	v = doorbell_take(&r.page, 0);
	TRAP_OFF();
	assert_true(!v || v >> 4 == 5);
	assert_true(steps > 3);
}

/* ---- in threads ---- */

static u32 next_post[3];
static const u8 posted[3] = { 31, 0x41, 0xfe };

/* An honest producer: content, flag, event. One of each until it arrived. */
static void *produce(void *arg)
{
	struct doorbell_ext *ext = rig_ext(&r);
	u32 done[3] = { 0 };
	unsigned int i;

	(void)arg;
	while (!__atomic_load_n(&stop, SEQ)) {
		for (i = 0; i < 3; i++) {
			if (__atomic_load_n(&next_post[i], SEQ) != done[i])
				continue;
			done[i]++;
			if (i)
				__atomic_fetch_or(&ext->irr[posted[i] / 32 - 1],
						  BIT(posted[i] % 32), SEQ);
			__atomic_fetch_or(&ext->status, DOORBELL_EXT_MULTIPLE |
					  (i ? 0 : DOORBELL_EXT_VECTOR_31),
					  SEQ);
			__atomic_fetch_or(&r.page.per_vmpl_events,
					  DOORBELL_EVENTS_VMPL(GUEST_VMPL),
					  SEQ);
		}
		sched_yield();
	}
	return NULL;
}

/* Row 57: none is lost, or the producer would wait for ever. */
static void row57_nothing_lost(void **state)
{
	struct doorbell_drain d;
	unsigned int i, got = 0;
	pthread_t t;

	(void)state;
	memset(next_post, 0, sizeof(next_post));
	race(produce, &t);
	while (got < 30000) {
		if (!doorbell_drain(&r.page, GUEST_VMPL, &r.apic, &d)) {
			sched_yield();
			continue;
		}
		for (i = 0; i < 3; i++) {
			if (!(d.edge[posted[i] / 32] & BIT(posted[i] % 32)))
				continue;
			got++;
			__atomic_fetch_add(&next_post[i], 1, SEQ);
		}
	}
	finish(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row36_every_instruction),
		cmocka_unit_test(row53_every_instruction),
		cmocka_unit_test(row57_every_instruction),
		cmocka_unit_test(mailbox_every_instruction),
		cmocka_unit_test(row71_every_instruction),
		cmocka_unit_test(row36_flips),
		cmocka_unit_test(row53_level_flag),
		cmocka_unit_test(row57_nothing_lost),
	};

	return cmocka_run_group_tests_name("core_race", tests, NULL, NULL);
}
