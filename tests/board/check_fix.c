/* SPDX-License-Identifier: Apache-2.0 */
#include "board/fix.h"

#include "fake/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MOST 9000

#define TIME  "\"time\":\"2026-11-22T12:30:14.250Z\""
#define PLACE "\"lat\":47.285233,\"lon\":8.565265"

/* As gpsd 3.22 and 3.25 write it. */
static const char whole[] =
	"{\"class\":\"TPV\",\"device\":\"/dev/ttyS1\",\"status\":1,\"mode\":3," TIME
	",\"leapseconds\":18,\"ept\":0.005,"
	"\"lat\":47.285233333,\"lon\":8.565265000,\"altHAE\":547.1000,\"altMSL\":499.6000,\"alt\":499.6000,\"epx\":3.0,"
	"\"epy\":4.0,\"epv\":11.5,\"track\":10.3797,\"speed\":0.091,\"eph\":7.8,\"sep\":15.2}\r";

static struct fix parsed(const char *line)
{
	struct fix f;

	ck_assert_msg(fix_parse(line, strlen(line), &f), "%s", line);
	return f;
}

START_TEST(all_of_it)
{
	struct fix f = parsed(whole);

	ck_assert_uint_eq((uint64_t)f.time.tv_sec, 1795350614);
	ck_assert_int_eq(f.time.tv_nsec, 250000000);
	ck_assert_uint_eq(f.mode, 3);
	ck_assert_double_eq(f.latitude, 47.285233333);
	ck_assert_double_eq(f.longitude, 8.565265);
	ck_assert_double_eq(f.elevation, 499.6);
	ck_assert_double_eq(f.accuracy, 7.8);
}
END_TEST

/* Members behind mode, time and place, and what WHERE? says then. */
static const struct {
	unsigned mode;
	const char *members, *text;
} texts[] = {
	{ 3, "\"altMSL\":499.64,\"altHAE\":547,\"eph\":7.84", "47.285233 8.565265 499.6 7.8" },
	{ 3, "\"alt\":499,\"altHAE\":547,\"eph\":7", "47.285233 8.565265 499.0 7.0" },
	{ 3, "\"altHAE\":547.06,\"eph\":7", "47.285233 8.565265 547.1 7.0" },
	{ 3, "\"altMSL\":null,\"alt\":\"12\",\"altHAE\":547.06,\"eph\":7", "47.285233 8.565265 547.1 7.0" },
	{ 3, "\"altMSL\":-0.04,\"eph\":0", "47.285233 8.565265 0.0 0.0" },
	{ 3, "\"altMSL\":-430.5,\"eph\":1e3", "47.285233 8.565265 -430.5 1000.0" },
	{ 3, "\"epx\":3,\"epy\":4", "47.285233 8.565265 0 5.0" },
	{ 3, "\"eph\":-1,\"epx\":3,\"epy\":4", "47.285233 8.565265 0 5.0" },
	{ 3, "\"epx\":3", "47.285233 8.565265 0 99999" },
	{ 3, "\"altMSL\":1e300,\"eph\":1e300", "47.285233 8.565265 0 99999" },
	{ 3, "\"altMSL\":1e999,\"eph\":1e999,\"epx\":-1e999,\"epy\":1", "47.285233 8.565265 0 99999" },
	/* What gpsd may still say of an elevation then is none. */
	{ 2, "\"altMSL\":499.64,\"eph\":7.84", "47.285233 8.565265 0 7.8" },
	{ 2, "\"x\":{\"lat\":1}", "47.285233 8.565265 0 99999" },
};

START_TEST(as_text)
{
	char line[512], text[FIX_TEXT];
	struct fix f;

	(void)snprintf(line, sizeof(line), "{\"class\":\"TPV\",\"mode\":%u," TIME "," PLACE ",%s}", texts[_i].mode,
		       texts[_i].members);
	f = parsed(line);
	fix_text(&f, text);
	ck_assert_str_eq(text, texts[_i].text);
}
END_TEST

static const struct {
	double degrees;
	const char *text;
} degrees[] = {
	{ 0, "0.000000" },   { -0.0, "0.000000" },  { -0.0000004, "0.000000" },    { -0.0000006, "-0.000001" },
	{ 90, "90.000000" }, { -90, "-90.000000" }, { -33.8567844, "-33.856784" },
};

START_TEST(degrees_as_text)
{
	const struct fix f = {
		.latitude = degrees[_i].degrees, .longitude = 180, .elevation = -99999.9, .accuracy = NAN
	};
	char text[FIX_TEXT], wanted[FIX_TEXT];

	(void)snprintf(wanted, sizeof(wanted), "%s 180.000000 -99999.9 99999", degrees[_i].text);
	fix_text(&f, text);
	ck_assert_str_eq(text, wanted);
}
END_TEST

static const struct {
	const char *text;
	int64_t seconds; /* -1: none */
	long nanoseconds;
} times[] = {
	{ "2026-11-22T12:30:14.250Z", 1795350614, 250000000 },
	{ "2026-11-22T12:30:14Z", 1795350614, 0 },
	{ "2026-11-22T12:30:14.2Z", 1795350614, 200000000 },
	{ "2026-11-22T12:30:14.1234567899Z", 1795350614, 123456789 },
	{ "2024-02-29T00:00:00.000Z", 1709164800, 0 },
	{ "2016-12-31T23:59:60.500Z", 1483228800, 500000000 },
	{ "1970-01-01T00:00:00Z", 0, 0 },
	{ "9998-12-31T23:59:60Z", 253370764800, 0 },
	{ "9999-01-01T00:00:00Z", -1, 0 },
	{ "1969-12-31T23:59:59Z", -1, 0 },
	{ "2025-02-29T00:00:00Z", -1, 0 },
	{ "2026-04-31T00:00:00Z", -1, 0 },
	{ "2026-00-22T12:30:14Z", -1, 0 },
	{ "2026-13-22T12:30:14Z", -1, 0 },
	{ "2026-11-00T12:30:14Z", -1, 0 },
	{ "2026-11-22T24:30:14Z", -1, 0 },
	{ "2026-11-22T12:60:14Z", -1, 0 },
	{ "2026-11-22T12:30:61Z", -1, 0 },
	{ "2026-11-22T12:30:14.Z", -1, 0 },
	{ "2026-11-22T12:30:14.25", -1, 0 },
	{ "2026-11-22T12:30:14", -1, 0 },
	{ "2026-11-22T12:30:1", -1, 0 },
	{ "2026-11-22T12:30:", -1, 0 },
	{ "2026-11-22T12:30:14ZZ", -1, 0 },
	{ "2026-11-22T12:30:14+01:00", -1, 0 },
	{ "2026-11-22 12:30:14Z", -1, 0 },
	{ "26-11-22T12:30:14Z", -1, 0 },
	{ "-026-11-22T12:30:14Z", -1, 0 },
	{ "2026", -1, 0 },
	{ "", -1, 0 },
	{ "2026-11-22T12:30:14.00000000000000000000000000000Z", -1, 0 },
};

START_TEST(time_of_a_fix)
{
	char line[512];
	struct fix f = { .mode = 7 };
	bool good;

	(void)snprintf(line, sizeof(line), "{\"class\":\"TPV\",\"mode\":2,\"time\":\"%s\"," PLACE "}", times[_i].text);
	good = fix_parse(line, strlen(line), &f);
	ck_assert_int_eq(good, times[_i].seconds >= 0);
	if (good) {
		ck_assert_int_eq(f.time.tv_sec, times[_i].seconds);
		ck_assert_int_eq(f.time.tv_nsec, times[_i].nanoseconds);
	} else {
		ck_assert_uint_eq(f.mode, 7);
	}
}
END_TEST

static const char *const none[] = {
	"",
	"\"TPV\"",
	"{\"class\":\"VERSION\",\"release\":\"3.22\",\"rev\":\"3.22\",\"proto_major\":3,\"proto_minor\":14}",
	"{\"class\":\"TPV\",\"device\":\"/dev/ttyS1\",\"mode\":1}",
	"{\"class\":\"TPV\",\"mode\":0," TIME "," PLACE "}",
	"{\"class\":\"TPV\",\"mode\":1," TIME "," PLACE "}",
	"{\"class\":\"TPV\",\"mode\":4," TIME "," PLACE "}",
	"{\"class\":\"TPV\",\"mode\":2.5," TIME "," PLACE "}",
	"{\"class\":\"TPV\",\"mode\":\"3\"," TIME "," PLACE "}",
	"{\"class\":\"TPV\"," TIME "," PLACE "}",
	"{\"class\":\"TPV\",\"mode\":3," PLACE "}",
	"{\"class\":\"TPV\",\"mode\":3,\"time\":1795350614.25," PLACE "}",
	"{\"class\":\"TPV\",\"mode\":3," TIME ",\"lat\":47.28}",
	"{\"class\":\"TPV\",\"mode\":3," TIME ",\"lon\":8.56}",
	"{\"class\":\"TPV\",\"mode\":3," TIME ",\"lat\":\"47.28\",\"lon\":8.56}",
	"{\"class\":\"TPV\",\"mode\":3," TIME ",\"lat\":90.1,\"lon\":8.56}",
	"{\"class\":\"TPV\",\"mode\":3," TIME ",\"lat\":47.28,\"lon\":-180.1}",
	"{\"class\":\"TPV\",\"mode\":3," TIME ",\"lat\":1e999,\"lon\":8.56}",
	"{\"class\":\"TPV\",\"mode\":3," TIME ",\"lat\":nan,\"lon\":8.56}",
	"{\"class\":\"TPV\",\"mode\":3," TIME ",\"lat\":[47.28],\"lon\":{\"lon\":8.56}}",
	"{\"class\":\"SKY\",\"mode\":3," TIME "," PLACE ",\"x\":\"TPV\"}",
	"{\"class\":[\"TPV\"],\"mode\":3," TIME "," PLACE "}",
	"{\"Class\":\"TPV\",\"mode\":3," TIME "," PLACE "}",
	"[{\"class\":\"TPV\",\"mode\":3," TIME "," PLACE "}]",
	"{\"class\":\"TPV\",\"mode\":3," TIME "," PLACE,
	"{'class':'TPV','mode':3}",
};

START_TEST(no_fix)
{
	struct fix f = { .mode = 7 };

	ck_assert(!fix_parse(none[_i], strlen(none[_i]), &f));
	ck_assert_uint_eq(f.mode, 7);
}
END_TEST

/* Cut anywhere it is none; with any byte broken it may be one. */
START_TEST(spoilt)
{
	char line[sizeof(whole)];
	struct fix f;

	for (size_t n = 0; n < strlen(whole) - 2; n++)
		ck_assert(!fix_parse(whole, n, &f));
	for (size_t i = 0; i < strlen(whole); i++) {
		memcpy(line, whole, sizeof(whole));
		line[i] = (char)(line[i] ^ (1 << (i % 8)));
		if (fix_parse(line, strlen(whole), &f))
			ck_assert(f.mode == 2 || f.mode == 3);
		line[i] = '\0';
		if (fix_parse(line, strlen(whole), &f))
			ck_assert(f.mode == 2 || f.mode == 3);
	}
}
END_TEST

/* Levels of arrays or of objects behind the class. */
START_TEST(deep)
{
	char line[MOST];
	struct fix f;
	size_t n;

	for (size_t levels = 1; levels < MOST - 100; levels = levels * 3 / 2 + 1) {
		n = (size_t)snprintf(line, sizeof(line), "{\"class\":\"TPV\",\"x\":");
		memset(line + n, '[', levels);
		ck_assert(!fix_parse(line, n + levels, &f));
	}
}
END_TEST

START_TEST(long_lines)
{
	char line[MOST];
	struct fix f;

	memset(line, ' ', sizeof(line));
	memcpy(line, whole, strlen(whole));
	ck_assert(fix_parse(line, FIX_MAX_LINE, &f));
	ck_assert(!fix_parse(line, FIX_MAX_LINE + 1, &f));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fix");
	TCase *tc = tcase_create("fix");

	tcase_add_test(tc, all_of_it);
	tcase_add_loop_test(tc, as_text, 0, ELEMENTS(texts));
	tcase_add_loop_test(tc, degrees_as_text, 0, ELEMENTS(degrees));
	tcase_add_loop_test(tc, time_of_a_fix, 0, ELEMENTS(times));
	tcase_add_loop_test(tc, no_fix, 0, ELEMENTS(none));
	tcase_add_test(tc, spoilt);
	tcase_add_test(tc, deep);
	tcase_add_test(tc, long_lines);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
