/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/probe.h"

#include "fake/resolve.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "fake/timer.h"
#include "fake/trial.h"
#include "util/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONFIRM 1000 /* ms for a server's objections */

static struct trial t;
static const char *words; /* of talk() */

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static void setup(void)
{
	words = NULL;
	trial_make(&t);
}

static void teardown(void)
{
	trial_done(&t);
}

/* --- peers --- */

/* Hears the first words, says its own, and closes. */
static void talk(int fd, void *userdata)
{
	char bytes[4096];

	(void)userdata;
	if (read(fd, bytes, sizeof(bytes)) > 0)
		(void)!write(fd, words, strlen(words));
}

/* A handshake, and closed without a word. */
static void leave(int fd, void *userdata)
{
	(void)userdata;
	(void)!peer_accept(fd, t.peer.shown, t.parties.trusted);
}

/* --- it works --- */

START_TEST(passed)
{
	const char *suite = versions[_i] == TLS1_3_VERSION ? "TLSv1.3 TLS_AES_256_GCM_SHA384"
							   : "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384";

	t.peer.version = versions[_i];
	peer_start(&t.server, trial_serve, &t);
	trial_run(&t, "server.example", t.server.port);
	ck_assert_str_eq(fake_resolve()->host, "server.example");
	ck_assert(t.report.passed);
	ck_assert_str_eq(t.report.summary, suite);
	trial_assert_lines(&t,
			   "DNS server.example 1 address 0 ms\n"
			   "TCP 127.0.0.1 %d connected 0 ms\n"
			   "TLS %s 0 ms\n"
			   "CERT 0 server by Server CA %s\n",
			   t.server.port, suite, trial_dates(t.peer.shown));
}
END_TEST

/* Without a name, and kept by its owner for a while. */
START_TEST(passed_by_address)
{
	const struct pki_order order = { .name = "Second CA", .issuer = t.parties.root, .ca = true };
	_cleanup_(pki_freep) struct pki *intermediate = pki_make(&order);
	_cleanup_(pki_freep) struct pki *shown = pki_server(intermediate, "server", "IP:127.0.0.1", false);
	struct pki *first = t.peer.shown;

	t.peer.shown = shown;
	t.peer.intermediate = intermediate;
	t.keep_it = true;
	peer_start(&t.server, trial_serve, &t);
	trial_run(&t, "127.0.0.1", t.server.port);
	ck_assert(t.report.passed);
	ck_assert_uint_eq(fake_resolve()->questions, 0);
	trial_assert_lines(&t,
			   "TCP 127.0.0.1 %d connected 0 ms\n"
			   "TLS TLSv1.3 TLS_AES_256_GCM_SHA384 0 ms\n"
			   "CERT 0 server by Second CA %s\n"
			   "CERT 1 Second CA by Server CA %s\n",
			   t.server.port, trial_dates(shown), trial_dates(intermediate));
	t.peer.shown = first;
	t.peer.intermediate = NULL;
}
END_TEST

/* TLS 1.3, and a server that says nothing behind the handshake. */
START_TEST(nobody_objects)
{
	t.peer.no_tickets = true;
	peer_start(&t.server, trial_serve, &t);
	trial_start(&t, "127.0.0.1:%d", t.server.port);
	trial_wait_for_server(&t);
	fake_timer_pass(CONFIRM - 1);
	ck_assert_uint_eq(t.reports, 0);
	fake_timer_pass(1);
	ck_assert_uint_eq(t.reports, 1);
	ck_assert(t.report.passed);
}
END_TEST

START_TEST(default_port)
{
	trial_start(&t, "255.255.255.255");
	trial_wait_for_report(&t);
	ck_assert(!t.report.passed);
	ck_assert_int_eq(strncmp(t.report.lines[0], "TCP 255.255.255.255 8883 ", 25), 0);
}
END_TEST

/* --- hint 4: TLS --- */

static const struct {
	const char *names, *detail;
	bool untrusted, expired;
} refusals[] = {
	{ "DNS:server.example", "Server certificate not trusted: check RootCA", true, false },
	{ "DNS:other.example", "Server certificate is for another name: check Endpoint", false, false },
	{ "DNS:server.example", "Server certificate expired", false, true },
};

START_TEST(server_refused)
{
	const struct pki *issuer = refusals[_i / 2].untrusted ? t.parties.other_root : t.parties.root;

	pki_free(t.peer.shown);
	t.peer.shown = pki_server(issuer, "server", refusals[_i / 2].names, refusals[_i / 2].expired);
	t.peer.version = versions[_i % 2];
	peer_start(&t.server, trial_serve, &t);
	trial_run(&t, "server.example", t.server.port);
	trial_assert_failed(&t, HINT_TLS, refusals[_i / 2].detail);
	trial_assert_lines(&t,
			   "DNS server.example 1 address 0 ms\n"
			   "TCP 127.0.0.1 %d connected 0 ms\n"
			   "TLS %s 0 ms\n"
			   "CERT 0 server by %s %s\n",
			   t.server.port, refusals[_i / 2].detail, issuer == t.parties.root ? "Server CA" : "Other CA",
			   trial_dates(t.peer.shown));
}
END_TEST

START_TEST(we_are_refused)
{
	static const char *text = "Our certificate was refused: check its registration";

	t.parties.trusted = t.parties.other_root;
	t.peer.version = versions[_i];
	peer_start(&t.server, trial_serve, &t);
	trial_run(&t, "127.0.0.1", t.server.port);
	trial_assert_failed(&t, HINT_TLS, text);
	if (versions[_i] == TLS1_2_VERSION)
		trial_assert_lines(&t,
				   "TCP 127.0.0.1 %d connected 0 ms\n"
				   "TLS %s 0 ms\n"
				   "CERT 0 server by Server CA %s\n",
				   t.server.port, text, trial_dates(t.peer.shown));
	else
		trial_assert_lines(&t,
				   "TCP 127.0.0.1 %d connected 0 ms\n"
				   "TLS TLSv1.3 TLS_AES_256_GCM_SHA384 0 ms\n"
				   "CERT 0 server by Server CA %s\n"
				   "TLS %s 0 ms\n",
				   t.server.port, trial_dates(t.peer.shown), text);
}
END_TEST

START_TEST(plain_text)
{
	words = "HTTP/1.1 400 Bad Request\r\n\r\n";
	peer_start(&t.server, talk, NULL);
	trial_run(&t, "127.0.0.1", t.server.port);
	trial_assert_failed(&t, HINT_TLS, "Server does not speak TLS: check Endpoint and its port");
	trial_assert_lines(&t, "TCP 127.0.0.1 %d connected 0 ms\nTLS %s 0 ms\n", t.server.port, t.report.fault.detail);
}
END_TEST

/* What we do not understand is no fault of the line. */
START_TEST(nonsense_in_tls)
{
	words = "\x16\3\3\x7f\x7f"; /* longer than a record may be */
	peer_start(&t.server, talk, NULL);
	trial_run(&t, "127.0.0.1", t.server.port);
	ck_assert_int_eq((int)t.report.fault.hint, HINT_TLS);
	ck_assert_int_eq(strncmp(t.report.fault.detail, "TLS failed: ", 12), 0);
	trial_assert_lines(&t, "TCP 127.0.0.1 %d connected 0 ms\n%s 0 ms\n", t.server.port, t.report.fault.detail);
}
END_TEST

START_TEST(closed_during_tls)
{
	words = "";
	peer_start(&t.server, talk, NULL);
	trial_run(&t, "127.0.0.1", t.server.port);
	trial_assert_failed(&t, HINT_TLS, "Server closed during TLS: check Endpoint and its port");
	trial_assert_lines(&t, "TCP 127.0.0.1 %d connected 0 ms\nTLS closed by the server 0 ms\n", t.server.port);
}
END_TEST

START_TEST(silent_during_tls)
{
	int fd, port = port_silent(&fd);

	trial_start(&t, "127.0.0.1:%d", port);
	trial_wait_for_tcp(&t);
	fake_timer_pass(TRIAL_STAGE - 1);
	trial_idle(&t);
	fake_timer_pass(1);
	trial_assert_failed(&t, HINT_TLS, "Server is silent during TLS: check Endpoint");
	trial_assert_lines(&t, "TCP 127.0.0.1 %d connected 0 ms\nTLS no answer %d ms\n", port, TRIAL_STAGE);
	(void)close(fd);
}
END_TEST

START_TEST(closed_after_tls)
{
	peer_start(&t.server, leave, NULL);
	trial_run(&t, "127.0.0.1", t.server.port);

	/* Its tickets say that TLS was all right; what it wants of a login is not asked. */
	ck_assert(t.report.passed);
}
END_TEST

START_TEST(own_identity_unusable)
{
	temp_text(t.parties.dir, "device.key", "no key");
	trial_start(&t, "127.0.0.1:1");
	trial_assert_failed(&t, HINT_TLS, "Own key or certificate unusable: see the module's log");
	trial_assert_lines(&t, "TLS own key or certificate unusable\n");
}
END_TEST

/* The host sees lines, whatever the server wrote into its certificate. */
START_TEST(hostile_names)
{
	pki_free(t.peer.shown);
	t.peer.shown =
		pki_server(t.parties.other_root, "evil\r\nOK \x1b[2J\x07 0123456789012345678901234567890", NULL, false);
	peer_start(&t.server, trial_serve, &t);
	trial_run(&t, "server.example", t.server.port);
	trial_assert_failed(&t, HINT_TLS, "Server certificate not trusted: check RootCA");
	trial_assert_lines(&t,
			   "DNS server.example 1 address 0 ms\n"
			   "TCP 127.0.0.1 %d connected 0 ms\n"
			   "TLS Server certificate not trusted: check RootCA 0 ms\n"
			   "CERT 0 evil??OK ?[2J? 012345678901234567890123456 by Other CA %s\n",
			   t.server.port, trial_dates(t.peer.shown));
}
END_TEST

/* --- the log --- */

/* A socket as the journal has one; stderr is taken for the journal's. */
static int open_journal(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char stream[64];
	struct stat st;

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", temp_path(t.rig.dir, "journal"));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		       (unsigned long long)st.st_ino);
	ck_assert_int_eq(setenv("JOURNAL_STREAM", stream, 1), 0);
	log_open(at.sun_path);
	return fd;
}

static void expect_step(int journal, const char *step, const char *address, const char *message)
{
	char got[4096], expected[512];
	ssize_t n = recv(journal, got, sizeof(got) - 1, 0);

	ck_assert_int_gt(n, 0);
	got[n] = '\0';
	(void)snprintf(expected, sizeof(expected), "MESSAGE=DIAG TLS: %s", message);
	ck_assert_msg(strncmp(got, expected, strlen(expected)) == 0, "%s", got);
	(void)snprintf(expected, sizeof(expected),
		       "EXPRESSLINK_ENDPOINT=server.example\nEXPRESSLINK_ADDRESS=%s\nEXPRESSLINK_STEP=%s\n", address,
		       step);
	ck_assert_msg(strstr(got, expected), "%s", got);
}

START_TEST(steps_in_the_journal)
{
	int journal = open_journal();

	peer_start(&t.server, trial_serve, &t);
	trial_run(&t, "server.example", t.server.port);
	ck_assert(t.report.passed);
	ck_assert_str_eq(t.report.address, "127.0.0.1");
	expect_step(journal, "DNS", "", "DNS server.example 1 address 0 ms\n");
	expect_step(journal, "TCP", "127.0.0.1", "TCP 127.0.0.1 ");
	expect_step(journal, "TLS", "127.0.0.1", "TLS TLSv1.3 TLS_AES_256_GCM_SHA384 0 ms\n");
	expect_step(journal, "CERT", "127.0.0.1", "CERT 0 server by Server CA ");
	ck_assert_int_eq(close(journal), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("probe");
	TCase *tc = tcase_create("probe");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, passed, 0, ELEMENTS(versions));
	tcase_add_test(tc, passed_by_address);
	tcase_add_test(tc, nobody_objects);
	tcase_add_test(tc, default_port);
	tcase_add_loop_test(tc, server_refused, 0, 2 * ELEMENTS(refusals));
	tcase_add_loop_test(tc, we_are_refused, 0, ELEMENTS(versions));
	tcase_add_test(tc, plain_text);
	tcase_add_test(tc, nonsense_in_tls);
	tcase_add_test(tc, closed_during_tls);
	tcase_add_test(tc, silent_during_tls);
	tcase_add_test(tc, closed_after_tls);
	tcase_add_test(tc, own_identity_unusable);
	tcase_add_test(tc, hostile_names);
	tcase_add_test(tc, steps_in_the_journal);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
