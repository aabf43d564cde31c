// SPDX-License-Identifier: MIT
/*
 * Port I/O of an unaware guest: the host has the devices. It is told the
 * port, the size and the data; the registers and addresses stay here.
 */
#include "core/ioio.h"
#include "svsm/paravisor.h"

static const char *const refused = "host-refuses-port-io";

static const char *plain(struct paravisor_vcpu *v, const struct ioio *io)
{
	u32 data = io->in ? 0 : ioio_value(io, v->vmsa);

	if (!v->guest->ops->port(v->cpu, io->port, io->size, io->in, &data, 1))
		return refused;
	if (!io->in)
		paravisor_learn_port(v, io->port, io->size, data);
	ioio_finish(io, v->vmsa, data);
	return emulate_skip(v);
}

/*
 * Elements that one exit can carry. They must lie in one page upwards, so
 * that a page that is missing is found before the device has been touched.
 */
static unsigned int chunk(const struct paravisor_vcpu *v,
			  const struct ioio *io)
{
	u64 left = ioio_left(io, v->vmsa);
	u64 at = ioio_address(io, v->vmsa);
	u64 fits = (PAGE_SIZE - (at & ~PAGE_MASK)) / io->size;

	if (v->vmsa->rflags & RFLAGS_DF || !fits)
		fits = 1;
	if (fits > PARAVISOR_STRING / io->size)
		fits = PARAVISOR_STRING / io->size;
	return left < fits ? left : fits;
}

/*
 * Memory is read before OUTS and probed before INS: data that a device gave
 * away must not be lost. The guest's handler of #PF would be right here; its
 * kernel never has such memory, so it is a reason to stop.
 */
static const char *transfer(struct paravisor_vcpu *v, const struct ioio *io,
			    unsigned int count)
{
	u8 data[PARAVISOR_STRING];
	unsigned int bytes = count * io->size;
	u64 at = ioio_address(io, v->vmsa);

	if (!emulate_read(v, at, data, bytes))
		return "string-io-memory-not-there";
	if (!v->guest->ops->port(v->cpu, io->port, io->size, io->in, data,
				 count))
		return refused;
	if (io->in && !emulate_write(v, at, data, bytes))
		return "string-io-memory-not-there";
	return NULL;
}

/* One chunk, then the guest again, whose interrupts are not kept waiting. */
static const char *string(struct paravisor_vcpu *v, const struct ioio *io)
{
	unsigned int i, count = chunk(v, io);
	const char *reason;
	bool done = !count;

	if (count) {
		reason = transfer(v, io, count);
		if (reason)
			return reason;
	}
	for (i = 0; i < count; i++)
		done = ioio_element(io, v->vmsa);
	return done ? emulate_skip(v) : NULL;
}

const char *emulate_ioio(struct paravisor_vcpu *v)
{
	struct ioio io;

	if (!ioio_decode(v->vmsa->exit_info1, &io))
		return "illegal-ioio-exit";
	return io.string ? string(v, &io) : plain(v, &io);
}
