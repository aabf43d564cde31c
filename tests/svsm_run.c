// SPDX-License-Identifier: MIT
/*
 * The loop of a CPU with an aware guest (svsm/run.c), natively: when a call is
 * one, and how often; when the VMSA is locked; in which order the doorbell is
 * taken and its news looked at. All around it is played here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "svsm/protocol.h"
#include "svsm/rmp.h"
#include "svsm/svsm.h"

#define VMSA_GPA	0x5000ull
#define CA_GPA		0x6000ull

struct monitor_info info;

static struct cpu cpu;
static struct vmsa vmsa;
static struct {
	u8 call_pending;
	bool ca_gone;
	bool alternate;			/* guest_apic_on() */
	bool not_ready;			/* guest_apic_ready() */
	const char *bad;		/* guest_apic_settle() */
	unsigned int polls, serves, switches, idles, settles, enters, takes;
	u64 rax;			/* of the last call */
	bool no_vcpu;
	bool leaves;			/* the call ends Alternate Injection */
	unsigned int left;
	char order[64];			/* what happened, a letter each */
	/* The guest: runs when VMPL 0 has gone. Returns false to end. */
	bool (*guest)(void);
	const char *why;
} w;
static jmp_buf end;

static void note(char c)
{
	size_t n = strlen(w.order);

	if (n + 1 < sizeof(w.order))
		w.order[n] = c;
}

static bool locked(void)
{
	return __atomic_load_n(&cpu.vcpu.lock, __ATOMIC_SEQ_CST);
}

static bool runnable(void)
{
	return vmsa.efer & EFER_SVME;
}

/* ---- what run.c needs of the rest ---------------------------------------- */

struct cpu *cpu_of(u32 index)
{
	(void)index;
	return &cpu;
}

void *monitor_va(u64 gpa)
{
	return gpa == VMSA_GPA ? &vmsa : NULL;
}

void *guest_va(u64 gpa)
{
	return monitor_va(gpa);
}

void guest_check(const struct vmsa *v)
{
	(void)v;
}

void guest_announce(u32 apic_id, const struct vmsa *v, u64 gpa)
{
	(void)apic_id;
	(void)v;
	(void)gpa;
}

u64 guest_features(void)
{
	return w.alternate ? SEV_FEATURE_ALTERNATE : 0;
}

bool guest_take(u64 gpa, u8 *old)
{
	assert_int_equal(gpa, CA_GPA);
	w.takes++;
	if (w.ca_gone)
		return false;
	*old = w.call_pending;
	w.call_pending = 0;
	return true;
}

void protocol_serve(struct svsm_call *call)
{
	assert_true(locked());
	assert_false(runnable());
	note('s');
	w.serves++;
	w.rax = call->rax;
	call->rax = 0x77;
	call->r9 = 0x99;
	call->leave = w.leaves;
}

bool guest_apic_on(const struct vcpu *v)
{
	(void)v;
	return w.alternate;
}

struct apic_counters *cpu_counters(u32 index)
{
	(void)index;
	return NULL;
}

bool guest_apic_init(u32 index, struct doorbell *page, bool on,
		     struct apic_counters *count)
{
	(void)index;
	(void)page;
	(void)on;
	(void)count;
	return true;
}

const char *guest_apic_settle(struct vcpu *v, struct vmsa *s)
{
	(void)v;
	(void)s;
	assert_true(locked());
	assert_false(runnable());
	note('t');
	w.settles++;
	return w.bad;
}

bool guest_apic_ready(struct vcpu *v, const struct vmsa *s, bool halt)
{
	(void)v;
	(void)s;
	note(halt ? 'H' : 'r');
	return !w.not_ready;
}

void guest_apic_enter(struct vcpu *v, struct vmsa *s)
{
	(void)v;
	(void)s;
	assert_true(locked());
	assert_false(runnable());
	note('e');
	w.enters++;
}

void guest_apic_leave(struct vcpu *v, struct vmsa *s)
{
	(void)v;
	(void)s;
	w.left++;
	w.alternate = false;
}

void hv_poll(struct cpu *c)
{
	assert_ptr_equal(c, &cpu);
	assert_false(locked());
	note('p');
	w.polls++;
}

static void go(void)
{
	if (!w.guest || !w.guest())
		longjmp(end, 1);
}

void hv_idle(struct cpu *c, bool no_vcpu)
{
	(void)c;
	assert_false(locked());
	note('i');
	w.idles++;
	w.no_vcpu = no_vcpu;
	go();
}

u64 svsm_switch(const volatile u16 *pending)
{
	(void)pending;
	assert_false(locked());
	assert_true(runnable());
	note('g');
	w.switches++;
	go();
	return 0;
}

void ghcb_prepare(struct cpu *c, u64 code, u64 info1, u64 info2)
{
	(void)c;
	(void)info2;
	assert_int_equal(code, GHCB_RUN_VMPL);
	assert_int_equal(info1, 2);
}

u32 ghcb_result(struct cpu *c)
{
	(void)c;
	return 0;
}

void hv_want_news(void)
{
	note('c');
}

void stop(enum monitor_reason reason, const char *why, u64 value)
{
	(void)reason;
	(void)value;
	w.why = why;
	longjmp(end, 1);
}

static int setup(void **state)
{
	(void)state;
	memset(&cpu, 0, sizeof(cpu));
	memset(&vmsa, 0, sizeof(vmsa));
	memset(&w, 0, sizeof(w));
	info.guest_vmpl = 2;
	cpu.vcpu.vmsa = VMSA_GPA;
	cpu.vcpu.ca = CA_GPA;
	vmsa.exit_code = EXIT_INTR;
	return 0;
}

static void run(bool (*guest)(void))
{
	w.guest = guest;
	if (!setjmp(end))
		run_loop(&cpu);
}

/* ---- rows 73 and 74: when a call is one ---------------------------------- */

static bool a_call_and_bounces(void)
{
	if (w.switches == 1) {
		vmsa.exit_code = EXIT_VMGEXIT;
		vmsa.rax = 0x1234;
		w.call_pending = 1;
	}
	return w.switches < 1000;
}

/* Served once, however often the host comes back. */
static void once(void **state)
{
	(void)state;
	run(a_call_and_bounces);
	assert_int_equal(w.switches, 1000);
	assert_int_equal(w.serves, 1);
	assert_int_equal(w.rax, 0x1234);
	assert_int_equal(vmsa.rax, 0x77);
	assert_int_equal(vmsa.r8_15[1], 0x99);
}

static u64 left_by;

static bool pending_all_along(void)
{
	vmsa.exit_code = left_by;
	w.call_pending = 1;
	return w.switches + w.idles < 5;
}

/* The byte is set, and the guest left by something else. */
static void no_vmgexit(void **state)
{
	static const u64 codes[] = {
		EXIT_INTR, EXIT_NMI, EXIT_VINTR, EXIT_HLT, EXIT_IDLE_HLT,
		EXIT_NPF, EXIT_VC, EXIT_CPUID, EXIT_SHUTDOWN, 0,
		EXIT_VMGEXIT + 1, 1ull << 32 | EXIT_VMGEXIT, EXIT_BUSY,
		EXIT_INVALID,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(codes); i++) {
		setup(state);
		left_by = codes[i];
		run(pending_all_along);
		assert_int_equal(w.serves, 0);
		assert_int_equal(w.call_pending, 1);
	}
}

static bool vmgexits_for_the_host(void)
{
	vmsa.exit_code = EXIT_VMGEXIT;
	return w.switches < 5;
}

static bool vmgexits_with_the_byte(void)
{
	w.call_pending = w.switches;
	return vmgexits_for_the_host();
}

/* It left by VMGEXIT, and the byte is not set: the host was meant. */
static void no_byte(void **state)
{
	(void)state;
	run(vmgexits_for_the_host);
	assert_int_equal(w.serves, 0);
	assert_int_equal(w.takes, 4);
	/* Any other value is "pending". */
	setup(state);
	run(vmgexits_with_the_byte);
	assert_int_equal(w.serves, 4);
}

static void area_gone(void **state)
{
	(void)state;
	w.ca_gone = true;
	run(vmgexits_with_the_byte);
	assert_int_equal(w.serves, 0);
	setup(state);
	cpu.vcpu.ca = 0;
	run(vmgexits_with_the_byte);
	assert_int_equal(w.serves, 0);
	assert_int_equal(w.takes, 0);
}

/* ---- sleep --------------------------------------------------------------- */

static bool a_halt(void)
{
	if (w.switches + w.idles == 1)
		vmsa.exit_code = EXIT_HLT;
	return w.switches + w.idles < 6;
}

/* Each HLT is seen once; what woke this CPU is the guest's to look at. */
static void halts(void **state)
{
	(void)state;
	run(a_halt);
	assert_string_equal(w.order, "pgpipgpgpgpg");
	assert_false(w.no_vcpu);
}

static bool created_meanwhile(void)
{
	if (w.idles == 3)
		cpu.vcpu.vmsa = VMSA_GPA;
	return w.switches < 1;
}

static void no_vcpu(void **state)
{
	(void)state;
	cpu.vcpu.vmsa = 0;
	run(created_meanwhile);
	assert_true(w.no_vcpu);
	assert_string_equal(w.order, "pipipipg");
}

/* ---- Alternate Injection ------------------------------------------------- */

static bool a_halt_then_a_call(void)
{
	switch (w.switches + w.idles) {
	case 1:
		vmsa.exit_code = EXIT_HLT;
		w.not_ready = true;
		return true;
	case 2:
		w.not_ready = false;
		return true;
	case 3:
		vmsa.exit_code = EXIT_VMGEXIT;
		w.call_pending = 1;
		return true;
	default:
		return false;
	}
}

/*
 * The notification vector first. Then in each turn: the doorbell, settle,
 * the call, what is new, and only then the window or sleep.
 */
static void order(void **state)
{
	(void)state;
	w.alternate = true;
	run(a_halt_then_a_call);
	assert_string_equal(w.order, "cptreg" "ptHi" "ptreg" "ptsreg");
}

static bool bounces(void)
{
	return w.switches < 3;
}

static void illegal_event(void **state)
{
	(void)state;
	w.alternate = true;
	w.bad = "an illegal event was interrupted";
	run(bounces);
	assert_string_equal(w.why, w.bad);
	assert_int_equal(w.switches, 0);
}

/* From the call that ends it on, the guest is entered as any other. */
static void end_of_it(void **state)
{
	(void)state;
	w.alternate = w.leaves = true;
	vmsa.exit_code = EXIT_VMGEXIT;
	w.call_pending = 1;
	run(bounces);
	assert_int_equal(w.left, 1);
	assert_string_equal(w.order, "cptsgpgpg");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(once, setup),
		cmocka_unit_test_setup(no_vmgexit, setup),
		cmocka_unit_test_setup(no_byte, setup),
		cmocka_unit_test_setup(area_gone, setup),
		cmocka_unit_test_setup(halts, setup),
		cmocka_unit_test_setup(no_vcpu, setup),
		cmocka_unit_test_setup(order, setup),
		cmocka_unit_test_setup(illegal_event, setup),
		cmocka_unit_test_setup(end_of_it, setup),
	};

	return cmocka_run_group_tests_name("svsm_run", tests, NULL, NULL);
}
