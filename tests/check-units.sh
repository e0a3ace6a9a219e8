#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The units of the service manager: both shut the daemon in alike, let it do what it does, and give each instance
# folders of its own.
set -u
cd "${abs_top_srcdir:-$(dirname "$0")/..}" || exit 1
failed=0
say() {
	echo "$*"
	failed=1
}
one=systemd/expresslinkd.service.in
many=systemd/expresslinkd@.service.in

# The instance's folders, else two modules would write one dictionary.
for key in StateDirectory RuntimeDirectory; do
	grep -q "^$key=.*%i" "$many" || say "$many: $key= is shared by all instances"
done

# clock_text() asks the kernel; the filter kills who calls what it does not list.
for unit in "$one" "$many"; do
	for call in adjtimex clock_adjtime clock_adjtime64; do
		grep -q "^SystemCallFilter=.*\<$call\>" "$unit" || say "$unit: TIME? needs the system call $call"
	done
	grep -q '^ProtectClock=yes' "$unit" && say "$unit: ProtectClock= forbids to ask whether the clock is right"
done

differs() {
	grep -v -e '^#' -e '^Description=' -e '^ExecStart=' -e '^StateDirectory=' -e '^RuntimeDirectory=' "$1"
}
[ "$(differs "$one")" = "$(differs "$many")" ] || say "$one and $many are not alike"
exit $failed
