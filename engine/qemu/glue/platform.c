// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * struct host_platform: clock, timers, devices, CPUID, log. QEMU's lock is
 * the machine lock, so all of this is called, and calls, under it.
 */
#include "ops.h"
#include "system/cpu-timers.h"
#include "system/runstate.h"

/* ---- time ---------------------------------------------------------------- */

static u64 now(void *platform)
{
	return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static u64 tsc(void *platform)
{
	return cpu_get_tsc(cpu_env(belfry.cpu[0]));
}

/* QEMU's TSC counts instructions or is the host's, whose rate it never asks. */
static u64 tsc_hz(void *platform)
{
	const s64 sample = 10 * SCALE_MS;
	static u64 hz;
	s64 start, ticks, ns;

	if (icount_enabled())
		return NANOSECONDS_PER_SECOND;
	if (hz)
		return hz;
	start = get_clock();
	ticks = cpu_get_host_ticks();
	do {
		ns = get_clock() - start;
	} while (ns < sample);
	ticks = cpu_get_host_ticks() - ticks;
	hz = (double)ticks * NANOSECONDS_PER_SECOND / ns;
	return hz;
}

u64 glue_instructions(void *ctx)
{
	return icount_enabled() ? icount_get_raw() : 0;
}

struct host_timer {
	QEMUTimer *timer;
	void (*fn)(void *arg);
	void *arg;
};

static void timer_fired(void *opaque)
{
	struct host_timer *t = opaque;

	if (!belfry.stopped)
		t->fn(t->arg);
}

static struct host_timer *glue_timer_new(void *platform, void (*fn)(void *arg),
					 void *arg)
{
	struct host_timer *t = g_new0(struct host_timer, 1);

	t->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, timer_fired, t);
	t->fn = fn;
	t->arg = arg;
	return t;
}

static void glue_timer_arm(struct host_timer *t, u64 deadline)
{
	timer_mod_ns(t->timer, MIN(deadline, INT64_MAX));
}

static void glue_timer_cancel(struct host_timer *t)
{
	timer_del(t->timer);
}

static void glue_timer_free(struct host_timer *t)
{
	if (!t)
		return;
	timer_free(t->timer);
	g_free(t);
}

/* ---- devices ------------------------------------------------------------- */

static u64 read_from(AddressSpace *as, u64 address, unsigned int size)
{
	uint8_t buf[8];

	if (size > sizeof(buf) ||
	    address_space_read(as, address, MEMTXATTRS_UNSPECIFIED, buf,
			       size) != MEMTX_OK)
		return ~0ull;
	return ldn_le_p(buf, size);
}

/*
 * Power-off and reset are requests to QEMU's main thread. The run ends where
 * the guest asked for it, not where that thread comes to it.
 */
static void look_for_end(void)
{
	ShutdownCause off = qemu_shutdown_requested_get();
	ShutdownCause reset = qemu_reset_requested_get();

	if (belfry.stopped)
		return;
	if (off == SHUTDOWN_CAUSE_GUEST_SHUTDOWN)
		belfry.api->ended(BELFRY_OFF);
	else if (off == SHUTDOWN_CAUSE_GUEST_RESET ||
		 reset == SHUTDOWN_CAUSE_GUEST_RESET)
		belfry.api->ended(BELFRY_RESET);
}

static void write_to(AddressSpace *as, u64 address, unsigned int size,
		     u64 value)
{
	uint8_t buf[8];

	if (size > sizeof(buf))
		return;
	stn_le_p(buf, size, value);
	address_space_write(as, address, MEMTXATTRS_UNSPECIFIED, buf, size);
	look_for_end();
}

static u64 port_read(void *platform, u16 port, unsigned int size)
{
	return read_from(&address_space_io, port, size);
}

static void port_write(void *platform, u16 port, unsigned int size, u64 value)
{
	write_to(&address_space_io, port, size, value);
}

static u64 mmio_read(void *platform, u64 gpa, unsigned int size)
{
	return read_from(&board_memory, gpa, size);
}

static void mmio_write(void *platform, u64 gpa, unsigned int size, u64 value)
{
	write_to(&board_memory, gpa, size, value);
}

static void cpuid(void *platform, unsigned int cpu, u32 leaf, u32 subleaf,
		  u32 regs[4])
{
	cpu_x86_cpuid(cpu_env(belfry.cpu[cpu]), leaf, subleaf, &regs[0],
		      &regs[1], &regs[2], &regs[3]);
}

/* ---- log and end --------------------------------------------------------- */

static void glue_log(void *platform, const char *line)
{
	fprintf(stderr, "belfry: %s\n", line);
}

/*
 * The vCPU that asked leaves its instruction by vcpu_leave(), which sees
 * "stopped"; the others are interrupted and then stay halted.
 */
void glue_quit(void *ctx, int code)
{
	if (belfry.stopped)
		return;
	belfry.stopped = true;
	for (unsigned int i = 0; i < belfry.vcpus; i++)
		if (belfry.cpu[i] != current_cpu)
			cpu_interrupt(belfry.cpu[i], CPU_INTERRUPT_TGT_EXT_0);
	qemu_system_shutdown_request_with_code(SHUTDOWN_CAUSE_GUEST_SHUTDOWN,
					       code);
}

const struct host_platform glue_platform = {
	.now = now,
	.tsc = tsc,
	.tsc_hz = tsc_hz,
	.timer_new = glue_timer_new,
	.timer_arm = glue_timer_arm,
	.timer_cancel = glue_timer_cancel,
	.timer_free = glue_timer_free,
	.port_read = port_read,
	.port_write = port_write,
	.mmio_read = mmio_read,
	.mmio_write = mmio_write,
	.cpuid = cpuid,
	.log = glue_log,
	/* .stop is the library's. */
};
