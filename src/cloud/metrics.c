/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/metrics.h"

#include "cloud/payload.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION "1.0"

void metrics_between(const struct metrics_counts *before, const struct metrics_counts *after,
		     struct metrics_counts *ret)
{
	*ret = (struct metrics_counts){
		.bytes_out = after->bytes_out - before->bytes_out,
		.sent = after->sent - before->sent,
		.received = after->received - before->received,
		.hard_resets = after->hard_resets - before->hard_resets,
		.reconnects = after->reconnects - before->reconnects,
		.writes = after->writes - before->writes,
		.traffic = {
			.bytes_in = after->traffic.bytes_in - before->traffic.bytes_in,
			.bytes_out = after->traffic.bytes_out - before->traffic.bytes_out,
			.packets_in = after->traffic.packets_in - before->traffic.packets_in,
			.packets_out = after->traffic.packets_out - before->traffic.packets_out,
		},
		.has_traffic = after->has_traffic,
	};
}

/* The functions of cJSON take NULL, so what failed shows at the end: each of these makes *ok false. */

static cJSON *add(cJSON *to, const char *name, cJSON *item, bool *ok)
{
	bool added = name ? cJSON_AddItemToObject(to, name, item) : cJSON_AddItemToArray(to, item);

	if (added)
		return item;
	cJSON_Delete(item);
	*ok = false;
	return NULL;
}

static cJSON *add_object(cJSON *to, const char *name, bool *ok)
{
	return add(to, name, cJSON_CreateObject(), ok);
}

static cJSON *add_array(cJSON *to, const char *name, bool *ok)
{
	return add(to, name, cJSON_CreateArray(), ok);
}

static void add_text(cJSON *to, const char *name, const char *text, bool *ok)
{
	(void)add(to, name, cJSON_CreateString(text), ok);
}

/* cJSON's own numbers are doubles. */
static void add_number(cJSON *to, const char *name, uint64_t number, bool *ok)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, number);
	(void)add(to, name, cJSON_CreateRaw(text), ok);
}

/* The kernel allows nearly any byte in the name of an interface, JSON does not. */
static void add_interface(cJSON *to, const char *name, const struct netstat_port *port, bool *ok)
{
	char text[IFNAMSIZ];
	size_t n = 0;

	for (; n < sizeof(text) - 1 && port->interface[n]; n++)
		text[n] = (char)(port->interface[n] > ' ' && port->interface[n] <= '~' ? port->interface[n] : '?');
	text[n] = '\0';
	if (n > 0)
		add_text(to, name, text, ok);
}

static void add_ports(cJSON *to, const char *name, const struct netstat_ports *ports, bool lists, bool *ok)
{
	cJSON *object, *array;

	if (!ports->known)
		return;
	object = add_object(to, name, ok);
	array = lists ? add_array(object, "ports", ok) : NULL;
	for (size_t i = 0; lists && i < ports->count; i++) {
		cJSON *one = add_object(array, NULL, ok);

		add_interface(one, "interface", &ports->all[i], ok);
		add_number(one, "port", ports->all[i].port, ok);
	}
	add_number(object, "total", ports->total, ok);
}

static void add_connections(cJSON *to, const struct netstat_connections *connections, bool lists, bool *ok)
{
	cJSON *object = add_object(add_object(to, "tcp_connections", ok), "established_connections", ok);
	cJSON *array = lists ? add_array(object, "connections", ok) : NULL;

	for (size_t i = 0; lists && i < connections->count; i++) {
		const struct netstat_connection *c = &connections->all[i];
		cJSON *one = add_object(array, NULL, ok);

		add_interface(one, "local_interface", &c->local, ok);
		add_number(one, "local_port", c->local.port, ok);
		add_text(one, "remote_addr", c->remote, ok);
	}
	add_number(object, "total", connections->total, ok);
}

static void add_traffic(cJSON *to, const struct netstat_traffic *traffic, bool *ok)
{
	cJSON *object = add_object(to, "network_stats", ok);

	add_number(object, "bytes_in", traffic->bytes_in, ok);
	add_number(object, "bytes_out", traffic->bytes_out, ok);
	add_number(object, "packets_in", traffic->packets_in, ok);
	add_number(object, "packets_out", traffic->packets_out, ok);
}

/* A metric of the account's own: a list of one value. */
static void add_custom(cJSON *to, const char *name, uint64_t number, bool *ok)
{
	add_number(add_object(add_array(to, name, ok), NULL, ok), "number", number, ok);
}

/* For free(); NULL: no memory. */
static char *report(uint64_t id, const struct netstat *network, const struct metrics_counts *counts, bool lists)
{
	_cleanup_(cJSON_Deletep) cJSON *root = cJSON_CreateObject();
	bool ok = root != NULL;
	cJSON *header, *metrics, *custom;

	header = add_object(root, "header", &ok);
	add_number(header, "report_id", id, &ok);
	add_text(header, "version", VERSION, &ok);
	metrics = network->tcp.known || network->udp.known || counts->has_traffic ? add_object(root, "metrics", &ok)
										  : NULL;
	add_ports(metrics, "listening_tcp_ports", &network->tcp, lists, &ok);
	add_ports(metrics, "listening_udp_ports", &network->udp, lists, &ok);
	if (counts->has_traffic)
		add_traffic(metrics, &counts->traffic, &ok);
	if (network->tcp.known)
		add_connections(metrics, &network->connections, lists, &ok);
	custom = add_object(root, "custom_metrics", &ok);
	add_custom(custom, "BytesOut", counts->bytes_out, &ok);
	add_custom(custom, "MessagesSent", counts->sent, &ok);
	add_custom(custom, "MessagesReceived", counts->received, &ok);
	add_custom(custom, "HardResetEvent", counts->hard_resets > 0, &ok);
	add_custom(custom, "ReconnectEvents", counts->reconnects > 0, &ok);
	add_custom(custom, "FlashMemoryWrites", counts->writes, &ok);
	return ok ? cJSON_PrintUnformatted(root) : NULL;
}

int metrics_text(uint64_t id, const struct netstat *network, const struct metrics_counts *counts, size_t max,
		 char **ret)
{
	_cleanup_(freep) char *text = report(id, network, counts, true);

	if (text && strlen(text) > max) {
		free(text);
		text = report(id, network, counts, false);
	}
	if (!text)
		return -ENOMEM;
	if (strlen(text) > max)
		return -EMSGSIZE;
	*ret = TAKE_PTR(text);
	return 0;
}
