/* SPDX-License-Identifier: Apache-2.0 */
#include "at/tty.h"

#include "at/reply.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/log.h"
#include "util/timer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define READ_SIZE 4096 /* what a tty gives at most */
#define REOPEN_MS 1000
#define SENT_MS   1 /* how often the UART is asked whether it is empty */

struct tty {
	sd_event *event;
	struct tty_events events;
	char *path;    /* of the tty, or of the symlink to the pty's slave */
	char *lock;    /* of the lock file beside the symlink */
	char *runtime; /* made if it is missing, NULL if it isn't needed */
	bool pty;
	char slave_name[64]; /* what the symlink points to, once it is made */
	int fd;
	int slave_fd; /* kept open: a host that closes the pty is no hangup, and settings stay */
	int lock_fd;
	bool lost;
	bool paused;
	bool want_sent;
	sd_event_source *io;
	uint32_t io_events;
	struct buf out;
	struct timer reopen;
	struct timer sent;
	uint8_t in[READ_SIZE];
};

static int close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/* Raw 8N1 at 115200, no flow control, no echo (guide 3.1.1). */
static int set_line(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t) < 0)
		return -errno;
	cfmakeraw(&t);
	t.c_iflag &= ~(tcflag_t)(IXOFF | IXANY | INPCK);
	t.c_cflag &= ~(tcflag_t)(CSTOPB | CRTSCTS | HUPCL);
	t.c_cflag |= CLOCAL | CREAD;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	if (cfsetspeed(&t, B115200) < 0 || tcsetattr(fd, TCSANOW, &t) < 0)
		return -errno;
	return 0;
}

/*
 * A tty.
 */

static int open_device(struct tty *t)
{
	int fd, r;

	fd = open(t->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!isatty(fd))
		r = -ENOTTY;
	else if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = errno == EWOULDBLOCK ? -EBUSY : -errno;
	else
		r = set_line(fd);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	/* Keeps out those who don't know of flock(). Root is let through all the same. */
	(void)ioctl(fd, TIOCEXCL);
	(void)tcflush(fd, TCIOFLUSH);
	t->fd = fd;
	return 0;
}

/*
 * A pty behind a symlink. The lock is beside the link and not on the slave, which belongs to the host: its serial
 * library may want to lock it as well.
 */

static int lock_link(struct tty *t)
{
	struct stat held, named;
	int fd;

	for (;;) {
		fd = open(t->lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			(void)close(fd);
			return -EBUSY;
		}
		/* Its last owner may have removed the file between our two steps. */
		if (fstat(fd, &held) == 0 && stat(t->lock, &named) == 0 && held.st_ino == named.st_ino &&
		    held.st_dev == named.st_dev)
			break;
		(void)close(fd);
	}
	t->lock_fd = fd;
	return 0;
}

static int make_link(struct tty *t)
{
	char temp[PATH_MAX];
	struct stat st;

	if (lstat(t->path, &st) == 0 && !S_ISLNK(st.st_mode))
		return -EEXIST;
	if (snprintf(temp, sizeof(temp), "%s.new", t->path) >= (int)sizeof(temp))
		return -ENAMETOOLONG;
	(void)unlink(temp);
	if (symlink(t->slave_name, temp) < 0 || rename(temp, t->path) < 0) {
		int r = -errno;

		(void)unlink(temp);
		t->slave_name[0] = '\0';
		return r;
	}
	return 0;
}

static int open_pty(struct tty *t)
{
	int r;

	r = t->runtime ? file_make_dir(t->runtime, 0755) : 0;
	if (r == 0)
		r = lock_link(t);
	if (r < 0)
		return r;
	t->fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0 || grantpt(t->fd) < 0 || unlockpt(t->fd) < 0)
		return -errno;
	r = ptsname_r(t->fd, t->slave_name, sizeof(t->slave_name));
	if (r != 0)
		return -r;
	t->slave_fd = open(t->slave_name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	/* For hosts of our group; what devpts gave it is the group of terminals. */
	if (t->slave_fd < 0 || fchown(t->slave_fd, (uid_t)-1, getegid()) < 0 || fchmod(t->slave_fd, 0660) < 0)
		return -errno;
	r = set_line(t->slave_fd);
	return r < 0 ? r : make_link(t);
}

static void drop_pty(struct tty *t)
{
	char target[sizeof(t->slave_name)];
	ssize_t n;

	if (t->lock_fd < 0)
		return;
	n = readlink(t->path, target, sizeof(target) - 1);
	if (n > 0 && (size_t)n == strlen(t->slave_name) && memcmp(target, t->slave_name, (size_t)n) == 0)
		(void)unlink(t->path);
	(void)unlink(t->lock);
	t->lock_fd = close_fd(t->lock_fd);
}

/*
 * The loop.
 */

static void set_events(struct tty *t)
{
	uint32_t events = (t->paused ? 0 : (uint32_t)EPOLLIN) | (buf_used(&t->out) > 0 ? (uint32_t)EPOLLOUT : 0);
	int r;

	if (!t->io || events == t->io_events)
		return;
	r = sd_event_source_set_io_events(t->io, events);
	if (r < 0)
		(void)log_errno(r, "%s", t->path);
	else
		t->io_events = events;
}

static void close_line(struct tty *t)
{
	t->io = sd_event_source_disable_unref(t->io);
	t->fd = close_fd(t->fd);
	buf_clear(&t->out);
}

static void line_lost(struct tty *t, const char *why)
{
	log_warning("%s is gone (%s), waiting for its return", t->path, why);
	t->lost = true;
	close_line(t);
	timer_arm(&t->reopen, REOPEN_MS);
}

static void read_some(struct tty *t)
{
	ssize_t n = read(t->fd, t->in, sizeof(t->in));

	if (n > 0)
		t->events.on_bytes(t->events.userdata, t->in, (size_t)n);
	else if (n == 0)
		line_lost(t, "hangup");
	else if (errno != EAGAIN && errno != EINTR)
		line_lost(t, strerror(errno));
}

void tty_flush(struct tty *t)
{
	size_t n = buf_used(&t->out);
	ssize_t k;

	if (n == 0)
		return;
	if (t->fd < 0) {
		buf_clear(&t->out);
		return;
	}
	k = write(t->fd, buf_head(&t->out), n);
	if (k > 0)
		buf_consume(&t->out, (size_t)k);
	else if (k < 0 && errno != EAGAIN && errno != EINTR)
		buf_clear(&t->out); /* reading will find out what is wrong */
	set_events(t);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct tty *t = userdata;

	(void)source;
	(void)fd;
	if (revents & EPOLLOUT) {
		tty_flush(t);
		if (buf_used(&t->out) == 0)
			t->events.on_room(t->events.userdata);
	}
	/* A hangup is told by read(), even while reading is paused. */
	if (t->fd >= 0 && (revents & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		read_some(t);
	return 0;
}

static int open_line(struct tty *t)
{
	int r;

	r = t->pty ? open_pty(t) : open_device(t);
	if (r < 0)
		return r;
	r = sd_event_add_io(t->event, &t->io, t->fd, EPOLLIN, on_io, t);
	if (r < 0)
		return r;
	t->io_events = EPOLLIN;
	set_events(t);
	return 0;
}

static void on_reopen(void *userdata)
{
	struct tty *t = userdata;

	if (open_line(t) < 0) {
		close_line(t);
		timer_arm(&t->reopen, REOPEN_MS);
		return;
	}
	t->lost = false;
	log_notice("%s is back", t->path);
}

/* Not tcdrain(), which would stop the loop. */
static bool all_sent(struct tty *t)
{
	unsigned status = TIOCSER_TEMT;
	int n = 0;

	if (t->fd < 0)
		return true;
	if (buf_used(&t->out) > 0 || (ioctl(t->fd, TIOCOUTQ, &n) == 0 && n > 0))
		return false;
	/* The last bytes stand in the UART itself; not every driver tells. */
	if (ioctl(t->fd, TIOCSERGETLSR, &status) < 0)
		return true;
	return status & TIOCSER_TEMT;
}

static void on_poll_sent(void *userdata)
{
	struct tty *t = userdata;

	if (!t->want_sent)
		return;
	if (!all_sent(t)) {
		timer_arm(&t->sent, SENT_MS);
		return;
	}
	t->want_sent = false;
	t->events.on_sent(t->events.userdata);
}

void tty_when_sent(struct tty *t)
{
	t->want_sent = true;
	timer_arm(&t->sent, SENT_MS);
}

struct buf *tty_out(struct tty *t)
{
	return &t->out;
}

bool tty_busy(const struct tty *t)
{
	return buf_used(&t->out) > TTY_BUSY;
}

void tty_discard(struct tty *t)
{
	buf_clear(&t->out);
	if (t->fd >= 0)
		(void)tcflush(t->fd, TCOFLUSH);
	t->want_sent = false;
	timer_disarm(&t->sent);
	set_events(t);
}

void tty_pause(struct tty *t, bool paused)
{
	if (t->paused == paused)
		return;
	t->paused = paused;
	set_events(t);
}

/*
 * Life.
 */

static char *join(const char *a, const char *b, const char *c)
{
	char *text;

	return asprintf(&text, "%s%s%s", a, b, c) < 0 ? NULL : text;
}

static int set_paths(struct tty *t, const char *device, const char *runtime_dir)
{
	static const char prefix[] = "pty:";
	const char *path = device;

	t->pty = strncmp(device, prefix, sizeof(prefix) - 1) == 0;
	if (t->pty)
		path += sizeof(prefix) - 1;
	if (t->pty && path[0] != '/') {
		t->runtime = strdup(runtime_dir);
		t->path = join(runtime_dir, "/", path);
		if (!t->runtime)
			return -ENOMEM;
	} else {
		t->path = strdup(path);
	}
	t->lock = t->path ? join(t->path, ".lock", "") : NULL;
	return t->lock ? 0 : -ENOMEM;
}

int tty_new(struct tty **ret, sd_event *event, const char *device, const char *runtime_dir,
	    const struct tty_events *events)
{
	_cleanup_(tty_freep) struct tty *t = NULL;
	int r;

	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->fd = t->slave_fd = t->lock_fd = -1;
	t->event = sd_event_ref(event);
	t->events = *events;
	buf_init(&t->out, TTY_BUSY + 2 * REPLY_MAX + 64);
	r = set_paths(t, device, runtime_dir);
	if (r < 0)
		return r;
	r = timer_init(&t->reopen, event, on_reopen, t);
	if (r < 0)
		return r;
	r = timer_init(&t->sent, event, on_poll_sent, t);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(t);
	return 0;
}

struct tty *tty_free(struct tty *t)
{
	if (!t)
		return NULL;
	close_line(t);
	drop_pty(t);
	t->slave_fd = close_fd(t->slave_fd);
	timer_done(&t->sent);
	timer_done(&t->reopen);
	buf_done(&t->out);
	sd_event_unref(t->event);
	free(t->runtime);
	free(t->lock);
	free(t->path);
	free(t);
	return NULL;
}

int tty_start(struct tty *t)
{
	int r;

	r = open_line(t);
	if (r == -EBUSY)
		log_error("%s is in use by another program", t->path);
	else if (r == -EEXIST)
		log_error("%s exists and is no symlink: not replaced by a pty", t->path);
	else if (r < 0)
		(void)log_errno(r, "Can't open %s", t->path);
	else
		log_info("Serving %s%s%s", t->path, t->pty ? " -> " : "", t->slave_name);
	return r;
}
