#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A place and its time, as a report of gpsd says it, and as WHERE? does (guide 9.1.2.1). Pure. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define FIX_TEXT     64
#define FIX_MAX_LINE 8192 /* a TPV has 1 KiB at most */

struct fix {
	struct timespec time; /* the receiver's, UTC; of a second or later */
	unsigned mode;        /* 2, without an elevation, or 3 */
	double latitude;      /* degrees, -90 .. 90 */
	double longitude;     /* -180 .. 180 */
	double elevation; /* m above the mean sea level or, if that is not known, above the ellipsoid; NaN: not known */
	double accuracy;  /* m, 0 or more; NaN: not known */
};

/* One line of gpsd's JSON protocol, see gpsd_json(5); any bytes may come in. False, and ret as it was: it is no TPV, or
 * one that lacks place or time. */
bool fix_parse(const void *line, size_t n, struct fix *ret) _must_check_;

/* "47.285233 8.565265 499.6 7.8": latitude, longitude, elevation, accuracy. An elevation that is not known is "0", such
 * an accuracy "99999": every known one has a decimal. */
void fix_text(const struct fix *f, char ret[FIX_TEXT]);
