/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/cork.h"

#include "fake/pki.h"
#include "fake/suite.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* A client that writes, and the server that reads, over a socket pair. */
static int ends[2];
static SSL_CTX *client_ctx, *server_ctx;
static SSL *client, *server;
static struct cork *cork;

static void setup(void)
{
	struct pki *p = pki_ca("Server");

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	server_ctx = SSL_CTX_new(TLS_server_method());
	client_ctx = SSL_CTX_new(TLS_client_method());
	ck_assert_int_eq(SSL_CTX_use_certificate(server_ctx, p->cert), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(server_ctx, p->key), 1);
	(void)SSL_CTX_set_num_tickets(server_ctx, 0);
	(void)SSL_CTX_set_mode(client_ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	client = SSL_new(client_ctx);
	server = SSL_new(server_ctx);
	ck_assert_int_eq(SSL_set_fd(client, ends[0]), 1);
	ck_assert_int_eq(SSL_set_fd(server, ends[1]), 1);
	while (SSL_connect(client) != 1)
		(void)SSL_accept(server);
	while (SSL_accept(server) != 1)
		;
	ck_assert_int_eq(cork_new(&cork), 0);
	ck_assert_int_eq(cork_install(cork, client), 0);
	pki_free(p);
}

static void teardown(void)
{
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(client_ctx);
	SSL_CTX_free(server_ctx);
	cork = cork_free(cork);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* Bytes that have arrived at the server's socket. */
static int arrived(void)
{
	int n = 0;

	ck_assert_int_eq(ioctl(ends[1], FIONREAD, &n), 0);
	return n;
}

static size_t server_read(char *into, size_t size)
{
	size_t n, all = 0;

	while (all < size && SSL_read_ex(server, into + all, size - all, &n) == 1)
		all += n;
	return all;
}

static void say(const char *text)
{
	ck_assert_int_eq(SSL_write(client, text, (int)strlen(text)), (int)strlen(text));
}

START_TEST(lets_through_when_open)
{
	char text[16] = "";

	say("hello");
	ck_assert_int_gt(arrived(), 0);
	ck_assert_uint_eq(server_read(text, sizeof(text)), 5);
	ck_assert_str_eq(text, "hello");
	ck_assert(!cork_pending(cork));
}
END_TEST

START_TEST(keeps_back_and_keeps_order)
{
	char text[16] = "";

	cork_set(cork, true);
	say("a");
	say("b");
	say("c");
	ck_assert_int_eq(arrived(), 0);
	ck_assert(!cork_pending(cork)); /* not late: kept on purpose */
	cork_set(cork, false);
	ck_assert_int_gt(arrived(), 0);
	say("d");
	ck_assert_uint_eq(server_read(text, sizeof(text)), 4);
	ck_assert_str_eq(text, "abcd");
}
END_TEST

/* The peer does not read: what is put aside is bounded, and nothing of it is lost or changed. */
START_TEST(bounded_and_complete)
{
	static char block[1000], back[2000 * sizeof(block)];
	size_t blocks = 0, all = 0;

	cork_set(cork, true);
	for (;; blocks++) {
		ck_assert_uint_lt(blocks, 2000);
		memset(block, 'a' + (int)(blocks % 26), sizeof(block));
		if (SSL_write(client, block, sizeof(block)) != (int)sizeof(block))
			break;
	}
	ck_assert_int_eq(SSL_get_error(client, -1), SSL_ERROR_WANT_WRITE);
	ck_assert_uint_gt(blocks, 60);
	cork_set(cork, false);
	ck_assert(cork_pending(cork));
	while (cork_pending(cork)) {
		all += server_read(back + all, sizeof(back) - all);
		cork_flush(cork);
	}
	/* The one that did not fit is asked for again, as the library does. */
	ck_assert_int_eq(SSL_write(client, block, sizeof(block)), (int)sizeof(block));
	all += server_read(back + all, sizeof(back) - all);
	ck_assert_uint_eq(all, (blocks + 1) * sizeof(block));
	for (size_t i = 0; i < all; i++)
		ck_assert_int_eq(back[i], 'a' + (int)(i / sizeof(block) % 26));
}
END_TEST

START_TEST(a_broken_connection_ends_it)
{
	cork_set(cork, true);
	say("lost");
	(void)close(ends[1]);
	ends[1] = -1;
	cork_set(cork, false);
	ck_assert(!cork_pending(cork));
}
END_TEST

START_TEST(outlives_its_connection)
{
	cork_set(cork, true);
	say("a");
	SSL_free(client);
	client = NULL;
	cork_set(cork, false);
	cork_flush(cork);
	ck_assert(!cork_pending(cork));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cork");
	TCase *tc = tcase_create("cork");

	(void)signal(SIGPIPE, SIG_IGN);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, lets_through_when_open);
	tcase_add_test(tc, keeps_back_and_keeps_order);
	tcase_add_test(tc, bounded_and_complete);
	tcase_add_test(tc, a_broken_connection_ends_it);
	tcase_add_test(tc, outlives_its_connection);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
