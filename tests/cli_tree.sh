# SPDX-License-Identifier: MIT
#
# The tree of tests/cli.sh, with stand-ins for all that is booted, and its
# checks; sourced, with $belfry, $tree and $mark set.

# ---- the stand-ins --------------------------------------------------------

# poke FILE OFFSET BYTES: BYTES in printf's octal.
poke()
{
	printf "$3" | dd of="$1" bs=1 seek=$(($2)) conv=notrunc 2>/dev/null
}

# make_kernel FILE AND-IMM32: header, 8 KiB of "code", the mask at its end.
make_kernel()
{
	head -c 9216 /dev/zero >"$1"
	poke "$1" 0x1f1 '\001'
	poke "$1" 0x1f4 '\000\002\000\000'		# syssize: 8 KiB
	poke "$1" 0x1fe '\125\252'
	poke "$1" 0x200 '\353\176HdrS\017\002'
	poke "$1" 0x211 '\001'				# loaded high
	poke "$1" 0x22c '\377\377\377\177'		# initrd_addr_max
	poke "$1" 0x230 '\000\000\040\000\001'		# alignment
	poke "$1" 0x236 '\001\000\377\007'		# 64-bit, command line
	poke "$1" 0x248 '\000\004\000\000\000\002\000\000'	# payload
	poke "$1" 0x258 '\000\000\000\001\000\000\000\000'	# 16 MiB
	poke "$1" 0x260 '\000\000\001\000'		# init_size
	poke "$1" 0x2000 "\\110\\045$2"
}

make_initrd()
{
	printf '070701%0104dTRAILER!!!' 0 |
		sed 's/^\(070701.\{88\}\)00000000/\10000000B/' >"$1"
	printf '\000\000\000\000' >>"$1"
}

# The engine: does what $FAKE says.
make_engine()
{
	cat >"$1" <<'EOF'
#!/bin/sh
[ "$1" != --version ] || { echo "QEMU emulator version 0"; exit 0; }
printf '%s\n' "$@" >"$FAKE_ARGS"
for word; do
	case $word in
	belfry,*config=*) config=${word##*config=} ;;
	esac
done
report=$(sed -n 's/.*"report": "\(.*\)",*/\1/p' "$config")
account()
{
	printf '{"result": "%s", "reason": "%s", "guest_seconds": 1.5,
	"violations": [], "vcpus": [{"id": 0, "vmgexits": {"0x7b": 3},
	"automatic_exits": {"0x78": 2}, "vc": {"0x72": 1}}], "vectors":
	{"0x31": {"posted": 7, "presented": 6, "refused": 1, "eoi": 6}}}' \
		"$1" "$2" >"$report"
}
# A line of the load "flood": CPU NUMBER.
line()
{
	x=$(((($1 + 1) * 0x9e3779b1 ^ $2 * 0x85ebca6b) & 0xffffffff))
	printf 'belfry: flood %d %d %08x\r\n' $1 $2 $((x ^ x >> 15))
}
printf 'Linux version 0\r\n'
case $FAKE in
ok)		printf 'belfry: result ok\r\n'; account powered-off ;;
silent)		account powered-off ;;
load-failed)	printf 'belfry: result FAILED: one was lost\r\n'
		account powered-off ;;
quoted)		echo 'said belfry: result ok'; account powered-off ;;
panic)		printf '[    0.1] Kernel panic - not syncing: \377\033\n'
		account reset ;;
halted)		printf 'Decoding failed\n\n -- System halted'
		exec sleep $FAKE_MARK ;;
refused)	echo 'belfry: result FAILED: later'
		account rmp-fault "bad page" ;;
reset)		echo 'belfry: result ok'; account reset "by itself" ;;
terminated)	account guest-terminated "reason 0x2" ;;
broken)		echo '{"result": ' >"$report" ;;
crash)		echo x >&2; sleep 1; printf 'went wrong' >&2; exit 3 ;;
kill)		kill -KILL $$ ;;
hang)		exec sleep $FAKE_MARK ;;
stubborn)	trap '' TERM; sleep $FAKE_MARK ;;
orphan)		sleep $FAKE_MARK & printf 'belfry: result ok\n'
		account powered-off ;;
flood)		exec yes ;;
lines*)		line 0 0; line 1 0; line 0 1
		case $FAKE in
		lines-lost)	line 1 2 ;;
		lines-torn)	printf 'belfry: flood 1 '; line 0 2 ;;
		lines-wrong)	echo 'belfry: flood 1 1 00000000' ;;
		esac
		line 1 1
		case $FAKE in
		lines-few)	echo 'belfry: load flood: ok expected=5 seen=5' ;;
		*)		echo 'belfry: load flood: ok expected=4 seen=4' ;;
		esac
		echo 'belfry: result ok'
		account powered-off ;;
echo)		read -r line; echo "got $line"; echo 'belfry: result ok'
		account powered-off ;;
esac
EOF
	chmod +x "$1"
}

make_tree()
{
	mkdir -p "$tree/tmp" "$tree/out" "$tree/build/engine" \
		"$tree/build/kernel/savic" "$tree/build/kernel/stock" \
		"$tree/build/kernel/svsm" "$tree/build/kernel/generic" \
		"$tree/build/guest/micro"
	cp "$belfry" "$tree/build/belfry"
	: >"$tree/build/libbelfry.so"
	make_engine "$tree/build/engine/qemu-system-x86_64"
	make_kernel "$tree/build/kernel/savic/bzImage" '\170\264\171\377'
	make_kernel "$tree/build/kernel/svsm/bzImage" '\070\264\171\377'
	make_kernel "$tree/build/kernel/stock/vmlinuz" '\170\264\175\377'
	make_kernel "$tree/build/kernel/generic/vmlinuz" '\170\264\175\377'
	echo CONFIG_NR_CPUS=64 >"$tree/build/kernel/savic/config"
	make_initrd "$tree/build/initrd.img"
	# The monitor itself: it is examined as a whole.
	cp "$(dirname "$belfry")/svsm.elf" "$tree/build/svsm.elf"
}

# ---- checks ---------------------------------------------------------------

title()
{
	printf '%.70s' "$1" | tr '\n' ' '
}

pass()
{
	passed=$((passed + 1))
	echo "ok      $(title "$1")"
}

flunk()
{
	failed=$((failed + 1))
	echo "FAILED  $(title "$1"): $2"
}

# Nothing of ours may be left: files, processes.
leftovers()
{
	ls -A "$tree/tmp" "$tree/out" | grep -v -e : -e '^$' | tr '\n' ' '
	ps -eo pid,args | grep -F -e "$mark" -e "$tree/build/engine" |
		grep -v -e grep | tr '\n' ' '
}

# verify TEXT STATUS PATTERN: the last try's exit status, what stderr has,
# and that it is one line and leaves nothing.
verify()
{
	left=$(leftovers)
	lines=$(wc -l <"$tree/stderr")
	if [ "$status" != "$2" ]; then
		flunk "$1" "exit status $status, not $2; $(cat "$tree/stderr")"
	elif [ "$3" ] && ! grep -q -e "$3" "$tree/stderr"; then
		flunk "$1" "says '$(cat "$tree/stderr")', not '$3'"
	elif [ "$3" ] && [ "$lines" != 1 ]; then
		flunk "$1" "$lines lines on stderr"
	elif [ ! "$3" ] && [ "$lines" != 0 ]; then
		flunk "$1" "says '$(cat "$tree/stderr")'"
	elif [ "$left" ]; then
		flunk "$1" "leaves $left"
	else
		pass "$1"
	fi
}

b()
{
	FAKE_ARGS=$tree/args FAKE_MARK=$mark FAKE=${FAKE:-ok} \
		"$tree/build/belfry" "$@" >"$tree/stdout" 2>"$tree/stderr" \
		</dev/null
	status=$?
}

# try STATUS PATTERN ARGUMENTS
try()
{
	want=$1 pattern=$2
	shift 2
	b "$@"
	verify "$*" "$want" "$pattern"
}

# found TEXT PATTERN FILE
found()
{
	if grep -q -e "$2" "$3"; then
		pass "$1"
	else
		flunk "$1" "no '$2' in $(head -c 300 "$3")"
	fi
}
