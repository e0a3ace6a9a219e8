#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The job document of an update (guide 8.3, Table 5): what AWS IoT calls afr_ota. Pure. */

#include "cloud/url.h"
#include "util/macro.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Guide, Table 5. */
enum document_type {
	DOCUMENT_NOTHING = 0,
	DOCUMENT_MODULE_IMAGE = 101,
	DOCUMENT_OTA_CERTIFICATE = 103,
	DOCUMENT_ROOT_CERTIFICATE = 107,
	DOCUMENT_HOST_IMAGE = 202,
	DOCUMENT_HOST_CERTIFICATE = 204,
};

bool document_is_type(uint64_t type);

static inline bool document_is_certificate(enum document_type type)
{
	return type == DOCUMENT_OTA_CERTIFICATE || type == DOCUMENT_ROOT_CERTIFICATE ||
	       type == DOCUMENT_HOST_CERTIFICATE;
}

#define DOCUMENT_MAX_FILE      255 /* fileid */
#define DOCUMENT_MAX_STREAM    128
#define DOCUMENT_MAX_TEXT      64  /* of what the operator entered: longer is cut, between characters */
#define DOCUMENT_MAX_SIGNATURE 512 /* bytes, decoded */
#define DOCUMENT_MAX_REASON    120

enum document_digest {
	DOCUMENT_UNSIGNED,
	DOCUMENT_SHA256_ECDSA,
	DOCUMENT_SHA256_RSA,
	DOCUMENT_SHA1,  /* recognised, never enough where a signature is required */
	DOCUMENT_OTHER, /* there, but of no kind that could ever verify */
};

struct document {
	enum document_type type;
	uint64_t size;                        /* bytes, 1 .. IMAGE_MAX_SIZE; of a host image IMAGE_MAX_HOST */
	unsigned file;                        /* fileid */
	char stream[DOCUMENT_MAX_STREAM + 1]; /* "": not offered over MQTT */
	char url[URL_MAX + 1];                /* "": not offered over HTTPS */
	enum document_digest digest;
	size_t signature_n;
	unsigned char signature[DOCUMENT_MAX_SIGNATURE]; /* what is no base64, or too long, has length 0 */
	/* Printable UTF-8, "" when absent. */
	char version[DOCUMENT_MAX_TEXT + 1]; /* falls back to filepath */
	char text[DOCUMENT_MAX_TEXT + 1];    /* of a host image: version, else certfile, metadata, description */
	char manufacturer[DOCUMENT_MAX_TEXT + 1];
	char model[DOCUMENT_MAX_TEXT + 1];
	bool force; /* of a module image (guide 8.7) */
	bool wire;  /* no job has brought it: the signature is that of container.h */
};

/* 0; -EINVAL, and reason says why it is refused: one line of printable ASCII, for the job and the log. */
int document_parse(const cJSON *root, struct document *ret, char reason[DOCUMENT_MAX_REASON + 1]) _must_check_;
