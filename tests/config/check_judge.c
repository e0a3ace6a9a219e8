/* SPDX-License-Identifier: Apache-2.0 */
#include "config/judge.h"

#include "at/error.h"
#include "fake/pki.h"
#include "fake/suite.h"

#include <stdio.h>
#include <string.h>

static struct pki *ca, *other, *below;

static void setup(void)
{
	ca = pki_ca("Vendor CA");
	other = pki_ca("Another CA");
	below = pki_leaf("below", ca);
}

static void teardown(void)
{
	pki_free(ca);
	pki_free(other);
	pki_free(below);
}

/* The result, and what is kept has to be expected. */
static int change(enum key_id id, const char *present, const char *value, const char *expected)
{
	_cleanup_(freep) char *kept = NULL;
	size_t n = 0;
	int r = judge_change(keys_row(id), present, strlen(present), value, strlen(value), &kept, &n);

	ck_assert_int_eq(!kept, r != 0);
	if (r == 0) {
		ck_assert_str_eq(kept, expected ? expected : value);
		ck_assert_uint_eq(n, strlen(kept));
	}
	return r;
}

static const struct {
	enum key_id id;
	size_t size;
} texts[] = {
	{ KEY_CUSTOMNAME, 128 }, { KEY_ENDPOINT, 128 }, { KEY_SSID, 32 },
	{ KEY_PASSPHRASE, 64 },  { KEY_APN, 128 },      { KEY_TOPIC, 128 },
};

START_TEST(texts_of_any_bytes_up_to_their_size)
{
	const struct key_row *row = keys_row(texts[_i].id);
	char bytes[200];
	char *kept;
	size_t n;

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 37);
	for (size_t length = 0; length < sizeof(bytes); length++) {
		int r = judge_change(row, NULL, 0, bytes, length, &kept, &n);

		ck_assert_int_eq(r, length <= texts[_i].size ? 0 : AT_ERR_PARAMETER);
		if (r)
			continue;
		ck_assert_uint_eq(n, length);
		ck_assert_mem_eq(kept, bytes, length);
		ck_assert_int_eq(kept[n], '\0');
		free(kept);
	}
}
END_TEST

/* NULL: refused. */
static const struct {
	enum key_id id;
	const char *value, *kept;
} numbers[] = {
	{ KEY_QOS_ID, "0", "0" },
	{ KEY_QOS_ID, "1", "1" },
	{ KEY_QOS_ID, "2", NULL },
	{ KEY_QOS_ID, "", NULL },
	{ KEY_QOS_ID, "01", NULL },
	{ KEY_QOS_ID, " 1", NULL },
	{ KEY_QOS_ID, "-1", NULL },
	{ KEY_DEFENDER, "0", "0" },
	{ KEY_DEFENDER, "00", "0" },
	{ KEY_DEFENDER, "1", "1" },
	{ KEY_DEFENDER, "0000000000300", "300" },
	{ KEY_DEFENDER, "2592000", "2592000" },
	{ KEY_DEFENDER, "2592001", NULL },
	{ KEY_DEFENDER, "18446744073709551616", NULL },
	{ KEY_DEFENDER, "", NULL },
	{ KEY_DEFENDER, " 1", NULL },
	{ KEY_DEFENDER, "1 ", NULL },
	{ KEY_DEFENDER, "-1", NULL },
	{ KEY_DEFENDER, "+1", NULL },
	{ KEY_DEFENDER, "1.0", NULL },
	{ KEY_DEFENDER, "0x10", NULL },
};

START_TEST(numbers_are_strict)
{
	ck_assert_int_eq(change(numbers[_i].id, "0", numbers[_i].value, numbers[_i].kept),
			 numbers[_i].kept ? 0 : AT_ERR_PARAMETER);
}
END_TEST

START_TEST(no_certificate_no_value)
{
	static const enum key_id ids[] = { KEY_ROOTCA, KEY_HOTACERTIFICATE, KEY_OTACERTIFICATE };

	for (size_t i = 0; i < ELEMENTS(ids); i++) {
		ck_assert_int_eq(change(ids[i], ca->pem, "x", NULL), AT_ERR_PARAMETER);
		ck_assert_int_eq(change(ids[i], ca->pem, "pem", NULL), AT_ERR_PARAMETER);
		ck_assert_int_eq(change(ids[i], ca->pem, ca->key_pem, NULL), AT_ERR_PARAMETER);
		ck_assert_int_eq(change(ids[i], "", "x", NULL), AT_ERR_PARAMETER);
	}
}
END_TEST

START_TEST(only_roots_may_be_several)
{
	char *two;

	ck_assert_int_ge(asprintf(&two, "%s\n%s", ca->pem, other->pem), 0);
	ck_assert_int_eq(change(KEY_ROOTCA, ca->pem, two, NULL), 0);
	ck_assert_int_eq(change(KEY_HOTACERTIFICATE, "", two, NULL), AT_ERR_PARAMETER);
	ck_assert_int_eq(change(KEY_OTACERTIFICATE, ca->pem, two, NULL), AT_ERR_PARAMETER);
	free(two);
}
END_TEST

START_TEST(too_large_certificates_are_refused)
{
	_cleanup_(pki_freep) struct pki *big =
		pki_make(&(struct pki_order){ .name = "big", .ca = true, .padding = 12500 });
	_cleanup_(pki_freep) struct pki *fits =
		pki_make(&(struct pki_order){ .name = "fits", .ca = true, .padding = 10000 });

	ck_assert_uint_gt(strlen(big->pem), 16384);
	ck_assert_int_eq(change(KEY_HOTACERTIFICATE, "", big->pem, NULL), AT_ERR_PARAMETER);
	ck_assert_int_eq(change(KEY_ROOTCA, ca->pem, big->pem, NULL), AT_ERR_PARAMETER);
	ck_assert_int_eq(change(KEY_HOTACERTIFICATE, "", fits->pem, NULL), 0);
	ck_assert_int_eq(change(KEY_ROOTCA, ca->pem, fits->pem, NULL), 0);
}
END_TEST

START_TEST(is_kept_in_canonical_form)
{
	char *text;

	ck_assert_int_ge(asprintf(&text, "\r\n%s\r\n", ca->pem), 0);
	ck_assert_int_eq(change(KEY_HOTACERTIFICATE, "", text, ca->pem), 0);
	free(text);
}
END_TEST

/* guide 8.11 */
START_TEST(certificate_of_the_host)
{
	_cleanup_(pki_freep) struct pki *forged = pki_make(&(struct pki_order){ .name = "forged", .forged = true });
	_cleanup_(pki_freep) struct pki *orphan = pki_leaf("orphan", other);

	/* Any first one, but one that contradicts itself. */
	ck_assert_int_eq(change(KEY_HOTACERTIFICATE, "", ca->pem, NULL), 0);
	ck_assert_int_eq(change(KEY_HOTACERTIFICATE, "", orphan->pem, NULL), 0);
	ck_assert_int_eq(change(KEY_HOTACERTIFICATE, "", forged->pem, NULL), AT_ERR_SIGNATURE);
	/* Then only those that follow. */
	ck_assert_int_eq(change(KEY_HOTACERTIFICATE, ca->pem, below->pem, NULL), 0);
	ck_assert_int_eq(change(KEY_HOTACERTIFICATE, ca->pem, orphan->pem, NULL), AT_ERR_SIGNATURE);
	ck_assert_int_eq(change(KEY_HOTACERTIFICATE, ca->pem, other->pem, NULL), AT_ERR_SIGNATURE);
	ck_assert_int_eq(change(KEY_HOTACERTIFICATE, below->pem, ca->pem, NULL), AT_ERR_SIGNATURE);
	/* The present one, even where it did not sign itself. */
	ck_assert_int_eq(change(KEY_HOTACERTIFICATE, below->pem, below->pem, NULL), 0);
	ck_assert_int_eq(change(KEY_HOTACERTIFICATE, "", "", NULL), 0);
	ck_assert_int_eq(change(KEY_HOTACERTIFICATE, ca->pem, "", NULL), AT_ERR_SIGNATURE);
}
END_TEST

/* guide 8.6.1.3 */
START_TEST(certificate_of_the_module)
{
	ck_assert_int_eq(change(KEY_OTACERTIFICATE, ca->pem, below->pem, NULL), 0);
	ck_assert_int_eq(change(KEY_OTACERTIFICATE, ca->pem, ca->pem, NULL), 0);
	ck_assert_int_eq(change(KEY_OTACERTIFICATE, below->pem, below->pem, NULL), 0);
	ck_assert_int_eq(change(KEY_OTACERTIFICATE, ca->pem, other->pem, NULL), AT_ERR_SIGNATURE);
	/* None from the factory: nobody may set the first. */
	ck_assert_int_eq(change(KEY_OTACERTIFICATE, "", ca->pem, NULL), AT_ERR_SIGNATURE);
	ck_assert_int_eq(change(KEY_OTACERTIFICATE, "", "", NULL), AT_ERR_PARAMETER);
	ck_assert_int_eq(change(KEY_OTACERTIFICATE, ca->pem, "", NULL), AT_ERR_PARAMETER);
}
END_TEST

/* guide 8.12 */
START_TEST(roots_of_the_server)
{
	_cleanup_(pki_freep) struct pki *middle =
		pki_make(&(struct pki_order){ .name = "middle", .ca = true, .issuer = ca });

	ck_assert_int_eq(change(KEY_ROOTCA, ca->pem, other->pem, NULL), 0);
	ck_assert_int_eq(change(KEY_ROOTCA, ca->pem, middle->pem, NULL), 0);
	ck_assert_int_eq(change(KEY_ROOTCA, other->pem, middle->pem, NULL), AT_ERR_SIGNATURE);
	ck_assert_int_eq(change(KEY_ROOTCA, ca->pem, below->pem, NULL), AT_ERR_SIGNATURE);
	ck_assert_int_eq(change(KEY_ROOTCA, "", other->pem, NULL), 0);
	ck_assert_int_eq(change(KEY_ROOTCA, ca->pem, "", NULL), AT_ERR_PARAMETER);
	ck_assert_int_eq(change(KEY_ROOTCA, "", "", NULL), AT_ERR_PARAMETER);
	/* From the settings there may be one that is no CA. */
	ck_assert_int_eq(change(KEY_ROOTCA, below->pem, below->pem, NULL), 0);
}
END_TEST

START_TEST(form_does_not_ask_for_signatures)
{
	char *kept;
	size_t n;

	ck_assert_int_eq(judge_form(keys_row(KEY_ROOTCA), below->pem, strlen(below->pem), &kept, &n), 0);
	ck_assert_str_eq(kept, below->pem);
	free(kept);
	ck_assert_int_eq(judge_form(keys_row(KEY_ROOTCA), "", 0, &kept, &n), AT_ERR_PARAMETER);
	ck_assert_int_eq(judge_form(keys_row(KEY_DEFENDER), "x", 1, &kept, &n), AT_ERR_PARAMETER);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("judge");
	TCase *c = tcase_create("judge");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, texts_of_any_bytes_up_to_their_size, 0, ELEMENTS(texts));
	tcase_add_loop_test(c, numbers_are_strict, 0, ELEMENTS(numbers));
	tcase_add_test(c, no_certificate_no_value);
	tcase_add_test(c, only_roots_may_be_several);
	tcase_add_test(c, too_large_certificates_are_refused);
	tcase_add_test(c, is_kept_in_canonical_form);
	tcase_add_test(c, certificate_of_the_host);
	tcase_add_test(c, certificate_of_the_module);
	tcase_add_test(c, roots_of_the_server);
	tcase_add_test(c, form_does_not_ask_for_signatures);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
