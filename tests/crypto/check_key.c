/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/key.h"

#include "fake/pki.h"
#include "fake/suite.h"
#include "fake/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct pki *one, *two;
static char *dir;

static void setup(void)
{
	one = pki_ca("one");
	two = pki_ca("two");
	dir = temp_dir();
}

static void teardown(void)
{
	ck_assert_uint_eq(ERR_peek_error(), 0);
	pki_free(one);
	pki_free(two);
	temp_remove(dir);
}

static void loads(const char *uri, const char *pin, const struct pki *expected)
{
	EVP_PKEY *key = NULL;

	ck_assert_int_eq(key_load(uri, pin, &key), 0);
	ck_assert_int_eq(EVP_PKEY_eq(key, expected->key), 1);
	EVP_PKEY_free(key);
}

static int load(const char *uri, const char *pin)
{
	EVP_PKEY *key = NULL;
	int r = key_load(uri, pin, &key);

	ck_assert_ptr_null(key);
	return r;
}

START_TEST(loads_a_file)
{
	temp_text(dir, "key", one->key_pem);
	loads(temp_path(dir, "key"), NULL, one);
	loads(temp_path(dir, "key"), "unused", one);
}
END_TEST

START_TEST(loads_a_file_with_other_things_before_it)
{
	char *text;

	ck_assert_int_ge(asprintf(&text, "A key\n%s\n%s", one->pem, one->key_pem), 0);
	temp_text(dir, "key", text);
	free(text);
	loads(temp_path(dir, "key"), NULL, one);
}
END_TEST

START_TEST(loads_a_uri_of_a_file)
{
	char *uri;

	temp_text(dir, "key", one->key_pem);
	ck_assert_int_ge(asprintf(&uri, "file:%s", temp_path(dir, "key")), 0);
	loads(uri, NULL, one);
	free(uri);
	ck_assert_int_eq(load("file:/nonexistent/key", NULL), -ENOENT);
}
END_TEST

START_TEST(knows_no_other_schemes)
{
	ck_assert_int_eq(load("nothing:1", NULL), -ENOTSUP);
	ck_assert_int_lt(load("pkcs11:token=none;object=none", NULL), 0);
	ck_assert_int_lt(load("handle:0x81000000", NULL), 0);
	ck_assert_int_lt(load("", NULL), 0);
}
END_TEST

START_TEST(says_why_there_is_none)
{
	char *encrypted = pki_encrypted_key(one, "secret");

	ck_assert_int_eq(load(temp_path(dir, "none"), NULL), -ENOENT);
	ck_assert_int_eq(load(dir, NULL), -EISDIR);
	temp_text(dir, "empty", "");
	ck_assert_int_eq(load(temp_path(dir, "empty"), NULL), -EBADMSG);
	temp_text(dir, "cert", one->pem);
	ck_assert_int_eq(load(temp_path(dir, "cert"), NULL), -EBADMSG);
	temp_write(dir, "cut", one->key_pem, strlen(one->key_pem) - 40, 0600);
	ck_assert_int_eq(load(temp_path(dir, "cut"), NULL), -EBADMSG);
	temp_text(dir, "encrypted", encrypted);
	ck_assert_int_eq(load(temp_path(dir, "encrypted"), "wrong"), -EBADMSG);
	free(encrypted);
}
END_TEST

START_TEST(opens_with_the_pin)
{
	char *encrypted = pki_encrypted_key(one, "secret"), *uri;

	temp_text(dir, "key", encrypted);
	loads(temp_path(dir, "key"), "secret", one);
	ck_assert_int_ge(asprintf(&uri, "file:%s", temp_path(dir, "key")), 0);
	loads(uri, "secret", one);
	free(uri);
	free(encrypted);
}
END_TEST

/* On a terminal OpenSSL asks for the passphrase, and waits for ever. */
START_TEST(never_asks)
{
	char *encrypted = pki_encrypted_key(one, "secret"), *uri;
	int master = posix_openpt(O_RDWR | O_NOCTTY), status;
	pid_t pid;

	temp_text(dir, "key", encrypted);
	ck_assert_int_ge(asprintf(&uri, "file:%s", temp_path(dir, "key")), 0);
	ck_assert_int_ge(master, 0);
	ck_assert(grantpt(master) == 0 && unlockpt(master) == 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		/* The leader of a session gets the first terminal that it opens. */
		if (setsid() < 0 || open(ptsname(master), O_RDWR) < 0 || open("/dev/tty", O_RDWR) < 0)
			_exit(3);
		alarm(20);
		if (load(temp_path(dir, "key"), NULL) != -EBADMSG)
			_exit(1);
		_exit(load(uri, NULL) == -EBADMSG ? 0 : 2);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	close(master);
	free(uri);
	free(encrypted);
}
END_TEST

START_TEST(compares_with_the_certificate)
{
	_cleanup_(pki_freep) struct pki *again = pki_make(&(struct pki_order){ .name = "again", .key_of = one });
	const char *path;

	temp_text(dir, "key", one->key_pem);
	path = temp_path(dir, "key");
	ck_assert_int_eq(key_matches_cert(path, NULL, one->pem, strlen(one->pem)), 0);
	ck_assert_int_eq(key_matches_cert(path, NULL, again->pem, strlen(again->pem)), 0);
	ck_assert_int_eq(key_matches_cert(path, NULL, two->pem, strlen(two->pem)), -EKEYREJECTED);
	ck_assert_int_eq(key_matches_cert(path, NULL, "", 0), -EKEYREJECTED);
	ck_assert_int_eq(key_matches_cert(path, NULL, "x", 1), -EKEYREJECTED);
	ck_assert_int_eq(key_matches_cert(temp_path(dir, "none"), NULL, one->pem, strlen(one->pem)), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("key");
	TCase *c = tcase_create("key");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, loads_a_file);
	tcase_add_test(c, loads_a_file_with_other_things_before_it);
	tcase_add_test(c, loads_a_uri_of_a_file);
	tcase_add_test(c, knows_no_other_schemes);
	tcase_add_test(c, says_why_there_is_none);
	tcase_add_test(c, opens_with_the_pin);
	tcase_add_test(c, never_asks);
	tcase_add_test(c, compares_with_the_certificate);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
