# SPDX-License-Identifier: MIT
#
# What the scripts of tools/ share; sourced, never run. It makes nothing
# by itself but the cache directory:
#
#   ${BELFRY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/belfry}
#	apt/		the isolated apt state (tools/apt.sh)
#	pins/NAME	which version NAME uses until `make update`
#	src/		downloads, as fetched and verified
#	engine-*/ linux-*/	finished entries, each complete or absent
#	work/		trees under construction; safe to delete
#	lock/		one lock file for each kind of entry
#
# An entry is made in work/ and renamed into place, so whatever has its
# final name is whole. Both are on one file system, hence the rename.

tools=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$tools")
me=$(basename "$0" .sh)

say()
{
	printf '%s: %s\n' "$me" "$*" >&2
}

# die REASON TEXT: REASON is the short name that a caller can look for.
die()
{
	reason=$1
	shift
	clear_line
	printf '%s: %s: %s\n' "$me" "$reason" "$*" >&2
	exit 1
}

# --- progress ----------------------------------------------------------

tty=
[ ! -t 2 ] || tty=y

# One line, written over itself on a terminal.
status()
{
	if [ "$tty" ]; then
		printf '\r\033[K%.79s' "$me: $*" >&2
	else
		say "$*"
	fi
}

clear_line()
{
	[ ! "$tty" ] || printf '\r\033[K' >&2
}

# --- clean-up and signals ----------------------------------------------

scratch=
child=
meter=

cleanup()
{
	trap '' INT TERM HUP
	[ ! "$meter" ] || kill "$meter" 2>/dev/null
	if [ "$child" ]; then
		kill -s TERM -- "-$child" 2>/dev/null
		kill -s CONT -- "-$child" 2>/dev/null
		wait "$child" 2>/dev/null
	fi
	[ ! "$scratch" ] || rm -rf "$scratch"
	clear_line
}

interrupted()
{
	trap - EXIT
	clear_line
	say "interrupted: removing what is half-made"
	cleanup
	exit 130
}

trap cleanup EXIT
trap interrupted INT TERM HUP

# --- the cache ---------------------------------------------------------

if [ "${BELFRY_CACHE:-}" ]; then
	cache=$BELFRY_CACHE
elif [ "${XDG_CACHE_HOME:-}" ]; then
	cache=$XDG_CACHE_HOME/belfry
elif [ "${HOME:-}" ]; then
	cache=$HOME/.cache/belfry
else
	die "no cache" "set BELFRY_CACHE to a directory to keep downloads in"
fi
case $cache in
/*)	;;
*)	cache=$PWD/$cache ;;
esac
# QEMU's and Linux' makefiles both break on such paths.
case $cache in
*[[:space:]:]*)
	die "bad path" "the cache $cache has a blank or a colon in its name" ;;
esac

use_cache()
{
	for dir in pins src work lock; do
		mkdir -p "$cache/$dir" 2>/dev/null && [ -w "$cache/$dir" ] ||
			die "no permission" "cannot write to $cache/$dir"
	done
}

# take_lock NAME: wait for other runs; released when the script ends.
# fd 9 is closed for children, or a stray one would keep the lock.
take_lock()
{
	use_cache
	exec 9>"$cache/lock/$1"
	if ! flock -n 9; then
		say "waiting for another run that makes the same"
		flock 9
	fi
}

# make_scratch: a fresh directory $scratch, gone when the script ends.
# Those that a killed run left behind are swept away: their owner is dead.
make_scratch()
{
	for dir in "$cache/work/tmp."*; do
		[ -d "$dir" ] || continue
		kill -0 "${dir##*.}" 2>/dev/null || rm -rf "$dir"
	done
	scratch=$cache/work/tmp.$$
	rm -rf "$scratch"
	mkdir "$scratch" || die "no permission" "cannot write to $cache/work"
}

# need_space MIB: refuse before the work rather than in its middle.
need_space()
{
	free=$(df -Pk "$cache" | awk 'NR == 2 { print int($4 / 1024) }')
	[ "$free" -ge "$1" ] ||
		die "no space" "$cache has $free MiB free, $1 MiB are needed"
}

# publish FROM TO: FROM becomes the entry TO.
publish()
{
	rm -rf "$2"
	mv "$1" "$2" || die "no permission" "cannot make $2"
}

# prune N ENTRY...: all but the N latest go. More than one is kept where
# another checkout, or a step back in this one, is likely to want it.
prune()
{
	keep=$1
	shift
	ls -1dt "$@" | tail -n +$((keep + 1)) | while read -r dir; do
		rm -rf "$dir"
	done
}

# pin NAME VERSION, pinned NAME: remember and recall a choice.
pin()
{
	printf '%s\n' "$2" >"$cache/pins/.$1.$$" &&
	mv "$cache/pins/.$1.$$" "$cache/pins/$1" ||
		die "no permission" "cannot write to $cache/pins"
}

pinned()
{
	[ -z "${BELFRY_UPDATE:-}" ] || return 1
	cat "$cache/pins/$1" 2>/dev/null
}

# link_build NAME ENTRY: build/NAME -> ENTRY, untouched when right.
link_build()
{
	link=$top/build/$1
	[ "$(readlink "$link" 2>/dev/null)" != "$2" ] || return 0
	mkdir -p "$(dirname "$link")" && rm -rf "$link" &&
	ln -s "$2" "$link" || die "no permission" "cannot make $link"
	clear_line
	say "build/$1 -> $2"
}

hash_of()
{
	cat "$@" | sha256sum | cut -c1-16
}

# --- running long commands ---------------------------------------------

# run TEXT COMMAND...: the output goes to $log; false if it fails. The
# command gets a session of its own, so that an interrupt reaches the
# whole of it and only through cleanup().
run()
{
	status "$1"
	shift
	: >"$log"
	setsid nice "$@" >>"$log" 2>&1 8>&- 9>&- </dev/null &
	child=$!
	wait "$child"
	rc=$?
	child=
	return $rc
}

# run_counted TEXT TOTAL COUNTER COMMAND...: the same with a count that
# the function COUNTER prints, as "N" or "N TOTAL". TOTAL may be empty.
run_counted()
{
	text=$1 total=$2 counter=$3
	shift 3
	: >"$log"
	setsid nice "$@" >>"$log" 2>&1 8>&- 9>&- </dev/null &
	child=$!
	meter 8>&- 9>&- &
	meter=$!
	wait "$child"
	rc=$?
	child=
	kill "$meter" 2>/dev/null
	wait "$meter" 2>/dev/null
	meter=
	clear_line
	return $rc
}

# On a terminal every second; else each tenth of the way, or each 250th of
# an unknown number.
meter()
{
	trap 'exit 0' TERM
	trap '' INT HUP
	told=-1
	while kill -0 "$child" 2>/dev/null; do
		set -- $($counter)
		n=${1:-0} of=${2:-$total}
		if [ "$tty" ]; then
			status "$text: $n${of:+ of $of}"
		else
			[ "$of" ] && now=$((n * 10 / of)) || now=$((n / 250))
			[ $now -eq $told ] || say "$text: $n${of:+ of $of}"
			told=$now
		fi
		sleep 1
	done
}

count_ninja()
{
	tail -n 3 "$log" |
		sed -n 's,^\[\([0-9]*\)/\([0-9]*\)\].*,\1 \2,p' | tail -n 1
}

count_compiled()
{
	grep -c '^  [A-Z]' "$log"
}

count_mib()
{
	du -sm "$fetch_dir" | cut -f1
}

# failed TEXT: the end of $log, kept for reading, and a named reason.
failed()
{
	clear_line
	keep=$cache/work/$me.log
	cp "$log" "$keep" 2>/dev/null || keep=$log
	grep -E '(error|Error|ERROR|FAILED|fatal|undefined)' "$keep" |
		head -n 20 >&2
	if grep -q 'No space left on device' "$keep"; then
		die "no space" "$1; see $keep"
	fi
	die "failed" "$1; see $keep"
}
