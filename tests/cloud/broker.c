/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/broker.h"

#include "fake/listener.h"
#include "fake/pki.h"
#include "fake/temp.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE 1024

/* Bound, so that nobody else gets it, but not listening: the broker may bind it too, thanks to SO_REUSEADDR. */
static int reserve(int *ret_fd)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*ret_fd = fd;
	return ntohs(address.sin_port);
}

int port_refusing(int *ret_fd)
{
	return reserve(ret_fd);
}

int port_silent(int *ret_fd)
{
	int port = reserve(ret_fd);

	ck_assert_int_eq(listen(*ret_fd, 8), 0);
	return port;
}

int port_full(int *ret_fd)
{
	int port = reserve(ret_fd);

	listener_fill(*ret_fd);
	return port;
}

static void write_files(const struct broker_options *o, int port)
{
	char text[4096];
	int n;

	temp_text(o->dir, "broker-ca.crt", o->trusted);
	temp_text(o->dir, "broker.crt", o->shown->pem);
	temp_text(o->dir, "broker.key", o->shown->key_pem);
	n = snprintf(text, sizeof(text),
		     "%slistener %d 127.0.0.1\ncafile %s\ncertfile %s\nkeyfile %s\nrequire_certificate true\n"
		     "allow_anonymous %s\nlog_dest stderr\nlog_type all\nlog_timestamp false\npersistence false\n"
		     "message_size_limit 0\nmax_queued_messages 0\nmax_inflight_messages 0\n",
		     geteuid() == 0 ? "user root\n" : "", port, temp_path(o->dir, "broker-ca.crt"),
		     temp_path(o->dir, "broker.crt"), temp_path(o->dir, "broker.key"),
		     o->refuse_login ? "false" : "true");
	ck_assert_int_lt(n, (int)sizeof(text));
	temp_text(o->dir, "broker.conf", text);
}

static void run_mosquitto(const char *config, int log)
{
	char *argv[] = { (char[]){ "mosquitto" }, (char[]){ "-c" }, (char *)(uintptr_t)config, NULL };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)dup2(log, STDERR_FILENO);
	(void)setenv("PATH", "/usr/sbin:/usr/local/sbin:/usr/bin:/bin", 1);
	(void)execvp("mosquitto", argv);
	_exit(127);
}

void broker_await(struct broker *b, const char *text)
{
	char line[LINE];
	size_t n = 0;
	char c;

	while (read(b->log, &c, 1) == 1) {
		if (c == '\n') {
			line[n] = '\0';
			n = 0;
			if (strstr(line, text))
				return;
		} else if (n < sizeof(line) - 1) {
			line[n++] = c;
		}
	}
	ck_abort_msg("the broker has ended without: %s", text);
}

void broker_start(struct broker *b, const struct broker_options *options)
{
	int ends[2], reserved;

	b->port = reserve(&reserved);
	write_files(options, b->port);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	(void)fcntl(ends[0], F_SETPIPE_SZ, 1 << 20); /* nobody reads most of it */
	b->pid = fork();
	ck_assert_int_ge(b->pid, 0);
	if (b->pid == 0)
		run_mosquitto(temp_path(options->dir, "broker.conf"), ends[1]);
	(void)close(ends[1]);
	b->log = ends[0];
	broker_await(b, " running");
	(void)close(reserved);
}

void broker_kill(struct broker *b)
{
	if (b->pid <= 0)
		return;
	ck_assert_int_eq(kill(b->pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(b->pid, NULL, 0), b->pid);
	if (b->log >= 0)
		(void)close(b->log);
	*b = (struct broker){ .log = -1 };
}

/* Takes listener. */
static void peer_run(struct broker *b, int listener, void (*fn)(int fd, void *userdata), void *userdata)
{
	int fd;

	*b = (struct broker){ .log = -1, .pid = fork() };
	ck_assert_int_ge(b->pid, 0);
	if (b->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)signal(SIGPIPE, SIG_IGN);
		fd = accept(listener, NULL, NULL);
		if (fd >= 0)
			fn(fd, userdata);
		_exit(0);
	}
	(void)close(listener);
}

void peer_start(struct broker *b, void (*fn)(int fd, void *userdata), void *userdata)
{
	int listener, port = port_silent(&listener);

	peer_run(b, listener, fn, userdata);
	b->port = port;
}

void peer_start_late(struct broker *b, int listener, void (*fn)(int fd, void *userdata), void *userdata)
{
	listener_clear(listener);
	peer_run(b, listener, fn, userdata);
}

SSL *peer_accept(int fd, const struct pki *shown, const struct pki *trusted)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	SSL *ssl;

	if (!ctx || SSL_CTX_use_certificate(ctx, shown->cert) != 1 || SSL_CTX_use_PrivateKey(ctx, shown->key) != 1)
		return NULL;
	(void)X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), trusted->cert);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	ssl = SSL_new(ctx);
	if (!ssl || SSL_set_fd(ssl, fd) != 1 || SSL_accept(ssl) != 1)
		return NULL;
	return ssl;
}
