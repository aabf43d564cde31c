#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Measures; nothing here decides a test. `bench.sh` prints all tables,
# `bench.sh exits|switch|boot` one of them. PAIRS=N boots (default 7).
set -u
belfry=${BELFRY:-build/belfry}
pairs=${PAIRS:-7}
append=${APPEND-quiet}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

fail() {
	echo "bench: $*" >&2
	cat "$tmp/log" >&2
	exit 1
}

# ---- exits per event, counted under icount ---------------------------------

# one_count GUEST MODE EVENT COUNT CPUS: VMGEXITs, VMPL switches, interrupts
# forced on a vCPU (kicks), instructions of the monitor.
one_count() {
	"$belfry" run --guest "$1" --injection "$2" --cpus "$5" --icount \
		--seed 1 --micro exits --append "event=$3 count=$4" \
		--timeout 300 --report "$tmp/r" -- -device edu,addr=4 \
		>"$tmp/log" 2>&1 || fail "exits, $1, $2, $3"
	jq -r 'def sum(f): [.vcpus[] | f // 0] | add;
		[sum(.vmgexits | add), sum(.vmpl_switches),
		 sum(.automatic_exits["0x60"]), sum(.trusted_instructions)]
		| @tsv' "$tmp/r"
}

per_event() {
	few=$(one_count "$1" "$2" "$3" 100 "$4") || exit 1
	many=$(one_count "$1" "$2" "$3" 1100 "$4") || exit 1
	echo "$few $many" | awk '{
		printf " %.0f/%.0f+%.0f", ($5 - $1) / 1000, ($6 - $2) / 1000,
			($7 - $3) / 1000
		if ($8 - $4 >= 10000)
			printf " (%.0f)", ($8 - $4) / 1000
		printf " |" }'
}

modes='vmpl0:normal vmpl0:secure-avic svsm:alternate paravisor:alternate
       svsm:secure-avic paravisor:secure-avic'

exits() {
	cat <<-'END'
	Exits per event: VMGEXITs / VMPL switches + kicks (INTR exits of a
	vCPU that runs), and in brackets instructions of the monitor. One event
	includes what the guest does to cause it and its EOI: three port writes
	for an edge of the interval timer, two register accesses for a level
	line, one for a timer tick.

	END
	printf '| event |'
	for mode in $modes; do
		printf ' %s |' "$mode"
	done
	printf '\n|---|'
	for mode in $modes; do
		printf -- '---|'
	done
	echo
	while read -r event cpus; do
		printf '| %s |' "$event"
		for mode in $modes; do
			per_event "${mode%:*}" "${mode#*:}" "$event" "$cpus"
		done
		echo
	done <<-'END'
	vmgexit 1
	edge 1
	level 1
	timer 1
	ipi 2
	broadcast 4
	self 1
	eoi 1
	tpr 1
	cr8 1
	halt 1
	END
}

# ---- VMPL switches ----------------------------------------------------------

switch() {
	"$belfry" run --injection normal --cpus 1 --micro vmpl \
		--append count=20000 >"$tmp/log" 2>&1 || fail "vmpl"
	sed -n 's/^belfry: \(round trip .*\)/VMPL 0 -> 2 -> 0: \1/p' "$tmp/log"
}

# ---- boot, with and without SNP ---------------------------------------------

# Wall seconds and processor seconds of one boot. Called in a subshell, whose
# only child is the run: hence the second line of `times`.
one_boot() {
	"$belfry" run --cpus 1 --load none --append "$append" --timeout 300 \
		--report "$tmp/r" "$@" >"$tmp/log" 2>&1 || fail "boot $*"
	times >"$tmp/times"
	jq .wall_seconds "$tmp/r"
	sed -n '2s/[ms]/ /gp' "$tmp/times" |
		awk '{ print 60 * ($1 + $3) + $2 + $4 }'
}

plain() {
	one_boot --guest plain --injection normal --kernel $kernel
}

snp() {
	one_boot --injection normal --kernel $kernel
}

# Processor time suffers less from what else the machine does. The console is
# quiet in both: it is polled, and under SNP each character is two #VCs or more.
# APPEND= measures that too.
boot() {
	echo "Boot of Debian's kernel to power-off, one vCPU, seconds of wall" \
		"and processor time:"
	kernel=build/kernel/stock/vmlinuz
	n=0
	while [ "$n" -lt "$pairs" ]; do
		# The order alternates, so that drift hits both alike.
		if [ $((n % 2)) -eq 0 ]; then
			a=$(plain) || exit 1
			b=$(snp) || exit 1
		else
			b=$(snp) || exit 1
			a=$(plain) || exit 1
		fi
		echo $a $b
		n=$((n + 1))
	done | awk '
		function median(r,    i, j, t) {
			for (i = 1; i <= NR; i++)
				for (j = i + 1; j <= NR; j++)
					if (r[j] < r[i]) {
						t = r[i]; r[i] = r[j]; r[j] = t
					}
			return r[int((NR + 1) / 2)]
		}
		{
			wall[NR] = $3 / $1
			cpu[NR] = $4 / $2
			printf "plain %.2f %.2f  SNP %.2f %.2f", $1, $2, $3, $4
			printf "  ratio %.3f %.3f\n", wall[NR], cpu[NR]
			fflush()
		}
		END {
			printf "median ratio %.3f %.3f of %d pairs\n",
				median(wall), median(cpu), NR
		}'
}

case ${1:-all} in
exits | switch | boot) $1 ;;
all)
	exits
	echo
	switch
	echo
	boot
	;;
*) echo "bench: no table named $1" >&2; exit 2 ;;
esac
