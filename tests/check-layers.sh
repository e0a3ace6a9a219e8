#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The floors of the house: who may include whom, which foreign headers live where, how long things may grow,
# and that every source file has its test. HACKING.md explains the rules.
set -u
cd "${abs_top_srcdir:-$(dirname "$0")/..}/src" || exit 1
bad=$(mktemp) || exit 1
trap 'rm -f "$bad"' EXIT

# room: the rooms it may include. Of at/ the middle floors may see at/error.h only.
allowed() {
	case $1 in
	util) echo util ;;
	at) echo at util ;;
	crypto) echo crypto util at/error.h ;;
	config) echo config crypto util at/error.h ;;
	queue) echo queue util at/error.h ;;
	cloud) echo cloud crypto config queue util at/error.h ;;
	board) echo board config queue util at/error.h ;;
	ota) echo ota cloud board crypto config queue util at/error.h ;;
	module) echo module ota cloud board crypto config queue at util ;;
	commands) echo commands module ota cloud board crypto config queue at util ;;
	control) echo control module ota cloud board crypto config queue at util ;;
	ctl) echo ctl control/protocol.h control/json.h control/certificates.h ota/container.h cloud board config crypto util at/error.h ;;
	helpers) echo helpers util/macro.h util/resolve.h cloud/fetch.h cloud/url.h ;;
	main.c) echo ctl control commands module ota cloud board crypto config queue at util ;;
	*) echo "" ;;
	esac
}

# A foreign header: the files that may include it.
home() {
	case $1 in
	mosquitto.h) echo cloud/mqtt.c cloud/topics.c ;; # topics: its pure functions over topics and filters
	openssl/*) echo 'crypto/*' cloud/mqtt.c ;;       # mqtt: what the library's handshake waits for
	gpiod.h) echo board/gpio.c ;;
	termios.h) echo at/port.c ;;
	ini.h) echo config/ini.c ;;
	systemd/sd-daemon.h) echo main.c ;;
	cjson/cJSON.h | cJSON.h) echo 'cloud/*' board/fix.c 'ota/*' 'control/*' 'ctl/*' ;; # fix: gpsd's reports
	curl/* | microhttpd.h) echo 'helpers/*' ;;
	*) echo '*' ;;
	esac
}

check_include() { # file, name, its rooms
	case " $3 " in
	*" ${2%%/*} "* | *" $2 "*) ;;
	*) echo "$1 includes \"$2\", but may see only: $3" ;;
	esac
	[ -f "$2" ] || echo "$1: \"$2\" does not name room and file"
}

check_foreign() { # file, name
	set -f
	for pattern in $(home "$2"); do
		# shellcheck disable=SC2254 # a pattern it is
		case $1 in $pattern) return ;; esac
	done
	echo "$1 includes <$2>, which belongs to: $(home "$2")"
}

for file in *.c */*.c */*.h; do
	room=${file%%/*}
	rooms=$(allowed "$room")
	[ -n "$rooms" ] || echo "$file: this room has no floor in $0"
	sed -n 's/^#[[:space:]]*include "\(.*\)"/\1/p' "$file" | while read -r name; do
		[ "$name" = config.h ] || check_include "$file" "$name" "$rooms"
	done
	sed -n 's/^#[[:space:]]*include <\(.*\)>/\1/p' "$file" | while read -r name; do
		check_foreign "$file" "$name"
	done
done >>"$bad"

# Lengths: a tab counts up to the next multiple of eight. `{` and `}` in the first column hold a function; in tests one may
# be a long list. A table laid out by hand, which says so, may be wider.
for file in *.c */*.[ch] ../tests/*/*.[ch]; do
	case $file in ../*) most=450 ;; *) most=60 ;; esac
	expand "$file" | awk -v file="${file#../}" -v most=$most '
		/clang-format off/ { table = 1 }
		/clang-format on/ { table = 0 }
		length > 120 && !table { print file ":" NR ": " length " columns, at most 120" }
		/^{/ { begin = NR }
		/^}/ && begin { if (NR - begin - 1 > most) print file ":" begin ": a function of " NR - begin - 1 " lines, at most " most; begin = 0 }
		END { if (NR > 450) print file ": " NR " lines, at most 450" }'
done >>"$bad"

# Tests mirror the source. expresslinkctl is tested as a whole, by tests/ctl.
for file in */*.c; do
	case $file in ctl/*) continue ;; esac
	test=${file%/*}/check_${file##*/}
	[ -f "../tests/$test" ] || echo "$file has no tests/$test" >>"$bad"
done
for test in ../tests/*/check_*.c; do
	[ -f "$test" ] || continue
	name=${test#../tests/}
	grep -q "^[[:space:]]*${name%.c}\( \\\\\)*$" ../tests/Makefile.am || echo "tests/$name is not in tests/Makefile.am" >>"$bad"
done

cat "$bad"
[ ! -s "$bad" ]
