/* SPDX-License-Identifier: Apache-2.0 */
#include "board/fix.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define HIGHEST        100000.0 /* m; what is higher or as deep is a receiver's mistake */
#define FARTHEST       99999.0  /* m; such an accuracy says nothing */
#define SMALLEST_SHOWN 0.0000005
#define LAST_YEAR      9998 /* what passes since may end it, and the next one has four digits, too */

DEFINE_CLEANUP(cJSON *, cJSON_Delete)

/* NaN: absent, no number, or out of range. */
static double number(const cJSON *report, const char *name, double min, double max)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(report, name);

	if (!cJSON_IsNumber(item) || !(item->valuedouble >= min && item->valuedouble <= max))
		return NAN;
	return item->valuedouble;
}

static const char *text(const cJSON *report, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(report, name));
}

/* n digits, and then this byte. -1: something else. */
static int digits(const char **at, size_t n, char end)
{
	int value = 0;

	for (size_t i = 0; i < n; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return -1;
		value = 10 * value + (**at - '0');
	}
	return *(*at)++ == end ? value : -1;
}

/* A dot and at least one digit, or nothing. */
static bool fraction(const char **at, long *ret_ns)
{
	long unit = 100000000;

	*ret_ns = 0;
	if (**at != '.')
		return true;
	(*at)++;
	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; (*at)++, unit /= 10)
		*ret_ns += (**at - '0') * unit;
	return true;
}

/* "2026-11-22T12:30:14.250Z" */
static bool parse_time(const char *at, struct timespec *ret)
{
	struct tm tm = { 0 };
	struct timespec t;
	int month, leap;

	if (!at || strnlen(at, 40) == 40)
		return false;
	if ((tm.tm_year = digits(&at, 4, '-') - 1900) < 70 || tm.tm_year > LAST_YEAR - 1900 ||
	    (tm.tm_mon = digits(&at, 2, '-') - 1) < 0 || (tm.tm_mday = digits(&at, 2, 'T')) < 1 ||
	    (tm.tm_hour = digits(&at, 2, ':')) < 0 || (tm.tm_min = digits(&at, 2, ':')) < 0)
		return false;

	/* The byte behind the seconds is a dot or the Z. */
	tm.tm_sec = digits(&at, 2, at[0] && at[1] ? at[2] : '\0');
	if (tm.tm_sec < 0 || tm.tm_sec > 60 || tm.tm_mon > 11 || tm.tm_hour > 23 || tm.tm_min > 59)
		return false;
	at--;
	if (!fraction(&at, &t.tv_nsec) || strcmp(at, "Z") != 0)
		return false;

	/* The 31st of April would become the 1st of May. A leap second counts as the one after it. */
	month = tm.tm_mon;
	leap = tm.tm_sec == 60;
	tm.tm_sec -= leap;
	t.tv_sec = timegm(&tm) + leap;
	if (tm.tm_mon != month)
		return false;
	*ret = t;
	return true;
}

/* Both may say so: of the error of the place, and of its parts to the east and to the north. */
static double accuracy_of(const cJSON *report)
{
	double eph = number(report, "eph", 0, FARTHEST);
	double epx = number(report, "epx", 0, FARTHEST), epy = number(report, "epy", 0, FARTHEST);

	if (!isnan(eph))
		return eph;
	return sqrt(epx * epx + epy * epy);
}

/* The names have changed with the versions of gpsd; "alt" was meant to be the first of them. */
static double elevation_of(const cJSON *report)
{
	static const char *const names[] = { "altMSL", "alt", "altHAE" };
	double found = NAN;

	for (size_t i = 0; i < ELEMENTS(names) && isnan(found); i++)
		found = number(report, names[i], -HIGHEST, HIGHEST);
	return found;
}

static bool is_report(const cJSON *report)
{
	const char *class = text(report, "class");

	return class && strcmp(class, "TPV") == 0;
}

bool fix_parse(const void *line, size_t n, struct fix *ret)
{
	_cleanup_(cJSON_Deletep) cJSON *report = NULL;
	struct fix f = { 0 };
	double mode;

	/* Most of what gpsd says is about satellites, and long. */
	if (n == 0 || n > FIX_MAX_LINE || !memmem(line, n, "\"TPV\"", strlen("\"TPV\"")))
		return false;
	report = cJSON_ParseWithLength(line, n);
	if (!is_report(report))
		return false;
	mode = number(report, "mode", 2, 3);
	f.latitude = number(report, "lat", -90, 90);
	f.longitude = number(report, "lon", -180, 180);
	if ((mode != 2 && mode != 3) || isnan(f.latitude) || isnan(f.longitude) ||
	    !parse_time(text(report, "time"), &f.time))
		return false;
	f.mode = (unsigned)mode;
	f.elevation = f.mode == 3 ? elevation_of(report) : NAN;
	f.accuracy = accuracy_of(report);
	*ret = f;
	return true;
}

/* Nobody reads -0.000000 gladly. */
static double shown(double degrees)
{
	return fabs(degrees) < SMALLEST_SHOWN ? 0 : degrees;
}

static void metres(double value, const char *unknown, char *ret, size_t size)
{
	if (isnan(value))
		(void)snprintf(ret, size, "%s", unknown);
	else
		(void)snprintf(ret, size, "%.1f", fabs(value) < 0.05 ? 0 : value);
}

void fix_text(const struct fix *f, char ret[FIX_TEXT])
{
	char elevation[16], accuracy[16];

	metres(f->elevation, "0", elevation, sizeof(elevation));
	metres(f->accuracy, "99999", accuracy, sizeof(accuracy));
	(void)snprintf(ret, FIX_TEXT, "%.6f %.6f %s %s", shown(f->latitude), shown(f->longitude), elevation, accuracy);
}
