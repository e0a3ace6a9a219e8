#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# expresslinkctl image, judged by the openssl program: expresslink-image(5).
set -eu

top=${abs_top_builddir:-$(cd "$(dirname "$0")/../.." && pwd)}
ctl=${EXPRESSLINKCTL:-$top/src/expresslinkctl}
work=$(mktemp -d "${TMPDIR:-/tmp}/image.XXXXXX")
r=0
trap 'r=$?; rm -rf "$work"; [ $r = 0 ] || echo "FAIL: ended with status $r" >&2' EXIT
trap 'exit 1' HUP INT TERM
cd "$work"

fail() {
	echo "FAIL: $*" >&2
	[ ! -s out ] || sed 's/^/  stdout: /' out >&2
	[ ! -s err ] || sed 's/^/  stderr: /' err >&2
	exit 1
}

# ok ARGUMENTS: succeeds and says nothing on stderr.
ok() {
	"$ctl" image "$@" >out 2>err || fail "image $* failed"
	[ ! -s err ] || fail "image $* complains"
}

# warned TEXT ARGUMENTS: succeeds, with one line on stderr that holds the text.
warned() {
	text=$1
	shift
	"$ctl" image "$@" >out 2>err || fail "image $* failed"
	[ "$(wc -l <err)" = 1 ] || fail "image $*: not one line"
	grep -qF -- "warning: $text" err || fail "image $*: no '$text'"
}

# refused STATUS TEXT ARGUMENTS: fails with one line that holds the text, and prints nothing else.
refused() {
	status=$1 text=$2
	shift 2
	got=0
	"$ctl" image "$@" >out 2>err || got=$?
	[ "$got" = "$status" ] || fail "image $*: exit status $got, not $status"
	[ "$(wc -l <err)" = 1 ] || fail "image $*: not one line"
	grep -qF -- "$text" err || fail "image $*: no '$text'"
	[ ! -s out ] || fail "image $*: prints something"
	! grep -q 'PRIVATE KEY' err || fail "image $*: a key on the terminal"
}

# make_key NAME KEYTYPE...: NAME.key, NAME.pem
make_key() {
	name=$1
	shift
	openssl genpkey "$@" -out "$name.key" 2>/dev/null
	openssl req -x509 -key "$name.key" -subj "/CN=$name" -days 100 -out "$name.pem"
}

# number FILE OFFSET BYTES
number() {
	od -An -v -tu1 -j "$2" -N "$3" "$1" | awk '{ for (i = 1; i <= NF; i++) n = n * 256 + $i } END { print n }'
}

# part FILE OFFSET BYTES
part() {
	tail -c "+$(($2 + 1))" "$1" | head -c "$3"
}

hex() {
	od -An -v -tx1 | tr -d ' \n'
}

# check_image IMAGE PAYLOAD NAME VERSION: what is where.
check_image() {
	[ "$(part "$1" 0 16 | hex)" = 89454c490d0a1a0a0000000100000400 ] || fail "$1: begins otherwise"
	[ "$(number "$1" 16 8)" = "$(wc -c <"$2")" ] || fail "$1: another size"
	part "$1" 1024 999999 | cmp -s - "$2" || fail "$1: another payload"
	[ "$(part "$1" 24 32 | hex)" = "$(openssl dgst -sha256 -r "$2" | cut -c 1-64)" ] || fail "$1: another digest"
	[ "$(part "$1" 184 64 | tr -d '\0')" = "$4" ] || fail "$1: another version"
	part "$1" 0 248 >signed
	part "$1" 256 "$(number "$1" 252 4)" >signature
	openssl x509 -in "$3.pem" -noout -pubkey >public
	openssl dgst -sha256 -verify public -signature signature signed >/dev/null || fail "$1: not signed by $3"
	part "$1" 0 992 >before
	[ "$(part "$1" 992 32 | hex)" = "$(openssl dgst -sha256 -r before | cut -c 1-64)" ] || fail "$1: no checksum"
}

make_key p256 -algorithm EC -pkeyopt ec_paramgen_curve:P-256
make_key p384 -algorithm EC -pkeyopt ec_paramgen_curve:P-384
make_key rsa -algorithm RSA -pkeyopt rsa_keygen_bits:3072
make_key other -algorithm EC -pkeyopt ec_paramgen_curve:P-256
make_key p521 -algorithm EC -pkeyopt ec_paramgen_curve:P-521
make_key ed -algorithm ED25519
head -c 5000 /dev/urandom >payload

"$ctl" --help | grep -q '^  image ' || fail "--help does not name image"
ok --help
grep -q 'image verify' out || fail "image --help"

for name in p256 p384 rsa; do
	ok sign --key $name.key --version v1.2 --manufacturer Vendor --model 'A model' -o $name.image payload
	[ ! -s out ] || fail "sign prints something"
	check_image $name.image payload $name v1.2
	ok verify --certificate $name.pem $name.image
	grep -q '^p.*: good$\|^rsa.*: good$' out || fail "verify"
	refused 1 'not signed by the key of other.pem' verify --certificate other.pem $name.image
done

# Its name, when it has none; one of that name is replaced. Without a version it is made, but that is told.
warned 'payload.image has no --version' sign --key p256.key payload
check_image payload.image payload p256 ''
warned 'x.image has no --version' sign --key p256.key --version '' --model m -o x.image payload
ok sign --key p256.key --version v3 payload
check_image payload.image payload p256 v3
[ "$(find . -name '*.tmp' | wc -l)" = 0 ] || fail "something is left beside it"

# What it says; what is behind it does not matter.
head -c 700 /dev/zero | tr '\0' '\032' >padding
cat rsa.image padding >padded
ok verify --certificate rsa.pem padded
ok info padded
grep -q '^version       v1.2$' out || fail "info: version"
grep -q '^payload       5000 bytes, good$' out || fail "info: payload"
ok info --json padded
python3 -c 'import json, sys
got = json.load(open("out"))
assert got == {"version": "v1.2", "manufacturer": "Vendor", "model": "A model", "size": 5000, "payload": "good",
               "signature": "sha256-rsa", "sha256": sys.argv[1]}, got' "$(openssl dgst -sha256 -r payload | cut -c 1-64)" ||
	fail "info --json"

# flip FILE OFFSET
flip() {
	cp "$1" bad
	byte=$(number "$1" "$2" 1)
	printf '%b' "\\0$(printf %o $((byte ^ 4)))" | dd of=bad bs=1 seek="$2" conv=notrunc status=none
}
flip p256.image 3000
refused 1 ': damaged' verify --certificate p256.pem bad
ok info bad
grep -q '5000 bytes, damaged$' out || fail "info: damaged"
flip p256.image 100
refused 1 'its header is damaged' verify --certificate p256.pem bad
refused 1 'its header is damaged' info bad
head -c 4000 p256.image >short
refused 1 ': incomplete' verify --certificate p256.pem short
head -c 500 p256.image >short
refused 1 'too short' info short
refused 1 'not an image made by' info payload
refused 1 'No such file' info nothing

# Keys
openssl pkey -in p256.key -aes256 -passout pass:secret -out locked.key
refused 1 'passphrase' sign --key locked.key payload
echo wrong >pin
refused 1 'passphrase' sign --key locked.key --pin-file pin payload
echo secret >pin
ok sign --key locked.key --pin-file pin --version 1 -o locked.image payload
check_image locked.image payload p256 1
refused 1 'images are signed by' sign --key ed.key payload
refused 1 'images are signed by' sign --key p521.key payload
refused 1 'no private key' sign --key p256.pem payload
refused 1 'No such file' sign --key nothing.key payload

# What cannot be
: >empty
refused 1 'is empty' sign --key p256.key empty
refused 1 'No such file' sign --key p256.key nothing
refused 1 'cannot write' sign --key p256.key -o no/such/folder payload
refused 2 'at most 64' sign --key p256.key --version "$(printf %65d 1)" payload
refused 2 'printable' sign --key p256.key --version 'two
lines' payload
refused 2 'needs --key' sign payload
refused 2 'needs --certificate' verify p256.image
refused 2 'no file' info
refused 2 'unexpected argument' info p256.image rsa.image
refused 2 'unknown option' info --nothing p256.image
refused 2 'needs a value' sign --key
refused 2 'takes no other option' info --key p256.key p256.image
refused 2 'takes no other option' verify --certificate p256.pem --json p256.image
refused 2 'takes neither' sign --key p256.key --json payload
refused 2 'unknown word' make
refused 2 'sign, verify or info?'
