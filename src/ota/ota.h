#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Updates over the air (guide 8): owns the jobs, the download and the staging file, and carries out what state.c
 * decides. */

#include "config/dict.h"
#include "config/epoch.h"
#include "config/settings.h"
#include "ota/record.h"
#include "ota/state.h"
#include "ota/wire.h"
#include "util/done.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include <time.h>

#define OTA_MAX_READ 2048 /* bytes of one OTA READ (guide 8.2.4.1) */

struct ota_events {
	/* Event 5 (guide, Table 4). detail: NULL, or what the cloud answered when it refused a result. */
	void (*on_event)(void *userdata, enum ota_state state, const char *detail);
	int (*publish)(void *userdata, const char *topic, const void *payload, size_t n, int qos);
	int (*subscribe)(void *userdata, const char *filter);
	void *userdata;
};

struct ota;

/* All of these live as long as the object. */
int ota_new(struct ota **ret, sd_event *event, const struct settings *settings, struct dict *dict,
	    const struct epoch *epoch, const char *state_dir, const struct ota_events *events) _must_check_;
struct ota *ota_free(struct ota *o);
DEFINE_CLEANUP(struct ota *, ota_free)

/* At the start of the program: takes up what the record says. 0 or -errno. */
int ota_start(struct ota *o) _must_check_;

/* --- what the module tells --- */

/* A message for the module itself; copies, calls nothing back. False: not for updates. */
bool ota_message(struct ota *o, const char *topic, const void *payload, size_t n);
void ota_connected(struct ota *o);
void ota_disconnected(struct ota *o);
void ota_reset(struct ota *o);
void ota_startup(struct ota *o); /* STARTUP was queued just now */

/* --- what the commands ask --- */

enum ota_state ota_state(const struct ota *o);

/* What OTA? says behind the state: version, operator's text, size; "" for nothing. Valid until the next call. */
const char *ota_detail(struct ota *o);

/* done gets 0 when it is durable; a row of Table 1; -errno when it cannot be made durable, and nothing has changed. */
void ota_accept(struct ota *o, struct done done);
void ota_close(struct ota *o, struct done done);
void ota_flush(struct ota *o, struct done done);

/* done gets 0, and takes at most n bytes from the read pointer, which moves behind them; AT_ERR_NO_IMAGE; -errno. What
 * nobody takes, because it came too late, is read again by the next one. */
void ota_read(struct ota *o, size_t n, struct done done);
const void *ota_take(struct ota *o, size_t *ret_n);

/* 0; AT_ERR_NO_IMAGE; AT_ERR_ADDRESS beyond the size (guide 8.2.5). */
int ota_seek(struct ota *o, uint64_t address) _must_check_;

/* OTW (guide 8.13), see wire.h. AT_ERR_OTA: not in this state. What ended with 0 is in state 4. */
int ota_wire_open(struct ota *o, const struct wire_form *form, const struct wire_events *events) _must_check_;
void ota_wire_go(struct ota *o);
size_t ota_wire_bytes(struct ota *o, const void *data, size_t n) _must_check_;
void ota_wire_lost(struct ota *o);

/* For status. */
struct ota_info {
	enum ota_state state;
	const char *job; /* in hand; NULL: none, or it came over the wire */
	int64_t number;
	uint64_t size, have, position;
	size_t results; /* that the cloud has not taken yet */

	/* How the last one ended, also one that never was in hand; until the next one does. NULL: none did. Its id is
	 * "" when it came over the wire. */
	const struct record_result *last;
	time_t last_at; /* 0: before the program started */
};
void ota_get_info(const struct ota *o, struct ota_info *ret);

/* Told of each update that ends, as it does; NULL: nobody is. */
void ota_watch(struct ota *o, void (*fn)(void *userdata, const struct record_result *result), void *userdata);
