#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes the list of what goes into the initramfs, for pack.
# In: INIT, BUSYBOX (files), STOCK (a folder that need not exist; see
# tools/kernel-stock.sh for what is in it).
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

[ -f "$STOCK/modules/modules.order" ] || exit 0

lib=lib/modules/$(cat "$STOCK/version")
echo "dir lib 0755"
echo "dir lib/modules 0755"
echo "dir $lib 0755"
echo "file $lib/modules.order 0644 $STOCK/modules/modules.order"
LC_ALL=C
for module in "$STOCK"/modules/*.ko; do
	[ ! -e "$module" ] || echo "file $lib/${module##*/} 0644 $module"
done
