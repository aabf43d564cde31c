// SPDX-License-Identifier: MIT
/*
 * The host's producer against the monitor's consumer, in two threads, and
 * both against random schedules: no vector is lost. Conformance row 57.
 */
#include <pthread.h>
#include <string.h>

#include "core/doorbell.h"
#include "tests/lib/host_hv_rig.h"
#include "tests/lib/rows.h"

#define ROUNDS	60000
#define FIRST	31

struct race {
	struct rig r;
	struct apic a;
	volatile bool stop;
	volatile u32 seen[256];
	u32 levels;
};

static void allow_all(struct apic *a)
{
	struct apic_config config = {
		.bus_khz = 1000, .has_x2apic = true, .start_x2apic = true,
		.filter = true };

	assert_true(apic_init(a, &config, NULL));
	a->svr |= APIC_SVR_ENABLE;
	apic_allow_all(a, true);
}

static void drain(struct race *race)
{
	struct doorbell_drain d;

	if (!doorbell_drain(hv_page(&race->r, 0), LOWER, &race->a, &d))
		return;
	for (unsigned int v = FIRST; v < 256; v++)
		if (d.edge[v / 32] >> v % 32 & 1)
			race->seen[v]++;
	if (d.level >= 0)
		race->seen[d.level]++;
}

static void *consumer(void *arg)
{
	struct race *race = arg;

	while (!race->stop)
		drain(race);
	drain(race);
	return NULL;
}

/*
 * Each vector is posted again only when its last one has arrived: one that
 * were lost would be missing at the end.
 */
static void threads(void **state)
{
	static struct race race;
	static u32 posted[256];
	pthread_t thread;
	u32 seed = 1;

	(void)state;
	memset(&race, 0, sizeof(race));
	memset(posted, 0, sizeof(posted));
	rig_ai(&race.r, 1);
	allow_all(&race.a);
	assert_int_equal(pthread_create(&thread, NULL, consumer, &race), 0);
	for (int i = 0; i < ROUNDS; i++) {
		u8 v;

		seed = seed * 1664525 + 1013904223;
		v = FIRST + (seed >> 16) % (256 - FIRST);
		if (race.seen[v] != posted[v])
			continue;
		posted[v]++;
		host_msi(race.r.h, MSI_TO(0), v);
	}
	race.stop = true;
	pthread_join(thread, NULL);
	for (unsigned int v = FIRST; v < 256; v++)
		assert_int_equal(race.seen[v], posted[v]);
	rig_free(&race.r);
}

/*
 * One thread, random order of everything a host and a monitor do, with level
 * lines among it. What was raised is seen; who sleeps is woken.
 */
static void drain_and_eoi(struct race *race)
{
	struct doorbell_drain d;

	if (machine_vmpl(race->r.m, 0))
		return;
	if (!doorbell_drain(hv_page(&race->r, 0), LOWER, &race->a, &d))
		return;
	for (unsigned int v = FIRST; v < 256; v++)
		if (d.edge[v / 32] >> v % 32 & 1)
			race->seen[v]++;
	if (d.level < 0)
		return;
	race->levels++;
	host_set_gsi(race->r.h, d.level - 0x80, false);
	assert_int_equal(rig_call(&race->r, 0, GHCB_SPECIFIC_EOI,
				  LOWER << 16 | d.level, 0), 0);
}

static void step(struct race *race, u32 dice, u32 *raised, u32 *posted)
{
	unsigned int pin = 9 + dice / 16 % 4;
	u8 v = FIRST + dice / 16 % 90;

	switch (dice % 8) {
	case 0 ... 1:
		if (race->seen[v] != posted[v])
			break;
		posted[v]++;
		host_msi(race->r.h, MSI_TO(0), v);
		break;
	case 2:
		if (race->r.h->ioapic.lines & BIT(pin))
			break;
		host_set_gsi(race->r.h, pin, true);
		(*raised)++;
		break;
	case 3:
		if (hv_in_guest(race->r.m, 0) && !machine_vmpl(race->r.m, 0))
			rig_call(&race->r, 0, GHCB_RUN_VMPL, LOWER, 0);
		break;
	case 4:
		if (hv_in_guest(race->r.m, 0))
			machine_kicked(race->r.m, 0);
		break;
	case 5:
		if (hv_in_guest(race->r.m, 0))
			rig_hlt(&race->r, 0);
		break;
	default:
		rig_pump(&race->r);
		if (hv_in_guest(race->r.m, 0))
			drain_and_eoi(race);
	}
}

static void random_order(void **state)
{
	static struct race race;
	static u32 posted[256];
	u32 seed = 7, raised = 0;

	(void)state;
	memset(&race, 0, sizeof(race));
	memset(posted, 0, sizeof(posted));
	rig_ai(&race.r, 1);
	allow_all(&race.a);
	for (unsigned int pin = 9; pin < 13; pin++) {
		ioapic_write(&race.r.h->ioapic, IOAPIC_MMIO_SELECT,
			     0x10 + 2 * pin);
		ioapic_write(&race.r.h->ioapic, IOAPIC_MMIO_WINDOW,
			     (0x80 + pin) | IOAPIC_RTE_LEVEL);
	}
	for (int i = 0; i < 200000; i++) {
		seed = seed * 1664525 + 1013904223;
		step(&race, seed >> 12, &raised, posted);
	}
	/* the monitor looks a last time, as often as it is given the CPU */
	for (int i = 0; i < 100; i++) {
		rig_pump(&race.r);
		if (hv_in_guest(race.r.m, 0))
			drain_and_eoi(&race);
	}
	if (hv_in_guest(race.r.m, 0) && machine_vmpl(race.r.m, 0))
		assert_int_equal(hv_page(&race.r, 0)->per_vmpl_events, 0);
	for (unsigned int v = FIRST; v < 121; v++)
		assert_int_equal(race.seen[v], posted[v]);
	assert_int_equal(race.levels, raised);
	assert_true(raised > 1000);
	rig_free(&race.r);
}

int main(void)
{
	ROW("[57] producer and consumer in threads", threads);
	ROW("[57] random order", random_order);
	return rows_run("host: descriptors under stress");
}
