/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/secure.h"

#include "util/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALPN_PORT 443
#define ALPN_NAME "x-amzn-mqtt-ca"
#define MAX_PIN   256

int secure_new(struct ssl **ret, const struct settings *settings, const struct dict *dict, const struct epoch *epoch,
	       const struct endpoint *endpoint)
{
	_cleanup_(freep) char *roots = dict_trusted_roots(dict);
	struct ssl_config config = {
		.host = endpoint->host,
		.host_is_address = endpoint->numeric,
		.alpn = endpoint->port == ALPN_PORT ? ALPN_NAME : NULL,
		.roots_pem = roots,
		.certificate_pem = settings->certificate_pem,
		.key_uri = settings->private_key,
		.time_floor = epoch_floor(epoch),
		.clock_is_sure = epoch_is_sure(epoch),
	};
	char *pin = NULL;
	size_t pin_n = 0;
	int r;

	if (!roots)
		return -ENOMEM;
	config.proof_pem = dict_get(dict, KEY_ROOTCA, &config.proof_n);
	if (settings->pin_file[0]) {
		r = file_read(settings->pin_file, MAX_PIN, &pin, &pin_n);
		if (r < 0)
			return r;
		pin[strcspn(pin, "\r\n")] = '\0';
		config.pin = pin;
	}
	r = ssl_new(ret, &config);
	if (pin) {
		explicit_bzero(pin, pin_n);
		free(pin);
	}
	return r;
}
