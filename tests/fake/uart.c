/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/uart.h"

#include "util/log.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static void on_bytes(void *userdata, const void *data, size_t n)
{
	struct uart *u = userdata;

	ck_assert_ptr_eq(u->self, u);
	ck_assert_int_eq(buf_append(&u->got, data, n), 0);
}

static void on_gap(void *userdata)
{
	struct uart *u = userdata;

	ck_assert_ptr_eq(u->self, u);
	u->gaps++;
}

static void on_room(void *userdata)
{
	struct uart *u = userdata;

	ck_assert_ptr_eq(u->self, u);
	ck_assert_uint_eq(buf_used(tty_out(u->tty)), 0);
	u->room++;
}

static void on_sent(void *userdata)
{
	struct uart *u = userdata;

	ck_assert_ptr_eq(u->self, u);
	u->sent++;
}

void uart_make(struct uart *u)
{
	char template[] = "/tmp/check_tty.XXXXXX";

	log_set_level(LOG_EMERG);
	*u = (struct uart){ .self = u };
	ck_assert_ptr_nonnull(mkdtemp(template));
	u->folder = strdup(template);
	ck_assert_int_ge(sd_event_new(&u->event), 0);
	buf_init(&u->got, 10000000);
}

void uart_done(struct uart *u)
{
	u->tty = tty_free(u->tty);
	buf_done(&u->got);
	u->event = sd_event_unref(u->event);
	/* Nothing of ours is left: the folder is empty. */
	if (rmdir(u->folder) < 0)
		ck_abort_msg("%s: %s", u->folder, strerror(errno));
	free(u->folder);
}

int uart_start(struct uart *u, struct tty **ret, const char *device, const char *runtime_dir)
{
	const struct tty_events events = {
		.on_bytes = on_bytes,
		.on_gap = on_gap,
		.on_room = on_room,
		.on_sent = on_sent,
		.userdata = u,
	};

	ck_assert_int_eq(tty_new(ret, u->event, device, runtime_dir, &events), 0);
	return tty_start(*ret);
}

const char *uart_path(struct uart *u, const char *name)
{
	(void)snprintf(u->path, sizeof(u->path), "%s/%s", u->folder, name);
	return u->path;
}

void uart_start_pty(struct uart *u)
{
	char device[300];

	(void)snprintf(device, sizeof(device), "pty:%s", uart_path(u, "port"));
	ck_assert_int_eq(uart_start(u, &u->tty, device, "/nowhere"), 0);
}

int uart_open_host(const struct uart *u)
{
	int fd = open(u->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

int uart_open_cable(struct uart *u, const char *name)
{
	int master, slave;
	char real[100];

	ck_assert_int_eq(openpty(&master, &slave, real, NULL, NULL), 0);
	(void)unlink(uart_path(u, name));
	ck_assert_int_eq(symlink(real, u->path), 0);
	(void)close(slave);
	ck_assert_int_eq(fcntl(master, F_SETFL, O_NONBLOCK), 0);
	return master;
}

void uart_turn(struct uart *u)
{
	ck_assert_int_ge(sd_event_run(u->event, 10000000), 0);
}

void uart_receive(struct uart *u, const char *text)
{
	while (buf_used(&u->got) < strlen(text))
		uart_turn(u);
	ck_assert_uint_eq(buf_used(&u->got), strlen(text));
	ck_assert_mem_eq(buf_head(&u->got), text, strlen(text));
	buf_clear(&u->got);
}

void uart_answer(struct uart *u, const char *text)
{
	ck_assert_int_eq(buf_append(tty_out(u->tty), text, strlen(text)), 0);
	tty_flush(u->tty);
}

void uart_write(int host, const char *text)
{
	ck_assert_int_eq(write(host, text, strlen(text)), (ssize_t)strlen(text));
}

void uart_expect(int host, const char *text)
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

void uart_expect_settings(int host)
{
	struct termios t;

	ck_assert_int_eq(tcgetattr(host, &t), 0);
	ck_assert_uint_eq(t.c_lflag & (ECHO | ICANON | ISIG | IEXTEN), 0);
	ck_assert_uint_eq(t.c_iflag & (IXON | IXOFF | IXANY | ICRNL | INLCR | IGNCR | ISTRIP), 0);
	ck_assert_uint_eq(t.c_oflag & OPOST, 0);
	ck_assert_uint_eq(t.c_cflag & CSIZE, CS8);
	ck_assert_uint_eq(t.c_cflag & (CSTOPB | PARENB | CRTSCTS | HUPCL), 0);
	ck_assert_uint_eq(t.c_cflag & (CLOCAL | CREAD), CLOCAL | CREAD);
	ck_assert_uint_eq(cfgetispeed(&t), B115200);
	ck_assert_uint_eq(cfgetospeed(&t), B115200);
}
