#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A libmosquitto client with mutual TLS, as bare as it gets. */

#include <mosquitto.h>

#define CLIENT_ARGUMENTS "HOST PORT CA CERTIFICATE KEY"
#define CLIENT_ARGC      5

/* argv: the arguments above. Returns when the broker has accepted the client, or NULL, and says why on stderr. */
struct mosquitto *client_connect(char **argv);
