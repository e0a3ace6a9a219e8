/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/mqtt.h"

#include "at/error.h"
#include "cloud/acks.h"
#include "cloud/keepalive.h"
#include "crypto/cork.h"
#include "util/log.h"
#include "util/socket.h"
#include "util/timer.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <mosquitto.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct mqtt {
	struct mqtt_events events;
	sd_event *loop;
	struct mosquitto *client;
	unsigned generation; /* of clients: whether one is still there after its owner was told something */
	sd_event_source *io;
	uint32_t armed;     /* events that io waits for */
	struct timer timer; /* the next keep-alive moment */
	struct keepalive keepalive;
	bool tcp_up;
	bool connected;
	int connack;   /* -1: none noted */
	int published; /* the packet written inside mosquitto_publish(), -1: none */
	struct acks acks;
	struct cork *cork;
};

/* This and the next four: the library calls them, always from inside one of our own calls to it. */
static void on_connect(struct mosquitto *client, void *userdata, int code)
{
	struct mqtt *m = userdata;

	(void)client;
	m->connack = code;
}

static void mqtt_ack(struct mqtt *m, int mid, int result)
{
	if (!acks_note(&m->acks, mid, result))
		m->published = mid;
}

/* PUBACK, or the packet is written (QoS 0); UNSUBACK. */
static void on_ack(struct mosquitto *client, void *userdata, int mid)
{
	(void)client;
	mqtt_ack(userdata, mid, 0);
}

static void on_subscribe(struct mosquitto *client, void *userdata, int mid, int count, const int *granted)
{
	int result = 0;

	(void)client;
	for (int i = 0; i < count; i++)
		result = granted[i] > 2 ? AT_ERR_PARAMETER : result;
	mqtt_ack(userdata, mid, result);
}

static void on_message(struct mosquitto *client, void *userdata, const struct mosquitto_message *message)
{
	struct mqtt *m = userdata;

	(void)client;
	m->events.on_message(m->events.userdata, message->topic, message->payload, (size_t)message->payloadlen);
}

static void on_library_log(struct mosquitto *client, void *userdata, int level, const char *text)
{
	(void)client;
	(void)userdata;
	(void)level;
	log_debug("mqtt: %s", text);
}

/* Closes without a word; what was under way is noted as done with this result, for acks_settle(). */
static void mqtt_drop(struct mqtt *m, int result)
{
	struct mosquitto *client = TAKE_PTR(m->client);

	if (!client)
		return;
	m->io = sd_event_source_disable_unref(m->io);
	timer_disarm(&m->timer);
	m->generation++;
	mosquitto_destroy(client);
	m->tcp_up = m->connected = false;
	acks_note_all(&m->acks, result);
}

static void mqtt_lost(struct mqtt *m, int error)
{
	/* The owner knows of the loss before those who waited for an answer can ask for more. */
	mqtt_drop(m, -ECONNRESET);
	m->events.on_closed(m->events.userdata, error);
	acks_settle(&m->acks);
}

static bool mqtt_in_handshake(const struct mqtt *m)
{
	SSL *ssl = mosquitto_ssl_get(m->client);

	return !m->connected && ssl && !SSL_is_init_finished(ssl);
}

static void mqtt_arm_io(struct mqtt *m)
{
	uint32_t wanted = EPOLLIN;
	bool write;

	/* During the handshake 2.0.21 always wants to write: arming that would spin. */
	if (!m->tcp_up)
		write = true;
	else if (mqtt_in_handshake(m))
		write = SSL_want_write(mosquitto_ssl_get(m->client));
	else
		write = mosquitto_want_write(m->client) || cork_pending(m->cork);
	if (write)
		wanted |= EPOLLOUT;
	if (wanted == m->armed)
		return;
	m->armed = wanted;
	(void)sd_event_source_set_io_events(m->io, wanted);
}

/* The login is done: what the handshake needed is given back, and small packets will share a write. */
static void mqtt_settle_down(struct mqtt *m)
{
	SSL *ssl = mosquitto_ssl_get(m->client);

	timer_arm(&m->timer, keepalive_wait(&m->keepalive, timer_now()));
	(void)SSL_free_buffers(ssl);
	(void)malloc_trim(0);
	if (cork_install(m->cork, ssl) < 0)
		log_warning("Out of memory: packets are written one by one");
}

/* Tells what was noted during a library call that returned rc. May end in the owner closing us. */
static void mqtt_after(struct mqtt *m, int rc)
{
	int error = rc == MOSQ_ERR_ERRNO ? errno : 0;
	unsigned generation = m->generation;
	int code = m->connack;

	m->connack = -1;
	if (code >= 0) {
		m->connected = code == 0;
		if (m->connected)
			mqtt_settle_down(m);
		m->events.on_connack(m->events.userdata, code);
		if (m->generation != generation)
			return;
	}
	acks_settle(&m->acks);
	if (m->generation != generation)
		return;
	if (rc != MOSQ_ERR_SUCCESS || mosquitto_socket(m->client) < 0) {
		mqtt_lost(m, error);
		return;
	}
	mqtt_arm_io(m);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct mqtt *m = userdata;
	unsigned generation = m->generation;
	bool readable = revents & (EPOLLIN | EPOLLHUP | EPOLLERR);
	uint64_t now = timer_now();
	int rc = MOSQ_ERR_SUCCESS;

	(void)source;
	if (!m->tcp_up) {
		int r = socket_state(fd, revents);

		if (r < 0)
			mqtt_lost(m, -r);
		if (r <= 0)
			return 0;
		m->tcp_up = true;
		m->events.on_tcp(m->events.userdata);
		if (m->generation != generation)
			return 0;
	}

	/* The library looks at errno even when a call did not fail. */
	errno = 0;
	if (readable && keepalive_in(&m->keepalive, now))
		timer_arm(&m->timer, keepalive_wait(&m->keepalive, now));
	/* 2.0.11 goes on with the handshake only here, also where that has something to write. */
	if (readable || mqtt_in_handshake(m)) {
		rc = mosquitto_loop_read(m->client, 1);

		/* 2.0.11 takes an error below the handshake for a connection that is not up yet, for ever. */
		if (rc == MOSQ_ERR_SUCCESS && !m->connected && (revents & (EPOLLHUP | EPOLLERR)))
			rc = MOSQ_ERR_CONN_LOST;
	}
	if (rc == MOSQ_ERR_SUCCESS && (revents & EPOLLOUT) && mosquitto_socket(m->client) >= 0) {
		cork_flush(m->cork);
		errno = 0;
		rc = mosquitto_loop_write(m->client, 1);
	}
	mqtt_after(m, rc);
	return 0;
}

static void on_timer(void *userdata)
{
	struct mqtt *m = userdata;
	uint64_t now = timer_now();
	int rc;

	if (!m->connected)
		return; /* whoever connects has deadlines of his own */
	if (keepalive_is_lost(&m->keepalive, now)) {
		mqtt_lost(m, ETIMEDOUT);
		return;
	}
	rc = mosquitto_loop_misc(m->client);
	if (rc == MOSQ_ERR_SUCCESS) {
		(void)keepalive_ping(&m->keepalive, now);
		timer_arm(&m->timer, keepalive_wait(&m->keepalive, now));
	}
	mqtt_after(m, rc);
}

int mqtt_new(struct mqtt **ret, sd_event *event, const struct mqtt_events *events)
{
	_cleanup_(mqtt_freep) struct mqtt *m = NULL;
	int r;

	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->events = *events;
	m->loop = sd_event_ref(event);
	m->connack = -1;
	m->published = -1;
	r = timer_init(&m->timer, event, on_timer, m);
	if (r == 0)
		r = cork_new(&m->cork);
	if (r < 0)
		return r;
	if (mosquitto_lib_init() != MOSQ_ERR_SUCCESS)
		return -ENOMEM;
	*ret = TAKE_PTR(m);
	return 0;
}

struct mqtt *mqtt_free(struct mqtt *m)
{
	if (!m)
		return NULL;
	mqtt_close(m);
	m->cork = cork_free(m->cork);
	timer_done(&m->timer);
	sd_event_unref(m->loop);
	(void)mosquitto_lib_cleanup();
	free(m);
	return NULL;
}

static int mqtt_options(struct mosquitto *client, SSL_CTX *ctx)
{
	if (mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V311) != MOSQ_ERR_SUCCESS ||
	    mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1) != MOSQ_ERR_SUCCESS ||
	    mosquitto_void_option(client, MOSQ_OPT_SSL_CTX, ctx) != MOSQ_ERR_SUCCESS ||
	    mosquitto_int_option(client, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0) != MOSQ_ERR_SUCCESS)
		return -EINVAL;
	return 0;
}

static int mqtt_watch(struct mqtt *m, unsigned keep_alive)
{
	int fd, r;

	/* Our own descriptor: the library closes its one behind our back, and its number may be taken by then. */
	fd = fcntl(mosquitto_socket(m->client), F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	r = sd_event_add_io(m->loop, &m->io, fd, EPOLLIN | EPOLLOUT, on_io, m);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	(void)sd_event_source_set_io_fd_own(m->io, true);
	m->armed = EPOLLIN | EPOLLOUT;

	socket_tune(fd, keep_alive);
	return 0;
}

int mqtt_open(struct mqtt *m, const struct mqtt_target *target)
{
	uint64_t now = timer_now();
	unsigned ping = keepalive_start(&m->keepalive, target->keep_alive, now);
	int rc, r;

	mqtt_close(m);
	m->client = mosquitto_new(target->client_id, true, m);
	if (!m->client)
		return -errno;
	mosquitto_connect_callback_set(m->client, on_connect);
	mosquitto_publish_callback_set(m->client, on_ack);
	mosquitto_subscribe_callback_set(m->client, on_subscribe);
	mosquitto_unsubscribe_callback_set(m->client, on_ack);
	mosquitto_message_callback_set(m->client, on_message);
	if (log_enabled(LOG_DEBUG))
		mosquitto_log_callback_set(m->client, on_library_log);
	r = mqtt_options(m->client, target->ssl_ctx);
	if (r == 0) {
		errno = 0;
		rc = mosquitto_connect_async(m->client, target->address, target->port, (int)ping);
		/* Refused TCP is a TLS error in 2.0.21; EPROTO is the library's word for any error below TLS. */
		if (rc == MOSQ_ERR_ERRNO && errno && errno != EPROTO)
			r = -errno;
		else if (rc != MOSQ_ERR_SUCCESS)
			r = rc == MOSQ_ERR_NOMEM ? -ENOMEM : -ECONNREFUSED;
		else
			r = mqtt_watch(m, target->keep_alive);
	}
	if (r < 0) {
		mqtt_drop(m, -ECANCELED);
		return r;
	}
	m->connack = -1;
	timer_arm(&m->timer, keepalive_wait(&m->keepalive, now));
	return 0;
}

void mqtt_close(struct mqtt *m)
{
	if (!m->client)
		return;
	cork_set(m->cork, false);
	if (m->connected)
		(void)mosquitto_disconnect(m->client);
	mqtt_drop(m, -ECANCELED);
	acks_settle(&m->acks);
}

/* Errors of the library for a packet that we build; the connection's own end shows in on_io(). */
static int mqtt_errno(int rc)
{
	switch (rc) {
	case MOSQ_ERR_SUCCESS:
		return 0;
	case MOSQ_ERR_NOMEM:
		return -ENOMEM;
	case MOSQ_ERR_PAYLOAD_SIZE:
	case MOSQ_ERR_OVERSIZE_PACKET:
		return -EMSGSIZE;
	case MOSQ_ERR_INVAL:
	case MOSQ_ERR_MALFORMED_UTF8:
		return -EINVAL;
	default:
		return -ECONNRESET;
	}
}

static int mqtt_await(struct mqtt *m, int rc, int mid, struct done done)
{
	if (rc != MOSQ_ERR_SUCCESS)
		return mqtt_errno(rc);
	keepalive_out(&m->keepalive, timer_now());
	acks_open(&m->acks, mid, done);
	mqtt_arm_io(m);
	return 0;
}

void mqtt_cork(struct mqtt *m, bool corked)
{
	if (!m->client)
		return;
	cork_set(m->cork, corked);
	mqtt_arm_io(m);
}

static int mqtt_ready(const struct mqtt *m)
{
	if (!m->connected)
		return -ENOTCONN;
	return acks_full(&m->acks) ? -EBUSY : 0;
}

int mqtt_publish(struct mqtt *m, const char *topic, const void *payload, size_t n, int qos, struct done done)
{
	int rc, r, mid = 0;

	r = mqtt_ready(m);
	if (r < 0)
		return r;
	m->published = -1;
	rc = mosquitto_publish(m->client, &mid, topic, (int)n, payload, qos, false);

	/* With QoS 0 the packet is mostly written by now. */
	if (rc == MOSQ_ERR_SUCCESS && qos == 0 && m->published == mid) {
		keepalive_out(&m->keepalive, timer_now());
		done_call(&done, 0);
		return 0;
	}
	return mqtt_await(m, rc, mid, done);
}

int mqtt_subscribe(struct mqtt *m, const char *const filters[], size_t count, struct done done)
{
	char *copies[8];
	int rc, r, mid = 0;

	r = mqtt_ready(m);
	if (r < 0)
		return r;
	if (count > ELEMENTS(copies))
		return -E2BIG;

	/* The library's parameter lacks a const. */
	memcpy(copies, filters, count * sizeof(filters[0]));
	rc = mosquitto_subscribe_multiple(m->client, &mid, (int)count, copies, 1, 0, NULL);
	return mqtt_await(m, rc, mid, done);
}

int mqtt_unsubscribe(struct mqtt *m, const char *filter, struct done done)
{
	int rc, r, mid = 0;

	r = mqtt_ready(m);
	if (r < 0)
		return r;
	rc = mosquitto_unsubscribe(m->client, &mid, filter);
	return mqtt_await(m, rc, mid, done);
}

void mqtt_version(char ret[MQTT_VERSION])
{
	int major, minor, revision;

	(void)mosquitto_lib_version(&major, &minor, &revision);
	(void)snprintf(ret, MQTT_VERSION, "%d.%d.%d", major, minor, revision);
}
