/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/dial.h"

#include "fake/mqtt.h"
#include "fake/resolve.h"
#include "fake/ssl.h"
#include "fake/timer.h"

#include <check.h>

static void on_success(void *userdata)
{
	struct dial *d = userdata;

	ck_assert_ptr_eq(d, d->self);
	d->successes++;
}

static void on_failure(void *userdata, const struct fault *why)
{
	struct dial *d = userdata;

	ck_assert_ptr_eq(d, d->self);
	d->failures++;
	d->fault = *why;

	/* Everything is closed. */
	ck_assert(!fake_mqtt()->open);
	ck_assert_uint_eq(fake_ssl()->made, fake_ssl()->freed);
	ck_assert(!fake_resolve()->asked);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}

static bool always(void)
{
	return true;
}

static void look_at_clock(void *userdata)
{
	struct dial *d = userdata;

	ck_assert_ptr_eq(d, d->self);
	d->looks++;
}

static void on_tcp(void *userdata)
{
	const struct dial *d = userdata;

	attempt_on_tcp(d->attempt);
}

static void on_connack(void *userdata, int code)
{
	const struct dial *d = userdata;

	attempt_on_connack(d->attempt, code);
}

static void on_closed(void *userdata, int error)
{
	const struct dial *d = userdata;

	attempt_on_closed(d->attempt, error);
}

void dial_make(struct dial *d, bool (*network_is_usable)(void))
{
	const struct mqtt_events events = {
		.on_tcp = on_tcp,
		.on_connack = on_connack,
		.on_closed = on_closed,
		.userdata = d,
	};
	const struct attempt_events ends = {
		.on_success = on_success,
		.on_failure = on_failure,
		.network_is_usable = network_is_usable ? network_is_usable : always,
		.look_at_clock = look_at_clock,
		.userdata = d,
	};

	*d = (struct dial){ .self = d };
	*fake_resolve() = (struct fake_resolve){ 0 };
	fake_ssl_forget();
	rig_make_dict(&d->rig, "KeepAlive=90\n");
	ck_assert_int_eq(mqtt_new(&d->mqtt, d->rig.event, &events), 0);
	ck_assert_int_eq(
		attempt_new(&d->attempt, d->rig.event, d->rig.settings, d->rig.dict, d->rig.epoch, d->mqtt, &ends), 0);
}

void dial_done(struct dial *d)
{
	ck_assert_ptr_null(attempt_free(d->attempt));
	ck_assert_ptr_null(attempt_free(NULL));
	ck_assert_uint_eq(fake_ssl()->made, fake_ssl()->freed);
	mqtt_free(d->mqtt);
	rig_done(&d->rig);
}

void dial_start(struct dial *d)
{
	attempt_start(d->attempt, timer_now() + DIAL_WHOLE, false);
}

void dial_start_at(struct dial *d, const char *endpoint)
{
	ck_assert_int_eq(rig_set(&d->rig, "Endpoint", endpoint), 0);
	dial_start(d);
}

void dial_start_two(struct dial *d)
{
	dial_start_at(d, "two.example");
	fake_resolve_found("198.51.100.1\n198.51.100.2\n");
	dial_assert_target("198.51.100.1", 8883);
}

void dial_assert_failed(struct dial *d, enum fault_hint hint, const char *text)
{
	ck_assert_uint_eq(d->failures, 1);
	ck_assert_uint_eq(d->successes, 0);
	ck_assert_int_eq((int)d->fault.hint, (int)hint);
	ck_assert_str_eq(d->fault.detail, text);
	d->failures = 0;
}

void dial_assert_under_way(const struct dial *d)
{
	ck_assert_uint_eq(d->failures, 0);
	ck_assert_uint_eq(d->successes, 0);
}

void dial_assert_target(const char *address, int port)
{
	ck_assert(fake_mqtt()->open);
	ck_assert_str_eq(fake_mqtt()->address, address);
	ck_assert_int_eq(fake_mqtt()->port, port);
}
