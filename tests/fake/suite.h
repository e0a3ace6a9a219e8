#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test ends with. */

#include <check.h>
#include <stdlib.h>

/* Runs the suite and yields main()'s exit status. */
static inline int suite_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
