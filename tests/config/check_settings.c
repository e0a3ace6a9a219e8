/* SPDX-License-Identifier: Apache-2.0 */
#include "config/settings.h"

#include "config/setting.h"
#include "fake/pki.h"
#include "fake/suite.h"
#include "fake/temp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

/* The problems, a line each: "FILE:LINE: TEXT", files without their folders. */
struct problems {
	char text[8000];
	size_t n;
};

static void report(void *userdata, const char *file, unsigned line, const char *text)
{
	struct problems *p = userdata;
	const char *slash = strrchr(file, '/');

	p->n += (size_t)snprintf(p->text + p->n, sizeof(p->text) - p->n, "%s:%u: %s\n", slash ? slash + 1 : file, line,
				 text);
	ck_assert_uint_lt(p->n, sizeof(p->text));
}

#define HEAD "[Serial]\nDevice=/d\n[Identity]\nCertificate=/c\nPrivateKey=/k\n" /* 5 lines */

static struct settings *parse(const char *text, const char *expected)
{
	struct problems p = { 0 };
	struct settings *s = NULL;
	int r = settings_parse(&s, "a.conf", text, strlen(text), report, &p);

	ck_assert_str_eq(p.text, expected);
	ck_assert_int_eq(r, *expected ? -EINVAL : 0);
	ck_assert_int_eq(!s, !!*expected);
	return s;
}

START_TEST(defaults)
{
	_cleanup_(settings_freep) struct settings *s = parse(HEAD, "");

	ck_assert_str_eq(s->device, "/d");
	ck_assert_str_eq(s->private_key, "/k");
	/* No path where a content belongs. */
	ck_assert_str_eq(s->certificate_pem, "");
	ck_assert_str_eq(s->root_ca_pem, "");
	ck_assert_str_eq(s->ota_certificate_pem, "");
	ck_assert_str_eq(s->thing_name, "");
	ck_assert_str_eq(s->pin_file, "");
	ck_assert_str_eq(s->tcti, "");
	ck_assert_str_eq(s->about, "expresslinkd - Linux gateway");
	ck_assert_uint_eq(s->event_queue, 64);
	ck_assert_uint_eq(s->message_queue, 64);
	ck_assert_uint_eq(s->message_bytes, 256 * 1024);
	ck_assert_uint_eq(s->max_topic, 16);
	ck_assert_str_eq(s->staging_endpoint, "");
	ck_assert_uint_eq(s->keep_alive, 60);
	ck_assert_uint_eq(s->connect_timeout, 25);
	ck_assert_str_eq(s->pin_chip, "gpiochip0");
	ck_assert_str_eq(s->pin_event, "");
	ck_assert_str_eq(s->pin_wake, "");
	ck_assert_str_eq(s->pin_reset, "");
	ck_assert(!s->event_active_low);
	ck_assert(s->pin_pull_up);
	ck_assert(!s->ota_shared);
	ck_assert_uint_eq(s->max_image_size, 16 << 20);
	ck_assert_str_eq(s->ota_ca_file, "");
	ck_assert(!s->require_host_signature);
	ck_assert_str_eq(s->installer, "deb");
	ck_assert_uint_eq(s->confirm_timeout, 300);
	ck_assert_int_eq(s->network_type, NETWORK_ETHERNET);
	ck_assert_str_eq(s->default_passphrase, "");
	ck_assert(!s->confmode);
	ck_assert_str_eq(s->confmode_listen, "192.168.4.1:80");
	ck_assert_uint_eq(s->confmode_timeout, 300);
	ck_assert_str_eq(s->gpsd, "localhost:2947");
	ck_assert(!s->ota_event_state);
	ck_assert(!s->time_labels);
	ck_assert_int_eq(s->log_level, LOG_INFO);
}
END_TEST

START_TEST(values_arrive)
{
	_cleanup_(settings_freep) struct settings *s =
		parse(HEAD "ThingName=t\n[Network]\nType=cellular\nDefaultAPN= a b \n[Module]\nMaxTopic=49\n[Log]\n"
			   "Level=debug\n[Location]\nGpsd=none\n[Pins]\nBias=none\n[Defender]\n[Serial]\n",
		      "");

	ck_assert_str_eq(s->thing_name, "t");
	ck_assert_int_eq(s->network_type, NETWORK_CELLULAR);
	ck_assert_str_eq(s->default_apn, "a b");
	ck_assert_uint_eq(s->max_topic, 49);
	ck_assert_int_eq(s->log_level, LOG_DEBUG);
	ck_assert_str_eq(s->gpsd, "");
	ck_assert(!s->pin_pull_up);
}
END_TEST

#define MISSING                                          \
	"a.conf:0: [Serial] Device= is missing\n"        \
	"a.conf:0: [Identity] Certificate= is missing\n" \
	"a.conf:0: [Identity] PrivateKey= is missing\n"

static const struct {
	const char *text, *expected;
} bad[] = {
	{ "", MISSING },
	{ "# Device=/d\n", MISSING },
	{ HEAD "[Nothing]\n", "a.conf:6: there is no section [Nothing]\n" },
	{ HEAD "[Nothing]\nk=v\nl=w\n", "a.conf:6: there is no section [Nothing]\n" },
	{ HEAD "[serial]\nDevice=/d\n", "a.conf:6: there is no section [serial]\n" },
	{ HEAD "[Cloud]\nKeepalive=60\n", "a.conf:7: there is no key Keepalive= in section [Cloud]\n" },
	{ HEAD "[Defender]\nk=v\n", "a.conf:7: there is no key k= in section [Defender]\n" },
	{ "KeepAlive=60\n" HEAD, "a.conf:1: KeepAlive= stands before the first [Section]\n" },
	{ HEAD "[Cloud]\nKeepAlive=5\n", "a.conf:7: [Cloud] KeepAlive= must be a number from 30 to 1200\n" },
	{ HEAD "[Cloud]\nKeepAlive=60\n\n[Cloud]\nKeepAlive=60\n",
	  "a.conf:10: [Cloud] KeepAlive= is given twice, first in line 7\n" },
	{ HEAD "[Cloud]\nKeepAlive=5\nKeepAlive=60\n",
	  "a.conf:7: [Cloud] KeepAlive= must be a number from 30 to 1200\n"
	  "a.conf:8: [Cloud] KeepAlive= is given twice, first in line 7\n" },
	/* nor is the second one judged */
	{ HEAD "[Cloud]\nKeepAlive=60\nKeepAlive=5\n",
	  "a.conf:8: [Cloud] KeepAlive= is given twice, first in line 7\n" },
	{ HEAD "Tcti\n", "a.conf:6: expected Key=Value, [Section], or a comment that begins with # or ;\n" },
	{ HEAD "Tcti=\x01\n", "a.conf:6: line has a control character\n" },
	{ HEAD "[Cloud\nKeepAlive=5\n", "a.conf:6: expected [Section] and nothing behind it\n" },
	{ "[Serial]\nDevice=\n[Identity]\nCertificate=\nPrivateKey=\n",
	  "a.conf:2: [Serial] Device= is missing\n"
	  "a.conf:4: [Identity] Certificate= is missing\n"
	  "a.conf:5: [Identity] PrivateKey= is missing\n" },
	{ "[Serial]\nDevice=d\n[Identity]\nCertificate=c\nPrivateKey=k\n",
	  "a.conf:2: [Serial] Device= must be the absolute path of a tty, or pty:PATH\n"
	  "a.conf:4: [Identity] Certificate= must be the absolute path of a PEM file\n"
	  "a.conf:5: [Identity] PrivateKey= must be the absolute path of a PEM file, or a URI (pkcs11:, handle:)\n" },
	/* all of them, not only the first */
	{ "x\n[A]\n[Log]\nLevel=9\nlevel=9\n[Pins]\nBias=x\n",
	  "a.conf:1: expected Key=Value, [Section], or a comment that begins with # or ;\n"
	  "a.conf:2: there is no section [A]\n"
	  "a.conf:4: [Log] Level= must be error, warning, notice, info or debug\n"
	  "a.conf:5: there is no key level= in section [Log]\n"
	  "a.conf:7: [Pins] Bias= must be none or pull-up\n" MISSING },
};

START_TEST(says_every_problem)
{
	parse(bad[_i].text, bad[_i].expected);
}
END_TEST

START_TEST(needs_nobody_to_tell)
{
	struct settings *s = NULL;

	ck_assert_int_eq(settings_parse(&s, "a.conf", "x", 1, NULL, NULL), -EINVAL);
	ck_assert_ptr_null(s);
	ck_assert_ptr_null(settings_free(NULL));
}
END_TEST

START_TEST(long_names_are_cut_in_problems)
{
	char text[2000] = HEAD "[Cloud]\n", *p = text + strlen(text);
	struct problems problems = { 0 };
	struct settings *s;

	memset(p, 'k', 1500);
	strcpy(p + 1500, "=v\n");
	ck_assert_int_eq(settings_parse(&s, "a.conf", text, strlen(text), report, &problems), -EINVAL);
	ck_assert_uint_lt(problems.n, 200);
}
END_TEST

/* From here on with files. */

static char *dir;
static struct pki *ca, *leaf;

static void setup(void)
{
	char *text;

	dir = temp_dir();
	ca = pki_ca("Vendor CA");
	leaf = pki_leaf("leaf", ca);
	temp_text(dir, "cert", leaf->pem);
	temp_text(dir, "key", leaf->key_pem);
	ck_assert_int_ge(asprintf(&text, "[Serial]\nDevice=/d\n[Identity]\nCertificate=%s\nPrivateKey=%s\n",
				  temp_path(dir, "cert"), temp_path(dir, "key")),
			 0);
	temp_text(dir, "a.conf", text);
	free(text);
}

static void teardown(void)
{
	temp_remove(dir);
	pki_free(ca);
	pki_free(leaf);
}

static struct settings *load(const char *name, const char *expected)
{
	struct problems p = { 0 };
	struct settings *s = NULL;
	int r = settings_load(&s, temp_path(dir, name), report, &p);

	ck_assert_str_eq(p.text, expected);
	ck_assert_int_eq(r, *expected ? -EINVAL : 0);
	return s;
}

static void dropin(const char *name, const char *text)
{
	char path[100];

	(void)mkdir(temp_path(dir, "a.conf.d"), 0700);
	snprintf(path, sizeof(path), "a.conf.d/%s", name);
	temp_text(dir, path, text);
}

START_TEST(a_file_is_enough)
{
	_cleanup_(settings_freep) struct settings *s = load("a.conf", "");

	ck_assert_str_eq(s->certificate_pem, leaf->pem);
	ck_assert_uint_eq(strlen(s->thing_name), 32);
}
END_TEST

START_TEST(dropins_follow_in_order)
{
	dropin("20-b.conf", "[Cloud]\nKeepAlive=120\n");
	dropin("10-c.conf", "[Cloud]\nKeepAlive=100\nConnectTimeout=30\n[Module]\nAbout=ten\n");
	dropin("9-a.conf", "[Module]\nAbout=nine\n");
	/* Neither of these. */
	dropin("30-d.conf~", "x");
	dropin(".40-e.conf", "x");
	dropin(".conf", "x");
	dropin("README", "x");
	_cleanup_(settings_freep) struct settings *s = load("a.conf", "");

	ck_assert_uint_eq(s->keep_alive, 120);
	ck_assert_uint_eq(s->connect_timeout, 30);
	ck_assert_str_eq(s->about, "nine");
}
END_TEST

START_TEST(problems_name_the_dropin)
{
	dropin("1.conf", "[Cloud]\nKeepAlive=1\n[Serial]\nDevice=\n");
	dropin("2.conf", "\n[Cloud]\nKeepAlive=60\nKeepAlive=60\nX=\n");
	load("a.conf", "1.conf:2: [Cloud] KeepAlive= must be a number from 30 to 1200\n"
		       "2.conf:4: [Cloud] KeepAlive= is given twice, first in line 3\n"
		       "2.conf:5: there is no key X= in section [Cloud]\n"
		       "1.conf:4: [Serial] Device= is missing\n");
}
END_TEST

START_TEST(unreadable_files_are_problems)
{
	load("none.conf", "none.conf:0: cannot be read: No such file or directory\n");
	ck_assert_int_eq(mkdir(temp_path(dir, "folder.conf"), 0700), 0);
	load("folder.conf", "folder.conf:0: cannot be read: Is a directory\n");

	ck_assert_int_eq(mkdir(temp_path(dir, "a.conf.d"), 0700), 0);
	ck_assert_int_eq(symlink("nowhere", temp_path(dir, "a.conf.d/1.conf")), 0);
	load("a.conf", "1.conf:0: cannot be read: No such file or directory\n");
}
END_TEST

START_TEST(large_files_are_problems)
{
	size_t n = 256 * 1024 + 1;
	_cleanup_(freep) char *text = malloc(n);

	memset(text, '\n', n);
	temp_write(dir, "big.conf", text, n, 0600);
	load("big.conf", "big.conf:0: cannot be read: File too large\n");
}
END_TEST

START_TEST(the_folder_of_dropins_may_be_no_folder)
{
	temp_text(dir, "a.conf.d", "");
	load("a.conf", "a.conf.d:0: cannot be read: Not a directory\n");
}
END_TEST

/* A named file is a problem of the line that names it, in whatever file. */
START_TEST(named_files_are_judged_where_named)
{
	char expected[3000], text[3000];

	temp_text(dir, "bad", "no certificate");
	snprintf(text, sizeof(text),
		 "[Cloud]\nRootCA=%s\n[OTA]\nCertificate=/nonexistent/ota\nCAFile=/nonexistent/ca\n",
		 temp_path(dir, "bad"));
	dropin("1.conf", text);
	snprintf(expected, sizeof(expected),
		 "1.conf:2: [Cloud] RootCA= %s: not a PEM file with certificates\n"
		 "1.conf:4: [OTA] Certificate= /nonexistent/ota: No such file or directory\n"
		 "1.conf:5: [OTA] CAFile= /nonexistent/ca: No such file or directory\n",
		 temp_path(dir, "bad"));
	load("a.conf", expected);
}
END_TEST

START_TEST(key_has_to_belong_to_the_certificate)
{
	char expected[3000];

	temp_text(dir, "key", ca->key_pem);
	snprintf(expected, sizeof(expected),
		 "a.conf:5: [Identity] PrivateKey= %s: this key does not belong to [Identity] Certificate=\n",
		 temp_path(dir, "key"));
	load("a.conf", expected);
}
END_TEST

/* Secrets are not quoted. */
START_TEST(problems_hold_no_passphrase)
{
	char text[200] = "[Network]\nDefaultPassphrase=hunter2", *p = text + strlen(text);
	struct problems problems = { 0 };
	struct settings *s = NULL;

	memset(p, '!', 80);
	strcpy(p + 80, "\n");
	dropin("1.conf", text);
	ck_assert_int_eq(settings_load(&s, temp_path(dir, "a.conf"), report, &problems), -EINVAL);
	ck_assert_str_eq(problems.text, "1.conf:2: [Network] DefaultPassphrase= must not be longer than 64 bytes\n");
}
END_TEST

/* Behind its section's header a line shows it with its default. */
static void is_documented(const struct setting *row, const char *text)
{
	char header[40], line[200];
	const char *section, *end;

	snprintf(header, sizeof(header), "\n[%s]\n", row->section);
	if (row->required)
		snprintf(line, sizeof(line), "\n%s=/", row->key);
	else
		snprintf(line, sizeof(line), "\n#%s=%s\n", row->key, row->initial);
	section = strstr(text, header);
	ck_assert_msg(section, "%s", header);
	end = strstr(section + 1, "\n[");
	section = strstr(section, line);
	ck_assert_msg(section && (!end || section < end), "%s", line);
}

/* The file that is installed as an example has every setting at its default. */
START_TEST(the_example_is_true)
{
	const char *top = getenv("abs_top_srcdir");
	_cleanup_(settings_freep) struct settings *s = NULL, *plain = NULL;
	_cleanup_(freep) char *text = temp_read(top ? top : ".", "conf/expresslinkd.conf", NULL);
	char uncommented[40000];
	size_t n = 0;

	ck_assert_ptr_nonnull(text);
	/* "#Key=Value" is a setting, "# words" a comment. */
	for (const char *line = text; *line;) {
		size_t length = strcspn(line, "\n");

		if (line[0] != '#' || (line[1] != ' ' && line[1] != '\n')) {
			bool commented = line[0] == '#';

			ck_assert_uint_lt(n + length + 2, sizeof(uncommented));
			memcpy(uncommented + n, line + commented, length - commented);
			n += length - commented;
			uncommented[n++] = '\n';
		}
		line += length + (line[length] == '\n');
	}
	uncommented[n] = '\0';
	s = parse(uncommented, "");
	plain = parse(HEAD, "");
	for (size_t i = 0; i < setting_count; i++)
		is_documented(&setting_rows[i], text);
	for (size_t i = 0; i < setting_count; i++) {
		const struct setting *row = &setting_rows[i];

		if (row->required)
			continue;
		if (setting_is_text(row))
			ck_assert_str_eq(*setting_text(row, s), *setting_text(row, plain));
		else
			ck_assert_mem_eq((char *)s + row->offset, (char *)plain + row->offset, row->size);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("settings");
	TCase *c = tcase_create("parse"), *files = tcase_create("load");

	tcase_add_test(c, defaults);
	tcase_add_test(c, values_arrive);
	tcase_add_loop_test(c, says_every_problem, 0, ELEMENTS(bad));
	tcase_add_test(c, needs_nobody_to_tell);
	tcase_add_test(c, long_names_are_cut_in_problems);
	tcase_add_test(c, the_example_is_true);
	suite_add_tcase(suite, c);
	tcase_add_checked_fixture(files, setup, teardown);
	tcase_add_test(files, a_file_is_enough);
	tcase_add_test(files, dropins_follow_in_order);
	tcase_add_test(files, problems_name_the_dropin);
	tcase_add_test(files, unreadable_files_are_problems);
	tcase_add_test(files, large_files_are_problems);
	tcase_add_test(files, the_folder_of_dropins_may_be_no_folder);
	tcase_add_test(files, named_files_are_judged_where_named);
	tcase_add_test(files, key_has_to_belong_to_the_certificate);
	tcase_add_test(files, problems_hold_no_passphrase);
	suite_add_tcase(suite, files);
	return suite_run(suite);
}
