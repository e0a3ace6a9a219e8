/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/state.h"

#include "util/macro.h"

/* The host did not ask for it, so it is told. */
#define GIVE_UP (OTA_DO_FAIL | OTA_DO_DROP | OTA_DO_EVENT)

struct row {
	enum ota_state state;
	enum ota_happening happening;
	struct ota_transition transition;
};

static const struct row rows[] = {
	{ OTA_IDLE, OTA_HAPPEN_OFFER_MODULE, { OTA_MODULE_OFFERED, OTA_DO_EVENT } },
	{ OTA_IDLE, OTA_HAPPEN_OFFER_HOST, { OTA_HOST_OFFERED, OTA_DO_EVENT } },
	{ OTA_IDLE, OTA_HAPPEN_FORCE, { OTA_BUSY, OTA_DO_PREPARE } },
	{ OTA_IDLE, OTA_HAPPEN_WIRE_VERIFIED, { OTA_MODULE_READY, OTA_DO_EVENT } },

	/* An offer that was not accepted is nothing yet: its job is still queued in the cloud, and comes again. */
	{ OTA_MODULE_OFFERED, OTA_HAPPEN_FORCE, { OTA_BUSY, OTA_DO_DROP | OTA_DO_PREPARE } },
	{ OTA_MODULE_OFFERED, OTA_HAPPEN_ACCEPT, { OTA_BUSY, OTA_DO_PREPARE } },
	{ OTA_MODULE_OFFERED, OTA_HAPPEN_GONE, { OTA_IDLE, OTA_DO_DROP | OTA_DO_EVENT } },
	{ OTA_MODULE_OFFERED, OTA_HAPPEN_FLUSH, { OTA_IDLE, OTA_DO_REJECT | OTA_DO_DROP } },
	{ OTA_MODULE_OFFERED, OTA_HAPPEN_RESET, { OTA_IDLE, OTA_DO_DROP } },
	{ OTA_MODULE_OFFERED, OTA_HAPPEN_DISCONNECTED, { OTA_IDLE, OTA_DO_DROP } },

	{ OTA_HOST_OFFERED, OTA_HAPPEN_FORCE, { OTA_BUSY, OTA_DO_DROP | OTA_DO_PREPARE } },
	{ OTA_HOST_OFFERED, OTA_HAPPEN_ACCEPT, { OTA_BUSY, OTA_DO_PREPARE } },
	{ OTA_HOST_OFFERED, OTA_HAPPEN_GONE, { OTA_IDLE, OTA_DO_DROP | OTA_DO_EVENT } },
	{ OTA_HOST_OFFERED, OTA_HAPPEN_FLUSH, { OTA_IDLE, OTA_DO_REJECT | OTA_DO_DROP } },
	{ OTA_HOST_OFFERED, OTA_HAPPEN_RESET, { OTA_IDLE, OTA_DO_DROP } },
	{ OTA_HOST_OFFERED, OTA_HAPPEN_DISCONNECTED, { OTA_IDLE, OTA_DO_DROP } },

	/* What a forced image drives out is lost (guide 8.7), and its job has failed. */
	{ OTA_BUSY, OTA_HAPPEN_FORCE, { OTA_BUSY, OTA_DO_FAIL | OTA_DO_DROP | OTA_DO_PREPARE } },
	{ OTA_BUSY, OTA_HAPPEN_MODULE_VERIFIED, { OTA_MODULE_READY, OTA_DO_EVENT } },
	{ OTA_BUSY, OTA_HAPPEN_HOST_VERIFIED, { OTA_HOST_READY, OTA_DO_REWIND | OTA_DO_EVENT } },
	{ OTA_BUSY, OTA_HAPPEN_FAILED, { OTA_IDLE, GIVE_UP } },
	{ OTA_BUSY, OTA_HAPPEN_GONE, { OTA_IDLE, OTA_DO_DROP | OTA_DO_EVENT } },
	{ OTA_BUSY, OTA_HAPPEN_FLUSH, { OTA_IDLE, OTA_DO_FAIL | OTA_DO_DROP } },
	{ OTA_BUSY, OTA_HAPPEN_CONNECTED, { OTA_BUSY, OTA_DO_FETCH } },

	{ OTA_MODULE_READY, OTA_HAPPEN_FORCE, { OTA_BUSY, OTA_DO_FAIL | OTA_DO_DROP | OTA_DO_PREPARE } },
	{ OTA_MODULE_READY, OTA_HAPPEN_FAILED, { OTA_IDLE, GIVE_UP } },
	{ OTA_MODULE_READY, OTA_HAPPEN_GONE, { OTA_IDLE, OTA_DO_DROP | OTA_DO_EVENT } },
	{ OTA_MODULE_READY, OTA_HAPPEN_FLUSH, { OTA_IDLE, OTA_DO_FAIL | OTA_DO_DROP } },
	{ OTA_MODULE_READY, OTA_HAPPEN_STARTUP, { OTA_MODULE_READY, OTA_DO_EVENT } },

	{ OTA_HOST_READY, OTA_HAPPEN_FORCE, { OTA_BUSY, OTA_DO_FAIL | OTA_DO_DROP | OTA_DO_PREPARE } },
	{ OTA_HOST_READY, OTA_HAPPEN_FAILED, { OTA_IDLE, GIVE_UP } },
	{ OTA_HOST_READY, OTA_HAPPEN_GONE, { OTA_IDLE, OTA_DO_DROP | OTA_DO_EVENT } },
	{ OTA_HOST_READY, OTA_HAPPEN_CLOSE, { OTA_IDLE, OTA_DO_SUCCEED | OTA_DO_DROP } },
	{ OTA_HOST_READY, OTA_HAPPEN_FLUSH, { OTA_IDLE, OTA_DO_FAIL | OTA_DO_DROP } },
	{ OTA_HOST_READY, OTA_HAPPEN_RESET, { OTA_HOST_READY, OTA_DO_REWIND } },
	{ OTA_HOST_READY, OTA_HAPPEN_STARTUP, { OTA_HOST_READY, OTA_DO_EVENT } },
};

bool ota_next(enum ota_state state, enum ota_happening happening, struct ota_transition *ret)
{
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		if (rows[i].state == state && rows[i].happening == happening) {
			*ret = rows[i].transition;
			return true;
		}
	}
	return false;
}

const char *ota_state_name(enum ota_state state)
{
	static const char *const names[OTA_STATE_COUNT] = {
		[OTA_IDLE] = "idle",
		[OTA_MODULE_OFFERED] = "module image offered",
		[OTA_HOST_OFFERED] = "host image offered",
		[OTA_BUSY] = "in progress",
		[OTA_MODULE_READY] = "module image ready",
		[OTA_HOST_READY] = "host image ready",
	};

	return names[state];
}

const char *ota_happening_name(enum ota_happening happening)
{
	static const char *const names[OTA_HAPPEN_COUNT] = {
		[OTA_HAPPEN_OFFER_MODULE] = "job: module image",
		[OTA_HAPPEN_OFFER_HOST] = "job: host image",
		[OTA_HAPPEN_FORCE] = "job: forced module image",
		[OTA_HAPPEN_ACCEPT] = "ACCEPT",
		[OTA_HAPPEN_MODULE_VERIFIED] = "module image verified",
		[OTA_HAPPEN_HOST_VERIFIED] = "host image verified",
		[OTA_HAPPEN_WIRE_VERIFIED] = "OTW image verified",
		[OTA_HAPPEN_FAILED] = "failed",
		[OTA_HAPPEN_GONE] = "gone",
		[OTA_HAPPEN_CLOSE] = "CLOSE",
		[OTA_HAPPEN_FLUSH] = "FLUSH",
		[OTA_HAPPEN_RESET] = "RESET",
		[OTA_HAPPEN_DISCONNECTED] = "disconnected",
		[OTA_HAPPEN_CONNECTED] = "connected",
		[OTA_HAPPEN_STARTUP] = "STARTUP",
	};

	return names[happening];
}
