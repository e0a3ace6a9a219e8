/* SPDX-License-Identifier: Apache-2.0 */
#include "config/named.h"

#include "crypto/cert.h"
#include "crypto/key.h"
#include "util/file.h"
#include "util/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILE (256 * 1024) /* with the comments in it */
#define MAX_PEM  16384        /* guide 5, Table 2: as the keys that these are the factory values of */
#define MAX_PIN  256

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"

/* What the cloud's servers show (AWS IoT Core developer guide, "Server authentication"). */
static const char *const amazon_roots[] = {
	"/usr/share/ca-certificates/mozilla/Amazon_Root_CA_1.crt",
	"/usr/share/ca-certificates/mozilla/Amazon_Root_CA_2.crt",
	"/usr/share/ca-certificates/mozilla/Amazon_Root_CA_3.crt",
	"/usr/share/ca-certificates/mozilla/Amazon_Root_CA_4.crt",
	"/usr/share/ca-certificates/mozilla/Starfield_Services_Root_Certificate_Authority_-_G2.crt",
};

/* Leaves the certificates of the text, without the comments and the keys around them. */
static size_t only_certificates(char *text)
{
	char *from = text, *to = text;

	for (;;) {
		char *begin = strstr(from, BEGIN);
		char *end = begin ? strstr(begin, END) : NULL;
		size_t n;

		if (!end)
			break;
		n = (size_t)(end - begin) + strlen(END);
		memmove(to, begin, n);
		to += n;
		from = begin + n;
	}
	return (size_t)(to - text);
}

static int read_certificates(const char *path, bool several, char **ret, size_t *ret_n)
{
	_cleanup_(freep) char *text = NULL;
	size_t n;
	int r = file_read(path, MAX_FILE, &text, &n);

	if (r < 0)
		return r;
	/* A key may stand in the same file. */
	r = cert_canonical(text, only_certificates(text), several, ret, ret_n);
	explicit_bzero(text, n);
	return r;
}

/* Puts the content in place of the path. */
static void load_certificates(struct loader *l, const struct setting *row)
{
	char **field = setting_text(row, l->s);
	bool several = row->kind == SETTING_CERTS;
	char *pem = NULL;
	size_t n = 0;
	int r;

	if (!**field)
		return;
	r = read_certificates(*field, several, &pem, &n);
	if (r < 0)
		loader_say(l, row, "%s: %s", *field, strerror(-r));
	else if (r > 0)
		loader_say(l, row, "%s: not a PEM file with %s", *field, several ? "certificates" : "one certificate");
	else if (n > MAX_PEM)
		loader_say(l, row, "%s: more than %d bytes of certificates", *field, MAX_PEM);
	if (r == 0 && n <= MAX_PEM) {
		free(*field);
		*field = pem;
		return;
	}
	free(pem);
	**field = '\0';
}

static int append(char **text, const char *more)
{
	char *longer;

	if (asprintf(&longer, "%s%s%s", *text ? *text : "", *text ? "\n" : "", more) < 0)
		return -ENOMEM;
	free(*text);
	*text = longer;
	return 0;
}

static void load_amazon_roots(struct loader *l)
{
	_cleanup_(freep) char *all = NULL;

	for (size_t i = 0; i < ELEMENTS(amazon_roots); i++) {
		_cleanup_(freep) char *pem = NULL;
		size_t n;

		if (read_certificates(amazon_roots[i], true, &pem, &n) != 0)
			continue;
		if (append(&all, pem) < 0) {
			l->error = -ENOMEM;
			return;
		}
	}
	if (!all) {
		log_warning("No server will be trusted: set [Cloud] RootCA=, or install ca-certificates");
		return;
	}
	free(l->s->root_ca_pem);
	l->s->root_ca_pem = TAKE_PTR(all);
}

/* NULL if there is none. */
static char *read_pin(struct loader *l)
{
	const char *path = l->s->pin_file;
	char *pin;
	size_t n;
	int r;

	if (!*path)
		return NULL;
	r = file_read(path, MAX_PIN, &pin, &n);
	if (r < 0) {
		loader_say(l, setting_find("Identity", "PinFile"), "%s: %s", path, strerror(-r));
		return NULL;
	}
	pin[strcspn(pin, "\r\n")] = '\0';
	return pin;
}

static const char *key_problem(int r)
{
	switch (r) {
	case -EKEYREJECTED:
		return "this key does not belong to [Identity] Certificate=";
	case -EBADMSG:
		return "no private key, or one whose passphrase is not in [Identity] PinFile=";
	default:
		return strerror(-r);
	}
}

static void warn_of_rights(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & (S_IRWXG | S_IRWXO)))
		log_warning("%s: not only its owner has rights on this private key", path);
}

/* A key in a token is left alone: the token may need its PIN, and may lock itself after wrong ones. */
static void check_key(struct loader *l)
{
	const char *path = l->s->private_key, *pem = l->s->certificate_pem;
	char *pin = read_pin(l);
	int r = 0;

	if (*path == '/') {
		warn_of_rights(path);
		r = key_matches_cert(path, pin, pem, strlen(pem));
	}
	if (pin)
		explicit_bzero(pin, strlen(pin));
	free(pin);

	/* Without a certificate there is nothing to compare with. */
	if (r == 0 || (r == -EKEYREJECTED && !*pem))
		return;
	loader_say(l, setting_find("Identity", "PrivateKey"), "%s: %s", path, key_problem(r));
}

static void check_readable(struct loader *l, const struct setting *row)
{
	const char *path = *setting_text(row, l->s);

	if (*path && access(path, R_OK) < 0)
		loader_say(l, row, "%s: %s", path, strerror(errno));
}

static void name_thing(struct loader *l)
{
	const char *pem = l->s->certificate_pem;
	char name[65], *copy;

	if (*l->s->thing_name || !*pem)
		return;
	if (cert_thing_name(pem, strlen(pem), name) < 0) {
		loader_say(l, setting_find("Identity", "Certificate"),
			   "its serial number cannot be the name of a thing; set [Identity] ThingName=");
		return;
	}
	copy = strdup(name);
	if (!copy) {
		l->error = -ENOMEM;
		return;
	}
	free(l->s->thing_name);
	l->s->thing_name = copy;
}

static bool names_certificates(const struct setting *row)
{
	return row->kind == SETTING_CERT || row->kind == SETTING_CERTS;
}

void named_load(struct loader *l)
{
	bool own_roots = *l->s->root_ca_pem;

	for (size_t i = 0; i < setting_count; i++) {
		if (names_certificates(&setting_rows[i]))
			load_certificates(l, &setting_rows[i]);
	}
	if (!own_roots)
		load_amazon_roots(l);
	check_readable(l, setting_find("OTA", "CAFile"));
	check_key(l);
	name_thing(l);
}

void named_forget(struct loader *l)
{
	for (size_t i = 0; i < setting_count; i++) {
		if (names_certificates(&setting_rows[i]))
			**setting_text(&setting_rows[i], l->s) = '\0';
	}
}
