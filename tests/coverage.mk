# SPDX-License-Identifier: MIT
#
# make coverage: what the native tests of core/ and svsm/ reach of them, by
# gcov; fails below COVERAGE_MIN percent of core/'s branches. Needs gcc and its
# gcov.

COVERAGE_MIN ?= 95
COV_CFLAGS := -O0 -g --coverage
COV_TEST := $(patsubst tests/%.c,build/cov/%, \
	      $(wildcard tests/core_*.c tests/svsm_*.c tests/*_steps.c))
# What they link of the trusted code.
COV_SRC := $(CORE) $(PARAVISOR) $(SVSM_PURE) svsm/hv.c svsm/run.c

build/cov/obj/%.o: private FREESTANDING = \
	$(if $(filter core/% svsm/%,$<),-ffreestanding)
build/cov/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(COV_CFLAGS) $(BELFRY_CFLAGS) $(FREESTANDING) -c -o $@ $<

build/cov/obj/%.o: %.S
	@mkdir -p $(@D)
	$(CC) $(COV_CFLAGS) $(BELFRY_CFLAGS) -c -o $@ $<

$(eval $(call native_programs,build/cov,build/cov/obj,$(COV_CFLAGS)))

.PHONY: coverage
coverage: $(COV_TEST)
	@find build/cov -name '*.gcda' -delete
	@BELFRY_STEPS=$${BELFRY_STEPS:-200000} sh tests/native.sh $(COV_TEST)
	@sh tests/coverage.sh $(COVERAGE_MIN) $(COV_SRC)
