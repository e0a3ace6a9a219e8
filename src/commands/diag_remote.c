/* SPDX-License-Identifier: Apache-2.0 */
/* DIAG PING, DNS, TLS (guide 7.3): what others have to answer. */
#include "commands/diag.h"

#include "module/diagnosis.h"
#include "module/module.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_HOST 253 /* RFC 1035, 2.3.4 */

static bool take_host(const struct word *rest, char ret[MAX_HOST + 1])
{
	struct word left = *rest, host = word_next(&left);

	if (host.n == 0 || host.n > MAX_HOST || left.n > 0 || memchr(host.data, '\0', host.n))
		return false;
	memcpy(ret, host.data, host.n);
	ret[host.n] = '\0';
	return endpoint_is_host(ret);
}

/* With AT_ERR_CONNECT there is a fault that the answer names. */
static int with_fault(struct at_call *call, const struct module *m, int r)
{
	const struct fault *fault = &diagnosis_result(m->diagnosis)->fault;

	return r == AT_ERR_CONNECT ? at_hint(call, AT_ERR_CONNECT, (int)fault->hint, "%s", fault->detail) : r;
}

static int ping_finished(struct at_call *call, struct module *m, int r)
{
	const struct diagnosis_result *result = diagnosis_result(m->diagnosis);
	const struct ping_result *ping = &result->ping;
	const char *address = result->addresses.text[0];

	if (r)
		return with_fault(call, m, r);
	if (ping->received > 0)
		return at_ok(call, "%u/%u %s %" PRIu64 ".%02" PRIu64 " ms", ping->received, ping->sent, address,
			     ping->mean_us / 1000, ping->mean_us % 1000 / 10);
	if (ping->error)
		return at_ok(call, "0/%u %s %s", ping->sent, address, strerror(ping->error));
	return at_ok(call, "0/%u %s", ping->sent, address);
}

int diag_ping(struct at_call *call, struct module *m, const struct word *rest)
{
	char host[MAX_HOST + 1];

	if (!take_host(rest, host))
		return AT_ERR_PARAMETER;
	return with_fault(call, m, diagnosis_ping(m->diagnosis, host, at_later(call, ping_finished)));
}

static int dns_finished(struct at_call *call, struct module *m, int r)
{
	const struct diagnosis_result *result = diagnosis_result(m->diagnosis);

	if (r)
		return with_fault(call, m, r);
	r = at_ok(call, "%" PRIu64 " ms", result->name_ms);
	for (size_t i = 0; r == 0 && i < result->addresses.count; i++)
		r = at_line(call, result->addresses.text[i], strlen(result->addresses.text[i]));
	return r;
}

int diag_dns(struct at_call *call, struct module *m, const struct word *rest)
{
	char name[MAX_HOST + 1];

	if (!take_host(rest, name))
		return AT_ERR_PARAMETER;
	return with_fault(call, m, diagnosis_dns(m->diagnosis, name, at_later(call, dns_finished)));
}

/* --- TLS --- */

static int tls_failed(struct at_call *call, const struct fault *fault)
{
	return at_ok(call, "FAILED %d %s", (int)fault->hint, fault->detail);
}

static int tls_finished(struct at_call *call, struct module *m, int r)
{
	const struct probe_report *report = &diagnosis_result(m->diagnosis)->tls;

	if (r)
		return r;
	if (report->passed)
		r = at_ok(call, "PASSED %s", report->summary);
	else
		r = tls_failed(call, &report->fault);
	for (size_t i = 0; r == 0 && i < report->count; i++)
		r = at_line(call, report->lines[i], strlen(report->lines[i]));
	return r;
}

/* Without a parameter it is the key Endpoint, which may hold anything: what CONNECT would say of it is a result. */
int diag_tls(struct at_call *call, struct module *m, const struct word *rest)
{
	struct word left = *rest, word = word_next(&left);
	struct endpoint endpoint;
	struct fault fault;

	if (rest->n == 0)
		word.data = (const uint8_t *)dict_get(m->dict, KEY_ENDPOINT, &word.n);
	if (left.n > 0)
		return AT_ERR_PARAMETER;
	if (endpoint_parse(word.data, word.n, &endpoint) == 0)
		return diagnosis_tls(m->diagnosis, &endpoint, at_later(call, tls_finished));
	if (rest->n > 0)
		return AT_ERR_PARAMETER;
	fault_of_endpoint(&fault, word.n == 0);
	return tls_failed(call, &fault);
}
