/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/topics.h"

#include <mosquitto.h>
#include <stdio.h>
#include <string.h>

#define TOPIC_ONBOARDING "%s/expresslink_config"
#define TOPIC_STREAMS    "$aws/things/%s/streams/+/+/json"
#define TOPIC_DEFENDER   "$aws/things/%s/defender/metrics/json/+"

/* %s: the thing's name. The answers of AWS IoT come without a subscription, those of a plain broker do not. */
/* clang-format off */
static const char *const jobs_filters[TOPICS_JOBS] = {
	"$aws/things/%s/jobs/notify",
	"$aws/things/%s/jobs/notify-next",
	"$aws/things/%s/jobs/get/+",
	"$aws/things/%s/jobs/+/get/+", /* $next is a name, too */
	"$aws/things/%s/jobs/+/update/+",
};
/* clang-format on */

bool topic_is_name(const void *topic, size_t n)
{
	return n > 0 && mosquitto_validate_utf8(topic, (int)n) == MOSQ_ERR_SUCCESS &&
	       mosquitto_pub_topic_check2(topic, n) == MOSQ_ERR_SUCCESS;
}

bool topic_is_filter(const void *filter, size_t n)
{
	return n > 0 && mosquitto_validate_utf8(filter, (int)n) == MOSQ_ERR_SUCCESS &&
	       mosquitto_sub_topic_check2(filter, n) == MOSQ_ERR_SUCCESS;
}

bool topic_matches(const void *filter, size_t filter_n, const char *topic)
{
	char text[TOPICS_MAX];
	bool result = false;

	/* The library takes lengths but stops at a NUL. */
	if (filter_n >= sizeof(text) || memchr(filter, '\0', filter_n))
		return false;
	memcpy(text, filter, filter_n);
	text[filter_n] = '\0';
	return mosquitto_topic_matches_sub(text, topic, &result) == MOSQ_ERR_SUCCESS && result;
}

unsigned topics_index(const struct dict *d, unsigned max_topic, const char *topic)
{
	for (unsigned i = 1; i <= max_topic; i++) {
		size_t filter_n;
		const char *filter = dict_topic(d, i, &filter_n);

		if (filter_n > 0 && topic_matches(filter, filter_n, topic))
			return i;
	}
	return 0;
}

/* The formats are constants above. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
void topics_jobs(const char *thing_name, char ret[TOPICS_JOBS][TOPICS_MAX])
{
	for (size_t i = 0; i < TOPICS_JOBS; i++)
		(void)snprintf(ret[i], TOPICS_MAX, jobs_filters[i], thing_name);
}
#pragma GCC diagnostic pop

void topics_streams(const char *thing_name, char ret[TOPICS_MAX])
{
	(void)snprintf(ret, TOPICS_MAX, TOPIC_STREAMS, thing_name);
}

void topics_defender(const char *thing_name, char ret[TOPICS_MAX])
{
	(void)snprintf(ret, TOPICS_MAX, TOPIC_DEFENDER, thing_name);
}

bool topics_is_defender(const char *thing_name, const char *topic)
{
	char own[TOPICS_MAX];

	if (topic[0] != '$')
		return false;
	topics_defender(thing_name, own);
	return topic_matches(own, strlen(own), topic);
}

void topics_onboarding(const char *thing_name, char ret[TOPICS_MAX])
{
	(void)snprintf(ret, TOPICS_MAX, TOPIC_ONBOARDING, thing_name);
}

bool topics_is_onboarding(const char *thing_name, const char *topic)
{
	char own[TOPICS_MAX];

	topics_onboarding(thing_name, own);
	return strcmp(own, topic) == 0;
}

bool topics_is_own_filter(const char *thing_name, bool staging, const char *filter)
{
	char own[TOPICS_JOBS][TOPICS_MAX];

	topics_jobs(thing_name, own);
	for (size_t i = 0; i < TOPICS_JOBS; i++) {
		if (strcmp(own[i], filter) == 0)
			return true;
	}
	return staging && topics_is_onboarding(thing_name, filter);
}

bool topics_is_own(const char *thing_name, const char *topic)
{
	char own[TOPICS_JOBS + 1][TOPICS_MAX];

	if (topic[0] != '$')
		return false;
	topics_jobs(thing_name, own);
	topics_streams(thing_name, own[TOPICS_JOBS]);
	for (size_t i = 0; i < ELEMENTS(own); i++) {
		if (topic_matches(own[i], strlen(own[i]), topic))
			return true;
	}
	return false;
}
