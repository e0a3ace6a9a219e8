/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/provision.h"

#include "crypto/cert.h"
#include "crypto/key.h"
#include "ctl/ctl.h"
#include "ctl/load.h"
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define DAEMON_USER "expresslinkd"
#define CERTIFICATE "certificate.pem"
#define PRIVATE_KEY "private.key.pem"
#define REQUEST     "request.csr"
#define MAX_FILE    65536

/* Paths and files */

static char *in_out(const struct provision *p, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", p->out, name) < 0 ? NULL : path;
}

static bool exists(const struct provision *p, const char *name)
{
	_cleanup_(freep) char *path = in_out(p, name);

	return path && faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int write_out(const struct provision *p, const char *name, const char *data, size_t n, mode_t mode)
{
	int r = file_replace(p->out, name, NULL, data, n, mode);

	return r < 0 ? ctl_error("cannot write %s/%s: %s", p->out, name, strerror(-r)) : 0;
}

/* What only its owner may read is the daemon's, where that has a user of its own. */
static int give_away(const struct provision *p, const char *name)
{
	const struct passwd *user = geteuid() == 0 ? getpwnam(DAEMON_USER) : NULL;
	_cleanup_(freep) char *path = in_out(p, name);

	if (!path)
		return load_no_memory();
	if (user && lchown(path, user->pw_uid, user->pw_gid) < 0)
		return ctl_error("cannot give %s to the user %s: %s", path, DAEMON_USER, strerror(errno));
	return 0;
}

static int remove_out(const struct provision *p, const char *name)
{
	_cleanup_(freep) char *path = in_out(p, name);

	if (!path)
		return load_no_memory();
	if (unlink(path) < 0 && errno != ENOENT)
		return ctl_error("cannot remove %s: %s", path, strerror(errno));
	return 0;
}

/* One run at a time in a folder. The lock ends with the process. */
static int open_out(struct provision *p)
{
	int r = file_make_dir(p->out, 0755);

	if (r < 0)
		return ctl_error("cannot make %s: %s", p->out, strerror(-r));
	p->lock = open(p->out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->lock < 0)
		return ctl_error("cannot open %s: %s", p->out, strerror(errno));
	if (flock(p->lock, LOCK_EX | LOCK_NB) < 0)
		return ctl_error("%s is in use by another expresslinkctl", p->out);
	return 0;
}

/* --thing-name */

int provision_print_name(const struct provision *p)
{
	_cleanup_(freep) char *path = p->certificate ? strdup(p->certificate) : in_out(p, CERTIFICATE);
	_cleanup_(freep) char *text = NULL;
	char name[65];
	size_t n = 0;
	int r;

	if (!path)
		return load_no_memory();
	if (p->certificate || exists(p, CERTIFICATE)) {
		r = load_certificate(path, &text, &n);
		if (r)
			return r;
		r = cert_thing_name(text, n, name);
		if (r)
			return ctl_error("%s: no serial number that can be a thing name", path);
	} else {
		_cleanup_(freep) char *request = in_out(p, REQUEST);

		r = request ? file_read(request, MAX_FILE, &text, &n) : -ENOMEM;
		if (r == -ENOENT)
			return ctl_error("no identity in %s", p->out);
		if (!r)
			r = issue_request_name(text, n, name);
		if (r)
			return ctl_error("%s: %s", request, r == -EBADMSG ? "no certificate request" : strerror(-r));
	}
	puts(name);
	return 0;
}

/* --certificate FILE */

static int check_certificate(const struct provision *p, const char *key, const char *pem, size_t n)
{
	_cleanup_(freep) char *uri = NULL, *pin = NULL;
	struct issue_problem problem;
	int r = load_key_uri(key, &uri);

	if (!r)
		r = load_pin(p->pin_file, &pin);
	if (r)
		return r;
	r = key_matches_cert(uri, pin, pem, n);
	if (pin)
		explicit_bzero(pin, strlen(pin));
	if (r)
		return load_key_error(key, r);
	r = issue_check(pem, n, &problem);
	if (r)
		return ctl_error("%s: %s", p->certificate, problem.text[0] ? problem.text : strerror(-r));
	return 0;
}

/* Is this certificate there already? */
static bool is_present(const struct provision *p, const char *pem, size_t n)
{
	_cleanup_(freep) char *path = in_out(p, CERTIFICATE), *text = NULL, *present = NULL;
	size_t text_n, present_n;

	return path && !file_read(path, MAX_FILE, &text, &text_n) &&
	       !cert_canonical(text, text_n, false, &present, &present_n) && present_n == n && !memcmp(present, pem, n);
}

static int report(const struct provision *p, const char *key, const char *pem, size_t n)
{
	struct cert_info info;
	char name[65];

	if (cert_info(pem, n, &info) || cert_thing_name(pem, n, name))
		return ctl_error("the new certificate cannot be read");
	printf("Thing name:   %s\n", name);
	printf("Private key:  %s\n", key);
	printf("Certificate:  %s/%s, by %s, valid until %.10s\n", p->out, CERTIFICATE, info.issuer, info.not_after);
	return 0;
}

int provision_install(struct provision *p)
{
	_cleanup_(freep) char *own_key = in_out(p, PRIVATE_KEY), *pem = NULL;
	const char *key = p->key ? p->key : own_key;
	size_t n = 0;
	int r;

	if (!own_key)
		return load_no_memory();
	r = load_certificate(p->certificate, &pem, &n);
	if (r)
		return r;
	if (!p->key && !exists(p, PRIVATE_KEY))
		return ctl_error("no %s: name the certificate's key with --key, or its folder with --out", own_key);
	r = check_certificate(p, key, pem, n);
	if (r)
		return r;
	r = open_out(p);
	if (r)
		return r;
	if (!is_present(p, pem, n)) {
		if (exists(p, CERTIFICATE) && !p->force)
			return ctl_error("%s/%s is another certificate; --force replaces it", p->out, CERTIFICATE);
		r = write_out(p, CERTIFICATE, pem, n, 0644);
		if (r)
			return r;
	}
	return report(p, key, pem, n);
}

/* A new identity */

static int may_make(const struct provision *p)
{
	if (p->force)
		return 0;
	if (!p->key && exists(p, PRIVATE_KEY))
		return ctl_error("%s/%s is there already; --force replaces this identity", p->out, PRIVATE_KEY);
	if (exists(p, CERTIFICATE))
		return ctl_error("%s/%s is there already; --force replaces it", p->out, CERTIFICATE);
	return 0;
}

static int make_certificate(const struct provision *p, EVP_PKEY *key, char **ret, size_t *ret_n)
{
	_cleanup_(issue_key_freep) EVP_PKEY *ca_key = NULL;
	_cleanup_(freep) char *ca = NULL;
	struct issue_problem problem;
	size_t ca_n = 0;
	int r = load_certificate(p->ca, &ca, &ca_n);

	if (!r)
		r = load_key(p->ca_key, p->ca_pin_file, &ca_key);
	if (r)
		return r;
	r = issue_certificate(key, p->uid, ca, ca_n, ca_key, ret, ret_n, &problem);
	if (r)
		return ctl_error("cannot issue with %s: %s", p->ca, problem.text[0] ? problem.text : strerror(-r));
	return 0;
}

static int write_key(const struct provision *p, EVP_PKEY *key)
{
	char *pem = NULL;
	size_t n = 0;
	int r = issue_key_pem(key, &pem, &n);

	if (r < 0)
		return ctl_error("cannot encode the new key: %s", strerror(-r));
	r = write_out(p, PRIVATE_KEY, pem, n, 0600);
	issue_secret_free(pem, n);
	return r ? r : give_away(p, PRIVATE_KEY);
}

/* The new one first, so that no failure leaves half of it; what belonged to the old key goes last. */
static int write_identity(const struct provision *p, EVP_PKEY *key, const char *pem, size_t n)
{
	int r = 0;

	if (!p->key)
		r = write_key(p, key);
	if (!r)
		r = write_out(p, p->ca ? CERTIFICATE : REQUEST, pem, n, 0644);
	if (!r)
		r = remove_out(p, p->ca ? REQUEST : CERTIFICATE);
	return r;
}

static int report_request(const struct provision *p, const char *key)
{
	char uid[ISSUE_UID_TEXT + 1];

	issue_uid_format(p->uid, uid);
	printf("Unique ID:    %s\n", uid);
	printf("Private key:  %s\n", key);
	printf("Request:      %s/%s\n", p->out, REQUEST);
	printf("Have the request signed for at least %d years: by a vendor's CA with the serial number\n0x",
	       ISSUE_MIN_YEARS);
	for (unsigned i = 0; i < ISSUE_UID_SIZE; i++)
		printf("%02x", p->uid[i]);
	printf(", or by AWS IoT with a number of its own, which is then the\nthing's name. After that: "
	       "expresslinkctl provision --out %s --certificate FILE\n",
	       p->out);
	return 0;
}

int provision_make(struct provision *p)
{
	_cleanup_(issue_key_freep) EVP_PKEY *key = NULL;
	_cleanup_(freep) char *own_key = in_out(p, PRIVATE_KEY), *pem = NULL;
	size_t n = 0;
	int r;

	if (!own_key)
		return load_no_memory();
	if (!p->uid_text && issue_uid_new(p->uid) < 0)
		return ctl_error("no random numbers");
	r = open_out(p);
	if (!r)
		r = may_make(p);
	if (r)
		return r;
	if (p->key)
		r = load_key(p->key, p->pin_file, &key);
	else if (issue_key_new(&key) < 0)
		r = ctl_error("cannot make a key");
	if (r)
		return r;
	if (p->ca)
		r = make_certificate(p, key, &pem, &n);
	else if (issue_request(key, p->uid, &pem, &n) < 0)
		r = ctl_error("cannot make a request with this key");
	if (!r)
		r = write_identity(p, key, pem, n);
	if (r)
		return r;
	return p->ca ? report(p, p->key ? p->key : own_key, pem, n) : report_request(p, p->key ? p->key : own_key);
}
