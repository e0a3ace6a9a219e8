/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/resolve.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct resolve {
	resolve_fn fn;
	void *userdata;
};

static struct fake_resolve fake;
static struct resolve *question;

struct fake_resolve *fake_resolve(void)
{
	return &fake;
}

int resolve_start(struct resolve **ret, sd_event *event, const char *host, uint64_t timeout_ms, resolve_fn fn,
		  void *userdata)
{
	ck_assert_ptr_nonnull(event);
	ck_assert_ptr_null(question);
	if (fake.start_result < 0)
		return fake.start_result;
	question = calloc(1, sizeof(*question));
	ck_assert_ptr_nonnull(question);
	question->fn = fn;
	question->userdata = userdata;
	fake.asked = true;
	fake.questions++;
	fake.timeout_ms = timeout_ms;
	(void)snprintf(fake.host, sizeof(fake.host), "%s", host);
	*ret = question;
	return 0;
}

struct resolve *resolve_free(struct resolve *r)
{
	if (!r)
		return NULL;
	ck_assert_ptr_eq(r, question);
	question = NULL;
	fake.asked = false;
	free(r);
	return NULL;
}

bool resolve_is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

void resolve_parse(const void *output, size_t n, struct addresses *ret)
{
	char text[1024], *line, *rest = text;

	ck_assert_uint_lt(n, sizeof(text));
	memcpy(text, output, n);
	text[n] = '\0';
	ret->count = 0;
	while ((line = strsep(&rest, "\n")) != NULL && ret->count < RESOLVE_MAX_ADDRESSES) {
		if (*line)
			(void)snprintf(ret->text[ret->count++], sizeof(ret->text[0]), "%s", line);
	}
}

void fake_resolve_fail(int r)
{
	struct addresses none = { 0 };

	ck_assert_ptr_nonnull(question);
	question->fn(question->userdata, r, &none);
}

void fake_resolve_found(const char *lines)
{
	struct addresses found;

	ck_assert_ptr_nonnull(question);
	resolve_parse(lines, strlen(lines), &found);
	question->fn(question->userdata, 0, &found);
}
