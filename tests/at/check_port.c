/* SPDX-License-Identifier: Apache-2.0 */
#include "at/port.h"

#include "fake/suite.h"
#include "fake/temp.h"
#include "util/macro.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static char *dir;
static char path[256];

static void setup(void)
{
	dir = temp_dir();
}

static void teardown(void)
{
	temp_remove(dir);
}

static const char *pty_in(const char *name)
{
	static char device[300];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	(void)snprintf(device, sizeof(device), "pty:%s", path);
	return device;
}

START_TEST(pty)
{
	_cleanup_(port_freep) struct port *p = NULL, *other = NULL;
	struct stat st;
	char target[64];
	ssize_t n;

	ck_assert_int_eq(port_new(&p, pty_in("line"), "/nowhere"), 0);
	ck_assert(port_is_pty(p));
	ck_assert_str_eq(port_path(p), path);
	ck_assert_str_eq(port_slave(p), "");
	ck_assert_int_eq(port_fd(p), -1);
	ck_assert(port_sent(p));
	port_discard(p);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(port_open(p), 0);
		ck_assert_int_ge(port_fd(p), 0);
		n = readlink(path, target, sizeof(target) - 1);
		ck_assert_int_gt(n, 0);
		target[n] = '\0';
		ck_assert_str_eq(target, port_slave(p));
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_uint_eq(st.st_mode & 07777, 0660);
		ck_assert_uint_eq(st.st_gid, getegid());
		ck_assert_int_eq(port_new(&other, pty_in("line"), "/nowhere"), 0);
		ck_assert_int_eq(port_open(other), -EBUSY);
		other = port_free(other);
		port_close(p);
		ck_assert_int_eq(port_fd(p), -1);
		ck_assert_int_lt(lstat(path, &st), 0);
	}
}
END_TEST

/* It fails half-way, and leaves nothing that is in the way of the next try. */
START_TEST(pty_next_try)
{
	_cleanup_(port_freep) struct port *p = NULL;

	ck_assert_int_eq(port_new(&p, pty_in("line"), "/nowhere"), 0);
	temp_text(dir, "line", "precious");
	ck_assert_int_eq(port_open(p), -EEXIST);
	ck_assert_int_eq(port_fd(p), -1);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(port_open(p), 0);
}
END_TEST

START_TEST(device)
{
	_cleanup_(port_freep) struct port *p = NULL, *other = NULL;
	struct termios t;
	char name[64];
	int master, slave;

	ck_assert_int_eq(openpty(&master, &slave, name, NULL, NULL), 0);
	ck_assert_int_eq(tcgetattr(slave, &t), 0);
	t.c_iflag |= BRKINT | PARMRK | INPCK | IGNPAR | ISTRIP | IXON | IXOFF | ICRNL;
	t.c_cflag |= CSTOPB | CRTSCTS | HUPCL;
	ck_assert_int_eq(tcsetattr(slave, TCSANOW, &t), 0);
	ck_assert_int_eq(port_new(&p, name, "/nowhere"), 0);
	ck_assert(!port_is_pty(p));
	ck_assert_int_eq(port_open(p), 0);
	ck_assert_str_eq(port_slave(p), "");

	ck_assert_int_eq(tcgetattr(slave, &t), 0);
	ck_assert_uint_eq(cfgetispeed(&t), B115200);
	ck_assert_uint_eq(cfgetospeed(&t), B115200);
	ck_assert_uint_eq(t.c_cflag & (CSIZE | PARENB | CSTOPB | CRTSCTS | HUPCL), CS8);
	ck_assert_uint_eq(t.c_cflag & (CLOCAL | CREAD), CLOCAL | CREAD);
	ck_assert_uint_eq(t.c_lflag & (ECHO | ICANON | ISIG | IEXTEN), 0);
	ck_assert_uint_eq(t.c_oflag & OPOST, 0);

	/* No break and no damaged byte adds bytes, removes some, or sends signals. */
	ck_assert_uint_eq(t.c_iflag & IGNBRK, IGNBRK);
	ck_assert_uint_eq(t.c_iflag & (BRKINT | PARMRK | INPCK | IGNPAR | ISTRIP | IXON | IXOFF | ICRNL), 0);

	ck_assert_int_eq(port_new(&other, name, "/nowhere"), 0);
	ck_assert_int_eq(port_open(other), -EBUSY);
	port_close(p);
	ck_assert_int_eq(port_open(other), 0);
	port_close(other);
	(void)close(slave);
	(void)close(master);
	ck_assert_int_lt(port_open(p), 0);
	ck_assert_int_eq(port_fd(p), -1);
}
END_TEST

/* A pty has no UART: what was written has left. */
START_TEST(sent)
{
	_cleanup_(port_freep) struct port *p = NULL;
	char name[64];
	int master, slave;

	ck_assert_int_eq(openpty(&master, &slave, name, NULL, NULL), 0);
	ck_assert_int_eq(port_new(&p, name, "/nowhere"), 0);
	ck_assert_int_eq(port_open(p), 0);
	ck_assert(port_sent(p));
	ck_assert_int_eq(write(port_fd(p), "OK", 2), 2);
	ck_assert(port_sent(p));
	port_discard(p);
	(void)close(slave);
	(void)close(master);
}
END_TEST

START_TEST(free_nothing)
{
	ck_assert_ptr_null(port_free(NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("port");
	TCase *tc = tcase_create("port");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, pty);
	tcase_add_test(tc, pty_next_try);
	tcase_add_test(tc, device);
	tcase_add_test(tc, sent);
	tcase_add_test(tc, free_nothing);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
