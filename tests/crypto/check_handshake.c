/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/handshake.h"

#include "fake/descriptors.h"
#include "fake/parties.h"
#include "fake/suite.h"
#include "fake/temp.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS 20

static struct parties us;
static struct ssl *s;
static int ends[2]; /* ours, the server's */

/* The server in the same process. */
static SSL_CTX *server_ctx;
static SSL *server;

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static void setup(void)
{
	parties_init(&us);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
}

static void server_close(void)
{
	SSL_free(server);
	server = NULL;
	if (ends[1] >= 0)
		(void)close(ends[1]);
	ends[1] = -1;
}

static void teardown(void)
{
	server_close();
	(void)close(ends[0]);
	s = ssl_free(s);
	SSL_CTX_free(server_ctx);
	server_ctx = NULL;
	parties_done(&us);
}

static void server_make(const struct pki *shown, int version)
{
	server_ctx = parties_server(&us, shown, version);
}

/* One turn of the server, if it is one. */
static void server_turn(void)
{
	char byte;

	if (!server)
		return;
	if (SSL_do_handshake(server) == 1)
		(void)SSL_read(server, &byte, 1);
	ERR_clear_error();
}

static struct handshake *begin(void)
{
	struct handshake *h;

	ck_assert_int_eq(ssl_new(&s, &us.config), 0);
	ck_assert_int_eq(handshake_new(&h, s, ends[0]), 0);
	if (server_ctx) {
		server = SSL_new(server_ctx);
		ck_assert_ptr_nonnull(server);
		ck_assert_int_eq(SSL_set_fd(server, ends[1]), 1);
		SSL_set_accept_state(server);
	}
	return h;
}

/* Both sides take turns until ours has an end, or nothing can come any more. */
static int turns(struct handshake *h, int (*fn)(struct handshake *h))
{
	int r = -EAGAIN;

	for (unsigned i = 0; i < ROUNDS && r == -EAGAIN; i++) {
		r = fn(h);
		ck_assert_uint_eq(ERR_peek_error(), 0);
		server_turn();
	}
	return r;
}

static void assert_shown(const struct handshake *h, const char *subject, const char *issuer)
{
	struct handshake_view view;

	handshake_describe(h, &view);
	ck_assert_uint_eq(view.shown, 1);
	ck_assert_uint_eq(view.count, 1);
	ck_assert_str_eq(view.certificates[0].subject, subject);
	ck_assert_str_eq(view.certificates[0].issuer, issuer);
}

START_TEST(passed)
{
	_cleanup_(pki_freep) struct pki *shown = pki_server(us.root, "server", "DNS:localhost", false);
	_cleanup_(handshake_freep) struct handshake *h = NULL;
	struct handshake_view view;
	bool modern = versions[_i] == TLS1_3_VERSION;
	char date[11];

	server_make(shown, versions[_i]);
	h = begin();
	handshake_describe(h, &view);
	ck_assert_uint_eq(view.shown, 0);
	ck_assert_int_eq(handshake_confirm(h), -EAGAIN);
	ck_assert_int_eq(turns(h, handshake_step), 0);
	ck_assert(ssl_established(s));
	ck_assert_int_eq(handshake_step(h), 0);
	ck_assert_int_eq(turns(h, handshake_confirm), 0);
	ck_assert_ptr_null(ssl_failure(s));
	handshake_describe(h, &view);
	ck_assert_str_eq(ssl_suite(s),
			 modern ? "TLSv1.3 TLS_AES_256_GCM_SHA384" : "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384");
	ck_assert_str_eq(view.alpn, "");
	assert_shown(h, "server", "Server CA");

	/* pki.c gives them 4000 days from yesterday. */
	(void)snprintf(date, sizeof(date), "%s", view.certificates[0].not_before);
	ck_assert_uint_eq(strlen(date), 10);
	ck_assert_uint_eq(strspn(date, "0123456789-"), 10);
	ck_assert_int_lt(strcmp(date, view.certificates[0].not_after), 0);
	ck_assert_int_eq(strncmp(date, "20", 2), 0);

	/* A server is told that this was all. */
	h = handshake_free(h);
	server_turn();
	ck_assert_int_eq(SSL_get_shutdown(server) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
}
END_TEST

/* Nobody says anything behind a handshake of TLS 1.3. */
START_TEST(never_confirmed)
{
	_cleanup_(pki_freep) struct pki *shown = pki_server(us.root, "server", "DNS:localhost", false);
	_cleanup_(handshake_freep) struct handshake *h = NULL;

	server_make(shown, TLS1_3_VERSION);
	ck_assert_int_eq(SSL_CTX_set_num_tickets(server_ctx, 0), 1);
	h = begin();
	ck_assert_int_eq(turns(h, handshake_step), 0);
	ck_assert_int_eq(turns(h, handshake_confirm), -EAGAIN);
	ck_assert(!handshake_wants_write(h));
	ck_assert(ssl_established(s));

	/* New keys and data say nothing about our certificate, and however many come, one call reads one. The end
	 * behind them is seen. */
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(SSL_key_update(server, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		ck_assert_int_eq(SSL_do_handshake(server), 1);
	}
	ck_assert_int_eq(handshake_confirm(h), -EAGAIN);
	ck_assert_int_gt(recv(ends[0], (char[64]){ 0 }, 64, MSG_PEEK), 0);
	ck_assert_int_eq(SSL_write(server, (char[6000]){ 0 }, 6000), 6000);
	ck_assert_int_eq(turns(h, handshake_confirm), -EAGAIN);
	(void)SSL_shutdown(server);
	server_close();
	ck_assert_int_eq(turns(h, handshake_confirm), -ECONNRESET);
	ck_assert_int_eq(handshake_confirm(h), -ECONNRESET);
	ck_assert_int_eq(handshake_step(h), -ECONNRESET);
	ck_assert_ptr_null(ssl_failure(s));
}
END_TEST

static const struct {
	const char *names, *failure;
	bool trusted, expired;
} refusals[] = {
	{ "DNS:localhost", "Server certificate not trusted: check RootCA", false, false },
	{ "DNS:other.example", "Server certificate is for another name: check Endpoint", true, false },
	{ "DNS:localhost", "Server certificate expired", true, true },
};

/* What was shown is told all the same. */
static void expect_refusal(int version, int i)
{
	_cleanup_(pki_freep) struct pki *shown = pki_server(refusals[i].trusted ? us.root : us.other_root, "server",
							    refusals[i].names, refusals[i].expired);
	_cleanup_(handshake_freep) struct handshake *h = NULL;

	server_make(shown, version);
	h = begin();
	ck_assert_int_eq(turns(h, handshake_step), -EPROTO);
	ck_assert_int_eq(handshake_step(h), -EPROTO);
	ck_assert_int_eq(handshake_confirm(h), -EPROTO);
	ck_assert_ptr_nonnull(ssl_failure(s));
	ck_assert_str_eq(ssl_failure(s), refusals[i].failure);
	ck_assert(!ssl_established(s));
	assert_shown(h, "server", refusals[i].trusted ? "Server CA" : "Other CA");
}

START_TEST(server_refused)
{
	expect_refusal(versions[_i % 2], _i / 2);
}
END_TEST

START_TEST(we_are_refused)
{
	_cleanup_(pki_freep) struct pki *shown = pki_server(us.root, "server", "DNS:localhost", false);
	_cleanup_(pki_freep) struct pki *foreign = pki_leaf("device", us.other_root);
	_cleanup_(handshake_freep) struct handshake *h = NULL;
	bool modern = versions[_i] == TLS1_3_VERSION;

	temp_write(us.dir, "device.key", foreign->key_pem, strlen(foreign->key_pem), 0600);
	us.config.certificate_pem = foreign->pem;
	server_make(shown, versions[_i]);
	h = begin();

	/* Under TLS 1.3 the server says so when we are through. */
	ck_assert_int_eq(turns(h, handshake_step), modern ? 0 : -EPROTO);
	server_close();
	ck_assert_int_eq(turns(h, handshake_confirm), -EPROTO);
	ck_assert_int_eq(handshake_confirm(h), -EPROTO);
	ck_assert_ptr_nonnull(ssl_failure(s));
	ck_assert_str_eq(ssl_failure(s), "Our certificate was refused: check its registration");
	assert_shown(h, "server", "Server CA");
}
END_TEST

START_TEST(plain_text)
{
	_cleanup_(handshake_freep) struct handshake *h = begin();
	static const char text[] = "220 mail.example ESMTP ready\r\n";
	struct handshake_view view;

	ck_assert_int_eq(handshake_step(h), -EAGAIN);
	ck_assert_int_eq(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(handshake_step(h), -EPROTO);
	ck_assert_ptr_nonnull(ssl_failure(s));
	ck_assert_str_eq(ssl_failure(s), "Server does not speak TLS: check Endpoint and its port");
	handshake_describe(h, &view);
	ck_assert_uint_eq(view.shown, 0);
	ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

START_TEST(silence_and_end)
{
	_cleanup_(handshake_freep) struct handshake *h = begin();

	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(handshake_step(h), -EAGAIN);
		ck_assert(!handshake_wants_write(h));
	}
	server_close();
	ck_assert_int_eq(handshake_step(h), -ECONNRESET);
	ck_assert_int_eq(handshake_step(h), -ECONNRESET);
	ck_assert_ptr_null(ssl_failure(s));
	ck_assert(!ssl_established(s));
}
END_TEST

/* Without a reset, too. */
START_TEST(heard_and_closed)
{
	_cleanup_(handshake_freep) struct handshake *h = begin();
	char bytes[4096];

	ck_assert_int_eq(handshake_step(h), -EAGAIN);
	ck_assert_int_gt(read(ends[1], bytes, sizeof(bytes)), 0);
	server_close();
	ck_assert_int_eq(handshake_step(h), -ECONNRESET);
	ck_assert_ptr_null(ssl_failure(s));
}
END_TEST

START_TEST(closed_at_once)
{
	_cleanup_(handshake_freep) struct handshake *h = begin();

	server_close();
	ck_assert_int_eq(handshake_step(h), -ECONNRESET);
}
END_TEST

START_TEST(no_room_to_write)
{
	_cleanup_(handshake_freep) struct handshake *h = begin();
	char bytes[4096] = { 0 };

	while (write(ends[0], bytes, sizeof(bytes)) > 0)
		;
	ck_assert_int_eq(handshake_step(h), -EAGAIN);
	ck_assert(handshake_wants_write(h));
	while (read(ends[1], bytes, sizeof(bytes)) > 0)
		;
	ck_assert_int_eq(handshake_step(h), -EAGAIN);
	ck_assert(!handshake_wants_write(h));
	ck_assert_int_gt(read(ends[1], bytes, sizeof(bytes)), 0);
}
END_TEST

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in, unsigned in_n,
		   void *userdata)
{
	(void)ssl;
	(void)userdata;
	ck_assert_uint_gt(in_n, 1);
	*out = in + 1;
	*out_n = in[0];
	return SSL_TLSEXT_ERR_OK;
}

START_TEST(alpn)
{
	_cleanup_(pki_freep) struct pki *shown = pki_server(us.root, "server", "DNS:localhost", false);
	_cleanup_(handshake_freep) struct handshake *h = NULL;
	struct handshake_view view;

	us.config.alpn = _i == 0 ? "x-amzn-mqtt-ca" : "a\x1b 0123456789012345678901234567890123456789";
	server_make(shown, TLS1_3_VERSION);
	SSL_CTX_set_alpn_select_cb(server_ctx, on_alpn, NULL);
	h = begin();
	ck_assert_int_eq(turns(h, handshake_step), 0);
	handshake_describe(h, &view);
	ck_assert_str_eq(view.alpn, _i == 0 ? "x-amzn-mqtt-ca" : "a??01234567890123456789012345678");
}
END_TEST

/* More certificates than anybody needs, with names that nobody should print. */
START_TEST(hostile_chain)
{
	_cleanup_(pki_freep) struct pki *shown =
		pki_server(us.other_root, "evil\r\nOK \x1b[2J\x07", "DNS:localhost", false);
	_cleanup_(pki_freep) struct pki *lengthy = pki_ca("0123456789012345678901234567890123456789\xc3\xbc\xc3\xbc");
	_cleanup_(pki_freep) struct pki *nameless = pki_ca(NULL);
	_cleanup_(handshake_freep) struct handshake *h = NULL;
	struct handshake_view view;

	server_make(shown, versions[_i]);
	for (unsigned i = 0; i < 9; i++)
		ck_assert_int_eq(SSL_CTX_add1_chain_cert(server_ctx, i == 0 ? lengthy->cert : nameless->cert), 1);
	h = begin();
	ck_assert_int_eq(turns(h, handshake_step), -EPROTO);
	ck_assert_str_eq(ssl_failure(s), "Server certificate not trusted: check RootCA");
	handshake_describe(h, &view);
	ck_assert_uint_eq(view.shown, 10);
	ck_assert_uint_eq(view.count, HANDSHAKE_MAX_CERTIFICATES);
	ck_assert_str_eq(view.certificates[0].subject, "evil??OK ?[2J?");
	ck_assert_str_eq(view.certificates[0].issuer, "Other CA");
	ck_assert_str_eq(view.certificates[1].subject, "0123456789012345678901234567890123456789\xc3\xbc");
	ck_assert_str_eq(view.certificates[2].subject, "O=nobody");
	ck_assert_str_eq(view.certificates[HANDSHAKE_MAX_CERTIFICATES - 1].issuer, "O=nobody");
}
END_TEST

/* Stopped at any moment it leaves the socket open and nothing else; s serves the next connection. */
START_TEST(stopped)
{
	_cleanup_(pki_freep) struct pki *shown = pki_server(us.root, "server", "DNS:localhost", false);
	unsigned before = descriptors();
	struct handshake *h;

	server_make(shown, TLS1_3_VERSION);
	ck_assert_ptr_null(handshake_free(NULL));
	for (unsigned steps = 0; steps < 4; steps++) {
		h = begin();
		for (unsigned i = 0; i < steps; i++) {
			(void)!handshake_step(h);
			server_turn();
		}
		ck_assert_ptr_null(handshake_free(h));
		ck_assert_uint_eq(descriptors(), before);
		ssl_restart(s);
		s = ssl_free(s);
		server_close();
		(void)close(ends[0]);
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("handshake");
	TCase *tc = tcase_create("handshake");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, passed, 0, ELEMENTS(versions));
	tcase_add_test(tc, never_confirmed);
	tcase_add_loop_test(tc, server_refused, 0, 2 * ELEMENTS(refusals));
	tcase_add_loop_test(tc, we_are_refused, 0, ELEMENTS(versions));
	tcase_add_test(tc, plain_text);
	tcase_add_test(tc, silence_and_end);
	tcase_add_test(tc, heard_and_closed);
	tcase_add_test(tc, closed_at_once);
	tcase_add_test(tc, no_room_to_write);
	tcase_add_loop_test(tc, alpn, 0, 2);
	tcase_add_loop_test(tc, hostile_chain, 0, ELEMENTS(versions));
	tcase_add_test(tc, stopped);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
