#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of Tables 2 and 3 of the guide (chapter 5). */

#include "config/settings.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>

enum key_access {
	KEY_READ = 1 << 0,
	KEY_WRITE = 1 << 1,
};

enum key_kind {
	KEY_TEXT,
	KEY_QOS,         /* 0 or 1 */
	KEY_SECONDS,     /* decimal, up to KEY_MAX_SECONDS */
	KEY_CERTIFICATE, /* one; has the pem forms */
	KEY_ROOTS,       /* one or more; has the pem forms */
};

enum key_id {
	KEY_ABOUT,
	KEY_VERSION,
	KEY_TECHSPEC,
	KEY_THINGNAME,
	KEY_CERTIFICATE_DEVICE,
	KEY_CUSTOMNAME,
	KEY_ENDPOINT,
	KEY_ROOTCA,
	KEY_DEFENDER,
	KEY_HOTACERTIFICATE,
	KEY_OTACERTIFICATE,
	KEY_SSID,
	KEY_PASSPHRASE,
	KEY_APN,
	KEY_QOS_ID,
	KEY_TOPIC, /* Topic1 .. Topic<MaxTopic>, by index */
	KEY_COUNT,
};

#define KEY_MAX_NAME    16      /* guide 5.1.1.1 */
#define KEY_MAX_SECONDS 2592000 /* 30 days */

struct key_row {
	enum key_id id;
	const char *name;
	unsigned access;
	enum key_kind kind;
	size_t size; /* bytes of a value */
	bool persistent;
	bool factory_reset; /* the column of Table 2; non-persistent keys are reset anyway */
	unsigned networks;  /* bits 1 << enum network_type on which it exists */
};

/* The name's row; for a topic also its index. Order of guide 5.1.1: AT_ERR_KEY_LENGTH (empty or longer
 * than 16), AT_ERR_KEY_NAME, AT_ERR_KEY_UNKNOWN (also: not on this type of network, or beyond MaxTopic). */
int keys_find(const struct settings *settings, const void *name, size_t n, const struct key_row **ret,
	      unsigned *ret_index) _must_check_;

const struct key_row *keys_row(enum key_id id);

/* Has this row the two pem forms (guide 8.11.1, 8.11.2)? */
static inline bool key_is_pem(const struct key_row *row)
{
	return row->kind == KEY_CERTIFICATE || row->kind == KEY_ROOTS;
}
