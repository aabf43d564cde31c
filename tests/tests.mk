# SPDX-License-Identifier: MIT
#
# make test-native: tests/NAME.c is one program against sanitised copies of
# all our libraries, with cmocka. tests/lib/*.c is linked into each.

TEST_LIB := $(wildcard tests/lib/*.c)
TEST_SRC := $(wildcard tests/*.c)
TEST_BIN := $(TEST_SRC:tests/%.c=build/tests/%)
# The monitor's part that needs no silicon.
PARAVISOR := $(filter-out svsm/paravisor_host.c svsm/paravisor_boot.c, \
	       $(wildcard svsm/paravisor*.c svsm/emulate*.c))
TEST_FILES := $(CORE) $(MACHINE) $(HOST) $(IGVM) $(PARAVISOR) $(TEST_LIB)

# $(1) where the programs go, $(2) where their objects are, $(3) flags.
define native_programs
$(1)/%: $(2)/tests/%.o $(call object,$(2),$(TEST_FILES))
	@mkdir -p $$(@D)
	$$(CC) $(3) -o $$@ $$^ -lcmocka -ljansson -lz

$(addprefix $(1)/svsm_,core vcpu apic handoff random): $(call object,$(2),$(SVSM_PURE))
$(1)/svsm_info $(1)/igvm_monitor: $(2)/svsm/info.o
$(1)/svsm_windows: $(2)/svsm/start.o

# Without tests/lib, whose rigs have functions of the same names, and without
# the rest of the monitor, which these play themselves.
$(1)/svsm_hv: $(call object,$(2),tests/svsm_hv.c svsm/hv.c $(CORE))
$(1)/svsm_run: $(call object,$(2),tests/svsm_run.c svsm/run.c)
$(1)/svsm_hv $(1)/svsm_run:
	@mkdir -p $$(@D)
	$$(CC) $(3) -o $$@ $$^ -lcmocka
endef

$(eval $(call native_programs,build/tests,build/san,$(SAN_CFLAGS)))

# It goes through the consumer one instruction at a time: through that of the
# monitor, not through what sanitisers make of it.
build/tests/core_race: $(call object,build/obj,tests/core_race.c $(CORE))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ -lcmocka

.PHONY: test test-full test-native test-system test-defects \
	test-conformance test-trusted
test-native: $(TEST_BIN)
	@sh tests/native.sh $(TEST_BIN)

# The tests that docs/conformance.md names; test-native knows them.
test-conformance: test-native
	@sh tests/conformance.sh build/tests/names

# tests/defects/*.patch, each planted in a copy of the tree.
test-defects: $(TEST_BIN)
	@MAKE='$(MAKE)' sh tests/defects.sh

# Its size, its includes, its symbols.
test-trusted: build/svsm.elf
	@CC='$(CC)' sh tests/trusted.sh

test-system: all build/initrd.img
	@sh tests/system.sh

# In steps, as `make run`: each decides what the next finds.
test test-full:
	@$(MAKE) --no-print-directory setup test-packages
	@$(MAKE) --no-print-directory -s -j$$(nproc) all build/initrd.img
	@sh tests/all.sh $(if $(filter test-full,$@),full,quick)

include tests/coverage.mk
