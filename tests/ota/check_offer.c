/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/offer.h"

#include "cloud/streams.h"
#include "config.h"
#include "fake/pki.h"
#include "fake/rig.h"
#include "fake/suite.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct rig rig;
static struct pki *host, *module, *stranger;
static const unsigned char digest[IMAGE_DIGEST] = { 1, 2, 3 };
static char reason[DOCUMENT_MAX_REASON + 1];

static const char settings[] = "[OTA]\nMaxImageSize=64K\nManufacturer=Vendor\nModel=Model T\nRequireHostSignature=%s\n";

static void make(const char *require)
{
	char text[256];

	(void)snprintf(text, sizeof(text), settings, require);
	rig_make_dict(&rig, text);
	free(rig.settings->ota_certificate_pem);
	rig.settings->ota_certificate_pem = strdup(module->pem);
}

static void setup(void)
{
	host = pki_leaf("Host OTA", NULL);
	module = pki_leaf("Module OTA", NULL);
	stranger = pki_leaf("Host OTA", NULL);
	make("no");
}

static void teardown(void)
{
	rig_done(&rig);
	pki_free(host);
	pki_free(module);
	pki_free(stranger);
}

static struct document image(enum document_type type)
{
	return (struct document){ .type = type, .size = 1000, .stream = "stream" };
}

static void sign(struct document *d, const struct pki *signer)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(signer->key, NULL);

	d->digest = DOCUMENT_SHA256_ECDSA;
	d->signature_n = sizeof(d->signature);
	ck_assert(ctx && EVP_PKEY_sign_init(ctx) == 1);
	ck_assert_int_eq(EVP_PKEY_sign(ctx, d->signature, &d->signature_n, digest, sizeof(digest)), 1);
	EVP_PKEY_CTX_free(ctx);
}

static int judge(const struct document *d)
{
	const struct offer_rules rules = offer_rules(rig.settings, rig.dict, rig.epoch);

	return offer_judge(d, &rules, reason);
}

static int verify(const struct document *d)
{
	const struct offer_rules rules = offer_rules(rig.settings, rig.dict, rig.epoch);

	return offer_verify(d, &rules, digest, reason);
}

#define refused(what, why)                     \
	do {                                   \
		ck_assert_int_lt(what, 0);     \
		ck_assert_str_eq(reason, why); \
	} while (0)

START_TEST(a_host_image_of_anybody)
{
	struct document d = image(DOCUMENT_HOST_IMAGE);

	/* Without HOTAcertificate whatever is there is not looked at. */
	ck_assert_int_eq(judge(&d), 0);
	ck_assert_int_eq(verify(&d), 0);
	d.digest = DOCUMENT_SHA1;
	ck_assert_int_eq(judge(&d), 0);
	ck_assert_int_eq(verify(&d), 0);
	sign(&d, stranger);
	ck_assert_int_eq(judge(&d), 0);
	ck_assert_int_eq(verify(&d), 0);
	strcpy(d.manufacturer, "Somebody");
	ck_assert_int_eq(judge(&d), 0);
}
END_TEST

START_TEST(a_host_image_with_a_certificate)
{
	struct document d = image(DOCUMENT_HOST_IMAGE);

	ck_assert_int_eq(rig_set(&rig, "HOTAcertificate", host->pem), 0);
	ck_assert_int_eq(judge(&d), 0);
	ck_assert_int_eq(verify(&d), 0);
	sign(&d, host);
	ck_assert_int_eq(judge(&d), 0);
	ck_assert_int_eq(verify(&d), 0);
	sign(&d, stranger);
	ck_assert_int_eq(judge(&d), 0);
	refused(verify(&d), "Invalid signature, by HOTAcertificate: does not verify");
	sign(&d, host);
	d.digest = DOCUMENT_SHA256_RSA;
	refused(verify(&d), "Invalid signature, by HOTAcertificate: wrong kind of key");
	d.digest = DOCUMENT_SHA1;
	refused(judge(&d), "A signature over SHA-1 is not accepted");
	refused(verify(&d), "A signature over SHA-1 is not accepted");
	d.digest = DOCUMENT_OTHER;
	refused(judge(&d), "The signature is of an unknown kind");
	d.digest = DOCUMENT_SHA256_ECDSA;
	d.signature_n = 0;
	refused(judge(&d), "The signature cannot be read");
}
END_TEST

START_TEST(a_host_image_that_has_to_be_signed)
{
	struct document d = image(DOCUMENT_HOST_IMAGE);

	rig_done(&rig);
	make("yes");
	ck_assert_int_eq(judge(&d), 0);
	ck_assert_int_eq(rig_set(&rig, "HOTAcertificate", host->pem), 0);
	refused(judge(&d), "No signature, which is required");
	refused(verify(&d), "No signature, which is required");
	sign(&d, host);
	ck_assert_int_eq(judge(&d), 0);
	ck_assert_int_eq(verify(&d), 0);
}
END_TEST

START_TEST(a_module_image)
{
	struct document d = image(DOCUMENT_MODULE_IMAGE);

	refused(judge(&d), "No signature, which is required");
	sign(&d, module);
	ck_assert_int_eq(judge(&d), 0);
	ck_assert_int_eq(verify(&d), 0);
	sign(&d, host);
	ck_assert_int_eq(rig_set(&rig, "HOTAcertificate", host->pem), 0);
	refused(verify(&d), "Invalid signature, by OTAcertificate: does not verify");
}
END_TEST

START_TEST(a_module_image_without_a_certificate)
{
	struct document d = image(DOCUMENT_MODULE_IMAGE);

	sign(&d, module);
	rig.settings->ota_certificate_pem[0] = '\0';
	refused(judge(&d), "No OTAcertificate to verify the signature with");
	refused(verify(&d), "No OTAcertificate to verify the signature with");
}
END_TEST

START_TEST(a_module_image_for_others)
{
	struct document d = image(DOCUMENT_MODULE_IMAGE);

	sign(&d, module);
	strcpy(d.manufacturer, "Vendor");
	strcpy(d.model, "Model T");
	ck_assert_int_eq(judge(&d), 0);
	strcpy(d.manufacturer, "Somebody");
	refused(judge(&d), "Made for manufacturer Somebody");
	strcpy(d.manufacturer, "");
	strcpy(d.model, "Model A");
	refused(judge(&d), "Made for model Model A");

	/* As long as nobody says what this is, anything goes. */
	rig.settings->model[0] = rig.settings->manufacturer[0] = '\0';
	ck_assert_int_eq(judge(&d), 0);
}
END_TEST

START_TEST(sizes)
{
	struct document d = image(DOCUMENT_HOST_IMAGE);

	d.size = 65536;
	ck_assert_int_eq(judge(&d), 0);
	d.size = 65537;
	refused(judge(&d), "65537 bytes, MaxImageSize is 65536");
	d.type = DOCUMENT_MODULE_IMAGE;
	sign(&d, module);
	ck_assert_int_eq(judge(&d), 0);
}
END_TEST

START_TEST(versions)
{
	struct document d = image(DOCUMENT_MODULE_IMAGE);
	static const char *const taken[] = { "", "99.0", "v99.1.2-rc1", "v9", "NA", PACKAGE_VERSION "-1" };

	sign(&d, module);
	for (size_t i = 0; i < ELEMENTS(taken); i++) {
		strcpy(d.version, taken[i]);
		ck_assert_int_eq(judge(&d), 0);
	}
	strcpy(d.version, "v" PACKAGE_VERSION);
	refused(judge(&d), "Version v" PACKAGE_VERSION " is running already");
	strcpy(d.version, "0.9");
	refused(judge(&d), "Version 0.9 is older than " PACKAGE_VERSION ", which is running");
	d.force = true;
	ck_assert_int_lt(judge(&d), 0);

	/* The host's are its own business. */
	d = image(DOCUMENT_HOST_IMAGE);
	strcpy(d.version, "0.9");
	ck_assert_int_eq(judge(&d), 0);
}
END_TEST

static struct pki *make_signer(struct pki_order order)
{
	order.name = "Signer";
	return pki_make(&order);
}

START_TEST(signers_that_are_not_fit)
{
	_cleanup_(pki_freep) struct pki *old = make_signer((struct pki_order){ .expired = true });
	_cleanup_(pki_freep) struct pki *server = make_signer((struct pki_order){ .purpose = "serverAuth" });
	_cleanup_(pki_freep) struct pki *weak = make_signer((struct pki_order){ .key = pki_rsa(1024) });
	struct document d = image(DOCUMENT_HOST_IMAGE);

	/* The clock is not set: its word on dates counts for nothing. */
	ck_assert_int_eq(rig_set(&rig, "HOTAcertificate", old->pem), 0);
	sign(&d, old);
	ck_assert_int_eq(judge(&d), 0);
	ck_assert_int_eq(verify(&d), 0);
	epoch_note(rig.epoch, time(NULL));
	ck_assert_int_lt(judge(&d), 0);
	ck_assert_ptr_eq(strstr(reason, "HOTAcertificate: expired on 20"), reason);
	ck_assert_int_lt(verify(&d), 0);

	/* What is not signed needs no signer. */
	d.digest = DOCUMENT_UNSIGNED;
	ck_assert_int_eq(judge(&d), 0);

	d = image(DOCUMENT_MODULE_IMAGE);
	sign(&d, server);
	free(rig.settings->ota_certificate_pem);
	rig.settings->ota_certificate_pem = strdup(server->pem);
	refused(judge(&d), "OTAcertificate: its extendedKeyUsage is not for code");
	refused(verify(&d), "OTAcertificate: its extendedKeyUsage is not for code");
	free(rig.settings->ota_certificate_pem);
	rig.settings->ota_certificate_pem = strdup(weak->pem);
	refused(judge(&d), "OTAcertificate: its key is RSA of 1024 bits, not P-256, P-384, or RSA of 2048 to 4096");
}
END_TEST

/* --- certificates --- */

START_TEST(certificates)
{
	struct document d = image((enum document_type)_i);

	if (!document_is_certificate(d.type))
		return;
	ck_assert_int_eq(judge(&d), 0);

	/* It is signed in itself: whatever else is there is not looked at. */
	d.digest = DOCUMENT_SHA1;
	ck_assert_int_eq(judge(&d), 0);
	d.size = 32768;
	ck_assert_int_eq(judge(&d), 0);
	d.size = 32769;
	refused(judge(&d), "32769 bytes, a certificate has at most 32768");
	d.size = 1000;
	rig.settings->ota_certificate_pem[0] = '\0';
	if (_i == DOCUMENT_OTA_CERTIFICATE)
		refused(judge(&d), "No OTAcertificate to verify the new one with");
	else
		ck_assert_int_eq(judge(&d), 0);
}
END_TEST

static int read_certificate(enum document_type type, const struct pki *p, const char *expected)
{
	const struct offer_rules rules = offer_rules(rig.settings, rig.dict, rig.epoch);
	struct document d = image(type);
	_cleanup_(freep) char *pem = NULL;
	size_t n;
	int r = offer_read_certificate(&d, &rules, p->pem, strlen(p->pem), &pem, &n, reason);

	if (r == 0) {
		ck_assert_str_eq(pem, expected);
		ck_assert_uint_eq(n, strlen(pem));
	}
	return r;
}

START_TEST(files)
{
	_cleanup_(pki_freep) struct pki *ca = pki_ca("Root");
	_cleanup_(pki_freep) struct pki *old = make_signer((struct pki_order){ .expired = true });
	struct pki junk = { .pem = (char[]){ "hello" } };

	ck_assert_int_eq(read_certificate(DOCUMENT_OTA_CERTIFICATE, host, host->pem), 0);
	ck_assert_int_eq(read_certificate(DOCUMENT_HOST_CERTIFICATE, host, host->pem), 0);
	ck_assert_int_eq(read_certificate(DOCUMENT_ROOT_CERTIFICATE, ca, ca->pem), 0);
	refused(read_certificate(DOCUMENT_ROOT_CERTIFICATE, host, NULL),
		"The certificate cannot be used: it is no CA certificate");
	refused(read_certificate(DOCUMENT_OTA_CERTIFICATE, &junk, NULL),
		"The file is no certificate in PEM or DER form");
	refused(read_certificate(DOCUMENT_ROOT_CERTIFICATE, &junk, NULL),
		"The file is no certificate in PEM or DER form, nor several");
	ck_assert_int_eq(read_certificate(DOCUMENT_HOST_CERTIFICATE, old, old->pem), 0);
	epoch_note(rig.epoch, time(NULL));
	ck_assert_int_lt(read_certificate(DOCUMENT_HOST_CERTIFICATE, old, NULL), 0);
	ck_assert_ptr_eq(strstr(reason, "The certificate cannot be used: expired on 20"), reason);
}
END_TEST

START_TEST(only_over_https)
{
	struct document d = image(DOCUMENT_HOST_IMAGE);

	d.stream[0] = '\0';
	strcpy(d.url, "https://example.com/image");
	ck_assert_int_eq(judge(&d), 0);
}
END_TEST

START_TEST(larger_than_a_stream)
{
	struct document d = image(DOCUMENT_MODULE_IMAGE);

	sign(&d, module);
	d.size = STREAMS_MAX_SIZE;
	ck_assert_int_eq(judge(&d), 0);
	d.size++;
	refused(judge(&d), "More than a stream carries, and not offered over HTTPS");
	strcpy(d.url, "https://example.com/image");
	ck_assert_int_eq(judge(&d), 0);
}
END_TEST

START_TEST(the_same)
{
	struct document a = image(DOCUMENT_HOST_IMAGE), b;

	sign(&a, host);
	b = a;
	strcpy(b.url, "https://example.com/another");
	strcpy(b.text, "another text");
	ck_assert(offer_is_same(&a, &b));
	b.size++;
	ck_assert(!offer_is_same(&a, &b));
	b = a;
	strcpy(b.stream, "stream2");
	ck_assert(!offer_is_same(&a, &b));
	b = a;
	b.file = 1;
	ck_assert(!offer_is_same(&a, &b));
	b = a;
	b.type = DOCUMENT_MODULE_IMAGE;
	ck_assert(!offer_is_same(&a, &b));
	b = a;
	b.signature[3] ^= 1;
	ck_assert(!offer_is_same(&a, &b));
	b = a;
	b.signature_n--;
	ck_assert(!offer_is_same(&a, &b));
	b = a;
	b.digest = DOCUMENT_UNSIGNED;
	ck_assert(!offer_is_same(&a, &b));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("offer");
	TCase *tc = tcase_create("offer");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_host_image_of_anybody);
	tcase_add_test(tc, a_host_image_with_a_certificate);
	tcase_add_test(tc, a_host_image_that_has_to_be_signed);
	tcase_add_test(tc, a_module_image);
	tcase_add_test(tc, a_module_image_without_a_certificate);
	tcase_add_test(tc, a_module_image_for_others);
	tcase_add_test(tc, sizes);
	tcase_add_test(tc, versions);
	tcase_add_test(tc, signers_that_are_not_fit);
	tcase_add_loop_test(tc, certificates, 101, 205);
	tcase_add_test(tc, files);
	tcase_add_test(tc, only_over_https);
	tcase_add_test(tc, larger_than_a_stream);
	tcase_add_test(tc, the_same);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
