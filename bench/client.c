/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>

static void on_connect(struct mosquitto *m, void *userdata, int code)
{
	int *connected = userdata;

	(void)m;
	*connected = code == 0 ? 1 : -1;
}

struct mosquitto *client_connect(char **argv)
{
	struct mosquitto *m;
	int connected = 0, r;

	mosquitto_lib_init();
	m = mosquitto_new(NULL, true, &connected);
	if (!m) {
		perror("mosquitto_new");
		return NULL;
	}
	mosquitto_connect_callback_set(m, on_connect);
	r = mosquitto_tls_set(m, argv[2], NULL, argv[3], argv[4], NULL);
	if (r == MOSQ_ERR_SUCCESS)
		r = mosquitto_connect(m, argv[0], atoi(argv[1]), 60);
	while (r == MOSQ_ERR_SUCCESS && connected == 0)
		r = mosquitto_loop(m, 1000, 1);
	if (r != MOSQ_ERR_SUCCESS || connected != 1) {
		fprintf(stderr, "%s:%s: %s\n", argv[0], argv[1], mosquitto_strerror(r));
		mosquitto_destroy(m);
		return NULL;
	}
	mosquitto_connect_callback_set(m, NULL);
	mosquitto_user_data_set(m, NULL);
	return m;
}
