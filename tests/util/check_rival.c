/* SPDX-License-Identifier: Apache-2.0 */
#include "util/rival.h"

#include "fake/suite.h"
#include "fake/temp.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static char *dir;
static char text[256];

static void setup(void)
{
	dir = temp_dir();
}

static void teardown(void)
{
	temp_remove(dir);
}

/* A folder in place of "/". */
static void folder(const char *path)
{
	char whole[512];

	(void)snprintf(whole, sizeof(whole), "%s/%s", dir, path);
	for (char *c = whole + strlen(dir) + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		(void)mkdir(whole, 0755);
		*c = '/';
	}
	ck_assert_int_eq(mkdir(whole, 0755), 0);
}

static const char *in(const char *path)
{
	static char whole[512];

	(void)snprintf(whole, sizeof(whole), "%s/%s", dir, path);
	return whole;
}

START_TEST(nobody)
{
	(void)strcpy(text, "garbage");
	rival_find("", "/dev/does-not-exist", 0, text, sizeof(text));
	ck_assert_str_eq(text, "");
	rival_find(dir, "/dev/null", 0, text, sizeof(text)); /* no /proc, no /sys */
	ck_assert_str_eq(text, "");
}
END_TEST

/* Whatever name the settings have for it. */
START_TEST(console_and_getty)
{
	folder("dev");
	folder("sys/class/tty/console");
	folder("run/systemd/units");
	temp_text(dir, "dev/ttyS1", "");
	temp_text(dir, "dev/ttyS11", "");
	ck_assert_int_eq(symlink("ttyS1", in("dev/serial0")), 0);
	temp_text(dir, "sys/class/tty/console/active", "tty0 ttyS11\n");
	rival_find(dir, in("dev/serial0"), 0, text, sizeof(text));
	ck_assert_str_eq(text, "");
	temp_text(dir, "sys/class/tty/console/active", "tty0 ttyS1\n");
	rival_find(dir, in("dev/serial0"), 0, text, sizeof(text));
	ck_assert_str_eq(text, "the kernel's console");
	ck_assert_int_eq(symlink("0123", in("run/systemd/units/invocation:serial-getty@ttyS1.service")), 0);
	rival_find(dir, in("dev/ttyS1"), 0, text, sizeof(text));
	ck_assert_str_eq(text, "the kernel's console, serial-getty@ttyS1.service");
	rival_find(dir, in("dev/ttyS11"), 0, text, sizeof(text));
	ck_assert_str_eq(text, "");
	rival_find(dir, in("dev/ttyS1"), 0, text, 12); /* cut to size */
	ck_assert_str_eq(text, "the kernel'");
}
END_TEST

static void process(const char *pid, const char *name, unsigned number)
{
	char path[64], stat[128];

	(void)snprintf(path, sizeof(path), "proc/%s", pid);
	folder(path);
	(void)snprintf(path, sizeof(path), "proc/%s/comm", pid);
	(void)snprintf(stat, sizeof(stat), "%s\n", name);
	temp_text(dir, path, stat);
	(void)snprintf(path, sizeof(path), "proc/%s/stat", pid);
	(void)snprintf(stat, sizeof(stat), "%s (%s) S 1 %s %s %u -1 4194560 0\n", pid, name, pid, pid, number);
	temp_text(dir, path, stat);
}

/* /dev/null stands for the tty: what counts is its number. */
START_TEST(terminal_of_a_process)
{
	struct stat st;
	unsigned number;

	ck_assert_int_eq(stat("/dev/null", &st), 0);
	number = major(st.st_rdev) << 8 | minor(st.st_rdev);
	process("100", "other", number + 1);
	process("101", "none", 0);
	process("102", "other", number + (1U << 20)); /* the upper part of its minor number */
	rival_find(dir, "/dev/null", 0, text, sizeof(text));
	ck_assert_str_eq(text, "");
	process("4711", "a) S 1 2 3 (b", number);
	rival_find(dir, "/dev/null", 0, text, sizeof(text));
	ck_assert_str_eq(text, "a) S 1 2 3 (b (pid 4711)");
}
END_TEST

START_TEST(holder_of_a_lock)
{
	char line[256];
	struct stat st;

	ck_assert_int_eq(stat("/dev/null", &st), 0);
	process("77", "picocom", 0);
	(void)snprintf(line, sizeof(line),
		       "1: POSIX  ADVISORY  WRITE 5 %02x:%02x:%lu 0 EOF\n2: FLOCK  ADVISORY  WRITE 6 00:00:1 0 EOF\n"
		       "3: FLOCK  ADVISORY  WRITE 77 %02x:%02x:%lu 0 EOF\n",
		       major(st.st_dev), minor(st.st_dev), (unsigned long)st.st_ino, major(st.st_dev), minor(st.st_dev),
		       (unsigned long)st.st_ino);
	temp_text(dir, "proc/locks", line);
	rival_find(dir, "/dev/null", 0, text, sizeof(text));
	ck_assert_str_eq(text, "picocom (pid 77)");
}
END_TEST

/* Real ones: an open file, a lock, a terminal; each process is named once. We are no rival of ourselves. */
START_TEST(real_process)
{
	int master, slave, ready[2];
	char name[64], wanted[64], byte;
	pid_t child;

	ck_assert_int_eq(openpty(&master, &slave, name, NULL, NULL), 0);
	rival_find("", name, 0, text, sizeof(text));
	/* The test runner has no part in it. */
	ck_assert_str_eq(text, "");
	ck_assert_int_eq(pipe(ready), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		(void)prctl(PR_SET_NAME, "rival");
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)setsid();
		if ((_i & 1) && flock(slave, LOCK_EX) < 0)
			_exit(1);
		if ((_i & 2) && ioctl(slave, TIOCSCTTY, 0) < 0)
			_exit(1);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	rival_find("", name, 0, text, sizeof(text));
	(void)snprintf(wanted, sizeof(wanted), "rival (pid %d)", (int)child);
	ck_assert_str_eq(text, wanted);
	rival_find("", name, child, text, sizeof(text));
	ck_assert_str_eq(text, "");
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	(void)close(ready[0]);
	(void)close(slave);
	(void)close(master);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rival");
	TCase *tc = tcase_create("rival");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nobody);
	tcase_add_test(tc, console_and_getty);
	tcase_add_test(tc, terminal_of_a_process);
	tcase_add_test(tc, holder_of_a_lock);
	tcase_add_loop_test(tc, real_process, 0, 4);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
