/* SPDX-License-Identifier: Apache-2.0 */
#include "board/gpsd.h"

#include "fake/navigator.h"
#include "fake/resolve.h"
#include "fake/suite.h"
#include "fake/timer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static struct navigator mate;

static void setup(void)
{
	navigator_make(&mate);
}

static void teardown(void)
{
	navigator_done(&mate);
}

START_TEST(a_fix)
{
	struct timespec now;
	struct fix f;
	uint64_t age;

	navigator_start(&mate, "127.0.0.1");
	navigator_accept(&mate);
	ck_assert(!gpsd_fix(mate.gpsd, &f, NULL));
	ck_assert(!gpsd_time(mate.gpsd, &now));
	navigator_say(
		&mate,
		"{\"class\":\"VERSION\",\"release\":\"3.22\",\"rev\":\"3.22\",\"proto_major\":3,\"proto_minor\":14}\r\n"
		"{\"class\":\"DEVICES\",\"devices\":[]}\r\n{\"class\":\"TPV\",\"mode\":1}\r\n");
	ck_assert(!gpsd_fix(mate.gpsd, &f, NULL));
	navigator_say(&mate, NAVIGATOR_FIX);
	f = navigator_last(&mate, &age);
	ck_assert_double_eq(f.latitude, 47.25);
	ck_assert_uint_eq(age, 0);

	/* While it is connected nothing is awaited but its reports. */
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

/* The time goes on by itself, but not for ever. */
START_TEST(the_time)
{
	struct timespec now;

	navigator_start(&mate, "127.0.0.1");
	navigator_accept(&mate);
	navigator_say(&mate, NAVIGATOR_FIX);
	ck_assert(gpsd_time(mate.gpsd, &now));
	ck_assert_int_eq(now.tv_sec, 1795350614);
	ck_assert_int_eq(now.tv_nsec, 250000000);
	fake_timer_pass(1800);
	ck_assert(gpsd_time(mate.gpsd, &now));
	ck_assert_int_eq(now.tv_sec, 1795350616);
	ck_assert_int_eq(now.tv_nsec, 50000000);
	fake_timer_pass(GPSD_FRESH_MS - 1800);
	ck_assert(gpsd_time(mate.gpsd, &now));
	ck_assert_int_eq(now.tv_sec, 1795350674);
	fake_timer_pass(1);
	ck_assert(!gpsd_time(mate.gpsd, &now));

	/* The place does not fade. */
	ck_assert_double_eq(navigator_last(&mate, NULL).latitude, 47.25);
	navigator_say(&mate, "{\"class\":\"TPV\",\"mode\":1,\"time\":\"2026-11-22T12:31:20.000Z\"}\n");
	ck_assert(!gpsd_time(mate.gpsd, &now));
	ck_assert_int_eq(navigator_last(&mate, NULL).time.tv_sec, 1795350614);
}
END_TEST

/* What is told again is not new, though it may be more. A receiver that stands still tells no time. */
START_TEST(told_twice)
{
	struct timespec now;
	uint64_t age;

	navigator_start(&mate, "127.0.0.1");
	navigator_accept(&mate);
	navigator_say(&mate, NAVIGATOR_FIX);
	fake_timer_pass(700);
	navigator_say(&mate, NAVIGATOR_FIX_AT("14.250", "47.26"));
	ck_assert_double_eq(navigator_last(&mate, &age).latitude, 47.26);
	ck_assert_uint_eq(age, 700);
	navigator_say(&mate, NAVIGATOR_FIX_AT("14.251", "47.27"));
	ck_assert_double_eq(navigator_last(&mate, &age).latitude, 47.27);
	ck_assert_uint_eq(age, 0);
	for (unsigned i = 0; i <= GPSD_FRESH_MS / 1000; i++) {
		ck_assert(gpsd_time(mate.gpsd, &now));
		fake_timer_pass(1000);
		navigator_say(&mate, NAVIGATOR_FIX_AT("14.251", "47.27"));
	}
	ck_assert(!gpsd_time(mate.gpsd, &now));
}
END_TEST

START_TEST(in_pieces)
{
	navigator_start(&mate, "127.0.0.1");
	navigator_accept(&mate);
	for (size_t cut = 1; cut < strlen(NAVIGATOR_FIX); cut += 3) {
		char line[sizeof(NAVIGATOR_FIX)];
		double latitude = (double)(10 + cut % 80);

		(void)snprintf(line, sizeof(line), NAVIGATOR_FIX_AT("14.250", "%02u.00"), (unsigned)(10 + cut % 80));
		navigator_say_bytes(&mate, line, cut);
		navigator_say(&mate, line + cut);
		ck_assert_double_eq(navigator_last(&mate, NULL).latitude, latitude);
	}
	navigator_say(&mate, NAVIGATOR_FIX_AT("14.250", "47.25")
				     NAVIGATOR_FIX_AT("15.250", "47.26") "{\"class\":\"SKY\"}\r\n" NAVIGATOR_FIX_AT(
					     "16.250", "47.27") "{\"cla");
	ck_assert_double_eq(navigator_last(&mate, NULL).latitude, 47.27);
}
END_TEST

static const char *const garbage[] = {
	"\n\n\r\n",
	"{\"class\":\"TPV\",\"mode\":3,\"time\":\"2026-11-22T12:30:14Z\",\"lat\":47.25,\"lon\":8.5\n",
	"{\"class\":\"TPV\",\"mode\":3,\"time\":\"2026-11-22T12:30:14Z\",\"lat\":NaN,\"lon\":8.5}\n",
	"{\"class\":\"TPV\",\"mode\":3,\"time\":\"2026-11-22T12:30:14Z\",\"lat\":1e999,\"lon\":8.5}\n",
	"{\"class\":\"TPV\",\"mode\":3,\"time\":20261122,\"lat\":47.25,\"lon\":8.5}\n",
	"HTTP/1.0 400 Bad Request\r\n\r\n",
	"$GPRMC,123014.00,A,4717.11399,N,00833.91590,E,0.004,77.52,221126,,,A*57\r\n",
};

START_TEST(nonsense)
{
	struct fix f;

	navigator_start(&mate, "127.0.0.1");
	navigator_accept(&mate);
	navigator_say(&mate, garbage[_i]);
	navigator_say_bytes(&mate, "\0\"TPV\"\xff\n", 9);
	ck_assert(!gpsd_fix(mate.gpsd, &f, NULL));
	ck_assert(gpsd_is_connected(mate.gpsd));
	navigator_say(&mate, NAVIGATOR_FIX);
	ck_assert_double_eq(navigator_last(&mate, NULL).latitude, 47.25);
}
END_TEST

START_TEST(long_line)
{
	static const char brackets[] = "{\"class\":\"TPV\",\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[";
	struct fix f;

	navigator_start(&mate, "127.0.0.1");
	navigator_accept(&mate);
	for (unsigned i = 0; i < 1000; i++)
		navigator_say(&mate, brackets);

	/* This is the rest of that line. */
	navigator_say(&mate, NAVIGATOR_FIX);
	ck_assert(!gpsd_fix(mate.gpsd, &f, NULL));
	navigator_say(&mate, NAVIGATOR_FIX);
	ck_assert_double_eq(navigator_last(&mate, NULL).latitude, 47.25);
}
END_TEST

/* Some service, but not gpsd; or one that has gone mad. */
START_TEST(flood)
{
	static const char piece[4096] = "x";
	bool lines = _i;
	size_t sent = 0;

	navigator_start(&mate, "127.0.0.1");
	navigator_accept(&mate);
	for (unsigned i = 0; i < 2 * GPSD_FLOOD / sizeof(piece); i++) {
		navigator_say_bytes(&mate, piece, sizeof(piece));
		fake_timer_pass(1000);
	}
	ck_assert(gpsd_is_connected(mate.gpsd));
	while (gpsd_is_connected(mate.gpsd)) {
		ssize_t n =
			send(mate.fd, lines ? "{}\n" : piece, lines ? 3 : sizeof(piece), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			sent += (size_t)n;
		navigator_run_idle(&mate);
	}
	ck_assert_uint_ge(sent, GPSD_FLOOD - sizeof(piece));
	ck_assert_uint_ge(fake_timer_next(), 1000);
}
END_TEST

/* --- its name --- */

START_TEST(localhost)
{
	navigator_start(&mate, "localhost");
	ck_assert_uint_eq(fake_resolve()->questions, 0);
	navigator_accept(&mate);
}
END_TEST

START_TEST(by_name)
{
	navigator_start(&mate, "gps.example");
	ck_assert_str_eq(fake_resolve()->host, "gps.example");
	ck_assert_uint_eq(fake_resolve()->timeout_ms, GPSD_NAME_MS);
	gpsd_ask(mate.gpsd);
	fake_resolve_fail(-ENOENT);
	ck_assert_uint_le(fake_timer_next(), 2000);
	navigator_pass_until_it_tries(&mate);
	ck_assert_uint_eq(fake_resolve()->questions, 2);

	/* Nobody listens at the first one. */
	fake_resolve_found("127.0.0.2\n127.0.0.1\n");
	navigator_accept(&mate);
	ck_assert(!fake_resolve()->asked);
}
END_TEST

START_TEST(no_resolver)
{
	fake_resolve()->start_result = -EMFILE;
	navigator_start(&mate, "gps.example");
	ck_assert_uint_le(fake_timer_next(), 2000);
	fake_resolve()->start_result = 0;
	navigator_pass_until_it_tries(&mate);

	/* It is freed with the question open. */
	ck_assert(fake_resolve()->asked);
}
END_TEST

START_TEST(none_wanted)
{
	struct timespec now;
	struct fix f;

	ck_assert_int_eq(gpsd_new(&mate.gpsd, mate.event, ""), 0);
	gpsd_start(mate.gpsd);
	gpsd_ask(mate.gpsd);
	fake_timer_pass(GPSD_ASK_MS);
	gpsd_ask(mate.gpsd);
	navigator_run_idle(&mate);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert(!gpsd_is_connected(mate.gpsd) && !gpsd_fix(mate.gpsd, &f, NULL) && !gpsd_time(mate.gpsd, &now));
	ck_assert_int_lt(gpsd_new(&mate.gpsd, mate.event, "no:such:place"), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gpsd");
	TCase *tc = tcase_create("reports"), *names = tcase_create("names");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_fix);
	tcase_add_test(tc, the_time);
	tcase_add_test(tc, told_twice);
	tcase_add_test(tc, in_pieces);
	tcase_add_loop_test(tc, nonsense, 0, ELEMENTS(garbage));
	tcase_add_test(tc, long_line);
	tcase_add_loop_test(tc, flood, 0, 2);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(names, setup, teardown);
	tcase_add_test(names, localhost);
	tcase_add_test(names, by_name);
	tcase_add_test(names, no_resolver);
	tcase_add_test(names, none_wanted);
	suite_add_tcase(suite, names);
	return suite_run(suite);
}
