# SPDX-License-Identifier: MIT
#
# Debian packages of a newer suite than the machine's own, without touching
# the machine's own apt; sourced after lib.sh.
#
# Makes $cache/apt: configuration, sources list, index files. The mirror,
# the proxy and all other Acquire settings are the machine's own; apt itself
# checks the signatures, against Debian's archive keys only.
# BELFRY_MIRROR=URI overrules the mirror found.

debian_suites="bookworm|trixie|forky|sid|(old)?stable|testing|unstable"
suites="trixie trixie-backports"
apt_dir=$cache/apt

apt_keyring()
{
	for key in gpg pgp; do
		key=/usr/share/keyrings/debian-archive-keyring.$key
		[ ! -r "$key" ] || { echo "$key"; return; }
	done
	return 1
}

# The machine's Debian mirrors, the likeliest first: apt itself reads its
# sources in either format. Third parties name their suites alike, so those
# whose path ends in /debian lead; a wrong one fails its signature.
apt_mirrors()
{
	if [ "${BELFRY_MIRROR:-}" ]; then
		echo "$BELFRY_MIRROR"
		return
	fi
	apt-get indextargets --format \
		'$(TARGET_OF) $(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 2>/dev/null |
	grep -E "^[^ ]+ [^ ]+ ($debian_suites) main\$" | grep -v ' cdrom:' |
		awk '{ print ($2 ~ /debian\/?$/ ? 0 : 1), $2 }' |
		sort -u | cut -d' ' -f2
}

apt_configure()
{
	mkdir -p "$apt_dir/state/lists/partial" \
		"$apt_dir/cache/archives/partial" "$apt_dir/log" ||
		die "no permission" "cannot write to $apt_dir"
	: >"$apt_dir/status"
	# A proxy may carry a password.
	(umask 077; : >"$apt_dir/apt.conf"; {
		cat <<-END
		Dir::State "$apt_dir/state";
		Dir::State::status "$apt_dir/status";
		Dir::Cache "$apt_dir/cache";
		Dir::Log "$apt_dir/log";
		Dir::Etc::main "/dev/null";
		Dir::Etc::parts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		Dir::Etc::sourcelist "$apt_dir/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		APT::Architecture "amd64";
		APT::Architectures { "amd64"; };
		APT::Sandbox::User "root";
		APT::Get::List-Cleanup "true";
		APT::Update::Error-Mode "any";
		Acquire::Languages "none";
		END
		env -u APT_CONFIG apt-config dump | grep '^Acquire::' |
		grep -v -E '^Acquire::(Index|Lang|Changelogs|Compression)'
	} >"$apt_dir/apt.conf")
}

apt_sources()
{
	for suite in $suites; do
		for type in deb deb-src; do
			echo "$type [signed-by=$2] $1 $suite main"
		done
	done >"$apt_dir/sources.list"
}

# apt_update: fresh indexes, at most once in ten minutes. One run at a time
# does it; the others wait and find it done.
apt_update()
{
	exec 8>"$cache/lock/apt"
	flock 8
	[ "$(find "$apt_dir/updated" -mmin -10 2>/dev/null)" ] ||
		apt_update_now
	exec 8>&-
}

apt_update_now()
{
	key=$(apt_keyring) || die "no keys" \
		"the package debian-archive-keyring is not installed"
	need_space 400
	apt_configure
	mirrors=$(apt_mirrors)
	[ "$mirrors" ] || die "no mirror" \
		"apt on this machine names no Debian mirror; set BELFRY_MIRROR"
	for mirror in $mirrors; do
		apt_sources "$mirror" "$key"
		if run "reading the package lists of $suites" \
		    env APT_CONFIG="$apt_dir/apt.conf" apt-get update; then
			touch "$apt_dir/updated"
			return 0
		fi
	done
	apt_failed "cannot read the package lists of $suites"
}

apt_failed()
{
	clear_line
	grep -E '^[EW]:' "$log" | sort -u | head -n 6 >&2
	if grep -q 'No space left on device' "$log"; then
		die "no space" "$1"
	elif grep -q -E 'NO_PUBKEY|not signed|BADSIG|EXP(KEY)?SIG|[Ss]ignature' \
	    "$log"; then
		die "bad signature" "$1"
	elif grep -q -E 'Hash Sum mismatch|unexpected size' "$log"; then
		die "bad download" "$1: not what the signed list promises"
	elif grep -q -E 'resolve|onnect|unreachable|timed out|Failed to fetch' \
	    "$log"; then
		die "no network" "$1 from the mirror of this machine"
	fi
	die "apt failed" "$1; see the lines above"
}

apt_cache()
{
	APT_CONFIG="$apt_dir/apt.conf" apt-cache "$@" 2>/dev/null
}

# newest: the highest of the Debian versions on standard input
newest()
{
	best=
	while read -r v; do
		if [ ! "$best" ] || dpkg --compare-versions "$v" gt "$best"
		then
			best=$v
		fi
	done
	echo "$best"
}

# apt_version PACKAGE, apt_source_version SOURCE: the newest there is
apt_version()
{
	apt_cache show "$1" | sed -n 's/^Version: //p' | newest
}

apt_source_version()
{
	apt_cache showsrc "$1" | sed -n 's/^Version: //p' | newest
}

# apt_fetch ENTRY PACKAGE=VERSION...: the .deb files as $cache/src/ENTRY
apt_fetch()
{
	entry=$1
	shift
	apt_get "$entry" download "$@"
}

# apt_fetch_source ENTRY SOURCE=VERSION: the same with a source package
apt_fetch_source()
{
	entry=$1
	shift
	apt_get "$entry" --download-only source "$@"
}

apt_get()
{
	entry=$1
	shift
	[ ! -d "$cache/src/$entry" ] || return 0
	fetch_dir=$scratch/fetch
	rm -rf "$fetch_dir"
	mkdir "$fetch_dir"
	size=$(APT_CONFIG="$apt_dir/apt.conf" \
		apt-get --print-uris "$@" 2>/dev/null |
		awk '/^\047/ { n += $3 } END { print int(n / 1048576) + 1 }')
	need_space $((size + 50))
	run_counted "fetching $entry, MiB" "$size" count_mib \
		env -C "$fetch_dir" APT_CONFIG="$apt_dir/apt.conf" \
		apt-get "$@" || apt_failed "cannot fetch $entry"
	publish "$fetch_dir" "$cache/src/$entry"
}
