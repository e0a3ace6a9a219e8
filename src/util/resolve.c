/* SPDX-License-Identifier: Apache-2.0 */
#include "util/resolve.h"

#include "util/child.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RESOLVE_MAX_OUTPUT 16384

struct resolve {
	struct child *child;
	resolve_fn fn;
	void *userdata;
};

bool resolve_is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

void resolve_parse(const void *output, size_t n, struct addresses *ret)
{
	const char *at = output, *end = at + n;

	ret->count = 0;
	while (at < end && ret->count < RESOLVE_MAX_ADDRESSES) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((stop ? stop : end) - at);
		char *text = ret->text[ret->count];
		char plain[RESOLVE_MAX_TEXT];

		if (length < sizeof(ret->text[0])) {
			memcpy(text, at, length);
			text[length] = '\0';
			memcpy(plain, text, length + 1);
			plain[strcspn(plain, "%")] = '\0';
			if (resolve_is_address(plain))
				ret->count++;
		}
		at += length + 1;
	}
}

static void on_child(void *userdata, int result, const void *output, size_t n)
{
	struct resolve *r = userdata;
	struct addresses found = { 0 };

	if (result == 0) {
		resolve_parse(output, n, &found);
		result = found.count > 0 ? 0 : -ENOENT;
	} else if (result > 0) {
		result = result == 1 ? -ENOENT : -EAGAIN;
	}
	r->fn(r->userdata, result, &found);
}

int resolve_start(struct resolve **ret, sd_event *event, const char *host, uint64_t timeout_ms, resolve_fn fn,
		  void *userdata)
{
	_cleanup_(resolve_freep) struct resolve *r = NULL;
	int k;

	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->fn = fn;
	r->userdata = userdata;
	k = child_start(&r->child, event, "expresslinkd-resolve", host, strlen(host), RESOLVE_MAX_OUTPUT, timeout_ms,
			on_child, r);
	if (k < 0)
		return k;
	*ret = TAKE_PTR(r);
	return 0;
}

struct resolve *resolve_free(struct resolve *r)
{
	if (!r)
		return NULL;
	r->child = child_free(r->child);
	free(r);
	return NULL;
}
