/* SPDX-License-Identifier: Apache-2.0 */
/* OTA and OTA? (guide 8.2). */
#include "commands/commands.h"
#include "commands/words.h"
#include "module/module.h"
#include "util/hex.h"
#include "util/macro.h"

#include <inttypes.h>
#include <stdio.h>

#define READ_MAX_TEXT (8 + 2 * OTA_MAX_READ + 8) /* count, data, checksum */

struct ota_word {
	const char *name;
	int (*run)(struct at_call *call, struct ota *o, const struct word *rest);
};

/* guide 8.2.3 */
static int run_accept(struct at_call *call, struct ota *o, const struct word *rest)
{
	if (rest->n > 0)
		return AT_ERR_PARAMETER;
	ota_accept(o, at_later(call, NULL));
	return 0;
}

/* The count has at least two digits in the guide's examples, and no more than it needs. */
static size_t put_bytes(char *to, const uint8_t *data, size_t n)
{
	char *at = to + snprintf(to, 8, "%02zX ", n);
	unsigned sum = 0;

	hex_encode_upper(data, n, at);
	at += 2 * n;
	for (size_t i = 0; i < n; i++)
		sum += data[i];
	at += snprintf(at, 8, " %04X", sum & 0xffff);
	return (size_t)(at - to);
}

static int read_finished(struct at_call *call, struct module *m, int r)
{
	char text[READ_MAX_TEXT];
	const void *data;
	size_t n;

	if (r)
		return r;
	data = ota_take(updates_ota(m->updates), &n);
	if (n == 0)
		return at_ok_bytes(call, "0", 1);
	n = put_bytes(text, data, n);
	return at_ok_bytes(call, text, n);
}

/* guide 8.2.4 */
static int run_read(struct at_call *call, struct ota *o, const struct word *rest)
{
	uint64_t count;

	if (word_number(rest, &count) < 0 || count == 0)
		return AT_ERR_PARAMETER;
	ota_read(o, count < OTA_MAX_READ ? (size_t)count : OTA_MAX_READ, at_later(call, read_finished));
	return 0;
}

/* guide 8.2.5: without an address the beginning is meant */
static int run_seek(struct at_call *call, struct ota *o, const struct word *rest)
{
	uint64_t address = 0;
	int r;

	if (rest->n > 0 && word_number(rest, &address) < 0)
		return AT_ERR_PARAMETER;
	r = ota_seek(o, address);
	return r ? r : at_ok(call, "%" PRIX64, address);
}

/* guide 8.2.6: this release installs no module image */
static int run_apply(struct at_call *call, struct ota *o, const struct word *rest)
{
	(void)call;
	if (rest->n > 0)
		return AT_ERR_PARAMETER;
	return ota_state(o) == OTA_MODULE_READY ? AT_ERR_OTA : AT_ERR_NO_IMAGE;
}

/* guide 8.2.7 */
static int run_close(struct at_call *call, struct ota *o, const struct word *rest)
{
	if (rest->n > 0)
		return AT_ERR_PARAMETER;
	ota_close(o, at_later(call, NULL));
	return 0;
}

/* guide 8.2.8 */
static int run_flush(struct at_call *call, struct ota *o, const struct word *rest)
{
	if (rest->n > 0)
		return AT_ERR_PARAMETER;
	ota_flush(o, at_later(call, NULL));
	return 0;
}

static const struct ota_word words[] = {
	{ "ACCEPT", run_accept }, { "READ", run_read },   { "SEEK", run_seek },
	{ "APPLY", run_apply },   { "CLOSE", run_close }, { "FLUSH", run_flush },
};

int cmd_ota(struct at_call *call, struct module *m)
{
	struct word rest = { .data = call->param, .n = call->param_n };
	struct word first = word_next(&rest);

	for (size_t i = 0; i < ELEMENTS(words); i++) {
		if (word_is(&first, words[i].name))
			return words[i].run(call, updates_ota(m->updates), &rest);
	}
	return AT_ERR_PARAMETER;
}

int cmd_ota_query(struct at_call *call, struct module *m)
{
	struct ota *o = updates_ota(m->updates);
	const char *detail = ota_detail(o);

	return at_ok(call, "%d%s%s", (int)ota_state(o), *detail ? " " : "", detail);
}
