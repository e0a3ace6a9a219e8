/* SPDX-License-Identifier: Apache-2.0 */
#include "at/tty.h"

#include "fake/suite.h"
#include "util/buf.h"
#include "util/log.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static sd_event *event;
static struct tty *tty;
static struct buf got; /* what the module received */
static unsigned room, sent, gaps;
static char *folder;
static char path[256];

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

static void on_bytes(void *userdata, const void *data, size_t n)
{
	ck_assert_ptr_eq(userdata, &got);
	ck_assert_int_eq(buf_append(&got, data, n), 0);
}

static void on_gap(void *userdata)
{
	ck_assert_ptr_eq(userdata, &got);
	gaps++;
}

static void on_room(void *userdata)
{
	ck_assert_ptr_eq(userdata, &got);
	ck_assert_uint_eq(buf_used(tty_out(tty)), 0);
	room++;
}

static void on_sent(void *userdata)
{
	ck_assert_ptr_eq(userdata, &got);
	sent++;
}

static int make(struct tty **ret, const char *device, const char *runtime_dir)
{
	const struct tty_events events = {
		.on_bytes = on_bytes,
		.on_gap = on_gap,
		.on_room = on_room,
		.on_sent = on_sent,
		.userdata = &got,
	};

	ck_assert_int_eq(tty_new(ret, event, device, runtime_dir, &events), 0);
	return tty_start(*ret);
}

/* path = folder/name */
static const char *in_folder(const char *name)
{
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void setup(void)
{
	char template[] = "/tmp/check_tty.XXXXXX";

	log_set_level(LOG_EMERG);
	room = sent = gaps = 0;
	uart_is_stuck = false;
	later_s = 0;
	ck_assert_ptr_nonnull(mkdtemp(template));
	folder = strdup(template);
	ck_assert_int_ge(sd_event_new(&event), 0);
	buf_init(&got, 10000000);
}

static void teardown(void)
{
	tty = tty_free(tty);
	buf_done(&got);
	event = sd_event_unref(event);
	/* Nothing of ours is left: the folder is empty. */
	if (rmdir(folder) < 0)
		ck_abort_msg("%s: %s", folder, strerror(errno));
	free(folder);
}

static void start_pty(void)
{
	char device[300];

	(void)snprintf(device, sizeof(device), "pty:%s", in_folder("port"));
	ck_assert_int_eq(make(&tty, device, "/nowhere"), 0);
}

static int open_host(void)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void turn(void)
{
	ck_assert_int_ge(sd_event_run(event, 10000000), 0);
}

static void receive(const char *text)
{
	while (buf_used(&got) < strlen(text))
		turn();
	ck_assert_uint_eq(buf_used(&got), strlen(text));
	ck_assert_mem_eq(buf_head(&got), text, strlen(text));
	buf_clear(&got);
}

static void answer(const char *text)
{
	ck_assert_int_eq(buf_append(tty_out(tty), text, strlen(text)), 0);
	tty_flush(tty);
}

static void expect(int host, const char *text)
{
	char data[100];
	size_t n = 0;

	while (n < strlen(text)) {
		struct pollfd poll_fd = { .fd = host, .events = POLLIN };
		ssize_t k;

		ck_assert_int_eq(poll(&poll_fd, 1, 10000), 1);
		k = read(host, data + n, sizeof(data) - n);
		ck_assert_int_gt(k, 0);
		n += (size_t)k;
	}
	ck_assert_uint_eq(n, strlen(text));
	ck_assert_mem_eq(data, text, n);
}

static void write_all(int fd, const char *text)
{
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void expect_line_settings(int fd)
{
	struct termios t;

	ck_assert_int_eq(tcgetattr(fd, &t), 0);
	ck_assert_uint_eq(t.c_lflag & (ECHO | ICANON | ISIG | IEXTEN), 0);
	ck_assert_uint_eq(t.c_iflag & (IXON | IXOFF | IXANY | ICRNL | INLCR | IGNCR | ISTRIP), 0);
	ck_assert_uint_eq(t.c_oflag & OPOST, 0);
	ck_assert_uint_eq(t.c_cflag & CSIZE, CS8);
	ck_assert_uint_eq(t.c_cflag & (CSTOPB | PARENB | CRTSCTS | HUPCL), 0);
	ck_assert_uint_eq(t.c_cflag & (CLOCAL | CREAD), CLOCAL | CREAD);
	ck_assert_uint_eq(cfgetispeed(&t), B115200);
	ck_assert_uint_eq(cfgetospeed(&t), B115200);
}

START_TEST(pty_is_a_raw_line)
{
	static const char all[] = "a\x01\x03\x04\x11\x13\x15\x1a\x1c\x7f\x80\xff\r\n\r";
	struct stat st;
	int host;

	start_pty();
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISCHR(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 0777, 0660);
	ck_assert_uint_eq(st.st_gid, getegid());
	host = open_host();
	expect_line_settings(host);
	write_all(host, all);
	receive(all);
	answer("OK\r\n");
	expect(host, "OK\r\n"); /* and no echo before it */
	(void)close(host);
}
END_TEST

START_TEST(pty_survives_its_host)
{
	int host;

	start_pty();
	for (int i = 0; i < 3; i++) {
		host = open_host();
		expect_line_settings(host);
		write_all(host, "AT\r\n");
		(void)close(host);
		receive("AT\r\n");
	}
	/* An answer for nobody waits for the next host. */
	answer("OK\r\n");
	host = open_host();
	expect(host, "OK\r\n");
	(void)close(host);
	ck_assert_int_eq(sd_event_run(event, 0), 0);
}
END_TEST

/* Host libraries lock their port. */
START_TEST(pty_may_be_locked_by_its_host)
{
	int host;

	start_pty();
	host = open_host();
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
	(void)snprintf(runtime, sizeof(runtime), "%s", in_folder("run"));
	ck_assert_int_eq(make(&tty, "pty:port", runtime), 0);
	(void)snprintf(link, sizeof(link), "%s/port", runtime);
	ck_assert_int_eq(access(link, R_OK | W_OK), 0);
	ck_assert_int_eq(stat(runtime, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0755);
	ck_assert_int_eq(stat(link, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	tty = tty_free(tty);
	ck_assert_int_eq(rmdir(runtime), 0);
}
END_TEST

START_TEST(pty_link_is_replaced_if_stale)
{
	char target[100];

	ck_assert_int_eq(symlink("/dev/pts/99999", in_folder("port")), 0);
	start_pty();
	ck_assert_int_gt(readlink(path, target, sizeof(target)), 0);
	ck_assert_int_ne(strncmp(target, "/dev/pts/99999", 14), 0);
	tty = tty_free(tty);
	ck_assert_int_lt(readlink(path, target, sizeof(target)), 0);
}
END_TEST

START_TEST(pty_link_of_another_is_left)
{
	char target[100] = "", device[300];
	struct tty *other = NULL;
	struct stat st;

	start_pty();
	(void)snprintf(device, sizeof(device), "pty:%s", path);
	ck_assert_int_eq(make(&other, device, "/nowhere"), -EBUSY);
	other = tty_free(other);
	ck_assert_int_eq(stat(path, &st), 0);
	(void)close(open_host());

	/* Somebody else took the name. */
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("/dev/null", path), 0);
	tty = tty_free(tty);
	ck_assert_int_gt(readlink(path, target, sizeof(target)), 0);
	ck_assert_str_eq(target, "/dev/null");
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(pty_replaces_no_file)
{
	char device[300];
	int fd = open(in_folder("port"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	struct stat st;

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	(void)snprintf(device, sizeof(device), "pty:%s", path);
	ck_assert_int_eq(make(&tty, device, "/nowhere"), -EEXIST);
	tty = tty_free(tty);
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert(S_ISREG(st.st_mode));
	ck_assert_int_eq(unlink(path), 0);
	/* The name is free for the next try. */
	start_pty();
}
END_TEST

START_TEST(pty_without_a_folder)
{
	ck_assert_int_eq(make(&tty, "pty:/nowhere/at/all", "/nowhere"), -ENOENT);
	tty = tty_free(tty);
	ck_assert_ptr_null(tty_free(NULL));
}
END_TEST

/* A tty: the slave of a pty whose master is the host. */
static int open_cable(const char *name)
{
	int master, slave;
	char real[100];

	ck_assert_int_eq(openpty(&master, &slave, real, NULL, NULL), 0);
	(void)unlink(in_folder(name));
	ck_assert_int_eq(symlink(real, path), 0);
	(void)close(slave);
	ck_assert_int_eq(fcntl(master, F_SETFL, O_NONBLOCK), 0);
	return master;
}

START_TEST(tty_is_set_and_locked)
{
	int master = open_cable("uart"), fd;
	struct tty *other = NULL;

	ck_assert_int_eq(make(&tty, path, "/nowhere"), 0);
	expect_line_settings(master);
	write_all(master, "AT\x03\r\n");
	receive("AT\x03\r\n");
	answer("OK\r\n");
	expect(master, "OK\r\n");
	ck_assert_int_eq(make(&other, path, "/nowhere"), -EBUSY);
	other = tty_free(other);
	tty = tty_free(tty);
	fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	ck_assert_int_eq(make(&tty, path, "/nowhere"), -EBUSY);
	(void)close(fd);
	(void)close(master);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* What came before the module was there is not for it. */
START_TEST(tty_is_flushed_when_opened)
{
	int master, slave;
	char real[100];

	ck_assert_int_eq(openpty(&master, &slave, real, NULL, NULL), 0);
	write_all(master, "old\n");
	ck_assert_int_eq(make(&tty, real, "/nowhere"), 0);
	write_all(master, "new\n");
	receive("new\n");
	(void)close(master);
	(void)close(slave);
}
END_TEST

START_TEST(tty_that_is_none)
{
	ck_assert_int_eq(make(&tty, "/dev/null", "/nowhere"), -ENOTTY);
	tty = tty_free(tty);
	ck_assert_int_eq(make(&tty, "/dev/does-not-exist", "/nowhere"), -ENOENT);
	tty = tty_free(tty);
	ck_assert_int_eq(make(&tty, folder, "/nowhere"), -EISDIR);
}
END_TEST

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
	int master = open_cable("uart"), ends[2], old = dup(STDERR_FILENO);
	uint64_t since;
	char text[4096];
	ssize_t n;

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_ge(dup2(ends[1], STDERR_FILENO), 0);
	log_set_level(LOG_NOTICE);
	ck_assert_int_eq(make(&tty, path, "/nowhere"), 0);
	answer("OK\r\n");
	expect(master, "OK\r\n");
	(void)close(master);
	ck_assert_int_eq(unlink(path), 0);
	turn();
	ck_assert_uint_eq(gaps, 1);
	answer("for nobody"); /* goes where it would go with the cable pulled */
	ck_assert_uint_eq(buf_used(tty_out(tty)), 0);
	tty_when_sent(tty);
	while (sent == 0)
		turn();
	/* At least one try that fails, and no spinning meanwhile. */
	ck_assert_int_ge(sd_event_now(event, CLOCK_MONOTONIC, &since), 0);
	for (int turns = 0;; turns++) {
		uint64_t now;

		turn();
		ck_assert_int_ge(sd_event_now(event, CLOCK_MONOTONIC, &now), 0);
		ck_assert_int_lt(turns, 20);
		if (now - since > 500000)
			break;
	}
	master = open_cable("uart");
	while (buf_used(&got) == 0) {
		if (write(master, "AT\n", 3) < 0)
			ck_assert_int_eq(errno, EAGAIN);
		turn();
	}
	buf_clear(&got);
	/* Before it was opened the line had an echo. */
	while (read(master, text, sizeof(text)) > 0)
		;
	answer("OK 2\r\n");
	expect(master, "OK 2\r\n");
	tty = tty_free(tty);
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
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* Closed, so that others may have it, and opened again; what came meanwhile is lost. */
START_TEST(tty_shut_and_opened)
{
	int master = open_cable("uart"), fd;

	ck_assert_int_eq(make(&tty, path, "/nowhere"), 0);
	ck_assert_int_eq(buf_append(tty_out(tty), "late", 4), 0);
	tty_shut(tty);
	ck_assert_uint_eq(buf_used(tty_out(tty)), 0);
	fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	(void)close(fd);
	write_all(master, "AT\n");
	answer("for nobody");
	ck_assert_int_ge(sd_event_run(event, 0), 0);
	ck_assert_uint_eq(buf_used(&got), 0);
	tty_open(tty);
	tty_open(tty); /* as it is */
	expect_line_settings(master);
	write_all(master, "AT+2\n");
	receive("AT+2\n");
	answer("OK\r\n");
	while (buf_used(tty_out(tty)) > 0)
		turn();
	ck_assert_uint_eq(gaps, 0);
	(void)close(master);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* Pulled while it was shut: waited for, like any other. */
START_TEST(tty_gone_while_shut)
{
	int master = open_cable("uart");

	ck_assert_int_eq(make(&tty, path, "/nowhere"), 0);
	tty_shut(tty);
	(void)close(master);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_ge(sd_event_run(event, 0), 0);
	ck_assert_uint_eq(gaps, 0);
	tty_open(tty);
	ck_assert_uint_eq(gaps, 1);
	master = open_cable("uart");
	while (buf_used(&got) == 0) {
		if (write(master, "AT\n", 3) < 0)
			ck_assert_int_eq(errno, EAGAIN);
		turn();
	}
	(void)close(master);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* Nobody opens it again behind the back of a module that sleeps. */
START_TEST(tty_lost_and_shut)
{
	int master = open_cable("uart"), fd;

	ck_assert_int_eq(make(&tty, path, "/nowhere"), 0);
	(void)close(master);
	ck_assert_int_eq(unlink(path), 0);
	while (gaps == 0)
		turn();
	tty_shut(tty);
	master = open_cable("uart");
	ck_assert_int_eq(sd_event_run(event, 1500000), 0);
	fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	(void)close(fd);
	tty_open(tty);
	ck_assert_uint_eq(gaps, 1);
	write_all(master, "AT\n");
	receive("AT\n");
	(void)close(master);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* A pty stays, with its link, for the host that has it open. */
START_TEST(pty_shut_and_opened)
{
	int host;

	start_pty();
	host = open_host();
	tty_shut(tty);
	write_all(host, "AT\n");
	turn();
	ck_assert_uint_eq(buf_used(&got), 0);
	write_all(host, "AT\n"); /* nobody came to read it */
	tty_open(tty);
	write_all(host, "AT+2\n");
	receive("AT+2\n");
	answer("OK\r\n");
	expect(host, "OK\r\n");
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
	int master = open_cable("uart"), ends[2], fd;
	char byte, wanted[64];
	const char *said;
	pid_t child;

	fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
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
	ck_assert_int_eq(make(&tty, path, "/nowhere"), _i ? -EBUSY : 0);
	said = log_end();
	(void)snprintf(wanted, sizeof(wanted), "rival (pid %d)", (int)child);
	ck_assert_uint_eq(times(said, wanted), 1);
	ck_assert_uint_eq(times(said, "\n"), 1);
	ck_assert_uint_eq(times(said, path), 1);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	(void)close(ends[0]);
	(void)close(master);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* It is back, but somebody has it: that is told once, and not for what passes by itself. */
START_TEST(returns_in_other_hands)
{
	int master = open_cable("uart"), fd;
	const char *said;

	ck_assert_int_eq(make(&tty, path, "/nowhere"), 0);
	log_begin();
	(void)close(master);
	ck_assert_int_eq(unlink(path), 0);
	while (gaps == 0)
		turn();
	master = open_cable("uart");
	fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	for (unsigned i = 0; i < 3; i++)
		turn();
	(void)close(fd);
	while (buf_used(&got) == 0) {
		if (write(master, "AT\n", 3) < 0)
			ck_assert_int_eq(errno, EAGAIN);
		turn();
	}
	said = log_end();
	ck_assert_uint_eq(times(said, "is gone"), 1);
	ck_assert_uint_eq(times(said, "can't be opened again"), 1);
	ck_assert_uint_eq(times(said, "is back"), 1);
	ck_assert_uint_eq(times(said, "\n"), 3);
	(void)close(master);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* More than the kernel takes, for a host that does not read at first. */
static void fill(size_t n)
{
	uint8_t *to;

	ck_assert_int_eq(buf_reserve(tty_out(tty), n, &to), 0);
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)(i * 7 + (i >> 8));
	buf_commit(tty_out(tty), n);
	tty_flush(tty);
}

static size_t drain(int host, size_t n)
{
	uint8_t data[4096];
	size_t at = 0;

	while (at < n) {
		ssize_t k = read(host, data, sizeof(data));

		if (k < 0) {
			ck_assert_int_eq(errno, EAGAIN);
			turn();
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

	start_pty();
	host = open_host();
	fill(MUCH);
	ck_assert(tty_busy(tty));
	ck_assert_uint_lt(buf_used(tty_out(tty)), MUCH);
	tty_when_sent(tty);
	/* It still listens. */
	write_all(host, "AT\r\n");
	receive("AT\r\n");
	/* It is not asked for, either, until there is room for more. */
	(void)sd_event_run(event, 20000);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(sd_event_run(event, 20000), 0);
	ck_assert_uint_eq(room, 0);
	ck_assert_uint_eq(sent, 0);
	ck_assert_uint_eq(drain(host, MUCH), MUCH);
	while (sent == 0)
		turn();
	ck_assert_uint_eq(room, 1);
	ck_assert(!tty_busy(tty));
	answer("OK\r\n");
	expect(host, "OK\r\n");
	ck_assert_uint_eq(room, 1);
	(void)close(host);
}
END_TEST

START_TEST(no_spin_while_the_host_does_not_read)
{
	start_pty();
	fill(300000);
	(void)sd_event_run(event, 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(sd_event_run(event, 20000), 0);
}
END_TEST

START_TEST(sent_is_told_from_the_loop)
{
	int host;

	start_pty();
	host = open_host();
	answer("OK\r\n");
	tty_when_sent(tty);
	ck_assert_uint_eq(sent, 0);
	while (sent == 0)
		turn();
	expect(host, "OK\r\n");
	ck_assert_uint_eq(sent, 1);
	(void)close(host);
}
END_TEST

/* It never becomes empty, or only when the daemon has lost it. */
START_TEST(stuck)
{
	int master = open_cable("uart");

	ck_assert_int_eq(make(&tty, path, "/nowhere"), 0);
	uart_is_stuck = true;
	answer("OK 1\r\n");
	tty_when_sent(tty);
	for (int i = 0; i < 5; i++)
		turn();
	ck_assert_uint_eq(sent, 0);
	if (_i == 0) {
		later_s = 6;
	} else {
		(void)close(master);
		master = -1;
	}
	while (sent == 0)
		turn();
	ck_assert_uint_eq(sent, 1);

	/* Each answer has its own time. */
	later_s = 0;
	if (_i == 0) {
		tty_when_sent(tty);
		for (int i = 0; i < 5; i++)
			turn();
		ck_assert_uint_eq(sent, 1);
		(void)close(master);
	}
	tty = tty_free(tty);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(discarded)
{
	struct pollfd poll_fd = { .events = POLLIN };
	char data[4096];
	int host;

	start_pty();
	host = open_host();
	fill(300000);
	tty_when_sent(tty);
	tty_discard(tty);
	ck_assert_uint_eq(buf_used(tty_out(tty)), 0);
	(void)sd_event_run(event, 50000);
	ck_assert_uint_eq(sent, 0);
	/* What the host had already got from the kernel may still come. */
	poll_fd.fd = host;
	while (poll(&poll_fd, 1, 50) > 0)
		ck_assert_int_gt(read(host, data, sizeof(data)), 0);
	answer("OK\r\n");
	expect(host, "OK\r\n");
	(void)close(host);
}
END_TEST

/* What came before is not for those who come after. */
START_TEST(discarded_input)
{
	struct pollfd poll_fd = { .events = POLLIN };
	int host;

	start_pty();
	host = open_host();
	write_all(host, "AT+CONNECT\r");
	poll_fd.fd = sd_event_get_fd(event);
	ck_assert_int_eq(poll(&poll_fd, 1, 10000), 1);
	tty_discard(tty);
	write_all(host, "AT\r");
	receive("AT\r");
	(void)close(host);
}
END_TEST

START_TEST(paused)
{
	int host;

	start_pty();
	host = open_host();
	tty_pause(tty, true);
	write_all(host, "AT\r\n");
	ck_assert_int_eq(sd_event_run(event, 50000), 0);
	ck_assert_uint_eq(buf_used(&got), 0);
	/* Answers still leave. */
	fill(100000);
	ck_assert_uint_eq(drain(host, 100000), 100000);
	ck_assert_uint_eq(buf_used(&got), 0);
	tty_pause(tty, false);
	receive("AT\r\n");
	(void)close(host);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("tty");
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
	tcase_add_test(tc, tty_returns);
	tcase_add_test(tc, tty_shut_and_opened);
	tcase_add_test(tc, tty_gone_while_shut);
	tcase_add_test(tc, tty_lost_and_shut);
	tcase_add_test(tc, pty_shut_and_opened);
	tcase_add_loop_test(tc, rivals_are_named, 0, 2);
	tcase_add_test(tc, returns_in_other_hands);
	tcase_add_test(tc, host_reads_late);
	tcase_add_test(tc, no_spin_while_the_host_does_not_read);
	tcase_add_test(tc, sent_is_told_from_the_loop);
	tcase_add_loop_test(tc, stuck, 0, 2);
	tcase_add_test(tc, discarded);
	tcase_add_test(tc, discarded_input);
	tcase_add_test(tc, paused);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
