# SPDX-License-Identifier: Apache-2.0
"""Job documents as CreateOTAUpdate writes them, and the files that belong to them."""

import base64
import json
import subprocess
import uuid

from sandbox.common import Problem, find_program
from sandbox.streams import FILE_LIMIT

PROTOCOLS = ("MQTT",)

# guide, Table 5
FILE_TYPES = {"module-image": 101, "ota": 103, "root": 107, "host-image": 202, "host": 204}
RSA = bytes.fromhex("2a864886f70d010101")
EC = bytes.fromhex("2a8648ce3d0201")


def openssl(*arguments):
    try:
        done = subprocess.run([find_program("openssl", "openssl"), *map(str, arguments)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    except OSError as error:
        raise Problem("cannot run openssl: %s" % error.strerror) from error
    return done.stdout if done.returncode == 0 else None


def sign(key, file, digest="sha256"):
    """The name of the signature's field and its value."""
    public = openssl("pkey", "-in", key, "-pubout", "-outform", "DER")
    if public is None:
        raise Problem("%s holds no private key that openssl can read" % key)
    kind = "ecdsa" if EC in public else "rsa" if RSA in public else None
    if kind is None:
        raise Problem("%s is neither an EC nor an RSA key: AWS signs with no other" % key)
    signature = openssl("dgst", "-" + digest, "-sign", key, file)
    if signature is None:
        raise Problem("openssl cannot sign %s with %s" % (file, key))
    return "sig-%s-%s" % (digest, kind), base64.b64encode(signature).decode()


def new_stream_name():
    return "AFR_OTA-%s" % uuid.uuid4()


def read_image(path, limit=FILE_LIMIT):
    try:
        with open(path, "rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise Problem("%s: %s" % (path, error.strerror)) from error
    if not data:
        raise Problem("%s is empty: a stream has at least one byte" % path)
    if len(data) > limit:
        raise Problem("%s is larger than %d MiB, more than %s can carry" % (
            path, limit >> 20, "a stream" if limit == FILE_LIMIT else "this sandbox"))
    return data


def ota_document(stream, size, file_type, signature=None, version=None, text=None, more=None, url=None,
                 protocols=PROTOCOLS):
    """What CreateOTAUpdate tells a device, and `more`, which a job with a document of one's own can tell."""
    file = {"filepath": version, "filesize": size, "fileid": 0, "certfile": "/" if signature else None,
            "fileType": file_type, "update_data_url": url,
            "auth_scheme": "aws.s3.presigned" if url else None}
    name, value = signature or ("sig--", None)
    file[name] = value
    file.update(more or {})
    update = {"protocols": list(protocols)}
    if "MQTT" in protocols:
        update["streamname"] = stream
    document = {"afr_ota": {**update, "files": [file]}}
    if text is not None:
        document["description"] = text
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
