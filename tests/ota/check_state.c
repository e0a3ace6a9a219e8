/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/state.h"

#include "fake/sheet.h"
#include "fake/suite.h"
#include "util/macro.h"

#include <stdio.h>
#include <string.h>

#define PAIRS ((unsigned)OTA_STATE_COUNT * (unsigned)OTA_HAPPEN_COUNT)

/* The table once more, told by rules instead of rows, from the words of guide 8. */

static bool is_offer(enum ota_state s)
{
	return s == OTA_MODULE_OFFERED || s == OTA_HOST_OFFERED;
}

static bool is_ready(enum ota_state s)
{
	return s == OTA_MODULE_READY || s == OTA_HOST_READY;
}

/* Table 4, event 5: what the host waits for or must decide. */
static bool is_worth_telling(enum ota_state s)
{
	return is_offer(s) || is_ready(s);
}

/* A job that was begun has to end with a report. */
static unsigned give_up(enum ota_state s)
{
	return (is_offer(s) ? 0 : OTA_DO_FAIL) | OTA_DO_DROP;
}

static struct ota_transition enter(enum ota_state next, unsigned actions)
{
	return (struct ota_transition){ next, actions | (is_worth_telling(next) ? OTA_DO_EVENT : 0) };
}

/* The host did not ask for it. */
static struct ota_transition lose(unsigned actions)
{
	return (struct ota_transition){ OTA_IDLE, actions | OTA_DO_EVENT };
}

/* False: must be ignored. */
static bool expected(enum ota_state s, enum ota_happening h, struct ota_transition *ret)
{
	switch (h) {
	case OTA_HAPPEN_OFFER_MODULE: /* guide 8.1: any other job waits until the buffer is free */
		*ret = enter(OTA_MODULE_OFFERED, 0);
		return s == OTA_IDLE;
	case OTA_HAPPEN_OFFER_HOST:
		*ret = enter(OTA_HOST_OFFERED, 0);
		return s == OTA_IDLE;
	case OTA_HAPPEN_FORCE: /* guide 8.7: cleans the buffer, and asks nobody */
		*ret = enter(OTA_BUSY, OTA_DO_PREPARE | (s == OTA_IDLE ? 0 : give_up(s)));
		return true;
	case OTA_HAPPEN_ACCEPT: /* guide 8.2.3 */
		*ret = enter(OTA_BUSY, OTA_DO_PREPARE);
		return is_offer(s);
	case OTA_HAPPEN_MODULE_VERIFIED:
		*ret = enter(OTA_MODULE_READY, 0);
		return s == OTA_BUSY;
	case OTA_HAPPEN_HOST_VERIFIED: /* guide 8.2.4: from position 0 */
		*ret = enter(OTA_HOST_READY, OTA_DO_REWIND);
		return s == OTA_BUSY;
	case OTA_HAPPEN_WIRE_VERIFIED: /* guide 8.13.1.4: only into an empty buffer, and without a job */
		*ret = enter(OTA_MODULE_READY, 0);
		return s == OTA_IDLE;
	case OTA_HAPPEN_FAILED:
		*ret = lose(give_up(s));
		return s == OTA_BUSY || is_ready(s);
	case OTA_HAPPEN_GONE: /* the cloud knows already */
		*ret = lose(give_up(s) & ~(unsigned)OTA_DO_FAIL);
		return s != OTA_IDLE;
	case OTA_HAPPEN_CLOSE: /* guide 8.2.7 */
		*ret = enter(OTA_IDLE, OTA_DO_SUCCEED | OTA_DO_DROP);
		return s == OTA_HOST_READY;
	case OTA_HAPPEN_FLUSH: /* guide 8.2.8 */
		*ret = enter(OTA_IDLE, give_up(s) | (is_offer(s) ? OTA_DO_REJECT : 0));
		return s != OTA_IDLE;
	case OTA_HAPPEN_RESET:
		if (is_offer(s))
			*ret = enter(OTA_IDLE, OTA_DO_DROP);
		else
			*ret = (struct ota_transition){ s, OTA_DO_REWIND };
		return is_offer(s) || s == OTA_HOST_READY;
	case OTA_HAPPEN_DISCONNECTED:
		*ret = enter(OTA_IDLE, OTA_DO_DROP);
		return is_offer(s);
	case OTA_HAPPEN_CONNECTED:
		*ret = (struct ota_transition){ s, OTA_DO_FETCH };
		return s == OTA_BUSY;
	case OTA_HAPPEN_STARTUP: /* the event queue was emptied, the image is still there */
		*ret = enter(s, 0);
		return is_ready(s);
	case OTA_HAPPEN_COUNT:
		break;
	}
	return false;
}

START_TEST(every_pair)
{
	enum ota_state s = (enum ota_state)(_i / OTA_HAPPEN_COUNT);
	enum ota_happening h = (enum ota_happening)(_i % OTA_HAPPEN_COUNT);
	const struct ota_transition untouched = { OTA_STATE_COUNT, 0x5a5a };
	struct ota_transition want, got = untouched;
	bool happens = expected(s, h, &want);

	ck_assert_msg(ota_next(s, h, &got) == happens, "%s: %s", ota_state_name(s), ota_happening_name(h));
	if (!happens)
		want = untouched;
	ck_assert_msg(got.next == want.next && got.actions == want.actions,
		      "%s: %s: to %u with %#x, not to %u with %#x", ota_state_name(s), ota_happening_name(h),
		      (unsigned)got.next, got.actions, (unsigned)want.next, want.actions);
}
END_TEST

/* What any table of this kind must hold. */
START_TEST(no_job_is_lost)
{
	const unsigned reports = OTA_DO_SUCCEED | OTA_DO_FAIL | OTA_DO_REJECT;
	enum ota_state s = (enum ota_state)(_i / OTA_HAPPEN_COUNT);
	enum ota_happening h = (enum ota_happening)(_i % OTA_HAPPEN_COUNT);
	struct ota_transition t;
	unsigned reported;

	if (!ota_next(s, h, &t))
		return;
	reported = t.actions & reports;
	ck_assert_uint_eq(reported & (reported - 1), 0);
	/* Reported means forgotten, and the way back to 0 forgets. */
	if (reported)
		ck_assert(t.actions & OTA_DO_DROP);
	if (t.next == OTA_IDLE)
		ck_assert(t.actions & OTA_DO_DROP);
	/* What was begun and is forgotten was reported, unless the cloud ended it. */
	if ((t.actions & OTA_DO_DROP) && !is_offer(s) && h != OTA_HAPPEN_GONE)
		ck_assert(reported);
	/* Only in state 3 is a download begun. */
	if (t.actions & (OTA_DO_PREPARE | OTA_DO_FETCH))
		ck_assert_int_eq(t.next, OTA_BUSY);
	/* Nothing is ready that was not verified. */
	if (is_ready(t.next) && t.next != s)
		ck_assert(h == OTA_HAPPEN_MODULE_VERIFIED || h == OTA_HAPPEN_HOST_VERIFIED ||
			  h == OTA_HAPPEN_WIRE_VERIFIED);
}
END_TEST

START_TEST(flush_leads_back)
{
	struct ota_transition t;

	for (unsigned s = OTA_MODULE_OFFERED; s < OTA_STATE_COUNT; s++) {
		ck_assert(ota_next((enum ota_state)s, OTA_HAPPEN_FLUSH, &t));
		ck_assert_int_eq(t.next, OTA_IDLE);
	}
}
END_TEST

START_TEST(names)
{
	for (unsigned s = 0; s < OTA_STATE_COUNT; s++) {
		ck_assert_ptr_nonnull(ota_state_name((enum ota_state)s));
		for (unsigned other = 0; other < s; other++)
			ck_assert_str_ne(ota_state_name((enum ota_state)s), ota_state_name((enum ota_state)other));
	}
	for (unsigned h = 0; h < OTA_HAPPEN_COUNT; h++) {
		const char *name = ota_happening_name((enum ota_happening)h);

		ck_assert_ptr_nonnull(name);
		for (unsigned other = 0; other < h; other++)
			ck_assert_str_ne(name, ota_happening_name((enum ota_happening)other));
	}
	/* The codes of guide 8.2.2. */
	ck_assert_str_eq(ota_state_name((enum ota_state)0), "idle");
	ck_assert_str_eq(ota_state_name((enum ota_state)1), "module image offered");
	ck_assert_str_eq(ota_state_name((enum ota_state)2), "host image offered");
	ck_assert_str_eq(ota_state_name((enum ota_state)3), "in progress");
	ck_assert_str_eq(ota_state_name((enum ota_state)4), "module image ready");
	ck_assert_str_eq(ota_state_name((enum ota_state)5), "host image ready");
	ck_assert_str_eq(ota_happening_name(OTA_HAPPEN_STARTUP), "STARTUP");
}
END_TEST

/* --- the datasheet has the same table --- */

static const char *const words[] = {
	"report SUCCEEDED",  "report FAILED", "report REJECTED", "forget the job",
	"prepare and fetch", "fetch",         "rewind",          "queue OTA",
};

static void say_row(char text[SHEET_MAX_ROW], enum ota_state s, enum ota_happening h, const struct ota_transition *t)
{
	const char *between = "";
	size_t n;

	n = (size_t)snprintf(text, SHEET_MAX_ROW, "%u %s|%s|%u|", (unsigned)s, ota_state_name(s), ota_happening_name(h),
			     (unsigned)t->next);
	for (unsigned i = 0; i < ELEMENTS(words); i++) {
		if (!(t->actions & 1U << i))
			continue;
		n += (size_t)snprintf(text + n, SHEET_MAX_ROW - n, "%s%s", between, words[i]);
		between = ", ";
	}
	ck_assert_uint_eq(t->actions >> ELEMENTS(words), 0);
	ck_assert_uint_lt(n, SHEET_MAX_ROW - 1);
}

START_TEST(datasheet)
{
	static char rows[PAIRS][SHEET_MAX_ROW];
	size_t n = 0;

	for (unsigned i = 0; i < PAIRS; i++) {
		enum ota_state s = (enum ota_state)(i / OTA_HAPPEN_COUNT);
		enum ota_happening h = (enum ota_happening)(i % OTA_HAPPEN_COUNT);
		struct ota_transition t;

		if (ota_next(s, h, &t))
			say_row(rows[n++], s, h, &t);
	}
	sheet_compare("updates", rows, n);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("state");
	TCase *tc = tcase_create("state");

	tcase_add_loop_test(tc, every_pair, 0, PAIRS);
	tcase_add_loop_test(tc, no_job_is_lost, 0, PAIRS);
	tcase_add_test(tc, flush_leads_back);
	tcase_add_test(tc, names);
	tcase_add_test(tc, datasheet);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
