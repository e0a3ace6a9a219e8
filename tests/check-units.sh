#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The units of the service manager: both shut the daemon in alike and tightly, let it do what it does, and give each
# instance folders of its own.
set -u
cd "${abs_top_srcdir:-$(dirname "$0")/..}" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
say() {
	echo "$*"
	failed=1
}
one=systemd/expresslinkd.service.in
many=systemd/expresslinkd@.service.in
EXPOSURE=15 # tenths, of 10

# The instance's folders, else two modules would write one dictionary.
for key in StateDirectory RuntimeDirectory; do
	grep -q "^$key=.*%i" "$many" || say "$many: $key= is shared by all instances"
done
grep -q '^ConditionPathExists=@sysconfdir@/expresslinkd/expresslinkd.conf$' "$one" || say "$one: starts without settings"
grep -q '^ConditionPathExists=@sysconfdir@/expresslinkd/%i.conf$' "$many" || say "$many: starts without settings"

for unit in "$one" "$many"; do
	# A cable that is not plugged in, or a time server that does not answer, must not keep the host waiting.
	grep -qE '^(After|Wants|Requires)=.*(network|time)' "$unit" && say "$unit: waits for the network or the clock"
	grep -q '^StartLimitIntervalSec=0$' "$unit" || say "$unit: is given up after some tries"
	grep -q '^RestartPreventExitStatus=78$' "$unit" || say "$unit: a bad configuration is tried for ever"
	# Where calls are refused by killing, asking the kernel about the clock would kill; the daemon asks there first.
	grep -q '^SystemCallErrorNumber=EPERM$' "$unit" || say "$unit: a refused system call kills"
	# The slave of a pty is given to the group of the hosts.
	grep -q '^SystemCallFilter=fchown fchown32$' "$unit" || say "$unit: a pty needs fchown()"
	# Without them a download would not be shut in.
	grep -q '^SystemCallFilter=landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp$' "$unit" ||
		say "$unit: a helper cannot confine itself"
	for class in pts ttyS ttyAMA ttyUSB ttyACM ttymxc gpiochip; do
		grep -q "^DeviceAllow=char-$class rw\$" "$unit" || say "$unit: no access to $class"
	done
	sed -e 's,@sbindir@,/usr/sbin,' -e 's,@sysconfdir@,/etc,' "$unit" >"$work/$(basename "$unit" .in)"
	systemd-analyze security --offline=yes --no-pager --threshold=$EXPOSURE "$work/$(basename "$unit" .in)" \
		>"$work/log" 2>&1 || { say "$unit: its exposure is above $EXPOSURE tenths"; grep -v '✓' "$work/log"; }
done

differs() {
	grep -v -e '^#' -e '^Description=' -e '^ConditionPathExists=' -e '^ExecStart=' -e '^StateDirectory=' \
		-e '^RuntimeDirectory=' "$1"
}
[ "$(differs "$one")" = "$(differs "$many")" ] || say "$one and $many are not alike"
exit $failed
