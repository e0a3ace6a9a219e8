#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to AWS IoT Core (guide 3.7.1 - 3.7.3): the steps of CONNECT, the hints of its failure, backoff, and
 * the notice of a loss. */

#include "cloud/fault.h"
#include "cloud/history.h"
#include "config/dict.h"
#include "config/epoch.h"
#include "config/settings.h"
#include "util/done.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define CONNECTION_OPERATION_MS 19500 /* SEND with QoS 1, SUBSCRIBE, UNSUBSCRIBE: the datasheet says 20 s */

struct connection_events {
	void (*on_lost)(void *userdata); /* unexpectedly: CONLOST */

	/* Copies; calls nothing of this room. */
	void (*on_message)(void *userdata, const char *topic, const void *payload, size_t n);

	/* Is there an interface that could reach the outside? Asked when nothing was reached, for hint 2. */
	bool (*network_is_usable)(void);

	/* The epoch is to be told whether the clock is right. */
	void (*look_at_clock)(void *userdata);
	void *userdata;
};

struct connection;

int connection_new(struct connection **ret, sd_event *event, const struct settings *settings, struct dict *dict,
		   const struct epoch *epoch, const struct connection_events *events) _must_check_;
struct connection *connection_free(struct connection *c);
DEFINE_CLEANUP(struct connection *, connection_free)

/* One attempt, with every address of the name, within the setting ConnectTimeout. done gets 0; AT_ERR_CONNECT, then
 * connection_fault() says more; -ECANCELED after connection_close(). */
void connection_open(struct connection *c, struct done done);

/* DISCONNECT, RESET: stops whatever goes on; no on_lost(). */
void connection_close(struct connection *c);

/* Onboarding (guide 10.3.1.3): closes an open connection as if it had been lost, or the present CONNECT's as soon as it
 * is there. */
void connection_give_up(struct connection *c);

bool connection_is_up(const struct connection *c);

/* Why the last CONNECT failed. */
const struct fault *connection_fault(const struct connection *c);

/* ms until the backoff allows another attempt. */
uint64_t connection_wait(const struct connection *c);

const struct history *connection_history(const struct connection *c);

/* RESET, FACTORY_RESET, RST (guide 3.7.2.4): no CONNECT has failed so far. */
void connection_clear_backoff(struct connection *c);

/* done gets 0; AT_ERR_PARAMETER when the broker refuses the filter; -ECONNRESET when the connection is lost, or given
 * up because no answer came in time; -ECANCELED. topic and filter are valid. 0, or -errno without done. */
int connection_publish(struct connection *c, const void *topic, size_t topic_n, const void *payload, size_t n, int qos,
		       struct done done) _must_check_;
int connection_subscribe(struct connection *c, const void *filter, size_t n, struct done done) _must_check_;
int connection_unsubscribe(struct connection *c, const void *filter, size_t n, struct done done) _must_check_;

/* For the module itself, beside what the host does. done as of outbox_send(). 0; without done -ENOTCONN, -EBUSY when
 * many packets wait for their acknowledgement, -errno. */
int connection_send(struct connection *c, const char *topic, const void *payload, size_t n, int qos,
		    struct done done) _must_check_;

/* A subscription of the module itself, to a filter besides those of CONNECT. Lasts as long as the connection,
 * whatever the host unsubscribes from; asking for it again does nothing but call done. done gets 0, AT_ERR_PARAMETER
 * when the server refuses it, -ECONNRESET, -ECANCELED. 0 or -errno as of outbox_watch(). */
int connection_watch(struct connection *c, const char *filter, struct done done) _must_check_;

/* A turn of commands begins or ends: what they send shares a write. */
void connection_cork(struct connection *c, bool corked);

struct connection_stats {
	uint64_t attempts, connects, losses; /* CONNECTs that went on line, those that succeeded, CONLOSTs */
	uint64_t sent, received;             /* messages of the host; and all that came */
	uint64_t published, bytes_out;       /* those of the module itself too; bytes of their payloads */
};
void connection_get_stats(const struct connection *c, struct connection_stats *ret);
