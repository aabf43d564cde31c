// SPDX-License-Identifier: MIT
/*
 * The same as delivery_steps, with all of the paravisor between the exits
 * (svsm/paravisor*.c, emulate*.c): under Alternate Injection, and under Secure
 * AVIC, where the machine presents and ends interrupts on the backing page.
 */
#include "svsm/paravisor.h"
#include "tests/core_apic.h"
#include "tests/lib/rows.h"
#include "tests/lib/steps.h"

#define BASE	(SEV_FEATURE_SNP | SEV_FEATURE_REFLECT_VC)
#define PIN	5

static struct paravisor guest;
static struct paravisor_vcpu vcpu, *const vcpus[] = { &vcpu };
static struct doorbell page;
static struct snp_cpuid_page cpuid;
static struct vmcb *vmcb;
static u32 *backing;		/* NULL: Alternate Injection */
static unsigned int ran;

/* ---- the monitor's surroundings ------------------------------------------ */

static void op_nothing(void *cpu)
{
	(void)cpu;
}

static void op_run(void *cpu)
{
	(void)cpu;
	assert_int_equal(script_run(&steps.s, 0, steps.vmpl), 0);
	ran++;
}

static struct apic_time op_now(void *cpu)
{
	(void)cpu;
	return t0;
}

static void op_deadline(void *cpu, u64 ns)
{
	(void)cpu;
	(void)ns;
}

static void op_message(void *cpu, const struct irq_msg *msg)
{
	(void)cpu;
	(void)msg;
}

static void op_eoi(void *cpu, u8 vector)
{
	(void)cpu;
	assert_int_equal(vector, STEPS_LEVEL);
	steps.level_eois++;
}

/* Whatever it faults on is memory: the exit asks for nothing. */
static bool op_read(void *cpu, u64 gpa, void *to, unsigned int n)
{
	(void)cpu;
	(void)gpa;
	memset(to, 0, n);
	return true;
}

static bool op_write(void *cpu, u64 gpa, const void *from, unsigned int n)
{
	(void)cpu;
	(void)gpa;
	(void)from;
	(void)n;
	return false;
}

static u8 *op_byte(void *cpu, u64 gpa)
{
	(void)cpu;
	(void)gpa;
	return NULL;
}

static bool op_port(void *cpu, u16 port, unsigned int size, bool in,
		    void *data, unsigned int n)
{
	(void)cpu;
	(void)port;
	(void)size;
	(void)in;
	(void)data;
	(void)n;
	return false;
}

static bool op_mmio(void *cpu, u64 gpa, unsigned int size, bool write,
		    u64 *value)
{
	(void)cpu;
	(void)gpa;
	(void)size;
	(void)write;
	(void)value;
	return false;
}

static bool op_savic(void *cpu, u64 gpa, bool on)
{
	(void)cpu;
	(void)on;
	return gpa == SAVIC_AT(0);
}

static void op_note(void *cpu, const char *text)
{
	(void)cpu;
	(void)text;
}

static const struct paravisor_ops ops = {
	.poll = op_nothing, .run = op_run, .idle = op_nothing, .now = op_now,
	.deadline = op_deadline, .kick = op_message, .specific_eoi = op_eoi,
	.read = op_read, .write = op_write, .byte = op_byte, .port = op_port,
	.mmio = op_mmio, .savic = op_savic, .ring = op_message,
	.note = op_note,
};

/* One turn, and the guest runs. */
static void turn(void)
{
	ran = 0;
	assert_null(paravisor_turn(&vcpu));
	assert_int_equal(ran, 1);
}

/* ---- events -------------------------------------------------------------- */

/* From another vCPU of the guest; the host has no part in it. */
static void send(u8 mode, u8 vector)
{
	const struct irq_msg msg = { .mode = mode, .vector = vector };
	enum paravisor_where where;

	if (!paravisor_savic_post(&vcpu, &msg, &where))
		mailbox_post(&vcpu.box, &msg);
	if (mode == APIC_FIXED)
		steps.posted[vector]++;
}

/* From the host: by the VMCB, which VMRUN looks at, or by the descriptor. */
static void raise(u8 vector)
{
	steps.posted[vector]++;
	if (backing) {
		vmcb->requested_irr[vector / 32] |= BIT(vector % 32);
		vmcb->update_irr = 1;
		return;
	}
	page.ext[1].status = DOORBELL_EXT_LEVEL | vector;
	page.per_vmpl_events = DOORBELL_EVENTS_VMPL(2);
}

static void begin(const struct steps_scene *scene)
{
	struct apic_config config = plain_config;

	memset(&guest, 0, sizeof(guest));
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&page, 0, sizeof(page));
	guest = (struct paravisor){
		.ops = &ops, .cpuid = &cpuid, .vcpu = vcpus, .cpus = 1,
		.vmpl = 2 };
	vcpu.guest = &guest;
	vcpu.vmsa = steps.vmsa;
	vcpu.page = &page;
	config.filter = true;
	config.start_x2apic = true;
	config.id = 0;
	assert_true(paravisor_init(&vcpu, &config, NULL));
	wr(&vcpu.apic, APIC_SVR, APIC_SVR_ENABLE | 0xff);
	if (backing) {
		memset(backing, 0, PAGE_SIZE);
		backing_init(&vcpu.backing, backing);
		vcpu.savic_gpa = SAVIC_AT(0);
	}
	paravisor_allow(&vcpu, STEPS_LEVEL);
	paravisor_route(&vcpu, 2 * PIN, STEPS_LEVEL | BIT(15));
	for (unsigned int i = 0; i < 2 && scene->edges[i]; i++)
		send(APIC_FIXED, scene->edges[i]);
	if (scene->level)
		raise(scene->level);
	if (scene->nmi)
		send(APIC_NMI, 0);
	if (scene->gp)
		assert_true(present_exception_code(steps.vmsa, VECTOR_GP,
						   STEPS_ERROR));
	turn();
}

static void resume(bool later)
{
	if (later && !steps.posted[STEPS_LATER])
		send(APIC_FIXED, STEPS_LATER);
	turn();
}

static void eoi(void)
{
	struct regs *r = &steps.s.cpu[0].regs;
	enum mach_next next;

	r->rcx = X2APIC_MSR(APIC_EOI);
	r->rax = r->rdx = 0;
	next = machine_wrmsr(steps.s.m, 0, r->rcx, r->rip + 2, 0);
	if (next == MACH_DONE)
		return;
	assert_int_equal(next, MACH_IDLE);
	turn();
}

/* Once more, so that it is all in the APIC, and nothing is there. */
static void end(void)
{
	present_park(steps.vmsa);
	assert_int_equal(present_settle(&vcpu.present, &vcpu.apic, steps.vmsa,
					NULL), PRESENT_OK);
	paravisor_savic_take(&vcpu);
	assert_sound(&vcpu.apic);
	assert_int_equal(apic_pending(&vcpu.apic), APIC_NO_VECTOR);
	assert_int_equal(apic_in_service(&vcpu.apic), APIC_NO_VECTOR);
	assert_false(vcpu.apic.nmi_pending);
	assert_int_equal(steps.vmsa->event_inj & EVENT_V, 0);
	assert_int_equal(vcpu.ignored, 0);
	assert_int_equal(vcpu.savic_on, !!backing);
}

static const struct steps_backend alternate = {
	.begin = begin, .resume = resume, .eoi = eoi, .end = end,
	.locks = true,
}, secure_avic = {
	.begin = begin, .resume = resume, .eoi = eoi, .end = end,
};

static void run_alternate(void **state)
{
	steps_start(2, BASE | SEV_FEATURE_ALTERNATE);
	backing = NULL;
	steps_run(&alternate, *state);
	steps_stop();
}

/* The page is launched for VMPL 0, so that the guest is there. */
static void run_secure_avic(void **state)
{
	steps_start(0, BASE | SEV_FEATURE_SECURE_AVIC);
	vmcb = steps.s.vmcb[0][0];
	backing = script_private(&steps.s, SAVIC_AT(0));
	steps_run(&secure_avic, *state);
	steps_stop();
}

int main(void)
{
	static char names[32][80];
	unsigned int n = 0;

	for (const struct steps_scene *s = steps_scenes; s->name; s++) {
		snprintf(names[n], 80, "Alternate Injection: %s", s->name);
		rows_add(names[n++], run_alternate, s);
		/* The monitor sets V_NMI_ENABLE; without, it has no exit. */
		if (s->no_v_nmi)
			continue;
		snprintf(names[n], 80, "Secure AVIC: %s", s->name);
		rows_add(names[n++], run_secure_avic, s);
	}
	return rows_run("exits at every step of a delivery, paravisor");
}
