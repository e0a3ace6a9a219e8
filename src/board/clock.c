/* SPDX-License-Identifier: Apache-2.0 */
#include "board/clock.h"

#include "at/error.h"

#include <stdio.h>
#include <sys/timex.h>

int clock_format(bool synchronised, const struct timespec *now, char ret[CLOCK_TEXT])
{
	struct tm tm;
	size_t n;

	if (!synchronised || !gmtime_r(&now->tv_sec, &tm))
		return AT_ERR_TIME;
	n = strftime(ret, CLOCK_TEXT, "%Y/%m/%d %H:%M:%S", &tm);
	if (n == 0)
		return AT_ERR_TIME;
	(void)snprintf(ret + n, CLOCK_TEXT - n, ".%02ld", now->tv_nsec / 10000000 % 100);
	return 0;
}

bool clock_is_synchronised(void)
{
	struct timex timex = { .modes = 0 };
	int state = adjtimex(&timex);

	return state >= 0 && state != TIME_ERROR && !(timex.status & STA_UNSYNC);
}

int clock_text(char ret[CLOCK_TEXT])
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return clock_format(clock_is_synchronised(), &now, ret);
}
