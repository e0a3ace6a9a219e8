/* SPDX-License-Identifier: Apache-2.0 */
/* ota/document.c: what is no job document, and the reasons that the cloud is given. */
#include "ota/document.h"

#include "fake/draft.h"
#include "fake/suite.h"

#include <errno.h>

#define MALFORMED "update_data_url is malformed: HOST[:PORT] and printable characters are expected"

static const struct {
	const char *ota, *file, *reason;
} refused[] = {
	/* the file */
	{ DRAFT_MQTT ",", "\"filesize\":1,\"fileid\":0,", "fileType is missing" },
	{ DRAFT_MQTT ",", "\"filesize\":1,\"fileid\":0,\"fileType\":null,", "fileType is missing" },
	{ DRAFT_MQTT ",", "\"filesize\":1,\"fileid\":0,\"filetype\":202,", "fileType is missing" },
	{ DRAFT_MQTT ",", "\"filesize\":1,\"fileid\":0,\"fileType\":0,",
	  "fileType is none of 101, 103, 107, 202, 204" },
	{ DRAFT_MQTT ",", "\"filesize\":1,\"fileid\":0,\"fileType\":102,",
	  "fileType is none of 101, 103, 107, 202, 204" },
	{ DRAFT_MQTT ",", "\"filesize\":1,\"fileid\":0,\"fileType\":458,",
	  "fileType is none of 101, 103, 107, 202, 204" },
	{ DRAFT_MQTT ",", "\"filesize\":1,\"fileid\":0,\"fileType\":1e99,",
	  "fileType is none of 101, 103, 107, 202, 204" },
	{ DRAFT_MQTT ",", "\"filesize\":1,\"fileid\":0,\"fileType\":202.5,", "fileType is no number" },
	{ DRAFT_MQTT ",", "\"filesize\":1,\"fileid\":0,\"fileType\":-202,", "fileType is no number" },
	{ DRAFT_MQTT ",", "\"filesize\":1,\"fileid\":0,\"fileType\":\"host\",", "fileType is no number" },
	{ DRAFT_MQTT ",", "\"filesize\":1,\"fileid\":0,\"fileType\":[202],", "fileType is no number" },
	{ DRAFT_MQTT ",", "\"fileid\":0,\"fileType\":202,", "filesize is missing" },
	{ DRAFT_MQTT ",", "\"filesize\":null,\"fileid\":0,\"fileType\":202,", "filesize is missing" },
	{ DRAFT_MQTT ",", "\"filesize\":0,\"fileid\":0,\"fileType\":202,", "filesize is 0" },
	{ DRAFT_MQTT ",", "\"filesize\":-0,\"fileid\":0,\"fileType\":202,", "filesize is 0" },
	{ DRAFT_MQTT ",", "\"filesize\":\"0\",\"fileid\":0,\"fileType\":202,", "filesize is 0" },
	{ DRAFT_MQTT ",", "\"filesize\":-1,\"fileid\":0,\"fileType\":202,", "filesize is no whole number of bytes" },
	{ DRAFT_MQTT ",", "\"filesize\":\"-1\",\"fileid\":0,\"fileType\":202,",
	  "filesize is no whole number of bytes" },
	{ DRAFT_MQTT ",", "\"filesize\":1.5,\"fileid\":0,\"fileType\":202,", "filesize is no whole number of bytes" },
	{ DRAFT_MQTT ",", "\"filesize\":0.1,\"fileid\":0,\"fileType\":202,", "filesize is no whole number of bytes" },
	{ DRAFT_MQTT ",", "\"filesize\":\"1.5\",\"fileid\":0,\"fileType\":202,",
	  "filesize is no whole number of bytes" },
	{ DRAFT_MQTT ",", "\"filesize\":\"\",\"fileid\":0,\"fileType\":202,", "filesize is no whole number of bytes" },
	{ DRAFT_MQTT ",", "\"filesize\":\" 1\",\"fileid\":0,\"fileType\":202,",
	  "filesize is no whole number of bytes" },
	{ DRAFT_MQTT ",", "\"filesize\":\"0x10\",\"fileid\":0,\"fileType\":202,",
	  "filesize is no whole number of bytes" },
	{ DRAFT_MQTT ",", "\"filesize\":\"large\",\"fileid\":0,\"fileType\":202,",
	  "filesize is no whole number of bytes" },
	{ DRAFT_MQTT ",", "\"filesize\":true,\"fileid\":0,\"fileType\":202,", "filesize is no whole number of bytes" },
	{ DRAFT_MQTT ",", "\"filesize\":{},\"fileid\":0,\"fileType\":202,", "filesize is no whole number of bytes" },
	{ DRAFT_MQTT ",", "\"filesize\":16777217,\"fileid\":0,\"fileType\":202,",
	  "filesize is more than 16777216 bytes" },
	{ DRAFT_MQTT ",", "\"filesize\":\"16777217\",\"fileid\":0,\"fileType\":202,",
	  "filesize is more than 16777216 bytes" },
	{ DRAFT_MQTT ",", "\"filesize\":1000000000000000,\"fileid\":0,\"fileType\":202,",
	  "filesize is more than 16777216 bytes" },
	{ DRAFT_MQTT ",", "\"filesize\":\"99999999999999999999\",\"fileid\":0,\"fileType\":202,",
	  "filesize is more than 16777216 bytes" },
	{ DRAFT_MQTT ",", "\"filesize\":1e300,\"fileid\":0,\"fileType\":202,", "filesize is more than 16777216 bytes" },
	{ DRAFT_MQTT ",", "\"filesize\":1e999,\"fileid\":0,\"fileType\":202,", "filesize is more than 16777216 bytes" },
	{ DRAFT_MQTT ",", "\"filesize\":1,\"fileType\":202,", "fileid is missing" },
	{ DRAFT_MQTT ",", "\"filesize\":1,\"fileid\":256,\"fileType\":202,", "fileid is no number of 0 to 255" },
	{ DRAFT_MQTT ",", "\"filesize\":1,\"fileid\":-1,\"fileType\":202,", "fileid is no number of 0 to 255" },
	{ DRAFT_MQTT ",", "\"filesize\":1,\"fileid\":\"x\",\"fileType\":202,", "fileid is no number of 0 to 255" },
	/* where it comes from */
	{ "", DRAFT_FILE ",", "protocols is missing" },
	{ "\"protocols\":null,", DRAFT_FILE ",", "protocols is missing" },
	{ "\"protocols\":\"MQTT\",", DRAFT_FILE ",", "protocols is missing" },
	{ "\"protocols\":[],", DRAFT_FILE ",", "protocols has neither MQTT nor HTTP" },
	{ "\"protocols\":[\"mqtt\",\"FTP\",1,null,{}],\"streamname\":\"s\",", DRAFT_FILE ",",
	  "protocols has neither MQTT nor HTTP" },
	{ "\"protocols\":[\"MQTT\"],", DRAFT_FILE ",", "streamname is missing" },
	{ "\"protocols\":[\"MQTT\"],\"streamname\":null,", DRAFT_FILE ",\"update_data_url\":\"https://h/\",",
	  "streamname is missing" },
	{ "\"protocols\":[\"MQTT\"],\"streamname\":5,", DRAFT_FILE ",", "streamname is no text" },
	{ "\"protocols\":[\"MQTT\"],\"streamname\":\"\",", DRAFT_FILE ",", "streamname has not 1 to 128 characters" },
	{ "\"protocols\":[\"MQTT\"],\"streamname\":\"a/b\",", DRAFT_FILE ",",
	  "streamname has other characters than letters, digits, - and _" },
	{ "\"protocols\":[\"MQTT\"],\"streamname\":\"+\",", DRAFT_FILE ",",
	  "streamname has other characters than letters, digits, - and _" },
	{ "\"protocols\":[\"MQTT\"],\"streamname\":\"\xc3\xbc\",", DRAFT_FILE ",",
	  "streamname has other characters than letters, digits, - and _" },
	{ DRAFT_HTTP ",", DRAFT_FILE ",", "update_data_url is missing" },
	{ DRAFT_HTTP ",", DRAFT_FILE ",\"update_data_url\":null,", "update_data_url is missing" },
	{ DRAFT_HTTP ",\"streamname\":\"s\",", DRAFT_FILE ",", "update_data_url is missing" },
	{ DRAFT_HTTP ",", DRAFT_FILE ",\"update_data_url\":1,", "update_data_url is no text" },
	{ DRAFT_HTTP ",", DRAFT_FILE ",\"update_data_url\":\"\",", "update_data_url does not begin with https://" },
	{ DRAFT_HTTP ",", DRAFT_FILE ",\"update_data_url\":\"http://h/f\",", "update_data_url is plain http" },
	{ DRAFT_HTTP ",", DRAFT_FILE ",\"update_data_url\":\"HTTP://h/f\",", "update_data_url is plain http" },
	{ "\"protocols\":[\"MQTT\",\"HTTP\"],\"streamname\":\"s\",", DRAFT_FILE ",\"update_data_url\":\"http://h/f\",",
	  "update_data_url is plain http" },
	{ DRAFT_HTTP ",", DRAFT_FILE ",\"update_data_url\":\"file:///etc/shadow\",",
	  "update_data_url does not begin with https://" },
	{ DRAFT_HTTP ",", DRAFT_FILE ",\"update_data_url\":\" https://h/f\",",
	  "update_data_url does not begin with https://" },
	{ DRAFT_HTTP ",", DRAFT_FILE ",\"update_data_url\":\"https://\",", MALFORMED },
	{ DRAFT_HTTP ",", DRAFT_FILE ",\"update_data_url\":\"https:///f\",", MALFORMED },
	{ DRAFT_HTTP ",", DRAFT_FILE ",\"update_data_url\":\"https://?a\",", MALFORMED },
	{ DRAFT_HTTP ",", DRAFT_FILE ",\"update_data_url\":\"https://user@h/f\",", MALFORMED },
	{ DRAFT_HTTP ",", DRAFT_FILE ",\"update_data_url\":\"https://h:0/f\",", MALFORMED },
	{ DRAFT_HTTP ",", DRAFT_FILE ",\"update_data_url\":\"https://[::1/f\",", MALFORMED },
	{ DRAFT_HTTP ",", DRAFT_FILE ",\"update_data_url\":\"https://h/ f\",", MALFORMED },
	{ DRAFT_HTTP ",", DRAFT_FILE ",\"update_data_url\":\"https://h/\\r\\nHost: x\",", MALFORMED },
	{ DRAFT_HTTP ",", DRAFT_FILE ",\"update_data_url\":\"https://h/\xc3\xbc\",", MALFORMED },
	{ "\"protocols\":[\"MQTT\",\"HTTP\"],\"streamname\":\"s\",",
	  DRAFT_FILE ",\"update_data_url\":\"https://user@h/f\",", MALFORMED },
};

START_TEST(is_refused)
{
	char reason[DOCUMENT_MAX_REASON + 1] = "";
	struct document d;

	ck_assert_int_eq(draft_parse(draft_text("", refused[_i].ota, refused[_i].file), &d, reason), -EINVAL);
	ck_assert_str_eq(reason, refused[_i].reason);
}
END_TEST

static const struct {
	const char *text, *reason;
} other[] = {
	{ "null", "there is no document" },
	{ "[]", "there is no document" },
	{ "\"afr_ota\"", "there is no document" },
	{ "{}", "this is no update: afr_ota is missing" },
	{ "{\"afr_ota\":null}", "this is no update: afr_ota is missing" },
	{ "{\"afr_ota\":[]}", "this is no update: afr_ota is missing" },
	{ "{\"AFR_OTA\":{}}", "this is no update: afr_ota is missing" },
	{ "{\"operation\":\"reboot\"}", "this is no update: afr_ota is missing" },
	{ "{\"afr_ota\":{}}", "files is missing" },
	{ "{\"afr_ota\":{\"files\":null}}", "files is missing" },
	{ "{\"afr_ota\":{\"files\":{}}}", "files is missing" },
	{ "{\"afr_ota\":{\"files\":[]}}", "one file is expected, not 0" },
	{ "{\"afr_ota\":{\"files\":[{},{}]}}", "one file is expected, not 2" },
	{ "{\"afr_ota\":{\"files\":[null]}}", "files has no object" },
	{ "{\"afr_ota\":{\"files\":[\"f\"]}}", "files has no object" },
};

START_TEST(is_no_update)
{
	char reason[DOCUMENT_MAX_REASON + 1] = "";
	struct document d;

	ck_assert_int_eq(draft_parse(other[_i].text, &d, reason), -EINVAL);
	ck_assert_str_eq(reason, other[_i].reason);
}
END_TEST

START_TEST(no_document_at_all)
{
	char reason[DOCUMENT_MAX_REASON + 1] = "";
	struct document d;

	ck_assert_int_eq(document_parse(NULL, &d, reason), -EINVAL);
	ck_assert_str_eq(reason, "there is no document");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("document_refusals");
	TCase *c = tcase_create("document_refusals");

	tcase_add_loop_test(c, is_refused, 0, ELEMENTS(refused));
	tcase_add_loop_test(c, is_no_update, 0, ELEMENTS(other));
	tcase_add_test(c, no_document_at_all);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
