#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration dictionary (guide 5): values by the rules of their rows, durable before they are
 * acknowledged. */

#include "config/keys.h"
#include "config/settings.h"
#include "util/done.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct dict;

/* state_dir: where the dictionary file lies (file "dictionary", its predecessor "dictionary.old", damaged ones
 * "dictionary.damaged"). settings must outlive the dictionary. */
int dict_new(struct dict **ret, sd_event *event, const struct settings *settings, const char *state_dir) _must_check_;

/* Waits for a write that is under way. */
struct dict *dict_free(struct dict *d);
DEFINE_CLEANUP(struct dict *, dict_free)

/* Reads the file, makes the folder if there is none. Damage falls back key by key to the previous generation, then to
 * factory values, is logged, and the damaged file is kept aside. -errno (logged) only if the folder cannot be used at
 * all, -EBUSY when another module has it. */
int dict_start(struct dict *d) _must_check_;

/* Instead of dict_start(), for somebody else than the module: reads the file, changes nothing. -errno. */
int dict_peek(struct dict *d) _must_check_;

/* on_change is called with 0 each time that kept values have changed, before whoever changed them has his answer. It
 * changes none itself. */
void dict_on_change(struct dict *d, struct done on_change);

/* The present value; never fails. Bytes, not text; valid until the next change. For KEY_TOPIC see dict_topic(). */
const char *dict_get(const struct dict *d, enum key_id id, size_t *ret_n);
const char *dict_topic(const struct dict *d, unsigned index, size_t *ret_n);
unsigned dict_number(const struct dict *d, enum key_id id); /* QoS, Defender */

/* Reads by name: AT_ERR_KEY_*, incl. AT_ERR_KEY_WRITEONLY. */
int dict_read(const struct dict *d, const void *name, size_t name_n, const struct key_row **ret_row, const char **ret,
	      size_t *ret_n) _must_check_;

/* May the host write this key? AT_ERR_KEY_*, incl. AT_ERR_KEY_READONLY. */
int dict_writable(const struct dict *d, const void *name, size_t name_n, const struct key_row **ret_row) _must_check_;

/* Judges the value and sets it; certificates are verified against their predecessors (guide 5.2.1.6, 8.6, 8.11,
 * 8.12). Returns at once with AT_ERR_* if refused (done is then not called). Else 0, and done is called once:
 * before the return when nothing had to be written, or from the loop with 0 when the value is durable, or
 * with AT_ERR_PARAMETER when it could not be made so (the old value stays). Writes are done in order. */
int dict_set(struct dict *d, const void *name, size_t name_n, const void *value, size_t n,
	     struct done done) _must_check_;

/* Endpoint from the onboarding topic (guide 10.3.1.1); like dict_set(). */
int dict_set_endpoint(struct dict *d, const char *endpoint, struct done done) _must_check_;

/* RESET and RST: volatile keys to initial values (guide Table 3). Touches no file. */
void dict_reset(struct dict *d);

/* FACTORY_RESET: the rows with "Y" and the volatile keys, all together (guide 3.7.7). As dict_set(). */
int dict_factory_reset(struct dict *d, struct done done) _must_check_;

/* Endpoint differs from the staging endpoint (guide 3.7.1). */
bool dict_onboarded(const struct dict *d);

/* All roots to trust: those of RootCA and, until dict_roots_proven(), those that a write replaced. NUL-terminated
 * PEM text; the caller frees it. NULL: no memory. */
char *dict_trusted_roots(const struct dict *d);

/* A connection was verified by a root of the present RootCA: the replaced ones are no longer trusted. */
void dict_roots_proven(struct dict *d);

/* Keys that fell back at start, and writes since start, for DIAG INFO. */
unsigned dict_damaged(const struct dict *d);
uint64_t dict_writes(const struct dict *d);
