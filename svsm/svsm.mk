# SPDX-License-Identifier: MIT
#
# The monitor: build/svsm.elf, bare metal. It is built from svsm/ and core/
# and nothing else.

SVSM_SRC := $(wildcard svsm/*.c svsm/*.S core/*.c)
SVSM_OBJ := $(call object,build/bare,$(SVSM_SRC))
SVSM_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -I. -ffreestanding \
	       -fno-pic -mno-red-zone -mgeneral-regs-only -mcmodel=kernel \
	       -fno-stack-protector -fno-asynchronous-unwind-tables \
	       -fno-strict-aliasing -fno-jump-tables -fcf-protection=none \
	       -ffunction-sections -fdata-sections -Wstack-usage=2048 -MMD -MP

build/bare/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(SVSM_CFLAGS) -c -o $@ $<

build/bare/%.o: %.S
	@mkdir -p $(@D)
	$(CC) $(SVSM_CFLAGS) -c -o $@ $<

build/svsm.elf: $(SVSM_OBJ) svsm/svsm.lds
	$(CC) -nostdlib -static -no-pie -Wl,--build-id=none \
		-Wl,-z,noexecstack -Wl,-z,max-page-size=4096 -Wl,--gc-sections \
		-T svsm/svsm.lds -o $@ $(filter %.o,$^)

all: build/svsm.elf

# What of it is pure, for native tests (tests/tests.mk): tests/svsm_rig.h has
# the rest.
SVSM_PURE := $(addprefix svsm/,apic.c apic_call.c core.c info.c protocol.c \
	       vcpu.c)
build/fuzz/svsm_guest: $(call object,build/fuzz/obj,$(SVSM_PURE))
