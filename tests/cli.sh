#!/bin/sh
# SPDX-License-Identifier: MIT
#
# cli.sh [BELFRY]: what the command says and leaves behind when nothing is
# booted. A shell script stands in for the engine, in a tree of its own; the
# kernels and initramfs there are just whole enough to be examined.
#
# Prints "ok TEXT" or "FAILED TEXT: why" per check, then the sums.

belfry=$(realpath "${1:-build/belfry}")
tree=$(mktemp -d) || exit 1
trap 'rm -rf "$tree"' EXIT
passed=0
failed=0

# A number that no other process has in its arguments.
mark=31$$.5
TMPDIR=$tree/tmp
export TMPDIR
unset BELFRY_ENGINE

. "$(dirname "$0")/cli_tree.sh"

# ---- words and numbers ----------------------------------------------------

usage_errors()
{
	try 2 '^belfry: no command'
	try 2 "no command 'frobnicate'" frobnicate
	try 2 'unknown option' run --frobnicate
	try 2 'missing argument' run --cpus
	try 2 'not an option' run frobnicate
	try 2 'not within 1 to 255' run --cpus 0
	try 2 'not within 1 to 255' run --cpus 256
	try 2 'not a number' run --cpus two
	try 2 'not a number' run --cpus -1
	try 2 'not a number' run --cpus 2x
	try 2 'not within' run --cpus 99999999999999999999
	try 2 'built for at most 64' run --injection secure-avic --cpus 65
	try 2 'too small' run --memory 1M
	try 2 'too large' run --memory 1000G
	try 2 'too large' run --memory 99999999999G
	try 2 'not a size' run --memory 12Q
	try 2 'not a size' run --memory -12M
	try 2 'not a multiple' run --memory 268435457
	try 2 'none of normal' run --injection frobnicate
	try 2 'none of vmpl0' run --guest frobnicate
	try 2 'only the monitor' run --guest svsm --injection restricted
	try 2 'none of enabled' run --guest svsm --injection alternate \
		--handover frobnicate
	try 2 'anything to hand over' run --guest svsm --handover locked
	try 2 'the monitor.s to present' run --guest paravisor \
		--injection normal
	try 2 'not there yet' run --trace "$tree/out/t"
	try 2 'none of idle' run --load frobnicate
	try 2 'only an SNP guest has that device' run --sweep --guest plain
	try 2 'none of virtio' run --devices frobnicate
	try 2 'not within' run --load-seconds 0
	try 2 'not a number' run --load-seconds 1m
	try 2 'names none of strict_virq' run --switch frobnicate=on
	try 2 'neither scramble_off=on' run --switch scramble_off=1
	try 2 'neither scramble_off=on' run --switch scramble_off
	try 2 'not within' run --timeout 0
	try 2 'not a number' run --seed x
	try 2 'not within' run --gdb 65536
	try 2 'one line' run --append 'a
b'
	try 2 'more than' run --append "$(head -c 5000 /dev/zero | tr '\0' a)"
	try 2 'build, show or check' igvm
	try 2 'none of build' igvm frobnicate
	try 2 'which file' igvm show
	try 2 'one file' igvm check a b
	try 2 '-o FILE is missing' igvm build
	try 2 'not an option' doctor now
	try 2 'not an option' version now
	try 2 'no command' help frobnicate
}

contradictions()
{
	try 2 'restricted is refused with Linux at VMPL0' \
		run --injection restricted
	try 2 'nobody is above VMPL0' run --guest vmpl0 \
		--injection alternate
	try 2 'no SEV-SNP' run --guest plain --injection secure-avic
	try 2 'neither on nor off' run --secure-avic=yes
	try 2 'leaves it to the monitor' run --guest vmpl0 --secure-avic=on
	try 2 'contradict' run --guest paravisor --secure-avic=on \
		--injection alternate
	try 2 'contradict' igvm build -o "$tree/out/x" --guest paravisor \
		--secure-avic=off --injection secure-avic
	try 2 'neither host nor monitor' run --timer me
	try 2 'has a choice' run --guest paravisor --secure-avic=off \
		--timer host
	try 2 'not as many' run --cpus 2 --apic-ids 1
	try 2 'not as many' run --cpus 2 --apic-ids 1,2,3
	try 2 'there twice' run --cpus 2 --apic-ids 1,1
	try 2 'not within' run --cpus 2 --apic-ids 1,255
	try 2 'those of the emulator' run --guest plain --apic-ids 0
	try 2 'micro guests need' run --guest plain --micro a
	try 2 'contradict' run --igvm a --kernel b
	try 2 'contradict' run --igvm a --initrd b
	try 2 'contradict' run --igvm a --append b
	try 2 'contradict' run --igvm a --micro b
	try 2 'contradict' run --micro a --kernel b
	try 2 'contradict' run --micro a --load idle
	try 2 'contradict' run --initrd a --load idle
	try 2 'contradict' run --micro a --devices pio
	try 2 'contradict' run --micro a --load-seconds 1
	try 2 'contradict' run --initrd a --load-seconds 1
	try 2 'where no device may reach' run --guest paravisor \
		--devices virtio
	try 2 'has no drivers' run --injection secure-avic --devices pio
	try 1 'refuses --injection secure-avic' run --injection secure-avic \
		--kernel "$tree/build/kernel/stock/vmlinuz"
	try 1 'refuses --injection secure-avic' igvm build -o "$tree/out/x" \
		--injection secure-avic \
		--kernel "$tree/build/kernel/stock/vmlinuz"
}

# ---- files ----------------------------------------------------------------

bad_files()
{
	k=$tree/build/kernel/savic/bzImage
	i=$tree/build/initrd.img
	d=$tree/bad
	mkdir "$d"
	mkfifo "$d/fifo"
	: >"$d/empty"
	echo frobnicate >"$d/text"
	head -c 5000 "$k" >"$d/short-kernel"
	head -c 700 "$k" >"$d/shorter-kernel"
	cp "$k" "$d/payload"
	poke "$d/payload" 0x248 '\377\377\377\377'
	head -c 60 "$i" >"$d/short-initrd"
	gzip -c "$belfry" | head -c 20000 >"$d/short.gz"
	gzip -c "$belfry" >"$d/flipped.gz"
	poke "$d/flipped.gz" 9000 '\000\001\002\003\004'
	head -c 4096 /dev/zero >"$d/zeroes"

	try 2 'not a usable file name' run --kernel ''
	try 1 'cannot read the kernel' run --kernel "$d/none"
	try 1 'not a regular file' run --kernel "$d"
	try 1 'not a regular file' run --kernel "$d/fifo"
	try 1 'not a regular file' run --kernel /dev/zero
	try 1 'is empty' run --kernel "$d/empty"
	try 1 'no boot header' run --kernel "$d/text"
	try 1 'truncated' run --kernel "$d/short-kernel"
	try 1 'truncated' run --kernel "$d/shorter-kernel"
	try 1 'payload lies outside' run --kernel "$d/payload"
	try 1 'cannot read the initrd' run --initrd "$d/none"
	try 1 'is empty' run --initrd "$d/empty"
	try 1 'neither cpio' run --initrd "$d/text"
	try 1 'only zeroes' run --initrd "$d/zeroes"
	try 1 'truncated or damaged' run --initrd "$d/short-initrd"
	try 1 'truncated or damaged' run --initrd "$d/short.gz"
	try 1 'truncated or damaged' run --initrd "$d/flipped.gz"
	try 1 'no micro guest' run --micro none
	try 2 'not a name' run --micro ../none
	try 1 'cannot read the IGVM' run --igvm "$d/none"
	try 1 'is refused' run --igvm "$d/text"
	try 1 'cannot write' run --report "$tree/none/report.json"
	try 1 'is a directory' run --report "$tree/out"
	try 1 'cannot write' igvm build -o "$tree/none/x"
}

missing_parts()
{
	for part in engine/qemu-system-x86_64:engine libbelfry.so:all \
		    kernel/savic/bzImage:kernel-savic initrd.img:initrd.img; do
		file=$tree/build/${part%:*}
		mv "$file" "$file.away"
		try 1 "make .*${part#*:}' makes it" run \
			--injection secure-avic
		b doctor
		if [ $status != 0 ]; then
			pass "doctor without ${part%:*}"
		else
			flunk "doctor without ${part%:*}" "exit status 0"
		fi
		found "doctor names ${part%:*}" "^missing.*make" "$tree/stdout"
		mv "$file.away" "$file"
	done
	mv "$tree/build/kernel/svsm" "$tree/svsm"
	try 1 "make kernel-svsm' makes it" \
		run --guest svsm --injection alternate
	mv "$tree/svsm" "$tree/build/kernel/svsm"
	mv "$tree/build/kernel/stock" "$tree/stock"
	try 1 "make kernel-stock' makes it" run --injection normal
	mv "$tree/stock" "$tree/build/kernel/stock"
	mv "$tree/build/kernel/generic" "$tree/generic"
	try 1 "make kernel-generic' makes it" run --guest paravisor
	try 1 "make kernel-generic' makes it" run --injection normal \
		--devices pio
	mv "$tree/generic" "$tree/build/kernel/generic"
	try 0 '' doctor
}

no_space()
{
	TMPDIR=$tree/none
	try 1 'cannot make a directory' run
	TMPDIR=$tree/tmp
	# A file that may not grow: what a full disk does, without one.
	(
		trap '' XFSZ
		ulimit -f 4
		FAKE_ARGS=/dev/null FAKE=ok "$tree/build/belfry" run \
			>/dev/null 2>"$tree/stderr"
	)
	status=$?
	verify 'run on a full disk' 1 'cannot write .*File too large'
}

igvm_round_trip()
{
	f=$tree/one.igvm
	try 0 '' igvm build --injection secure-avic --cpus 3 -o "$f"
	try 0 '' igvm check "$f"
	found 'igvm check says ok' ': ok, [0-9]* bytes' "$tree/stdout"
	try 0 '' igvm show "$f"
	found 'igvm show names the platform' 'SEV-SNP' "$tree/stdout"
	found 'igvm show has the features' 'features 10001' "$tree/stdout"
	try 0 '' igvm build --injection secure-avic --cpus 3 \
		-o "$tree/two.igvm"
	if cmp -s "$f" "$tree/two.igvm"; then
		pass 'igvm build twice gives equal bytes'
	else
		flunk 'igvm build twice gives equal bytes' 'they differ'
	fi
	try 0 '' run --igvm "$f"
	try 1 'needs RAM up to the address 0x2000' run --igvm "$f" \
		--memory 256M
	try 2 'contradicts the IGVM file' run --igvm "$f" --injection normal
	size=$(wc -c <"$f")
	head -c $((size - 1)) "$f" >"$tree/short.igvm"
	cp "$f" "$tree/flipped.igvm"
	poke "$tree/flipped.igvm" 100 '\377'
	for bad in short flipped; do
		try 1 "$bad.igvm" igvm check "$tree/$bad.igvm"
		try 1 "$bad.igvm" igvm show "$tree/$bad.igvm"
		try 1 'is refused' run --igvm "$tree/$bad.igvm"
	done
	try 0 '' igvm build --guest plain -o "$tree/plain.igvm"
	try 1 'not for SEV-SNP' run --igvm "$tree/plain.igvm"
	"$tree/build/belfry" igvm show "$f" >/dev/full 2>"$tree/stderr"
	status=$?
	verify 'igvm show to a full disk' 1 'cannot write the output'
	try 1 'cannot write /dev/full' run --report /dev/full
}

help_texts()
{
	for command in '' run igvm 'igvm build' 'igvm show' 'igvm check' \
		       doctor version help; do
		try 0 '' $command --help
		found "$command --help says how" '^Usage: belfry' \
			"$tree/stdout"
	done
	try 0 '' run --cpus nonsense --help
	try 0 '' version
	found 'version says it' '^belfry [0-9]' "$tree/stdout"
	try 0 '' --version
	try 0 '' help run
	found 'help run is run --help' '--injection' "$tree/stdout"
	b run --help
	for gone in trace attack; do
		if grep -q -e "--$gone" "$tree/stdout"; then
			flunk "run --help without --$gone" 'it is there'
		else
			pass "run --help without --$gone"
		fi
	done
}

# ---- runs -----------------------------------------------------------------

# outcome FAKE STATUS PATTERN RESULT [ARGUMENTS]: and the report says so.
outcome()
{
	FAKE=$1 want=$2 pattern=$3 result=$4
	shift 4
	b run --report "$tree/report.json" "$@"
	verify "run: $FAKE $*" "$want" "$pattern"
	found "report: $FAKE" "\"result\": \"$result\"" "$tree/report.json"
	rm -f "$tree/report.json"
	FAKE=
}

outcomes()
{
	outcome ok 0 '' powered-off
	outcome load-failed 1 'load-failed: one was lost' load-failed
	outcome silent 1 'load-silent' load-silent
	outcome quoted 1 'load-silent' load-silent
	outcome silent 0 '' powered-off --initrd "$tree/build/initrd.img"
	outcome panic 1 'guest-panic: Kernel panic .*: ??$' guest-panic
	outcome halted 1 'guest-panic: Decoding failed' guest-panic
	outcome refused 1 'rmp-fault: bad page' rmp-fault
	outcome reset 1 'reset: by itself' reset
	outcome terminated 1 'guest-terminated: reason 0x2' guest-terminated
	outcome broken 1 'engine-failed' engine-failed
	outcome kill 1 'engine-failed: .*signal 9' engine-failed
	outcome hang 1 'timeout: .* 1 seconds' timeout --timeout 1
	outcome flood 1 'timeout' timeout --timeout 1
	outcome stubborn 1 'timeout' timeout --timeout 1
	outcome orphan 0 '' powered-off
	outcome lines 0 '' powered-off --load flood
	outcome lines-lost 1 'line 2 of CPU 1 where line 1 was due' \
		load-failed --load flood
	outcome lines-torn 1 'not a whole line' load-failed --load flood
	outcome lines-wrong 1 'not a whole line' load-failed --load flood
	outcome lines-few 1 '4 of 5 lines' load-failed --load flood
	outcome lines-lost 0 '' powered-off
	FAKE=crash
	b run
	grep -vx x "$tree/stderr" >"$tree/last"
	mv "$tree/last" "$tree/stderr"
	verify 'run: crash' 1 'engine-failed: .*status 3.*went wrong'
	FAKE=
}

contents()
{
	FAKE=ok
	b run --report "$tree/r" --table --cpus 3 --injection normal
	for key in '"injection": "normal"' '"guest": "vmpl0"' '"cpus": 3' \
		   '"guest_seconds": 1.5' '"wall_seconds": ' '"attacks": \[' \
		   '"posted": 7' '"violations": \['; do
		found "report has $key" "$key" "$tree/r"
	done
	rm "$tree/r"
	found 'console is passed on' '^Linux version 0' "$tree/stdout"
	found 'table has vectors' '0x31  *7  *6  *1  *6' "$tree/stdout"
	found 'table names exits' '0x7b  *IOIO  *3' "$tree/stdout"
	found 'table names #VC' '0x72  *CPUID  *1' "$tree/stdout"
	b run
	if [ "$(cat "$tree/stdout")" = "$(printf \
	   'Linux version 0\r\nbelfry: result ok\r')" ]; then
		pass 'no table where there is no terminal'
	else
		flunk 'no table where there is no terminal' \
			"$(cat "$tree/stdout")"
	fi
}

# has WORD, lacks WORD: in what the engine was given.
has()
{
	found "engine gets $1" "$1" "$tree/args"
}

lacks()
{
	if grep -q -e "$1" "$tree/args"; then
		flunk "engine does not get $1" 'it does'
	else
		pass "engine does not get $1"
	fi
}

arguments()
{
	b run --injection normal --load mixed --cpus 2 -- -frobnicate 7
	has '^-frobnicate$'
	has 'virtio-blk-pci,.*iommu_platform=on'
	has 'virtio-net-pci,.*vectors=0'
	has '^2,sockets=1'
	has 'thread=multi'
	lacks '^-S$'
	lacks 'pcie-root-port'
	b run --load mixed --injection normal --devices pio
	has '^ide-hd,drive=disk1,bus=ide.1$'
	has '^ne2k_pci,netdev=net1'
	has '^ioh3420,'
	has '^pcie-root-port,'
	lacks 'virtio'
	b run --guest paravisor --load disk
	has '^ide-hd,drive=disk1,bus=ide.1$'
	b run --load msi
	has '^ioh3420,'
	lacks 'disk'
	b run --load ipi --icount --seed 7 --gdb 4321
	lacks 'virtio'
	has 'shift=1,sleep=off'
	has 'thread=single'
	has '^7$'
	has 'tcp:127.0.0.1:4321'
	b run --gdb
	has 'tcp:127.0.0.1:1234'
	mkdir "$tree/tmp,tmp"
	TMPDIR=$tree/tmp,tmp
	b run
	has 'tmp,,tmp'
	TMPDIR=$tree/tmp
	echo hello | FAKE=echo FAKE_ARGS=$tree/args "$tree/build/belfry" \
		run --load shell >"$tree/stdout" 2>"$tree/stderr"
	found 'keys reach a shell' 'got hello' "$tree/stdout"
}

# stop_by SIGNAL STATUS [FAKE]
stop_by()
{
	: >"$tree/stdout"
	FAKE=${3:-hang} FAKE_ARGS=$tree/args FAKE_MARK=$mark \
		env --default-signal "$tree/build/belfry" run \
		--report "$tree/out/r" >"$tree/stdout" 2>"$tree/stderr" &
	pid=$!
	tries=50
	while ! grep -q Linux "$tree/stdout" && [ $tries -gt 0 ]; do
		sleep 0.1
		tries=$((tries - 1))
	done
	kill -s "$1" $pid
	wait $pid
	status=$?
	verify "SIG$1 while it runs (${3:-hang})" "$2" 'interrupted'
}

# Killed outright it cannot clean up, but its engine must not live on.
orphaned()
{
	FAKE=hang FAKE_ARGS=$tree/args FAKE_MARK=$mark \
		"$tree/build/belfry" run >"$tree/stdout" 2>/dev/null &
	pid=$!
	sleep 1
	kill -KILL $pid
	wait $pid 2>/dev/null
	sleep 0.3
	rm -rf "$tree/tmp"/*
	left=$(leftovers)
	if [ "$left" ]; then
		flunk 'the engine dies with a killed parent' "$left"
	else
		pass 'the engine dies with a killed parent'
	fi
}

signals()
{
	stop_by INT 130
	stop_by TERM 143
	stop_by HUP 129
	stop_by INT 130 stubborn
	stop_by INT 130 flood
	orphaned
	FAKE=flood FAKE_ARGS=$tree/args "$tree/build/belfry" run \
		2>"$tree/stderr" | head -n 1 >/dev/null
	status=1
	verify 'run | head' 1 'output-lost'
}

# ---- an installation ------------------------------------------------------

installed()
{
	mkdir -p "$tree/usr/bin" "$tree/usr/lib/belfry" \
		"$tree/usr/share/belfry"
	cp "$belfry" "$tree/usr/bin/belfry"
	b=$tree/build s=$tree/usr/share/belfry
	cp "$b/libbelfry.so" "$b/engine/qemu-system-x86_64" \
		"$tree/usr/lib/belfry"
	cp -R "$b/kernel" "$b/initrd.img" "$b/svsm.elf" "$s"
	FAKE=ok FAKE_ARGS=$tree/args "$tree/usr/bin/belfry" run \
		>"$tree/stdout" 2>"$tree/stderr"
	status=$?
	verify 'an installed belfry finds its things' 0 ''
	found 'and its own library' "library=$tree/usr/" "$tree/args"
}

make_tree
usage_errors
contradictions
bad_files
missing_parts
no_space
igvm_round_trip
help_texts
outcomes
contents
arguments
signals
installed
echo "$passed passed, $failed failed"
[ $failed = 0 ]
