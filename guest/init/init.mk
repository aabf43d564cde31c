# SPDX-License-Identifier: MIT
# The initramfs of every Linux boot: build/initrd.img. Included by Makefile;
# CC and CFLAGS may come from there.

INIT_DIR := guest/init
INIT_OUT := build/guest/init
INIT_SRC := init options console modules loads tally watchdog threads \
	    interrupts idle ipi timer disk disk_device net nic msi flood
INIT_OBJ := $(INIT_SRC:%=$(INIT_OUT)/%.o)
INIT_CFLAGS := -Os -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -pthread
INIT_BUSYBOX ?= /bin/busybox

# What `make kernel-stock kernel-generic` makes. None: only kernels with
# everything built in.
INIT_STOCK := build/kernel/stock build/kernel/generic
INIT_STOCK_FILES := $(wildcard $(INIT_STOCK:%=%/version) \
		      $(INIT_STOCK:%=%/modules/*))

$(INIT_OUT)/%.o: $(INIT_DIR)/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(INIT_CFLAGS) -MMD -MP -c -o $@ $<

$(INIT_OUT)/init: $(INIT_OBJ)
	$(CC) $(CFLAGS) $(INIT_CFLAGS) -static -s -o $@ $^

$(INIT_OUT)/pack: $(INIT_DIR)/pack.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -o $@ $<

# The list is what decides the image, so it is made anew on every run and
# touched only when it differs: a module that went away must not stay.
$(INIT_OUT)/list: init-force $(INIT_STOCK_FILES)
	@mkdir -p $(@D)
	@INIT=$(INIT_OUT)/init BUSYBOX=$(INIT_BUSYBOX) \
		STOCK="$(INIT_STOCK)" sh $(INIT_DIR)/list.sh > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

build/initrd.img: $(INIT_OUT)/list $(INIT_OUT)/init $(INIT_OUT)/pack \
		  $(INIT_BUSYBOX) $(INIT_STOCK_FILES)
	$(INIT_OUT)/pack < $(INIT_OUT)/list > $@.new
	mv $@.new $@

.PHONY: init-force
init-force:

-include $(INIT_OBJ:.o=.d)
