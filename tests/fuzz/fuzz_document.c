/* SPDX-License-Identifier: Apache-2.0 */
/* A job document, whatever JSON it is: taken or refused, with a reason, and nothing in it that could not be shown, put
 * into a topic, or given to a downloader. */
#include "fuzz/fuzz.h"

#include "ota/document.h"
#include "ota/image.h"
#include "util/utf8.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static void can_be_shown(const char *text)
{
	char again[DOCUMENT_MAX_TEXT + 1];

	FUZZ_HOLDS(strlen(text) <= DOCUMENT_MAX_TEXT);
	FUZZ_HOLDS(utf8_printable(text, strlen(text), again, sizeof(again)) == strlen(text));
	FUZZ_HOLDS(strcmp(text, again) == 0);
}

static void is_printable(const char *text, size_t max)
{
	FUZZ_HOLDS(strlen(text) <= max);
	for (; *text; text++)
		FUZZ_HOLDS(*text >= ' ' && *text <= '~');
}

static void is_sound(const struct document *d)
{
	static const char name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	FUZZ_HOLDS(d->type == DOCUMENT_MODULE_IMAGE || d->type == DOCUMENT_OTA_CERTIFICATE ||
		   d->type == DOCUMENT_ROOT_CERTIFICATE || d->type == DOCUMENT_HOST_IMAGE ||
		   d->type == DOCUMENT_HOST_CERTIFICATE);
	FUZZ_HOLDS(d->size >= 1 && d->size <= IMAGE_MAX_SIZE);
	FUZZ_HOLDS(d->file <= 255);
	FUZZ_HOLDS(d->stream[0] || d->url[0]);
	FUZZ_HOLDS(strlen(d->stream) <= DOCUMENT_MAX_STREAM && strspn(d->stream, name) == strlen(d->stream));
	is_printable(d->url, URL_MAX);
	FUZZ_HOLDS(!d->url[0] || (strncasecmp(d->url, "https://", 8) == 0 && !strchr(d->url, ' ')));
	FUZZ_HOLDS(d->signature_n <= sizeof(d->signature));
	FUZZ_HOLDS(d->digest != DOCUMENT_UNSIGNED || d->signature_n == 0);
	FUZZ_HOLDS(!d->force || d->type == DOCUMENT_MODULE_IMAGE);
	can_be_shown(d->version);
	can_be_shown(d->text);
	can_be_shown(d->manufacturer);
	can_be_shown(d->model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char reason[DOCUMENT_MAX_REASON + 1] = "";
	cJSON *root = cJSON_ParseWithLength((const char *)data, n);
	struct document d;
	int r;

	memset(&d, 0x55, sizeof(d));
	r = document_parse(root, &d, reason);
	FUZZ_HOLDS(r == 0 || r == -EINVAL);
	if (r == 0) {
		is_sound(&d);
	} else {
		FUZZ_HOLDS(reason[0]);
		is_printable(reason, DOCUMENT_MAX_REASON);
	}
	cJSON_Delete(root);
	return 0;
}
