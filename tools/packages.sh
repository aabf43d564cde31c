#!/bin/sh
# SPDX-License-Identifier: MIT
#
# packages.sh [build|test|all]: installs the Debian packages of
# tools/packages.list that this machine lacks, by apt-get, as root or
# through sudo. Nothing is kept in the cache. With nothing missing it
# neither uses the network nor asks for any right.

. "$(dirname "$0")/lib.sh"

use=${1:-build}
case $use in
build|test)	pattern="^${use}[?]* " ;;
all)		pattern='^(build|test)[?]* ' ;;
*)		die "usage" "packages.sh [build|test|all]" ;;
esac

command -v dpkg-query >/dev/null ||
	die "not Debian" "install what tools/packages.list names by hand"

listed()
{
	grep -E "$pattern" "$tools/packages.list"
}

# Installed, or provided by something that is (pkg-config by pkgconf).
have=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' |
	sed -n 's/^installed //p' | sed 's/([^)]*)//g; s/,/ /g' |
	tr -s ' ' '\n')

missing=
for word in $(listed | tr ' ' ':'); do
	package=${word#*:}
	printf '%s\n' "$have" | grep -qxF "$package" && continue
	case $word in
	*\?:*)
		apt-cache show "$package" >/dev/null 2>&1 || {
			optional="${optional:-} $package"
			continue
		} ;;
	esac
	missing="$missing $package"
done

[ "$missing" ] || exit 0

say "missing here:$missing"
install="apt-get install -y --no-install-recommends"
install="$install -o DPkg::Lock::Timeout=60$missing"
if [ "$(id -u)" = 0 ]; then
	sudo=
elif command -v sudo >/dev/null; then
	sudo=sudo
else
	die "no permission" "run as root: $install"
fi
say "running: ${sudo:+$sudo }$install"

# A machine that never read its package lists knows no package at all.
set -- $missing
if ! apt-cache show "$@" >/dev/null 2>&1; then
	$sudo apt-get update ||
		die "no network" "apt-get update failed; then: $install"
fi
$sudo env DEBIAN_FRONTEND=noninteractive $install ||
	die "failed" "see apt-get's lines above; could not install:$missing"
