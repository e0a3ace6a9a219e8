/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/fault.h"

#include "util/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void fault_set(struct fault *f, enum fault_hint hint, const char *format, ...)
{
	va_list ap;

	f->hint = hint;
	f->off_net = false;
	va_start(ap, format);
	(void)vsnprintf(f->detail, sizeof(f->detail), format, ap);
	va_end(ap);
}

bool fault_tells_more(const struct fault *f, const struct fault *than)
{
	return f->hint > than->hint || (f->hint == than->hint && !f->off_net && than->off_net);
}

void fault_of_endpoint(struct fault *f, bool empty)
{
	if (empty)
		fault_set(f, HINT_ENDPOINT, "No endpoint: set Endpoint");
	else
		fault_set(f, HINT_ENDPOINT, "Not a host name: check Endpoint");
}

void fault_log_identity(struct fault *f, int r)
{
	(void)log_errno(r, "Certificate or private key");
	fault_set(f, HINT_TLS, "Own key or certificate unusable: see the module's log");
}

void fault_log_resolver(struct fault *f, int r)
{
	(void)log_errno(r, "Resolver");
	fault_set(f, HINT_ENDPOINT, "Resolver could not be started: see the module's log");
}

void fault_log_resources(struct fault *f, int r)
{
	(void)log_errno(r, "Connection");
	fault_set(f, HINT_ENDPOINT, "Module lacks resources: see its log");
}

void fault_of_name(struct fault *f, int r)
{
	if (r == -ENOENT)
		fault_set(f, HINT_ENDPOINT, "Name not found: check Endpoint");
	else
		fault_set(f, HINT_ENDPOINT, "Name server does not answer: check network");
	f->off_net = r != -ENOENT;
}

static bool lacks_resources(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

void fault_of_tcp(struct fault *f, int error)
{
	if (lacks_resources(error)) {
		fault_log_resources(f, error);
		return;
	}
	if (error)
		fault_set(f, HINT_ENDPOINT, "%s: check Endpoint and network", strerror(error));
	else
		fault_set(f, HINT_ENDPOINT, "No answer from the server: check network");
	f->off_net = error != ECONNREFUSED && error != ECONNRESET;
}

void fault_of_network(struct fault *f)
{
	fault_set(f, HINT_NETWORK, "No network: no interface is up and has an address");
}

void fault_of_tls(struct fault *f, const struct ssl *s, bool closed)
{
	if (ssl_failure(s))
		fault_set(f, HINT_TLS, "%s", ssl_failure(s));
	else if (ssl_established(s) && closed)
		fault_set(f, HINT_LOGIN, "Closed before login: check registration and policy");
	else if (ssl_established(s))
		fault_set(f, HINT_LOGIN, "Server does not answer the login");
	else if (closed)
		fault_set(f, HINT_TLS, "Server closed during TLS: check Endpoint and its port");
	else
		fault_set(f, HINT_TLS, "Server is silent during TLS: check Endpoint");
}

static const char *login_text(int code)
{
	switch (code) {
	case 1:
		return "Server refused the protocol version";
	case 2:
		return "Server refused the client id: check ThingName";
	case 3:
		return "Server is unavailable";
	case 4:
	case 5:
	case 7: /* of AWS IoT */
		return "Login refused: check registration and policy";
	default:
		return "Login refused";
	}
}

void fault_of_login(struct fault *f, int code)
{
	fault_set(f, HINT_LOGIN, "%s", login_text(code));
}
