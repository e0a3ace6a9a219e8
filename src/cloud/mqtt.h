#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* EDGE. libmosquitto on the loop: one connection to one numeric address. Calls its owner only from the loop or
 * from within mqtt_publish(), and never after mqtt_close(). */

#include "util/done.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

typedef struct ssl_ctx_st SSL_CTX;

struct mqtt;

struct mqtt_target {
	const char *address; /* numeric */
	int port;
	const char *client_id;
	unsigned keep_alive; /* s: a silent connection is given up within 1.5 times this */
	SSL_CTX *ssl_ctx;    /* lives as long as the connection */
};

struct mqtt_events {
	void (*on_tcp)(void *userdata);               /* the TCP connection stands */
	void (*on_connack)(void *userdata, int code); /* 0, or why the broker refused */

	/* The connection has ended and is closed, error: errno, or 0 when the peer closed it. */
	void (*on_closed)(void *userdata, int error);

	/* Copies; calls no function of this file. */
	void (*on_message)(void *userdata, const char *topic, const void *payload, size_t n);
	void *userdata;
};

int mqtt_new(struct mqtt **ret, sd_event *event, const struct mqtt_events *events) _must_check_;

/* Closes without a word to the owner. */
struct mqtt *mqtt_free(struct mqtt *m);
DEFINE_CLEANUP(struct mqtt *, mqtt_free)

/* Starts connecting: TCP, TLS, CONNECT (clean session). 0, or -errno when it failed at once. */
int mqtt_open(struct mqtt *m, const struct mqtt_target *target) _must_check_;

/* Says DISCONNECT if it can and closes. Completions under way get -ECANCELED, on_closed() is not called. */
void mqtt_close(struct mqtt *m);

/* Between true and false packets are put aside and then written in one piece. */
void mqtt_cork(struct mqtt *m, bool corked);

/* topic: valid, NUL-terminated. QoS 0: done when the packet was handed to the transport, maybe before
 * the return; QoS 1: when the broker has acknowledged it. done gets 0, -ECONNRESET when the connection is lost
 * first, -ECANCELED. 0, or -errno and done is not called. */
int mqtt_publish(struct mqtt *m, const char *topic, const void *payload, size_t n, int qos,
		 struct done done) _must_check_;

/* At most 8 filters, QoS 1. done gets AT_ERR_PARAMETER if the broker refuses one, else as above. */
int mqtt_subscribe(struct mqtt *m, const char *const filters[], size_t count, struct done done) _must_check_;
int mqtt_unsubscribe(struct mqtt *m, const char *filter, struct done done) _must_check_;

/* Of the library: "2.0.11". */
#define MQTT_VERSION 24
void mqtt_version(char ret[MQTT_VERSION]);
