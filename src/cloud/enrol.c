/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/enrol.h"

#include "cloud/topics.h"

#include <stdio.h>
#include <string.h>

#define JOBS_GET     "$aws/things/%s/jobs/$next/get"
#define JOBS_PAYLOAD "{\"clientToken\":\"%s\"}"

int enrol(struct mqtt *mqtt, const struct enrolment *e, unsigned *ret_open)
{
	char own[TOPICS_OWN][TOPICS_MAX], topic[TOPICS_MAX], payload[96];
	const char *filters[TOPICS_OWN], *const endpoint[] = { topic };
	size_t count = topics_own(e->thing_name, false, own);
	int r;

	for (size_t i = 0; i < count; i++)
		filters[i] = own[i];
	*ret_open = e->staging ? 3 : 2;
	r = mqtt_subscribe(mqtt, filters, count, e->jobs);
	if (r == 0 && e->staging) {
		topics_onboarding(e->thing_name, topic);
		r = mqtt_subscribe(mqtt, endpoint, 1, e->endpoint);
	}
	if (r < 0)
		return r;
	(void)snprintf(topic, sizeof(topic), JOBS_GET, e->thing_name);
	(void)snprintf(payload, sizeof(payload), JOBS_PAYLOAD, e->thing_name);
	return mqtt_publish(mqtt, topic, payload, strlen(payload), 1, e->jobs);
}
