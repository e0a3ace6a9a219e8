/* SPDX-License-Identifier: Apache-2.0 */
#include "board/pins.h"

#include "fake/suite.h"

START_TEST(event_level)
{
	_cleanup_(pins_freep) struct pins *pins = NULL;

	ck_assert_int_eq(pins_new(&pins), 0);
	ck_assert(!pins_event(pins));
	pins_set_event(pins, true);
	ck_assert(pins_event(pins));
	pins_set_event(pins, true);
	ck_assert(pins_event(pins));
	pins_set_event(pins, false);
	ck_assert(!pins_event(pins));
}
END_TEST

START_TEST(free_nothing)
{
	ck_assert_ptr_null(pins_free(NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pins");
	TCase *tc = tcase_create("pins");

	tcase_add_test(tc, event_level);
	tcase_add_test(tc, free_nothing);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
