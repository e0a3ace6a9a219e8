/* SPDX-License-Identifier: Apache-2.0 */
/* OTW (guide 8.13). */
#include "commands/commands.h"
#include "commands/words.h"
#include "module/module.h"
#include "module/otw.h"
#include "ota/container.h"

#include <string.h>

/* With a size that no image can have there is nothing to wait for. */
#define MAX_SIZE (CONTAINER_HEADER + (uint64_t)CONTAINER_MAX_PAYLOAD + WIRE_MAX_BLOCK)

/* "<size>,<block>", or nothing: XMODEM. */
static int read_form(const struct at_call *call, struct wire_form *ret)
{
	const uint8_t *comma = call->param_n > 0 ? memchr(call->param, ',', call->param_n) : NULL;
	struct word size = { .data = call->param }, block;
	uint64_t number;

	*ret = (struct wire_form){ 0 };
	if (call->param_n == 0)
		return 0;
	if (!comma)
		return AT_ERR_PARAMETER;
	size.n = (size_t)(comma - call->param);
	block = (struct word){ .data = comma + 1, .n = call->param_n - size.n - 1 };
	if (word_number(&size, &ret->size) < 0 || word_number(&block, &number) < 0)
		return AT_ERR_PARAMETER;
	if (ret->size == 0 || number == 0 || number > WIRE_MAX_BLOCK)
		return AT_ERR_PARAMETER;
	ret->block = (uint32_t)number;
	return 0;
}

int check_otw(struct at_call *call, struct module *m)
{
	struct wire_form form;

	(void)m;
	return read_form(call, &form);
}

int cmd_otw(struct at_call *call, struct module *m)
{
	struct wire_form form;
	int r = read_form(call, &form);

	if (r)
		return r;
	if (form.size > MAX_SIZE)
		return AT_ERR_OTA;
	r = otw_open(m, &form);
	if (r == 0)
		at_then(call, otw_begin);
	return r;
}
