#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A probe with real sockets and real TLS, and a server for it. Only the name server is a stand-in, and time stands
 * still: every step takes 0 ms. */

#include "cloud/broker.h"
#include "cloud/probe.h"
#include "fake/parties.h"
#include "fake/rig.h"

#include <stdbool.h>

#define TRIAL_WHOLE 24000 /* ms for the probe */
#define TRIAL_STAGE 10000 /* for one stage */

struct trial {
	const struct trial *self; /* as callbacks should have it */
	struct rig rig;
	struct parties parties;
	struct probe *probe;
	struct probe_report report; /* the last of them */
	unsigned reports;
	bool keep_it; /* whoever is told does not free the probe */
	unsigned descriptors_before;

	/* What the peer is like. */
	struct {
		struct pki *shown;
		const struct pki *intermediate;
		int version;
		bool no_tickets;
		int ready[2]; /* a pipe: a byte when the handshake is complete */
	} peer;
	struct broker server;
};

void trial_make(struct trial *t);
void trial_done(struct trial *t);

/* For peer_start(), with the trial: one connection, until it ends. */
void trial_serve(int fd, void *userdata);

/* A probe of this endpoint, before its first turn; with it; and with this port up to its report, every name having the
 * address 127.0.0.1. */
void trial_begin(struct trial *t, const struct endpoint *endpoint);
void trial_start(struct trial *t, const char *format, ...) _printf_(2, 3);
void trial_run(struct trial *t, const char *host, int port);

void trial_wait_for_report(struct trial *t);

/* What can be done at once is done; nobody turns the loop for nothing. */
void trial_idle(struct trial *t);

/* TCP is up with somebody who then says nothing; the server is through with us and says nothing. */
void trial_wait_for_tcp(struct trial *t);
void trial_wait_for_server(struct trial *t);

void trial_assert_closed(const struct trial *t);
void trial_assert_lines(const struct trial *t, const char *format, ...) _printf_(2, 3);
void trial_assert_failed(const struct trial *t, enum fault_hint hint, const char *detail);

/* "2026-11-23 2037-11-05" of a certificate; lives until the next but one call. */
const char *trial_dates(const struct pki *p);
