// SPDX-License-Identifier: MIT
/*
 * An exit at every step of the delivery of every kind of event into a guest
 * under Alternate Injection and ReflectVC, with the monitor's presentation
 * (core/present.c) in between: nothing is lost, nothing comes twice.
 */
#include "core/present.h"
#include "tests/core_apic.h"
#include "tests/lib/rows.h"
#include "tests/lib/steps.h"

#define FEATURES	(SEV_FEATURE_SNP | SEV_FEATURE_REFLECT_VC |	\
			 SEV_FEATURE_ALTERNATE)

static struct apic apic;
static struct apic_counters count;
static struct present present;
static u8 eoi_byte;

static void post(u8 vector, bool level)
{
	apic_post(&apic, vector, level);
	steps.posted[vector]++;
}

static void settle(void)
{
	present_park(steps.vmsa);
	assert_int_equal(present_settle(&present, &apic, steps.vmsa,
					&eoi_byte), PRESENT_OK);
	steps.level_eois += present.level_eoi != 0;
	present.level_eoi = 0;
	assert_sound(&apic);
}

static void enter(void)
{
	/* The host may come back without having run it. */
	present_enter(&present, &apic, steps.vmsa, &eoi_byte);
	settle();
	present_enter(&present, &apic, steps.vmsa, &eoi_byte);
	/* Locked: nobody can run it while it is edited. */
	assert_int_equal(script_run(&steps.s, 0, steps.vmpl), EXIT_BUSY);
	present_unpark(steps.vmsa);
	assert_int_equal(script_run(&steps.s, 0, steps.vmpl), 0);
}

static void begin(const struct steps_scene *scene)
{
	struct apic_config config = plain_config;

	memset(&present, 0, sizeof(present));
	memset(&count, 0, sizeof(count));
	eoi_byte = 0;
	config.filter = true;
	config.start_x2apic = true;
	assert_true(apic_init(&apic, &config, &count));
	wr(&apic, APIC_SVR, APIC_SVR_ENABLE | 0xff);
	apic_allow_all(&apic, true);
	settle();
	for (unsigned int i = 0; i < 2 && scene->edges[i]; i++)
		post(scene->edges[i], false);
	if (scene->level)
		post(scene->level, true);
	if (scene->nmi)
		apic_post_nmi(&apic, APIC_FROM_GUEST);
	if (scene->gp)
		assert_true(present_exception_code(steps.vmsa, VECTOR_GP,
						   STEPS_ERROR));
	enter();
}

static void resume(bool later)
{
	settle();
	if (later && !steps.posted[STEPS_LATER])
		post(STEPS_LATER, false);
	enter();
}

static void eoi(void)
{
	struct apic_effects fx;

	if (eoi_byte) {
		eoi_byte = 0;
		return;
	}
	machine_intercept(steps.s.m, 0, EXIT_MSR, 1, 0, 2);
	settle();
	fx = wr(&apic, APIC_EOI, 0);
	steps.level_eois += fx.eoi;
	enter();
}

static void end(void)
{
	settle();
	for (unsigned int v = 0; v < 256; v++) {
		assert_int_equal(count.vector[v].presented, steps.posted[v]);
		assert_int_equal(count.vector[v].eoi, steps.posted[v]);
	}
	assert_int_equal(apic_pending(&apic), APIC_NO_VECTOR);
	assert_int_equal(apic_in_service(&apic), APIC_NO_VECTOR);
	assert_false(apic.nmi_pending);
	assert_int_equal(steps.vmsa->event_inj & EVENT_V, 0);
}

static const struct steps_backend backend = {
	.begin = begin, .resume = resume, .eoi = eoi, .end = end,
	.locks = true,
};

static void run(void **state)
{
	steps_run(&backend, *state);
}

int main(void)
{
	int failed;

	steps_start(2, FEATURES);
	for (const struct steps_scene *s = steps_scenes; s->name; s++)
		rows_add(s->name, run, s);
	failed = rows_run("exits at every step of a delivery");
	steps_stop();
	return failed;
}
