# SPDX-License-Identifier: MIT
# The initramfs of every Linux boot: build/initrd.img. Included by Makefile;
# CC and CFLAGS may come from there.

INIT_DIR := guest/init
INIT_OUT := build/guest/init
INIT_SRC := init options console modules loads tally watchdog threads \
	    interrupts idle ipi timer disk net
INIT_OBJ := $(INIT_SRC:%=$(INIT_OUT)/%.o)
INIT_CFLAGS := -Os -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -pthread
INIT_BUSYBOX ?= /bin/busybox

# A stock kernel's modules, flat, with modules.order in load order. None: a
# kernel of our own with everything built in.
INIT_MODULES := build/kernel/stock/modules
INIT_MODULE_FILES := $(wildcard $(INIT_MODULES)/*)

$(INIT_OUT)/%.o: $(INIT_DIR)/%.c $(wildcard $(INIT_DIR)/*.h)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(INIT_CFLAGS) -c -o $@ $<

$(INIT_OUT)/init: $(INIT_OBJ)
	$(CC) $(CFLAGS) $(INIT_CFLAGS) -static -s -o $@ $^

$(INIT_OUT)/pack: $(INIT_DIR)/pack.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -o $@ $<

# The list is what decides the image, so it is made anew on every run and
# touched only when it differs: a module that went away must not stay.
$(INIT_OUT)/list: FORCE $(INIT_MODULE_FILES)
	@mkdir -p $(@D)
	@INIT=$(INIT_OUT)/init BUSYBOX=$(INIT_BUSYBOX) \
		MODULES=$(INIT_MODULES) sh $(INIT_DIR)/list.sh > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

build/initrd.img: $(INIT_OUT)/list $(INIT_OUT)/init $(INIT_OUT)/pack \
		  $(INIT_BUSYBOX) $(INIT_MODULE_FILES)
	$(INIT_OUT)/pack < $(INIT_OUT)/list > $@.new
	mv $@.new $@

.PHONY: FORCE
FORCE:
