#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every paragraph in transcripts/paragraphs has a transcript that bears its number and quotes its obligation, every
# transcript is one of them or has a topic's name, and each holds at least one question and one answer.
cd "${abs_top_srcdir:-$(dirname "$0")/..}/tests/transcripts" || exit 1
bad=0
complain()
{
	echo "$*"
	bad=1
}

while read -r number; do
	case $number in '#'* | '') continue ;; esac
	set -- "$number"-*.at
	[ -e "$1" ] || complain "paragraph $number: no transcript $number-*.at"
done < paragraphs

for file in *.at; do
	name=${file%.at}
	case $name in
	[0-9]*) name=${name%%-*}
		grep -Fqx "$name" paragraphs || complain "$file: $name is not in the list of paragraphs" ;;
	esac
	first=$(head -n 1 "$file")
	case $first in
	"# $name "?????*) ;;
	*) complain "$file:1: has to be '# $name' and the obligation, is '$first'" ;;
	esac
	grep -q '^\(repeat [0-9]* \)\?[>c]' "$file" || complain "$file: asks nothing"
	grep -q '^\(repeat [0-9]* \)\?\(<\|silence\|wait \|until \)' "$file" || complain "$file: expects nothing"
	grep -n '[[:space:]]$' "$file" | grep -v '^[0-9]*:cloud: \|^1:' &&
		complain "$file: a blank at the end of a line is invisible: write \\x20"
done
exit $bad
