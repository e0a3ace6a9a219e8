#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* expresslinkd.conf(5): read once at start, then constant. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum network_type {
	NETWORK_ETHERNET,
	NETWORK_WIFI,
	NETWORK_CELLULAR,
};

/* Texts are never NULL unless said so; "" is "not set". Files were read when the settings were loaded: *_pem is their
 * canonical content. */
struct settings {
	/* [Serial] */
	char *device;
	/* [Identity] */
	char *certificate_pem;
	char *private_key; /* path or URI */
	char *thing_name;  /* never empty */
	char *pin_file;
	char *tcti;
	/* [Module] */
	char *about;
	unsigned event_queue;   /* events, 64 .. 4096 */
	unsigned message_queue; /* messages, 64 .. 65536 */
	size_t message_bytes;   /* 256 KiB .. 64 MiB; suffixes K, M */
	unsigned max_topic;     /* 16 .. 49 */
	/* [Cloud] */
	char *staging_endpoint;
	char *root_ca_pem;        /* one or more certificates */
	unsigned keep_alive;      /* s */
	unsigned connect_timeout; /* s */
	/* [Pins] */
	char *pin_chip;
	char *pin_event, *pin_wake, *pin_reset;
	bool event_active_low;
	bool pin_pull_up;
	/* [OTA] */
	char *ota_certificate_pem;
	bool ota_shared;
	uint64_t max_image_size;
	char *ota_ca_file;
	bool require_host_signature;
	char *installer;
	unsigned confirm_timeout; /* s */
	char *manufacturer, *model;
	/* [Network] */
	enum network_type network_type;
	char *interface;
	char *default_ssid, *default_passphrase, *default_apn;
	/* [Confmode] */
	bool confmode;
	char *confmode_listen;
	unsigned confmode_timeout; /* s */
	/* [Location] */
	char *gpsd; /* "" for none */
	/* [Compatibility] */
	bool ota_event_state;
	bool time_labels;
	/* [Log] */
	int log_level; /* LOG_ERR .. LOG_DEBUG */
};

/* Says one problem. line 0: of the whole file. */
typedef void (*settings_report_fn)(void *userdata, const char *file, unsigned line, const char *text);

/* Reads path and then path.d / *.conf in order, the files that they name, and whether key and certificate belong
 * together. Every problem is reported. 0; -EINVAL when there was any; -errno. */
int settings_load(struct settings **ret, const char *path, settings_report_fn report, void *userdata) _must_check_;
struct settings *settings_free(struct settings *s);
DEFINE_CLEANUP(struct settings *, settings_free)

/* The same from memory, without looking at any file that the settings name: for fuzzing and unit tests.
 * The *_pem texts stay empty, thing_name as set. */
int settings_parse(struct settings **ret, const char *name, const void *text, size_t n, settings_report_fn report,
		   void *userdata) _must_check_;
