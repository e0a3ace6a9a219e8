/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "config.h"
#include "fake/pki.h"
#include "fake/rig.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "fake/tty.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define OK        "OK\r\n"
#define PARAMETER "ERR4 PARAMETER ERROR\r\n"

static struct rig rig;
static struct pki *root, *other;

static void set_text(char **field, const char *text)
{
	free(*field);
	*field = strdup(text);
	ck_assert_ptr_nonnull(*field);
}

static void setup(void)
{
	root = pki_ca("Root");
	other = pki_ca("Other root");
	rig_make_module(&rig, "[Module]\nAbout=Vendor - Model\n[Network]\nType=wifi\n");
	set_text(&rig.settings->root_ca_pem, root->pem);
	rig_restart(&rig);
}

static void teardown(void)
{
	rig_done(&rig);
	pki_free(root);
	pki_free(other);
}

#define expect(line, answer) ck_assert_str_eq(rig_ask(&rig, line), answer)

/* The text with every LF as the two bytes of its escape. */
static const char *escaped(const char *pem)
{
	static char text[32768];
	size_t n = 0;

	for (; *pem; pem++) {
		if (*pem == '\n')
			text[n++] = '\\';
		text[n++] = *pem == '\n' ? 'A' : *pem;
	}
	text[n] = '\0';
	return text;
}

static const char *join(const char *a, const char *b, const char *c)
{
	static char texts[4][65536];
	static unsigned next;
	char *text = texts[next++ % 4];

	ck_assert_int_lt(snprintf(text, sizeof(texts[0]), "%s%s%s", a, b, c), (int)sizeof(texts[0]));
	return text;
}

/* --- CONF? (guide 5.2.2) --- */

static const struct {
	const char *line, *answer;
} reads[] = {
	{ "AT+CONF? About", "OK Vendor - Model\r\n" },
	{ "AT+CONF? TechSpec", "OK v1.0\r\n" },
	{ "AT+CONF? Version", "OK " PACKAGE_VERSION "\r\n" },
	{ "AT+CONF? ThingName", "OK thing\r\n" },
	{ "AT+CONF? Endpoint", "OK " RIG_STAGING "\r\n" },
	{ "AT+CONF? CustomName", OK },
	{ "AT+CONF? Defender", "OK 0\r\n" },
	{ "AT+CONF? QoS", "OK 0\r\n" },
	{ "AT+CONF? Topic16", OK },
	{ "AT+CONF? HOTAcertificate", OK },
	{ "AT+CONF? HOTAcertificate pem", "OK0 pem\r\n" },
	{ "AT+CONF? HOTAcertificate PEM", "OK0 pem\r\n" },
	{ "AT+CONF?", PARAMETER },
	{ "AT+CONF? ", PARAMETER },
	{ "AT+CONF?1 About", PARAMETER },
	{ "AT+CONF?x", "ERR2 PARSE ERROR\r\n" },
	{ "AT+CONF? Nonsense", "ERR11 UNKNOWN KEY\r\n" },
	{ "AT+CONF? ABOUT", "ERR11 UNKNOWN KEY\r\n" },
	{ "AT+CONF? Topic0", "ERR11 UNKNOWN KEY\r\n" },
	{ "AT+CONF? Topic17", "ERR11 UNKNOWN KEY\r\n" },
	{ "AT+CONF? Topic01", "ERR11 UNKNOWN KEY\r\n" },
	{ "AT+CONF? Topic", "ERR11 UNKNOWN KEY\r\n" },
	{ "AT+CONF? APN", "ERR11 UNKNOWN KEY\r\n" },
	{ "AT+CONF? Key-Name", "ERR10 INVALID KEY NAME\r\n" },
	{ "AT+CONF?  About", "ERR10 INVALID KEY NAME\r\n" },
	{ "AT+CONF? About x", "ERR10 INVALID KEY NAME\r\n" },
	{ "AT+CONF? RootCA pemx", "ERR10 INVALID KEY NAME\r\n" },
	{ "AT+CONF? A2345678901234567", "ERR9 INVALID KEY LENGTH\r\n" },
	{ "AT+CONF? Passphrase", "ERR13 KEY WRITEONLY\r\n" },
	{ "AT+CONF? About pem", PARAMETER },
	{ "AT+CONF? Nonsense pem", PARAMETER },
	{ "AT+CONF? \\x", "ERR5 INVALID ESCAPE\r\n" },
};

START_TEST(reading)
{
	expect(reads[_i].line, reads[_i].answer);
}
END_TEST

/* --- CONF (guide 5.2.1) --- */

static const struct {
	const char *line, *answer, *key, *value;
} writes[] = {
	{ "AT+CONF CustomName=My device", OK, "CustomName", "OK My device\r\n" },
	{ "AT+CONF CustomName=a=b", OK, "CustomName", "OK a=b\r\n" },
	{ "AT+CONF CustomName= x ", OK, "CustomName", "OK  x \r\n" },
	{ "AT+CONF CustomName=\\\\\\A\\D", OK, "CustomName", "OK \\\\\\A\\D\r\n" },
	{ "AT+CONF CustomName=", OK, "CustomName", OK },
	{ "AT+CONF Topic1=pem", OK, "Topic1", "OK pem\r\n" },
	{ "AT+CONF QoS=1", OK, "QoS", "OK 1\r\n" },
	{ "AT+CONF QoS=2", PARAMETER, "QoS", "OK 0\r\n" },
	{ "AT+CONF QoS=", PARAMETER, "QoS", "OK 0\r\n" },
	{ "AT+CONF Defender=00600", OK, "Defender", "OK 600\r\n" },
	{ "AT+CONF Defender=x", PARAMETER, "Defender", "OK 0\r\n" },
	{ "AT+CONF SSID=net", OK, "SSID", "OK net\r\n" },
	{ "AT+CONF Passphrase=secret", OK, "Passphrase", "ERR13 KEY WRITEONLY\r\n" },
	{ "AT+CONF HOTAcertificate=", OK, "HOTAcertificate", OK },
	{ "AT+CONF CustomName", PARAMETER, "CustomName", OK },
	{ "AT+CONF", PARAMETER, "CustomName", OK },
	{ "AT+CONF1 CustomName=x", PARAMETER, "CustomName", OK },
	{ "AT+CONF =x", "ERR9 INVALID KEY LENGTH\r\n", "CustomName", OK },
	{ "AT+CONF CustomName =x", "ERR10 INVALID KEY NAME\r\n", "CustomName", OK },
	{ "AT+CONF Custom_Name=x", "ERR10 INVALID KEY NAME\r\n", "CustomName", OK },
	{ "AT+CONF customname=x", "ERR11 UNKNOWN KEY\r\n", "CustomName", OK },
	{ "AT+CONF Topic17=x", "ERR11 UNKNOWN KEY\r\n", "CustomName", OK },
	{ "AT+CONF APN=x", "ERR11 UNKNOWN KEY\r\n", "CustomName", OK },
	{ "AT+CONF About=x", "ERR12 KEY READONLY\r\n", "About", "OK Vendor - Model\r\n" },
	{ "AT+CONF Version=", "ERR12 KEY READONLY\r\n", "About", "OK Vendor - Model\r\n" },
	{ "AT+CONF Certificate=x", "ERR12 KEY READONLY\r\n", "About", "OK Vendor - Model\r\n" },
	{ "AT+CONF RootCA=", "ERR4 PARAMETER ERROR\r\n", "CustomName", OK },
	{ "AT+CONF RootCA=nonsense", PARAMETER, "CustomName", OK },
	{ "AT+CONF CustomName=\\x", "ERR5 INVALID ESCAPE\r\n", "CustomName", OK },
};

START_TEST(writing)
{
	expect(writes[_i].line, writes[_i].answer);
	expect(join("AT+CONF? ", writes[_i].key, ""), writes[_i].value);
}
END_TEST

START_TEST(sizes)
{
	char value[130];

	memset(value, 'v', sizeof(value));
	value[128] = '\0';
	expect(join("AT+CONF CustomName=", value, ""), OK);
	expect("AT+CONF? CustomName", join("OK ", value, "\r\n"));
	value[128] = 'v';
	value[129] = '\0';
	expect(join("AT+CONF CustomName=", value, ""), PARAMETER);
	value[128] = '\0';
	expect("AT+CONF? CustomName", join("OK ", value, "\r\n"));
}
END_TEST

START_TEST(lasting)
{
	expect("AT+CONF CustomName=me", OK);
	expect("AT+CONF Topic1=t", OK);
	rig_restart(&rig);
	expect("AT+CONF? CustomName", "OK me\r\n");
	expect("AT+CONF? Topic1", OK);
}
END_TEST

/* Not durable, not done. */
START_TEST(not_written)
{
	char away[512];

	expect("AT+CONF CustomName=me", OK);
	(void)snprintf(away, sizeof(away), "%s.away", rig.dir);
	ck_assert_int_eq(rename(rig.dir, away), 0);
	expect("AT+CONF CustomName=you", PARAMETER);
	expect("AT+CONF? CustomName", "OK me\r\n");
	expect("AT+CONF Topic1=t", OK);
	ck_assert_int_eq(rename(away, rig.dir), 0);
	expect("AT+CONF CustomName=you", OK);
	expect("AT+CONF? CustomName", "OK you\r\n");
}
END_TEST

/* The network of the module decides which keys exist. */
START_TEST(other_networks)
{
	teardown();
	root = other = NULL;
	rig_make_module(&rig, "[Network]\nType=cellular\n");
	expect("AT+CONF APN=net", OK);
	expect("AT+CONF SSID=net", "ERR11 UNKNOWN KEY\r\n");
	expect("AT+CONF? Passphrase", "ERR11 UNKNOWN KEY\r\n");
	rig_done(&rig);
	rig_make_module(&rig, "[Network]\nType=ethernet\n");
	expect("AT+CONF APN=net", "ERR11 UNKNOWN KEY\r\n");
	expect("AT+CONF SSID=net", "ERR11 UNKNOWN KEY\r\n");
}
END_TEST

/* --- certificates (guide 8.11.1, 8.11.2) --- */

START_TEST(certificate_in_one_line)
{
	expect("AT+CONF? RootCA", join("OK ", escaped(root->pem), "\r\n"));
	expect(join("AT+CONF HOTAcertificate=", escaped(other->pem), ""), OK);
	expect("AT+CONF? HOTAcertificate", join("OK ", escaped(other->pem), "\r\n"));
}
END_TEST

/* One line of the answer for each of the text. */
static const char *as_lines(const char *pem)
{
	static char text[32768];
	unsigned count = 1;
	size_t n;

	for (const char *p = pem; *p; p++)
		count += *p == '\n';
	n = (size_t)snprintf(text, sizeof(text), "OK%u pem\r\n", count);
	for (; *pem; pem++) {
		if (*pem == '\n')
			text[n++] = '\r';
		text[n++] = *pem;
	}
	(void)snprintf(text + n, sizeof(text) - n, "\r\n");
	return text;
}

START_TEST(certificate_in_lines)
{
	expect("AT+CONF? RootCA pem", as_lines(root->pem));
	expect("AT+CONF? RootCA Pem", as_lines(root->pem));
}
END_TEST

START_TEST(certificate_pasted)
{
	rig_say(&rig, "AT+CONF HOTAcertificate=pem");
	ck_assert_str_eq(rig_hear(&rig), "");
	expect(other->pem, OK);
	expect("AT+CONF? HOTAcertificate pem", as_lines(other->pem));
	rig_restart(&rig);
	expect("AT+CONF? HOTAcertificate pem", as_lines(other->pem));
}
END_TEST

START_TEST(roots_follow_each_other)
{
	const struct pki_order order = { .name = "Next root", .issuer = root, .ca = true };
	_cleanup_(pki_freep) struct pki *next = pki_make(&order);
	_cleanup_(pki_freep) struct pki *stranger = pki_leaf("No CA", root);

	rig_say(&rig, "AT+CONF RootCA=PEM");
	expect(next->pem, OK);
	expect("AT+CONF? RootCA pem", as_lines(next->pem));
	rig_say(&rig, "AT+CONF RootCA=pem");
	expect(stranger->pem, "ERR23 INVALID SIGNATURE\r\n");
	expect("AT+CONF? RootCA pem", as_lines(next->pem));
}
END_TEST

START_TEST(paste_given_up)
{
	rig_say(&rig, "AT+CONF HOTAcertificate=pem\n-----BEGIN CERTIFICATE-----\nAAAA");
	ck_assert_str_eq(rig_hear(&rig), "");
	fake_timer_pass(29000);
	ck_assert_str_eq(rig_hear(&rig), "");
	fake_timer_pass(1000);
	ck_assert_str_eq(rig_hear(&rig), PARAMETER);
	fake_timer_pass(2000);
	expect("AT+CONF? HOTAcertificate", OK);
}
END_TEST

/* Refused at once; the rest of the paste is no command. */
START_TEST(paste_refused)
{
	rig_say(&rig, join("AT+CONF Certificate=pem\n", other->pem, "\nAT+CONF? About"));
	ck_assert_str_eq(rig_hear(&rig), "ERR12 KEY READONLY\r\nOK Vendor - Model\r\n");
	rig_say(&rig, join("AT+CONF Nonsense=pem\n", other->pem, ""));
	ck_assert_str_eq(rig_hear(&rig), "ERR11 UNKNOWN KEY\r\n");
}
END_TEST

START_TEST(paste_of_no_certificate)
{
	rig_say(&rig, "AT+CONF HOTAcertificate=pem");
	expect("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", PARAMETER);
	expect("AT+CONF? HOTAcertificate", OK);
}
END_TEST

static const struct {
	const char *param;
	bool takes;
} bodies[] = {
	{ "RootCA=pem", true },
	{ "RootCA=PEM", true },
	{ "HOTAcertificate=pem", true },
	{ "OTAcertificate=pem", true },
	{ "Certificate=pem", true },
	{ "rootca=pem", false },
	{ "RootCA=pem ", false },
	{ "RootCA=", false },
	{ "RootCA", false },
	{ "Topic1=pem", false },
	{ "CustomName=pem", false },
	{ "RootCAx=pem", false },
	{ "=pem", false },
	{ "", false },
};

START_TEST(announced_bodies)
{
	const char *param = bodies[_i].param;

	ck_assert_int_eq(conf_takes_body((const uint8_t *)param, strlen(param)), bodies[_i].takes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf");
	TCase *tc = tcase_create("conf");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, reading, 0, ELEMENTS(reads));
	tcase_add_loop_test(tc, writing, 0, ELEMENTS(writes));
	tcase_add_test(tc, sizes);
	tcase_add_test(tc, lasting);
	tcase_add_test(tc, not_written);
	tcase_add_test(tc, other_networks);
	tcase_add_test(tc, certificate_in_one_line);
	tcase_add_test(tc, certificate_in_lines);
	tcase_add_test(tc, certificate_pasted);
	tcase_add_test(tc, roots_follow_each_other);
	tcase_add_test(tc, paste_given_up);
	tcase_add_test(tc, paste_refused);
	tcase_add_test(tc, paste_of_no_certificate);
	tcase_add_loop_test(tc, announced_bodies, 0, ELEMENTS(bodies));
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
