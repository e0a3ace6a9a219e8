/* SPDX-License-Identifier: Apache-2.0 */
/* The edge to the MQTT library, and its TLS side, with bad peers, and with brokers that are not the right ones. */
#include "cloud/mqtt.h"

#include "at/error.h"
#include "fake/client.h"
#include "fake/suite.h"
#include "fake/timer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct client c;

static void setup(void)
{
	client_make(&c);
}

static void teardown(void)
{
	client_done(&c);
}

/* Turns of the loop in which something was done, up to one that waits in vain. */
static unsigned turns(void)
{
	unsigned n = 0;

	while (sd_event_run(c.event, 50000) > 0)
		ck_assert_uint_lt(n++, 1000);
	return n;
}

/* It will not work out, but a quick peer may show that in the first call already. */
static void open_in_vain(int port)
{
	unsigned before = c.closes;
	int r = client_open_port(&c, port);

	ck_assert_int_le(r, 0);
	if (r == 0)
		client_wait_for(&c, &c.closes, before + 1);
	ck_assert_uint_eq(c.connacks, 0);
	ck_assert_uint_lt(turns(), 10);
}

/* --- it never comes to a connection --- */

START_TEST(refused_port)
{
	int fd, port = port_refusing(&fd), r;

	client_make_ssl(&c, c.parties.device, "localhost", client_versions[_i]);
	r = client_open_port(&c, port);
	if (r == 0) {
		client_wait_for(&c, &c.closes, 1);
		ck_assert_int_eq(c.close_error, ECONNREFUSED);
	} else {
		ck_assert_int_eq(r, -ECONNREFUSED);
		client_idle(&c);
		ck_assert_uint_eq(c.closes, 0);
	}
	ck_assert_uint_eq(c.tcps, 0);
	ssl_last_word(c.ssl);
	ck_assert(!ssl_heard(c.ssl));
	(void)close(fd);
}
END_TEST

START_TEST(silent_peer_costs_nothing)
{
	int fd, port = port_silent(&fd);

	client_make_ssl(&c, c.parties.device, "localhost", client_versions[_i]);
	ck_assert_int_eq(client_open_port(&c, port), 0);
	client_wait_for(&c, &c.tcps, 1);
	ck_assert_uint_lt(turns(), 10);
	ck_assert_uint_eq(c.closes, 0);
	ck_assert(!ssl_heard(c.ssl));
	fake_timer_pass(45000); /* deadlines are the owner's */
	ck_assert_uint_lt(turns(), 10);
	ck_assert_uint_eq(c.closes, 0);
	mqtt_close(c.mqtt);
	ck_assert_uint_eq(c.closes, 0);
	(void)close(fd);
}
END_TEST

/* TCP knows no multicast: fails at once, and the reason is told. */
START_TEST(unreachable_address)
{
	client_make_ssl(&c, c.parties.device, "localhost", client_versions[_i]);
	ck_assert_int_eq(client_open_address(&c, "224.0.0.1", 8883), -ENETUNREACH);
	client_idle(&c);
	ck_assert_uint_eq(c.closes + c.tcps, 0);
}
END_TEST

static void talk_plain(int fd, void *userdata)
{
	char bytes[1024];

	(void)userdata;
	if (read(fd, bytes, sizeof(bytes)) > 0 && write(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28) > 0)
		while (read(fd, bytes, sizeof(bytes)) > 0)
			;
}

START_TEST(plain_peer)
{
	peer_start(&c.broker, talk_plain, NULL);
	client_make_ssl(&c, c.parties.device, "localhost", client_versions[_i]);
	open_in_vain(c.broker.port);
	ssl_last_word(c.ssl);
	ck_assert(!ssl_established(c.ssl));
	ck_assert(ssl_heard(c.ssl));
}
END_TEST

static void hang_up(int fd, void *userdata)
{
	char bytes[1024];

	(void)userdata;
	if (read(fd, bytes, sizeof(bytes)) > 0)
		(void)close(fd);
}

START_TEST(peer_that_hangs_up)
{
	peer_start(&c.broker, hang_up, NULL);
	client_make_ssl(&c, c.parties.device, "localhost", client_versions[_i]);
	open_in_vain(c.broker.port);
	ck_assert(!ssl_established(c.ssl));
}
END_TEST

/* The server is not what it should be. */
static void expect_distrust(const struct pki *shown, const char *host, int version, const char *text)
{
	client_start_broker(&c, shown);
	client_make_ssl(&c, c.parties.device, host, version);
	open_in_vain(c.broker.port);
	ssl_last_word(c.ssl);
	ck_assert_ptr_nonnull(ssl_failure(c.ssl));
	ck_assert_str_eq(ssl_failure(c.ssl), text);
}

START_TEST(wrong_name)
{
	expect_distrust(c.server, "elsewhere.example", client_versions[_i],
			"Server certificate is for another name: check Endpoint");
}
END_TEST

START_TEST(untrusted_server)
{
	const struct pki_order order = { .name = "localhost",
					 .issuer = c.parties.other_root,
					 .names = "DNS:localhost" };
	_cleanup_(pki_freep) struct pki *shown = pki_make(&order);

	expect_distrust(shown, "localhost", client_versions[_i], "Server certificate not trusted: check RootCA");
}
END_TEST

START_TEST(expired_server)
{
	const struct pki_order order = {
		.name = "localhost", .issuer = c.parties.root, .names = "DNS:localhost", .expired = true
	};
	_cleanup_(pki_freep) struct pki *shown = pki_make(&order);

	expect_distrust(shown, "localhost", client_versions[_i], "Server certificate expired");
}
END_TEST

/* Under TLS 1.3 the alert races with our CONNECT, so many times. */
START_TEST(our_certificate_refused)
{
	_cleanup_(pki_freep) struct pki *foreign = pki_leaf("device", c.parties.other_root);

	client_start_broker(&c, c.server);
	client_make_ssl(&c, foreign, "localhost", client_versions[_i]);
	for (unsigned i = 0; i < 20; i++) {
		open_in_vain(c.broker.port);
		ssl_last_word(c.ssl);
		ck_assert_ptr_nonnull(ssl_failure(c.ssl));
		ck_assert_str_eq(ssl_failure(c.ssl), "Our certificate was refused: check its registration");
	}
}
END_TEST

START_TEST(login_refused)
{
	const struct broker_options options = {
		.dir = c.parties.dir, .shown = c.server, .trusted = c.parties.vendor->pem, .refuse_login = true
	};

	broker_start(&c.broker, &options);
	client_make_ssl(&c, c.parties.device, "localhost", client_versions[_i]);
	ck_assert_int_eq(client_open_port(&c, c.broker.port), 0);
	while (c.connacks == 0)
		ck_assert_int_gt(sd_event_run(c.event, UINT64_MAX), 0);
	ck_assert_int_eq(c.connack, 5);
	ck_assert_int_eq(mqtt_publish(c.mqtt, "t", "x", 1, 1, c.done), -ENOTCONN);
}
END_TEST

/* --- a server that does as it is told --- */

static void read_packet(SSL *tls)
{
	uint8_t head[2], body[256];
	int n = 0;

	/* Ours are short: one byte of length. */
	while (n < 2) {
		int k = SSL_read(tls, head + n, 2 - n);

		if (k <= 0)
			_exit(1);
		n += k;
	}
	for (n = head[1] & 0x7f; n > 0;) {
		int k = SSL_read(tls, body, n);

		if (k <= 0)
			_exit(1);
		n -= k;
	}
}

static void say(SSL *tls, const void *data, int n)
{
	if (SSL_write(tls, data, n) != n)
		_exit(1);
}

static void refuse_subscription(int fd, void *userdata)
{
	SSL *tls = peer_accept(fd, c.server, c.parties.vendor);

	(void)userdata;
	if (!tls)
		_exit(1);
	read_packet(tls);
	say(tls, "\x20\2\0\0", 4); /* CONNACK */
	read_packet(tls);
	say(tls, "\x90\4\0\1\1\x80", 6); /* SUBACK: the second filter is refused */
	read_packet(tls);
	(void)close(fd);
}

START_TEST(subscription_refused)
{
	const char *filters[] = { "a", "b" };

	peer_start(&c.broker, refuse_subscription, NULL);
	client_make_ssl(&c, c.parties.device, "localhost", client_versions[_i]);
	client_connect(&c);
	ck_assert_int_eq(mqtt_subscribe(c.mqtt, filters, 2, c.done), 0);
	client_wait_for(&c, &c.dones, 1);
	ck_assert_int_eq(c.done_r, AT_ERR_PARAMETER);
	ck_assert_uint_eq(c.closes, 0);

	/* It stays connected, until the peer hangs up. */
	ck_assert_int_eq(mqtt_publish(c.mqtt, "t", "x", 1, 1, c.done), 0);
	client_wait_for(&c, &c.closes, 1);
	ck_assert_uint_eq(c.dones, 2);
	ck_assert_int_eq(c.done_r, -ECONNRESET);
}
END_TEST

static void answer_login(int fd, void *userdata)
{
	SSL *tls = peer_accept(fd, c.server, c.parties.vendor);
	uint8_t packet[] = { 0x20, 2, 0, (uint8_t)(uintptr_t)userdata };

	if (!tls)
		_exit(1);
	read_packet(tls);
	say(tls, packet, sizeof(packet));
	read_packet(tls);
}

START_TEST(every_refusal)
{
	static const int codes[] = { 1, 2, 3, 4, 5, 7 };

	peer_start(&c.broker, answer_login, (void *)(uintptr_t)codes[_i]);
	client_make_ssl(&c, c.parties.device, "localhost", TLS1_3_VERSION);
	ck_assert_int_eq(client_open_port(&c, c.broker.port), 0);
	while (c.connacks == 0)
		ck_assert_int_gt(sd_event_run(c.event, UINT64_MAX), 0);
	ck_assert_int_eq(c.connack, codes[_i]);
}
END_TEST

/* TCP is up when our first part of the handshake has been waiting for it: whatever is not next door. */
START_TEST(far_away)
{
	int listener, port = port_full(&listener);

	client_make_ssl(&c, c.parties.device, "localhost", client_versions[_i]);
	ck_assert_int_eq(client_open_port(&c, port), 0);
	ck_assert_uint_lt(turns(), 10);
	ck_assert_uint_eq(c.tcps + c.closes, 0);
	peer_start_late(&c.broker, listener, answer_login, NULL);
	client_wait_for(&c, &c.connacks, 1);
	ck_assert_int_eq(c.connack, 0);
	ck_assert_uint_eq(c.tcps, 1);
	ck_assert_uint_eq(c.closes, 0);
}
END_TEST

static void close_before_login(int fd, void *userdata)
{
	SSL *tls = peer_accept(fd, c.server, c.parties.vendor);

	(void)userdata;
	if (!tls)
		_exit(1);
	read_packet(tls);
	(void)SSL_shutdown(tls);
}

START_TEST(closed_before_login)
{
	peer_start(&c.broker, close_before_login, NULL);
	client_make_ssl(&c, c.parties.device, "localhost", client_versions[_i]);
	open_in_vain(c.broker.port);
	ssl_last_word(c.ssl);
	ck_assert_ptr_null(ssl_failure(c.ssl));
	ck_assert(ssl_established(c.ssl));
}
END_TEST

static void talk_nonsense(int fd, void *userdata)
{
	SSL *tls = peer_accept(fd, c.server, c.parties.vendor);
	char bytes[64];

	(void)userdata;
	if (!tls)
		_exit(1);
	read_packet(tls);
	say(tls, "\x20\2\0\0", 4);
	memset(bytes, 0xff, sizeof(bytes));
	say(tls, bytes, sizeof(bytes));
	while (SSL_read(tls, bytes, sizeof(bytes)) > 0)
		;
}

START_TEST(nonsense_after_login)
{
	peer_start(&c.broker, talk_nonsense, NULL);
	client_make_ssl(&c, c.parties.device, "localhost", client_versions[_i]);
	ck_assert_int_eq(client_open_port(&c, c.broker.port), 0);
	client_wait_for(&c, &c.closes, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mqtt_peers");
	TCase *tc = tcase_create("mqtt_peers");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, refused_port, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, silent_peer_costs_nothing, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, unreachable_address, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, plain_peer, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, peer_that_hangs_up, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, wrong_name, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, untrusted_server, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, expired_server, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, our_certificate_refused, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, login_refused, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, subscription_refused, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, every_refusal, 0, 6);
	tcase_add_loop_test(tc, far_away, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, closed_before_login, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, nonsense_after_login, 0, CLIENT_VERSIONS);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
