#!/bin/sh
# SPDX-License-Identifier: MIT
#
# kernel-savic.sh: makes build/kernel/savic/bzImage, a small Linux with
# Secure AVIC built in, which no distribution's kernel has.
#
# From: the newest linux-source-7.x package of Debian (7.3 or later), fetched
# and verified by apt, unpatched; allnoconfig plus guest/linux/savic.config.
# Kept: $cache/linux-savic-HASH/ with bzImage, System.map and the whole config,
# HASH over the source's version, the fragment and this script.

. "$(dirname "$0")/lib.sh"
. "$tools/apt.sh"

oldest=7.3
fragment=$top/guest/linux/savic.config

# The pinned source's directory name in $cache/src, or nothing.
source_id()
{
	id=$(pinned linux-source) || return 0
	[ ! -d "$cache/src/$id" ] || echo "$id"
}

fetch_source()
{
	apt_update
	name=$(apt_cache pkgnames linux-source- |
		grep -E '^linux-source-[0-9]+\.[0-9]+$' | sort -V | tail -n 1)
	if [ ! "$name" ] ||
	   dpkg --compare-versions "${name##*-}" lt "$oldest"; then
		die "no source" "the mirror has no Linux $oldest or later"
	fi
	version=$(apt_version "$name")
	apt_fetch "${name}_$version" "$name=$version"
	pin linux-source "${name}_$version"
	prune 1 "$cache"/src/linux-source-*
}

kernel_hash()
{
	{
		echo "$1"
		cat "$fragment" "$tools/kernel-savic.sh"
	} | hash_of -
}

# Without graphics' drivers, a third of the tree that nothing here reads.
# A pipe cut short anywhere fails in its last command.
unpack()
{
	mkdir "$scratch/source"
	run "unpacking Linux" sh -c '
		dpkg-deb --fsys-tarfile "$1" |
		tar -x -O --wildcards "./usr/src/*.tar.xz" |
		xz -dc |
		tar -x -C "$2" --strip-components=1 --wildcards \
			--exclude="*/drivers/gpu/drm/*.[ch]"
	' sh "$cache/src/$id"/*.deb "$scratch/source"
}

# Kconfig drops silently what it cannot grant; we do not.
check_config()
{
	lost=$(grep -E '^(# )?CONFIG_' "$fragment" |
		grep -vxF -f "$scratch/build/.config")
	[ ! "$lost" ] || die "config refused" \
		"Linux does not grant, of ${fragment#"$top"/}:" $lost
}

build()
{
	need_space 2500
	unpack || failed "cannot unpack the source of Linux"
	mkdir "$scratch/build" "$scratch/entry"
	set -- make -C "$scratch/source" O="$scratch/build" ARCH=x86_64 \
		LOCALVERSION= KBUILD_BUILD_USER=belfry \
		KBUILD_BUILD_HOST=belfry KBUILD_BUILD_VERSION=1 \
		KBUILD_BUILD_TIMESTAMP=@0
	run "configuring Linux" "$@" KCONFIG_ALLCONFIG="$fragment" \
		allnoconfig || failed "Linux' configuration"
	check_config
	run_counted "building Linux" "" count_compiled \
		"$@" -j"$(nproc)" bzImage || failed "Linux did not build"
	cp "$scratch/build/arch/x86/boot/bzImage" "$scratch/entry/bzImage" &&
	cp "$scratch/build/System.map" "$scratch/entry/System.map" &&
	cp "$scratch/build/.config" "$scratch/entry/config" &&
	echo "$id" >"$scratch/entry/source" ||
		die "failed" "cannot keep the kernel"
}

# Read whole before it runs: the script may change under it meanwhile.
main()
{
	id=$(source_id)
	if [ "$id" ]; then
		entry=$cache/linux-savic-$(kernel_hash "$id")
		if [ -f "$entry/bzImage" ]; then
			link_build kernel/savic "$entry"
			return 0
		fi
	fi

	take_lock savic
	make_scratch
	log=$scratch/log
	[ "$id" ] || fetch_source
	unset BELFRY_UPDATE
	id=$(source_id)
	entry=$cache/linux-savic-$(kernel_hash "$id")
	if [ ! -f "$entry/bzImage" ]; then
		build
		publish "$scratch/entry" "$entry"
		prune 3 "$cache"/linux-savic-*
	fi
	link_build kernel/savic "$entry"
}

main; exit
