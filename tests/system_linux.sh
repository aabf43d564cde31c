# SPDX-License-Identifier: MIT
#
# tests/system.sh, the part that boots Linux; sourced by it.

same_twice() {
	for n in 1 2; do
		run --icount --seed 7 "$@" --report "$tmp/r$n" >"$tmp/c$n" ||
			return 1
		jq -S 'del(.wall_seconds)' "$tmp/r$n" >"$tmp/j$n"
	done
	cmp "$tmp/c1" "$tmp/c2" && cmp "$tmp/j1" "$tmp/j2"
}

# other_session FILTER OPTIONS...: a run whose engine gets another session than
# the command wrote.
other_session() {
	filter=$1
	shift
	engine=${BELFRY_ENGINE:-$(dirname "$belfry")/engine/qemu-system-x86_64}
	cat >"$tmp/poor-engine" <<-END
		#!/bin/sh
		f=\$(printf '%s\n' "\$@" | grep -o '[^,=]*session.json')
		jq '$filter' "\$f" >"\$f.new" && mv "\$f.new" "\$f"
		exec "$(realpath "$engine")" "\$@"
	END
	chmod +x "$tmp/poor-engine"
	BELFRY_ENGINE=$tmp/poor-engine "$belfry" run --timeout 60 \
		--report "$tmp/poor.json" "$@" >"$tmp/poor"
}

# What `belfry run` finds itself before, found by the launch.
launch_refused() {
	"$belfry" igvm build --injection normal --memory 512M \
		-o "$tmp/big.igvm" || return 1
	other_session ".igvm = \"$tmp/big.igvm\"" --injection normal \
		--memory 256M --micro hello
	jq -e '.result == "launch-refused" and
		(.reason | contains("RAM that is not there"))' \
		"$tmp/poor.json" || return 1
	other_session '.igvm = "/nowhere"' --injection normal --micro hello
	jq -e '.result == "launch-refused" and
		.reason == "cannot read /nowhere"' "$tmp/poor.json"
}

# FEATURES MODE: the monitor must stop by name on a host that lacks what it
# needs; under Alternate Injection that is one more (bit 9).
svsm_refuses_host() {
	other_session ".ghcb_features = $1" --guest svsm --injection "$2" \
		--micro hello
	grep 'svsm: stopped: the host lacks features' "$tmp/poor" &&
		jq -e '.result == "monitor-stopped"' "$tmp/poor.json"
}

# A kernel that knows nothing of Alternate Injection is not even started.
svsm_refuses_stock() {
	! run --guest svsm --injection alternate --kernel \
		"$(dirname "$belfry")/kernel/stock/vmlinuz" 2>"$tmp/stock" &&
		grep 'refuses --injection alternate' "$tmp/stock"
}

# An information page of another kind: the monitor has no voice yet.
svsm_refuses_info() {
	"$belfry" igvm build --guest svsm --injection normal \
		-o "$tmp/bad.igvm" || return 1
	at=$(grep -abo BLFYM "$tmp/bad.igvm" | cut -d: -f1 | tail -n 1)
	printf X | dd of="$tmp/bad.igvm" bs=1 seek="$at" conv=notrunc \
		2>/dev/null || return 1
	run --guest svsm --igvm "$tmp/bad.igvm" --report "$tmp/bad.json"
	jq -e '.result == "monitor-stopped" and
		(.reason | contains("information page"))' "$tmp/bad.json"
}

# Nineteen EOIs of twenty cost nothing: a byte in the calling area.
svsm_eoi_lazy() {
	linux --guest svsm --injection alternate --load disk --icount \
		--seed 1 &&
		jq -e '([.vcpus[].eoi_lazy] | add) as $lazy |
			([.vcpus[].eoi_explicit] | add) as $told |
			$lazy >= 19 * $told and $lazy > 100' "$tmp/linux.json"
}

# A second pair of NICs: each of PIIX3's two lines has two of them.
shared_lines() {
	linux --devices pio --load net "$@" -- \
		-netdev hubport,id=net2,hubid=1 \
		-device ne2k_pci,netdev=net2,addr=6,romfile= \
		-netdev hubport,id=net3,hubid=1 \
		-device ne2k_pci,netdev=net3,addr=7,romfile= >"$tmp/console" ||
		return 1
	grep 'load net: ok expected=1000 .*eth3.shared_irqs' "$tmp/console"
}

# flood LINES OPTIONS...: belfry run has checked the console; so do we, by
# other means: each CPU's lines, sorted, are as they came.
flood() (
	limit=1200
	lines=$1
	shift
	linux --load flood --append "belfry.scale=$((lines / 10000))" "$@" \
		>"$tmp/console" || exit 1
	tr -d '\r' <"$tmp/console" | sed -n 's/^belfry: flood //p' >"$tmp/came"
	sort -n -k 1,1 -s "$tmp/came" >"$tmp/by-cpu"
	sort -n -k 1,1 -k 2,2 -u "$tmp/came" >"$tmp/in-order"
	cmp "$tmp/by-cpu" "$tmp/in-order" &&
		[ "$(wc -l <"$tmp/came")" -eq "$lines" ]
)

# Devices without DMA, on the kernel that has drivers for them.
pio_tests() {
	while read -r guest mode; do
		check "linux-pio-$guest-$mode" linux --guest "$guest" \
			--injection "$mode" --devices pio --cpus 4 --load mixed
	done <<-'END'
	vmpl0 normal
	paravisor alternate
	END
	check linux-pio-shared-lines shared_lines --guest paravisor --cpus 2
	check linux-flood-vmpl0 flood 10000 --injection normal --cpus 4
	check linux-flood-paravisor flood 10000 --guest paravisor --cpus 4
}

# says TEXT OPTIONS...: the monitor says so, and the guest does its load.
says() (
	text=$1
	shift
	linux "$@" >"$tmp/console" || exit 1
	grep "^svsm: .*$text" "$tmp/console"
)

# Whether it is used stands in the file that is booted.
savic_switch() {
	for word in on off; do
		"$belfry" igvm build --guest paravisor --secure-avic=$word \
			--cpus 2 --load ipi -o "$tmp/$word.igvm" || return 1
		linux --guest paravisor --cpus 2 --igvm "$tmp/$word.igvm" \
			>"$tmp/$word" || return 1
	done
	grep '^svsm: APIC 0x1: Secure AVIC' "$tmp/on" &&
		! grep 'Secure AVIC' "$tmp/off"
}

# Secure AVIC below the monitor, for a kernel that knows nothing of it.
savic_below_tests() {
	below='--guest paravisor --injection secure-avic'
	for cpus in 1 2 4; do
		check "linux-paravisor-savic-${cpus}cpu" says \
			'APIC 0x0: Secure AVIC' $below --cpus $cpus --load mixed
	done
	check linux-paravisor-savic-switch savic_switch
	check linux-paravisor-savic-gaps says 'APIC 0x40: Secure AVIC' $below \
		--cpus 4 --apic-ids 0,3,17,64 --load mixed
	check linux-paravisor-savic-timer says 'APIC 0x1: Secure AVIC' $below \
		--timer monitor --cpus 2 --load timer
	check linux-paravisor-savic-hidden says 'this guest has none' \
		$below --no-x2apic --cpus 2 --load ipi
	check linux-paravisor-savic-xapic says 'APIC 0x1: an xAPIC' $below \
		--append nox2apic --cpus 2 --load mixed
	check micro-spoil run $below --cpus 2 --micro spoil
	check micro-spoil-neighbour stops_with rmp-fault $below --cpus 1 \
		--micro spoil --append try=neighbour
	for mode in alternate secure-avic; do
		check "micro-quirks-$mode" run --guest paravisor --injection \
			$mode --cpus 4 --apic-ids 0,3,17,64 --micro quirks \
			-- -device edu,addr=4
	done
	check linux-paravisor-savic-shared shared_lines $below --cpus 2
	check linux-flood-paravisor-savic flood 10000 $below --cpus 4
	check linux-paravisor-gaps linux --guest paravisor --cpus 4 \
		--apic-ids 0,3,17,64 --load ipi
}

linux_tests() {
	for mode in normal secure-avic; do
		for load in idle ipi timer disk net; do
			check "linux-$mode-$load" linux --injection $mode \
				--cpus 2 --load $load
		done
		check "linux-$mode-1cpu" linux --injection $mode --cpus 1 \
			--load mixed
		check "linux-$mode-4cpu" linux --injection $mode --cpus 4 \
			--load mixed
	done
	check linux-secure-avic-64cpu linux --injection secure-avic \
		--cpus 64 --memory 1G --load ipi
	for cpus in 1 2 4; do
		check "linux-svsm-normal-${cpus}cpu" linux --guest svsm \
			--injection normal --cpus $cpus --load mixed
	done
	for cpus in 1 2 4; do
		check "linux-svsm-alternate-${cpus}cpu" linux --guest svsm \
			--injection alternate --cpus $cpus --load mixed
	done
	for load in idle ipi timer disk net; do
		check "linux-svsm-alternate-$load" linux --guest svsm \
			--injection alternate --cpus 2 --load $load
	done
	for state in locked disabled; do
		check "linux-svsm-handover-$state" linux --guest svsm \
			--injection alternate --handover $state --cpus 2 \
			--load mixed
	done
	check linux-svsm-handover-stock linux --guest svsm \
		--injection alternate --handover disabled --cpus 2 \
		--load mixed --kernel "$(dirname "$belfry")/kernel/stock/vmlinuz"
	check linux-svsm-alternate-lazy svsm_eoi_lazy
	check svsm-refuses-stock svsm_refuses_stock
	check launch-refused launch_refused
	check svsm-refuses-host svsm_refuses_host 35 normal
	check svsm-refuses-host-alternate svsm_refuses_host 63 alternate
	check svsm-refuses-info svsm_refuses_info
	check linux-svsm-secure-avic linux --guest svsm \
		--injection secure-avic --cpus 2 --load mixed
	check linux-same-twice same_twice --injection secure-avic --cpus 2 \
		--load mixed
}

# soak OPTIONS...: ten minutes of everything.
soak() (
	limit=2400
	linux --cpus 4 --load mixed --load-seconds 600 "$@"
)

# Ten minutes of everything, and a long flood, for each pair.
soak_tests() {
	while read -r guest mode; do
		check "soak-$guest-$mode" soak --guest "$guest" \
			--injection "$mode"
		check "flood-$guest-$mode" flood 100000 --guest "$guest" \
			--injection "$mode" --cpus 4
	done <<-'END'
	vmpl0 normal
	vmpl0 secure-avic
	svsm normal
	svsm alternate
	svsm secure-avic
	paravisor alternate
	paravisor secure-avic
	END
}

full_tests() {
	soak_tests
	check linux-pio-plain linux --guest plain --devices pio --cpus 4 \
		--load mixed
	check linux-pio-1cpu linux --injection normal --devices pio \
		--cpus 1 --load mixed
	check linux-pio-svsm linux --guest svsm --devices pio --cpus 4 \
		--load mixed
	check linux-msi linux --injection normal --cpus 4 --load msi
	check linux-pio-shared-lines-vmpl0 shared_lines --injection normal \
		--cpus 2
	check linux-pio-same-twice same_twice --injection normal \
		--devices pio --cpus 2 --load mixed
	for mode in alternate secure-avic; do
		check "linux-paravisor-$mode-same-twice" same_twice \
			--guest paravisor --injection $mode --cpus 2 \
			--load mixed
		repeat 20 "linux-paravisor-$mode-mixed" linux \
			--guest paravisor --injection $mode --cpus 4 \
			--load mixed
	done
	check linux-paravisor-savic-32cpu linux --guest paravisor \
		--injection secure-avic --cpus 32 --memory 1G --load ipi
	check linux-paravisor-32cpu linux --guest paravisor --cpus 32 \
		--memory 1G --load ipi
	for mode in normal secure-avic; do
		repeat 20 "linux-$mode-mixed" linux --injection $mode \
			--cpus 4 --load mixed
	done
	repeat 20 linux-svsm-normal-mixed linux --guest svsm \
		--injection normal --cpus 4 --load mixed
	repeat 20 linux-svsm-alternate-mixed linux --guest svsm \
		--injection alternate --cpus 4 --load mixed
	check linux-svsm-alternate-32cpu linux --guest svsm \
		--injection alternate --cpus 32 --memory 1G --load ipi
	check linux-svsm-alternate-same-twice same_twice --guest svsm \
		--injection alternate --cpus 2 --load mixed
	check linux-svsm-normal-32cpu linux --guest svsm --injection normal \
		--cpus 32 --memory 1G --load ipi
	check linux-svsm-same-twice same_twice --guest svsm --injection normal \
		--cpus 2 --load mixed
}
