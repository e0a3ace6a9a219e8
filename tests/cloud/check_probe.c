/* SPDX-License-Identifier: Apache-2.0 */
/* Real sockets and real TLS; only the name server is a stand-in, and time stands still: every step takes 0 ms. */

#include "cloud/probe.h"

#include "cloud/broker.h"
#include "fake/pki.h"
#include "fake/resolve.h"
#include "fake/rig.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "fake/timer.h"
#include "util/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define WHOLE   24000
#define STAGE   10000
#define CONFIRM 1000
#define TURNS   50 /* of the loop, for one connection with TLS */

static struct rig rig;
static struct pki *root, *other_root, *vendor, *device;
static struct probe *probe;
static struct probe_report report;
static unsigned reports;
static bool keep_it; /* on_report() does not free it */

/* What the peer is like. */
static struct {
	struct pki *shown;
	const struct pki *trusted, *intermediate;
	int version;
	bool no_tickets;
	const char *text; /* no TLS, but this */
	int ready[2];     /* a pipe: a byte when the handshake is complete */
} peer;
static struct broker server;

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static unsigned descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static unsigned descriptors_before;

static void assert_closed(void)
{
	ck_assert(!fake_resolve()->asked);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert_uint_eq(descriptors(), descriptors_before);
}

static void on_report(void *userdata, const struct probe_report *r)
{
	ck_assert_ptr_eq(userdata, &rig);
	assert_closed();
	if (!keep_it)
		probe = probe_free(probe);
	report = *r;
	reports++;
}

static void set(char **text, const char *value)
{
	free(*text);
	*text = strdup(value);
	ck_assert_ptr_nonnull(*text);
}

static struct pki *make_server(const char *name, const struct pki *issuer, const char *names, bool expired)
{
	const struct pki_order order = { .name = name, .issuer = issuer, .names = names, .expired = expired };

	return pki_make(&order);
}

static void setup(void)
{
	(void)signal(SIGPIPE, SIG_IGN); /* as main() does */
	memset(&peer, 0, sizeof(peer));
	keep_it = false;
	*fake_resolve() = (struct fake_resolve){ 0 };
	rig_make(&rig, NULL);
	root = pki_ca("Server CA");
	other_root = pki_ca("Other CA");
	vendor = pki_ca("Vendor CA");
	device = pki_leaf("device", vendor);
	temp_text(rig.dir, "device.key", device->key_pem);
	set(&rig.settings->private_key, temp_path(rig.dir, "device.key"));
	set(&rig.settings->certificate_pem, device->pem);
	set(&rig.settings->root_ca_pem, root->pem);
	ck_assert_int_eq(dict_new(&rig.dict, rig.event, rig.settings, rig.dir), 0);
	ck_assert_int_eq(dict_start(rig.dict), 0);
	ck_assert_int_eq(epoch_new(&rig.epoch, rig.event, rig.dir), 0);
	peer.shown = make_server("server", root, "DNS:server.example,IP:127.0.0.1", false);
	peer.trusted = vendor;
	peer.version = TLS1_3_VERSION;
	ck_assert_int_eq(pipe2(peer.ready, O_CLOEXEC), 0);
	server.log = -1;
}

static void teardown(void)
{
	probe = probe_free(probe);
	ck_assert_ptr_null(probe);
	ck_assert_ptr_null(probe_free(NULL));
	broker_kill(&server);
	(void)close(peer.ready[0]);
	(void)close(peer.ready[1]);
	pki_free(peer.shown);
	pki_free(device);
	pki_free(vendor);
	pki_free(other_root);
	pki_free(root);
	rig_done(&rig);
}

/* --- peers --- */

/* One connection, until it ends. */
static void serve(int fd, void *userdata)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	char bytes[256];
	SSL *ssl;

	(void)userdata;
	(void)SSL_CTX_use_certificate(ctx, peer.shown->cert);
	(void)SSL_CTX_use_PrivateKey(ctx, peer.shown->key);
	if (peer.intermediate)
		(void)SSL_CTX_add1_chain_cert(ctx, peer.intermediate->cert);
	(void)SSL_CTX_set_min_proto_version(ctx, peer.version);
	(void)SSL_CTX_set_max_proto_version(ctx, peer.version);
	(void)X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), peer.trusted->cert);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	if (peer.no_tickets)
		(void)SSL_CTX_set_num_tickets(ctx, 0);
	ssl = SSL_new(ctx);
	(void)SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		(void)!write(peer.ready[1], "", 1);
		(void)SSL_read(ssl, bytes, sizeof(bytes));
	}
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

/* Hears the first words, says its own, and closes. */
static void talk(int fd, void *userdata)
{
	char bytes[4096];

	(void)userdata;
	if (read(fd, bytes, sizeof(bytes)) > 0)
		(void)!write(fd, peer.text, strlen(peer.text));
}

/* A handshake, and closed without a word. */
static void leave(int fd, void *userdata)
{
	(void)userdata;
	(void)!peer_accept(fd, peer.shown, peer.trusted);
}

/* An address that does not answer: a listener, full, at a port that is free. The caller closes all three. */
static void black_hole(const char *address, int port, int fds[3])
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct pollfd p;

	ck_assert_int_eq(inet_pton(AF_INET, address, &to.sin_addr), 1);
	for (unsigned i = 0; i < 3; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		ck_assert_int_ge(fds[i], 0);
	}
	ck_assert_int_eq(bind(fds[0], (struct sockaddr *)&to, sizeof(to)), 0);
	ck_assert_int_eq(listen(fds[0], 0), 0);
	(void)connect(fds[1], (struct sockaddr *)&to, sizeof(to));
	p = (struct pollfd){ .fd = fds[1], .events = POLLOUT };
	ck_assert_int_eq(poll(&p, 1, 30000), 1);
	(void)connect(fds[2], (struct sockaddr *)&to, sizeof(to));
}

/* --- the probe --- */

static void start(const char *format, ...) _printf_(1, 2);
static void start(const char *format, ...)
{
	struct endpoint endpoint;
	char text[ENDPOINT_MAX + 1];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	ck_assert_int_eq(endpoint_parse(text, (size_t)n, &endpoint), 0);
	descriptors_before = descriptors();
	reports = 0;
	ck_assert_int_eq(
		probe_start(&probe, rig.event, rig.settings, rig.dict, rig.epoch, &endpoint, WHOLE, on_report, &rig),
		0);
	ck_assert_uint_eq(reports, 0);
	memset(&endpoint, '#', sizeof(endpoint)); /* it has its own */
	fake_timer_pass(0);
}

static void wait_for_report(void)
{
	unsigned n = 0;

	while (reports == 0) {
		ck_assert_int_gt(sd_event_run(rig.event, UINT64_MAX), 0);
		ck_assert_uint_lt(n++, TURNS);
	}
	ck_assert_uint_eq(reports, 1);
}

/* What can be done at once is done; nobody turns the loop for nothing. */
static void idle(void)
{
	unsigned n = 0;

	while (sd_event_run(rig.event, 0) > 0)
		ck_assert_uint_lt(n++, TURNS);
	ck_assert_uint_eq(reports, 0);
}

/* TCP is up with somebody who then says nothing. */
static void wait_for_tcp(void)
{
	ck_assert_int_gt(sd_event_run(rig.event, UINT64_MAX), 0);
	idle();
}

/* The server is through with us and says nothing. */
static void wait_for_server(void)
{
	struct pollfd p = { .fd = peer.ready[0], .events = POLLIN };
	char byte;

	while (poll(&p, 1, 0) == 0)
		ck_assert_int_ge(sd_event_run(rig.event, 10000), 0);
	ck_assert_int_eq(read(peer.ready[0], &byte, 1), 1);
	idle();
}

static void run(const char *format, int port)
{
	char text[ENDPOINT_MAX];

	(void)snprintf(text, sizeof(text), "%s:%d", format, port);
	start("%s", text);
	if (fake_resolve()->asked)
		fake_resolve_found("127.0.0.1\n");
	wait_for_report();
}

static void assert_lines(const char *format, ...) _printf_(1, 2);
static void assert_lines(const char *format, ...)
{
	char expected[PROBE_MAX_LINES * (PROBE_MAX_LINE + 1) + 1] = "", got[sizeof(expected)] = "";
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(expected, sizeof(expected), format, ap);
	va_end(ap);
	for (size_t i = 0; i < report.count; i++) {
		ck_assert_uint_le(strlen(report.lines[i]), PROBE_MAX_LINE);
		strcat(got, report.lines[i]);
		strcat(got, "\n");
	}
	ck_assert_str_eq(got, expected);
}

static void assert_failed(enum fault_hint hint, const char *detail)
{
	ck_assert_uint_eq(reports, 1);
	ck_assert(!report.passed);
	ck_assert_int_eq((int)report.fault.hint, (int)hint);
	ck_assert_str_eq(report.fault.detail, detail);
}

/* "2026-11-23 2037-11-05" of a certificate; lives until the next but one call. */
static const char *dates(const struct pki *p)
{
	static char texts[2][32];
	static unsigned next;
	char *text = texts[next++ % 2];
	struct tm tm;

	ck_assert_int_eq(ASN1_TIME_to_tm(X509_get0_notBefore(p->cert), &tm), 1);
	ck_assert_uint_eq(strftime(text, 32, "%Y-%m-%d ", &tm), 11);
	ck_assert_int_eq(ASN1_TIME_to_tm(X509_get0_notAfter(p->cert), &tm), 1);
	ck_assert_uint_eq(strftime(text + 11, 21, "%Y-%m-%d", &tm), 10);
	return text;
}

/* --- it works --- */

START_TEST(passed)
{
	const char *suite = versions[_i] == TLS1_3_VERSION ? "TLSv1.3 TLS_AES_256_GCM_SHA384"
							   : "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384";

	peer.version = versions[_i];
	peer_start(&server, serve, NULL);
	run("server.example", server.port);
	ck_assert_str_eq(fake_resolve()->host, "server.example");
	ck_assert(report.passed);
	ck_assert_str_eq(report.summary, suite);
	assert_lines("DNS server.example 1 address 0 ms\n"
		     "TCP 127.0.0.1 %d connected 0 ms\n"
		     "TLS %s 0 ms\n"
		     "CERT 0 server by Server CA %s\n",
		     server.port, suite, dates(peer.shown));
}
END_TEST

/* Without a name, and kept by its owner for a while. */
START_TEST(passed_by_address)
{
	const struct pki_order order = { .name = "Second CA", .issuer = root, .ca = true };
	_cleanup_(pki_freep) struct pki *intermediate = pki_make(&order);
	_cleanup_(pki_freep) struct pki *shown = make_server("server", intermediate, "IP:127.0.0.1", false);
	struct pki *first = peer.shown;

	peer.shown = shown;
	peer.intermediate = intermediate;
	keep_it = true;
	peer_start(&server, serve, NULL);
	run("127.0.0.1", server.port);
	ck_assert(report.passed);
	ck_assert_uint_eq(fake_resolve()->questions, 0);
	assert_lines("TCP 127.0.0.1 %d connected 0 ms\n"
		     "TLS TLSv1.3 TLS_AES_256_GCM_SHA384 0 ms\n"
		     "CERT 0 server by Second CA %s\n"
		     "CERT 1 Second CA by Server CA %s\n",
		     server.port, dates(shown), dates(intermediate));
	peer.shown = first;
	peer.intermediate = NULL;
}
END_TEST

/* TLS 1.3, and a server that says nothing behind the handshake. */
START_TEST(nobody_objects)
{
	peer.no_tickets = true;
	peer_start(&server, serve, NULL);
	start("127.0.0.1:%d", server.port);
	wait_for_server();
	fake_timer_pass(CONFIRM - 1);
	ck_assert_uint_eq(reports, 0);
	fake_timer_pass(1);
	ck_assert_uint_eq(reports, 1);
	ck_assert(report.passed);
}
END_TEST

START_TEST(default_port)
{
	start("255.255.255.255");
	wait_for_report();
	ck_assert(!report.passed);
	ck_assert_int_eq(strncmp(report.lines[0], "TCP 255.255.255.255 8883 ", 25), 0);
}
END_TEST

/* --- hint 3: not reached --- */

START_TEST(name_fails)
{
	static const struct {
		int r;
		const char *line, *detail;
	} ends[] = {
		{ -ENOENT, "DNS server.example not found 0 ms\n", "Name not found: check Endpoint" },
		{ -ETIME, "DNS server.example no answer 0 ms\n", "Name server does not answer: check network" },
		{ -EAGAIN, "DNS server.example cannot be resolved 0 ms\n",
		  "Name server does not answer: check network" },
	};

	for (size_t i = 0; i < ELEMENTS(ends); i++) {
		start("server.example");
		ck_assert_uint_le(fake_resolve()->timeout_ms, WHOLE);
		fake_resolve_fail(ends[i].r);
		assert_failed(HINT_ENDPOINT, ends[i].detail);
		assert_lines("%s", ends[i].line);
	}
}
END_TEST

START_TEST(silent_resolver)
{
	start("server.example");
	fake_timer_pass(STAGE - 1);
	ck_assert_uint_eq(reports, 0);
	fake_timer_pass(1);
	assert_failed(HINT_ENDPOINT, "Name server does not answer: check network");
	assert_lines("DNS server.example no answer %d ms\n", STAGE);
}
END_TEST

START_TEST(resolver_does_not_start)
{
	fake_resolve()->start_result = -EMFILE;
	start("server.example");
	assert_failed(HINT_ENDPOINT, "Resolver could not be started: see the module's log");
	assert_lines("DNS resolver cannot be started\n");
}
END_TEST

/* No descriptor is left for the socket. */
START_TEST(lacks_resources)
{
	struct rlimit before, none;

	start("server.example:1");
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ .rlim_cur = 3, .rlim_max = before.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	fake_resolve_found("127.0.0.1\n");
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_failed(HINT_ENDPOINT, "Module lacks resources: see its log");
	assert_lines("DNS server.example 1 address 0 ms\nTCP 127.0.0.1 1 %s 0 ms\n", strerror(EMFILE));
}
END_TEST

START_TEST(refused)
{
	char detail[128];
	int fd, port = port_refusing(&fd);

	(void)snprintf(detail, sizeof(detail), "%s: check Endpoint and network", strerror(ECONNREFUSED));
	run("127.0.0.1", port);
	assert_failed(HINT_ENDPOINT, detail);
	assert_lines("TCP 127.0.0.1 %d %s 0 ms\n", port, strerror(ECONNREFUSED));
	(void)close(fd);
}
END_TEST

START_TEST(no_answer)
{
	int fd, port = port_refusing(&fd), fds[3];

	black_hole("127.0.0.2", port, fds);
	start("127.0.0.2:%d", port);
	idle();
	fake_timer_pass(STAGE - 1);
	idle();
	fake_timer_pass(1);
	assert_failed(HINT_ENDPOINT, "No answer from the server: check network");
	assert_lines("TCP 127.0.0.2 %d no answer %d ms\n", port, STAGE);
	for (unsigned i = 0; i < 3; i++)
		(void)close(fds[i]);
	(void)close(fd);
}
END_TEST

/* Refused, silent, and the third is the one. */
START_TEST(every_address_is_tried)
{
	int fds[3];

	peer_start(&server, serve, NULL);
	black_hole("127.0.0.3", server.port, fds);
	start("server.example:%d", server.port);
	fake_resolve_found("127.0.0.2\n127.0.0.3\n127.0.0.1\n");
	wait_for_tcp(); /* or rather for its end */
	fake_timer_pass(STAGE);
	wait_for_report();
	ck_assert(report.passed);
	ck_assert_str_eq(report.fault.detail, "");
	assert_lines("DNS server.example 3 addresses 0 ms\n"
		     "TCP 127.0.0.2 %d %s 0 ms\n"
		     "TCP 127.0.0.3 %d no answer %d ms\n"
		     "TCP 127.0.0.1 %d connected 0 ms\n"
		     "TLS TLSv1.3 TLS_AES_256_GCM_SHA384 0 ms\n"
		     "CERT 0 server by Server CA %s\n",
		     server.port, strerror(ECONNREFUSED), server.port, STAGE, server.port, dates(peer.shown));
	for (unsigned i = 0; i < 3; i++)
		(void)close(fds[i]);
}
END_TEST

/* The one that came farthest is blamed. */
START_TEST(last_address_is_worse)
{
	peer.trusted = other_root;
	peer_start(&server, serve, NULL);
	start("server.example:%d", server.port);
	fake_resolve_found("127.0.0.1\n127.0.0.2\n");
	wait_for_report();
	assert_failed(HINT_TLS, "Our certificate was refused: check its registration");
	ck_assert_uint_eq(report.count, 6);
	ck_assert_int_eq(strncmp(report.lines[5], "TCP 127.0.0.2 ", 14), 0);
}
END_TEST

/* What the first one did is not laid at the door of the second. */
START_TEST(each_address_fails_in_its_own_way)
{
	static const char text[] = "220 mail.example ESMTP ready\r\n";
	struct sockaddr_in at = { .sin_family = AF_INET };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), fd;

	peer.trusted = other_root;
	peer_start(&server, serve, NULL);
	at.sin_port = htons((uint16_t)server.port);
	ck_assert_int_eq(inet_pton(AF_INET, "127.0.0.2", &at.sin_addr), 1);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	start("server.example:%d", server.port);
	fake_resolve_found("127.0.0.1\n127.0.0.2\n");
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
		ck_assert_int_gt(sd_event_run(rig.event, UINT64_MAX), 0);
	descriptors_before++;
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	wait_for_report();
	assert_failed(HINT_TLS, "Our certificate was refused: check its registration");
	ck_assert_uint_eq(report.count, 7);
	ck_assert_str_eq(report.lines[4], "TLS Our certificate was refused: check its registration 0 ms");
	ck_assert_str_eq(report.lines[6], "TLS Server does not speak TLS: check Endpoint and its port 0 ms");
	(void)close(fd);
	(void)close(listener);
}
END_TEST

START_TEST(more_than_it_can_tell)
{
	char found[1024] = "";
	int fd, port = port_silent(&fd);

	ck_assert_int_eq(listen(fd, RESOLVE_MAX_ADDRESSES), 0);
	for (unsigned i = 0; i < RESOLVE_MAX_ADDRESSES; i++)
		strcat(found, "127.0.0.1\n");
	start("server.example:%d", port);
	fake_resolve_found(found);
	for (unsigned i = 0; i < RESOLVE_MAX_ADDRESSES; i++) {
		wait_for_tcp();
		fake_timer_pass(WHOLE / RESOLVE_MAX_ADDRESSES);
	}
	assert_failed(HINT_TLS, "Server is silent during TLS: check Endpoint");
	ck_assert_uint_eq(report.count, PROBE_MAX_LINES);
	ck_assert_str_eq(report.lines[2], "TLS no answer 1500 ms");
	ck_assert_str_eq(report.lines[PROBE_MAX_LINES - 1], "and more");
	(void)close(fd);
}
END_TEST

/* --- hint 4: TLS --- */

static const struct {
	const char *names, *detail;
	bool untrusted, expired;
} refusals[] = {
	{ "DNS:server.example", "Server certificate not trusted: check RootCA", true, false },
	{ "DNS:other.example", "Server certificate is for another name: check Endpoint", false, false },
	{ "DNS:server.example", "Server certificate expired", false, true },
};

START_TEST(server_refused)
{
	const struct pki *issuer = refusals[_i / 2].untrusted ? other_root : root;

	pki_free(peer.shown);
	peer.shown = make_server("server", issuer, refusals[_i / 2].names, refusals[_i / 2].expired);
	peer.version = versions[_i % 2];
	peer_start(&server, serve, NULL);
	run("server.example", server.port);
	assert_failed(HINT_TLS, refusals[_i / 2].detail);
	assert_lines("DNS server.example 1 address 0 ms\n"
		     "TCP 127.0.0.1 %d connected 0 ms\n"
		     "TLS %s 0 ms\n"
		     "CERT 0 server by %s %s\n",
		     server.port, refusals[_i / 2].detail, issuer == root ? "Server CA" : "Other CA",
		     dates(peer.shown));
}
END_TEST

START_TEST(we_are_refused)
{
	static const char *text = "Our certificate was refused: check its registration";

	peer.trusted = other_root;
	peer.version = versions[_i];
	peer_start(&server, serve, NULL);
	run("127.0.0.1", server.port);
	assert_failed(HINT_TLS, text);
	if (versions[_i] == TLS1_2_VERSION)
		assert_lines("TCP 127.0.0.1 %d connected 0 ms\n"
			     "TLS %s 0 ms\n"
			     "CERT 0 server by Server CA %s\n",
			     server.port, text, dates(peer.shown));
	else
		assert_lines("TCP 127.0.0.1 %d connected 0 ms\n"
			     "TLS TLSv1.3 TLS_AES_256_GCM_SHA384 0 ms\n"
			     "CERT 0 server by Server CA %s\n"
			     "TLS %s 0 ms\n",
			     server.port, dates(peer.shown), text);
}
END_TEST

START_TEST(plain_text)
{
	peer.text = "HTTP/1.1 400 Bad Request\r\n\r\n";
	peer_start(&server, talk, NULL);
	run("127.0.0.1", server.port);
	assert_failed(HINT_TLS, "Server does not speak TLS: check Endpoint and its port");
	assert_lines("TCP 127.0.0.1 %d connected 0 ms\nTLS %s 0 ms\n", server.port, report.fault.detail);
}
END_TEST

/* What we do not understand is no fault of the line. */
START_TEST(nonsense_in_tls)
{
	peer.text = "\x16\3\3\x7f\x7f"; /* longer than a record may be */
	peer_start(&server, talk, NULL);
	run("127.0.0.1", server.port);
	ck_assert_int_eq((int)report.fault.hint, HINT_TLS);
	ck_assert_int_eq(strncmp(report.fault.detail, "TLS failed: ", 12), 0);
	assert_lines("TCP 127.0.0.1 %d connected 0 ms\n%s 0 ms\n", server.port, report.fault.detail);
}
END_TEST

START_TEST(closed_during_tls)
{
	peer.text = "";
	peer_start(&server, talk, NULL);
	run("127.0.0.1", server.port);
	assert_failed(HINT_TLS, "Server closed during TLS: check Endpoint and its port");
	assert_lines("TCP 127.0.0.1 %d connected 0 ms\nTLS closed by the server 0 ms\n", server.port);
}
END_TEST

START_TEST(silent_during_tls)
{
	int fd, port = port_silent(&fd);

	start("127.0.0.1:%d", port);
	wait_for_tcp();
	fake_timer_pass(STAGE - 1);
	idle();
	fake_timer_pass(1);
	assert_failed(HINT_TLS, "Server is silent during TLS: check Endpoint");
	assert_lines("TCP 127.0.0.1 %d connected 0 ms\nTLS no answer %d ms\n", port, STAGE);
	(void)close(fd);
}
END_TEST

START_TEST(closed_after_tls)
{
	peer_start(&server, leave, NULL);
	run("127.0.0.1", server.port);

	/* Its tickets say that TLS was all right; what it wants of a login is not asked. */
	ck_assert(report.passed);
}
END_TEST

START_TEST(own_identity_unusable)
{
	temp_text(rig.dir, "device.key", "no key");
	start("127.0.0.1:1");
	assert_failed(HINT_TLS, "Own key or certificate unusable: see the module's log");
	assert_lines("TLS own key or certificate unusable\n");
}
END_TEST

/* The host sees lines, whatever the server wrote into its certificate. */
START_TEST(hostile_names)
{
	pki_free(peer.shown);
	peer.shown = make_server("evil\r\nOK \x1b[2J\x07 0123456789012345678901234567890", other_root, NULL, false);
	peer_start(&server, serve, NULL);
	run("server.example", server.port);
	assert_failed(HINT_TLS, "Server certificate not trusted: check RootCA");
	assert_lines("DNS server.example 1 address 0 ms\n"
		     "TCP 127.0.0.1 %d connected 0 ms\n"
		     "TLS Server certificate not trusted: check RootCA 0 ms\n"
		     "CERT 0 evil??OK ?[2J? 012345678901234567890123456 by Other CA %s\n",
		     server.port, dates(peer.shown));
}
END_TEST

/* --- the end --- */

/* Time for all of it, however many addresses want their second of it. */
START_TEST(the_whole_is_bounded)
{
	int fd, port = port_refusing(&fd), fds[3];
	char found[1024] = "";

	black_hole("127.0.0.2", port, fds);
	for (unsigned i = 0; i < RESOLVE_MAX_ADDRESSES; i++)
		strcat(found, "127.0.0.2\n");
	start("server.example:%d", port);
	fake_timer_pass(STAGE - 1);
	fake_resolve_found(found);
	fake_timer_pass(WHOLE - STAGE);
	ck_assert_uint_eq(reports, 0);
	fake_timer_pass(1);
	assert_failed(HINT_ENDPOINT, "No answer from the server: check network");
	ck_assert_uint_eq(report.count, 1 + (WHOLE - STAGE) / 1000 + 1);
	for (unsigned i = 0; i < 3; i++)
		(void)close(fds[i]);
	(void)close(fd);
}
END_TEST

START_TEST(stopped_in_every_stage)
{
	int fd, port = port_silent(&fd), fds[3];

	black_hole("127.0.0.2", port, fds);
	peer.no_tickets = true;
	peer_start(&server, serve, NULL);
	for (unsigned stage = 0; stage < 4; stage++) {
		start("server.example:%d", stage == 3 ? server.port : port);
		if (stage > 0)
			fake_resolve_found(stage == 1 ? "127.0.0.2\n" : "127.0.0.1\n");
		if (stage == 2)
			wait_for_tcp();
		if (stage == 3)
			wait_for_server();
		probe = probe_free(probe);
		assert_closed();
		ck_assert_uint_eq(reports, 0);
	}
	for (unsigned i = 0; i < 3; i++)
		(void)close(fds[i]);
	(void)close(fd);
}
END_TEST

START_TEST(stopped_before_it_began)
{
	const struct endpoint endpoint = { .host = "127.0.0.1", .port = 1, .numeric = true };

	descriptors_before = descriptors();
	ck_assert_int_eq(
		probe_start(&probe, rig.event, rig.settings, rig.dict, rig.epoch, &endpoint, WHOLE, on_report, &rig),
		0);
	probe = probe_free(probe);
	assert_closed();
	fake_timer_pass(WHOLE);
	ck_assert_uint_eq(reports, 0);
}
END_TEST

/* --- the log --- */

/* A socket as the journal has one; stderr is taken for the journal's. */
static int open_journal(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char stream[64];
	struct stat st;

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", temp_path(rig.dir, "journal"));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		       (unsigned long long)st.st_ino);
	ck_assert_int_eq(setenv("JOURNAL_STREAM", stream, 1), 0);
	log_open(at.sun_path);
	return fd;
}

static void expect_step(int journal, const char *step, const char *address, const char *message)
{
	char got[4096], expected[512];
	ssize_t n = recv(journal, got, sizeof(got) - 1, 0);

	ck_assert_int_gt(n, 0);
	got[n] = '\0';
	(void)snprintf(expected, sizeof(expected), "MESSAGE=DIAG TLS: %s", message);
	ck_assert_msg(strncmp(got, expected, strlen(expected)) == 0, "%s", got);
	(void)snprintf(expected, sizeof(expected),
		       "EXPRESSLINK_ENDPOINT=server.example\nEXPRESSLINK_ADDRESS=%s\nEXPRESSLINK_STEP=%s\n", address,
		       step);
	ck_assert_msg(strstr(got, expected), "%s", got);
}

START_TEST(steps_in_the_journal)
{
	int journal = open_journal();

	peer_start(&server, serve, NULL);
	run("server.example", server.port);
	ck_assert(report.passed);
	ck_assert_str_eq(report.address, "127.0.0.1");
	expect_step(journal, "DNS", "", "DNS server.example 1 address 0 ms\n");
	expect_step(journal, "TCP", "127.0.0.1", "TCP 127.0.0.1 ");
	expect_step(journal, "TLS", "127.0.0.1", "TLS TLSv1.3 TLS_AES_256_GCM_SHA384 0 ms\n");
	expect_step(journal, "CERT", "127.0.0.1", "CERT 0 server by Server CA ");
	ck_assert_int_eq(close(journal), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("probe");
	TCase *tc = tcase_create("probe");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, passed, 0, ELEMENTS(versions));
	tcase_add_test(tc, passed_by_address);
	tcase_add_test(tc, nobody_objects);
	tcase_add_test(tc, default_port);
	tcase_add_test(tc, name_fails);
	tcase_add_test(tc, silent_resolver);
	tcase_add_test(tc, resolver_does_not_start);
	tcase_add_test(tc, lacks_resources);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, no_answer);
	tcase_add_test(tc, every_address_is_tried);
	tcase_add_test(tc, last_address_is_worse);
	tcase_add_test(tc, each_address_fails_in_its_own_way);
	tcase_add_test(tc, more_than_it_can_tell);
	tcase_add_loop_test(tc, server_refused, 0, 2 * ELEMENTS(refusals));
	tcase_add_loop_test(tc, we_are_refused, 0, ELEMENTS(versions));
	tcase_add_test(tc, plain_text);
	tcase_add_test(tc, nonsense_in_tls);
	tcase_add_test(tc, closed_during_tls);
	tcase_add_test(tc, silent_during_tls);
	tcase_add_test(tc, closed_after_tls);
	tcase_add_test(tc, own_identity_unusable);
	tcase_add_test(tc, hostile_names);
	tcase_add_test(tc, the_whole_is_bounded);
	tcase_add_test(tc, stopped_in_every_stage);
	tcase_add_test(tc, stopped_before_it_began);
	tcase_add_test(tc, steps_in_the_journal);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
