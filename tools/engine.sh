#!/bin/sh
# SPDX-License-Identifier: MIT
#
# engine.sh: makes build/engine/qemu-system-x86_64, QEMU's x86-64 system
# emulator (TCG only) with Belfry's patches and glue.
#
# From: Debian's qemu 10.0.x source, fetched and verified by apt, or the
# file BELFRY_QEMU_TARBALL; engine/qemu/patches/*.patch in order of name;
# engine/qemu/glue/, which becomes target/i386/belfry/ of QEMU; and, if
# engine/qemu/inputs exists, the folders of this tree that it names, one a
# line, each as target/i386/belfry/FOLDER/.
# Kept: $cache/engine-HASH/, HASH over all of that and this script. The tree
# it was built in stays as $cache/work/engine-tree, so that a change of
# patches or glue compiles only what it must; deleting it costs minutes.

. "$(dirname "$0")/lib.sh"
. "$tools/apt.sh"

version_wanted=10.0
configure="--python=/usr/bin/python3 --target-list=x86_64-softmmu
	--without-default-features --enable-tcg --enable-system --enable-slirp
	--disable-docs --disable-download --disable-install-blobs
	--disable-debug-info"
qemu=$top/engine/qemu
tree=$cache/work/engine-tree

# --- which source ------------------------------------------------------

# The source's identity, or nothing while it is not known.
source_id()
{
	if [ "${BELFRY_QEMU_TARBALL:-}" ]; then
		[ -r "$BELFRY_QEMU_TARBALL" ] ||
			die "no tarball" "cannot read $BELFRY_QEMU_TARBALL"
		echo "tarball-$(hash_of "$BELFRY_QEMU_TARBALL")"
	else
		version=$(pinned qemu) || return 0
		meson=$(pinned meson) || return 0
		[ -d "$cache/src/qemu_$version" ] &&
		[ -d "$cache/src/meson_$meson" ] && echo "qemu_$version"
	fi
}

fetch_source()
{
	apt_update
	version=$(apt_cache showsrc qemu | sed -n 's/^Version: //p' |
		grep -E "^([0-9]+:)?$version_wanted\." | newest)
	[ "$version" ] ||
		die "no source" "the mirror has no qemu $version_wanted.x"
	plain=${version#*:}
	apt_fetch_source "qemu_$plain" "qemu=$version"
	pin qemu "$plain"
	prune 1 "$cache"/src/qemu_*
}

# QEMU 10 wants a newer meson than Debian 12 has. It is all Python, so it
# runs from where it was unpacked.
fetch_meson()
{
	! meson=$(pinned meson) || [ ! -d "$cache/src/meson_$meson" ] ||
		return 0
	apt_update
	meson=$(apt_version meson)
	[ "$meson" ] || die "no source" "the mirror has no meson"
	apt_fetch "meson_$meson" "meson=$meson"
	pin meson "$meson"
	prune 1 "$cache"/src/meson_*
}

# --- what goes into it -------------------------------------------------

list_patches()
{
	find "$qemu/patches" -name '*.patch' 2>/dev/null | LC_ALL=C sort
}

# Lines "FILE PLACE": FILE of this tree becomes PLACE under QEMU's
# target/i386/belfry/.
list_glue()
{
	find "$qemu/glue" -maxdepth 1 -type f \
		\( -name '*.[ch]' -o -name '*.inc' -o -name meson.build \) \
		2>/dev/null | LC_ALL=C sort |
	while read -r file; do
		echo "$file ${file##*/}"
	done
	[ -r "$qemu/inputs" ] || return 0
	grep -v -e '^#' -e '^$' "$qemu/inputs" | while read -r folder; do
		find "$top/$folder" -type f \
			\( -name '*.[ch]' -o -name meson.build \) \
			2>/dev/null | LC_ALL=C sort |
		while read -r file; do
			echo "$file ${file#"$top"/}"
		done
	done
}

engine_hash()
{
	{
		echo "$1"
		cat "$tools/engine.sh"
		list_patches | while read -r file; do
			echo "$file" | sed 's,.*/,,'
			cat "$file"
		done
		list_glue | while read -r file place; do
			echo "$place"
			cat "$file"
		done
	} | hash_of -
}

# --- the tree ----------------------------------------------------------

unpack()
{
	need_space 1500
	if [ "${BELFRY_QEMU_TARBALL:-}" ]; then
		mkdir "$scratch/source"
		run "unpacking QEMU" tar -xf "$BELFRY_QEMU_TARBALL" \
			--strip-components=1 -C "$scratch/source"
	else
		run "unpacking QEMU" dpkg-source --no-check -x \
			"$cache/src/$id"/*.dsc "$scratch/source"
	fi || failed "cannot unpack the source"
	case $(cat "$scratch/source/VERSION" 2>/dev/null) in
	$version_wanted.*) ;;
	*)	die "wrong version" "this is not QEMU $version_wanted.x" ;;
	esac
	rm -rf "$tree"
	mkdir "$tree"
	mv "$scratch/source" "$tree/source"
}

use_meson()
{
	root=$cache/work/meson_$meson
	if [ ! -d "$root" ]; then
		dpkg-deb -x "$cache/src/meson_$meson"/*.deb "$scratch/meson" ||
			die "failed" "cannot unpack meson"
		publish "$scratch/meson" "$root"
	fi
	PYTHONPATH=$root/usr/lib/python3/dist-packages
	PATH=$root/usr/bin:$PATH
	export PYTHONPATH PATH
}

# keep_base FILE: remember how FILE was before any patch, once.
keep_base()
{
	[ ! -e "$tree/base/$1" ] && [ ! -e "$tree/none/$1" ] || return 0
	if [ -e "$tree/source/$1" ]; then
		mkdir -p "$tree/base/$(dirname "$1")"
		cp -p "$tree/source/$1" "$tree/base/$1"
	else
		mkdir -p "$tree/none/$(dirname "$1")"
		: >"$tree/none/$1"
	fi
}

# Brings the source up to the present patches and glue. Patches are applied
# beside it to pristine copies, then only what differs is copied over: the
# time stamps of all else stay, so ninja compiles no more than it must.
patch_source()
{
	list_patches | while read -r file; do
		sed -n -E 's,^(---|\+\+\+) [ab]/([^[:blank:]]*).*,\2,p' "$file"
	done | sort -u >"$scratch/patched"
	touch "$tree/touched"
	while read -r file; do
		keep_base "$file"
	done <"$scratch/patched"

	new=$scratch/new
	rm -rf "$new"
	mkdir "$new"
	[ ! -d "$tree/base" ] || cp -Rp "$tree/base/." "$new"
	list_patches >"$scratch/patches"
	while read -r file; do
		patch -d "$new" -p1 -f -s -r - --no-backup-if-mismatch \
			<"$file" >"$log" 2>&1 || {
			cat "$log" >&2
			die "patch does not apply" "${file#"$top"/}"
		}
	done <"$scratch/patches"

	list_glue >"$scratch/glue"
	while read -r file place; do
		place=target/i386/belfry/$place
		mkdir -p "$new/$(dirname "$place")"
		cp "$file" "$new/$place"
		echo "$place" >>"$scratch/patched"
	done <"$scratch/glue"

	: >"$tree/patching"
	sort -u "$tree/touched" "$scratch/patched" >"$scratch/all"
	while read -r file; do
		if [ ! -e "$new/$file" ]; then
			rm -f "$tree/source/$file"
		elif ! cmp -s "$new/$file" "$tree/source/$file"; then
			mkdir -p "$tree/source/$(dirname "$file")"
			cp "$new/$file" "$tree/source/$file"
		fi
	done <"$scratch/all"
	cp "$scratch/patched" "$tree/touched"
	rm -f "$tree/patching"
	# What is built is what was just copied, whatever changes meanwhile.
	entry=$cache/engine-$(engine_hash "$id")
}

set_up()
{
	rm -rf "$tree/build"
	mkdir "$tree/build"
	run "configuring QEMU" env -C "$tree/build" \
		../source/configure $configure ||
		failed "QEMU's configure"
	: >"$tree/configured"
}

compile()
{
	run_counted "building QEMU" "" count_ninja \
		env NINJA_STATUS='[%f/%t] ' \
		ninja -C "$tree/build" qemu-system-x86_64
}

# An error that names a line of C is the developer's, any other may be the
# tree's.
compile_error()
{
	grep -q -E '^[^ ]+:[0-9]+:.* error: |undefined reference' "$log"
}

build_clean()
{
	unpack
	patch_source
	set_up
	echo "$base" >"$tree/base-id"
	compile || failed "QEMU did not build"
}

# The tree is right for reuse if it was made here from the same source the
# same way and no run died while changing it.
build()
{
	base=$(printf '%s\n' "$tree" "$id" "$configure" "$meson" | hash_of -)
	if [ "$(cat "$tree/base-id" 2>/dev/null)" != "$base" ] ||
	   [ ! -e "$tree/configured" ] || [ -e "$tree/patching" ]; then
		build_clean
		return
	fi
	patch_source
	compile && return
	! compile_error || failed "QEMU did not build"
	say "the kept tree did not build; starting from a clean one"
	build_clean
}

# --- main --------------------------------------------------------------

# Read whole before it runs: the script may change under it meanwhile.
main()
{
	id=$(source_id) || exit 1
	if [ "$id" ]; then
		entry=$cache/engine-$(engine_hash "$id")
		if [ -x "$entry/qemu-system-x86_64" ]; then
			link_build engine "$entry"
			return 0
		fi
	fi

	take_lock engine
	make_scratch
	log=$scratch/log
	[ "${BELFRY_QEMU_TARBALL:-}" ] || [ "$id" ] || fetch_source
	fetch_meson
	unset BELFRY_UPDATE
	id=$(source_id) || exit 1
	entry=$cache/engine-$(engine_hash "$id")
	if [ ! -x "$entry/qemu-system-x86_64" ]; then
		use_meson
		build
		mkdir "$scratch/entry"
		strip -o "$scratch/entry/qemu-system-x86_64" \
			"$tree/build/qemu-system-x86_64" ||
			die "failed" "cannot strip the emulator"
		echo "$id" >"$scratch/entry/source"
		publish "$scratch/entry" "$entry"
		prune 8 "$cache"/engine-*
	fi
	link_build engine "$entry"
}

main; exit
