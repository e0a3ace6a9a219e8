#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* In place of crypto/ssl.c: a TLS side of which the test says what happened in the handshake. */

#include "crypto/ssl.h"

#include <stdbool.h>

struct fake_ssl {
	unsigned made, freed, restarts, releases;
	struct ssl_config config; /* of the last one; its texts are copies where they are short */
	char host[256], alpn[64], pin[64], key_uri[256];
	char *roots, *proof;

	/* What the functions answer. ssl_restart() sets these back. */
	bool heard;
	bool established;
	bool clock_behind;
	const char *failure;
	const char *unread; /* becomes the failure with ssl_last_word() */
	bool proven;
	int new_result;
};

struct fake_ssl *fake_ssl(void);

/* As if there had never been one. */
void fake_ssl_forget(void);

/* TCP and TLS come up, and instead of an answer to the login the server closes. For users of fake/mqtt.c. */
void fake_ssl_drop(void);
