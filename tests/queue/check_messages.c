/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/messages.h"

#include "fake/suite.h"

#include <errno.h>
#include <string.h>

#define COUNT 4
#define BYTES 100

static struct messages *queue;
static unsigned shift;

/* "3/x" has index 3, unless the host has changed its topics meanwhile. */
static unsigned on_index(void *userdata, const char *topic)
{
	ck_assert_ptr_eq(userdata, &shift);
	return (unsigned)(*topic - '0') + shift;
}

static void setup(void)
{
	shift = 0;
	ck_assert_int_eq(messages_new(&queue, COUNT, BYTES, on_index, &shift), 0);
}

static void teardown(void)
{
	ck_assert_ptr_null(messages_free(queue));
}

static int push(const char *topic, const char *payload)
{
	return messages_push(queue, topic, payload, strlen(payload));
}

static void assert_pop(unsigned index, const char *topic, const char *payload)
{
	struct message *m = messages_pop(queue, index);

	if (!topic) {
		ck_assert_ptr_null(m);
		return;
	}
	ck_assert_ptr_nonnull(m);
	ck_assert_uint_eq(m->topic_n, strlen(topic));
	ck_assert_str_eq(message_topic(m), topic);
	ck_assert_uint_eq(m->payload_n, strlen(payload));
	ck_assert_mem_eq(message_payload(m), payload, m->payload_n);
	free(m);
}

START_TEST(in_order_of_arrival)
{
	ck_assert_int_eq(push("1/a", "one"), 0);
	ck_assert_int_eq(push("0/b", "two"), 0);
	ck_assert_int_eq(push("1/c", ""), 0);
	ck_assert_uint_eq(messages_used(queue), 3);
	ck_assert_uint_eq(messages_bytes(queue), 15);
	assert_pop(MESSAGES_ANY, "1/a", "one");
	assert_pop(MESSAGES_ANY, "0/b", "two");
	assert_pop(MESSAGES_ANY, "1/c", "");
	assert_pop(MESSAGES_ANY, NULL, NULL);
	ck_assert_uint_eq(messages_used(queue), 0);
	ck_assert_uint_eq(messages_bytes(queue), 0);
}
END_TEST

START_TEST(by_index)
{
	ck_assert_int_eq(push("1/a", "one"), 0);
	ck_assert_int_eq(push("2/b", "two"), 0);
	ck_assert_int_eq(push("2/c", "three"), 0);
	ck_assert_int_eq(push("0/d", "four"), 0);
	assert_pop(3, NULL, NULL);
	assert_pop(2, "2/b", "two");
	assert_pop(0, "0/d", "four");
	assert_pop(2, "2/c", "three");
	assert_pop(2, NULL, NULL);
	assert_pop(1, "1/a", "one");
	ck_assert_uint_eq(messages_used(queue), 0);
}
END_TEST

/* The index counts when the host asks. */
START_TEST(index_of_now)
{
	ck_assert_int_eq(push("1/a", "one"), 0);
	shift = 4;
	assert_pop(1, NULL, NULL);
	assert_pop(5, "1/a", "one");
}
END_TEST

/* After the last one was taken out, from whatever place, new ones are still hung at the end. */
START_TEST(goes_on_after_the_last)
{
	ck_assert_int_eq(push("1/a", "one"), 0);
	ck_assert_int_eq(push("2/b", "two"), 0);
	assert_pop(2, "2/b", "two");
	ck_assert_int_eq(push("3/c", "three"), 0);
	assert_pop(1, "1/a", "one");
	assert_pop(3, "3/c", "three");
	ck_assert_int_eq(push("4/d", "four"), 0);
	assert_pop(MESSAGES_ANY, "4/d", "four");
	assert_pop(MESSAGES_ANY, NULL, NULL);
}
END_TEST

START_TEST(bounded_in_number)
{
	for (unsigned i = 0; i < COUNT; i++)
		ck_assert_int_eq(push("1/a", "x"), 0);
	ck_assert_int_eq(push("1/a", "y"), -ENOBUFS);
	ck_assert_uint_eq(messages_used(queue), COUNT);
	assert_pop(MESSAGES_ANY, "1/a", "x");
	ck_assert_int_eq(push("1/a", "z"), 0);
	for (unsigned i = 1; i < COUNT; i++)
		assert_pop(MESSAGES_ANY, "1/a", "x");
	assert_pop(MESSAGES_ANY, "1/a", "z");
}
END_TEST

START_TEST(bounded_in_bytes)
{
	char payload[BYTES] = { 0 };

	ck_assert_int_eq(messages_push(queue, "1/a", payload, BYTES - 2), -ENOBUFS);
	ck_assert_int_eq(messages_push(queue, "1/a", payload, BYTES - 13), 0);
	ck_assert_int_eq(messages_push(queue, "1/b", payload, 8), -ENOBUFS);

	/* A smaller one that fits is kept. */
	ck_assert_int_eq(messages_push(queue, "1/b", payload, 7), 0);
	ck_assert_uint_eq(messages_bytes(queue), BYTES);
	ck_assert_int_eq(messages_push(queue, "1", NULL, 0), -ENOBUFS);
	free(messages_pop(queue, MESSAGES_ANY));
	ck_assert_uint_eq(messages_bytes(queue), 10);
	ck_assert_int_eq(messages_push(queue, "1", NULL, 0), 0);
}
END_TEST

START_TEST(any_bytes)
{
	static const char payload[] = "\0\r\n\xff";
	struct message *m;

	ck_assert_int_eq(messages_push(queue, "1/a", payload, sizeof(payload)), 0);
	m = messages_pop(queue, MESSAGES_ANY);
	ck_assert_ptr_nonnull(m);
	ck_assert_uint_eq(m->payload_n, sizeof(payload));
	ck_assert_mem_eq(message_payload(m), payload, sizeof(payload));
	free(m);
}
END_TEST

START_TEST(largest)
{
	static char payload[MESSAGE_MAX_PAYLOAD];
	struct messages *large;
	struct message *m;

	memset(payload, 'p', sizeof(payload));
	ck_assert_int_eq(messages_new(&large, 2, 256 * 1024, on_index, &shift), 0);
	ck_assert_int_eq(messages_push(large, "1/a", payload, sizeof(payload)), 0);
	m = messages_pop(large, MESSAGES_ANY);
	ck_assert_ptr_nonnull(m);
	ck_assert_uint_eq(m->payload_n, 131072);
	ck_assert_mem_eq(message_payload(m), payload, sizeof(payload));
	free(m);
	messages_free(large);
}
END_TEST

START_TEST(cleared)
{
	ck_assert_int_eq(push("1/a", "one"), 0);
	ck_assert_int_eq(push("2/b", "two"), 0);
	messages_clear(queue);
	ck_assert_uint_eq(messages_used(queue), 0);
	ck_assert_uint_eq(messages_bytes(queue), 0);
	assert_pop(MESSAGES_ANY, NULL, NULL);
	messages_clear(queue);
	ck_assert_int_eq(push("3/c", "three"), 0);
	assert_pop(MESSAGES_ANY, "3/c", "three");
}
END_TEST

START_TEST(freed_with_content)
{
	ck_assert_int_eq(push("1/a", "one"), 0);
	ck_assert_ptr_null(messages_free(NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("messages");
	TCase *tc = tcase_create("messages");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, in_order_of_arrival);
	tcase_add_test(tc, by_index);
	tcase_add_test(tc, index_of_now);
	tcase_add_test(tc, goes_on_after_the_last);
	tcase_add_test(tc, bounded_in_number);
	tcase_add_test(tc, bounded_in_bytes);
	tcase_add_test(tc, any_bytes);
	tcase_add_test(tc, largest);
	tcase_add_test(tc, cleared);
	tcase_add_test(tc, freed_with_content);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
