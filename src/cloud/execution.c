/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/execution.h"

#include "cloud/payload.h"
#include "util/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of which names are made. */
#define WORD        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#define PRINT_SLACK 8   /* cJSON wants some bytes more than it writes */
#define MAX_KEY     128 /* bytes of a name in statusDetails */

static const struct {
	const char *name;
	enum jobs_status status;
	bool reported; /* by devices */
} statuses[] = {
	{ "QUEUED", JOBS_QUEUED, false },      { "IN_PROGRESS", JOBS_IN_PROGRESS, true },
	{ "SUCCEEDED", JOBS_SUCCEEDED, true }, { "FAILED", JOBS_FAILED, true },
	{ "REJECTED", JOBS_REJECTED, true },   { "TIMED_OUT", JOBS_GONE, false },
	{ "CANCELED", JOBS_GONE, false },      { "REMOVED", JOBS_GONE, false },
};

static bool read_status(const char *text, enum jobs_status *ret)
{
	for (size_t i = 0; text && i < ELEMENTS(statuses); i++) {
		if (strcmp(statuses[i].name, text) != 0)
			continue;
		*ret = statuses[i].status;
		return true;
	}
	return false;
}

bool execution_is_now(const cJSON *root, enum jobs_status status)
{
	const cJSON *state = cJSON_GetObjectItemCaseSensitive(root, "executionState");
	enum jobs_status now;

	return read_status(payload_text(state, "status"), &now) && now == status;
}

bool execution_is_id(const char *id)
{
	size_t n = strspn(id, WORD);

	return n > 0 && n <= JOBS_MAX_ID && id[n] == '\0';
}

static bool read_summary(const cJSON *item, enum jobs_status status, struct jobs_execution *ret)
{
	const char *id = payload_text(item, "jobId");

	if (!id || !execution_is_id(id))
		return false;
	*ret = (struct jobs_execution){ .status = status };
	(void)snprintf(ret->id, sizeof(ret->id), "%s", id);
	(void)payload_number(item, "executionNumber", &ret->number);
	(void)payload_number(item, "versionNumber", &ret->version);
	return true;
}

/* Of an object of at most JOBS_MAX_SIZE bytes, else NULL. */
static const cJSON *read_document(const cJSON *item)
{
	const cJSON *document = cJSON_GetObjectItemCaseSensitive(item, "jobDocument");
	_cleanup_(freep) char *text = NULL;

	if (!cJSON_IsObject(document))
		return NULL;
	text = malloc(JOBS_MAX_SIZE + PRINT_SLACK);
	if (text && cJSON_PrintPreallocated((cJSON *)document, text, JOBS_MAX_SIZE + PRINT_SLACK, false) &&
	    strlen(text) <= JOBS_MAX_SIZE)
		return document;
	log_warning("A job document of more than %d bytes is not looked at", JOBS_MAX_SIZE);
	return NULL;
}

int execution_parse(const cJSON *root, const char *thing_name, struct jobs_execution *ret)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, "execution");
	const char *thing = payload_text(item, "thingName");
	struct jobs_execution execution;
	enum jobs_status status;

	if (!item || cJSON_IsNull(item) || (cJSON_IsObject(item) && !item->child))
		return -ENOENT;
	if (!read_status(payload_text(item, "status"), &status) || !read_summary(item, status, &execution))
		return -EBADMSG;
	if (thing && strcmp(thing, thing_name) != 0)
		return -EBADMSG;
	execution.document = read_document(item);
	*ret = execution;
	return 0;
}

static void list_add(struct execution_list *to, const struct jobs_execution *one, int64_t queued)
{
	size_t at = to->n, tail;

	while (at > 0 && to->queued[at - 1] > queued)
		at--;
	if (at == JOBS_MAX_PENDING)
		return;
	if (to->n < JOBS_MAX_PENDING)
		to->n++;
	tail = to->n - at - 1;
	memmove(&to->all[at + 1], &to->all[at], tail * sizeof(to->all[0]));
	memmove(&to->queued[at + 1], &to->queued[at], tail * sizeof(to->queued[0]));
	to->all[at] = *one;
	to->queued[at] = queued;
}

void execution_list(const cJSON *list, enum jobs_status status, struct execution_list *to)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, list)
	{
		struct jobs_execution one;
		int64_t queued = 0;

		(void)payload_number(item, "queuedAt", &queued);
		if (read_summary(item, status, &one))
			list_add(to, &one, queued);
	}
}

/* --- reporting --- */

const char *execution_status_name(enum jobs_status status)
{
	for (size_t i = 0; i < ELEMENTS(statuses); i++) {
		if (statuses[i].status == status && statuses[i].reported)
			return statuses[i].name;
	}
	return NULL;
}

/* Any byte that the service may refuse becomes '?', and each character beyond ASCII one. */
static void make_reason(const char *value, char ret[JOBS_MAX_REASON + 1])
{
	size_t n = 0;

	for (; *value && n < JOBS_MAX_REASON; value++) {
		unsigned char c = (unsigned char)*value;

		if (c >= 0x80 && c < 0xc0)
			continue;
		ret[n++] = c >= ' ' && c <= '~' ? (char)c : '?';
	}
	ret[n] = '\0';
}

static bool is_key(const char *key)
{
	size_t n = strspn(key, WORD ":");

	return n > 0 && n <= MAX_KEY && key[n] == '\0';
}

static bool add_text(cJSON *to, const char *name, const char *text)
{
	return cJSON_AddStringToObject(to, name, text) != NULL;
}

/* Digits, for cJSON's own numbers are doubles. AWS writes a version as text, an execution's number as a number. */
static bool add_number(cJSON *to, const char *name, int64_t number, bool as_text)
{
	char digits[24];

	if (number <= 0)
		return true;
	(void)snprintf(digits, sizeof(digits), "%lld", (long long)number);
	return as_text ? add_text(to, name, digits) : cJSON_AddRawToObject(to, name, digits) != NULL;
}

int execution_report(const struct jobs_update *update, const char *token, char *ret, size_t size)
{
	_cleanup_(cJSON_Deletep) cJSON *root = NULL;
	const char *status = execution_status_name(update->status);
	char reason[JOBS_MAX_REASON + 1] = "";
	bool made;

	if (!execution_is_id(update->id) || !status || (update->key && !is_key(update->key)))
		return -EINVAL;
	root = cJSON_CreateObject();
	if (update->key && update->value)
		make_reason(update->value, reason);
	made = add_text(root, "status", status);
	if (reason[0])
		made = made && add_text(cJSON_AddObjectToObject(root, "statusDetails"), update->key, reason);
	made = made && add_number(root, "expectedVersion", update->version, true) &&
	       add_number(root, "executionNumber", update->number, false) && add_text(root, "clientToken", token);
	return made && cJSON_PrintPreallocated(root, ret, (int)size, false) ? 0 : -ENOMEM;
}
