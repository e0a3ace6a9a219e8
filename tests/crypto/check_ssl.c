/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/ssl.h"

#include "fake/parties.h"
#include "fake/suite.h"
#include "fake/temp.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static struct parties us;

/* The server in the same process, and what it saw. */
static SSL_CTX *server_ctx;
static char seen_name[256], seen_alpn[64];

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static int on_server_name(SSL *ssl, int *alert, void *userdata)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	(void)userdata;
	(void)snprintf(seen_name, sizeof(seen_name), "%s", name ? name : "");
	return SSL_TLSEXT_ERR_OK;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in, unsigned in_n,
		   void *wanted)
{
	(void)ssl;
	ck_assert_uint_eq(in_n, in[0] + 1U);
	(void)snprintf(seen_alpn, sizeof(seen_alpn), "%.*s", (int)in[0], in + 1);
	if (wanted && strcmp(wanted, seen_alpn) != 0)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = in + 1;
	*out_n = in[0];
	return SSL_TLSEXT_ERR_OK;
}

/* Shows this certificate and asks for one of the vendor's. */
static void server_make(const struct pki *shown, int version)
{
	SSL_CTX_free(server_ctx);
	server_ctx = parties_server(&us, shown, version);
	SSL_CTX_set_tlsext_servername_callback(server_ctx, on_server_name);
	SSL_CTX_set_alpn_select_cb(server_ctx, on_alpn, NULL);
}

static void setup(void)
{
	parties_init(&us);
}

static void teardown(void)
{
	SSL_CTX_free(server_ctx);
	server_ctx = NULL;
	parties_done(&us);
	seen_name[0] = seen_alpn[0] = '\0';
}

static struct ssl *connect_to(const struct pki *shown, int version)
{
	struct ssl *s;

	server_make(shown, version);
	ck_assert_int_eq(ssl_new(&s, &us.config), 0);
	ck_assert(!ssl_established(s));
	ck_assert_ptr_null(ssl_failure(s));
	ck_assert(!ssl_proven(s));
	parties_talk(&us, s, server_ctx);
	return s;
}

/* One handshake with a server of this kind; text NULL: it succeeds. */
static void expect(const struct pki *issuer, const char *names, bool expired, int version, const char *text)
{
	_cleanup_(pki_freep) struct pki *shown = pki_server(issuer, "server", names, expired);
	_cleanup_(ssl_freep) struct ssl *s = connect_to(shown, version);

	if (text) {
		ck_assert_ptr_nonnull(ssl_failure(s));
		ck_assert_str_eq(ssl_failure(s), text);
		ck_assert_uint_le(strlen(ssl_failure(s)), 64);
		ck_assert(!ssl_established(s));
		ck_assert(!ssl_proven(s));
		ck_assert_str_eq(ssl_suite(s), "");
		ck_assert_str_eq(us.seen_peer, "");
	} else {
		ck_assert_ptr_null(ssl_failure(s));
		ck_assert(ssl_established(s));
		ck_assert(ssl_proven(s));
		ck_assert_str_eq(us.seen_peer, "device");
		ck_assert_int_eq(
			strncmp(ssl_suite(s), version == TLS1_3_VERSION ? "TLSv1.3 TLS_" : "TLSv1.2 ECDHE-", 12), 0);
	}
}

START_TEST(right_server)
{
	expect(us.root, "DNS:localhost", false, versions[_i], NULL);
	ck_assert_str_eq(seen_name, "localhost");
	ck_assert_str_eq(seen_alpn, "");
	expect(us.root, "DNS:elsewhere.example,DNS:localhost", false, versions[_i], NULL);
}
END_TEST

START_TEST(wrong_name)
{
	static const char *text = "Server certificate is for another name: check Endpoint";

	expect(us.root, "DNS:elsewhere.example", false, versions[_i], text);
	expect(us.root, "DNS:localhost.example", false, versions[_i], text);
	expect(us.root, "IP:127.0.0.1", false, versions[_i], text);

	/* Part of a label is no name for all. */
	expect(us.root, "DNS:local*", false, versions[_i], text);
}
END_TEST

START_TEST(wildcard_name)
{
	us.config.host = "abc.iot.example.com";
	expect(us.root, "DNS:*.iot.example.com", false, versions[_i], NULL);
	ck_assert_str_eq(seen_name, "abc.iot.example.com");
	expect(us.root, "DNS:a*.iot.example.com", false, versions[_i],
	       "Server certificate is for another name: check Endpoint");
}
END_TEST

START_TEST(address_instead_of_name)
{
	us.config.host = "127.0.0.1";
	us.config.host_is_address = true;
	expect(us.root, "DNS:localhost,IP:127.0.0.1", false, versions[_i], NULL);
	ck_assert_str_eq(seen_name, "");
	expect(us.root, "DNS:127.0.0.1,IP:127.0.0.2", false, versions[_i],
	       "Server certificate is for another name: check Endpoint");
	us.config.host = "::1";
	expect(us.root, "IP:::1", false, versions[_i], NULL);
}
END_TEST

START_TEST(untrusted_root)
{
	expect(us.other_root, "DNS:localhost", false, versions[_i], "Server certificate not trusted: check RootCA");
	expect(NULL, "DNS:localhost", false, versions[_i], "Server certificate not trusted: check RootCA");
}
END_TEST

START_TEST(expired_server)
{
	expect(us.root, "DNS:localhost", true, versions[_i], "Server certificate expired");
}
END_TEST

/* The server's certificate is valid from tomorrow on: the clock is wrong, or not set at all. */
START_TEST(clock_before_the_certificate)
{
	const struct pki_order order = {
		.name = "server", .issuer = us.root, .names = "DNS:localhost", .future = true
	};
	_cleanup_(pki_freep) struct pki *shown = pki_make(&order);
	struct ssl *s;

	us.config.clock_is_sure = true;
	s = connect_to(shown, versions[_i]);
	ck_assert_str_eq(ssl_failure(s), "Server certificate not yet valid: check clock");
	ck_assert(!ssl_clock_behind(s));
	s = ssl_free(s);

	/* Nobody keeps the clock right, or it is before a time that has passed. */
	us.config.clock_is_sure = _i == 0;
	us.config.time_floor = _i == 0 ? time(NULL) + 3600 : 0;
	s = connect_to(shown, versions[_i]);
	ck_assert_str_eq(ssl_failure(s), "Clock not set: check time synchronisation");
	ck_assert(ssl_clock_behind(s));
	ck_assert(!ssl_established(s));
	ssl_restart(s);
	ck_assert(!ssl_clock_behind(s));
	ssl_free(s);
}
END_TEST

/* What had expired at a time that has surely passed has expired, whatever the clock says. */
START_TEST(certificate_before_the_last_known_time)
{
	us.config.time_floor = time(NULL) + 3600;
	expect(us.root, "DNS:localhost", false, versions[_i], NULL);
	us.config.time_floor = time(NULL) + 10000LL * 86400;
	expect(us.root, "DNS:localhost", false, versions[_i], "Server certificate expired");
}
END_TEST

START_TEST(our_certificate_refused)
{
	_cleanup_(pki_freep) struct pki *shown = pki_server(us.root, "server", "DNS:localhost", false);
	_cleanup_(pki_freep) struct pki *foreign = pki_leaf("device", us.other_root);
	_cleanup_(ssl_freep) struct ssl *s = NULL;

	temp_write(us.dir, "device.key", foreign->key_pem, strlen(foreign->key_pem), 0600);
	us.config.certificate_pem = foreign->pem;
	s = connect_to(shown, versions[_i]);
	ck_assert_ptr_nonnull(ssl_failure(s));
	ck_assert_str_eq(ssl_failure(s), "Our certificate was refused: check its registration");

	/* Under TLS 1.3 the server says so when we are through. */
	ck_assert_int_eq(ssl_established(s), versions[_i] == TLS1_3_VERSION);
	ssl_restart(s);
	ck_assert_ptr_null(ssl_failure(s));
	ck_assert(!ssl_established(s));
	ck_assert(!ssl_proven(s));
}
END_TEST

START_TEST(our_certificate_expired)
{
	const struct pki_order order = { .name = "device", .issuer = us.vendor, .key_of = us.device, .expired = true };
	_cleanup_(pki_freep) struct pki *shown = pki_server(us.root, "server", "DNS:localhost", false);
	_cleanup_(pki_freep) struct pki *old = pki_make(&order);
	_cleanup_(ssl_freep) struct ssl *s = NULL;

	us.config.certificate_pem = old->pem;
	s = connect_to(shown, versions[_i]);
	ck_assert_ptr_nonnull(ssl_failure(s));
	ck_assert_str_eq(ssl_failure(s), "Our certificate has expired, says the server");
}
END_TEST

START_TEST(again_with_the_same_context)
{
	_cleanup_(pki_freep) struct pki *bad = pki_server(us.other_root, "server", "DNS:localhost", false);
	_cleanup_(pki_freep) struct pki *good = pki_server(us.root, "server", "DNS:localhost", false);
	_cleanup_(ssl_freep) struct ssl *s = connect_to(bad, versions[_i]);

	ck_assert_ptr_nonnull(ssl_failure(s));
	ssl_restart(s);
	server_make(good, versions[_i]);
	parties_talk(&us, s, server_ctx);
	ck_assert_ptr_null(ssl_failure(s));
	ck_assert(ssl_established(s));
	ssl_restart(s);
	server_make(bad, versions[_i]);
	parties_talk(&us, s, server_ctx);
	ck_assert(!ssl_established(s));
	ck_assert(!ssl_proven(s));
}
END_TEST

START_TEST(alpn)
{
	us.config.alpn = "x-amzn-mqtt-ca";
	expect(us.root, "DNS:localhost", false, versions[_i], NULL);
	ck_assert_str_eq(seen_alpn, "x-amzn-mqtt-ca");
}
END_TEST

START_TEST(alpn_refused)
{
	_cleanup_(pki_freep) struct pki *shown = pki_server(us.root, "server", "DNS:localhost", false);
	_cleanup_(ssl_freep) struct ssl *s = NULL;
	char wanted[] = "http/1.1";

	us.config.alpn = "x-amzn-mqtt-ca";
	server_make(shown, versions[_i]);
	SSL_CTX_set_alpn_select_cb(server_ctx, on_alpn, wanted);
	ck_assert_int_eq(ssl_new(&s, &us.config), 0);
	parties_talk(&us, s, server_ctx);
	ck_assert_ptr_nonnull(ssl_failure(s));
	ck_assert_str_eq(ssl_failure(s), "Server refused ALPN: check the port of Endpoint");
}
END_TEST

/* Which of several roots has shown itself. */
START_TEST(proven_root)
{
	_cleanup_(pki_freep) struct pki *old = pki_server(us.other_root, "server", "DNS:localhost", false);
	_cleanup_(pki_freep) struct pki *new = pki_server(us.root, "server", "DNS:localhost", false);
	_cleanup_(ssl_freep) struct ssl *s = NULL;
	char roots[16384];

	(void)snprintf(roots, sizeof(roots), "%s\n%s", us.root->pem, us.other_root->pem);
	us.config.roots_pem = roots;
	s = connect_to(old, versions[_i]);
	ck_assert(ssl_established(s));
	ck_assert(!ssl_proven(s));
	ssl_restart(s);
	server_make(new, versions[_i]);
	parties_talk(&us, s, server_ctx);
	ck_assert(ssl_established(s));
	ck_assert(ssl_proven(s));
}
END_TEST

/* An intermediate that the user chose to trust is a root. */
START_TEST(trusted_intermediate)
{
	const struct pki_order order = { .name = "Intermediate CA", .issuer = us.root, .ca = true };
	_cleanup_(pki_freep) struct pki *intermediate = pki_make(&order);

	us.config.roots_pem = us.config.proof_pem = intermediate->pem;
	us.config.proof_n = strlen(intermediate->pem);
	expect(intermediate, "DNS:localhost", false, versions[_i], NULL);
	expect(us.root, "DNS:localhost", false, versions[_i], "Server certificate not trusted: check RootCA");
}
END_TEST

static void assert_refused(int expected)
{
	struct ssl *s = NULL;

	ck_assert_int_eq(ssl_new(&s, &us.config), expected);
	ck_assert_ptr_null(s);

	/* Errors left behind would be taken for those of the next connection. */
	ck_assert_uint_eq(ERR_peek_error(), 0);
}

START_TEST(unusable_roots)
{
	us.config.roots_pem = "";
	assert_refused(-EBADMSG);
	us.config.roots_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
	assert_refused(-EBADMSG);
}
END_TEST

START_TEST(unusable_certificate)
{
	us.config.certificate_pem = "no certificate";
	assert_refused(-EBADMSG);
}
END_TEST

START_TEST(unusable_key)
{
	_cleanup_(pki_freep) struct pki *stranger = pki_leaf("stranger", us.vendor);

	temp_text(us.dir, "device.key", "no key");
	assert_refused(-EBADMSG);
	temp_text(us.dir, "device.key", stranger->key_pem);
	assert_refused(-EKEYREJECTED);
	free((char *)(uintptr_t)us.config.key_uri);
	us.config.key_uri = strdup("/nonexistent/key");
	assert_refused(-ENOENT);
}
END_TEST

START_TEST(no_proof)
{
	struct ssl *s;

	us.config.proof_pem = "";
	us.config.proof_n = 0;
	ck_assert_int_eq(ssl_new(&s, &us.config), 0);
	ck_assert(!ssl_proven(s));
	ck_assert_uint_eq(ERR_peek_error(), 0);
	ck_assert_ptr_null(ssl_free(s));
	ck_assert_ptr_null(ssl_free(NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ssl");
	TCase *tc = tcase_create("ssl");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, right_server, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, wrong_name, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, wildcard_name, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, address_instead_of_name, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, untrusted_root, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, expired_server, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, clock_before_the_certificate, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, certificate_before_the_last_known_time, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, our_certificate_refused, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, our_certificate_expired, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, again_with_the_same_context, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, alpn, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, alpn_refused, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, proven_root, 0, ELEMENTS(versions));
	tcase_add_loop_test(tc, trusted_intermediate, 0, ELEMENTS(versions));
	tcase_add_test(tc, unusable_roots);
	tcase_add_test(tc, unusable_certificate);
	tcase_add_test(tc, unusable_key);
	tcase_add_test(tc, no_proof);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
