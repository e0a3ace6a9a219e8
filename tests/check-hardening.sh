#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the compiler was asked for to make an attack harder, read from the programs that came out.
set -u
cd "${abs_top_builddir:?}/src" || exit 1
[ "${HARDENING:?}" = yes ] || exit 0
failed=0
say() {
	echo "$*"
	failed=1
}

for program in expresslinkd expresslinkctl expresslinkd-fetch expresslinkd-resolve; do
	header=$(readelf -W -h "$program") segments=$(readelf -W -l "$program")
	dynamic=$(readelf -W -d "$program") symbols=$(readelf -W --dyn-syms "$program")
	has() { # what, text, expression
		printf '%s\n' "$2" | grep -qE "$3" || say "$program: $1"
	}
	hasnt() {
		printf '%s\n' "$2" | grep -qE "$3" && say "$program: $1"
	}
	has "not position independent" "$header" 'Type: *DYN'
	has "no RELRO" "$segments" GNU_RELRO
	has "symbols are not bound at start" "$dynamic" 'BIND_NOW|FLAGS.* NOW'
	has "the stack may be executable" "$segments" 'GNU_STACK.* RW '
	hasnt "looks for libraries in folders of its own" "$dynamic" 'RPATH|RUNPATH'
	hasnt "relocates its text" "$dynamic" TEXTREL
	[ $program = expresslinkd-resolve ] || has "no stack protector" "$symbols" __stack_chk_fail
	# The sanitizers, and coverage, which is not optimised, do without.
	[ -n "${SANITIZERS-}" ] || [ "${COVERAGE-}" = yes ] || [ $program = expresslinkd-resolve ] ||
		has "_FORTIFY_SOURCE is off" "$symbols" '__[a-z]*(printf|read|mem[a-z]*|str[a-z]*)_chk'
	# In the code and not in its notes: those tell of the C library's part too.
	case $header in
	*X86-64*) landing=endbr64 ;;
	*AArch64*) landing='bti|paciasp' ;;
	*) continue ;;
	esac
	# A few there are anyway, from the compiler's own objects.
	[ $program != expresslinkd ] || [ "$(objdump -d "$program" | grep -cE "$landing")" -ge 100 ] ||
		say "$program: no control flow protection"
done
exit $failed
