# SPDX-License-Identifier: MIT

.PHONY: bench
bench: all build/initrd.img
	@sh bench/bench.sh
