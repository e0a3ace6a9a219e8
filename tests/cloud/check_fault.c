/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/fault.h"

#include "fake/ssl.h"
#include "fake/suite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fault fault;
static struct ssl *ssl;

static void setup(void)
{
	const struct ssl_config config = { .host = "host", .roots_pem = "", .proof_pem = "" };

	ck_assert_int_eq(ssl_new(&ssl, &config), 0);
	memset(&fault, 0xff, sizeof(fault));
}

static void teardown(void)
{
	ssl_free(ssl);
}

static void assert_fault(enum fault_hint hint, const char *detail)
{
	ck_assert_int_eq((int)fault.hint, (int)hint);
	ck_assert_str_eq(fault.detail, detail);
}

START_TEST(details_are_cut)
{
	char text[200];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fault_set(&fault, HINT_JOBS, "%s", text);
	ck_assert_int_eq((int)fault.hint, HINT_JOBS);
	ck_assert_uint_eq(strlen(fault.detail), 64);
	ck_assert(!fault.off_net);
}
END_TEST

START_TEST(endpoints)
{
	fault_of_endpoint(&fault, true);
	assert_fault(HINT_ENDPOINT, "No endpoint: set Endpoint");
	fault_of_endpoint(&fault, false);
	assert_fault(HINT_ENDPOINT, "Not a host name: check Endpoint");
	ck_assert(!fault.off_net);
}
END_TEST

START_TEST(own_faults)
{
	fault_log_identity(&fault, -EKEYREJECTED);
	assert_fault(HINT_TLS, "Own key or certificate unusable: see the module's log");
	fault_log_resolver(&fault, -EMFILE);
	assert_fault(HINT_ENDPOINT, "Resolver could not be started: see the module's log");
	fault_log_resources(&fault, -ENOMEM);
	assert_fault(HINT_ENDPOINT, "Module lacks resources: see its log");
	ck_assert(!fault.off_net);
}
END_TEST

START_TEST(names)
{
	fault_of_name(&fault, -ENOENT);
	assert_fault(HINT_ENDPOINT, "Name not found: check Endpoint");
	ck_assert(!fault.off_net);
	fault_of_name(&fault, -EAGAIN);
	assert_fault(HINT_ENDPOINT, "Name server does not answer: check network");
	ck_assert(fault.off_net);
	fault_of_name(&fault, -ETIME);
	assert_fault(HINT_ENDPOINT, "Name server does not answer: check network");
	ck_assert(fault.off_net);
}
END_TEST

static const struct {
	int error;
	bool off_net;
} tcp[] = {
	{ ECONNREFUSED, false }, { ECONNRESET, false },   { EHOSTUNREACH, true }, { ENETUNREACH, true },
	{ ENETDOWN, true },      { EADDRNOTAVAIL, true }, { ETIMEDOUT, true },
};

START_TEST(connections)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "%s: check Endpoint and network", strerror(tcp[_i].error));
	fault_of_tcp(&fault, tcp[_i].error);
	assert_fault(HINT_ENDPOINT, text);
	ck_assert_int_eq(fault.off_net, tcp[_i].off_net);
}
END_TEST

static const int wants[] = { EMFILE, ENFILE, ENOMEM, ENOBUFS };

START_TEST(lacks_resources)
{
	fault_of_tcp(&fault, wants[_i]);
	assert_fault(HINT_ENDPOINT, "Module lacks resources: see its log");
	ck_assert(!fault.off_net);
}
END_TEST

START_TEST(no_answer)
{
	fault_of_tcp(&fault, 0);
	assert_fault(HINT_ENDPOINT, "No answer from the server: check network");
	ck_assert(fault.off_net);
}
END_TEST

START_TEST(no_network)
{
	fault_of_network(&fault);
	assert_fault(HINT_NETWORK, "No network: no interface is up and has an address");
}
END_TEST

START_TEST(handshakes)
{
	fault_of_tls(&fault, ssl, false);
	assert_fault(HINT_TLS, "Server is silent during TLS: check Endpoint");
	fault_of_tls(&fault, ssl, true);
	assert_fault(HINT_TLS, "Server closed during TLS: check Endpoint and its port");
	fake_ssl()->established = true;
	fault_of_tls(&fault, ssl, false);
	assert_fault(HINT_LOGIN, "Server does not answer the login");
	fault_of_tls(&fault, ssl, true);
	assert_fault(HINT_LOGIN, "Closed before login: check registration and policy");

	/* What TLS itself has seen says more than any of this. */
	fake_ssl()->failure = "Our certificate was refused: check its registration";
	fault_of_tls(&fault, ssl, true);
	assert_fault(HINT_TLS, "Our certificate was refused: check its registration");
	fault_of_tls(&fault, ssl, false);
	assert_fault(HINT_TLS, "Our certificate was refused: check its registration");
}
END_TEST

static const struct {
	int code;
	const char *text;
} logins[] = {
	{ 1, "Server refused the protocol version" },
	{ 2, "Server refused the client id: check ThingName" },
	{ 3, "Server is unavailable" },
	{ 4, "Login refused: check registration and policy" },
	{ 5, "Login refused: check registration and policy" },
	{ 6, "Login refused" },
	{ 7, "Login refused: check registration and policy" },
	{ 8, "Login refused" },
	{ 255, "Login refused" },
	{ -1, "Login refused" },
};

START_TEST(refusals)
{
	fault_of_login(&fault, logins[_i].code);
	assert_fault(HINT_LOGIN, logins[_i].text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fault");
	TCase *tc = tcase_create("fault");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, details_are_cut);
	tcase_add_test(tc, endpoints);
	tcase_add_test(tc, own_faults);
	tcase_add_test(tc, names);
	tcase_add_loop_test(tc, connections, 0, ELEMENTS(tcp));
	tcase_add_loop_test(tc, lacks_resources, 0, ELEMENTS(wants));
	tcase_add_test(tc, no_answer);
	tcase_add_test(tc, no_network);
	tcase_add_test(tc, handshakes);
	tcase_add_loop_test(tc, refusals, 0, ELEMENTS(logins));
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
