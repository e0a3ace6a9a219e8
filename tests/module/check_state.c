/* SPDX-License-Identifier: Apache-2.0 */
#include "module/state.h"

#include "fake/sheet.h"
#include "fake/suite.h"
#include "util/macro.h"

#include <stdio.h>
#include <string.h>

/* The run states once more, told by rules instead of rows, from the guide's words. */

static bool is_running(enum state s)
{
	return s == STATE_ACTIVE || s == STATE_CONNECTING || s == STATE_CONNECTED;
}

/* Back to the beginning: disconnected, queues empty, volatile keys as initially, backoff cleared. */
#define PAIRS ((unsigned)STATE_COUNT * (unsigned)HAPPEN_COUNT)
#define FRESH (ACTION_CLOSE | ACTION_CLEAR_EVENTS | ACTION_CLEAR_MESSAGES | ACTION_RESET_KEYS | ACTION_CLEAR_BACKOFF)

static unsigned line_opens(enum state s)
{
	return s == STATE_DEEP_SLEEP ? ACTION_OPEN : 0;
}

/* False: must be ignored. */
static bool expected(enum state s, enum happening h, struct transition *ret)
{
	switch (h) {
	case HAPPEN_BOOTED: /* guide 7.2.1, Table 4: STARTUP */
		*ret = (struct transition){ STATE_ACTIVE, ACTION_STARTUP };
		return s == STATE_BOOTING;
	case HAPPEN_RST_LOW: /* guide 1.2.7: held in reset, whatever it did */
		*ret = (struct transition){ STATE_HELD, FRESH | ACTION_HOLD | line_opens(s) };
		return s != STATE_HELD;
	case HAPPEN_RST_HIGH: /* it boots */
		*ret = (struct transition){ STATE_ACTIVE, ACTION_RELEASE | ACTION_STARTUP };
		return s == STATE_HELD;
	case HAPPEN_CONNECT: /* guide 3.7.2 */
		*ret = (struct transition){ STATE_CONNECTING, 0 };
		return s == STATE_ACTIVE;
	case HAPPEN_CONNECTED:
		*ret = (struct transition){ STATE_CONNECTED, 0 };
		return s == STATE_CONNECTING;
	case HAPPEN_FAILED:
		*ret = (struct transition){ STATE_ACTIVE, 0 };
		return s == STATE_CONNECTING;
	case HAPPEN_LOST: /* Table 4: CONLOST, only for what nobody asked for */
		*ret = (struct transition){ s == STATE_CONNECTED ? STATE_ACTIVE : STATE_OTW, ACTION_CONLOST };
		return s == STATE_CONNECTED || s == STATE_OTW_CONNECTED;
	case HAPPEN_DISCONNECT: /* guide 3.7.3 */
		*ret = (struct transition){ STATE_ACTIVE, s == STATE_ACTIVE ? 0 : ACTION_CLOSE };
		return is_running(s);
	case HAPPEN_RESET: /* guide 3.7.6, 3.7.7: nothing more is told than STARTUP */
		*ret = (struct transition){ STATE_ACTIVE, FRESH | ACTION_STARTUP };
		return is_running(s);
	case HAPPEN_SLEEP: /* guide 3.7.4.4: the event queue is emptied, nothing else */
		*ret = (struct transition){ STATE_SLEEPING, ACTION_CLEAR_EVENTS };
		return s == STATE_ACTIVE;
	case HAPPEN_SLEEP_DEEP: /* the same, without the serial line */
		*ret = (struct transition){ STATE_DEEP_SLEEP, ACTION_CLEAR_EVENTS | ACTION_SHUT };
		return s == STATE_ACTIVE;
	case HAPPEN_WAKE: /* guide 3.7.4.8 */
		*ret = (struct transition){ STATE_ACTIVE, ACTION_STARTUP | line_opens(s) };
		return s == STATE_SLEEPING || s == STATE_DEEP_SLEEP;
	case HAPPEN_OTW: /* guide 8.13: the connection stays */
		*ret = (struct transition){ s == STATE_CONNECTED ? STATE_OTW_CONNECTED : STATE_OTW, 0 };
		return s == STATE_ACTIVE || s == STATE_CONNECTED;
	case HAPPEN_OTW_END:
		*ret = (struct transition){ s == STATE_OTW ? STATE_ACTIVE : STATE_CONNECTED, 0 };
		return s == STATE_OTW || s == STATE_OTW_CONNECTED;
	case HAPPEN_COUNT:
		break;
	}
	return false;
}

START_TEST(every_pair)
{
	enum state s = (enum state)(_i / HAPPEN_COUNT);
	enum happening h = (enum happening)(_i % HAPPEN_COUNT);
	const struct transition untouched = { STATE_COUNT, 0x5a5a };
	struct transition want, got = untouched;
	bool happens = expected(s, h, &want);

	ck_assert_msg(state_next(s, h, &got) == happens, "%s: %s", state_name(s), happening_name(h));
	if (!happens)
		want = untouched;
	ck_assert_msg(got.next == want.next && got.actions == want.actions,
		      "%s: %s: to %u with %#x, not to %u with %#x", state_name(s), happening_name(h),
		      (unsigned)got.next, got.actions, (unsigned)want.next, want.actions);
}
END_TEST

/* A connection is what can be lost. */
START_TEST(up)
{
	enum state s = (enum state)_i;
	struct transition t;

	ck_assert_int_eq(state_is_up(s), s == STATE_CONNECTED || s == STATE_OTW_CONNECTED);
	ck_assert_int_eq(state_is_up(s), state_next(s, HAPPEN_LOST, &t));
}
END_TEST

/* OTW takes no connection away, and brings none. */
START_TEST(otw)
{
	enum state s = (enum state)_i;
	struct transition t, back;

	if (!state_next(s, HAPPEN_OTW, &t))
		return;
	ck_assert_int_eq(state_is_up(t.next), state_is_up(s));
	ck_assert(state_next(t.next, HAPPEN_OTW_END, &back));
	ck_assert_int_eq((int)back.next, (int)s);
	ck_assert_uint_eq(t.actions | back.actions, 0);
}
END_TEST

/* No state is a trap. */
START_TEST(every_state_leads_back)
{
	enum state s = (enum state)_i;
	unsigned steps = 0;

	while (s != STATE_ACTIVE) {
		struct transition t = { .next = s };
		bool moved = false;

		for (unsigned h = 0; h < HAPPEN_COUNT && !moved; h++)
			moved = h != HAPPEN_RST_LOW && state_next(s, (enum happening)h, &t) && t.next != s &&
				t.next != STATE_CONNECTED;
		ck_assert(moved);
		s = t.next;
		ck_assert_uint_lt(steps++, STATE_COUNT);
	}
}
END_TEST

START_TEST(names)
{
	for (unsigned s = 0; s < STATE_COUNT; s++) {
		ck_assert_ptr_nonnull(state_name((enum state)s));
		for (unsigned other = 0; other < s; other++)
			ck_assert_str_ne(state_name((enum state)s), state_name((enum state)other));
	}
	for (unsigned h = 0; h < HAPPEN_COUNT; h++) {
		ck_assert_ptr_nonnull(happening_name((enum happening)h));
		for (unsigned other = 0; other < h; other++)
			ck_assert_str_ne(happening_name((enum happening)h), happening_name((enum happening)other));
	}
	ck_assert_str_eq(state_name(STATE_CONNECTED), "connected");
	ck_assert_str_eq(happening_name(HAPPEN_LOST), "lost");
}
END_TEST

/* --- the datasheet has the same table --- */

static const char *const words[] = {
	"disconnect",    "drop events", "drop messages", "reset keys", "clear backoff", "queue CONLOST",
	"queue STARTUP", "deafen line", "listen",        "close line", "open line",
};

static void say_row(char text[SHEET_MAX_ROW], enum state s, enum happening h, const struct transition *t)
{
	unsigned actions = t->actions;
	const char *between = "";
	size_t n;

	n = (size_t)snprintf(text, SHEET_MAX_ROW, "%s|%s|%s|", state_name(s), happening_name(h), state_name(t->next));
	if ((actions & FRESH) == FRESH) {
		n += (size_t)snprintf(text + n, SHEET_MAX_ROW - n, "start over");
		actions &= ~(unsigned)FRESH;
		between = ", ";
	}
	for (unsigned i = 0; i < ELEMENTS(words); i++) {
		if (!(actions & 1U << i))
			continue;
		n += (size_t)snprintf(text + n, SHEET_MAX_ROW - n, "%s%s", between, words[i]);
		between = ", ";
	}
	ck_assert_uint_eq(actions >> ELEMENTS(words), 0);
	ck_assert_uint_lt(n, SHEET_MAX_ROW - 1);
}

START_TEST(datasheet)
{
	static char rows[PAIRS][SHEET_MAX_ROW];
	size_t n = 0;

	for (unsigned i = 0; i < PAIRS; i++) {
		enum state s = (enum state)(i / HAPPEN_COUNT);
		enum happening h = (enum happening)(i % HAPPEN_COUNT);
		struct transition t;

		if (state_next(s, h, &t))
			say_row(rows[n++], s, h, &t);
	}
	sheet_compare("states", rows, n);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("state");
	TCase *tc = tcase_create("state");

	tcase_add_loop_test(tc, every_pair, 0, PAIRS);
	tcase_add_loop_test(tc, up, 0, STATE_COUNT);
	tcase_add_loop_test(tc, otw, 0, STATE_COUNT);
	tcase_add_loop_test(tc, every_state_leads_back, 0, STATE_COUNT);
	tcase_add_test(tc, names);
	tcase_add_test(tc, datasheet);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
