#!/bin/sh
# SPDX-License-Identifier: MIT
#
# kernel-stock.sh [cloud|generic]: makes build/kernel/stock/, Debian's newest
# cloud kernel as Debian built it, or build/kernel/generic/, the one for any
# machine. Both are the same source; the second has drivers of real, old
# devices, the NE2000 among them. A module of one does not load into the
# other: without MODVERSIONS their version strings must be equal.
#
#	vmlinuz
#	modules/*.ko		the drivers that our guests need, uncompressed
#	modules/modules.order	their names in an order that insmod accepts
#	version			what `uname -r` will say
#
# From: whatever linux-image-cloud-amd64 or linux-image-amd64 depends on, fetched
# and verified by apt and unpacked with dpkg-deb; nothing is installed.
# Kept: $cache/linux-NAME-VERSION-HASH/, HASH over this script.

. "$(dirname "$0")/lib.sh"
. "$tools/apt.sh"

case ${1:-cloud} in
cloud)		name=stock meta=linux-image-cloud-amd64 ;;
generic)	name=generic meta=linux-image-amd64 ;;
*)		die "usage" "kernel-stock.sh [cloud|generic]" ;;
esac
me=kernel-$name

# What is not there, or is built in, is left out.
drivers="virtio_pci virtio_blk virtio_net sd_mod ata_piix pata_acpi ne2k-pci"

source_id()
{
	id=$(pinned "linux-$name") || return 0
	[ ! -d "$cache/src/$id" ] || echo "$id"
}

entry_of()
{
	echo "$cache/linux-$name-${1#*_}-$(hash_of "$tools/kernel-stock.sh" |
		cut -c1-8)"
}

# chain PACKAGE=VERSION...: adds the packages that hold the kernel itself.
# Newer Debian splits them into image, binary and modules; older does not.
chain()
{
	part='linux-(image|binary|modules)-[0-9][^ ]*'
	for want in "$@"; do
		apt_cache show "$want" | sed -n 's/^Depends: //p' |
			tr ',' '\n' |
			sed -n -E "s/^ *($part) \(= ([^)]*)\).*/\1=\3/p"
	done
}

fetch()
{
	apt_update
	version=$(apt_version "$meta")
	[ "$version" ] || die "no source" "the mirror has no $meta"
	all=
	next=$(chain "$meta=$version")
	while [ "$next" ]; do
		all="$all $next"
		next=$(chain $next)
	done
	[ "$all" ] || die "no source" "$meta $version names no kernel"
	all=$(printf '%s\n' $all | sort -u)
	id=${meta}_$version
	apt_fetch "$id" $all
	pin "linux-$name" "$id"
	prune 1 "$cache/src/$meta"_*
}

# A module's own list of what it needs; needs neither depmod nor modinfo.
needs()
{
	tr '\0' '\n' <"$1" | sed -n 's/^depends=//p' | tr ',' '\n'
}

# module_file NAME: `-` and `_` are the same in a module's name.
module_file()
{
	find "$scratch/root" -name "$(echo "$1" | tr '_-' '??').ko*" |
		head -n 1
}

# take_module NAME: its file into the entry, "NEED FILE" into $scratch/order
# for each that must be loaded before, and the needs into $wanted.
take_module()
{
	packed=$(module_file "$1")
	[ "$packed" ] || return 0
	file=$(basename "$packed" | sed 's/\.ko.*/.ko/')
	plain=$scratch/entry/modules/$file
	[ ! -e "$plain" ] || return 0
	case $packed in
	*.xz)	xz -dc "$packed" >"$plain" ;;
	*.zst)	zstd -q -dc "$packed" >"$plain" ;;
	*)	cp "$packed" "$plain" ;;
	esac || die "failed" "cannot unpack $packed"
	echo "$file $file" >>"$scratch/order"
	for need in $(needs "$plain"); do
		wanted="$wanted $need"
		need=$(basename "$(module_file "$need")" | sed 's/\.ko.*/.ko/')
		echo "$need $file" >>"$scratch/order"
	done
}

take_modules()
{
	: >"$scratch/order"
	wanted=$drivers
	while [ "$wanted" ]; do
		set -- $wanted
		wanted=
		for module in "$@"; do
			take_module "$module"
		done
	done
	tsort "$scratch/order" >"$scratch/entry/modules/modules.order" ||
		die "failed" "the modules need each other in a circle"
}

build()
{
	need_space 500
	mkdir "$scratch/root" "$scratch/entry" "$scratch/entry/modules"
	for deb in "$cache/src/$id"/*.deb; do
		run "unpacking ${deb##*/}" dpkg-deb -x "$deb" "$scratch/root" ||
			failed "cannot unpack ${deb##*/}"
	done
	vmlinuz=$(find "$scratch/root" -type f -name 'vmlinuz*' | head -n 1)
	[ "$vmlinuz" ] || die "no kernel" "no vmlinuz in $id"
	cp "$vmlinuz" "$scratch/entry/vmlinuz"
	find "$scratch/root" -type d -path '*/lib/modules/*' -prune |
		sed 's,.*/,,' | sort -u | head -n 1 >"$scratch/entry/version"
	take_modules
}

# Read whole before it runs: the script may change under it meanwhile.
main()
{
	id=$(source_id)
	if [ "$id" ] && [ -f "$(entry_of "$id")/vmlinuz" ]; then
		link_build "kernel/$name" "$(entry_of "$id")"
		return 0
	fi

	take_lock "$name"
	make_scratch
	log=$scratch/log
	[ "$id" ] || fetch
	unset BELFRY_UPDATE
	id=$(source_id)
	entry=$(entry_of "$id")
	if [ ! -f "$entry/vmlinuz" ]; then
		build
		publish "$scratch/entry" "$entry"
		prune 3 "$cache/linux-$name"-*
	fi
	link_build "kernel/$name" "$entry"
}

main; exit
