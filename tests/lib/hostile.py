# SPDX-License-Identifier: Apache-2.0
"""Job documents that nobody should write: real ones, as CreateOTAUpdate, consoles and people write them, with something
wrong here and there; and what has to become of each."""

import copy
import json
import re

STREAM = "AFR_OTA-0f3c8a52-6d11-4b7e-9c40-7a1b2c3d4e5f"
SERVER = "https://images.invalid/"
URL = (SERVER + "SignedImages/5c1d?X-Amz-Security-Token=AAAA%2F%2F&X-Amz-Algorithm=AWS4-HMAC-SHA256"
       "&X-Amz-Date=20261128T000000Z&X-Amz-SignedHeaders=host&X-Amz-Expires=1800&X-Amz-Signature=00112233")
SIGNATURE = "MEUCIQDAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHwIgICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
TYPES = (101, 103, 107, 202, 204)
LARGEST, LARGEST_MODULE = 16 << 20, 256 << 20
DOCUMENT_LIMIT = 32768


def document(protocols=("MQTT",), more=None, **file):
    """As CreateOTAUpdate writes it: what was not given is there, and null."""
    whole = {"filepath": None, "filesize": 1, "fileid": 0, "certfile": None, "fileType": 202, "update_data_url": None,
             "auth_scheme": None}
    whole.update(file)
    ota = {"protocols": list(protocols), "streamname": STREAM, "files": [whole]}
    if "MQTT" not in protocols:
        del ota["streamname"]
    return {"afr_ota": ota, **(more or {})}


SEEDS = (
    # for the host: unsigned, signed, with the dummies of a demonstration, with a number as text
    document(filepath="3.8.4", **{"sig--": None}),
    document(certfile="signer", filepath="/", **{"sig-sha256-ecdsa": SIGNATURE}),
    document(filepath="dummy", certfile="dummy", **{"sig-sha1-rsa": "dummy"}),
    document(("MQTT", "HTTP"), fileid=7, attr=3, more={"Version": "2.0", "description": "for the gr\u00fcne board"}),
    # for the module: of a console, by hand, without asking the host
    document(fileType=101, certfile="signer", **{"sig-sha256-ecdsa": SIGNATURE}),
    document(fileType=101, filepath="expresslink_firmware.bin", certfile="TheCertificate",
             attributes={"version": "2.5.7", "metadata": 7.25}, **{"sig-sha256-rsa": SIGNATURE}),
    document(fileType=101, attr={"force": "YES"}, more={"manufacturer": "Vendor", "MODEL": "M-1"},
             **{"sig-sha256-ecdsa": SIGNATURE}),
    # certificates
    document(fileType=103, filepath="NA"), document(fileType=107), document(fileType=204, certfile="NA"),
    # over HTTPS, and of old agents, without a type that ExpressLink knows
    document(("HTTP",), filepath="/", certfile="/", update_data_url=URL, auth_scheme="aws.s3.presigned",
             **{"sig-sha256-ecdsa": SIGNATURE}),
    document(fileType=0, **{"sig--": None}),
    # other jobs
    {"operation": "reboot", "afr_ota": None, "jobs": [1, 2, {"a": []}]},
)

NUMBERS = (0, -1, 1, 255, 256, 10 ** 15, -10 ** 15, 2 ** 31, 2 ** 32 + 202, 2 ** 63, 2 ** 64, 10 ** 30, 0.5, 1e15,
           16777217, 16777216, "0", "-1", "1", "1000000000000000", "9" * 40, "0x10", "1e3", " 1", "1 ", "+1", "", "text",
           "\u0661")
PATHS = ("../../../../etc/passwd", "/dev/sda", "..\\..\\boot.ini", "//", ".", "a/b/+/#", "$aws/things/+/jobs/#",
         "%s%n%x%d", "\r\nOK 1 v9", "\\A\\D\\\\", "\u0000", "x\u0000y", "\ud800", "\udc00\ud800", "\u202egnp.exe",
         "\u200b", "\x1b[2J", "\x7f", "\u0085", "a" * 63 + "\u00e9", "\u00e9" * 64, "\U0001f600" * 40, "'; reboot #",
         "$(reboot)", "AT+RESET\r\n", "a" * 128, "a" * 129, "A" * 20000, " ", "null")
ODD = (None, True, False, [], {}, [[]], [None], [{}], {"": {}}, {"afr_ota": {}}, ["MQTT", 1, None], ["mqtt"], "MQTT")
NAMES = ("version", "VERSION", "fileVersion", "force", "Force", "manufacturer", "model", "metadata", "description",
         "attr", "attributes", "sig-", "sig-md5-rsa", "sig-sha1-ecdsa", "sig-sha256-ecdsa", "SIG-SHA256-RSA", "",
         "a" * 300, "\u0000")


# What counts, and what is worst for it
FIELDS = {"filesize": NUMBERS, "fileid": NUMBERS, "fileType": NUMBERS, "filepath": PATHS, "certfile": PATHS,
          "streamname": PATHS, "update_data_url": PATHS, "protocols": ODD, "files": ODD, "afr_ota": ODD}


def nested(depth, kind):
    value = 1
    for _ in range(depth):
        value = [value] if kind else {"a": value}
    return value


def value(r):
    kind = r.randrange(5)
    if kind == 4:
        return nested(r.choice((10, 100, 400)), r.random() < 0.5)
    return copy.deepcopy(r.choice((NUMBERS, PATHS, ODD, NUMBERS)[kind]))


def containers(found):
    """Every object and list of the document."""
    all_of_them = [found]
    for one in all_of_them:
        all_of_them.extend(inner for inner in (one.values() if isinstance(one, dict) else one)
                           if isinstance(inner, (dict, list)))
    return all_of_them


def mutate(r, found):
    """One change, somewhere."""
    if r.random() < 0.5:
        key = r.choice(list(FIELDS))
        for place in containers(found):
            if isinstance(place, dict) and key in place:
                place[key] = copy.deepcopy(r.choice(FIELDS[key])) if r.random() < 0.7 else value(r)
        return
    place = r.choice([c for c in containers(found) if c] or [found])
    keys = list(place) if isinstance(place, dict) else list(range(len(place)))
    if not keys:
        place[r.choice(NAMES)] = value(r)
        return
    key, kind = r.choice(keys), r.randrange(10)
    if kind == 0:
        del place[key]
    elif kind == 1 and isinstance(place, list):
        place.extend(copy.deepcopy(place[key]) for _ in range(r.choice((1, 1, 10))))
    elif kind in (1, 2) and isinstance(place, dict):
        place[r.choice(NAMES)] = value(r)
    elif kind == 3 and isinstance(place, dict):
        place[r.choice((key.upper(), key.lower(), key.swapcase(), key + " ", key[1:]))] = place.pop(key)
    else:
        place[key] = value(r)


LITERALS = ("1e999", "-0", "1.0", "1E0", "0.1e1", "1e-400", "00000000001", "1" * 400, '"\\u0000"', '"\\uD83D"', '"\\/"')


def damage(r, text):
    """What only the text can tell: names that come twice, and other ways to write the same."""
    kind = r.randrange(4)
    if kind == 0:  # again, before or behind the first
        one = '"%s":%s' % (r.choice(("filesize", "fileType", "jobId", "status", "afr_ota", "files", "fileid")),
                           json.dumps(value(r)))
        at = r.choice([i + 1 for i, c in enumerate(text) if c == "{"])
        return text[:at] + one + ("," if text[at] != "}" else "") + text[at:]
    if kind == 1:
        numbers = list(re.finditer(r"(?<=:)[0-9]+(?=[,}])", text))
        if numbers:
            found = r.choice(numbers)
            return text[:found.start()] + r.choice(LITERALS) + text[found.end():]
    if kind == 2:
        return re.sub(r'([:,{}\[\]])(?=["{\[])', lambda m: m[1] + r.choice(("", " ", "\n", "\t\r")), text)
    names = list(re.finditer(r'"([a-zA-Z_]+)":', text))
    if not names:
        return text
    found = r.choice(names)
    return text[:found.start(1)] + "".join("\\u%04x" % ord(c) for c in found[1]) + text[found.end(1):]


# What has to become of it

def number(item, most):
    """A whole number, or a text of digits; None: neither, or too large."""
    if isinstance(item, bool):
        return None
    if isinstance(item, str):
        if not re.fullmatch("[0-9]+", item, re.ASCII):
            return None
        item = int(item)
    if isinstance(item, float):
        if item != int(item):
            return None
        item = int(item)
    return item if isinstance(item, int) and 0 <= item <= most else None


def is_lone(text):
    """Halves of surrogates, as JSON tells of characters beyond 16 bits."""
    return re.search("[\ud800-\udfff]", text) is not None


def judge(found):
    """"refused", "host": to be offered as 2, "module": as 1, or "any" of these."""
    ota = found.get("afr_ota")
    files = ota.get("files") if isinstance(ota, dict) else None
    if not isinstance(files, list) or len(files) != 1 or not isinstance(files[0], dict):
        return "refused"
    file, protocols = files[0], ota.get("protocols")
    kind = number(file.get("fileType"), 255)
    size = number(file.get("filesize"), LARGEST_MODULE if kind == 101 else LARGEST)
    if kind not in TYPES or not size or number(file.get("fileid"), 255) is None or not isinstance(protocols, list):
        return "refused"
    stream, url = ota.get("streamname"), file.get("update_data_url")
    mqtt, http = ("MQTT" in [p for p in protocols if isinstance(p, str)],
                  "HTTP" in [p for p in protocols if isinstance(p, str)])
    if mqtt and stream is not None and not (isinstance(stream, str) and re.fullmatch("[a-zA-Z0-9_-]{1,128}", stream)):
        return "refused"
    if http and url is not None and not (isinstance(url, str) and url.startswith("https://")):
        return "refused"
    if not (mqtt and stream is not None) and not (http and url is not None):
        return "refused"
    if kind == 202:
        return "host"
    return "any" if kind != 101 else judge_module(found, ota, file)


def judge_module(found, ota, file):
    signatures = {key.lower(): item for key, item in file.items()
                  if key.lower().startswith("sig-") and item is not None}
    places = [found, ota, file] + [item for key, item in file.items() if key.lower() in ("attr", "attributes")]
    forced = any(key.lower() == "force" for place in places if isinstance(place, dict) for key in place)
    if not signatures:
        return "refused"
    if number(file.get("filesize"), LARGEST) is None:
        return "any"  # too large for a stream, it may be
    return "module" if not forced and list(signatures) == ["sig-sha256-ecdsa"] and \
        signatures["sig-sha256-ecdsa"] == SIGNATURE else "any"


SINGLES = [(key, item) for key, values in FIELDS.items() for item in values]


def single(n, name, size):
    """The first seed with one field of it wrong, each in turn."""
    key, item = SINGLES[n]
    found = copy.deepcopy(SEEDS[0])
    for place in containers(found):
        if isinstance(place, dict) and key in place:
            place.update({"filesize": size} if "filesize" in place else {})
            place.update({"streamname": name} if "streamname" in place else {})
            place[key] = copy.deepcopy(item)
    return json.dumps(found, separators=(",", ":")), judge(found)


def make(r, name, size):
    """The text of a document whose stream has this name and size, and what has to become of it."""
    while True:
        found = copy.deepcopy(r.choice(SEEDS))
        for place in containers(found):
            if isinstance(place, dict) and "filesize" in place:
                place["filesize"] = r.choice((size, str(size)))
            if isinstance(place, dict) and "streamname" in place:
                place["streamname"] = name
        try:
            for _ in range(r.choice((0, 1, 1, 1, 2, 3, 8))):
                mutate(r, found)
            text, wanted = json.dumps(found, separators=(",", ":"), ensure_ascii=False), judge(found)
            if is_lone(text) or r.random() < 0.5:
                text = json.dumps(found, separators=(",", ":"))
            if r.random() < 0.2:
                text, wanted = damage(r, text), "any"
            if len(text.encode()) <= DOCUMENT_LIMIT and isinstance(json.loads(text), dict):
                return text, wanted
        except (ValueError, RecursionError):
            pass  # damaged too much to get past CreateJob, or nested too deep for Python
