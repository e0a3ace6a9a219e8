/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into the daemon: the time of day is off by the seconds in the file that TEST_CLOCK names, which may change
 * at any time; a word behind them says whether somebody keeps it right: sure, unsure. All other clocks, and what waits
 * for them, are left alone. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static void look(char text[32])
{
	const char *path = getenv("TEST_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1, saved = errno;
	ssize_t n = fd >= 0 ? read(fd, text, 31) : 0;

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	errno = saved;
}

static long offset(void)
{
	char text[32];

	look(text);
	return strtol(text, NULL, 10);
}

int adjtimex(struct timex *timex)
{
	char text[32];

	memset(timex, 0, sizeof(*timex));
	look(text);
	if (strstr(text, " sure"))
		return TIME_OK;
	timex->status = STA_UNSYNC;
	return TIME_ERROR;
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int r = (int)syscall(SYS_clock_gettime, id, ret);

	if (r == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ret->tv_sec += offset();
	return r;
}

time_t time(time_t *ret)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	struct timespec now = { 0 };

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	*ret = (struct timeval){ .tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000 };
	return 0;
}
