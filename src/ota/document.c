/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/document.h"

#include "cloud/url.h"
#include "ota/image.h"
#include "util/base64.h"
#include "util/num.h"
#include "util/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HTTP "http://"

/* Where metadata may stand, in the order in which it counts. */
#define MAX_PLACES 5

struct parsing {
	const cJSON *ota;  /* afr_ota */
	const cJSON *file; /* its only file */
	const cJSON *places[MAX_PLACES];
	size_t places_n;
	char *reason;
};

static int refuse(struct parsing *p, const char *format, ...) _printf_(2, 3);

static int refuse(struct parsing *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(p->reason, DOCUMENT_MAX_REASON + 1, format, ap);
	va_end(ap);
	return -EINVAL;
}

/* null is as good as absent: CreateOTAUpdate fills in all that was not given. */
static const cJSON *member(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsNull(item) ? NULL : item;
}

/* A number, or a text of decimal digits. 0; -EINVAL: neither; -ERANGE: more than max. */
static int whole_number(const cJSON *item, uint64_t max, uint64_t *ret)
{
	uint64_t number;
	int r;

	if (cJSON_IsNumber(item)) {
		double value = item->valuedouble;

		if (!(value >= 0))
			return -EINVAL;
		if (value > (double)max)
			return -ERANGE;
		number = (uint64_t)value;
		if ((double)number != value)
			return -EINVAL;
		*ret = number;
		return 0;
	}
	if (!cJSON_IsString(item))
		return -EINVAL;
	r = num_parse(item->valuestring, strlen(item->valuestring), &number);
	if (r < 0)
		return r;
	if (number > max)
		return -ERANGE;
	*ret = number;
	return 0;
}

/* --- the file --- */

bool document_is_type(uint64_t type)
{
	return type == DOCUMENT_MODULE_IMAGE || type == DOCUMENT_OTA_CERTIFICATE || type == DOCUMENT_ROOT_CERTIFICATE ||
	       type == DOCUMENT_HOST_IMAGE || type == DOCUMENT_HOST_CERTIFICATE;
}

static int parse_type(struct parsing *p, struct document *d)
{
	const cJSON *item = member(p->file, "fileType");
	uint64_t type;
	int r;

	if (!item)
		return refuse(p, "fileType is missing");
	r = whole_number(item, UINT32_MAX, &type);
	if (r == -EINVAL)
		return refuse(p, "fileType is no number");
	if (r < 0 || !document_is_type(type))
		return refuse(p, "fileType is none of 101, 103, 107, 202, 204");
	d->type = (enum document_type)type;
	return 0;
}

static int parse_size(struct parsing *p, struct document *d)
{
	const uint64_t max = d->type == DOCUMENT_HOST_IMAGE ? IMAGE_MAX_HOST : IMAGE_MAX_SIZE;
	const cJSON *item = member(p->file, "filesize");
	int r;

	if (!item)
		return refuse(p, "filesize is missing");
	r = whole_number(item, max, &d->size);
	if (r == -ERANGE)
		return refuse(p, "filesize is more than %" PRIu64 " bytes", max);
	if (r < 0)
		return refuse(p, "filesize is no whole number of bytes");
	if (d->size == 0)
		return refuse(p, "filesize is 0");
	return 0;
}

static int parse_file(struct parsing *p, struct document *d)
{
	const cJSON *files = member(p->ota, "files"), *id;
	uint64_t number;
	int n, r;

	if (!cJSON_IsArray(files))
		return refuse(p, "files is missing");
	n = cJSON_GetArraySize(files);
	if (n != 1)
		return refuse(p, "one file is expected, not %d", n);
	p->file = cJSON_GetArrayItem(files, 0);
	if (!cJSON_IsObject(p->file))
		return refuse(p, "files has no object");

	r = parse_type(p, d);
	if (r == 0)
		r = parse_size(p, d);
	if (r < 0)
		return r;
	id = member(p->file, "fileid");
	if (!id)
		return refuse(p, "fileid is missing");
	if (whole_number(id, DOCUMENT_MAX_FILE, &number) < 0)
		return refuse(p, "fileid is no number of 0 to %d", DOCUMENT_MAX_FILE);
	d->file = (unsigned)number;
	return 0;
}

/* --- where it comes from --- */

static bool is_stream_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* The name becomes a part of topics: nothing in it may be a level or a wildcard. */
static int parse_stream(struct parsing *p, struct document *d)
{
	const cJSON *item = member(p->ota, "streamname");
	size_t n;

	if (!item)
		return 0;
	if (!cJSON_IsString(item))
		return refuse(p, "streamname is no text");
	n = strlen(item->valuestring);
	if (n == 0 || n > DOCUMENT_MAX_STREAM)
		return refuse(p, "streamname has not 1 to %d characters", DOCUMENT_MAX_STREAM);
	for (size_t i = 0; i < n; i++) {
		if (!is_stream_char(item->valuestring[i]))
			return refuse(p, "streamname has other characters than letters, digits, - and _");
	}
	memcpy(d->stream, item->valuestring, n + 1);
	return 0;
}

static int parse_url(struct parsing *p, struct document *d)
{
	const cJSON *item = member(p->file, "update_data_url");
	char host[URL_MAX_HOST + 1];
	const char *url;
	size_t n;

	if (!item)
		return 0;
	if (!cJSON_IsString(item))
		return refuse(p, "update_data_url is no text");
	url = item->valuestring;
	if (strncasecmp(url, HTTP, strlen(HTTP)) == 0)
		return refuse(p, "update_data_url is plain http");
	if (strncasecmp(url, URL_SCHEME, strlen(URL_SCHEME)) != 0)
		return refuse(p, "update_data_url does not begin with " URL_SCHEME);
	n = strlen(url);
	if (n > URL_MAX)
		return refuse(p, "update_data_url is longer than %d bytes", URL_MAX);
	if (url_host(url, host) < 0)
		return refuse(p, "update_data_url is malformed: HOST[:PORT] and printable characters are expected");
	memcpy(d->url, url, n + 1);
	return 0;
}

/* What protocols does not name is not offered, even when the rest of it is there. */
static int parse_source(struct parsing *p, struct document *d)
{
	const cJSON *protocols = member(p->ota, "protocols"), *item;
	bool mqtt = false, http = false;
	int r = 0;

	if (!cJSON_IsArray(protocols))
		return refuse(p, "protocols is missing");
	cJSON_ArrayForEach(item, protocols)
	{
		const char *name = cJSON_GetStringValue(item);

		mqtt |= name && strcmp(name, "MQTT") == 0;
		http |= name && strcmp(name, "HTTP") == 0;
	}
	if (!mqtt && !http)
		return refuse(p, "protocols has neither MQTT nor HTTP");
	if (mqtt)
		r = parse_stream(p, d);
	if (r == 0 && http)
		r = parse_url(p, d);
	if (r < 0 || d->stream[0] || d->url[0])
		return r;
	return refuse(p, "%s is missing", mqtt ? "streamname" : "update_data_url");
}

/* --- the signature --- */

static enum document_digest digest_of(const char *name)
{
	static const struct {
		const char *name;
		enum document_digest digest;
	} known[] = {
		{ "sig-sha256-ecdsa", DOCUMENT_SHA256_ECDSA },
		{ "sig-sha256-rsa", DOCUMENT_SHA256_RSA },
		{ "sig-sha1-ecdsa", DOCUMENT_SHA1 },
		{ "sig-sha1-rsa", DOCUMENT_SHA1 },
	};

	for (size_t i = 0; i < ELEMENTS(known); i++) {
		if (strcasecmp(name, known[i].name) == 0)
			return known[i].digest;
	}
	return strncasecmp(name, "sig-", 4) == 0 ? DOCUMENT_OTHER : DOCUMENT_UNSIGNED;
}

/* The one that is worth most; an unsigned file has a member "sig--" that is null. One that cannot be read still counts
 * as there: it will not verify. */
static void parse_signature(const struct parsing *p, struct document *d)
{
	const cJSON *item, *best = NULL;

	cJSON_ArrayForEach(item, p->file)
	{
		enum document_digest digest = digest_of(item->string);

		if (digest == DOCUMENT_UNSIGNED || cJSON_IsNull(item) || (best && digest >= d->digest))
			continue;
		best = item;
		d->digest = digest;
	}
	if (!best || !cJSON_IsString(best))
		return;
	if (base64_decode(best->valuestring, strlen(best->valuestring), d->signature, sizeof(d->signature),
			  &d->signature_n) < 0)
		d->signature_n = 0;
}

/* --- what the operator entered --- */

static void add_place(struct parsing *p, const cJSON *place)
{
	if (cJSON_IsObject(place))
		p->places[p->places_n++] = place;
}

static void find_places(struct parsing *p, const cJSON *root)
{
	add_place(p, p->file);
	add_place(p, cJSON_GetObjectItem(p->file, "attr"));
	add_place(p, cJSON_GetObjectItem(p->file, "attributes"));
	add_place(p, p->ota);
	add_place(p, root);
}

/* False: there is nothing to show. */
static bool show(const cJSON *item, char ret[DOCUMENT_MAX_TEXT + 1])
{
	char number[32];

	if (cJSON_IsString(item))
		return utf8_printable(item->valuestring, strlen(item->valuestring), ret, DOCUMENT_MAX_TEXT + 1) > 0;
	if (!cJSON_IsNumber(item))
		return false;
	(void)snprintf(number, sizeof(number), "%.15g", item->valuedouble);
	memcpy(ret, number, strlen(number) + 1);
	return true;
}

/* The first one that says something, whatever the case of its name. */
static bool metadata(const struct parsing *p, const char *name, char ret[DOCUMENT_MAX_TEXT + 1])
{
	for (size_t i = 0; i < p->places_n; i++) {
		const cJSON *item;

		cJSON_ArrayForEach(item, p->places[i])
		{
			if (strcasecmp(item->string, name) == 0 && show(item, ret))
				return true;
		}
	}
	return false;
}

static bool is_forced(const struct parsing *p)
{
	for (size_t i = 0; i < p->places_n; i++) {
		const cJSON *item;

		cJSON_ArrayForEach(item, p->places[i])
		{
			if (strcasecmp(item->string, "force") != 0 || cJSON_IsNull(item))
				continue;
			return cJSON_IsTrue(item) || (cJSON_IsString(item) && (strcmp(item->valuestring, "YES") == 0 ||
									       strcmp(item->valuestring, "true") == 0));
		}
	}
	return false;
}

static void parse_metadata(const struct parsing *p, struct document *d)
{
	const cJSON *path = member(p->file, "filepath");

	if (!metadata(p, "version", d->version))
		(void)show(path, d->version);
	memcpy(d->text, d->version, sizeof(d->text));
	if (!d->text[0] && !show(member(p->file, "certfile"), d->text) && !metadata(p, "metadata", d->text))
		(void)metadata(p, "description", d->text);
	(void)metadata(p, "manufacturer", d->manufacturer);
	(void)metadata(p, "model", d->model);
	d->force = d->type == DOCUMENT_MODULE_IMAGE && is_forced(p);
}

int document_parse(const cJSON *root, struct document *ret, char reason[DOCUMENT_MAX_REASON + 1])
{
	struct parsing p = { .reason = reason };
	struct document d = { 0 };
	int r;

	if (!cJSON_IsObject(root))
		return refuse(&p, "there is no document");
	p.ota = member(root, "afr_ota");
	if (!cJSON_IsObject(p.ota))
		return refuse(&p, "this is no update: afr_ota is missing");
	r = parse_file(&p, &d);
	if (r == 0)
		r = parse_source(&p, &d);
	if (r < 0)
		return r;
	parse_signature(&p, &d);
	find_places(&p, root);
	parse_metadata(&p, &d);
	*ret = d;
	return 0;
}
