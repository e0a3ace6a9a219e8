/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/load.h"

#include "crypto/cert.h"
#include "ctl/ctl.h"
#include "util/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_FILE 65536
#define MAX_PIN  256

int load_no_memory(void)
{
	return ctl_error("out of memory");
}

/* A certificate file, without the text that some tools put before it. */
int load_certificate(const char *path, char **ret, size_t *ret_n)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
	_cleanup_(freep) char *text = NULL;
	const char *from, *to = NULL;
	size_t n = 0;
	int r = file_read(path, MAX_FILE, &text, &n);

	if (r < 0)
		return ctl_error("%s: %s", path, strerror(-r));
	from = memmem(text, n, begin, sizeof(begin) - 1);
	for (const char *p = from; p; p = memmem(p + 1, (size_t)(text + n - p - 1), end, sizeof(end) - 1))
		to = p;
	if (!from || to == from)
		return ctl_error("%s: no certificate in PEM form", path);
	r = cert_canonical(from, (size_t)(to + sizeof(end) - 1 - from), false, ret, ret_n);
	if (r)
		return ctl_error("%s: not exactly one good certificate", path);
	return 0;
}

/* A path is made absolute; everything else with a scheme is a URI. */
int load_key_uri(const char *key, char **ret)
{
	const char *colon = strchr(key, ':'), *slash = strchr(key, '/');
	char *uri;

	if (colon && (!slash || colon < slash) && access(key, F_OK) < 0) {
		uri = strdup(key);
		if (!uri)
			return load_no_memory();
	} else {
		uri = realpath(key, NULL);
		if (!uri)
			return ctl_error("%s: %s", key, strerror(errno));
	}
	*ret = uri;
	return 0;
}

int load_pin(const char *path, char **ret)
{
	_cleanup_(freep) char *pin = NULL;
	size_t n = 0;
	int r;

	*ret = NULL;
	if (!path)
		return 0;
	r = file_read(path, MAX_PIN, &pin, &n);
	if (r < 0)
		return ctl_error("%s: %s", path, strerror(-r));
	pin[strcspn(pin, "\r\n")] = '\0';
	*ret = TAKE_PTR(pin);
	return 0;
}

int load_key_error(const char *key, int r)
{
	switch (r) {
	case -EBADMSG:
		return ctl_error("%s: no private key in it, or a wrong passphrase or PIN", key);
	case -ENOTSUP:
		return ctl_error("%s: no OpenSSL provider for this kind of key", key);
	case -EKEYREJECTED:
		return ctl_error("the certificate does not belong to the key %s", key);
	default:
		return ctl_error("%s: %s", key, strerror(-r));
	}
}

int load_key(const char *key, const char *pin_file, EVP_PKEY **ret)
{
	_cleanup_(freep) char *uri = NULL, *pin = NULL;
	int r = load_key_uri(key, &uri);

	if (!r)
		r = load_pin(pin_file, &pin);
	if (r)
		return r;
	r = key_load(uri, pin, ret);
	if (pin)
		explicit_bzero(pin, strlen(pin));
	if (r == -EBADMSG && !pin_file)
		return ctl_error("%s: no private key in it, or one that needs a passphrase or PIN", key);
	return r < 0 ? load_key_error(key, r) : 0;
}
