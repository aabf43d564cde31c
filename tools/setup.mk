# SPDX-License-Identifier: MIT
#
# What a bare Debian 12 or 13 machine needs to build and run Belfry; included
# by the Makefile. Everything made is kept outside of the tree, see
# tools/lib.sh; build/ gets symbolic links to it.
#
#	make setup		all of the below
#	make packages		the Debian packages of tools/packages.list
#	make test-packages	the same for `make test`
#	make engine		build/engine/qemu-system-x86_64
#	make kernel-stock	build/kernel/stock: Debian's newest cloud kernel
#	make kernel-generic	build/kernel/generic: Debian's newest kernel for
#				any machine, with drivers of port-I/O devices
#	make kernel-savic	build/kernel/savic: a small Linux that knows of
#				Secure AVIC
#	make kernel-svsm	build/kernel/svsm: the same, patched for
#				Alternate Injection
#	make update		looks for newer versions of all of these
#
# The scripts decide themselves whether there is anything to do, and are
# quick to find out that there is not; hence no prerequisites here.

.PHONY: setup packages test-packages engine kernel-stock kernel-generic \
	kernel-savic kernel-svsm kernels-small update

setup: engine kernel-stock kernel-generic kernels-small

packages:
	@sh tools/packages.sh build

test-packages:
	@sh tools/packages.sh test

engine kernel-stock: packages
	@sh tools/$@.sh

kernel-generic: packages
	@sh tools/kernel-stock.sh generic

kernel-savic kernel-svsm: packages
	@sh tools/kernel-small.sh $(@:kernel-%=%)

# One tree for both is half the work.
kernels-small: packages
	@sh tools/kernel-small.sh savic svsm

update: packages
	@BELFRY_UPDATE=1 sh tools/engine.sh
	@BELFRY_UPDATE=1 sh tools/kernel-stock.sh
	@BELFRY_UPDATE=1 sh tools/kernel-stock.sh generic
	@BELFRY_UPDATE=1 sh tools/kernel-small.sh savic svsm
