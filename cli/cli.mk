# SPDX-License-Identifier: MIT
# Running, installing and testing the command. Included by the Makefile.

.PHONY: run install uninstall test-cli

# What `make run` boots. GUEST=vmpl0 INJECTION=secure-avic builds a kernel first.
GUEST ?= paravisor
INJECTION ?= alternate
RUN_KERNEL := kernel-generic
ifneq ($(GUEST),paravisor)
RUN_KERNEL := $(if $(filter secure-avic,$(INJECTION)),kernel-savic kernel-stock,\
	      $(if $(filter alternate,$(INJECTION)),kernel-svsm kernel-stock,\
	      kernel-stock))
endif

# In steps, because each decides what the next finds: packages before the
# compiler runs, the kernels' modules before the initramfs lists them.
run:
	@$(MAKE) --no-print-directory engine $(RUN_KERNEL)
	@$(MAKE) --no-print-directory -s -j$$(nproc) all build/initrd.img
	build/belfry run --guest $(GUEST) --injection $(INJECTION) --cpus 2 \
		--load mixed

# Only what is built goes there: `make setup all build/initrd.img` first. An
# installed belfry has its things in PREFIX/lib/belfry, PREFIX/share/belfry.
INSTALL_BIN := $(DESTDIR)$(PREFIX)/bin
INSTALL_LIB := $(DESTDIR)$(PREFIX)/lib/belfry
INSTALL_SHARE := $(DESTDIR)$(PREFIX)/share/belfry
INSTALL_MAN := $(DESTDIR)$(PREFIX)/share/man/man1

install: all build/initrd.img
	@for f in engine/qemu-system-x86_64 kernel/savic/bzImage \
		  kernel/svsm/bzImage kernel/stock/vmlinuz \
		  kernel/generic/vmlinuz; do \
		test -r build/$$f || { echo "build/$$f is missing: make setup" \
			>&2; exit 1; }; \
	done
	install -d $(INSTALL_BIN) $(INSTALL_LIB) $(INSTALL_MAN) \
		$(INSTALL_SHARE)/kernel/savic $(INSTALL_SHARE)/kernel/svsm \
		$(INSTALL_SHARE)/kernel/stock \
		$(INSTALL_SHARE)/kernel/generic $(INSTALL_SHARE)/micro
	install build/belfry $(INSTALL_BIN)
	install build/engine/qemu-system-x86_64 $(INSTALL_LIB)
	install -m 644 build/libbelfry.so $(INSTALL_LIB)
	install -m 644 build/kernel/savic/bzImage build/kernel/savic/config \
		$(INSTALL_SHARE)/kernel/savic
	install -m 644 build/kernel/svsm/bzImage build/kernel/svsm/config \
		$(INSTALL_SHARE)/kernel/svsm
	install -m 644 build/kernel/stock/vmlinuz $(INSTALL_SHARE)/kernel/stock
	install -m 644 build/kernel/generic/vmlinuz \
		$(INSTALL_SHARE)/kernel/generic
	install -m 644 build/initrd.img build/svsm.elf $(INSTALL_SHARE)
	$(if $(MICRO_ELF),install -m 644 $(MICRO_ELF) $(INSTALL_SHARE)/micro)
	install -m 644 man/*.1 $(INSTALL_MAN)

uninstall:
	rm -rf $(INSTALL_LIB) $(INSTALL_SHARE)
	rm -f $(INSTALL_BIN)/belfry \
		$(patsubst man/%,$(INSTALL_MAN)/%,$(wildcard man/*.1))

test-cli: build/belfry
	@sh tests/cli.sh build/belfry
	@! command -v mandoc >/dev/null || mandoc -Tlint -Wwarning man/*.1

# The tests link all libraries; this one needs the report writer as well.
build/tests/report_counts: build/san/engine/report.o
