# SPDX-License-Identifier: MIT

.PHONY: bench
# In steps, as `make run`; jq is one of the tests' packages.
bench:
	@$(MAKE) --no-print-directory setup test-packages
	@$(MAKE) --no-print-directory -s -j$$(nproc) all build/initrd.img
	@sh bench/bench.sh
