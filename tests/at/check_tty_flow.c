/* SPDX-License-Identifier: Apache-2.0 */
/* at/tty.c when answers pile up, when all of them have left, and when it is to pause or to forget. */
#include "at/tty.h"

#include "fake/suite.h"
#include "fake/uart.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static struct uart u;

static bool uart_is_stuck;
static time_t later_s;

/* Both are called of the C library only: an optimiser that sees the whole program finds no call to wrap else. These are
 * their names on a machine whose time_t had to grow. */
#if __TIMESIZE == 32
int __real_clock_gettime(clockid_t clock, void *ret);
int __wrap_clock_gettime(clockid_t clock, void *ret);
int __wrap_clock_gettime(clockid_t clock, void *ret) /* of libraries whose time_t did not */
{
	return __real_clock_gettime(clock, ret);
}
#define __real_ioctl         __real___ioctl_time64
#define __wrap_ioctl         __wrap___ioctl_time64
#define __real_clock_gettime __real___clock_gettime64
#define __wrap_clock_gettime __wrap___clock_gettime64
#endif

int __real_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, void *argument)
{
	if (request != TIOCSERGETLSR || !uart_is_stuck)
		return __real_ioctl(fd, request, argument);
	*(unsigned *)argument = 0;
	return 0;
}

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = __real_clock_gettime(clock, ret);

	ret->tv_sec += later_s;
	return r;
}

static void setup(void)
{
	uart_is_stuck = false;
	later_s = 0;
	uart_make(&u);
}

static void teardown(void)
{
	uart_done(&u);
}

/* More than the kernel takes, for a host that does not read at first. */
static void fill(size_t n)
{
	uint8_t *to;

	ck_assert_int_eq(buf_reserve(tty_out(u.tty), n, &to), 0);
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)(i * 7 + (i >> 8));
	buf_commit(tty_out(u.tty), n);
	tty_flush(u.tty);
}

static size_t drain(int host, size_t n)
{
	uint8_t data[4096];
	size_t at = 0;

	while (at < n) {
		ssize_t k = read(host, data, sizeof(data));

		if (k < 0) {
			ck_assert_int_eq(errno, EAGAIN);
			uart_turn(&u);
			continue;
		}
		for (ssize_t i = 0; i < k; i++, at++)
			if (data[i] != (uint8_t)(at * 7 + (at >> 8)))
				ck_abort_msg("byte %zu", at);
	}
	return at;
}

START_TEST(host_reads_late)
{
	enum { MUCH = 300000 };
	int host;

	uart_start_pty(&u);
	host = uart_open_host(&u);
	fill(MUCH);
	ck_assert(tty_busy(u.tty));
	ck_assert_uint_lt(buf_used(tty_out(u.tty)), MUCH);
	tty_when_sent(u.tty);
	/* It still listens. */
	uart_write(host, "AT\r\n");
	uart_receive(&u, "AT\r\n");
	/* It is not asked for, either, until there is room for more. */
	(void)sd_event_run(u.event, 20000);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(sd_event_run(u.event, 20000), 0);
	ck_assert_uint_eq(u.room, 0);
	ck_assert_uint_eq(u.sent, 0);
	ck_assert_uint_eq(drain(host, MUCH), MUCH);
	while (u.sent == 0)
		uart_turn(&u);
	ck_assert_uint_eq(u.room, 1);
	ck_assert(!tty_busy(u.tty));
	uart_answer(&u, "OK\r\n");
	uart_expect(host, "OK\r\n");
	ck_assert_uint_eq(u.room, 1);
	(void)close(host);
}
END_TEST

START_TEST(no_spin_while_the_host_does_not_read)
{
	uart_start_pty(&u);
	fill(300000);
	(void)sd_event_run(u.event, 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(sd_event_run(u.event, 20000), 0);
}
END_TEST

START_TEST(sent_is_told_from_the_loop)
{
	int host;

	uart_start_pty(&u);
	host = uart_open_host(&u);
	uart_answer(&u, "OK\r\n");
	tty_when_sent(u.tty);
	ck_assert_uint_eq(u.sent, 0);
	while (u.sent == 0)
		uart_turn(&u);
	uart_expect(host, "OK\r\n");
	ck_assert_uint_eq(u.sent, 1);
	(void)close(host);
}
END_TEST

/* It never becomes empty, or only when the daemon has lost it. */
START_TEST(stuck)
{
	int master = uart_open_cable(&u, "uart");

	ck_assert_int_eq(uart_start(&u, &u.tty, u.path, "/nowhere"), 0);
	uart_is_stuck = true;
	uart_answer(&u, "OK 1\r\n");
	tty_when_sent(u.tty);
	for (int i = 0; i < 5; i++)
		uart_turn(&u);
	ck_assert_uint_eq(u.sent, 0);
	if (_i == 0) {
		later_s = 6;
	} else {
		(void)close(master);
		master = -1;
	}
	while (u.sent == 0)
		uart_turn(&u);
	ck_assert_uint_eq(u.sent, 1);

	/* Each answer has its own time. */
	later_s = 0;
	if (_i == 0) {
		tty_when_sent(u.tty);
		for (int i = 0; i < 5; i++)
			uart_turn(&u);
		ck_assert_uint_eq(u.sent, 1);
		(void)close(master);
	}
	u.tty = tty_free(u.tty);
	ck_assert_int_eq(unlink(u.path), 0);
}
END_TEST

START_TEST(discarded)
{
	struct pollfd poll_fd = { .events = POLLIN };
	char data[4096];
	int host;

	uart_start_pty(&u);
	host = uart_open_host(&u);
	fill(300000);
	tty_when_sent(u.tty);
	tty_discard(u.tty);
	ck_assert_uint_eq(buf_used(tty_out(u.tty)), 0);
	(void)sd_event_run(u.event, 50000);
	ck_assert_uint_eq(u.sent, 0);
	/* What the host had already got from the kernel may still come. */
	poll_fd.fd = host;
	while (poll(&poll_fd, 1, 50) > 0)
		ck_assert_int_gt(read(host, data, sizeof(data)), 0);
	uart_answer(&u, "OK\r\n");
	uart_expect(host, "OK\r\n");
	(void)close(host);
}
END_TEST

/* What came before is not for those who come after. */
START_TEST(discarded_input)
{
	struct pollfd poll_fd = { .events = POLLIN };
	int host;

	uart_start_pty(&u);
	host = uart_open_host(&u);
	uart_write(host, "AT+CONNECT\r");
	poll_fd.fd = sd_event_get_fd(u.event);
	ck_assert_int_eq(poll(&poll_fd, 1, 10000), 1);
	tty_discard(u.tty);
	uart_write(host, "AT\r");
	uart_receive(&u, "AT\r");
	(void)close(host);
}
END_TEST

START_TEST(paused)
{
	int host;

	uart_start_pty(&u);
	host = uart_open_host(&u);
	tty_pause(u.tty, true);
	uart_write(host, "AT\r\n");
	ck_assert_int_eq(sd_event_run(u.event, 50000), 0);
	ck_assert_uint_eq(buf_used(&u.got), 0);
	/* Answers still leave. */
	fill(100000);
	ck_assert_uint_eq(drain(host, 100000), 100000);
	ck_assert_uint_eq(buf_used(&u.got), 0);
	tty_pause(u.tty, false);
	uart_receive(&u, "AT\r\n");
	(void)close(host);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tty_flow");
	TCase *tc = tcase_create("tty_flow");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, host_reads_late);
	tcase_add_test(tc, no_spin_while_the_host_does_not_read);
	tcase_add_test(tc, sent_is_told_from_the_loop);
	tcase_add_loop_test(tc, stuck, 0, 2);
	tcase_add_test(tc, discarded);
	tcase_add_test(tc, discarded_input);
	tcase_add_test(tc, paused);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
