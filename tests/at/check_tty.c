/* SPDX-License-Identifier: Apache-2.0 */
#include "at/tty.h"

#include "fake/suite.h"
#include "fake/uart.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
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

START_TEST(pty_is_a_raw_line)
{
	static const char all[] = "a\x01\x03\x04\x11\x13\x15\x1a\x1c\x7f\x80\xff\r\n\r";
	struct stat st;
	int host;

	uart_start_pty(&u);
	ck_assert_int_eq(lstat(u.path, &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
	ck_assert_int_eq(stat(u.path, &st), 0);
	ck_assert(S_ISCHR(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 0777, 0660);
	ck_assert_uint_eq(st.st_gid, getegid());
	host = uart_open_host(&u);
	uart_expect_settings(host);
	uart_write(host, all);
	uart_receive(&u, all);
	uart_answer(&u, "OK\r\n");
	uart_expect(host, "OK\r\n"); /* and no echo before it */
	(void)close(host);
}
END_TEST

START_TEST(pty_survives_its_host)
{
	int host;

	uart_start_pty(&u);
	for (int i = 0; i < 3; i++) {
		host = uart_open_host(&u);
		uart_expect_settings(host);
		uart_write(host, "AT\r\n");
		(void)close(host);
		uart_receive(&u, "AT\r\n");
	}
	/* An answer for nobody waits for the next host. */
	uart_answer(&u, "OK\r\n");
	host = uart_open_host(&u);
	uart_expect(host, "OK\r\n");
	(void)close(host);
	ck_assert_int_eq(sd_event_run(u.event, 0), 0);
}
END_TEST

/* Host libraries lock their port. */
START_TEST(pty_may_be_locked_by_its_host)
{
	int host;

	uart_start_pty(&u);
	host = uart_open_host(&u);
	ck_assert_int_eq(flock(host, LOCK_EX | LOCK_NB), 0);
	(void)close(host);
}
END_TEST

/* Whose link others have to find, whatever main() wants for files of its own. */
START_TEST(pty_in_the_runtime_folder)
{
	char runtime[300], link[400];
	struct stat st;

	(void)umask(0077);
	(void)snprintf(runtime, sizeof(runtime), "%s", uart_path(&u, "run"));
	ck_assert_int_eq(uart_start(&u, &u.tty, "pty:port", runtime), 0);
	(void)snprintf(link, sizeof(link), "%s/port", runtime);
	ck_assert_int_eq(access(link, R_OK | W_OK), 0);
	ck_assert_int_eq(stat(runtime, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0755);
	ck_assert_int_eq(stat(link, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	u.tty = tty_free(u.tty);
	ck_assert_int_eq(rmdir(runtime), 0);
}
END_TEST

START_TEST(pty_link_is_replaced_if_stale)
{
	char target[100];

	ck_assert_int_eq(symlink("/dev/pts/99999", uart_path(&u, "port")), 0);
	uart_start_pty(&u);
	ck_assert_int_gt(readlink(u.path, target, sizeof(target)), 0);
	ck_assert_int_ne(strncmp(target, "/dev/pts/99999", 14), 0);
	u.tty = tty_free(u.tty);
	ck_assert_int_lt(readlink(u.path, target, sizeof(target)), 0);
}
END_TEST

START_TEST(pty_link_of_another_is_left)
{
	char target[100] = "", device[300];
	struct tty *other = NULL;
	struct stat st;

	uart_start_pty(&u);
	(void)snprintf(device, sizeof(device), "pty:%s", u.path);
	ck_assert_int_eq(uart_start(&u, &other, device, "/nowhere"), -EBUSY);
	other = tty_free(other);
	ck_assert_int_eq(stat(u.path, &st), 0);
	(void)close(uart_open_host(&u));

	/* Somebody else took the name. */
	ck_assert_int_eq(unlink(u.path), 0);
	ck_assert_int_eq(symlink("/dev/null", u.path), 0);
	u.tty = tty_free(u.tty);
	ck_assert_int_gt(readlink(u.path, target, sizeof(target)), 0);
	ck_assert_str_eq(target, "/dev/null");
	ck_assert_int_eq(unlink(u.path), 0);
}
END_TEST

START_TEST(pty_replaces_no_file)
{
	char device[300];
	int fd = open(uart_path(&u, "port"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	struct stat st;

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	(void)snprintf(device, sizeof(device), "pty:%s", u.path);
	ck_assert_int_eq(uart_start(&u, &u.tty, device, "/nowhere"), -EEXIST);
	u.tty = tty_free(u.tty);
	ck_assert_int_eq(lstat(u.path, &st), 0);
	ck_assert(S_ISREG(st.st_mode));
	ck_assert_int_eq(unlink(u.path), 0);
	/* The name is free for the next try. */
	uart_start_pty(&u);
}
END_TEST

START_TEST(pty_without_a_folder)
{
	ck_assert_int_eq(uart_start(&u, &u.tty, "pty:/nowhere/at/all", "/nowhere"), -ENOENT);
	u.tty = tty_free(u.tty);
	ck_assert_ptr_null(tty_free(NULL));
}
END_TEST

START_TEST(tty_is_set_and_locked)
{
	int master = uart_open_cable(&u, "uart"), fd;
	struct tty *other = NULL;

	ck_assert_int_eq(uart_start(&u, &u.tty, u.path, "/nowhere"), 0);
	uart_expect_settings(master);
	uart_write(master, "AT\x03\r\n");
	uart_receive(&u, "AT\x03\r\n");
	uart_answer(&u, "OK\r\n");
	uart_expect(master, "OK\r\n");
	ck_assert_int_eq(uart_start(&u, &other, u.path, "/nowhere"), -EBUSY);
	other = tty_free(other);
	u.tty = tty_free(u.tty);
	fd = open(u.path, O_RDWR | O_NOCTTY | O_NONBLOCK);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	ck_assert_int_eq(uart_start(&u, &u.tty, u.path, "/nowhere"), -EBUSY);
	(void)close(fd);
	(void)close(master);
	ck_assert_int_eq(unlink(u.path), 0);
}
END_TEST

/* What came before the module was there is not for it. */
START_TEST(tty_is_flushed_when_opened)
{
	int master, slave;
	char real[100];

	ck_assert_int_eq(openpty(&master, &slave, real, NULL, NULL), 0);
	uart_write(master, "old\n");
	ck_assert_int_eq(uart_start(&u, &u.tty, real, "/nowhere"), 0);
	uart_write(master, "new\n");
	uart_receive(&u, "new\n");
	(void)close(master);
	(void)close(slave);
}
END_TEST

START_TEST(tty_that_is_none)
{
	ck_assert_int_eq(uart_start(&u, &u.tty, "/dev/null", "/nowhere"), -ENOTTY);
	u.tty = tty_free(u.tty);
	ck_assert_int_eq(uart_start(&u, &u.tty, "/dev/does-not-exist", "/nowhere"), -ENOENT);
	u.tty = tty_free(u.tty);
	ck_assert_int_eq(uart_start(&u, &u.tty, u.folder, "/nowhere"), -EISDIR);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tty");
	TCase *tc = tcase_create("tty");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, pty_is_a_raw_line);
	tcase_add_test(tc, pty_survives_its_host);
	tcase_add_test(tc, pty_may_be_locked_by_its_host);
	tcase_add_test(tc, pty_in_the_runtime_folder);
	tcase_add_test(tc, pty_link_is_replaced_if_stale);
	tcase_add_test(tc, pty_link_of_another_is_left);
	tcase_add_test(tc, pty_replaces_no_file);
	tcase_add_test(tc, pty_without_a_folder);
	tcase_add_test(tc, tty_is_set_and_locked);
	tcase_add_test(tc, tty_is_flushed_when_opened);
	tcase_add_test(tc, tty_that_is_none);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
