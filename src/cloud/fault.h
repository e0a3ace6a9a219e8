#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Why a connection failed, in the words of ERR14 (guide 3.7.2.2): CONNECT, DIAG TLS and the log say the same. */

#include "crypto/ssl.h"
#include "util/macro.h"

#include <stdbool.h>

/* Guide 3.7.2.2: how far the connection came. */
enum fault_hint {
	HINT_NOT_ALLOWED = 0,
	HINT_BACKOFF = 1,
	HINT_NETWORK = 2,
	HINT_ENDPOINT = 3,
	HINT_TLS = 4,
	HINT_LOGIN = 5,
	HINT_JOBS = 6,
};

#define FAULT_MAX_DETAIL 64

struct fault {
	enum fault_hint hint;
	char detail[FAULT_MAX_DETAIL + 1]; /* what failed and where to look */
	bool off_net;                      /* perhaps because this machine has no network at all */
};

/* Of two failed ways the one that came farther tells more. */
bool fault_tells_more(const struct fault *f, const struct fault *than);

/* A longer detail is cut. */
void fault_set(struct fault *f, enum fault_hint hint, const char *format, ...) _printf_(3, 4);

/* The key Endpoint is empty, or no host. */
void fault_of_endpoint(struct fault *f, bool empty);

/* What fails on this side is logged with its reason r, to which the detail points: the own key or certificate cannot be
 * used, the resolver not be started, or there is no memory, no descriptor. */
void fault_log_identity(struct fault *f, int r);
void fault_log_resolver(struct fault *f, int r);
void fault_log_resources(struct fault *f, int r);

/* r: what a resolve_fn was told, other than 0. */
void fault_of_name(struct fault *f, int r);

/* error: errno of the TCP connection; 0: no answer in time. When this side lacks something: fault_log_resources(). */
void fault_of_tcp(struct fault *f, int error);

/* There is no network. */
void fault_of_network(struct fault *f);

/* The connection ended between TCP and the answer to the login, or (closed is false) its time was over. */
void fault_of_tls(struct fault *f, const struct ssl *s, bool closed);

/* code: of CONNACK, other than 0. */
void fault_of_login(struct fault *f, int code);
