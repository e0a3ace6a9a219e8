/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a certificate that a job brings: refused, or the same again when it is read again, and judged without
 * harm. */
#include "fuzz/fuzz.h"

#include "at/error.h"
#include "crypto/cert.h"
#include "crypto/fitness.h"

#include <stdlib.h>
#include <string.h>

static void judge(const char *pem, size_t n, enum fitness_use use)
{
	static const struct fitness_clock watch = { .now = 1800000000, .floor = 1700000000, .sure = true };
	char why[FITNESS_MAX_WHY + 1];
	int r;

	why[0] = '\0';
	r = fitness_judge(pem, n, use, &watch, why);
	FUZZ_HOLDS(r == 0 || r == AT_ERR_SIGNATURE);
	FUZZ_HOLDS(strlen(why) <= FITNESS_MAX_WHY && (r == 0) == (why[0] == '\0'));
}

static void check(const void *data, size_t n, bool several)
{
	char *once, *twice;
	size_t once_n, twice_n;
	int r = cert_from_file(data, n, several, &once, &once_n);

	FUZZ_HOLDS(r == 0 || r == AT_ERR_PARAMETER);
	if (r)
		return;
	FUZZ_HOLDS(cert_from_file(once, once_n, several, &twice, &twice_n) == 0);
	FUZZ_HOLDS(once_n == twice_n && memcmp(once, twice, once_n) == 0);
	judge(once, once_n, FITNESS_CODE);
	judge(once, once_n, FITNESS_ROOT);
	(void)!cert_roots_acceptable(once, once_n, twice, twice_n);
	if (!several) {
		(void)!cert_signed_by(once, once_n, twice, twice_n);
		(void)!cert_self_consistent(once, once_n);
	}
	free(once);
	free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	check(data, n, false);
	check(data, n, true);
	return 0;
}
