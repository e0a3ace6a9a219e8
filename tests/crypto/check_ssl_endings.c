/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/ssl.c with servers that speak an old TLS, none, or nonsense, and what is heard and kept in the end. */
#include "crypto/ssl.h"

#include "fake/descriptors.h"
#include "fake/parties.h"
#include "fake/suite.h"
#include "fake/temp.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct parties us;

/* The server in the same process. */
static SSL_CTX *server_ctx;

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static void server_make(const struct pki *shown, int version)
{
	SSL_CTX_free(server_ctx);
	server_ctx = parties_server(&us, shown, version);
}

static void setup(void)
{
	parties_init(&us);
}

static void teardown(void)
{
	SSL_CTX_free(server_ctx);
	server_ctx = NULL;
	parties_done(&us);
}

START_TEST(old_tls_is_refused)
{
	_cleanup_(pki_freep) struct pki *shown = pki_server(us.root, "server", "DNS:localhost", false);
	_cleanup_(ssl_freep) struct ssl *s = NULL;

	server_make(shown, TLS1_1_VERSION);
	SSL_CTX_set_security_level(server_ctx, 0);
	ck_assert_int_eq(ssl_new(&s, &us.config), 0);
	parties_talk(&us, s, server_ctx);
	ck_assert(!ssl_established(s));
	ck_assert_ptr_nonnull(ssl_failure(s));
	ck_assert_str_eq(ssl_failure(s), "Server does not speak TLS 1.2 or later");
}
END_TEST

/* A server that says these bytes, whatever it hears. */
static void expect_of_bytes(const void *bytes, size_t n, const char *failure)
{
	_cleanup_(ssl_freep) struct ssl *s = NULL;
	SSL *client;

	ck_assert_int_eq(ssl_new(&s, &us.config), 0);
	client = SSL_new(ssl_context(s));
	SSL_set_bio(client, BIO_new_mem_buf(bytes, (int)n), BIO_new(BIO_s_null()));
	SSL_set_connect_state(client);
	ck_assert_int_lt(SSL_do_handshake(client), 1);
	SSL_free(client);
	ERR_clear_error();
	if (failure) {
		ck_assert_ptr_nonnull(ssl_failure(s));
		ck_assert_str_eq(ssl_failure(s), failure);
	} else {
		ck_assert_ptr_null(ssl_failure(s));
	}
}

START_TEST(plain_text)
{
	static const char text[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

	expect_of_bytes(text, strlen(text), "Server does not speak TLS: check Endpoint and its port");
}
END_TEST

#define SERVER_HELLO 47 /* bytes */

static void server_hello(unsigned char ret[SERVER_HELLO], unsigned version, unsigned cipher)
{
	memset(ret, 0, SERVER_HELLO);
	memcpy(ret, "\x16\3\0\0\x2a\2\0\0\x26\3", 10);
	ret[2] = ret[10] = (unsigned char)version;
	ret[44] = (unsigned char)(cipher >> 8);
	ret[45] = (unsigned char)cipher;
}

/* It answers as if we spoke it; then it is we who refuse. */
START_TEST(old_tls_is_refused_by_us)
{
	unsigned char hello[SERVER_HELLO];

	server_hello(hello, (unsigned)_i, 0x2f);
	expect_of_bytes(hello, sizeof(hello), "Server does not speak TLS 1.2 or later");
}
END_TEST

START_TEST(told_in_the_words_of_openssl)
{
	unsigned char hello[SERVER_HELLO];

	server_hello(hello, 3, 0x1234);
	expect_of_bytes(hello, sizeof(hello), "TLS failed: unknown cipher returned");
}
END_TEST

/* Nobody but the server has ended this. */
START_TEST(ends_without_a_reason)
{
	unsigned char hello[SERVER_HELLO];

	server_hello(hello, 3, 0x2f);
	expect_of_bytes(hello, 0, NULL);
	expect_of_bytes(hello, 20, NULL);
}
END_TEST

/* Behind the handshake, where the server may still be about to refuse us. */
START_TEST(damaged_record)
{
	_cleanup_(pki_freep) struct pki *shown = pki_server(us.root, "server", "DNS:localhost", false);
	_cleanup_(ssl_freep) struct ssl *s = NULL;
	char record[5 + 64] = "\x17\3\3\0\x40", byte;
	SSL *client, *server;
	BIO *far;

	server_make(shown, versions[_i]);
	ck_assert_int_eq(ssl_new(&s, &us.config), 0);
	client = SSL_new(ssl_context(s));
	server = SSL_new(server_ctx);
	far = parties_join(client, server);
	parties_turns(client, server);
	ck_assert(ssl_established(s));
	ck_assert_ptr_null(ssl_failure(s));
	ck_assert_int_eq(BIO_write(far, record, sizeof(record)), sizeof(record));
	ck_assert_int_lt(SSL_read(client, &byte, 1), 1);
	ck_assert_ptr_nonnull(ssl_failure(s));
	/* OpenSSL 3.2 and later lay a more general one upon it. */
	if (strcmp(ssl_failure(s), "TLS failed: record layer failure") != 0)
		ck_assert_str_eq(ssl_failure(s), "TLS failed: decryption failed or bad record mac");
	SSL_free(client);
	SSL_free(server);
	ERR_clear_error();
}
END_TEST

/* Over a real socket. The client stops after so many turns, or when it thinks that it is through, and leaves what comes
 * then unread. */
static void talk_hastily(struct ssl *s, unsigned turns)
{
	SSL *client = SSL_new(ssl_context(s)), *server = SSL_new(server_ctx);
	int ends[2];

	ck_assert_ptr_nonnull(client);
	ck_assert_ptr_nonnull(server);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(SSL_set_fd(client, ends[0]), 1);
	ck_assert_int_eq(SSL_set_fd(server, ends[1]), 1);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	for (unsigned i = 0; i < PARTIES_ROUNDS; i++) {
		if (i < turns && !ssl_established(s))
			(void)SSL_do_handshake(client);
		(void)SSL_do_handshake(server);
	}
	SSL_free(server);
	(void)close(ends[1]);
	SSL_free(client);
	(void)close(ends[0]);
	ERR_clear_error();
}

START_TEST(last_word)
{
	_cleanup_(pki_freep) struct pki *shown = pki_server(us.root, "server", "DNS:localhost", false);
	_cleanup_(pki_freep) struct pki *foreign = pki_leaf("device", us.other_root);
	_cleanup_(ssl_freep) struct ssl *s = NULL;

	temp_write(us.dir, "device.key", foreign->key_pem, strlen(foreign->key_pem), 0600);
	us.config.certificate_pem = foreign->pem;
	server_make(shown, versions[_i]);
	ck_assert_int_eq(ssl_new(&s, &us.config), 0);
	talk_hastily(s, 2); /* our certificate is on its way */
	ck_assert_int_eq(ssl_established(s), versions[_i] == TLS1_3_VERSION);
	ck_assert_ptr_null(ssl_failure(s));
	ssl_last_word(s);
	ck_assert(ssl_heard(s));
	ck_assert_ptr_nonnull(ssl_failure(s));
	ck_assert_str_eq(ssl_failure(s), "Our certificate was refused: check its registration");
	ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

START_TEST(no_last_word)
{
	_cleanup_(pki_freep) struct pki *shown = pki_server(us.root, "server", "DNS:localhost", false);
	_cleanup_(ssl_freep) struct ssl *s = NULL;
	SSL *client;
	int ends[2];

	/* Nobody was there. */
	ck_assert_int_eq(ssl_new(&s, &us.config), 0);
	ssl_last_word(s);
	ck_assert(!ssl_heard(s));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	client = SSL_new(ssl_context(s));
	ck_assert_int_eq(SSL_set_fd(client, ends[0]), 1);
	SSL_set_connect_state(client);
	ck_assert_int_lt(SSL_do_handshake(client), 1);
	SSL_free(client);
	(void)close(ends[0]);
	(void)close(ends[1]);
	ssl_last_word(s);
	ck_assert(ssl_heard(s)); /* our first words were taken */
	ck_assert(!ssl_established(s));
	ck_assert_ptr_null(ssl_failure(s));

	/* All went well. */
	ssl_restart(s);
	server_make(shown, versions[_i]);
	talk_hastily(s, PARTIES_ROUNDS);
	ssl_last_word(s);
	ck_assert(ssl_heard(s));
	ck_assert(ssl_established(s));
	ck_assert_ptr_null(ssl_failure(s));
	ssl_restart(s);
	ck_assert(!ssl_heard(s));
}
END_TEST

/* Whichever way an attempt ends, nothing of its socket is kept. */
START_TEST(leaves_no_descriptor)
{
	_cleanup_(pki_freep) struct pki *shown = pki_server(us.root, "server", "DNS:localhost", false);
	unsigned before = descriptors();
	struct ssl *s;

	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(ssl_new(&s, &us.config), 0);
		server_make(shown, versions[_i]);
		talk_hastily(s, PARTIES_ROUNDS);
		ck_assert_uint_gt(descriptors(), before);
		if (i == 1)
			ssl_last_word(s);
		if (i == 2)
			ssl_release(s);
		if (i == 3)
			ssl_restart(s);
		ck_assert(i == 0 || descriptors() == before);
		ssl_free(s);
		ck_assert_uint_eq(descriptors(), before);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ssl_endings");
	TCase *tc = tcase_create("ssl_endings");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, old_tls_is_refused);
	tcase_add_test(tc, plain_text);
	tcase_add_loop_test(tc, old_tls_is_refused_by_us, 1, 3);
	tcase_add_test(tc, told_in_the_words_of_openssl);
	tcase_add_test(tc, ends_without_a_reason);
	tcase_add_loop_test(tc, damaged_record, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, last_word, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, no_last_word, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, leaves_no_descriptor, 0, ELEMENTS(versions));
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
