/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/enrol.h"

#include "cloud/jobs.h"
#include "cloud/topics.h"

#include <stdio.h>
#include <string.h>

#define JOBS_GET     "$aws/things/%s/jobs/$next/get"
#define JOBS_PAYLOAD "{\"clientToken\":\"" JOBS_FIRST_TOKEN "\"}"

int enrol(struct mqtt *mqtt, const struct enrolment *e, unsigned *ret_open)
{
	char own[TOPICS_JOBS][TOPICS_MAX], topic[TOPICS_MAX];
	const char *filters[TOPICS_JOBS], *const endpoint[] = { topic };
	int r;

	topics_jobs(e->thing_name, own);
	for (size_t i = 0; i < TOPICS_JOBS; i++)
		filters[i] = own[i];
	*ret_open = e->staging ? 3 : 2;
	r = mqtt_subscribe(mqtt, filters, TOPICS_JOBS, e->jobs);
	if (r == 0 && e->staging) {
		topics_onboarding(e->thing_name, topic);
		r = mqtt_subscribe(mqtt, endpoint, 1, e->endpoint);
	}
	if (r < 0)
		return r;
	(void)snprintf(topic, sizeof(topic), JOBS_GET, e->thing_name);
	return mqtt_publish(mqtt, topic, JOBS_PAYLOAD, strlen(JOBS_PAYLOAD), 1, e->jobs);
}
