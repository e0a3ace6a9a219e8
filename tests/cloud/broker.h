#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A real mosquitto with mutual TLS on a free port of the loopback, and peers that are worse. */

#include <openssl/ssl.h>
#include <stdbool.h>
#include <sys/types.h>

struct pki;

struct broker {
	pid_t pid;
	int port;
	int log; /* what it writes to stderr, everything; -1: a peer has none */
};

struct broker_options {
	const char *dir; /* for its configuration */
	const struct pki *shown;
	const char *trusted; /* PEM: whose clients are welcome */
	bool refuse_login;
};

/* Returns when it listens. */
void broker_start(struct broker *b, const struct broker_options *options);

/* SIGKILL, and gone. Does nothing without one. */
void broker_kill(struct broker *b);

/* Waits for a line of the log that holds this text. */
void broker_await(struct broker *b, const char *text);

/* A peer that takes one TCP connection and then runs fn with it, in a process of its own. */
void peer_start(struct broker *b, void (*fn)(int fd, void *userdata), void *userdata);

/* The same at a port of port_full(), which is taken: SYN is answered now, when it comes again. */
void peer_start_late(struct broker *b, int listener, void (*fn)(int fd, void *userdata), void *userdata);

/* A port on which nobody listens; one that takes connections and says nothing; one that does not even answer SYN. The
 * caller closes *ret_fd. */
int port_refusing(int *ret_fd);
int port_silent(int *ret_fd);
int port_full(int *ret_fd);

/* For fn: the TLS side of a server that trusts these clients; NULL if the handshake fails. */
SSL *peer_accept(int fd, const struct pki *shown, const struct pki *trusted);
