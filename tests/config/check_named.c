/* SPDX-License-Identifier: Apache-2.0 */
#include "config/named.h"

#include "fake/pki.h"
#include "fake/suite.h"
#include "fake/temp.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *dir;
static struct pki *ca, *leaf;

struct outcome {
	struct settings *s; /* NULL: refused */
	char problems[4000];
	char logged[4000];
};

static void setup(void)
{
	dir = temp_dir();
	ca = pki_ca("Vendor CA");
	leaf = pki_make(&(struct pki_order){ .name = "leaf", .issuer = ca, .serial = "ABC" });
	temp_text(dir, "cert", leaf->pem);
	temp_text(dir, "key", leaf->key_pem);
	temp_text(dir, "ca", ca->pem);
}

static void teardown(void)
{
	temp_remove(dir);
	pki_free(ca);
	pki_free(leaf);
}

static void report(void *userdata, const char *file, unsigned line, const char *text)
{
	struct outcome *o = userdata;
	size_t n = strlen(o->problems);

	(void)file;
	(void)line;
	snprintf(o->problems + n, sizeof(o->problems) - n, "%s\n", text);
}

/* Loads a file that names cert and key, and more. @ stands for the folder. What is logged is kept. */
static void load(struct outcome *o, const char *cert, const char *key, const char *more)
{
	int saved = dup(STDERR_FILENO), log = open(temp_path(dir, "log"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	char text[4000];
	size_t n;

	memset(o, 0, sizeof(*o));
	n = (size_t)snprintf(text, sizeof(text),
			     "[Serial]\nDevice=/d\n[Identity]\nCertificate=%s/%s\nPrivateKey=%s/%s\n", dir, cert, dir,
			     key);
	if (key[0] == '!')
		n = (size_t)snprintf(text, sizeof(text),
				     "[Serial]\nDevice=/d\n[Identity]\nCertificate=%s/%s\nPrivateKey=%s\n", dir, cert,
				     key + 1);
	for (; *more; more++) {
		if (*more == '@')
			n += (size_t)sprintf(text + n, "%s", dir);
		else
			text[n++] = *more;
	}
	text[n] = '\0';
	temp_text(dir, "a.conf", text);
	ck_assert_int_ge(dup2(log, STDERR_FILENO), 0);
	if (settings_load(&o->s, temp_path(dir, "a.conf"), report, o) != 0)
		o->s = NULL;
	ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
	ck_assert_int_ge(pread(log, o->logged, sizeof(o->logged) - 1, 0), 0);
	close(log);
	close(saved);
	/* Paths without the folder. */
	for (char *p = o->problems; (p = strstr(p, dir));)
		memmove(p, p + strlen(dir), strlen(p + strlen(dir)) + 1);
}

static void refused(const char *cert, const char *key, const char *more, const char *problem)
{
	struct outcome o;

	load(&o, cert, key, more);
	ck_assert_ptr_null(o.s);
	ck_assert_str_eq(o.problems, problem);
}

static struct settings *accepted(const char *cert, const char *key, const char *more)
{
	struct outcome o;

	load(&o, cert, key, more);
	ck_assert_str_eq(o.problems, "");
	ck_assert_ptr_nonnull(o.s);
	ck_assert_str_eq(o.logged, "");
	return o.s;
}

START_TEST(contents_come_in_place_of_paths)
{
	_cleanup_(settings_freep) struct settings *s =
		accepted("cert", "key", "[Cloud]\nRootCA=@/ca\n[OTA]\nCertificate=@/ca\n");

	ck_assert_str_eq(s->certificate_pem, leaf->pem);
	ck_assert_str_eq(s->root_ca_pem, ca->pem);
	ck_assert_str_eq(s->ota_certificate_pem, ca->pem);
	ck_assert_str_eq(s->thing_name, "00000000000000000000000000000abc");
	ck_assert_str_eq(s->private_key, temp_path(dir, "key"));
}
END_TEST

START_TEST(the_name_of_the_thing_can_be_set)
{
	_cleanup_(settings_freep) struct settings *s = accepted("cert", "key", "ThingName=my-thing\n");

	ck_assert_str_eq(s->thing_name, "my-thing");
}
END_TEST

START_TEST(long_serials_need_a_name)
{
	char serial[67];

	memset(serial, 'F', 66);
	serial[66] = '\0';
	_cleanup_(pki_freep) struct pki *p =
		pki_make(&(struct pki_order){ .name = "x", .serial = serial, .key_of = leaf });
	temp_text(dir, "long", p->pem);
	refused("long", "key", "",
		"[Identity] Certificate= its serial number cannot be the name of a thing; set [Identity] ThingName=\n");
	settings_free(accepted("long", "key", "ThingName=x\n"));
}
END_TEST

START_TEST(comments_and_keys_around_certificates_are_left_out)
{
	_cleanup_(settings_freep) struct settings *s = NULL;
	_cleanup_(freep) char *both = NULL, *roots = NULL, *want = NULL;

	ck_assert_int_ge(asprintf(&both, "Subject: leaf\n%s%s\nend\n", leaf->key_pem, leaf->pem), 0);
	ck_assert_int_ge(asprintf(&roots, "# one\n%s\n\n# two\n%s\n#-----BEGIN CERTIFICATE-----\n", ca->pem, ca->pem),
			 0);
	ck_assert_int_ge(asprintf(&want, "%s\n%s", ca->pem, ca->pem), 0);
	temp_text(dir, "both", both);
	temp_text(dir, "roots", roots);
	s = accepted("both", "both", "[Cloud]\nRootCA=@/roots\n");
	ck_assert_str_eq(s->certificate_pem, leaf->pem);
	ck_assert_str_eq(s->root_ca_pem, want);
}
END_TEST

START_TEST(one_is_one)
{
	_cleanup_(freep) char *two = NULL;

	ck_assert_int_ge(asprintf(&two, "%s\n%s\n", leaf->pem, ca->pem), 0);
	temp_text(dir, "two", two);
	refused("two", "key", "", "[Identity] Certificate= /two: not a PEM file with one certificate\n");
	refused("cert", "key", "[OTA]\nCertificate=@/two\n",
		"[OTA] Certificate= /two: not a PEM file with one certificate\n");
	settings_free(accepted("cert", "key", "[Cloud]\nRootCA=@/two\n"));
}
END_TEST

START_TEST(bad_files_are_refused)
{
	temp_text(dir, "empty", "");
	refused("empty", "key", "", "[Identity] Certificate= /empty: not a PEM file with one certificate\n");
	refused("key", "key", "", "[Identity] Certificate= /key: not a PEM file with one certificate\n");
	refused("none", "key", "", "[Identity] Certificate= /none: No such file or directory\n");
	refused("cert", "none", "", "[Identity] PrivateKey= /none: No such file or directory\n");
	refused("cert", "cert", "",
		"[Identity] PrivateKey= /cert: no private key, or one whose passphrase is not in "
		"[Identity] PinFile=\n");
	refused("cert", "key", "PinFile=@/none\n", "[Identity] PinFile= /none: No such file or directory\n");
	refused("none", "none", "",
		"[Identity] Certificate= /none: No such file or directory\n"
		"[Identity] PrivateKey= /none: No such file or directory\n");
	refused("cert", "key", "[Cloud]\nRootCA=@/empty\n",
		"[Cloud] RootCA= /empty: not a PEM file with certificates\n");
}
END_TEST

START_TEST(too_much_is_refused)
{
	_cleanup_(pki_freep) struct pki *big = pki_make(&(struct pki_order){ .name = "big", .padding = 12500 });
	_cleanup_(pki_freep) struct pki *fits =
		pki_make(&(struct pki_order){ .name = "fits", .padding = 10000, .key_of = leaf });

	temp_text(dir, "big", big->pem);
	temp_text(dir, "fits", fits->pem);
	refused("big", "key", "", "[Identity] Certificate= /big: more than 16384 bytes of certificates\n");
	settings_free(accepted("fits", "key", ""));
}
END_TEST

START_TEST(the_pin_opens_the_key)
{
	char *encrypted = pki_encrypted_key(leaf, "secret");

	temp_text(dir, "locked", encrypted);
	temp_text(dir, "pin", "secret\n");
	temp_text(dir, "wrong", "Secret");
	settings_free(accepted("cert", "locked", "PinFile=@/pin\n"));
	refused("cert", "locked", "PinFile=@/wrong\n",
		"[Identity] PrivateKey= /locked: no private key, or one whose passphrase is not in "
		"[Identity] PinFile=\n");
	refused("cert", "locked", "",
		"[Identity] PrivateKey= /locked: no private key, or one whose passphrase is not in "
		"[Identity] PinFile=\n");
	free(encrypted);
}
END_TEST

START_TEST(tokens_are_left_alone)
{
	_cleanup_(settings_freep) struct settings *s = accepted("cert", "!pkcs11:token=none;object=none", "");

	ck_assert_str_eq(s->private_key, "pkcs11:token=none;object=none");
	settings_free(accepted("cert", "!handle:0x81000001", "Tcti=device:/nonexistent\n"));
}
END_TEST

START_TEST(rights_of_others_are_warned_of)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0601, 0777 };
	struct outcome o;

	for (size_t i = 0; i < ELEMENTS(modes); i++) {
		ck_assert_int_eq(chmod(temp_path(dir, "key"), modes[i]), 0);
		load(&o, "cert", "key", "");
		ck_assert_ptr_nonnull(o.s);
		ck_assert_ptr_nonnull(strstr(o.logged, "key: not only its owner has rights on this private key"));
		settings_free(o.s);
	}
	ck_assert_int_eq(chmod(temp_path(dir, "key"), 0400), 0);
	settings_free(accepted("cert", "key", ""));
}
END_TEST

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

static unsigned installed_roots(void)
{
	static const char *const names[] = {
		"Amazon_Root_CA_1",
		"Amazon_Root_CA_2",
		"Amazon_Root_CA_3",
		"Amazon_Root_CA_4",
		"Starfield_Services_Root_Certificate_Authority_-_G2",
	};
	unsigned n = 0;

	for (size_t i = 0; i < ELEMENTS(names); i++) {
		char path[200];

		snprintf(path, sizeof(path), "/usr/share/ca-certificates/mozilla/%s.crt", names[i]);
		n += access(path, R_OK) == 0;
	}
	return n;
}

/* Amazon's, from ca-certificates; they have to fit the key RootCA. */
START_TEST(there_are_roots_by_default)
{
	_cleanup_(settings_freep) struct settings *s = accepted("cert", "key", "");

	ck_assert_uint_eq(count(s->root_ca_pem, "-----BEGIN CERTIFICATE-----\n"), installed_roots());
	ck_assert_uint_eq(count(s->root_ca_pem, "-----BEGIN"), count(s->root_ca_pem, "\n-----END CERTIFICATE-----"));
	ck_assert_uint_le(strlen(s->root_ca_pem), 16384);
	ck_assert_int_ne(s->root_ca_pem[strlen(s->root_ca_pem) - 1], '\n');
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("named");
	TCase *c = tcase_create("named");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, contents_come_in_place_of_paths);
	tcase_add_test(c, the_name_of_the_thing_can_be_set);
	tcase_add_test(c, long_serials_need_a_name);
	tcase_add_test(c, comments_and_keys_around_certificates_are_left_out);
	tcase_add_test(c, one_is_one);
	tcase_add_test(c, bad_files_are_refused);
	tcase_add_test(c, too_much_is_refused);
	tcase_add_test(c, the_pin_opens_the_key);
	tcase_add_test(c, tokens_are_left_alone);
	tcase_add_test(c, rights_of_others_are_warned_of);
	tcase_add_test(c, there_are_roots_by_default);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
