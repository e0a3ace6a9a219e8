/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/child.h"

#include <stdlib.h>
#include <string.h>

struct child {
	child_message_fn message;
	child_fn fn;
	void *userdata;
	size_t n;
	char data[1 << 17];
};

static struct fake_child fake;
static struct child *present;

struct fake_child *fake_child(void)
{
	return &fake;
}

int child_listen(struct child **ret, sd_event *event, const char *name, const void *input, size_t n, size_t max,
		 uint64_t silence_ms, child_message_fn message, child_fn fn, void *userdata)
{
	if (!event || present || n >= sizeof(fake.input))
		abort();
	if (fake.start_result < 0)
		return fake.start_result;
	present = calloc(1, sizeof(*present));
	if (!present)
		abort();
	present->message = message;
	present->fn = fn;
	present->userdata = userdata;
	fake.running = true;
	fake.waiting = false;
	fake.starts++;
	(void)strncpy(fake.name, name, sizeof(fake.name) - 1);
	memcpy(fake.input, input, n);
	fake.input[n] = '\0';
	fake.max = max;
	fake.silence_ms = silence_ms;
	*ret = present;
	return 0;
}

struct child *child_free(struct child *c)
{
	if (!c)
		return NULL;
	if (c != present)
		abort();
	present = NULL;
	fake.running = fake.waiting = false;
	free(c);
	return NULL;
}

static void offer(struct child *c)
{
	bool taken = c->message(c->userdata, c->data, c->n);

	if (c == present)
		fake.waiting = !taken;
}

void child_go_on(struct child *c)
{
	if (fake.waiting)
		offer(c);
}

void fake_child_say(const void *data, size_t n)
{
	if (!present || fake.waiting || n == 0 || n > sizeof(present->data))
		return;
	memcpy(present->data, data, n);
	present->n = n;
	offer(present);
}

void fake_child_end(int r)
{
	if (present)
		present->fn(present->userdata, r, NULL, 0);
}
