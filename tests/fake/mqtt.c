/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/mqtt.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mqtt {
	struct mqtt_events events;
};

static struct fake_mqtt fake;
static struct mqtt *client;

struct fake_mqtt *fake_mqtt(void)
{
	return &fake;
}

static void packet_clear(struct fake_packet *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->topics[i]);
	free(p->payload);
	*p = (struct fake_packet){ 0 };
}

void fake_mqtt_forget(void)
{
	for (size_t i = 0; i < fake.packet_count; i++) {
		ck_assert(!fake.packets[i].open);
		packet_clear(&fake.packets[i]);
	}
	fake.packet_count = 0;
}

struct fake_packet *fake_mqtt_last(void)
{
	ck_assert_uint_gt(fake.packet_count, 0);
	return &fake.packets[fake.packet_count - 1];
}

bool fake_mqtt_ack(int r)
{
	for (size_t i = 0; i < fake.packet_count; i++) {
		if (!fake.packets[i].open)
			continue;
		fake.packets[i].open = false;
		done_call(&fake.packets[i].done, r);
		return true;
	}
	return false;
}

static void settle(int r)
{
	while (fake_mqtt_ack(r))
		;
}

/* --- the functions of cloud/mqtt.h --- */

int mqtt_new(struct mqtt **ret, sd_event *event, const struct mqtt_events *events)
{
	ck_assert_ptr_nonnull(event);
	ck_assert(!fake.exists);
	client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->events = *events;
	fake = (struct fake_mqtt){ .exists = true };
	*ret = client;
	return 0;
}

struct mqtt *mqtt_free(struct mqtt *m)
{
	if (!m)
		return NULL;
	mqtt_close(m);
	fake_mqtt_forget();
	fake.exists = false;
	client = NULL;
	free(m);
	return NULL;
}

int mqtt_open(struct mqtt *m, const struct mqtt_target *target)
{
	mqtt_close(m);
	fake_mqtt_forget();
	fake.opens++;
	(void)snprintf(fake.address, sizeof(fake.address), "%s", target->address);
	(void)snprintf(fake.client_id, sizeof(fake.client_id), "%s", target->client_id);
	fake.port = target->port;
	fake.keep_alive = target->keep_alive;
	fake.ssl_ctx = target->ssl_ctx;
	if (fake.open_result < 0)
		return fake.open_result;
	fake.open = true;
	return 0;
}

void mqtt_close(struct mqtt *m)
{
	ck_assert_ptr_eq(m, client);
	if (!fake.open)
		return;
	fake.open = fake.up = fake.corked = false;
	fake.closes++;
	settle(-ECANCELED);
}

void mqtt_cork(struct mqtt *m, bool corked)
{
	ck_assert_ptr_eq(m, client);
	fake.corked = fake.open && corked;
}

static int packet_add(enum fake_kind kind, const char *const topics[], size_t count, const void *payload, size_t n,
		      int qos, struct done done)
{
	struct fake_packet *p = &fake.packets[fake.packet_count];

	if (!fake.up)
		return -ENOTCONN;
	if (fake.send_result < 0)
		return fake.send_result;
	ck_assert_uint_lt(fake.packet_count, FAKE_PACKETS);
	ck_assert_uint_le(count, FAKE_FILTERS);
	fake.packet_count++;
	*p = (struct fake_packet){ .kind = kind, .count = count, .n = n, .qos = qos, .open = true, .done = done };
	p->corked = fake.corked;
	for (size_t i = 0; i < count; i++)
		ck_assert_ptr_nonnull(p->topics[i] = strdup(topics[i]));
	ck_assert_ptr_nonnull(p->payload = malloc(n + 1));
	if (n > 0)
		memcpy(p->payload, payload, n);
	((char *)p->payload)[n] = '\0';
	return 0;
}

int mqtt_publish(struct mqtt *m, const char *topic, const void *payload, size_t n, int qos, struct done done)
{
	int r;

	ck_assert_ptr_eq(m, client);
	r = packet_add(FAKE_PUBLISH, &topic, 1, payload, n, qos, done);
	if (r < 0)
		return r;
	if (qos == 0) {
		/* As the real one does: before the return. */
		fake_mqtt_last()->open = false;
		done_call(&fake_mqtt_last()->done, 0);
	}
	return 0;
}

int mqtt_subscribe(struct mqtt *m, const char *const filters[], size_t count, struct done done)
{
	ck_assert_ptr_eq(m, client);
	return packet_add(FAKE_SUBSCRIBE, filters, count, NULL, 0, 1, done);
}

int mqtt_unsubscribe(struct mqtt *m, const char *filter, struct done done)
{
	ck_assert_ptr_eq(m, client);
	return packet_add(FAKE_UNSUBSCRIBE, &filter, 1, NULL, 0, 0, done);
}

/* --- what the network does --- */

void fake_mqtt_tcp(void)
{
	ck_assert(fake.open);
	client->events.on_tcp(client->events.userdata);
}

void fake_mqtt_connack(int code)
{
	ck_assert(fake.open);
	fake.up = code == 0;
	client->events.on_connack(client->events.userdata, code);
}

void fake_mqtt_message(const char *topic, const void *payload, size_t n)
{
	ck_assert(fake.up);
	client->events.on_message(client->events.userdata, topic, payload, n);
}

void fake_mqtt_text(const char *topic, const char *payload)
{
	fake_mqtt_message(topic, payload, strlen(payload));
}

void fake_mqtt_lose(int error)
{
	struct done waiting[FAKE_PACKETS];
	size_t count = 0;

	ck_assert(fake.open);
	fake.open = fake.up = fake.corked = false;
	for (size_t i = 0; i < fake.packet_count; i++) {
		if (!fake.packets[i].open)
			continue;
		fake.packets[i].open = false;
		waiting[count++] = fake.packets[i].done;
	}

	/* As the real one does: the owner first. */
	client->events.on_closed(client->events.userdata, error);
	for (size_t i = 0; i < count; i++)
		done_call(&waiting[i], -ECONNRESET);
}

void fake_mqtt_succeed(void)
{
	fake_mqtt_tcp();
	fake_mqtt_connack(0);
	settle(0);
}

void mqtt_version(char ret[MQTT_VERSION])
{
	strcpy(ret, "2.0.99");
}
