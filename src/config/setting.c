/* SPDX-License-Identifier: Apache-2.0 */
#include "config/setting.h"

#include "config/endpoint.h"
#include "util/num.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#define FIELD(name) offsetof(struct settings, name), sizeof(((struct settings *)NULL)->name)

#define TEXT(field, most, initial)         SETTING_TEXT, FIELD(field), 0, most, initial, NULL, false
#define NUMBER(field, min, max, initial)   SETTING_NUMBER, FIELD(field), min, max, initial, NULL, false
#define SIZE(field, min, max, initial)     SETTING_SIZE, FIELD(field), min, max, initial, NULL, false
#define BOOL(field, initial)               SETTING_BOOL, FIELD(field), 0, 1, initial, NULL, false
#define WORD(field, words, first, initial) SETTING_WORD, FIELD(field), first, 0, initial, words, false
#define SPECIAL(kind, field, initial)      kind, FIELD(field), 0, MAX_PATH, initial, NULL, false
#define REQUIRED(kind, field)              kind, FIELD(field), 0, MAX_PATH, "", NULL, true

#define MAX_PATH 1024
#define KIB      1024U
#define MIB      (1024U * KIB)

static const char *const network_words[] = { "ethernet", "wifi", "cellular", NULL };
static const char *const bias_words[] = { "none", "pull-up", NULL };
static const char *const parameter_words[] = { "guide", "state", NULL };
static const char *const level_words[] = { "error", "warning", "notice", "info", "debug", NULL };

const struct setting setting_rows[] = {
	{ "Serial", "Device", REQUIRED(SETTING_DEVICE, device) },
	{ "Identity", "Certificate", REQUIRED(SETTING_CERT, certificate_pem) },
	{ "Identity", "PrivateKey", REQUIRED(SETTING_KEY, private_key) },
	{ "Identity", "ThingName", SPECIAL(SETTING_THING, thing_name, "") },
	{ "Identity", "PinFile", SPECIAL(SETTING_PATH, pin_file, "") },
	{ "Identity", "Tcti", TEXT(tcti, MAX_PATH, "") },
	{ "Module", "About", TEXT(about, 64, "expresslinkd - Linux gateway") },
	{ "Module", "EventQueue", NUMBER(event_queue, 64, 4096, "64") },
	{ "Module", "MessageQueue", NUMBER(message_queue, 64, 65536, "64") },
	{ "Module", "MessageBytes", SIZE(message_bytes, 256 * KIB, 64 * MIB, "256K") },
	{ "Module", "MaxTopic", NUMBER(max_topic, 16, 49, "16") },
	{ "Cloud", "StagingEndpoint", SPECIAL(SETTING_ENDPOINT, staging_endpoint, "") },
	{ "Cloud", "RootCA", SPECIAL(SETTING_CERTS, root_ca_pem, "") },
	{ "Cloud", "KeepAlive", NUMBER(keep_alive, 30, 1200, "60") },
	{ "Cloud", "ConnectTimeout", NUMBER(connect_timeout, 5, 115, "25") },
	{ "Pins", "Chip", TEXT(pin_chip, 128, "gpiochip0") },
	{ "Pins", "Event", TEXT(pin_event, 64, "") },
	{ "Pins", "Wake", TEXT(pin_wake, 64, "") },
	{ "Pins", "Reset", TEXT(pin_reset, 64, "") },
	{ "Pins", "EventActiveLow", BOOL(event_active_low, "no") },
	{ "Pins", "Bias", WORD(pin_pull_up, bias_words, 0, "pull-up") },
	{ "OTA", "Certificate", SPECIAL(SETTING_CERT, ota_certificate_pem, "") },
	{ "OTA", "Shared", BOOL(ota_shared, "no") },
	{ "OTA", "MaxImageSize", SIZE(max_image_size, KIB, 16 * MIB, "16M") },
	{ "OTA", "CAFile", SPECIAL(SETTING_PATH, ota_ca_file, "") },
	{ "OTA", "RequireHostSignature", BOOL(require_host_signature, "no") },
	{ "OTA", "Installer", SPECIAL(SETTING_INSTALL, installer, "deb") },
	{ "OTA", "ConfirmTimeout", NUMBER(confirm_timeout, 10, 86400, "300") },
	{ "OTA", "Manufacturer", TEXT(manufacturer, 64, "") },
	{ "OTA", "Model", TEXT(model, 64, "") },
	{ "Network", "Type", WORD(network_type, network_words, NETWORK_ETHERNET, "ethernet") },
	{ "Network", "Interface", TEXT(interface, 15, "") },
	{ "Network", "DefaultSSID", TEXT(default_ssid, 32, "") },
	{ "Network", "DefaultPassphrase", TEXT(default_passphrase, 64, "") },
	{ "Network", "DefaultAPN", TEXT(default_apn, 128, "") },
	{ "Confmode", "Enable", BOOL(confmode, "no") },
	{ "Confmode", "Listen", SPECIAL(SETTING_LISTEN, confmode_listen, "192.168.4.1:80") },
	{ "Confmode", "Timeout", NUMBER(confmode_timeout, 10, 86400, "300") },
	{ "Location", "Gpsd", SPECIAL(SETTING_SERVER, gpsd, "localhost:2947") },
	{ "Compatibility", "OTAEventParameter", WORD(ota_event_state, parameter_words, 0, "guide") },
	{ "Compatibility", "TimeLabels", BOOL(time_labels, "no") },
	{ "Log", "Level", WORD(log_level, level_words, LOG_ERR, "info") },
};

const size_t setting_count = ELEMENTS(setting_rows);

/* Sections that will get keys. */
static const char *const empty_sections[] = { "Defender" };

bool setting_has_section(const char *section)
{
	for (size_t i = 0; i < setting_count; i++) {
		if (strcmp(setting_rows[i].section, section) == 0)
			return true;
	}
	for (size_t i = 0; i < ELEMENTS(empty_sections); i++) {
		if (strcmp(empty_sections[i], section) == 0)
			return true;
	}
	return false;
}

const struct setting *setting_find(const char *section, const char *key)
{
	for (size_t i = 0; i < setting_count; i++) {
		if (strcmp(setting_rows[i].section, section) == 0 && strcmp(setting_rows[i].key, key) == 0)
			return &setting_rows[i];
	}
	return NULL;
}

static void *field(const struct setting *row, struct settings *s)
{
	return (char *)s + row->offset;
}

bool setting_is_text(const struct setting *row)
{
	switch (row->kind) {
	case SETTING_NUMBER:
	case SETTING_SIZE:
	case SETTING_BOOL:
	case SETTING_WORD:
		return false;
	default:
		return true;
	}
}

char **setting_text(const struct setting *row, struct settings *s)
{
	assert(setting_is_text(row));

	return field(row, s);
}

static int set_text(const struct setting *row, struct settings *s, const char *value)
{
	char **text = setting_text(row, s);
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

static int set_number(const struct setting *row, struct settings *s, uint64_t number)
{
	void *to = field(row, s);

	if (row->size == sizeof(uint64_t))
		*(uint64_t *)to = number;
	else if (row->size == sizeof(unsigned))
		*(unsigned *)to = (unsigned)number;
	else
		*(bool *)to = number;
	return 0;
}

static bool parse_number(const struct setting *row, const char *value, uint64_t *ret)
{
	size_t n = strlen(value);
	uint64_t unit = 1;

	if (row->kind == SETTING_SIZE && n && (value[n - 1] == 'K' || value[n - 1] == 'M'))
		unit = value[--n] == 'K' ? KIB : MIB;
	if (num_parse(value, n, ret) < 0 || *ret > row->max / unit)
		return false;
	*ret *= unit;
	return *ret >= row->min;
}

static bool parse_word(const struct setting *row, const char *value, uint64_t *ret)
{
	for (unsigned i = 0; row->words[i]; i++) {
		if (strcmp(row->words[i], value) == 0) {
			*ret = row->min + i;
			return true;
		}
	}
	return false;
}

static bool parse_bool(const char *value, uint64_t *ret)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };

	for (unsigned i = 0; i < ELEMENTS(words); i++) {
		if (strcasecmp(words[i], value) == 0) {
			*ret = i % 2;
			return true;
		}
	}
	return false;
}

static bool is_thing_name(const char *value)
{
	static const char bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_-";
	size_t n = strlen(value);

	return n > 0 && n <= 64 && strspn(value, bytes) == n;
}

static bool is_path(const char *value)
{
	return value[0] == '/' && value[1];
}

/* RFC 3986, 3.1 */
static bool has_scheme(const char *value)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";
	size_t n = strspn(value, others);

	return strchr(letters, value[0]) && value[n] == ':' && value[n + 1];
}

static bool is_device(const char *value)
{
	return is_path(value) || (strncmp(value, "pty:", 4) == 0 && value[4]);
}

static bool is_endpoint(const char *value, bool needs_address, bool needs_port)
{
	struct endpoint e;

	if (endpoint_parse(value, strlen(value), &e) < 0)
		return false;
	return (e.numeric || !needs_address) && (e.port || !needs_port);
}

static bool is_text(const struct setting *row, const char *value)
{
	if (strlen(value) > row->max)
		return false;
	switch (row->kind) {
	case SETTING_PATH:
	case SETTING_CERT:
	case SETTING_CERTS:
		return is_path(value);
	case SETTING_KEY:
		return is_path(value) || has_scheme(value);
	case SETTING_DEVICE:
		return is_device(value);
	case SETTING_THING:
		return is_thing_name(value);
	case SETTING_ENDPOINT:
		return is_endpoint(value, false, false);
	case SETTING_LISTEN:
		return is_endpoint(value, true, true);
	case SETTING_SERVER:
		return strcmp(value, "none") == 0 || is_endpoint(value, false, true);
	case SETTING_INSTALL:
		return strcmp(value, "deb") == 0 || is_path(value);
	default:
		return true;
	}
}

/* n units of K or M where that is shorter */
static void say_size(char *text, size_t size, uint64_t n)
{
	if (n % MIB == 0)
		(void)snprintf(text, size, "%" PRIu64 "M", n / MIB);
	else
		(void)snprintf(text, size, "%" PRIu64 "K", n / KIB);
}

static void say_words(const struct setting *row, char *text, size_t size)
{
	size_t n = (size_t)snprintf(text, size, "must be ");

	for (unsigned i = 0; row->words[i] && n < size; i++) {
		const char *before = i == 0 ? "" : row->words[i + 1] ? ", " : " or ";

		n += (size_t)snprintf(text + n, size - n, "%s%s", before, row->words[i]);
	}
}

/* Never the value itself: it may be a secret. */
static void say_why(const struct setting *row, char *text, size_t size)
{
	static const char *const must[] = {
		[SETTING_BOOL] = "must be yes or no",
		[SETTING_PATH] = "must be an absolute path",
		[SETTING_CERT] = "must be the absolute path of a PEM file",
		[SETTING_CERTS] = "must be the absolute path of a PEM file",
		[SETTING_KEY] = "must be the absolute path of a PEM file, or a URI (pkcs11:, handle:)",
		[SETTING_DEVICE] = "must be the absolute path of a tty, or pty:PATH",
		[SETTING_THING] = "must be 1 to 64 characters of a-z A-Z 0-9 : _ -",
		[SETTING_ENDPOINT] = "must be HOST or HOST:PORT",
		[SETTING_LISTEN] = "must be ADDRESS:PORT",
		[SETTING_SERVER] = "must be HOST:PORT or none",
		[SETTING_INSTALL] = "must be deb, or the absolute path of a command",
	};
	char min[24], max[24];

	switch (row->kind) {
	case SETTING_TEXT:
		(void)snprintf(text, size, "must not be longer than %" PRIu64 " bytes", row->max);
		break;
	case SETTING_NUMBER:
		(void)snprintf(text, size, "must be a number from %" PRIu64 " to %" PRIu64, row->min, row->max);
		break;
	case SETTING_SIZE:
		say_size(min, sizeof(min), row->min);
		say_size(max, sizeof(max), row->max);
		(void)snprintf(text, size, "must be a size from %s to %s", min, max);
		break;
	case SETTING_WORD:
		say_words(row, text, size);
		break;
	default:
		(void)snprintf(text, size, "%s", must[row->kind]);
		break;
	}
}

int setting_apply(const struct setting *row, struct settings *s, const char *value, char *ret_why, size_t size)
{
	uint64_t number = 0;
	bool ok;

	switch (row->kind) {
	case SETTING_NUMBER:
	case SETTING_SIZE:
		ok = parse_number(row, value, &number);
		break;
	case SETTING_BOOL:
		ok = parse_bool(value, &number);
		break;
	case SETTING_WORD:
		ok = parse_word(row, value, &number);
		break;
	default:
		/* Nothing: as if it were not set. */
		if (!*value)
			return set_text(row, s, row->initial);
		if (is_text(row, value))
			return set_text(row, s, row->kind == SETTING_SERVER && strcmp(value, "none") == 0 ? "" : value);
		ok = false;
		break;
	}
	if (ok)
		return set_number(row, s, number);
	say_why(row, ret_why, size);
	return -EINVAL;
}
