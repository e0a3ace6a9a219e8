#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* cloud/mqtt.c with its TLS side, a broker or a peer for it, and an owner that keeps what it is told. Time stands
 * still. */

#include "cloud/broker.h"
#include "cloud/mqtt.h"
#include "crypto/ssl.h"
#include "fake/parties.h"

#include <stddef.h>
#include <systemd/sd-event.h>

#define CLIENT_LARGE (128 * 1024) /* bytes of a message, at most */

struct client {
	const struct client *self; /* as callbacks should have it */
	struct parties parties;
	struct pki *server; /* "localhost", 127.0.0.1 */
	sd_event *event;
	struct mqtt *mqtt;
	struct ssl *ssl;
	struct broker broker;
	struct done done; /* counts, and keeps the result */

	/* What was told. */
	unsigned tcps, connacks, closes, messages, dones;
	int connack, close_error, done_r;
	char topics[1024]; /* of the messages, one behind the other */
	char last[CLIENT_LARGE];
	size_t last_n;
};

/* Of TLS: for loops. */
#define CLIENT_VERSIONS 2
extern const int client_versions[CLIENT_VERSIONS];

void client_make(struct client *c);
void client_done(struct client *c);

/* Turns the loop until one of the counters has this value. */
void client_wait_for(struct client *c, const unsigned *counter, unsigned value);
void client_idle(struct client *c);

/* The TLS side, for a server of this name; then what mqtt_open() says. */
void client_make_ssl(struct client *c, const struct pki *identity, const char *host, int version);
int client_open_address(struct client *c, const char *address, int port);
int client_open_port(struct client *c, int port);

/* A broker that shows this certificate, and a connection to the one there is. */
void client_start_broker(struct client *c, const struct pki *shown);
void client_connect(struct client *c);
