/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/connection.h"

#include "at/error.h"
#include "fake/mqtt.h"
#include "fake/ssl.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "fake/uplink.h"

#include <errno.h>

static struct uplink u;
static unsigned steps; /* of completions that ask for more */

static void setup(void)
{
	steps = 0;
	uplink_make(&u, NULL);
}

static void teardown(void)
{
	uplink_done(&u);
}

/* --- CONNECT --- */

START_TEST(connects)
{
	ck_assert(!connection_is_up(u.connection));
	uplink_connect(&u);
	ck_assert_uint_eq(u.losses, 0);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

START_TEST(connected_already)
{
	uplink_connect(&u);
	connection_open(u.connection, u.done);
	uplink_assert_result(&u, 0);
	ck_assert_uint_eq(fake_mqtt()->opens, 1);
}
END_TEST

START_TEST(failure_has_hint_and_detail)
{
	connection_open(u.connection, u.done);
	fake_mqtt_tcp();
	fake_mqtt_connack(5);
	uplink_assert_result(&u, AT_ERR_CONNECT);
	ck_assert_int_eq((int)connection_fault(u.connection)->hint, HINT_LOGIN);
	ck_assert_str_eq(connection_fault(u.connection)->detail, "Login refused: check registration and policy");
	ck_assert_uint_eq(u.losses, 0);
}
END_TEST

/* The answer is out within ConnectTimeout=, 25 s. */
START_TEST(within_the_timeout)
{
	connection_open(u.connection, u.done);
	fake_timer_pass(9000);
	fake_mqtt_tcp();
	fake_timer_pass(9000);
	fake_mqtt_connack(0);
	fake_timer_pass(6500);
	uplink_assert_pending(&u);
	fake_timer_pass(500);
	uplink_assert_result(&u, AT_ERR_CONNECT);
	ck_assert_int_eq((int)connection_fault(u.connection)->hint, HINT_JOBS);
}
END_TEST

START_TEST(closed_while_connecting)
{
	connection_open(u.connection, u.done);
	connection_close(u.connection);
	uplink_assert_result(&u, -ECANCELED);
	ck_assert(!fake_mqtt()->open);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert_uint_eq(u.losses, 0);

	/* That was no failure. */
	uplink_connect(&u);
}
END_TEST

START_TEST(freed_while_connecting)
{
	connection_open(u.connection, u.done);
	uplink_done(&u);
	uplink_assert_pending(&u);
	uplink_make(&u, NULL);
}
END_TEST

/* --- the end --- */

START_TEST(disconnect_is_no_loss)
{
	uplink_connect(&u);
	connection_close(u.connection);
	ck_assert(!connection_is_up(u.connection));
	ck_assert(!fake_mqtt()->open);
	ck_assert_uint_eq(u.losses, 0);
	connection_close(u.connection);
	uplink_assert_pending(&u);
}
END_TEST

START_TEST(loss_is_told_once)
{
	uplink_connect(&u);
	fake_mqtt_lose(ECONNRESET);
	ck_assert_uint_eq(u.losses, 1);
	ck_assert(!connection_is_up(u.connection));
	ck_assert_uint_eq(fake_ssl()->made, fake_ssl()->freed);
	fake_timer_pass(100000);
	ck_assert_uint_eq(u.losses, 1);

	/* Never by itself. */
	ck_assert_uint_eq(fake_mqtt()->opens, 1);

	/* A loss is no failure to connect. */
	uplink_connect(&u);
}
END_TEST

START_TEST(message_arrives)
{
	uplink_connect(&u);
	fake_mqtt_text("some/topic", "hello");
	ck_assert_uint_eq(u.messages, 1);
	ck_assert_str_eq(u.topic, "some/topic");
	ck_assert_str_eq(u.payload, "hello");
}
END_TEST

/* --- what a completion sets off finds everything in order: the next command may be waiting --- */

static void on_done_connect_again(void *who, uint64_t number, int r)
{
	(void)who;
	(void)number;
	ck_assert_int_lt(r, 0);
	ck_assert_uint_eq(u.losses, 1); /* the host reads CONLOST when it reads the error */
	ck_assert(!connection_is_up(u.connection));
	steps++;
	connection_open(u.connection, u.done);
}

static void on_done_disconnect(void *who, uint64_t number, int r)
{
	(void)who;
	(void)number;
	ck_assert_int_lt(r, 0);
	steps++;
	connection_close(u.connection);
}

START_TEST(connect_from_within_a_loss)
{
	uplink_connect(&u);
	ck_assert_int_eq(
		connection_publish(u.connection, "a", 1, "x", 1, 1, (struct done){ .fn = on_done_connect_again }), 0);
	if (_i == 0) {
		fake_mqtt_lose(0);
	} else {
		fake_timer_pass(CONNECTION_OPERATION_MS);
	}
	ck_assert_uint_eq(steps, 1);
	ck_assert_uint_eq(u.losses, 1);
	uplink_assert_pending(&u);
	ck_assert_uint_eq(fake_mqtt()->opens, 2);
	ck_assert_uint_eq(fake_ssl()->made, fake_ssl()->freed + 1);
	fake_mqtt_succeed();
	uplink_assert_result(&u, 0);
	ck_assert(connection_is_up(u.connection));
}
END_TEST

START_TEST(disconnect_from_within_a_loss)
{
	uplink_connect(&u);
	ck_assert_int_eq(connection_publish(u.connection, "a", 1, "x", 1, 1, (struct done){ .fn = on_done_disconnect }),
			 0);
	if (_i == 0) {
		fake_mqtt_lose(0);
	} else {
		fake_timer_pass(CONNECTION_OPERATION_MS);
	}
	ck_assert_uint_eq(steps, 1);
	ck_assert_uint_eq(u.losses, 1);
	uplink_connect(&u);
}
END_TEST

static void on_done_connect_after_failure(void *who, uint64_t number, int r)
{
	(void)who;
	(void)number;
	ck_assert_int_eq(r, AT_ERR_CONNECT);
	steps++;
	connection_clear_backoff(u.connection);
	connection_open(u.connection, u.done);
}

START_TEST(connect_from_within_a_failure)
{
	connection_open(u.connection, (struct done){ .fn = on_done_connect_after_failure });
	fake_mqtt_tcp();
	if (_i == 0) {
		fake_mqtt_connack(5);
	} else {
		fake_mqtt_connack(0);
		ck_assert(fake_mqtt_ack(AT_ERR_PARAMETER));
	}
	ck_assert_uint_eq(steps, 1);
	uplink_assert_pending(&u);
	fake_mqtt_succeed();
	uplink_assert_result(&u, 0);
}
END_TEST

static void restart_on_loss(struct uplink *owner)
{
	owner->on_loss = NULL;
	connection_open(owner->connection, owner->done);
}

START_TEST(connect_from_within_the_notice)
{
	uplink_connect(&u);
	u.on_loss = restart_on_loss;
	fake_mqtt_lose(0);
	uplink_assert_pending(&u);
	fake_mqtt_succeed();
	uplink_assert_result(&u, 0);
	ck_assert_uint_eq(u.losses, 1);
}
END_TEST

/* --- what it tells of itself --- */

START_TEST(remembers_what_was)
{
	const struct history *h = connection_history(u.connection);
	uint64_t wait;

	ck_assert_uint_eq(connection_wait(u.connection), 0);
	uplink_fail(&u);
	wait = connection_wait(u.connection);
	ck_assert_uint_ge(wait, 1000);
	fake_timer_pass(1);
	ck_assert_uint_eq(connection_wait(u.connection), wait - 1);
	ck_assert(!history_get(h, 0)->connected);
	ck_assert_int_eq((int)history_get(h, 0)->fault.hint, HINT_ENDPOINT);
	ck_assert_str_eq(history_get(h, 0)->endpoint, RIG_STAGING);
	connection_clear_backoff(u.connection);
	uplink_connect(&u);
	ck_assert(history_get(h, 0)->connected);
	ck_assert_int_eq(history_get(h, 0)->lost_at, 0);
	fake_mqtt_lose(ECONNRESET);
	ck_assert_str_eq(history_get(h, 0)->reason, "Connection reset by peer");
	uplink_connect(&u);
	connection_close(u.connection);
	ck_assert_str_eq(history_get(h, 0)->reason, "closed by the module");
	ck_assert_str_eq(history_get(h, 1)->reason, "Connection reset by peer");
	ck_assert_ptr_null(history_get(h, 3));
	/* Closed in the middle, and closed again, is none. */
	connection_open(u.connection, u.done);
	connection_close(u.connection);
	ck_assert_ptr_null(history_get(h, 3));
}
END_TEST

/* --- onboarding --- */

START_TEST(given_up)
{
	uplink_connect(&u);
	connection_give_up(u.connection);
	ck_assert_uint_eq(u.losses, 1);
	ck_assert(!connection_is_up(u.connection));
	connection_give_up(u.connection);
	ck_assert_uint_eq(u.losses, 1);
}
END_TEST

/* The message may come before CONNECT is answered: it succeeds, and then it is a loss. */
START_TEST(given_up_while_connecting)
{
	connection_open(u.connection, u.done);
	fake_mqtt_tcp();
	fake_mqtt_connack(0);
	connection_give_up(u.connection);
	uplink_assert_pending(&u);
	ck_assert_uint_eq(u.losses, 0);
	while (fake_mqtt_ack(0))
		;
	uplink_assert_result(&u, 0);
	ck_assert_uint_eq(u.losses, 1);
	ck_assert(!connection_is_up(u.connection));

	/* It holds for this CONNECT only. */
	connection_open(u.connection, u.done);
	fake_mqtt_succeed();
	uplink_assert_result(&u, 0);
	ck_assert_uint_eq(u.losses, 1);
	ck_assert(connection_is_up(u.connection));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("connection");
	TCase *tc = tcase_create("connection");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, connects);
	tcase_add_test(tc, connected_already);
	tcase_add_test(tc, failure_has_hint_and_detail);
	tcase_add_test(tc, within_the_timeout);
	tcase_add_test(tc, closed_while_connecting);
	tcase_add_test(tc, freed_while_connecting);
	tcase_add_test(tc, disconnect_is_no_loss);
	tcase_add_test(tc, loss_is_told_once);
	tcase_add_test(tc, message_arrives);
	tcase_add_loop_test(tc, connect_from_within_a_loss, 0, 2);
	tcase_add_loop_test(tc, disconnect_from_within_a_loss, 0, 2);
	tcase_add_loop_test(tc, connect_from_within_a_failure, 0, 2);
	tcase_add_test(tc, connect_from_within_the_notice);
	tcase_add_test(tc, remembers_what_was);
	tcase_add_test(tc, given_up);
	tcase_add_test(tc, given_up_while_connecting);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
