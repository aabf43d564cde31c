#!/bin/sh
# SPDX-License-Identifier: MIT
#
# kernel-small.sh NAME...: makes build/kernel/NAME/bzImage, a small Linux with
# what no distribution's kernel has:
#
#	savic	Secure AVIC; unmodified
#	svsm	Secure AVIC, and our patches for Alternate Injection
#
# From: the newest linux-source-7.x package of Debian (7.3 or later), fetched
# and verified by apt; allnoconfig plus guest/linux/savic.config, and for the
# second one guest/linux/*.patch and guest/linux/svsm.config. Asked for both,
# they are made in one tree: the second one compiles what the patches touch.
# Kept: $cache/linux-NAME-HASH/ with bzImage, System.map and the whole config,
# HASH over the source's version, fragments, patches and this script.

. "$(dirname "$0")/lib.sh"
. "$tools/apt.sh"

oldest=7.3
linux=$top/guest/linux

# fragments NAME, patches NAME: what is not Linux' own.
fragments()
{
	echo "$linux/savic.config"
	[ "$1" = savic ] || echo "$linux/$1.config"
}

patches()
{
	[ "$1" = savic ] || ls "$linux"/*.patch
}

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

entry_of()
{
	echo "$cache/linux-$1-$({
		echo "$id"
		cat $(fragments "$1") $(patches "$1") "$tools/kernel-small.sh"
	} | hash_of -)"
}

# Without graphics' drivers, a third of the tree that nothing here reads.
# A pipe cut short anywhere fails in its last command.
unpack()
{
	[ ! -d "$scratch/source" ] || return 0
	mkdir "$scratch/source" "$scratch/build"
	run "unpacking Linux" sh -c '
		dpkg-deb --fsys-tarfile "$1" |
		tar -x -O --wildcards "./usr/src/*.tar.xz" |
		xz -dc |
		tar -x -C "$2" --strip-components=1 --wildcards \
			--exclude="*/drivers/gpu/drm/*.[ch]"
	' sh "$cache/src/$id"/*.deb "$scratch/source" ||
		failed "cannot unpack the source of Linux"
}

patch_source()
{
	for file in $(patches "$1"); do
		run "patching Linux" patch -d "$scratch/source" -p1 -i "$file" ||
			failed "${file#"$top"/} does not apply"
	done
}

# Kconfig drops silently what it cannot grant; we do not.
check_config()
{
	lost=$(grep -E '^(# )?CONFIG_' "$scratch/fragment" |
		grep -vxF -f "$scratch/build/.config")
	[ ! "$lost" ] || die "config refused" "Linux does not grant:" $lost
}

build()
{
	need_space 2500
	unpack
	patch_source "$1"
	cat $(fragments "$1") >"$scratch/fragment"
	rm -rf "$scratch/entry"
	mkdir "$scratch/entry"
	set -- "$1" make -C "$scratch/source" O="$scratch/build" \
		ARCH=x86_64 LOCALVERSION= KBUILD_BUILD_USER=belfry \
		KBUILD_BUILD_HOST=belfry KBUILD_BUILD_VERSION=1 \
		KBUILD_BUILD_TIMESTAMP=@0
	name=$1
	shift
	run "configuring Linux ($name)" "$@" \
		KCONFIG_ALLCONFIG="$scratch/fragment" allnoconfig ||
		failed "Linux' configuration"
	check_config
	run_counted "building Linux ($name)" "" count_compiled \
		"$@" -j"$(nproc)" bzImage || failed "Linux did not build"
	cp "$scratch/build/arch/x86/boot/bzImage" "$scratch/entry/bzImage" &&
	cp "$scratch/build/System.map" "$scratch/entry/System.map" &&
	cp "$scratch/build/.config" "$scratch/entry/config" &&
	echo "$id" >"$scratch/entry/source" ||
		die "failed" "cannot keep the kernel"
}

# link NAME...: false if one is not there.
link()
{
	id=$(source_id)
	[ "$id" ] || return 1
	for name in "$@"; do
		[ -f "$(entry_of "$name")/bzImage" ] || return 1
	done
	for name in "$@"; do
		link_build "kernel/$name" "$(entry_of "$name")"
	done
}

# In this order, as the patches stay in the tree. Read whole before it runs:
# the script may change under it meanwhile.
main()
{
	case $* in
	savic|svsm|"savic svsm") ;;
	*)	die "usage" "kernel-small.sh [savic] [svsm]" ;;
	esac
	! link "$@" || return 0

	take_lock small
	make_scratch
	log=$scratch/log
	[ "$(source_id)" ] || fetch_source
	unset BELFRY_UPDATE
	id=$(source_id)
	for kernel in "$@"; do
		entry=$(entry_of "$kernel")
		if [ ! -f "$entry/bzImage" ]; then
			build "$kernel"
			publish "$scratch/entry" "$entry"
			prune 3 "$cache/linux-$kernel"-*
		fi
	done
	link "$@"
}

main "$@"; exit
