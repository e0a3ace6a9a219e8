/* SPDX-License-Identifier: Apache-2.0 */
#include "control/certificates.h"

#include "fake/pki.h"
#include "fake/suite.h"

#include <stdio.h>
#include <string.h>

static struct json j;
static cJSON *array;

static void setup(void)
{
	json_init(&j);
	array = json_array(&j, NULL, "c");
}

static void teardown(void)
{
	json_done(&j);
}

START_TEST(several)
{
	struct pki *ca = pki_ca("The CA"), *leaf = pki_leaf("a leaf", ca);
	char *pem, *text;
	int n = asprintf(&pem, "%s\n%s", ca->pem, leaf->pem);

	certificates_add(&j, array, "RootCA", pem, (size_t)n);
	text = json_print(&j);
	ck_assert_ptr_nonnull(
		strstr(text, "[{\"use\":\"RootCA\",\"subject\":\"The CA\",\"issuer\":\"The CA\",\"serial\":\""));
	ck_assert_ptr_nonnull(
		strstr(text, "},{\"use\":\"RootCA\",\"subject\":\"a leaf\",\"issuer\":\"The CA\",\"serial\":\""));
	ck_assert_ptr_nonnull(strstr(text, "\"not_before\":\"20"));
	ck_assert_ptr_nonnull(strstr(text, "Z\"}]}"));
	ck_assert_ptr_null(strstr(strstr(text, "a leaf"), "},{"));
	free(text);
	free(pem);
	pki_free(leaf);
	pki_free(ca);
}
END_TEST

static void expect(const char *pem, const char *wanted)
{
	char *text;

	certificates_add(&j, array, "own", pem, strlen(pem));
	text = json_print(&j);
	ck_assert_str_eq(text, wanted);
	free(text);
}

START_TEST(none)
{
	expect("", "{\"c\":[]}");
}
END_TEST

START_TEST(one_that_cannot_be_read)
{
	expect("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	       "{\"c\":[{\"use\":\"own\",\"subject\":\"?\",\"issuer\":\"?\",\"serial\":\"\",\"not_before\":\"\","
	       "\"not_after\":\"\"}]}");
}
END_TEST

START_TEST(one_that_is_not_fit)
{
	static const char *const uses[] = { "OTAcertificate", "HOTAcertificate", "RootCA" };
	struct pki *server = pki_make(&(struct pki_order){ .name = "Server", .purpose = "serverAuth" });
	struct pki *old = pki_make(&(struct pki_order){ .name = "Old", .expired = true });
	char *text;

	certificates_add(&j, array, uses[_i], old->pem, strlen(old->pem));
	text = json_print(&j);
	ck_assert_ptr_null(strstr(text, "unfit"));
	free(text);
	certificates_add(&j, array, uses[_i], server->pem, strlen(server->pem));
	text = json_print(&j);
	ck_assert((strstr(text, "\"unfit\":\"its extendedKeyUsage is not for code\"") != NULL) == (_i < 2));
	free(text);
	pki_free(server);
	pki_free(old);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("certificates");
	TCase *tc = tcase_create("certificates");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, several);
	tcase_add_test(tc, none);
	tcase_add_test(tc, one_that_cannot_be_read);
	tcase_add_loop_test(tc, one_that_is_not_fit, 0, 3);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
