/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/client.h"

#include "fake/temp.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define NUMBER 42

const int client_versions[CLIENT_VERSIONS] = { TLS1_2_VERSION, TLS1_3_VERSION };

static void on_tcp(void *userdata)
{
	struct client *c = userdata;

	ck_assert_ptr_eq(c, c->self);
	c->tcps++;
}

static void on_connack(void *userdata, int code)
{
	struct client *c = userdata;

	ck_assert_ptr_eq(c, c->self);
	c->connacks++;
	c->connack = code;
}

static void on_closed(void *userdata, int error)
{
	struct client *c = userdata;

	ck_assert_ptr_eq(c, c->self);
	c->closes++;
	c->close_error = error;
}

static void on_message(void *userdata, const char *topic, const void *payload, size_t n)
{
	struct client *c = userdata;
	size_t used = strlen(c->topics);

	ck_assert_ptr_eq(c, c->self);
	ck_assert_uint_le(n, CLIENT_LARGE);
	c->messages++;
	(void)snprintf(c->topics + used, sizeof(c->topics) - used, "%s ", topic);
	c->last_n = n;
	if (n > 0)
		memcpy(c->last, payload, n);
}

static void on_done(void *who, uint64_t number, int r)
{
	struct client *c = who;

	ck_assert_ptr_eq(c, c->self);
	ck_assert_uint_eq(number, NUMBER);
	c->dones++;
	c->done_r = r;
}

void client_make(struct client *c)
{
	const struct mqtt_events events = { .on_tcp = on_tcp,
					    .on_connack = on_connack,
					    .on_closed = on_closed,
					    .on_message = on_message,
					    .userdata = c };

	memset(c, 0, sizeof(*c));
	c->self = c;
	c->done = (struct done){ .fn = on_done, .who = c, .number = NUMBER };
	parties_init(&c->parties);
	c->server = pki_server(c->parties.root, "localhost", "DNS:localhost,IP:127.0.0.1", false);
	ck_assert_int_ge(sd_event_new(&c->event), 0);
	ck_assert_int_eq(mqtt_new(&c->mqtt, c->event, &events), 0);
}

void client_done(struct client *c)
{
	mqtt_close(c->mqtt);
	ssl_free(c->ssl); /* may still hold the connection, and that something of mqtt's */
	mqtt_free(c->mqtt);
	broker_kill(&c->broker);
	sd_event_unref(c->event);
	pki_free(c->server);
	parties_done(&c->parties);
}

void client_wait_for(struct client *c, const unsigned *counter, unsigned value)
{
	while (*counter < value)
		ck_assert_int_gt(sd_event_run(c->event, UINT64_MAX), 0);
	ck_assert_uint_eq(*counter, value);
}

void client_idle(struct client *c)
{
	while (sd_event_run(c->event, 0) > 0)
		;
}

void client_make_ssl(struct client *c, const struct pki *identity, const char *host, int version)
{
	struct ssl_config config = c->parties.config;

	config.host = host;
	config.certificate_pem = identity->pem;
	temp_text(c->parties.dir, "device.key", identity->key_pem);
	ssl_free(c->ssl);
	ck_assert_int_eq(ssl_new(&c->ssl, &config), 0);
	ck_assert_int_eq(SSL_CTX_set_max_proto_version(ssl_context(c->ssl), version), 1);
}

int client_open_address(struct client *c, const char *address, int port)
{
	const struct mqtt_target target = {
		.address = address,
		.port = port,
		.client_id = "thing",
		.keep_alive = 60,
		.ssl_ctx = ssl_context(c->ssl),
	};

	ssl_restart(c->ssl);
	return mqtt_open(c->mqtt, &target);
}

int client_open_port(struct client *c, int port)
{
	return client_open_address(c, "127.0.0.1", port);
}

void client_start_broker(struct client *c, const struct pki *shown)
{
	const struct broker_options options = {
		.dir = c->parties.dir,
		.shown = shown,
		.trusted = c->parties.vendor->pem,
	};

	broker_start(&c->broker, &options);
}

void client_connect(struct client *c)
{
	unsigned before = c->connacks;

	ck_assert_int_eq(client_open_port(c, c->broker.port), 0);
	client_wait_for(c, &c->connacks, before + 1);
	ck_assert_int_eq(c->connack, 0);
	ck_assert(ssl_established(c->ssl));
	ck_assert_uint_eq(c->closes, 0);
	ssl_release(c->ssl);
}
