/* SPDX-License-Identifier: Apache-2.0 */
/* at/tty.c when the line is lost and comes back, is shut and opened, and when others have it. */
#include "at/tty.h"

#include "fake/suite.h"
#include "fake/uart.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct uart u;

static void setup(void)
{
	uart_make(&u);
}

static void teardown(void)
{
	uart_done(&u);
}

static unsigned times(const char *text, const char *what)
{
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, what)); p++)
		n++;
	return n;
}

/* The adapter is pulled and comes back, seconds later. */
START_TEST(tty_returns)
{
	int master = uart_open_cable(&u, "uart"), ends[2], old = dup(STDERR_FILENO);
	uint64_t since;
	char text[4096];
	ssize_t n;

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_ge(dup2(ends[1], STDERR_FILENO), 0);
	log_set_level(LOG_NOTICE);
	ck_assert_int_eq(uart_start(&u, &u.tty, u.path, "/nowhere"), 0);
	uart_answer(&u, "OK\r\n");
	uart_expect(master, "OK\r\n");
	(void)close(master);
	ck_assert_int_eq(unlink(u.path), 0);
	uart_turn(&u);
	ck_assert_uint_eq(u.gaps, 1);
	uart_answer(&u, "for nobody"); /* goes where it would go with the cable pulled */
	ck_assert_uint_eq(buf_used(tty_out(u.tty)), 0);
	tty_when_sent(u.tty);
	while (u.sent == 0)
		uart_turn(&u);
	/* At least one try that fails, and no spinning meanwhile. */
	ck_assert_int_ge(sd_event_now(u.event, CLOCK_MONOTONIC, &since), 0);
	for (int turns = 0;; turns++) {
		uint64_t now;

		uart_turn(&u);
		ck_assert_int_ge(sd_event_now(u.event, CLOCK_MONOTONIC, &now), 0);
		ck_assert_int_lt(turns, 20);
		if (now - since > 500000)
			break;
	}
	master = uart_open_cable(&u, "uart");
	while (buf_used(&u.got) == 0) {
		if (write(master, "AT\n", 3) < 0)
			ck_assert_int_eq(errno, EAGAIN);
		uart_turn(&u);
	}
	buf_clear(&u.got);
	/* Before it was opened the line had an echo. */
	while (read(master, text, sizeof(text)) > 0)
		;
	uart_answer(&u, "OK 2\r\n");
	uart_expect(master, "OK 2\r\n");
	u.tty = tty_free(u.tty);
	(void)dup2(old, STDERR_FILENO);
	log_set_level(LOG_EMERG);
	n = read(ends[0], text, sizeof(text) - 1);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	ck_assert_uint_eq(times(text, "is gone"), 1);
	ck_assert_uint_eq(times(text, "is back"), 1);
	(void)close(master);
	(void)close(ends[0]);
	(void)close(ends[1]);
	(void)close(old);
	ck_assert_int_eq(unlink(u.path), 0);
}
END_TEST

/* Closed, so that others may have it, and opened again; what came meanwhile is lost. */
START_TEST(tty_shut_and_opened)
{
	int master = uart_open_cable(&u, "uart"), fd;

	ck_assert_int_eq(uart_start(&u, &u.tty, u.path, "/nowhere"), 0);
	ck_assert_int_eq(buf_append(tty_out(u.tty), "late", 4), 0);
	tty_shut(u.tty);
	ck_assert_uint_eq(buf_used(tty_out(u.tty)), 0);
	fd = open(u.path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	(void)close(fd);
	uart_write(master, "AT\n");
	uart_answer(&u, "for nobody");
	ck_assert_int_ge(sd_event_run(u.event, 0), 0);
	ck_assert_uint_eq(buf_used(&u.got), 0);
	tty_open(u.tty);
	tty_open(u.tty); /* as it is */
	uart_expect_settings(master);
	uart_write(master, "AT+2\n");
	uart_receive(&u, "AT+2\n");
	uart_answer(&u, "OK\r\n");
	while (buf_used(tty_out(u.tty)) > 0)
		uart_turn(&u);
	ck_assert_uint_eq(u.gaps, 0);
	(void)close(master);
	ck_assert_int_eq(unlink(u.path), 0);
}
END_TEST

/* Pulled while it was shut: waited for, like any other. */
START_TEST(tty_gone_while_shut)
{
	int master = uart_open_cable(&u, "uart");

	ck_assert_int_eq(uart_start(&u, &u.tty, u.path, "/nowhere"), 0);
	tty_shut(u.tty);
	(void)close(master);
	ck_assert_int_eq(unlink(u.path), 0);
	ck_assert_int_ge(sd_event_run(u.event, 0), 0);
	ck_assert_uint_eq(u.gaps, 0);
	tty_open(u.tty);
	ck_assert_uint_eq(u.gaps, 1);
	master = uart_open_cable(&u, "uart");
	while (buf_used(&u.got) == 0) {
		if (write(master, "AT\n", 3) < 0)
			ck_assert_int_eq(errno, EAGAIN);
		uart_turn(&u);
	}
	(void)close(master);
	ck_assert_int_eq(unlink(u.path), 0);
}
END_TEST

/* Nobody opens it again behind the back of a module that sleeps. */
START_TEST(tty_lost_and_shut)
{
	int master = uart_open_cable(&u, "uart"), fd;

	ck_assert_int_eq(uart_start(&u, &u.tty, u.path, "/nowhere"), 0);
	(void)close(master);
	ck_assert_int_eq(unlink(u.path), 0);
	while (u.gaps == 0)
		uart_turn(&u);
	tty_shut(u.tty);
	master = uart_open_cable(&u, "uart");
	ck_assert_int_eq(sd_event_run(u.event, 1500000), 0);
	fd = open(u.path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	(void)close(fd);
	tty_open(u.tty);
	ck_assert_uint_eq(u.gaps, 1);
	uart_write(master, "AT\n");
	uart_receive(&u, "AT\n");
	(void)close(master);
	ck_assert_int_eq(unlink(u.path), 0);
}
END_TEST

/* A pty stays, with its link, for the host that has it open. */
START_TEST(pty_shut_and_opened)
{
	int host;

	uart_start_pty(&u);
	host = uart_open_host(&u);
	tty_shut(u.tty);
	uart_write(host, "AT\n");
	uart_turn(&u);
	ck_assert_uint_eq(buf_used(&u.got), 0);
	uart_write(host, "AT\n"); /* nobody came to read it */
	tty_open(u.tty);
	uart_write(host, "AT+2\n");
	uart_receive(&u, "AT+2\n");
	uart_answer(&u, "OK\r\n");
	uart_expect(host, "OK\r\n");
	(void)close(host);
}
END_TEST

/* --- who else is there --- */

/* The log, while what runs. */
static int log_fd[2], old_stderr;

static void log_begin(void)
{
	old_stderr = dup(STDERR_FILENO);
	ck_assert_int_eq(pipe2(log_fd, O_NONBLOCK), 0);
	ck_assert_int_ge(dup2(log_fd[1], STDERR_FILENO), 0);
	log_set_level(LOG_NOTICE);
}

static const char *log_end(void)
{
	static char text[4096];
	ssize_t n;

	log_set_level(LOG_EMERG);
	(void)dup2(old_stderr, STDERR_FILENO);
	n = read(log_fd[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	(void)close(old_stderr);
	(void)close(log_fd[0]);
	(void)close(log_fd[1]);
	return text;
}

/* Somebody who has the tty open, with a lock or without. */
START_TEST(rivals_are_named)
{
	int master = uart_open_cable(&u, "uart"), ends[2], fd;
	char byte, wanted[64];
	const char *said;
	pid_t child;

	fd = open(u.path, O_RDWR | O_NOCTTY | O_NONBLOCK);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)prctl(PR_SET_NAME, "rival");
		if ((_i && flock(fd, LOCK_EX | LOCK_NB) < 0) || write(ends[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	(void)close(fd);
	(void)close(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	log_begin();
	ck_assert_int_eq(uart_start(&u, &u.tty, u.path, "/nowhere"), _i ? -EBUSY : 0);
	said = log_end();
	(void)snprintf(wanted, sizeof(wanted), "rival (pid %d)", (int)child);
	ck_assert_uint_eq(times(said, wanted), 1);
	ck_assert_uint_eq(times(said, "\n"), 1);
	ck_assert_uint_eq(times(said, u.path), 1);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	(void)close(ends[0]);
	(void)close(master);
	ck_assert_int_eq(unlink(u.path), 0);
}
END_TEST

/* It is back, but somebody has it: that is told once, and not for what passes by itself. */
START_TEST(returns_in_other_hands)
{
	int master = uart_open_cable(&u, "uart"), fd;
	const char *said;

	ck_assert_int_eq(uart_start(&u, &u.tty, u.path, "/nowhere"), 0);
	log_begin();
	(void)close(master);
	ck_assert_int_eq(unlink(u.path), 0);
	while (u.gaps == 0)
		uart_turn(&u);
	master = uart_open_cable(&u, "uart");
	fd = open(u.path, O_RDWR | O_NOCTTY | O_NONBLOCK);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	for (unsigned i = 0; i < 3; i++)
		uart_turn(&u);
	(void)close(fd);
	while (buf_used(&u.got) == 0) {
		if (write(master, "AT\n", 3) < 0)
			ck_assert_int_eq(errno, EAGAIN);
		uart_turn(&u);
	}
	said = log_end();
	ck_assert_uint_eq(times(said, "is gone"), 1);
	ck_assert_uint_eq(times(said, "can't be opened again"), 1);
	ck_assert_uint_eq(times(said, "is back"), 1);
	ck_assert_uint_eq(times(said, "\n"), 3);
	(void)close(master);
	ck_assert_int_eq(unlink(u.path), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tty_losses");
	TCase *tc = tcase_create("tty_losses");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, tty_returns);
	tcase_add_test(tc, tty_shut_and_opened);
	tcase_add_test(tc, tty_gone_while_shut);
	tcase_add_test(tc, tty_lost_and_shut);
	tcase_add_test(tc, pty_shut_and_opened);
	tcase_add_loop_test(tc, rivals_are_named, 0, 2);
	tcase_add_test(tc, returns_in_other_hands);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
