#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of expresslinkd.conf(5): what each setting may be, and where it goes. */

#include "config/settings.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_kind {
	SETTING_TEXT,     /* of at most max bytes */
	SETTING_NUMBER,   /* min .. max */
	SETTING_SIZE,     /* min .. max, with a suffix K or M */
	SETTING_BOOL,     /* yes or no */
	SETTING_WORD,     /* one of words; stored as min + its index */
	SETTING_PATH,     /* absolute */
	SETTING_CERT,     /* absolute path of a PEM file with one certificate, */
	SETTING_CERTS,    /* or several; settings.c puts its content in place of the path */
	SETTING_KEY,      /* absolute path, or a URI */
	SETTING_DEVICE,   /* absolute path, or pty:PATH */
	SETTING_THING,    /* name of a thing */
	SETTING_ENDPOINT, /* HOST[:PORT] */
	SETTING_LISTEN,   /* ADDRESS:PORT */
	SETTING_SERVER,   /* HOST:PORT, or none */
	SETTING_INSTALL,  /* deb, or a command by its absolute path */
};

struct setting {
	const char *section, *key;
	enum setting_kind kind;
	size_t offset, size; /* of its field in struct settings */
	uint64_t min, max;
	const char *initial;
	const char *const *words;
	bool required;
};

#define SETTING_MAX 64

extern const struct setting setting_rows[];
extern const size_t setting_count; /* <= SETTING_MAX */

bool setting_has_section(const char *section);

/* NULL: there is no such key. */
const struct setting *setting_find(const char *section, const char *key);

/* Is its field a char *? */
bool setting_is_text(const struct setting *row);
char **setting_text(const struct setting *row, struct settings *s);

/* Judges the value and stores it. 0; -ENOMEM; -EINVAL and what it must be, as a text that is cut to size. */
int setting_apply(const struct setting *row, struct settings *s, const char *value, char *ret_why,
		  size_t size) _must_check_;
