# SPDX-License-Identifier: MIT
#
#	make		build/belfry, build/libbelfry.so
#	make run	set-up, then upstream Linux with Secure AVIC
#	make test	set-up, then all tests
#	make bench	exits per event, boot ratio, VMPL round trip
#	make install	PREFIX=/usr/local, DESTDIR=
#	make clean	build/ only; `make distclean` empties the cache too
#
# What the targets need beyond a compiler is fetched and kept outside of the
# tree: tools/setup.mk.

CC ?= gcc
PREFIX ?= /usr/local
VERSION := 0.1

CFLAGS ?= -O2 -g
# Ours; CFLAGS stays the user's.
BELFRY_CFLAGS := -std=gnu11 -Wall -Wextra -Werror -I. -fPIC -MMD -MP \
		 -fno-strict-aliasing -D_GNU_SOURCE
SAN_CFLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all

.PHONY: all run test bench install clean distclean
all: build/belfry build/libbelfry.so

# Objects are kept: one program after another is linked from them.
.SECONDARY:

# Trusted code must stand without a libc.
build/obj/%.o build/san/%.o: private FREESTANDING = \
	$(if $(filter core/% svsm/%,$<),-ffreestanding)

build/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(BELFRY_CFLAGS) $(FREESTANDING) -c -o $@ $<

build/obj/%.o: %.S
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(BELFRY_CFLAGS) -c -o $@ $<

build/san/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(SAN_CFLAGS) $(BELFRY_CFLAGS) $(FREESTANDING) -c -o $@ $<

build/san/%.o: %.S
	@mkdir -p $(@D)
	$(CC) $(SAN_CFLAGS) $(BELFRY_CFLAGS) -c -o $@ $<

CORE := $(wildcard core/*.c)
MACHINE := $(wildcard machine/*.c)
HOST := $(wildcard host/*.c)
IGVM := $(wildcard igvm/*.c) $(wildcard igvm/*.S)
SESSION := $(wildcard engine/*.c)
CLI := $(wildcard cli/*.c)

object = $(patsubst %.S,$(1)/%.o,$(patsubst %.c,$(1)/%.o,$(2)))
# What the engine loads: all four roles but the instructions.
LIB_OBJ := $(call object,build/obj,$(CORE) $(MACHINE) $(HOST) $(IGVM) $(SESSION))
CLI_OBJ := $(call object,build/obj,$(CLI) $(IGVM))

build/libbelfry.so: $(LIB_OBJ)
	$(CC) $(CFLAGS) -shared -Wl,-z,defs -o $@ $^ -ljansson -lz

build/belfry: $(CLI_OBJ)
	$(CC) $(CFLAGS) -o $@ $^ -ljansson -lpopt -lz

include tools/setup.mk
include guest/init/init.mk
include cli/cli.mk
-include guest/micro/micro.mk
include svsm/svsm.mk
-include tests/tests.mk
-include bench/bench.mk
-include fuzz/fuzz.mk

clean:
	rm -rf build

distclean: clean
	rm -rf "$${BELFRY_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/belfry}"

-include $(shell find build -name '*.d' 2>/dev/null)
