/* SPDX-License-Identifier: Apache-2.0 */
/* board/gpsd.c without a gpsd: there is none, it goes and comes, or is silent. */
#include "board/gpsd.h"

#include "fake/listener.h"
#include "fake/navigator.h"
#include "fake/suite.h"
#include "fake/timer.h"

static struct navigator mate;

static void setup(void)
{
	navigator_make(&mate);
}

static void teardown(void)
{
	navigator_done(&mate);
}

START_TEST(no_gpsd)
{
	static const uint64_t waits[] = { 1000, 30000, 60000, 120000, 240000, 300000 };
	struct fix f;

	navigator_refuse(&mate);
	navigator_start(&mate, "127.0.0.1");
	for (unsigned i = 0; i < 12; i++) {
		navigator_run_until(&mate, fake_timer_next() != GPSD_CONNECT_MS);
		ck_assert_uint_eq(fake_timer_next(), waits[i < ELEMENTS(waits) ? i : ELEMENTS(waits) - 1]);
		navigator_pass_until_it_tries(&mate);
	}
	ck_assert(!gpsd_fix(mate.gpsd, &f, NULL));
}
END_TEST

/* Who asks need not wait for that, but cannot make it busy. */
START_TEST(asked)
{
	navigator_refuse(&mate);
	navigator_start(&mate, "127.0.0.1");
	for (unsigned i = 0; i < 10; i++) {
		navigator_run_until(&mate, fake_timer_next() != GPSD_CONNECT_MS);
		navigator_pass_until_it_tries(&mate);
	}
	navigator_run_until(&mate, fake_timer_next() == GPSD_LAST_MS / 2);
	navigator_listen(&mate);
	fake_timer_pass(GPSD_ASK_MS - 1);
	gpsd_ask(mate.gpsd);
	navigator_run_idle(&mate);
	ck_assert_uint_ge(fake_timer_next(), GPSD_LAST_MS / 2 - GPSD_ASK_MS);
	ck_assert(!gpsd_is_connected(mate.gpsd));
	fake_timer_pass(1);
	gpsd_ask(mate.gpsd);
	gpsd_ask(mate.gpsd);
	navigator_accept(&mate);
	gpsd_ask(mate.gpsd);
	ck_assert(gpsd_is_connected(mate.gpsd));
}
END_TEST

START_TEST(gone_and_back)
{
	navigator_start(&mate, "127.0.0.1");
	navigator_accept(&mate);
	navigator_say(&mate, NAVIGATOR_FIX);
	navigator_say(&mate, "{\"class\":\"TPV\",\"mode\":3,\"time\"");
	(void)close(mate.fd);
	navigator_refuse(&mate);
	navigator_run_until(&mate, !gpsd_is_connected(mate.gpsd));
	ck_assert_double_eq(navigator_last(&mate, NULL).latitude, 47.25);
	navigator_pass_until_it_tries(&mate);
	ck_assert(!gpsd_is_connected(mate.gpsd));
	navigator_listen(&mate);
	navigator_run_until(&mate, fake_timer_next() != GPSD_CONNECT_MS);
	navigator_pass_until_it_tries(&mate);
	navigator_accept(&mate);

	/* Half a line of the other connection is no beginning of this one's. */
	navigator_say(&mate, NAVIGATOR_FIX_AT("20.000", "47.26"));
	ck_assert_double_eq(navigator_last(&mate, NULL).latitude, 47.26);
}
END_TEST

/* After a connection that lasted the first attempt comes soon; one that never lasts is tried ever more seldom. */
START_TEST(lasting)
{
	bool lasts = _i;

	navigator_start(&mate, "127.0.0.1");
	for (unsigned i = 0; i < 9; i++) {
		navigator_accept(&mate);
		if (lasts)
			fake_timer_pass(GPSD_LASTING_MS);
		(void)close(mate.fd);
		navigator_run_until(&mate, !gpsd_is_connected(mate.gpsd));
		if (i < 8)
			navigator_pass_until_it_tries(&mate);
	}
	mate.fd = -1;
	if (lasts)
		ck_assert_uint_le(fake_timer_next(), 2000);
	else
		ck_assert_uint_ge(fake_timer_next(), GPSD_LAST_MS / 2);
}
END_TEST

START_TEST(silent)
{
	listener_fill(mate.listener);
	navigator_start(&mate, "127.0.0.1");
	navigator_run_idle(&mate);
	ck_assert_uint_eq(fake_timer_next(), GPSD_CONNECT_MS);
	fake_timer_pass(GPSD_CONNECT_MS);
	ck_assert_uint_ge(fake_timer_next(), 1000);
	ck_assert_uint_le(fake_timer_next(), 2000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gpsd_losses");
	TCase *tc = tcase_create("without");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, no_gpsd);
	tcase_add_test(tc, asked);
	tcase_add_test(tc, gone_and_back);
	tcase_add_loop_test(tc, lasting, 0, 2);
	tcase_add_test(tc, silent);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
