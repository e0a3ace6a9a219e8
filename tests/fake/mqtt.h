#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* In place of cloud/mqtt.c: a connection of which the test says what the network and the broker do. */

#include "cloud/mqtt.h"

#include <stdbool.h>
#include <stddef.h>

enum fake_kind {
	FAKE_PUBLISH,
	FAKE_SUBSCRIBE,
	FAKE_UNSUBSCRIBE,
};

#define FAKE_FILTERS 8
#define FAKE_PACKETS 64

struct fake_packet {
	enum fake_kind kind;
	char *topics[FAKE_FILTERS]; /* the topic, or the filters */
	size_t count;
	void *payload;
	size_t n;
	int qos;
	bool open; /* waits for its acknowledgement */
	bool corked;
	struct done done;
};

/* What the module did. One client at a time. */
struct fake_mqtt {
	bool exists;
	bool open; /* between mqtt_open() and the end of the connection */
	bool up;   /* after a good CONNACK */
	bool corked;
	unsigned opens, closes;
	char address[64], client_id[128];
	int port;
	unsigned keep_alive;
	void *ssl_ctx;
	struct fake_packet packets[FAKE_PACKETS]; /* since the last mqtt_open() or fake_mqtt_forget() */
	size_t packet_count;

	/* What it answers: of mqtt_open(), and of the other calls. */
	int open_result;
	int send_result;
};

struct fake_mqtt *fake_mqtt(void);

/* The packets seen so far. */
void fake_mqtt_forget(void);
struct fake_packet *fake_mqtt_last(void);

/* What the network does. */
void fake_mqtt_tcp(void);
void fake_mqtt_connack(int code);
void fake_mqtt_message(const char *topic, const void *payload, size_t n);
void fake_mqtt_text(const char *topic, const char *payload);

/* The oldest packet that waits is acknowledged with r; false: none waits. */
bool fake_mqtt_ack(int r);

/* The connection ends. */
void fake_mqtt_lose(int error);

/* Everything goes well, up to the last acknowledgement. */
void fake_mqtt_succeed(void);
