/* SPDX-License-Identifier: Apache-2.0 */
#include "config/change.h"

#include "fake/suite.h"

#include <string.h>

struct calls {
	uint64_t numbers[10];
	int results[10];
	unsigned count;
};

static void on_done(void *who, uint64_t number, int r)
{
	struct calls *calls = who;

	calls->numbers[calls->count] = number;
	calls->results[calls->count++] = r;
}

static struct change *make(struct calls *calls, uint64_t number)
{
	struct change *c = change_new();

	ck_assert_ptr_nonnull(c);
	c->done = (struct done){ on_done, calls, number };
	return c;
}

START_TEST(answers_in_order_and_once)
{
	struct change *list = NULL, *more = NULL;
	struct calls calls = { 0 };

	changes_append(&list, make(&calls, 1));
	changes_append(&list, make(&calls, 2));
	changes_append(&more, make(&calls, 3));
	changes_append(&more, change_new());
	changes_append(&more, make(&calls, 4));
	changes_append(&list, more);
	changes_answer(list, 4);
	changes_answer(list, 0);
	ck_assert_uint_eq(calls.count, 4);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(calls.numbers[i], i + 1);
		ck_assert_int_eq(calls.results[i], 4);
	}
	changes_free(list);
	changes_answer(NULL, 0);
	more = NULL;
	changes_append(&more, NULL);
	ck_assert_ptr_null(more);
}
END_TEST

START_TEST(the_last_one_counts)
{
	struct change *list = NULL, *a = change_new(), *b = change_new(), *c = change_new();

	a->touched[KEY_ENDPOINT] = true;
	a->slots[KEY_ENDPOINT].data = strdup("a");
	b->touched[KEY_ENDPOINT] = true;
	c->touched[KEY_SSID] = true;
	changes_append(&list, a);
	changes_append(&list, b);
	changes_append(&list, c);
	ck_assert_ptr_eq(changes_touching(list, KEY_ENDPOINT), b);
	ck_assert_ptr_eq(changes_touching(list, KEY_SSID), c);
	ck_assert_ptr_null(changes_touching(list, KEY_APN));
	ck_assert_ptr_null(changes_touching(NULL, KEY_APN));
	changes_free(list);
}
END_TEST

START_TEST(free_takes_null)
{
	ck_assert_ptr_null(change_free(NULL));
	changes_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("change");
	TCase *c = tcase_create("change");

	tcase_add_test(c, answers_in_order_and_once);
	tcase_add_test(c, the_last_one_counts);
	tcase_add_test(c, free_takes_null);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
