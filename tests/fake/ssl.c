/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/ssl.h"

#include "fake/mqtt.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ssl {
	char dummy;
};

static struct fake_ssl fake;

struct fake_ssl *fake_ssl(void)
{
	return &fake;
}

void fake_ssl_forget(void)
{
	ck_assert_uint_eq(fake.made, fake.freed);
	free(fake.roots);
	free(fake.proof);
	fake = (struct fake_ssl){ 0 };
}

void fake_ssl_drop(void)
{
	fake_mqtt_tcp();
	fake.heard = fake.established = true;
	fake_mqtt_lose(0);
}

static void copy(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from ? from : "");
}

int ssl_new(struct ssl **ret, const struct ssl_config *config)
{
	if (fake.new_result)
		return fake.new_result;
	*ret = calloc(1, sizeof(struct ssl));
	ck_assert_ptr_nonnull(*ret);
	ck_assert_uint_eq(fake.made, fake.freed); /* one connection at a time */
	fake.made++;
	fake.config = *config;
	copy(fake.host, sizeof(fake.host), config->host);
	copy(fake.alpn, sizeof(fake.alpn), config->alpn);
	copy(fake.pin, sizeof(fake.pin), config->pin);
	copy(fake.key_uri, sizeof(fake.key_uri), config->key_uri);
	free(fake.roots);
	free(fake.proof);
	ck_assert_ptr_nonnull(fake.roots = strdup(config->roots_pem));
	ck_assert_ptr_nonnull(fake.proof = strndup(config->proof_pem, config->proof_n));
	return 0;
}

struct ssl *ssl_free(struct ssl *s)
{
	if (s)
		fake.freed++;
	free(s);
	return NULL;
}

SSL_CTX *ssl_context(struct ssl *s)
{
	ck_assert_ptr_nonnull(s);
	return (SSL_CTX *)(void *)s;
}

void ssl_restart(struct ssl *s)
{
	ck_assert_ptr_nonnull(s);
	fake.restarts++;
	fake.heard = fake.established = fake.clock_behind = false;
	fake.failure = fake.unread = NULL;
}

void ssl_last_word(struct ssl *s)
{
	ck_assert_ptr_nonnull(s);
	if (!fake.failure)
		fake.failure = fake.unread;
}

void ssl_release(struct ssl *s)
{
	ck_assert_ptr_nonnull(s);
	fake.releases++;
}

bool ssl_heard(const struct ssl *s)
{
	ck_assert_ptr_nonnull(s);
	return fake.heard;
}

bool ssl_established(const struct ssl *s)
{
	ck_assert_ptr_nonnull(s);
	return fake.established;
}

const char *ssl_suite(const struct ssl *s)
{
	ck_assert_ptr_nonnull(s);
	return "TLSv1.3 TLS_AES_256_GCM_SHA384";
}

const char *ssl_failure(const struct ssl *s)
{
	ck_assert_ptr_nonnull(s);
	return fake.failure;
}

bool ssl_clock_behind(const struct ssl *s)
{
	ck_assert_ptr_nonnull(s);
	return fake.clock_behind;
}

bool ssl_proven(const struct ssl *s)
{
	ck_assert_ptr_nonnull(s);
	return fake.proven;
}
