/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/url.h"

#include "fake/suite.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *url, *host;
} urls[] = {
	{ "https://a.example", "a.example" },
	{ "HTTPS://a.example/x@y", "a.example" },
	{ "https://a.example:444?x", "a.example" },
	{ "https://[2001:db8::1]:444/x", "2001:db8::1" },
	{ "https://[2001:db8::1", NULL },
	{ "https://[]/", NULL },
	{ "https://[2001:db8::1]x/", NULL },
	{ "https://[fe80::1%25eth0]/", NULL },
	{ "https://192.0.2.1:65535", "192.0.2.1" },
	{ "https://a_b-c.example:1#x", "a_b-c.example" },
	{ "https://a.example:/", NULL },
	{ "https://a.example:0/", NULL },
	{ "https://a.example:65536/", NULL },
	{ "https://a.example:4 4/", NULL },
	{ "https://a.example:x/", NULL },
	{ "https://a.example:44:4/", NULL },
	{ "https://a%2eexample/", NULL },
	{ "https://a\\b/", NULL },
	{ "https://:44/", NULL },
	{ "https://user@a.example/", NULL },
	{ "https://user:word@a.example/", NULL },
	{ "http://a.example/", NULL },
	{ "ftp://a.example/", NULL },
	{ "https://a.example/\n", NULL },
	{ "https://a.example/\xc3\xbc", NULL },
	{ "https:///x", NULL },
	{ "", NULL },
};

START_TEST(hosts)
{
	char host[URL_MAX_HOST + 1];

	ck_assert_int_eq(url_host(urls[_i].url, host), urls[_i].host ? 0 : -EINVAL);
	if (urls[_i].host)
		ck_assert_str_eq(host, urls[_i].host);
}
END_TEST

START_TEST(limits)
{
	char url[URL_MAX + 2] = "https://a/", host[URL_MAX_HOST + 1];

	memset(url + 10, 'x', sizeof(url) - 11);
	url[URL_MAX + 1] = '\0';
	ck_assert_int_eq(url_host(url, host), -EINVAL);
	url[URL_MAX] = '\0';
	ck_assert_int_eq(url_host(url, host), 0);
	memset(url + 8, 'x', URL_MAX_HOST + 1);
	ck_assert_int_eq(url_host(url, host), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("url");
	TCase *c = tcase_create("url");

	tcase_add_loop_test(c, hosts, 0, ELEMENTS(urls));
	tcase_add_test(c, limits);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
