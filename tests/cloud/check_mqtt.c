/* SPDX-License-Identifier: Apache-2.0 */
/* The edge to the MQTT library, and its TLS side, with a real broker and with bad peers. Time stands still. */

#include "cloud/mqtt.h"

#include "at/error.h"
#include "cloud/broker.h"
#include "crypto/ssl.h"
#include "fake/pki.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "fake/timer.h"
#include "util/macro.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LARGE (128 * 1024)

static char *dir;
static struct pki *root, *other_root, *vendor, *device, *server;
static sd_event *event;
static struct mqtt *mqtt;
static struct ssl *ssl;
static struct broker broker;

/* What was told. */
static unsigned tcps, connacks, closes, messages, dones;
static int connack, close_error, done_r;
static char topics[1024]; /* of the messages, one behind the other */
static char last[LARGE + 1];
static size_t last_n;
static bool reopen_within;

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static void on_tcp(void *userdata)
{
	ck_assert_ptr_eq(userdata, &mqtt);
	tcps++;
}

static void on_connack(void *userdata, int code)
{
	ck_assert_ptr_eq(userdata, &mqtt);
	connacks++;
	connack = code;
}

static void on_closed(void *userdata, int error)
{
	ck_assert_ptr_eq(userdata, &mqtt);
	closes++;
	close_error = error;
}

static void on_message(void *userdata, const char *topic, const void *payload, size_t n)
{
	size_t used = strlen(topics);

	ck_assert_ptr_eq(userdata, &mqtt);
	ck_assert_uint_le(n, LARGE);
	messages++;
	(void)snprintf(topics + used, sizeof(topics) - used, "%s ", topic);
	last_n = n;
	if (n > 0)
		memcpy(last, payload, n);
}

static void setup(void)
{
	const struct mqtt_events events = { .on_tcp = on_tcp,
					    .on_connack = on_connack,
					    .on_closed = on_closed,
					    .on_message = on_message,
					    .userdata = &mqtt };
	const struct pki_order order = { .name = "localhost", .issuer = NULL, .names = "DNS:localhost,IP:127.0.0.1" };
	struct pki_order shown = order;

	(void)signal(SIGPIPE, SIG_IGN); /* as main() does */
	dir = temp_dir();
	root = pki_ca("Server CA");
	other_root = pki_ca("Other CA");
	vendor = pki_ca("Vendor CA");
	device = pki_leaf("device", vendor);
	shown.issuer = root;
	server = pki_make(&shown);
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(mqtt_new(&mqtt, event, &events), 0);
}

static void teardown(void)
{
	mqtt_close(mqtt);
	ssl_free(ssl); /* may still hold the connection, and that something of mqtt's */
	mqtt_free(mqtt);
	broker_kill(&broker);
	sd_event_unref(event);
	pki_free(server);
	pki_free(device);
	pki_free(vendor);
	pki_free(other_root);
	pki_free(root);
	temp_remove(dir);
	ssl = NULL;
	tcps = connacks = closes = messages = dones = 0;
	topics[0] = '\0';
	reopen_within = false;
}

static void wait_for(const unsigned *counter, unsigned value)
{
	while (*counter < value)
		ck_assert_int_gt(sd_event_run(event, UINT64_MAX), 0);
	ck_assert_uint_eq(*counter, value);
}

static void idle(void)
{
	while (sd_event_run(event, 0) > 0)
		;
}

/* Turns of the loop in which something was done, up to one that waits in vain. */
static unsigned turns(void)
{
	unsigned n = 0;

	while (sd_event_run(event, 50000) > 0)
		ck_assert_uint_lt(n++, 1000);
	return n;
}

static void make_ssl(const struct pki *identity, const char *host, int version)
{
	struct ssl_config config = { .host = host,
				     .roots_pem = root->pem,
				     .proof_pem = root->pem,
				     .proof_n = strlen(root->pem),
				     .certificate_pem = identity->pem };

	temp_write(dir, "device.key", identity->key_pem, strlen(identity->key_pem), 0600);
	config.key_uri = temp_path(dir, "device.key");
	ssl_free(ssl);
	ck_assert_int_eq(ssl_new(&ssl, &config), 0);
	ck_assert_int_eq(SSL_CTX_set_max_proto_version(ssl_context(ssl), version), 1);
}

static int open_address(const char *address, int port)
{
	const struct mqtt_target target = {
		.address = address, .port = port, .client_id = "thing", .keep_alive = 60, .ssl_ctx = ssl_context(ssl)
	};

	ssl_restart(ssl);
	return mqtt_open(mqtt, &target);
}

static int open_port(int port)
{
	return open_address("127.0.0.1", port);
}

/* It will not work out, but a quick peer may show that in the first call already. */
static void open_in_vain(int port)
{
	unsigned before = closes;
	int r = open_port(port);

	ck_assert_int_le(r, 0);
	if (r == 0)
		wait_for(&closes, before + 1);
	ck_assert_uint_eq(connacks, 0);
	ck_assert_uint_lt(turns(), 10);
}

static void start_broker(const struct pki *shown)
{
	const struct broker_options options = { .dir = dir, .shown = shown, .trusted = vendor->pem };

	broker_start(&broker, &options);
}

static void connect_now(void)
{
	unsigned before = connacks;

	ck_assert_int_eq(open_port(broker.port), 0);
	wait_for(&connacks, before + 1);
	ck_assert_int_eq(connack, 0);
	ck_assert(ssl_established(ssl));
	ck_assert_uint_eq(closes, 0);
	ssl_release(ssl);
}

/* Connected to a broker under this version of TLS. */
static void start(int version)
{
	start_broker(server);
	make_ssl(device, "localhost", version);
	connect_now();
	ck_assert_uint_eq(tcps, 1);
}

static void on_done(void *who, uint64_t number, int r)
{
	ck_assert_ptr_eq(who, &dones);
	ck_assert_uint_eq(number, 42);
	dones++;
	done_r = r;
}

static const struct done done = { .fn = on_done, .who = &dones, .number = 42 };

static void subscribe(const char *filter)
{
	unsigned before = dones;

	ck_assert_int_eq(mqtt_subscribe(mqtt, &filter, 1, done), 0);
	wait_for(&dones, before + 1);
	ck_assert_int_eq(done_r, 0);
}

static void publish(const char *topic, const void *payload, size_t n, int qos)
{
	unsigned before = dones;

	ck_assert_int_eq(mqtt_publish(mqtt, topic, payload, n, qos, done), 0);
	wait_for(&dones, before + 1);
	ck_assert_int_eq(done_r, 0);
}

/* --- a good connection --- */

START_TEST(connects)
{
	start(versions[_i]);
	broker_await(&broker, " (p2, c1, k45"); /* MQTT 3.1.1, clean session, three quarters of 60 s */
	mqtt_close(mqtt);
	broker_await(&broker, "Received DISCONNECT from thing");
	idle();
	ck_assert_uint_eq(closes, 0);
}
END_TEST

START_TEST(publishes_and_receives)
{
	static const char payload[] = "a\0b\r\n\xff";

	start(versions[_i]);
	subscribe("some/#");
	for (int qos = 0; qos < 2; qos++) {
		publish("some/topic", payload, sizeof(payload), qos);
		wait_for(&messages, (unsigned)qos + 1);
		ck_assert_uint_eq(last_n, sizeof(payload));
		ck_assert_mem_eq(last, payload, sizeof(payload));
	}
	publish("some", NULL, 0, 0);
	wait_for(&messages, 3);
	ck_assert_uint_eq(last_n, 0);
	ck_assert_str_eq(topics, "some/topic some/topic some ");
}
END_TEST

START_TEST(several_filters)
{
	const char *filters[] = { "a/+", "b", "$aws/things/thing/jobs/notify" };

	start(versions[_i]);
	ck_assert_int_eq(mqtt_subscribe(mqtt, filters, 3, done), 0);
	wait_for(&dones, 1);
	publish("b", "x", 1, 1);
	publish("$aws/things/thing/jobs/notify", "x", 1, 1);
	publish("a/1", "x", 1, 1);
	wait_for(&messages, 3);
	ck_assert_str_eq(topics, "b $aws/things/thing/jobs/notify a/1 ");
}
END_TEST

START_TEST(unsubscribes)
{
	start(versions[_i]);
	subscribe("a");
	subscribe("b");
	ck_assert_int_eq(mqtt_unsubscribe(mqtt, "a", done), 0);
	wait_for(&dones, 3);
	ck_assert_int_eq(done_r, 0);
	publish("a", "x", 1, 1);
	publish("b", "x", 1, 1);
	wait_for(&messages, 1);
	ck_assert_str_eq(topics, "b ");
}
END_TEST

START_TEST(large_messages)
{
	static char payload[LARGE];

	start(versions[_i]);
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (char)(i * 31);
	subscribe("t");
	for (unsigned i = 0; i < 4; i++) {
		publish("t", payload, sizeof(payload), (int)(i % 2));
		wait_for(&messages, i + 1);
		ck_assert_uint_eq(last_n, sizeof(payload));
		ck_assert_mem_eq(last, payload, sizeof(payload));
	}
}
END_TEST

/* What several commands of one turn send goes out in one piece, in order. */
START_TEST(corked)
{
	start(versions[_i]);
	subscribe("#");
	mqtt_cork(mqtt, true);
	for (unsigned i = 0; i < 5; i++) {
		char topic[8];

		(void)snprintf(topic, sizeof(topic), "t%u", i);
		ck_assert_int_eq(mqtt_publish(mqtt, topic, "x", 1, 0, done), 0);
	}
	ck_assert_int_eq(mqtt_publish(mqtt, "t5", "x", 1, 1, done), 0);
	mqtt_cork(mqtt, false);
	wait_for(&messages, 6);
	ck_assert_str_eq(topics, "t0 t1 t2 t3 t4 t5 ");
	while (dones < 7)
		ck_assert_int_gt(sd_event_run(event, UINT64_MAX), 0);
	mqtt_cork(mqtt, true);
	mqtt_close(mqtt);
	broker_await(&broker, "Received DISCONNECT from thing");
	mqtt_cork(mqtt, false);
}
END_TEST

/* A broker that does not read stops only what does not fit. */
START_TEST(slow_broker)
{
	static char payload[LARGE];
	unsigned sent = 0;

	start(versions[_i]);
	ck_assert_int_eq(kill(broker.pid, SIGSTOP), 0);
	while (dones == sent && sent < 500)
		ck_assert_int_eq((sent++, mqtt_publish(mqtt, "t", payload, sizeof(payload), 0, done)), 0);
	ck_assert_uint_lt(sent, 500);
	ck_assert_uint_eq(dones, sent - 1);
	idle();
	ck_assert_int_eq(kill(broker.pid, SIGCONT), 0);
	wait_for(&dones, sent);
	ck_assert_int_eq(done_r, 0);
	publish("u", "x", 1, 1);
}
END_TEST

static unsigned descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(again_and_again)
{
	unsigned before;

	start(versions[_i]);
	mqtt_close(mqtt);
	ssl_restart(ssl);
	before = descriptors();
	for (unsigned i = 0; i < 10; i++) {
		connect_now();
		publish("t", "x", 1, 1);
		if (i % 2)
			mqtt_close(mqtt);
		/* else the next mqtt_open() closes it */
	}
	mqtt_close(mqtt);
	ssl_restart(ssl);
	ck_assert_uint_eq(descriptors(), before);
	ck_assert_uint_eq(closes, 0);
}
END_TEST

/* --- the connection ends --- */

START_TEST(broker_dies)
{
	start(versions[_i]);
	broker_kill(&broker);
	wait_for(&closes, 1);
	idle();
	ck_assert_uint_eq(closes, 1);
	ck_assert_int_eq(mqtt_publish(mqtt, "t", "x", 1, 1, done), -ENOTCONN);
	ck_assert_int_eq(mqtt_unsubscribe(mqtt, "t", done), -ENOTCONN);
	ck_assert_uint_eq(dones, 0);
}
END_TEST

static void on_done_after_close(void *who, uint64_t number, int r)
{
	(void)who;
	(void)number;
	ck_assert_int_eq(r, -ECONNRESET);
	ck_assert_uint_eq(closes, 1); /* the owner knows first */
	dones++;
	if (reopen_within)
		ck_assert_int_eq(open_port(broker.port), 0);
}

START_TEST(broker_dies_during_operations)
{
	const struct done after = { .fn = on_done_after_close };
	const char *filter = "a";

	start(versions[_i]);
	ck_assert_int_eq(kill(broker.pid, SIGSTOP), 0);
	ck_assert_int_eq(mqtt_publish(mqtt, "t", "x", 1, 1, after), 0);
	ck_assert_int_eq(mqtt_subscribe(mqtt, &filter, 1, after), 0);
	ck_assert_int_eq(mqtt_unsubscribe(mqtt, "a", after), 0);
	idle();
	ck_assert_uint_eq(dones, 0);
	broker_kill(&broker);
	wait_for(&dones, 3);
	ck_assert_uint_eq(closes, 1);
}
END_TEST

/* The next command runs inside the completion of the one that failed. */
START_TEST(opened_from_within_the_end)
{
	const struct done after = { .fn = on_done_after_close };
	int port;

	start(versions[_i]);
	ck_assert_int_eq(kill(broker.pid, SIGSTOP), 0);
	ck_assert_int_eq(mqtt_publish(mqtt, "t", "x", 1, 1, after), 0);
	idle();
	port = broker.port;
	broker_kill(&broker);
	start_broker(server);
	ck_assert_int_ne(port, broker.port);
	reopen_within = true;
	wait_for(&dones, 1);
	wait_for(&connacks, 2);
	ck_assert_int_eq(connack, 0);
	ck_assert_uint_eq(closes, 1);
	publish("t", "x", 1, 1);
}
END_TEST

START_TEST(closed_during_operations)
{
	start(versions[_i]);
	ck_assert_int_eq(kill(broker.pid, SIGSTOP), 0);
	ck_assert_int_eq(mqtt_publish(mqtt, "t", "x", 1, 1, done), 0);
	mqtt_close(mqtt);
	ck_assert_uint_eq(dones, 1);
	ck_assert_int_eq(done_r, -ECANCELED);
	idle();
	ck_assert_uint_eq(closes, 0);
}
END_TEST

START_TEST(many_operations)
{
	unsigned accepted = 0;

	start(versions[_i]);
	ck_assert_int_eq(kill(broker.pid, SIGSTOP), 0);
	while (mqtt_publish(mqtt, "t", "x", 1, 1, done) == 0)
		accepted++;
	ck_assert_uint_ge(accepted, 4);
	ck_assert_uint_le(accepted, 64);
	ck_assert_int_eq(mqtt_publish(mqtt, "t", "x", 1, 1, done), -EBUSY);
	ck_assert_int_eq(kill(broker.pid, SIGCONT), 0);
	wait_for(&dones, accepted);
	publish("t", "x", 1, 1);
}
END_TEST

/* 60 s: a PINGREQ after 45 s of silence, the end 15 s later, before 90 s. */
START_TEST(silence_ends_it)
{
	start(versions[_i]);
	ck_assert_int_eq(kill(broker.pid, SIGSTOP), 0);
	fake_timer_pass(59000);
	ck_assert_uint_eq(closes, 0);
	fake_timer_pass(31000);
	ck_assert_uint_eq(closes, 1);
	ck_assert_int_eq(close_error, ETIMEDOUT);
	fake_timer_pass(1000000);
	ck_assert_uint_eq(closes, 1);
}
END_TEST

/* Whatever is heard behind a PINGREQ puts the deadline off. */
START_TEST(not_silent_any_more)
{
	start(versions[_i]);
	fake_timer_pass(46000);
	ck_assert_uint_le(fake_timer_next(), 15000);
	publish("t", "x", 1, 1);
	ck_assert_uint_gt(fake_timer_next(), 15000);
	ck_assert_uint_le(fake_timer_next(), 45000);
	ck_assert_uint_eq(closes, 0);
}
END_TEST

/* The timer is armed for real deadlines only. */
START_TEST(idle_sleeps)
{
	unsigned wakeups = 0;

	start(versions[_i]);
	for (uint64_t passed = 0, next; passed < 44000; passed += next, wakeups++) {
		next = fake_timer_next();
		ck_assert_uint_gt(next, 0);
		fake_timer_pass(next);
	}
	ck_assert_uint_le(wakeups, 3);
}
END_TEST

/* --- it never comes to a connection --- */

START_TEST(version_of_the_library)
{
	char text[MQTT_VERSION];
	unsigned major, minor, revision;

	mqtt_version(text);
	ck_assert_int_eq(sscanf(text, "%u.%u.%u", &major, &minor, &revision), 3);
	ck_assert_uint_eq(major, 2);
}
END_TEST

START_TEST(refused_port)
{
	int fd, port = port_refusing(&fd), r;

	make_ssl(device, "localhost", versions[_i]);
	r = open_port(port);
	if (r == 0) {
		wait_for(&closes, 1);
		ck_assert_int_eq(close_error, ECONNREFUSED);
	} else {
		ck_assert_int_eq(r, -ECONNREFUSED);
		idle();
		ck_assert_uint_eq(closes, 0);
	}
	ck_assert_uint_eq(tcps, 0);
	ssl_last_word(ssl);
	ck_assert(!ssl_heard(ssl));
	(void)close(fd);
}
END_TEST

START_TEST(silent_peer_costs_nothing)
{
	int fd, port = port_silent(&fd);

	make_ssl(device, "localhost", versions[_i]);
	ck_assert_int_eq(open_port(port), 0);
	wait_for(&tcps, 1);
	ck_assert_uint_lt(turns(), 10);
	ck_assert_uint_eq(closes, 0);
	ck_assert(!ssl_heard(ssl));
	fake_timer_pass(45000); /* deadlines are the owner's */
	ck_assert_uint_lt(turns(), 10);
	ck_assert_uint_eq(closes, 0);
	mqtt_close(mqtt);
	ck_assert_uint_eq(closes, 0);
	(void)close(fd);
}
END_TEST

/* TCP knows no multicast: fails at once, and the reason is told. */
START_TEST(unreachable_address)
{
	make_ssl(device, "localhost", versions[_i]);
	ck_assert_int_eq(open_address("224.0.0.1", 8883), -ENETUNREACH);
	idle();
	ck_assert_uint_eq(closes + tcps, 0);
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
	peer_start(&broker, talk_plain, NULL);
	make_ssl(device, "localhost", versions[_i]);
	open_in_vain(broker.port);
	ssl_last_word(ssl);
	ck_assert(!ssl_established(ssl));
	ck_assert(ssl_heard(ssl));
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
	peer_start(&broker, hang_up, NULL);
	make_ssl(device, "localhost", versions[_i]);
	open_in_vain(broker.port);
	ck_assert(!ssl_established(ssl));
}
END_TEST

/* The server is not what it should be. */
static void expect_distrust(const struct pki *shown, const char *host, int version, const char *text)
{
	start_broker(shown);
	make_ssl(device, host, version);
	open_in_vain(broker.port);
	ssl_last_word(ssl);
	ck_assert_ptr_nonnull(ssl_failure(ssl));
	ck_assert_str_eq(ssl_failure(ssl), text);
}

START_TEST(wrong_name)
{
	expect_distrust(server, "elsewhere.example", versions[_i],
			"Server certificate is for another name: check Endpoint");
}
END_TEST

START_TEST(untrusted_server)
{
	const struct pki_order order = { .name = "localhost", .issuer = other_root, .names = "DNS:localhost" };
	_cleanup_(pki_freep) struct pki *shown = pki_make(&order);

	expect_distrust(shown, "localhost", versions[_i], "Server certificate not trusted: check RootCA");
}
END_TEST

START_TEST(expired_server)
{
	const struct pki_order order = {
		.name = "localhost", .issuer = root, .names = "DNS:localhost", .expired = true
	};
	_cleanup_(pki_freep) struct pki *shown = pki_make(&order);

	expect_distrust(shown, "localhost", versions[_i], "Server certificate expired");
}
END_TEST

/* Under TLS 1.3 the alert races with our CONNECT, so many times. */
START_TEST(our_certificate_refused)
{
	_cleanup_(pki_freep) struct pki *foreign = pki_leaf("device", other_root);

	start_broker(server);
	make_ssl(foreign, "localhost", versions[_i]);
	for (unsigned i = 0; i < 20; i++) {
		open_in_vain(broker.port);
		ssl_last_word(ssl);
		ck_assert_ptr_nonnull(ssl_failure(ssl));
		ck_assert_str_eq(ssl_failure(ssl), "Our certificate was refused: check its registration");
	}
}
END_TEST

START_TEST(login_refused)
{
	const struct broker_options options = {
		.dir = dir, .shown = server, .trusted = vendor->pem, .refuse_login = true
	};

	broker_start(&broker, &options);
	make_ssl(device, "localhost", versions[_i]);
	ck_assert_int_eq(open_port(broker.port), 0);
	while (connacks == 0)
		ck_assert_int_gt(sd_event_run(event, UINT64_MAX), 0);
	ck_assert_int_eq(connack, 5);
	ck_assert_int_eq(mqtt_publish(mqtt, "t", "x", 1, 1, done), -ENOTCONN);
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
	SSL *tls = peer_accept(fd, server, vendor);

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

	peer_start(&broker, refuse_subscription, NULL);
	make_ssl(device, "localhost", versions[_i]);
	connect_now();
	ck_assert_int_eq(mqtt_subscribe(mqtt, filters, 2, done), 0);
	wait_for(&dones, 1);
	ck_assert_int_eq(done_r, AT_ERR_PARAMETER);
	ck_assert_uint_eq(closes, 0);

	/* It stays connected, until the peer hangs up. */
	ck_assert_int_eq(mqtt_publish(mqtt, "t", "x", 1, 1, done), 0);
	wait_for(&closes, 1);
	ck_assert_uint_eq(dones, 2);
	ck_assert_int_eq(done_r, -ECONNRESET);
}
END_TEST

static void refuse_with_code(int fd, void *userdata)
{
	SSL *tls = peer_accept(fd, server, vendor);
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

	peer_start(&broker, refuse_with_code, (void *)(uintptr_t)codes[_i]);
	make_ssl(device, "localhost", TLS1_3_VERSION);
	ck_assert_int_eq(open_port(broker.port), 0);
	while (connacks == 0)
		ck_assert_int_gt(sd_event_run(event, UINT64_MAX), 0);
	ck_assert_int_eq(connack, codes[_i]);
}
END_TEST

static void close_before_login(int fd, void *userdata)
{
	SSL *tls = peer_accept(fd, server, vendor);

	(void)userdata;
	if (!tls)
		_exit(1);
	read_packet(tls);
	(void)SSL_shutdown(tls);
}

START_TEST(closed_before_login)
{
	peer_start(&broker, close_before_login, NULL);
	make_ssl(device, "localhost", versions[_i]);
	open_in_vain(broker.port);
	ssl_last_word(ssl);
	ck_assert_ptr_null(ssl_failure(ssl));
	ck_assert(ssl_established(ssl));
}
END_TEST

static void talk_nonsense(int fd, void *userdata)
{
	SSL *tls = peer_accept(fd, server, vendor);
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
	peer_start(&broker, talk_nonsense, NULL);
	make_ssl(device, "localhost", versions[_i]);
	ck_assert_int_eq(open_port(broker.port), 0);
	wait_for(&closes, 1);
}
END_TEST

static void add_bad_peers(TCase *tc)
{
	tcase_add_test(tc, version_of_the_library);
	tcase_add_loop_test(tc, refused_port, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, unreachable_address, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, silent_peer_costs_nothing, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, plain_peer, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, peer_that_hangs_up, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, wrong_name, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, untrusted_server, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, expired_server, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, our_certificate_refused, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, login_refused, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, subscription_refused, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, every_refusal, 0, 6);
	tcase_add_loop_test(tc, closed_before_login, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, nonsense_after_login, 0, ELEMENTS(versions));
}

int main(void)
{
	Suite *suite = suite_create("mqtt");
	TCase *tc = tcase_create("mqtt");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, connects, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, publishes_and_receives, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, several_filters, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, unsubscribes, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, large_messages, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, corked, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, slow_broker, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, again_and_again, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, broker_dies, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, broker_dies_during_operations, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, opened_from_within_the_end, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, closed_during_operations, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, many_operations, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, silence_ends_it, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, not_silent_any_more, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, idle_sleeps, 0, ELEMENTS(versions));
	add_bad_peers(tc);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
