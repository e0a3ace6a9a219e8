/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/cork.h"

#include "fake/suite.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SINK  (1024 * 1024)
#define LIMIT (64 * 1024)

/* In place of the socket. */
static struct {
	char data[SINK];
	size_t n, room; /* room: how much more it takes now */
	unsigned writes;
	bool broken;
} sink;

static BIO_METHOD *method;
static SSL_CTX *ctx;
static SSL *ssl;
static struct cork *cork;

static int sink_write(BIO *bio, const char *data, int n)
{
	size_t k = (size_t)n;

	BIO_clear_retry_flags(bio);
	if (sink.broken)
		return -1;
	if (sink.room == 0) {
		BIO_set_retry_write(bio);
		return -1;
	}
	if (k > sink.room)
		k = sink.room;
	ck_assert_uint_le(sink.n + k, SINK);
	memcpy(sink.data + sink.n, data, k);
	sink.n += k;
	sink.room -= k;
	sink.writes++;
	return (int)k;
}

static long sink_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static int sink_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static void connect_ssl(void)
{
	BIO *wbio = BIO_new(method);

	ssl = SSL_new(ctx);
	ck_assert_ptr_nonnull(ssl);
	ck_assert_ptr_nonnull(wbio);
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), wbio);
	ck_assert_int_eq(cork_install(cork, ssl), 0);
}

static void setup(void)
{
	sink.n = sink.writes = 0;
	sink.broken = false;
	sink.room = SINK;
	method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | 0x70, "sink");
	ck_assert_ptr_nonnull(method);
	ck_assert_int_eq(BIO_meth_set_write(method, sink_write), 1);
	ck_assert_int_eq(BIO_meth_set_ctrl(method, sink_ctrl), 1);
	ck_assert_int_eq(BIO_meth_set_create(method, sink_create), 1);
	ctx = SSL_CTX_new(TLS_client_method());
	ck_assert_ptr_nonnull(ctx);
	ck_assert_int_eq(cork_new(&cork), 0);
	connect_ssl();
}

static void teardown(void)
{
	SSL_free(ssl);
	ck_assert_ptr_null(cork_free(cork));
	ck_assert_ptr_null(cork_free(NULL));
	SSL_CTX_free(ctx);
	BIO_meth_free(method);
}

/* As TLS writes its records. */
static int put(const char *text)
{
	return BIO_write(SSL_get_wbio(ssl), text, (int)strlen(text));
}

static void assert_sink(const char *text, unsigned writes)
{
	ck_assert_uint_eq(sink.n, strlen(text));
	ck_assert_mem_eq(sink.data, text, sink.n);
	ck_assert_uint_eq(sink.writes, writes);
}

START_TEST(not_corked)
{
	ck_assert_int_eq(put("one "), 4);
	assert_sink("one ", 1);
	ck_assert_int_eq(put("two "), 4);
	assert_sink("one two ", 2);
	ck_assert(!cork_pending(cork));
}
END_TEST

START_TEST(corked)
{
	cork_set(cork, true);
	ck_assert_int_eq(put("one "), 4);
	ck_assert_int_eq(put("two "), 4);
	(void)BIO_flush(SSL_get_wbio(ssl));
	assert_sink("", 0);
	ck_assert(!cork_pending(cork)); /* it waits for us, not for the socket */
	cork_set(cork, false);
	assert_sink("one two ", 1);
	ck_assert(!cork_pending(cork));
	ck_assert_int_eq(put("three"), 5);
	assert_sink("one two three", 2);
	cork_set(cork, false);
	assert_sink("one two three", 2);
}
END_TEST

/* More than is put aside: all of it arrives, in order. */
START_TEST(much)
{
	char record[4096];

	cork_set(cork, true);
	for (unsigned i = 0; i < 100; i++) {
		memset(record, (char)i, sizeof(record));
		ck_assert_int_eq(BIO_write(SSL_get_wbio(ssl), record, sizeof(record)), sizeof(record));
	}
	ck_assert_uint_ge(sink.n, 100 * sizeof(record) - LIMIT);
	cork_set(cork, false);
	ck_assert_uint_eq(sink.n, 100 * sizeof(record));
	for (unsigned i = 0; i < 100; i++) {
		memset(record, (char)i, sizeof(record));
		ck_assert_mem_eq(sink.data + i * sizeof(record), record, sizeof(record));
	}
	ck_assert_uint_lt(sink.writes, 20);
}
END_TEST

START_TEST(socket_takes_a_part)
{
	cork_set(cork, true);
	ck_assert_int_eq(put("one "), 4);
	ck_assert_int_eq(put("two "), 4);
	sink.room = 5;
	cork_set(cork, false);
	assert_sink("one t", 1);
	ck_assert(cork_pending(cork));

	/* What comes now has to wait. */
	ck_assert_int_lt(put("three"), 0);
	ck_assert(BIO_should_retry(SSL_get_wbio(ssl)));
	ck_assert(BIO_should_write(SSL_get_wbio(ssl)));
	assert_sink("one t", 1);
	sink.room = 2;
	cork_flush(cork);
	ck_assert(cork_pending(cork));
	sink.room = SINK;
	ck_assert_int_eq(put("three"), 5);
	ck_assert(!cork_pending(cork));
	ck_assert_mem_eq(sink.data, "one two three", 13);
	ck_assert_uint_eq(sink.n, 13);
}
END_TEST

START_TEST(socket_takes_nothing)
{
	sink.room = 0;
	ck_assert_int_lt(put("one"), 0);
	ck_assert(BIO_should_retry(SSL_get_wbio(ssl)));
	ck_assert(BIO_should_write(SSL_get_wbio(ssl)));
	ck_assert(!cork_pending(cork)); /* it was not taken */
	sink.room = SINK;
	ck_assert_int_eq(put("one"), 3);
	assert_sink("one", 1);
}
END_TEST

START_TEST(bounded)
{
	char record[4096] = { 0 };
	unsigned taken = 0;

	cork_set(cork, true);
	sink.room = 0;
	while (BIO_write(SSL_get_wbio(ssl), record, sizeof(record)) == (int)sizeof(record))
		ck_assert_uint_le(++taken * sizeof(record), LIMIT);
	ck_assert_uint_eq(taken * sizeof(record), LIMIT);
	ck_assert(BIO_should_retry(SSL_get_wbio(ssl)));
	ck_assert(BIO_should_write(SSL_get_wbio(ssl)));
	sink.room = SINK;
	ck_assert_int_eq(BIO_write(SSL_get_wbio(ssl), record, sizeof(record)), sizeof(record));
	cork_set(cork, false);
	ck_assert_uint_eq(sink.n, LIMIT + sizeof(record));
}
END_TEST

static void tcp_pair(int ends[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(address);

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, size), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(ends[0], (struct sockaddr *)&address, size), 0);
	ends[1] = accept(listener, NULL, NULL);
	ck_assert_int_ge(ends[1], 0);
	ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	(void)close(listener);
}

/* What was taken is answered for, so whatever a peer that does not read leaves of the socket's room, nothing of it may
 * stay behind. */
START_TEST(socket_takes_all_that_was_put_aside)
{
	char record[1000] = { 0 };
	bool taken = true;
	size_t total = 0;
	int ends[2];

	tcp_pair(ends);
	SSL_free(ssl);
	ssl = SSL_new(ctx);
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new_socket(ends[0], BIO_NOCLOSE));
	ck_assert_int_eq(cork_install(cork, ssl), 0);
	while (taken) {
		cork_set(cork, true);
		for (unsigned i = 0; i < 60 && taken; i++) {
			int n = BIO_write(SSL_get_wbio(ssl), record, sizeof(record));

			taken = n > 0;
			total += taken ? (size_t)n : 0;
		}
		cork_set(cork, false);
		ck_assert(!cork_pending(cork));
	}
	ck_assert(BIO_should_retry(SSL_get_wbio(ssl)));
	ck_assert_uint_gt(total, 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
}
END_TEST

START_TEST(broken_connection)
{
	cork_set(cork, true);
	ck_assert_int_eq(put("one"), 3);
	sink.broken = true;
	cork_set(cork, false);
	ck_assert(!cork_pending(cork)); /* nobody waits for ever */
	ck_assert_int_lt(put("two"), 0);
	ck_assert(!BIO_should_retry(SSL_get_wbio(ssl)));
}
END_TEST

START_TEST(next_connection_starts_empty)
{
	cork_set(cork, true);
	ck_assert_int_eq(put("old"), 3);
	SSL_free(ssl);
	assert_sink("", 0);
	cork_flush(cork);
	cork_set(cork, true);
	cork_set(cork, false);
	ck_assert(!cork_pending(cork));
	connect_ssl();
	ck_assert_int_eq(put("new"), 3);
	assert_sink("new", 1);
}
END_TEST

/* The old one goes when the new one is there already. */
START_TEST(connections_overlap)
{
	SSL *old = ssl;

	connect_ssl();
	SSL_free(old);
	cork_set(cork, true);
	ck_assert_int_eq(put("x"), 1);
	assert_sink("", 0);
	cork_set(cork, false);
	assert_sink("x", 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cork");
	TCase *tc = tcase_create("cork");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, not_corked);
	tcase_add_test(tc, corked);
	tcase_add_test(tc, much);
	tcase_add_test(tc, socket_takes_a_part);
	tcase_add_test(tc, socket_takes_nothing);
	tcase_add_test(tc, bounded);
	tcase_add_test(tc, socket_takes_all_that_was_put_aside);
	tcase_add_test(tc, broken_connection);
	tcase_add_test(tc, next_connection_starts_empty);
	tcase_add_test(tc, connections_overlap);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
