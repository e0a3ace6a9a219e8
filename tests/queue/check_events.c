/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/events.h"

#include "fake/suite.h"

#include <stdio.h>
#include <string.h>

#define LIMIT 5

static struct events *queue;
static unsigned changes;
static bool level;

static void on_level(void *userdata, bool high)
{
	ck_assert_ptr_eq(userdata, &changes);
	ck_assert(high != level);
	changes++;
	level = high;
}

static void setup(void)
{
	ck_assert_int_eq(events_new(&queue, LIMIT), 0);
	changes = 0;
	level = false;
	events_on_level(queue, on_level, &changes);
}

static void teardown(void)
{
	ck_assert_ptr_null(events_free(queue));
}

static void push(enum event_code code, unsigned parameter)
{
	events_push(queue, code, parameter, NULL, 0);
}

/* The queue's content as text: "1/3 2/0". Empties it. */
static const char *drain(void)
{
	static char text[256];
	struct event e;
	size_t n = 0;

	text[0] = '\0';
	while (events_pop(queue, &e))
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%d/%u", n ? " " : "", (int)e.code, e.parameter);
	return text;
}

START_TEST(first_in_first_out)
{
	push(EVENT_STARTUP, 0);
	push(EVENT_MSG, 3);
	push(EVENT_CONLOST, 0);
	ck_assert_uint_eq(events_used(queue), 3);
	ck_assert_str_eq(drain(), "2/0 1/3 3/0");
	ck_assert_uint_eq(events_used(queue), 0);
	ck_assert_str_eq(drain(), "");
}
END_TEST

/* The ring turns over. */
START_TEST(many_turns)
{
	struct event e;

	push(EVENT_MSG, 0);
	push(EVENT_MSG, 1);
	for (unsigned i = 2; i < 100; i++) {
		push(EVENT_MSG, i);
		ck_assert(events_pop(queue, &e));
		ck_assert_uint_eq(e.parameter, i - 2);
	}
	ck_assert_str_eq(drain(), "1/98 1/99");
}
END_TEST

/* Guide 7.1.1.2. */
START_TEST(level_follows)
{
	struct event e;

	ck_assert_uint_eq(changes, 0);
	push(EVENT_MSG, 1);
	ck_assert_uint_eq(changes, 1);
	ck_assert(level);
	push(EVENT_MSG, 2);
	ck_assert(events_pop(queue, &e));
	ck_assert_uint_eq(changes, 1);
	ck_assert(events_pop(queue, &e));
	ck_assert_uint_eq(changes, 2);
	ck_assert(!level);
	ck_assert(!events_pop(queue, &e));
	ck_assert_uint_eq(changes, 2);
	push(EVENT_MSG, 1);
	events_clear(queue);
	ck_assert_uint_eq(changes, 4);
	ck_assert_uint_eq(events_used(queue), 0);
	events_clear(queue);
	ck_assert_uint_eq(changes, 4);
}
END_TEST

START_TEST(nobody_watches)
{
	struct events *other;
	struct event e;

	ck_assert_int_eq(events_new(&other, 2), 0);
	events_push(other, EVENT_MSG, 0, NULL, 0);
	ck_assert(events_pop(other, &e));
	events_clear(other);
	events_free(other);
}
END_TEST

START_TEST(full_loses_the_oldest_message)
{
	push(EVENT_STARTUP, 0);
	push(EVENT_MSG, 1);
	push(EVENT_CONLOST, 0);
	push(EVENT_MSG, 2);
	push(EVENT_OVERRUN, 0);
	ck_assert_uint_eq(events_used(queue), LIMIT);
	push(EVENT_MSG, 3);
	ck_assert_uint_eq(events_used(queue), LIMIT);
	push(EVENT_CONLOST, 9);
	ck_assert_str_eq(drain(), "2/0 3/0 4/0 1/3 3/9");
}
END_TEST

START_TEST(full_of_others_loses_a_new_message)
{
	for (unsigned i = 0; i < LIMIT; i++)
		push(EVENT_CONLOST, i);
	push(EVENT_MSG, 1);
	ck_assert_str_eq(drain(), "3/0 3/1 3/2 3/3 3/4");
}
END_TEST

START_TEST(full_of_others_loses_the_oldest)
{
	for (unsigned i = 0; i < LIMIT; i++)
		push(EVENT_CONLOST, i);
	push(EVENT_STARTUP, 7);
	ck_assert_str_eq(drain(), "3/1 3/2 3/3 3/4 2/7");
}
END_TEST

START_TEST(full_in_the_middle_of_the_ring)
{
	struct event e;

	for (unsigned i = 0; i < 3; i++) {
		push(EVENT_OTA, i);
		ck_assert(events_pop(queue, &e));
	}
	push(EVENT_STARTUP, 0);
	push(EVENT_STARTUP, 1);
	push(EVENT_MSG, 2);
	push(EVENT_STARTUP, 3);
	push(EVENT_STARTUP, 4);
	push(EVENT_OTA, 5);
	ck_assert_str_eq(drain(), "2/0 2/1 2/3 2/4 5/5");
	ck_assert_uint_eq(changes, 8);
}
END_TEST

/* Of a character that does not fit as a whole nothing is kept. */
START_TEST(detail_of_characters)
{
	static const char cut[] = "\xe2\x82\xac";
	char topic[70];
	struct event e;

	for (size_t first = 60; first < 66; first++) {
		memset(topic, 'x', sizeof(topic));
		memcpy(topic + first, cut, 3);
		events_push(queue, EVENT_OVERRUN, 0, topic, first + 3);
		ck_assert(events_pop(queue, &e));
		ck_assert_uint_eq(e.detail_n, first <= 61 ? first + 3 : first < 64 ? first : 64);
		ck_assert_mem_eq(e.detail, topic, e.detail_n);
	}
}
END_TEST

START_TEST(detail)
{
	static const char bytes[] = "a\0b";
	char many[EVENT_MAX_DETAIL + 1];
	struct event e;

	memset(many, 'x', sizeof(many));
	events_push(queue, EVENT_OVERRUN, 0, bytes, sizeof(bytes));
	events_push(queue, EVENT_OVERRUN, 0, many, EVENT_MAX_DETAIL);
	events_push(queue, EVENT_OVERRUN, 0, many, EVENT_MAX_DETAIL + 1);
	events_push(queue, EVENT_OVERRUN, 0, NULL, 0);
	ck_assert(events_pop(queue, &e));
	ck_assert_uint_eq(e.detail_n, sizeof(bytes));
	ck_assert_mem_eq(e.detail, bytes, sizeof(bytes));
	for (unsigned i = 0; i < 2; i++) {
		ck_assert(events_pop(queue, &e));
		ck_assert_uint_eq(e.detail_n, 64);
		ck_assert_mem_eq(e.detail, many, 64);
	}
	ck_assert(events_pop(queue, &e));
	ck_assert_uint_eq(e.detail_n, 0);
}
END_TEST

/* Guide, Table 4. */
START_TEST(names)
{
	ck_assert_int_eq(EVENT_MSG, 1);
	ck_assert_int_eq(EVENT_STARTUP, 2);
	ck_assert_int_eq(EVENT_CONLOST, 3);
	ck_assert_int_eq(EVENT_OVERRUN, 4);
	ck_assert_int_eq(EVENT_OTA, 5);
	ck_assert_int_eq(EVENT_CONFMODE, 7);
	ck_assert_str_eq(event_name(EVENT_MSG), "MSG");
	ck_assert_str_eq(event_name(EVENT_STARTUP), "STARTUP");
	ck_assert_str_eq(event_name(EVENT_CONLOST), "CONLOST");
	ck_assert_str_eq(event_name(EVENT_OVERRUN), "OVERRUN");
	ck_assert_str_eq(event_name(EVENT_OTA), "OTA");
	ck_assert_str_eq(event_name(EVENT_CONFMODE), "CONFMODE");
}
END_TEST

static struct event watched;
static unsigned pushes;

static void on_push(void *userdata, const struct event *event)
{
	ck_assert_ptr_eq(userdata, &pushes);
	pushes++;
	watched = *event;
}

START_TEST(watched_events)
{
	events_watch(queue, on_push, &pushes);
	for (unsigned i = 0; i < LIMIT; i++)
		events_push(queue, EVENT_CONLOST, i, "why", 3);
	ck_assert_uint_eq(pushes, LIMIT);
	ck_assert_int_eq((int)watched.code, EVENT_CONLOST);
	ck_assert_uint_eq(watched.parameter, LIMIT - 1);
	ck_assert_uint_eq(watched.detail_n, 3);
	/* What is not queued is not told. */
	push(EVENT_MSG, 1);
	ck_assert_uint_eq(pushes, LIMIT);
	events_watch(queue, NULL, NULL);
	push(EVENT_CONLOST, 1);
	ck_assert_uint_eq(pushes, LIMIT);
}
END_TEST

START_TEST(free_nothing)
{
	ck_assert_ptr_null(events_free(NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("events");
	TCase *tc = tcase_create("events");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, first_in_first_out);
	tcase_add_test(tc, many_turns);
	tcase_add_test(tc, level_follows);
	tcase_add_test(tc, nobody_watches);
	tcase_add_test(tc, full_loses_the_oldest_message);
	tcase_add_test(tc, full_of_others_loses_a_new_message);
	tcase_add_test(tc, full_of_others_loses_the_oldest);
	tcase_add_test(tc, full_in_the_middle_of_the_ring);
	tcase_add_test(tc, detail);
	tcase_add_test(tc, detail_of_characters);
	tcase_add_test(tc, names);
	tcase_add_test(tc, watched_events);
	tcase_add_test(tc, free_nothing);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
