/* SPDX-License-Identifier: Apache-2.0 */
/* connect HOST PORT CA CERTIFICATE KEY: says "connected" as soon as it is, and leaves. */

#include "client.h"

#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct mosquitto *m;

	if (argc != 1 + CLIENT_ARGC) {
		fprintf(stderr, "usage: connect " CLIENT_ARGUMENTS "\n");
		return 2;
	}
	m = client_connect(argv + 1);
	if (!m)
		return 1;
	puts("connected");
	fflush(stdout);
	mosquitto_disconnect(m);
	mosquitto_destroy(m);
	mosquitto_lib_cleanup();
	return 0;
}
