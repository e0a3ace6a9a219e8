/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/document.h"

#include "fake/draft.h"
#include "fake/suite.h"
#include "ota/image.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* --- documents as they come --- */

/* CreateOTAUpdate over MQTT, signed. */
START_TEST(over_mqtt)
{
	struct document d = draft_accepted(
		"{\"afr_ota\":{\"protocols\":[\"MQTT\"],"
		"\"streamname\":\"AFR_OTA-2f6c9a04-77aa-4c1e-9d0b-5e3f1c2b8a90\",\"files\":[{\"filepath\":null,"
		"\"filesize\":366816,\"fileid\":0,\"certfile\":\"signer\",\"fileType\":101,"
		"\"update_data_url\":null,\"auth_scheme\":null,\"sig-sha256-ecdsa\":\"MAYCAQECAQI=\"}]}}");

	ck_assert_int_eq(d.type, DOCUMENT_MODULE_IMAGE);
	ck_assert_uint_eq(d.size, 366816);
	ck_assert_uint_eq(d.file, 0);
	ck_assert_str_eq(d.stream, "AFR_OTA-2f6c9a04-77aa-4c1e-9d0b-5e3f1c2b8a90");
	ck_assert_str_eq(d.url, "");
	ck_assert_int_eq(d.digest, DOCUMENT_SHA256_ECDSA);
	ck_assert_uint_eq(d.signature_n, 8);
	ck_assert_mem_eq(d.signature, "\x30\x06\x02\x01\x01\x02\x01\x02", 8);
	ck_assert_str_eq(d.version, "");
	ck_assert_str_eq(d.text, "signer");
	ck_assert_str_eq(d.manufacturer, "");
	ck_assert_str_eq(d.model, "");
	ck_assert(!d.force);
}
END_TEST

/* CreateOTAUpdate over HTTP. */
START_TEST(over_http)
{
	struct document d = draft_accepted(
		"{\"afr_ota\":{\"protocols\":[\"HTTP\"],\"files\":[{\"filepath\":\"/\",\"filesize\":1230320,"
		"\"fileid\":7,\"certfile\":\"/\",\"fileType\":202,"
		"\"update_data_url\":\"https://bucket.s3.eu-west-1.amazonaws.com/SignedImages/0b1c?"
		"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=1800&X-Amz-Signature=00ff\","
		"\"auth_scheme\":\"aws.s3.presigned\",\"sig-sha256-rsa\":\"AAEC\"}]}}");

	ck_assert_int_eq(d.type, DOCUMENT_HOST_IMAGE);
	ck_assert_uint_eq(d.size, 1230320);
	ck_assert_uint_eq(d.file, 7);
	ck_assert_str_eq(d.stream, "");
	ck_assert_str_eq(d.url, "https://bucket.s3.eu-west-1.amazonaws.com/SignedImages/0b1c?"
				"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=1800&X-Amz-Signature=00ff");
	ck_assert_int_eq(d.digest, DOCUMENT_SHA256_RSA);
	ck_assert_uint_eq(d.signature_n, 3);
	ck_assert_mem_eq(d.signature, "\0\1\2", 3);
	ck_assert_str_eq(d.version, "/");
	ck_assert_str_eq(d.text, "/");
}
END_TEST

/* Unsigned, as the console makes it. */
START_TEST(unsigned_one)
{
	struct document d = draft_accepted(
		"{\"afr_ota\":{\"protocols\":[\"MQTT\"],\"streamname\":\"AFR_OTA-1\",\"files\":[{"
		"\"filepath\":\"3.8.4\",\"filesize\":537600,\"fileid\":0,\"certfile\":null,\"fileType\":202,"
		"\"update_data_url\":null,\"auth_scheme\":null,\"sig--\":null}]}}");

	ck_assert_int_eq(d.digest, DOCUMENT_UNSIGNED);
	ck_assert_uint_eq(d.signature_n, 0);
	ck_assert_str_eq(d.version, "3.8.4");
	ck_assert_str_eq(d.text, "3.8.4");
}
END_TEST

/* Written by hand for create-job. */
START_TEST(by_hand)
{
	struct document d =
		draft_accepted("{\"afr_ota\":{\"protocols\":[\"MQTT\"],\"streamname\":\"5d0f3a3e-1f5c\",\"files\":[{"
			       "\"filepath\":\"dummy\",\"filesize\":\"65536\",\"fileid\":\"3\",\"certfile\":\"dummy\","
			       "\"fileType\":\"202\",\"sig-sha1-rsa\":\"dummy\",\"auth_scheme\":null,"
			       "\"update_data_url\":null}]},\"Version\":\"2.0\"}");

	ck_assert_uint_eq(d.size, 65536);
	ck_assert_uint_eq(d.file, 3);
	ck_assert_int_eq(d.digest, DOCUMENT_SHA1);
	ck_assert_uint_eq(d.signature_n, 0);
	ck_assert_str_eq(d.version, "2.0");
	ck_assert_str_eq(d.text, "2.0");
}
END_TEST

/* --- one member at a time --- */

START_TEST(every_type)
{
	for (unsigned type = 0; type < 300; type++) {
		bool known = type == 101 || type == 103 || type == 107 || type == 202 || type == 204;
		char reason[DOCUMENT_MAX_REASON + 1], file[100];
		struct document d;

		(void)snprintf(file, sizeof(file), "\"filesize\":1,\"fileid\":255,\"fileType\":%u,", type);
		ck_assert_int_eq(draft_parse(draft_text("", DRAFT_MQTT ",", file), &d, reason), known ? 0 : -EINVAL);
		if (known)
			ck_assert_int_eq((int)d.type, (int)type);
	}
}
END_TEST

START_TEST(limits_are_inside)
{
	char ota[300], file[4096], name[DOCUMENT_MAX_STREAM + 2], url[URL_MAX + 2];
	char reason[DOCUMENT_MAX_REASON + 1];
	struct document d = draft_accepted(
		draft_text("", DRAFT_MQTT ",", "\"filesize\":16777216,\"fileid\":255,\"fileType\":202,"));

	ck_assert_uint_eq(d.size, IMAGE_MAX_HOST);
	ck_assert_uint_eq(d.file, 255);
	d = draft_accepted(
		draft_text("", DRAFT_MQTT ",", "\"filesize\":\"0000016777216\",\"fileid\":\"00\",\"fileType\":202,"));
	ck_assert_uint_eq(d.size, IMAGE_MAX_HOST);

	for (size_t n = DOCUMENT_MAX_STREAM; n <= DOCUMENT_MAX_STREAM + 1; n++) {
		memset(name, 'z', n);
		name[n] = '\0';
		(void)snprintf(ota, sizeof(ota), "\"protocols\":[\"MQTT\"],\"streamname\":\"%s\",", name);
		if (n > DOCUMENT_MAX_STREAM) {
			ck_assert_int_eq(draft_parse(draft_text("", ota, DRAFT_FILE ","), &d, reason), -EINVAL);
			ck_assert_str_eq(reason, "streamname has not 1 to 128 characters");
		} else {
			d = draft_accepted(draft_text("", ota, DRAFT_FILE ","));
			ck_assert_str_eq(d.stream, name);
		}
	}
	for (size_t n = URL_MAX; n <= URL_MAX + 1; n++) {
		memset(url, 'z', n);
		memcpy(url, "https://h/", 10);
		url[n] = '\0';
		(void)snprintf(file, sizeof(file), DRAFT_FILE ",\"update_data_url\":\"%s\",", url);
		if (n > URL_MAX) {
			ck_assert_int_eq(draft_parse(draft_text("", DRAFT_HTTP ",", file), &d, reason), -EINVAL);
			ck_assert_str_eq(reason, "update_data_url is longer than 2048 bytes");
		} else {
			d = draft_accepted(draft_text("", DRAFT_HTTP ",", file));
			ck_assert_str_eq(d.url, url);
		}
	}
}
END_TEST

/* Only what protocols names counts. */
START_TEST(one_way_or_both)
{
	static const char url[] = DRAFT_FILE ",\"update_data_url\":\"HttpS://h\",";
	static const char bad_url[] = DRAFT_FILE ",\"update_data_url\":\"http://h\",";
	struct document d =
		draft_accepted(draft_text("", "\"protocols\":[\"HTTP\",\"MQTT\"],\"streamname\":\"a_Z-9\",", url));

	ck_assert_str_eq(d.stream, "a_Z-9");
	ck_assert_str_eq(d.url, "HttpS://h");
	d = draft_accepted(draft_text("", "\"protocols\":[\"MQTT\",\"HTTP\"],", url));
	ck_assert_str_eq(d.stream, "");
	ck_assert_str_eq(d.url, "HttpS://h");
	d = draft_accepted(
		draft_text("", "\"protocols\":[\"MQTT\",\"HTTP\",\"FTP\"],\"streamname\":\"s\",", DRAFT_FILE ","));
	ck_assert_str_eq(d.stream, "s");
	ck_assert_str_eq(d.url, "");
	d = draft_accepted(draft_text("", DRAFT_MQTT ",", bad_url));
	ck_assert_str_eq(d.url, "");
	d = draft_accepted(draft_text("", DRAFT_HTTP ",\"streamname\":\"no/name\",", url));
	ck_assert_str_eq(d.stream, "");
}
END_TEST

/* --- signatures --- */

static const struct {
	const char *members;
	enum document_digest digest;
	size_t n;
} signatures[] = {
	{ "", DOCUMENT_UNSIGNED, 0 },
	{ "\"sig--\":null,", DOCUMENT_UNSIGNED, 0 },
	{ "\"sig-sha256-ecdsa\":null,", DOCUMENT_UNSIGNED, 0 },
	{ "\"signature\":\"AAAA\",", DOCUMENT_UNSIGNED, 0 },
	{ "\"sig-sha256-ecdsa\":\"AAAA\",", DOCUMENT_SHA256_ECDSA, 3 },
	{ "\"Sig-SHA256-ECDSA\":\"AAAA\",", DOCUMENT_SHA256_ECDSA, 3 },
	{ "\"sig-sha256-rsa\":\"AA==\",", DOCUMENT_SHA256_RSA, 1 },
	{ "\"sig-sha1-rsa\":\"AAAA\",", DOCUMENT_SHA1, 3 },
	{ "\"sig-sha1-ecdsa\":\"AAAA\",", DOCUMENT_SHA1, 3 },
	{ "\"sig-sha512-ecdsa\":\"AAAA\",", DOCUMENT_OTHER, 3 },
	{ "\"sig--\":\"AAAA\",", DOCUMENT_OTHER, 3 },
	/* there, but not to be read */
	{ "\"sig-sha256-ecdsa\":\"dummy\",", DOCUMENT_SHA256_ECDSA, 0 },
	{ "\"sig-sha256-ecdsa\":\"AAAA\\n\",", DOCUMENT_SHA256_ECDSA, 0 },
	{ "\"sig-sha256-ecdsa\":\"\",", DOCUMENT_SHA256_ECDSA, 0 },
	{ "\"sig-sha256-ecdsa\":\"A-_A\",", DOCUMENT_SHA256_ECDSA, 0 },
	{ "\"sig-sha256-ecdsa\":5,", DOCUMENT_SHA256_ECDSA, 0 },
	{ "\"sig-sha256-ecdsa\":{\"inlineDocument\":\"AAAA\"},", DOCUMENT_SHA256_ECDSA, 0 },
	/* several: the best */
	{ "\"sig-sha1-rsa\":\"AAAA\",\"sig-sha256-rsa\":\"AA==\",", DOCUMENT_SHA256_RSA, 1 },
	{ "\"sig-sha256-rsa\":\"AA==\",\"sig-sha1-rsa\":\"AAAA\",\"sig--\":null,", DOCUMENT_SHA256_RSA, 1 },
	{ "\"sig-sha256-ecdsa\":null,\"sig-x-y\":\"AA==\",\"sig-sha1-rsa\":\"AAAA\",", DOCUMENT_SHA1, 3 },
};

START_TEST(signature)
{
	char file[300];
	struct document d;

	(void)snprintf(file, sizeof(file), DRAFT_FILE ",%s", signatures[_i].members);
	d = draft_accepted(draft_text("", DRAFT_MQTT ",", file));
	ck_assert_int_eq(d.digest, signatures[_i].digest);
	ck_assert_uint_eq(d.signature_n, signatures[_i].n);
}
END_TEST

START_TEST(long_signatures)
{
	static char file[2048], text[1024];
	struct document d;

	/* 4 characters for 3 bytes: 512 bytes are 171 quanta, the last one with a padding. */
	memset(text, 'A', 684);
	text[683] = '=';
	(void)snprintf(file, sizeof(file), DRAFT_FILE ",\"sig-sha256-rsa\":\"%s\",", text);
	d = draft_accepted(draft_text("", DRAFT_MQTT ",", file));
	ck_assert_uint_eq(d.signature_n, DOCUMENT_MAX_SIGNATURE);
	text[683] = 'A';
	(void)snprintf(file, sizeof(file), DRAFT_FILE ",\"sig-sha256-rsa\":\"%s\",", text);
	d = draft_accepted(draft_text("", DRAFT_MQTT ",", file));
	ck_assert_int_eq(d.digest, DOCUMENT_SHA256_RSA);
	ck_assert_uint_eq(d.signature_n, 0);
}
END_TEST

/* --- metadata --- */

static const struct {
	const char *root, *ota, *file;
	const char *version, *text;
} texts[] = {
	{ "", "", "", "", "" },
	{ "", "", "\"version\":\"1\",", "1", "1" },
	{ "", "", "\"VERSION\":\"1\",", "1", "1" },
	{ "", "", "\"attr\":{\"Version\":\"2\"},", "2", "2" },
	{ "", "", "\"attributes\":{\"version\":\"3\"},", "3", "3" },
	{ "", "", "\"Attributes\":{\"version\":\"3\"},", "3", "3" },
	{ "", "", "\"attr\":7,\"attributes\":{\"version\":\"3\"},", "3", "3" },
	{ "", "", "\"attr\":[{\"version\":\"3\"}],", "", "" },
	{ "", "\"version\":\"4\",", "", "4", "4" },
	{ "\"version\":\"5\",", "", "", "5", "5" },
	/* the nearest one counts, unless it says nothing */
	{ "\"version\":\"5\",", "\"version\":\"4\",",
	  "\"attributes\":{\"version\":\"3\"},\"attr\":{\"version\":\"2\"},", "2", "2" },
	{ "\"version\":\"5\",", "\"version\":\"4\",", "\"attributes\":{\"version\":\"3\"},\"version\":\"1\",", "1",
	  "1" },
	{ "\"version\":\"5\",", "\"version\":\"4\",", "\"version\":null,", "4", "4" },
	{ "\"version\":\"5\",", "\"version\":\"   \",", "\"version\":\"\",", "5", "5" },
	{ "\"version\":\"5\",", "\"version\":{\"major\":1},", "\"version\":[1],", "5", "5" },
	{ "\"version\":12,", "", "\"version\":true,", "12", "12" },
	{ "\"version\":\"5\",", "", "\"version\":1.5,\"filepath\":\"f\",", "1.5", "1.5" },
	/* filepath, certfile, then what else there is to say */
	{ "", "", "\"filepath\":\"app.bin\",\"certfile\":\"c\",", "app.bin", "app.bin" },
	{ "", "", "\"filepath\":null,\"certfile\":\"c\",\"description\":\"d\",", "", "c" },
	{ "", "", "\"filepath\":5,", "5", "5" },
	{ "\"filepath\":\"elsewhere\",", "", "", "", "" },
	{ "\"description\":\"d\",", "\"Metadata\":\"m\",", "", "", "m" },
	{ "\"description\":\"d\",", "", "\"metadata\":{\"a\":1},", "", "d" },
	{ "", "", "\"version\":\"1\",\"filepath\":\"f\",\"certfile\":\"c\",\"metadata\":\"m\",", "1", "1" },
	/* tricks: only ever shown */
	{ "", "", "\"filepath\":\"../../etc/passwd\",", "../../etc/passwd", "../../etc/passwd" },
	{ "", "", "\"filepath\":\"a\\u0000b\",", "a", "a" },
	{ "", "", "\"filepath\":\"a\\r\\nOK\\u001b[31m\\u202e\",", "a??OK?[31m?", "a??OK?[31m?" },
	{ "", "", "\"filepath\":\"\xff\xfe\",\"certfile\":\"c\",", "??", "??" },
	{ "", "", "\"filepath\":\"\\n\",", "?", "?" },
};

START_TEST(what_is_shown)
{
	char ota[200], file[300];
	struct document d;

	(void)snprintf(ota, sizeof(ota), DRAFT_MQTT ",%s", texts[_i].ota);
	(void)snprintf(file, sizeof(file), DRAFT_FILE ",%s", texts[_i].file);
	d = draft_accepted(draft_text(texts[_i].root, ota, file));
	ck_assert_str_eq(d.version, texts[_i].version);
	ck_assert_str_eq(d.text, texts[_i].text);
}
END_TEST

START_TEST(is_cut_between_characters)
{
	char file[1000], text[200], want[200];
	struct document d;

	/* 22 characters of three bytes. */
	text[0] = want[0] = '\0';
	for (unsigned i = 0; i < 22; i++)
		strcat(text, "\xe2\x82\xac");
	strncat(want, text, 63);
	(void)snprintf(file, sizeof(file),
		       DRAFT_FILE ",\"version\":\"%s\",\"manufacturer\":\"%s\",\"model\":\"%s\",\"certfile\":\"%s\",",
		       text, text, text, text);
	d = draft_accepted(draft_text("", DRAFT_MQTT ",", file));
	ck_assert_str_eq(d.version, want);
	ck_assert_str_eq(d.text, want);
	ck_assert_str_eq(d.manufacturer, want);
	ck_assert_str_eq(d.model, want);
}
END_TEST

START_TEST(manufacturer_and_model)
{
	struct document d =
		draft_accepted(draft_text("\"MODEL\":\"far\",\"Manufacturer\":\"Vendor\",",
					  DRAFT_MQTT ",\"model\":null,", DRAFT_FILE ",\"attr\":{\"Model\":\"near\"},"));

	ck_assert_str_eq(d.manufacturer, "Vendor");
	ck_assert_str_eq(d.model, "near");
}
END_TEST

static const struct {
	unsigned type;
	const char *root, *file;
	bool force;
} forces[] = {
	{ 101, "", "", false },
	{ 101, "", "\"force\":\"YES\",", true },
	{ 101, "", "\"Force\":\"true\",", true },
	{ 101, "", "\"FORCE\":true,", true },
	{ 101, "\"force\":\"YES\",", "", true },
	{ 101, "\"force\":\"YES\",", "\"force\":null,", true },
	{ 101, "", "\"attributes\":{\"force\":\"YES\"},", true },
	{ 101, "", "\"force\":\"NO\",", false },
	{ 101, "", "\"force\":\"\",", false },
	{ 101, "", "\"force\":false,", false },
	{ 101, "", "\"force\":1,", false },
	{ 101, "", "\"force\":\"YES \",", false },
	{ 101, "", "\"force\":[\"YES\"],", false },
	{ 101, "", "\"forced\":\"YES\",", false },
	/* the nearest one counts */
	{ 101, "\"force\":\"YES\",", "\"force\":\"NO\",", false },
	/* nobody takes the host's image without asking it */
	{ 202, "", "\"force\":\"YES\",", false },
	{ 204, "\"force\":true,", "", false },
};

START_TEST(forced)
{
	struct document d;
	char file[200];

	(void)snprintf(file, sizeof(file), "\"filesize\":1,\"fileid\":0,\"fileType\":%u,%s", forces[_i].type,
		       forces[_i].file);
	d = draft_accepted(draft_text(forces[_i].root, DRAFT_MQTT ",", file));
	ck_assert(d.force == forces[_i].force);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("document");
	TCase *c = tcase_create("document");

	tcase_add_test(c, over_mqtt);
	tcase_add_test(c, over_http);
	tcase_add_test(c, unsigned_one);
	tcase_add_test(c, by_hand);
	tcase_add_test(c, every_type);
	tcase_add_test(c, limits_are_inside);
	tcase_add_test(c, one_way_or_both);
	tcase_add_loop_test(c, signature, 0, ELEMENTS(signatures));
	tcase_add_test(c, long_signatures);
	tcase_add_loop_test(c, what_is_shown, 0, ELEMENTS(texts));
	tcase_add_test(c, is_cut_between_characters);
	tcase_add_test(c, manufacturer_and_model);
	tcase_add_loop_test(c, forced, 0, ELEMENTS(forces));
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
