# SPDX-License-Identifier: MIT
#
# Micro guests: build/guest/micro/NAME.elf from NAME.c and the runtime.
# Every .c here that is not part of the runtime is a guest.

MICRO_DIR := guest/micro
MICRO_OUT := build/guest/micro
MICRO_RUNTIME := start console ghcb apic cpu sipi sipi_entry doorbell svsm
MICRO_GUESTS := $(filter-out $(MICRO_RUNTIME),$(patsubst \
		  $(MICRO_DIR)/%.c,%,$(wildcard $(MICRO_DIR)/*.c)))
MICRO_ELF := $(MICRO_GUESTS:%=$(MICRO_OUT)/%.elf)
MICRO_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -I. -ffreestanding \
		-fno-pic -mno-red-zone -mgeneral-regs-only -mcmodel=small \
		-fno-stack-protector -fno-asynchronous-unwind-tables \
		-fcf-protection=none -MMD -MP

$(MICRO_OUT)/%.o: $(MICRO_DIR)/%.c
	@mkdir -p $(@D)
	$(CC) $(MICRO_CFLAGS) -c -o $@ $<

$(MICRO_OUT)/%.o: $(MICRO_DIR)/%.S
	@mkdir -p $(@D)
	$(CC) $(MICRO_CFLAGS) -c -o $@ $<

$(MICRO_OUT)/%.elf: $(MICRO_OUT)/%.o $(MICRO_RUNTIME:%=$(MICRO_OUT)/%.o) \
		    $(MICRO_DIR)/micro.ld
	$(CC) -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,noexecstack \
		-Wl,--no-warn-rwx-segments -T $(MICRO_DIR)/micro.ld \
		-o $@ $(filter %.o,$^)

.PHONY: micro
micro: $(MICRO_ELF)
all: micro
