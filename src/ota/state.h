#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The states of OTA? (guide 8.2.2, figures 3 and 4) as one table: state and happening give the next state and what is
 * to be done. Pure. */

#include <stdbool.h>

/* The codes of guide 8.2.2. */
enum ota_state {
	OTA_IDLE = 0,
	OTA_MODULE_OFFERED = 1,
	OTA_HOST_OFFERED = 2,
	OTA_BUSY = 3,
	OTA_MODULE_READY = 4,
	OTA_HOST_READY = 5,
	OTA_STATE_COUNT,
};

enum ota_happening {
	OTA_HAPPEN_OFFER_MODULE,
	OTA_HAPPEN_OFFER_HOST,
	OTA_HAPPEN_FORCE, /* a module image that asks nobody (guide 8.7) */
	OTA_HAPPEN_ACCEPT,
	OTA_HAPPEN_MODULE_VERIFIED,
	OTA_HAPPEN_HOST_VERIFIED,
	OTA_HAPPEN_WIRE_VERIFIED, /* a module image that came over the wire (guide 8.13) */
	OTA_HAPPEN_FAILED, /* bad signature, disk full, a stream that does not deliver, an image that has changed */
	OTA_HAPPEN_GONE,   /* cancelled, timed out or deleted in the cloud */
	OTA_HAPPEN_CLOSE,
	OTA_HAPPEN_FLUSH,
	OTA_HAPPEN_RESET,        /* RESET, RST, FACTORY_RESET */
	OTA_HAPPEN_DISCONNECTED, /* the loss of the connection, DISCONNECT */
	OTA_HAPPEN_CONNECTED,
	OTA_HAPPEN_STARTUP, /* STARTUP was queued: after a start, a reset, a sleep */
	OTA_HAPPEN_COUNT,
};

/* To be carried out in this order. */
enum ota_action {
	OTA_DO_SUCCEED = 1 << 0, /* report the job: SUCCEEDED */
	OTA_DO_FAIL = 1 << 1,    /* FAILED */
	OTA_DO_REJECT = 1 << 2,  /* REJECTED */
	OTA_DO_DROP = 1 << 3,    /* the download, the staging file, and all that is known of the job */
	OTA_DO_PREPARE = 1 << 4, /* make the staging file and begin to fetch */
	OTA_DO_FETCH = 1 << 5,   /* go on with the download, which pauses whenever the connection is lost */
	OTA_DO_REWIND = 1 << 6,  /* the read pointer goes to 0 */
	OTA_DO_EVENT = 1 << 7,   /* queue event 5 */
};

struct ota_transition {
	enum ota_state next;
	unsigned actions;
};

/* False: this does not happen in this state, nothing changes. */
bool ota_next(enum ota_state state, enum ota_happening happening, struct ota_transition *ret);

const char *ota_state_name(enum ota_state state);
const char *ota_happening_name(enum ota_happening happening);
