#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# expresslinkctl provision, judged by the openssl program: guide 10.1.3.
set -eu

top=${abs_top_builddir:-$(cd "$(dirname "$0")/../.." && pwd)}
ctl=${EXPRESSLINKCTL:-$top/src/expresslinkctl}
work=$(mktemp -d "${TMPDIR:-/tmp}/provision.XXXXXX")
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
	"$ctl" provision "$@" >out 2>err || fail "provision $* failed"
	[ ! -s err ] || fail "provision $* complains"
}

# refused STATUS TEXT ARGUMENTS: fails with one line that holds the text, and prints nothing else.
refused() {
	status=$1 text=$2
	shift 2
	got=0
	"$ctl" provision "$@" >out 2>err || got=$?
	[ "$got" = "$status" ] || fail "provision $*: exit status $got, not $status"
	[ "$(wc -l <err)" = 1 ] || fail "provision $*: not one line"
	grep -qF -- "$text" err || fail "provision $*: no '$text'"
	[ ! -s out ] || fail "provision $*: prints something"
	! grep -q 'PRIVATE KEY' out err || fail "provision $*: a key on the terminal"
}

same_key() {
	openssl pkey -in "$1" -pubout -out key.pub
	openssl x509 -in "$2" -noout -pubkey >cert.pub
	cmp -s key.pub cert.pub || fail "$1 and $2 do not belong together"
}

cat >openssl.cnf <<END
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = clientAuth
[server]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
[issuer]
database = index.txt
new_certs_dir = .
default_md = sha256
policy = any
rand_serial = yes
[any]
commonName = supplied
END

# make_ca NAME DAYS KEYTYPE...
make_ca() {
	name=$1 days=$2
	shift 2
	openssl genpkey -quiet "$@" -out "$name.key" 2>/dev/null || openssl genpkey "$@" -out "$name.key" 2>/dev/null
	openssl req -x509 -config openssl.cnf -extensions ca -key "$name.key" -days "$days" -subj "/CN=Test $name" \
		-out "$name.pem"
}

# sign REQUEST OUT SERIAL DAYS EXTENSIONS
sign() {
	openssl x509 -req -in "$1" -CA ca.pem -CAkey ca.key -set_serial "$3" -days "$4" -extfile openssl.cnf \
		-extensions "$5" -out "$2" 2>/dev/null
}

make_ca ca 10950 -algorithm EC -pkeyopt ec_paramgen_curve:P-256
make_ca rsa 10950 -algorithm RSA -pkeyopt rsa_keygen_bits:2048
make_ca ed 10950 -algorithm ED25519
make_ca short 3600 -algorithm EC -pkeyopt ec_paramgen_curve:P-256

# The tool itself
"$ctl" --help | grep -q provision || fail "--help does not name provision"
"$ctl" --version | grep -Eq '^expresslinkctl [0-9]+\.[0-9]+\.[0-9]+$' || fail "--version"
"$ctl" provision --help | grep -q -- --thing-name || fail "provision --help"
for word in nothing ''; do
	got=0
	"$ctl" $word >out 2>err || got=$?
	if [ "$got" != 2 ] || [ "$(wc -l <err)" != 1 ]; then fail "expresslinkctl $word"; fi
done

# check_issued DIR CA: everything that guide 10.1.3 says of a birth certificate.
check_issued() {
	cert=$1/certificate.pem
	name=$(openssl x509 -in "$cert" -noout -subject -nameopt multiline | sed -n 's/^ *commonName *= //p')
	echo "$name" | grep -Eq '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' ||
		fail "the common name $name is no UUID of version 4"
	serial=$(openssl x509 -in "$cert" -noout -serial | sed 's/^serial=//' | tr A-F a-f)
	while [ ${#serial} -lt 32 ]; do serial=0$serial; done
	[ "$serial" = "$(echo "$name" | tr -d -)" ] || fail "serial number $serial is not that of $name"
	openssl verify -CAfile "$2" -purpose sslclient -x509_strict "$cert" >/dev/null || fail "$cert does not verify"
	! openssl verify -CAfile "$2" -purpose sslserver "$cert" >/dev/null 2>&1 || fail "$cert is good for a server"
	openssl x509 -in "$cert" -noout -text >text
	for part in 'Version: 3' 'CA:FALSE' 'Digital Signature' 'TLS Web Client Authentication' 'NIST CURVE: P-256' \
		'Subject Key Identifier' 'Authority Key Identifier'; do
		grep -q "$part" text || fail "$cert: no $part"
	done
	openssl x509 -in "$cert" -noout -checkend $((3653 * 86400 - 7200)) >/dev/null || fail "$cert lives less than 10 years"
	same_key "$1/private.key.pem" "$cert"
	[ "$(stat -c %a "$1/private.key.pem")" = 600 ] || fail "the key's mode"
	[ "$(stat -c %a "$1/certificate.pem")" = 644 ] || fail "the certificate's mode"
	[ ! -e "$1/request.csr" ] || fail "a request was left"
	[ "$("$ctl" provision --thing-name --out "$1")" = "$name" ] || fail "--thing-name"
	[ "$("$ctl" provision --thing-name --certificate "$cert")" = "$name" ] || fail "--thing-name --certificate"
	grep -q "$name" out || fail "the thing name is not reported"
}

# Issued by a CA of each kind, in a folder that is made
umask 0000
for ca in ca rsa ed; do
	ok --out "made/by/$ca" --ca $ca.pem --ca-key $ca.key
	check_issued "made/by/$ca" $ca.pem
done
[ "$(stat -c %a made/by)" = 755 ] || fail "the mode of a new folder"
umask 0022
[ "$("$ctl" provision --thing-name --out made/by/ca)" != "$("$ctl" provision --thing-name --out made/by/rsa)" ] ||
	fail "two devices with one name"

# A unique ID with leading zeros, one with the top bit set: the same number in name and serial
for uid in 00000000-0000-4000-8000-00000000000a 0a11c0de-1111-4222-8333-444444444444 ffeeddcc-bbaa-4999-8888-777766665555 \
	FFEEDDCC-BBAA-4999-8888-777766665556; do
	lower=$(echo "$uid" | tr A-F a-f)
	ok --out "uid$uid" --ca ca.pem --ca-key ca.key --uid "$uid"
	[ "$("$ctl" provision --thing-name --out "uid$uid")" = "$lower" ] || fail "the thing name of $uid"
	number=$(openssl x509 -in "uid$uid/certificate.pem" -noout -serial | sed 's/^serial=//; s/^0*//' | tr A-F a-f)
	[ "$number" = "$(echo "$lower" | tr -d - | sed 's/^0*//')" ] || fail "the serial number of $uid"
	ok --out "uid$uid" --certificate "uid$uid/certificate.pem"
done

# The CA's end is the device's end, but not under ten years
make_ca middle 5000 -algorithm EC -pkeyopt ec_paramgen_curve:P-256
ok --out middle --ca middle.pem --ca-key middle.key
[ "$(openssl x509 -in middle/certificate.pem -noout -enddate)" = "$(openssl x509 -in middle.pem -noout -enddate)" ] ||
	fail "the certificate outlives its CA"
refused 1 'too soon' --out bad --ca short.pem --ca-key short.key

# What a CA must not be; nothing is left behind
refused 1 'does not belong' --out bad --ca ca.pem --ca-key rsa.key
refused 1 'may not issue' --out bad --ca made/by/ca/certificate.pem --ca-key made/by/ca/private.key.pem
refused 1 'no certificate' --out bad --ca ca.key --ca-key ca.key
refused 1 'No such file' --out bad --ca nothing.pem --ca-key ca.key
refused 1 'No such file' --out bad --ca ca.pem --ca-key nothing.key
refused 1 'no private key' --out bad --ca ca.pem --ca-key ca.pem
cat ca.pem rsa.pem >two.pem
refused 1 'not exactly one' --out bad --ca two.pem --ca-key ca.key
: >empty
refused 1 'no certificate' --out bad --ca empty --ca-key ca.key
head -c 200000 /dev/zero >huge
refused 1 'huge' --out bad --ca huge --ca-key ca.key
openssl pkey -in ca.key -aes256 -passout pass:secret -out locked.key
refused 1 'passphrase' --out bad --ca ca.pem --ca-key locked.key
echo wrong >pin
refused 1 'passphrase' --out bad --ca ca.pem --ca-key locked.key --ca-pin-file pin
[ -z "$(ls -A bad)" ] || fail "a failure left something: $(ls bad)"
echo secret >pin
ok --out locked --ca ca.pem --ca-key locked.key --ca-pin-file pin

# Nothing is overwritten unless forced
cp made/by/ca/private.key.pem before
refused 1 'there already' --out made/by/ca --ca ca.pem --ca-key ca.key
refused 1 'there already' --out made/by/ca
cmp -s before made/by/ca/private.key.pem || fail "the key was overwritten"
ok --out made/by/ca --ca ca.pem --ca-key ca.key --force
! cmp -s before made/by/ca/private.key.pem || fail "--force kept the key"
check_issued made/by/ca ca.pem
mkdir target
ln -s nowhere target/private.key.pem
refused 1 'there already' --out target

# Without a CA: a key and a request
ok --out dev
openssl req -in dev/request.csr -noout -verify 2>/dev/null || fail "the request does not verify"
name=$("$ctl" provision --thing-name --out dev)
openssl req -in dev/request.csr -noout -subject | grep -q "$name" || fail "the request is for another name"
serial=$(sed -n 's/^\(0x[0-9a-f]*\), or by AWS IoT.*/\1/p' out)
[ "$serial" = "0x$(echo "$name" | tr -d -)" ] || fail "the serial number is not told"
[ "$(stat -c %a dev/private.key.pem)" = 600 ] || fail "the key's mode"
refused 1 'there already' --out dev

# A certificate made elsewhere: what is wrong is said, and nothing is installed
sign dev/request.csr good.pem "$serial" 7300 leaf
sign dev/request.csr expired.pem "$serial" 0 leaf
sign dev/request.csr years.pem "$serial" 400 leaf
sign dev/request.csr small.pem 0x1234567890abcdef 7300 leaf
sign dev/request.csr server.pem "$serial" 7300 server
sign dev/request.csr authority.pem "$serial" 7300 ca
: >index.txt
openssl ca -batch -notext -config openssl.cnf -name issuer -cert ca.pem -keyfile ca.key -in dev/request.csr \
	-startdate 21200101000000Z -enddate 21400101000000Z -extensions leaf -out future.pem 2>/dev/null
refused 1 'does not belong' --out dev --certificate made/by/rsa/certificate.pem
refused 1 'valid for 400 days' --out dev --certificate years.pem
refused 1 'serial number has only 61 bits' --out dev --certificate small.pem
refused 1 'not for TLS clients' --out dev --certificate server.pem
refused 1 'that of a CA' --out dev --certificate authority.pem
refused 1 'no certificate' --out dev --certificate dev/private.key.pem
refused 1 'not exactly one' --out dev --certificate two.pem
refused 1 'No such file' --out dev --certificate nothing.pem
refused 1 'private.key.pem' --out bad --certificate good.pem
sed '3s/./!/' good.pem >broken.pem
refused 1 'not exactly one' --out dev --certificate broken.pem
sleep 1 # "0 days" have passed
refused 1 'expired' --out dev --certificate expired.pem
refused 1 'not valid before 2120-01-01' --out dev --certificate future.pem
[ ! -e dev/certificate.pem ] || fail "a bad certificate was installed"
ok --out dev --certificate good.pem
for line in "Thing name:   $name" 'Private key:  dev/private.key.pem' \
	'Certificate:  dev/certificate.pem, by .*, valid until 20.*'; do
	grep -qx "$line" out || fail "no '$line'"
done
same_key dev/private.key.pem dev/certificate.pem
[ "$("$ctl" provision --thing-name --out dev)" = "$name" ] || fail "the name of an installed certificate"
ok --out dev --certificate good.pem

# Another one for the same key only by force; with text around it, unwrapped, and with DOS line ends
sign dev/request.csr renewed.pem "$serial" 8000 leaf
refused 1 '--force' --out dev --certificate renewed.pem
openssl x509 -in renewed.pem -text | sed 's/$/\r/' >text.pem
cp dev/private.key.pem before
ok --out dev --certificate text.pem --force
openssl x509 -in renewed.pem -outform DER -out want.der
openssl x509 -in dev/certificate.pem -outform DER -out got.der
cmp -s want.der got.der || fail "another certificate was installed"
cmp -s before dev/private.key.pem || fail "--certificate --force touched the key"

# A serial number of AWS IoT: 160 bits, and a common name that is none; the thing is called by the number
openssl req -new -config openssl.cnf -key dev/private.key.pem -subj '/CN=AWS IoT Certificate' -out aws.csr
sign aws.csr aws.pem 0x00a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3 9000 leaf
ok --out aws --key dev/private.key.pem --certificate aws.pem
[ "$("$ctl" provision --thing-name --out aws)" = a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3 ] || fail "the name by the number"
[ ! -e aws/private.key.pem ] || fail "the key was copied"

# A key that is there already, and a renewed identity in place
ok --out reuse --key dev/private.key.pem --ca ca.pem --ca-key ca.key
same_key dev/private.key.pem reuse/certificate.pem
[ ! -e reuse/private.key.pem ] || fail "the key was copied"
refused 1 'no OpenSSL provider' --out bad --key pkcs11:token=none

# Folders that cannot be used
: >file
refused 1 'file' --out file/below --ca ca.pem --ca-key ca.key
if [ "$(id -u)" != 0 ]; then
	mkdir -m 0500 closed
	refused 1 'cannot write' --out closed --ca ca.pem --ca-key ca.key
fi
refused 1 'no identity' --out bad --thing-name

# Command lines that make no sense
refused 2 'go together' --out bad --ca ca.pem
refused 2 'go together' --out bad --ca-key ca.key
refused 2 'not both' --out bad --ca ca.pem --ca-key ca.key --certificate good.pem
refused 2 'no UUID' --out bad --uid 123
refused 2 'no UUID' --out bad --uid 00000000-0000-0000-0000-000000000000
refused 2 'no UUID' --out bad --uid 0a11c0de-1111-4222-8333-44444444444g
refused 2 'needs a value' --out
refused 2 'unknown option' --nonsense
refused 2 'unexpected' --out bad word
[ -z "$(ls -A bad)" ] || fail "a failure left something: $(ls bad)"

# Two at once: one identity, whole
rm -rf race
"$ctl" provision --out race --ca ca.pem --ca-key ca.key >/dev/null 2>&1 &
"$ctl" provision --out race --ca ca.pem --ca-key ca.key >/dev/null 2>&1 || true
wait $! || true
same_key race/private.key.pem race/certificate.pem
echo "provision: all right"
