/* SPDX-License-Identifier: Apache-2.0 */
/* cloud/probe.c up to a server that answers, and when it is stopped. */
#include "cloud/probe.h"

#include "fake/listener.h"
#include "fake/resolve.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "fake/trial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct trial t;

static void setup(void)
{
	trial_make(&t);
}

static void teardown(void)
{
	trial_done(&t);
}

/* An address that does not answer, at a port that is free. The caller closes what is returned. */
static int black_hole(const char *address, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(inet_pton(AF_INET, address, &to.sin_addr), 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	listener_fill(fd);
	return fd;
}

/* --- hint 3: not reached --- */

START_TEST(name_fails)
{
	static const struct {
		int r;
		const char *line, *detail;
	} ends[] = {
		{ -ENOENT, "DNS server.example not found 0 ms\n", "Name not found: check Endpoint" },
		{ -ETIME, "DNS server.example no answer 0 ms\n", "Name server does not answer: check network" },
		{ -EAGAIN, "DNS server.example cannot be resolved 0 ms\n",
		  "Name server does not answer: check network" },
	};

	for (size_t i = 0; i < ELEMENTS(ends); i++) {
		trial_start(&t, "server.example");
		ck_assert_uint_le(fake_resolve()->timeout_ms, TRIAL_WHOLE);
		fake_resolve_fail(ends[i].r);
		trial_assert_failed(&t, HINT_ENDPOINT, ends[i].detail);
		trial_assert_lines(&t, "%s", ends[i].line);
	}
}
END_TEST

START_TEST(silent_resolver)
{
	trial_start(&t, "server.example");
	fake_timer_pass(TRIAL_STAGE - 1);
	ck_assert_uint_eq(t.reports, 0);
	fake_timer_pass(1);
	trial_assert_failed(&t, HINT_ENDPOINT, "Name server does not answer: check network");
	trial_assert_lines(&t, "DNS server.example no answer %d ms\n", TRIAL_STAGE);
}
END_TEST

START_TEST(resolver_does_not_start)
{
	fake_resolve()->start_result = -EMFILE;
	trial_start(&t, "server.example");
	trial_assert_failed(&t, HINT_ENDPOINT, "Resolver could not be started: see the module's log");
	trial_assert_lines(&t, "DNS resolver cannot be started\n");
}
END_TEST

/* No descriptor is left for the socket. */
START_TEST(lacks_resources)
{
	struct rlimit before, none;

	trial_start(&t, "server.example:1");
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ .rlim_cur = 3, .rlim_max = before.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	fake_resolve_found("127.0.0.1\n");
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	trial_assert_failed(&t, HINT_ENDPOINT, "Module lacks resources: see its log");
	trial_assert_lines(&t, "DNS server.example 1 address 0 ms\nTCP 127.0.0.1 1 %s 0 ms\n", strerror(EMFILE));
}
END_TEST

START_TEST(refused)
{
	char detail[128];
	int fd, port = port_refusing(&fd);

	(void)snprintf(detail, sizeof(detail), "%s: check Endpoint and network", strerror(ECONNREFUSED));
	trial_run(&t, "127.0.0.1", port);
	trial_assert_failed(&t, HINT_ENDPOINT, detail);
	trial_assert_lines(&t, "TCP 127.0.0.1 %d %s 0 ms\n", port, strerror(ECONNREFUSED));
	(void)close(fd);
}
END_TEST

START_TEST(no_answer)
{
	int fd, port = port_refusing(&fd), hole = black_hole("127.0.0.2", port);

	trial_start(&t, "127.0.0.2:%d", port);
	trial_idle(&t);
	fake_timer_pass(TRIAL_STAGE - 1);
	trial_idle(&t);
	fake_timer_pass(1);
	trial_assert_failed(&t, HINT_ENDPOINT, "No answer from the server: check network");
	trial_assert_lines(&t, "TCP 127.0.0.2 %d no answer %d ms\n", port, TRIAL_STAGE);
	(void)close(hole);
	(void)close(fd);
}
END_TEST

/* Refused, silent, and the third is the one. */
START_TEST(every_address_is_tried)
{
	int hole;

	peer_start(&t.server, trial_serve, &t);
	hole = black_hole("127.0.0.3", t.server.port);
	trial_start(&t, "server.example:%d", t.server.port);
	fake_resolve_found("127.0.0.2\n127.0.0.3\n127.0.0.1\n");
	trial_wait_for_tcp(&t); /* or rather for its end */
	fake_timer_pass(TRIAL_STAGE);
	trial_wait_for_report(&t);
	ck_assert(t.report.passed);
	ck_assert_str_eq(t.report.fault.detail, "");
	trial_assert_lines(&t,
			   "DNS server.example 3 addresses 0 ms\n"
			   "TCP 127.0.0.2 %d %s 0 ms\n"
			   "TCP 127.0.0.3 %d no answer %d ms\n"
			   "TCP 127.0.0.1 %d connected 0 ms\n"
			   "TLS TLSv1.3 TLS_AES_256_GCM_SHA384 0 ms\n"
			   "CERT 0 server by Server CA %s\n",
			   t.server.port, strerror(ECONNREFUSED), t.server.port, TRIAL_STAGE, t.server.port,
			   trial_dates(t.peer.shown));
	(void)close(hole);
}
END_TEST

/* The one that came farthest is blamed. */
START_TEST(last_address_is_worse)
{
	t.parties.trusted = t.parties.other_root;
	peer_start(&t.server, trial_serve, &t);
	trial_start(&t, "server.example:%d", t.server.port);
	fake_resolve_found("127.0.0.1\n127.0.0.2\n");
	trial_wait_for_report(&t);
	trial_assert_failed(&t, HINT_TLS, "Our certificate was refused: check its registration");
	ck_assert_uint_eq(t.report.count, 6);
	ck_assert_int_eq(strncmp(t.report.lines[5], "TCP 127.0.0.2 ", 14), 0);
}
END_TEST

/* What the first one did is not laid at the door of the second. */
START_TEST(each_address_fails_in_its_own_way)
{
	static const char text[] = "220 mail.example ESMTP ready\r\n";
	struct sockaddr_in at = { .sin_family = AF_INET };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), fd;

	t.parties.trusted = t.parties.other_root;
	peer_start(&t.server, trial_serve, &t);
	at.sin_port = htons((uint16_t)t.server.port);
	ck_assert_int_eq(inet_pton(AF_INET, "127.0.0.2", &at.sin_addr), 1);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	trial_start(&t, "server.example:%d", t.server.port);
	fake_resolve_found("127.0.0.1\n127.0.0.2\n");
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
		ck_assert_int_gt(sd_event_run(t.rig.event, UINT64_MAX), 0);
	t.descriptors_before++;
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	trial_wait_for_report(&t);
	trial_assert_failed(&t, HINT_TLS, "Our certificate was refused: check its registration");
	ck_assert_uint_eq(t.report.count, 7);
	ck_assert_str_eq(t.report.lines[4], "TLS Our certificate was refused: check its registration 0 ms");
	ck_assert_str_eq(t.report.lines[6], "TLS Server does not speak TLS: check Endpoint and its port 0 ms");
	(void)close(fd);
	(void)close(listener);
}
END_TEST

START_TEST(more_than_it_can_tell)
{
	char found[1024] = "";
	int fd, port = port_silent(&fd);

	ck_assert_int_eq(listen(fd, RESOLVE_MAX_ADDRESSES), 0);
	for (unsigned i = 0; i < RESOLVE_MAX_ADDRESSES; i++)
		strcat(found, "127.0.0.1\n");
	trial_start(&t, "server.example:%d", port);
	fake_resolve_found(found);
	for (unsigned i = 0; i < RESOLVE_MAX_ADDRESSES; i++) {
		trial_wait_for_tcp(&t);
		fake_timer_pass(TRIAL_WHOLE / RESOLVE_MAX_ADDRESSES);
	}
	trial_assert_failed(&t, HINT_TLS, "Server is silent during TLS: check Endpoint");
	ck_assert_uint_eq(t.report.count, PROBE_MAX_LINES);
	ck_assert_str_eq(t.report.lines[2], "TLS no answer 1500 ms");
	ck_assert_str_eq(t.report.lines[PROBE_MAX_LINES - 1], "and more");
	(void)close(fd);
}
END_TEST

/* --- the end --- */

/* Time for all of it, however many addresses want their second of it. */
START_TEST(the_whole_is_bounded)
{
	int fd, port = port_refusing(&fd), hole = black_hole("127.0.0.2", port);
	char found[1024] = "";

	for (unsigned i = 0; i < RESOLVE_MAX_ADDRESSES; i++)
		strcat(found, "127.0.0.2\n");
	trial_start(&t, "server.example:%d", port);
	fake_timer_pass(TRIAL_STAGE - 1);
	fake_resolve_found(found);
	fake_timer_pass(TRIAL_WHOLE - TRIAL_STAGE);
	ck_assert_uint_eq(t.reports, 0);
	fake_timer_pass(1);
	trial_assert_failed(&t, HINT_ENDPOINT, "No answer from the server: check network");
	ck_assert_uint_eq(t.report.count, 1 + (TRIAL_WHOLE - TRIAL_STAGE) / 1000 + 1);
	(void)close(hole);
	(void)close(fd);
}
END_TEST

START_TEST(stopped_in_every_stage)
{
	int fd, port = port_silent(&fd), hole = black_hole("127.0.0.2", port);

	t.peer.no_tickets = true;
	peer_start(&t.server, trial_serve, &t);
	for (unsigned stage = 0; stage < 4; stage++) {
		trial_start(&t, "server.example:%d", stage == 3 ? t.server.port : port);
		if (stage > 0)
			fake_resolve_found(stage == 1 ? "127.0.0.2\n" : "127.0.0.1\n");
		if (stage == 2)
			trial_wait_for_tcp(&t);
		if (stage == 3)
			trial_wait_for_server(&t);
		t.probe = probe_free(t.probe);
		trial_assert_closed(&t);
		ck_assert_uint_eq(t.reports, 0);
	}
	(void)close(hole);
	(void)close(fd);
}
END_TEST

START_TEST(stopped_before_it_began)
{
	const struct endpoint endpoint = { .host = "127.0.0.1", .port = 1, .numeric = true };

	trial_begin(&t, &endpoint);
	t.probe = probe_free(t.probe);
	trial_assert_closed(&t);
	fake_timer_pass(TRIAL_WHOLE);
	ck_assert_uint_eq(t.reports, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("probe_network");
	TCase *tc = tcase_create("probe_network");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, name_fails);
	tcase_add_test(tc, silent_resolver);
	tcase_add_test(tc, resolver_does_not_start);
	tcase_add_test(tc, lacks_resources);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, no_answer);
	tcase_add_test(tc, every_address_is_tried);
	tcase_add_test(tc, last_address_is_worse);
	tcase_add_test(tc, each_address_fails_in_its_own_way);
	tcase_add_test(tc, more_than_it_can_tell);
	tcase_add_test(tc, the_whole_is_bounded);
	tcase_add_test(tc, stopped_in_every_stage);
	tcase_add_test(tc, stopped_before_it_began);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
