/* SPDX-License-Identifier: Apache-2.0 */
/* OTA and OTA? (guide 8.2) of a module with nothing in its buffer. */
#include "commands/commands.h"
#include "commands/words.h"
#include "module/module.h"
#include "util/macro.h"

struct ota_word {
	const char *name;
	int (*run)(const struct word *rest);
};

/* guide 8.2.3.2 */
static int ota_accept(const struct word *rest)
{
	return rest->n > 0 ? AT_ERR_PARAMETER : AT_ERR_OTA;
}

/* guide 8.2.4 */
static int ota_read(const struct word *rest)
{
	uint64_t count;

	return word_number(rest, &count) < 0 || count == 0 ? AT_ERR_PARAMETER : AT_ERR_NO_IMAGE;
}

/* guide 8.2.5: without an address the beginning is meant */
static int ota_seek(const struct word *rest)
{
	uint64_t address;

	return rest->n > 0 && word_number(rest, &address) < 0 ? AT_ERR_PARAMETER : AT_ERR_NO_IMAGE;
}

/* guide 8.2.6.2 */
static int ota_apply(const struct word *rest)
{
	return rest->n > 0 ? AT_ERR_PARAMETER : AT_ERR_NO_IMAGE;
}

/* CLOSE and FLUSH change nothing here (guide 8.2.7.1, 8.2.8.1). */
static int ota_release(const struct word *rest)
{
	return rest->n > 0 ? AT_ERR_PARAMETER : 0;
}

static const struct ota_word words[] = {
	{ "ACCEPT", ota_accept }, { "READ", ota_read },     { "SEEK", ota_seek },
	{ "APPLY", ota_apply },   { "CLOSE", ota_release }, { "FLUSH", ota_release },
};

int cmd_ota(struct at_call *call, struct module *m)
{
	struct word rest = { .data = call->param, .n = call->param_n };
	struct word first = word_next(&rest);

	(void)m;
	for (size_t i = 0; i < ELEMENTS(words); i++) {
		if (word_is(&first, words[i].name))
			return words[i].run(&rest);
	}
	return AT_ERR_PARAMETER;
}

int cmd_ota_query(struct at_call *call, struct module *m)
{
	(void)m;
	return at_ok(call, "0");
}
