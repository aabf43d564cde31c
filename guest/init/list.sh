#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes the list of what goes into the initramfs, for pack.
# In: INIT, BUSYBOX (files), MODULES (a folder that need not exist).
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

[ -f "$MODULES/modules.order" ] || exit 0

# The release is in every module: it decides which kernel takes them
set -- "$MODULES"/*.ko
release=$(tr '\0' '\n' < "$1" | sed -n 's/^vermagic=\([^ ]*\) .*/\1/p')
echo "dir lib 0755"
echo "dir lib/modules 0755"
echo "dir lib/modules/$release 0755"
echo "file lib/modules/$release/modules.order 0644 $MODULES/modules.order"
for module; do
	echo "file lib/modules/$release/${module##*/} 0644 $module"
done
