/* SPDX-License-Identifier: Apache-2.0 */
/* CONF and CONF? (guide 5.2, 8.11.1, 8.11.2). */
#include "commands/commands.h"
#include "commands/words.h"
#include "config/dict.h"
#include "module/module.h"

#include <string.h>

#define PEM "pem"

/* Key and value of "Key=value"; false without a '='. */
static bool split(const uint8_t *param, size_t n, struct word *ret_key, struct word *ret_value)
{
	const uint8_t *equals = n > 0 ? memchr(param, '=', n) : NULL;

	if (!equals)
		return false;
	*ret_key = (struct word){ .data = param, .n = (size_t)(equals - param) };
	*ret_value = (struct word){ .data = equals + 1, .n = n - ret_key->n - 1 };
	return true;
}

bool conf_takes_body(const uint8_t *param, size_t n)
{
	struct word key, value;

	if (!split(param, n, &key, &value) || !word_is(&value, PEM))
		return false;
	for (enum key_id id = 0; id < KEY_COUNT; id++) {
		const struct key_row *row = keys_row(id);

		if (key_is_pem(row) && key.n == strlen(row->name) && memcmp(key.data, row->name, key.n) == 0)
			return true;
	}
	return false;
}

static int conf_finished(struct at_call *call, struct module *m, int r)
{
	(void)call;
	(void)m;
	return r;
}

static int conf_body(struct at_call *call, struct module *m, const uint8_t *body, size_t n)
{
	struct word key, value;

	if (!split(call->param, call->param_n, &key, &value))
		return AT_ERR_PARAMETER;
	return dict_set(m->dict, key.data, key.n, body, n, at_later(call, conf_finished));
}

int cmd_conf(struct at_call *call, struct module *m)
{
	const struct key_row *row;
	struct word key, value;
	int r;

	if (!split(call->param, call->param_n, &key, &value))
		return AT_ERR_PARAMETER;
	r = dict_writable(m->dict, key.data, key.n, &row);
	if (r)
		return r;
	if (key_is_pem(row) && word_is(&value, PEM))
		return at_body(call, conf_body);
	return dict_set(m->dict, key.data, key.n, value.data, value.n, at_later(call, conf_finished));
}

/* "Key pem" of a certificate (guide 8.11.1). Any other key before " pem" that could be one is ERR4. */
static int pem_form(struct module *m, struct word *param, bool *ret)
{
	const size_t tail = sizeof(" " PEM) - 1;
	const struct key_row *row;
	struct word key, last;
	unsigned index;
	int r;

	*ret = false;
	if (param->n <= tail || param->data[param->n - tail] != ' ')
		return 0;
	key = (struct word){ .data = param->data, .n = param->n - tail };
	last = (struct word){ .data = param->data + param->n - tail + 1, .n = tail - 1 };
	if (!word_is(&last, PEM))
		return 0;
	r = keys_find(m->settings, key.data, key.n, &row, &index);
	if (r == AT_ERR_KEY_LENGTH || r == AT_ERR_KEY_NAME)
		return 0;
	if (r || !key_is_pem(row))
		return AT_ERR_PARAMETER;
	*param = key;
	*ret = true;
	return 0;
}

static int conf_lines(struct at_call *call, const char *value, size_t n)
{
	int r;

	at_counted(call);
	r = at_ok(call, PEM);
	while (r == 0 && n > 0) {
		const char *stop = memchr(value, '\n', n);
		size_t length = stop ? (size_t)(stop - value) : n;

		r = at_line(call, value, length);
		length += stop ? 1 : 0;
		value += length;
		n -= length;
	}
	return r;
}

int cmd_conf_query(struct at_call *call, struct module *m)
{
	struct word key = { .data = call->param, .n = call->param_n };
	const struct key_row *row;
	const char *value;
	bool pem;
	size_t n;
	int r;

	r = pem_form(m, &key, &pem);
	if (r == 0)
		r = dict_read(m->dict, key.data, key.n, &row, &value, &n);
	if (r)
		return r;
	return pem ? conf_lines(call, value, n) : at_ok_bytes(call, value, n);
}
