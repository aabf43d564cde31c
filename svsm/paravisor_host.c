// SPDX-License-Identifier: MIT
/*
 * The paravisor's operations on the machine: by GHCB to the host, by the
 * direct map to the guest's memory. What goes out is what the guest's
 * instruction carries, and nothing else of its registers.
 *
 * Time is the TSC, and one tick of it is a "nanosecond": everything that a
 * guest can compare the APIC timer with is then consistent, and the monitor
 * need not be told by the host how fast the TSC is.
 */
#include "svsm/info.h"
#include "svsm/insn.h"
#include "svsm/paravisor.h"
#include "svsm/rmp.h"
#include "svsm/svsm.h"

#define SCRATCH		offsetof(struct ghcb, buffer)

_Static_assert(PARAVISOR_STRING <= sizeof(((struct ghcb *)0)->buffer),
	       "a chunk of a string fits the buffer");

#define PUT(g, field, to) put(g, &(g)->field, GHCB_FIELD(field), to)

static void put(struct ghcb *g, u64 *field, unsigned int n, u64 value)
{
	*field = value;
	g->valid[n / 64] |= BIT_ULL(n % 64);
}

static bool call(struct cpu *cpu)
{
	vmgexit();
	return ghcb_result(cpu) == GHCB_RESULT_OK;
}

static void host_poll(void *ctx)
{
	hv_poll(ctx);
}

/*
 * Requests whose answer nobody waits for ride on the next entry, if the host
 * can do that; a second one, or sleep, sends the first off by itself.
 */
static void send_off(struct cpu *cpu)
{
	u64 code = cpu->rider.code;

	if (!code)
		return;
	ghcb_prepare(cpu, code, cpu->rider.info1, cpu->rider.info2);
	cpu->rider.code = 0;
	/* An EOI that is refused hangs the device, nobody else. */
	if (!call(cpu) && code != GHCB_SPECIFIC_EOI)
		stop(MONITOR_STOP_GHCB, "the host refuses a GHCB request",
		     code);
}

static void request(struct cpu *cpu, u64 code, u64 info1, u64 info2)
{
	send_off(cpu);
	cpu->rider.code = code;
	cpu->rider.info1 = info1;
	cpu->rider.info2 = info2;
	if (!(host_features & GHCB_FEATURE_RIDE))
		send_off(cpu);
}

static void prepare_run(struct cpu *cpu)
{
	u64 info1 = info.guest_vmpl, word = cpu->rider.info1,
	    info2 = cpu->rider.info2;

	if (cpu->rider.code == GHCB_HV_IPI) {
		word = cpu->rider.info2;
		info2 = cpu->rider.info1;
	}
	if (cpu->rider.code)
		info1 |= (cpu->rider.code & 0xff) << RUN_VMPL_RIDE_SHIFT |
			 word << RUN_VMPL_WORD_SHIFT;
	ghcb_prepare(cpu, GHCB_RUN_VMPL, info1, cpu->rider.code ? info2 : 0);
}

/* Refused: as if it had not run. The next turn looks again. */
static void host_run(void *ctx)
{
	struct cpu *cpu = ctx;

	prepare_run(cpu);
	if (svsm_switch(cpu->pending))
		return;
	if (ghcb_result(cpu) == GHCB_RESULT_OK)
		cpu->rider.code = 0;
	else
		send_off(cpu);
}

static void host_idle(void *ctx)
{
	send_off(ctx);
	hv_idle(ctx, false);
}

static struct apic_time host_now(void *ctx)
{
	u32 lo, hi;
	u64 tsc;

	(void)ctx;
	asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
	tsc = lo | (u64)hi << 32;
	return (struct apic_time){ .ns = tsc, .tsc = tsc };
}

/* HV timer (80000016h), for this VMPL: it rings, and the next turn looks. */
static void host_deadline(void *ctx, u64 tsc)
{
	u64 mode = tsc == APIC_NEVER ? HV_TIMER_STOP : HV_TIMER_DEADLINE;

	request(ctx, GHCB_HV_TIMER, VECTOR_IPI | mode << HV_TIMER_MODE_SHIFT,
		tsc);
}

/* The same for the guest's VMPL: it gets that vector. */
static void host_tick(void *ctx, u64 tsc, u8 vector)
{
	u64 mode = tsc == APIC_NEVER ? HV_TIMER_STOP : HV_TIMER_DEADLINE;

	request(ctx, GHCB_HV_TIMER, vector | mode << HV_TIMER_MODE_SHIFT |
		info.guest_vmpl << HV_TIMER_VMPL_SHIFT, tsc);
}

/* 56421, HV IPI: INFO1 is an ICR. The host learns whom, never what. */
static void host_kick(void *ctx, const struct irq_msg *msg)
{
	request(ctx, GHCB_HV_IPI, hv_address(msg) | VECTOR_IPI, 0);
}

static void host_specific_eoi(void *ctx, u8 vector)
{
	request(ctx, GHCB_SPECIFIC_EOI,
		info.guest_vmpl << SPECIFIC_EOI_VMPL_SHIFT | vector, 0);
}

static bool is_guest(u64 gpa, unsigned int n)
{
	return gpa < MONITOR_GPA_END && info_is_guest(&info, gpa, n);
}

static bool host_read(void *ctx, u64 gpa, void *to, unsigned int n)
{
	(void)ctx;
	return is_guest(gpa, n) && guest_read(gpa, to, n);
}

static bool host_write(void *ctx, u64 gpa, const void *from, unsigned int n)
{
	(void)ctx;
	return is_guest(gpa, n) && guest_write(gpa, from, n);
}

/* Mapped for ever; if the host takes the page away, the monitor stops. */
static u8 *host_byte(void *ctx, u64 gpa)
{
	(void)ctx;
	return is_guest(gpa, 1) ? guest_va(gpa) : NULL;
}

static bool port_once(struct cpu *cpu, u64 info1, unsigned int size, bool in,
		      void *data)
{
	volatile struct ghcb *g = cpu->ghcb;
	u64 value = 0;

	if (!in)
		__builtin_memcpy(&value, data, size);
	ghcb_prepare(cpu, EXIT_IOIO, info1, 0);
	PUT(cpu->ghcb, rax, value);
	if (!call(cpu))
		return false;
	value = g->rax;
	if (in)
		__builtin_memcpy(data, &value, size);
	return true;
}

/* Through the GHCB's buffer, which has room for PARAVISOR_STRING bytes. */
static bool port_string(struct cpu *cpu, u64 info1, unsigned int bytes,
			bool in, void *data, unsigned int count)
{
	struct ghcb *g = cpu->ghcb;

	ghcb_prepare(cpu, EXIT_IOIO, info1 | IOIO_STRING | IOIO_REP, count);
	PUT(g, scratch, cpu->ghcb_gpa + SCRATCH);
	if (!in)
		__builtin_memcpy(g->buffer, data, bytes);
	if (!call(cpu))
		return false;
	if (in)
		__builtin_memcpy(data, g->buffer, bytes);
	return true;
}

static bool host_port(void *ctx, u16 port, unsigned int size, bool in,
		      void *data, unsigned int count)
{
	u64 info1 = (u64)port << IOIO_PORT_SHIFT | BIT(IOIO_ADDR_SHIFT + 2) |
		    size << IOIO_SIZE_SHIFT | (in ? IOIO_IN : 0);

	if (count == 1)
		return port_once(ctx, info1, size, in, data);
	return port_string(ctx, info1, size * count, in, data, count);
}

static bool host_mmio(void *ctx, u64 gpa, unsigned int size, bool write,
		      u64 *value)
{
	struct cpu *cpu = ctx;
	struct ghcb *g = cpu->ghcb;

	ghcb_prepare(cpu, write ? GHCB_MMIO_WRITE : GHCB_MMIO_READ, gpa, size);
	PUT(g, scratch, cpu->ghcb_gpa + SCRATCH);
	if (write)
		__builtin_memcpy(g->buffer, value, size);
	if (!call(cpu))
		return false;
	if (!write)
		__builtin_memcpy(value, g->buffer, size);
	return true;
}

/* 8000001Ah; INFO2 is the VMPL whose page it is (docs/ghcb.md). */
static bool host_savic(void *ctx, u64 gpa, bool on)
{
	struct cpu *cpu = ctx;

	ghcb_prepare(cpu, GHCB_SAVIC, on ? GHCB_SAVIC_REGISTER :
		     GHCB_SAVIC_UNREGISTER, info.guest_vmpl);
	PUT(cpu->ghcb, rax, GHCB_SAVIC_SELF);
	PUT(cpu->ghcb, rbx, gpa);
	return call(cpu);
}

/* HV IPI for the guest's VMPL: the host learns whom, and if it is an NMI. */
static void host_ring(void *ctx, const struct irq_msg *msg)
{
	u64 what = msg->mode == APIC_NMI ? APIC_NMI << APIC_ICR_MODE_SHIFT :
					   VECTOR_IPI;

	request(ctx, GHCB_HV_IPI, hv_address(msg) | what, info.guest_vmpl);
}

static void host_note(void *ctx, const char *text)
{
	struct cpu *cpu = ctx;

	console_text("svsm: APIC ");
	console_hex(cpu->apic_id);
	console_text(": ");
	console_text(text);
	console_text("\n");
}

const struct paravisor_ops paravisor_host_ops = {
	.poll = host_poll,
	.run = host_run,
	.idle = host_idle,
	.now = host_now,
	.deadline = host_deadline,
	.kick = host_kick,
	.specific_eoi = host_specific_eoi,
	.read = host_read,
	.write = host_write,
	.byte = host_byte,
	.port = host_port,
	.mmio = host_mmio,
	.savic = host_savic,
	.tick = host_tick,
	.ring = host_ring,
	.note = host_note,
};

/* One tick a nanosecond, see above; the APIC's bus has a tenth of it. */
struct apic_config paravisor_host_config(u32 apic_id, bool bsp, bool x2apic)
{
	return (struct apic_config){
		.id = apic_id,
		.bus_khz = 100000,
		.tsc_khz = 1000000,
		.bsp = bsp,
		.has_x2apic = x2apic,
		.filter = true,
	};
}
