/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/fitness.h"

#include "at/error.h"
#include "fake/pki.h"
#include "fake/suite.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY 86400

static struct pki *ca;
static struct fitness_clock watch;
static char why[FITNESS_MAX_WHY + 1];

static void setup(void)
{
	ca = pki_ca("CA");
	watch = (struct fitness_clock){ .now = time(NULL), .floor = 1700000000, .sure = true };
}

static void teardown(void)
{
	pki_free(ca);
}

static int judge_text(const char *pem, enum fitness_use use)
{
	int r = fitness_judge(pem, strlen(pem), use, &watch, why);

	ck_assert_uint_eq(ERR_peek_error(), 0);
	return r;
}

static int judge(struct pki_order order, enum fitness_use use)
{
	_cleanup_(pki_freep) struct pki *p = NULL;

	order.name = "Somebody";
	order.issuer = order.ca ? NULL : ca;
	p = pki_make(&order);
	return judge_text(p->pem, use);
}

#define fit(use, ...)                                                               \
	do {                                                                        \
		why[0] = '\0';                                                      \
		ck_assert_int_eq(judge((struct pki_order){ __VA_ARGS__ }, use), 0); \
		ck_assert_str_eq(why, "");                                          \
	} while (0)

#define unfit(use, text, ...)                                                                      \
	do {                                                                                       \
		ck_assert_int_eq(judge((struct pki_order){ __VA_ARGS__ }, use), AT_ERR_SIGNATURE); \
		ck_assert_str_eq(why, text);                                                       \
	} while (0)

START_TEST(keys_that_sign_code)
{
	fit(FITNESS_CODE, .key = EVP_EC_gen("P-256"));
	fit(FITNESS_CODE, .key = EVP_EC_gen("P-384"));
	fit(FITNESS_CODE, .key = pki_rsa(2048));
	unfit(FITNESS_CODE, "its key is RSA of 1024 bits, not P-256, P-384, or RSA of 2048 to 4096",
	      .key = pki_rsa(1024));
	unfit(FITNESS_CODE, "its key is EC secp256k1, not P-256, P-384, or RSA of 2048 to 4096",
	      .key = EVP_EC_gen("secp256k1"));
	unfit(FITNESS_CODE, "its key is EC secp224r1, not P-256, P-384, or RSA of 2048 to 4096",
	      .key = EVP_EC_gen("P-224"));
	unfit(FITNESS_CODE, "its key is ED25519, not P-256, P-384, or RSA of 2048 to 4096",
	      .key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
}
END_TEST

START_TEST(keys_of_roots)
{
	fit(FITNESS_ROOT, .ca = true);
	fit(FITNESS_ROOT, .ca = true, .key = EVP_EC_gen("P-521"));
	unfit(FITNESS_ROOT, "its key is weak: RSA of 1024 bits", .ca = true, .key = pki_rsa(1024));
	unfit(FITNESS_ROOT, "its key is weak: EC prime192v1", .ca = true, .key = EVP_EC_gen("P-192"));
}
END_TEST

START_TEST(purposes)
{
	fit(FITNESS_CODE, .usage = "digitalSignature", .purpose = "codeSigning");
	fit(FITNESS_CODE, .usage = "critical,digitalSignature,keyCertSign", .purpose = "clientAuth,codeSigning");
	fit(FITNESS_CODE, .purpose = "anyExtendedKeyUsage");
	fit(FITNESS_CODE, .ca = true);
	unfit(FITNESS_CODE, "its keyUsage is not for signatures", .usage = "keyAgreement");
	unfit(FITNESS_CODE, "its extendedKeyUsage is not for code", .purpose = "serverAuth,clientAuth");
	fit(FITNESS_ROOT, .ca = true, .usage = "keyCertSign,cRLSign");
	unfit(FITNESS_ROOT, "it is no CA certificate", .name = "x");
	unfit(FITNESS_ROOT, "it is no CA certificate", .ca = true, .usage = "digitalSignature");
}
END_TEST

static void expired(enum fitness_use use, bool ca_too)
{
	ck_assert_int_eq(judge((struct pki_order){ .ca = ca_too, .expired = true }, use), AT_ERR_SIGNATURE);
	ck_assert_msg(strncmp(why, "expired on 20", 13) == 0 && strlen(why) == 21, "%s", why);
}

/* What a clock says that nobody synchronises is nothing; what ended before the release has ended all the same. */
START_TEST(dates)
{
	expired(FITNESS_CODE, false);
	expired(FITNESS_ROOT, true);
	ck_assert_int_eq(judge((struct pki_order){ .future = true }, FITNESS_CODE), AT_ERR_SIGNATURE);
	ck_assert_int_eq(strncmp(why, "not valid before 20", 19), 0);
	teardown();
	setup();
	watch.sure = false;
	fit(FITNESS_CODE, .expired = true);
	fit(FITNESS_CODE, .future = true);
	watch.now = 0;
	fit(FITNESS_CODE, .future = true);
	watch.floor = time(NULL) + DAY / 2;
	expired(FITNESS_CODE, false);
	watch.floor = 1700000000;
	watch.sure = true;
	watch.now = time(NULL);
	watch.now += 5000LL * DAY;
	ck_assert_int_eq(judge((struct pki_order){ .ca = true }, FITNESS_ROOT), AT_ERR_SIGNATURE);
	ck_assert_int_eq(strncmp(why, "expired on 20", 13), 0);
}
END_TEST

START_TEST(several_roots)
{
	_cleanup_(pki_freep) struct pki *leaf = pki_leaf("Leaf", ca);
	char text[8192];

	(void)snprintf(text, sizeof(text), "%s\n%s", ca->pem, ca->pem);
	ck_assert_int_eq(judge_text(text, FITNESS_ROOT), 0);
	(void)snprintf(text, sizeof(text), "%s\n%s", ca->pem, leaf->pem);
	ck_assert_int_eq(judge_text(text, FITNESS_ROOT), AT_ERR_SIGNATURE);
	ck_assert_str_eq(why, "it is no CA certificate");
	ck_assert_int_eq(judge_text("", FITNESS_ROOT), AT_ERR_SIGNATURE);
	ck_assert_str_eq(why, "no certificate");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fitness");
	TCase *tc = tcase_create("fitness");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, keys_that_sign_code);
	tcase_add_test(tc, keys_of_roots);
	tcase_add_test(tc, purposes);
	tcase_add_test(tc, dates);
	tcase_add_test(tc, several_roots);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
