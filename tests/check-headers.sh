#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every header compiles alone and only once, every file names its licence, and every source file includes
# its own header first; config.h, which may decide how wide a type of the system is, before it.
set -u
cd "${abs_top_srcdir:-$(dirname "$0")/..}/src" || exit 1
failed=0
say() {
	echo "$*"
	failed=1
}

for file in */*.h; do
	[ "$(head -n 1 "$file")" = "#pragma once" ] || say "$file: the first line is not #pragma once"
	sed -n 2p "$file" | grep -q SPDX-License-Identifier || say "$file: the second line names no licence"
	# shellcheck disable=SC2086 # both hold several words
	echo "#include \"$file\"" | ${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -I. ${TEST_CFLAGS-} \
		-fsyntax-only -x c - || say "$file does not compile alone"
done

for file in *.c */*.c; do
	head -n 1 "$file" | grep -q SPDX-License-Identifier || say "$file: the first line names no licence"
	own=${file%.c}.h
	[ -f "$own" ] || continue
	first=$(sed -n 's/^#[[:space:]]*include *["<]\(.*\)[">]/\1/p' "$file" | grep -vx config.h | head -n 1)
	[ "$first" = "$own" ] || say "$file includes $first before its own $own"
done
exit $failed
