/* SPDX-License-Identifier: Apache-2.0 */
#include "helpers/confine.h"

#include "fake/emulator.h"
#include "fake/suite.h"
#include "fake/temp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char *dir;
static char key[256], other[256], control[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
static int listener, allowed, forbidden;
static uint16_t allowed_port, forbidden_port;

static int listen_tcp(uint16_t *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

static void setup(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	dir = temp_dir();
	temp_text(dir, "device.key", "secret");
	(void)snprintf(key, sizeof(key), "%s/device.key", dir);
	(void)snprintf(other, sizeof(other), "%s/other", dir);
	(void)snprintf(control, sizeof(control), "%s/control", dir);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(a.sun_path, control, strlen(control) + 1);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(listener, 5), 0);
	allowed = listen_tcp(&allowed_port);
	forbidden = listen_tcp(&forbidden_port);
}

static void teardown(void)
{
	(void)close(listener);
	(void)close(allowed);
	(void)close(forbidden);
	temp_remove(dir);
}

static int connect_tcp(uint16_t port)
{
	const struct sockaddr_in a = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				       .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	r = connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 ? -errno : 0;
	(void)close(fd);
	return r;
}

/* What each tries that must not work: 0, or why it has worked after all. */

static int read_the_key(void)
{
	return open(key, O_RDONLY | O_CLOEXEC) >= 0;
}

static int read_its_own_memory(void)
{
	return open("/proc/self/mem", O_RDONLY | O_CLOEXEC) >= 0;
}

static int write_a_file(void)
{
	return open(other, O_RDWR | O_CREAT | O_CLOEXEC, 0600) >= 0;
}

static int list_the_state(void)
{
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0;
}

static int remove_the_key(void)
{
	return unlink(key) == 0;
}

static int rename_the_key(void)
{
	return rename(key, other) == 0;
}

static int open_its_mode(void)
{
	return chmod(key, 0666) == 0;
}

/* The path is not even looked at: there is no socket to do it with. */
static int connect_to_the_control_socket(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path, control, strlen(control) + 1);
	return fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
}

static int connect_to_another_port(void)
{
	return connect_tcp(forbidden_port) == 0;
}

static int talk_to_the_kernel(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0;
}

static int run_a_program(void)
{
	char *argv[] = { (char *)"true", NULL };
	pid_t pid;

	return posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) == 0;
}

static int fork_itself(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static int end_the_daemon(void)
{
	return kill(getppid(), 0) == 0;
}

static int trace_the_daemon(void)
{
	return ptrace(PTRACE_SEIZE, getppid(), 0, 0) == 0;
}

static int read_the_daemon(void)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { key, 1 };

	return process_vm_readv(getppid(), &here, 1, &there, 1, 0) == 1;
}

static int tcp(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int bind_a_port(void)
{
	const struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	return bind(tcp(), (const struct sockaddr *)&a, sizeof(a)) == 0;
}

static int listen_at_any_port(void)
{
	return listen(tcp(), 1) == 0;
}

static int accept_a_connection(void)
{
	return connect_tcp(allowed_port) == 0 && accept4(allowed, NULL, NULL, SOCK_CLOEXEC) >= 0;
}

static int send_datagrams(void)
{
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0;
}

/* Each end sends to any path. */
static int send_local_datagrams(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) == 0;
}

/* Whether the kernel has that or not. */
static int was_tried(long r)
{
	return r >= 0 || errno != EACCES;
}

static int connect_by_a_cousin_of_tcp(void)
{
	return was_tried(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 262 /* IPPROTO_MPTCP */));
}

static int connect_by_sending(void)
{
	const struct sockaddr_in a = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				       .sin_port = htons(forbidden_port) };

	return was_tried(sendto(tcp(), "x", 1, MSG_FASTOPEN, (const struct sockaddr *)&a, sizeof(a)));
}

static int connect_by_sending_a_message(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons(forbidden_port) };
	const struct msghdr message = { .msg_name = &a, .msg_namelen = sizeof(a) };

	return was_tried(sendmsg(tcp(), &message, MSG_FASTOPEN));
}

static int have_the_daemon_signalled(void)
{
	return fcntl(tcp(), F_SETOWN, getppid()) == 0;
}

static int have_the_daemon_signalled_otherwise(void)
{
	pid_t parent = getppid();

	return was_tried(ioctl(tcp(), FIOSETOWN, &parent));
}

static int limit_the_daemon(void)
{
	struct rlimit core;

	return getrlimit(RLIMIT_CORE, &core) == 0 && prlimit(getppid(), RLIMIT_CORE, &core, NULL) == 0;
}

static int move_the_daemon(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 && sched_setaffinity(getppid(), sizeof(set), &set) == 0;
}

static int slow_the_daemon_down(void)
{
	return setpriority(PRIO_PROCESS, (id_t)getppid(), getpriority(PRIO_PROCESS, (id_t)getppid())) == 0;
}

static int advise_the_daemon(void)
{
	return was_tried(syscall(440 /* process_madvise */, -1, NULL, 0, 0, 0));
}

/* landlock: since which version of it that layer alone forbids it; 0: it never does. */
static const struct {
	const char *name;
	int (*fn)(void);
	bool seccomp;
	int landlock;
} attempts[] = {
	{ "read the key", read_the_key, true, 1 },
	{ "read its own memory", read_its_own_memory, true, 1 },
	{ "write a file", write_a_file, true, 1 },
	{ "list the state", list_the_state, true, 1 },
	{ "remove the key", remove_the_key, true, 1 },
	{ "rename the key", rename_the_key, true, 1 },
	{ "change the key's mode", open_its_mode, true, 0 },
	{ "connect to the control socket", connect_to_the_control_socket, true, 0 },
	{ "connect to another port", connect_to_another_port, false, 4 },
	{ "talk to the kernel", talk_to_the_kernel, true, 0 },
	{ "bind a port", bind_a_port, true, 4 },
	{ "listen at any port", listen_at_any_port, true, 0 },
	{ "accept a connection", accept_a_connection, true, 0 },
	{ "send datagrams", send_datagrams, true, 0 },
	{ "send local datagrams", send_local_datagrams, true, 0 },
	{ "connect by a cousin of TCP", connect_by_a_cousin_of_tcp, true, 0 },
	{ "connect by sending", connect_by_sending, true, 0 },
	{ "connect by sending a message", connect_by_sending_a_message, true, 0 },
	{ "have the daemon signalled", have_the_daemon_signalled, true, 0 },
	{ "have the daemon signalled otherwise", have_the_daemon_signalled_otherwise, true, 0 },
	{ "limit the daemon", limit_the_daemon, true, 0 },
	{ "move the daemon", move_the_daemon, true, 0 },
	{ "slow the daemon down", slow_the_daemon_down, true, 0 },
	{ "advise the daemon", advise_the_daemon, true, 0 },
	{ "run a program", run_a_program, true, 1 },
	{ "fork", fork_itself, true, 0 },
	{ "end the daemon", end_the_daemon, true, 6 },
	{ "trace the daemon", trace_the_daemon, true, 1 },
	{ "read the daemon's memory", read_the_daemon, true, 1 },
};

/* The same number everywhere; below 1: there is none. */
static int landlock_version(void)
{
	return (int)syscall(444 /* landlock_create_ruleset */, NULL, 0, 1);
}

static unsigned layers_of_the_kernel(void)
{
	return (kernel_has_seccomp() ? (unsigned)CONFINE_SECCOMP : 0) |
	       (landlock_version() > 0 ? (unsigned)CONFINE_LANDLOCK : 0);
}

static int in_child(int (*fn)(void), unsigned layers)
{
	unsigned there = layers & layers_of_the_kernel();
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (layers && confine(layers, allowed_port) != there)
			_exit(98);
		_exit(fn());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void assert_cannot(int i, unsigned layers)
{
	ck_assert_msg(in_child(attempts[i].fn, layers) == 0, "it could %s", attempts[i].name);
}

START_TEST(cannot_by_seccomp)
{
	if (kernel_has_seccomp() && attempts[_i].seccomp)
		assert_cannot(_i, CONFINE_SECCOMP);
}
END_TEST

START_TEST(cannot_by_landlock)
{
	if (attempts[_i].landlock && attempts[_i].landlock <= landlock_version())
		assert_cannot(_i, CONFINE_LANDLOCK);
}
END_TEST

/* They do not hinder each other. */
START_TEST(cannot)
{
	if (kernel_has_seccomp() && (attempts[_i].seccomp || attempts[_i].landlock <= landlock_version()))
		assert_cannot(_i, CONFINE_ALL);
}
END_TEST

/* The attempts would work, but for that. Who may trace its parent is for others to say, too (Yama, an emulator). */
START_TEST(could)
{
	if (attempts[_i].fn != trace_the_daemon && attempts[_i].fn != read_the_daemon)
		ck_assert_int_eq(in_child(attempts[_i].fn, 0), 1);
}
END_TEST

static int what_it_needs(void)
{
	int pair[2];

	confine_limits();
	return connect_tcp(allowed_port) != 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 ||
	       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0;
}

/* What the rest does not rely on. */
static int stay_small(void)
{
	int fd = open(key, O_WRONLY | O_APPEND | O_CLOEXEC), last = -1;
	struct rlimit core;

	confine_limits();
	(void)signal(SIGXFSZ, SIG_IGN);
	if (fd < 0 || write(fd, "x", 1) >= 0 || errno != EFBIG)
		return 1;
	if (getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_max != 0)
		return 2;
	for (unsigned i = 0; i < 100; i++)
		last = dup(fd);
	return last < 0 && errno == EMFILE ? 0 : 3;
}

START_TEST(limits)
{
	ck_assert_int_eq(in_child(stay_small, 0), 0);
}
END_TEST

START_TEST(can)
{
	ck_assert_int_eq(in_child(what_it_needs, CONFINE_ALL), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("confine");
	TCase *tc = tcase_create("confine");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, cannot_by_seccomp, 0, ELEMENTS(attempts));
	tcase_add_loop_test(tc, cannot_by_landlock, 0, ELEMENTS(attempts));
	tcase_add_loop_test(tc, cannot, 0, ELEMENTS(attempts));
	tcase_add_loop_test(tc, could, 0, ELEMENTS(attempts));
	tcase_add_test(tc, limits);
	tcase_add_test(tc, can);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
