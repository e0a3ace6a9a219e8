/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/uplink.h"

#include "at/error.h"
#include "fake/mqtt.h"
#include "fake/ssl.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>

#define NUMBER 4711

static void on_lost(void *userdata)
{
	struct uplink *u = userdata;

	ck_assert_ptr_eq(u, u->self);
	ck_assert(!connection_is_up(u->connection));
	u->losses++;
	if (u->on_loss)
		u->on_loss(u);
}

static void on_message(void *userdata, const char *where, const void *what, size_t n)
{
	struct uplink *u = userdata;

	ck_assert_ptr_eq(u, u->self);
	u->messages++;
	(void)snprintf(u->topic, sizeof(u->topic), "%s", where);
	(void)snprintf(u->payload, sizeof(u->payload), "%.*s", (int)n, (const char *)what);
}

static bool network_is_usable(void)
{
	return true;
}

static void look_at_clock(void *userdata)
{
	const struct uplink *u = userdata;

	ck_assert_ptr_eq(u, u->self);
}

static void on_done(void *who, uint64_t number, int r)
{
	struct uplink *u = who;

	ck_assert_ptr_eq(u, u->self);
	ck_assert_uint_eq(number, NUMBER);
	u->calls++;
	u->result = r;
}

void uplink_make(struct uplink *u, const char *more)
{
	const struct connection_events events = {
		.on_lost = on_lost,
		.on_message = on_message,
		.network_is_usable = network_is_usable,
		.look_at_clock = look_at_clock,
		.userdata = u,
	};

	*u = (struct uplink){ .self = u, .done = { .fn = on_done, .who = u, .number = NUMBER } };
	fake_ssl_forget();
	rig_make_dict(&u->rig, more);
	ck_assert_int_eq(
		connection_new(&u->connection, u->rig.event, u->rig.settings, u->rig.dict, u->rig.epoch, &events), 0);
}

void uplink_done(struct uplink *u)
{
	ck_assert_ptr_null(connection_free(u->connection));
	ck_assert_ptr_null(connection_free(NULL));
	ck_assert(!fake_mqtt()->exists);
	rig_done(&u->rig);
}

void uplink_assert_result(struct uplink *u, int r)
{
	ck_assert_uint_eq(u->calls, 1);
	ck_assert_int_eq(u->result, r);
	u->calls = 0;
}

void uplink_assert_pending(const struct uplink *u)
{
	ck_assert_uint_eq(u->calls, 0);
}

void uplink_connect(struct uplink *u)
{
	connection_open(u->connection, u->done);
	uplink_assert_pending(u);
	ck_assert(!connection_is_up(u->connection));
	fake_mqtt_succeed();
	uplink_assert_result(u, 0);
	ck_assert(connection_is_up(u->connection));
	fake_mqtt_forget();
}

void uplink_fail(struct uplink *u)
{
	connection_open(u->connection, u->done);
	uplink_assert_pending(u);
	fake_mqtt_lose(ECONNREFUSED);
	uplink_assert_result(u, AT_ERR_CONNECT);
	ck_assert_int_eq((int)connection_fault(u->connection)->hint, HINT_ENDPOINT);
	ck_assert(!connection_is_up(u->connection));
}
