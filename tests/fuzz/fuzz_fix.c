/* SPDX-License-Identifier: Apache-2.0 */
/* What is said in place of gpsd: lines, each taken for a report and, if it is a fix, written as WHERE? does. */
#include "fuzz/fuzz.h"

#include "board/clock.h"
#include "board/fix.h"

#include <math.h>
#include <string.h>

static void check_fix(const struct fix *f)
{
	char text[FIX_TEXT], time[CLOCK_TEXT];
	double latitude, longitude, elevation, accuracy;

	FUZZ_HOLDS(f->mode == 2 || f->mode == 3);
	FUZZ_HOLDS(f->latitude >= -90 && f->latitude <= 90);
	FUZZ_HOLDS(f->longitude >= -180 && f->longitude <= 180);
	FUZZ_HOLDS(isnan(f->elevation) || (f->mode == 3 && isfinite(f->elevation)));
	FUZZ_HOLDS(isnan(f->accuracy) || (f->accuracy >= 0 && isfinite(f->accuracy)));
	FUZZ_HOLDS(f->time.tv_nsec >= 0 && f->time.tv_nsec < 1000000000);
	FUZZ_HOLDS(clock_format(&f->time, time) == 0);
	FUZZ_HOLDS(strlen(time) == strlen("2026/11/22 12:30:14.25"));
	fix_text(f, text);
	FUZZ_HOLDS(strlen(text) < FIX_TEXT - 1);
	FUZZ_HOLDS(sscanf(text, "%lf %lf %lf %lf", &latitude, &longitude, &elevation, &accuracy) == 4);
	FUZZ_HOLDS(fabs(latitude - f->latitude) < 1e-6 && fabs(longitude - f->longitude) < 1e-6);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fix f;

	while (n > 0) {
		const uint8_t *eol = memchr(data, '\n', n);
		size_t line = eol ? (size_t)(eol - data) : n, used = line + (eol ? 1 : 0);

		if (fix_parse(data, line, &f))
			check_fix(&f);
		data += used;
		n -= used;
	}
	return 0;
}
