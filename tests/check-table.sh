#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every command of src/commands/table.c has a line in the datasheet, with the same time, and a transcript; and the
# numbers of the settings and of the dictionary in the datasheet are those of the source. No line is left over there.
set -u
cd "${abs_top_srcdir:-$(dirname "$0")/..}" || exit 1
sheet=man/expresslink-datasheet.7
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
bad=0

# section WORD: the rows of the table that follows the comment, the first N columns of each, without its head.
section() {
	sed -n '/^\.\\" '"$1"':/,/^\.TE/p' "$sheet" | grep '^[A-Za-z_?]*|' | sed 1d | cut -d '|' -f "1-$2" | sort
}

# compare WHAT WANTED: the same rows on both sides, and some.
compare() {
	[ -s "$2" ] || { echo "$1: the source could not be read"; bad=1; }
	diff "$2" "$3" >"$work/diff" && return
	echo "$1: < is the source, > is $sheet"
	grep '^[<>]' "$work/diff"
	bad=1
}

# Commands: name|seconds, from rows of one line or more. The row without a name is AT.
tr '\n\t' '  ' <src/commands/table.c | sed 's/{ *"/\n{ "/g' |
	sed -n 's/^{ "\([A-Z_?]*\)",.*, *\([0-9]*\), *\.run = .*/\1|\2/p' |
	sed 's/^|/AT|/' | sort >"$work/commands"
section commands 2 >"$work/sheet"
compare "commands and their response times" "$work/commands" "$work/sheet"
rows=$(grep -c '\.run = ' src/commands/table.c)
[ "$(wc -l <"$work/commands")" = "$rows" ] || { echo "src/commands/table.c: not every row was understood"; bad=1; }

# The words of DIAG; one may have several rows over there.
sed -n '/^static const struct diag_word words/,/^}/p' src/commands/diag.c | grep -o '{ "[A-Z]*"' | tr -d '{" ' | sort >"$work/diag"
section diag 1 | sort -u >"$work/sheet"
compare "words of DIAG" "$work/diag" "$work/sheet"
while read -r word; do
	grep -qiE "^> AT\\+DIAG $word( |\$)" tests/transcripts/*.at || { echo "DIAG $word: no transcript"; bad=1; }
done <"$work/diag"

# The command, maybe with a suffix, its end or a parameter.
while IFS='|' read -r name _; do
	word=$(printf '%s' "$name" | sed 's/?/[?]/')
	[ "$name" = AT ] && line='AT' || line="AT\\+$word"
	grep -qE "^(repeat [0-9]+ )?> ${line}[0-9]*( |\$)" tests/transcripts/*.at || {
		echo "$name: no transcript in tests/transcripts"
		bad=1
	}
done <"$work/commands"

# Hints: every detail of ERR14. What is filled in is left out.
plain() { sed -e 's/\\f[IBP]//g; s/\\-/-/g; s/\\(lq//g; s/\\(rq//g' "$sheet"; }
plain >"$work/plain"
{
	grep -E 'fault_set|return "' src/cloud/fault.c
	grep -E 'attempt_fail_text|fault_set' src/cloud/attempt.c src/cloud/connection.c
	grep -E 'return "|ssl_fail\(s, "|s->reason, .*"' src/crypto/ssl.c
	grep -E 'at_hint\(.*"' src/at/run.c
} | sed -n 's/.*"\([A-Z%][^"]*\)".*/\1/p' | grep -v '^%s$' | sed 's/%s//g; s/%llu.*//' | sort -u >"$work/details"
[ "$(wc -l <"$work/details")" -ge 35 ] || { echo "hints: the details in the source could not be read"; bad=1; }
while IFS= read -r detail; do
	grep -qF -e "$detail" "$work/plain" || { echo "$sheet: no hint with the detail: $detail"; bad=1; }
done <"$work/details"

# Settings: key|as delivered|range, for the rows that the datasheet lists.
sed -n -e 's/^.*"\([A-Za-z]*\)", NUMBER([a-z_]*, *\([0-9]*\), *\([0-9]*\), *"\([0-9]*\)").*/\1|\4|\2-\3/p' \
	-e 's/^.*"\([A-Za-z]*\)", SIZE([a-z_]*, *\([0-9]*\) \* KIB, *\([0-9]*\) \* MIB, *"\([0-9KM]*\)").*/\1|\4|\2K-\3M/p' \
	src/config/setting.c | grep -E '^(MaxTopic|EventQueue|MessageQueue|MessageBytes|KeepAlive|ConnectTimeout)\|' |
	sort >"$work/settings"
section limits 3 >"$work/sheet"
compare "limits" "$work/settings" "$work/sheet"

# The dictionary: key|access|size|kept|reset.
pem=$(sed -n 's/^#define PEM *\([0-9]*\).*/\1/p' src/config/keys.c)
sed -n 's/^[[:space:]]*{ KEY_[A-Z_]*, *"*\([A-Za-z]*\)"*, *\([RW]*\), *KEY_[A-Z]*, *\([0-9A-Z]*\), *\(true\|false\), *\(true\|false\), .*/\1|\2|\3|\4|\5/p' \
	src/config/keys.c |
	sed -e "s/|PEM|/|$pem|/; s/^TOPIC|/Topic|/" -e 's/|false|false$/|no|-/; s/|true|/|yes|/; s/|true$/|yes/; s/|false$/|no/' |
	sort >"$work/keys"
section keys 5 >"$work/sheet"
compare "keys of the dictionary" "$work/keys" "$work/sheet"
[ "$(wc -l <"$work/keys")" = "$(grep -c '^[[:space:]]*{ KEY_' src/config/keys.c)" ] || {
	echo "src/config/keys.c: not every row was understood"
	bad=1
}

# Numbers that stand alone: file, name, value, and how the datasheet says it.
while IFS='|' read -r file name value text; do
	defined=$(sed -n "s/^#define $name *\(([^)]*)\|[0-9]*\).*/\1/p" "$file" | tr -d '()')
	[ "$defined" = "$value" ] || { echo "$file: $name is '$defined', $sheet was written for $value"; bad=1; }
	grep -qF -- "$text" "$sheet" || { echo "$sheet does not say '$text'"; bad=1; }
done <<END
src/at/line.h|LINE_MAX_COMMAND|5120|may be 5120 bytes long
src/at/line.h|LINE_BACKLOG|256 * 1024|up to 256 KiB of them
src/at/line.h|LINE_MAX_BODY|16 * 1024|of at most 16 KiB
src/at/line.h|LINE_BODY_SILENCE_MS|30000|30 s after its last byte
src/at/line.h|LINE_SWALLOW_SILENCE_MS|2000|up to 2 s of silence
src/at/tty.h|TTY_BUSY|64 * 1024|Up to 64 KiB of answers
src/at/tty.c|STUCK_MS|5000|or after 5 s in which
src/queue/messages.h|MESSAGE_MAX_PAYLOAD|128 * 1024|may have 128 KiB
src/queue/events.h|EVENT_MAX_DETAIL|64|its topic, up to 64 bytes
src/cloud/topics.h|TOPICS_OWN|7|up to 7 subscriptions
src/cloud/defender.h|DEFENDER_LEAST_S|300|are at least 300 s apart
src/cloud/defender.h|DEFENDER_ANSWER_MS|10000|heard of for 10 s counts as delivered
src/cloud/defender.h|DEFENDER_LOSSES|5|After five connections in a row
src/cloud/defender.h|DEFENDER_PAUSE_S|86400|no report is tried for a day
src/cloud/metrics.h|METRICS_MAX|48 * 1024|with long names, at most 48 KiB
src/util/netstat.h|NETSTAT_MAX_PORTS|100|listened to, up to 100
src/util/netstat.h|NETSTAT_MAX_CONNECTIONS|100|established ones, up to 100
src/cloud/fault.h|FAULT_MAX_DETAIL|64|a detail has at most 64 bytes
src/cloud/connection.c|WAIT_IN_PLACE_MS|5000|no longer than 5 s
src/util/backoff.c|BACKOFF_FIRST_MS|2000|2 s, 4 s
src/util/backoff.c|BACKOFF_LAST_MS|120000|and 120 s from then on
src/module/diagnosis.h|DIAGNOSIS_NAME_MS|6000|knows after 6 s
src/module/diagnosis.h|DIAGNOSIS_TLS_MS|24000|TLS|25|[
src/board/ping.h|PING_REQUESTS|3|Sends 3 echo requests
src/board/ping.h|PING_TIMEOUT_MS|1000|waits up to 1 s for each
src/board/gpsd.h|GPSD_FRESH_MS|60000|in the last 60 s
src/board/gpsd.h|GPSD_LAST_MS|600000|pauses of up to 10 minutes
src/board/gpsd.h|GPSD_ASK_MS|5000|once in 5 s
src/board/gpsd.h|GPSD_FLOOD|256 * 1024|more than 256 KiB in a second
src/board/network.h|NETWORK_MAX_LINE|120|Lines have at most 120 bytes
src/board/network.h|NETWORK_MAX_INTERFACES|48|48 lines of interfaces
src/board/network.h|NETWORK_MAX_ROUTES|8|8 routes of each kind
src/board/network.h|NETWORK_MAX_SERVERS|8|8 name servers
src/commands/diag_remote.c|MAX_HOST|253|at most 253 bytes
src/commands/power.c|SLEEP_MAX_SECONDS|2592000|is 1 to 2592000 seconds
END

exit $bad
