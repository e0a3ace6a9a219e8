/* SPDX-License-Identifier: Apache-2.0 */
#include "config/keys.h"

#include "at/error.h"
#include "util/num.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define R     KEY_READ
#define W     KEY_WRITE
#define RW    (KEY_READ | KEY_WRITE)
#define ALL   (WIFI | CELL | 1U << NETWORK_ETHERNET)
#define WIFI  (1U << NETWORK_WIFI)
#define CELL  (1U << NETWORK_CELLULAR)
#define PEM   16384 /* guide 5, Table 2: at least 4 KB */
#define TOPIC "Topic"

/* Guide 5, Tables 2 and 3. */
/* clang-format off */
static const struct key_row rows[KEY_COUNT] = {
	/* id                                                                       stays  factory */
	{ KEY_ABOUT,              "About",          R,  KEY_TEXT,        64,   true,  false, ALL },
	{ KEY_VERSION,            "Version",        R,  KEY_TEXT,        32,   true,  false, ALL },
	{ KEY_TECHSPEC,           "TechSpec",       R,  KEY_TEXT,        16,   true,  false, ALL },
	{ KEY_THINGNAME,          "ThingName",      R,  KEY_TEXT,        64,   true,  false, ALL },
	{ KEY_CERTIFICATE_DEVICE, "Certificate",    R,  KEY_CERTIFICATE, PEM,  true,  false, ALL },
	{ KEY_CUSTOMNAME,         "CustomName",     RW, KEY_TEXT,        128,  true,  true,  ALL },
	{ KEY_ENDPOINT,           "Endpoint",       RW, KEY_TEXT,        128,  true,  true,  ALL },
	{ KEY_ROOTCA,             "RootCA",         RW, KEY_ROOTS,       PEM,  true,  false, ALL },
	{ KEY_DEFENDER,           "Defender",       RW, KEY_SECONDS,     7,    true,  true,  ALL },
	{ KEY_HOTACERTIFICATE,    "HOTAcertificate", RW, KEY_CERTIFICATE, PEM, true,  true,  ALL },
	{ KEY_OTACERTIFICATE,     "OTAcertificate", RW, KEY_CERTIFICATE, PEM,  true,  false, ALL },
	{ KEY_SSID,               "SSID",           RW, KEY_TEXT,        32,   true,  true,  WIFI },
	{ KEY_PASSPHRASE,         "Passphrase",     W,  KEY_TEXT,        64,   true,  true,  WIFI },
	{ KEY_APN,                "APN",            RW, KEY_TEXT,        128,  true,  true,  CELL },
	{ KEY_QOS_ID,             "QoS",            RW, KEY_QOS,         1,    false, false, ALL },
	{ KEY_TOPIC,              TOPIC,            RW, KEY_TEXT,        128,  false, false, ALL },
};
/* clang-format on */

const struct key_row *keys_row(enum key_id id)
{
	assert((unsigned)id < KEY_COUNT && rows[id].id == id);

	return &rows[id];
}

static bool is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Topic1 .. Topic<MaxTopic>, without leading zeros. */
static bool is_topic(const struct settings *settings, const char *name, size_t n, unsigned *ret_index)
{
	size_t prefix = strlen(TOPIC);
	uint64_t index;

	if (n <= prefix || memcmp(name, TOPIC, prefix) != 0 || name[prefix] == '0')
		return false;
	if (num_parse(name + prefix, n - prefix, &index) < 0 || index > settings->max_topic)
		return false;
	*ret_index = (unsigned)index;
	return true;
}

int keys_find(const struct settings *settings, const void *name, size_t n, const struct key_row **ret,
	      unsigned *ret_index)
{
	unsigned index = 0;

	if (n == 0 || n > KEY_MAX_NAME)
		return AT_ERR_KEY_LENGTH;
	for (size_t i = 0; i < n; i++) {
		if (!is_alphanumeric(((const char *)name)[i]))
			return AT_ERR_KEY_NAME;
	}

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		const struct key_row *row = &rows[i];

		if (!(row->networks & 1U << settings->network_type))
			continue;
		if (row->id == KEY_TOPIC ? !is_topic(settings, name, n, &index)
					 : strlen(row->name) != n || memcmp(row->name, name, n) != 0)
			continue;
		*ret = row;
		*ret_index = index;
		return 0;
	}
	return AT_ERR_KEY_UNKNOWN;
}
