/* SPDX-License-Identifier: Apache-2.0 */
#include "board/gpsd.h"

#include "fake/resolve.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "util/entropy.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define WATCH "?WATCH={\"enable\":true,\"json\":true};\n"
#define FIX_AT(seconds, latitude)                                                                    \
	"{\"class\":\"TPV\",\"mode\":3,\"time\":\"2026-11-22T12:30:" seconds "Z\",\"lat\":" latitude \
	",\"lon\":8.5,\"altMSL\":499,\"eph\":7}\r\n"
#define FIX FIX_AT("14.250", "47.25")

static struct {
	sd_event *event;
	struct gpsd *gpsd;
	int listener, fd; /* of the other side */
	char port[8];
} world;

/* Of a delay the shortest. */
uint64_t entropy_get(void)
{
	return 0;
}

/* As gpsd, on loopback: at a free port, later at the same one. */
static void listen_at(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int on = 1;

	world.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(setsockopt(world.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	address.sin_port = htons((uint16_t)strtoul(world.port, NULL, 10));
	ck_assert_int_eq(bind(world.listener, (struct sockaddr *)&address, size), 0);
	ck_assert_int_eq(getsockname(world.listener, (struct sockaddr *)&address, &size), 0);
	(void)snprintf(world.port, sizeof(world.port), "%u", ntohs(address.sin_port));
	ck_assert_int_eq(listen(world.listener, 4), 0);
}

/* The port stays ours, but nobody listens. */
static void refuse(void)
{
	(void)close(world.listener);
	world.listener = -1;
}

static void setup(void)
{
	memset(&world, 0, sizeof(world));
	world.fd = -1;
	memset(fake_resolve(), 0, sizeof(*fake_resolve()));
	ck_assert_int_ge(sd_event_new(&world.event), 0);
	listen_at();
}

static void teardown(void)
{
	world.gpsd = gpsd_free(world.gpsd);
	if (world.fd >= 0)
		(void)close(world.fd);
	if (world.listener >= 0)
		(void)close(world.listener);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	world.event = sd_event_unref(world.event);
}

static void start(const char *host)
{
	char at[64];

	(void)snprintf(at, sizeof(at), "%s:%s", host, world.port);
	ck_assert_int_eq(gpsd_new(&world.gpsd, world.event, at), 0);
	gpsd_start(world.gpsd);
}

/* What the loop still has to do at once. */
static void run_idle(void)
{
	while (sd_event_run(world.event, 0) > 0) {
	}
}

#define run_until(condition)                                                      \
	do {                                                                      \
		while (!(condition))                                              \
			ck_assert_int_gt(sd_event_run(world.event, 30000000), 0); \
	} while (0)

/* It has connected, and said what it wants. */
static void accept_it(void)
{
	char said[sizeof(WATCH)] = "";

	run_until(gpsd_is_connected(world.gpsd));
	world.fd = accept(world.listener, NULL, NULL);
	ck_assert_int_ge(world.fd, 0);
	ck_assert_int_eq(recv(world.fd, said, sizeof(said) - 1, MSG_WAITALL), (ssize_t)strlen(WATCH));
	ck_assert_str_eq(said, WATCH);
}

/* All of it has reached the other end, and was looked at. */
static void say_bytes(const void *data, size_t n)
{
	int left;

	ck_assert_int_eq(send(world.fd, data, n, MSG_NOSIGNAL), (ssize_t)n);
	do {
		ck_assert_int_eq(ioctl(world.fd, SIOCOUTQ, &left), 0);
		run_idle();
	} while (left > 0);
	run_idle();
}

static void say(const char *text)
{
	say_bytes(text, strlen(text));
}

static struct fix last(uint64_t *ret_age)
{
	struct fix f;

	ck_assert(gpsd_fix(world.gpsd, &f, ret_age));
	return f;
}

static void pass_until_it_tries(void)
{
	ck_assert_uint_ne(fake_timer_next(), UINT64_MAX);
	fake_timer_pass(fake_timer_next());
	run_idle();
}

START_TEST(a_fix)
{
	struct timespec now;
	struct fix f;
	uint64_t age;

	start("127.0.0.1");
	accept_it();
	ck_assert(!gpsd_fix(world.gpsd, &f, NULL));
	ck_assert(!gpsd_time(world.gpsd, &now));
	say("{\"class\":\"VERSION\",\"release\":\"3.22\",\"rev\":\"3.22\",\"proto_major\":3,\"proto_minor\":14}\r\n"
	    "{\"class\":\"DEVICES\",\"devices\":[]}\r\n{\"class\":\"TPV\",\"mode\":1}\r\n");
	ck_assert(!gpsd_fix(world.gpsd, &f, NULL));
	say(FIX);
	f = last(&age);
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

	start("127.0.0.1");
	accept_it();
	say(FIX);
	ck_assert(gpsd_time(world.gpsd, &now));
	ck_assert_int_eq(now.tv_sec, 1795350614);
	ck_assert_int_eq(now.tv_nsec, 250000000);
	fake_timer_pass(1800);
	ck_assert(gpsd_time(world.gpsd, &now));
	ck_assert_int_eq(now.tv_sec, 1795350616);
	ck_assert_int_eq(now.tv_nsec, 50000000);
	fake_timer_pass(GPSD_FRESH_MS - 1800);
	ck_assert(gpsd_time(world.gpsd, &now));
	ck_assert_int_eq(now.tv_sec, 1795350674);
	fake_timer_pass(1);
	ck_assert(!gpsd_time(world.gpsd, &now));

	/* The place does not fade. */
	ck_assert_double_eq(last(NULL).latitude, 47.25);
	say("{\"class\":\"TPV\",\"mode\":1,\"time\":\"2026-11-22T12:31:20.000Z\"}\n");
	ck_assert(!gpsd_time(world.gpsd, &now));
	ck_assert_int_eq(last(NULL).time.tv_sec, 1795350614);
}
END_TEST

/* What is told again is not new, though it may be more. A receiver that stands still tells no time. */
START_TEST(told_twice)
{
	struct timespec now;
	uint64_t age;

	start("127.0.0.1");
	accept_it();
	say(FIX);
	fake_timer_pass(700);
	say(FIX_AT("14.250", "47.26"));
	ck_assert_double_eq(last(&age).latitude, 47.26);
	ck_assert_uint_eq(age, 700);
	say(FIX_AT("14.251", "47.27"));
	ck_assert_double_eq(last(&age).latitude, 47.27);
	ck_assert_uint_eq(age, 0);
	for (unsigned i = 0; i <= GPSD_FRESH_MS / 1000; i++) {
		ck_assert(gpsd_time(world.gpsd, &now));
		fake_timer_pass(1000);
		say(FIX_AT("14.251", "47.27"));
	}
	ck_assert(!gpsd_time(world.gpsd, &now));
}
END_TEST

START_TEST(in_pieces)
{
	start("127.0.0.1");
	accept_it();
	for (size_t cut = 1; cut < strlen(FIX); cut += 3) {
		char line[sizeof(FIX)];
		double latitude = (double)(10 + cut % 80);

		(void)snprintf(line, sizeof(line), FIX_AT("14.250", "%02u.00"), (unsigned)(10 + cut % 80));
		say_bytes(line, cut);
		say(line + cut);
		ck_assert_double_eq(last(NULL).latitude, latitude);
	}
	say(FIX_AT("14.250", "47.25")
		    FIX_AT("15.250", "47.26") "{\"class\":\"SKY\"}\r\n" FIX_AT("16.250", "47.27") "{\"cla");
	ck_assert_double_eq(last(NULL).latitude, 47.27);
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

	start("127.0.0.1");
	accept_it();
	say(garbage[_i]);
	say_bytes("\0\"TPV\"\xff\n", 9);
	ck_assert(!gpsd_fix(world.gpsd, &f, NULL));
	ck_assert(gpsd_is_connected(world.gpsd));
	say(FIX);
	ck_assert_double_eq(last(NULL).latitude, 47.25);
}
END_TEST

START_TEST(long_line)
{
	static const char brackets[] = "{\"class\":\"TPV\",\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[";
	struct fix f;

	start("127.0.0.1");
	accept_it();
	for (unsigned i = 0; i < 1000; i++)
		say(brackets);

	/* This is the rest of that line. */
	say(FIX);
	ck_assert(!gpsd_fix(world.gpsd, &f, NULL));
	say(FIX);
	ck_assert_double_eq(last(NULL).latitude, 47.25);
}
END_TEST

/* Some service, but not gpsd; or one that has gone mad. */
START_TEST(flood)
{
	static const char piece[4096] = "x";
	bool lines = _i;
	size_t sent = 0;

	start("127.0.0.1");
	accept_it();
	for (unsigned i = 0; i < 2 * GPSD_FLOOD / sizeof(piece); i++) {
		say_bytes(piece, sizeof(piece));
		fake_timer_pass(1000);
	}
	ck_assert(gpsd_is_connected(world.gpsd));
	while (gpsd_is_connected(world.gpsd)) {
		ssize_t n =
			send(world.fd, lines ? "{}\n" : piece, lines ? 3 : sizeof(piece), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			sent += (size_t)n;
		run_idle();
	}
	ck_assert_uint_ge(sent, GPSD_FLOOD - sizeof(piece));
	ck_assert_uint_ge(fake_timer_next(), 1000);
}
END_TEST

/* --- without it --- */

START_TEST(no_gpsd)
{
	static const uint64_t waits[] = { 1000, 30000, 60000, 120000, 240000, 300000 };
	struct fix f;

	refuse();
	start("127.0.0.1");
	for (unsigned i = 0; i < 12; i++) {
		run_until(fake_timer_next() != GPSD_CONNECT_MS);
		ck_assert_uint_eq(fake_timer_next(), waits[i < ELEMENTS(waits) ? i : ELEMENTS(waits) - 1]);
		pass_until_it_tries();
	}
	ck_assert(!gpsd_fix(world.gpsd, &f, NULL));
}
END_TEST

/* Who asks need not wait for that, but cannot make it busy. */
START_TEST(asked)
{
	refuse();
	start("127.0.0.1");
	for (unsigned i = 0; i < 10; i++) {
		run_until(fake_timer_next() != GPSD_CONNECT_MS);
		pass_until_it_tries();
	}
	run_until(fake_timer_next() == GPSD_LAST_MS / 2);
	listen_at();
	fake_timer_pass(GPSD_ASK_MS - 1);
	gpsd_ask(world.gpsd);
	run_idle();
	ck_assert_uint_ge(fake_timer_next(), GPSD_LAST_MS / 2 - GPSD_ASK_MS);
	ck_assert(!gpsd_is_connected(world.gpsd));
	fake_timer_pass(1);
	gpsd_ask(world.gpsd);
	gpsd_ask(world.gpsd);
	accept_it();
	gpsd_ask(world.gpsd);
	ck_assert(gpsd_is_connected(world.gpsd));
}
END_TEST

START_TEST(gone_and_back)
{
	start("127.0.0.1");
	accept_it();
	say(FIX);
	say("{\"class\":\"TPV\",\"mode\":3,\"time\"");
	(void)close(world.fd);
	refuse();
	run_until(!gpsd_is_connected(world.gpsd));
	ck_assert_double_eq(last(NULL).latitude, 47.25);
	pass_until_it_tries();
	ck_assert(!gpsd_is_connected(world.gpsd));
	listen_at();
	run_until(fake_timer_next() != GPSD_CONNECT_MS);
	pass_until_it_tries();
	accept_it();

	/* Half a line of the other connection is no beginning of this one's. */
	say(FIX_AT("20.000", "47.26"));
	ck_assert_double_eq(last(NULL).latitude, 47.26);
}
END_TEST

/* After a connection that lasted the first attempt comes soon; one that never lasts is tried ever more seldom. */
START_TEST(lasting)
{
	bool lasts = _i;

	start("127.0.0.1");
	for (unsigned i = 0; i < 9; i++) {
		accept_it();
		if (lasts)
			fake_timer_pass(GPSD_LASTING_MS);
		(void)close(world.fd);
		run_until(!gpsd_is_connected(world.gpsd));
		if (i < 8)
			pass_until_it_tries();
	}
	world.fd = -1;
	if (lasts)
		ck_assert_uint_le(fake_timer_next(), 2000);
	else
		ck_assert_uint_ge(fake_timer_next(), GPSD_LAST_MS / 2);
}
END_TEST

/* A queue that is full: the kernel drops what comes further. */
START_TEST(silent)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int full[3];

	address.sin_port = htons((uint16_t)strtoul(world.port, NULL, 10));
	ck_assert_int_eq(listen(world.listener, 0), 0);
	for (size_t i = 0; i < ELEMENTS(full); i++) {
		full[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(full[i], (struct sockaddr *)&address, sizeof(address));
	}
	start("127.0.0.1");
	run_idle();
	ck_assert_uint_eq(fake_timer_next(), GPSD_CONNECT_MS);
	fake_timer_pass(GPSD_CONNECT_MS);
	ck_assert_uint_ge(fake_timer_next(), 1000);
	ck_assert_uint_le(fake_timer_next(), 2000);
	for (size_t i = 0; i < ELEMENTS(full); i++)
		(void)close(full[i]);
}
END_TEST

/* --- its name --- */

START_TEST(localhost)
{
	start("localhost");
	ck_assert_uint_eq(fake_resolve()->questions, 0);
	accept_it();
}
END_TEST

START_TEST(by_name)
{
	start("gps.example");
	ck_assert_str_eq(fake_resolve()->host, "gps.example");
	ck_assert_uint_eq(fake_resolve()->timeout_ms, GPSD_NAME_MS);
	gpsd_ask(world.gpsd);
	fake_resolve_fail(-ENOENT);
	ck_assert_uint_le(fake_timer_next(), 2000);
	pass_until_it_tries();
	ck_assert_uint_eq(fake_resolve()->questions, 2);

	/* Nobody listens at the first one. */
	fake_resolve_found("127.0.0.2\n127.0.0.1\n");
	accept_it();
	ck_assert(!fake_resolve()->asked);
}
END_TEST

START_TEST(no_resolver)
{
	fake_resolve()->start_result = -EMFILE;
	start("gps.example");
	ck_assert_uint_le(fake_timer_next(), 2000);
	fake_resolve()->start_result = 0;
	pass_until_it_tries();

	/* It is freed with the question open. */
	ck_assert(fake_resolve()->asked);
}
END_TEST

START_TEST(none_wanted)
{
	struct timespec now;
	struct fix f;

	ck_assert_int_eq(gpsd_new(&world.gpsd, world.event, ""), 0);
	gpsd_start(world.gpsd);
	gpsd_ask(world.gpsd);
	fake_timer_pass(GPSD_ASK_MS);
	gpsd_ask(world.gpsd);
	run_idle();
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert(!gpsd_is_connected(world.gpsd) && !gpsd_fix(world.gpsd, &f, NULL) && !gpsd_time(world.gpsd, &now));
	ck_assert_int_lt(gpsd_new(&world.gpsd, world.event, "no:such:place"), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gpsd");
	TCase *tc = tcase_create("reports"), *lost = tcase_create("without"), *names = tcase_create("names");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_fix);
	tcase_add_test(tc, the_time);
	tcase_add_test(tc, told_twice);
	tcase_add_test(tc, in_pieces);
	tcase_add_loop_test(tc, nonsense, 0, ELEMENTS(garbage));
	tcase_add_test(tc, long_line);
	tcase_add_loop_test(tc, flood, 0, 2);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(lost, setup, teardown);
	tcase_add_test(lost, no_gpsd);
	tcase_add_test(lost, asked);
	tcase_add_test(lost, gone_and_back);
	tcase_add_loop_test(lost, lasting, 0, 2);
	tcase_add_test(lost, silent);
	suite_add_tcase(suite, lost);
	tcase_add_checked_fixture(names, setup, teardown);
	tcase_add_test(names, localhost);
	tcase_add_test(names, by_name);
	tcase_add_test(names, no_resolver);
	tcase_add_test(names, none_wanted);
	suite_add_tcase(suite, names);
	return suite_run(suite);
}
