# SPDX-License-Identifier: MIT
#
# make fuzz: each fuzz/NAME.c for FUZZ_SECONDS under clang's libFuzzer with
# the address and undefined-behaviour sanitisers. What it learns stays in
# build/fuzz/corpus/NAME and is where the next run starts; an input that
# breaks something is kept as build/fuzz/NAME.crash-HASH (or .leak-,
# .timeout-, .oom-), and `build/fuzz/NAME FILE` does it again.
#
#	make fuzz FUZZ_SECONDS=600 FUZZ=machine_chaos

FUZZ_SECONDS ?= 20
FUZZ ?= $(patsubst fuzz/%.c,%,$(wildcard fuzz/*.c))
CLANG ?= clang
# A finding must end the program, whichever sanitiser has it.
FUZZ_CFLAGS := -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
	       -fno-sanitize-recover=all

build/fuzz/obj/%.o: private FREESTANDING = \
	$(if $(filter core/% svsm/%,$<),-ffreestanding)

build/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CLANG) $(FUZZ_CFLAGS) $(BELFRY_CFLAGS) $(FREESTANDING) -c -o $@ $<

build/fuzz/obj/%.o: %.S
	@mkdir -p $(@D)
	$(CLANG) $(FUZZ_CFLAGS) $(BELFRY_CFLAGS) -c -o $@ $<

# As the tests: all libraries, and tests/lib for those that want a rig.
FUZZ_OBJ := $(call object,build/fuzz/obj,$(CORE) $(MACHINE) $(HOST) $(IGVM) \
	      $(wildcard tests/lib/*.c))
.PRECIOUS: build/fuzz/obj/%.o

build/fuzz/%: build/fuzz/obj/fuzz/%.o $(FUZZ_OBJ)
	$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $^ -lcmocka -ljansson \
		-lz

# Nothing random makes an IGVM file; this one writes a few to start from.
build/fuzz/igvm_seeds: fuzz/igvm_read.c $(FUZZ_OBJ)
	@mkdir -p $(@D)
	$(CLANG) $(FUZZ_CFLAGS) $(BELFRY_CFLAGS) -MF $@.d -DIGVM_SEEDS -o $@ \
		$< $(FUZZ_OBJ) -lcmocka -ljansson -lz

.PHONY: fuzz fuzz-build
fuzz-build: $(FUZZ:%=build/fuzz/%) build/fuzz/igvm_seeds

# clang is one of the tests' packages.
fuzz:
	@$(MAKE) --no-print-directory test-packages
	@$(MAKE) --no-print-directory -s -j$$(nproc) fuzz-build
	@sh fuzz/run.sh $(FUZZ_SECONDS) $(FUZZ)
