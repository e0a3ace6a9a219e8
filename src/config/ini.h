#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of Key=Value under [Section]; comments begin with # or ; at the start of a line. Stricter than the library
 * below, which would join lines, take ':' for '=' and cut values at " ;". */

#include <stddef.h>

#define INI_LINE    2000 /* bytes of a line */
#define INI_NOWHERE "?"  /* the section of pairs behind a header that was a problem */

struct ini_sink {
	void (*section)(void *userdata, unsigned line, const char *name);
	/* section: "" before the first one */
	void (*pair)(void *userdata, unsigned line, const char *section, const char *key, const char *value);
	void (*problem)(void *userdata, unsigned line, const char *text);
};

/* Any bytes may come in; every line reaches exactly one of the functions, blank ones and comments none. Values have no
 * white space around them and no control characters but TAB in them. */
void ini_read(const void *text, size_t n, const struct ini_sink *sink, void *userdata);
