#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes the list of what goes into the initramfs, for pack.
# In: INIT, BUSYBOX (files), STOCK (folders that need not exist; see
# tools/kernel-stock.sh for what is in them). One image serves all kernels:
# each finds its own modules by its version.
set -eu

cat <<EOF
dir dev 0755
nod dev/console 0600 5 1
dir proc 0755
dir sys 0755
dir tmp 1777
dir bin 0755
file init 0755 $INIT
file bin/busybox 0755 $BUSYBOX
link bin/sh busybox
EOF

echo "dir lib 0755"
echo "dir lib/modules 0755"
LC_ALL=C
for stock in $STOCK; do
	[ -f "$stock/modules/modules.order" ] || continue
	lib=lib/modules/$(cat "$stock/version")
	echo "dir $lib 0755"
	echo "file $lib/modules.order 0644 $stock/modules/modules.order"
	for module in "$stock"/modules/*.ko; do
		[ ! -e "$module" ] ||
			echo "file $lib/${module##*/} 0644 $module"
	done
done
