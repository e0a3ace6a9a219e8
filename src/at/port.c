/* SPDX-License-Identifier: Apache-2.0 */
#include "at/port.h"

#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/serial.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

struct port {
	char *path;    /* of the tty, or of the symlink to the pty's slave */
	char *lock;    /* of the lock file beside the symlink */
	char *runtime; /* made if it is missing, NULL if it isn't needed */
	bool pty;
	char slave_name[64]; /* what the symlink points to, once it is made */
	int fd;
	int slave_fd; /* kept open: a host that closes the pty is no hangup, and settings stay */
	int lock_fd;
};

static int close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/* Raw 8N1 at 115200, no flow control, no echo (guide 3.1.1). A break is no byte; a byte with a framing error is what
 * was read of it: without a parity nobody knows better, and it must not shift what follows. */
static int set_line(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t) < 0)
		return -errno;
	cfmakeraw(&t);
	t.c_iflag &= ~(tcflag_t)(IXOFF | IXANY | INPCK | IGNPAR);
	t.c_iflag |= IGNBRK;
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

static int open_device(struct port *p)
{
	int fd, r;

	fd = open(p->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
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
	p->fd = fd;
	return 0;
}

/*
 * A pty behind a symlink. The lock is beside the link and not on the slave, which belongs to the host: its serial
 * library may want to lock it as well.
 */

static int lock_link(struct port *p)
{
	struct stat held, named;
	int fd;

	for (;;) {
		fd = open(p->lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			(void)close(fd);
			return -EBUSY;
		}
		/* Its last owner may have removed the file between our two steps. */
		if (fstat(fd, &held) == 0 && stat(p->lock, &named) == 0 && held.st_ino == named.st_ino &&
		    held.st_dev == named.st_dev)
			break;
		(void)close(fd);
	}
	p->lock_fd = fd;
	return 0;
}

static int make_link(struct port *p)
{
	char temp[PATH_MAX];
	struct stat st;

	if (lstat(p->path, &st) == 0 && !S_ISLNK(st.st_mode))
		return -EEXIST;
	if (snprintf(temp, sizeof(temp), "%s.new", p->path) >= (int)sizeof(temp))
		return -ENAMETOOLONG;
	(void)unlink(temp);
	if (symlink(p->slave_name, temp) < 0 || rename(temp, p->path) < 0) {
		int r = -errno;

		(void)unlink(temp);
		p->slave_name[0] = '\0';
		return r;
	}
	return 0;
}

static int open_pty(struct port *p)
{
	int r;

	r = p->runtime ? file_make_dir(p->runtime, 0755) : 0;
	if (r == 0)
		r = lock_link(p);
	if (r < 0)
		return r;
	p->fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (p->fd < 0 || grantpt(p->fd) < 0 || unlockpt(p->fd) < 0)
		return -errno;
	r = ptsname_r(p->fd, p->slave_name, sizeof(p->slave_name));
	if (r != 0)
		return -r;
	p->slave_fd = open(p->slave_name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	/* For hosts of our group; what devpts gave it is the group of terminals. */
	if (p->slave_fd < 0 || fchown(p->slave_fd, (uid_t)-1, getegid()) < 0 || fchmod(p->slave_fd, 0660) < 0)
		return -errno;
	r = set_line(p->slave_fd);
	return r < 0 ? r : make_link(p);
}

static void drop_pty(struct port *p)
{
	char target[sizeof(p->slave_name)];
	ssize_t n;

	if (p->lock_fd < 0)
		return;
	n = readlink(p->path, target, sizeof(target) - 1);
	if (n > 0 && (size_t)n == strlen(p->slave_name) && memcmp(target, p->slave_name, (size_t)n) == 0)
		(void)unlink(p->path);
	(void)unlink(p->lock);
	p->lock_fd = close_fd(p->lock_fd);
}

/*
 * Both.
 */

int port_open(struct port *p)
{
	int r;

	r = p->pty ? open_pty(p) : open_device(p);
	if (r < 0)
		port_close(p);
	return r;
}

void port_close(struct port *p)
{
	/* It would last as long as anybody has the tty open, and keep us out as well. */
	if (p->fd >= 0 && !p->pty)
		(void)ioctl(p->fd, TIOCNXCL);
	p->fd = close_fd(p->fd);
	drop_pty(p);
	p->slave_fd = close_fd(p->slave_fd);
}

int port_fd(const struct port *p)
{
	return p->fd;
}

bool port_is_pty(const struct port *p)
{
	return p->pty;
}

const char *port_path(const struct port *p)
{
	return p->path;
}

const char *port_slave(const struct port *p)
{
	return p->slave_name;
}

void port_discard(struct port *p)
{
	if (p->fd >= 0)
		(void)tcflush(p->fd, TCIOFLUSH);
}

void port_discard_input(struct port *p)
{
	if (p->fd >= 0)
		(void)tcflush(p->fd, TCIFLUSH);
}

bool port_sent(const struct port *p)
{
	unsigned status = TIOCSER_TEMT;
	int n = 0;

	if (p->fd < 0)
		return true;
	if (ioctl(p->fd, TIOCOUTQ, &n) == 0 && n > 0)
		return false;
	/* The last bytes stand in the UART itself; not every driver tells. */
	if (ioctl(p->fd, TIOCSERGETLSR, &status) < 0)
		return true;
	return status & TIOCSER_TEMT;
}

static char *join(const char *a, const char *b, const char *c)
{
	char *text;

	return asprintf(&text, "%s%s%s", a, b, c) < 0 ? NULL : text;
}

static int set_paths(struct port *p, const char *device, const char *runtime_dir)
{
	static const char prefix[] = "pty:";
	const char *path = device;

	p->pty = strncmp(device, prefix, sizeof(prefix) - 1) == 0;
	if (p->pty)
		path += sizeof(prefix) - 1;
	if (p->pty && path[0] != '/') {
		p->runtime = strdup(runtime_dir);
		p->path = join(runtime_dir, "/", path);
		if (!p->runtime)
			return -ENOMEM;
	} else {
		p->path = strdup(path);
	}
	p->lock = p->path ? join(p->path, ".lock", "") : NULL;
	return p->lock ? 0 : -ENOMEM;
}

int port_new(struct port **ret, const char *device, const char *runtime_dir)
{
	_cleanup_(port_freep) struct port *p = NULL;
	int r;

	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->fd = p->slave_fd = p->lock_fd = -1;
	r = set_paths(p, device, runtime_dir);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

struct port *port_free(struct port *p)
{
	if (!p)
		return NULL;
	port_close(p);
	free(p->runtime);
	free(p->lock);
	free(p->path);
	free(p);
	return NULL;
}
