#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A folder that values are kept in, and the settings that they come from at the factory. Whatever fails aborts the
 * test. */

#include "config/settings.h"
#include "config/values.h"
#include "fake/pki.h"

struct drawer {
	char *dir;
	struct pki *ca; /* the root, and the module's certificate */
	struct settings settings;
};

void drawer_make(struct drawer *d);
void drawer_done(struct drawer *d);

/* Values of a test's own: puts this text into a slot; a slot has this text. */
void drawer_put(struct values *v, unsigned slot, const char *text);
void drawer_has(const struct values *v, unsigned slot, const char *text);

/* Writes values as a file of this name. */
void drawer_save(const struct drawer *d, const struct values *v, const char *name);
