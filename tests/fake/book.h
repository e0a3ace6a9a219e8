#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A dictionary in a folder of its own, with the certificates that it needs, and what it answered. Whatever fails aborts
 * the test. */

#include "config/dict.h"
#include "config/settings.h"
#include "fake/pki.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define BOOK_WIFI "[Cloud]\nStagingEndpoint=staging.example\n[Network]\nType=wifi\nDefaultSSID=lab\n"

struct book {
	char *dir;
	sd_event *event;
	struct settings *settings;
	struct dict *dict;
	struct pki *ca, *other, *below; /* two roots, and a certificate that the first has signed */

	/* Answers: how many, their numbers and results. */
	struct {
		unsigned count;
		uint64_t numbers[40];
		int results[40];
	} calls;
};

/* With the settings BOOK_WIFI, and started. */
void book_make(struct book *b);
void book_done(struct book *b);

/* A dictionary where there is none: it reads what is in the folder. */
void book_start(struct book *b);

/* A new one on the same folder; with other settings. */
void book_restart(struct book *b);
void book_restart_with(struct book *b, const char *more);

/* For a function of the dictionary that answers later: book->calls has it then. */
struct done book_answer(struct book *b, uint64_t number);

/* Turns the loop until there were so many answers. */
void book_await(struct book *b, unsigned count);

/* Sets a key and does not wait: what is said at once. The answer has the number 0. */
int book_put(struct book *b, const char *key, const char *value);

/* Sets it and waits: what the host reads. */
int book_set(struct book *b, const char *key, const char *value);
int book_factory_reset(struct book *b);

/* What the host reads of a key; what the module does. */
const char *book_get(const struct book *b, const char *key);
void book_has(const struct book *b, enum key_id id, const char *text);
