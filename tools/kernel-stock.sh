#!/bin/sh
# SPDX-License-Identifier: MIT
#
# kernel-stock.sh: makes build/kernel/stock/, Debian's newest cloud kernel as
# Debian built it:
#
#	vmlinuz
#	modules/*.ko	the drivers that our guests need, uncompressed
#	modules.order	their file names in an order that insmod accepts
#	version		what `uname -r` will say
#
# From: whatever linux-image-cloud-amd64 depends on, fetched and verified by
# apt and unpacked with dpkg-deb; nothing is installed.
# Kept: $cache/linux-stock-VERSION-HASH/, HASH over this script.

. "$(dirname "$0")/lib.sh"
. "$tools/apt.sh"

meta=linux-image-cloud-amd64

# What is not there, or is built in, is left out.
drivers="virtio_pci virtio_blk virtio_net sd_mod ata_piix ata_generic
	pata_legacy pata_acpi ne2k-pci"

source_id()
{
	id=$(pinned linux-stock) || return 0
	[ ! -d "$cache/src/$id" ] || echo "$id"
}

entry_of()
{
	echo "$cache/linux-stock-${1#*_}-$(hash_of "$tools/kernel-stock.sh" |
		cut -c1-8)"
}

# chain PACKAGE=VERSION...: adds the packages that hold the kernel itself.
# Newer Debian splits them into image, binary and modules; older does not.
chain()
{
	for want in "$@"; do
		apt_cache show "$want" | sed -n 's/^Depends: //p' |
			tr ',' '\n' |
			sed -n -E 's/^ *(linux-(image|binary|modules)-[0-9][^ ]*) \(= ([^)]*)\).*/\1=\3/p'
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
	pin linux-stock "$id"
}

# A module's own list of what it needs; needs neither depmod nor modinfo.
needs()
{
	tr '\0' '\n' <"$1" | sed -n 's/^depends=//p' | tr ',' '\n'
}

# module NAME: takes NAME's file into the entry, after what it needs.
# `-` and `_` are the same in a module's name.
module()
{
	case " $taken " in
	*" $1 "*)	return ;;
	esac
	taken="$taken $1"
	file=$(find "$scratch/root" -name "$(echo "$1" | tr '_-' '??').ko*" |
		head -n 1)
	[ "$file" ] || return 0
	plain=$scratch/entry/modules/$(basename "$file" | sed 's/\.ko.*/.ko/')
	case $file in
	*.xz)	xz -dc "$file" >"$plain" ;;
	*.zst)	zstd -q -dc "$file" >"$plain" ;;
	*.gz)	gzip -dc "$file" >"$plain" ;;
	*)	cp "$file" "$plain" ;;
	esac || die "failed" "cannot unpack $(basename "$file")"
	for need in $(needs "$plain"); do
		(module "$need") || exit 1
	done
	basename "$plain" >>"$scratch/entry/modules.order"
}

build()
{
	need_space 300
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
}
