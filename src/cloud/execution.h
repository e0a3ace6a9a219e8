#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Job executions, as the Jobs service writes them. Pure. */

#include "cloud/jobs.h"
#include "util/macro.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* Letters, digits, '-' and '_'; at most JOBS_MAX_ID of them. */
bool execution_is_id(const char *id);

/* As the service writes it: "SUCCEEDED". NULL: none that a device may report. */
const char *execution_status_name(enum jobs_status status);

/* Of DescribeJobExecution and of notify-next. 0; -ENOENT: there is none; -EBADMSG: it cannot be read, or is another
 * thing's. What ret points to lives as long as root. */
int execution_parse(const cJSON *root, const char *thing_name, struct jobs_execution *ret) _must_check_;

/* A refusal that tells the execution's state: is it this one already? */
bool execution_is_now(const cJSON *root, enum jobs_status status);

/* Adds the summaries of a list to those that are there, oldest first; of more than JOBS_MAX_PENDING the newest are
 * left out. What cannot be read is skipped. */
struct execution_list {
	struct jobs_execution all[JOBS_MAX_PENDING];
	int64_t queued[JOBS_MAX_PENDING]; /* queuedAt */
	size_t n;
};
void execution_list(const cJSON *list, enum jobs_status status, struct execution_list *to);

/* The request that reports one. 0; -EINVAL: no job's name, a status that no device may report, or no name of a detail;
 * -ENOMEM, also when size is too small. */
int execution_report(const struct jobs_update *update, const char *token, char *ret, size_t size) _must_check_;
