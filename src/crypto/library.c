/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/library.h"

#include <openssl/crypto.h>
#include <string.h>

#define NAME "OpenSSL "

const char *library_version(void)
{
	const char *text = OpenSSL_version(OPENSSL_VERSION);

	return strncmp(text, NAME, strlen(NAME)) == 0 ? text + strlen(NAME) : text;
}
