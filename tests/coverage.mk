# SPDX-License-Identifier: MIT
#
# make coverage: what the native tests of core/ reach of it, by gcov; fails
# below COVERAGE_MIN percent of the branches. Needs gcc and its gcov.

COVERAGE_MIN ?= 95
COV_CFLAGS := -O0 -g --coverage
COV_TEST := $(patsubst tests/%.c,build/cov/%,$(wildcard tests/core_*.c))
COV_OBJ := $(call object,build/cov/obj,$(CORE) $(PARAVISOR) tests/lib/rows.c)

build/cov/obj/%.o: private FREESTANDING = \
	$(if $(filter core/% svsm/%,$<),-ffreestanding)
build/cov/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(COV_CFLAGS) $(BELFRY_CFLAGS) $(FREESTANDING) -c -o $@ $<

build/cov/core_%: build/cov/obj/tests/core_%.o $(COV_OBJ)
	$(CC) $(COV_CFLAGS) -o $@ $^ -lcmocka

.PHONY: coverage
coverage: $(COV_TEST)
	@find build/cov -name '*.gcda' -delete
	@BELFRY_STEPS=$${BELFRY_STEPS:-200000} sh tests/native.sh $(COV_TEST)
	@sh tests/coverage.sh $(COVERAGE_MIN) $(CORE) $(PARAVISOR)
