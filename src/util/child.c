/* SPDX-License-Identifier: Apache-2.0 */
#include "util/child.h"

#include "util/buf.h"
#include "util/log.h"
#include "util/timer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_READ 4096

struct child {
	sd_event_source *output_source;
	sd_event_source *exit_source;
	struct timer deadline;
	pid_t pid;  /* 0: reaped */
	int output; /* read end of its stdout; -1: at its end */
	struct buf buf;
	int result;
	child_fn fn;
	/* Of child_listen(). */
	child_message_fn message_fn; /* NULL: of child_start() */
	uint64_t silence_ms;
	uint8_t *message;
	size_t max, left; /* left: bytes of a message that was not taken */
	bool *freed;      /* by message_fn */
	void *userdata;
};

static void child_kill(struct child *c)
{
	if (c->pid > 0)
		(void)kill(c->pid, SIGKILL);
}

struct child *child_free(struct child *c)
{
	if (!c)
		return NULL;
	c->output_source = sd_event_source_disable_unref(c->output_source);
	c->exit_source = sd_event_source_disable_unref(c->exit_source);
	timer_done(&c->deadline);
	if (c->output >= 0)
		(void)close(c->output);
	if (c->pid > 0) {
		/* Returns at once: nothing survives SIGKILL, and a helper holds no device that could delay it. */
		child_kill(c);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (c->freed)
		*c->freed = true;
	buf_done(&c->buf);
	free(c->message);
	free(c);
	return NULL;
}

static void child_finish(struct child *c)
{
	struct buf output;

	if (c->pid > 0 || c->output >= 0)
		return;
	timer_disarm(&c->deadline);

	/* fn may free the child, not the bytes that it is just reading. */
	output = c->buf;
	buf_init(&c->buf, 0);
	c->fn(c->userdata, c->result, buf_head(&output), c->result ? 0 : buf_used(&output));
	buf_done(&output);
}

static void child_fail(struct child *c, int r)
{
	if (!c->result)
		c->result = r;
	child_kill(c);
}

static void child_hang_up(struct child *c)
{
	c->output_source = sd_event_source_disable_unref(c->output_source);
	(void)close(c->output);
	c->output = -1;
	child_finish(c);
}

static int on_output(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct child *c = userdata;
	uint8_t bytes[CHILD_READ];
	ssize_t n;
	int r;

	(void)source;
	(void)revents;
	n = read(fd, bytes, sizeof(bytes));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n > 0) {
		r = buf_append(&c->buf, bytes, (size_t)n);
		if (r == 0)
			return 0;
		child_fail(c, r == -ENOBUFS ? -EFBIG : r);
	} else if (n < 0) {
		child_fail(c, -errno);
	}
	child_hang_up(c);
	return 0;
}

/* False: it has to be kept, or there is no child any more. */
static bool child_offer(struct child *c, size_t n)
{
	bool freed = false, taken;

	/* cppcheck-suppress autoVariables ; forgotten when the function has returned */
	c->freed = &freed;
	taken = c->message_fn(c->userdata, c->message, n);
	if (freed)
		return false;
	c->freed = NULL;
	c->left = taken ? 0 : n;
	if (taken)
		timer_arm(&c->deadline, c->silence_ms);
	else
		timer_disarm(&c->deadline);
	(void)sd_event_source_set_enabled(c->output_source, taken ? SD_EVENT_ON : SD_EVENT_OFF);
	return taken;
}

static int on_message(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct child *c = userdata;
	ssize_t n;

	(void)source;
	(void)revents;
	n = recv(fd, c->message, c->max, MSG_TRUNC);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n > 0 && (size_t)n <= c->max) {
		(void)child_offer(c, (size_t)n);
		return 0;
	}
	if (n != 0)
		child_fail(c, n < 0 ? -errno : -EFBIG);
	child_hang_up(c);
	return 0;
}

void child_go_on(struct child *c)
{
	if (c->left > 0)
		(void)child_offer(c, c->left);
}

static int on_exit_status(sd_event_source *source, const siginfo_t *info, void *userdata)
{
	struct child *c = userdata;

	(void)source;
	c->pid = 0; /* reaped by the loop */
	c->exit_source = sd_event_source_disable_unref(c->exit_source);
	if (!c->result)
		c->result = info->si_code == CLD_EXITED ? info->si_status : -EIO;
	child_finish(c);
	return 0;
}

static void on_deadline(void *userdata)
{
	struct child *c = userdata;

	child_fail(c, -ETIME);
}

/* Installed: in libexec. In the build tree: beside the daemon. */
static int child_path(const char *name, char *path, size_t size)
{
	char self[PATH_MAX];
	const char *dir = LIBEXECDIR;
	ssize_t n;
	char *slash;

	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash)
			*slash = '\0';
		if (strcmp(self, SBINDIR) != 0)
			dir = self;
	}
	n = snprintf(path, size, "%s/%s", dir, name);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int child_spawn(struct child *c, const char *name, int input, int output)
{
	char path[PATH_MAX];
	char *argv[] = { path, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t set;
	int r;

	r = child_path(name, path, sizeof(path));
	if (r < 0)
		return r;
	r = posix_spawn_file_actions_init(&actions);
	if (r)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return -r;
	}
	(void)sigemptyset(&set);
	(void)posix_spawnattr_setsigmask(&attributes, &set);
	(void)sigfillset(&set);
	(void)posix_spawnattr_setsigdefault(&attributes, &set);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

	r = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	/* Libraries open sockets without O_CLOEXEC, the connection to the cloud among them. */
	if (!r)
		r = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	if (!r)
		r = posix_spawn(&c->pid, path, &actions, &attributes, argv, environ);
	if (r)
		c->pid = 0;
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static int child_watch(struct child *c, sd_event *event, uint64_t timeout_ms)
{
	int r;

	r = timer_init(&c->deadline, event, on_deadline, c);
	if (r < 0)
		return r;
	r = sd_event_add_io(event, &c->output_source, c->output, EPOLLIN, c->message_fn ? on_message : on_output, c);
	if (r < 0)
		return r;
	r = sd_event_add_child(event, &c->exit_source, c->pid, WEXITED, on_exit_status, c);
	if (r < 0)
		return r;
	timer_arm(&c->deadline, timeout_ms);
	return 0;
}

/* Where there are no pidfds the loop watches children by this signal. */
static int block_sigchld(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static int child_run(struct child *c, sd_event *event, const char *name, const void *input, size_t n,
		     uint64_t timeout_ms)
{
	int in[2], out[2], r;

	if (n > PIPE_BUF)
		return -EMSGSIZE;
	r = block_sigchld();
	if (r < 0)
		return r;
	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	r = c->message_fn ? socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, out) : pipe2(out, O_CLOEXEC);
	if (r < 0) {
		r = -errno;
		(void)close(in[0]);
		(void)close(in[1]);
		return r;
	}
	c->output = out[0];
	(void)fcntl(out[0], F_SETFL, O_NONBLOCK);

	/* A pipe takes this much without a reader. */
	r = n > 0 && write(in[1], input, n) != (ssize_t)n ? -EIO : child_spawn(c, name, in[0], out[1]);
	(void)close(in[0]);
	(void)close(in[1]);
	(void)close(out[1]);
	return r < 0 ? r : child_watch(c, event, timeout_ms);
}

static struct child *child_new(size_t max_output, child_fn fn, void *userdata)
{
	struct child *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->output = -1;
	c->fn = fn;
	c->userdata = userdata;
	buf_init(&c->buf, max_output);
	return c;
}

int child_start(struct child **ret, sd_event *event, const char *name, const void *input, size_t n, size_t max_output,
		uint64_t timeout_ms, child_fn fn, void *userdata)
{
	_cleanup_(child_freep) struct child *c = child_new(max_output, fn, userdata);
	int r;

	if (!c)
		return -ENOMEM;
	r = child_run(c, event, name, input, n, timeout_ms);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

int child_listen(struct child **ret, sd_event *event, const char *name, const void *input, size_t n, size_t max,
		 uint64_t silence_ms, child_message_fn message, child_fn fn, void *userdata)
{
	_cleanup_(child_freep) struct child *c = child_new(0, fn, userdata);
	int r;

	if (!c)
		return -ENOMEM;
	c->message_fn = message;
	c->silence_ms = silence_ms;
	c->max = max;
	c->message = malloc(max);
	if (!c->message)
		return -ENOMEM;
	r = child_run(c, event, name, input, n, silence_ms);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}
