// SPDX-License-Identifier: MIT
/* I/O APIC: registers, edges, levels, EOI. */
#include "tests/core_apic.h"
#include "host/ioapic.h"

static struct ioapic io;
static struct irq_msg last;
static unsigned int sent, last_pin;

static void emit(void *opaque, unsigned int pin, const struct irq_msg *msg)
{
	assert_ptr_equal(opaque, &last);
	last = *msg;
	last_pin = pin;
	sent++;
}

static int setup(void **state)
{
	(void)state;
	ioapic_init(&io, false, emit, &last);
	sent = 0;
	return 0;
}

static u32 reg_read(u8 reg)
{
	u32 value;

	assert_true(ioapic_write(&io, IOAPIC_MMIO_SELECT, reg));
	assert_true(ioapic_read(&io, IOAPIC_MMIO_WINDOW, &value));
	return value;
}

static void reg_write(u8 reg, u32 value)
{
	assert_true(ioapic_write(&io, IOAPIC_MMIO_SELECT, reg));
	assert_true(ioapic_write(&io, IOAPIC_MMIO_WINDOW, value));
}

static void program(unsigned int pin, u32 low, u8 dest)
{
	reg_write(IOAPIC_REG_RTE + 2 * pin + 1, (u32)dest << 24);
	reg_write(IOAPIC_REG_RTE + 2 * pin, low);
}

static u32 low(unsigned int pin)
{
	return reg_read(IOAPIC_REG_RTE + 2 * pin);
}

static void expect(unsigned int n)
{
	assert_int_equal(sent, n);
	sent = 0;
}

static void registers(void **state)
{
	unsigned int pin, reg;
	u32 value;

	(void)state;
	assert_int_equal(reg_read(IOAPIC_REG_VERSION), 0x00170020);
	reg_write(IOAPIC_REG_ID, 0xffffffff);
	assert_int_equal(reg_read(IOAPIC_REG_ID), 0x0f000000);
	assert_int_equal(reg_read(IOAPIC_REG_ARB), 0x0f000000);
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		assert_int_equal(low(pin), 0x10000);
		reg_write(0x10 + 2 * pin, 0xffffffff);
		reg_write(0x11 + 2 * pin, 0xffffffff);
		/* Delivery status and remote IRR are read-only. */
		assert_int_equal(low(pin), 0x1afff);
		assert_int_equal(reg_read(0x11 + 2 * pin), 0xff000000);
	}
	for (reg = 0; reg < 256; reg++) {
		ioapic_write(&io, IOAPIC_MMIO_SELECT, reg);
		assert_true(ioapic_read(&io, IOAPIC_MMIO_SELECT, &value));
		assert_int_equal(value, reg);
		value = 1;
		assert_int_equal(ioapic_read(&io, IOAPIC_MMIO_WINDOW, &value),
				 reg < 3 || (reg >= 0x10 && reg < 0x40));
		if (reg >= 0x40)
			assert_int_equal(value, 0);
		assert_int_equal(ioapic_write(&io, IOAPIC_MMIO_WINDOW, 0x10000),
				 reg == 0 || (reg >= 0x10 && reg < 0x40));
	}
	for (reg = 1; reg < 0x1000; reg++) {
		if (reg != IOAPIC_MMIO_WINDOW)
			assert_false(ioapic_read(&io, reg, &value));
		if (reg != IOAPIC_MMIO_WINDOW && reg != IOAPIC_MMIO_EOI)
			assert_false(ioapic_write(&io, reg, 0));
	}
	expect(0);
}

static void messages(void **state)
{
	static const struct { u32 low; struct irq_msg msg; } rows[] = {
		{ 0x00041, { .dest = 5, .vector = 0x41 } },
		{ 0x00941, { .dest = 5, .vector = 0x41, .mode = APIC_LOWEST,
			     .logical = true } },
		{ 0x08041, { .dest = 5, .vector = 0x41, .level = true } },
		{ 0x0a141, { .dest = 5, .vector = 0x41, .mode = APIC_LOWEST,
			     .level = true } },
		{ 0x08400, { .dest = 5, .mode = APIC_NMI } },
		{ 0x08700, { .dest = 5, .mode = APIC_EXTINT } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(state);
		program(i + 3, rows[i].low, 5);
		ioapic_set_line(&io, i + 3, true);
		expect(1);
		assert_int_equal(last_pin, i + 3);
		assert_msg_equal(&last, &rows[i].msg);
	}
}

static void extended_destination(void **state)
{
	(void)state;
	reg_write(0x11, 0x05fe0000);
	assert_int_equal(reg_read(0x11), 0x05000000);
	ioapic_init(&io, true, emit, &last);
	reg_write(0x11, 0x05ffffff);
	assert_int_equal(reg_read(0x11), 0x05fe0000);
	reg_write(0x10, 0x41);
	ioapic_set_line(&io, 0, true);
	expect(1);
	assert_int_equal(last.dest, 0x7f05);
	assert_true(last.wide);
}

static void edge(void **state)
{
	(void)state;
	program(4, 0x41, 0);
	ioapic_set_line(&io, 4, true);
	ioapic_set_line(&io, 4, true);
	expect(1);
	ioapic_set_line(&io, 4, false);
	expect(0);
	ioapic_set_line(&io, 4, true);
	expect(1);
	/* An EOI means nothing to an edge. */
	ioapic_eoi(&io, 0x41);
	expect(0);
	assert_int_equal(io.count[4].raised, 2);
	assert_int_equal(io.count[4].sent, 2);
	assert_int_equal(io.count[4].eoi, 0);
}

/* 82093AA: an edge on a masked pin is neither delivered nor held. */
static void masked_edge_is_lost(void **state)
{
	(void)state;
	program(4, 0x10041, 0);
	ioapic_set_line(&io, 4, true);
	program(4, 0x41, 0);
	expect(0);
	assert_int_equal(io.count[4].lost_masked, 1);
	ioapic_set_line(&io, 4, false);
	ioapic_set_line(&io, 4, true);
	expect(1);
}

static void level(void **state)
{
	unsigned int i;

	(void)state;
	program(9, 0x8051, 0);
	ioapic_set_line(&io, 9, true);
	expect(1);
	assert_int_equal(low(9), 0xc051);
	/* Whatever the line does, nothing more until the EOI. */
	ioapic_set_line(&io, 9, true);
	ioapic_set_line(&io, 9, false);
	ioapic_set_line(&io, 9, true);
	expect(0);
	assert_int_equal(io.count[9].held, 1);
	ioapic_eoi(&io, 0x52);
	expect(0);
	for (i = 0; i < 3; i++) {
		ioapic_eoi(&io, 0x51);
		expect(1);
	}
	ioapic_set_line(&io, 9, false);
	ioapic_eoi(&io, 0x51);
	expect(0);
	assert_int_equal(low(9), 0x8051);
	ioapic_eoi(&io, 0x51);
	assert_int_equal(io.count[9].eoi, 4);
}

static void masked_level_is_held(void **state)
{
	(void)state;
	program(9, 0x18051, 0);
	ioapic_set_line(&io, 9, true);
	expect(0);
	program(9, 0x8051, 0);
	expect(1);
	/* Masked while in service: the EOI is heard, nothing is sent. */
	program(9, 0x18051, 0);
	assert_int_equal(low(9), 0x1c051);
	ioapic_eoi(&io, 0x51);
	expect(0);
	program(9, 0x8051, 0);
	expect(1);
}

/* The EOI register: all pins with that vector. */
static void eoi_register(void **state)
{
	unsigned int pin;

	(void)state;
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		program(pin, pin & 1 ? 0x8061 : 0x8062, 0);
		ioapic_set_line(&io, pin, true);
	}
	expect(24);
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		ioapic_set_line(&io, pin, false);
	assert_true(ioapic_write(&io, IOAPIC_MMIO_EOI, 0x61));
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		assert_int_equal(low(pin), pin & 1 ? 0x8061 : 0xc062);
	expect(0);
}

/* Linux __eoi_ioapic_pin(): mask and edge, then the entry as it was. */
static void eoi_by_trigger_toggle(void **state)
{
	(void)state;
	program(9, 0x8051, 0);
	ioapic_set_line(&io, 9, true);
	expect(1);
	reg_write(0x10 + 2 * 9, 0x10051);
	assert_int_equal(low(9), 0x10051);
	reg_write(0x10 + 2 * 9, 0x8051);
	expect(1);
	assert_int_equal(low(9), 0xc051);
	ioapic_set_line(&io, 9, false);
	reg_write(0x10 + 2 * 9, 0x10051);
	reg_write(0x10 + 2 * 9, 0x8051);
	expect(0);
	assert_int_equal(low(9), 0x8051);
}

/* Writing the high half, or the vector, keeps remote IRR. */
static void remote_irr_survives(void **state)
{
	(void)state;
	program(9, 0x8051, 0);
	ioapic_set_line(&io, 9, true);
	program(9, 0x8053, 7);
	assert_int_equal(low(9), 0xc053);
	expect(1);
	ioapic_eoi(&io, 0x51);
	expect(0);
	ioapic_eoi(&io, 0x53);
	expect(1);
	assert_int_equal(last.dest, 7);
}

static void reset_and_bounds(void **state)
{
	(void)state;
	program(9, 0x8051, 0);
	ioapic_set_line(&io, 9, true);
	expect(1);
	ioapic_reset(&io);
	assert_int_equal(low(9), 0x10000);
	/* Lines belong to the devices: still high. */
	program(9, 0x8051, 0);
	expect(1);
	ioapic_set_line(&io, IOAPIC_PINS, true);
	ioapic_set_line(&io, ~0u, true);
	expect(0);
}

/*
 * Random: a level pin with its line high is never silent. Either it waits
 * for an EOI or it is masked; and a message goes out for each way back.
 */
static void no_level_is_lost(void **state)
{
	unsigned int i, pin, v;

	(void)state;
	srand(1);
	for (i = 0; i < 200000; i++) {
		pin = rand() % IOAPIC_PINS;
		v = 0x40 + rand() % 8;
		switch (rand() % 6) {
		case 0:
		case 1:
			ioapic_set_line(&io, pin, rand() & 1);
			break;
		case 2:
			ioapic_eoi(&io, v);
			break;
		case 3:
			program(pin, v | (rand() & 3) << 15, 0);
			break;
		case 4:
			ioapic_write(&io, IOAPIC_MMIO_EOI, v);
			break;
		case 5:
			program(pin, v | 0x8000, 0);
			break;
		}
		for (pin = 0; pin < IOAPIC_PINS; pin++) {
			v = low(pin);
			if (!(v & 0x8000))
				assert_false(v & 0x4000);
			if ((v & 0x18000) == 0x8000 && io.lines & BIT(pin))
				assert_true(v & 0x4000);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(registers, setup),
		cmocka_unit_test_setup(messages, setup),
		cmocka_unit_test_setup(extended_destination, setup),
		cmocka_unit_test_setup(edge, setup),
		cmocka_unit_test_setup(masked_edge_is_lost, setup),
		cmocka_unit_test_setup(level, setup),
		cmocka_unit_test_setup(masked_level_is_held, setup),
		cmocka_unit_test_setup(eoi_register, setup),
		cmocka_unit_test_setup(eoi_by_trigger_toggle, setup),
		cmocka_unit_test_setup(remote_irr_survives, setup),
		cmocka_unit_test_setup(reset_and_bounds, setup),
		cmocka_unit_test_setup(no_level_is_lost, setup),
	};

	return cmocka_run_group_tests_name("ioapic_pins", tests, NULL, NULL);
}
