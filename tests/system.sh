#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Whole-system tests: micro guests, Linux in every mode, budgets of exits,
# determinism. `system.sh quick` (default) or `system.sh full`; further
# arguments are shell patterns of test names to run. `system.sh list` prints
# the names of the full suite and runs nothing.
#
# Prints one line a test, the output of a failed one, and at the end
# "N passed, N failed".
set -u
suite=${1:-quick}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- '*'
patterns=$*
belfry=${BELFRY:-build/belfry}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
passed=0
failed=0

wanted() {
	set -f
	for pattern in $patterns; do
		set +f
		case $1 in $pattern) return 0 ;; esac
	done
	set +f
	return 1
}

# test NAME COMMAND...: the command's exit status decides.
check() {
	name=$1
	shift
	wanted "$name" || return 0
	if [ "$suite" = list ]; then
		echo "$name"
		return 0
	fi
	start=$(date +%s)
	if "$@" >"$tmp/out" 2>&1; then
		passed=$((passed + 1))
		verdict=ok
	else
		failed=$((failed + 1))
		verdict=FAILED
		tail -n 60 "$tmp/out"
	fi
	printf '%-44s %s (%s s)\n' "$name" "$verdict" \
		$(($(date +%s) - start))
}

run() {
	"$belfry" run --timeout "${limit:-240}" "$@"
}

# repeat N NAME COMMAND...: the same test N times, each counted.
repeat() {
	count=$1
	label=$2
	shift 2
	n=1
	while [ "$n" -le "$count" ]; do
		check "$label-$n" "$@"
		n=$((n + 1))
	done
}

# Nothing refused that was wanted, nothing lost: the report must agree with
# what the guest counted itself.
linux() {
	run --report "$tmp/linux.json" "$@" &&
		jq -e '.result == "powered-off" and .violations == []' \
			"$tmp/linux.json"
}

# ---- micro guests ----------------------------------------------------------

micro_tests() {
	for guest in regs icr filter nmi eoi tpr page; do
		check "micro-savic-$guest" run --injection secure-avic \
			--cpus 1 --micro "savic-$guest" -- -device edu,addr=4
	done
	for mode in normal secure-avic restricted; do
		check "micro-hello-$mode" run --injection $mode --cpus 4 \
			--micro hello
		check "micro-irq-$mode" run --injection $mode --cpus 4 \
			--micro irq -- -device edu,addr=4
		check "micro-irq-$mode-icount" run --injection $mode \
			--cpus 2 --icount --seed 3 --micro irq \
			-- -device edu,addr=4
	done
	for cpus in 1 4; do
		check "micro-hello-paravisor-${cpus}cpu" run \
			--guest paravisor --cpus $cpus --micro hello
		check "micro-irq-paravisor-${cpus}cpu" run \
			--guest paravisor --cpus $cpus --micro irq \
			-- -device edu,addr=4
		check "micro-irq-paravisor-savic-${cpus}cpu" run \
			--guest paravisor --secure-avic=on --cpus $cpus \
			--micro irq -- -device edu,addr=4
	done
	check micro-smc run --injection normal --cpus 4 --micro smc
	check micro-vmpl run --injection normal --cpus 1 --micro vmpl
	for cpus in 1 4; do
		check "micro-ri-${cpus}cpu" run --injection restricted \
			--cpus $cpus --micro ri -- -device edu,addr=4
	done
	check micro-hv-stack run --injection restricted --cpus 1 --icount \
		--seed 1 --micro hv-stack
	check micro-ai run --injection restricted --cpus 1 --micro ai
	check micro-ai-sweep run --injection restricted --cpus 1 --icount \
		--seed 5 --micro ai --append 'sweep=1 count=400'
	check micro-ai-exchange run --injection restricted --cpus 1 \
		--micro ai --append 'try=exchange count=300'
}

# ---- an event at each instruction ------------------------------------------

# sweep WORDS OPTIONS...: the guest sees each event once, wherever it came.
sweep() {
	words=$1
	shift
	case $words in
	*ipi*|*cpu=1*) cpus=2 ;;
	*) cpus=1 ;;
	esac
	run --icount --sweep --cpus $cpus --micro sweep --append "$words" "$@"
}

# sweep_over ELF SYMBOLS WORDS OPTIONS...: and it came at each instruction of
# these symbols; without any: no instruction was left out.
sweep_over() {
	elf=$1
	symbols=$2
	shift 2
	sweep "$@" -- -d int -D "$tmp/int" || return 1
	sh tests/covered.sh "$tmp/int" "$elf" $symbols || return 1
	rm "$tmp/int"
}

sweep_tests() {
	while read -r guest mode words; do
		name=$(echo "${words#event=}" | tr ' ' '-' | tr -d '=')
		check "sweep-$guest-$mode-$name" sweep "$words" \
			--guest "$guest" --injection "$mode"
	done <<-'END'
	vmpl0 normal event=edge
	vmpl0 normal event=level
	vmpl0 secure-avic event=edge
	vmpl0 normal event=ipi spin=1
	vmpl0 secure-avic event=two
	vmpl0 secure-avic event=ipi spin=1
	vmpl0 restricted event=edge
	vmpl0 restricted event=edge spin=1
	vmpl0 restricted event=level
	vmpl0 restricted event=nmi
	vmpl0 restricted event=mc
	vmpl0 restricted event=two
	vmpl0 restricted event=two ring=1
	vmpl0 restricted event=nmi ring=1
	vmpl0 restricted event=ipi spin=1
	svsm normal event=edge
	svsm secure-avic event=edge
	svsm alternate event=edge
	svsm alternate event=edge spin=1
	svsm alternate event=level
	svsm alternate event=level spin=1
	svsm alternate event=two
	svsm alternate event=two spin=1 ring=1
	svsm alternate event=edge cpu=1 spin=1
	svsm alternate event=ipi spin=1
	paravisor alternate event=edge
	paravisor alternate event=edge spin=1
	paravisor alternate event=level
	paravisor alternate event=level spin=1
	paravisor alternate event=two
	paravisor alternate event=two spin=1 ring=1
	paravisor alternate event=edge cpu=1 spin=1
	paravisor alternate event=ipi spin=1
	paravisor secure-avic event=edge
	paravisor secure-avic event=level spin=1
	paravisor secure-avic event=two
	paravisor secure-avic event=ipi
	END
	for guest in svsm paravisor; do
		check sweep-gapless-$guest sweep_over build/svsm.elf '' \
			event=edge --guest $guest --injection alternate
	done
	for guest in svsm paravisor; do
		check sweep-nested-$guest sweep_over build/svsm.elf \
			"svsm_switch switch_window switch_window_end \
			switch_cancel svsm_halt halt_window_end \
			svsm_hv_entry" 'ring=1 passes=8' --guest $guest \
			--injection alternate
	done
	check sweep-nested-vmpl0 sweep_over build/guest/micro/sweep.elf \
		"doorbell_window_enter doorbell_window doorbell_window_hlt \
		doorbell_window_end vector_stubs_common" \
		'ring=1 passes=67 distances=200' \
		--injection restricted
}

# below CPUS OPTIONS...: under Alternate Injection, below the monitor.
below() {
	cpus=$1
	shift
	run --guest svsm --injection alternate --cpus "$cpus" "$@" \
		-- -device edu,addr=4
}

svsm_micro_tests() {
	for cpus in 1 4; do
		check "micro-svsm-irq-${cpus}cpu" below $cpus --micro irq
		check "micro-svsm-irq-${cpus}cpu-icount" below $cpus \
			--icount --seed 3 --micro irq
	done
	check micro-svsm-hello-normal run --guest svsm --injection normal \
		--cpus 4 --micro hello
	check micro-svsm-apic below 1 --micro svsm-apic
	check micro-svsm-deliver below 1 --micro svsm-deliver
	check micro-svsm-deliver-icount below 1 --icount --micro svsm-deliver
	for vmpl in 1 3; do
		check "micro-svsm-deliver-vmpl$vmpl" below 1 --vmpl $vmpl \
			--micro svsm-deliver
	done
	for cpus in 2 4; do
		check "micro-svsm-ipi-${cpus}cpu" below $cpus --micro svsm-ipi \
			--append count=20
	done
	for state in empty irr isr nmi level tpr locked others; do
		check "micro-svsm-handoff-$state" below 3 --micro svsm-handoff \
			--append "state=$state"
	done
}

# ---- hostile guests ---------------------------------------------------------

# stops_with RESULT OPTIONS...: the run ends for that reason and no other.
stops_with() {
	result=$1
	shift
	run --report "$tmp/stop.json" "$@"
	jq -e --arg result "$result" '.result == $result' "$tmp/stop.json"
}

# dma_refused TRY QEMU-OPTIONS...: nothing but a line in the log and in the device.
dma_refused() {
	try=$1
	shift
	run --report "$tmp/stop.json" --injection normal --cpus 2 \
		--micro hostile-dma --append "try=$try" -- "$@" \
		2>"$tmp/log" || return 1
	grep 'dma refused: device .* of private page' "$tmp/log"
}

# named OPTIONS...: the run ends, well or for a reason that has a name.
named() {
	run --report "$tmp/stop.json" "$@"
	jq -e '.result | IN("powered-off", "guest-panic", "rmp-fault",
		"vmrun-refused", "guest-terminated", "reset")' "$tmp/stop.json"
}

# A guest that waits for nothing can still be ended from outside.
halted() (
	limit=5
	stops_with timeout "$@"
)

# GUEST TRY RESULT: what the guest does ends in a good end or a named one.
hostile_tests() {
	for seed in 4 17 33; do
		check "micro-hostile-vmsa-$seed" named --injection normal \
			--cpus 2 --micro hostile-vmsa --append "seed=$seed"
	done
	check micro-hostile-halt halted --injection normal --cpus 2 \
		--micro hostile-pages --append try=halt-masked
	check micro-hostile-dma-edu dma_refused edu -device edu,addr=4
	check micro-hostile-dma-fw-cfg dma_refused fw-cfg
	check micro-hostile-dma-virtio dma_refused virtio -device \
		virtio-rng-pci,addr=4,disable-legacy=on,iommu_platform=on
	check micro-hostile-dma-bare dma_refused bare -device \
		virtio-rng-pci,addr=4,disable-legacy=on
	check micro-hostile-dma-hpet dma_refused hpet
	check micro-hostile-dma-floppy dma_refused floppy -drive \
		if=floppy,driver=null-co,size=1474560,read-zeroes=on
	while read -r guest try result; do
		check "micro-$guest-$try" stops_with "$result" --injection \
			normal --cpus 3 --micro "$guest" --append "try=$try"
	done <<-'END'
	hostile-cpu tss-busy powered-off
	hostile-cpu tss-type guest-panic
	hostile-cpu tss-absent guest-panic
	hostile-cpu vc-loop guest-panic
	hostile-cpu page-locks rmp-fault
	hostile-cpu a20 powered-off
	hostile-cpu foreign-apic powered-off
	hostile-cpu watched-frame powered-off
	hostile-ghcb events powered-off
	hostile-ghcb ports powered-off
	hostile-ghcb msrs powered-off
	hostile-ghcb native powered-off
	hostile-ghcb mmio powered-off
	hostile-ghcb requests powered-off
	hostile-pages operands powered-off
	hostile-pages own-vmsa powered-off
	hostile-pages prefixes powered-off
	hostile-pages tables-odd powered-off
	hostile-pages ghcb-private powered-off
	hostile-pages code-shared rmp-fault
	hostile-pages cross-shared rmp-fault
	hostile-pages stack-shared rmp-fault
	hostile-pages idt-shared rmp-fault
	hostile-pages idt-rescinded guest-panic
	hostile-pages tables-shared rmp-fault
	hostile-pages tables-rescinded guest-panic
	hostile-pages tables-mmio rmp-fault
	hostile-pages read-private rmp-fault
	hostile-cpu chipset powered-off
	hostile-cpu storm powered-off
	hostile-ghcb pci powered-off
	END
}

# ---- exits per event --------------------------------------------------------

# count_exits GUEST MODE EVENT COUNT CPUS: all VMGEXITs, all automatic exits and
# all VMPL switches of a run.
count_exits() {
	run --guest "$1" --injection "$2" --cpus "$5" --icount --seed 1 \
		--micro exits --append "event=$3 count=$4" \
		--report "$tmp/exits.json" -- -device edu,addr=4 \
		>/dev/null || return 1
	jq -r '[([.vcpus[].vmgexits | add // 0] | add),
		([.vcpus[].automatic_exits | del(.["0x403"]) | add // 0] |
		add), ([.vcpus[].vmpl_switches] | add)] | @tsv' \
		"$tmp/exits.json"
}

# budget GUEST MODE EVENT CPUS MAX-VMGEXITS MAX-OTHERS MAX-SWITCHES: for 200
# events, each with one decimal place (the numbers are tenths).
budget() {
	few=$(count_exits "$1" "$2" "$3" 10 "$4") || return 1
	many=$(count_exits "$1" "$2" "$3" 210 "$4") || return 1
	set -- "$@" $few $many
	vmgexits=$(((${11} - $8) / 20))
	others=$(((${12} - $9) / 20))
	switches=$(((${13} - ${10}) / 20))
	echo "$1 $2 $3: $vmgexits VMGEXITs, $others other exits, $switches" \
		"VMPL switches in ten events"
	[ "$vmgexits" -le "$5" ] && [ "$others" -le "$6" ] &&
		[ "$switches" -le "$7" ]
}

# What the table of docs/measurements.md shows, in tenths: the most VMGEXITs,
# other exits and VMPL switches.
budget_tests() {
	while read -r guest mode event cpus vmgexits others switches; do
		case $guest in
		vmpl0) name=$mode ;;
		*) name=$guest-$mode ;;
		esac
		check "budget-$name-$event" budget "$guest" "$mode" "$event" \
			"$cpus" "$vmgexits" "$others" "$switches"
	done <<-'END'
	vmpl0 secure-avic eoi 1 0 0 0
	vmpl0 secure-avic tpr 1 0 0 0
	vmpl0 secure-avic cr8 1 0 0 0
	vmpl0 secure-avic self 1 0 0 0
	vmpl0 secure-avic ipi 2 10 0 0
	vmpl0 secure-avic broadcast 4 10 0 0
	vmpl0 secure-avic edge 1 30 10 0
	vmpl0 secure-avic timer 1 10 10 0
	vmpl0 secure-avic level 1 30 0 0
	vmpl0 secure-avic halt 1 10 10 0
	vmpl0 normal eoi 1 10 0 0
	vmpl0 normal cr8 1 0 0 0
	vmpl0 normal self 1 20 0 0
	vmpl0 normal ipi 2 20 10 0
	vmpl0 normal broadcast 4 40 30 0
	vmpl0 normal edge 1 40 10 0
	vmpl0 normal timer 1 20 10 0
	vmpl0 normal level 1 30 0 0
	svsm alternate eoi 1 20 0 20
	svsm alternate tpr 1 20 0 20
	svsm alternate cr8 1 0 0 0
	svsm alternate self 1 20 0 20
	svsm alternate ipi 2 40 10 40
	svsm alternate broadcast 4 60 30 80
	svsm alternate edge 1 40 10 20
	svsm alternate timer 1 20 10 20
	svsm alternate level 1 40 10 20
	svsm alternate halt 1 20 20 20
	paravisor alternate eoi 1 10 0 20
	paravisor alternate cr8 1 0 0 0
	paravisor alternate tpr 1 10 0 20
	paravisor alternate self 1 10 0 20
	paravisor alternate ipi 2 20 10 40
	paravisor alternate broadcast 4 40 30 80
	paravisor alternate edge 1 70 10 80
	paravisor alternate timer 1 20 10 40
	paravisor alternate level 1 50 0 40
	paravisor alternate halt 1 20 20 40
	paravisor secure-avic eoi 1 0 0 0
	paravisor secure-avic cr8 1 0 0 0
	paravisor secure-avic tpr 1 0 0 0
	paravisor secure-avic self 1 0 0 0
	paravisor secure-avic ipi 2 10 0 20
	paravisor secure-avic broadcast 4 10 0 20
	paravisor secure-avic edge 1 60 10 60
	paravisor secure-avic timer 1 10 10 20
	paravisor secure-avic level 1 50 0 60
	paravisor secure-avic halt 1 20 20 40
	END
}

# ---- Linux ------------------------------------------------------------------

. "$(dirname "$0")/system_linux.sh"

micro_tests
svsm_micro_tests
sweep_tests
hostile_tests
budget_tests
linux_tests
pio_tests
savic_below_tests
[ "$suite" = quick ] || full_tests
[ "$suite" != list ] || exit 0
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
